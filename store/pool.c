/*
 * The pool: connections on one side, leases that wait on the other, and a task between them
 * that runs at the end of the loop's turn, so that nobody's `done` runs inside a call.
 */
#include "store/db_parts.h"
#include "store/sql.h"

#include <assert.h>
#include <stdlib.h>

static void pool_serve(struct loop_task *task);

void pool_wake(struct db *db)
{
    loop_post(db->loop, &db->serving, pool_serve);
}

void pool_count(struct db *db, bool joined)
{
    bool was_up = db->n_open > 0;
    if (joined) {
        db->n_open++;
    } else {
        db->n_open--;
    }
    if (was_up != (db->n_open > 0))
        pool_wake(db);
}

/* --- leases --------------------------------------------------------------------------------
 */

static struct db_lease *waiting_pop(struct db *db)
{
    struct db_lease *lease = db->waiting;
    if (!lease)
        return NULL;
    db->waiting = lease->next;
    if (!db->waiting)
        db->last_waiting = &db->waiting;
    db->n_waiting--;
    lease->next = NULL;
    return lease;
}

/* The first that is idle: under a light load the same few stay warm. */
static struct db_conn *idle_conn(struct db *db)
{
    for (unsigned i = 0; i < db->n_conns; i++) {
        if (db->conns[i].state == CONN_IDLE)
            return &db->conns[i];
    }
    return NULL;
}

static void await_patience(struct db *db);

/* Whoever came when one was idle, and found it taken, has only so much patience, too. */
static void serve_leases(struct db *db)
{
    struct db_conn *conn = NULL;
    while (db->waiting && (conn = idle_conn(db))) {
        struct db_lease *lease = waiting_pop(db);
        conn->state = CONN_LEASED; /* open before and after */
        lease->conn = conn;
        lease->done(lease);
    }
    await_patience(db);
}

static void cancel_leases(struct db *db)
{
    struct db_lease *lease = NULL;
    while ((lease = waiting_pop(db))) {
        (void)err_raise(&lease->err, ERR_CANCELED, "the pool is closing");
        lease->done(lease);
    }
}

static void patience_ends(struct timer *timer);

static void await_patience(struct db *db)
{
    usec_t first = INT64_MAX;
    for (const struct db_lease *lease = db->waiting; lease; lease = lease->next)
        first = lease->until < first ? lease->until : first;
    if (db->waiting)
        timer_start(db->loop, &db->impatience, first - clock_monotonic(), patience_ends);
}

/* Move those whose time is over to a list of their own. */
static struct db_lease *take_expired(struct db *db, usec_t now)
{
    struct db_lease *expired = NULL;
    struct db_lease **last_expired = &expired;
    struct db_lease **slot = &db->waiting;
    while (*slot) {
        struct db_lease *lease = *slot;
        if (lease->until > now) {
            slot = &lease->next;
            continue;
        }
        *slot = lease->next;
        lease->next = NULL;
        *last_expired = lease;
        last_expired = &lease->next;
        db->n_waiting--;
    }
    db->last_waiting = slot;
    return expired;
}

static void patience_ends(struct timer *timer)
{
    struct db *db = CONTAINER_OF(timer, struct db, impatience);
    struct db_lease *expired = take_expired(db, clock_monotonic());
    await_patience(db);
    while (expired) {
        struct db_lease *lease = expired;
        expired = lease->next;
        lease->next = NULL;
        if (db->n_open > 0) {
            (void)err_raise(&lease->err, ERR_RETRY, "no free connection in time");
        } else {
            (void)err_raise(&lease->err, ERR_RETRY, "no database: %s",
                            db->last.code ? db->last.text : "not connected yet");
        }
        lease->done(lease);
    }
}

void db_lease(struct db *db, struct db_lease *lease)
{
    lease->conn = NULL;
    lease->err = (struct err){.code = ERR_NONE};
    lease->next = NULL;
    lease->until =
        clock_monotonic() + (lease->deadline ? lease->deadline : db->options.deadline);
    *db->last_waiting = lease;
    db->last_waiting = &lease->next;
    db->n_waiting++;
    if (db->closing || idle_conn(db)) {
        pool_wake(db);
    } else {
        await_patience(db);
    }
}

void db_release(struct db *db, struct db_conn *conn)
{
    (void)db;
    assert(conn->db == db);
    conn_release(conn);
}

/* --- life ----------------------------------------------------------------------------------
 */

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

static bool check_url(const char *url, struct err *err)
{
    char *why = NULL;
    PQconninfoOption *parts = PQconninfoParse(url, &why);
    if (!parts) {
        /* The reason may quote the string, and with it a password. */
        PQfreemem(why);
        return err_raise(err, ERR_REJECT, "database url: not a libpq connection string or URI");
    }
    PQconninfoFree(parts);
    return true;
}

bool db_create(struct loop *loop, const struct db_options *options, struct db **out,
               struct err *err)
{
    if (!options->url || !check_url(options->url, err))
        return options->url ? false : err_raise(err, ERR_REJECT, "database url: missing");
    struct db *db = calloc(1, sizeof(*db));
    unsigned n = options->connections ? options->connections : 1;
    struct db_conn *conns = calloc(n, sizeof(*conns));
    if (!db || !conns)
        abort();
    db->loop = loop;
    db->options = *options;
    db->options.connect_timeout =
        options->connect_timeout ? options->connect_timeout : 5 * USEC_PER_SEC;
    db->options.deadline = options->deadline ? options->deadline : 5 * USEC_PER_SEC;
    db->url = copy_text(options->url);
    db->role = copy_text(options->role);
    db->application = copy_text(options->application);
    db->conns = conns;
    db->n_conns = n;
    db->last_waiting = &db->waiting;
    for (unsigned i = 0; i < n; i++) {
        conns[i].db = db;
        conns[i].known = calloc(sql_all_n + 1, sizeof(*conns[i].known));
        conns[i].ahead = calloc(sql_all_n + 1, sizeof(*conns[i].ahead));
        if (!conns[i].known || !conns[i].ahead)
            abort();
        conn_start(&conns[i]);
    }
    *out = db;
    return true;
}

static void impatience_gone(struct timer *timer)
{
    struct db *db = CONTAINER_OF(timer, struct db, impatience);
    db->open_handles--;
    pool_wake(db);
}

void db_close(struct db *db, void (*closed)(struct db *db))
{
    if (db->closing)
        return;
    db->closing = true;
    db->closed = closed;
    db->open_handles++;
    timer_close(&db->impatience, impatience_gone);
    for (unsigned i = 0; i < db->n_conns; i++)
        conn_shut(&db->conns[i]);
    pool_wake(db);
}

static bool all_shut(const struct db *db)
{
    for (unsigned i = 0; i < db->n_conns; i++) {
        if (db->conns[i].state != CONN_SHUT || db->conns[i].flight)
            return false;
    }
    return db->open_handles == 0;
}

static void pool_serve(struct loop_task *task)
{
    struct db *db = CONTAINER_OF(task, struct db, serving);
    if (!db->closing) {
        serve_leases(db);
        return;
    }
    cancel_leases(db);
    if (!all_shut(db) || db->closed_called)
        return;
    db->closed_called = true;
    if (db->closed)
        db->closed(db);
}

void db_destroy(struct db *db)
{
    if (!db)
        return;
    assert(db->closed_called);
    loop_unpost(db->loop, &db->serving);
    for (unsigned i = 0; i < db->n_conns; i++) {
        free(db->conns[i].known);
        free(db->conns[i].ahead);
    }
    free(db->conns);
    free(db->url);
    free(db->role);
    free(db->application);
    free(db);
}

/* --- health --------------------------------------------------------------------------------
 */

void db_health(const struct db *db, struct db_health *health)
{
    *health =
        (struct db_health){.open = db->n_open, .waiting = db->n_waiting, .last = db->last};
    for (unsigned i = 0; i < db->n_conns; i++)
        health->busy += db->conns[i].state == CONN_LEASED;
}
