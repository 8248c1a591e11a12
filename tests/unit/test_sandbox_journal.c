/*
 * The journal keeps what it answered for, and a tear harms nothing before it.
 */
#include "tests/sandbox/journal.h"

#include "bot/base/json.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct counter {
    struct journal_reader reader;
    int n;
    json_int_t last;
};

static void count(struct journal_reader *reader, const json_t *record)
{
    struct counter *counter = CONTAINER_OF(reader, struct counter, reader);
    counter->n++;
    counter->last = json_integer_value(json_object_get(record, "n"));
}

static struct counter read_all(const char *path)
{
    struct counter counter = {{count}, 0, -1};
    assert_true(journal_read(path, &counter.reader, NULL));
    return counter;
}

struct seen {
    struct journal_wait wait;
    const char *path;
    bool inside;
    int told;
    int on_disk;
};

static void told(struct journal_wait *wait)
{
    struct seen *seen = CONTAINER_OF(wait, struct seen, wait);
    assert_false(seen->inside);
    seen->told++;
    seen->on_disk = read_all(seen->path).n;
}

static void append(struct journal *journal, int n)
{
    OWNED_JSON(record) = json_pack("{s:i, s:s}", "n", n, "body", "line\nbreak");
    journal_append(journal, record);
}

static const char *fresh_path(void)
{
    static char path[TEMP_PATH];
    temp_file(path, "journal");
    (void)unlink(path);
    return path;
}

static void who_waits_is_told_after_it_is_on_the_disk(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct loop loop;
    struct journal *journal;
    struct seen seen = {.path = path};
    assert_true(loop_init(&loop, NULL));
    assert_int_equal(read_all(path).n, 0);
    assert_true(journal_create(&loop, path, &journal, NULL));
    seen.inside = true;
    append(journal, 1);
    append(journal, 2);
    journal_sync(journal, &seen.wait, told);
    seen.inside = false;
    loop_run(&loop);
    assert_int_equal(seen.told, 1);
    assert_int_equal(seen.on_disk, 2);
    journal_destroy(journal);
    assert_true(loop_finish(&loop));
    (void)unlink(path);
}

static void a_torn_line_is_cut_off_wherever_it_tore(void **state)
{
    (void)state;
    const char *path = fresh_path();
    struct stat whole;
    struct loop loop;
    struct journal *journal;
    assert_true(loop_init(&loop, NULL));
    assert_true(journal_create(&loop, path, &journal, NULL));
    append(journal, 1);
    append(journal, 2);
    journal_destroy(journal);
    assert_int_equal(stat(path, &whole), 0);
    for (off_t size = whole.st_size - 1; size > whole.st_size / 2; size--) {
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(read_all(path).n, 1);
        assert_true(journal_create(&loop, path, &journal, NULL));
        append(journal, 2);
        journal_destroy(journal);
        assert_int_equal(read_all(path).n, 2);
    }
    assert_true(loop_finish(&loop));
    (void)unlink(path);
}

static void without_a_file_the_waiting_are_told_all_the_same(void **state)
{
    (void)state;
    struct loop loop;
    struct journal *journal;
    struct seen seen = {.path = "/nonexistent/journal"};
    assert_true(loop_init(&loop, NULL));
    assert_true(journal_create(&loop, NULL, &journal, NULL));
    append(journal, 1);
    journal_sync(journal, &seen.wait, told);
    loop_run(&loop);
    assert_int_equal(seen.told, 1);
    journal_destroy(journal);
    assert_true(loop_finish(&loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_is_told_after_it_is_on_the_disk),
        cmocka_unit_test(a_torn_line_is_cut_off_wherever_it_tore),
        cmocka_unit_test(without_a_file_the_waiting_are_told_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
