/*
 * The doctor's look at our own public address: whether who calls it arrives at this service.
 * The service may be down while the doctor is called, so nothing here is more than a warning.
 */
#include "bot/command/doctor.h"

#include "bot/loop/loop.h"

static void judge(struct report *report, struct str url, const struct provider_look *look)
{
    double ms = (double)look->took / USEC_PER_MSEC;

    if (look->answer.status == 200 && str_eq(look->answer.body, STR("ok\n"))) {
        report_add(report, FINDING_OK, "public_url", NULL, "%.*s leads to a parley (%.0f ms)",
                   STR_ARG(url), ms);
    } else {
        report_add(report, FINDING_WARN, "public_url",
                   "see the proxy: every path below it goes to the service as it is",
                   "%.*s/healthz answers with status %d, and not as parley does", STR_ARG(url),
                   look->answer.status);
    }
}

void doctor_public_url(struct report *report, const struct config *config)
{
    struct str url = config->public_url;
    struct arena arena = {0};
    struct http_request request = {.method = "GET"};
    struct provider_look look = {0};
    struct err err = {0};

    if (url.len == 0)
        return; /* each channel says what it lacks without */
    if (!str_starts(url, STR("https://"))) {
        report_add(report, FINDING_WARN, "public_url", "set it to the outer https:// address",
                   "%.*s is not encrypted, so providers may refuse to call it", STR_ARG(url));
    }
    request.url = arena_format(&arena, "%.*s/healthz", STR_ARG(url));
    if (doctor_ask(&request, config->whatsapp.connect_timeout, config->whatsapp.timeout, &arena,
                   &look, &err)) {
        judge(report, url, &look);
    } else {
        report_add(report, FINDING_WARN, "public_url",
                   "start the service, or see the proxy and the name's address",
                   "%.*s does not answer from here: %s", STR_ARG(url), err.text);
    }
    arena_finish(&arena);
}
