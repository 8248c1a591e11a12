/* What an SMS costs, by the provider's own counts, and what is written otherwise to save. */
#include "bot/base/sms_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct str repeat(const char *text, unsigned n)
{
    struct str out = STR("");

    for (unsigned i = 0; i < n; i++)
        out = arena_concat(&arena, out, str_from(text));
    return out;
}

static struct str join(struct str a, const char *b, struct str c)
{
    return arena_concat(&arena, arena_concat(&arena, a, str_from(b)), c);
}

static void assert_size(struct str text, enum sms_alphabet alphabet, unsigned segments)
{
    struct sms_size size = sms_measure(text);

    if (size.alphabet != alphabet || size.segments != segments) {
        fail_msg("%.60s...: alphabet %d, %u units, %u segments", text.at, (int)size.alphabet,
                 size.units, size.segments);
    }
}

static void ch_4_segments_are_counted_as_twilio_counts_them(void **state)
{
    (void)state;
    assert_size(repeat("a", 160), SMS_GSM7, 1);
    assert_size(repeat("a", 161), SMS_GSM7, 2);
    assert_size(repeat("a", 306), SMS_GSM7, 2);
    assert_size(repeat("a", 307), SMS_GSM7, 3);
    assert_size(repeat("{", 80), SMS_GSM7, 1);
    assert_size(repeat("{", 81), SMS_GSM7, 2);
    assert_size(repeat("€", 80), SMS_GSM7, 1);
    assert_size(join(repeat("a", 152), "{", repeat("a", 152)), SMS_GSM7, 3);
    assert_size(repeat("я", 70), SMS_UCS2, 1);
    assert_size(repeat("я", 71), SMS_UCS2, 2);
    assert_size(repeat("😀", 35), SMS_UCS2, 1);
    assert_size(repeat("😀", 36), SMS_UCS2, 2);
    assert_size(join(repeat("a", 69), "’", STR("")), SMS_UCS2, 1);
    assert_size(join(repeat("a", 70), "’", STR("")), SMS_UCS2, 2);
    assert_size(STR(""), SMS_GSM7, 1);
}

/* A pair of UTF-16 units does not straddle: 66 and a pair is 68, so the pair begins anew. */
static void an_emoji_is_not_parted_by_the_end_of_a_segment(void **state)
{
    (void)state;
    assert_size(join(repeat("я", 66), "😀", repeat("я", 66)), SMS_UCS2, 3);
    assert_size(join(repeat("я", 65), "😀", repeat("я", 67)), SMS_UCS2, 2);
}

static void every_character_of_gsm_is_counted_right(void **state)
{
    (void)state;
    static const char basic[] =
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    struct sms_size size = sms_measure(str_from(basic));
    assert_int_equal(size.alphabet, SMS_GSM7);
    assert_int_equal(size.units, 127); /* 128 with the escape itself */
    size = sms_measure(STR("\f^{}\\[~]|€"));
    assert_int_equal(size.alphabet, SMS_GSM7);
    assert_int_equal(size.units, 20);
    static const char *const others[] = {"ç", "`", "’", "—", "\t",   "á",        "í", "ó",
                                         "ú", "ł", "Á", "ö̈", "\x7f", "\xc2\xa0", "𐍈"};
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_int_equal(sms_measure(str_from(others[i])).alphabet, SMS_UCS2);
}

static void assert_fits(const char *text, bool plain_letters, const char *wanted)
{
    struct str is = sms_text_fit(&arena, str_from(text), plain_letters);

    if (!str_eq(is, str_from(wanted)))
        fail_msg("'%s' becomes '%.*s', not '%s'", text, STR_ARG(is), wanted);
}

static void ch_4_what_only_looks_different_is_written_as_gsm_has_it(void **state)
{
    (void)state;
    assert_fits("“It’s here” – really…", false, "\"It's here\" - really...");
    assert_fits("Order\u00a01001 · 2×, ½ price ™", false, "Order 1001 - 2x, 1/2 price TM");
    assert_fits("use `code`\there\u200b", false, "use 'code' here");
    /* as templates/text writes what WhatsApp would take for bold, struck out and the rest */
    assert_fits("∗Free∗ of ∼no∼ ˍextraˍ ˋworkˋ", false, "*Free* of ~no~ _extra_ 'work'");
    assert_fits("Ñandú costs 5 €", false, "Ñandú costs 5 €"); /* ú is a letter of its own */
    assert_fits("El año que viene, mañana: ¿qué?", true, "El año que viene, mañana: ¿qué?");
    assert_fits("", true, "");
}

static void ch_4_marks_on_letters_go_only_where_that_saves_a_segment(void **state)
{
    (void)state;
    static const char polish[] = "Twoje zamówienie 1001 jest w drodze. Doręczymy je w środę "
                                 "między 8:00 a 16:00.";
    static const char plain[] = "Twoje zamowienie 1001 jest w drodze. Doreczymy je w srode "
                                "miedzy 8:00 a 16:00.";
    static const char spanish[] = "Tu pedido 1001 está en camino. Llegará mañana por la "
                                  "tarde; si no estás, lo dejaremos aquí al lado.";
    assert_fits(polish, true, plain);
    assert_fits(polish, false, polish);
    assert_fits("Zażółć gęślą jaźń", true, "Zażółć gęślą jaźń"); /* one segment as it is */
    assert_fits(spanish, true,
                "Tu pedido 1001 esta en camino. Llegara mañana por la "
                "tarde; si no estas, lo dejaremos aqui al lado.");
    assert_fits("Ça va, Barça? A very long message, and it goes on and on until it has more "
                "than seventy.",
                true,
                "Ça va, Barca? A very long message, and it goes on and on until it has more "
                "than seventy.");
    assert_fits("A parcel 📦 comes to you tomorrow between 8 and 16, be at home or tell us "
                "otherwise ✅",
                true,
                "A parcel comes to you tomorrow between 8 and 16, be at home or tell us "
                "otherwise");
    assert_fits(
        "Order ORD-1004: Shipped, █████░░░░░ 50%, expected on Saturday, 21 November, at "
        "your door",
        true,
        "Order ORD-1004: Shipped, 50%, expected on Saturday, 21 November, at "
        "your door");
    assert_fits("Łódź, a\u0301 accents taken apart, and more of them until it costs two: "
                "seventy is soon over.",
                true,
                "Lodz, a accents taken apart, and more of them until it costs two: "
                "seventy is soon over.");
}

/* What would stay UCS-2 gains nothing, so it loses nothing: Arabic, Cyrillic, a mixture. */
static void ch_4_what_is_not_latin_is_never_touched(void **state)
{
    (void)state;
    static const char arabic[] =
        "طلبك 1001 في الطريق إليك… وسيصل غدًا “بين” 8 و16، ويمكنك متابعته من هنا متى شئت 📦";
    static const char mixed[] =
        "Zamówienie — “заказ” 1001… jest w drodze, doręczymy je w środę między 8:00 a 16:00";
    assert_fits(arabic, true, arabic);
    assert_fits(mixed, true, mixed);
}

/* Whatever it is, it never costs more than before, and it is text. */
static void nothing_costs_more_than_before(void **state)
{
    (void)state;
    for (uint32_t code = 1; code < 0x30000; code++) {
        char bytes[8];
        size_t len = 0;
        if (code >= 0xd800 && code < 0xe000)
            continue;
        if (code < 0x80) {
            bytes[len++] = (char)code;
        } else if (code < 0x800) {
            bytes[len++] = (char)(0xc0 | code >> 6);
            bytes[len++] = (char)(0x80 | (code & 63));
        } else if (code < 0x10000) {
            bytes[len++] = (char)(0xe0 | code >> 12);
            bytes[len++] = (char)(0x80 | (code >> 6 & 63));
            bytes[len++] = (char)(0x80 | (code & 63));
        } else {
            bytes[len++] = (char)(0xf0 | code >> 18);
            bytes[len++] = (char)(0x80 | (code >> 12 & 63));
            bytes[len++] = (char)(0x80 | (code >> 6 & 63));
            bytes[len++] = (char)(0x80 | (code & 63));
        }
        struct str text = {bytes, len};
        for (int plain = 0; plain < 2; plain++) {
            struct str is = sms_text_fit(&arena, text, plain != 0);
            assert_true(str_is_utf8(is));
            assert_true(sms_measure(is).segments <= sms_measure(text).segments);
        }
        if (code % 4096 == 0)
            arena_finish(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_segments_are_counted_as_twilio_counts_them),
        cmocka_unit_test(an_emoji_is_not_parted_by_the_end_of_a_segment),
        cmocka_unit_test(every_character_of_gsm_is_counted_right),
        cmocka_unit_test(ch_4_what_only_looks_different_is_written_as_gsm_has_it),
        cmocka_unit_test(ch_4_marks_on_letters_go_only_where_that_saves_a_segment),
        cmocka_unit_test(ch_4_what_is_not_latin_is_never_touched),
        cmocka_unit_test(nothing_costs_more_than_before),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
