/*
 * Transcripts against a stage of data: what an author writes there is what loads and actions
 * answer, and what makes no sense is refused with its line.
 */
#include "flows/play/play.h"
#include "tests/support/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct book *book;

static int read_book(void **state)
{
    (void)state;
    book = chat_book();
    return 0;
}

static int forget_book(void **state)
{
    (void)state;
    book_destroy(book);
    return 0;
}

static const char stage_file[] =
    "now: 2026-03-02 09:30\n"
    "zone: Europe/Warsaw\n"
    "facts: {business: {name: Kiln}, channel: whatsapp}\n"
    "answers:\n"
    "  order_figures: {active: 1, in_transit: 0, delivered: 2}\n"
    "  orders_list: {rows: orders, is: {filter: [status, phase]}, has: {words: [number, "
    "item]}}\n"
    "  order_by_number: {row: orders, is: {number: [number]}}\n"
    "  order_timeline: {cases: [{when: {number: ord-1}, give: []}, {give: nothing}]}\n"
    "customers:\n"
    "  ana:\n"
    "    facts: {customer: {name: Ana}}\n"
    "    tables:\n"
    "      orders:\n"
    "        - {number: ORD-1, status: shipped, phase: active, item: Tea pot, total: 19.90 "
    "EUR,\n"
    "           placed_at: -3d, workflow: shop, items_count: 1}\n"
    "        - {number: \"1002\", status: delivered, phase: done, item: Cup, total: 5 EUR,\n"
    "           placed_at: 2026-01-05 12:00, workflow: shop, items_count: 2, sent: true,\n"
    "           ships: true}\n";

static struct stage *stage_of(struct arena *into, const char *text)
{
    struct stage *stage = NULL;
    struct err err = {0};

    if (!stage_read(into, STR("stage.yaml"), str_from(text), &stage, &err))
        fail_msg("%s", err.text);
    return stage;
}

static struct value ask(struct arena *into, struct stage *stage, const char *load,
                        const char *name, struct value value)
{
    struct record_builder takes;
    struct flow_need need = {.kind = FLOW_LOAD, .name = load};
    struct flow_answer answer;
    struct err err = {0};
    bool known;

    record_build(&takes, into);
    if (name)
        record_set(&takes, str_from(name), value);
    need.takes = record_built(&takes);
    if (!stage_answer(stage, into, STR("ana"), &need, &answer, &known, &err))
        fail_msg("%s", err.text);
    assert_true(known);
    return answer.value;
}

static void flw_3_a_stage_selects_rows_as_variables_ask(void **state)
{
    struct arena arena = {0};
    struct stage *stage = stage_of(&arena, stage_file);
    struct value row;

    (void)state;
    assert_int_equal(ask(&arena, stage, "orders_list", NULL, value_none()).list->n, 2);
    assert_int_equal(
        ask(&arena, stage, "orders_list", "filter", value_text(STR("all"))).list->n, 2);
    assert_int_equal(
        ask(&arena, stage, "orders_list", "filter", value_text(STR("active"))).list->n, 1);
    assert_int_equal(ask(&arena, stage, "orders_list", "words", value_text(STR("TEA"))).list->n,
                     1);
    assert_int_equal(ask(&arena, stage, "orders_list", "offset", value_int(1)).list->n, 1);
    row = ask(&arena, stage, "order_by_number", "number", value_text(STR("ord-1")));
    assert_int_equal(row.kind, VALUE_RECORD);
    assert_int_equal(record_get(row.record, STR("total")).money.minor, 1990);
    row = ask(&arena, stage, "order_by_number", "number", value_text(STR("1002")));
    assert_true(record_get(row.record, STR("sent")).yes);
    assert_int_equal(record_get(row.record, STR("number")).kind, VALUE_TEXT);
    assert_int_equal(record_get(row.record, STR("items_count")).number, 2);
    assert_int_equal(ask(&arena, stage, "order_by_number", "number", value_text(STR("9"))).kind,
                     VALUE_NONE);
    assert_int_equal(
        ask(&arena, stage, "order_timeline", "number", value_text(STR("ORD-1"))).kind,
        VALUE_LIST);
    assert_int_equal(ask(&arena, stage, "order_timeline", "number", value_int(5)).kind,
                     VALUE_NONE);
    arena_finish(&arena);
}

static void times_of_a_stage_count_from_its_beginning(void **state)
{
    struct arena arena = {0};
    struct stage *stage = stage_of(&arena, stage_file);
    struct value row =
        ask(&arena, stage, "order_by_number", "number", value_text(STR("ORD-1")));

    (void)state;
    assert_true(stage_now(stage) == (usec_t)1772443800 * USEC_PER_SEC);
    assert_true(record_get(row.record, STR("placed_at")).time ==
                stage_now(stage) - 3 * USEC_PER_DAY);
    row = ask(&arena, stage, "order_by_number", "number", value_text(STR("1002")));
    assert_true(record_get(row.record, STR("placed_at")).time ==
                (usec_t)1767614400 * USEC_PER_SEC);
    arena_finish(&arena);
}

static void what_is_no_stage_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } all[] = {
        {"customer: ana\n",                 "stage.yaml:1: this entry means nothing"},
        {"customers: {ana: {name: Ana}}\n", "stage.yaml:1: this entry"              },
        {"customers:\n  ana: Ana\n",        "stage.yaml:2: a map is expected"       },
        {"facts: {}\nnow: today\n",         "stage.yaml:2: a time such as"          },
        {"zone: Europe/Nowhere\n",          "no such time zone"                     },
        {"facts: [\n",                      "stage.yaml:"                           },
        {"",                                "empty"                                 },
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct stage *stage;
        struct err err = {0};

        assert_false(
            stage_read(&arena, STR("stage.yaml"), str_from(all[i].text), &stage, &err));
        if (err.code != ERR_REJECT || !strstr(err.text, all[i].says))
            fail_msg("%s: %s", all[i].text, err.text);
    }
    arena_finish(&arena);
}

static const char *play_error(struct arena *arena, const char *transcript)
{
    struct play play = {.book = book, .stage = stage_of(arena, stage_file)};
    static struct err err;
    struct str played;

    err = (struct err){0};
    if (play_transcript(arena, &play, str_from(transcript), &played, &err))
        return "";
    return err.text;
}

static void what_a_transcript_cannot_mean_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } all[] = {
        {"< hi\nwhat\n",              "line 2: what is this?"         },
        {"< hi\n+5x\n",               "line 2: what is this?"         },
        {"< [Nothing of the kind]\n", "line 1: no such option"        },
        {"< (hologram)\n",            "line 1: no such option"        },
        {"@ orders_list\n",           "line 1: \"@ NAME: ANSWER\""    },
        {"@ orders_list: [\n",        "line 1: @:"                    },
        {"< where is 1002\n< 1\n",    "nobody answers order_shipments"},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++) {
        const char *error = play_error(&arena, all[i].text);

        if (!strstr(error, all[i].says))
            fail_msg("%s: \"%s\", wanted \"%s\"", all[i].text, error, all[i].says);
    }
    arena_finish(&arena);
}

static void flw_3_the_clock_moves_and_a_line_changes_what_is_there(void **state)
{
    static const char transcript[] = "met: yes\nlanguage: en\n"
                                     "@ orders_list: []\n"
                                     "< orders\n"
                                     "@ customer: {name: Eve}\n"
                                     "+3d\n"
                                     "< hi\n";
    struct play play = {.book = book};
    struct arena arena = {0};
    struct err err = {0};
    struct str played, again;

    (void)state;
    play.stage = stage_of(&arena, stage_file);
    if (!play_transcript(&arena, &play, str_from(transcript), &played, &err))
        fail_msg("%s", err.text);
    assert_true(str_find(played, STR("You have no orders yet")) < played.len);
    assert_true(str_find(played, STR("Eve")) < played.len);
    assert_true(play_transcript(&arena, &play, played, &again, &err));
    assert_true(str_eq(played, again)); /* what came back is a transcript that passes */
    arena_finish(&arena);
}

/* As `parley flows test` plays them: what stands in stage.yaml is all that there is. */
static void flw_3_transcripts_of_data_want_no_line_of_c(void **state)
{
    static const char *const names[] = {"en_data_orders.chat", "pl_data_where.chat"};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct str path =
            arena_format(&arena, "%s/tests/scenarios/%s", PARLEY_SOURCE_DIR, names[i]);
        struct str transcript = chat_file(&arena, path.at);
        struct play play = {.book = book};
        struct stage *stage = NULL;
        struct str played;
        struct err err = {0};

        if (!chat_stage(&arena, &stage, &err))
            fail_msg("%s", err.text);
        play.stage = stage;
        if (!play_transcript(&arena, &play, transcript, &played, &err))
            fail_msg("%s: %s", names[i], err.text);
        assert_true(transcript.len > 0 && str_eq(transcript, played));
    }
    arena_finish(&arena);
}

static void flw_3_a_code_is_asked_and_given_on_a_stage(void **state)
{
    static const char stage[] =
        "customers:\n"
        "  ana:\n"
        "    facts: {customer: {name: Ana}}\n"
        "    answers:\n"
        "      orders_list: [{number: ORD-1, workflow: shop, status: shipped, placed_at: -3d,\n"
        "                     total: 19.90 EUR, items_count: 2}]\n"
        "      order_figures: {active: 1, in_transit: 0, delivered: 2}\n"
        "      send_code: {outcome: sent, masked: \"+353 ... 12\", expires_at: +5m}\n"
        "      check_code: [{outcome: wrong, left: 4}, {outcome: verified, who: proved}]\n";
    static const char transcript[] = "met: yes\nverified: no\n< orders\n< 123456\n< 654321\n"
                                     "+31m\n< orders\n";
    static const char *const in_order[] = {
        "I've sent a code to +353 ... 12",
        "You have 4 more tries",
        "Thank you, it's you",
        "[Order ORD-1]",
        "I've sent a code to +353 ... 12",
    };
    struct play play = {.book = book};
    struct arena arena = {0};
    struct err err = {0};
    struct str rest;

    (void)state;
    play.stage = stage_of(&arena, stage);
    if (!play_transcript(&arena, &play, str_from(transcript), &rest, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNTOF(in_order); i++) {
        size_t at = str_find(rest, str_from(in_order[i]));

        if (at == rest.len)
            fail_msg("not there, or too early: %s", in_order[i]);
        rest = str_slice(rest, at + 1, rest.len);
    }
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_3_a_stage_selects_rows_as_variables_ask),
        cmocka_unit_test(times_of_a_stage_count_from_its_beginning),
        cmocka_unit_test(what_is_no_stage_is_refused),
        cmocka_unit_test(what_a_transcript_cannot_mean_is_refused_with_its_line),
        cmocka_unit_test(flw_3_transcripts_of_data_want_no_line_of_c),
        cmocka_unit_test(flw_3_a_code_is_asked_and_given_on_a_stage),
        cmocka_unit_test(flw_3_the_clock_moves_and_a_line_changes_what_is_there),
    };

    return cmocka_run_group_tests(tests, read_book, forget_book);
}
