/*
 * Is it really Twilio? The signature is over our own address as Twilio knows it and the form's
 * fields by name: never over what a proxy made of the request, so the address comes from the
 * settings. There is no time in the scheme; a replay is caught by the join of statuses.
 */
#include "webhooks/twilio.h"

#include "bot/base/crypto.h"

#include <sodium.h>

/* "for each parameter name in byte order: name + value ... a repeated name: distinct values
 * sorted". */
static struct str fields_text(struct arena *into, const struct form *form)
{
    size_t len = 0;
    char *out;

    for (size_t i = 0; i < form->n; i++)
        len += form->fields[i].name.len + form->fields[i].value.len;
    out = arena_alloc(into, len + 1);
    len = 0;
    for (size_t i = 0; i < form->n; i++) {
        const struct form_field *field = &form->fields[i];
        if (i > 0 && form_compare(field, field - 1) == 0)
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

static struct str signature_of(struct arena *into, struct str token, struct str url,
                               struct str fields)
{
    uint8_t mac[SHA1_LEN];
    size_t room = sodium_base64_ENCODED_LEN(sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    struct str message = arena_concat(into, url, fields); /* with any bytes, NUL too */

    if (!hmac_sha1(token, message, mac))
        return STR_NONE;
    return str_from(sodium_bin2base64(arena_alloc(into, room), room, mac, sizeof mac,
                                      sodium_base64_VARIANT_ORIGINAL));
}

struct str twilio_sign(struct arena *into, struct str auth_token, struct str url,
                       const struct form *form)
{
    return signature_of(into, auth_token, url, fields_text(into, form));
}

static bool signs(struct arena *scratch, struct str token, struct str signature, struct str url,
                  struct str fields)
{
    struct str right = signature_of(scratch, token, url, fields);

    return right.len > 0 && crypto_equal(signature, right);
}

/* An address in the ways in which Twilio may have written it. */
enum { SPELLINGS = 6 };

struct spellings {
    struct str of[SPELLINGS];
    size_t n;
};

static bool is_web(struct str url)
{
    return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

/* Where the host's port begins, with its colon; `host.len` when it has none. */
static size_t port_in(struct str host)
{
    size_t user = str_find(host, STR("@"));
    size_t port = host.len;

    for (size_t i = user < host.len ? user + 1 : 0; i < host.len; i++) {
        if (host.at[i] == ':')
            port = i;
        if (host.at[i] == ']') /* [::1] */
            port = host.len;
    }
    return port;
}

/* As configured, without a port, with the scheme's own. */
static void spell_ports(struct arena *into, struct str url, struct spellings *spelt)
{
    bool secure = str_starts(url, STR("https://"));
    size_t scheme = secure ? 8 : 7;
    struct str head = str_slice(url, 0, scheme), rest = str_slice(url, scheme, url.len);
    struct str host = str_slice(rest, 0, str_find(rest, STR("/")));
    struct str path = str_slice(rest, host.len, rest.len);
    struct str bare = str_slice(host, 0, port_in(host));

    spelt->of[0] = url;
    spelt->of[1] =
        arena_format(into, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(bare), STR_ARG(path));
    spelt->of[2] = arena_format(into, "%.*s%.*s:%s%.*s", STR_ARG(head), STR_ARG(bare),
                                secure ? "443" : "80", STR_ARG(path));
    spelt->n = 3;
}

static struct str escape_apostrophes(struct arena *into, struct str url)
{
    static const struct str escaped = {"%27", 3};
    char *out = arena_alloc(into, escaped.len * url.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] == '\'') {
            memcpy(out + len, escaped.at, escaped.len);
            len += escaped.len;
        } else {
            out[len++] = url.at[i];
        }
    }
    return (struct str){out, len};
}

/* An apostrophe stands in an address as it is or escaped, and Twilio escapes it. */
static void spell(struct arena *into, struct str url, struct spellings *spelt)
{
    spell_ports(into, url, spelt);
    if (str_find(url, STR("'")) == url.len)
        return;
    for (size_t i = 0; i < 3; i++)
        spelt->of[spelt->n++] = escape_apostrophes(into, spelt->of[i]);
}

static bool signs_any(struct arena *scratch, struct str token, struct str signature,
                      struct str url, struct str fields)
{
    struct spellings spelt;
    bool right = false;

    if (token.len == 0 || !is_web(url))
        return false;
    spell(scratch, url, &spelt);
    for (size_t i = 0; i < spelt.n; i++)
        right |= signs(scratch, token, signature, spelt.of[i], fields);
    return right;
}

bool twilio_verify(struct arena *scratch, struct str auth_token, struct str signature,
                   struct str url, const struct form *form)
{
    return signs_any(scratch, auth_token, signature, url, fields_text(scratch, form));
}

bool twilio_verify_body(struct arena *scratch, struct str auth_token, struct str signature,
                        struct str url, struct str body)
{
    struct hash hash = sha256(body);
    char hex[2 * HASH_LEN + 1];
    struct form query;
    size_t mark = str_find(url, STR("?"));

    hex_format(hash.bytes, HASH_LEN, hex);
    return form_read(scratch, str_slice(url, mark + 1, url.len), &query, NULL) &&
           crypto_equal(form_get(&query, "bodySHA256"), str_from(hex)) &&
           signs_any(scratch, auth_token, signature, url, STR_NONE);
}
