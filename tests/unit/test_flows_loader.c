/*
 * What the loader refuses, and how it says so. A small sound book is broken in one way after
 * another; each refusal must name the file, the line and the cure.
 */
#include "flows/engine/book.h"
#include "flows/engine/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A flow of each role, as small as may be; `test` stands beside them. */
static const struct {
    const char *name;
    const char *text;
} sound[] = {
    {"flows/menu.yaml",     "flow: menu\ninitial: main\nstates:\n  main:\n    again: true\n"
                        "    ask: {list: menu.ask, titles: t, choices: [go, human]}\n"
                        "    on: {go: {go: test}, human: {go: human}}\n"                },
    {"flows/help.yaml",     "flow: help\nstarts_on: [help]\nreturns: true\ninitial: a\n"
                        "states:\n  a: {say: hello, target: done}\n"                    },
    {"flows/human.yaml",    "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a:\n"
                         "    action: ask_for_person\n    outcomes: {recorded: rest}\n"},
    {"flows/stop.yaml",     "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a:\n"
                        "    action: consent_stop\n    outcomes: {done: rest}\n"        },
    {"flows/start.yaml",    "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a:\n"
                         "    action: consent_start\n    outcomes: {done: menu}\n"     },
    {"flows/language.yaml", "flow: language\nstarts_on: [language]\ninitial: a\nstates:\n  a:\n"
                            "    action: set_language\n    outcomes: {done: done}\n"},
    {"flows/verify.yaml",   "flow: verify\nstarts_on: [verify]\nreturns: true\ninitial: a\n"
                          "states:\n  a:\n    ask: {buttons: ask, titles: t, choices: [yes], "
                          "as: x, kind: code}\n    on: {yes: done, answered: done}\n" },
};

static const char *const engine_keys[] = {"welcome.first",
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
                                          "prompt.done",
                                          "prompt.skip",
                                          "tracking.link.label",
                                          "menu.ask",
                                          "hello",
                                          "t.go",
                                          "t.human",
                                          "t.yes",
                                          "t.no",
                                          "t.c",
                                          "t.d",
                                          "t.e",
                                          "t.f",
                                          "t.g",
                                          "t.back"};

static struct str words_file(struct arena *into)
{
    struct str text =
        STR("ask: \"What?\"\nrow: \"{{number}}\"\nof_order: \"{{order.number}}\"\n"
            "t.long: \"A title that is much too long for a button\"\n"
            "t.order: \"Cancel {{number}}\"\n" /* fits a row, but no button */
            "row2: \"The order {{number}}, {{total}}\"\n"
            "row3: \"{{number}}\"\n"
            "row3.hint: \"Placed {{placed_at | date_time}}, expected {{expected_at | day}}, "
            "in all {{total}}\"\n"
            "row4: \"{{> kind.(kind)}}\"\nkind.a: \"a\"\n"
            "kind.b: \"A kind whose name is too long\"\n"
            "either: \"{{#number}}a number of {{number}}{{/number}}{{^number}}no number at "
            "all{{/number}}\"\n");

    text = arena_format(into, "%.*slong: \"", STR_ARG(text));
    for (int i = 0; i < 26; i++) { /* 1040 characters: too long over buttons */
        text =
            arena_format(into, "%.*sForty characters, and a space after it. ", STR_ARG(text));
    }
    text = arena_format(into, "%.*s\"\n", STR_ARG(text));

    for (size_t i = 0; i < COUNTOF(engine_keys); i++)
        text = arena_format(into, "%.*s%s: \"x\"\n", STR_ARG(text), engine_keys[i]);
    return text;
}

static size_t book_files(struct arena *into, struct str test, struct source_file *files)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(sound); i++)
        files[n++] = (struct source_file){str_from(sound[i].name), str_from(sound[i].text)};
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        files[n++] = (struct source_file){arena_format(into, "messages/%s.yaml", langs[i]),
                                          words_file(into)};
    }
    files[n++] = (struct source_file){STR("flows/test.yaml"), test};
    return n;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The registered loads that the tests use, and an action of each gravity. */
static const struct flow_part part_items[] = {
    {FLOW_LOAD,      "order_figures",   NULL,            NULL,      false},
    {      FLOW_LOAD, "orders_list",   NAMES("?filter",       "?offset", "?words"),  NULL, false},
    { FLOW_LOAD,      "order_by_number", NAMES("number"), NULL,      false},
    {     FLOW_ACTION,        "note",    NAMES("?text"),   NAMES("noted",   "full"), false},
    {      FLOW_ACTION,      "refund",              NULL,    NAMES("paid",   "late"),  true},
};

static const struct parts parts = {part_items, COUNTOF(part_items)};

static bool loads(const char *test, struct err *err)
{
    struct arena arena = {0};
    struct source_file files[16];
    struct book *book = NULL;
    size_t n = book_files(&arena, str_from(test), files);
    bool ok = book_create_with(&parts, files, n, &book, err);

    book_destroy(book);
    arena_finish(&arena);
    return ok;
}

#define HEAD "flow: test\ninitial: a\nstates:\n"

static void a_sound_book_loads(void **state)
{
    static const char *const good[] = {
        HEAD "  a: {target: done}\n",
        HEAD "  a: {say: hello, target: menu}\n",
        HEAD
        "  a: {ask: {text: ask, as: x, optional: true}, on: {answered: done, skipped: menu}}\n",
        HEAD "  a: {ask: {buttons: ask, titles: t, choices: [yes, no]}, on: {yes: done, no: "
             "rest}}\n",
        HEAD
        "  a: {ask: {media: ask, as: x, max: 3}, on: {answered: done, added: a, too_many: a, "
        "wrong_kind: a}}\n",
        HEAD
        "  a: {ask: {text: ask, as: x, min: 3, max: 9}, on: {answered: done, too_short: a, "
        "too_long: a}}\n",
        HEAD "  a: {call: help, target: b}\n  b: {target: done}\n",
        HEAD "  a: {call: help, target: done}\n",
        HEAD "  a:\n    load: orders_list\n    always:\n"
             "      - {guard: empty, of: orders_list, target: done}\n"
             "    ask: {list: ask, of: orders_list, as: number, key: number, row: row}\n"
             "    on: {chosen: b}\n"
             "  b:\n    load: {load: order_by_number, as: order}\n    say: of_order\n"
             "    ask: {link: ask, url: $order.url}\n",
        /* four buttons of which three at most are there */
        HEAD
        "  a: {ask: {buttons: ask, titles: t, choices: [{choice: yes, when: customer.name}, "
        "{choice: c, when: customer}, {choice: d, when: business.hours}, no]}, "
        "on: {yes: done, no: done, c: done, d: done}}\n",
        HEAD "  a:\n    load: orders_list\n"
             "    say: {say: row3, each: orders_list, image: url}\n    target: done\n",
        HEAD "  a: {say: {say: hello, link: customer.name, label: t.go}, target: done}\n",
        /* a question asked again is no loop */
        HEAD
        "  a: {ask: {buttons: ask, titles: t, choices: [yes, no]}, on: {yes: b, no: done}}\n"
        "  b: {action: set_language, outcomes: {done: a}}\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        struct err err = {0};

        if (!loads(good[i], &err))
            fail_msg("%s\n%s", good[i], err.text);
    }
}

struct broken {
    const char *text;
    const char *line; /* where the refusal points */
    const char *says; /* some words of it */
};

static void check_refused(const struct broken *broken)
{
    struct err err = {0};
    char place[64];

    if (loads(broken->text, &err))
        fail_msg("this loads:\n%s", broken->text);
    (void)snprintf(place, sizeof(place), "flows/test.yaml:%s: ", broken->line);
    if (err.code != ERR_REJECT || strncmp(err.text, place, strlen(place)) != 0 ||
        !strstr(err.text, broken->says))
        fail_msg("%s\nsays: %s\nwant: %s...%s", broken->text, err.text, place, broken->says);
    if (!strstr(err.text, "; ") && !strstr(err.text, "? add") && !strstr(err.text, ": add"))
        fail_msg("no cure: %s", err.text);
}

static void flw_2_what_is_no_flow_is_refused(void **state)
{
    static const struct broken all[] = {
        {"",                                                                            "1", "empty"                      },
        {"a: [b",                                                                       "2", "expected"                   },
        {"just words",                                                                  "1", "a flow is a map"            },
        {"flow: test\nflow: test\n",                                                    "2", "twice"                      },
        {"flow: test\n",                                                                "1", "are all needed"             },
        {"flow: other\ninitial: a\nstates:\n  a: {target: done}\n",                     "1", "belongs into"               },
        {"flow: test\ninital: a\n",                                                     "2", "'inital' means nothing here"},
        {"flow: test\ninitial: a\nstates: {}\n",                                        "3", "1 to 200"                   },
        {"flow: test\ninitial: a\nstates: []\n",                                        "3", "write a map"                },
        {"flow: test\ninitial: b\nstates:\n  a: {target: done}\n",                      "1", "not among the states"       },
        {HEAD "  a: {target: done}\n---\nb: c\n",                                       "5", "one document"               },
        {HEAD "  a: &x {target: done}\n  b: *x\n",                                      "4", "anchors"                    },
        {"flow: test\nstarts_on: [help]\ninitial: a\nstates:\n  a: {target: done}\n",   "1",
         "already starts"                                                                                                 },
        {"flow: test\nreturns: maybe\ninitial: a\nstates:\n  a: {target: done}\n",      "2",
         "true or false"                                                                                                  },
        {"flow: test\ninitial: a\nstates:\n  a: {target: done}\n  a: {target: done}\n", "5",
         "twice"                                                                                                          },
        {HEAD "  A: {target: done}\n",                                                  "4", "is no name"                 },
        {HEAD "  menu: {target: done}\n",                                               "4", "target of its own"          },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

static void flw_2_a_state_that_leads_nowhere_is_refused(void **state)
{
    static const struct broken all[] = {
        {HEAD "  a: {say: hello}\n",                                                                  "4", "no way out"                },
        {HEAD "  a: {}\n",                                                                            "4", "no way out"                },
        {HEAD "  a: {target: b}\n",                                                                   "4", "there is no state 'b'"     },
        {HEAD "  a: {go: nowhere}\n",                                                                 "4", "there is no flow 'nowhere'"},
        {HEAD "  a: {call: help}\n",                                                                  "4", "come back to"              },
        {HEAD "  a: {target: done, go: help}\n",                                                      "4", "one way only"              },
        {HEAD "  a: {target: done}\n  b: {target: done}\n",                                           "5", "never be reached"          },
        {HEAD "  a: {target: b}\n  b: {target: a}\n",                                                 "4", "never ends"                },
        {HEAD "  a: {always: [{guard: empty, of: customer, target: done}], target: b}\n"
              "  b: {target: a}\n",                                                          "4", "without the customer"      },
        {HEAD "  a: {always: [{guard: empty, of: customer, target: done}], target: a}\n",             "4",
         "without the customer"                                                                                                        },
        {HEAD
         "  a: {action: set_language, outcomes: {done: b}}\n  b: {call: help, target: a}\n", "4", ""                          },
        {HEAD "  a: {always: [done, menu], target: done}\n",                                          "4", "never reached"             },
        {HEAD "  a: {always: [done], target: done}\n",                                                "4", "always taken"              },
        {HEAD "  a: {always: [], target: done}\n",                                                    "4", "empty list of ways"        },
        {HEAD "  a: {ask: {text: ask, as: x}, on: {answered: done}, target: done}\n",                 "4",
         "asks and goes on"                                                                                                            },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

static void flw_2_an_unanswered_event_or_outcome_is_refused(void **state)
{
    static const struct broken all[] = {
        {HEAD "  a: {ask: {text: ask, as: x}}\n",                                                         "4", "leaves 'answered' unanswered"},
        {HEAD
         "  a: {ask: {media: ask, as: x, max: 3}, on: {answered: done, added: a, wrong_kind: "
         "a}}\n",                                                                                "4", "'too_many'"                  },
        {HEAD
         "  a: {ask: {media: ask, as: x, max: 3, optional: true}, on: {answered: done, added: "
         "a, too_many: a, wrong_kind: a}}\n",                                                    "4", "'skipped'"                   },
        {HEAD
         "  a: {ask: {media: ask, as: x, max: 3}, on: {answered: done, added: a, too_many: a, "
         "wrong_kind: a, skipped: a}}\n",                                                        "4", "'skipped' never happens"     },
        {HEAD "  a: {ask: {media: ask, as: x}, on: {answered: done}}\n",                                  "4",
         "files want more; add 'as'"                                                                                                         },
        {HEAD "  a: {ask: {media: ask, as: x, max: 99}, on: {answered: done}}\n",                         "4",
         "write one from 1 to 20"                                                                                                            },
        {HEAD "  a: {ask: {text: ask, as: x, min: 9}, on: {answered: done}}\n",                           "4",
         "'min' goes with a 'max'"                                                                                                           },
        {HEAD "  a: {ask: {text: ask, as: x, min: 3, max: 9}, on: {answered: done, too_short: "
              "a}}\n",                                                                           "4", "'too_long'"                  },
        {HEAD "  a: {ask: {text: ask, as: x, optional: true}, on: {answered: done}}\n",                   "4",
         "'skipped'"                                                                                                                         },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [yes, no]}, on: {yes: done}}\n",
         "4",                                                                                                  "leaves 'no' unanswered"      },
        {HEAD "  a: {ask: {text: ask, as: x}, on: {answered: done, maybe: done}}\n",                      "4",
         "'maybe' never happens"                                                                                                             },
        {HEAD
         "  a: {ask: {text: ask, as: x}, on: {answered: {guard: some, of: x, target: done}}}\n", "4", "may find no way"             },
        {HEAD "  a: {on: {answered: done}, target: done}\n",                                              "4", "asks nothing"                },
        {HEAD "  a: {action: set_language}\n",                                                            "4", "may come back with 'done'"   },
        {HEAD "  a: {action: set_language, outcomes: {done: done, failed: done}}\n",                      "4",
         "never comes back with 'failed'"                                                                                                    },
        {HEAD "  a: {target: done, outcomes: {done: done}}\n",                                            "4", "outcomes"                    },
        {HEAD "  a: {action: fly}\n",                                                                     "4", "no action 'fly'"             },
        {HEAD "  a: {action: set_language, outcomes: {done: {action: set_language}}}\n",                  "4",
         "an outcome leads to a state"                                                                                                       },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes, no]}\n"
              "    on: {yes: {action: set_language}, no: {action: consent_stop}}\n"
              "    outcomes: {done: done}\n",                                                    "6", "two actions"                 },
        {HEAD "  a:\n    again: true\n    ask: {buttons: ask, titles: t, choices: [yes]}\n"
              "    on: {yes: {action: set_language}}\n    outcomes: {done: done}\n",             "7", "may only read"               },
        {HEAD "  a: {again: true, target: done}\n",                                                       "4", "belongs to a state that asks"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

static void flw_2_a_choice_or_picture_that_makes_no_sense_is_refused(void **state)
{
    static const struct broken all[] = {
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [{choice: yes, when: x.y}, no]}, "
              "on: {yes: done, no: done}}\n",                                                    "4", "nothing that this state knows"},
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [{choice: yes, when: customer}]}, "
              "on: {yes: done}}\n",                                                              "4", "let one stand always"         },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [{when: customer}, no]}, "
              "on: {no: done}}\n",                                                               "4", "which 'choice'"               },
        {HEAD
         "  a: {ask: {buttons: ask, titles: t, choices: [{choice: yes, if: customer}, no]}, "
         "on: {yes: done, no: done}}\n",                                                         "4", "'if' means nothing here"      },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [yes, {choice: yes, when: "
              "customer}]}, on: {yes: done}}\n",                                                 "4", "twice"                        },
        {HEAD
         "  a: {ask: {buttons: ask, titles: t, choices: [yes, no, {choice: c, when: "
         "customer}, {choice: d, when: customer}, {choice: e, when: customer}, {choice: f, "
         "when: customer}, {choice: g, when: customer}]}, on: {yes: done}}\n",                   "4", "7 buttons"                    },
        {HEAD "  a: {say: {say: hello, image: url}, target: done}\n",                                     "4", "with an 'each'"               },
        {HEAD "  a: {say: {line: hello, each: customer, image: url}, target: done}\n",                    "4",
         "belongs to a 'say'"                                                                                                                 },
        {HEAD "  a: {say: {say: hello, each: customer, image: \"the url\"}, target: done}\n",
         "4",                                                                                                  "no path"                      },
        {HEAD "  a: {say: {say: hello, document: id}, target: done}\n",                                   "4", "with an 'each'"               },
        {HEAD
         "  a: {say: {say: hello, each: customer, image: url, filename: name}, target: done}\n", "4", "names a 'document'"           },
        {HEAD "  a: {say: {say: hello, link: customer.name}, target: done}\n",                            "4",
         "has a 'label'"                                                                                                                      },
        {HEAD "  a: {say: {say: hello, label: t.go}, target: done}\n",                                    "4", "has a 'label'"                },
        {HEAD "  a: {say: {line: hello, link: customer.name, label: t.go}, target: done}\n",
         "4",                                                                                                  "stands in a 'say'"            },
        {HEAD "  a: {say: {say: hello, link: nobody.url, label: t.go}, target: done}\n",                  "4",
         "nothing that this state knows"                                                                                                      },
        {HEAD "  a: {say: {say: hello, link: customer.name, label: none}, target: done}\n",               "4",
         "are missing"                                                                                                                        },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

static void flw_2_a_prompt_that_no_channel_can_show_is_refused(void **state)
{
    static const struct broken all[] = {
        {HEAD
         "  a: {ask: {buttons: ask, titles: t, choices: [yes, no, c, d]}, on: {yes: done}}\n", "4", "4 buttons"      },
        {HEAD "  a: {ask: {buttons: ask}}\n",                                                           "4", "without choices"},
        {HEAD "  a: {ask: {list: ask}}\n",                                                              "4", "an empty list"  },
        {HEAD "  a: {ask: {list: ask, choices: [yes]}}\n",                                              "4", "go together"    },
        {HEAD "  a: {ask: {list: ask, titles: t, choices: [yes, yes]}}\n",                              "4", "twice"          },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [answered]}}\n",                           "4",
         "event of its own"                                                                                                   },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [long]}, on: {long: done}}\n",             "4",
         "and 20 fit"                                                                                                         },
        {HEAD "  a: {ask: {link: ask}}\n",                                                              "4", "wants a 'url'"  },
        {HEAD "  a: {ask: {text: ask}, on: {answered: done}}\n",                                        "4", "'as' is missing"},
        {HEAD "  a: {ask: {text: ask, as: x, kind: colour}, on: {answered: done}}\n",                   "4",
         "no kind of answer"                                                                                                  },
        {HEAD "  a: {ask: {text: ask, as: x, max: 0}, on: {answered: done}}\n",                         "4",
         "1 to 4000"                                                                                                          },
        {HEAD "  a: {ask: {say: ask}}\n",                                                               "4", "what is asked"  },
        {HEAD "  a: {ask: {list: ask, of: orders_list}, load: orders_list}\n",                          "4",
         "rows want"                                                                                                          },
        {HEAD "  a: {ask: {list: ask, row: row, titles: t, choices: [yes]}}\n",                         "4",
         "want an 'of'"                                                                                                       },
        {HEAD "  a: {ask: {buttons: ask, titles: t, choices: [yes], carries: [x]}, on: {yes: "
              "done}}\n",                                                                      "4", "nothing sets it"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

static void flw_2_unknown_loads_values_and_words_are_refused(void **state)
{
    static const struct broken all[] = {
        {HEAD "  a: {load: moon_phase, target: done}\n",                                                "4", "no load 'moon_phase'"                  },
        {HEAD "  a: {load: order_by_number, target: done}\n",                                           "4", "takes 'number'"                        },
        {HEAD "  a: {load: {load: orders_list, with: {colour: red}}, target: done}\n",                  "4",
         "does not take 'colour'"                                                                                                                    },
        {HEAD "  a: {load: [orders_list, orders_list], target: done}\n",                                "4", "two loads"                             },
        {HEAD "  a: {load: {load: orders_list, as: customer}, target: done}\n",                         "4",
         "a variable or fact already"                                                                                                                },
        {HEAD "  a: {always: [{guard: shiny, of: customer, target: done}], target: done}\n",
         "4",                                                                                                "no guard 'shiny'"                      },
        {HEAD "  a: {always: [{guard: empty, target: done}], target: done}\n",                          "4", "of what?"                              },
        {HEAD "  a: {always: [{guard: is, of: customer, target: done}], target: done}\n",               "4",
         "wants a 'to'"                                                                                                                              },
        {HEAD
         "  a: {always: [{guard: empty, of: customer, to: x, target: done}], target: done}\n", "4", "takes no 'to'"                         },
        {HEAD "  a: {always: [{guard: empty, of: nobody, target: done}], target: done}\n",              "4",
         "nothing that this state knows"                                                                                                             },
        {HEAD "  a: {always: [{guard: empty, of: a..b, target: done}], target: done}\n",                "4",
         "no path"                                                                                                                                   },
        {HEAD "  a: {say: unheard_of, target: done}\n",                                                 "4", "missing in en, es, pl, ar"             },
        {HEAD "  a: {say: of_order, target: done}\n",                                                   "4", "{{order.number}}"                      },
        {HEAD "  a: {say: {say: hello, lines: hello}, target: done}\n",                                 "4",
         "belong to an 'each'"                                                                                                                       },
        {HEAD "  a: {say: {when: customer}, target: done}\n",                                           "4", "is a 'say' or a 'line'"                },
        {HEAD "  a: {say: {say: hello, when: nobody}, target: done}\n",                                 "4",
         "nothing that this"                                                                                                                         },
        {HEAD "  a: {go: help, with: {number: 5}}\n",                                                   "4", "does not take 'number'"                },
        {HEAD "  a:\n    load: {load: order_figures, as: figures}\n"
              "    ask: {text: ask, as: x}\n"
              "    on: {answered: {set: {x: $figures.active}, target: done}}\n",               "7", "was loaded when the question was asked"},
        {HEAD "  a: {target: done, with: {x: 1}}\n",                                                    "4", "'with' belongs"                        },
        {"flow: test\ntakes: [number]\ninitial: a\nstates:\n  a:\n    again: true\n"
         "    load: {load: order_by_number, as: order}\n"
         "    ask: {buttons: ask, titles: t, choices: [yes]}\n    on: {yes: done}\n",          "8", "add it to 'carries'"                   },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

#define PROOF "needs: verified\n"
#define PAID  "    outcomes: {paid: done, late: done}\n" PROOF
#define SURE  "    ask: {buttons: ask, titles: t, choices: [yes, no]}\n"

static void can_2_a_grave_action_without_a_yes_is_refused(void **state)
{
    static const char *const good[] = {
        HEAD "  a:\n" SURE "    on: {yes: {action: refund}, no: done}\n" PAID,
        HEAD "  a:\n" SURE "    on: {yes: b, no: done}\n  b:\n    action: refund\n" PAID,
        HEAD "  a:\n" SURE "    on: {yes: b, no: done}\n  b:\n    action: refund\n"
             "    outcomes: {paid: done, late: a}\n" PROOF,
    };
    static const struct broken all[] = {
        {HEAD "  a:\n    action: refund\n" PAID,                                                "4", "may only follow a yes"},
        {HEAD "  a: {target: b}\n  b:\n    action: refund\n" PAID,                              "4",
         "may only follow a yes"                                                                                            },
        {HEAD "  a:\n" SURE "    on: {yes: done, no: {action: refund}}\n" PAID,                 "6",
         "'yes' of a prompt"                                                                                                },
        {HEAD "  a:\n" SURE "    on: {yes: b, no: b}\n  b:\n    action: refund\n" PAID,         "6",
         "may only follow a yes"                                                                                            },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes]}\n"
              "    on: {yes: {action: refund}}\n" PAID,
         "6",                                                                                        "choices yes and no"   },
        {HEAD "  a:\n    ask: {text: ask, as: x}\n    on: {answered: {action: refund}}\n" PAID,
         "6",                                                                                        "may only follow a yes"},
        {HEAD "  a:\n    again: true\n" SURE "    on: {yes: b, no: done}\n"
              "  b:\n    action: refund\n" PAID,
         "7",                                                                                        "without 'again'"      },
        {HEAD "  a:\n" SURE "    on: {yes: b, no: done}\n  b:\n    action: refund\n"
              "    outcomes: {paid: done, late: b}\n" PROOF,
         "9",                                                                                        "may only follow a yes"},
        {HEAD "  a:\n" SURE "    on: {yes: {call: help, target: b}, no: done}\n"
              "  b:\n    action: refund\n" PAID,
         "6",                                                                                        "may only follow a yes"},
        {HEAD "  a:\n    always: [{guard: some, of: customer, target: b}]\n    target: done\n"
              "  b:\n    action: refund\n" PAID,
         "5",                                                                                        "may only follow a yes"},
        {HEAD "  a:\n" SURE "    on: {yes: b, no: done}\n"
              "  b:\n    action: note\n    outcomes: {noted: c, full: done}\n"
              "  c:\n    action: refund\n" PAID,
         "9",                                                                                        "may only follow a yes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        struct err err = {0};

        if (!loads(good[i], &err))
            fail_msg("%s\n%s", good[i], err.text);
    }
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

/* Who speaks is asked before a flow that wants to know it; whoever cannot tell is not stranded.
 */
static void otp_9_needs_that_cannot_be_met_are_refused(void **state)
{
    static const char *const good[] = {
        HEAD "  a: {target: done}\nneeds: known\n",
        HEAD "  a: {target: done}\nneeds: reading\n",
        HEAD "  a: {target: done}\nneeds: verified\n",
        HEAD "  a: {say: hello, target: done}\nneeds: known\n",
        HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes], as: x, kind: email}\n"
             "    on: {yes: done, answered: done}\n",
    };
    static const struct broken all[] = {
        {HEAD "  a: {target: done}\nneeds: trust\n",                                                     "5", "'known', 'reading' or 'verified'"   },
        {HEAD "  a: {target: done}\nneeds: [known]\n",                                                   "5", "a single value"                     },
        {"flow: test\nstarts_on: [refund]\ninitial: a\nstates:\n  a:\n" SURE
         "    on: {yes: {action: refund}, no: done}\n    outcomes: {paid: done, late: done}\n", "5", "say 'needs: verified'"              },
        {"flow: test\ninitial: a\nstates:\n  a:\n" SURE
         "    on: {yes: {action: refund}, no: done}\n    outcomes: {paid: done, late: done}\n"
         "needs: reading\n",                                                                    "4", "say 'needs: verified'"              },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes], as: x, kind: code}\n"
              "    on: {yes: done}\n",                                                          "5", "leaves 'answered' unanswered"       },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes]}\n"
              "    on: {yes: done, answered: done}\n",                                          "6", "'answered' never happens"           },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes], kind: code}\n"
              "    on: {yes: done, answered: done}\n",                                          "5", "'as' is missing"                    },
        {HEAD "  a:\n    ask: {text: ask, as: x, kind: colour}\n    on: {answered: done}\n",
         "5",                                                                                                 "no kind of answer"                  },
        {HEAD "  a:\n    ask: {buttons: ask, titles: t, choices: [yes], out: no}\n"
              "    on: {yes: done}\n",                                                          "5", "'out' says 'no', which is no choice"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        struct err err = {0};

        if (!loads(good[i], &err))
            fail_msg("%s\n%s", good[i], err.text);
    }
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
}

/* A book with one file left out or put in the place of another. */
static void refuses_with(const char *name, const char *text, const char *reason)
{
    struct arena arena = {0};
    struct source_file files[16];
    struct book *book = NULL;
    struct err err = {0};
    size_t n = book_files(&arena, STR(HEAD "  a: {target: done}\nneeds: known\n"), files);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        files[kept] = files[i];
        if (!str_eq(files[i].name, str_from(name))) {
            kept++;
        } else if (text) {
            files[kept++].bytes = str_from(text);
        }
    }
    assert_false(book_create_with(&parts, files, kept, &book, &err));
    if (!strstr(err.text, reason))
        fail_msg("%s", err.text);
    arena_finish(&arena);
}

static void otp_9_what_is_for_everybody_needs_nothing(void **state)
{
    (void)state;
    refuses_with("flows/verify.yaml", NULL, "there is no flows/verify.yaml");
    refuses_with("flows/help.yaml",
                 "flow: help\nstarts_on: [help]\nreturns: true\nneeds: known\ninitial: a\n"
                 "states:\n  a: {say: hello, target: done}\n",
                 "there for everybody");
    refuses_with("flows/verify.yaml",
                 "flow: verify\nstarts_on: [verify]\nneeds: known\ninitial: a\n"
                 "states:\n  a: {say: hello, target: done}\n",
                 "there for everybody");
}

#define LIST(row)                                                                              \
    HEAD "  a:\n    load: orders_list\n"                                                       \
         "    ask: {list: ask, of: orders_list, as: x, key: number, row: " row "}\n"           \
         "    on: {chosen: done}\n"

static void ch_2_words_that_would_be_cut_are_refused(void **state)
{
    static const struct broken all[] = {
        {LIST("row2"),                                                                                    "6", "may have"   },
        {LIST("row3"),                                                                                    "6", "'row3.hint'"},
        {LIST("row4"),                                                                                    "6", "and 24 fit" }, /* the longest that it may mean */
        {HEAD "  a: {ask: {buttons: long, titles: t, choices: [yes]}, on: {yes: done}}\n",                "4",
         "and 1024 fit"                                                                                                     },
        {HEAD
         "  a: {ask: {list: ask, label: t.long, titles: t, choices: [yes]}, on: {yes: done}}\n", "4", "and 20 fit" },
        {"flow: test\ntakes: [number]\ninitial: a\nstates:\n"
         "  a: {ask: {buttons: ask, titles: t, choices: [yes, long]}, on: {yes: done, long: "
         "done}}\n",                                                                             "5", "'t.long'"   },
        {"flow: test\ntakes: [number]\ninitial: a\nstates:\n"
         "  a: {ask: {list: ask, label: either, titles: t, choices: [yes]}, on: {yes: done}}\n", "5", "may have 24"},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++)
        check_refused(&all[i]);
    if (!loads(HEAD "  a: {ask: {list: long, titles: t, choices: [yes]}, on: {yes: done}}\n",
               &err))
        fail_msg("%s", err.text);
}

static bool loads_without(const char *name, struct err *err)
{
    struct arena arena = {0};
    struct source_file files[16];
    struct source_file kept[16];
    struct book *book = NULL;
    size_t n = book_files(&arena, STR(HEAD "  a: {target: done}\n"), files);
    size_t n_kept = 0;
    bool ok;

    for (size_t i = 0; i < n; i++) {
        if (!str_eq(files[i].name, str_from(name)))
            kept[n_kept++] = files[i];
    }
    ok = book_create(kept, n_kept, &book, err);
    book_destroy(book);
    arena_finish(&arena);
    return ok;
}

static void a_book_without_what_works_anywhere_is_refused(void **state)
{
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(sound); i++) {
        if (str_eq(str_from(sound[i].name), STR("flows/verify.yaml")))
            continue; /* wanted by flows that need it */
        assert_false(loads_without(sound[i].name, &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_non_null(strstr(err.text, sound[i].name));
    }
    assert_false(loads_without("messages/pl.yaml", &err));
    assert_false(book_create(NULL, 0, &(struct book *){NULL}, &err));
}

static bool loads_with(const char *name, const char *text, struct err *err)
{
    struct arena arena = {0};
    struct source_file files[16];
    struct book *book = NULL;
    size_t n = book_files(&arena, STR(HEAD "  a: {target: done}\n"), files);
    bool ok;

    for (size_t i = 0; i < n; i++) {
        if (str_eq(files[i].name, str_from(name)))
            files[i].bytes = str_from(text);
    }
    ok = book_create_with(&parts, files, n, &book, err);
    book_destroy(book);
    arena_finish(&arena);
    return ok;
}

static void flw_2_what_works_anywhere_must_do_what_it_says(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *says;
    } all[] = {
        {"flows/human.yaml",
         "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a: {say: hello, target: "
         "rest}\n",                                                                         "flows/human.yaml:1: who says 'human' comes here, and no way leads to the action "
         "ask_for_person"                                                                                                                                 },
        {"flows/stop.yaml",
         "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a: {say: hello, target: "
         "rest}\n",                                                                         "flows/stop.yaml:1: who says 'stop'"                                             },
        {"flows/start.yaml",
         "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a: {say: hello, target: "
         "rest}\n",                                                                         "no way leads to the action consent_start"                                       },
        {"flows/language.yaml",
         "flow: language\nstarts_on: [language]\ninitial: a\nstates:\n  a: {say: hello, "
         "target: "
         "done}\n",                                                                         "the action set_language"                                                        },
        {"flows/menu.yaml",
         "flow: menu\ninitial: main\nstates:\n  main:\n    again: true\n"
         "    ask: {list: menu.ask, titles: t, choices: [go]}\n    on: {go: {go: test}}\n", "flows/menu.yaml:4: no way leads from the menu to a person; add a choice"        },
        {"flows/menu.yaml",
         "flow: menu\ninitial: main\nstates:\n  main:\n"
         "    ask: {list: menu.ask, titles: t, choices: [go]}\n    on: {go: {go: test}}\n", "flows/menu.yaml:4: the menu's first state asks with a list and is 'again: true'"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct err err = {0};

        assert_false(loads_with(all[i].name, all[i].text, &err));
        if (!strstr(err.text, all[i].says))
            fail_msg("%s\nwant: %s", err.text, all[i].says);
    }
}

static void the_version_hangs_on_the_bytes_and_not_on_the_order_of_files(void **state)
{
    struct arena arena = {0};
    struct source_file files[16];
    struct source_file turned[16];
    struct book *a = NULL;
    struct book *b = NULL;
    struct book *c = NULL;
    struct err err = {0};
    struct hash16 versions[3];
    size_t n = book_files(&arena, STR(HEAD "  a: {target: done}\n"), files);

    (void)state;
    for (size_t i = 0; i < n; i++)
        turned[n - 1 - i] = files[i];
    assert_true(book_create(files, n, &a, &err));
    assert_true(book_create(turned, n, &b, &err));
    n = book_files(&arena, STR(HEAD "  a: {target: menu}\n"), files);
    assert_true(book_create(files, n, &c, &err));
    versions[0] = book_version(a);
    versions[1] = book_version(b);
    versions[2] = book_version(c);
    assert_memory_equal(&versions[0], &versions[1], sizeof(struct hash16));
    assert_memory_not_equal(&versions[0], &versions[2], sizeof(struct hash16));
    book_destroy(a);
    book_destroy(b);
    book_destroy(c);
    book_destroy(NULL);
    arena_finish(&arena);
}

/* Every sound flow with one byte changed, dropped or cut: it loads or it is refused with a
 * place, and nothing else. */
static void a_spoiled_book_is_refused_with_a_place(void **state)
{
    static const char text[] =
        HEAD "  a:\n    load: orders_list\n    always:\n"
             "      - {guard: empty, of: orders_list, say: hello, target: done}\n"
             "    ask: {list: ask, of: orders_list, as: number, key: number, row: row}\n"
             "    on: {chosen: b}\n"
             "  b:\n    load: {load: order_by_number, as: order}\n    say: of_order\n"
             "    ask: {link: ask, url: $order.url}\n";
    uint32_t random = 99;

    (void)state;
    for (unsigned round = 0; round < 1500; round++) {
        char copy[sizeof(text)];
        struct err err = {0};
        size_t at;

        memcpy(copy, text, sizeof(text));
        random = random * 1664525 + 1013904223;
        at = (random >> 8) % (sizeof(text) - 1);
        if (round % 3 == 0) {
            copy[at] = '\0';
        } else if (round % 3 == 1) {
            copy[at] = (char)(' ' + (random >> 24) % 95);
        } else {
            memmove(copy + at, copy + at + 1, sizeof(text) - at - 1);
        }
        if (loads(copy, &err))
            continue;
        assert_int_equal(err.code, ERR_REJECT);
        assert_int_equal(strncmp(err.text, "flows/", 6), 0);
    }
}

static void yaml_is_bounded_in_depth_and_size(void **state)
{
    struct arena arena = {0};
    const struct node *root;
    struct err err = {0};
    char deep[200];
    char *wide = malloc(2 << 20);

    (void)state;
    assert_non_null(wide);
    memset(deep, '[', sizeof(deep));
    assert_false(yaml_read(&arena, STR("x"), (struct str){deep, sizeof(deep)}, &root, &err));
    assert_non_null(strstr(err.text, "too deep"));
    memset(wide, '-', 2 << 20);
    assert_false(yaml_read(&arena, STR("x"), (struct str){wide, 2 << 20}, &root, &err));
    assert_false(yaml_read(&arena, STR("x"), STR("a: \xff"), &root, &err));
    assert_false(yaml_read(&arena, STR("x"), STR("? [a]\n: b"), &root, &err));
    free(wide);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_book_loads),
        cmocka_unit_test(flw_2_what_is_no_flow_is_refused),
        cmocka_unit_test(flw_2_a_state_that_leads_nowhere_is_refused),
        cmocka_unit_test(flw_2_an_unanswered_event_or_outcome_is_refused),
        cmocka_unit_test(flw_2_a_choice_or_picture_that_makes_no_sense_is_refused),
        cmocka_unit_test(flw_2_a_prompt_that_no_channel_can_show_is_refused),
        cmocka_unit_test(flw_2_unknown_loads_values_and_words_are_refused),
        cmocka_unit_test(can_2_a_grave_action_without_a_yes_is_refused),
        cmocka_unit_test(otp_9_needs_that_cannot_be_met_are_refused),
        cmocka_unit_test(otp_9_what_is_for_everybody_needs_nothing),
        cmocka_unit_test(ch_2_words_that_would_be_cut_are_refused),
        cmocka_unit_test(a_book_without_what_works_anywhere_is_refused),
        cmocka_unit_test(flw_2_what_works_anywhere_must_do_what_it_says),
        cmocka_unit_test(the_version_hangs_on_the_bytes_and_not_on_the_order_of_files),
        cmocka_unit_test(a_spoiled_book_is_refused_with_a_place),
        cmocka_unit_test(yaml_is_bounded_in_depth_and_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
