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

static struct understanding meaning_of(const char *text)
{
    struct understanding meant;
    understand(&arena, str_from(text), LANG_EN, &meant);
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
            struct understanding meant = meaning_of(rows[i].texts[j]);

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
        struct understanding meant = meaning_of(texts[i]);

        if (str_eq(meant.intent, STR("cancel")) || str_eq(meant.intent, STR("stop")))
            fail_msg("\"%s\" is taken for \"%.*s\"", texts[i], STR_ARG(meant.intent));
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
        cmocka_unit_test(phrases_are_written_as_texts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
