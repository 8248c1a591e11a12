/*
 * What mail servers report about our mails: RFC 3464 (delivery) and RFC 5965 (complaints).
 *
 * Anybody can write such a report, so its word counts for the mail that it names by an id of
 * ours, which only those have who got that mail.
 */
#include "webhooks/mail.h"

#include "bot/base/ascii.h"

/* The first line "name: value" of the text, without what is folded below it. */
static struct str field(struct str text, struct str name)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        if (ascii_starts(line, name) && line.len > name.len && line.at[name.len] == ':')
            return str_trim(str_slice(line, name.len + 1, line.len));
    }
    return STR_NONE;
}

/* "rfc822; ana@example.net" */
static struct str address_of(struct arena *into, struct str value)
{
    size_t semicolon = str_find(value, STR(";"));
    struct str address;

    if (semicolon < value.len)
        value = str_slice(value, semicolon + 1, value.len);
    return mail_address(into, value, &address) ? address : STR_NONE;
}

/* "5.1.1" is 50101: apart from the answers of any server, which have three digits. */
static int code_of(struct str status)
{
    int code = 0, number = 0, parts = 1;

    for (size_t i = 0; i < status.len && status.at[i] != ' '; i++) {
        if (status.at[i] == '.' && parts < 3) {
            code = (code + number) * 100;
            number = 0;
            parts++;
        } else if (status.at[i] >= '0' && status.at[i] <= '9') {
            number = number * 10 + (status.at[i] - '0') < 99
                         ? number * 10 + (status.at[i] - '0')
                         : 99;
        } else {
            return 0;
        }
    }
    return parts == 3 ? code + number : 0;
}

static struct str message_id_of(struct str head)
{
    struct str rest = field(head, STR("message-id")), id;

    return mail_next_id(&rest, &id) ? id : STR_NONE;
}

/* "5.XXX.XXX persistent, 4.XXX.XXX transient"; a full mailbox or a mail too large is not the
 * address's end, however a server numbers it (X.2.2, X.3.4, X.2.3, X.7.1: policy). */
static bool is_lasting(struct str status)
{
    static const char *const for_now[] = {"5.2.2", "5.2.3", "5.3.4", "5.7."};

    for (size_t i = 0; i < COUNTOF(for_now); i++) {
        if (str_starts(status, str_from(for_now[i])))
            return false;
    }
    return str_starts(status, STR("5."));
}

static enum mail_news news_of(struct str action, struct str status)
{
    if (ascii_starts(action, STR("failed")))
        return is_lasting(status) ? MAIL_RETURNED : MAIL_FAILED;
    if (ascii_starts(action, STR("delayed")))
        return MAIL_DELAYED;
    return action.len > 0 ? MAIL_RELAYED : MAIL_NO_NEWS;
}

void mail_report_delivery(struct arena *into, struct str status, struct str returned,
                          struct mail_report *report)
{
    struct str code = field(status, STR("status"));
    struct str to = field(status, STR("final-recipient"));

    if (to.len == 0)
        to = field(status, STR("original-recipient"));
    *report = (struct mail_report){.news = news_of(field(status, STR("action")), code),
                                   .recipient = address_of(into, to),
                                   .message_id = arena_str(into, message_id_of(returned)),
                                   .code = code_of(code)};
}

void mail_report_feedback(struct arena *into, struct str feedback, struct str returned,
                          struct mail_report *report)
{
    struct str to = field(feedback, STR("original-rcpt-to"));
    bool liked = ascii_starts(field(feedback, STR("feedback-type")), STR("not-spam"));

    if (to.len == 0)
        to = field(returned, STR("to"));
    *report = (struct mail_report){.news = liked ? MAIL_NO_NEWS : MAIL_COMPLAINT,
                                   .recipient = address_of(into, to),
                                   .message_id = arena_str(into, message_id_of(returned))};
}
