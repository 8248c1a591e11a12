/*
 * What a flow needs to know of the one who writes: a small book with one flow of each need, and
 * every way in which something could be shown or done without it.
 */
#include "flows/engine/book.h"

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
             "    ask: {list: menu.ask, titles: t, choices: [go, human]}\n"
             "    on: {go: {go: act}, human: {go: human}}\n"                 },
    {"help",     "flow: help\nstarts_on: [help]\nreturns: true\ninitial: a\n"
             "states:\n  a: {say: help.text, target: done}\n"                },
    {"human",    "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a:\n"
              "    action: ask_for_person\n    outcomes: {recorded: rest}\n"},
    {"stop",     "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a:\n"
             "    action: consent_stop\n    outcomes: {done: rest}\n"        },
    {"start",    "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a:\n"
              "    action: consent_start\n    outcomes: {done: menu}\n"     },
    {"language", "flow: language\nstarts_on: [language]\ninitial: a\nstates:\n  a:\n"
                 "    action: set_language\n    outcomes: {done: done}\n"},
    {"log_out",  "flow: log_out\nstarts_on: [log_out]\ninitial: a\nstates:\n  a:\n"
                "    action: log_out\n    outcomes: {done: rest}\n"       },
    {"verify",
     "flow: verify\nstarts_on: [verify]\nreturns: true\ninitial: send\nstates:\n"
     "  send:\n    action: send\n    outcomes: {sent: code, late: menu}\n"
     "  code:\n    ask: {buttons: verify.code, titles: t, choices: [leave], as: code, "
     "kind: code}\n"
     "    on: {answered: {action: check}, leave: done}\n"
     "    outcomes: {right: done, wrong: code}\n"                                        },
    {"act",      "flow: act\nstarts_on: [orders]\nneeds: verified\ninitial: ask\nstates:\n"
            "  ask:\n    ask: {buttons: act.ask, titles: t, choices: [yes, no]}\n"
            "    on: {yes: {action: request}, no: {say: act.kept, target: done}}\n"
            "    outcomes: {submitted: {say: act.done, target: done}}\n"
            "    after: {30m: {say: act.remind, target: done}}\n"             },
    {"look",     "flow: look\nstarts_on: [track]\nneeds: reading\ninitial: show\nstates:\n"
             "  show:\n    again: true\n    load: few\n"
             "    ask: {list: look.ask, of: few, as: x, key: number, row: look.row}\n"
             "    on: {chosen: show, back: menu}\n"                          },
    {"greet",    "flow: greet\nstarts_on: [updates]\nneeds: known\ninitial: a\nstates:\n"
              "  a: {say: greet.name, target: menu}\n"                      },
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
                                   "t.go",
                                   "t.human",
                                   "t.yes",
                                   "t.no",
                                   "t.leave",
                                   "verify.code",
                                   "act.ask",
                                   "act.kept",
                                   "act.done",
                                   "act.remind",
                                   "look.ask"};

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct flow_part part_items[] = {
    {FLOW_LOAD,   "few",  NULL,        NULL,                false        },
    {FLOW_ACTION, "send", NULL,        NAMES("sent",        "late"),       false},
    {FLOW_ACTION,           "check",       NAMES("code"), NAMES("right", "wrong"), false},
    {FLOW_ACTION,      "request",            NULL,             NAMES("submitted"),                  false               },
};
static const struct parts parts = {part_items, COUNTOF(part_items)};

struct world {
    struct arena arena;
    struct book *book;
    struct str state;
    bool verified, reading_known, stranger;
    usec_t now;
    int sent, loaded, requested;
    const struct flow_result *result;
};

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static const struct record *facts_of(struct world *world, const char *name)
{
    struct record_builder person;
    struct record_builder facts;

    record_build(&facts, &world->arena);
    if (name) {
        record_build(&person, &world->arena);
        record_set(&person, STR("name"), text(name));
        record_set(&facts, STR("customer"), value_record(record_built(&person)));
    }
    return record_built(&facts);
}

static struct value two_rows(struct world *world)
{
    struct list *list = arena_new(&world->arena, struct list);
    struct value *items = arena_array(&world->arena, struct value, 2);

    for (int i = 0; i < 2; i++) {
        struct record_builder row;

        record_build(&row, &world->arena);
        record_set(&row, STR("number"), text(i ? "ORD-2" : "ORD-1"));
        items[i] = value_record(record_built(&row));
    }
    *list = (struct list){items, 2};
    return value_list(list);
}

static void check_code(struct world *world, const struct flow_need *need,
                       struct flow_answer *answer)
{
    bool right = str_eq(record_get(need->takes, STR("code")).text, STR("123456"));
    struct record_builder row;

    answer->outcome = right ? "right" : "wrong";
    if (!right)
        return;
    record_build(&row, &world->arena);
    record_set(&row, STR("who"), text("proved"));
    answer->value = value_record(record_built(&row));
    answer->facts = facts_of(world, world->stranger ? "Ben" : "Ana");
    world->stranger = false;
}

static void answer(struct world *world, struct flow_turn *turn, size_t at,
                   const struct flow_need *need)
{
    struct flow_answer given = {.value = value_none()};

    if (strcmp(need->name, "few") == 0) {
        world->loaded++;
        given.value = two_rows(world);
    } else if (strcmp(need->name, "send") == 0) {
        world->sent++;
        given.outcome = "sent";
    } else if (strcmp(need->name, "check") == 0) {
        check_code(world, need, &given);
    } else {
        world->requested++;
        given.outcome = "submitted";
    }
    flow_turn_answer(turn, at, &given);
}

static void play(struct world *world, const struct event *event)
{
    struct flow_in in = {.state = world->state,
                         .event = event,
                         .now = world->now,
                         .lang_is_settled = true,
                         .facts = facts_of(world, world->stranger ? NULL : "Ana"),
                         .verified = world->verified,
                         .reading_known = world->reading_known,
                         .last_inbound_at = NOW - USEC_PER_DAY};
    struct flow_turn *turn = flow_turn_begin(&world->arena, world->book, &in);
    enum flow_progress progress;
    struct err err = {0};

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++)
            answer(world, turn, i, &needs[i]);
    }
    if (progress != FLOW_DONE)
        fail_msg("%s", err.text);
    world->result = flow_turn_result(turn);
    world->state = world->result->state;
    world->verified = world->result->verified;
    world->now += USEC_PER_SEC;
}

static void say(struct world *world, const char *words)
{
    play(world, &(struct event){.kind = EVENT_TEXT, .text = str_from(words)});
}

static void is_at(const struct world *world, const char *flow, const char *state)
{
    if (strcmp(world->result->flow, flow) != 0 || strcmp(world->result->at, state) != 0) {
        fail_msg("at %s.%s and not at %s.%s", world->result->flow, world->result->at, flow,
                 state);
    }
}

static bool said(const struct world *world, const char *words)
{
    for (size_t i = 0; i < world->result->n_replies; i++) {
        struct str body = world->result->replies[i].body;

        if (str_find(body, str_from(words)) < body.len)
            return true;
    }
    return false;
}

/* --- the tests ---------------------------------------------------------------------------- */

static void otp_9_nothing_is_loaded_or_done_before_the_proof(void **state)
{
    struct world *world = *state;

    say(world, "where is my order");
    is_at(world, "verify", "code");
    assert_int_equal(world->loaded, 0);
    say(world, "111111");
    is_at(world, "verify", "code");
    say(world, "123456");
    is_at(world, "look", "show");
    assert_int_equal(world->loaded, 1);
    assert_true(world->result->verified);
    assert_int_equal(world->sent, 1);
}

static void otp_9_reading_may_be_relaxed_and_acting_not(void **state)
{
    struct world *world = *state;

    world->reading_known = true;
    say(world, "where is my order");
    is_at(world, "look", "show");
    say(world, "my orders");
    is_at(world, "verify", "code");
    world->stranger = true;
    world->state = STR_NONE;
    say(world, "where is my order");
    is_at(world, "verify", "code");
}

static void otp_9_known_is_enough_where_that_is_all(void **state)
{
    struct world *world = *state;

    say(world, "any news");
    assert_true(said(world, "Hello Ana"));
    assert_int_equal(world->sent, 0);
}

static void otp_5_what_the_proof_finds_out_is_known_in_the_same_turn(void **state)
{
    struct world *world = *state;

    world->stranger = true;
    say(world, "any news");
    is_at(world, "verify", "code");
    say(world, "123456");
    assert_true(said(world, "Hello Ben"));
}

static void otp_4_a_session_that_ends_under_a_question_does_nothing(void **state)
{
    struct world *world = *state;

    world->verified = true;
    say(world, "my orders");
    is_at(world, "act", "ask");
    world->verified = false;
    say(world, "yes");
    is_at(world, "verify", "code");
    assert_int_equal(world->requested, 0);
    say(world, "123456");
    is_at(world, "act", "ask");
    assert_int_equal(world->requested, 0); /* asked again, and not taken for granted */
    say(world, "yes");
    assert_int_equal(world->requested, 1);
}

static void otp_9_who_proves_nothing_comes_to_the_menu(void **state)
{
    static const char *const ways[] = {"back", "leave", "menu"};
    struct world *world = *state;

    for (size_t i = 0; i < COUNTOF(ways); i++) {
        say(world, "my orders");
        is_at(world, "verify", "code");
        say(world, ways[i]);
        is_at(world, "menu", "main");
    }
    assert_false(world->result->verified);
}

static void otp_1_one_code_is_good_for_all_that_waits(void **state)
{
    struct world *world = *state;

    say(world, "where is my order");
    say(world, "my orders");
    say(world, "where is my order");
    say(world, "help");
    is_at(world, "verify", "code");
    assert_int_equal(world->sent, 1);
    say(world, "123456");
    is_at(world, "look", "show");
    assert_int_equal(world->sent, 1);
}

static void otp_4_a_timer_tells_nothing_once_the_session_has_ended(void **state)
{
    struct world *world = *state;
    char name[64];

    world->verified = true;
    say(world, "my orders");
    assert_true(world->result->timers_changed && world->result->n_timers == 1);
    struct str timer = world->result->timers[0].name;
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARG(timer));
    world->verified = false;
    play(world, &(struct event){.kind = EVENT_TIMER, .detail = str_from(name)});
    assert_int_equal(world->result->n_replies, 0);
    assert_int_equal(world->sent, 0);
    is_at(world, "act", "ask"); /* the thread is still there for who comes back */
    world->verified = true;
    say(world, "yes");
    assert_int_equal(world->requested, 1);
}

static void otp_4_logging_out_ends_it_in_the_same_turn(void **state)
{
    struct world *world = *state;

    world->verified = true;
    say(world, "log out");
    assert_false(world->result->verified);
    say(world, "where is my order");
    is_at(world, "verify", "code");
}

static void otp_4_old_taps_show_nothing(void **state)
{
    struct world *world = *state;

    world->verified = true;
    say(world, "where is my order");
    struct str id = world->result->replies[0].options[0].id;
    world->verified = false;
    world->loaded = 0;
    play(world, &(struct event){.kind = EVENT_CHOICE, .choice = id});
    is_at(world, "verify", "code");
    world->state = STR_NONE;
    play(world, &(struct event){.kind = EVENT_CHOICE, .choice = id});
    is_at(world, "verify", "code");
    assert_int_equal(world->loaded, 0);
}

static void otp_9_what_merely_would_be_asked_again_sends_no_code(void **state)
{
    struct world *world = *state;

    world->verified = true;
    say(world, "where is my order");
    world->verified = false;
    say(world, "gibberish");
    is_at(world, "menu", "main");
    assert_int_equal(world->sent, 0);
}

/* --- the stage ---------------------------------------------------------------------------- */

static struct str words_of(struct arena *into)
{
    struct str all = STR("look.row: \"{{number}}\"\ngreet.name: \"Hello {{customer.name}}\"\n");

    for (size_t i = 0; i < COUNTOF(keys); i++) {
        const char *dot = strrchr(keys[i], '.');

        all = arena_format(into, "%.*s%s: \"%s\"\n", STR_ARG(all), keys[i], dot + 1);
    }
    return all;
}

static int set_up(void **state)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    struct world *world = calloc(1, sizeof(*world));
    struct source_file files[24];
    struct err err = {0};
    size_t n = 0;

    arena_init(&world->arena);
    world->now = NOW;
    for (size_t i = 0; i < COUNTOF(flows); i++) {
        files[n++] =
            (struct source_file){arena_format(&world->arena, "flows/%s.yaml", flows[i].name),
                                 str_from(flows[i].text)};
    }
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        files[n++] = (struct source_file){
            arena_format(&world->arena, "messages/%s.yaml", langs[i]), words_of(&world->arena)};
    }
    if (!book_create_with(&parts, files, n, &world->book, &err))
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    book_destroy(world->book);
    arena_finish(&world->arena);
    free(world);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(otp_9_nothing_is_loaded_or_done_before_the_proof),
        TEST(otp_9_reading_may_be_relaxed_and_acting_not),
        TEST(otp_9_known_is_enough_where_that_is_all),
        TEST(otp_5_what_the_proof_finds_out_is_known_in_the_same_turn),
        TEST(otp_4_a_session_that_ends_under_a_question_does_nothing),
        TEST(otp_9_who_proves_nothing_comes_to_the_menu),
        TEST(otp_1_one_code_is_good_for_all_that_waits),
        TEST(otp_4_a_timer_tells_nothing_once_the_session_has_ended),
        TEST(otp_4_logging_out_ends_it_in_the_same_turn),
        TEST(otp_4_old_taps_show_nothing),
        TEST(otp_9_what_merely_would_be_asked_again_sends_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
