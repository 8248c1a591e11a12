/* Which deaths of a worker are its own. */
#include "bot/deaths.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How a process ends that gets this signal from itself, or exits so. */
static int status_of(int signal_number, int exit_status)
{
    static const struct rlimit no_core = {0, 0};
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (signal_number == 0)
            _exit(exit_status);
        (void)signal(signal_number, SIG_DFL); /* whatever a sanitizer made of it */
        (void)raise(signal_number);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void crashes_and_errors_are_own_and_kills_are_not(void **state)
{
    static const struct {
        int signal_number, exit_status;
        bool own;
    } cases[] = {
        {SIGSEGV, 0, true },
        {SIGABRT, 0, true },
        {SIGBUS,  0, true },
        {SIGFPE,  0, true },
        {SIGILL,  0, true },
        {0,       1, true },
        {0,       0, false},
        {SIGKILL, 0, false},
        {SIGTERM, 0, false},
        {SIGINT,  0, false},
        {SIGHUP,  0, false},
    };
    struct deaths deaths;

    (void)state;
    deaths_init(&deaths);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        int status = status_of(cases[i].signal_number, cases[i].exit_status);
        assert_int_equal(death_is_own(&deaths, status, false), cases[i].own);
    }
}

static void who_stood_still_was_killed_for_it(void **state)
{
    struct deaths deaths;

    (void)state;
    deaths_init(&deaths);
    assert_true(death_is_own(&deaths, status_of(SIGKILL, 0), true));
    assert_false(death_is_own(&deaths, status_of(SIGKILL, 0), false));
}

/* As if the kernel had counted one more since. */
static void who_was_killed_for_want_of_memory_died_of_it(void **state)
{
    struct deaths deaths;

    (void)state;
    deaths_init(&deaths);
    if (deaths.oom_kills <= 0) {
        deaths.oom_kills = -1; /* not known, or none ever: then it is nobody's fault */
        assert_false(death_is_own(&deaths, status_of(SIGKILL, 0), false));
        return;
    }
    deaths.oom_kills--;
    assert_true(death_is_own(&deaths, status_of(SIGKILL, 0), false));
    assert_false(death_is_own(&deaths, status_of(SIGKILL, 0), false)); /* that one is counted */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crashes_and_errors_are_own_and_kills_are_not),
        cmocka_unit_test(who_stood_still_was_killed_for_it),
        cmocka_unit_test(who_was_killed_for_want_of_memory_died_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
