/*
 * A delivery that was in one batch with a killer is suspected too. That is harmless: a suspect
 * is stepped alone, so the innocent are cleared by living and only the killer comes to a second
 * death.
 */
#include "bot/shared.h"

#include "bot/loop/loop.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

static void *map(size_t size, struct err *err)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory != MAP_FAILED)
        return memory;
    err_raise(err, ERR_RETRY, "cannot map %zu bytes of shared memory", size);
    return NULL;
}

bool shared_create(unsigned n_workers, struct shared **shared, struct err *err)
{
    *shared = map(sizeof(struct shared) + n_workers * sizeof(struct shared_worker), err);
    if (*shared == NULL)
        return false;
    (*shared)->n_workers = n_workers;
    (*shared)->posts = map((size_t)n_workers * n_workers * sizeof(struct post), err);
    return (*shared)->posts != NULL;
}

struct post *shared_post(const struct shared *shared, unsigned from, unsigned to)
{
    return &shared->posts[(size_t)from * shared->n_workers + to];
}

unsigned shared_stepping_begin(struct shared_worker *worker)
{
    unsigned slot = 0;

    while (slot < SHARED_SLOTS && atomic_load(&worker->stepping[slot].used))
        slot++;
    if (slot < SHARED_SLOTS) {
        atomic_store(&worker->stepping[slot].n, 0);
        atomic_store(&worker->stepping[slot].used, true);
    }
    return slot;
}

void shared_stepping_add(struct shared_worker *worker, unsigned slot, struct hash16 hash)
{
    if (slot >= SHARED_SLOTS)
        return;
    unsigned n = atomic_load(&worker->stepping[slot].n);
    if (n >= SHARED_STEPPING ||
        (n > 0 && memcmp(&worker->stepping[slot].hashes[n - 1], &hash, sizeof hash) == 0))
        return;
    worker->stepping[slot].hashes[n] = hash;
    atomic_store(&worker->stepping[slot].n, n + 1);
}

void shared_stepping_end(struct shared_worker *worker, unsigned slot)
{
    if (slot < SHARED_SLOTS)
        atomic_store(&worker->stepping[slot].used, false);
}

static void blame(struct shared *shared, const struct hash16 *hash)
{
    for (size_t i = 0; i < SHARED_SUSPECTS; i++) {
        if (memcmp(&shared->suspects[i].hash, hash, sizeof *hash) == 0) {
            atomic_fetch_add(&shared->suspects[i].deaths, 1);
            return;
        }
    }
    unsigned slot = shared->next_suspect++ % SHARED_SUSPECTS;
    atomic_store(&shared->suspects[slot].deaths, 0);
    shared->suspects[slot].hash = *hash;
    atomic_store(&shared->suspects[slot].deaths, 1);
}

/* A delivery of many items stands in a batch's list more than once, but it died once. */
static void blame_slot(struct shared *shared, const struct hash16 *hashes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bool again = false;
        for (unsigned k = 0; k < i; k++)
            again = again || memcmp(&hashes[k], &hashes[i], sizeof hashes[i]) == 0;
        if (!again)
            blame(shared, &hashes[i]);
    }
}

void shared_blame(struct shared *shared, unsigned worker)
{
    struct shared_worker *dead = &shared->workers[worker];

    for (unsigned slot = 0; slot < SHARED_SLOTS; slot++) {
        unsigned n = atomic_load(&dead->stepping[slot].n);

        /* its last words may be anything, and the supervisor must outlive them */
        if (atomic_load(&dead->stepping[slot].used)) {
            blame_slot(shared, dead->stepping[slot].hashes,
                       n < SHARED_STEPPING ? n : SHARED_STEPPING);
        }
        atomic_store(&dead->stepping[slot].used, false);
    }
}

unsigned shared_deaths(const struct shared *shared, struct hash16 hash)
{
    for (size_t i = 0; i < SHARED_SUSPECTS; i++) {
        if (memcmp(&shared->suspects[i].hash, &hash, sizeof hash) == 0)
            return atomic_load(&shared->suspects[i].deaths);
    }
    return 0;
}

void shared_measure(const struct shared *shared, struct metrics *part)
{
    usec_t oldest = atomic_load(&shared->spool.oldest);
    int64_t records = atomic_load(&shared->spool.records);

    atomic_store(&part->gauges[GAUGE_SPOOL_RECORDS], records);
    atomic_store(&part->gauges[GAUGE_SPOOL_BYTES], atomic_load(&shared->spool.bytes));
    atomic_store(&part->gauges[GAUGE_SPOOL_AGE],
                 records > 0 && oldest > 0 ? (clock_now() - oldest) / USEC_PER_SEC : 0);
}
