/*
 * ICU converts, since it takes every name that mails use and puts U+FFFD where bytes are wrong
 * instead of giving up. Latin-1 is read as Windows-1252, which is what senders mean by it.
 */
#include "webhooks/mime_parts.h"

#include <strings.h>
#include <unicode/ucnv.h>
#include <unicode/ustring.h>

#define NAME_MAX 40

static bool is_plain(struct str charset)
{
    static const char *const plain[] = {
        "us-ascii",     "ascii",  "iso-8859-1", "latin1",  "utf-8",     "utf8", "utf-8-mac",
        "unknown-8bit", "binary", "iso8859-1",  "default", "x-unknown", "8bit", "iso-10646-1"};

    for (size_t i = 0; i < COUNTOF(plain); i++) {
        if (charset.len == strlen(plain[i]) &&
            strncasecmp(charset.at, plain[i], charset.len) == 0)
            return true;
    }
    return charset.len == 0 || charset.len >= NAME_MAX;
}

/* False when ICU has no such charset. */
static bool convert(struct arena *into, struct str bytes, const char *charset, struct str *text)
{
    UErrorCode status = U_ZERO_ERROR;
    UConverter *converter = ucnv_open(charset, &status);
    int32_t room = (int32_t)bytes.len * 2 + 16, length, needed = 0;
    UChar *wide;
    char *narrow;

    if (U_FAILURE(status))
        return false;
    wide = arena_array(into, UChar, (size_t)room);
    length = ucnv_toUChars(converter, wide, room, bytes.at, (int32_t)bytes.len, &status);
    ucnv_close(converter);
    if (U_FAILURE(status))
        return false;
    narrow = arena_alloc(into, (size_t)length * 3 + 1);
    u_strToUTF8WithSub(narrow, length * 3 + 1, &needed, wide, length, 0xFFFD, NULL, &status);
    if (U_FAILURE(status))
        return false;
    *text = str_sane(into, (struct str){narrow, (size_t)needed});
    return true;
}

struct str mime_utf8(struct arena *into, struct str bytes, struct str charset)
{
    char name[NAME_MAX + 1];
    struct str text;

    bytes = str_slice(bytes, 0, 4 * MIME_TEXT_MAX);
    if (!is_plain(charset)) {
        memcpy(name, charset.at, charset.len);
        name[charset.len] = '\0';
        if (convert(into, bytes, name, &text))
            return text;
    }
    if (str_is_utf8(bytes))
        return arena_str(into, bytes);
    if (charset.len > 3 && strncasecmp(charset.at, "utf", 3) == 0)
        return str_sane(into, bytes);
    return convert(into, bytes, "windows-1252", &text) ? text : str_sane(into, bytes);
}
