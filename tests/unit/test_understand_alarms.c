/*
 * What is no parcel's number and might be taken for one: numbers of orders and invoices,
 * telephones of many countries, amounts, dates, accounts and the like, made by the thousand,
 * in sentences that do not speak of parcels and in sentences that do. How many of each are
 * taken for a parcel's is printed.
 */
#include "flows/understand/understand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { EACH = 5000, ROOM = 64 };

static uint64_t state_of_chance = 7;

static uint32_t chance(uint32_t below)
{
    state_of_chance = state_of_chance * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state_of_chance >> 33) % below;
}

/* '#' is any digit, '9' one of 1 to 9, '@' a capital; all else stands for itself. */
static void fill(const char *pattern, char out[ROOM])
{
    size_t n = 0;

    for (; *pattern && n < ROOM - 1; pattern++) {
        char c = *pattern;

        if (c == '#') {
            c = (char)('0' + chance(10));
        } else if (c == '9') {
            c = (char)('1' + chance(9));
        } else if (c == '@') {
            c = (char)('A' + chance(26));
        }
        out[n++] = c;
    }
    out[n] = '\0';
}

struct kind {
    const char *name;
    const char *plain[4];   /* sentences that do not speak of parcels, '%' is the number */
    const char *parcels[4]; /* and such that do */
    const char *patterns[40];
};

static const struct kind kinds[] = {
    {"orders",
     {"where is my order %?", "cancel %, ordered twice", "¿cómo va el pedido %?",
      "proszę o fakturę do zamówienia %"},
     {"where is the parcel of order %?", "no ha llegado el paquete del pedido %",
      "gdzie paczka, zamówienie nr %", "أين شحنة الطلب %"},
     {"9###",      "9####",          "9#####",      "9######",      "9#######",
      "9########", "9#########",     "9##########", "9###########", "ORD-9###",
      "#9#####",   "ORD-2026-9####", "PO-9####",    "SO9#####",     "A9######",
      "REP-00##",  "W-9#####-@",     "@@9####",     "2026119###",   "9##-9######-9######"}},
    {"invoices",
     {"pay %", "I have a question about invoice %", "quiero pagar la factura %",
      "zapłacić fakturę %"},
     {"the parcel is here but invoice % is wrong", "el paquete llegó, pero la factura % no",
      "paczka doszła, a faktura % nie", "وصلت الشحنة لكن الفاتورة % غلط"},
     {"INV-9###", "INV-9#", "INV-2026-####9", "FV/2026/11/0###", "FV 9##/11/2026", "9#####",
      "F-9#####", "R2026-9####", "2026-9####", "9#######", "INV9#########"}               },
    {"phones",
     {"call me at %", "my number has changed to %", "mi teléfono es %", "mój telefon to %"},
     {"the courier may call %", "el repartidor puede llamar al %, espero el paquete",
      "paczka nie dotarła, proszę dzwonić %", "أين شحنتي، هاتفي %"},
     {"+48 9## ### ###",    "+489########",     "9## ### ###",       "+34 6## ## ## ##",
      "6########",          "+44 7### ######",  "07### ######",      "07#########",
      "+1 9##-###-####",    "(9##) ###-####",   "9##-###-####",      "9#########",
      "+353 8# ### ####",   "+49 15## #######", "015#########",      "+33 6 ## ## ## ##",
      "06 ## ## ## ##",     "+39 3## ### ####", "+351 9## ### ###",  "+971 5# ### ####",
      "+966 5# ### ####",   "05########",       "+20 10 #### ####",  "010########",
      "+212 6## ######",    "+965 #### ####",   "+962 7 #### ####",  "+52 1 55 #### ####",
      "+54 9 11 ####-####", "+57 3## ### ####", "+55 11 9####-####", "+90 5## ### ## ##",
      "+380 67 ### ## ##",  "+7 9## ###-##-##", "+91 9#### #####",   "+86 13# #### ####",
      "00489########",      "0034 6########",   "+61 4## ### ###"}                        },
    {"amounts",
     {"I paid %", "pay % please", "me cobraron %", "zapłaciłem %"},
     {"the parcel cost %", "el paquete costó %", "paczka kosztowała %", "كلفت الشحنة %"},
     {"€9#.##", "9.###,## €", "$9,###.##", "9## ### zł", "9####,## zł", "9### EUR",
      "9##.### PLN", "AED 9,###.00", "9 ###,##"}                                          },
    {"dates",
     {"I ordered it on %", "what happened on %", "lo compré el %", "kupione %"},
     {"the parcel was due on %", "el paquete llegaba el %", "paczka miała być %",
      "كان موعد الشحنة %"},
     {"2026-1#-2#", "1#.1#.2026", "2#/1#/2026", "1#/2#/26", "2026-1#-1# 1#:##:##", "202611##",
      "1#.1#. 1#:##", "2026111#1#5#5#"}                                                   },
    {"accounts and the like",
     {"my account is %", "the code is %", "mi cuenta es %", "konto %"},
     {"refund the parcel to %", "devolver el paquete a la cuenta %",
      "zwrot za paczkę na konto %", "أعيدوا ثمن الشحنة إلى %"},
     {"PL## #### #### #### #### #### ####", "ES## #### #### #### #### ####",
      "GB## BARC #### #### ######", "DE####################", "######", "##-###",
      "53.9#####, -6.2#####", "9##.9##.9#.9#", "SKU-9####-@@", "IMEI 35############9"}    },
};

static bool is_alarm(struct arena *arena, const char *sentence, const char *number)
{
    struct understand_context context = {
        .today = 20778, .currency = STR("EUR"), .country = STR("ES")};
    const char *place = strchr(sentence, '%');
    struct str text =
        arena_format(arena, "%.*s%s%s", (int)(place - sentence), sentence, number, place + 1);
    struct understood meant;
    const struct found *found;

    understand(arena, text, &context, &meant);
    found = understood_find(&meant, FOUND_TRACKING);
    if (found && getenv("PARLEY_TEST_VERBOSE")) // NOLINT(concurrency-mt-unsafe): one thread
        (void)printf("%s: %.*s\n", found->tracking.form, STR_ARG(text));
    return found != NULL;
}

static size_t count(const struct kind *kind, const char *const sentences[4])
{
    struct arena arena = {0};
    size_t n_patterns = 0;
    size_t alarms = 0;

    do {
        n_patterns++; /* every kind has one */
    } while (n_patterns < COUNTOF(kind->patterns) && kind->patterns[n_patterns]);
    for (size_t i = 0; i < EACH; i++) {
        char number[ROOM];

        fill(kind->patterns[i % n_patterns], number);
        alarms += is_alarm(&arena, sentences[chance(4)], number);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    return alarms;
}

static void trk_4_numbers_of_other_things_are_no_parcels(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        size_t plain = count(&kinds[i], kinds[i].plain);
        size_t parcels = count(&kinds[i], kinds[i].parcels);

        (void)printf("%s: %zu of %d are taken for a parcel's; %zu of %d where parcels are "
                     "spoken of\n",
                     kinds[i].name, plain, EACH, parcels, EACH);
        assert_int_equal(plain, 0);
        assert_int_equal(parcels, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trk_4_numbers_of_other_things_are_no_parcels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
