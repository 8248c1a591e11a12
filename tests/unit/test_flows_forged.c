/*
 * Taps that we never sent. What stands in a button's id comes back from outside, so each id
 * that the book could write, and each that it could not, is tapped by those who may not: by a
 * stranger, by somebody whom no code has proved, and by a customer who was never asked.
 */
#include "flows/engine/book.h"
#include "flows/engine/ids.h"
#include "tests/support/chat.h"
#include "tests/support/shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct book *book;
static struct arena arena;

/* What one tap led to. */
struct effect {
    struct str state;
    size_t loads, acts, graves, others; /* others: acts that do more than send or try a code */
    const char *last;
    bool verified;
};

struct speaker {
    const char *name;
    bool verified;
    struct str state; /* of the conversation; empty: new */
};

static bool is_grave(const char *name)
{
    for (size_t i = 0; i < flow_parts_n; i++) {
        if (strcmp(flow_parts[i].name, name) == 0)
            return flow_parts[i].grave;
    }
    return false;
}

static void note(struct effect *effect, const struct flow_need *need)
{
    static const char *const harmless[] = {"send_code", "send_link_code", "check_code"};
    bool other = true;

    effect->last = need->name;
    if (need->kind == FLOW_LOAD) {
        effect->loads++;
        return;
    }
    /* a link to what is theirs anyway, as the words "my page" make it: showing, once proved */
    effect->acts += strcmp(need->name, "portal_mint") != 0;
    effect->graves += is_grave(need->name);
    for (size_t i = 0; i < COUNTOF(harmless); i++)
        other = other && strcmp(need->name, harmless[i]) != 0;
    effect->others += other;
}

static struct effect play(const struct speaker *speaker, const struct event *event)
{
    struct effect effect = {.last = ""};
    struct str who = str_from(speaker->name);
    struct flow_in in = {.state = speaker->state,
                         .event = event,
                         .now = SHOP_NOW,
                         .facts = shop_facts(&arena, who),
                         .verified = speaker->verified,
                         .lang_is_settled = true,
                         .last_inbound_at = SHOP_NOW - USEC_PER_HOUR};
    struct flow_turn *turn = flow_turn_begin(&arena, book, &in);
    enum flow_progress progress;
    struct err err = {0};

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;
        const struct flow_need *needs = flow_turn_needs(turn, &n);

        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer;

            note(&effect, &needs[i]);
            assert_true(shop_answer(&arena, who, &needs[i], &answer));
            flow_turn_answer(turn, i, &answer);
        }
    }
    if (progress != FLOW_DONE)
        fail_msg("%s", err.text);
    effect.state = arena_str(&arena, flow_turn_result(turn)->state);
    effect.verified = flow_turn_result(turn)->verified;
    return effect;
}

static struct effect taps(const struct speaker *speaker, struct str id)
{
    struct event event = {.kind = EVENT_CHOICE, .choice = id};

    return play(speaker, &event);
}

static struct effect says(const struct speaker *speaker, const char *words)
{
    struct event event = {.kind = EVENT_TEXT, .text = str_from(words)};

    return play(speaker, &event);
}

/* --- every id ----------------------------------------------------------------------------- */

struct forging {
    const struct flow_def *flow;
    const struct state_def *state;
    struct prompt_id id;
};

typedef void tried(const struct forging *forging, struct str id);

static void try_key(const struct forging *forging, enum option_kind kind, const char *key,
                    const char *carried, tried *try)
{
    struct prompt_id id = forging->id;

    id.kind = kind;
    id.key = str_from(key);
    id.n_carries = carried ? PROMPT_CARRIES_MAX : 0;
    for (size_t i = 0; i < id.n_carries; i++)
        id.carries[i] = str_from(carried);
    try(forging, prompt_id_encode(&arena, &id));
}

static void try_state(struct forging *forging, tried *try)
{
    static const char *const keys[] = {
        "ORD-1001", "yes", "0",      "1",
        "9",        "-1",  "x'; --", "00000000-0000-4000-8000-0000000000a1"};
    const struct prompt *prompt = &forging->state->prompt;
    const char *const carried[] = {NULL, "ORD-1001"};

    for (size_t c = 0; c < COUNTOF(carried); c++) {
        for (size_t i = 0; i < prompt->n_choices; i++) {
            try_key(forging, OPTION_CHOICE, arena_cstr(&arena, prompt->choices[i].name),
                    carried[c], try);
        }
        for (size_t i = 0; i < forging->state->on.n; i++) { /* events that no button has */
            try_key(forging, OPTION_CHOICE,
                    arena_cstr(&arena, forging->state->on.items[i].event), carried[c], try);
        }
        for (size_t i = 0; i < COUNTOF(keys); i++) {
            try_key(forging, OPTION_ROW, keys[i], carried[c], try);
            try_key(forging, OPTION_INDEX, keys[i], carried[c], try);
            try_key(forging, OPTION_OFFSET, keys[i], carried[c], try);
        }
    }
}

/* Each state of the book, of this version and of another, of no asking and of one. */
static size_t try_all(tried *try)
{
    static const char *const versions[] = {NULL, "00000000"};
    static const char *const numbers[] = {"", "1"};
    size_t states = 0;

    for (size_t f = 0; f < book->n_flows; f++) {
        for (size_t s = 0; s < book->flows[f].n_states; s++, states++) {
            if ((f + s) % CHAT_ONE_IN != 0)
                continue;
            struct forging forging = {.flow = &book->flows[f],
                                      .state = &book->flows[f].states[s]};
            for (size_t k = 0; k < 4; k++) {
                forging.id = (struct prompt_id){
                    .version = versions[k % 2] ? str_from(versions[k % 2])
                                               : (struct str){book->version_hex, 8},
                    .flow = forging.flow->name,
                    .state = forging.state->name,
                    .number = str_from(numbers[k / 2])
                };
                try_state(&forging, try);
            }
            arena_reset(&arena);
        }
    }
    return states;
}

/* --- who taps ----------------------------------------------------------------------------- */

static void stranger_taps(const struct forging *forging, struct str id)
{
    const struct speaker stranger = {.name = "stranger"};
    struct effect effect = taps(&stranger, id);

    if (effect.loads + effect.others > 0 || effect.verified) {
        fail_msg("%.*s of %.*s led to %s", STR_ARG(id), STR_ARG(forging->flow->name),
                 effect.last);
    }
}

static void a_stranger_reaches_nothing_with_any_id(void **state)
{
    (void)state;
    assert_true(try_all(stranger_taps) > 100);
}

static void unproved_taps(const struct forging *forging, struct str id)
{
    const struct speaker ana = {.name = "ana"};
    struct effect effect = taps(&ana, id);
    struct str last = str_from(effect.last);
    bool own = str_starts(last, STR("preference")) ||
               str_starts(last, STR("first_channel")); /* `known` is enough */

    if ((effect.loads > 0 && !own) || effect.others > 0 || effect.verified) {
        fail_msg("%.*s of %.*s led to %s", STR_ARG(id), STR_ARG(forging->flow->name),
                 effect.last);
    }
}

static void otp_2_no_id_jumps_over_the_code(void **state)
{
    (void)state;
    (void)try_all(unproved_taps);
}

/* Proved, but never asked: a tap may show things, and does none. */
static void unasked_taps(const struct forging *forging, struct str id)
{
    const struct speaker ana = {.name = "ana", .verified = true};
    struct effect effect = taps(&ana, id);

    if (effect.acts > 0)
        fail_msg("%.*s of %.*s did %s", STR_ARG(id), STR_ARG(forging->flow->name), effect.last);
}

static void flw_7_no_id_answers_what_was_never_asked(void **state)
{
    (void)state;
    (void)try_all(unasked_taps);
}

/* In the middle of cancelling one order, just before the question: nothing but its own yes. */
static struct str cancelling;

static void impatient_taps(const struct forging *forging, struct str id)
{
    const struct speaker kay = {.name = "kay", .verified = true, .state = cancelling};
    struct effect effect = taps(&kay, id);

    if (effect.graves > 0)
        fail_msg("%.*s of %.*s did %s", STR_ARG(id), STR_ARG(forging->flow->name), effect.last);
}

static void flw_7_no_id_says_yes_before_the_question(void **state)
{
    (void)state;
    static char kept[4096];
    struct speaker kay = {.name = "kay", .verified = true};

    kay.state = says(&kay, "cancel ORD-5001").state;
    kay.state = says(&kay, "1").state; /* a reason; now a note is asked for */
    assert_true(str_find(kay.state, STR("\"flow\":\"cancel\"")) < kay.state.len);
    assert_true(kay.state.len < sizeof kept);
    memcpy(kept, kay.state.at, kay.state.len);
    cancelling = (struct str){kept, kay.state.len};
    (void)try_all(impatient_taps);
}

/* --- the stage ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    book = chat_book();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    book_destroy(book);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_reaches_nothing_with_any_id),
        cmocka_unit_test(otp_2_no_id_jumps_over_the_code),
        cmocka_unit_test(flw_7_no_id_answers_what_was_never_asked),
        cmocka_unit_test(flw_7_no_id_says_yes_before_the_question),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
