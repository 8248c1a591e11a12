#include "bot/base/ascii.h"

char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

struct str ascii_lowered(struct arena *into, struct str text)
{
    char *copy = arena_alloc(into, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        copy[i] = ascii_lower(text.at[i]);
    return (struct str){copy, text.len};
}

bool ascii_starts(struct str text, struct str prefix)
{
    if (text.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (ascii_lower(text.at[i]) != ascii_lower(prefix.at[i]))
            return false;
    }
    return true;
}

bool ascii_eq(struct str a, struct str b)
{
    return a.len == b.len && ascii_starts(a, b);
}

int ascii_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
