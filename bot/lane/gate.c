#include "bot/lane/gate.h"

/* Its maker copies sixteen bytes meanwhile; should it have died over them, the gate is
 * nobody's. */
static bool is_made(const struct gate *gate)
{
    for (int tries = 0; tries < 10000; tries++) {
        if (atomic_load(&gate->use) == 2)
            return true;
    }
    return false;
}

struct gate *gate_of(struct gate *gates, struct uuid lane)
{
    for (struct gate *gate = gates; gate < gates + GATES; gate++) {
        int unused = atomic_load(&gate->use);
        if (unused == 0 && atomic_compare_exchange_strong(&gate->use, &unused, 1)) {
            gate->lane = lane;
            atomic_store(&gate->use, 2);
        }
        if (is_made(gate) && uuid_eq(gate->lane, lane))
            return gate;
    }
    return NULL;
}

void gate_open(struct gate *gate, int64_t epoch, unsigned holder, usec_t until)
{
    atomic_store(&gate->holder, holder);
    atomic_store(&gate->until, until);
    atomic_store(&gate->epoch, epoch);
}

void gate_shut(struct gate *gate, int64_t epoch)
{
    if (atomic_compare_exchange_strong(&gate->epoch, &epoch, 0))
        atomic_store(&gate->places, 0);
}

void gate_give(struct gate *gate, unsigned n)
{
    atomic_fetch_add(&gate->places, n);
}

unsigned gate_withdraw(struct gate *gate)
{
    int64_t n = atomic_exchange(&gate->places, 0);

    return n > 0 ? (unsigned)n : 0;
}

uint64_t gate_out(const struct gate *gate)
{
    uint64_t out = 0;

    for (unsigned i = 0; i < GATE_WORKERS && i < atomic_load(&gate->takers); i++) {
        uint64_t back = atomic_load_explicit(&gate->ledger[i].back, memory_order_relaxed);
        uint64_t taken = atomic_load_explicit(&gate->ledger[i].taken, memory_order_relaxed);
        out += taken > back ? taken - back : 0;
    }
    return out;
}

void gate_arrived(struct gate *gate, unsigned taker)
{
    if (taker < GATE_WORKERS)
        atomic_fetch_add(&gate->ledger[taker].back, 1);
}

void gates_settle(struct gate *gates, unsigned taker)
{
    for (size_t i = 0; taker < GATE_WORKERS && i < GATES; i++)
        atomic_store(&gates[i].ledger[taker].back, atomic_load(&gates[i].ledger[taker].taken));
}

static bool take_places(struct gate *gate, unsigned n)
{
    int64_t places = atomic_load(&gate->places);

    while (places >= (int64_t)n) {
        if (atomic_compare_exchange_weak(&gate->places, &places, places - n))
            return true;
    }
    return false;
}

struct pass gate_take(struct gate *gate, unsigned taker, usec_t now, unsigned n)
{
    struct pass pass = {.taker = taker, .n = n};

    if (gate == NULL || taker >= GATE_WORKERS || now >= atomic_load(&gate->until))
        return pass;
    pass.epoch = atomic_load(&gate->epoch);
    pass.holder = atomic_load(&gate->holder);
    if (pass.epoch == 0 || !take_places(gate, n))
        return pass;
    unsigned takers = atomic_load(&gate->takers);
    while (takers <= taker && !atomic_compare_exchange_weak(&gate->takers, &takers, taker + 1))
        ;
    atomic_fetch_add(&gate->ledger[taker].taken, n);
    pass.gate = gate;
    if (atomic_load(&gate->epoch) != pass.epoch)
        pass_return(&pass);
    return pass;
}

void gate_queue(struct gate *gate, unsigned n)
{
    if (gate != NULL)
        atomic_fetch_add(&gate->queued, n);
}

void gate_dequeue(struct gate *gate, unsigned n)
{
    int64_t queued = atomic_load(&gate->queued);

    while (!atomic_compare_exchange_weak(&gate->queued, &queued,
                                         queued > (int64_t)n ? queued - (int64_t)n : 0))
        ;
}

void pass_return(struct pass *pass)
{
    if (pass->gate == NULL)
        return;
    atomic_fetch_add(&pass->gate->ledger[pass->taker].back, pass->n);
    if (atomic_load(&pass->gate->epoch) == pass->epoch)
        gate_give(pass->gate, pass->n);
    pass->gate = NULL;
}
