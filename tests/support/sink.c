#include "tests/support/sink.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRIPT PARLEY_SOURCE_DIR "/tests/support/smtp_sink.py"

static void make_certificate(struct sink *sink)
{
    char command[512];

    (void)snprintf(sink->cert, sizeof sink->cert, "%s/cert.pem", sink->dir);
    (void)snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        " -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout %s/key.pem"
        " -out %s 2>/dev/null",
        sink->dir, sink->cert);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

static void run(const struct sink *sink, const char *user, const char *password,
                const char *plan, int out)
{
    char keep[96], key[96];
    const char *argv[20] = {"/usr/bin/python3", SCRIPT, "--keep", keep, "--plan", plan};
    size_t n = 6;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(keep, sizeof keep, "%s/taken", sink->dir);
    (void)snprintf(key, sizeof key, "%s/key.pem", sink->dir);
    if (sink->cert[0] != '\0') {
        argv[n++] = "--cert";
        argv[n++] = sink->cert;
        argv[n++] = "--key";
        argv[n++] = key;
    }
    if (user != NULL) {
        argv[n++] = "--user";
        argv[n++] = user;
        argv[n++] = "--password";
        argv[n++] = password;
    }
    if (dup2(out, STDOUT_FILENO) >= 0)
        (void)execv(argv[0], (char *const *)argv);
    _exit(127);
}

void sink_start(struct sink *sink, bool tls, const char *user, const char *password,
                const char *plan)
{
    int ends[2];

    *sink = (struct sink){0};
    temp_folder(sink->dir, "sink");
    if (tls)
        make_certificate(sink);
    assert_int_equal(pipe(ends), 0);
    sink->pid = fork();
    assert_true(sink->pid >= 0);
    if (sink->pid == 0)
        run(sink, user, password, plan != NULL ? plan : "{}", ends[1]);
    (void)close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_non_null(said);
    if (fscanf(said, "port %d", &sink->port) != 1) // NOLINT(cert-err34-c)
        fail_msg("the mail server does not start: is python3-aiosmtpd installed?");
    (void)fclose(said);
}

void sink_stop(struct sink *sink)
{
    if (sink->pid <= 0)
        return;
    (void)kill(sink->pid, SIGKILL);
    (void)waitpid(sink->pid, NULL, 0);
    sink->pid = 0;
    temp_remove(sink->dir);
}

json_t *sink_taken(const struct sink *sink)
{
    char path[96];
    char *line = NULL;
    size_t room = 0;
    json_t *all = json_array();

    (void)snprintf(path, sizeof path, "%s/taken", sink->dir);
    FILE *file = fopen(path, "r");
    while (file != NULL && getline(&line, &room, file) > 0) {
        json_error_t why;
        json_t *one = json_loads(line, 0, &why);
        if (one != NULL) /* the last may be half written */
            json_array_append_new(all, one);
    }
    free(line);
    if (file != NULL)
        (void)fclose(file);
    return all;
}
