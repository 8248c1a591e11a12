/*
 * The stepper, on a book made for it: a flow that does something, so that there is something to
 * do twice by mistake. Words are their own keys, so that replies can be read here.
 */
#include "flows/engine/book.h"
#include "flows/engine/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW ((usec_t)1795168800 * USEC_PER_SEC)

static const struct {
    const char *name;
    const char *text;
} flows[] = {
    {"menu",     "flow: menu\ninitial: main\nstates:\n  main:\n    again: true\n"
             "    ask: {list: menu.ask, titles: t, choices: [go, rows, help, human]}\n"
             "    on: {go: {go: cancel}, rows: {go: rows}, help: {call: help, target: main}, "
             "human: {go: human}}\n"                                         },
    {"help",     "flow: help\nstarts_on: [help]\nreturns: true\ninitial: a\n"
             "states:\n  a: {say: help.text, target: done}\n"                },
    {"human",    "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a:\n"
              "    action: ask_for_person\n    outcomes: {recorded: rest}\n"},
    {"stop",
     "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a:\n"
     "    action: consent_stop\n    outcomes: {done: {say: stop.done, target: rest}}\n"  },
    {"start",    "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a:\n"
              "    action: consent_start\n    outcomes: {done: menu}\n"     },
    {"language", "flow: language\nstarts_on: [language]\nreturns: true\ntakes: [lang]\n"
                 "initial: a\nstates:\n  a:\n    action: set_language\n"
                 "    outcomes: {done: done}\n"                          },
    {"cancel",
     "flow: cancel\nstarts_on: [orders]\ninitial: which\nstates:\n"
     "  which:\n    load: {load: few, as: few}\n"
     "    always: [{guard: empty, of: few, say: cancel.nothing, target: done}]\n"
     "    ask: {list: cancel.which, of: few, as: number, key: number, row: row}\n"
     "    on: {chosen: note}\n"
     "  note:\n    ask: {text: cancel.note, as: note, optional: true, max: 10}\n"
     "    on: {answered: confirm, skipped: confirm}\n"
     "  confirm:\n    ask: {buttons: cancel.confirm, titles: t, choices: [yes, no]}\n"
     "    on:\n      yes: {action: request}\n      no: {say: cancel.kept, target: done}\n"
     "    outcomes:\n      submitted: {say: cancel.submitted, target: done}\n"
     "      too_late: {say: cancel.too_late, target: which}\n"                           },
    {"rows",     "flow: rows\nstarts_on: [track]\ninitial: list\nstates:\n"
             "  list:\n    again: true\n    load: {load: many, as: many}\n"
             "    ask: {list: rows.which, of: many, as: number, key: number, row: row}\n"
             "    on: {chosen: shown}\n"
             "  shown:\n    say: rows.shown\n    target: done\n"             },
};

static const char *const keys[] = {"welcome.first",
                                   "welcome.again",
                                   "misunderstood.first",
                                   "misunderstood.second",
                                   "misunderstood.menu",
                                   "back.nothing",
                                   "old_button.refused",
                                   "unsupported.kind",
                                   "media.thanks_not_now",
                                   "location.thanks_not_now",
                                   "late.apology",
                                   "thanks.reply",
                                   "prompt.more",
                                   "prompt.previous",
                                   "prompt.choose",
                                   "tracking.link.label",
                                   "menu.ask",
                                   "help.text",
                                   "stop.done",
                                   "t.go",
                                   "t.rows",
                                   "t.help",
                                   "t.human",
                                   "t.yes",
                                   "t.no",
                                   "cancel.nothing",
                                   "cancel.which",
                                   "cancel.note",
                                   "cancel.confirm",
                                   "cancel.kept",
                                   "cancel.submitted",
                                   "cancel.too_late",
                                   "rows.which"};

static const char *const takes_request[] = {"number", "?note", NULL};
static const char *const outcomes_request[] = {"submitted", "too_late", NULL};
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* `grave` where it is true */
static const struct flow_part part_items[] = {
    {FLOW_LOAD,   "few",     NULL,          NULL            },
    {FLOW_LOAD,   "many",    NULL,          NULL            },
    {FLOW_ACTION, "request", takes_request, outcomes_request},
};

struct world {
    struct arena arena;
    struct book *book;
    struct str state;
    usec_t now;
    usec_t last;
    unsigned n_many;       /* rows that `many` gives */
    const char *outcome;   /* what `request` comes back with */
    const char *row_title; /* instead of the number */
    const char *long_key;  /* the first row's key */
    unsigned requests;     /* how often `request` was run */
    struct str number;     /* with what */
    struct str note;
    enum flow_progress progress;
    const struct flow_result *result;
};

static struct str words_text(struct arena *into)
{
    struct str text = STR("row: \"{{title}}\"\nrows.shown: \"shown {{number}}\"\n");

    for (size_t i = 0; i < COUNTOF(keys); i++)
        text = arena_format(into, "%.*s%s: \"%s\"\n", STR_ARG(text), keys[i], keys[i]);
    return text;
}

static struct book *make_book(struct str more_words)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    static const struct parts parts = {part_items, COUNTOF(part_items)};
    struct arena arena = {0};
    struct source_file files[32];
    struct book *book = NULL;
    struct err err = {0};
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(flows); i++) {
        files[n++] = (struct source_file){arena_format(&arena, "flows/%s.yaml", flows[i].name),
                                          str_from(flows[i].text)};
    }
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        files[n++] = (struct source_file){
            arena_format(&arena, "messages/%s.yaml", langs[i]),
            arena_format(&arena, "%.*s%.*s", STR_ARG(words_text(&arena)), STR_ARG(more_words))};
    }
    if (!book_create_with(&parts, files, n, &book, &err))
        fail_msg("%s", err.text);
    arena_finish(&arena);
    return book;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->book = make_book(STR_NONE);
    world->now = NOW;
    world->last = NOW - USEC_PER_HOUR;
    world->n_many = 25;
    world->outcome = "submitted";
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    arena_finish(&world->arena);
    book_destroy(world->book);
    free(world);
    return 0;
}

/* --- the world that answers --------------------------------------------------------------- */

static struct value rows(struct world *world, unsigned n)
{
    struct value *items = arena_array(&world->arena, struct value, n + 1);
    struct list *list = arena_new(&world->arena, struct list);

    for (unsigned i = 0; i < n; i++) {
        struct record_builder row;
        struct str number = arena_format(&world->arena, "N%u", i + 1);
        bool special = i == 0 && world->long_key;

        record_build(&row, &world->arena);
        record_set(&row, STR("number"),
                   value_text(special ? str_from(world->long_key) : number));
        record_set(&row, STR("title"),
                   value_text(world->row_title ? str_from(world->row_title) : number));
        items[i] = value_record(record_built(&row));
    }
    *list = (struct list){items, n};
    return value_list(list);
}

static void answer(struct world *world, struct flow_turn *turn, size_t at,
                   const struct flow_need *need)
{
    struct flow_answer given = {.value = value_none()};
    struct value number = record_get(need->takes, STR("number"));
    struct value note = record_get(need->takes, STR("note"));

    if (strcmp(need->name, "request") == 0) {
        world->requests++;
        world->number = number.kind == VALUE_TEXT ? number.text : STR_NONE;
        world->note = note.kind == VALUE_TEXT ? note.text : STR_NONE;
        given.outcome = world->outcome;
    } else {
        given.value = rows(world, strcmp(need->name, "few") == 0 ? 2 : world->n_many);
    }
    flow_turn_answer(turn, at, &given);
}

static void play(struct world *world, struct event *event)
{
    struct record none = {0};
    struct flow_in in = {.state = world->state,
                         .event = event,
                         .now = world->now,
                         .lang_is_settled = true,
                         .facts = &none,
                         .last_inbound_at = world->last};
    struct flow_turn *turn = flow_turn_begin(&world->arena, world->book, &in);
    struct err err = {0};

    while ((world->progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++)
            answer(world, turn, i, &needs[i]);
    }
    if (world->progress == FLOW_BROKEN) {
        assert_int_equal(err.code, ERR_BROKEN);
        return;
    }
    world->result = flow_turn_result(turn);
    world->state = world->result->state;
    world->last = world->now;
    world->now += USEC_PER_SEC;
}

static void say(struct world *world, const char *text)
{
    struct event event = {.kind = EVENT_TEXT, .text = str_from(text)};

    play(world, &event);
}

static void tap(struct world *world, struct str id)
{
    struct event event = {.kind = EVENT_CHOICE, .choice = id};

    play(world, &event);
}

static const struct reply *only_reply(const struct world *world)
{
    assert_int_equal(world->result->n_replies, 1);
    return &world->result->replies[0];
}

static struct str option_id(const struct world *world, const char *title)
{
    const struct reply *reply = &world->result->replies[world->result->n_replies - 1];

    for (size_t i = 0; i < reply->n_options; i++) {
        if (str_eq(reply->options[i].title, str_from(title)))
            return reply->options[i].id;
    }
    fail_msg("no option %s", title);
    return STR_NONE;
}

static void expect_body(const struct world *world, const char *body)
{
    struct str got = only_reply(world)->body;

    if (!str_eq(got, str_from(body)))
        fail_msg("\"%.*s\" and not \"%s\"", STR_ARG(got), body);
}

static void expect_at(const struct world *world, const char *flow, const char *at)
{
    assert_string_equal(world->result->flow, flow);
    assert_string_equal(world->result->at, at);
}

static void to_confirm(struct world *world)
{
    say(world, "menu");
    tap(world, option_id(world, "t.go"));
    tap(world, option_id(world, "N2"));
    say(world, "skip");
    expect_at(world, "cancel", "confirm");
}

/* --- tests -------------------------------------------------------------------------------- */

static void an_action_gets_what_it_takes_and_its_outcome_is_answered(void **state)
{
    struct world *world = *state;

    say(world, "menu");
    assert_true(world->result->at_rest);
    tap(world, option_id(world, "t.go"));
    expect_body(world, "cancel.which");
    assert_false(world->result->at_rest);
    say(world, "2");
    expect_body(world, "cancel.note");
    say(world, "far too long a note");
    expect_body(world, "cancel.confirm");
    say(world, "yes");
    assert_int_equal(world->requests, 1);
    assert_true(str_eq(world->number, STR("N2")));
    assert_true(str_length(world->note) <= 10 && str_starts(world->note, STR("far too")));
    expect_body(world, "cancel.submitted");
    assert_true(world->result->at_rest);
}

static void a_skipped_note_is_none(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "tak");
    assert_int_equal(world->requests, 1);
    assert_int_equal(world->note.len, 0);
}

static void flw_7_a_button_tapped_twice_acts_once(void **state)
{
    struct world *world = *state;
    struct str yes;

    to_confirm(world);
    yes = option_id(world, "t.yes");
    tap(world, yes);
    tap(world, yes);
    assert_int_equal(world->requests, 1);
    assert_true(str_starts(only_reply(world)->body, STR("old_button.refused")));
    expect_at(world, "menu", "main");
}

static void flw_7_a_button_of_an_earlier_asking_is_refused_in_the_same_state(void **state)
{
    struct world *world = *state;
    struct str yes;

    to_confirm(world);
    yes = option_id(world, "t.yes");
    say(world, "no");
    expect_body(world, "cancel.kept");
    to_confirm(world);
    tap(world, yes);
    assert_int_equal(world->requests, 0);
    expect_body(world, "old_button.refused\n\ncancel.confirm");
    tap(world, option_id(world, "t.yes"));
    assert_int_equal(world->requests, 1);
}

static void flw_7_asked_again_both_copies_of_the_button_work_once(void **state)
{
    struct world *world = *state;
    struct str first;

    to_confirm(world);
    first = option_id(world, "t.yes");
    say(world, "colourless green ideas");
    expect_body(world, "misunderstood.first\n\ncancel.confirm");
    assert_true(str_eq(option_id(world, "t.yes"), first));
    tap(world, first);
    tap(world, first);
    assert_int_equal(world->requests, 1);
}

static void flw_7_a_button_of_another_version_never_acts(void **state)
{
    struct world *world = *state;
    struct str yes;
    char id[PROMPT_ID_MAX];

    to_confirm(world);
    yes = option_id(world, "t.yes");
    memcpy(id, yes.at, yes.len);
    memset(id + 3, '0', 8);
    tap(world, (struct str){id, yes.len});
    assert_int_equal(world->requests, 0);
    expect_body(world, "old_button.refused\n\ncancel.confirm");
}

static void flw_5_an_aside_comes_back_to_the_question(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "help");
    expect_body(world, "help.text\n\ncancel.confirm");
    expect_at(world, "cancel", "confirm");
    say(world, "yes");
    assert_true(str_eq(world->number, STR("N2")));
}

static void flw_5_a_digression_waits_on_the_stack_until_it_ends(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "where is my order");
    expect_at(world, "rows", "list");
    assert_false(world->result->at_rest);
    say(world, "3");
    expect_body(world, "shown N3\n\ncancel.confirm");
    say(world, "yes");
    assert_true(str_eq(world->number, STR("N2")));
    expect_body(world, "cancel.submitted");
}

static void flw_5_back_returns_from_a_digression(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "where is my order");
    say(world, "back");
    expect_body(world, "cancel.confirm");
}

static void flw_5_menu_leaves_what_was_under_way(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "menu");
    assert_true(world->result->at_rest);
    say(world, "yes");
    assert_int_equal(world->requests, 0);
}

static void an_old_menu_row_is_a_digression_too(void **state)
{
    struct world *world = *state;
    struct str rows_id;

    say(world, "menu");
    rows_id = option_id(world, "t.rows");
    to_confirm(world);
    tap(world, rows_id);
    expect_at(world, "rows", "list");
    say(world, "back");
    expect_body(world, "cancel.confirm");
}

static void an_outcome_may_lead_back_to_a_question(void **state)
{
    struct world *world = *state;

    world->outcome = "too_late";
    to_confirm(world);
    say(world, "yes");
    expect_body(world, "cancel.too_late\n\ncancel.which");
}

static void an_outcome_that_was_never_declared_breaks_the_turn(void **state)
{
    struct world *world = *state;

    world->outcome = "vanished";
    to_confirm(world);
    say(world, "yes");
    assert_int_equal(world->progress, FLOW_BROKEN);
    world->outcome = NULL;
    say(world, "yes");
    assert_int_equal(world->progress, FLOW_BROKEN);
}

/* 25 rows: 9 and More; 8, More and Previous; 8 and Previous. Every row is shown once. */
static void a_list_of_any_length_is_paged_through(void **state)
{
    struct world *world = *state;

    for (world->n_many = 1; world->n_many < 45; world->n_many++) {
        unsigned seen = 0;

        say(world, "where is my order");
        for (unsigned page = 0; page < 10; page++) {
            const struct reply *reply = only_reply(world);
            bool more = false;

            assert_true(reply->n_options >= 1 && reply->n_options <= 10);
            for (size_t i = 0; i < reply->n_options; i++) {
                struct str number = arena_format(&world->arena, "N%u", seen + 1);

                seen += str_eq(reply->options[i].title, number);
                more = more || str_eq(reply->options[i].title, STR("prompt.more"));
            }
            if (!more)
                break;
            tap(world, option_id(world, "prompt.more"));
        }
        assert_int_equal(seen, world->n_many);
    }
}

static void previous_leads_where_more_came_from(void **state)
{
    struct world *world = *state;
    struct str first[5];
    size_t pages = 0;

    world->n_many = 40;
    say(world, "where is my order");
    for (; pages < 4; pages++) {
        first[pages] = only_reply(world)->options[0].title;
        tap(world, option_id(world, "prompt.more"));
    }
    while (pages-- > 0) {
        say(world, "previous");
        assert_true(str_eq(only_reply(world)->options[0].title, first[pages]));
    }
}

static void a_page_that_is_gone_becomes_the_first(void **state)
{
    struct world *world = *state;

    say(world, "where is my order");
    say(world, "more");
    say(world, "more");
    world->n_many = 3;
    say(world, "gibberish");
    assert_int_equal(only_reply(world)->n_options, 3);
}

static void a_key_too_long_for_an_id_is_known_by_its_place(void **state)
{
    struct world *world = *state;
    char key[181];

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    world->long_key = key;
    say(world, "where is my order");
    assert_true(only_reply(world)->options[0].id.len <= PROMPT_ID_MAX);
    tap(world, only_reply(world)->options[0].id);
    assert_true(str_starts(only_reply(world)->body, STR("shown kkk")));
}

static void titles_are_cut_to_what_a_row_holds(void **state)
{
    struct world *world = *state;

    world->row_title =
        "A very long title with a family 👨‍👩‍👧‍👦 at the wrong place";
    say(world, "where is my order");
    assert_true(str_length(only_reply(world)->options[0].title) <= 24);
    assert_true(str_is_utf8(only_reply(world)->options[0].title));
}

static void check_ahead(struct world *world, size_t len, size_t texts)
{
    char *key = malloc(len + 1);
    size_t said = 0;

    assert_non_null(key);
    memset(key, 'k', len);
    key[len] = '\0';
    world->long_key = key;
    to_confirm(world);
    say(world, "where is my order");
    say(world, "1");
    assert_int_equal(world->result->n_replies, texts + 1);
    for (size_t i = 0; i < texts; i++) {
        assert_int_equal(world->result->replies[i].kind, REPLY_TEXT);
        assert_true(str_length(world->result->replies[i].body) <= 4096);
        said += world->result->replies[i].body.len;
    }
    assert_true(said >= len);
    assert_int_equal(world->result->replies[texts].kind, REPLY_BUTTONS);
    assert_true(str_eq(world->result->replies[texts].body, STR("cancel.confirm")));
    free(key);
}

static void what_does_not_fit_one_message_goes_ahead(void **state)
{
    check_ahead(*state, 1020, 1);
    check_ahead(*state, 3000, 1);
    check_ahead(*state, 9000, 3);
}

static void misunderstood_twice_is_the_menu_where_no_person_is_offered(void **state)
{
    struct world *world = *state;

    to_confirm(world);
    say(world, "xyzzy");
    expect_body(world, "misunderstood.first\n\ncancel.confirm");
    assert_false(world->result->understood);
    say(world, "xyzzy");
    expect_body(world, "misunderstood.menu\n\nmenu.ask");
    assert_int_equal(world->requests, 0);
}

static void an_answer_forgives_earlier_misunderstandings(void **state)
{
    struct world *world = *state;

    say(world, "menu");
    say(world, "xyzzy");
    tap(world, option_id(world, "t.go"));
    say(world, "xyzzy");
    assert_true(str_starts(only_reply(world)->body, STR("misunderstood.first")));
}

/* --- the kept state ----------------------------------------------------------------------- */

static void the_version_leads_the_state_and_is_read_cheaply(void **state)
{
    struct world *world = *state;
    struct hash16 version = book_version(world->book);
    struct hash16 none = {{0}};
    struct hash16 read;

    say(world, "menu");
    read = flow_state_version(world->state);
    assert_memory_equal(&read, &version, sizeof(read));
    read = flow_state_version(STR_NONE);
    assert_memory_equal(&read, &none, sizeof(read));
    read = flow_state_version(STR("{\"v\":\"zz"));
    assert_memory_equal(&read, &none, sizeof(read));
    read = flow_state_version(STR("{\"v\":\"0123456789abcdef0123456789abcdeX\"}"));
    assert_memory_equal(&read, &none, sizeof(read));
}

static void a_state_that_cannot_be_read_starts_fresh(void **state)
{
    static const char *const states[] = {
        "x",
        "{}",
        "[]",
        "{\"flow\":\"menu\"}",
        "{\"flow\":\"gone\",\"at\":\"main\"}",
        "{\"flow\":\"menu\",\"at\":\"gone\"}",
        "{\"flow\":5,\"at\":{}}",
        "{\"flow\":\"menu\",\"at\":\"main\",\"stack\":[5]}",
        "{\"flow\":\"menu\",\"at\":\"main\",\"stack\":[{\"flow\":\"gone\",\"at\":\"x\"}]}",
        "{\"flow\":\"menu\",\"at\":\"main\",\"open\":true,\"rows\":[1,2,\"\",\"\",\"k\"]}",
        "{\"flow\":\"help\",\"at\":\"a\",\"open\":true}",
        "{\"flow\":\"menu\",\"at\":\"main\",\"open\":true,\"miss\":-7,\"vars\":[]}",
        "{\"flow\":\"cancel\",\"at\":\"which\",\"open\":true,\"vars\":{\"offset\":\"x\"}}",
        "{\"flow\":\"cancel\",\"at\":\"which\",\"open\":true,\"vars\":{\"offset\":-5}}",
        "{\"flow\":\"rows\",\"at\":\"list\",\"open\":true,\"vars\":{\"offset\":",
        "9223372036854775807}}",
    };
    struct world *world = *state;

    for (size_t i = 0; i < COUNTOF(states); i++) {
        world->state = str_from(states[i]);
        say(world, "xyzzy");
        assert_int_equal(world->progress, FLOW_DONE);
        assert_true(world->result->n_replies > 0);
        say(world, "menu");
        expect_body(world, "menu.ask");
    }
}

/* Another version of the book steps the same state where the names are still there. */
static void a_state_of_another_version_goes_on_where_names_remain(void **state)
{
    struct world *world = *state;
    struct book *newer = make_book(STR("another: \"word\"\n"));

    to_confirm(world);
    book_destroy(world->book);
    world->book = newer;
    say(world, "yes");
    assert_int_equal(world->requests, 1);
    assert_true(str_eq(world->number, STR("N2")));
}

static void the_stack_is_bounded(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 50; i++) {
        say(world, "orders");
        say(world, "where is my order");
        say(world, "language");
        assert_true(world->state.len < 4000);
    }
}

static void turns_with_the_same_input_are_the_same(void **state)
{
    struct world *world = *state;
    struct str before;
    struct str after;
    usec_t now;
    usec_t last;

    to_confirm(world);
    before = world->state;
    now = world->now;
    last = world->last;
    say(world, "what?");
    after = world->state;
    world->state = before;
    world->now = now;
    world->last = last;
    say(world, "what?");
    assert_true(str_eq(after, world->state));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_action_gets_what_it_takes_and_its_outcome_is_answered),
        IN_WORLD(a_skipped_note_is_none),
        IN_WORLD(flw_7_a_button_tapped_twice_acts_once),
        IN_WORLD(flw_7_a_button_of_an_earlier_asking_is_refused_in_the_same_state),
        IN_WORLD(flw_7_asked_again_both_copies_of_the_button_work_once),
        IN_WORLD(flw_7_a_button_of_another_version_never_acts),
        IN_WORLD(flw_5_an_aside_comes_back_to_the_question),
        IN_WORLD(flw_5_a_digression_waits_on_the_stack_until_it_ends),
        IN_WORLD(flw_5_back_returns_from_a_digression),
        IN_WORLD(flw_5_menu_leaves_what_was_under_way),
        IN_WORLD(an_old_menu_row_is_a_digression_too),
        IN_WORLD(an_outcome_may_lead_back_to_a_question),
        IN_WORLD(an_outcome_that_was_never_declared_breaks_the_turn),
        IN_WORLD(a_list_of_any_length_is_paged_through),
        IN_WORLD(previous_leads_where_more_came_from),
        IN_WORLD(a_page_that_is_gone_becomes_the_first),
        IN_WORLD(a_key_too_long_for_an_id_is_known_by_its_place),
        IN_WORLD(titles_are_cut_to_what_a_row_holds),
        IN_WORLD(what_does_not_fit_one_message_goes_ahead),
        IN_WORLD(misunderstood_twice_is_the_menu_where_no_person_is_offered),
        IN_WORLD(an_answer_forgives_earlier_misunderstandings),
        IN_WORLD(the_version_leads_the_state_and_is_read_cheaply),
        IN_WORLD(a_state_that_cannot_be_read_starts_fresh),
        IN_WORLD(a_state_of_another_version_goes_on_where_names_remain),
        IN_WORLD(the_stack_is_bounded),
        IN_WORLD(turns_with_the_same_input_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
