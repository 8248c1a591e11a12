/*
 * Who is to blame for a death. All that was in flight is suspected, which costs it no more than
 * being stepped alone. A death counts against a delivery only when it was its own: the worker
 * ended by what it did (a crash, a loop without end, more memory than there is), while it was
 * doing it for that delivery alone. Whoever only waits for the database is innocent, whatever
 * happens to the worker, and so is everybody whom a signal from outside found: workers may be
 * killed as often as anybody likes, and nothing is parked for it.
 *
 * Not told apart is what harms memory and crashes later, in somebody else's code.
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

void shared_runs(struct shared_worker *worker, unsigned slot)
{
    atomic_store(&worker->running, slot + 1);
}

void shared_rests(struct shared_worker *worker)
{
    atomic_store(&worker->running, 0);
}

static bool same(const struct hash16 *a, const struct hash16 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static size_t find(const struct shared *shared, const struct hash16 *hash)
{
    size_t i = 0;

    while (i < SHARED_SUSPECTS &&
           !(atomic_load(&shared->suspects[i].used) && same(&shared->suspects[i].hash, hash)))
        i++;
    return i;
}

/* The next in turn, but one that has killed goes last. */
static unsigned give_way(struct shared *shared)
{
    for (unsigned i = 0; i < SHARED_SUSPECTS; i++) {
        unsigned slot = shared->next_suspect++ % SHARED_SUSPECTS;
        if (atomic_load(&shared->suspects[slot].deaths) == 0)
            return slot;
    }
    return shared->next_suspect++ % SHARED_SUSPECTS;
}

static void blame(struct shared *shared, const struct hash16 *hash, bool own)
{
    size_t slot = find(shared, hash);

    if (slot == SHARED_SUSPECTS) {
        slot = give_way(shared);
        atomic_store(&shared->suspects[slot].used, false);
        atomic_store(&shared->suspects[slot].deaths, 0);
        shared->suspects[slot].hash = *hash;
        atomic_store(&shared->suspects[slot].used, true);
    }
    if (own)
        atomic_fetch_add(&shared->suspects[slot].deaths, 1);
}

/* A delivery of many items stands in a batch's list more than once, but it died once. */
static void blame_slot(struct shared *shared, const struct hash16 *hashes, unsigned n, bool own)
{
    bool alone = true;

    for (unsigned i = 1; i < n; i++)
        alone = alone && same(&hashes[i], &hashes[0]);
    if (alone && n > 1)
        n = 1;
    for (unsigned i = 0; i < n; i++)
        blame(shared, &hashes[i], own && alone);
}

void shared_blame(struct shared *shared, unsigned worker, bool own)
{
    struct shared_worker *dead = &shared->workers[worker];
    unsigned running = atomic_load(&dead->running);

    for (unsigned slot = 0; slot < SHARED_SLOTS; slot++) {
        unsigned n = atomic_load(&dead->stepping[slot].n);

        /* its last words may be anything, and the supervisor must outlive them */
        if (atomic_load(&dead->stepping[slot].used)) {
            blame_slot(shared, dead->stepping[slot].hashes,
                       n < SHARED_STEPPING ? n : SHARED_STEPPING, own && running == slot + 1);
        }
        atomic_store(&dead->stepping[slot].used, false);
    }
    atomic_store(&dead->running, 0);
}

bool shared_is_suspect(const struct shared *shared, struct hash16 hash)
{
    return find(shared, &hash) < SHARED_SUSPECTS;
}

unsigned shared_deaths(const struct shared *shared, struct hash16 hash)
{
    size_t slot = find(shared, &hash);

    return slot < SHARED_SUSPECTS ? atomic_load(&shared->suspects[slot].deaths) : 0;
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
