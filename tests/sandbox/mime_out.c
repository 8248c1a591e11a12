/*
 * A person's mail as bytes, as a gateway passes them on: MIME, parts and files in base64.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <sodium.h>
#include <stdio.h>

#define BOUNDARY "=_sandbox_part_of_a_mail"

struct str mime_path(struct arena *into, struct str address)
{
    struct str out = STR_NONE;
    size_t from = str_find(address, STR("<"));
    if (from < address.len)
        address = str_slice(address, from + 1, address.len - from - 2);
    for (size_t i = 0; i < address.len; i++) {
        out = arena_format(into, address.at[i] == '+' ? "%.*s%%2B" : "%.*s%c", STR_ARG(out),
                           address.at[i]);
    }
    return out;
}

static struct str base64(struct arena *into, struct str bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL), n = 0;
    char *plain = arena_alloc(into, room), *out = arena_alloc(into, room + room / 38 + 4);
    sodium_bin2base64(plain, room, (const unsigned char *)bytes.at, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    for (size_t i = 0; plain[i]; i++) {
        if (i > 0 && i % 76 == 0) {
            out[n++] = '\r';
            out[n++] = '\n';
        }
        out[n++] = plain[i];
    }
    return (struct str){out, n};
}

static struct str part(struct arena *into, struct str before, const char *type,
                       struct str filename, struct str bytes)
{
    struct str name =
        filename.len > 0
            ? arena_format(into, "Content-Disposition: attachment; filename=\"%.*s\"\r\n",
                           STR_ARG(filename))
            : STR_NONE;
    return arena_concat(into, before,
                        arena_format(into,
                                     "--" BOUNDARY "\r\nContent-Type: %s\r\n%.*s"
                                     "Content-Transfer-Encoding: base64\r\n\r\n",
                                     type, STR_ARG(name)),
                        base64(into, bytes), STR("\r\n"));
}

/* Words that are not ASCII, in a head: RFC 2047. */
static struct str word(struct arena *into, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 128) {
            struct str code = base64(into, str_slice(text, 0, 45));
            return arena_format(into, "=?UTF-8?B?%.*s?=", STR_ARG(code));
        }
    }
    return text;
}

static struct str from_line(struct arena *into, struct str from)
{
    size_t at = str_find(from, STR(" <"));
    struct str name = str_slice(from, 0, at);
    if (at == from.len || str_eq(word(into, name), name))
        return from;
    return arena_format(into, "%.*s%.*s", STR_ARG(word(into, str_slice(name, 1, name.len - 2))),
                        STR_ARG(str_slice(from, at, from.len)));
}

struct str mime_bytes(struct sandbox *sandbox, struct arena *into, const json_t *mail)
{
    struct str out = STR_NONE;
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach(json_object_get(mail, "headers"), name, value)
    {
        struct str text = {json_string_value(value), json_string_length(value)};
        text = strcmp(name, "from") == 0 ? from_line(into, text) : word(into, text);
        out = arena_format(into, "%.*s%s: %.*s\r\n", STR_ARG(out), name, STR_ARG(text));
    }
    out = arena_concat(into, out,
                       STR("Content-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\r\n\r\n"));
    out = part(into, out, "text/plain; charset=utf-8", STR_NONE, text_in(mail, "text"));
    json_array_foreach(json_object_get(mail, "attachments"), i, value)
    {
        struct str bytes;
        if (media_read(sandbox, into, text_in(value, "id"), &bytes)) {
            out = part(into, out, arena_cstr(into, text_in(value, "content_type")),
                       text_in(value, "filename"), bytes);
        }
    }
    return arena_concat(into, out, STR("--" BOUNDARY "--\r\n"));
}
