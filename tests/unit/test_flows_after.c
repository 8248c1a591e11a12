/*
 * `after`: what a state does when nobody answers. A small book with one question that waits,
 * and every way in which its timer could fire when it should not.
 */
#include "flows/engine/book.h"
#include "flows/play/play.h"

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
             "    ask: {list: menu.ask, titles: t, choices: [go, keep, human]}\n"
             "    on: {go: {go: wait}, keep: {go: keep}, human: {go: human}}\n"},
    {"help",     "flow: help\nstarts_on: [help]\nreturns: true\ninitial: a\n"
             "states:\n  a: {say: help.text, target: done}\n"                  },
    {"human",    "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a:\n"
              "    action: ask_for_person\n    outcomes: {recorded: rest}\n"  },
    {"stop",     "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a:\n"
             "    action: consent_stop\n    outcomes: {done: rest}\n"          },
    {"start",    "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a:\n"
              "    action: consent_start\n    outcomes: {done: menu}\n"       },
    {"language", "flow: language\nstarts_on: [language]\ninitial: a\nstates:\n  a:\n"
                 "    action: set_language\n    outcomes: {done: done}\n"  },
    {"wait",     "flow: wait\nstarts_on: [orders]\ninitial: ask\nstates:\n"
             "  ask:\n    ask: {buttons: wait.ask, titles: t, choices: [yes, no]}\n"
             "    on: {yes: {say: wait.yes, target: done}, no: ask}\n"
             "    after: {30m: {say: wait.remind, target: last}}\n"
             "  last:\n    ask: {buttons: wait.last, titles: t, choices: [yes, no]}\n"
             "    on: {yes: {say: wait.yes, target: done}, no: ask}\n"
             "    after: {2h: {say: wait.kept, target: done}}\n"               },
    {"keep",     "flow: keep\nstarts_on: [track]\ninitial: ask\nstates:\n"
             "  ask:\n    ask: {text: wait.ask, as: note}\n"
             "    on: {answered: {action: request}}\n"
             "    after: {1h: [{guard: some, of: note, target: ask2}, {action: request}]}\n"
             "    outcomes: {submitted: {say: wait.kept, target: rest}}\n"
             "  ask2: {target: rest}\n"                                        },
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
                                   "t.keep",
                                   "t.human",
                                   "t.yes",
                                   "t.no",
                                   "wait.ask",
                                   "wait.yes",
                                   "wait.remind",
                                   "wait.last",
                                   "wait.kept"};

static const char *const outcomes_request[] = {"submitted", NULL};
static const struct flow_part part_items[] = {
    {.kind = FLOW_ACTION, .name = "request",            .outcomes = outcomes_request},
    { .kind = FLOW_ACTION,      .name = "pay", .outcomes = outcomes_request,                .grave = true},
};

struct world {
    struct arena arena;
    struct book *book;
    struct str state;
    usec_t now, last;
    bool held;
    unsigned requests;
    struct flow_timer timer; /* as the shell would keep it; `at` 0: none */
    const struct flow_result *result;
};

/* The book, with the flow "wait" given otherwise, or as it stands above. */
static bool make_book(const char *wait, struct book **book, struct err *err)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    static const struct parts parts = {part_items, COUNTOF(part_items)};
    struct arena arena = {0};
    struct source_file files[32];
    struct str words = STR_NONE;
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < COUNTOF(keys); i++)
        words = arena_format(&arena, "%.*s%s: \"%s\"\n", STR_ARG(words), keys[i], keys[i]);
    for (size_t i = 0; i < COUNTOF(flows); i++) {
        bool other = wait && strcmp(flows[i].name, "wait") == 0;

        files[n++] = (struct source_file){arena_format(&arena, "flows/%s.yaml", flows[i].name),
                                          str_from(other ? wait : flows[i].text)};
    }
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        files[n++] =
            (struct source_file){arena_format(&arena, "messages/%s.yaml", langs[i]), words};
    }
    ok = book_create_with(&parts, files, n, book, err);
    arena_finish(&arena);
    return ok;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct err err = {0};

    assert_non_null(world);
    if (!make_book(NULL, &world->book, &err))
        fail_msg("%s", err.text);
    world->now = NOW;
    world->last = NOW - USEC_PER_HOUR;
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

static void play(struct world *world, const struct event *event)
{
    struct record none = {0};
    struct flow_in in = {.state = world->state,
                         .event = event,
                         .now = world->now,
                         .lang_is_settled = true,
                         .facts = &none,
                         .last_inbound_at = world->last,
                         .held = world->held};
    struct flow_turn *turn = flow_turn_begin(&world->arena, world->book, &in);
    struct flow_answer answer = {.outcome = "submitted"};
    struct err err = {0};
    enum flow_progress progress;

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        world->requests++;
        flow_turn_answer(turn, 0, &answer);
    }
    if (progress == FLOW_BROKEN)
        fail_msg("%s", err.text);
    world->result = flow_turn_result(turn);
    world->state = world->result->state;
    if (event->kind != EVENT_TIMER)
        world->last = world->now;
    assert_true(world->result->n_timers <= 1);
    if (world->result->timers_changed) {
        world->timer =
            world->result->n_timers ? world->result->timers[0] : (struct flow_timer){0};
    } else if (world->result->n_timers > 0) {
        assert_true(str_eq(world->timer.name, world->result->timers[0].name));
        assert_int_equal(world->timer.at, world->result->timers[0].at);
    }
}

static void say(struct world *world, const char *text)
{
    struct event event = {.kind = EVENT_TEXT, .text = str_from(text)};

    world->now += USEC_PER_SEC;
    play(world, &event);
}

static void fire(struct world *world, struct flow_timer timer)
{
    struct event event = {.kind = EVENT_TIMER, .detail = timer.name};

    if (world->now < timer.at)
        world->now = timer.at;
    play(world, &event);
}

static void expect_silence(const struct world *world, struct str before)
{
    assert_int_equal(world->result->n_replies, 0);
    assert_true(str_eq(world->state, before));
    assert_false(world->result->timers_changed);
}

static void expect_body(const struct world *world, const char *body)
{
    assert_int_equal(world->result->n_replies, 1);
    if (!str_eq(world->result->replies[0].body, str_from(body)))
        fail_msg("\"%.*s\" and not \"%s\"", STR_ARG(world->result->replies[0].body), body);
}

/* --- tests -------------------------------------------------------------------------------- */

static void what_is_not_answered_in_time_takes_its_way(void **state)
{
    struct world *world = *state;

    say(world, "orders");
    assert_true(world->result->timers_changed);
    assert_int_equal(world->timer.at, world->now + 30 * USEC_PER_MIN);
    fire(world, world->timer);
    expect_body(world, "wait.remind\n\nwait.last");
    assert_int_equal(world->timer.at, world->now + 2 * USEC_PER_HOUR);
    fire(world, world->timer);
    expect_body(world, "wait.kept");
    assert_int_equal(world->timer.at, 0);
    assert_true(world->result->at_rest);
}

static void an_answer_cancels_the_timer(void **state)
{
    struct world *world = *state;
    struct flow_timer old;

    say(world, "orders");
    old = world->timer;
    say(world, "yes");
    assert_true(world->result->timers_changed);
    assert_int_equal(world->timer.at, 0);
    fire(world, old);
    expect_silence(world, world->state);
    assert_string_equal(world->result->flow, "menu");
}

static void a_timer_fires_once_however_often_it_comes(void **state)
{
    struct world *world = *state;
    struct flow_timer old;
    struct str after;

    say(world, "orders");
    old = world->timer;
    fire(world, old);
    after = world->state;
    for (int i = 0; i < 3; i++) {
        fire(world, old);
        expect_silence(world, after);
    }
    assert_int_equal(world->timer.at, old.at + 2 * USEC_PER_HOUR);
}

static void an_old_timer_of_a_prompt_that_was_asked_again_is_refused(void **state)
{
    struct world *world = *state;
    struct flow_timer old;
    struct str before;

    say(world, "orders");
    old = world->timer;
    say(world, "no"); /* the same prompt, asked anew */
    assert_true(world->result->timers_changed);
    assert_false(str_eq(old.name, world->timer.name));
    before = world->state;
    world->now = old.at;
    fire(world, old);
    expect_silence(world, before);
    fire(world, world->timer);
    expect_body(world, "wait.remind\n\nwait.last");
}

static void a_thanks_lets_it_run_and_a_digression_starts_it_anew(void **state)
{
    struct world *world = *state;
    struct flow_timer first;

    say(world, "orders");
    first = world->timer;
    say(world, "thank you");
    assert_false(world->result->timers_changed);
    assert_int_equal(world->result->n_timers, 1);
    say(world, "help");
    assert_true(world->result->timers_changed);
    assert_true(world->timer.at > first.at);
    assert_int_equal(world->result->n_timers, 1);
}

static void another_flow_ends_it(void **state)
{
    struct world *world = *state;

    say(world, "orders");
    say(world, "menu");
    assert_true(world->result->timers_changed);
    assert_int_equal(world->result->n_timers, 0);
    say(world, "orders");
    say(world, "stop");
    assert_int_equal(world->result->n_timers, 0);
}

static void an_action_may_be_what_happens(void **state)
{
    struct world *world = *state;

    say(world, "where is my order?");
    assert_string_equal(world->result->flow, "keep");
    fire(world, world->timer);
    assert_int_equal(world->requests, 1);
    expect_body(world, "wait.kept");
}

static void while_a_person_holds_the_conversation_timers_are_silent(void **state)
{
    struct world *world = *state;

    say(world, "orders");
    world->held = true;
    fire(world, world->timer);
    assert_int_equal(world->result->n_replies, 0);
    assert_string_equal(world->result->at, "ask");
}

static void outside_the_service_window_nothing_is_said(void **state)
{
    struct world *world = *state;

    say(world, "orders");
    world->now += 24 * USEC_PER_HOUR;
    fire(world, world->timer);
    assert_int_equal(world->result->n_replies, 0);
    assert_string_equal(world->result->at, "last");
}

static void ntf_3_in_the_quiet_hours_it_waits_for_their_end(void **state)
{
    struct world *world = *state;
    struct flow_timer first;

    world->now = NOW + 12 * USEC_PER_HOUR; /* ten at night */
    world->last = world->now - USEC_PER_HOUR;
    say(world, "orders");
    first = world->timer;
    assert_true(first.at > 0);
    fire(world, first);
    assert_int_equal(world->result->n_replies, 0);
    assert_true(world->result->timers_changed);
    assert_int_equal(world->timer.at, NOW + 22 * USEC_PER_HOUR); /* eight in the morning */
    fire(world, first);                                          /* the old one, once more */
    assert_int_equal(world->result->n_replies, 0);
    fire(world, world->timer);
    assert_true(world->result->n_replies > 0);
}

static void a_turn_without_timers_says_so(void **state)
{
    struct world *world = *state;

    say(world, "menu");
    assert_false(world->result->timers_changed);
    assert_int_equal(world->result->n_timers, 0);
    say(world, "help");
    assert_false(world->result->timers_changed);
}

/* In a transcript the clock fires what is due on the way, each at its own time. */
static void flw_3_a_transcripts_clock_fires_timers(void **state)
{
    static const char transcript[] = "met: yes\n"
                                     "< orders\n"
                                     "> wait.ask\n"
                                     "> [t.yes]\n"
                                     "> [t.no]\n"
                                     "+29m\n"
                                     "+2m\n"
                                     "* after 30m\n"
                                     "> wait.remind\n"
                                     ">\n"
                                     "> wait.last\n"
                                     "> [t.yes]\n"
                                     "> [t.no]\n"
                                     "< no\n"
                                     "> wait.ask\n"
                                     "> [t.yes]\n"
                                     "> [t.no]\n"
                                     "+3h\n"
                                     "* after 30m\n"
                                     "> wait.remind\n"
                                     ">\n"
                                     "> wait.last\n"
                                     "> [t.yes]\n"
                                     "> [t.no]\n"
                                     "* after 2h\n"
                                     "> wait.kept\n"
                                     "+24h\n";
    struct world *world = *state;
    struct play play = {.book = world->book};
    struct str played = STR_NONE;
    struct err err = {0};

    if (!play_transcript(&world->arena, &play, str_from(transcript), &played, &err))
        fail_msg("%s", err.text);
    if (!str_eq(played, str_from(transcript)))
        fail_msg("%.*s", STR_ARG(played));
}

static void strangers_names_are_refused(void **state)
{
    static const char *const names[] = {
        "", "wait/ask/30m", "wait/ask/30m/", "wait/ask/30m/0", "////", "wait/last/2h/1"};
    struct world *world = *state;
    struct str before;

    say(world, "orders");
    before = world->state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        fire(world, (struct flow_timer){str_from(names[i]), 0});
        expect_silence(world, before);
    }
}

#define ASKS                                                                                   \
    "flow: wait\nstarts_on: [orders]\ninitial: ask\nstates:\n  ask:\n"                         \
    "    ask: {buttons: wait.ask, titles: t, choices: [yes, no]}\n"                            \
    "    on: {yes: done, no: done}\n"

static void a_newer_book_knows_the_timer_if_it_has_the_state(void **state)
{
    struct world *world = *state;
    struct book *other = NULL;
    struct err err = {0};

    say(world, "orders");
    book_destroy(world->book);
    assert_true(
        make_book(ASKS "    after: {30m: {say: wait.kept, target: done}}\n", &other, &err));
    world->book = other;
    fire(world, world->timer);
    expect_body(world, "wait.kept");
}

static void a_newer_book_that_waits_otherwise_waits_as_it_says(void **state)
{
    struct world *world = *state;
    usec_t asked;
    struct book *other = NULL;
    struct err err = {0};

    say(world, "orders");
    book_destroy(world->book);
    assert_true(
        make_book(ASKS "    after: {1h: {say: wait.kept, target: done}}\n", &other, &err));
    world->book = other;
    asked = world->timer.at - 30 * USEC_PER_MIN;
    fire(world, world->timer);
    assert_int_equal(world->result->n_replies, 0);
    assert_string_equal(world->result->at, "ask");
    assert_int_equal(world->timer.at, asked + USEC_PER_HOUR);
    fire(world, world->timer);
    expect_body(world, "wait.kept");
}

static void flw_2_waiting_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *flow;
        const char *says;
    } broken[] = {
        {ASKS "    after: {30m: ask}\n",                                                               "for ever"          },
        {ASKS "    after: {30m: {target: b}}\n  b:\n    ask: {text: wait.ask, as: x}\n"
              "    on: {answered: done}\n    after: {1h: ask}\n",                             "for ever"          },
        {ASKS "    after: {30: done}\n",                                                               "no time to wait"   },
        {ASKS "    after: {1s: done}\n",                                                               "no time to wait"   },
        {ASKS "    after: {-5m: done}\n",                                                              "no time to wait"   },
        {ASKS "    after: {90d: done}\n",                                                              "no time to wait"   },
        {ASKS "    after: {30x: done}\n",                                                              "no time to wait"   },
        {ASKS "    after: {30m: done, 1h: done}\n",                                                    "one time"          },
        {ASKS "    after: {}\n",                                                                       "one time"          },
        {ASKS "    after: 30m\n",                                                                      "write a map"       },
        {ASKS "    after: {30m: {say: nowhere, target: done}}\n",                                      "wait.yaml:8"       },
        {ASKS "    after: {30m: nowhere}\n",                                                           "no state 'nowhere'"},
        {ASKS "    after: {30m: {say: wait.kept}}\n",                                                  "leads nowhere"     },
        {ASKS "    after: {30m: [{guard: some, of: x, target: done}]}\n",                              "without a guard"   },
        {ASKS "    after: {30m: {action: pay}}\n    outcomes: {submitted: done}\n",                    "is grave"          },
        {ASKS
         "    after: {30m: pay}\n  pay:\n    action: pay\n    outcomes: {submitted: done}\n", "is grave"          },
        {"flow: wait\nstarts_on: [orders]\ninitial: ask\nstates:\n  ask:\n    target: done\n"
         "    after: {30m: done}\n",                                                          "asks nothing"      },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(broken); i++) {
        struct book *book = NULL;
        struct err err = {0};

        if (make_book(broken[i].flow, &book, &err))
            fail_msg("loads: %s", broken[i].flow);
        if (!strstr(err.text, broken[i].says) || !strstr(err.text, "flows/wait.yaml:"))
            fail_msg("\"%s\" and not \"%s\"", err.text, broken[i].says);
    }
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_is_not_answered_in_time_takes_its_way),
        FRESH(an_answer_cancels_the_timer),
        FRESH(a_timer_fires_once_however_often_it_comes),
        FRESH(an_old_timer_of_a_prompt_that_was_asked_again_is_refused),
        FRESH(a_thanks_lets_it_run_and_a_digression_starts_it_anew),
        FRESH(another_flow_ends_it),
        FRESH(an_action_may_be_what_happens),
        FRESH(while_a_person_holds_the_conversation_timers_are_silent),
        FRESH(outside_the_service_window_nothing_is_said),
        FRESH(ntf_3_in_the_quiet_hours_it_waits_for_their_end),
        FRESH(a_turn_without_timers_says_so),
        FRESH(flw_3_a_transcripts_clock_fires_timers),
        FRESH(strangers_names_are_refused),
        FRESH(a_newer_book_knows_the_timer_if_it_has_the_state),
        FRESH(a_newer_book_that_waits_otherwise_waits_as_it_says),
        cmocka_unit_test(flw_2_waiting_that_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
