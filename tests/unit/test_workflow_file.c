/* Workflows as files: read strictly, written so that they read back. */
#include "bot/later/workflow_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct workflow workflow;
static struct err err;

static bool reads(const char *yaml)
{
    err = (struct err){0};
    return workflow_read(&arena, STR("w.yaml"), str_from(yaml), &workflow, &err);
}

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const char bakery[] =
    "workflow: bakery\n"
    "states:\n"
    "  dough_rests:\n"
    "    icon: \"🥣\"\n"
    "    names: {en: The dough rests, ar: العجين يرتاح}\n"
    "  in_the_oven: {names: {pl: W piecu}}\n"
    "  under_way: {in_transit: true, progress: 70, names: {en: Coming}}\n"
    "  eaten: {phase: done, names: {en: \"Eaten \\\"up\\\"\"}}\n"
    "  burnt: {phase: cancelled, names: {en: Burnt}}\n";

static void assert_bakery(void)
{
    static const struct {
        const char *status, *phase;
        int progress;
        bool in_transit;
    } want[] = {
        {"dough_rests", "active",    25,  false},
        {"in_the_oven", "active",    50,  false},
        {"under_way",   "active",    70,  true },
        {"eaten",       "done",      100, false},
        {"burnt",       "cancelled", 0,   false},
    };
    assert_true(str_eq(workflow.name, STR("bakery")));
    assert_int_equal(workflow.n, COUNTOF(want));
    for (size_t i = 0; i < COUNTOF(want); i++) {
        const struct workflow_state *state = &workflow.states[i];
        assert_true(str_eq(state->status, str_from(want[i].status)));
        assert_true(str_eq(state->phase, str_from(want[i].phase)));
        assert_int_equal(state->progress, want[i].progress);
        assert_int_equal(state->in_transit, want[i].in_transit);
    }
    assert_true(str_eq(workflow.states[0].icon, STR("🥣")));
    assert_true(str_eq(workflow.states[0].names,
                       STR("{\"en\":\"The dough rests\",\"ar\":\"العجين يرتاح\"}")));
    assert_true(str_eq(workflow.states[3].names, STR("{\"en\":\"Eaten \\\"up\\\"\"}")));
}

static void ord_3_a_workflow_is_read_in_its_order(void **state)
{
    (void)state;
    if (!reads(bakery))
        fail_msg("%s", err.text);
    assert_bakery();
    assert_true(str_eq(workflow_unnamed(&arena, &workflow.states[0]), STR("es, pl")));
    assert_true(str_eq(workflow_unnamed(&arena, &workflow.states[1]), STR("en, es, ar")));
}

static void ord_3_what_is_written_reads_back(void **state)
{
    (void)state;
    assert_true(reads(bakery));
    struct str text = workflow_write(&arena, &workflow);
    if (!reads(arena_cstr(&arena, text)))
        fail_msg("%s\n%.*s", err.text, STR_ARG(text));
    assert_bakery();
}

static void ord_3_our_own_states_need_no_names(void **state)
{
    (void)state;
    if (!reads("workflow: repair\nstates:\n  received: {}\n  ready: {}\n  completed: {phase: "
               "done}\n"))
        fail_msg("%s", err.text);
    assert_int_equal(workflow_unnamed(&arena, &workflow.states[0]).len, 0);
    assert_false(reads("workflow: job\nstates:\n  received: {}\n  completed: {phase: done}\n"));
}

static void ord_3_a_broken_file_is_refused_with_its_line_and_a_cure(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *line, *says;
    } cases[] = {
        {"",                                                                                    ":1:", ""                    },
        {"- a\n",                                                                               ":1:", "workflow: NAME"      },
        {"workflow: a\n",                                                                       ":1:", "both needed"         },
        {"workflow: A b\nstates: {}\n",                                                         ":1:", "a-z"                 },
        {"workflow: [a]\nstates: {}\n",                                                         ":1:", "a-z"                 },
        {"workflow: a\nstates: {}\n",                                                           ":2:", "1 to 40"             },
        {"workflow: a\nstates: 7\n",                                                            ":2:", "is a map"            },
        {"workflow: a\ncolour: red\nstates: {}\n",                                              ":2:", "'colour'"            },
        {"workflow: a\nstates:\n  x: 7\n",                                                      ":3:", "is a map"            },
        {"workflow: a\nstates:\n  X: {names: {en: X}}\n",                                       ":3:", "no name of a state"  },
        {"workflow: a\nstates:\n  x: {names: {en: X}}\n",                                       ":2:", "no state is done"    },
        {"workflow: a\nstates:\n  x: {phase: done, names: {en: X}}\n",
         ":2:",                                                                                        "no state is active"  },
        {"workflow: a\nstates:\n  x: {phase: over}\n",                                          ":3:", "active, done"        },
        {"workflow: a\nstates:\n  x: {progress: 101}\n",                                        ":3:", "0 to 100"            },
        {"workflow: a\nstates:\n  x: {progress: half}\n",                                       ":3:", "0 to 100"            },
        {"workflow: a\nstates:\n  x: {in_transit: maybe}\n",                                    ":3:", "true or false"       },
        {"workflow: a\nstates:\n  x: {icon: go}\n",                                             ":3:", "one sign"            },
        {"workflow: a\nstates:\n  x: {icon: 🔧🔧🔧🔧🔧}\n",                           ":3:", "5 characters"        },
        {"workflow: a\nstates:\n  x:\n    icon: 🔧\n",                                        ":3:", "icon alone"          },
        {"workflow: a\nstates:\n  x: {names: Ready}\n",                                         ":3:", "map by language"     },
        {"workflow: a\nstates:\n  x:\n    names:\n      de: Fertig\n",                          ":5:", "en, es, pl, ar"      },
        {"workflow: a\nstates:\n  x: {names: {en: \"\"}}\n",                                    ":3:", "wants a word"        },
        {"workflow: a\nstates:\n  x: {names: {en: \"a\\nb\"}}\n",                               ":3:", "one line"            },
        {"workflow: a\nstates:\n  x: {names: {en: This name is much too long to fit a row}}\n",
         ":3:",                                                                                        "30 fit"              },
        {"workflow: a\nstates:\n  x: {names: {en: X}}\n  x: {names: {en: X}}\n",                ":4:", ""                    },
        {"workflow: a\nstates:\n  x: {name: {en: X}}\n",                                        ":3:", "'name' means nothing"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        if (reads(cases[i].yaml))
            fail_msg("taken: %s", cases[i].yaml);
        assert_int_equal(err.code, ERR_REJECT);
        if (!strstr(err.text, cases[i].line) || !strstr(err.text, cases[i].says) ||
            strncmp(err.text, "w.yaml:", 7) != 0)
            fail_msg("%s: %s", cases[i].yaml, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ord_3_a_workflow_is_read_in_its_order, finish),
        cmocka_unit_test_teardown(ord_3_what_is_written_reads_back, finish),
        cmocka_unit_test_teardown(ord_3_our_own_states_need_no_names, finish),
        cmocka_unit_test_teardown(ord_3_a_broken_file_is_refused_with_its_line_and_a_cure,
                                  finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
