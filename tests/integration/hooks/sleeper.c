/*
 * Stands behind the last question before the wire in the program parley-sleeper, which only
 * tests build: the first process that hands these words to libcurl falls asleep there, as one
 * does whose machine is stopped or swaps. It leaves its pid in the file that PARLEY_TEST_SLEEPS
 * names. PARLEY_TEST_SLEEPS_OVER has other words; they may stand in the address, too.
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
    const struct http_request *request = fetch->request;
    const char *path = getenv("PARLEY_TEST_SLEEPS");
    const char *over = getenv("PARLEY_TEST_SLEEPS_OVER");
    struct str words = str_from(over != NULL ? over : "Words 1.");
    bool tiring = str_find(request->body, words) < request->body.len ||
                  str_find(request->url, words) < request->url.len;
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
