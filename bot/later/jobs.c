/*
 * Looking goes business by business, one query under way at a time. No more jobs are claimed
 * than may be open at once, so that ten thousand which are due together trickle through between
 * the customers' messages: these wait for a part of one batch at most.
 */
#include "bot/later/jobs.h"

#include "bot/lane/fallbacks.h"
#include "bot/later/broadcasts.h"
#include "bot/later/events_out.h"
#include "bot/later/notices.h"
#include "bot/later/papers.h"
#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "bot/turn/turns.h"
#include "store/sql.h"

#include <stdlib.h>

#define LOOK_EVERY USEC_PER_SEC
#define LEASE_MORE (2 * USEC_PER_SEC) /* beyond the turn's deadline: then nobody is at it */
#define OPEN_MAX   64
#define SOON_MAX   32 /* businesses that are looked at out of turn */

/* A claimed row on its way through a turn: a delivery of one item that nobody sent. */
struct job {
    struct job *next, **slot;
    struct jobs *jobs;
    struct arena arena;
    struct arrival arrival;
    struct portion portion;
    struct item item;
    struct item_job row;
    struct event event;
};

struct soon {
    struct uuid org;
    usec_t at;
};

struct jobs {
    struct worker *worker;
    struct timer timer;
    usec_t wakes_at; /* when the timer fires; wall clock, as what is due is */
    struct arena arena;
    struct db_call call;
    bool looking;
    bool again;  /* there was more than there was room for */
    size_t next; /* the account whose business is looked at next */
    struct uuid org;
    usec_t round; /* which second's round it is */
    struct soon soon[SOON_MAX];
    size_t n_soon;
    struct job *open;
    size_t n_open;
};

static void fired(struct timer *timer);

static void wake_at(struct jobs *jobs, usec_t at)
{
    usec_t now = clock_now();

    if (jobs->worker->draining)
        return;
    jobs->wakes_at = at;
    timer_start(&jobs->worker->loop, &jobs->timer, at > now ? at - now : 0, fired);
}

/* --- a claimed job ------------------------------------------------------------------------ */

static void look(struct jobs *jobs);

static void job_settled(struct arrival *arrival)
{
    struct job *job = CONTAINER_OF(arrival, struct job, arrival);
    struct jobs *jobs = job->jobs;

    *job->slot = job->next;
    if (job->next != NULL)
        job->next->slot = job->slot;
    jobs->n_open--;
    arena_finish(&job->arena);
    free(job);
    if (jobs->again && !jobs->looking && jobs->n_open <= OPEN_MAX / 2)
        wake_at(jobs, clock_now());
}

/* Its lease may have lapsed while it waited here: then it is not claimed a second time. */
static bool is_open(const struct jobs *jobs, struct uuid id)
{
    for (const struct job *job = jobs->open; job != NULL; job = job->next) {
        if (uuid_eq(job->row.id, id))
            return true;
    }
    return false;
}

/* What the row says, as an event of its conversation. */
static void job_fill(struct job *job, const PGresult *rows, int row)
{
    char id[UUID_TEXT_LEN + 1];

    job->row =
        (struct item_job){.id = row_uuid(rows, row, 0), .due_at = row_time(rows, row, 2)};
    uuid_format(job->row.id, id);
    job->event = (struct event){.kind = EVENT_TIMER,
                                .id = arena_str(&job->arena, str_from(id)),
                                .at = job->row.due_at,
                                .detail = arena_str(&job->arena, row_text(rows, row, 1))};
    job->item.address = arena_str(&job->arena, row_text(rows, row, 5));
}

static void job_open(struct jobs *jobs, struct uuid org, const struct account *account,
                     const PGresult *rows, int row)
{
    struct worker *worker = jobs->worker;
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        abort();
    job_fill(job, rows, row);
    job->jobs = jobs;
    job->arrival =
        (struct arrival){.arena = &job->arena,
                         .hash = hash16_of(&job->event.id, 1),
                         .body = job->event.detail,
                         .provider = "parley",
                         .arrived = clock_monotonic(),
                         .received_at = clock_now(),
                         .deadline = clock_monotonic() + worker->config->turns.deadline,
                         .pending = 1,
                         .settled = job_settled,
                         .worker = worker};
    job->arrival.suspect = shared_is_suspect(worker->shared, job->arrival.hash);
    job->portion = (struct portion){.delivery = &job->arrival, .org = org, .kept = true};
    job->item.portion = &job->portion;
    job->item.account = account;
    job->item.event = &job->event;
    job->item.job = &job->row;
    if (shared_deaths(worker->shared, job->arrival.hash) >= 2)
        job->item.park = "a worker died over it twice";
    job->next = jobs->open;
    job->slot = &jobs->open;
    if (job->next != NULL)
        job->next->slot = &job->next;
    jobs->open = job;
    jobs->n_open++;
    count(COUNT_JOBS, 1);
    turns_add(worker->turns, &job->item);
}

/* --- looking ------------------------------------------------------------------------------ */

static void looked(struct db_call *call)
{
    struct jobs *jobs = CONTAINER_OF(call, struct jobs, call);
    size_t room = OPEN_MAX - jobs->n_open;

    jobs->looking = false;
    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "jobs.failed", LOG_ID("org", jobs->org), LOG_ERR(&call->err));
        look(jobs);
        return;
    }
    const PGresult *claimed = call->results[1], *next = call->results[2];
    if (notices_looked(jobs->worker, jobs->org, call->results[0]))
        jobs_made(jobs, jobs->org, clock_now());
    fallbacks_looked(jobs->worker, jobs->org, call->results[3]);
    papers_looked(jobs->worker->papers, jobs->org, call->results[4]);
    events_out_looked(jobs->worker->events_out, call);
    broadcasts_looked(jobs->worker->broadcasts, jobs->org, call->results[5]);
    for (int row = 0; row < rows_n(claimed); row++) {
        const struct account *account =
            accounts_with_id(jobs->worker->accounts, jobs->org, row_uuid(claimed, row, 4));
        if (account != NULL && !is_open(jobs, row_uuid(claimed, row, 0)))
            job_open(jobs, jobs->org, account, claimed, row);
    }
    if ((size_t)rows_n(claimed) >= room) {
        jobs->again = true;
        jobs_made(jobs, jobs->org, clock_now());
    } else if (rows_n(next) > 0) {
        jobs_made(jobs, jobs->org, row_time(next, 0, 0));
    }
    look(jobs);
}

static void ask(struct jobs *jobs, struct uuid org)
{
    struct arena *arena = &jobs->arena;
    usec_t now = clock_now();

    arena_reset(arena);
    call_init(&jobs->call, arena, org);
    jobs->call.done = looked;
    jobs->org = org;
    jobs->looking = true;
    notices_look(jobs->worker, &jobs->call, org, now);
    struct db_param *params = arena_array(arena, struct db_param, 4);
    params[0] = param_uuid(arena, org);
    params[1] = param_time(arena, now);
    params[2] = param_time(arena, now + jobs->worker->config->turns.deadline + LEASE_MORE);
    params[3] = param_int4(arena, (int32_t)(OPEN_MAX - jobs->n_open));
    call_add(&jobs->call, &SQL_JOBS_CLAIM, params);
    call_add(&jobs->call, &SQL_JOBS_NEXT, params);
    fallbacks_look(jobs->worker, &jobs->call, org, now);
    papers_look(jobs->worker->papers, &jobs->call, org, now);
    broadcasts_look(jobs->worker->broadcasts, &jobs->call, org, now);
    /* the last, as there may be none of it */
    events_out_look(jobs->worker->events_out, &jobs->call, org, now);
    db_call(jobs->worker->db, &jobs->call);
}

/* One that is wanted now is looked at before its turn. */
static bool take_soon(struct jobs *jobs, struct uuid *org)
{
    usec_t now = clock_now();

    for (size_t i = 0; i < jobs->n_soon; i++) {
        if (jobs->soon[i].at > now)
            continue;
        *org = jobs->soon[i].org;
        jobs->soon[i] = jobs->soon[--jobs->n_soon];
        return true;
    }
    return false;
}

/* In each second another worker of this node looks at a business. */
static bool is_ours(const struct jobs *jobs, struct uuid org)
{
    const struct worker *worker = jobs->worker;
    uint64_t turn = (uint64_t)(jobs->round / LOOK_EVERY) + org.bytes[15];

    return turn % worker->shared->n_workers == worker->index;
}

/* Accounts of one business mostly stand together; to look twice is harmless. */
static bool take_next(struct jobs *jobs, struct uuid *org)
{
    const struct account *account;

    while ((account = accounts_at(jobs->worker->accounts, jobs->next)) != NULL) {
        const struct account *before =
            jobs->next > 0 ? accounts_at(jobs->worker->accounts, jobs->next - 1) : NULL;
        jobs->next++;
        *org = account->org;
        if ((before == NULL || !uuid_eq(before->org, *org)) && is_ours(jobs, *org))
            return true;
    }
    return false;
}

static usec_t soonest(const struct jobs *jobs)
{
    usec_t at = jobs->round + LOOK_EVERY;

    for (size_t i = 0; i < jobs->n_soon; i++)
        at = jobs->soon[i].at < at ? jobs->soon[i].at : at;
    return at;
}

/* Go on with the round, or sleep until the next one. */
static void look(struct jobs *jobs)
{
    struct uuid org;

    if (jobs->looking || jobs->worker->draining)
        return;
    if (jobs->n_open > OPEN_MAX / 2) { /* whoever settles wakes us */
        jobs->again = true;
        wake_at(jobs, clock_now() + LOOK_EVERY);
        return;
    }
    jobs->again = false;
    if (take_soon(jobs, &org) || take_next(jobs, &org)) {
        ask(jobs, org);
        return;
    }
    wake_at(jobs, soonest(jobs));
}

static void fired(struct timer *timer)
{
    struct jobs *jobs = CONTAINER_OF(timer, struct jobs, timer);
    usec_t now = clock_now();

    if (now - jobs->round >= LOOK_EVERY || now < jobs->round) {
        jobs->round = now;
        jobs->next = 0;
    }
    look(jobs);
}

void jobs_made(struct jobs *jobs, struct uuid org, usec_t due_at)
{
    if (due_at > jobs->round + LOOK_EVERY || jobs->n_soon == SOON_MAX)
        return; /* the round finds it */
    for (size_t i = 0; i < jobs->n_soon; i++) {
        if (!uuid_eq(jobs->soon[i].org, org))
            continue;
        if (due_at < jobs->soon[i].at)
            jobs->soon[i].at = due_at;
        return;
    }
    jobs->soon[jobs->n_soon++] = (struct soon){org, due_at};
    if (!jobs->looking && due_at < jobs->wakes_at)
        wake_at(jobs, due_at);
}

/* --- life --------------------------------------------------------------------------------- */

struct jobs *jobs_create(struct worker *worker)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);

    if (jobs == NULL)
        abort();
    jobs->worker = worker;
    wake_at(jobs, clock_now() + LOOK_EVERY);
    return jobs;
}

size_t jobs_open(const struct jobs *jobs)
{
    return jobs->n_open;
}

void jobs_close(struct jobs *jobs)
{
    timer_close(&jobs->timer, NULL);
}

void jobs_destroy(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    while (jobs->open != NULL) { /* what a late stop left: the lease brings it back */
        struct job *job = jobs->open;
        jobs->open = job->next;
        arena_finish(&job->arena);
        free(job);
    }
    arena_finish(&jobs->arena);
    free(jobs);
}
