/*
 * Is it really Twilio? The signature is over our own address as Twilio knows it and the form's
 * fields by name: never over what a proxy made of the request, so the address comes from the
 * settings. There is no time in the scheme; a replay is caught by the join of statuses.
 */
#include "webhooks/twilio.h"

#include "bot/base/crypto.h"

#include <sodium.h>
#include <stdlib.h>

#define FIELDS_MAX 1000

/* --- forms -------------------------------------------------------------------------------- */

static bool decode(struct arena *into, struct str text, struct str *plain)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.at[i] == '+') {
            out[len++] = ' ';
        } else if (text.at[i] != '%') {
            out[len++] = text.at[i];
        } else if (hex_parse(str_slice(text, i + 1, 2), &byte, 1)) {
            out[len++] = (char)byte;
            i += 2;
        } else {
            return false;
        }
    }
    *plain = (struct str){out, len};
    return true;
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct twilio_field *left = a, *right = b;
    int order = str_compare(left->name, right->name);

    return order != 0 ? order : str_compare(left->value, right->value);
}

static size_t count_fields(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '&';
    return n;
}

bool twilio_form_read(struct arena *into, struct str text, struct twilio_form *form,
                      struct err *err)
{
    size_t room = count_fields(text);
    struct str piece;

    *form = (struct twilio_form){0};
    if (room > FIELDS_MAX)
        return err_raise(err, ERR_REJECT, "a form of more than %d fields", FIELDS_MAX);
    form->fields = arena_array(into, struct twilio_field, room);
    while (str_split(&text, '&', &piece)) {
        struct twilio_field *field = &form->fields[form->n];
        size_t equals = str_find(piece, STR("="));
        if (piece.len == 0)
            continue;
        if (!decode(into, str_slice(piece, 0, equals), &field->name) ||
            !decode(into, str_slice(piece, equals + 1, piece.len), &field->value))
            return err_raise(err, ERR_REJECT, "a form with a broken escape");
        form->n++;
    }
    qsort(form->fields, form->n, sizeof *form->fields, by_name_and_value);
    return true;
}

struct str twilio_form_get(const struct twilio_form *form, const char *name)
{
    for (size_t i = 0; i < form->n; i++) {
        if (str_eq(form->fields[i].name, str_from(name)))
            return form->fields[i].value;
    }
    return STR_NONE;
}

/* --- the signature ------------------------------------------------------------------------ */

/* "for each parameter name in byte order: name + value ... a repeated name: distinct values
 * sorted". */
static struct str fields_text(struct arena *into, const struct twilio_form *form)
{
    size_t len = 0;
    char *out;

    for (size_t i = 0; i < form->n; i++)
        len += form->fields[i].name.len + form->fields[i].value.len;
    out = arena_alloc(into, len + 1);
    len = 0;
    for (size_t i = 0; i < form->n; i++) {
        const struct twilio_field *field = &form->fields[i];
        if (i > 0 && by_name_and_value(field, field - 1) == 0)
            continue;
        if (field->name.len > 0)
            memcpy(out + len, field->name.at, field->name.len);
        len += field->name.len;
        if (field->value.len > 0)
            memcpy(out + len, field->value.at, field->value.len);
        len += field->value.len;
    }
    return (struct str){out, len};
}

static bool signs(struct arena *scratch, struct str token, struct str signature, struct str url,
                  struct str fields)
{
    uint8_t mac[SHA1_LEN];
    char text[sodium_base64_ENCODED_LEN(SHA1_LEN, sodium_base64_VARIANT_ORIGINAL)];
    struct str message = arena_format(scratch, "%.*s%.*s", STR_ARG(url), STR_ARG(fields));

    if (!hmac_sha1(token, message, mac))
        return false;
    sodium_bin2base64(text, sizeof text, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    return crypto_equal(signature, str_from(text));
}

/* The address in the three ways in which Twilio may have written it: as configured, without a
 * port, with the scheme's own. */
static size_t spellings(struct arena *into, struct str url, struct str spelt[3])
{
    bool secure = str_starts(url, STR("https://"));
    size_t scheme = secure ? 8 : 7;
    struct str rest = str_slice(url, scheme, url.len);
    struct str host = str_slice(rest, 0, str_find(rest, STR("/")));
    struct str path = str_slice(rest, host.len, rest.len);
    size_t user = str_find(host, STR("@"));
    size_t from = user < host.len ? user + 1 : 0;
    size_t port = host.len;

    for (size_t i = from; i < host.len; i++) {
        if (host.at[i] == ':')
            port = i;
        if (host.at[i] == ']') /* [::1] */
            port = host.len;
    }
    struct str head = str_slice(url, 0, scheme), bare = str_slice(host, 0, port);
    spelt[0] = url;
    spelt[1] = arena_format(into, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(bare), STR_ARG(path));
    spelt[2] = arena_format(into, "%.*s%.*s:%s%.*s", STR_ARG(head), STR_ARG(bare),
                            secure ? "443" : "80", STR_ARG(path));
    return 3;
}

bool twilio_verify(struct arena *scratch, struct str auth_token, struct str signature,
                   struct str url, const struct twilio_form *form)
{
    struct str fields = fields_text(scratch, form);
    struct str spelt[3];
    size_t n;
    bool right = false;

    if (auth_token.len == 0 ||
        (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))))
        return false;
    n = spellings(scratch, url, spelt);
    for (size_t i = 0; i < n; i++)
        right |= signs(scratch, auth_token, signature, spelt[i], fields);
    return right;
}

/* --- statuses ----------------------------------------------------------------------------- */

/* "Status set: accepted, scheduled, queued, sending, sent, delivered, undelivered, failed,
 * read, canceled": whatever is not an end says that Twilio has it. */
static enum delivery delivery_of(struct str status)
{
    if (str_eq(status, STR("delivered")))
        return DELIVERY_DELIVERED;
    if (str_eq(status, STR("read")))
        return DELIVERY_READ;
    if (str_eq(status, STR("failed")) || str_eq(status, STR("undelivered")) ||
        str_eq(status, STR("canceled")))
        return DELIVERY_FAILED;
    return DELIVERY_SENT;
}

bool twilio_decode_status(struct arena *into, const struct twilio_form *form, struct str key,
                          struct event *event, struct err *err)
{
    struct str sid = twilio_form_get(form, "MessageSid");
    struct str status = twilio_form_get(form, "MessageStatus");
    int64_t code = 0;

    if (sid.len == 0 || status.len == 0)
        return err_raise(err, ERR_REJECT, "a callback without MessageSid or MessageStatus");
    if (!str_to_int(twilio_form_get(form, "ErrorCode"), &code) || code < 0 || code > 999999)
        code = 0;
    *event =
        (struct event){.kind = EVENT_STATUS,
                       .account = str_sane(into, twilio_form_get(form, "From")),
                       .business = str_sane(into, twilio_form_get(form, "MessagingServiceSid")),
                       .field = STR("status"),
                       .id = arena_format(into, "%.*s:%.*s", STR_ARG(sid), STR_ARG(status)),
                       .context = str_sane(into, sid),
                       .from = {.phone = str_sane(into, twilio_form_get(form, "To"))},
                       .status = delivery_of(status),
                       .error = (int)code,
                       .key = arena_str(into, key)};
    return true;
}
