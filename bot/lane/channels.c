#include "bot/lane/channels.h"

#include "bot/base/crypto.h"
#include "bot/loop/loop.h"
#include "webhooks/resend_batch.h"
#include "webhooks/smtp.h"
#include "webhooks/twilio.h"
#include "webhooks/whatsapp.h"

/* --- WhatsApp ----------------------------------------------------------------------------- */

static bool whatsapp_is_ready(const struct config *config, const struct account *account)
{
    (void)config;
    return account->app != NULL;
}

static struct channel_limits whatsapp_limits(const struct config *config)
{
    return (struct channel_limits){.rate = config->whatsapp.rate,
                                   .rate_burst = config->whatsapp.rate_burst,
                                   .connections = config->whatsapp.connections,
                                   .pair_interval = config->whatsapp.pair_interval,
                                   .pair_burst = config->whatsapp.pair_burst,
                                   .window = config->whatsapp.service_window,
                                   .connect_timeout = config->whatsapp.connect_timeout,
                                   .timeout = config->whatsapp.timeout,
                                   .answer_max = config->whatsapp.answer_max};
}

static bool whatsapp_put(struct arena *into, const struct config *config,
                         const struct account *account, const struct outbound *message,
                         struct http_request *request, struct err *err)
{
    struct whatsapp_sender sender = {config->whatsapp.base_url, account->app->token};

    return whatsapp_encode(into, &sender, message, request, err);
}

static bool whatsapp_upload(struct arena *into, const struct config *config,
                            const struct account *account, const struct outbound_file *file,
                            struct http_request *request, struct err *err)
{
    struct whatsapp_sender sender = {config->whatsapp.base_url, account->app->token};

    return whatsapp_encode_upload(into, &sender, account->external_id, file, request, err);
}

/* --- SMS ---------------------------------------------------------------------------------- */

#define SMS_UNDER_WAY 16 /* a number sends one after the other anyway */

static bool sms_is_ready(const struct config *config, const struct account *account)
{
    (void)account;
    return config->twilio.account_sid.len > 0 && config->twilio.auth_token.len > 0;
}

static struct channel_limits sms_limits(const struct config *config)
{
    return (struct channel_limits){.rate = config->twilio.rate,
                                   .rate_burst = config->twilio.rate_burst,
                                   .connections = SMS_UNDER_WAY,
                                   .connect_timeout = config->twilio.connect_timeout,
                                   .timeout = config->twilio.timeout,
                                   .answer_max = config->twilio.answer_max};
}

static bool sms_put(struct arena *into, const struct config *config,
                    const struct account *account, const struct outbound *message,
                    struct http_request *request, struct err *err)
{
    struct twilio_sender sender = {.base = config->twilio.base_url,
                                   .account_sid = config->twilio.account_sid,
                                   .auth_token = config->twilio.auth_token,
                                   .plain_letters = message->plain_letters,
                                   .mms = message->mms};

    (void)account;
    if (config->public_url.len > 0) {
        sender.callback =
            arena_format(into, "%.*s/webhooks/twilio/status", STR_ARG(config->public_url));
    }
    return twilio_encode(into, &sender, message, request, err);
}

/* --- email -------------------------------------------------------------------------------- */

static bool by_smtp(const struct config *config)
{
    return str_eq(config->mail.transport, STR("smtp"));
}

static bool mail_is_ready(const struct config *config, const struct account *account)
{
    (void)account;
    return by_smtp(config) ? config->smtp.host.len > 0 : config->resend.api_key.len > 0;
}

static struct channel_limits mail_limits(const struct config *config)
{
    return (struct channel_limits){.rate = config->mail.rate,
                                   .rate_burst = config->mail.rate_burst,
                                   .one_key = !by_smtp(config),
                                   .connections = config->mail.connections,
                                   .connect_timeout = config->mail.connect_timeout,
                                   .timeout = config->mail.timeout,
                                   .answer_max = config->resend.answer_max};
}

static bool smtp_put(struct arena *into, const struct config *config,
                     const struct account *account, const struct outbound *message,
                     struct http_request *request, struct err *err)
{
    struct str tls = config->smtp.tls;
    struct smtp_sender sender = {.host = config->smtp.host,
                                 .port = config->smtp.port,
                                 .tls = str_eq(tls, STR("none"))       ? SMTP_PLAIN
                                        : str_eq(tls, STR("implicit")) ? SMTP_IMPLICIT
                                                                       : SMTP_STARTTLS,
                                 .user = config->smtp.user,
                                 .password = config->smtp.password,
                                 .ca_file = config->smtp.ca_file,
                                 .now = clock_now()};

    (void)account;
    return smtp_encode(into, &sender, message, request, err);
}

static struct resend_sender resend_of(const struct config *config)
{
    return (struct resend_sender){.base = config->resend.base_url,
                                  .api_key = config->resend.api_key};
}

static bool resend_put(struct arena *into, const struct config *config,
                       const struct account *account, const struct outbound *message,
                       struct http_request *request, struct err *err)
{
    struct resend_sender sender = resend_of(config);

    (void)account;
    return resend_encode(into, &sender, message, request, err);
}

static bool resend_put_many(struct arena *into, const struct config *config, struct str key,
                            const struct str *members, size_t n, struct http_request *request,
                            struct err *err)
{
    struct resend_sender sender = resend_of(config);

    return resend_batch_encode(into, &sender, key, members, n, request, err);
}

/* --- the table ---------------------------------------------------------------------------- */

const struct channel_ways *channel_ways(enum channel channel)
{
    static const struct channel_ways whatsapp = {.is_ready = whatsapp_is_ready,
                                                 .limits = whatsapp_limits,
                                                 .encode = whatsapp_put,
                                                 .answer = whatsapp_answer,
                                                 .error = whatsapp_error,
                                                 .upload = whatsapp_upload,
                                                 .uploaded = whatsapp_answer_upload,
                                                 .file_life = 25 * USEC_PER_DAY};
    static const struct channel_ways sms = {.is_ready = sms_is_ready,
                                            .limits = sms_limits,
                                            .face = face_sms,
                                            .encode = sms_put,
                                            .answer = twilio_answer,
                                            .error = twilio_error};
    static const struct bundle_ways mails = {.least = 3,
                                             .most = RESEND_BATCH_MAX,
                                             .member = resend_batch_member,
                                             .encode = resend_put_many,
                                             .answer = resend_batch_answer};
    static const struct channel_ways mail = {.is_ready = mail_is_ready,
                                             .limits = mail_limits,
                                             .face = face_mail,
                                             .encode = resend_put,
                                             .answer = resend_answer,
                                             .error = smtp_error,
                                             .bundle = &mails};

    return channel == CHANNEL_SMS ? &sms : channel == CHANNEL_EMAIL ? &mail : &whatsapp;
}

const struct channel_ways *channel_ways_by(const struct config *config, enum channel channel)
{
    static const struct channel_ways smtp = {.is_ready = mail_is_ready,
                                             .limits = mail_limits,
                                             .face = face_mail,
                                             .encode = smtp_put,
                                             .answer = smtp_answer,
                                             .error = smtp_error};

    return channel == CHANNEL_EMAIL && by_smtp(config) ? &smtp : channel_ways(channel);
}

/* --- sealed words ------------------------------------------------------------------------- */

static const char purpose[] = "parley outbox 1";

bool channel_seal(struct arena *into, const struct config *config, struct str plain,
                  struct str *sealed)
{
    struct hash key = crypto_subkey(config->secrets.key, purpose);
    uint8_t nonce[NONCE_LEN];

    if (config->secrets.key.len == 0)
        return false;
    random_bytes(nonce, sizeof nonce);
    *sealed = crypto_seal(into, &key, nonce, plain);
    crypto_wipe(&key, sizeof key);
    return true;
}

bool channel_open(struct arena *into, const struct config *config, struct str sealed,
                  struct str *plain, struct err *err)
{
    struct hash key = crypto_subkey(config->secrets.key, purpose);
    bool opened = crypto_open(into, &key, sealed, plain, err);

    crypto_wipe(&key, sizeof key);
    return opened;
}
