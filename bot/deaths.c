#include "bot/deaths.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* "oom_kill 3" in /proc/vmstat: of the whole machine and all its groups, since Linux 4.13. */
static int64_t oom_kills(void)
{
    FILE *file = fopen("/proc/vmstat", "re");
    char line[128];
    long long found, number = -1;

    if (file == NULL)
        return -1;
    while (number < 0 && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "oom_kill %lld", &found) == 1) // NOLINT(cert-err34-c): the kernel's
            number = found;
    }
    (void)fclose(file);
    return number;
}

void deaths_init(struct deaths *deaths)
{
    deaths->oom_kills = oom_kills();
}

static bool for_want_of_memory(struct deaths *deaths)
{
    int64_t before = deaths->oom_kills;

    deaths->oom_kills = oom_kills();
    return before >= 0 && deaths->oom_kills > before;
}

bool death_is_own(struct deaths *deaths, int status, bool stuck)
{
    static const int of_the_process[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE,
                                         SIGABRT, SIGSYS, SIGTRAP};

    if (stuck)
        return true;
    if (!WIFSIGNALED(status))
        return WIFEXITED(status) && WEXITSTATUS(status) != 0;
    for (size_t i = 0; i < COUNTOF(of_the_process); i++) {
        if (WTERMSIG(status) == of_the_process[i])
            return true;
    }
    return WTERMSIG(status) == SIGKILL && for_want_of_memory(deaths);
}
