/*
 * Papers: what stands on them in each language, and that a PDF says just that when it is read
 * back. With PARLEY_TEST_PAPERS=FOLDER they are written there, for people to look at.
 */
#include "bot/later/paper_draw.h"
#include "tests/support/face_samples.h"
#include "tests/support/temp.h"

#include <cairo.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACED_AT (1772546400LL * USEC_PER_SEC) /* 3 March 2026, 14:00 UTC */

static struct arena arena;
static struct words *words;
static size_t items = 2;
static const char *item_name = "Oil lamp, brass";
static const char *customer = "Ana Díaz";

static int setup(void **state)
{
    (void)state;
    words = face_sample_words();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    words_destroy(words);
    words_cool();
    paper_cool();
    arena_finish(&arena);
    return 0;
}

static struct value money(int64_t minor)
{
    struct money made;

    assert_true(money_make(minor, STR("EUR"), &made, NULL));
    return value_money(made);
}

static struct value rows(void)
{
    struct list *list = arena_new(&arena, struct list);
    struct value *all = arena_array(&arena, struct value, items);

    for (size_t i = 0; i < items; i++) {
        struct record_builder row;
        record_build(&row, &arena);
        record_set(&row, STR("description"),
                   value_text(arena_format(&arena, "%s %zu", item_name, i + 1)));
        record_set(&row, STR("qty"), i % 2 ? value_text(STR("1.5")) : value_int(2));
        record_set(&row, STR("unit_price"), money(123450));
        record_set(&row, STR("line_total"), money(246900));
        all[i] = value_record(record_built(&row));
    }
    *list = (struct list){all, items};
    return value_list(list);
}

/* All that there may be, of every kind. */
static const struct record *facts(void)
{
    struct record_builder facts;

    record_build(&facts, &arena);
    record_set(&facts, STR("number"), value_text(STR("ORD/1001")));
    record_set(&facts, STR("customer_name"), value_text(str_from(customer)));
    record_set(&facts, STR("address"), value_text(STR("Calle Mayor 3\nMadrid")));
    record_set(&facts, STR("workflow"), value_text(STR("shop")));
    record_set(&facts, STR("status"), value_text(STR("shipped")));
    record_set(&facts, STR("placed_at"), value_time(PLACED_AT));
    record_set(&facts, STR("issued_at"), value_time(PLACED_AT));
    record_set(&facts, STR("paid_at"), value_time(PLACED_AT));
    record_set(&facts, STR("items"), rows());
    record_set(&facts, STR("subtotal"), money(493800));
    record_set(&facts, STR("tax"), money(0));
    record_set(&facts, STR("total"), money(493800));
    record_set(&facts, STR("amount"), money(493800));
    record_set(&facts, STR("outstanding"), money(0));
    record_set(&facts, STR("notes"), value_text(STR("2 * 3 = 6, _really_")));
    return record_built(&facts);
}

static void write_paper(enum paper_kind kind, enum lang lang, struct paper *paper)
{
    struct paper_ask ask = {
        .kind = kind,
        .words = words,
        .locale = {.lang = lang,               .zone = STR("Europe/Warsaw"), .now = PLACED_AT},
        .from = {.name = STR("Lark & Sons"),
                   .address = STR("7 Quay Street\nGalway"),
                   .website = STR("https://lark.example")                                    },
        .facts = facts()
    };

    paper_write(&arena, &ask, paper);
}

static struct str draw(const struct paper *paper)
{
    struct err err = {.code = ERR_NONE};
    size_t len = 0;
    char *bytes = paper_draw(paper, &len, &err);

    if (bytes == NULL)
        fail_msg("%s", err.text);
    struct str pdf = arena_str(&arena, (struct str){bytes, len});
    free(bytes);
    return pdf;
}

/* What a reader of PDFs finds, without blanks and the signs of direction. */
static struct str bare(struct str text)
{
    char *out = arena_alloc(&arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool mark = c == 0xe2 && i + 2 < text.len && (unsigned char)text.at[i + 1] == 0x80 &&
                    (unsigned char)text.at[i + 2] >= 0x8e &&
                    (unsigned char)text.at[i + 2] <= 0xaf;
        bool isolate = c == 0xe2 && i + 2 < text.len && (unsigned char)text.at[i + 1] == 0x81 &&
                       (unsigned char)text.at[i + 2] >= 0xa6 &&
                       (unsigned char)text.at[i + 2] <= 0xa9;
        if (mark || isolate) {
            i += 2;
        } else if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] == 0xa0) {
            i++;
        } else if (c > ' ') {
            out[n++] = (char)c;
        }
    }
    return (struct str){out, n};
}

static struct str read_back(struct str pdf, const char *name)
{
    const char *folder = getenv("PARLEY_TEST_PAPERS");
    char path[TEMP_PATH + 220], command[700];
    static char text[400000];
    FILE *file;
    size_t n;

    if (folder == NULL) {
        temp_file(path, "paper");
    } else {
        (void)snprintf(path, sizeof path, "%s/%s.pdf", folder, name);
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(pdf.at, 1, pdf.len, file), pdf.len);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(command, sizeof command, "pdftotext '%s' -", path);
    file = popen(command, "r");
    assert_non_null(file);
    n = fread(text, 1, sizeof text, file);
    assert_int_equal(pclose(file), 0);
    if (folder == NULL)
        (void)unlink(path);
    return arena_str(&arena, (struct str){text, n});
}

/* Up to a blank of any kind. */
static bool next_word(struct str *rest, struct str *word)
{
    size_t at = 0;

    while (at < rest->len && rest->at[at] != ' ' && rest->at[at] != '\n' &&
           rest->at[at] != '\f' &&
           !((unsigned char)rest->at[at] == 0xc2 && at + 1 < rest->len &&
             (unsigned char)rest->at[at + 1] == 0xa0))
        at++;
    *word = str_slice(*rest, 0, at);
    if (rest->len == 0)
        return false;
    *rest = str_slice(
        *rest, at + (at < rest->len && (unsigned char)rest->at[at] == 0xc2 ? 2 : 1), rest->len);
    return true;
}

static int by_code_point(const void *a, const void *b)
{
    return (*(const unsigned *)a > *(const unsigned *)b) -
           (*(const unsigned *)a < *(const unsigned *)b);
}

/* A word's letters in an order of their own: readers of PDFs give back each word of a line that
 * runs from the right, but not the letters of a ligature as they were. */
static struct str letters_of(struct str word)
{
    unsigned points[512];
    size_t n = 0;
    struct str out = STR_NONE;

    for (size_t i = 0; i < word.len && n < COUNTOF(points);) {
        unsigned char c = (unsigned char)word.at[i];
        size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        unsigned point = 0;
        for (size_t k = 0; k < len && i + k < word.len; k++)
            point = point << 8 | (unsigned char)word.at[i + k];
        points[n++] = point;
        i += len;
    }
    qsort(points, n, sizeof *points, by_code_point);
    for (size_t i = 0; i < n; i++)
        out = arena_format(&arena, "%.*s%x,", STR_ARG(out), points[i]);
    return out;
}

static struct str all_letters(struct str text)
{
    struct str out = STR("|"), rest = text, word;

    while (next_word(&rest, &word)) {
        struct str letters = letters_of(bare(word));
        if (letters.len > 0)
            out = arena_format(&arena, "%.*s%.*s|", STR_ARG(out), STR_ARG(letters));
    }
    return out;
}

static void assert_read(struct str text, struct str wanted, const char *where)
{
    struct str word;

    for (struct str rest = wanted; next_word(&rest, &word);) {
        struct str part = bare(word);
        struct str letters = arena_format(&arena, "|%.*s|", STR_ARG(letters_of(part)));
        if (part.len > 0 && str_find(bare(text), part) == bare(text).len &&
            str_find(all_letters(text), letters) == all_letters(text).len) {
            fail_msg("%s: \"%.*s\" was not read back from:\n%.*s", where, STR_ARG(wanted),
                     STR_ARG(text));
        }
    }
}

/* --- what stands there
 * ------------------------------------------------------------------------
 */

static void web_4_what_is_drawn_is_read_back_in_every_language(void **state)
{
    (void)state;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        for (unsigned kind = 0; kind < PAPER_KINDS; kind++) {
            struct paper paper;
            char name[64];

            if (kind == PAPER_INVOICE)
                continue; /* its states are others: below */
            write_paper((enum paper_kind)kind, (enum lang)lang, &paper);
            (void)snprintf(name, sizeof name, "%s-%s",
                           kind == PAPER_ORDER ? "order" : "receipt",
                           lang_code((enum lang)lang));
            struct str text = read_back(draw(&paper), name);
            assert_read(text, paper.title, name);
            assert_read(text, paper.number, name);
            assert_read(text, paper.from.name, name);
            assert_read(text, str_from(customer), name);
            for (size_t i = 0; i < paper.n_facts; i++) {
                assert_read(text, paper.facts[i].label, name);
                assert_read(text, paper.facts[i].value, name);
            }
            for (size_t i = 0; i < paper.n_rows; i++) {
                for (unsigned column = 0; column < PAPER_COLUMNS; column++)
                    assert_read(text, paper.rows[i][column], name);
            }
            for (size_t i = 0; i < paper.n_totals; i++) {
                assert_read(text, paper.totals[i].label, name);
                assert_read(text, paper.totals[i].value, name);
            }
            assert_read(text, paper.notes, name);
        }
    }
}

static void web_4_a_paper_has_what_is_known_and_leaves_out_the_rest(void **state)
{
    struct paper paper;

    (void)state;
    write_paper(PAPER_ORDER, LANG_EN, &paper);
    assert_int_equal(paper.n_facts, 2); /* neither expected nor delivered */
    assert_true(str_eq(paper.facts[0].label, STR("Ordered")));
    assert_true(str_eq(paper.facts[0].value, STR("3 Mar 2026")));
    assert_true(str_eq(paper.facts[1].value, STR("Shipped")));
    assert_int_equal(paper.n_totals, 3);
    assert_true(paper.totals[2].strong);
    assert_true(str_eq(paper.to, STR("Ana Díaz\nCalle Mayor 3\nMadrid")));
    assert_true(str_eq(paper.notes, STR("2 * 3 = 6, _really_")));
    assert_true(str_eq(paper.rows[1][PAPER_QUANTITY], STR("1.5")));
    assert_true(str_eq(paper.filename, STR("order-ORD-1001.pdf")));
}

static void the_same_paper_is_the_same_bytes(void **state)
{
    struct paper paper;

    (void)state;
    write_paper(PAPER_ORDER, LANG_AR, &paper);
    assert_true(str_eq(draw(&paper), draw(&paper)));
}

static size_t pages_of(struct str pdf)
{
    size_t n = 0;

    for (struct str rest = pdf;;) {
        size_t at = str_find(rest, STR("/Type /Page"));
        if (at == rest.len)
            return n;
        rest = str_slice(rest, at + strlen("/Type /Page"), rest.len);
        n += rest.len > 0 && rest.at[0] != 's';
    }
}

static void a_long_table_goes_on_with_its_head_and_loses_no_row(void **state)
{
    struct paper paper;

    (void)state;
    items = 120;
    write_paper(PAPER_ORDER, LANG_PL, &paper);
    items = 2;
    struct str pdf = draw(&paper);
    struct str text = read_back(pdf, "long-pl");
    assert_true(str_eq(paper.rows[1][PAPER_QUANTITY], STR("1,5")));
    assert_in_range(pages_of(pdf), 3, 8);
    for (size_t i = 0; i < 120; i++)
        assert_read(text, paper.rows[i][PAPER_ITEM], "long");
    assert_read(text, STR("2 / "), "long");
    assert_read(text, paper.totals[2].value, "long");
}

static void web_4_a_logo_is_drawn_on_either_side(void **state)
{
    static char bytes[20000];
    char path[TEMP_PATH];
    FILE *file;
    size_t n;

    (void)state;
    temp_file(path, "logo");
    cairo_surface_t *logo = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 300, 90);
    assert_int_equal(cairo_surface_write_to_png(logo, path), CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(logo);
    file = fopen(path, "r");
    assert_non_null(file);
    n = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    (void)unlink(path);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct paper paper;
        write_paper(PAPER_ORDER, (enum lang)lang, &paper);
        size_t without = draw(&paper).len;
        paper.logo = (struct str){bytes, n};
        assert_true(draw(&paper).len > without);
    }
}

static void hostile_texts_and_logos_draw_and_hurt_nobody(void **state)
{
    struct paper paper;
    char huge[4001];

    (void)state;
    memset(huge, 'W', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    item_name = huge;
    customer = "\xff\xfe\x80 <b>&amp;\x01 \xe2\x80\xae"
               "evil";
    write_paper(PAPER_ORDER, LANG_EN, &paper);
    item_name = "Oil lamp, brass";
    customer = "Ana Díaz";
    paper.logo = STR("\x89PNG\r\n\x1a\n and then nothing");
    assert_true(draw(&paper).len > 1000);
}

/* Nearly the most that a CRM may say of an invoice, in the broadest letters. */
static void web_4_no_row_of_the_longest_invoice_is_left_out(void **state)
{
    struct paper paper;
    char broad[500];

    (void)state;
    memset(broad, 'W', sizeof broad - 1);
    broad[sizeof broad - 1] = '\0';
    item_name = broad;
    items = 420;
    write_paper(PAPER_ORDER, LANG_EN, &paper);
    items = 2;
    item_name = "Oil lamp, brass";
    struct str pdf = draw(&paper);
    assert_in_range(pages_of(pdf), 201, PAPER_PAGES);
    struct str text = bare(read_back(pdf, "longest"));
    for (size_t i = 1; i <= 420; i++) {
        struct str last = arena_format(&arena, "W%zu", i);
        assert_true(str_find(text, last) < text.len);
    }
}

/* A system's line breaks: one item, the address and the note are each higher than a page. */
static void web_4_what_no_page_could_hold_goes_on_over_pages(void **state)
{
    struct paper paper;
    struct str lines = STR_NONE;

    (void)state;
    for (int i = 0; i < 160; i++)
        lines = arena_format(&arena, "%.*sline%d\n", STR_ARG(lines), i);
    item_name = arena_format(&arena, "%.*s", STR_ARG(lines)).at;
    for (unsigned i = 0; i < 2; i++) {
        write_paper(PAPER_ORDER, i == 0 ? LANG_EN : LANG_AR, &paper);
        paper.to = arena_format(&arena, "%.*slast-of-address", STR_ARG(lines));
        paper.notes = arena_format(&arena, "%.*slast-of-note", STR_ARG(lines));
        struct str text = read_back(draw(&paper), "high");
        size_t n = 0;
        for (struct str rest = text;;) { /* twice as item, once as address, once as note */
            size_t at = str_find(rest, STR("line159"));
            if (at == rest.len)
                break;
            n++;
            rest = str_slice(rest, at + 1, rest.len);
        }
        assert_int_equal(n, 4);
        assert_true(str_find(text, STR("last-of-address")) < text.len);
        assert_true(str_find(text, STR("last-of-note")) < text.len);
    }
    item_name = "Oil lamp, brass";
}

static void web_4_a_paper_that_is_too_long_is_refused_and_says_so(void **state)
{
    struct err err = {.code = ERR_NONE};
    struct paper paper;
    size_t len;

    (void)state;
    write_paper(PAPER_ORDER, LANG_EN, &paper);
    paper.n_rows = 30000;
    paper.rows = arena_alloc(&arena, paper.n_rows * sizeof *paper.rows);
    memset(paper.rows, 0, paper.n_rows * sizeof *paper.rows);
    for (size_t i = 0; i < paper.n_rows; i++)
        paper.rows[i][PAPER_ITEM] = STR("Lamp");
    assert_null(paper_draw(&paper, &len, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_string_equal(err.text, "it would take more than 500 pages");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(web_4_what_is_drawn_is_read_back_in_every_language),
        cmocka_unit_test(web_4_a_paper_has_what_is_known_and_leaves_out_the_rest),
        cmocka_unit_test(the_same_paper_is_the_same_bytes),
        cmocka_unit_test(a_long_table_goes_on_with_its_head_and_loses_no_row),
        cmocka_unit_test(web_4_a_logo_is_drawn_on_either_side),
        cmocka_unit_test(hostile_texts_and_logos_draw_and_hurt_nobody),
        cmocka_unit_test(web_4_no_row_of_the_longest_invoice_is_left_out),
        cmocka_unit_test(web_4_what_no_page_could_hold_goes_on_over_pages),
        cmocka_unit_test(web_4_a_paper_that_is_too_long_is_refused_and_says_so),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
