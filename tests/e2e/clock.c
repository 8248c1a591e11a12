/*
 * A clock that is ahead, for whole programs: preloaded (LD_PRELOAD), it adds the microseconds
 * that stand in the file DEMO_CLOCK to the time of day, and to no other clock.
 *
 * The file is mapped, so a jump is seen with the next look, and a look is a load and an
 * addition: PostgreSQL asks for the time within signal handlers, where nothing may be opened or
 * allocated. (libfaketime reads its file there, and a backend died of it in one day of thirty.)
 * What waits until a moment by the kernel's own clock is not served; nothing of ours does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_SEC 1000000

static const volatile int64_t *ahead;

__attribute__((constructor)) static void map_clock(void)
{
    const char *name = getenv("DEMO_CLOCK");
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (fd >= 0)
        (void)close(fd);
    if (at != MAP_FAILED)
        ahead = at;
}

/* What the C library has under these names, for whoever this is preloaded into. */
int shifted_gettime(clockid_t which, struct timespec *now) __asm__("clock_gettime");
int shifted_timeofday(struct timeval *now, void *zone) __asm__("gettimeofday");
time_t shifted_time(time_t *into) __asm__("time");

int shifted_gettime(clockid_t which, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, which, now);

    if (rc == 0 && ahead != NULL &&
        (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t usec = now->tv_nsec / 1000 + *ahead % USEC_PER_SEC;
        now->tv_sec += *ahead / USEC_PER_SEC + usec / USEC_PER_SEC;
        now->tv_nsec = usec % USEC_PER_SEC * 1000;
    }
    return rc;
}

int shifted_timeofday(struct timeval *now, void *zone)
{
    struct timespec at;
    int rc = shifted_gettime(CLOCK_REALTIME, &at);

    (void)zone;
    if (rc == 0)
        *now = (struct timeval){.tv_sec = at.tv_sec, .tv_usec = at.tv_nsec / 1000};
    return rc;
}

time_t shifted_time(time_t *into)
{
    struct timespec at = {0};

    (void)shifted_gettime(CLOCK_REALTIME, &at);
    if (into != NULL)
        *into = at.tv_sec;
    return at.tv_sec;
}
