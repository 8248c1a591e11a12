/* Archives: what is in them, and where their names lead. */
#include "bot/view/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char bytes[1 << 16];
static size_t len;

static void take(struct zip *zip)
{
    struct str piece;

    while ((piece = zip_take(zip, 1000)).len > 0) {
        assert_true(piece.len <= 1000 && len + piece.len <= sizeof bytes);
        memcpy(bytes + len, piece.at, piece.len);
        len += piece.len;
    }
}

/* An archive of files by those names, each with its name as its bytes. */
static void write_all(const char *const *names, size_t n)
{
    struct zip *zip = zip_create();

    len = 0;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(names[i]);
        assert_true(zip_add(zip, name, 0, name, NULL));
        take(zip);
    }
    assert_true(zip_finish(zip, NULL));
    take(zip);
    zip_destroy(zip);
}

static void expect_all(const char *const *names, const char *const *plain, size_t n)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char text[300];

    assert_int_equal(archive_read_support_format_zip(archive), ARCHIVE_OK);
    assert_int_equal(archive_read_open_memory(archive, bytes, len), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
        assert_string_equal(archive_entry_pathname(entry), plain[i]);
        la_ssize_t got = archive_read_data(archive, text, sizeof text);
        assert_int_equal(got, strlen(names[i]));
        assert_memory_equal(text, names[i], strlen(names[i]));
    }
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
    assert_int_equal(archive_read_free(archive), ARCHIVE_OK);
}

static void web_1_what_was_added_is_in_it(void **state)
{
    static const char *const names[] = {"invoice-7.pdf", "ORD-1/3.jpg", "a.b-c_d/e"};

    (void)state;
    write_all(names, COUNTOF(names));
    expect_all(names, names, COUNTOF(names));
}

/* Orders are named by businesses' systems, and archives are opened by their customers. */
static void web_1_no_name_leads_out_of_where_it_is_opened(void **state)
{
    static const char *const names[] = {"../../../etc/cron.d/x",
                                        "/etc/passwd",
                                        "..\\..\\x.exe",
                                        ".ssh/authorized_keys",
                                        "a/../../b",
                                        "a//b",
                                        "C:\\x",
                                        "x\n\x1b[2J\xe2\x80\xae.pdf",
                                        "...",
                                        "a/."};
    static const char *const plain[] = {"_./_./_./etc/cron.d/x",
                                        "_etc/passwd",
                                        "_._.._x.exe",
                                        "_ssh/authorized_keys",
                                        "a/_./_./b",
                                        "a/_b",
                                        "C__x",
                                        "x___2J___.pdf",
                                        "_..",
                                        "a/_"};

    (void)state;
    write_all(names, COUNTOF(names));
    expect_all(names, plain, COUNTOF(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(web_1_what_was_added_is_in_it),
        cmocka_unit_test(web_1_no_name_leads_out_of_where_it_is_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
