/*
 * The classifier that is built in: what it is for, what it leaves alone, and what it refuses to
 * be opened with.
 */
#include "flows/understand/trained.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;
static struct trained trained;

static struct understood meant_by(const char *text)
{
    struct understand_context context = {.today = 20778, .classifier = &trained.classifier};
    struct understood meant;

    understand(&arena, str_from(text), &context, &meant);
    return meant;
}

struct sample {
    const char *text, *intent;
};

static void assert_all(const struct sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct understood meant = meant_by(samples[i].text);

        if (!str_eq(meant.intent, str_from(samples[i].intent))) {
            fail_msg("\"%s\" is taken for \"%.*s\", %d", samples[i].text, STR_ARG(meant.intent),
                     meant.confidence);
        }
    }
}

static void flw_5_whole_sentences_are_understood_in_four_languages(void **state)
{
    static const struct sample samples[] = {
        {"hola, donde esta mi paquete??",                                     "track"   },
        {"so my parcel was due monday and nobody has shown up yet",           "track"   },
        {"siema, co z moja paczka, czekam juz drugi tydzien",                 "track"   },
        {"يا جماعة الطرد حقي وينه للحين ما وصل", "track"   },
        {"i bought two by mistake, take one of them off my order pls",        "cancel"  },
        {"me he equivocado al comprar y lo quiero anular",                    "cancel"  },
        {"pomylilam sie przy zakupie, prosze to anulowac",                    "cancel"  },
        {"طلبت بالغلط وابغى الغيه لو سمحتوا",     "cancel"  },
        {"mi gestor me pide la factura de la compra de marzo",                "invoices"},
        {"ksiegowa chce fakture za zeszly miesiac",                           "invoices"},
        {"المحاسب يبغى فاتورة الشهر الماضي",      "invoices"},
        {"jest tam jakis zywy czlowiek czy gadam z maszyna",                  "human"   },
    };

    (void)state;
    assert_all(samples, COUNTOF(samples));
}

static void flw_5_what_is_about_something_else_means_nothing(void **state)
{
    static const struct sample samples[] = {
        {"what's the capital of France",               ""},
        {"cuéntame un chiste de perros",              ""},
        {"jaka będzie jutro pogoda w górach",        ""},
        {"من فاز في مباراة أمس",       ""},
        {"my sister is getting married in the spring", ""},
    };

    (void)state;
    assert_all(samples, COUNTOF(samples));
}

/* What goes before it stays so: numbers and remarks travel along. */
static void flw_5_what_was_found_travels_with_the_meaning(void **state)
{
    struct understood meant = meant_by("cancel 1042, ordered twice");

    (void)state;
    assert_string_equal(arena_cstr(&arena, meant.intent), "cancel");
    assert_string_equal(arena_cstr(&arena, meant.number), "1042");
    meant = meant_by("pls can you see where my parcel 1Z999AA10123456784 has got to");
    assert_string_equal(arena_cstr(&arena, meant.intent), "track");
    assert_string_equal(understood_find(&meant, FOUND_TRACKING)->tracking.carrier, "ups");
}

/* Words of ours are commands; STOP is never guessed. */
static void flw_5_a_guess_is_no_command(void **state)
{
    struct understood meant = meant_by("please make these texts go away for good");

    (void)state;
    assert_false(meant.exact);
    assert_string_not_equal(arena_cstr(&arena, meant.intent), "stop");
    assert_string_equal(arena_cstr(&arena, meant_by("stop").intent), "stop");
    assert_true(meant_by("stop").exact);
}

/* The first is done, the other said back: nothing that was asked for is passed over. */
static void flw_5_two_plain_wishes_are_both_heard(void **state)
{
    static const struct {
        const char *text, *intent, *also;
    } samples[] = {
        {"where is my order and can I pay my invoice",              "track",  "can I pay my invoice"   },
        {"pay my invoice and cancel my order",                      "pay",    "cancel my order"        },
        {"track 1004 then human",                                   "track",  "human"                  },
        {"dónde está mi pedido y quiero pagar mi factura",        "track",  "quiero pagar mi factura"},
        {"gdzie jest moje zamówienie i chcę zapłacić fakturę", "track",
         "chcę zapłacić fakturę"                                                                   },
        {"my tea and my coffee",                                    "",       ""                       },
        {"cancel my order and my wife's too",                       "cancel", ""                       },
        {"black and white",                                         "",       ""                       },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(samples); i++) {
        struct understood meant = meant_by(samples[i].text);

        if (!str_eq(meant.intent, str_from(samples[i].intent)) ||
            !str_eq(meant.also, str_from(samples[i].also))) {
            fail_msg("\"%s\": %.*s, also \"%.*s\"", samples[i].text, STR_ARG(meant.intent),
                     STR_ARG(meant.also));
        }
    }
}

/* Asked whether we are to be silent is only who surely wants it. */
static void ntf_1_in_mere_doubt_nobody_is_asked_about_silence(void **state)
{
    struct understood meant = meant_by("none of these");

    (void)state;
    assert_string_equal(arena_cstr(&arena, meant.intent), "");
    assert_string_equal(arena_cstr(&arena, meant.maybe), "");
}

static void flw_5_three_words_tell_the_language(void **state)
{
    static const struct {
        const char *text;
        enum lang lang;
    } samples[] = {
        {"where did it go",          LANG_EN},
        {"cuando me lo traen",       LANG_ES},
        {"kiedy mi to przywioza",    LANG_PL},
        {"وين راح الطرد", LANG_AR},
        {"no encuentro mi paquete",  LANG_ES},
        {"nie widze mojej paczki",   LANG_PL},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(samples); i++) {
        struct understood meant = meant_by(samples[i].text);

        if (!meant.lang_is_clear || meant.lang != samples[i].lang)
            fail_msg("\"%s\" is taken for %s", samples[i].text, lang_code(meant.lang));
    }
}

static void another_language_is_none_of_ours(void **state)
{
    static const char *const texts[] = {"wo bleibt denn mein paket", "où est passé mon colis",
                                        "dov'è finito il mio pacco"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct classified classified = {0};

        trained.classifier.classify(&trained.classifier, &arena, str_from(texts[i]),
                                    &classified);
        assert_false(classified.lang_is_ours && classified.lang_confidence >= 90);
    }
}

/* The same on every machine: the sums are whole numbers, and these are theirs. */
static void scores_are_the_same_everywhere(void **state)
{
    int64_t first[WEIGHTS_OUTPUTS_MAX];
    int64_t second[WEIGHTS_OUTPUTS_MAX];

    (void)state;
    weights_score_text(&trained.weights, &arena, STR("Where IS my Parcél?"), first);
    weights_score_text(&trained.weights, &arena, STR("where is my parcel"), second);
    assert_memory_equal(first, second, trained.weights.n_labels * sizeof(first[0]));
}

static void weights_that_are_damaged_are_refused(void **state)
{
    struct str good = trained_bytes();
    char *bytes = arena_alloc(&arena, good.len);
    struct trained other = {0};

    (void)state;
    assert_non_null(trained_open(STR(""), &other));
    assert_non_null(trained_open(str_slice(good, 0, good.len - 1), &other));
    for (size_t at = 0; at < 16; at++) {
        memcpy(bytes, good.at, good.len);
        bytes[at] ^= 0x55;
        if (!trained_open((struct str){bytes, good.len}, &other))
            fail_msg("byte %zu may be anything", at);
    }
    memcpy(bytes, good.at, good.len);
    bytes[weights_head(trained.weights.n_labels, trained.weights.n_langs) - 1] = 120;
    assert_non_null(trained_open((struct str){bytes, good.len}, &other));
}

static int setup(void **state)
{
    (void)state;
    return trained_open(trained_bytes(), &trained) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_whole_sentences_are_understood_in_four_languages),
        cmocka_unit_test(flw_5_what_is_about_something_else_means_nothing),
        cmocka_unit_test(flw_5_what_was_found_travels_with_the_meaning),
        cmocka_unit_test(flw_5_a_guess_is_no_command),
        cmocka_unit_test(flw_5_two_plain_wishes_are_both_heard),
        cmocka_unit_test(ntf_1_in_mere_doubt_nobody_is_asked_about_silence),
        cmocka_unit_test(flw_5_three_words_tell_the_language),
        cmocka_unit_test(another_language_is_none_of_ours),
        cmocka_unit_test(scores_are_the_same_everywhere),
        cmocka_unit_test(weights_that_are_damaged_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
