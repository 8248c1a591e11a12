/*
 * pgtest COMMAND ARG...: run a command beside a private PostgreSQL, whose connection string is
 * in PARLEY_TEST_URL, and end as it ends. For scripts; C tests call pg_start themselves.
 */
#include "tests/support/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct pg pg;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: pgtest COMMAND ARG...\n");
        return 2;
    }
    if (!pg_start(&pg, NULL))
        return 1;
    (void)setenv("PARLEY_TEST_URL", pg.url, 1);
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, &status, 0);
    pg_stop(&pg);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
