/*
 * What prompts wait for: a day, an amount, a number, yes or no, and "not that one". A flow of
 * our own is added to the real book and asked through.
 */
#include "bot/turn/book_files.h"
#include "flows/flows.h"
#include "flows/understand/expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW ((usec_t)1795255200 * USEC_PER_SEC) /* Saturday, 21 November 2026, 10:00 */

static const char flow_text[] =
    "flow: asked\n"
    "starts_on: [keep]\n"
    "initial: which\n"
    "states:\n"
    "  which:\n"
    "    ask: {buttons: asked.which, titles: asked, choices: [yes, no]}\n"
    "    on: {yes: day, no: words, not_that: amount}\n"
    "  day:\n"
    "    ask: {text: asked.day, as: day, kind: date}\n"
    "    on: {answered: past}\n"
    "  past:\n"
    "    say: asked.got_day\n"
    "    ask: {text: asked.past, as: past, kind: past_date}\n"
    "    on: {answered: amount}\n"
    "  amount:\n"
    "    say: [{say: asked.got_past, when: past}]\n"
    "    ask: {text: asked.amount, as: amount, kind: amount, optional: true}\n"
    "    on: {answered: tracking, skipped: tracking}\n"
    "  tracking:\n"
    "    say: [{say: asked.got_amount, when: amount}]\n"
    "    ask: {text: asked.tracking, as: tracking, kind: tracking}\n"
    "    on: {answered: phone}\n"
    "  phone:\n"
    "    say: asked.got_tracking\n"
    "    ask: {text: asked.phone, as: phone, kind: phone}\n"
    "    on: {answered: words}\n"
    "  words:\n"
    "    say: [{say: asked.got_phone, when: phone}]\n"
    "    ask: {text: asked.words, as: note}\n"
    "    on: {answered: {say: asked.got_words, target: done}}\n";

static const char words_text[] = "asked.which: \"Which?\"\n"
                                 "asked.yes: \"This\"\n"
                                 "asked.no: \"None\"\n"
                                 "asked.day: \"Day?\"\n"
                                 "asked.past: \"Past?\"\n"
                                 "asked.amount: \"Amount?\"\n"
                                 "asked.tracking: \"Tracking?\"\n"
                                 "asked.phone: \"Phone?\"\n"
                                 "asked.words: \"Words?\"\n"
                                 "asked.got_day: \"Got {{day | date}}\"\n"
                                 "asked.got_past: \"Got {{past | date}}\"\n"
                                 "asked.got_amount: \"Got {{amount}}\"\n"
                                 "asked.got_tracking: \"Got {{tracking}}\"\n"
                                 "asked.got_phone: \"Got {{phone}}\"\n"
                                 "asked.got_words: \"Got {{note}}\"\n";

static struct arena arena;
static struct book *book;
static struct str kept;

static int make_book(void **state)
{
    const struct source_file *real;
    struct source_file files[128];
    struct err err = {0};
    size_t n;

    (void)state;
    if (!book_files_read(&arena, str_from(PARLEY_SOURCE_DIR), &real, &n, &err) || n > 100)
        return -1;
    memcpy(files, real, n * sizeof(files[0]));
    for (size_t i = 0; i < n; i++) { /* in the place of ours, which begins so, too */
        if (str_eq(files[i].name, STR("flows/keep.yaml")))
            files[i] = (struct source_file){STR("flows/asked.yaml"), str_from(flow_text)};
    }
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        files[n++] = (struct source_file){
            arena_format(&arena, "messages/asked.%s.yaml", lang_code((enum lang)lang)),
            str_from(words_text)};
    }
    if (!book_create(files, n, &book, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int forget_book(void **state)
{
    (void)state;
    book_destroy(book);
    arena_finish(&arena);
    words_cool();
    return 0;
}

static const struct record *facts(void)
{
    struct record_builder business;
    struct record_builder all;

    record_build(&business, &arena);
    record_set(&business, STR("name"), value_text(STR("Harbour Goods")));
    record_set(&business, STR("currency"), value_text(STR("EUR")));
    record_set(&business, STR("country"), value_text(STR("PL")));
    record_build(&all, &arena);
    record_set(&all, STR("business"), value_record(record_built(&business)));
    return record_built(&all);
}

/* Everything that is said to these words, and where the conversation then stands. */
static struct str said_to(const char *text, const char **at)
{
    struct event event = {.kind = EVENT_TEXT, .text = str_from(text)};
    struct flow_in in = {
        .state = kept,
        .event = &event,
        .now = NOW,
        .locale = {LANG_EN, STR("Europe/Warsaw"), NOW},
        .lang_is_settled = true,
        .facts = facts(),
        .last_inbound_at = NOW - USEC_PER_MIN
    };
    struct flow_turn *turn = flow_turn_begin(&arena, book, &in);
    struct err err = {0};
    struct str all = STR_NONE;
    const struct flow_result *result;

    if (flow_turn_run(turn, &err) != FLOW_DONE)
        return STR("(needs something)");
    result = flow_turn_result(turn);
    kept = result->state;
    *at = result->at;
    for (size_t i = 0; i < result->n_replies; i++) {
        all =
            arena_format(&arena, "%.*s%.*s\n", STR_ARG(all), STR_ARG(result->replies[i].body));
    }
    return all;
}

static void go_to(const char *state)
{
    static const char *const way[][2] = {
        {"which",    "do not cancel my order"},
        {"day",      "yes"                   },
        {"past",     "tomorrow"              },
        {"amount",   "yesterday"             },
        {"tracking", "skip"                  },
        {"phone",    "1Z999AA10123456784"    },
        {"words",    "601 234 567"           },
    };
    const char *at = "";

    kept = STR_NONE;
    for (size_t i = 0; i < COUNTOF(way) && strcmp(at, state) != 0; i++)
        (void)said_to(way[i][1], &at);
    assert_string_equal(at, state);
}

static void check(const char *state, const char *text, const char *answer)
{
    const char *at = "";
    struct str said;

    go_to(state);
    said = said_to(text, &at);
    if (!*answer ? strcmp(at, state) != 0 : !str_starts(said, str_from(answer)))
        fail_msg("\"%s\" at %s: now at %s, \"%.*s\"", text, state, at, STR_ARG(said));
}

static void flw_5_a_prompt_for_a_day_takes_one(void **state)
{
    (void)state;
    check("day", "tomorrow", "Got 22 Nov 2026\n");
    check("day", "mañana", "Got 22 Nov 2026\n");
    check("day", "za dwa dni", "Got 23 Nov 2026\n");
    check("day", "غدا", "Got 22 Nov 2026\n");
    check("day", "the 15th would be best", "Got 15 Dec 2026\n");
    check("day", "15", "Got 15 Dec 2026\n");
    check("day", "3 de mayo", "Got 3 May 2027\n");
    check("day", "25/12", "Got 25 Dec 2026\n");
    check("day", "whenever", "");
    check("day", "next week", "");
    check("day", "today or tomorrow", "");
    check("day", "31 February 2027", "");
    check("past", "3 May", "Got 3 May 2026\n");
    check("past", "on Friday", "Got 20 Nov 2026\n");
}

static void pay_7_a_prompt_for_an_amount_takes_exact_money(void **state)
{
    (void)state;
    check("amount", "25.50", "Got €25.50\n");
    check("amount", "I'll pay fifty", "Got €50.00\n");
    check("amount", "1,200 €", "Got €1,200.00\n");
    check("amount", "٥٠", "Got €50.00\n");
    check("amount", "skip", "Tracking?");
    check("amount", "$50", "");
    check("amount", "50%", "");
    check("amount", "-50", "");
    check("amount", "10 or 20", "");
    check("amount", "0.001", "");
    check("amount", "a lot", "");
}

static void trk_4_a_prompt_for_a_tracking_number_takes_all_forms(void **state)
{
    (void)state;
    check("tracking", "1z 999 aa1 01 2345 6784", "Got 1Z999AA10123456784\n");
    check("tracking", "it is 3318810014", "Got 3318810014\n");
    check("tracking", "12", "");
    check("tracking", "no idea", "");
}

static void flw_5_a_prompt_for_a_telephone_takes_one(void **state)
{
    (void)state;
    check("phone", "601234567", "Got +48601234567\n");
    check("phone", "+34 600 12 34 56", "Got +34600123456\n");
    check("phone", "12", "");
}

static void flw_5_words_that_were_asked_for_stay_words(void **state)
{
    (void)state;
    check("words",
          "my parcel never came, I ordered it for my sister's birthday and now she is sad",
          "Got my parcel never came");
    check("words", "broken", "Got broken\n");
    check("words", "please leave it with the neighbour", "Got please leave it");
}

static void flw_5_a_correction_is_answered_where_it_is_expected(void **state)
{
    static const char *const texts[] = {"not that one", "no, the other order", "ese no",
                                        "nie to", "لا، ليس هذا"};
    const char *at = "";

    (void)state;
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        go_to("which");
        (void)said_to(texts[i], &at);
        assert_string_equal(at, "amount");
    }
    go_to("past");
    (void)said_to("no, the other one", &at); /* no answer of its own: a step back */
    assert_string_not_equal(at, "past");
}

static void flw_5_yes_and_no_are_said_in_many_ways(void **state)
{
    static const char *const yes[] = {"yes",
                                      "Yes!",
                                      "y",
                                      "yep",
                                      "yeah",
                                      "sure",
                                      "ok",
                                      "okay",
                                      "of course",
                                      "yes please",
                                      "go ahead, yes",
                                      "confirm",
                                      "sí",
                                      "si",
                                      "claro",
                                      "por supuesto",
                                      "vale",
                                      "de acuerdo",
                                      "sí, por favor",
                                      "tak",
                                      "Tak!",
                                      "jasne",
                                      "oczywiście",
                                      "pewnie",
                                      "dobra",
                                      "potwierdzam",
                                      "نعم",
                                      "ايوه",
                                      "أجل",
                                      "أكيد",
                                      "موافق",
                                      "👍",
                                      "👍🏽",
                                      "✅",
                                      "👌"};
    static const char *const no[] = {
        "no", "No.", "nope",    "nah", "no thanks", "no no", "nie", "Nie!", "nie, dziękuję",
        "لا", "كلا", "لا شكرا", "👎",   "❌",         "n"};
    static const char *const neither[] = {"maybe", "yes and no", "👍👎",   "no sé si quiero",
                                          "🙂",  "yesterday",  "noon", "not sure"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(yes); i++)
        check("which", yes[i], "Day?");
    for (size_t i = 0; i < COUNTOF(no); i++)
        check("which", no[i], "Words?");
    for (size_t i = 0; i < COUNTOF(neither); i++)
        check("which", neither[i], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_a_prompt_for_a_day_takes_one),
        cmocka_unit_test(pay_7_a_prompt_for_an_amount_takes_exact_money),
        cmocka_unit_test(trk_4_a_prompt_for_a_tracking_number_takes_all_forms),
        cmocka_unit_test(flw_5_a_prompt_for_a_telephone_takes_one),
        cmocka_unit_test(flw_5_words_that_were_asked_for_stay_words),
        cmocka_unit_test(flw_5_a_correction_is_answered_where_it_is_expected),
        cmocka_unit_test(flw_5_yes_and_no_are_said_in_many_ways),
    };
    return cmocka_run_group_tests(tests, make_book, forget_book);
}
