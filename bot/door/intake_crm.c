/*
 * POST /v1/events: a business's CRM tells what has become of customers and orders. A door as
 * bot/door/desk_door.h has them.
 *
 * Events that are right are kept even when others of the same batch are wrong: the answer 422
 * names these, and whoever repairs and repeats the whole batch changes nothing of what was
 * kept, since each event is taken once. Events of several sources are a transaction each.
 */
#include "bot/door/intake_inside.h"

#include "bot/door/desk_door.h"
#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/crm_event.h"
#include "webhooks/redact.h"
#include "webhooks/sagepilot.h"
#include "webhooks/svix.h"

#include <stdlib.h>

/* A request while its batches are under way. */
struct crm_call {
    struct intake *intake;
    struct http_exchange *exchange;
    const struct config_crm_app *app;
    struct crm_faults faults;
    struct crm_counts {
        size_t events, kept, older, repeated, waiting;
    } counts;
    struct str unknown; /* a type that nothing takes; empty: none */
    size_t pending;
    bool failed;
};

struct crm_part {
    struct desk_call call;
    struct crm_call *of;
};

static const char *const plain[] = {"X-Content-Type-Options: nosniff",
                                    "Cache-Control: no-store", NULL};

/* --- who ------------------------------------------------------------------------------------
 */

static struct svix_headers signature_of(struct http_exchange *exchange)
{
    struct svix_headers headers = {http_request_header(exchange, "webhook-id"),
                                   http_request_header(exchange, "webhook-timestamp"),
                                   http_request_header(exchange, "webhook-signature")};

    if (headers.id.len == 0) {
        headers = (struct svix_headers){http_request_header(exchange, "svix-id"),
                                        http_request_header(exchange, "svix-timestamp"),
                                        http_request_header(exchange, "svix-signature")};
    }
    return headers;
}

/* The app whose secret signs these bytes, or NULL. Every one is tried, whichever fits. */
static const struct config_crm_app *signed_by(const struct config *config,
                                              const struct svix_headers *headers,
                                              struct http_exchange *exchange)
{
    const struct config_crm_app *found = NULL;
    usec_t now = clock_now();

    for (size_t i = 0; i < config->crm.n_apps; i++) {
        const struct config_crm_app *app = &config->crm.apps[i];
        bool right = svix_verify(&exchange->arena, app->secret, headers, exchange->body, now);
        right |= app->secret_before.len > 0 && svix_verify(&exchange->arena, app->secret_before,
                                                           headers, exchange->body, now);
        if (right && found == NULL)
            found = app;
    }
    return found;
}

/* --- answering ------------------------------------------------------------------------------
 */

/* What became of them; with errors, of the others. */
static struct str counts_json(struct arena *into, const struct crm_call *call)
{
    const struct crm_counts *counts = &call->counts;
    const struct {
        const char *name;
        size_t n;
    } members[] = {
        {"events",   counts->events  },
        {"kept",     counts->kept    },
        {"older",    counts->older   },
        {"repeated", counts->repeated},
        {"waiting",  counts->waiting },
    };
    size_t n = call->unknown.len > 0 ? 2 : COUNTOF(members);
    struct json_out out;

    json_out_init(&out, into, 256);
    json_open(&out, '{');
    if (call->faults.n > 0)
        crm_faults_put(&out, &call->faults);
    for (size_t i = 0; i < n; i++)
        json_key(&out, members[i].name), json_put_int(&out, (int64_t)members[i].n);
    json_member(&out, "unknown", str_cut(into, call->unknown, 60));
    json_close(&out, '}');
    return json_out_text(&out);
}

static void answer(struct crm_call *call)
{
    struct http_exchange *exchange = call->exchange;

    call->intake->open--;
    if (call->failed) {
        intake_unavailable(exchange);
        return;
    }
    log_event(LOG_INFO, "crm.events",
              LOG_C("app", arena_cstr(&exchange->arena, call->app->name)),
              LOG_I("events", call->counts.events), LOG_I("kept", call->counts.kept),
              LOG_I("older", call->counts.older), LOG_I("repeated", call->counts.repeated),
              LOG_I("waiting", call->counts.waiting), LOG_I("refused", call->faults.n));
    count(COUNT_CRM_EVENTS, call->counts.kept + call->counts.waiting);
    count(COUNT_CRM_OLDER, call->counts.older);
    count(COUNT_CRM_REPEATED, call->counts.repeated);
    count(COUNT_CRM_REFUSED, call->faults.n);
    if (call->faults.n > 0) {
        http_reply(exchange, 422, "application/json", counts_json(&exchange->arena, call),
                   plain);
        return;
    }
    count(COUNT_DELIVERIES, 1);
    observe(HIST_ACK, clock_monotonic() - exchange->arrived);
    http_reply(exchange, 200, "application/json", counts_json(&exchange->arena, call), plain);
}

static void settle(struct crm_call *call)
{
    if (--call->pending == 0)
        answer(call);
}

/* --- keeping --------------------------------------------------------------------------------
 */

static void take_outcome(struct crm_call *call, const PGresult *rows, int i)
{
    struct arena *into = &call->exchange->arena;
    struct str outcome = row_text(rows, i, 1);

    if (str_eq(outcome, STR("refused")) || str_eq(outcome, STR("foreign"))) {
        struct shape_fault fault = {arena_str(into, row_text(rows, i, 2)),
                                    arena_str(into, row_text(rows, i, 3)),
                                    arena_str(into, str_cut(into, row_text(rows, i, 4), 60))};
        crm_fault(&call->faults, (size_t)row_int(rows, i, 0), &fault);
        if (str_eq(outcome, STR("foreign"))) {
            count(COUNT_FORGED, 1);
            log_event(LOG_ALERT, "crm.foreign_source",
                      LOG_C("app", arena_cstr(into, call->app->name)));
        }
    } else if (str_eq(outcome, STR("repeated"))) {
        call->counts.repeated++;
    } else if (str_eq(outcome, STR("waiting"))) {
        call->counts.waiting++;
    } else if (str_eq(outcome, STR("kept"))) {
        call->counts.kept++;
    } else {
        call->counts.older++;
    }
}

static void taken(struct desk_call *desk)
{
    struct crm_part *part = CONTAINER_OF(desk, struct crm_part, call);
    struct db_call *call = &desk->call;

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "crm.not_kept", LOG_ERR(&call->err));
        part->of->failed = true;
    } else {
        for (int i = 0; i < rows_n(call->results[0]); i++)
            take_outcome(part->of, call->results[0], i);
    }
    settle(part->of);
}

static void keep(struct crm_call *call, const struct crm_batch *batch)
{
    struct arena *arena = &call->exchange->arena;
    struct crm_part *part = arena_new(arena, struct crm_part);
    struct db_param *params = arena_array(arena, struct db_param, 5);

    part->of = call;
    params[0] = param_text(batch->source);
    params[1] = param_text(call->app->name);
    params[2] = param_text(batch->events);
    params[3] = param_time(arena, clock_now());
    params[4] = param_bool(arena, true);
    call_init(&part->call.call, arena, (struct uuid){{0}}); /* crm_take says whose it is */
    call_add(&part->call.call, &SQL_CRM_TAKE, params);
    part->call.done = taken;
    call->pending++;
    desk_door_call(call->intake->worker->desk, &part->call);
}

/* --- the door -------------------------------------------------------------------------------
 */

static struct cloud_headers headers_of(struct http_exchange *exchange)
{
    return (struct cloud_headers){
        .content_type = http_request_header(exchange, "content-type"),
        .specversion = http_request_header(exchange, "ce-specversion"),
        .id = http_request_header(exchange, "ce-id"),
        .source = http_request_header(exchange, "ce-source"),
        .type = http_request_header(exchange, "ce-type"),
        .time = http_request_header(exchange, "ce-time"),
        .version = http_request_header(exchange, "ce-version"),
        .cause = http_request_header(exchange, "ce-causeid"),
    };
}

/* The events of a body, or what is wrong with it as a whole. */
static void take_body(struct crm_call *call, struct str body)
{
    struct http_exchange *exchange = call->exchange;
    struct cloud_headers headers = headers_of(exchange);
    struct cloud_batch batch;
    struct crm_batch *parts;
    struct err err = {0};

    if (!cloud_events_read(&exchange->arena, &headers, body, &batch, &err)) {
        count(COUNT_UNREADABLE, 1);
        crm_fault(
            &call->faults, 0,
            &(struct shape_fault){.expected = STR("JSON: a CloudEvent, or an array of them"),
                                  .got = arena_str(&exchange->arena, str_from(err.text))});
        return;
    }
    call->counts.events = batch.read;
    parts = crm_events_read(&exchange->arena, &batch, &call->faults);
    for (; parts != NULL; parts = parts->next)
        keep(call, parts);
}

/* --- a type that we do not know -------------------------------------------------------------
 */

struct crm_stray {
    struct db_call call;
    struct crm_call *of;
};

static void stray_kept(struct db_call *call)
{
    struct crm_stray *stray = CONTAINER_OF(call, struct crm_stray, call);

    stray->of->failed |= call->err.code != ERR_NONE;
    settle(stray->of);
}

/* Sagepilot's vocabulary is larger than what we are told: what nothing here takes is kept for a
 * person, and answered 200 with a word about it. */
static void keep_unknown(struct crm_call *call, struct str type)
{
    struct arena *arena = &call->exchange->arena;
    struct crm_stray *stray = arena_new(arena, struct crm_stray);
    struct db_param *params = arena_array(arena, struct db_param, 5);
    size_t cards = 0;

    call->unknown = type;
    call->counts.events = 1;
    stray->of = call;
    params[0] = param_uuid(arena, worker_uuid());
    params[1] = param_time(arena, clock_now());
    params[2] = param_text(STR("an event of a CRM that nothing here is told by"));
    params[3] = param_text(redact_json(arena, call->exchange->body, &cards));
    params[4] = param_text(STR("crm"));
    call_init(&stray->call, arena, (struct uuid){{0}});
    stray->call.done = stray_kept;
    call_add(&stray->call, &SQL_UNROUTED_KEEP, params);
    call->pending++;
    db_call(call->intake->worker->db, &stray->call);
}

/* JSON by whatever name; nothing said is taken for it. In binary mode it is the data's type. */
static bool is_json(struct str type)
{
    struct str bare = str_trim(str_slice(type, 0, str_find(type, STR(";"))));

    return bare.len == 0 || str_eq(bare, STR("application/json")) ||
           str_eq(bare, STR("text/json")) || str_ends(bare, STR("+json"));
}

static void refuse_type(struct http_exchange *exchange, struct str type)
{
    struct crm_faults faults = {.into = &exchange->arena};

    crm_fault(
        &faults, 0,
        &(struct shape_fault){.expected = STR("Content-Type: application/cloudevents+json, "
                                              "or application/cloudevents-batch+json"),
                              .got = str_cut(&exchange->arena, type, 100)});
    http_reply(exchange, 415, "application/json", crm_faults_json(&exchange->arena, &faults),
               plain);
}

void intake_crm(struct intake *intake, struct http_exchange *exchange)
{
    struct svix_headers headers = signature_of(exchange);
    const struct config_crm_app *app = signed_by(intake->worker->config, &headers, exchange);
    struct str format = http_request_header(exchange, "content-type");
    struct crm_call *call;
    struct str event, type;

    if (app == NULL) {
        count(COUNT_FORGED, 1);
        http_reply(exchange, 401, NULL, STR_NONE, NULL);
        return;
    }
    if (!is_json(format)) {
        refuse_type(exchange, format);
        return;
    }
    if (!desk_door_is_open(intake->worker->desk)) {
        intake_unavailable(exchange);
        return;
    }
    call = arena_new(&exchange->arena, struct crm_call);
    *call = (struct crm_call){intake, exchange, app, {.into = &exchange->arena}, .pending = 1};
    intake->open++;
    switch (sagepilot_event(&exchange->arena, headers.id, headers.timestamp, exchange->body,
                            &event, &type)) {
    case SAGEPILOT_UNKNOWN:
        keep_unknown(call, type);
        break;
    case SAGEPILOT_KNOWN:
        take_body(call, event);
        break;
    case SAGEPILOT_NOT:
        take_body(call, exchange->body);
        break;
    }
    settle(call);
}

/* "WebHook-Request-Origin": a sender that asks first whether it may (CloudEvents' webhook
 * handshake). Whoever cannot sign is refused later all the same. */
void intake_crm_handshake(struct intake *intake, struct http_exchange *exchange)
{
    struct str origin = http_request_header(exchange, "webhook-request-origin");
    const char *lines[4] = {"Allow: POST, OPTIONS", NULL};

    (void)intake;
    if (origin.len > 0 && origin.len <= 253) {
        lines[1] =
            arena_format(&exchange->arena, "WebHook-Allowed-Origin: %.*s", STR_ARG(origin)).at;
        lines[2] = "WebHook-Allowed-Rate: *";
    }
    http_reply(exchange, 200, NULL, STR_NONE, lines);
}
