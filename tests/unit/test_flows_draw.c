/* Drawings: boxes and arrows as the flows have them, and a picture only by their own layout. */
#include "bot/base/json.h"
#include "flows/draw/inside.h"
#include "tests/support/chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct book *book;

static int read_book(void **state)
{
    (void)state;
    book = chat_book();
    return 0;
}

static int forget_book(void **state)
{
    (void)state;
    book_destroy(book);
    arena_finish(&arena);
    words_cool();
    return 0;
}

/* As graphviz would give it, everything in one place. */
static struct str layout_of(const struct drawing *drawing)
{
    struct str text = STR("{\"bb\":\"0,0,500,400\",\"objects\":[");

    for (size_t i = 0; i < drawing->n_boxes; i++) {
        text = arena_format(&arena, "%.*s%s{\"pos\":\"100,%zu\"}", STR_ARG(text), i ? "," : "",
                            10 * i);
    }
    text = arena_format(&arena, "%.*s],\"edges\":[", STR_ARG(text));
    for (size_t i = 0; i < drawing->n_arrows; i++) {
        text = arena_format(
            &arena, "%.*s%s{\"id\":\"e%zu\",\"pos\":\"e,9,9 1,1 2,2 3,3 4,4\",\"lp\":\"5,5\"}",
            STR_ARG(text), i ? "," : "", i);
    }
    return arena_format(&arena, "%.*s]}", STR_ARG(text));
}

static void flw_3_every_state_of_every_flow_is_led_to_by_an_arrow(void **state)
{
    (void)state;
    for (size_t i = 0; i < book->n_flows; i++) {
        const struct flow_def *flow = &book->flows[i];
        struct drawing *drawing = drawing_of_flow(&arena, book, flow->name);

        assert_non_null(drawing);
        assert_true(drawing->n_boxes > flow->n_states);
        for (size_t j = 0; j < flow->n_states; j++) {
            size_t led = 0;

            assert_true(str_eq(drawing->boxes[j].title, flow->states[j].name));
            for (size_t k = 0; k < drawing->n_arrows; k++)
                led += drawing->arrows[k].to == j;
            if (led == 0)
                fail_msg("%.*s.%.*s", STR_ARG(flow->name), STR_ARG(flow->states[j].name));
        }
    }
}

static void flw_3_a_picture_has_every_name_and_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i <= book->n_flows; i++) {
        struct drawing *drawing = i < book->n_flows
                                      ? drawing_of_flow(&arena, book, book->flows[i].name)
                                      : drawing_of_book(&arena, book);
        struct err err = {0};
        struct str svg;

        if (!drawing_svg(&arena, drawing, layout_of(drawing), &svg, &err))
            fail_msg("%s", err.text);
        assert_true(str_starts(svg, STR("<svg ")) && str_ends(svg, STR("</svg>\n")));
        assert_true(str_is_utf8(svg));
        for (size_t j = 0; j < drawing->n_boxes; j++) {
            struct str title = drawing->boxes[j].title;

            assert_true(str_find(svg, title) < svg.len);
            assert_true(drawing->boxes[j].width > text_width(title, TEXT_SIZE));
        }
    }
}

static void a_layout_of_something_else_is_refused(void **state)
{
    static const char *const all[] = {
        "",
        "graph 1 2 3",
        "{}",
        "{\"bb\":\"0,0,a,b\"}",
        "{\"bb\":\"0,0,5,5\",\"objects\":[],\"edges\":[]}",
    };
    struct drawing *drawing = drawing_of_flow(&arena, book, STR("menu"));

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct err err = {0};
        struct str svg;

        assert_false(drawing_svg(&arena, drawing, str_from(all[i]), &svg, &err));
        assert_int_equal(err.code, ERR_REJECT);
    }
    assert_null(drawing_of_flow(&arena, book, STR("no_such_flow")));
}

static void texts_are_wrapped_between_words_and_cut_when_they_must(void **state)
{
    struct str rest = STR("one two three four\nfive");
    struct str line;
    size_t n = 0;

    (void)state;
    while (text_wrap(&rest, 10, 60, &line)) {
        assert_true(text_width(line, 10) <= 60);
        n++;
    }
    assert_int_equal(n, 3);
    rest = STR("incomprehensibilities");
    assert_true(text_wrap(&rest, 10, 20, &line));
    assert_int_equal(line.len, 21); /* a word is not divided, but cut by who shows it */
    assert_true(text_width(text_fit(&arena, line, 10, 40), 10) <= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_3_every_state_of_every_flow_is_led_to_by_an_arrow),
        cmocka_unit_test(flw_3_a_picture_has_every_name_and_is_well_formed),
        cmocka_unit_test(a_layout_of_something_else_is_refused),
        cmocka_unit_test(texts_are_wrapped_between_words_and_cut_when_they_must),
    };

    return cmocka_run_group_tests(tests, read_book, forget_book);
}
