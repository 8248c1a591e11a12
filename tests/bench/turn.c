/*
 * What a turn of the pure engine costs: a conversation of common turns, played over and over
 * against the make-believe shop. Given one number, how many turns; prints microseconds for one.
 * turn.sh counts the instructions.
 */
#include "bot/base/base.h"
#include "flows/engine/book.h"
#include "tests/support/chat.h"
#include "tests/support/shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const said[] = {
    "hi",   "orders", "1",       "step by step",   "back", "where is ORD-1004",
    "menu", "polski", "english", "cancel ORD-1005"};

struct speaker {
    const struct book *book;
    char state[16384];
    size_t len;
    enum lang lang;
    usec_t now;
};

static void step(struct speaker *speaker, struct arena *arena, const char *text)
{
    struct event event = {
        .kind = EVENT_TEXT, .id = STR("x"), .text = str_from(text), .at = speaker->now};
    struct flow_in in = {
        .state = {speaker->state, speaker->len},
        .event = &event,
        .now = speaker->now,
        .locale = {.lang = speaker->lang             },
        .lang_is_settled = true,
        .facts = shop_facts(arena, STR("ana")),
        .verified = true,
        .last_inbound_at = speaker->now - USEC_PER_SEC
    };
    struct flow_turn *turn = flow_turn_begin(arena, speaker->book, &in);
    const struct flow_result *result;
    struct err err = {0};
    enum flow_progress progress;

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer;

            if (!shop_answer(arena, STR("ana"), &needs[i], &answer))
                abort();
            flow_turn_answer(turn, i, &answer);
        }
    }
    if (progress != FLOW_DONE) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
    result = flow_turn_result(turn);
    memcpy(speaker->state, result->state.at, result->state.len);
    speaker->len = result->state.len;
    speaker->lang = result->lang;
    speaker->now += USEC_PER_SEC;
}

static double microseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    unsigned long turns = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    struct book *book = chat_book();
    static struct speaker speaker;
    struct arena arena = {0};
    double began;

    speaker = (struct speaker){.book = book, .now = SHOP_NOW};
    for (size_t i = 0; i < COUNTOF(said); i++) /* formatters open at their first use */
        step(&speaker, &arena, said[i]);
    arena_reset(&arena);
    began = microseconds();
    for (unsigned long i = 0; i < turns; i++) {
        step(&speaker, &arena, said[i % COUNTOF(said)]);
        arena_reset(&arena);
    }
    if (turns > 0)
        (void)printf("%.2f us\n", (microseconds() - began) / (double)turns);
    arena_finish(&arena);
    book_destroy(book);
    return 0;
}
