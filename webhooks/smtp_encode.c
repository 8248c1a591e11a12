#include "webhooks/smtp.h"

#define KEY_MAX 64 /* stands before an at, and in a boundary */

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
        if (!plain)
            return false;
    }
    return host.len > 0;
}

static bool is_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '.' || c == '-';
        if (!plain)
            return false;
    }
    return key.len > 0 && key.len <= KEY_MAX;
}

/* The name that we greet with is the sending address's domain. */
static struct str url_of(struct arena *into, const struct smtp_sender *sender,
                         struct str account)
{
    bool numeric6 = str_find(sender->host, STR(":")) < sender->host.len;

    return arena_format(into, "%s://%s%.*s%s:%u/%.*s",
                        sender->tls == SMTP_IMPLICIT ? "smtps" : "smtp", numeric6 ? "[" : "",
                        STR_ARG(sender->host), numeric6 ? "]" : "", sender->port,
                        STR_ARG(mail_domain(account)));
}

bool smtp_encode(struct arena *into, const struct smtp_sender *sender,
                 const struct outbound *message, struct http_request *request, struct err *err)
{
    struct mail_envelope *envelope = arena_new(into, struct mail_envelope);

    if (!is_host(sender->host) || sender->port == 0)
        return err_raise(err, ERR_REJECT, "mail: the mail server's name is none");
    if (!mail_check(message, err))
        return false;
    if (!is_key(message->key))
        return err_raise(err, ERR_REJECT, "mail: the message has no key");
    *envelope =
        (struct mail_envelope){.from = message->account,
                               .to = message->to.email,
                               .id = arena_format(into, "<%.*s@%.*s>", STR_ARG(message->key),
                                                  STR_ARG(mail_domain(message->account))),
                               .user = sender->user,
                               .password = sender->password,
                               .starttls = sender->tls == SMTP_STARTTLS,
                               .ca_file = sender->ca_file};
    *request = (struct http_request){
        .method = "MAIL", .url = url_of(into, sender, message->account), .mail = envelope};
    request->body = smtp_mail(into, message, envelope->id, sender->now);
    return true;
}
