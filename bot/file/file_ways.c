#include "bot/file/file_ways.h"

#include "webhooks/resend_in.h"
#include "webhooks/twilio.h"
#include "webhooks/whatsapp.h"

/* --- WhatsApp: a look-up names an address at Meta's, which wants the token, too
 * ---------------
 */

static struct whatsapp_sender whatsapp_sender_of(const struct config *config,
                                                 const struct account *account)
{
    return (struct whatsapp_sender){config->whatsapp.base_url, account->app->token};
}

static bool whatsapp_is_ready(const struct config *config, const struct account *account)
{
    (void)config;
    return account->app != NULL;
}

static bool whatsapp_ask(struct arena *into, const struct config *config,
                         const struct account *account, struct str handle,
                         struct http_request *request, struct err *err)
{
    struct whatsapp_sender sender = whatsapp_sender_of(config, account);

    return whatsapp_encode_media_lookup(into, &sender, account->external_id, handle, request,
                                        err);
}

static bool whatsapp_read(struct arena *into, const struct fetch *fetch,
                          struct remote_file *file, struct err *err)
{
    struct whatsapp_file found;

    if (!whatsapp_read_file(into, &fetch->answer, &found, err))
        return false;
    *file = (struct remote_file){.url = found.url,
                                 .sha256 = found.sha256,
                                 .has_sha256 = found.has_sha256,
                                 .size = found.size};
    return true;
}

static bool whatsapp_fetch(struct arena *into, const struct config *config,
                           const struct account *account, struct str url,
                           struct http_request *request, struct err *err)
{
    struct whatsapp_sender sender = whatsapp_sender_of(config, account);

    return whatsapp_encode_media_fetch(into, &sender, url, request, err);
}

/* --- MMS: the API has the file, or says where it lies; only the API gets the credentials
 * ------
 */

static struct twilio_sender twilio_sender_of(const struct config *config)
{
    return (struct twilio_sender){.base = config->twilio.base_url,
                                  .account_sid = config->twilio.account_sid,
                                  .auth_token = config->twilio.auth_token};
}

static bool mms_is_ready(const struct config *config, const struct account *account)
{
    (void)account;
    return config->twilio.account_sid.len > 0 && config->twilio.auth_token.len > 0;
}

static bool mms_ask(struct arena *into, const struct config *config,
                    const struct account *account, struct str handle,
                    struct http_request *request, struct err *err)
{
    struct twilio_sender sender = twilio_sender_of(config);

    (void)account;
    return twilio_encode_media(into, &sender, handle, request, err);
}

static bool mms_read(struct arena *into, const struct fetch *fetch, struct remote_file *file,
                     struct err *err)
{
    const struct http_answer *answer = &fetch->answer;
    bool answered = answer->fate == HTTP_ANSWERED;
    bool gone = answered && (answer->status == 404 || answer->status == 410);

    (void)into;
    *file = (struct remote_file){.url = fetch->redirect, .size = -1};
    if (answered && (answer->status == 200 || fetch->redirect.len > 0))
        return true;
    return err_raise(err, gone ? ERR_REJECT : ERR_RETRY, "MMS: the file's address answered %d",
                     answer->status);
}

/* The sandbox's storage is on this machine. */
static bool mms_is_elsewhere(const struct config *config)
{
    return !config->twilio.allow_http;
}

static bool mms_fetch(struct arena *into, const struct config *config,
                      const struct account *account, struct str url,
                      struct http_request *request, struct err *err)
{
    struct twilio_sender sender = twilio_sender_of(config);

    (void)account;
    return twilio_encode_file(into, &sender, url, request, err);
}

/* --- mail by Resend: the API names an address that is signed, and wants no credentials -------
 */

static struct resend_reader resend_reader_of(const struct config *config)
{
    return (struct resend_reader){config->resend.base_url, config->resend.api_key};
}

static bool mail_is_ready(const struct config *config, const struct account *account)
{
    (void)account;
    return config->resend.api_key.len > 0;
}

static bool mail_ask(struct arena *into, const struct config *config,
                     const struct account *account, struct str handle,
                     struct http_request *request, struct err *err)
{
    struct resend_reader reader = resend_reader_of(config);

    (void)account;
    return resend_encode_file(into, &reader, handle, request, err);
}

static bool mail_read(struct arena *into, const struct fetch *fetch, struct remote_file *file,
                      struct err *err)
{
    struct resend_file found;

    if (!resend_read_file(into, &fetch->answer, &found, err))
        return false;
    *file = (struct remote_file){.url = found.url,
                                 .size = found.size > 0 ? (int64_t)found.size : -1};
    return true;
}

static bool mail_fetch(struct arena *into, const struct config *config,
                       const struct account *account, struct str url,
                       struct http_request *request, struct err *err)
{
    (void)into;
    (void)account;
    if (!str_starts(url, STR("https://")) &&
        !(config->resend.allow_http && str_starts(url, STR("http://"))))
        return err_raise(err, ERR_REJECT, "the attachment's address is not https");
    *request = (struct http_request){.method = "GET", .url = url, .repeatable = true};
    return true;
}

static bool mail_is_elsewhere(const struct config *config)
{
    return !config->resend.allow_http; /* a sandbox has no network but ours */
}

const struct file_ways *file_ways(enum channel channel)
{
    static const struct file_ways whatsapp = {.is_ready = whatsapp_is_ready,
                                              .ask = whatsapp_ask,
                                              .read = whatsapp_read,
                                              .fetch = whatsapp_fetch};
    static const struct file_ways mms = {.is_ready = mms_is_ready,
                                         .ask = mms_ask,
                                         .read = mms_read,
                                         .fetch = mms_fetch,
                                         .is_elsewhere = mms_is_elsewhere,
                                         .hops = 2,
                                         .at_once = true};

    static const struct file_ways mail = {.is_ready = mail_is_ready,
                                          .ask = mail_ask,
                                          .read = mail_read,
                                          .fetch = mail_fetch,
                                          .is_elsewhere = mail_is_elsewhere};

    switch (channel) {
    case CHANNEL_WHATSAPP:
        return &whatsapp;
    case CHANNEL_SMS:
        return &mms;
    case CHANNEL_EMAIL:
        return &mail;
    default:
        return NULL;
    }
}
