/*
 * Stands behind the last question before the wire in the program parley-sleeper, which only
 * tests build: the first process that hands these words to libcurl falls asleep there, as one
 * does whose machine is stopped or swaps. It leaves its pid in the file that PARLEY_TEST_SLEEPS
 * names.
 */
#include "bot/net/fetch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void __real_fetcher_start(struct fetcher *fetcher, struct fetch *fetch);
void __wrap_fetcher_start(struct fetcher *fetcher, struct fetch *fetch);

void __wrap_fetcher_start(struct fetcher *fetcher, struct fetch *fetch)
{
    struct str body = fetch->request->body;
    const char *path = getenv("PARLEY_TEST_SLEEPS");
    bool tiring = str_find(body, STR("Words 1.")) < body.len;
    int fd;

    __real_fetcher_start(fetcher, fetch);
    if (!tiring || path == NULL)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* somebody has slept already */
    (void)dprintf(fd, "%d\n", (int)getpid());
    (void)close(fd);
    (void)raise(SIGSTOP);
}
