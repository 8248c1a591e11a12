/*
 * Any kept state and any words or tap: the turn ends, it answers, and what it keeps can be read
 * again. Input: a byte for the kind of event, a byte for the length of its text, the text, and
 * the state.
 */
#include "tests/support/chat.h"
#include "tests/support/shop.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static const struct flow_result *play(struct arena *arena, const struct book *book,
                                      struct str state, const struct event *event)
{
    struct flow_in in = {.state = state,
                         .event = event,
                         .now = SHOP_NOW,
                         .facts = shop_facts(arena, STR("ana")),
                         .verified = true,
                         .last_inbound_at = SHOP_NOW - USEC_PER_HOUR};
    struct flow_turn *turn = flow_turn_begin(arena, book, &in);
    enum flow_progress progress;
    struct err err = {0};

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer;

            must(shop_answer(arena, STR("ana"), &needs[i], &answer));
            flow_turn_answer(turn, i, &answer);
        }
    }
    must(progress == FLOW_DONE);
    return flow_turn_result(turn);
}

static void check(const struct book *book, struct str text, enum event_kind kind,
                  struct str state)
{
    struct arena arena = {0};
    struct event event = {.kind = kind};
    struct event menu = {.kind = EVENT_TEXT, .text = STR("start")};
    const struct flow_result *result;
    struct str again;

    if (kind == EVENT_CHOICE) {
        event.choice = text;
    } else if (kind == EVENT_TIMER) {
        event.detail = text;
    } else {
        event.text = text;
    }
    result = play(&arena, book, state, &event);
    must(str_is_utf8(result->state));
    for (size_t i = 0; i < result->n_replies; i++)
        must(str_is_utf8(result->replies[i].body) && result->replies[i].n_options <= 10);
    if (result->n_timers > 0) {
        struct event timer = {.kind = EVENT_TIMER, .detail = result->timers[0].name};

        must(result->timers[0].at > 0);
        result = play(&arena, book, result->state, &timer);
        must(str_is_utf8(result->state));
    }
    /* "start" is heard even in silence */
    again = play(&arena, book, result->state, &menu)->state;
    menu.text = STR("menu");
    result = play(&arena, book, again, &menu);
    must(result->n_replies == 1 && result->at_rest &&
         str_eq(str_from(result->flow), STR("menu")));
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct book *book;
    size_t len;

    if (!book)
        book = chat_book();
    if (size < 2)
        return 0;
    len = data[1] < size - 2 ? data[1] : size - 2;
    check(book, (struct str){(const char *)data + 2, len},
          data[0] & 2   ? EVENT_TIMER
          : data[0] & 1 ? EVENT_CHOICE
                        : EVENT_TEXT,
          (struct str){(const char *)data + 2 + len, size - 2 - len});
    return 0;
}
