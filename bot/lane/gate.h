/*
 * What the holder of a lane lets the other workers of its node know: under which epoch it holds
 * it, and how many messages may be intended on its behalf.
 *
 * A turn that finds the gate open takes places for its replies and commits them as already
 * intended; then it hands them to the holder, who sends them without a transaction of its own.
 * The holder gives places only for what it could send at once (tokens, connections), and shuts
 * the gate when others wait in the outbox, so that nobody is overtaken.
 *
 * The database is the judge: what is said here may be old by the time that it is used, and only
 * the epoch in the row decides.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/uuid.h"

#include <stdatomic.h>

#define GATES        64 /* lanes beyond this, and workers, are only slower */
#define GATE_WORKERS 64

struct gate {
    _Atomic int use; /* 0 free, 1 being taken, 2 in use: `lane` is set for good */
    struct uuid lane;
    _Atomic int64_t epoch; /* 0: shut */
    _Atomic int64_t until; /* monotonic: nothing may be intended later */
    _Atomic unsigned holder;
    _Atomic int64_t places;
    struct {
        _Atomic uint64_t taken; /* ever */
        _Atomic uint64_t back;  /* of these, those that came back or arrived */
    } ledger[GATE_WORKERS];
    _Atomic unsigned takers; /* ledgers in use: below this */
    _Atomic int64_t queued;  /* in the outbox since the holder last looked, about */
};

/* What a turn took. */
struct pass {
    struct gate *gate; /* NULL: nothing */
    int64_t epoch;
    unsigned holder;
    unsigned taker;
    unsigned n;
};

/* A lane's gate, made when it is not there; NULL when there are too many lanes. */
struct gate *gate_of(struct gate *gates, struct uuid lane);

/* --- the holder */
void gate_open(struct gate *gate, int64_t epoch, unsigned holder, usec_t until);
/* Unless another holder has opened it meanwhile. */
void gate_shut(struct gate *gate, int64_t epoch);
void gate_give(struct gate *gate, unsigned n);
/* Take back what nobody has taken. */
unsigned gate_withdraw(struct gate *gate);
/* So many of those that wait in the outbox do so no more. */
void gate_dequeue(struct gate *gate, unsigned n);
/* Taken, and neither given back nor arrived. */
uint64_t gate_out(const struct gate *gate);
/* One that this worker took has arrived. */
void gate_arrived(struct gate *gate, unsigned taker);

/* --- a turn */
/* A worker begins: what the one before it took and never used is back. */
void gates_settle(struct gate *gates, unsigned taker);
/* All `n` or nothing. */
struct pass gate_take(struct gate *gate, unsigned taker, usec_t now, unsigned n);
/* So many wait in the outbox instead. Accepts NULL. */
void gate_queue(struct gate *gate, unsigned n);
/* What was not used. */
void pass_return(struct pass *pass);
