/* What people write, and what we take it for. */
#include "flows/understand/expect.h"
#include "flows/understand/tokens.h"
#include "flows/understand/understand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct saying {
    const char *text;
    const char *intent;
};

static void check_sayings(const struct saying *sayings, size_t n)
{
    struct arena arena = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct understood meant;

        understand(&arena, str_from(sayings[i].text),
                   &(struct understand_context){.lang = LANG_EN}, &meant);
        if (str_eq(meant.intent, str_from(sayings[i].intent)))
            continue;
        print_error("\"%s\": \"%.*s\" and not \"%s\"\n", sayings[i].text, STR_ARG(meant.intent),
                    sayings[i].intent);
        wrong++;
    }
    arena_finish(&arena);
    assert_int_equal(wrong, 0);
}

static void flw_5_commands_are_known_in_four_languages(void **state)
{
    static const struct saying sayings[] = {
        {"menu",                    "menu"    },
        {"MENU",                    "menu"    },
        {" Menu! ",                 "menu"    },
        {"menú",                   "menu"    },
        {"Menu główne",           "menu"    },
        {"القائمة",          "menu"    },
        {"back",                    "back"    },
        {"atrás",                  "back"    },
        {"volver",                  "back"    },
        {"wstecz",                  "back"    },
        {"WRÓĆ",                  "back"    },
        {"رجوع",                "back"    },
        {"help",                    "help"    },
        {"Help?",                   "help"    },
        {"ayuda",                   "help"    },
        {"pomoc",                   "help"    },
        {"مساعدة",            "help"    },
        {"human",                   "human"   },
        {"agente",                  "human"   },
        {"konsultant",              "human"   },
        {"człowiek",               "human"   },
        {"موظف",                "human"   },
        {"stop",                    "stop"    },
        {"STOP",                    "stop"    },
        {"Stop.",                   "stop"    },
        {"unsubscribe",             "stop"    },
        {"baja",                    "stop"    },
        {"wypisz mnie",             "stop"    },
        {"توقف",                "stop"    },
        {"إيقاف",              "stop"    },
        {"start",                   "start"   },
        {"alta",                    "start"   },
        {"wznów",                  "start"   },
        {"ابدأ",                "start"   },
        {"language",                "language"},
        {"idioma",                  "language"},
        {"język",                  "language"},
        {"اللغة",              "language"},
        {"polski",                  "language"},
        {"Español",                "language"},
        {"English",                 "language"},
        {"العربية",          "language"},
        {"hi",                      "greeting"},
        {"Hola!",                   "greeting"},
        {"cześć",                 "greeting"},
        {"مرحبا",              "greeting"},
        {"hi there 👋",           "greeting"},
        {"السلام عليكم", "greeting"},
        {"thanks",                  "thanks"  },
        {"gracias",                 "thanks"  },
        {"dziękuję",              "thanks"  },
        {"شكراً",              "thanks"  },
    };

    (void)state;
    check_sayings(sayings, COUNTOF(sayings));
}

static void flw_5_free_text_is_understood_typos_too(void **state)
{
    static const struct saying sayings[] = {
        {"where is my order?",                              "track"   },
        {"Where's my order",                                "track"   },
        {"where’s my parcel??",                           "track"   },
        {"wher is my odrer",                                "track"   },
        {"hey, can you tell me where my package is please", "track"   },
        {"track",                                           "track"   },
        {"tracking",                                        "track"   },
        {"I want to trakc my order",                        "track"   },
        {"whats my order status",                           "track"   },
        {"when will it arrive",                             "track"   },
        {"my parcel has not arrived",                       "track"   },
        {"I haven't received anything",                     "track"   },
        {"¿dónde está mi pedido?",                       "track"   },
        {"donde esta mi paquete",                           "track"   },
        {"cuándo llega",                                   "track"   },
        {"quiero rastrear mi pedido",                       "track"   },
        {"mi pedido no ha llegado",                         "track"   },
        {"gdzie jest moje zamówienie",                     "track"   },
        {"gdzie moja paczka?",                              "track"   },
        {"gdzei jest moje zamowienie",                      "track"   },
        {"kiedy przyjdzie moja paczka",                     "track"   },
        {"śledź przesyłkę",                             "track"   },
        {"أين طلبي؟",                               "track"   },
        {"وين طلبي",                                 "track"   },
        {"متى يصل الطلب",                        "track"   },
        {"تتبع",                                        "track"   },
        {"my orders",                                       "orders"  },
        {"show me my orders please",                        "orders"  },
        {"mis pedidos",                                     "orders"  },
        {"quiero ver mis pedidos",                          "orders"  },
        {"moje zamówienia",                                "orders"  },
        {"pokaż moje zamówienia",                         "orders"  },
        {"طلباتي",                                    "orders"  },
        {"how does this work",                              "help"    },
        {"¿cómo funciona?",                               "help"    },
        {"jak to działa",                                  "help"    },
        {"I want to talk to a real person",                 "human"   },
        {"quiero hablar con alguien",                       "human"   },
        {"chcę rozmawiać z konsultantem",                 "human"   },
        {"أريد التحدث مع موظف",             "human"   },
        {"please stop sending me messages",                 "stop"    },
        {"can I change the language",                       "language"},
        {"hablas español?",                                "language"},
        {"hello Anna",                                      "greeting"},
    };

    (void)state;
    check_sayings(sayings, COUNTOF(sayings));
}

static void what_is_none_of_these_has_no_intent(void **state)
{
    static const struct saying sayings[] = {
        {"",                             ""},
        {"   ",                          ""},
        {"???",                          ""},
        {"🙂",                         ""},
        {"asdf",                         ""},
        {"shop",                         ""},
        {"stopp it",                     ""},
        {"smart",                        ""},
        {"the weather is nice",          ""},
        {"colourless green ideas sleep", ""},
        {"1",                            ""},
        {"yes",                          ""},
        {"qué tiempo hace",             ""},
        {"ładna pogoda",                ""},
        {"الطقس جميل",          ""},
        {"stpo",                         ""},
        {"hall",                         ""},
    };

    (void)state;
    check_sayings(sayings, COUNTOF(sayings));
}

static void stop_and_start_are_taken_by_the_letter(void **state)
{
    static const char *const near[] = {"shop", "stopp", "sotp", "step", "top", "stat", "satrt"};
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(near); i++) {
        struct understood meant;

        understand(&arena, str_from(near[i]), &(struct understand_context){.lang = LANG_EN},
                   &meant);
        assert_false(str_eq(meant.intent, STR("stop")));
        assert_false(str_eq(meant.intent, STR("start")));
    }
    arena_finish(&arena);
}

static void ntf_1_stop_said_with_a_courtesy_is_stop_and_what_only_sounds_like_it_is_asked(
    void **state)
{
    static const struct {
        const char *text;
        const char *intent; /* NULL: anything but these two */
    } rows[] = {
        {"please stop",                           "stop" },
        {"STOP PLEASE!!",                         "stop" },
        {"ok stop now",                           "stop" },
        {"no wait, stop",                         "stop" },
        {"stop messaging me",                     "stop" },
        {"please don't message me anymore",       "stop" },
        {"stop por favor",                        "stop" },
        {"deja de escribirme ya",                 "stop" },
        {"quiero darme de baja, gracias",         "stop" },
        {"stop proszę",                          "stop" },
        {"proszę przestać pisać",              "stop" },
        {"nie pisz do mnie już",                 "stop" },
        {"توقف من فضلك",                "stop" },
        {"من فضلك لا تراسلني",     "stop" },
        {"stop it",                               "quiet"},
        {"leave me alone please",                 "quiet"},
        {"para ya",                               "quiet"},
        {"proszę przestań",                     "quiet"},
        {"كفى",                                "quiet"},
        {"don't stop",                            NULL   },
        {"please don't stop sending me messages", NULL   },
        {"no dejen de enviarme mensajes",         NULL   },
        {"nie przestawaj",                        NULL   },
        {"لا تتوقف",                       NULL   },
        {"stop the order",                        NULL   },
        {"which bus stop is it",                  NULL   },
        {"the courier did not stop here",         NULL   },
        {"stop texting me in english",            NULL   },
        {"para mi pedido 1042",                   NULL   },
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct understood meant;
        bool silences;

        understand(&arena, str_from(rows[i].text),
                   &(struct understand_context){.lang = LANG_EN}, &meant);
        silences = str_eq(meant.intent, STR("stop")) || str_eq(meant.intent, STR("quiet"));
        if (rows[i].intent ? !meant.exact || !str_eq(meant.intent, str_from(rows[i].intent))
                           : silences)
            fail_msg("\"%s\" is taken for %.*s", rows[i].text, STR_ARG(meant.intent));
    }
    arena_finish(&arena);
}

/* By the letter: "anulować zamówienie" behind a "please" is not "anulowane zamówienia". */
static void flw_5_a_command_is_heard_through_what_stands_around_it(void **state)
{
    static const struct {
        const char *text;
        const char *intent;
    } rows[] = {
        {"actually, menu",                     "menu"  },
        {"no wait, menu",                      "menu"  },
        {"ok back please",                     "back"  },
        {"espera, menú",                      "menu"  },
        {"nie, czekaj, menu",                  "menu"  },
        {"لا لحظة، القائمة",     "menu"  },
        {"hello please help",                  "help"  },
        {"sorry, wrong one",                   "other" },
        {"proszę anulować zamówienie 5001", "cancel"},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct understood meant;

        understand(&arena, str_from(rows[i].text),
                   &(struct understand_context){.lang = LANG_EN}, &meant);
        if (!str_eq(meant.intent, str_from(rows[i].intent)))
            fail_msg("\"%s\" is taken for %.*s", rows[i].text, STR_ARG(meant.intent));
    }
    arena_finish(&arena);
}

static void an_order_number_is_found_in_a_sentence(void **state)
{
    static const struct {
        const char *text;
        const char *number;
    } cases[] = {
        {"ORD-1001",                            "ORD-1001"},
        {"ord-1001",                            "ORD-1001"},
        {"#1001",                               "1001"    },
        {"where is my order 1001?",             "1001"    },
        {"where is order no. ORD-1001, please", "ORD-1001"},
        {"أين طلبي ١٠٠١",            "1001"    },
        {"pedido nº 12345",                    "12345"   },
        {"2",                                   ""        },
        {"99",                                  ""        },
        {"no numbers here",                     ""        },
        {"1234567890123456789",                 ""        },
        {"ABCDEFGHIJ1234567",                   ""        },
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct understood meant;

        understand(&arena, str_from(cases[i].text),
                   &(struct understand_context){.lang = LANG_EN}, &meant);
        if (!str_eq(meant.number, str_from(cases[i].number)))
            fail_msg("\"%s\": \"%.*s\"", cases[i].text, STR_ARG(meant.number));
    }
    arena_finish(&arena);
}

static void the_language_moves_only_when_it_is_clear(void **state)
{
    static const struct {
        const char *text;
        bool clear;
        enum lang lang;
    } cases[] = {
        {"where is my order",         true,  LANG_EN},
        {"hello",                     true,  LANG_EN},
        {"¿dónde está mi pedido?", true,  LANG_ES},
        {"hola",                      true,  LANG_ES},
        {"donde esta mi pedido",      true,  LANG_ES},
        {"gdzie jest moja paczka",    true,  LANG_PL},
        {"dzień dobry",              true,  LANG_PL},
        {"żółw",                   true,  LANG_PL},
        {"أين طلبي",           true,  LANG_AR},
        {"طلب ORD-1001",           true,  LANG_AR},
        {"menu",                      false, LANG_PL},
        {"stop",                      false, LANG_PL},
        {"ok",                        false, LANG_PL},
        {"1001",                      false, LANG_PL},
        {"",                          false, LANG_PL},
        {"Jan Kowalski",              false, LANG_PL},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct understood meant;

        understand(&arena, str_from(cases[i].text),
                   &(struct understand_context){.lang = LANG_PL}, &meant);
        if (meant.lang != cases[i].lang ||
            (meant.lang_is_clear != cases[i].clear && cases[i].lang != LANG_AR)) {
            fail_msg("\"%s\": %s, %sclear", cases[i].text, lang_code(meant.lang),
                     meant.lang_is_clear ? "" : "not ");
        }
    }
    arena_finish(&arena);
}

static void slips_of_the_finger_are_forgiven_by_length(void **state)
{
    (void)state;
    assert_true(tokens_alike(STR("order"), STR("odrer")));
    assert_true(tokens_alike(STR("order"), STR("oder")));
    assert_true(tokens_alike(STR("tracking"), STR("trakcign")));
    assert_true(tokens_alike(STR("menu"), STR("mneu")));
    assert_true(tokens_alike(STR("zamowienie"), STR("zamowinie")));
    assert_false(tokens_alike(STR("menu"), STR("mena")));
    assert_false(tokens_alike(STR("back"), STR("pack")));
    assert_false(tokens_alike(STR("hi"), STR("ho")));
    assert_false(tokens_alike(STR("1001"), STR("1010")));
    assert_false(tokens_alike(STR("border"), STR("order")));
}

static int option_of(const char *text, const struct expect_option *options, size_t n)
{
    struct arena arena = {0};
    int index = expect_option(&arena, str_from(text), options, n);

    arena_finish(&arena);
    return index;
}

static void a_row_is_meant_by_its_place_its_key_or_its_words(void **state)
{
    static const struct {
        const char *text;
        int index;
    } cases[] = {
        {"1",            0 },
        {"2.",           1 },
        {"#3",           2 },
        {"two",          1 },
        {"the second",   1 },
        {"el segundo",   1 },
        {"drugie",       1 },
        {"الثاني", 1 },
        {"٣",           2 },
        {"number 3",     2 },
        {"nr 3",         2 },
        {"0",            -1},
        {"7",            -1},
        {"1 2",          -1},
        {"ORD-1001",     0 },
        {"ord 1001",     0 },
        {"1002",         1 },
        {"100",          -1},
        {"9999",         -1},
        {"teapot",       2 },
        {"blue",         0 },
        {"order",        -1},
        {"Blue chair",   0 },
        {"chair",        -1},
        {"green char",   1 },
        {"more",         4 },
        {"next",         4 },
        {"previous",     3 },
        {"siguiente",    4 },
        {"więcej",      4 },
        {"التالي", 4 },
        {"search",       5 },
        {"serach",       5 },
        {"the last one", 2 },
        {"",             -1},
        {"zzz",          -1},
        {"one two",      -1},
    };
    static const struct expect_option options[] = {
        {.key = {"ORD-1001", 8},           .title = {"Blue chair", 10},     .is_row = true},
        {.key = {"ORD-1002", 8},                                .title = {"Green chair", 11},                                          .is_row = true},
        {.key = {"ORD-2003", 8},                  .title = {"Teapot (large)", 14},        .is_row = true},
        {.key = {"0", 1},.title = {"Previous", 8},.is_page = true},
        {.key = {"9", 1},                  .title = {"More", 4},                                          .is_page = true},
        {.key = {"search", 6},                                .title = {"Search", 6}                                                },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        int index = option_of(cases[i].text, options, COUNTOF(options));

        if (index != cases[i].index)
            fail_msg("\"%s\": %d and not %d", cases[i].text, index, cases[i].index);
    }
    assert_int_equal(option_of("1", NULL, 0), -1);
}

static void mean_option(int option, const char *const *said, size_t n)
{
    static const struct expect_option options[] = {
        {.title = {"Do it", 5},        .is_yes = true},
        {.title = {"Leave it", 8},     .is_no = true },
        {.title = {"Say nothing", 11}, .is_out = true},
    };

    for (size_t i = 0; i < n; i++) {
        int index = option_of(said[i], options, COUNTOF(options));

        if (index != option)
            fail_msg("\"%s\": %d and not %d", said[i], index, option);
    }
}

static void yes_no_and_not_now_are_known_in_four_languages(void **state)
{
    static const char *const yes[] = {"yes", "Yes!", "sí",   "si",         "tak",
                                      "نعم", "ok",   "sure", "yes please", "👍"};
    static const char *const no[] = {"no",      "No.",       "nie",        "لا",
                                     "nope",    "no thanks", "no gracias", "nie dziękuję",
                                     "لا شكرا", "👎"};
    static const char *const later[] = {"not now",      "No, not now",
                                        "Later!",       "maybe later",
                                        "ahora no",     "más tarde, gracias",
                                        "luego",        "en otro momento",
                                        "nie teraz",    "Nie, dziękuję, później",
                                        "innym razem",  "ليس الآن",
                                        "لا، ليس الآن", "لاحقًا",
                                        "بعدين",        "not now please"};
    static const char *const neither[] = {
        "yes no",    "nobody",  "see you later maybe tomorrow", "not", "now", "nie wiem",
        "no quiero", "nie chcę"};

    (void)state;
    mean_option(0, yes, COUNTOF(yes));
    mean_option(1, no, COUNTOF(no));
    mean_option(2, later, COUNTOF(later));
    mean_option(-1, neither, COUNTOF(neither));
}

static void numbers_are_read_in_words_and_scripts(void **state)
{
    struct arena arena = {0};
    int64_t number = 0;

    (void)state;
    assert_true(expect_number(&arena, STR("42"), &number) && number == 42);
    assert_true(expect_number(&arena, STR("٤٢"), &number) && number == 42);
    assert_true(expect_number(&arena, STR("siedem"), &number) && number == 7);
    assert_true(expect_number(&arena, STR("خمسة"), &number) && number == 5);
    assert_false(expect_number(&arena, STR("4 or 5"), &number));
    assert_false(expect_number(&arena, STR("99999999999999999999"), &number));
    assert_false(expect_number(&arena, STR(""), &number));
    assert_true(expect_skip(&arena, STR("skip")));
    assert_true(expect_skip(&arena, STR("omitir")));
    assert_true(expect_skip(&arena, STR("pomiń")));
    assert_true(expect_skip(&arena, STR("تخطي")));
    assert_false(expect_skip(&arena, STR("ship")));
    arena_finish(&arena);
}

/* Bytes that nobody meant: whatever comes, we come back. */
static void any_bytes_are_survived(void **state)
{
    static const struct expect_option options[] = {
        {.key = {"A1", 2}, .title = {"\xd8\xb7\xd9\x84\xd8\xa8", 6}, .is_row = true}
    };
    uint32_t random = 7;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct arena arena = {0};
        struct understood meant;
        size_t len = (random >> 8) % 200;
        char *bytes = malloc(len + 1);

        assert_non_null(bytes);
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (char)(random >> (round % 2 ? 24 : 25));
        }
        random = random * 1664525 + 1013904223;
        understand(&arena, (struct str){bytes, len},
                   &(struct understand_context){.lang = LANG_EN}, &meant);
        (void)expect_option(&arena, (struct str){bytes, len}, options, 1);
        free(bytes);
        arena_finish(&arena);
    }
}

static void a_very_long_text_is_read_in_bounded_time(void **state)
{
    struct arena arena = {0};
    struct understood meant;
    size_t len = 1 << 20;
    char *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i % 6 ? 'a' + (int)(i % 26) : ' ');
    understand(&arena, (struct str){bytes, len}, &(struct understand_context){.lang = LANG_EN},
               &meant);
    memset(bytes, 'a', len);
    understand(&arena, (struct str){bytes, len}, &(struct understand_context){.lang = LANG_EN},
               &meant);
    free(bytes);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_commands_are_known_in_four_languages),
        cmocka_unit_test(flw_5_free_text_is_understood_typos_too),
        cmocka_unit_test(what_is_none_of_these_has_no_intent),
        cmocka_unit_test(stop_and_start_are_taken_by_the_letter),
        cmocka_unit_test(
            ntf_1_stop_said_with_a_courtesy_is_stop_and_what_only_sounds_like_it_is_asked),
        cmocka_unit_test(flw_5_a_command_is_heard_through_what_stands_around_it),
        cmocka_unit_test(an_order_number_is_found_in_a_sentence),
        cmocka_unit_test(the_language_moves_only_when_it_is_clear),
        cmocka_unit_test(slips_of_the_finger_are_forgiven_by_length),
        cmocka_unit_test(a_row_is_meant_by_its_place_its_key_or_its_words),
        cmocka_unit_test(yes_no_and_not_now_are_known_in_four_languages),
        cmocka_unit_test(numbers_are_read_in_words_and_scripts),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(a_very_long_text_is_read_in_bounded_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
