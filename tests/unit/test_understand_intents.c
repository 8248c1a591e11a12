/* Each intent, as people say it in four languages; and what must not be taken for one. */
#include "flows/understand/phrases.h"
#include "flows/understand/tokens.h"
#include "flows/understand/understand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct understood meaning_of(const char *text)
{
    struct understood meant;
    understand(&arena, str_from(text), &(struct understand_context){.lang = LANG_EN}, &meant);
    return meant;
}

static void flw_5_each_intent_is_understood_in_four_languages(void **state)
{
    static const struct {
        const char *intent;
        const char *texts[8];
    } rows[] = {
        {"cancel",
         {"I want to cancel my order", "cancle my order pls", "quiero cancelar mi pedido",
          "anulad el pedido, cancelar", "chcę anulować zamówienie", "rezygnuję z zakupu",
          "أريد إلغاء الطلب", "ابغى الغي طلبي"}                                             },
        {"cancellations",
         {"what is the status of my cancellation", "my cancellations",
          "estado de mi cancelación", "mis cancelaciones", "status anulacji",
          "co z moją anulacją", "حالة طلب الإلغاء", "طلبات الإلغاء"}                      },
        {"report",
         {"my lamp arrived broken", "I want to report a damaged item", "el paquete llegó roto",
          "quiero poner una reclamación", "paczka przyszła uszkodzona", "chcę zgłosić problem",
          "وصلني الطرد مكسور", "أريد تقديم شكوى"}                                         },
        {"tickets",
         {"what is the status of my complaint", "my tickets", "mis reclamaciones",
          "estado de la queja", "status mojego zgłoszenia", "moje reklamacje", "حالة الشكوى",
          "تذاكري"}                                                                                             },
        {"preferences",
         {"notification settings", "change my notifications", "cambiar notificaciones",
          "mis preferencias", "ustawienia powiadomień", "zmień powiadomienia",
          "تغيير الإشعارات", "تفضيلاتي"}                                                        },
        {"updates",
         {"any updates?", "What's new?", "¿alguna novedad?", "¿qué hay de nuevo?", "co nowego?",
          "są jakieś nowości", "ما الجديد؟", "هل من جديد"}                                        },
        {"history",
         {"show me my past orders", "order history", "historial de pedidos",
          "mis pedidos anteriores", "historia zamówień", "pokaż stare zamówienia",
          "سجل الطلبات", "طلباتي السابقة"}                                                     },
        {"estimate",
         {"I approve the estimate", "how much will the repair cost", "aprobar el presupuesto",
          "¿cuánto cuesta la reparación?", "akceptuję wycenę", "ile kosztuje naprawa",
          "أوافق على عرض السعر", "كم تكلفة الإصلاح"}                                    },
        {"jobs",
         {"is my car ready", "my repairs", "mis reparaciones", "¿mi coche ya está listo?",
          "moje naprawy", "kiedy samochód będzie gotowy", "هل سيارتي جاهزة", "حالة الإصلاح"}},
        {"track_number",
         {"I have a tracking number", "tracking number", "número de seguimiento",
          "tengo un numero de rastreo", "mam numer przesyłki", "numer śledzenia", "رقم التتبع",
          "عندي رقم الشحنة"}                                                                             },
        {"verify",
         {"send me a new code", "I didn't get the code", "no me llega el código",
          "enviar código", "wyślij mi kod", "nie przyszedł kod", "أرسل الرمز",
          "لم يصلني الرمز"}                                                                               },
        {"log_out",
         {"log out", "please log me out", "cerrar sesión", "quiero cerrar la sesión",
          "wyloguj mnie", "wyloguj się", "تسجيل الخروج", "خروج"}                                      },
        {"not_me",
         {"this isn't me", "you have the wrong number", "no soy yo", "número equivocado",
          "to nie ja", "macie zły numer", "هذا ليس أنا", "رقم خطأ"}                                   },
        {"profile",
         {"change my email", "my profile", "cambiar mi correo", "mis datos",
          "zmienić adres email", "moje dane", "تغيير بريدي", "ملفي الشخصي"}                      },
        {"register",
         {"I'm a new customer", "create an account", "crear una cuenta", "quiero registrarme",
          "załóż mi konto", "chcę się zarejestrować", "إنشاء حساب جديد", "عميل جديد"}      },
        {"pay",
         {"I want to pay my bill", "how can I pay", "quiero pagar la factura",
          "¿cómo puedo pagar?", "chcę zapłacić fakturę", "jak zapłacić", "أريد دفع الفاتورة",
          "كيف أدفع"}                                                                                          },
        {"invoices",
         {"show me my invoices", "how much do I owe", "ver mis facturas", "¿cuánto debo?",
          "pokaż faktury", "ile mam do zapłaty", "فواتيري", "أرسل الفاتورة"}                     },
        {"documents",
         {"send me the receipt", "my documents", "necesito el recibo", "mis documentos",
          "wyślij mi paragon", "moje dokumenty", "أرسل الإيصال", "مستنداتي"}                      },
        {"review",
         {"I'd like to leave a review", "rate your service", "quiero dejar una reseña",
          "valorar el servicio", "chcę wystawić opinię", "oceń obsługę", "أريد كتابة تقييم",
          "تقييم الخدمة"}                                                                                  },
        {"other",
         {"no, the other order", "not that one", "no, ese no", "el otro pedido", "nie to",
          "nie, to drugie", "لا، ليس هذا", "الطلب الآخر"}                                          },
    };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        for (size_t j = 0; j < COUNTOF(rows[i].texts); j++) {
            struct understood meant = meaning_of(rows[i].texts[j]);

            if (str_eq(meant.intent, str_from(rows[i].intent)))
                continue;
            print_error("\"%s\": \"%.*s\" and not \"%s\"\n", rows[i].texts[j],
                        STR_ARG(meant.intent), rows[i].intent);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* A slip may lose, double or swap letters of "cancel", but no other word becomes one. */
static void no_other_word_is_taken_for_cancelling_or_stopping(void **state)
{
    static const char *const texts[] = {"cancer my order",   "counsel order", "shop my order",
                                        "I like to shop",    "step by step",  "cancun order",
                                        "a candle order",    "alta mar",      "baja california",
                                        "stop by the shop?", "non stop music"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct understood meant = meaning_of(texts[i]);

        if (str_eq(meant.intent, STR("cancel")) || str_eq(meant.intent, STR("stop")))
            fail_msg("\"%s\" is taken for \"%.*s\"", texts[i], STR_ARG(meant.intent));
    }
}

static void flw_5_a_denied_cancellation_begins_none(void **state)
{
    static const char *const texts[] = {"don't cancel my order",
                                        "do not cancel it",
                                        "I don't want to cancel my order",
                                        "no canceles mi pedido",
                                        "no quiero cancelar mi pedido",
                                        "nie anulujcie zamówienia",
                                        "nie chcę anulować zamówienia",
                                        "لا تلغي طلبي",
                                        "لا أريد إلغاء الطلب"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        if (str_eq(meaning_of(texts[i]).intent, STR("cancel")))
            fail_msg("\"%s\" is taken for cancelling", texts[i]);
    }
}

/* A command and what it is about, whatever is told besides. */
static void flw_5_a_command_leads_what_it_is_about(void **state)
{
    static const struct {
        const char *text;
        const char *intent;
        const char *number;
    } rows[] = {
        {"cancel 1042, ordered twice",                                         "cancel",   "1042"    },
        {"cancel order ORD-1001 because my neighbour has bought the same one", "cancel",
         "ORD-1001"                                                                                  },
        {"anuluj 1042, zamówiłam dwa razy",                                  "cancel",   "1042"    },
        {"cancelar 1042, lo pedí dos veces",                                  "cancel",   "1042"    },
        {"إلغاء 1042",                                                    "cancel",   "1042"    },
        {"track ORD-1001",                                                     "track",    "ORD-1001"},
        {"invoice 1042",                                                       "invoices", "1042"    },
        {"hi ORD-1001",                                                        "",         "ORD-1001"},
        {"stop 1001",                                                          "",         "1001"    },
        {"ORD-1001",                                                           "",         "ORD-1001"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct understood meant = meaning_of(rows[i].text);

        if (!str_eq(meant.intent, str_from(rows[i].intent)) ||
            !str_eq(meant.number, str_from(rows[i].number))) {
            fail_msg("\"%s\": \"%.*s\" of \"%.*s\"", rows[i].text, STR_ARG(meant.intent),
                     STR_ARG(meant.number));
        }
    }
}

/* "My order 1004" only says which one; what is said of it is what is wanted. */
static void flw_5_what_is_said_of_an_order_counts_more_than_its_name(void **state)
{
    static const struct {
        const char *intent;
        const char *texts[9];
    } rows[] = {
        {"report",
         {"my order ORD-1004 arrived broken", "order ORD-1004 is missing an item",
          "my order ORD-1004 arrived in pieces", "order ORD-1004 is not what I ordered",
          "order ORD-1004 doesn't work", "my order ORD-1004 came with the wrong colour"}  },
        {"report",
         {"el pedido ORD-1004 llegó roto", "mi pedido ORD-1004 llegó dañado",
          "mi pedido ORD-1004 no funciona", "pedido ORD-1004 producto equivocado",
          "faltan dos tazas en mi pedido ORD-1004", "el ORD-1004 no es lo que pedí",
          "me enviaron otra cosa en el pedido ORD-1004"}                                  },
        {"report",
         {"moje zamówienie ORD-1004 przyszło uszkodzone",
          "zamówienie ORD-1004 przyszło rozbite", "ORD-1004 to nie to, co zamówiłam",
          "w zamówieniu ORD-1004 brakuje dwóch kubków", "zamówienie ORD-1004 nie działa",
          "przysłaliście mi nie to w zamówieniu ORD-1004"}                             },
        {"report",
         {"طلبي ORD-1004 وصل مكسورا", "الطلب ORD-1004 وصل تالفا", "الطلب ORD-1004 ينقصه شيء",
          "طلبي ORD-1004 وصل خطأ", "طلبي ORD-1004 ليس ما طلبته"}  },
        {"track",
         {"my order ORD-1004 never arrived", "mi pedido ORD-1004 no ha llegado",
          "moje zamówienie ORD-1004 nie przyszło", "طلبي ORD-1004 لم يصل"}     },
        {"orders", {"my order ORD-1004", "mi pedido ORD-1004", "my order ORD-1004 please"}},
        {"cancel", {"cancel my order ORD-1004, it arrived broken"}                        },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        for (size_t j = 0; j < COUNTOF(rows[i].texts) && rows[i].texts[j]; j++) {
            struct understood meant = meaning_of(rows[i].texts[j]);

            if (!str_eq(meant.intent, str_from(rows[i].intent)) ||
                !str_eq(meant.number, STR("ORD-1004"))) {
                fail_msg("\"%s\": \"%.*s\" of \"%.*s\"", rows[i].texts[j],
                         STR_ARG(meant.intent), STR_ARG(meant.number));
            }
        }
    }
}

/* What one finder has read no other reads. */
static void flw_5_what_is_found_travels_with_the_intent(void **state)
{
    struct understand_context context = {.today = 20778, .country = STR("PL")};
    struct understood meant;
    const char *text =
        "pay 50 € for order 1042 on 3 May, mail ana@example.com, phone 601 234 567,"
        " parcel 1Z999AA10123456784";

    (void)state;
    understand(&arena, str_from(text), &context, &meant);
    assert_int_equal(meant.n_found, 6);
    for (size_t i = 0; i < meant.n_found; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(meant.found[i].at.from >= meant.found[j].at.to ||
                        meant.found[i].at.to <= meant.found[j].at.from);
        }
    }
    assert_string_equal(arena_cstr(&arena, meant.number), "1042");
    assert_int_equal(understood_find(&meant, FOUND_AMOUNT)->amount.money.minor, 5000);
    assert_string_equal(understood_find(&meant, FOUND_TRACKING)->tracking.carrier, "ups");
    assert_non_null(understood_find(&meant, FOUND_DATE));
    assert_non_null(understood_find(&meant, FOUND_EMAIL));
    assert_non_null(understood_find(&meant, FOUND_PHONE));
    assert_null(understood_find(&(struct understood){0}, FOUND_DATE));
}

static void classify_as_track(const struct classifier *self, struct arena *scratch,
                              struct str text, struct classified *out)
{
    (void)self;
    (void)scratch;
    (void)text;
    *out = (struct classified){.intent = STR("track"), .confidence = 90};
}

/* The slot: believed where it is surer, and never about commands. */
static void flw_5_a_classifier_is_asked_about_what_is_no_command(void **state)
{
    static const struct classifier classifier = {classify_as_track};
    struct understand_context context = {.classifier = &classifier};
    struct understood meant;

    (void)state;
    understand(&arena, STR("the thing I bought is nowhere to be seen"), &context, &meant);
    assert_string_equal(arena_cstr(&arena, meant.intent), "track");
    assert_int_equal(meant.confidence, 90);
    understand(&arena, STR("stop"), &context, &meant);
    assert_string_equal(arena_cstr(&arena, meant.intent), "stop");
    understand(&arena, STR("I want to pay my bill"), &context, &meant);
    assert_string_equal(arena_cstr(&arena, meant.intent), "pay");
    understand(&arena, STR("20,50"), &context, &meant); /* no sentence */
    assert_int_equal(meant.intent.len + meant.maybe.len, 0);
}

/* The Arabic words for documents and for news are two letters apart. */
static void flw_5_a_command_as_it_is_written_comes_before_one_with_a_slip(void **state)
{
    (void)state;
    assert_string_equal(arena_cstr(&arena, meaning_of("المستندات").intent), "documents");
    assert_string_equal(arena_cstr(&arena, meaning_of("المستجدات").intent), "updates");
}

/* Who wants no more English has not had enough of us. */
static void ch_4_not_in_this_language_is_no_stop(void **state)
{
    static const char *const others[] = {"nie piszcie do mnie po angielsku bo nic nie kumam",
                                         "stop messaging me in english please",
                                         "dejen de escribirme en inglés por favor",
                                         "no me escribas en ingles"};
    static const char *const stops[] = {"nie piszcie do mnie", "stop messaging me",
                                        "dejen de escribirme"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_string_equal(arena_cstr(&arena, meaning_of(others[i]).intent), "language");
    for (size_t i = 0; i < COUNTOF(stops); i++)
        assert_string_equal(arena_cstr(&arena, meaning_of(stops[i]).intent), "stop");
}

static void three_words_tell_the_language(void **state)
{
    static const struct {
        const char *text;
        enum lang lang;
    } rows[] = {
        {"where is it",               LANG_EN},
        {"I need help",               LANG_EN},
        {"please call me",            LANG_EN},
        {"my order status",           LANG_EN},
        {"this is wrong",             LANG_EN},
        {"no me llega",               LANG_ES},
        {"quiero mi dinero",          LANG_ES},
        {"donde esta todo",           LANG_ES},
        {"estoy muy enfadado",        LANG_ES},
        {"esto es tarde",             LANG_ES},
        {"nie mam paczki",            LANG_PL},
        {"kiedy to bedzie",           LANG_PL},
        {"gdzie jest kurier",         LANG_PL},
        {"chce zwrot pieniedzy",      LANG_PL},
        {"co sie dzieje",             LANG_PL},
        {"أين طلبي الآن",  LANG_AR},
        {"لم يصل شيء",        LANG_AR},
        {"أريد المساعدة", LANG_AR},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct understand_context context = {.lang =
                                                 rows[i].lang == LANG_EN ? LANG_PL : LANG_EN};
        struct understood meant;

        understand(&arena, str_from(rows[i].text), &context, &meant);
        if (meant.lang != rows[i].lang || !meant.lang_is_clear)
            fail_msg("\"%s\": %s", rows[i].text, lang_code(meant.lang));
    }
}

/* Else a word could never be met: texts go through the same levelling. */
static void phrases_are_written_as_texts_are_read(void **state)
{
    (void)state;
    assert_true(phrases_n > 1000);
    for (size_t i = 0; i < phrase_words_n; i++) {
        struct tokens tokens;

        tokens_read(&arena, str_from(phrase_words[i].text), &tokens);
        assert_int_equal(tokens.n, 1);
        if (!str_eq(tokens.items[0], str_from(phrase_words[i].text)))
            fail_msg("%s is read as %.*s", phrase_words[i].text, STR_ARG(tokens.items[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_each_intent_is_understood_in_four_languages),
        cmocka_unit_test(no_other_word_is_taken_for_cancelling_or_stopping),
        cmocka_unit_test(flw_5_a_denied_cancellation_begins_none),
        cmocka_unit_test(flw_5_a_command_leads_what_it_is_about),
        cmocka_unit_test(flw_5_what_is_said_of_an_order_counts_more_than_its_name),
        cmocka_unit_test(flw_5_what_is_found_travels_with_the_intent),
        cmocka_unit_test(flw_5_a_classifier_is_asked_about_what_is_no_command),
        cmocka_unit_test(flw_5_a_command_as_it_is_written_comes_before_one_with_a_slip),
        cmocka_unit_test(ch_4_not_in_this_language_is_no_stop),
        cmocka_unit_test(three_words_tell_the_language),
        cmocka_unit_test(phrases_are_written_as_texts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
