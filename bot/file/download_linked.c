/*
 * A file that a CRM named by its address (document.added, photo.added). Nobody waits for it in
 * a conversation: when it is kept its customer may hear of it, and when it cannot be, the CRM
 * does (crm_file_kept, crm_file_end: migration 0087).
 *
 * The address is somebody else's choice. So only https is asked (http in the sandbox), few
 * redirects are followed, and no address of our own network is reached, but at a host that the
 * operator has named (crm.file_hosts); who was sent on from outside may not go in there either.
 */
#include "bot/file/download_inside.h"

#include "bot/base/url_host.h"
#include "bot/loop/log.h"
#include "bot/net/public_net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#define HOPS       2
#define GONE_TRIES 5 /* "no such file", "not for you", so often: it will not change */

static void ask(struct download *download, struct str url);

bool download_is_linked(const struct download *download)
{
    return !download->in_conversation && (str_starts(download->handle, STR("https://")) ||
                                          str_starts(download->handle, STR("http://")));
}

/* --- where to -------------------------------------------------------------------------------
 */

static bool is_named(struct str hosts, struct str host)
{
    struct str one;

    while (str_split(&hosts, ' ', &one)) {
        if (one.len == host.len && one.len > 0 && strncasecmp(one.at, host.at, one.len) == 0)
            return true;
    }
    return false;
}

/* An address in figures that is not of the internet: no name has to be asked for that. */
static bool is_private(struct arena *scratch, struct str host)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    const char *text = arena_cstr(scratch, host);

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return !net_is_public((struct sockaddr *)&four);
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
        return !net_is_public((struct sockaddr *)&six);
    return strcasecmp(text, "localhost") == 0;
}

static bool may_ask(struct download *download, struct str url, struct err *err)
{
    const struct config *config = download->downloads->worker->config;
    struct str host = url_host(url);
    bool allowed = config->crm.allow_private || is_named(config->crm.file_hosts, host);

    if (download->hops == HOPS)
        download->inside = allowed;
    download->inside = download->inside && allowed;
    if (host.len == 0 || !(str_starts(url, STR("https://")) ||
                           (config->crm.allow_private && str_starts(url, STR("http://")))))
        return err_raise(err, ERR_REJECT, "no address that is asked for files");
    if (!download->inside && is_private(&download->arena, host))
        return err_raise(err, ERR_REJECT, "an address of our own network");
    return true;
}

/* --- one answer -----------------------------------------------------------------------------
 */

/* What will be the same next time, too. */
static bool is_final(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

static void answered(struct download *download)
{
    struct fetch *fetch = &download->fetch;

    if (fetch->redirect.len > 0 && download->hops > 0) {
        download->hops--;
        ask(download, fetch->redirect);
    } else if (fetch->answer.status == 200) {
        download->bytes = fetch->answer.body;
        download_judge(download);
    } else {
        (void)err_raise(&fetch->err, ERR_RETRY, "the file's address answered %d",
                        fetch->answer.status);
        if (is_final(fetch->answer.status)) {
            download_refused(download, GONE_TRIES, DOCUMENT_LOST, "lost", &fetch->err);
        } else {
            download_later(download, &fetch->err);
        }
    }
}

static void fetched(struct fetch *fetch)
{
    struct download *download = CONTAINER_OF(fetch, struct download, fetch);

    if (download->downloads->closing) {
        download_finish(download);
    } else if (fetch->answer.fate == HTTP_UNKNOWN && fetch->err.code == ERR_REJECT) {
        download_end(download, DOCUMENT_REFUSED, "too_large");
    } else if (fetch->answer.fate != HTTP_ANSWERED) {
        download_later(download, &fetch->err);
    } else {
        answered(download);
    }
}

/* However often one address leads to the next, all of it has the time of one: so the lease
 * holds. */
static usec_t time_left(const struct download *download)
{
    usec_t whole = download->downloads->worker->config->documents.timeout;
    usec_t spent = clock_monotonic() - download->began;

    return spent < whole ? whole - spent : USEC_PER_MSEC;
}

static void ask(struct download *download, struct str url)
{
    const struct config *config = download->downloads->worker->config;
    struct err err = {0};

    if (!may_ask(download, url, &err)) {
        log_event(LOG_ALERT, "document.foreign_address", LOG_ID("document", download->id),
                  LOG_ERR(&err));
        download_end(download, DOCUMENT_REFUSED, "address");
        return;
    }
    download->request = (struct http_request){.method = "GET", .url = url, .repeatable = true};
    download->fetch = (struct fetch){.request = &download->request,
                                     .connect_timeout = config->whatsapp.connect_timeout,
                                     .timeout = time_left(download),
                                     .until = download->until,
                                     .body_max = config->documents.max_size,
                                     .public_only = !download->inside,
                                     .into = &download->arena,
                                     .done = fetched};
    fetcher_start(download->downloads->worker->fetcher, &download->fetch);
}

void download_linked(struct download *download)
{
    download->hops = HOPS;
    ask(download, download->handle);
}
