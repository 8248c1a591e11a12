/*
 * Whoever is asked something may refuse: each prompt of our flows that shows a way out takes a
 * plain "no" for it, and "not now", in every language. New flows are held to it without a line
 * here.
 */
#include "flows/engine/book.h"
#include "flows/understand/expect.h"
#include "tests/support/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct book *book;

static int open_book(void **state)
{
    (void)state;
    book = chat_book();
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    book_destroy(book);
    words_cool();
    return 0;
}

/* Names of choices by which a prompt is left. In reading, a step back is none. */
static bool is_way_out(const struct state_def *at, struct str name)
{
    static const char *const names[] = {"no", "leave", "later", "without", "menu", "back"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (str_eq(name, str_from(names[i])))
            return !(at->again && str_eq(name, STR("back")));
    }
    return false;
}

/* Which choice words in a language mean; none: empty. */
static struct str choice_by(struct arena *arena, const struct prompt *prompt, enum lang lang,
                            const char *said)
{
    struct locale locale = {lang, STR("UTC"), 0};
    struct expect_option options[16];
    int index;

    assert_true(prompt->n_choices <= COUNTOF(options));
    for (size_t i = 0; i < prompt->n_choices; i++) {
        const struct choice *choice = &prompt->choices[i];

        options[i] = (struct expect_option){
            .key = choice->name,
            .title = words_render(arena, book->words, &locale, choice->title, NULL, NULL),
            .is_yes = str_eq(choice->name, prompt->yes),
            .is_no = str_eq(choice->name, prompt->no),
            .is_out = str_eq(choice->name, prompt->out)};
    }
    index = expect_option(arena, str_from(said), options, prompt->n_choices);
    return index < 0 ? STR_NONE : prompt->choices[index].name;
}

static void hold(struct arena *arena, const struct flow_def *flow, const struct state_def *at,
                 struct str wanted, const char *const *said)
{
    for (unsigned lang = 0; wanted.len > 0 && lang < LANG_COUNT; lang++) {
        struct str got = choice_by(arena, &at->prompt, (enum lang)lang, said[lang]);

        if (!str_eq(got, wanted)) {
            fail_msg("%.*s.%.*s: \"%s\" means '%.*s' and not '%.*s'", STR_ARG(flow->name),
                     STR_ARG(at->name), said[lang], STR_ARG(got), STR_ARG(wanted));
        }
    }
}

static void judge(struct arena *arena, const struct flow_def *flow, const struct state_def *at,
                  unsigned *ways_out)
{
    static const char *const yes[LANG_COUNT] = {
        [LANG_EN] = "yes", [LANG_ES] = "sí", [LANG_PL] = "tak", [LANG_AR] = "نعم"};
    static const char *const no[LANG_COUNT] = {
        [LANG_EN] = "no", [LANG_ES] = "no", [LANG_PL] = "nie", [LANG_AR] = "لا"};
    static const char *const later[LANG_COUNT] = {[LANG_EN] = "not now, thanks",
                                                  [LANG_ES] = "ahora no",
                                                  [LANG_PL] = "nie teraz",
                                                  [LANG_AR] = "ليس الآن"};
    const struct prompt *prompt = &at->prompt;

    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (!is_way_out(at, prompt->choices[i].name))
            continue;
        (*ways_out)++;
        if (!prompt->no.len) {
            fail_msg("%.*s.%.*s shows '%.*s', and a plain \"no\" means nothing there",
                     STR_ARG(flow->name), STR_ARG(at->name), STR_ARG(prompt->choices[i].name));
        }
    }
    hold(arena, flow, at, prompt->yes, yes);
    hold(arena, flow, at, prompt->no, no);
    hold(arena, flow, at, prompt->out, later);
}

static void flw_5_a_plain_no_is_the_way_out_wherever_one_is_shown(void **state)
{
    unsigned ways_out = 0;

    (void)state;
    for (size_t i = 0; i < book->n_flows; i++) {
        for (size_t j = 0; j < book->flows[i].n_states; j++) {
            struct arena arena = {0};

            judge(&arena, &book->flows[i], &book->flows[i].states[j], &ways_out);
            arena_finish(&arena);
        }
    }
    assert_true(ways_out > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_a_plain_no_is_the_way_out_wherever_one_is_shown),
    };

    return cmocka_run_group_tests_name("flows_refusals", tests, open_book, close_book);
}
