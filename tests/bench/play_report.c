/*
 * The figures of a run, as one line of JSON. The CPU of the watched processes is that of them,
 * their living descendants and their dead children, read from /proc at both ends of the time
 * that is measured.
 */
#include "tests/bench/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void samples_add(struct samples *samples, usec_t took)
{
    if (samples->n == samples->room) {
        samples->room = samples->room > 0 ? 2 * samples->room : 1 << 16;
        samples->at = realloc(samples->at, samples->room * sizeof *samples->at);
        if (samples->at == NULL)
            play_fail("memory");
    }
    samples->at[samples->n++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double percentile(const struct samples *samples, double part)
{
    if (samples->n == 0)
        return 0;
    return (double)samples->at[(size_t)(part * (double)(samples->n - 1))] / 1000;
}

static void print_times(const char *name, struct samples *samples)
{
    qsort(samples->at, samples->n, sizeof *samples->at, compare);
    (void)printf(",\"%s\":{\"n\":%zu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name, samples->n,
                 percentile(samples, 0.5), percentile(samples, 0.99), percentile(samples, 1));
}

static void print_each(const struct samples *samples)
{
    (void)printf(",\"each_ms\":[");
    for (size_t i = 0; i < samples->n; i++)
        (void)printf("%s%.2f", i > 0 ? "," : "", (double)samples->at[i] / 1000);
    (void)printf("]");
}

/* --- CPU -----------------------------------------------------------------------------------
 */

static usec_t ticks_of(int pid)
{
    char path[64], text[1024];
    unsigned long own[2] = {0};
    long dead[2] = {0};

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *rest = strrchr(text, ')');
    if (rest == NULL)
        return 0;
    (void)sscanf(rest + 1, /* NOLINT(cert-err34-c): the kernel writes numbers */
                 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &own[0],
                 &own[1], &dead[0], &dead[1]);
    return ((usec_t)own[0] + (usec_t)own[1] + dead[0] + dead[1]) * USEC_PER_SEC /
           sysconf(_SC_CLK_TCK);
}

static usec_t tree_of(int pid, int depth)
{
    char path[64];
    usec_t sum = ticks_of(pid);
    int child;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = depth < 8 ? fopen(path, "r") : NULL;
    while (file != NULL && fscanf(file, "%d", &child) == 1) /* NOLINT(cert-err34-c) */
        sum += tree_of(child, depth + 1);
    if (file != NULL)
        (void)fclose(file);
    return sum;
}

void usage_read(const struct play *play, struct usage *usage)
{
    struct rusage own;

    (void)getrusage(RUSAGE_SELF, &own);
    usage->own = (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * USEC_PER_SEC +
                 own.ru_utime.tv_usec + own.ru_stime.tv_usec;
    for (int i = 0; i < play->options.n_watched; i++)
        usage->watched[i] = tree_of(play->options.watched[i].pid, 0);
}

static void print_cpu(const struct play *play, double seconds)
{
    double turns = play->turns > 0 ? (double)play->turns : 1;
    double own = (double)(play->after.own - play->before.own);

    (void)printf(",\"own_cpu\":%.2f,\"cpu_us_per_turn\":{\"play\":%.1f", own / 1e6 / seconds,
                 own / turns);
    for (int i = 0; i < play->options.n_watched; i++) {
        (void)printf(",\"%s\":%.1f", play->options.watched[i].name,
                     (double)(play->after.watched[i] - play->before.watched[i]) / turns);
    }
    (void)printf("}");
}

void report_print(struct play *play)
{
    double seconds = (double)(play->measured_to - play->measured_from) / (double)USEC_PER_SEC;

    (void)printf("{\"turns\":%zu,\"seconds\":%.3f,\"per_s\":%.0f", play->turns, seconds,
                 (double)play->turns / seconds);
    print_times("ack_ms", &play->acks);
    print_times("reply_ms", &play->replies);
    if (play->options.each)
        print_each(&play->replies);
    print_cpu(play, seconds);
    (void)printf(",\"missing\":%zu,\"late\":%zu,\"doubled\":%zu,\"disordered\":%zu,"
                 "\"unasked\":%zu,\"refused\":%zu,\"broken\":%zu,\"garbled\":%zu,\"held\":%zu,"
                 "\"receipts\":%zu,\"callbacks\":%zu,\"deliveries\":%lu,\"connections\":%d}\n",
                 play->missing, play->late, play->doubled, play->disordered, play->unasked,
                 play->refused, play->broken, play->garbled, play->held, play->receipts,
                 play->callbacks, play->sent, play->n_hooks);
}
