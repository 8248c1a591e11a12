/*
 * Starting is from the database up to the door; stopping is from the door down: nothing new
 * comes in, turns that are in are finished, what is on the wire is waited for, leases go back,
 * and then every handle closes and the loop runs out.
 */
#include "bot/worker.h"

#include "bot/door/api.h"
#include "bot/door/desk_door.h"
#include "bot/door/intake.h"
#include "bot/door/routes.h"
#include "bot/door/spool.h"
#include "bot/file/documents.h"
#include "bot/file/download.h"
#include "bot/file/upload.h"
#include "bot/lane/lanes.h"
#include "bot/later/audit.h"
#include "bot/later/broadcasts.h"
#include "bot/later/events_out.h"
#include "bot/later/jobs.h"
#include "bot/later/papers.h"
#include "bot/later/payments.h"
#include "bot/later/retention.h"
#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "bot/turn/batch_hand.h"
#include "bot/turn/book_hand.h"
#include "bot/turn/books.h"
#include "bot/turn/turns.h"
#include "bot/view/link_files.h"
#include "bot/view/web.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEAT_EVERY  (200 * USEC_PER_MSEC)
#define DRAIN_LOOKS (10 * USEC_PER_MSEC)

struct uuid worker_uuid(void)
{
    uint8_t random[10];

    random_bytes(random, sizeof random);
    return uuid_v7(clock_now(), random);
}

/* --- waking lanes
 * ----------------------------------------------------------------------------- */

void worker_wake_lane(struct worker *worker, struct uuid lane)
{
    if (lanes_holds(worker->lanes, lane)) {
        lanes_wake(worker->lanes, lane);
        return;
    }
    for (unsigned i = 0; i < worker->shared->n_workers; i++) {
        if (i != worker->index) { /* a full buffer is no harm: the holder also polls */
            (void)!send(worker->start->wake_fds[i], lane.bytes, sizeof lane.bytes,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
}

void worker_hand_over(struct worker *worker, unsigned holder, const struct handover *handover)
{
    count(COUNT_HANDED_OVER, 1);
    if (holder == worker->index) {
        lanes_hand(worker->lanes, handover);
        return;
    }
    if (holder >= worker->shared->n_workers)
        return;
    struct str letter = handover_write(&worker->letter_arena, handover);
    if (post_write(shared_post(worker->shared, worker->index, holder), letter))
        worker->rings |= (uint64_t)1 << holder;
    arena_reset(&worker->letter_arena);
}

/* A full buffer is no harm: who has so much to read will also look for letters. */
void worker_handed_over(struct worker *worker)
{
    struct uuid letters = {{0}};

    for (unsigned i = 0; worker->rings != 0; i++, worker->rings >>= 1) {
        if (worker->rings & 1) {
            (void)!send(worker->start->wake_fds[i], letters.bytes, sizeof letters.bytes,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
}

static void read_letters(struct worker *worker)
{
    struct str letter;
    struct handover handover;

    for (unsigned from = 0; from < worker->shared->n_workers; from++) {
        struct post *post = shared_post(worker->shared, from, worker->index);
        while (post_read(post, &worker->letter_arena, &letter)) {
            if (handover_read(letter, &handover))
                lanes_hand(worker->lanes, &handover);
            arena_reset(&worker->letter_arena);
        }
    }
}

static void wake_ready(struct poll_watch *watch, int status, int events)
{
    struct worker *worker = CONTAINER_OF(watch, struct worker, wake);
    struct wake wake;

    (void)status, (void)events;
    while (wake_next(worker->start->wake_fd, &wake)) {
        if (wake.book >= 0) {
            books_renew(worker->books, wake.book);
        } else if (!uuid_is_none(wake.lane)) {
            lanes_wake(worker->lanes, wake.lane);
        }
    }
    read_letters(worker);
}

/* --- the heartbeat
 * ------------------------------------------------------------------------------ */

static void beat(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, beat);
    struct db_health health;
    struct http_counts counts;

    atomic_store(&worker->self->beat, clock_monotonic());
    db_health(worker->db, &health);
    gauge_set(GAUGE_DB_UP, health.open);
    gauge_set(GAUGE_DB_BUSY, health.busy);
    if (worker->http != NULL) {
        http_server_counts(worker->http, &counts);
        gauge_set(GAUGE_CONNECTIONS, counts.connections);
        gauge_set(GAUGE_IN_FLIGHT, counts.in_flight);
    }
    timer_start(&worker->loop, &worker->beat, BEAT_EVERY, beat);
}

/* --- stopping
 * --------------------------------------------------------------------------------------- */

static void db_closed(struct db *db)
{
    (void)db;
}

/* Everything is given back: close all handles, so that the loop runs out. */
static void close_all(struct worker *worker)
{
    turns_close(worker->turns);
    lanes_close(worker->lanes);
    books_close(worker->books);
    accounts_close(worker->accounts);
    retention_close(worker->retention);
    downloads_close(worker->downloads);
    uploads_close(worker->uploads);
    papers_close(worker->papers);
    payments_close(worker->payments);
    events_out_close(worker->events_out);
    broadcasts_close(worker->broadcasts);
    link_files_close(worker->link_files);
    documents_close(worker->documents);
    jobs_close(worker->jobs);
    audit_close(worker->audit);
    spool_close(worker->spool);
    poll_close(&worker->wake, NULL);
    timer_close(&worker->beat, NULL);
    timer_close(&worker->drain, NULL);
    uv_close((uv_handle_t *)&worker->on_term, NULL);
    http_server_destroy(worker->http);
    worker->http = NULL;
    fetcher_destroy(worker->fetcher);
    worker->fetcher = NULL;
    desk_door_close(worker->desk);
    web_close(worker->web);
    db_close(worker->db, db_closed);
}

static void http_drained(struct http_server *server)
{
    (void)server;
}

static void lanes_drained(struct worker *worker)
{
    worker->lanes_drained = true;
}

/* First the door and the turns, then the lanes, since turns may still promise something. */
static void drain_look(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, drain);
    bool late = clock_monotonic() > worker->drain_until;

    if (late || worker->lanes_drained) {
        if (late) {
            log_event(LOG_WARN, "worker.drain_late",
                      LOG_I("open", intake_open(worker->intake)));
        }
        close_all(worker);
        return;
    }
    if (!worker->http_drained && intake_open(worker->intake) == 0 &&
        jobs_open(worker->jobs) == 0 && desk_door_busy(worker->desk) == 0 &&
        !spool_is_busy(worker->spool)) {
        worker->http_drained = true;
        lanes_drain(worker->lanes, lanes_drained);
    }
    timer_start(&worker->loop, &worker->drain, DRAIN_LOOKS, drain_look);
}

static void on_term(uv_signal_t *signal, int number)
{
    struct worker *worker = CONTAINER_OF(signal, struct worker, on_term);

    (void)number;
    if (worker->draining)
        return;
    log_event(LOG_INFO, "worker.stopping", LOG_I("worker", worker->index));
    worker->draining = true;
    worker->drain_until = clock_monotonic() + worker->config->outbox.drain;
    http_server_drain(worker->http, http_drained);
    timer_start(&worker->loop, &worker->drain, 0, drain_look);
}

/* --- starting
 * ------------------------------------------------------------------------------------------ */

static bool open_database(struct worker *worker, struct err *err)
{
    const struct config *config = worker->config;
    struct db_options options = {
        .url = config->database.url.at,
        .connections = config->database.connections,
        .connect_timeout = config->database.connect_timeout,
        .deadline = config->database.deadline,
        .role = config->database.role.len > 0 ? config->database.role.at : NULL,
        .application = "parley",
        .unfit = worker->index == 0 ? &worker->shared->unfit : NULL};

    if (!db_create(&worker->loop, &options, &worker->db, err))
        return false;
    worker->desk = desk_door_create(worker, err);
    if (worker->desk == NULL)
        return false;
    worker->web = web_create(worker, err);
    return worker->web != NULL;
}

static bool open_fetcher(struct worker *worker, struct err *err)
{
    const struct config *config = worker->config;
    struct fetch_options options = {
        .connections = config->whatsapp.connections,
        .mail_lines = config->mail.connections,
        .allow_http = config->whatsapp.allow_http || config->twilio.allow_http ||
                      config->resend.allow_http || config->crm.allow_private,
        .user_agent = "parley/0.1"};

    return fetcher_create(&worker->loop, &options, &worker->fetcher, err);
}

#define FORM_ROOM ((size_t)64 * 1024) /* what a form has around its file */

/* Where bodies of more than a form's words are for something, if they are signed. */
static const char *const doors[] = {"/webhooks/", "/api/webhooks/",        "/v1/",
                                    "/customer/", "/api/portal/customer/", NULL};

static bool open_door(struct worker *worker, struct err *err)
{
    const struct config *config = worker->config;
    struct http_server_options options = {
        .limits = {.body_max = config->http.body_max,
                   .larger = {{config->mail.gateway_token.len > 0 ? "/webhooks/mail/" : NULL,
                               config->mail.in_max, intake_mail_shows},
                              {"/customer/", config->documents.max_size * 5 / 2, NULL},
                              {"/api/portal/customer/", config->documents.max_size * 5 / 2,
                               NULL},
                              {"/v1/orders/", config->documents.max_size + FORM_ROOM,
                               NULL}}, /* photos */
                   .header_time = config->http.header_time,
                   .body_time = config->http.body_time,
                   .idle_time = config->http.idle_time,
                   .connections = config->http.connections,
                   .doors = doors,
                   .bodies_max = config->http.bodies_max},
        .tls_cert = config->tls.cert.len > 0 ? config->tls.cert.at : NULL,
        .tls_key = config->tls.key.len > 0 ? config->tls.key.at : NULL,
    };

    worker->routes.handle = routes_handle;
    return http_server_create(&worker->loop, &options, &worker->routes, &worker->http, err) &&
           http_server_listen(worker->http, worker->start->listener, err);
}

/* Without them files are neither attached nor handed out, and all else goes on. */
static void open_documents(struct worker *worker)
{
    struct err err = {0};

    if (!documents_create(&worker->loop, worker->config, &worker->documents, &err))
        log_event(LOG_ALERT, "documents.not_ready", LOG_ERR(&err));
}

static bool start(struct worker *worker, struct err *err)
{
    if (!loop_init(&worker->loop, err) || !open_database(worker, err) ||
        !open_fetcher(worker, err))
        return false;
    worker->books = books_create(worker, worker->start->book, worker->start->book_files);
    worker->accounts = accounts_create(worker);
    worker->api = api_create(worker);
    worker->spool = spool_create(worker);
    worker->turns = turns_create(worker);
    worker->lanes = lanes_create(worker);
    worker->intake = intake_create(worker);
    worker->retention = retention_create(worker);
    worker->downloads = downloads_create(worker);
    worker->uploads = uploads_create(worker);
    worker->papers = papers_create(worker);
    worker->payments = payments_create(worker);
    worker->events_out = events_out_create(worker);
    worker->broadcasts = broadcasts_create(worker);
    worker->link_files = link_files_create(worker);
    open_documents(worker);
    worker->jobs = jobs_create(worker);
    worker->audit = audit_create(worker);
    books_keep(worker->books);
    if (!words_warm(err)) /* or the first customer would wait for it */
        return false;
    if (!poll_open(&worker->loop, &worker->wake, worker->start->wake_fd, wake_ready, err) ||
        !open_door(worker, err))
        return false;
    poll_want(&worker->wake, UV_READABLE);
    uv_signal_init(&worker->loop.uv, &worker->on_term);
    uv_signal_start(&worker->on_term, on_term, SIGTERM);
    timer_start(&worker->loop, &worker->beat, 0, beat);
    return true;
}

int worker_main(const struct worker_start *how)
{
    static struct worker worker; /* one for each process */
    struct err err = {0};

    worker.start = how;
    worker.config = how->config;
    worker.shared = how->shared;
    worker.index = how->index;
    worker.self = &how->shared->workers[how->index];
    worker.id = worker_uuid();
    gates_settle(worker.shared->gates, worker.index);
    metrics_use(&worker.self->metrics);
    if (!start(&worker, &err)) {
        log_event(LOG_ALERT, "worker.not_started", LOG_I("worker", worker.index),
                  LOG_ERR(&err));
        return 1;
    }
    log_event(LOG_INFO, "worker.started", LOG_I("worker", worker.index),
              LOG_ID("holder", worker.id));
    loop_run(&worker.loop);
    intake_destroy(worker.intake);
    turns_destroy(worker.turns);
    lanes_destroy(worker.lanes);
    books_destroy(worker.books);
    accounts_destroy(worker.accounts);
    retention_destroy(worker.retention);
    papers_destroy(worker.papers);
    events_out_destroy(worker.events_out);
    broadcasts_destroy(worker.broadcasts);
    jobs_destroy(worker.jobs);
    audit_destroy(worker.audit);
    link_files_destroy(worker.link_files);
    downloads_destroy(worker.downloads);
    uploads_destroy(worker.uploads);
    payments_destroy(worker.payments);
    documents_destroy(worker.documents);
    spool_destroy(worker.spool);
    api_destroy(worker.api);
    desk_door_destroy(worker.desk);
    web_destroy(worker.web);
    db_destroy(worker.db);
    arena_finish(&worker.letter_arena);
    if (!loop_finish(&worker.loop))
        log_event(LOG_WARN, "worker.handles_left", LOG_I("worker", worker.index));
    log_event(LOG_INFO, "worker.stopped", LOG_I("worker", worker.index));
    return 0;
}
