/*
 * Any text as a mail: its parts are made of its own lines, none is lost, and nothing new
 * appears.
 */
#include "webhooks/quotes.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

/* Visible ASCII, which no part may gain or lose. */
static size_t weigh(struct str text)
{
    size_t sum = 0;

    for (size_t i = 0; i < text.len; i++)
        sum += text.at[i] > ' ' && text.at[i] < 127 ? (size_t)text.at[i] : 0;
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text;
    struct quotes parts, again;

    if (size > 100000)
        return 0;
    arena_init(&arena);
    text = str_sane(&arena, (struct str){(const char *)data, size});
    parts = quotes_split(&arena, text);
    hold(str_is_utf8(parts.reply) && str_is_utf8(parts.signature) &&
         str_is_utf8(parts.history));
    hold(weigh(parts.reply) + weigh(parts.signature) + weigh(parts.history) == weigh(text));
    again = quotes_split(&arena, parts.reply); /* as a whole it is bounded by itself */
    hold(again.reply.len <= parts.reply.len);
    arena_finish(&arena);
    return 0;
}
