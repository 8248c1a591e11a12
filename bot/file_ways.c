#include "bot/file_ways.h"

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

static bool mms_fetch(struct arena *into, const struct config *config,
                      const struct account *account, struct str url,
                      struct http_request *request, struct err *err)
{
    struct twilio_sender sender = twilio_sender_of(config);

    (void)account;
    return twilio_encode_file(into, &sender, url, request, err);
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
                                         .hops = 2,
                                         .at_once = true};

    return channel == CHANNEL_WHATSAPP ? &whatsapp : channel == CHANNEL_SMS ? &mms : NULL;
}
