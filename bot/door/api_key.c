#include "bot/door/api_key.h"

#include <strings.h>

const struct api_scope api_scopes[] = {
    {"orders:read",     "orders, jobs and repairs, with notes and photos" },
    {"orders:write",    "their status, dates, payments, notes and photos" },
    {"estimates:write", "show an estimate to the customer, or withdraw it"},
    {"handoff",         "conversations that a person was asked for"       },
    {"customers:read",  "who a customer is"                               },
    {"reviews",         "what customers say, and asking them"             },
    {NULL,              NULL                                              },
};

static const struct str mark = {"pk_", 3};

void api_key_write(const uint8_t random[API_KEY_RANDOM], char text[API_KEY_LEN + 1])
{
    memcpy(text, mark.at, mark.len);
    hex_format(random, API_KEY_PUBLIC / 2, text + mark.len);
    text[3 + API_KEY_PUBLIC] = '_';
    hex_format(random + API_KEY_PUBLIC / 2, API_KEY_SECRET / 2, text + 4 + API_KEY_PUBLIC);
}

bool api_key_read(struct str text, struct str *public_part)
{
    uint8_t bytes[API_KEY_SECRET / 2];

    if (text.len != API_KEY_LEN || !str_starts(text, mark) ||
        text.at[3 + API_KEY_PUBLIC] != '_')
        return false;
    *public_part = str_slice(text, 3, API_KEY_PUBLIC);
    bool whole =
        hex_parse(*public_part, bytes, API_KEY_PUBLIC / 2) &&
        hex_parse(str_slice(text, 4 + API_KEY_PUBLIC, text.len), bytes, API_KEY_SECRET / 2);
    crypto_wipe(bytes, sizeof bytes);
    return whole;
}

struct str api_key_bearer(struct str header)
{
    struct str scheme = str_slice(header, 0, str_find(header, STR(" ")));

    if (scheme.len != 6 || strncasecmp(scheme.at, "bearer", 6) != 0)
        return STR_NONE;
    return str_trim(str_slice(header, scheme.len, header.len));
}

bool api_key_may(struct str scopes, const char *scope)
{
    struct str rest = scopes, one;

    while (str_split(&rest, ',', &one)) {
        if (str_eq(one, str_from(scope)))
            return true;
    }
    return false;
}

bool api_key_scopes_known(struct str scopes, struct str *unknown)
{
    struct str rest = scopes;

    *unknown = STR_NONE;
    while (str_split(&rest, ',', unknown)) {
        const struct api_scope *scope = api_scopes;
        while (scope->name != NULL && !str_eq(*unknown, str_from(scope->name)))
            scope++;
        if (scope->name == NULL)
            return false;
    }
    return scopes.len > 0;
}
