/*
 * What the fields of a mail's head say. All of them but those of our own mail server are the
 * sender's to choose, so they thread, and never prove.
 */
#include "webhooks/mail.h"

#include "bot/base/ascii.h"
#include "bot/base/uuid.h"

#define ID_MAX 250 /* longer ones are nobody's */

struct str mail_header_get(const struct mail_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n; i++) {
        if (ascii_eq(headers->at[i].name, str_from(name)))
            return headers->at[i].value;
    }
    return STR_NONE;
}

/* --- addresses ---------------------------------------------------------------------------- */

/* "Ana <ana@example.net>": what stands in the last brackets, else all of it. */
static struct str within_brackets(struct str text)
{
    size_t open = text.len, close;

    for (size_t i = text.len; i-- > 0 && open == text.len;) {
        if (text.at[i] == '<')
            open = i;
    }
    if (open == text.len)
        return str_trim(text);
    close = str_find(str_slice(text, open, text.len), STR(">"));
    return str_trim(str_slice(text, open + 1, close - 1));
}

static bool is_sendable(struct str address)
{
    size_t at = address.len;
    bool dot = false;

    if (address.len > MAIL_ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.at[i];
        if (c <= ' ' || c == 127 || strchr("<>()[],;:\"\\", c) != NULL)
            return false; /* letters beyond ASCII are not what mail servers agree on */
        if (c == '@' && at < address.len)
            return false;
        if (c == '@')
            at = i;
        dot |= at < i && c == '.';
    }
    return at > 0 && at <= 64 && at + 1 < address.len && dot && address.at[at + 1] != '.' &&
           address.at[address.len - 1] != '.';
}

bool mail_address(struct arena *into, struct str text, struct str *address)
{
    struct str found = within_brackets(str_slice(text, 0, 4096));

    *address = STR_NONE;
    if (found.len > 7 && ascii_eq(str_slice(found, 0, 7), STR("mailto:")))
        found = str_slice(found, 7, found.len);
    if (!is_sendable(found))
        return false;
    *address = ascii_lowered(into, found);
    return true;
}

struct str mail_address_bare(struct arena *into, struct str address, struct str *token)
{
    size_t at = str_find(address, STR("@")), plus = str_find(address, STR("+"));

    *token = STR_NONE;
    if (plus >= at || plus == 0)
        return address;
    *token = str_slice(address, plus + 1, at - plus - 1);
    return arena_concat(into, str_slice(address, 0, plus), str_slice(address, at, address.len));
}

/* --- ids ---------------------------------------------------------------------------------- */

bool mail_next_id(struct str *rest, struct str *id)
{
    for (;;) {
        size_t open = str_find(*rest, STR("<")), close;
        bool clean = true;
        if (open == rest->len)
            return false;
        *rest = str_slice(*rest, open, rest->len);
        close = str_find(*rest, STR(">"));
        if (close == rest->len)
            return false;
        *id = str_slice(*rest, 0, close + 1);
        *rest = str_slice(*rest, close + 1, rest->len);
        for (size_t i = 1; i < close; i++)
            clean &= id->at[i] > ' ' && id->at[i] < 127 && id->at[i] != '<';
        if (clean && id->len > 2 && id->len <= ID_MAX)
            return true;
    }
}

/* "<p1.<conversation>.<seq>@our.host>" */
bool mail_id_is_ours(struct str message_id, struct str *key)
{
    struct str rest = str_slice(message_id, 1, message_id.len), left, lead, id;
    struct uuid conversation;
    int64_t seq;

    *key = STR_NONE;
    if (!str_starts(message_id, STR("<")) || !str_split(&rest, '@', &left))
        return false;
    rest = left;
    if (!str_split(&rest, '.', &lead) || !str_eq(lead, STR("p1")) ||
        !str_split(&rest, '.', &id) || !uuid_parse(id, &conversation) ||
        !str_to_int(rest, &seq) || seq <= 0)
        return false;
    *key = left;
    return true;
}

/* --- who vouches -------------------------------------------------------------------------- */

static bool ends_token(struct str text, size_t i)
{
    return i >= text.len || strchr(" \t;()", text.at[i]) != NULL;
}

/* Comments out: "dmarc=pass (p=none)" tells by its words alone. */
static struct str without_comments(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0, depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '(') {
            depth++;
        } else if (text.at[i] == ')' && depth > 0) {
            depth--;
        } else if (depth == 0) {
            out[len++] = ascii_lower(text.at[i]);
        }
    }
    return (struct str){out, len};
}

/* The value of "name=value" in one result, or nothing. */
static struct str property(struct str result, struct str name)
{
    for (size_t from = 0; from < result.len;) {
        size_t end = from, equals;
        struct str word;
        while (!ends_token(result, end))
            end++;
        word = str_slice(result, from, end - from);
        equals = str_find(word, STR("="));
        if (equals < word.len && str_eq(str_slice(word, 0, equals), name))
            return str_slice(word, equals + 1, word.len);
        from = end + 1;
    }
    return STR_NONE;
}

/* Two senders in one field are not one that anybody vouches for. */
static bool names_many(struct str from)
{
    bool quoted = false;

    for (size_t i = 0; i < from.len; i++) {
        if (from.at[i] == '"' && (i == 0 || from.at[i - 1] != '\\'))
            quoted = !quoted;
        if (!quoted && (from.at[i] == ',' || from.at[i] == ';'))
            return true;
    }
    return false;
}

/* "authserv-id [version]; method=result ...; ..." */
static bool says_pass(struct arena *scratch, struct str value, struct str domain)
{
    struct str rest = without_comments(scratch, value), result;

    (void)str_split(&rest, ';', &result);
    while (str_split(&rest, ';', &result)) {
        struct str verdict = property(str_trim(result), STR("dmarc"));
        struct str of = property(result, STR("header.from"));
        if (verdict.len > 0)
            return str_eq(verdict, STR("pass")) && ascii_eq(of, domain);
    }
    return false;
}

static struct str authserv_of(struct str value)
{
    size_t end = 0;

    value = str_trim(value);
    while (!ends_token(value, end))
        end++;
    return str_slice(value, 0, end);
}

/* A server puts its own on top; what stands below may be anybody's, so the first one decides.
 */
bool mail_is_vouched(struct arena *scratch, const struct mail_rules *rules,
                     const struct mail_headers *headers, struct str field, struct str from)
{
    struct str domain = str_slice(from, str_find(from, STR("@")) + 1, from.len);
    size_t froms = 0;

    for (size_t i = 0; i < headers->n; i++)
        froms += ascii_eq(headers->at[i].name, STR("from"));
    if (rules->authserv.len == 0 || domain.len == 0 || froms > 1 || names_many(field))
        return false;
    for (size_t i = 0; i < headers->n; i++) {
        struct str value = str_slice(headers->at[i].value, 0, 8192);
        if (ascii_eq(headers->at[i].name, STR("authentication-results")) &&
            ascii_eq(authserv_of(value), rules->authserv))
            return says_pass(scratch, value, domain);
    }
    return false;
}

/* --- machines ----------------------------------------------------------------------------- */

static bool first_word_is(struct str value, const char *word)
{
    size_t end = 0;

    value = str_trim(value);
    while (!ends_token(value, end))
        end++;
    return ascii_eq(str_slice(value, 0, end), str_from(word));
}

static bool is_machines_name(struct str from)
{
    static const char *const names[] = {"mailer-daemon", "postmaster", "bounce", "bounces"};
    static const char *const parts[] = {"noreply",    "no-reply",     "no_reply",
                                        "donotreply", "do-not-reply", "do_not_reply"};
    struct str local = str_slice(from, 0, str_find(from, STR("@")));

    local = str_slice(local, 0, str_find(local, STR("+")));
    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (str_eq(local, str_from(names[i])))
            return true;
    }
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        if (str_find(local, str_from(parts[i])) < local.len)
            return true;
    }
    return false;
}

static bool is_precedence(struct str value)
{
    return first_word_is(value, "bulk") || first_word_is(value, "list") ||
           first_word_is(value, "junk") || first_word_is(value, "auto_reply");
}

static const char *by_headers(const struct mail_headers *headers)
{
    static const char *const signs[] = {"list-id", "list-unsubscribe", "x-autoreply",
                                        "x-autorespond", "x-failed-recipients"};
    struct str submitted = mail_header_get(headers, "auto-submitted");
    struct str path = mail_header_get(headers, "return-path");

    if (submitted.len > 0 && !first_word_is(submitted, "no"))
        return "auto-submitted";
    if (is_precedence(mail_header_get(headers, "precedence")))
        return "precedence";
    if (path.at != NULL && within_brackets(path).len == 0 && str_trim(path).len > 0)
        return "return-path";
    for (size_t i = 0; i < COUNTOF(signs); i++) {
        if (mail_header_get(headers, signs[i]).len > 0)
            return signs[i];
    }
    return NULL;
}

/* How programs begin the subjects of what they answer by themselves, where no field says so. */
static bool is_machines_subject(struct str subject)
{
    static const char *const beginnings[] = {
        "automatic reply",
        "auto reply",
        "auto-reply",
        "autoreply",
        "out of office",
        "out of the office",
        "respuesta automática",
        "fuera de la oficina",
        "respuesta automatica",
        "autorespuesta",
        "autoodpowiedź",
        "odpowiedź automatyczna",
        "automatyczna odpowiedź",
        "poza biurem",
        "رد تلقائي",
        "الرد التلقائي",
        "خارج المكتب",
        "automatische antwort",
        "réponse automatique",
        "undeliverable:",
        "undelivered mail",
        "delivery status notification",
        "mail delivery failed",
        "failure notice",
        "no se puede entregar",
        "nie można dostarczyć",
        "تعذر التسليم",
    };

    subject = str_trim(subject);
    for (size_t i = 0; i < COUNTOF(beginnings); i++) {
        struct str one = str_from(beginnings[i]);
        if (ascii_eq(str_slice(subject, 0, one.len), one))
            return true;
    }
    return false;
}

const char *mail_automatic(struct arena *scratch, const struct mail_rules *rules,
                           const struct mail *mail, struct str from)
{
    struct str token, key, id = mail->message_id;
    const char *sign = by_headers(&mail->headers);

    if (id.len == 0)
        id = mail_header_get(&mail->headers, "message-id");
    if (mail_id_is_ours(id, &key) ||
        (from.len > 0 && str_eq(mail_address_bare(scratch, from, &token), rules->account)))
        return "ours";
    if (sign != NULL)
        return sign;
    if (is_machines_name(from))
        return "sender";
    return is_machines_subject(mail->subject.len > 0
                                   ? mail->subject
                                   : mail_header_get(&mail->headers, "subject"))
               ? "subject"
               : NULL;
}
