/*
 * A delivery that was in one batch with a killer is suspected too. That is harmless: a suspect
 * is stepped alone, so the innocent are cleared by living and only the killer comes to a second
 * death.
 */
#include "bot/shared.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

bool shared_create(unsigned n_workers, struct shared **shared, struct err *err)
{
    size_t size = sizeof(struct shared) + n_workers * sizeof(struct shared_worker);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return err_raise(err, ERR_RETRY, "cannot map %zu bytes of shared memory", size);
    *shared = memory;
    (*shared)->n_workers = n_workers;
    return true;
}

void shared_stepping_add(struct shared_worker *worker, struct hash16 hash)
{
    unsigned n = atomic_load(&worker->n_stepping);

    if (n >= SHARED_STEPPING)
        return;
    worker->stepping[n] = hash;
    atomic_store(&worker->n_stepping, n + 1);
}

void shared_stepping_clear(struct shared_worker *worker)
{
    atomic_store(&worker->n_stepping, 0);
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

void shared_blame(struct shared *shared, unsigned worker)
{
    struct shared_worker *dead = &shared->workers[worker];
    unsigned n = atomic_load(&dead->n_stepping);

    for (unsigned i = 0; i < n && i < SHARED_STEPPING; i++) {
        bool again = false;
        for (unsigned k = 0; k < i; k++)
            again = again || memcmp(&dead->stepping[k], &dead->stepping[i],
                                    sizeof dead->stepping[i]) == 0;
        if (!again)
            blame(shared, &dead->stepping[i]);
    }
    atomic_store(&dead->n_stepping, 0);
}

unsigned shared_deaths(const struct shared *shared, struct hash16 hash)
{
    for (size_t i = 0; i < SHARED_SUSPECTS; i++) {
        if (memcmp(&shared->suspects[i].hash, &hash, sizeof hash) == 0)
            return atomic_load(&shared->suspects[i].deaths);
    }
    return 0;
}
