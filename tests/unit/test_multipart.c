/* Forms with files: what browsers post is read, and whatever is broken is refused. */
#include "webhooks/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=----x7"

static struct arena arena;
static struct multipart form;

static bool reads(const char *type, const char *body)
{
    struct err err = {0};
    bool ok = multipart_read(&arena, str_from(type), str_from(body), &form, &err);

    assert_int_equal(err.code, ok ? ERR_NONE : ERR_REJECT);
    return ok;
}

static void iss_4_what_a_browser_posts_is_read(void **state)
{
    (void)state;
    assert_true(reads(TYPE, "------x7\r\nContent-Disposition: form-data; name=\"story\"\r\n\r\n"
                            "It came\r\nbroken\r\n------x7\r\n"
                            "Content-Disposition: form-data; name=\"files\"; "
                            "filename=\"a %22b%22.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
                            "--x7\r\n-----x7\r\n------x7--\r\n"));
    assert_int_equal(form.n, 2);
    assert_true(str_eq(multipart_text(&form, "story"), STR("It came\r\nbroken")));
    assert_true(form.parts[1].is_file);
    assert_true(str_eq(form.parts[1].filename, STR("a \"b\".jpg")));
    assert_true(str_eq(form.parts[1].bytes, STR("--x7\r\n-----x7")));
    assert_int_equal(multipart_text(&form, "files").len, 0);
    assert_true(reads("Multipart/Form-Data; charset=utf-8; Boundary=\"----x7\"",
                      "preamble\r\n------x7  \r\ncontent-disposition:form-data;name=a;"
                      "filename=\"\"\r\n\r\n\r\n------x7--"));
    assert_true(form.parts[0].is_file);
    assert_int_equal(form.parts[0].bytes.len, 0);
    assert_true(reads(TYPE, "------x7--"));
    assert_int_equal(form.n, 0);
}

static void iss_4_what_is_broken_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "------x7",
        "------x7\r\n",
        "------x7\r\n\r\n",
        "------x7\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb",
        "------x7\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n------x7",
        "------x7\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n------x7--",
        "------x7\r\nContent-Disposition: form-data\r\n\r\nb\r\n------x7--",
        "------x7\r\nContent-Type: text/plain\r\n\r\nb\r\n------x7--",
        "------x7\r\n\r\nb\r\n------x7--",
        "------x7 and more\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n------x7--",
        "------y\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n------y--",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(bodies); i++)
        assert_false(reads(TYPE, bodies[i]));
    assert_false(reads("multipart/form-data", "--\r\n\r\n----"));
    assert_false(reads("multipart/form-data; boundary=", "--\r\n\r\n----"));
    assert_false(reads("multipart/mixed; boundary=----x7", "------x7--"));
    assert_false(reads("", "------x7--"));
    assert_false(
        reads("multipart/form-data; boundary="
              "01234567890123456789012345678901234567890123456789012345678901234567890",
              "------x7--"));
}

static void iss_4_heads_and_parts_have_an_end(void **state)
{
    char *body = test_malloc(20000);

    (void)state;
    strcpy(body, "------x7\r\nX: ");
    memset(body + strlen(body), 'y', 5000);
    strcpy(body + 13 + 5000,
           "\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n------x7--");
    assert_false(reads(TYPE, body));
    *body = '\0';
    for (int i = 0; i < 33; i++)
        strcat(body, "------x7\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n");
    strcat(body, "------x7--");
    assert_false(reads(TYPE, body));
    assert_true(reads(TYPE, strstr(body + 8, "------x7")));
    assert_int_equal(form.n, 32);
    test_free(body);
}

/* A form within a form is bytes. */
static void iss_4_a_nested_form_is_bytes(void **state)
{
    (void)state;
    assert_true(reads(TYPE,
                      "------x7\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                      "Content-Type: multipart/mixed; boundary=q\r\n\r\n"
                      "--q\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nc\r\n--q--"
                      "\r\n------x7--"));
    assert_int_equal(form.n, 1);
    assert_int_equal(multipart_text(&form, "b").len, 0);
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iss_4_what_a_browser_posts_is_read),
        cmocka_unit_test(iss_4_what_is_broken_is_refused),
        cmocka_unit_test(iss_4_heads_and_parts_have_an_end),
        cmocka_unit_test(iss_4_a_nested_form_is_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
