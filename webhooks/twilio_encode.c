/*
 * A reply's face becomes a request for an SMS. What comes from settings is checked before it
 * becomes part of an address or a header, as for WhatsApp.
 */
#include "bot/base/percent.h"
#include "bot/base/sms_text.h"
#include "webhooks/twilio_parts.h"

#include <sodium.h>

#define PHONE_MIN 8 /* with its plus */
#define PHONE_MAX 16
#define SID_MAX   64

#define MMS_PICTURE_MAX (5 << 20)
#define MMS_OTHER_MAX   (500 << 10)

#define VALID_MAX 36000 /* seconds: "1..36000 s in the queue, default 36000 (10 h)" */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* E.164 with its plus. */
static bool is_phone(struct str text)
{
    if (text.len < PHONE_MIN || text.len > PHONE_MAX || text.at[0] != '+' || text.at[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (!is_digit(text.at[i]))
            return false;
    }
    return true;
}

/* "2 letters + 32 hex": only that it can stand in a path. */
static bool is_sid(struct str text, const char *prefix)
{
    if (text.len < 3 || text.len > SID_MAX || !str_starts(text, str_from(prefix)))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!percent_keeps(text.at[i], "-_~"))
            return false;
    }
    return true;
}

bool twilio_is_word(struct str text)
{
    if (text.len < 3 || text.len > SID_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!percent_keeps(text.at[i], ""))
            return false;
    }
    return true;
}

bool twilio_is_address(struct str url)
{
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.at[i] <= ' ' || url.at[i] == 0x7f)
            return false;
    }
    return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

static bool is_token(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        if ((unsigned char)token.at[i] <= ' ' || (unsigned char)token.at[i] >= 0x7f)
            return false;
    }
    return token.len > 0;
}

/* --- words -------------------------------------------------------------------------------- */

/* Cut so that what it is written with still fits: "…" is shorter than "...". */
static struct str fit(struct arena *into, const struct twilio_sender *sender, struct str words)
{
    size_t most = TWILIO_BODY_MAX;
    struct str written = STR_NONE;
    size_t over = 1;

    words = str_sane(into, words);
    while (over > 0 && most > 0) {
        written = sms_text_fit(into, str_cut(into, words, most), sender->plain_letters);
        size_t len = str_length(written);
        over = len > TWILIO_BODY_MAX ? len - TWILIO_BODY_MAX : 0;
        most -= over < most ? over : most;
    }
    return written;
}

/* --- the form ----------------------------------------------------------------------------- */

bool twilio_reaches_by_mms(struct str account, struct str phone)
{
    bool service = account.len > 0 && account.at[0] == 'M';

    return str_starts(phone, STR("+1")) && (service || str_starts(account, STR("+1")));
}

/* "jpeg, png and gif up to 5 MB"; what else there is gets through only while it is small. */
static bool fits(const struct attachment *attachment)
{
    bool picture = str_eq(attachment->mime, STR("image/jpeg")) ||
                   str_eq(attachment->mime, STR("image/png")) ||
                   str_eq(attachment->mime, STR("image/gif"));

    return attachment->size <= (picture ? MMS_PICTURE_MAX : MMS_OTHER_MAX);
}

/* What goes along; empty: nothing. */
static struct str media_of(const struct twilio_sender *sender, const struct outbound *message)
{
    const struct reply *reply = message->reply;
    const struct attachment *attachment = message->attachment;
    bool file = reply->kind == REPLY_IMAGE || reply->kind == REPLY_DOCUMENT;
    struct str url = attachment == NULL ? reply->url : attachment->url;

    return sender->mms && file && twilio_is_address(url) &&
                   (attachment == NULL || fits(attachment)) &&
                   twilio_reaches_by_mms(message->account, message->to.phone)
               ? url
               : STR_NONE;
}

/* The words without the address that stands in a line of its own. */
static struct str without_line(struct arena *into, struct str words, struct str line)
{
    struct str out = STR(""), piece;

    while (str_split(&words, '\n', &piece)) {
        if (str_eq(str_trim(piece), line))
            continue;
        out = arena_format(into, "%.*s%s%.*s", STR_ARG(out), out.len > 0 ? "\n" : "",
                           STR_ARG(piece));
    }
    return str_trim(out);
}

static struct str form_of(struct arena *into, const struct twilio_sender *sender,
                          const struct outbound *message, struct str words, struct str media)
{
    bool service = message->account.at[0] == 'M';
    struct str form = form_add(into, STR_NONE, "To", message->to.phone);

    form = form_add(into, form, service ? "MessagingServiceSid" : "From", message->account);
    if (words.len > 0)
        form = form_add(into, form, "Body", words);
    if (media.len > 0)
        form = form_add(into, form, "MediaUrl", media);
    if (message->good_for > 0) {
        int64_t seconds = (message->good_for + USEC_PER_SEC - 1) / USEC_PER_SEC;
        struct str valid =
            arena_format(into, "%lld", (long long)(seconds < VALID_MAX ? seconds : VALID_MAX));
        form = form_add(into, form, "ValidityPeriod", valid);
    }
    if (sender->callback.len > 0) {
        struct str callback =
            arena_format(into, "%.*s?key=%.*s", STR_ARG(sender->callback),
                         STR_ARG(percent_encode(into, message->key, PERCENT_UNRESERVED)));
        form = form_add(into, form, "StatusCallback", callback);
    }
    return form;
}

/* HTTP Basic: "user = AccountSid, password = auth token". */
static struct str basic_auth(struct arena *into, const struct twilio_sender *sender)
{
    struct str plain = arena_format(into, "%.*s:%.*s", STR_ARG(sender->account_sid),
                                    STR_ARG(sender->auth_token));
    size_t room = sodium_base64_ENCODED_LEN(plain.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(into, room);

    sodium_bin2base64(text, room, (const unsigned char *)plain.at, plain.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return arena_format(into, "Basic %s", text);
}

bool twilio_check_sender(const struct twilio_sender *sender, struct err *err)
{
    return (twilio_is_address(sender->base) && is_sid(sender->account_sid, "AC") &&
            is_token(sender->auth_token)) ||
           err_raise(err, ERR_REJECT, "SMS: the API's address, account or token is none");
}

static bool check(const struct twilio_sender *sender, const struct outbound *message,
                  struct err *err)
{
    if (!twilio_check_sender(sender, err))
        return false;
    if (sender->callback.len > 0 && !twilio_is_address(sender->callback))
        return err_raise(err, ERR_REJECT, "SMS: the callback's address is none");
    if (!is_phone(message->account) && !is_sid(message->account, "MG"))
        return err_raise(err, ERR_REJECT, "SMS: the sending number is none");
    return is_phone(message->to.phone) ||
           err_raise(err, ERR_REJECT, "SMS: there is no number to send to");
}

/* `rest` is ours and follows the account. */
void twilio_begin(struct arena *into, const struct twilio_sender *sender, const char *method,
                  const char *rest, struct http_request *request)
{
    struct http_header *headers = arena_array(into, struct http_header, 2);
    struct str base = sender->base;
    bool get = strcmp(method, "GET") == 0;

    while (str_ends(base, STR("/")))
        base.len--;
    headers[0] = (struct http_header){STR("Authorization"), basic_auth(into, sender)};
    headers[1] = (struct http_header){STR("Content-Type"),
                                      STR("application/x-www-form-urlencoded; charset=UTF-8")};
    *request = (struct http_request){
        .method = method,
        .url = arena_format(into, "%.*s/2010-04-01/Accounts/%.*s%s", STR_ARG(base),
                            STR_ARG(sender->account_sid), rest),
        .headers = headers,
        .n_headers = get ? 1 : 2,
        .repeatable = get};
}

bool twilio_encode_whoami(struct arena *into, const struct twilio_sender *sender,
                          struct http_request *request, struct err *err)
{
    if (!twilio_check_sender(sender, err))
        return false;
    twilio_begin(into, sender, "GET", ".json", request);
    return true;
}

bool twilio_encode(struct arena *into, const struct twilio_sender *sender,
                   const struct outbound *message, struct http_request *request,
                   struct err *err)
{
    struct str words = message->face != NULL ? str_trim(message->face->text) : STR_NONE;
    struct str media = media_of(sender, message);

    if (!check(sender, message, err))
        return false;
    if (media.len > 0 && message->reply->url.len > 0)
        words = without_line(into, words, message->reply->url);
    words = str_trim(fit(into, sender, words)); /* of signs that nobody sees nothing is left */
    if (words.len == 0 && media.len == 0) {
        return err_raise(err, ERR_REJECT, "SMS %s: no words",
                         reply_kind_name(message->reply->kind));
    }
    twilio_begin(into, sender, "POST", "/Messages.json", request);
    request->body = form_of(into, sender, message, words, media);
    request->cost = media.len > 0 ? 1 : sms_measure(words).segments;
    return true;
}
