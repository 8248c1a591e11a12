#include "bot/door/routes.h"

#include "bot/door/api.h"
#include "bot/door/intake.h"
#include "bot/turn/accounts.h"
#include "bot/turn/turns.h"
#include "bot/view/link_files.h"
#include "bot/view/link_pages.h"
#include "bot/view/pay_pages.h"
#include "bot/view/short_link.h"
#include "bot/view/web.h"

#include <stdlib.h>

static const char *const plain_headers[] = {"X-Content-Type-Options: nosniff",
                                            "Cache-Control: no-store", NULL};

static void get_webhook(struct worker *worker, struct http_exchange *exchange)
{
    intake_challenge(worker->intake, exchange);
}

static void post_webhook(struct worker *worker, struct http_exchange *exchange)
{
    intake_delivery(worker->intake, exchange);
}

static void post_twilio(struct worker *worker, struct http_exchange *exchange)
{
    intake_twilio_message(worker->intake, exchange);
}

static void post_twilio_status(struct worker *worker, struct http_exchange *exchange)
{
    intake_twilio_status(worker->intake, exchange);
}

static void post_resend(struct worker *worker, struct http_exchange *exchange)
{
    intake_resend(worker->intake, exchange);
}

static void post_stripe(struct worker *worker, struct http_exchange *exchange)
{
    intake_stripe(worker->intake, exchange);
}

static void post_mail(struct worker *worker, struct http_exchange *exchange, struct str address)
{
    if (strcmp(exchange->method, "POST") == 0) {
        intake_mail(worker->intake, exchange, address);
    } else {
        http_reply(exchange, 405, NULL, STR_NONE, plain_headers);
    }
}

static void get_file(struct worker *worker, struct http_exchange *exchange, struct str token)
{
    if (strcmp(exchange->method, "POST") == 0) {
        http_reply(exchange, 405, NULL, STR_NONE, plain_headers);
    } else {
        link_files_visit(worker->link_files, exchange, token);
    }
}

static void get_customer(struct worker *worker, struct http_exchange *exchange, struct str path)
{
    web_visit(worker->web, exchange, path, false);
}

static void get_portal(struct worker *worker, struct http_exchange *exchange, struct str path)
{
    web_visit(worker->web, exchange, path, true);
}

static void post_events(struct worker *worker, struct http_exchange *exchange)
{
    intake_crm(worker->intake, exchange);
}

static void ask_events(struct worker *worker, struct http_exchange *exchange)
{
    intake_crm_handshake(worker->intake, exchange);
}

/* The process lives. */
static void get_health(struct worker *worker, struct http_exchange *exchange)
{
    (void)worker;
    http_reply(exchange, 200, "text/plain", STR("ok\n"), plain_headers);
}

/* It can take deliveries: the database is there, with all that is asked for, and the directory
 * has been read. */
static void get_ready(struct worker *worker, struct http_exchange *exchange)
{
    struct db_health health;
    struct str why = STR("ready\n");

    db_health(worker->db, &health);
    if (worker->draining) {
        why = STR("stopping\n");
    } else if (health.open == 0) {
        why = STR("database unreachable\n");
    } else if (atomic_load(&worker->shared->unfit)) {
        why = STR("database not migrated: `parley migrate`\n");
    } else if (!accounts_loaded(worker->accounts)) {
        why = STR("directory not read yet\n");
    }
    http_reply(exchange, str_eq(why, STR("ready\n")) ? 200 : 503, "text/plain", why,
               plain_headers);
}

/* A proxy that keeps the path from the world can be led around by other spellings of it (two
 * slashes, a letter or an end of line in hex), which libwebsockets makes one of: so who asks
 * decides. */
static void get_metrics(struct worker *worker, struct http_exchange *exchange)
{
    struct shared *shared = worker->shared;
    size_t n = shared->n_workers + 1;
    struct metrics *parts;

    if (!worker->config->http.metrics_public && http_is_from_outside(exchange)) {
        http_reply(exchange, 404, NULL, STR_NONE, plain_headers);
        return;
    }
    parts = malloc(n * sizeof *parts);
    if (parts == NULL)
        abort();
    for (size_t i = 0; i < shared->n_workers; i++)
        memcpy(&parts[i], &shared->workers[i].metrics, sizeof *parts);
    memcpy(&parts[n - 1], &shared->supervisor, sizeof *parts);
    shared_measure(shared, &parts[n - 1]);
    http_reply(exchange, 200, "text/plain; version=0.0.4",
               metrics_text(&exchange->arena, parts, n, shared->started), plain_headers);
    free(parts);
}

struct route {
    const char *method;
    const char *path;
    void (*answer)(struct worker *worker, struct http_exchange *exchange);
};

static const struct route routes[] = {
    {"POST",    "/webhooks/whatsapp",      post_webhook      },
    {"GET",     "/webhooks/whatsapp",      get_webhook       },
    {"POST",    "/webhooks/twilio",        post_twilio       },
    {"POST",    "/webhooks/twilio/status", post_twilio_status},
    {"POST",    "/webhooks/resend",        post_resend       },
    {"POST",    "/api/webhooks/stripe",    post_stripe       },
    {"GET",     "/pay/done",               pay_pages_done    },
    {"GET",     "/pay/back",               pay_pages_back    },
    {"POST",    "/v1/events",              post_events       },
    {"OPTIONS", "/v1/events",              ask_events        },
    {"GET",     "/healthz",                get_health        },
    {"GET",     "/readyz",                 get_ready         },
    {"GET",     "/metrics",                get_metrics       },
};

/* Those whose path ends in a token or an address. */
static const struct {
    const char *before;
    void (*answer)(struct worker *worker, struct http_exchange *exchange, struct str token);
} links[] = {
    {"/t/",                   link_pages_tap        },
    {"/u/",                   link_pages_unsubscribe},
    {"/s/",                   short_link_visit      },
    {"/f/",                   get_file              },
    {"/customer/",            get_customer          },
    {"/api/portal/customer/", get_portal            },
    {"/webhooks/mail/",       post_mail             },
};

static bool answer_link(struct worker *worker, struct http_exchange *exchange)
{
    for (size_t i = 0; i < COUNTOF(links); i++) {
        struct str before = str_from(links[i].before);
        if (!str_starts(exchange->path, before))
            continue;
        if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0 &&
            strcmp(exchange->method, "POST") != 0) {
            http_reply(exchange, 405, NULL, STR_NONE, plain_headers);
        } else {
            links[i].answer(worker, exchange,
                            str_slice(exchange->path, before.len, exchange->path.len));
        }
        return true;
    }
    return false;
}

void routes_handle(struct http_handler *handler, struct http_exchange *exchange)
{
    struct worker *worker = CONTAINER_OF(handler, struct worker, routes);
    bool path_known = false;

    for (size_t i = 0; i < COUNTOF(routes); i++) {
        if (!str_eq(exchange->path, str_from(routes[i].path)))
            continue;
        path_known = true;
        if (strcmp(exchange->method, routes[i].method) == 0 ||
            (strcmp(exchange->method, "HEAD") == 0 && strcmp(routes[i].method, "GET") == 0)) {
            routes[i].answer(worker, exchange);
            return;
        }
    }
    if (!path_known && str_starts(exchange->path, STR("/v1/"))) {
        api_handle(worker->api, exchange);
        return;
    }
    if (!path_known && answer_link(worker, exchange))
        return;
    http_reply(exchange, path_known ? 405 : 404, NULL, STR_NONE, plain_headers);
}
