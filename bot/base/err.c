/*
 * The text of an error is built from the inside out, each layer putting its own words in front.
 * It has a fixed size and is cut, never grown: reporting a failure must not be able to fail. A
 * cut never leaves half a character, for the log is UTF-8.
 */
#include "bot/base/err.h"

#include "bot/base/str.h"

#include <stdarg.h>
#include <stdio.h>

/* Drop the last character if a cut by snprintf left only a part of it. */
static void drop_half_character(char *text)
{
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < wanted)
        text[start - 1] = '\0';
}

static void format_text(char text[ERR_TEXT_MAX], const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void format_text(char text[ERR_TEXT_MAX], const char *format, va_list args)
{
    int len = vsnprintf(text, ERR_TEXT_MAX, format, args);
    if (len < 0)
        text[0] = '\0';
    if (len >= ERR_TEXT_MAX)
        drop_half_character(text);
}

bool err_raise(struct err *err, enum err_code code, const char *format, ...)
{
    if (!err)
        return false;
    /* The words may quote the very error that they replace. */
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    format_text(text, format, args);
    va_end(args);
    err->code = code;
    memcpy(err->text, text, sizeof(text));
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    char context[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    format_text(context, format, args);
    va_end(args);
    /* To wrap what never failed is a mistake of ours, and may not pass for success. */
    if (err->code == ERR_NONE)
        return err_raise(err, ERR_BROKEN, "%s", context);
    return err_raise(err, err->code, "%s: %s", context, err->text);
}
