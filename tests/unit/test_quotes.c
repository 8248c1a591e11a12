/* What people write in mails, apart from what they repeat: in four languages and the manners of
 * many programs, and how long it takes. */
#include "tests/support/shared_data.h"
#include "webhooks/quotes.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int setup(void **state)
{
    static struct arena arena;
    struct err err = {0};

    arena_init(&arena);
    *state = &arena;
    return crypto_init(&err) ? 0 : -1;
}

static int teardown(void **state)
{
    arena_finish(*state);
    return 0;
}

struct example {
    const char *mail;
    const char *reply;
};

static void hold(struct arena *arena, const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct quotes parts = quotes_split(arena, str_from(examples[i].mail));
        if (!str_eq(parts.reply, str_from(examples[i].reply))) {
            fail_msg("example %zu: <%.*s> instead of <%s>", i, STR_ARG(parts.reply),
                     examples[i].reply);
        }
    }
}
#define HOLD(state, examples) hold(*(state), (examples), COUNTOF(examples))

/* clang-format 14 dies of these tables. */
/* clang-format off */

static void ch_5_who_wrote_when_is_known_in_four_languages(void **state)
{
    static const struct example examples[] = {
        {"Tomorrow, please.\n\nOn Fri, Nov 20, 2026 at 10:15 AM Shop <support@in.shop.example>\n"
         "wrote:\n\n> When shall we come?\n> 1. Today\n",
         "Tomorrow, please."},
        {"Mañana, gracias.\r\n\r\nEl vie, 20 nov 2026 a las 10:15, Tienda (<support@in.shop.example>)\r\n"
         "escribió:\r\n\r\n> ¿Cuándo?\r\n",
         "Mañana, gracias."},
        {"Jutro proszę.\n\npt., 20 lis 2026 o 10:15 Sklep <support@in.shop.example> napisał(a):\n\n> Kiedy?",
         "Jutro proszę."},
        {"Jutro.\n\nW dniu 20.11.2026 o 10:15, Sklep pisze:\n> Kiedy?\n> 1. Dziś\n", "Jutro."},
        {"Dzięki!\n\nWiadomość napisana przez Sklep <support@in.shop.example> w dniu 20 lis 2026, o "
         "godz. 10:15:\n\n> Gotowe\n",
         "Dzięki!"},
        {"غدًا من فضلك.\n\nفي الجمعة، ٢٠ نوفمبر ٢٠٢٦ في ١٠:١٥ ص كتب "
         "\xe2\x80\x8f" "المتجر\xe2\x80\x8f <\xe2\x80\x8e" "support@in.shop.example>:\n\n> متى؟\n",
         "غدًا من فضلك."},
        {"نعم\n\nبتاريخ 20 نوفمبر 2026، في 10:15، كتب المتجر:\n\n> هل تريد؟\n", "نعم"},
        {"Sí.\n\nEl 20 nov 2026, a las 10:15, Tienda <support@in.shop.example> escribió:\n\n¿Lo "
         "enviamos?\nTienda\n",
         "Sí."},
    };

    HOLD(state, examples);
}

static void ch_5_another_mails_head_ends_what_is_new(void **state)
{
    static const struct example examples[] = {
        {"It is broken.\n\n-----Original Message-----\nFrom: Shop <support@in.shop.example>\nSent: "
         "Friday\nTo: ana@example.net\nSubject: Order 1001\n\nIt was delivered.\n",
         "It is broken."},
        {"It is broken.\n\n________________________________\nFrom: Shop <support@in.shop.example>\n"
         "Sent: Friday, November 20, 2026 10:15\nTo: Ana\nSubject: Order 1001\n\nIt was delivered.\n",
         "It is broken."},
        {"Está roto.\n\nDe: Tienda <support@in.shop.example>\nEnviado: viernes, 20 de noviembre de "
         "2026 10:15\nPara: Ana\nAsunto: Pedido 1001\n\nEntregado.",
         "Está roto."},
        {"Jest uszkodzone.\n\nOd: Sklep <support@in.shop.example>\nWysłano: piątek, 20 listopada 2026\n"
         "Do: Ana\nTemat: Zamówienie 1001\n\nDoręczono.",
         "Jest uszkodzone."},
        {"إنه مكسور.\n\nمن: المتجر <support@in.shop.example>\nتاريخ الإرسال: الجمعة\nإلى: آنا\nالموضوع: "
         "الطلب 1001\n\nتم التسليم.",
         "إنه مكسور."},
        {"Roto.\n\n-------- Mensaje original --------\nDe: Tienda\nFecha: 20/11/26\nPara: Ana\n\nHola",
         "Roto."},
        {"Nie działa.\n\n-----Wiadomość oryginalna-----\nCześć", "Nie działa."},
        {"See below.\n\n---------- Forwarded message ---------\nFrom: UPS <info@ups.example>\nDate: "
         "Fri\nSubject: Parcel\nTo: <ana@example.net>\n\nYour parcel\n",
         "See below."},
        {"---------- Forwarded message ---------\nFrom: UPS <info@ups.example>\nDate: Fri\nSubject: "
         "Parcel\nTo: <ana@example.net>\n\nYour parcel is late.\n",
         "Your parcel is late."},
        {"*From:* Shop <support@in.shop.example>\n*Sent:* Friday\n*To:* Ana\n*Subject:* Order\n\nHello",
         ""},
    };

    HOLD(state, examples);
}

static void ch_5_answers_below_and_between_stay(void **state)
{
    static const struct example examples[] = {
        {"On Fri, Nov 20, 2026 at 10:15, Shop <support@in.shop.example> wrote:\n> Which size?\n> "
         "Which colour?\n\nMedium, blue.\n",
         "Medium, blue."},
        {"Hi,\n\nOn Fri, Nov 20, 2026 at 10:15, Shop wrote:\n\n> Which size?\n\nMedium.\n\n> Which "
         "colour?\n\nBlue.\n\n-- \nAna\n",
         "Hi,\n\n\nMedium.\n\n\nBlue."},
        {"> Which size?\nMedium.\n", "> Which size?\nMedium."},
        {"El vie, 20 nov 2026 a las 10:15, Tienda <support@in.shop.example> escribió:\n> ¿Talla?\nM\n",
         "M"},
        {"> a\n> b\n> c\n> d\n> e\nYes\n", "Yes"},
    };

    HOLD(state, examples);
}

static void ch_5_signatures_of_people_and_devices_go(void **state)
{
    static const struct example examples[] = {
        {"Yes.\n\n-- \nAna García\n+34 600 000 000\n", "Yes."},
        {"Yes.\n--\nAna", "Yes."},
        {"Yes.\n\nSent from my iPhone\n", "Yes."},
        {"Yes.\n\nGet Outlook for Android<https://aka.ms/x>\n", "Yes."},
        {"Sí.\n\nEnviado desde mi iPhone", "Sí."},
        {"Tak.\n\nWysłane z iPhone'a\n\nW dniu 20.11.2026 o 10:15, Sklep pisze:\n> Kiedy?", "Tak."},
        {"نعم.\n\nأُرسلت من الـ iPhone", "نعم."},
        {"نعم.\n\nتم الإرسال من جهاز Galaxy", "نعم."},
        {"Yes.\n-- \nAna\n\nOn Fri, Nov 20, 2026 at 10:15, Shop wrote:\n> Well?\n\nAnd one more "
         "thing.\n",
         "Yes.\n\nAnd one more thing."},
        {"Sent from my iPhone\n", ""},
    };

    HOLD(state, examples);
}

/* clang-format on */

static void ch_5_what_only_looks_like_it_stays_the_customers(void **state)
{
    static const char *const mails[] = {
        "On this day I wrote to you:\nno answer.",
        "On 3 March I wrote:\nplease cancel it.",
        "I ordered on 3 March 2026. The seller wrote:\nit is gone.",
        "Please collect it.\nFrom: Madrid\nTo: Warsaw\nDate: 3 March",
        "My list:\n- one\n- two\n-- three\n--- four",
        "The address is wrong:\nCalle Mayor 1, 28001 Madrid",
        "Sent it back, but nobody answers.\nPlease look at it.",
        "Napisałem do was 3 marca 2026:\nbez odpowiedzi.",
        "Delivery between 10:15 and 12:00:\nis that certain?",
        "Price <100 and >50?",
        "--\nHi",
    };

    for (size_t i = 0; i < COUNTOF(mails); i++) {
        struct quotes parts = quotes_split(*state, str_from(mails[i]));
        if (!str_eq(parts.reply, str_from(mails[i])))
            fail_msg("%zu: %.*s", i, STR_ARG(parts.reply));
        assert_int_equal(parts.history.len, 0);
    }
}

static void ch_5_a_long_signature_is_none(void **state)
{
    struct str mail = STR("Yes.\n--\n");

    for (size_t i = 0; i < 20; i++)
        mail = arena_format(*state, "%.*sand %zu\n", STR_ARG(mail), i);
    assert_true(str_ends(quotes_split(*state, mail).reply, STR("and 19")));
}

static void ch_5_the_parts_are_all_there(void **state)
{
    struct quotes parts = quotes_split(
        *state,
        STR("Yes.\n\n-- \nAna\n\nOn Fri, Nov 20, 2026 at 10:15, Shop wrote:\n> Well?\n"));

    assert_true(str_eq(parts.reply, STR("Yes.")));
    assert_true(str_eq(parts.signature, STR("-- \nAna")));
    assert_true(
        str_eq(parts.history, STR("On Fri, Nov 20, 2026 at 10:15, Shop wrote:\n> Well?")));
}

/* --- time --------------------------------------------------------------------------------- */

static double seconds_for(struct str unit, size_t size)
{
    struct arena arena;
    struct timespec from, to;
    char *text;

    arena_init(&arena);
    text = arena_alloc(&arena, size);
    for (size_t i = 0; i < size; i++)
        text[i] = unit.at[i % unit.len];
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    (void)quotes_split(&arena, (struct str){text, size});
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    arena_finish(&arena);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void ch_5_hostile_texts_cost_by_their_length(void **state)
{
    static const char *const units[] = {
        "> ",
        ">\n",
        "--\n",
        "\n",
        "On 3 ",
        "On 3\n",
        "On 3 a@b <\n",
        "From: a@b\n",
        "Sent from \n",
        "a@b:\n",
        "-",
        "_\n",
        "> a\n\n",
        "On 1 Jan 2026 10:15 x <a@b> wrote:\n",
        "--\n\n\n",
        "\xe2\x80\x8f",
        "wrote wrote\n",
        "---- on \n",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(units); i++) {
        double took = seconds_for(str_from(units[i]), 200000);
        if (took > 4) /* under ASan; a square would take minutes */
            fail_msg("\"%s\" took %.1f s", units[i], took);
    }
}

/* --- other people's ----------------------------------------------------------------------- */

static struct str squeeze(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.at[i]) == NULL)
            out[len++] = text.at[i];
    }
    return (struct str){out, len};
}

static void published_replies_are_split_alike(void **state)
{
    struct arena *arena = *state;
    size_t held = 0;

    if (!shared_is_here(arena))
        return;
    for (int i = 1; i < 100; i++) {
        struct str mail =
            shared_file(arena, arena_format(arena, "data/emails/replies/r%03d.txt", i).at);
        struct str wanted = shared_file(
            arena, arena_format(arena, "data/emails/replies/r%03d.expected.txt", i).at);
        struct quotes parts;
        if (mail.at == NULL)
            continue;
        parts = quotes_split(arena, str_sane(arena, mail));
        assert_true(parts.reply.len > 0);
        if (wanted.at == NULL)
            continue;
        held++;
        if (!str_eq(squeeze(arena, parts.reply), squeeze(arena, str_sane(arena, wanted))))
            fail_msg("r%03d: %.*s", i, STR_ARG(parts.reply));
    }
    assert_true(held >= 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_who_wrote_when_is_known_in_four_languages),
        cmocka_unit_test(ch_5_another_mails_head_ends_what_is_new),
        cmocka_unit_test(ch_5_answers_below_and_between_stay),
        cmocka_unit_test(ch_5_signatures_of_people_and_devices_go),
        cmocka_unit_test(ch_5_what_only_looks_like_it_stays_the_customers),
        cmocka_unit_test(ch_5_a_long_signature_is_none),
        cmocka_unit_test(ch_5_the_parts_are_all_there),
        cmocka_unit_test(ch_5_hostile_texts_cost_by_their_length),
        cmocka_unit_test(published_replies_are_split_alike),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
