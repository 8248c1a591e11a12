/*
 * A long walk: a customer who taps, types and sends anything in any order, for a hundred
 * thousand turns (PARLEY_WALK says how many; tests/run walk makes a million of them). Loads
 * come back empty and actions with any of their outcomes, by chance; questions lapse. Whatever
 * they do, there is an answer that fits the channel, every word is there, and the menu is never
 * further than one word away.
 */
#include "flows/engine/ids.h"
#include "flows/play/faced.h"
#include "tests/support/chance.h"
#include "tests/support/chat.h"
#include "tests/support/shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
enum { TURNS = 12000 };
#else
enum { TURNS = 60000 };
#endif

static unsigned long turns_wanted(void)
{
    const char *wish = getenv("PARLEY_WALK"); /* NOLINT(concurrency-mt-unsafe): one thread */
    unsigned long turns = wish ? strtoul(wish, NULL, 10) : 0;

    return turns > 0 ? turns : TURNS;
}

enum { SEEN_MAX = 64, ID_ROOM = PROMPT_ID_MAX + 1 };

struct walk {
    const struct book *book;
    struct chance world;
    struct flow_timer timer; /* runs when `at` is above 0 */
    char timer_name[200];
    char state[16384];
    size_t state_len;
    enum lang lang;
    bool settled;
    usec_t now;
    usec_t last;
    char seen[SEEN_MAX][ID_ROOM]; /* ids that were ever shown, the older ones overwritten */
    size_t seen_len[SEEN_MAX];
    size_t n_seen;
    size_t newest; /* how many of the last ones belong to the newest prompt */
    bool stopped;
    bool held;        /* by a person */
    char what[300];   /* the event, for the report of a failure */
    bool verified;    /* a session begins and ends by chance */
    struct play play; /* the channel */
    char number[24];
};

static uint32_t draw(struct walk *walk, uint32_t below)
{
    return chance_draw(&walk->world, below);
}

static const char *const things_to_say[] = {"hi",
                                            "menu",
                                            "back",
                                            "help",
                                            "language",
                                            "polski",
                                            "español",
                                            "english",
                                            "العربية",
                                            "stop",
                                            "start",
                                            "human",
                                            "thanks",
                                            "ok",
                                            "orders",
                                            "where is my order?",
                                            "where is ORD-1004",
                                            "1001",
                                            "ORD-1005",
                                            "9999",
                                            "1",
                                            "2",
                                            "3",
                                            "4",
                                            "5",
                                            "6",
                                            "7",
                                            "8",
                                            "9",
                                            "10",
                                            "11",
                                            "0",
                                            "more",
                                            "next",
                                            "previous",
                                            "filter",
                                            "search",
                                            "tea",
                                            "xyzzy",
                                            "colourless green ideas",
                                            "",
                                            "   ",
                                            "🙂",
                                            "dónde está mi pedido",
                                            "moje zamówienia",
                                            "gdzie jest moja paczka",
                                            "أين طلبي",
                                            "٣",
                                            "active",
                                            "shipped",
                                            "step by step",
                                            "details",
                                            "track",
                                            "the last one",
                                            "yes",
                                            "no",
                                            "\xff\xfe",
                                            "cancel my order",
                                            "cancel ORD-1005",
                                            "my cancellations",
                                            "something arrived damaged",
                                            "my reports",
                                            "jobs and repairs",
                                            "history",
                                            "is there an estimate?",
                                            "skip",
                                            "done",
                                            "my cup came in two pieces, both of them sad",
                                            "ana@example.com",
                                            "123456",
                                            "log out",
                                            "preferences",
                                            "updates",
                                            "this isn't me",
                                            "no, the other order",
                                            "mañana",
                                            "za dwa dni",
                                            "1Z999AA10",
                                            "p1.00000000.menu.main.c:orders"};

/* By SMS there is nothing to tap, and in a mail it is a matter of taste. */
static void type_number(struct walk *walk, size_t at, struct event *event)
{
    size_t behind = (walk->n_seen - 1 - at) % SEEN_MAX;

    if (!faced_by_number(&walk->play) ||
        (walk->play.channel == CHANNEL_EMAIL && draw(walk, 2) == 0))
        return;
    (void)snprintf(walk->number, sizeof(walk->number), "%zu", walk->newest - behind);
    event->kind = EVENT_TEXT;
    event->choice = STR_NONE;
    event->text = str_from(walk->number);
}

static struct event random_event(struct walk *walk)
{
    static const enum event_kind kinds[] = {EVENT_MEDIA,    EVENT_LOCATION,  EVENT_CONTACTS,
                                            EVENT_REACTION, EVENT_ORDER,     EVENT_EDIT,
                                            EVENT_REVOKE,   EVENT_IDENTITY,  EVENT_UNSUPPORTED,
                                            EVENT_UNKNOWN,  EVENT_PREFERENCE};
    static const char *const ends[] = {FLOW_HANDOFF_TIMEOUT, FLOW_HANDOFF_QUIET,
                                       FLOW_HANDOFF_RELEASED};
    static const struct media media = {
        .kind = MEDIA_IMAGE, .id = {"1", 1}
    };
    struct event event = {.kind = EVENT_TEXT, .id = STR("x"), .at = walk->now};
    uint32_t dice = draw(walk, 100);

    if (walk->stopped && draw(walk, 3) == 0) { /* or most of the walk would pass in silence */
        event.text = STR("start");
        return event;
    }

    if (walk->timer.at > 0 && draw(walk, 12) == 0) { /* nobody answered */
        event.kind = EVENT_TIMER;
        event.detail = walk->timer.name;
        walk->now = walk->timer.at > walk->now ? walk->timer.at : walk->now;
        return event;
    }
    if (walk->held && draw(walk, 4) == 0) { /* the person comes to an end, or never came */
        event.kind = EVENT_TIMER;
        event.detail = str_from(ends[draw(walk, COUNTOF(ends))]);
        return event;
    }
    if (dice < 50 && walk->newest > 0) { /* a tap on the newest prompt */
        size_t at = (walk->n_seen - 1 - draw(walk, (uint32_t)walk->newest)) % SEEN_MAX;

        event.kind = EVENT_CHOICE;
        event.choice = (struct str){walk->seen[at], walk->seen_len[at]};
        type_number(walk, at, &event);
    } else if (dice < 60 && walk->n_seen > SEEN_MAX) { /* or on any older one */
        size_t at = draw(walk, SEEN_MAX);

        event.kind = EVENT_CHOICE;
        event.choice = (struct str){walk->seen[at], walk->seen_len[at]};
    } else if (dice < 95) {
        event.text = str_from(things_to_say[draw(walk, COUNTOF(things_to_say))]);
    } else {
        event.kind = kinds[draw(walk, COUNTOF(kinds))];
        event.detail = draw(walk, 2) ? STR("stop") : STR("resume");
        event.media = event.kind == EVENT_MEDIA ? &media : NULL;
    }
    return event;
}

static void check_option(struct walk *walk, const struct reply *reply,
                         const struct reply_option *option)
{
    size_t max = reply->kind == REPLY_BUTTONS ? 20 : 24;
    struct prompt_id id;

    assert_true(option->id.len > 0 && option->id.len <= PROMPT_ID_MAX);
    assert_true(prompt_id_decode(option->id, &id));
    assert_in_range(str_length(option->title), 1, max);
    assert_true(str_length(option->description) <= 72);
    memcpy(walk->seen[walk->n_seen % SEEN_MAX], option->id.at, option->id.len);
    walk->seen_len[walk->n_seen % SEEN_MAX] = option->id.len;
    walk->n_seen++;
}

static void check_reply(struct walk *walk, const struct reply *reply)
{
    bool list = reply->kind == REPLY_LIST || reply->kind == REPLY_TEXT;

    assert_true(str_is_utf8(reply->body));
    assert_in_range(str_length(reply->body), 1, list ? 4096 : 1024);
    if (reply->kind == REPLY_LIST) {
        assert_in_range(reply->n_options, 1, 10);
        assert_in_range(str_length(reply->label), 1, 20);
    }
    if (reply->kind == REPLY_BUTTONS)
        assert_in_range(reply->n_options, 1, 3);
    if (reply->kind == REPLY_LINK) {
        assert_true(str_starts(reply->url, STR("https://")) ||
                    str_starts(reply->url, STR("portal:"))); /* the lane makes it an address */
        assert_in_range(str_length(reply->label), 1, 20);
    }
    if (reply->n_options > 0)
        walk->newest = reply->n_options;
    for (size_t i = 0; i < reply->n_options; i++)
        check_option(walk, reply, &reply->options[i]);
}

/* Who writes must be answered, unless they asked for silence or sent what wants no answer. */
static bool wants_answer(const struct walk *walk, const struct event *event)
{
    switch (event->kind) {
    case EVENT_TEXT:
        return !walk->stopped && !walk->held && !str_eq(event->text, STR("ok"));
    case EVENT_CHOICE:
        return !walk->stopped && !walk->held;
    default:
        return false;
    }
}

static void keep(struct walk *walk, const struct flow_result *result)
{
    assert_in_range(result->state.len, 1, sizeof(walk->state));
    memcpy(walk->state, result->state.at, result->state.len);
    walk->state_len = result->state.len;
    walk->lang = result->lang;
    walk->settled = result->lang_settled;
    walk->last = walk->now;
    walk->verified = result->verified ? draw(walk, 20) > 0 : draw(walk, 3) == 0;
    if (result->timers_changed && result->n_timers > 0) {
        assert_in_range(result->timers[0].name.len, 1, sizeof(walk->timer_name));
        memcpy(walk->timer_name, result->timers[0].name.at, result->timers[0].name.len);
        walk->timer.name = (struct str){walk->timer_name, result->timers[0].name.len};
        walk->timer.at = result->timers[0].at;
    } else if (result->timers_changed) {
        walk->timer.at = 0;
    }
    if (result->handoff || result->released)
        walk->held = result->handoff && result->handoff_holds;
    if (result->consent != FLOW_CONSENT_SAME)
        walk->stopped = result->consent == FLOW_CONSENT_STOP;
}

static const struct record *facts_of(const struct walk *walk, struct arena *arena,
                                     struct str customer)
{
    struct record_builder facts;

    record_build(&facts, arena);
    record_set_all(&facts, shop_facts(arena, customer));
    record_set(&facts, STR("channel"), value_text(str_from(channel_name(walk->play.channel))));
    return record_built(&facts);
}

static const struct flow_result *step(struct walk *walk, struct arena *arena,
                                      struct str customer, const struct event *event)
{
    struct flow_in in = {
        .state = {walk->state, walk->state_len},
        .event = event,
        .now = walk->now,
        .locale = {.lang = walk->lang          },
        .lang_is_settled = walk->settled,
        .facts = facts_of(walk, arena, customer),
        .last_inbound_at = walk->last,
        .held = walk->held,
        .verified = walk->verified
    };
    struct flow_turn *turn = flow_turn_begin(arena, walk->book, &in);
    struct err err = {0};
    enum flow_progress progress;

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer;

            chance_answer(&walk->world, arena, customer, &needs[i], &answer);
            flow_turn_answer(turn, i, &answer);
        }
    }
    if (progress != FLOW_DONE)
        fail_msg("%s: %s", walk->what, err.text);
    return flow_turn_result(turn);
}

static void check_face(const struct walk *walk, struct arena *arena, enum lang lang,
                       const struct reply *reply)
{
    struct locale locale = {.lang = lang};
    struct err err = {0};

    if (faced_by_number(&walk->play) &&
        !faced_reply(arena, &walk->play, &locale, STR("Harbour Goods"), reply, &err))
        fail_msg("%s: %s", walk->what, err.text);
}

static void take_step(struct walk *walk, struct arena *arena, struct str customer)
{
    struct event event = random_event(walk);
    const struct flow_result *result;

    (void)snprintf(walk->what, sizeof(walk->what), "%s \"%.*s\" %.*s",
                   event_kind_name(event.kind), STR_ARG(event.text), STR_ARG(event.choice));
    result = step(walk, arena, customer, &event);
    if (result->missing.len)
        fail_msg("%s: missing words %.*s", walk->what, STR_ARG(result->missing));
    if (wants_answer(walk, &event) && result->n_replies == 0)
        fail_msg("%s: no answer at %s.%s", walk->what, result->flow, result->at);
    for (size_t i = 0; i < result->n_replies; i++) {
        check_reply(walk, &result->replies[i]);
        check_face(walk, arena, result->lang, &result->replies[i]);
    }
    assert_true(result->n_replies <= 3);
    keep(walk, result);
    walk->now += (usec_t)(1 + draw(walk, 90)) * USEC_PER_SEC;
}

/* From wherever this is, one word shows the menu. */
static void check_way_out(const struct walk *walk, struct arena *arena, struct str customer)
{
    static struct walk copy;
    struct event event = {
        .kind = EVENT_TEXT, .id = STR("x"), .text = walk->stopped ? STR("start") : STR("menu")};
    const struct flow_result *result;

    copy = *walk;
    copy.held = false; /* by whoever holds it; time alone does that, too */
    result = step(&copy, arena, customer, &event);
    assert_true(result->n_replies == 1 && result->replies[0].kind == REPLY_LIST);
    assert_string_equal(result->flow, "menu");
    assert_true(result->at_rest);
}

static void flw_2_a_long_walk_meets_no_dead_end(void **state)
{
    static const char *const customers[] = {"ana", "ben", "eve",      "max", "new",
                                            "kay", "lou", "stranger", "ivy"};
    static struct walk walk;
    struct book *book = chat_book();
    struct arena arena = {0};

    (void)state; /* a third of them on each channel */
    for (size_t c = 0; c < COUNTOF(customers); c++) {
        walk = (struct walk){
            .book = book,
            .world = {.book = book, .random = 20261120 + c, .shop = shop_answer},
            .now = SHOP_NOW,
            .play = {.book = book,            .channel = CHANNEL_WHATSAPP + c % 3                      }
        };
        for (unsigned long turn = 0; turn < turns_wanted() / COUNTOF(customers); turn++) {
            take_step(&walk, &arena, str_from(customers[c]));
            if (turn % 50 == 0)
                check_way_out(&walk, &arena, str_from(customers[c]));
            arena_reset(&arena);
        }
    }
    arena_finish(&arena);
    book_destroy(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_2_a_long_walk_meets_no_dead_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
