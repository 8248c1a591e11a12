/* Tables as comma-separated values: what is read, what is refused, and that a bad row harms no
 * other. */
#include "bot/later/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct csv csv;
static struct str fields[CSV_COLUMNS_MAX];
static const char *why;

static int clear(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void begin(const char *bytes, size_t columns)
{
    assert_int_equal(csv_begin(&csv, &arena, str_from(bytes), fields, &why), CSV_ROW);
    assert_int_equal(csv.n, columns);
}

static void row(const char *first, const char *second)
{
    assert_int_equal(csv_next(&csv, &arena, fields, &why), CSV_ROW);
    assert_true(str_eq(fields[0], str_from(first)));
    assert_true(str_eq(fields[1], str_from(second)));
}

static void wrong(unsigned line, const char *what)
{
    assert_int_equal(csv_next(&csv, &arena, fields, &why), CSV_WRONG);
    assert_int_equal(csv.line, line);
    assert_string_equal(why, what);
}

static void end(void)
{
    assert_int_equal(csv_next(&csv, &arena, fields, &why), CSV_END);
}

static void bro_1_quotes_commas_and_ends_of_lines_are_read_as_spreadsheets_write_them(
    void **state)
{
    (void)state;
    begin("\xef\xbb\xbfphone,code\r\n+15550100001,\"a, \"\"b\"\"\"\r\n\n  +15550100002 , \r\n",
          2);
    assert_true(str_eq(fields[0], STR("phone")));
    row("+15550100001", "a, \"b\"");
    row("+15550100002", "");
    assert_int_equal(csv.line, 4);
    end();
    begin("phone;code\n+15550100001;1,5\n", 2);
    row("+15550100001", "1,5");
    begin("phone\tcode\nx\ty", 2);
    row("x", "y");
    end();
}

static void bro_1_a_row_that_is_wrong_is_told_with_its_line_and_harms_no_other(void **state)
{
    (void)state;
    begin("phone,code\na\n1,2,3\n\"open,2\nx\"y,2\n\"x\"y,2\na\x01,2\n\xff,2\nx,y\n", 2);
    wrong(2, "it has fewer fields than the head");
    wrong(3, "it has more fields than the head");
    wrong(4, "a quote is not closed on its line");
    wrong(5, "a quote stands in the middle of a field");
    wrong(6, "a quote stands in the middle of a field");
    wrong(7, "there is a control character in it");
    wrong(8, "it is not UTF-8");
    row("x", "y");
    end();
}

static void bro_1_what_is_too_much_is_refused(void **state)
{
    char long_field[CSV_FIELD_MAX + 16] = "a,b\n";
    char many[128] = "";

    (void)state;
    memset(long_field + 4, 'x', CSV_FIELD_MAX + 1);
    begin(long_field, 2);
    wrong(2, "a field is too long");
    memset(many, ',', CSV_COLUMNS_MAX);
    assert_int_equal(csv_begin(&csv, &arena, str_from(many), fields, &why), CSV_WRONG);
    assert_int_equal(csv_begin(&csv, &arena, STR("\n \n"), fields, &why), CSV_END);
    assert_int_equal(csv_begin(&csv, &arena, STR_NONE, fields, &why), CSV_END);
}

static void put(char *at, struct str text)
{
    memcpy(at, text.at, text.len);
}

/* One line of eight megabytes, with a quote at the beginning of each of its fields. */
static void bro_1_a_huge_line_costs_no_more_than_its_bytes(void **state)
{
    enum { HUGE = 8 << 20 };
    char *bytes = arena_alloc(&arena, HUGE + 16);
    struct str all = {bytes, 0};
    struct arena own = {0};

    (void)state;
    put(bytes, STR("a,b\n"));
    for (size_t i = 4; i < HUGE; i += 4)
        put(bytes + i, STR("\"x\","));
    put(bytes + HUGE, STR("\nx,y\n"));
    all.len = HUGE + 5;
    assert_int_equal(csv_begin(&csv, &arena, all, fields, &why), CSV_ROW);
    assert_int_equal(csv_next(&csv, &own, fields, &why), CSV_WRONG);
    assert_string_equal(why, "the line is too long");
    assert_null(own.blocks);
    row("x", "y");
    end();
}

/* What spreadsheets would take for a formula, and what ends a text for C: neither changes what
 * a row is. */
static void bro_1_formulas_are_text_and_zero_bytes_are_refused(void **state)
{
    struct str all = STR("a,b\n=cmd|' /C calc'!A0,@SUM(1)\nx\0y,z\n\xef\xbb\xbfx,y\n");

    (void)state;
    assert_int_equal(csv_begin(&csv, &arena, all, fields, &why), CSV_ROW);
    row("=cmd|' /C calc'!A0", "@SUM(1)");
    wrong(3, "it is not UTF-8");
    row("\xef\xbb\xbfx", "y"); /* a mark is one at the beginning of the file alone */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(
            bro_1_quotes_commas_and_ends_of_lines_are_read_as_spreadsheets_write_them, clear),
        cmocka_unit_test_teardown(
            bro_1_a_row_that_is_wrong_is_told_with_its_line_and_harms_no_other, clear),
        cmocka_unit_test_teardown(bro_1_what_is_too_much_is_refused, clear),
        cmocka_unit_test_teardown(bro_1_a_huge_line_costs_no_more_than_its_bytes, clear),
        cmocka_unit_test_teardown(bro_1_formulas_are_text_and_zero_bytes_are_refused, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
