#include "webhooks/multipart.h"

#include "bot/base/ascii.h"

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */
#define HEAD_MAX     4096

/* --- parameters of a header --------------------------------------------------------------- */

/* "%22" is how browsers write a quotation mark in a name, and "\"" how others do. */
static struct str unquoted(struct arena *into, struct str text)
{
    char *plain = arena_alloc(into, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (str_starts(str_slice(text, i, 3), STR("%22"))) {
            plain[n++] = '"';
            i += 2;
        } else {
            i += text.at[i] == '\\' && i + 1 < text.len ? 1 : 0;
            plain[n++] = text.at[i];
        }
    }
    return (struct str){plain, n};
}

/* What stands in quotes at the beginning of `rest`; false when they are not closed. */
static bool take_quoted(struct str *rest, struct str *value)
{
    size_t end = 1;

    while (end < rest->len && rest->at[end] != '"')
        end += rest->at[end] == '\\' ? 2 : 1;
    if (end >= rest->len)
        return false;
    *value = str_slice(*rest, 1, end - 1);
    *rest = str_slice(*rest, end + 1, rest->len);
    return true;
}

/* "; name=value" or "; name=\"value\"", one after the other. False at the end, or where the
 * header is broken. */
static bool take_parameter(struct str *rest, struct str *name, struct str *value)
{
    size_t semicolon = str_find(*rest, STR(";"));
    *rest = str_slice(*rest, semicolon + 1, rest->len);
    size_t equals = str_find(*rest, STR("="));

    if (equals == rest->len)
        return false;
    *name = str_trim(str_slice(*rest, 0, equals));
    *rest = str_trim(str_slice(*rest, equals + 1, rest->len));
    if (str_starts(*rest, STR("\"")))
        return take_quoted(rest, value);
    *value = str_trim(str_slice(*rest, 0, str_find(*rest, STR(";"))));
    return true;
}

static bool find_parameter(struct str header, const char *wanted, struct str *found)
{
    struct str name, value;

    while (take_parameter(&header, &name, &value)) {
        if (ascii_eq(name, str_from(wanted))) {
            *found = value;
            return true;
        }
    }
    return false;
}

/* --- parts -------------------------------------------------------------------------------- */

static bool read_line(struct arena *into, struct str line, struct multipart_part *part)
{
    struct str value;

    if (!ascii_starts(line, STR("content-disposition:")))
        return true;
    if (!find_parameter(line, "name", &value))
        return false;
    part->name = unquoted(into, value);
    part->is_file = find_parameter(line, "filename", &value);
    if (part->is_file)
        part->filename = unquoted(into, value);
    return true;
}

static bool read_part(struct arena *into, struct str raw, struct multipart_part *part)
{
    struct str end = STR("\r\n\r\n");
    size_t head = str_starts(raw, STR("\r\n")) ? 0 : str_find(str_slice(raw, 0, HEAD_MAX), end);
    struct str lines = str_slice(raw, 0, head);

    if (head == raw.len || head == HEAD_MAX)
        return false;
    *part = (struct multipart_part){.bytes = str_slice(raw, head + end.len, raw.len)};
    while (lines.len > 0) {
        size_t line = str_find(lines, STR("\r\n"));
        if (!read_line(into, str_slice(lines, 0, line), part))
            return false;
        lines = str_slice(lines, line + 2, lines.len);
    }
    return part->name.len > 0;
}

/* Where the next delimiter begins; the length when there is none. */
static size_t find(struct str text, struct str needle)
{
    const char *at = text.len > 0 ? memmem(text.at, text.len, needle.at, needle.len) : NULL;

    return at != NULL ? (size_t)(at - text.at) : text.len;
}

static bool read_parts(struct arena *into, struct str rest, struct str delimiter,
                       struct multipart *form, struct err *err)
{
    for (;;) {
        if (str_starts(rest, STR("--")))
            return true;
        size_t line = str_find(str_slice(rest, 0, BOUNDARY_MAX), STR("\r\n"));
        if (str_trim(str_slice(rest, 0, line)).len > 0 || line + 2 > rest.len)
            return err_raise(err, ERR_REJECT, "a delimiter is followed by something");
        rest = str_slice(rest, line + 2, rest.len);
        size_t end = find(rest, delimiter);
        if (end == rest.len)
            return err_raise(err, ERR_REJECT, "the form breaks off");
        if (form->n == MULTIPART_PARTS_MAX)
            return err_raise(err, ERR_REJECT, "too many parts");
        if (!read_part(into, str_slice(rest, 0, end), &form->parts[form->n++]))
            return err_raise(err, ERR_REJECT, "a part's head cannot be read");
        rest = str_slice(rest, end + delimiter.len, rest.len);
    }
}

bool multipart_read(struct arena *into, struct str content_type, struct str body,
                    struct multipart *form, struct err *err)
{
    struct str kind = str_trim(str_slice(content_type, 0, str_find(content_type, STR(";"))));
    struct str boundary, delimiter;

    *form = (struct multipart){0};
    if (!ascii_eq(kind, STR("multipart/form-data")) ||
        !find_parameter(content_type, "boundary", &boundary) || boundary.len == 0 ||
        boundary.len > BOUNDARY_MAX)
        return err_raise(err, ERR_REJECT, "no form with files");
    delimiter = arena_format(into, "\r\n--%.*s", STR_ARG(boundary));
    struct str first = str_slice(delimiter, 2, delimiter.len);
    if (!str_starts(body, first)) {
        size_t begin = find(body, delimiter);
        if (begin == body.len)
            return err_raise(err, ERR_REJECT, "the form has no part");
        body = str_slice(body, begin + 2, body.len);
    }
    return read_parts(into, str_slice(body, first.len, body.len), delimiter, form, err);
}

struct str multipart_text(const struct multipart *form, const char *name)
{
    for (size_t i = 0; i < form->n; i++) {
        if (!form->parts[i].is_file && str_eq(form->parts[i].name, str_from(name)))
            return form->parts[i].bytes;
    }
    return STR_NONE;
}
