/*
 * Any bytes as a flow, beside a small sound book: it loads, or it is refused with a reason.
 * What loads has been judged sound, so a few turns of it must come to an end.
 */
#include "flows/flows.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROLE(name, states) "flow: " name "\nstarts_on: [" name "]\ninitial: a\nstates:\n" states
#define WORDS                                                                                  \
    "welcome.first: x\nwelcome.again: x\nmisunderstood.first: x\nmisunderstood.second: x\n"    \
    "misunderstood.menu: x\nback.nothing: x\nold_button.refused: x\nunsupported.kind: x\n"     \
    "media.thanks_not_now: x\nlocation.thanks_not_now: x\nlate.apology: x\nthanks.reply: x\n"  \
    "prompt.more: x\nprompt.previous: x\nprompt.choose: x\ntracking.link.label: x\nask: x\n"   \
    "row: \"{{number}}\"\nt.go: Go\nt.human: Human\nt.yes: Yes\nt.no: No\n"

static const struct source_file sound[] = {
    {{"flows/menu.yaml", 15},
     STR("flow: menu\ninitial: main\nstates:\n  main:\n    again: true\n"
         "    ask: {list: ask, titles: t, choices: [go, human]}\n"
         "    on: {go: {go: test}, human: {go: human}}\n")                            },
    {{"flows/help.yaml", 15},                                          STR(ROLE("help", "  a: {say: ask, target: done}\n"))},
    {{"flows/human.yaml", 16},
     STR(ROLE("human",                                                        "  a: {action: ask_for_person, outcomes: {recorded: rest}}\n"))},
    {{"flows/stop.yaml", 15},
     STR(ROLE("stop","  a: {action: consent_stop, outcomes: {done: rest}}\n"))},
    {{"flows/start.yaml", 16},
     STR(ROLE("start",                                                "  a: {action: consent_start, outcomes: {done: menu}}\n"))},
    {{"flows/language.yaml", 19},
     STR(ROLE("language",                                                                  "  a: {action: set_language, outcomes: {done: done}}\n"))},
    {{"messages/en.yaml", 16},                                                                STR(WORDS)                                                    },
    {{"messages/es.yaml", 16},       STR(WORDS)},
    {{"messages/pl.yaml", 16},STR(WORDS)},
    {{"messages/ar.yaml", 16},                                                STR(WORDS)                                                                                                          },
};

static void must(bool held)
{
    if (!held)
        abort();
}

/* A world that has nothing: every load comes back empty, every action with its last outcome. */
static struct str play(struct arena *arena, const struct book *book, struct str state,
                       struct str words)
{
    struct event event = {.kind = EVENT_TEXT, .text = words};
    struct record none = {0};
    struct flow_in in = {
        .state = state, .event = &event, .now = 1, .facts = &none, .last_inbound_at = 1};
    struct flow_turn *turn = flow_turn_begin(arena, book, &in);
    enum flow_progress progress;
    struct err err = {0};

    while ((progress = flow_turn_run(turn, &err)) == FLOW_NEEDS) {
        size_t n;

        (void)flow_turn_needs(turn, &n);
        for (size_t i = 0; i < n; i++) {
            struct flow_answer answer = {.value = value_none()};

            flow_turn_answer(turn, i, &answer);
        }
    }
    must(progress == FLOW_DONE);
    return flow_turn_result(turn)->state;
}

static void play_some(const struct book *book)
{
    static const char *const words[] = {"menu", "go",   "yes",  "1001", "1",
                                        "no",   "back", "help", "2"};
    struct arena arena = {0};
    struct str state = STR_NONE;

    for (size_t i = 0; i < COUNTOF(words); i++)
        state = play(&arena, book, state, str_from(words[i]));
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source_file files[COUNTOF(sound) + 1];
    struct book *book = NULL;
    struct err err = {0};

    memcpy(files, sound, sizeof(sound));
    files[COUNTOF(sound)] = (struct source_file){
        STR("flows/test.yaml"), {(const char *)data, size}
    };
    if (!book_create(files, COUNTOF(files), &book, &err)) {
        must(err.code == ERR_REJECT && err.text[0]);
        return 0;
    }
    play_some(book);
    book_destroy(book);
    return 0;
}
