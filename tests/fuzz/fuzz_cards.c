/*
 * Cards in any bytes, and any bytes as a delivery: nothing is found twice, what is kept has no
 * card left, and what had none is kept as it came.
 */
#include "bot/base/cards.h"
#include "webhooks/redact.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void read_text(struct arena *arena, struct str text)
{
    struct card_span span;
    size_t from = 0, found = 0, counted = 0, again = 0;

    while (cards_next(text, from, &span)) {
        hold(span.at >= from && span.len >= 13 && span.at + span.len <= text.len);
        from = span.at + span.len;
        found++;
    }
    hold(found == 0 || cards_may(text));
    struct str clean = cards_redact(arena, text, &counted);
    hold(counted == found && clean.len <= text.len);
    hold((clean.at == text.at) == (found == 0));
    hold(str_eq(cards_redact(arena, clean, &again), clean) || again > 0);
}

static void read_delivery(struct arena *arena, enum redact_form form, struct str body)
{
    struct event event = {.kind = EVENT_TEXT, .text = body};
    struct inbound_batch none = {0}, one = {.events = &event, .n = 1};
    struct str kept = redact_delivery(arena, form, body, &none);

    hold(kept.at == body.at || cards_may(body) || form == REDACT_MAIL);
    kept = redact_delivery(arena, form, body, &one);
    bool taken = event.text.at != body.at;
    hold(event.card == taken || (event.card && form == REDACT_MAIL)); /* in a coded part */
    hold(!event.card || kept.at != body.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size};

    arena_init(&arena);
    read_text(&arena, text);
    read_delivery(&arena, REDACT_JSON, text);
    read_delivery(&arena, REDACT_FORM, text);
    read_delivery(&arena, REDACT_MAIL, text);
    arena_finish(&arena);
    return 0;
}
