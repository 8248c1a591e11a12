/*
 * What only the settings together can tell: which of them need each other, and which would do
 * harm. Each refusal names the setting and the cure.
 */
#include "bot/config/config_settings.h"

static bool check_url(struct config *config, const char *section, struct str *url,
                      bool allow_http, struct err *err)
{
    bool plain = str_starts(*url, STR("http://"));
    config_strip_slashes(config, url);
    if (!plain && !str_starts(*url, STR("https://"))) {
        return err_raise(err, ERR_REJECT,
                         "%s.base_url must begin with https:// (or http:// together with "
                         "%s.allow_http: true)",
                         section, section);
    }
    if (plain && !allow_http) {
        return err_raise(err, ERR_REJECT,
                         "%s.base_url has no TLS, so tokens would travel in the clear: "
                         "use https://, or %s.allow_http: true in a sandbox",
                         section, section);
    }
    return true;
}

static bool check_public_url(struct config *config, struct err *err)
{
    struct str *url = &config->public_url;
    config_strip_slashes(config, url);
    return url->len == 0 || str_starts(*url, STR("https://")) ||
           str_starts(*url, STR("http://")) ||
           err_raise(err, ERR_REJECT, "public_url must begin with https:// (or http://)");
}

#define KEY_LEAST 32 /* characters */

static bool check_secrets(const struct config *config, struct err *err)
{
    if ((config->twilio.account_sid.len == 0) != (config->twilio.auth_token.len == 0)) {
        return err_raise(err, ERR_REJECT,
                         "twilio.account_sid and twilio.auth_token belong together: give both "
                         "or neither");
    }
    return config->secrets.key.len == 0 || config->secrets.key.len >= KEY_LEAST ||
           err_raise(err, ERR_REJECT,
                     "secrets.key is shorter than %d characters: use `openssl rand -hex 32`",
                     KEY_LEAST);
}

/* A password may cross this machine in the clear, and nothing else. */
static bool is_this_machine(struct str host)
{
    return str_eq(host, STR("localhost")) || str_eq(host, STR("::1")) ||
           str_starts(host, STR("127."));
}

/* Keys say of which mode they are: a page of one mode with the other's key would pay nobody. */
static bool check_stripe(const struct config *config, struct err *err)
{
    struct str secret = config->stripe.secret_key, shown = config->stripe.publishable_key;
    bool live = str_starts(secret, STR("sk_live_")) || str_starts(secret, STR("rk_live_"));

    if (secret.len > 0 && config->stripe.webhook_secret.len == 0) {
        return err_raise(err, ERR_REJECT,
                         "stripe.secret_key without stripe.webhook_secret: nobody would hear "
                         "that something was paid");
    }
    if (secret.len > 0 && config->public_url.len == 0) {
        return err_raise(err, ERR_REJECT,
                         "stripe.secret_key without public_url: whoever has paid would have "
                         "nowhere to come back to");
    }
    if (secret.len > 0 && shown.len > 0 && live != str_starts(shown, STR("pk_live_"))) {
        return err_raise(err, ERR_REJECT,
                         "stripe.publishable_key is of another mode than stripe.secret_key");
    }
    return true;
}

static bool check_smtp(const struct config *config, struct err *err)
{
    bool chosen = str_eq(config->mail.transport, STR("smtp"));

    if (chosen && config->smtp.host.len == 0)
        return err_raise(err, ERR_REJECT, "mail.transport is smtp: give smtp.host, too");
    if ((config->smtp.user.len == 0) != (config->smtp.password.len == 0)) {
        return err_raise(err, ERR_REJECT,
                         "smtp.user and smtp.password belong together: give both or neither");
    }
    for (size_t i = 0; i < config->smtp.host.len; i++) {
        if (strchr("/@?#[] ", config->smtp.host.at[i]) != NULL)
            return err_raise(err, ERR_REJECT, "smtp.host is a name or an address, alone");
    }
    return !str_eq(config->smtp.tls, STR("none")) || config->smtp.host.len == 0 ||
           is_this_machine(config->smtp.host) ||
           err_raise(err, ERR_REJECT,
                     "smtp.tls is none, and smtp.host is another machine: mails and the "
                     "password would travel in the clear; use starttls or implicit");
}

bool config_check(struct config *config, struct err *err)
{
    if ((config->tls.cert.len == 0) != (config->tls.key.len == 0)) {
        return err_raise(err, ERR_REJECT,
                         "tls.cert and tls.key belong together: give both or neither");
    }
    if (config->outbox.retry_first > config->outbox.retry_max) {
        return err_raise(err, ERR_REJECT,
                         "outbox.retry_first is longer than outbox.retry_max: shorten it");
    }
    if (config->http.bodies_max < config->http.body_max) {
        return err_raise(err, ERR_REJECT,
                         "http.bodies_max is less than http.body_max: no body could come in");
    }
    if (config->mail.gateway_token.len > 0 && config->http.bodies_max < config->mail.in_max) {
        return err_raise(
            err, ERR_REJECT,
            "http.bodies_max is less than mail.in_max: no such mail could come in");
    }
    if (config->mail.gateway_token.len > 0 && config->mail.gateway_token.len < 16) {
        return err_raise(err, ERR_REJECT,
                         "mail.gateway_token is too short: 16 characters or more");
    }
    if (config->database.owner_url.len == 0)
        config->database.owner_url = config->database.url;
    return check_url(config, "whatsapp", &config->whatsapp.base_url,
                     config->whatsapp.allow_http, err) &&
           check_url(config, "twilio", &config->twilio.base_url, config->twilio.allow_http,
                     err) &&
           check_url(config, "resend", &config->resend.base_url, config->resend.allow_http,
                     err) &&
           check_url(config, "stripe", &config->stripe.base_url, config->stripe.allow_http,
                     err) &&
           check_stripe(config, err) && check_smtp(config, err) &&
           check_public_url(config, err) && check_secrets(config, err);
}
