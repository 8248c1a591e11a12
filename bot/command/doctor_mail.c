/*
 * Whether mail can leave and come in: the carrier is asked the least that shows it would take
 * something.
 * A mail server is greeted, encryption and signing in included, and told NOOP.
 */
#include "bot/base/json.h"
#include "bot/command/doctor.h"
#include "bot/loop/loop.h"
#include "webhooks/resend_out.h"
#include "webhooks/smtp.h"

#include <curl/curl.h>

/* --- Resend ------------------------------------------------------------------------------- */

static void judge_resend(struct report *report, struct arena *arena,
                         const struct provider_look *look)
{
    struct str name = resend_error_name(arena, look->answer.body);
    int status = look->answer.status;
    double ms = (double)look->took / USEC_PER_MSEC;

    if (status == 200) {
        report_add(report, FINDING_OK, "mail", NULL, "Resend takes the key (%.0f ms)", ms);
    } else if (str_eq(name, STR("restricted_api_key"))) {
        report_add(report, FINDING_OK, "mail",
                   "mail that comes in needs a key with full access, to be fetched",
                   "Resend takes the key, which may send and nothing else (%.0f ms)", ms);
    } else {
        report_add(report, status >= 500 || status == 429 ? FINDING_WARN : FINDING_FAIL, "mail",
                   status >= 500 || status == 429
                       ? "try again in a while; see resend-status.com"
                       : "make a new key at Resend (API Keys) and set resend.api_key",
                   "Resend answers with status %d", status);
    }
}

static void check_resend(struct report *report, const struct config *config)
{
    struct resend_sender sender = {.base = config->resend.base_url,
                                   .api_key = config->resend.api_key};
    struct arena arena = {0};
    struct http_request request;
    struct provider_look look = {0};
    struct err err = {0};

    if (!resend_encode_whoami(&arena, &sender, &request, &err) ||
        !doctor_ask(&request, config->mail.connect_timeout, config->mail.timeout, &arena, &look,
                    &err)) {
        report_add(report, FINDING_FAIL, "mail",
                   "see resend.base_url, this machine's name service and its way out",
                   "%.*s cannot be reached: %s", STR_ARG(config->resend.base_url), err.text);
    } else {
        judge_resend(report, &arena, &look);
    }
    arena_finish(&arena);
}

/* --- a mail server ------------------------------------------------------------------------ */

static void set_up(CURL *easy, const struct config *config, struct arena *scratch)
{
    bool implicit = str_eq(config->smtp.tls, STR("implicit"));
    bool starttls = str_eq(config->smtp.tls, STR("starttls"));
    struct str url = arena_format(scratch, "%s://%.*s:%u/parley", implicit ? "smtps" : "smtp",
                                  STR_ARG(config->smtp.host), config->smtp.port);

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_URL, url.at);
    (void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
                           (long)(starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "NOOP");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(config->mail.connect_timeout / USEC_PER_MSEC));
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                           (long)(config->mail.timeout / USEC_PER_MSEC));
    if (config->smtp.ca_file.len > 0)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, config->smtp.ca_file.at);
    if (config->smtp.user.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_USERNAME, config->smtp.user.at);
        (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, config->smtp.password.at);
    }
}

static void judge_smtp(struct report *report, const struct config *config, CURLcode code,
                       const char *reason, usec_t took)
{
    struct str host = config->smtp.host;
    unsigned port = config->smtp.port;

    switch (code) {
    case CURLE_OK:
        report_add(report, FINDING_OK, "mail", NULL, "%.*s:%u takes mail (%.0f ms)",
                   STR_ARG(host), port, (double)took / USEC_PER_MSEC);
        return;
    case CURLE_LOGIN_DENIED:
        report_add(report, FINDING_FAIL, "mail", "see smtp.user and smtp.password",
                   "%.*s:%u refuses user or password", STR_ARG(host), port);
        return;
    case CURLE_USE_SSL_FAILED:
        report_add(report, FINDING_FAIL, "mail",
                   "port 465 speaks TLS at once (smtp.tls: implicit); else ask who runs it",
                   "%.*s:%u offers no STARTTLS", STR_ARG(host), port);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
        report_add(report, FINDING_FAIL, "mail",
                   "see smtp.host; a certificate of its own is given in smtp.ca_file",
                   "%.*s:%u: %s", STR_ARG(host), port, reason);
        return;
    default:
        report_add(report, FINDING_FAIL, "mail",
                   "see smtp.host, smtp.port and this machine's way out",
                   "%.*s:%u cannot be reached: %s", STR_ARG(host), port, reason);
    }
}

static void check_smtp(struct report *report, const struct config *config)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct arena arena = {0};
    CURL *easy = curl_easy_init();
    usec_t before = clock_monotonic();

    if (easy == NULL)
        return;
    set_up(easy, config, &arena);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
    CURLcode code = curl_easy_perform(easy);
    judge_smtp(report, config, code, *reason ? reason : curl_easy_strerror(code),
               clock_monotonic() - before);
    curl_easy_cleanup(easy);
    arena_finish(&arena);
}

/* --- all of it ---------------------------------------------------------------------------- */

static void check_surroundings(struct report *report, const struct config *config)
{
    if (config->secrets.key.len == 0) {
        report_add(report, FINDING_WARN, "mail", "set secrets.key (openssl rand -hex 32)",
                   "there is no key, so answers do not name their conversation, and no codes "
                   "are sent");
    }
    if (config->public_url.len == 0) {
        report_add(report, FINDING_WARN, "mail", "set public_url",
                   "a mail's buttons cannot act: they open an answer with the number in it");
    }
}

static void check_ways_in(struct report *report, const struct config *config)
{
    bool resend = config->resend.webhook_secret.len > 0;
    bool gateway = config->mail.gateway_token.len > 0;

    if (!resend && !gateway) {
        report_add(report, FINDING_WARN, "mail",
                   "set resend.webhook_secret or mail.gateway_token",
                   "nobody may bring mail in: answers and bounces are not heard of");
    }
    if (resend && config->resend.api_key.len == 0) {
        report_add(report, FINDING_FAIL, "mail", "set resend.api_key",
                   "what Resend announces cannot be fetched without a key");
    }
    if (gateway && config->mail.authserv.len == 0) {
        report_add(report, FINDING_WARN, "mail", "set mail.authserv",
                   "nobody vouches for senders: whoever writes first is a stranger");
    }
}

/* What to enter where. */
static void tell_addresses(struct report *report, const struct config *config)
{
    if (config->public_url.len == 0)
        return;
    if (config->resend.webhook_secret.len > 0) {
        report_add(report, FINDING_OK, "mail", NULL,
                   "the address to give to Resend is %.*s/webhooks/resend",
                   STR_ARG(config->public_url));
    }
    if (config->mail.gateway_token.len > 0) {
        report_add(report, FINDING_OK, "mail", NULL,
                   "the address to give to the gateway is %.*s/webhooks/mail/RECIPIENT",
                   STR_ARG(config->public_url));
    }
}

void doctor_mail(struct report *report, const struct config *config, size_t addresses)
{
    bool smtp = str_eq(config->mail.transport, STR("smtp"));
    bool set_up_at_all = smtp ? config->smtp.host.len > 0 : config->resend.api_key.len > 0;

    if (addresses == 0 && !set_up_at_all)
        return;
    if (!set_up_at_all) {
        report_add(report, FINDING_WARN, "mail",
                   "set resend.api_key, or mail.transport: smtp and smtp.host",
                   "%zu %s known, but nothing that carries it", addresses,
                   CLI_OF(addresses, "address of mail is", "addresses of mail are"));
        return;
    }
    if (smtp) {
        check_smtp(report, config);
    } else {
        check_resend(report, config);
    }
    check_surroundings(report, config);
    if (addresses > 0) {
        check_ways_in(report, config);
    } else {
        report_add(report, FINDING_WARN, "mail",
                   "add the address to accounts and directory (docs/operate.md)",
                   "a carrier is set, but no address of mail is known: what comes is nobody's");
    }
    tell_addresses(report, config);
}
