/* Text: bytes, UTF-8, cutting between graphemes, and folding what people type. */
#include "bot/base/arena.h"
#include "bot/base/str.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unicode/ubrk.h>
#include <unicode/ustring.h>

#include <cmocka.h>

#define FAMILY "👨‍👩‍👧‍👦"

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void assert_str(struct str got, const char *want)
{
    assert_string_equal(arena_cstr(&arena, got), want);
    assert_int_equal(got.len, strlen(want));
}

static uint32_t random_state = 1;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

/* --- bytes ------------------------------------------------------------------------------ */

static void the_empty_text_is_equal_however_it_is_written(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(str_from(NULL), str_from("")));
    assert_true(str_starts(STR_NONE, STR_NONE));
    assert_true(str_starts(STR("a"), STR_NONE));
    assert_true(str_ends(STR_NONE, STR("")));
    assert_int_equal(str_compare(STR_NONE, STR("")), 0);
    assert_int_equal(str_slice(STR_NONE, 3, 9).len, 0);
    assert_int_equal(str_trim(STR_NONE).len, 0);
    assert_int_equal(str_find(STR_NONE, STR_NONE), 0);
    assert_int_equal(str_length(STR_NONE), 0);
    assert_true(str_is_utf8(STR_NONE));
    assert_int_equal(str_cut(&arena, STR_NONE, 0).len, 0);
    assert_int_equal(str_fold(&arena, STR_NONE).len, 0);
    assert_int_equal(str_sane(&arena, STR_NONE).len, 0);
}

static void equality_sees_every_byte_also_nul(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("a\0")));
}

static void starts_and_ends_look_at_the_right_end(void **state)
{
    (void)state;
    assert_true(str_starts(STR("sha256=ab"), STR("sha256=")));
    assert_false(str_starts(STR("sha25"), STR("sha256=")));
    assert_true(str_ends(STR("a.yaml"), STR(".yaml")));
    assert_false(str_ends(STR("yaml"), STR(".yaml")));
    assert_false(str_ends(STR("a.yaml "), STR(".yaml")));
}

static void order_is_by_bytes_and_the_shorter_first(void **state)
{
    (void)state;
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("a"), STR("aa")) < 0);
    assert_true(str_compare(STR("b"), STR("aa")) > 0);
    assert_true(str_compare(STR("z"), STR("é")) < 0);
    assert_int_equal(str_compare(STR("é"), STR("é")), 0);
}

static void a_slice_stays_inside(void **state)
{
    (void)state;
    assert_str(str_slice(STR("hello"), 1, 3), "ell");
    assert_str(str_slice(STR("hello"), 3, SIZE_MAX), "lo");
    assert_str(str_slice(STR("hello"), 5, 1), "");
    assert_str(str_slice(STR("hello"), SIZE_MAX, SIZE_MAX), "");
}

static void a_missing_needle_is_found_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("hello"), STR("l")), 2);
    assert_int_equal(str_find(STR("hello"), STR("lo")), 3);
    assert_int_equal(str_find(STR("hello"), STR("")), 0);
    assert_int_equal(str_find(STR("hello"), STR("x")), 5);
    assert_int_equal(str_find(STR("hello"), STR("hello!")), 5);
    assert_int_equal(str_find(STR("a\0b"), STR("\0b")), 1);
}

static void a_split_gives_every_piece_once(void **state)
{
    (void)state;
    struct str rest = STR("a,,bc");
    struct str piece;
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "a");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "bc");
    assert_false(str_split(&rest, ',', &piece));
    rest = STR_NONE;
    assert_false(str_split(&rest, ',', &piece));
}

static void a_number_fills_its_text_and_fits(void **state)
{
    (void)state;
    int64_t number = 5;
    assert_true(str_to_int(STR("0"), &number));
    assert_int_equal(number, 0);
    assert_true(str_to_int(STR("-007"), &number));
    assert_int_equal(number, -7);
    assert_true(str_to_int(STR("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    assert_true(str_to_int(STR("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
    static const struct str wrong[] = {
        STR_NONE,
        STR("-"),
        STR("+1"),
        STR(" 1"),
        STR("1 "),
        STR("1.0"),
        STR("0x1"),
        STR("1e3"),
        STR("--1"),
        STR("1\0"),
        STR("\xD9\xA1"),
        STR("9223372036854775808"),
        STR("1-1"),
        STR("1,0"),
        STR("NaN"),
        STR("-9223372036854775809"),
        STR("99999999999999999999999999"),
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        number = 5;
        assert_false(str_to_int(wrong[i], &number));
        assert_int_equal(number, 5);
    }
}

/* --- UTF-8 ------------------------------------------------------------------------------ */

static void utf8_is_well_formed_and_without_nul(void **state)
{
    (void)state;
    static const struct str good[] = {
        STR("plain"),        STR("zażółć"),           STR("سلام"),
        STR(FAMILY),         STR("\xC2\x80"),         STR("\xDF\xBF"),
        STR("\xE0\xA0\x80"), STR("\xED\x9F\xBF"),     STR("\xEE\x80\x80"),
        STR("\xEF\xBF\xBF"), STR("\xF0\x90\x80\x80"), STR("\xF4\x8F\xBF\xBF"),
    };
    static const struct str bad[] = {
        STR("\0"),
        STR("a\0b"),
        STR("\x80"),
        STR("\xBF"),
        STR("\xC0\x80"),
        STR("\xC1\xBF"),
        STR("\xC2"),
        STR("\xC2z"),
        STR("\xE0\x80\x80"),
        STR("\xE0\x9F\xBF"),
        STR("\xE2\x82"),
        STR("\xED\xA0\x80"),
        STR("\xED\xBF\xBF"),
        STR("\xF0\x80\x80\x80"),
        STR("\xF0\x8F\xBF\xBF"),
        STR("\xF0\x9F\x98"),
        STR("\xF4\x90\x80\x80"),
        STR("\xF5\x80\x80\x80"),
        STR("\xFE"),
        STR("\xFF"),
        STR("abc\xE2\x82"),
    };
    for (size_t i = 0; i < COUNTOF(good); i++)
        assert_true(str_is_utf8(good[i]));
    for (size_t i = 0; i < COUNTOF(bad); i++)
        assert_false(str_is_utf8(bad[i]));
}

/* Every sequence of up to three bytes that begins with a byte of interest, against ICU. */
static void utf8_agrees_with_icu_on_all_short_sequences(void **state)
{
    (void)state;
    for (unsigned n = 0x010000; n <= 0xFFFFFF; n += 0x11) {
        char bytes[3] = {(char)(n >> 16), (char)(n >> 8), (char)n};
        UErrorCode status = U_ZERO_ERROR;
        UChar wide[8];
        u_strFromUTF8(wide, 8, NULL, bytes, 3, &status);
        bool nul = memchr(bytes, 0, 3) != NULL;
        assert_int_equal(str_is_utf8((struct str){bytes, 3}), U_SUCCESS(status) && !nul);
    }
}

static void length_counts_code_points_and_each_bad_byte(void **state)
{
    (void)state;
    assert_int_equal(str_length(STR("abc")), 3);
    assert_int_equal(str_length(STR("zażółć")), 6);
    assert_int_equal(str_length(STR(FAMILY)), 7);
    assert_int_equal(str_length(STR("\xFF\xFF")), 2);
    assert_int_equal(str_length(STR("a\xF0\x9F\x98")), 4);
    assert_int_equal(str_length(STR("\xE2\x82z")), 3);
    assert_int_equal(str_length(STR("a\0b")), 3);
}

static void sane_text_is_itself_and_bad_bytes_are_replaced(void **state)
{
    (void)state;
    struct str good = STR("zażółć");
    assert_ptr_equal(str_sane(&arena, good).at, good.at);
    assert_str(str_sane(&arena, STR("a\0b")), "a\uFFFDb");
    assert_str(str_sane(&arena, STR("\xFFx\xF0\x9F")), "\uFFFDx\uFFFD\uFFFD");
    assert_str(str_sane(&arena, STR("\xED\xA0\x80")), "\uFFFD\uFFFD\uFFFD");
}

static void trim_takes_unicode_s_spaces_and_stops_at_bad_bytes(void **state)
{
    (void)state;
    assert_str(str_trim(STR("  a b\t\r\n")), "a b");
    assert_str(str_trim(STR("\u00A0\u2003\u3000x\u2028\xC2\x85")), "x");
    assert_str(str_trim(STR(" \u3000 ")), "");
    assert_str(str_trim(STR("\xA0 x \xA0")), "\xA0 x \xA0");
    assert_str(str_trim(STR(" \xE3\x80 ")), "\xE3\x80");
    assert_str(str_trim(STR("\x80\x80\x80\x80\x80 ")), "\x80\x80\x80\x80\x80");
}

/* --- cutting ---------------------------------------------------------------------------- */

static void a_text_that_fits_is_borrowed(void **state)
{
    (void)state;
    struct str text = STR("zażółć");
    assert_ptr_equal(str_cut(&arena, text, 6).at, text.at);
    assert_ptr_equal(str_cut(&arena, text, SIZE_MAX).at, text.at);
    struct str family = STR(FAMILY);
    assert_ptr_equal(str_cut(&arena, family, 7).at, family.at);
}

static void a_cut_text_ends_in_an_ellipsis_that_counts(void **state)
{
    (void)state;
    assert_str(str_cut(&arena, STR("hello world"), 5), "hell…");
    assert_str(str_cut(&arena, STR("hello"), 1), "…");
    assert_str(str_cut(&arena, STR("hello"), 0), "");
    assert_str(str_cut(&arena, STR("Potwierdź zamówienie"), 9), "Potwierd…");
    assert_str(str_cut(&arena, STR("Zażółć gęślą jaźń"), 7), "Zażółć…");
    assert_str(str_cut(&arena, STR("تتبع الطلب رقم 1234"), 11), "تتبع الطلب…");
}

static void emoji_are_whole_or_gone(void **state)
{
    (void)state;
    for (size_t max = 1; max <= 7; max++)
        assert_str(str_cut(&arena, STR("a" FAMILY "bc"), max), max == 1 ? "…" : "a…");
    assert_str(str_cut(&arena, STR("a" FAMILY "bc"), 9), "a" FAMILY "…");
    assert_str(str_cut(&arena, STR("x👍🏽y z"), 3), "x…");
    assert_str(str_cut(&arena, STR("x👍🏽y z"), 4), "x👍🏽…");
    assert_str(str_cut(&arena, STR("1️⃣2️⃣3️⃣"), 5), "1️⃣…");
    assert_str(str_cut(&arena, STR("ab❤️‍🔥cd"), 5), "ab…");
    assert_str(str_cut(&arena, STR("🏳️‍🌈🏳️‍🌈"), 5), "🏳️‍🌈…");
}

static void flags_are_pairs_counted_from_their_row_s_start(void **state)
{
    (void)state;
    assert_str(str_cut(&arena, STR("🇵🇱🇪🇸🇬🇧🇸🇦"), 4), "🇵🇱…");
    assert_str(str_cut(&arena, STR("🇵🇱🇪🇸🇬🇧🇸🇦"), 5), "🇵🇱🇪🇸…");
    assert_str(str_cut(&arena, STR("🇵🇱🇪🇸🇬🇧🇸🇦"), 6), "🇵🇱🇪🇸…");
    assert_str(str_cut(&arena, STR("a🇵🇱🇪🇸🇬🇧"), 5), "a🇵🇱…");
    assert_str(str_cut(&arena, STR("🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland"), 7), "…");
    assert_str(str_cut(&arena, STR("🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland"), 8),
               "🏴󠁧󠁢󠁳󠁣󠁴󠁿…");
}

static void letters_keep_their_marks(void **state)
{
    (void)state;
    assert_str(str_cut(&arena, STR("re\u0301sume\u0301"), 3), "r…");
    assert_str(str_cut(&arena, STR("re\u0301sume\u0301"), 4), "re\u0301…");
    assert_str(str_cut(&arena, STR("مُحَمَّد"), 3), "مُ…");
    assert_str(str_cut(&arena, STR("مُحَمَّد"), 4), "مُ…");
    assert_str(str_cut(&arena, STR("مُحَمَّد"), 5), "مُحَ…");
    assert_str(str_cut(&arena, STR("नमस्ते दोस्त"), 3), "नम…");
    assert_str(str_cut(&arena, STR("a\r\nb c"), 3), "a…");
    assert_str(str_cut(&arena, STR("한국어 \u1112\u1161\u11ab"), 6), "한국어 …");
}

static void one_grapheme_too_long_comes_back_empty(void **state)
{
    (void)state;
    for (size_t max = 0; max < 7; max++)
        assert_str(str_cut(&arena, STR(FAMILY), max), "");
    assert_str(str_cut(&arena, STR("e\u0301\u0302\u0303"), 3), "");
    assert_str(str_cut(&arena, STR("🇵🇱"), 1), "");
    assert_str(str_cut(&arena, STR("\r\n"), 1), "");
}

/* What the contract says, said again over UTF-16: the most whole graphemes that leave room. */
static struct str slow_cut(const UChar *wide, int32_t len, struct str text, size_t max)
{
    UErrorCode status = U_ZERO_ERROR;
    UBreakIterator *iterator = ubrk_open(UBRK_CHARACTER, "", wide, len, &status);
    assert_true(U_SUCCESS(status));
    int32_t keep = 0;
    int32_t at = 0;
    bool single = ubrk_next(iterator) == len;
    ubrk_first(iterator);
    while ((at = ubrk_next(iterator)) != UBRK_DONE) {
        if (u_countChar32(wide, at) + 1 <= (int32_t)max)
            keep = at;
    }
    ubrk_close(iterator);
    if (u_countChar32(wide, len) <= (int32_t)max)
        return text;
    if (max == 0 || single)
        return STR_NONE;
    char bytes[4096];
    int32_t n = 0;
    u_strToUTF8(bytes, sizeof(bytes), &n, wide, keep, &status);
    return arena_format(&arena, "%.*s…", (int)n, bytes);
}

static void cutting_agrees_with_a_slow_reading_of_the_contract(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a", "B",  " ",      "\r", "\n",   "ż",      "e\u0301", "\u0301", "م",
        "ُ",  "🇵",  "🇱",      "👍",  "🏽", "\u200D", "👩",       "\uFE0F", "\u20E3",
        "1", "한", "\u1161", "स्",  "त",    "ि",      FAMILY,    "\u0600",
    };
    for (int round = 0; round < 4000; round++) {
        char text[512] = "";
        size_t end = 0;
        for (uint32_t n = 1 + next_random(14); n > 0; n--) {
            const char *piece = pieces[next_random(COUNTOF(pieces))];
            memcpy(text + end, piece, strlen(piece) + 1);
            end += strlen(piece);
        }
        UChar wide[512];
        int32_t len = 0;
        UErrorCode status = U_ZERO_ERROR;
        u_strFromUTF8(wide, 512, &len, text, -1, &status);
        for (size_t max = 0; max < 16; max++) {
            struct str cut = str_cut(&arena, str_from(text), max);
            assert_true(str_eq(cut, slow_cut(wide, len, str_from(text), max)));
            assert_true(str_length(cut) <= max);
        }
        arena_reset(&arena);
    }
}

static void a_megabyte_of_accents_on_one_letter_is_cut_in_time(void **state)
{
    (void)state;
    size_t n = (size_t)1 << 19;
    char *text = malloc(2 * n);
    assert_non_null(text);
    text[0] = 'a';
    text[1] = 'b';
    for (size_t i = 2; i < 2 * n; i += 2) {
        text[i] = '\xCC'; /* U+0301 */
        text[i + 1] = '\x81';
    }
    assert_str(str_cut(&arena, (struct str){text, 2 * n}, 4096), "a…");
    assert_str(str_cut(&arena, (struct str){text + 1, 2 * n - 1}, 4096), "");
    free(text);
}

static void ill_formed_text_is_cut_without_harm(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char bytes[12];
        size_t len = next_random(sizeof(bytes));
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(next_random(3) == 0 ? next_random(256) : 0x80 + next_random(128));
        struct str text = {bytes, len};
        size_t max = next_random(8);
        assert_true(str_length(str_cut(&arena, text, max)) <= max);
        assert_true(str_is_utf8(str_sane(&arena, text)));
        (void)str_fold(&arena, text);
        (void)str_trim(text);
        arena_reset(&arena);
    }
}

/* --- folding ---------------------------------------------------------------------------- */

static void fold_lowers_and_composes(void **state)
{
    (void)state;
    assert_str(str_fold(&arena, STR("Where Is MY Order? 42")), "where is my order? 42");
    assert_str(str_fold(&arena, STR("ZAMÓWIENIE ŁÓDŹ")), "zamówienie łódź");
    assert_str(str_fold(&arena, STR("DO\u0301NDE")), "d\u00F3nde");
    assert_str(str_fold(&arena, STR("ΟΔΟΣ")), "οδος");
    assert_str(str_fold(&arena, STR("طلب")), "طلب");
    assert_str(str_fold(&arena, STR("I")), "i");
    assert_str(str_fold(&arena, STR("ITEM İ")), "item i\u0307");
}

static void ascii_folds_alike_whether_or_not_icu_is_asked(void **state)
{
    (void)state;
    char ascii[127];
    for (size_t i = 0; i < sizeof(ascii); i++)
        ascii[i] = (char)(i + 1);
    struct str text = {ascii, sizeof(ascii)};
    struct str asked = arena_format(&arena, "%.*s→", STR_ARG(text));
    struct str by_icu = str_fold(&arena, asked);
    assert_true(str_eq(str_fold(&arena, text), str_slice(by_icu, 0, text.len)));
}

/* Folding ASCII takes one copy from the arena and no room for ICU. */
static void folding_ascii_takes_no_more_than_a_copy(void **state)
{
    (void)state;
    struct arena own = {0};
    (void)str_fold(&own, STR("Where is my order?"));
    assert_int_equal(own.used, strlen("Where is my order?") + 1);
    arena_finish(&own);
}

static void folding_twice_changes_nothing_more(void **state)
{
    (void)state;
    static const struct str texts[] = {
        STR("ZAŻÓŁĆ"),   STR("مُحَمَّد"), STR("İI ıß ﬁ Å \u212B"),
        STR("ΟΔΟΣ ΣΑΣ"), STR("Ǆ ᾼ"),  STR(FAMILY),
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct str fold = str_fold(&arena, texts[i]);
        assert_true(str_eq(str_fold(&arena, fold), fold));
    }
}

/* U+0390 and its like take the most room when they are taken apart. */
static void letters_that_grow_when_folded_find_room(void **state)
{
    (void)state;
    static const char *const growing[] = {"\u0390", "\u1F82", "\u0130", "\uFB2C", "\U0001D160"};
    for (size_t i = 0; i < COUNTOF(growing); i++) {
        char text[4001] = "";
        size_t len = strlen(growing[i]);
        for (size_t at = 0; at + len <= 4000; at += len)
            memcpy(text + at, growing[i], len + 1);
        assert_true(str_is_utf8(str_fold(&arena, str_from(text))));
        assert_true(str_fold(&arena, str_from(text)).len > 0);
    }
}

static void *cut_many(void *nothing)
{
    (void)nothing;
    struct arena own = {0};
    for (int i = 0; i < 200; i++) {
        if (!str_eq(str_cut(&own, STR("a" FAMILY "bc"), 5), STR("a…")))
            return &arena;
    }
    arena_finish(&own);
    return NULL;
}

static void threads_cut_side_by_side_and_leave_nothing_behind(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNTOF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, cut_many, NULL), 0);
    for (size_t i = 0; i < COUNTOF(threads); i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_text_is_equal_however_it_is_written),
        cmocka_unit_test(equality_sees_every_byte_also_nul),
        cmocka_unit_test(starts_and_ends_look_at_the_right_end),
        cmocka_unit_test(order_is_by_bytes_and_the_shorter_first),
        cmocka_unit_test(a_slice_stays_inside),
        cmocka_unit_test(a_missing_needle_is_found_at_the_end),
        cmocka_unit_test(a_split_gives_every_piece_once),
        cmocka_unit_test(a_number_fills_its_text_and_fits),
        cmocka_unit_test(utf8_is_well_formed_and_without_nul),
        cmocka_unit_test(utf8_agrees_with_icu_on_all_short_sequences),
        cmocka_unit_test(length_counts_code_points_and_each_bad_byte),
        cmocka_unit_test(sane_text_is_itself_and_bad_bytes_are_replaced),
        cmocka_unit_test(trim_takes_unicode_s_spaces_and_stops_at_bad_bytes),
        cmocka_unit_test(a_text_that_fits_is_borrowed),
        cmocka_unit_test(a_cut_text_ends_in_an_ellipsis_that_counts),
        cmocka_unit_test(emoji_are_whole_or_gone),
        cmocka_unit_test(flags_are_pairs_counted_from_their_row_s_start),
        cmocka_unit_test(letters_keep_their_marks),
        cmocka_unit_test(one_grapheme_too_long_comes_back_empty),
        cmocka_unit_test(cutting_agrees_with_a_slow_reading_of_the_contract),
        cmocka_unit_test(a_megabyte_of_accents_on_one_letter_is_cut_in_time),
        cmocka_unit_test(ill_formed_text_is_cut_without_harm),
        cmocka_unit_test(fold_lowers_and_composes),
        cmocka_unit_test(ascii_folds_alike_whether_or_not_icu_is_asked),
        cmocka_unit_test(folding_ascii_takes_no_more_than_a_copy),
        cmocka_unit_test(folding_twice_changes_nothing_more),
        cmocka_unit_test(letters_that_grow_when_folded_find_room),
        cmocka_unit_test(threads_cut_side_by_side_and_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
