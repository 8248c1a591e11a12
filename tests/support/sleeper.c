#include "tests/support/sleeper.h"

#include "bot/loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT (60 * USEC_PER_SEC)

void sleeper_begin(struct sleeper *sleeper, const char *over)
{
    temp_folder(sleeper->folder, "sleeps");
    (void)snprintf(sleeper->file, sizeof(sleeper->file), "%s/pid", sleeper->folder);
    (void)setenv("PARLEY_TEST_SLEEPS", sleeper->file, 1);
    if (over != NULL)
        (void)setenv("PARLEY_TEST_SLEEPS_OVER", over, 1);
}

pid_t sleeper_asleep(const struct sleeper *sleeper)
{
    usec_t end = clock_monotonic() + WAIT;
    int pid = 0;

    (void)unsetenv("PARLEY_TEST_SLEEPS"); /* the service that is to sleep has it */
    (void)unsetenv("PARLEY_TEST_SLEEPS_OVER");
    while (pid == 0 && clock_monotonic() < end) {
        FILE *file = fopen(sleeper->file, "re");
        if (file != NULL) {
            if (fscanf(file, "%d\n", &pid) != 1)
                pid = 0;
            (void)fclose(file);
        }
        (void)usleep(5000);
    }
    assert_true(pid > 0);
    return pid;
}

void sleeper_end(struct sleeper *sleeper)
{
    temp_remove(sleeper->folder);
}
