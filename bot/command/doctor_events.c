/*
 * The doctor's look at the business's systems that are told of events: whether somebody answers
 * at their address, and what they have taken lately. Nothing is posted: an OPTIONS is asked, as
 * CloudEvents' senders ask whether they may, and any answer shows that somebody is there.
 */
#include "bot/command/doctor.h"

#include "bot/later/desk.h"
#include "store/event_desk.h"

static void check_address(struct report *report, const struct config *config,
                          const struct config_crm_app *app, struct arena *scratch)
{
    struct http_request request = {.method = "OPTIONS", .url = app->url};
    struct provider_look look = {0};
    struct err err = {0};

    if (!doctor_ask(&request, config->events.timeout, config->events.timeout, scratch, &look,
                    &err)) {
        report_add(report, FINDING_WARN, "events",
                   "see crm.apps.NAME.url, this machine's name service and its way out",
                   "%.*s cannot be reached: %s", STR_ARG(app->name), err.text);
    }
}

static void tell_endpoint(struct report *report, const struct endpoint_row *endpoint)
{
    const char *waits = CLI_OF(endpoint->waiting, "event waits", "events wait");
    char at[DESK_TIME_LEN] = "";

    if (endpoint->success_at > 0)
        (void)desk_time(endpoint->success_at, at);
    if (str_eq(endpoint->state, STR("off"))) {
        report_add(report, FINDING_WARN, "events",
                   "mend it, then: parley events endpoint on NAME",
                   "%.*s is switched off (%.*s), and %lld %s", STR_ARG(endpoint->name),
                   STR_ARG(endpoint->reason), (long long)endpoint->waiting, waits);
    } else if (endpoint->failures > 0) {
        report_add(report, FINDING_WARN, "events",
                   "see what that system says of itself; it is tried again",
                   "%.*s has not taken the last %lld (%.*s), and %lld %s",
                   STR_ARG(endpoint->name), (long long)endpoint->failures,
                   STR_ARG(endpoint->reason), (long long)endpoint->waiting, waits);
    } else {
        report_add(report, FINDING_OK, "events", NULL, "%.*s %s%s, and %lld %s",
                   STR_ARG(endpoint->name),
                   endpoint->success_at > 0 ? "took one last at " : "was given none yet", at,
                   (long long)endpoint->waiting, waits);
    }
}

/* Whether a business has this system. */
static bool is_among(const struct endpoint_row *items, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(items[i].name, name))
            return true;
    }
    return false;
}

static void tell_all(struct report *report, const struct config *config,
                     const struct endpoint_row *items, size_t n, struct arena *scratch)
{
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        const struct config_crm_app *app = &config->crm.apps[i];
        if (app->url.len == 0)
            continue;
        check_address(report, config, app, scratch);
        if (!is_among(items, n, app->name)) {
            report_add(report, FINDING_WARN, "events",
                       "add a row of the directory for it (docs/crm.md), and start the service",
                       "no business is told to %.*s", STR_ARG(app->name));
        }
    }
    for (size_t i = 0; i < n; i++)
        tell_endpoint(report, &items[i]);
}

void doctor_events(struct report *report, const struct config *config)
{
    struct arena arena = {0};
    struct event_desk *desk = NULL;
    const struct endpoint_row *items = NULL;
    struct err err = {0};
    size_t n = 0, told = 0;

    for (size_t i = 0; i < config->crm.n_apps; i++)
        told += config->crm.apps[i].url.len > 0;
    if (told == 0)
        return;
    if (event_desk_open(config->database.owner_url.at, config->database.connect_timeout, &desk,
                        &err) &&
        event_desk_endpoints(desk, &arena, &items, &n, &err)) {
        tell_all(report, config, items, n, &arena);
    } else {
        report_add(report, FINDING_WARN, "events", "see database.owner_url", "%s", err.text);
    }
    event_desk_close(&desk);
    arena_finish(&arena);
}
