#include "bot/base/percent.h"

#include <string.h>

bool percent_keeps(char byte, const char *keep)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (byte != '\0' && strchr(keep, byte) != NULL);
}

struct str percent_encode(struct arena *into, struct str text, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(into, 3 * text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (percent_keeps((char)c, keep)) {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return (struct str){out, len};
}
