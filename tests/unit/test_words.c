/* Catalogs of words: reading, refusing, rendering and checking, and our own four. */
#include "templates/words.h"

#include "tests/support/words_keys.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FSI  "\xE2\x81\xA8"
#define PDI  "\xE2\x81\xA9"
#define RLM  "\xE2\x80\x8F"
#define NBSP "\xC2\xA0"

#define TUESDAY (1772550000 * USEC_PER_SEC) /* 2026-03-03 15:00 UTC */

static struct arena arena;
static struct words *words; /* of the running test */

static int finish(void **state)
{
    (void)state;
    words_destroy(words);
    words = NULL;
    arena_finish(&arena);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------- */

static bool read_words(const char *name, const char *yaml, struct err *err)
{
    struct source_file file = {str_from(name), str_from(yaml)};
    *err = (struct err){0};
    words_destroy(words);
    words = NULL;
    return words_create(&file, 1, &words, err);
}

static void given(const char *yaml)
{
    struct err err;
    if (!read_words("messages/en.yaml", yaml, &err))
        fail_msg("%s", err.text);
}

static const struct record *values_of(size_t n, const struct field fields[])
{
    struct record_builder builder;
    record_build(&builder, &arena);
    for (size_t i = 0; i < n; i++)
        record_set(&builder, fields[i].name, fields[i].value);
    return record_built(&builder);
}

#define VALUES(...)                                                                            \
    values_of(sizeof((struct field[]){__VA_ARGS__}) / sizeof(struct field),                    \
              (struct field[]){__VA_ARGS__})
#define TEXT(name, text)                                                                       \
    {                                                                                          \
        STR(name), value_text(str_from(text))                                                  \
    }
#define INT(name, number)                                                                      \
    {                                                                                          \
        STR(name), value_int(number)                                                           \
    }
#define TIME(name, time)                                                                       \
    {                                                                                          \
        STR(name), value_time(time)                                                            \
    }
#define BOOL(name, yes)                                                                        \
    {                                                                                          \
        STR(name), value_bool(yes)                                                             \
    }
#define RECORD(name, record)                                                                   \
    {                                                                                          \
        STR(name), value_record(record)                                                        \
    }
#define MONEY(name, minor, currency)                                                           \
    {                                                                                          \
        STR(name), value_money((struct money){(minor), currency})                              \
    }

static struct value list_of(size_t n, const struct value items[])
{
    struct list *list = arena_new(&arena, struct list);
    struct value *kept = arena_array(&arena, struct value, n + 1);
    if (n > 0)
        memcpy(kept, items, n * sizeof(*kept));
    *list = (struct list){kept, n};
    return value_list(list);
}

static const char *said(enum lang lang, const char *key, const struct record *values,
                        bool *missing)
{
    struct locale locale = {lang, STR("Europe/Warsaw"), TUESDAY};
    *missing = false;
    return arena_cstr(&arena,
                      words_render(&arena, words, &locale, str_from(key), values, missing));
}

static void assert_said_in(enum lang lang, const char *key, const struct record *values,
                           const char *want)
{
    bool missing;
    assert_string_equal(said(lang, key, values, &missing), want);
    assert_false(missing);
}

static void assert_said(const char *key, const struct record *values, const char *want)
{
    assert_said_in(LANG_EN, key, values, want);
}

static void assert_missing(const char *key, const struct record *values, const char *want)
{
    bool missing;
    assert_string_equal(said(LANG_EN, key, values, &missing), want);
    assert_true(missing);
}

/* --- texts ------------------------------------------------------------------------------ */

static void a_text_is_said_as_it_is(void **state)
{
    (void)state;
    given("a.b: Hello\na.c: \"with \\\"quotes\\\" and {single} braces\"\nd: 'żółć 👋'\n");
    assert_said("a.b", NULL, "Hello");
    assert_said("a.c", NULL, "with \"quotes\" and {single} braces");
    assert_said("d", NULL, "żółć 👋");
}

static void variables_are_filled_in_by_their_type(void **state)
{
    (void)state;
    given(
        "k: \"{{name}}/{{order.total}}/{{ n }}/{{at|date}}/{{at  |  time}}/{{p | percent}}\"");
    const struct record *order = VALUES(MONEY("total", 123450, "EUR"));
    assert_said("k",
                VALUES(TEXT("name", "Ana"), RECORD("order", order), INT("n", 1200),
                       TIME("at", TUESDAY), INT("p", 60)),
                "Ana/€1,234.50/1,200/3 Mar 2026/4:00" NBSP "pm/60%");
}

static void text_at_both_ends_and_between_variables_is_kept(void **state)
{
    (void)state;
    given("a: \"{{x}}{{x}}\"\nb: \"<{{x}}>\"\nc: \"{{x}} \"\nd: \"{ {{x}} }\"\n");
    const struct record *values = VALUES(TEXT("x", "1"));
    assert_said("a", values, "11");
    assert_said("b", values, "<1>");
    assert_said("c", values, "1");
    assert_said("d", values, "{ 1 }");
}

static void a_missing_variable_is_left_out_and_reported(void **state)
{
    (void)state;
    given("k: \"Hi {{name}}!\"\nn: \"{{a.b.c}}\"\n");
    assert_missing("k", NULL, "Hi !");
    assert_missing("k", VALUES(TEXT("nam", "Ana")), "Hi !");
    assert_missing("n", VALUES(TEXT("a", "Ana")), "");
    assert_missing("n", VALUES(RECORD("a", VALUES(INT("b", 1)))), "");
    assert_said("k", VALUES(TEXT("name", "")), "Hi !");
    assert_missing("k", VALUES(BOOL("name", true)), "Hi !");
    assert_missing("k", VALUES(RECORD("name", VALUES(INT("b", 1)))), "Hi !");
}

static void a_missing_key_is_empty_and_reported(void **state)
{
    (void)state;
    given("k: \"Hi\"\n");
    assert_missing("other", NULL, "");
    assert_missing("", NULL, "");
    assert_missing("k.", NULL, "");
    struct locale locale = {LANG_EN, STR("UTC"), 0};
    assert_int_equal(words_render(&arena, words, &locale, STR("no"), NULL, NULL).len, 0);
}

static void what_is_missing_in_a_language_is_said_in_english(void **state)
{
    (void)state;
    given("k: \"{{n}} and {{t | date}}\"\n");
    bool missing;
    assert_string_equal(
        said(LANG_PL, "k", VALUES(INT("n", 12345), TIME("t", TUESDAY)), &missing),
        "12,345 and 3 Mar 2026");
    assert_true(missing);
    assert_false(words_has(words, STR("k")));
}

static void a_reported_miss_is_not_forgotten_by_the_next_rendering(void **state)
{
    (void)state;
    given("k: \"Hi\"\n");
    struct locale locale = {LANG_EN, STR("UTC"), 0};
    bool missing = false;
    (void)words_render(&arena, words, &locale, STR("no"), NULL, &missing);
    (void)words_render(&arena, words, &locale, STR("k"), NULL, &missing);
    assert_true(missing);
}

static void braces_in_what_people_write_mean_nothing(void **state)
{
    (void)state;
    given(
        "secret: \"secret\"\nk: \"Hi {{name}}, {{> g}}\"\ng: \"{{#name}}{{name}}{{/name}}\"\n");
    static const char *const hostile[] = {"{{secret}}",  "{{> secret}}", "{{#name}}",
                                          "}}{{/name}}", "{{",           "{{{{}}}}",
                                          "(secret)",    "%s%n%1$s",     "\\n\\u0000"};
    for (size_t i = 0; i < COUNTOF(hostile); i++) {
        assert_said("k", VALUES(TEXT("name", hostile[i])),
                    arena_format(&arena, "Hi %s, %s", hostile[i], hostile[i]).at);
    }
}

/* --- parts ------------------------------------------------------------------------------ */

static void a_part_is_said_when_there_is_something_to_say(void **state)
{
    (void)state;
    given("k: \"a{{#x}}+{{/x}}{{^x}}-{{/x}}z\"\n");
    assert_said("k", NULL, "a-z");
    assert_said("k", VALUES(TEXT("x", "")), "a-z");
    assert_said("k", VALUES(TEXT("x", "y")), "a+z");
    assert_said("k", VALUES(INT("x", 0)), "a-z");
    assert_said("k", VALUES(INT("x", -1)), "a+z");
    assert_said("k", VALUES(BOOL("x", false)), "a-z");
    assert_said("k", VALUES(BOOL("x", true)), "a+z");
    assert_said("k", VALUES(MONEY("x", 0, "EUR")), "a+z");
    assert_said("k", VALUES(TIME("x", 0)), "a+z");
    assert_said("k", VALUES({STR("x"), value_list(NULL)}), "a-z");
    assert_said("k", VALUES({STR("x"), list_of(0, NULL)}), "a-z");
    assert_said("k", VALUES({STR("x"), value_record(NULL)}), "a-z");
    assert_said("k", VALUES(RECORD("x", VALUES(INT("y", 1)))), "a+z");
}

static void a_list_is_said_item_by_item(void **state)
{
    (void)state;
    given("k: \"{{#items}}{{.n}} {{.name}} for {{who}}; {{/items}}\"\n"
          "d: \"{{#words}}[{{.}}]{{/words}}\"\n"
          "r: \"{{#order}}{{.n}}-{{.ship.to}}{{/order}}\"\n"
          "t: \"{{#items}}{{#.name}}{{.name}}{{.n}}{{/.name}}{{/items}}\"\n"
          "c: \"{{items | number}}\"\n"
          "top: \"{{.who}}\"\n");
    const struct value items[] = {value_record(VALUES(INT("n", 2), TEXT("name", "lamps"))),
                                  value_record(VALUES(INT("n", 1), TEXT("name", "desk")))};
    const struct record *values = VALUES({STR("items"), list_of(2, items)}, TEXT("who", "Ana"));
    assert_said("k", values, "2 lamps for Ana; 1 desk for Ana;");
    assert_said("t", values, "lamps2desk1");
    assert_said("c", values, "2");
    assert_said("top", values, "Ana");
    const struct value letters[] = {value_text(STR("x")), value_int(3)};
    assert_said("d", VALUES({STR("words"), list_of(2, letters)}), "[x][3]");
    const struct record *order =
        VALUES(INT("n", 7), RECORD("ship", VALUES(TEXT("to", "Gdańsk"))));
    assert_said("r", VALUES(RECORD("order", order)), "7-Gdańsk");
}

static void an_items_fields_do_not_hide_the_others(void **state)
{
    (void)state;
    given("k: \"{{#items}}{{n}}{{.n}} {{/items}}\"\nm: \"{{#items}}{{.who}}{{/items}}\"\n");
    const struct value items[] = {value_record(VALUES(INT("n", 2)))};
    const struct record *values =
        VALUES({STR("items"), list_of(1, items)}, INT("n", 9), TEXT("who", "Ana"));
    assert_said("k", values, "92");
    assert_missing("m", values, "");
}

static void lists_stand_in_lists(void **state)
{
    (void)state;
    given("k: \"{{#a}}({{#.b}}{{.}}{{/.b}}){{/a}}\"\n");
    const struct value inner[] = {value_int(1), value_int(2)};
    const struct value outer[] = {
        value_record(VALUES({STR("b"), list_of(2, inner)})),
        value_record(VALUES({STR("b"), list_of(0, NULL)})),
        value_record(VALUES({STR("b"), list_of(1, inner)})),
    };
    assert_said("k", VALUES({STR("a"), list_of(3, outer)}), "(12)()(1)");
}

static void a_tag_alone_on_its_line_takes_the_line_with_it(void **state)
{
    (void)state;
    given("k: |\n"
          "  Order\n"
          "  {{#items}}\n"
          "  - {{.}}\n"
          "  {{/items}}\n"
          "  {{#note}}\n"
          "\n"
          "  Note: {{note}}\n"
          "  {{/note}}\n"
          "  End{{#note}}, {{note}}{{/note}}\n"
          "  {{#note}}\n"
          "  last\n"
          "  {{/note}}\n");
    const struct value items[] = {value_text(STR("lamp")), value_text(STR("desk"))};
    const struct record *full = VALUES({STR("items"), list_of(2, items)}, TEXT("note", "ring"));
    assert_said("k", full, "Order\n- lamp\n- desk\n\nNote: ring\nEnd, ring\nlast");
    assert_said("k", NULL, "Order\nEnd");
}

static void another_key_is_called_in(void **state)
{
    (void)state;
    given("a: \"<{{> b.c}}>\"\nb.c: \"{{x}}{{> d}}\"\nd: \"!\"\n"
          "l: \"{{#items}}{{> item}} {{/items}}\"\nitem: \"{{.n}}{{x}}\"\n"
          "no: \"[{{> not.there}}]\"\n");
    assert_said("a", VALUES(TEXT("x", "1")), "<1!>");
    const struct value items[] = {value_record(VALUES(INT("n", 2))),
                                  value_record(VALUES(INT("n", 3)))};
    assert_said("l", VALUES({STR("items"), list_of(2, items)}, TEXT("x", "x")), "2x 3x");
    assert_missing("no", NULL, "[]");
}

static void a_key_may_be_named_by_values(void **state)
{
    (void)state;
    given("s.shop.sent: \"On its way\"\ns.shop.waiting_for_it: \"Waiting\"\n"
          "k: \"{{> s.(order.kind).(order.status)}}\"\np: \"{{> (x)}}\"\n");
    const struct record *good = VALUES(TEXT("kind", "shop"), TEXT("status", "sent"));
    assert_said("k", VALUES(RECORD("order", good)), "On its way");
    /* A state that a business made up reads as itself, and someone is told. */
    const struct record *own = VALUES(TEXT("kind", "shop"), TEXT("status", "at_the_tailor"));
    assert_missing("k", VALUES(RECORD("order", own)), "at the tailor");
    assert_missing("k", NULL, "");
    assert_said("p", VALUES(TEXT("x", "s.shop.sent")), "On its way");
    assert_missing("p", VALUES(TEXT("x", "{{x}}")), "{{x}}");
}

static void a_text_that_calls_itself_in_ends(void **state)
{
    (void)state;
    bool missing;
    given("a: \"{{> b}}{{> b}}{{> b}}{{> b}}{{> b}}{{> b}}{{> b}}{{> b}}\"\n"
          "b: \"{{> a}}{{> a}}{{> a}}{{> a}}{{> a}}{{> a}}{{> a}}{{> a}}\"\n"
          "c: \"long text {{> (x)}} {{> (x)}} {{> (x)}}\"\n");
    (void)said(LANG_EN, "a", NULL, &missing);
    assert_true(missing);
    (void)said(LANG_EN, "c", VALUES(TEXT("x", "c")), &missing);
    assert_true(missing);
}

static void a_rendering_has_a_largest_size(void **state)
{
    (void)state;
    given("k: \"{{#items}}{{> item}}{{/items}}\"\nitem: \"{{long}}\"\n");
    struct value items[500];
    for (size_t i = 0; i < COUNTOF(items); i++)
        items[i] = value_int((int64_t)i);
    char *text = arena_alloc(&arena, 4097);
    memset(text, 'x', 4096);
    bool missing;
    const char *all = said(
        LANG_EN, "k",
        VALUES({STR("items"), list_of(COUNTOF(items), items)}, TEXT("long", text)), &missing);
    assert_true(missing);
    assert_in_range(strlen(all), 64 << 10, 128 << 10);
}

/* --- plural forms ----------------------------------------------------------------------- */

static void plural_forms_follow_the_number(void **state)
{
    (void)state;
    given(
        "k: {plural: n, none: 'nothing', one: '{{n}} item', other: '{{n}} items'}\n"
        "l: {plural: box.things, one: 'one thing', other: '{{box.things | number}} things'}\n");
    assert_said("k", VALUES(INT("n", 0)), "nothing");
    assert_said("k", VALUES(INT("n", 1)), "1 item");
    assert_said("k", VALUES(INT("n", 2100)), "2,100 items");
    assert_missing("k", NULL, "items");
    assert_missing("k", VALUES(TEXT("n", "1")), "1 items");
    const struct value things[] = {value_int(1), value_int(2)};
    assert_said("l", VALUES(RECORD("box", VALUES({STR("things"), list_of(1, things)}))),
                "one thing");
    assert_said("l", VALUES(RECORD("box", VALUES({STR("things"), list_of(2, things)}))),
                "2 things");
}

static void plural_forms_of_polish_and_arabic_follow_the_number(void **state)
{
    (void)state;
    struct source_file files[] = {
        {STR("messages/pl.yaml"),
         STR("k:\n  plural: n\n  one: \"{{n}} pozycja\"\n  few: \"{{n}} pozycje\"\n"
             "  many: \"{{n}} pozycji\"\n")                                                           },
        {STR("messages/ar.yaml"),
         STR("k:\n  plural: n\n  zero: لا أصناف\n  one: صنف واحد\n  two: صنفان\n"
             "  few: \"{{n}} أصناف\"\n  many: \"{{n}} صنفًا\"\n  other: \"{{n}} صنف\"\n")},
    };
    static const struct {
        int64_t n;
        const char *polish;
        const char *arabic;
    } cases[] = {
        {0,   "0 pozycji",   "لا أصناف"},
        {1,   "1 pozycja",   "صنف واحد"},
        {2,   "2 pozycje",   "صنفان"     },
        {5,   "5 pozycji",   "5 أصناف"   },
        {12,  "12 pozycji",  "12 صنفًا"  },
        {22,  "22 pozycje",  "22 صنفًا"  },
        {100, "100 pozycji", "100 صنف"     },
        {103, "103 pozycje", "103 أصناف" },
    };
    struct err err = {0};
    assert_true(words_create(files, 2, &words, &err));
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        assert_said_in(LANG_PL, "k", VALUES(INT("n", cases[i].n)), cases[i].polish);
        assert_said_in(LANG_AR, "k", VALUES(INT("n", cases[i].n)), cases[i].arabic);
    }
}

/* --- two directions --------------------------------------------------------------------- */

static void values_of_the_other_direction_are_isolated(void **state)
{
    (void)state;
    struct source_file files[] = {
        {STR("messages/ar.yaml"), STR("k: \"طلب {{x}}.\"\n")},
        {STR("messages/en.yaml"), STR("k: \"Order {{x}}.\"\n") },
    };
    struct err err = {0};
    assert_true(words_create(files, 2, &words, &err));
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "A-1001")), "طلب " FSI "A-1001" PDI ".");
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "+48 600 100 200")),
                   "طلب " FSI "+48 600 100 200" PDI ".");
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "ul. Długa 5, محمد")),
                   "طلب " FSI "ul. Długa 5, محمد" PDI ".");
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "1001")), "طلب 1001.");
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "محمد")), "طلب محمد.");
    assert_said_in(LANG_AR, "k", VALUES(INT("x", 12345)), "طلب 12,345.");
    assert_said_in(LANG_AR, "k", VALUES(MONEY("x", 500, "EUR")), "طلب " RLM "5.00" NBSP "€.");
    assert_said_in(LANG_AR, "k", VALUES(MONEY("x", 500, "USD")),
                   "طلب " FSI RLM "5.00" NBSP "US$" PDI ".");
    /* A closing mark would become a part of the link. */
    assert_said_in(LANG_AR, "k", VALUES(TEXT("x", "https://a.example/b")),
                   "طلب https://a.example/b.");
    assert_said_in(LANG_EN, "k", VALUES(TEXT("x", "A-1001")), "Order A-1001.");
    assert_said_in(LANG_EN, "k", VALUES(TEXT("x", "żółć 42")), "Order żółć 42.");
    assert_said_in(LANG_EN, "k", VALUES(TEXT("x", "محمد")), "Order " FSI "محمد" PDI ".");
}

static void marks_that_turn_the_text_around_do_not_come_in(void **state)
{
    (void)state;
    given("k: \"Hi {{x}}!\"\n");
    assert_said("k",
                VALUES(TEXT("x", "\xE2\x80\xAE"
                                 "abc")),
                "Hi abc!");
    assert_said("k", VALUES(TEXT("x", "a" PDI PDI "b" FSI)), "Hi ab!");
    assert_said("k", VALUES(TEXT("x", "a\x1B[31mb\x07\r")), "Hi a[31mb!");
    assert_said("k", VALUES(TEXT("x", "a\n\tb")), "Hi a\n\tb!");
    assert_said("k", VALUES(TEXT("x", "a\xE2\x80\x93 b\xE2\x82\xAC")), "Hi a\xE2\x80\x93 b€!");
    assert_said("k", VALUES(TEXT("x", "\xE2\x80")), "Hi \xE2\x80!");
}

/* Whether a chat would mark the text up: each such sign stands between letters or digits. */
static bool marks_up(const char *text)
{
    const char *signs = "*_~`";
    for (size_t i = 0; text[i]; i++) {
        if (strchr(signs, text[i]) && (i == 0 || !isalnum((unsigned char)text[i - 1]) ||
                                       !isalnum((unsigned char)text[i + 1])))
            return true;
    }
    return false;
}

static void a_value_marks_nothing_up(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "*",     "**",    "_",         "~~",      "```",    "*a",
        "a*",    "* a *", "a _b_ c",   "~a~ ~b~", "x*_~`y", "*\n*",
        "(*a*)", "a**b",  "\xC3\xB3*", "\xE2*x*", "ORD_1_", "__init__"};
    given("k: \"[{{x}}]\"\nu: \"[{{> no.(x)}}]\"\n");
    assert_said("k", VALUES(TEXT("x", "*free* _now_ ~or~ `never`")),
                "[\u2217free\u2217 \u02CDnow\u02CD \u223Cor\u223C \u02CBnever\u02CB]");
    assert_said("k", VALUES(TEXT("x", "A_12 2*3 \u0142_\u017C 5~6")),
                "[A_12 2*3 \u0142_\u017C 5~6]");
    assert_said("k", VALUES(TEXT("x", "iPhone 13*")), "[iPhone 13\u2217]");
    assert_said("k", VALUES(TEXT("x", "https://a.example/_b_/*")), "[https://a.example/_b_/*]");
    assert_said("k", VALUES(TEXT("x", "no signs")), "[no signs]");
    for (size_t i = 0; i < COUNTOF(hostile); i++) {
        bool missing;
        if (marks_up(said(LANG_EN, "k", VALUES(TEXT("x", hostile[i])), &missing)))
            fail_msg("%s", hostile[i]);
        if (marks_up(said(LANG_EN, "u", VALUES(TEXT("x", hostile[i])), &missing)))
            fail_msg("unknown %s", hostile[i]);
    }
}

/* --- files that are refused ------------------------------------------------------------- */

static void a_broken_file_is_refused_with_its_line_and_a_cure(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *want; /* how the error begins, after the file's name */
        const char *cure; /* what it says, too */
    } cases[] = {
        {"",                                                                ":1: the file is empty",                          "key: text"       },
        {"# only a comment\n",                                              ":1: the file is empty",                          "key: text"       },
        {"- a\n- b\n",                                                      ":1: here should be lines",                       "key: text"       },
        {"just text\n",                                                     ":1: here should be lines",                       "key: text"       },
        {"a: x\nb: Order: ready\n",                                         ":2: not YAML",                                   "quotes"          },
        {"a: x\n\tb: y\n",                                                  ":2: not YAML",                                   "spaces"          },
        {"a: x\nb: \"open\nc: z\n",                                         ":2: not YAML",                                   "close the quotes"},
        {"a: x\nb: 'open\n",                                                ":2: not YAML",                                   "close the quotes"},
        {"a: \"\\q\"\n",                                                    ":1: not YAML",                                   "backslash"       },
        {"a: x\n  b: y\n",                                                  ":2: not YAML",                                   "quotes"          },
        {"a: x\nb\nc: y\n",                                                 ":3: not YAML",                                   "colon"           },
        {"a: x\nb: {{name}} hi\n",                                          ":2: ",                                           "quotes"          },
        {"a: x\nb: {{name}}\n",                                             ":2: ",                                           "quotes"          },
        {"a: x\nb: [1, 2]\n",                                               ":2: b: here should be a text",                   "quotes"          },
        {"a: x\nb: @home\n",                                                ":2: not YAML",                                   "quotes"          },
        {"a: x\nb: *bold*\n",                                               ":2: ",                                           "quotes"          },
        {"a: &x y\n",                                                       ":1: \"&\" and \"!\"",                            "quotes"          },
        {"a: !x y\n",                                                       ":1: \"&\" and \"!\"",                            "quotes"          },
        {"a: x\nb: Order #{{n}}\n",                                         ":2: what follows \"#\"",                         "quotes"          },
        {"a: x # comment\n",                                                ":1: what follows \"#\"",                         "line of its own" },
        {"a: zażółć # c\n",                                             ":1: what follows \"#\"",                         "line of its own" },
        {"a: x\nb: y\na: z\n",                                              ":3: a stands at messages/en.yaml:1 already",     "take one out"    },
        {"a: x\n---\nb: y\n",                                               ":2: \"---\" begins a second document",           "take it out"     },
        {"a: x\nb:\n",                                                      ":2: b has no text",                              "write one"       },
        {"a: \"  \"\n",                                                     ":1: a has no text",                              "write one"       },
        {"Bad Key: x\n",                                                    ":1: \"Bad Key\" is no key",                      "small letters"   },
        {"a..b: x\n",                                                       ":1: \"a..b\" is no key",                         "small letters"   },
        {".a: x\n",                                                         ":1: \".a\" is no key",                           "small letters"   },
        {"a.: x\n",                                                         ":1: \"a.\" is no key",                           "small letters"   },
        {"\"\": x\n",                                                       ":1: \"\" is no key",                             "small letters"   },
        {"ą: x\n",                                                         ":1: \"ą\" is no key",                           "small letters"   },
        {"? [a]\n: x\n",                                                    ":1: here should be a key",                       "quotes"          },
        {"a:\n  b: x\n",                                                    ":2: a: \"b\" is no plural form",                 "take it out"     },
        {"a: {}\n",                                                         ":1: a: a map needs a line \"plural: VARIABLE\"", "dots"            },
        {"a:\n  one: x\n  other: y\n",                                      ":1: a: a map needs a line",                      "plural"          },
        {"a:\n  plural: n\n  one: x\n",                                     ":1: a lacks the plural form \"other\"",          "add it"          },
        {"a:\n  plural: n\n  one: x\n  few: y\n  other: z\n",
         ":4: a: \"few\" is no plural form",                                                                                  "take it out"     },
        {"a:\n  plural: n\n  one: x\n  one: y\n  other: z\n",               ":4: a has \"one\" twice",
         "take one out"                                                                                                                         },
        {"a:\n  plural: n\n  plural: m\n  other: z\n",                      ":3: a has \"plural\" twice",
         "take one out"                                                                                                                         },
        {"a:\n  plural: N items\n  other: z\n",                             ":2: a: after \"plural:\"",                       "variable"        },
        {"a:\n  plural: \"{{n}}\"\n  other: z\n",                           ":2: a: after \"plural:\"",                       "variable"        },
        {"a:\n  plural: n | date\n  other: z\n",                            ":2: a: after \"plural:\"",                       "variable"        },
        {"a:\n  plural: n\n  one: [x]\n  other: z\n",                       ":3: a: here should be a text",                   "quotes"          },
        {"a: \"{{name\"\n",                                                 ":1: a: {{ is not closed",                        "put }}"          },
        {"a: \"name}}\"\n",                                                 ":1: a: }} without {{",                           "opening"         },
        {"a: \"{{}}\"\n",                                                   ":1: a: {{}} is empty",                           "name a variable" },
        {"a: \"{{ }}\"\n",                                                  ":1: a: {{}} is empty",                           "name a variable" },
        {"a: \"{{First Name}}\"\n",                                         ":1: a: \"First Name\" is no variable",           "small letters"   },
        {"a: \"{{a..b}}\"\n",                                               ":1: a: \"a..b\" is no variable",                 "small letters"   },
        {"a: \"{{x|}}\"\n",                                                 ":1: a: there is no format \"\"",                 "date_time"       },
        {"a: \"{{x | dat}}\"\n",                                            ":1: a: there is no format \"dat\"",              "date_time"       },
        {"a: \"{{#x}}y\"\n",                                                ":1: a: {{#x}} is not closed",                    "put {{/x}}"      },
        {"a: \"{{^x}}y\"\n",                                                ":1: a: {{^x}} is not closed",                    "put {{/x}}"      },
        {"a: \"y{{/x}}\"\n",                                                ":1: a: {{/x}} closes a part",                    "put {{#x}}"      },
        {"a: \"{{#x}}{{#y}}{{/x}}{{/y}}\"\n",                               ":1: a: {{/x}} stands where {{/y}} should",
         "close the inner"                                                                                                                      },
        {"a: \"{{#}}{{/}}\"\n",                                             ":1: a: \"\" is no variable",                     "small letters"   },
        {"a: \"{{> }}\"\n",                                                 ":1: a: \"> \" names no key",                     "other.key"       },
        {"a: \"{{> Big Key}}\"\n",                                          ":1: a: \"> Big Key\" names no key",              "other.key"       },
        {"a: \"{{> s.(x}}\"\n",                                             ":1: a: \"> s.(x\" names no key",                 "other.key"       },
        {"a: \"{{> s.x)}}\"\n",                                             ":1: a: \"> s.x)\" names no key",                 "other.key"       },
        {"a: \"{{> s.((x))}}\"\n",                                          ":1: a: \"> s.((x))\" names no key",              "other.key"       },
        {"a: \"{{> s.()}}\"\n",                                             ":1: a: \"> s.()\" names no key",                 "other.key"       },
        {"a: |\n  one\n  {{two}}\n  {{three\nb: x\n",                       ":4: a: {{ is not closed",                        "put }}"          },
        {"a: |\n\n  {{#x}}\n  y\n  {{bad | x}}\n  {{/x}}\n",                ":5: a: there is no format",
         "day"                                                                                                                                  },
        {"a: |\n  {{#x}}\n  y\n",                                           ":2: a: {{#x}} is not closed",                    "put {{/x}}"      },
        {"a: \"{{#a}}{{#b}}{{#c}}{{#d}}{{#e}}{{#f}}{{#g}}{{#h}}{{#i}}\"\n",
         ":1: a: parts stand more than 8 deep",                                                                               "another key"     },
        {"a: \"\\x07\"\n",                                                  ":1: there is a control character",               "take it out"     },
        {"a: \"\\0\"\n",                                                    ":1: there is a control character",               "take it out"     },
        {"a: x\nb: \x01\n",                                                 ":2: not YAML: control characters",               "take the control"},
        {"a: x\nb: \xFF\xFE\n",                                             ":2: this line is not UTF-8",                     "save the file"   },
        {"a: x\n\nb: \xED\xA0\x80\n",                                       ":3: this line is not UTF-8",                     "save the file"   },
        {"%YAML 3.0\n---\na: x\n",                                          ":1: not YAML",                                   "check"           },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct err err;
        if (read_words("messages/en.yaml", cases[i].yaml, &err))
            fail_msg("case %zu was taken: %s", i, cases[i].yaml);
        struct str want = arena_format(&arena, "messages/en.yaml%s", cases[i].want);
        struct str text = str_from(err.text);
        if (err.code != ERR_REJECT || !str_starts(text, want) ||
            str_find(text, str_from(cases[i].cure)) == text.len) {
            fail_msg("case %zu: \"%s\" is not \"%s ... %s\"", i, err.text, want.at,
                     cases[i].cure);
        }
        assert_null(words);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct err err;
    char *text = arena_alloc(&arena, (2 << 20) + 16);
    memset(text, 'x', 2 << 20);
    memcpy(text, "a: ", 3);
    assert_false(read_words("en.yaml", text, &err));
    assert_non_null(strstr(err.text, "en.yaml:1: the file is larger"));
    text[3 + 4097] = '\0';
    assert_false(read_words("en.yaml", text, &err));
    assert_non_null(strstr(err.text, "en.yaml:1: a has more than 4096 characters"));
    text[3 + 4096] = '\0';
    assert_true(read_words("en.yaml", text, &err));
    memset(text, 'k', 200);
    memcpy(text + 101, ": x", 4);
    assert_false(read_words("en.yaml", text, &err));
    assert_non_null(strstr(err.text, "is no key"));
    size_t len = 0;
    for (int i = 0; i <= 10000; i++)
        len += (size_t)snprintf(text + len, 32, "k%d: x\n", i);
    assert_false(read_words("en.yaml", text, &err));
    assert_non_null(strstr(err.text, "en.yaml:10001: there are more than 10000 keys"));
}

static void deep_nesting_is_refused_quickly(void **state)
{
    (void)state;
    static const char *const starts[] = {"a: [", "a: {", "a: - ", "- ", "? ", "{", "[", "{{"};
    struct err err;
    for (size_t i = 0; i < COUNTOF(starts); i++) {
        size_t size = 200000;
        char *text = arena_alloc(&arena, size + 8);
        struct str start = str_from(starts[i]);
        for (size_t at = 0; at + start.len <= size; at += start.len)
            memcpy(text + at, start.at, start.len);
        assert_false(read_words("en.yaml", text, &err));
        assert_int_equal(err.code, ERR_REJECT);
    }
}

static void a_files_name_says_its_language(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "yaml",       ".yaml",      "en",
                                      "en.yml",  "messages/",  "de.yaml",    "english.yaml",
                                      "EN.yaml", "en_US.yaml", "pl.yaml.bak"};
    static const char *const good[] = {"pl.yaml", "messages/pl.yaml", "a/b.c/orders.pl.yaml"};
    struct err err;
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        assert_false(read_words(bad[i], "a: x\n", &err));
        assert_int_equal(err.code, ERR_REJECT);
        assert_non_null(strstr(err.text, "rename the file"));
    }
    for (size_t i = 0; i < COUNTOF(good); i++) {
        assert_true(read_words(good[i], "a: x\n", &err));
        assert_said_in(LANG_PL, "a", NULL, "x");
    }
}

static void one_language_may_have_several_files(void **state)
{
    (void)state;
    struct source_file files[] = {
        {STR("m/en.yaml"),        STR("a: x\n")          },
        {STR("m/orders.en.yaml"), STR("\nb: y\n")        },
        {STR("m/more.en.yaml"),   STR("c: z\n\n\nb: y\n")}
    };
    struct err err = {0};
    assert_true(words_create(files, 2, &words, &err));
    assert_said("a", NULL, "x");
    assert_said("b", NULL, "y");
    struct words *none = NULL;
    assert_false(words_create(files, 3, &none, &err));
    assert_null(none);
    assert_string_equal(
        err.text, "m/more.en.yaml:4: b stands at m/orders.en.yaml:2 already: take one out");
}

static void usual_ways_to_write_yaml_are_read(void **state)
{
    (void)state;
    given("\xEF\xBB\xBF# comment\r\n"
          "a: \"x\"   # a comment after quotes\r\n"
          "'b': plain text, with a comma - and a dash\r\n"
          "c: >\r\n  folded\r\n  text\r\n"
          "d: |\r\n  two\r\n  lines\r\n"
          "e: {plural: n, one: one, other: '{{n}}'}\r\n"
          "f: a#b {single}\r\n"
          "1.x_2: 42\r\n"
          "g: yes\r\n"
          "...\r\n");
    assert_said("a", NULL, "x");
    assert_said("b", NULL, "plain text, with a comma - and a dash");
    assert_said("c", NULL, "folded text");
    assert_said("d", NULL, "two\nlines");
    assert_said("e", VALUES(INT("n", 1)), "one");
    assert_said("f", NULL, "a#b {single}");
    assert_said("1.x_2", NULL, "42");
    assert_said("g", NULL, "yes");
}

/* --- checks ----------------------------------------------------------------------------- */

#define CHECKED(en, es, pl, ar) check_four((const char *const[]){(en), (es), (pl), (ar)})

static const char *check_four(const char *const yaml[])
{
    static const char *const names[] = {"en.yaml", "es.yaml", "pl.yaml", "ar.yaml"};
    struct source_file files[4];
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        if (yaml[i])
            files[n++] = (struct source_file){str_from(names[i]), str_from(yaml[i])};
    }
    struct err err = {0};
    words_destroy(words);
    words = NULL;
    if (!words_create(files, n, &words, &err))
        fail_msg("%s", err.text);
    if (words_check(words, &err))
        return "";
    assert_int_equal(err.code, ERR_REJECT);
    return arena_str(&arena, str_from(err.text)).at;
}

static void the_check_finds_what_one_language_lacks(void **state)
{
    (void)state;
    static const char *const a = "a: \"x\"\n";
    assert_string_equal(CHECKED(a, a, a, a), "");
    assert_string_equal(CHECKED(a, a, NULL, a), "there are no words in \"pl\": add pl.yaml");
    assert_string_equal(CHECKED("a: x\nb: y\n", "a: x\n", "b: y\na: x\n", "a: x\nb: y\n"),
                        "es.yaml: b is missing, which en.yaml:2 has: add it");
    assert_string_equal(CHECKED(a, a, a, "a: x\nc: z\n"),
                        "en.yaml: c is missing, which ar.yaml:2 has: add it");
}

static void the_check_finds_variables_that_differ(void **state)
{
    (void)state;
    static const char *const a = "a: \"{{x}} {{y | date}}\"\n";
    assert_string_equal(CHECKED(a, a, a, "a: \"{{y}} {{x}}\"\n"), "");
    assert_string_equal(CHECKED(a, a, "\na: \"{{x}}\"\n", a),
                        "pl.yaml:2: a does not use {{y}}, which en.yaml:1 does: use it in both "
                        "or in neither");
    assert_string_equal(CHECKED(a, "a: \"{{x}} {{y}} {{z}}\"\n", a, a),
                        "en.yaml:1: a does not use {{z}}, which es.yaml:1 does: use it in both "
                        "or in neither");
    static const char *const l = "a: \"{{#l}}{{.q}}{{/l}}\"\n";
    assert_string_equal(
        CHECKED(l, l, l, "a: \"{{#l}}{{.qty}}{{/l}}\"\n"),
        "ar.yaml:1: a does not use {{.q}}, which en.yaml:1 does: use it in both "
        "or in neither");
    /* Through a text that is called in; and a form may do without the number. */
    static const char *const called = "a: \"{{> b}}\"\nb: \"{{x}}\"\n";
    assert_string_equal(CHECKED(called, "a: \"{{x}}\"\nb: \"{{x}}\"\n", called, called), "");
    assert_string_equal(CHECKED("a: {plural: n, one: '1', other: '{{n}}'}\n",
                                "a: {plural: n, one: 'uno', other: '{{n}}'}\n", "a: '{{n}}'\n",
                                "a: '{{n}}'\n"),
                        "");
}

static void the_check_finds_keys_that_are_not_there(void **state)
{
    (void)state;
    static const char *const good = "a: \"{{> b}}\"\nb: \"x\"\n";
    assert_string_equal(CHECKED(good, good, good, good), "");
    static const char *const bad = "a: \"{{> c}}\"\nb: \"x\"\n";
    assert_string_equal(CHECKED(good, good, good, bad),
                        "ar.yaml:1: a calls in {{> c}}, and there is no such key: correct the "
                        "name");
    static const char *const by_value = "a: \"{{> s.(k).(v)}}\"\ns.x.y: \"x\"\n";
    assert_string_equal(CHECKED(by_value, by_value, by_value, by_value), "");
    static const char *const no_fit = "a: \"{{> s.(k).(v)}}\"\ns.x: \"x\"\ns.x.y.z: \"x\"\n";
    assert_non_null(strstr(CHECKED(no_fit, no_fit, no_fit, no_fit), "there is no such key"));
}

static void the_check_finds_texts_that_call_themselves_in(void **state)
{
    (void)state;
    static const char *const a = "a: \"{{> b}}\"\nb: \"{{> c}}\"\nc: \"{{> a}}\"\n";
    assert_string_equal(
        CHECKED(a, a, a, a),
        "en.yaml:1: a calls itself in, by {{> ...}}: take one of the calls out");
}

static void variables_are_listed_for_other_checks(void **state)
{
    (void)state;
    given("a: \"{{z}} {{#order.items}}{{.q}}{{x.y | money}}{{/order.items}}{{> b}}"
          "{{^gone}}{{/gone}}{{> s.(k)}}\"\n"
          "b: {plural: n, one: '{{z}}', other: '{{c}}'}\n"
          "s.t: x\n");
    struct str_list list = words_variables(&arena, words, STR("a"));
    static const char *const want[] = {"c", "gone", "k", "n", "order.items", "x.y", "z"};
    assert_int_equal(list.n, COUNTOF(want));
    for (size_t i = 0; i < list.n; i++)
        assert_string_equal(arena_cstr(&arena, list.items[i]), want[i]);
    assert_int_equal(words_variables(&arena, words, STR("nope")).n, 0);
    list = words_keys(&arena, words);
    assert_int_equal(list.n, 3);
    assert_string_equal(arena_cstr(&arena, list.items[0]), "a");
    assert_string_equal(arena_cstr(&arena, list.items[2]), "s.t");
}

static void no_words_at_all_do_no_harm(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(words_create(NULL, 0, &words, &err));
    assert_missing("a", NULL, "");
    assert_false(words_has(words, STR("a")));
    assert_int_equal(words_keys(&arena, words).n, 0);
    assert_false(words_check(words, &err));
    words_destroy(NULL);
}

/* --- our own words ---------------------------------------------------------------------- */

static struct str file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    char *bytes = arena_alloc(&arena, 1 << 20);
    size_t len = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    return (struct str){bytes, len};
}

/* Our own texts must have none either: half a pair could be closed by nothing of a value's, but
 * a pair of ours is not meant. */
static void our_own_words_mark_nothing_up(void **state)
{
    (void)state;
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        struct str bytes = file_bytes(
            arena_format(&arena, PARLEY_SOURCE_DIR "/templates/messages/%s.yaml", langs[i]).at);
        struct str line;
        while (str_split(&bytes, '\n', &line)) {
            if (str_find(line, STR("*")) < line.len || str_find(line, STR("~")) < line.len ||
                str_find(line, STR("`")) < line.len)
                fail_msg("%s: %.*s", langs[i], STR_ARG(line));
        }
    }
}

static void read_our_words(void)
{
    struct source_file files[LANG_COUNT];
    struct err err = {0};
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct str name =
            arena_format(&arena, "templates/messages/%s.yaml", lang_code((enum lang)lang));
        struct str path = arena_format(&arena, "%s/%s", PARLEY_SOURCE_DIR, name.at);
        files[lang] = (struct source_file){name, file_bytes(path.at)};
    }
    if (!words_create(files, LANG_COUNT, &words, &err))
        fail_msg("%s", err.text);
}

/* Everything that the flows may give to a text, as long as it gets. */
static const struct record *longest_values(void)
{
    const char *number = "ORD-2026-00001234";
    const struct value item = value_record(
        VALUES(TEXT("qty", "1000.125"), TEXT("description", "Handmade oak table"),
               MONEY("unit_price", 99999999, "KWD"), MONEY("line_total", 999999999, "KWD")));
    const struct value note =
        value_record(VALUES(TIME("at", TUESDAY), TEXT("text", "Two lifts")));
    const struct record *order = VALUES(
        TEXT("number", number), TEXT("workflow", "repair"), TEXT("status", "waiting_for_parts"),
        TEXT("phase", "active"), INT("progress", 60), TIME("placed_at", TUESDAY),
        TIME("expected_at", TUESDAY + 5 * USEC_PER_DAY), INT("items_count", 12),
        MONEY("subtotal", 999999999, "KWD"), MONEY("tax", 99999999, "KWD"),
        MONEY("shipping", 0, "KWD"), MONEY("total", 999999999, "KWD"),
        TEXT("address", "Długa 5, 80-001 Gdańsk"), TEXT("instructions", "Ring twice"),
        TEXT("contact", "+48 600 100 200"), {STR("items"), list_of(1, &item)},
        {STR("notes"), list_of(1, &note)}, TIME("expected_was", TUESDAY),
        RECORD("estimate",
               VALUES(TEXT("state", "awaiting"), MONEY("total", 999999999, "KWD"))));
    const struct record *estimate =
        VALUES(TEXT("number", number), TEXT("state", "approved"), TEXT("decided", "declined"),
               TIME("issued_at", TUESDAY), TIME("expires_at", TUESDAY),
               TIME("decided_at", TUESDAY), TEXT("note", "Both bearings, too"),
               MONEY("subtotal", 999999999, "KWD"), MONEY("tax", 99999999, "KWD"),
               MONEY("total", 999999999, "KWD"), {STR("items"), list_of(1, &item)});
    return VALUES(
        RECORD("order", order), TEXT("number", number), TEXT("workflow", "repair"),
        TEXT("status", "waiting_for_parts"), TEXT("state", "expected"),
        TIME("placed_at", TUESDAY), TIME("expected_at", TUESDAY), TIME("at", TUESDAY),
        MONEY("total", 999999999, "KWD"), TEXT("note", "At the door"), TEXT("text", "Gdańsk"),
        TEXT("qty", "1000.125"), TEXT("place", "Gdańsk"), TEXT("carrier", "DHL"),
        TEXT("tracking_number", "JD0146"), TEXT("filter", "cancelled"),
        TEXT("name", "It takes too long"), TEXT("category", "completed"), INT("photos", 12),
        TIME("taken_at", TUESDAY), TIME("due", TUESDAY), TEXT("caption", "The rear axle"),
        INT("progress", 60), TIME("finished_at", TUESDAY), TIME("expires_at", TUESDAY),
        TEXT("url", "https://a.example"), TEXT("tracking", "JD0146"),
        RECORD("estimate", estimate), RECORD("estimate_decide", estimate),
        RECORD("figures", VALUES(INT("active", 3), INT("in_transit", 1), INT("delivered", 12))),
        TEXT("ticket", "T-BCDF-GHJK"), TEXT("kind", "wrong_items"), TIME("created_at", TUESDAY),
        TEXT("description", "The lid is cracked."), {STR("files"), list_of(1, &note)},
        TEXT("email", "maria@example.com"), TEXT("reason", "too_large"),
        RECORD("ticket_open", VALUES(TEXT("ticket", "T-BCDF-GHJK"), INT("files", 5))),
        RECORD("found", VALUES(TEXT("ticket", "T-BCDF-GHJK"), TEXT("kind", "wrong_items"),
                               TEXT("status", "answered"), TIME("created_at", TUESDAY),
                               TEXT("description", "The lid is cracked."),
                               TEXT("order_number", number), INT("kept", 5))),
        RECORD("customer",
               VALUES(TEXT("name", "María del Carmen"), TEXT("email", "maria@example.com"))),
        TEXT("asked", "expired"), TEXT("decision", "in_review"), TEXT("topic", "cancellations"),
        TEXT("channel", "whatsapp"), TEXT("stands", "off"), TEXT("whatsapp", "off"),
        TEXT("sms", "off"), TEXT("email_stands", "off"), TEXT("flow", "report"),
        TEXT("masked", "m•••@e•••.example"), TEXT("here", "here"),
        TEXT("says", "Eve: manual.pdf"),
        RECORD("first_channel_set", VALUES(TEXT("channel", "email"))),
        RECORD("quiet", VALUES(TEXT("stands", "on"), TIME("begins_at", TUESDAY),
                               TIME("ends_at", TUESDAY))),
        RECORD("verdict", VALUES(TEXT("outcome", "too_late"), TEXT("why", "made_to_order"),
                                 TEXT("help", "refuse_parcel"), TIME("closed_at", TUESDAY),
                                 TIME("asked_at", TUESDAY), TEXT("asked_status", "submitted"))),
        RECORD("business", VALUES(TEXT("name", "Solana Home"),
                                  TEXT("privacy_url", "https://solana.example/privacy"))));
}

static void flw_2_every_text_stands_in_every_language_with_its_variables(void **state)
{
    (void)state;
    struct err err = {0};
    read_our_words();
    if (!words_check(words, &err))
        fail_msg("%s", err.text);
}

static bool names_one_of(struct str key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(keys[i]);
        bool prefix = str_ends(name, STR("*"));
        if (prefix ? str_starts(key, str_slice(name, 0, name.len - 1)) : str_eq(key, name))
            return true;
    }
    return false;
}

/* What WhatsApp cuts off: titles of rows and buttons, labels and descriptions. */
static size_t limit_of(struct str key)
{
    static const char *const buttons[] = {
        "order.action.*",       "tracking.link.label",  "menu.label",
        "orders.label",         "prompt.choose",        "jobs.label",
        "estimate.label",       "history.label",        "photos.label",
        "estimate.action.*",    "estimate.approve.yes", "estimate.approve.no",
        "estimate.decline.yes", "estimate.decline.no",  "prompt.done",
        "prompt.skip",          "report.review.yes",    "report.review.change",
        "report.review.no",     "report.contact.*",     "tickets.action.*",
        "tickets.label"};
    static const char *const titles[] = {
        "menu.row.*",      "orders.filter.*",   "orders.row",       "language.name.*",
        "prompt.more",     "prompt.previous",   "jobs.row",         "jobs.also.*",
        "history.row",     "history.also.*",    "history.filter.*", "estimate.row",
        "photos.row",      "photos.category.*", "report.kind.*",    "report.also.*",
        "report.change.*", "tickets.row"};
    if (str_ends(key, STR(".hint")))
        return 72;
    if (names_one_of(key, buttons, COUNTOF(buttons)))
        return 20;
    if (names_one_of(key, titles, COUNTOF(titles)) && !str_ends(key, STR(".ask")))
        return 24;
    return 1024;
}

static void ch_2_the_longest_values_fit_what_whatsapp_shows(void **state)
{
    (void)state;
    read_our_words();
    struct str_list keys = words_keys(&arena, words);
    for (size_t i = 0; i < keys.n; i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            bool missing;
            const char *key = arena_cstr(&arena, keys.items[i]);
            const char *text = said((enum lang)lang, key, longest_values(), &missing);
            size_t length = str_length(str_from(text));
            if (length == 0 || length > limit_of(keys.items[i])) {
                fail_msg("%s.yaml: %s has %zu characters: %s", lang_code((enum lang)lang), key,
                         length, text);
            }
        }
    }
}

static void the_bot_says_at_first_contact_that_it_is_a_bot_and_where_the_notice_is(void **state)
{
    (void)state;
    static const char *const bot[LANG_COUNT] = {"a bot", "un bot", "botem", "برنامج محادثة"};
    read_our_words();
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        bool missing;
        const char *text = said((enum lang)lang, "welcome.first", longest_values(), &missing);
        assert_non_null(strstr(text, bot[lang]));
        assert_non_null(strstr(text, "https://solana.example/privacy"));
        assert_non_null(strstr(text, "Solana Home"));
    }
}

static const struct record *shop_order(int64_t items)
{
    return VALUES(
        RECORD("order", VALUES(TEXT("number", "1001"), TEXT("workflow", "shop"),
                               TEXT("status", "shipped"), TIME("placed_at", TUESDAY),
                               TIME("expected_at", TUESDAY + USEC_PER_DAY),
                               INT("items_count", items), MONEY("total", 4500, "EUR"))));
}

static void ord_9_an_order_is_read_aloud_in_the_words_of_the_source(void **state)
{
    (void)state;
    read_our_words();
    assert_said("order.read_aloud", shop_order(2),
                "Order 1001, Placed 3 Mar 2026, 2 items, Total €45.00, Delivery expected 4 Mar "
                "2026, Status: Shipped");
    assert_said_in(LANG_PL, "order.read_aloud", shop_order(5),
                   "Zamówienie 1001, złożone 3 mar 2026, 5 pozycji, razem 45,00" NBSP
                   "€, przewidywana dostawa 4 mar 2026, stan: Wysłane");
    assert_said_in(LANG_ES, "order.read_aloud", shop_order(1),
                   "Pedido 1001, realizado el 3 mar 2026, 1 artículo, total 45,00" NBSP
                   "€, entrega prevista el 4 mar 2026, estado: Enviado");
    assert_said_in(LANG_AR, "order.read_aloud", shop_order(2),
                   "طلب 1001، تاريخ الطلب 3 مارس 2026، صنفان، الإجمالي " RLM "45.00" NBSP
                   "€، التسليم المتوقع 4 مارس 2026، الحالة: تم الشحن");
}

static void web_6_no_active_orders_is_said_in_the_words_of_the_source(void **state)
{
    (void)state;
    read_our_words();
    assert_said("orders.none_active", NULL,
                "No active orders at this time. Your orders will appear here once placed.");
}

static void ord_2_the_detail_of_an_order_reads_well(void **state)
{
    (void)state;
    const struct value items[] = {
        value_record(VALUES(INT("qty", 2), TEXT("description", "Lamp"),
                            MONEY("line_total", 3000, "EUR"))),
        value_record(VALUES(TEXT("qty", "1.5"), TEXT("description", "Cable, m"),
                            MONEY("line_total", 1000, "EUR"))),
    };
    const struct record *order = VALUES(
        TEXT("number", "1001"), TEXT("workflow", "shop"), TEXT("status", "shipped"),
        TIME("placed_at", TUESDAY), TIME("expected_at", TUESDAY + USEC_PER_DAY),
        BOOL("ships", true), INT("progress", 70), MONEY("subtotal", 4000, "EUR"),
        MONEY("tax", 0, "EUR"), MONEY("shipping", 500, "EUR"), MONEY("total", 4500, "EUR"),
        {STR("items"), list_of(2, items)}, TEXT("address", "Długa 5, Gdańsk"));
    read_our_words();
    assert_said("order.detail", VALUES(RECORD("order", order)),
                "Order 1001\n"
                "🟡 Shipped\n"
                "███████░░░ 70%\n"
                "Placed: 3 Mar 2026\n"
                "Expected: Wednesday, 4 March\n"
                "\n"
                "• 2 × Lamp: €30.00\n"
                "• 1.5 × Cable, m: €10.00\n"
                "\n"
                "Subtotal: €40.00\n"
                "Tax: €0.00\n"
                "Shipping: €5.00\n"
                "Total: €45.00\n"
                "\n"
                "Address: Długa 5, Gdańsk");
}

/* ORD-9's colours; and whatever colour it has, a state has its word. */
static void ord_9_a_state_is_told_in_words_beside_its_colour(void **state)
{
    (void)state;
    static const char *const badges[] = {"🔵", "🟡", "🟢", "⚪", "🟠"};
    read_our_words();
    assert_said("badge.shop.processing", NULL, "🔵 Processing");
    assert_said("badge.shop.shipped", NULL, "🟡 Shipped");
    assert_said("badge.shop.delivered", NULL, "🟢 Delivered");
    assert_said("badge.shop.cancelled", NULL, "⚪ Cancelled");
    struct str_list keys = words_keys(&arena, words);
    size_t found = 0;
    for (size_t i = 0; i < keys.n; i++) {
        if (!str_starts(keys.items[i], STR("badge.")))
            continue;
        found++;
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            bool missing;
            const char *key = arena_cstr(&arena, keys.items[i]);
            const char *badge = said((enum lang)lang, key, NULL, &missing);
            const char *status = said(
                (enum lang)lang, arena_format(&arena, "status.%s", key + 6).at, NULL, &missing);
            bool coloured = false;
            for (size_t b = 0; b < COUNTOF(badges); b++) {
                coloured |=
                    strcmp(badge, arena_format(&arena, "%s %s", badges[b], status).at) == 0;
            }
            assert_true(coloured);
            assert_true(status[0] != '\0');
        }
    }
    assert_int_equal(found, 14);
}

/* --- the page for authors --------------------------------------------------------------- */

static const struct record *values_of_the_page(void)
{
    const struct value items[] = {
        value_record(VALUES(INT("qty", 2), TEXT("name", "Lamp"), MONEY("price", 3000, "EUR"))),
        value_record(
            VALUES(TEXT("qty", "1.5"), TEXT("name", "Cable, m"), MONEY("price", 1000, "EUR"))),
    };
    const struct record *order =
        VALUES(TEXT("number", "A-1001"), TEXT("kind", "shop"), TEXT("status", "shipped"),
               MONEY("total", 123450, "EUR"), TIME("placed_at", TUESDAY - 2 * USEC_PER_HOUR),
               TIME("expected_at", TUESDAY + 20 * USEC_PER_HOUR), INT("items_count", 5),
               INT("progress", 60), {STR("items"), list_of(2, items)});
    return VALUES(RECORD("order", order), RECORD("customer", VALUES(TEXT("name", "Ana"))));
}

/* The next fenced block: what stands after its three ticks, and what stands in it. */
static bool next_block(struct str *page, struct str *label, struct str *block)
{
    struct str fence = STR("```");
    size_t open = str_find(*page, fence);
    if (open == page->len)
        return false;
    struct str rest = str_slice(*page, open + fence.len, page->len);
    (void)str_split(&rest, '\n', label);
    size_t close = str_find(rest, fence);
    *block = str_slice(rest, 0, close);
    *page = str_slice(rest, close + fence.len, rest.len);
    return true;
}

static struct str with_plain_spaces(const char *text)
{
    struct str rest = str_from(text);
    struct str plain = STR_NONE;
    while (rest.len > 0) {
        size_t at = str_find(rest, STR(NBSP));
        plain = arena_format(&arena, "%.*s%.*s%s", STR_ARG(plain),
                             STR_ARG(str_slice(rest, 0, at)), at < rest.len ? " " : "");
        rest = str_slice(rest, at + 2, rest.len);
    }
    return plain;
}

static struct str outcome_of(struct str label, struct str yaml)
{
    enum lang lang = LANG_EN;
    struct err err;
    bool wrong = str_ends(label, STR(" wrong"));
    if (label.len > 4 && !wrong)
        assert_true(lang_parse(str_slice(label, 5, 2), &lang));
    const char *name = arena_format(&arena, "messages/%s.yaml", lang_code(lang)).at;
    bool good = read_words(name, arena_cstr(&arena, yaml), &err);
    if (wrong)
        return arena_str(&arena, good ? STR("not refused") : str_from(err.text));
    if (!good)
        fail_msg("%s", err.text);
    bool missing;
    size_t colon = str_find(yaml, STR(":"));
    const char *key = arena_cstr(&arena, str_slice(yaml, 0, colon));
    struct str text = with_plain_spaces(said(lang, key, values_of_the_page(), &missing));
    assert_false(missing);
    return text;
}

static void flw_1_the_page_for_authors_tells_the_truth(void **state)
{
    (void)state;
    struct str page = file_bytes(PARLEY_SOURCE_DIR "/docs/words.md");
    struct str label = STR_NONE;
    struct str yaml = STR_NONE;
    struct str text = STR_NONE;
    size_t n = 0;
    for (; next_block(&page, &label, &yaml); n++) {
        assert_true(str_starts(label, STR("yaml")));
        struct str got = outcome_of(label, yaml);
        assert_true(next_block(&page, &label, &text));
        assert_true(str_eq(label, STR("text")));
        assert_string_equal(arena_cstr(&arena, got), arena_cstr(&arena, str_trim(text)));
    }
    assert_true(n >= 10);
}

/* The value that a row of the page's table of formats shows; none for "relative". */
static struct value value_of_row(struct str format)
{
    if (str_eq(format, STR("number")))
        return value_text(STR("1234.5"));
    if (str_eq(format, STR("percent")) || str_eq(format, STR("bar")))
        return value_int(60);
    if (str_eq(format, STR("text")))
        return value_int(1234);
    if (str_eq(format, STR("money")))
        return value_money((struct money){123450, "EUR"});
    if (str_eq(format, STR("relative")))
        return value_none();
    return value_time(TUESDAY - 2 * USEC_PER_HOUR);
}

static void flw_1_the_pages_table_of_formats_tells_the_truth(void **state)
{
    (void)state;
    struct str page = file_bytes(PARLEY_SOURCE_DIR "/docs/words.md");
    page = str_slice(page, str_find(page, STR("## Formats")), page.len);
    page = str_slice(page, 0, str_find(page, STR("## Singular")));
    struct str line = STR_NONE;
    size_t n = 0;
    while (str_split(&page, '\n', &line)) {
        struct str cells[5] = {0};
        struct str cell = STR_NONE;
        for (size_t i = 0; i < 5 && str_split(&line, '|', &cell); i++)
            cells[i] = str_trim(cell);
        if (!str_starts(cells[1], STR("`")))
            continue;
        struct str format = str_slice(cells[1], 1, cells[1].len);
        format = str_slice(format, 0, str_find(format, STR("`")));
        struct value value = value_of_row(format);
        n++;
        for (unsigned i = 0; value.kind != VALUE_NONE && i < 2; i++) {
            struct locale locale = {i == 0 ? LANG_EN : LANG_PL, STR("Europe/Warsaw"), TUESDAY};
            struct str got = words_format(&arena, &locale, value, format);
            assert_string_equal(with_plain_spaces(arena_cstr(&arena, got)).at,
                                arena_cstr(&arena, cells[3 + i]));
        }
    }
    assert_int_equal(n, 10);
}

static int cool(void **state)
{
    (void)state;
    words_cool();
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, finish)
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_said_as_it_is),
        TEST(variables_are_filled_in_by_their_type),
        TEST(text_at_both_ends_and_between_variables_is_kept),
        TEST(a_missing_variable_is_left_out_and_reported),
        TEST(a_missing_key_is_empty_and_reported),
        TEST(what_is_missing_in_a_language_is_said_in_english),
        TEST(a_reported_miss_is_not_forgotten_by_the_next_rendering),
        TEST(braces_in_what_people_write_mean_nothing),
        TEST(a_part_is_said_when_there_is_something_to_say),
        TEST(a_list_is_said_item_by_item),
        TEST(an_items_fields_do_not_hide_the_others),
        TEST(lists_stand_in_lists),
        TEST(a_tag_alone_on_its_line_takes_the_line_with_it),
        TEST(another_key_is_called_in),
        TEST(a_key_may_be_named_by_values),
        TEST(a_text_that_calls_itself_in_ends),
        TEST(a_rendering_has_a_largest_size),
        TEST(plural_forms_follow_the_number),
        TEST(plural_forms_of_polish_and_arabic_follow_the_number),
        TEST(values_of_the_other_direction_are_isolated),
        TEST(marks_that_turn_the_text_around_do_not_come_in),
        TEST(a_value_marks_nothing_up),
        TEST(our_own_words_mark_nothing_up),
        TEST(a_broken_file_is_refused_with_its_line_and_a_cure),
        TEST(too_much_is_refused),
        TEST(deep_nesting_is_refused_quickly),
        TEST(a_files_name_says_its_language),
        TEST(one_language_may_have_several_files),
        TEST(usual_ways_to_write_yaml_are_read),
        TEST(the_check_finds_what_one_language_lacks),
        TEST(the_check_finds_variables_that_differ),
        TEST(the_check_finds_keys_that_are_not_there),
        TEST(the_check_finds_texts_that_call_themselves_in),
        TEST(variables_are_listed_for_other_checks),
        TEST(no_words_at_all_do_no_harm),
        TEST(flw_2_every_text_stands_in_every_language_with_its_variables),
        TEST(ch_2_the_longest_values_fit_what_whatsapp_shows),
        TEST(the_bot_says_at_first_contact_that_it_is_a_bot_and_where_the_notice_is),
        TEST(ord_9_an_order_is_read_aloud_in_the_words_of_the_source),
        TEST(web_6_no_active_orders_is_said_in_the_words_of_the_source),
        TEST(ord_2_the_detail_of_an_order_reads_well),
        TEST(ord_9_a_state_is_told_in_words_beside_its_colour),
        TEST(flw_1_the_page_for_authors_tells_the_truth),
        TEST(flw_1_the_pages_table_of_formats_tells_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, cool);
}
