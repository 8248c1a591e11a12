/* The document store in a folder: what is put is there as a whole, and what has rotted is told.
 */
#include "bot/file/documents.h"
#include "tests/support/temp.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

static char dir[TEMP_PATH];
static struct config config;
static struct loop loop;
static struct documents *documents;
static struct arena arena;
static unsigned n_done;

static void done(struct document_op *op)
{
    (void)op;
    n_done++;
}

static int open_store(void **state)
{
    struct err err = {0};

    (void)state;
    temp_folder(dir, "documents");
    if (!crypto_init(&err) || !loop_init(&loop, &err))
        return -1;
    config = (struct config){0};
    config.documents.store = STR("local");
    config.documents.path = arena_format(&arena, "%s/a/b", dir);
    config.documents.max_size = 1 << 20;
    return documents_create(&loop, &config, &documents, &err) ? 0 : -1;
}

static int shut_store(void **state)
{
    (void)state;
    documents_close(documents);
    loop_run(&loop);
    documents_destroy(documents);
    temp_remove(dir);
    arena_finish(&arena);
    arena = (struct arena){0};
    return loop_finish(&loop) ? 0 : -1;
}

static struct document_op op_for(struct str bytes, uint8_t org)
{
    struct document_op op = {.bytes = bytes, .into = &arena, .done = done};

    op.key.org.bytes[15] = org;
    op.key.sha256 = sha256(bytes);
    return op;
}

typedef void (*document_verb)(struct documents *documents, struct document_op *op);

static void act(document_verb verb, struct document_op *op)
{
    unsigned before = n_done;

    verb(documents, op);
    assert_int_equal(n_done, before); /* never from inside the call */
    while (n_done == before)
        loop_run(&loop);
}

static void put(struct str bytes, uint8_t org)
{
    struct document_op op = op_for(bytes, org);

    act(documents_put, &op);
    if (op.err.code != ERR_NONE)
        fail_msg("%s", op.err.text);
}

static const char *path_of(struct str bytes, uint8_t org)
{
    struct document_op op = op_for(bytes, org);

    return arena_format(&arena, "%.*s/%.*s", STR_ARG(config.documents.path),
                        STR_ARG(document_path(&arena, &op.key)))
        .at;
}

static unsigned rights(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void ch_1_what_was_put_comes_back_byte_for_byte(void **state)
{
    (void)state;
    static const char bytes[] = "\0any bytes\xFF at all";
    struct str text = {bytes, sizeof bytes};
    struct document_op op;

    put(text, 1);
    put(text, 1); /* twice is once */
    put(STR(""), 1);
    op = op_for(text, 1);
    op.bytes = STR_NONE;
    act(documents_get, &op);
    assert_int_equal(op.err.code, ERR_NONE);
    assert_true(op.found);
    assert_true(str_eq(op.bytes, text));
    act(documents_look, &op);
    assert_true(op.found);
    op = op_for(text, 2); /* another business has nothing of it */
    act(documents_look, &op);
    assert_false(op.found);
    act(documents_get, &op);
    assert_false(op.found);
    assert_int_equal(op.err.code, ERR_NONE);
}

/* A limit is for what comes; what was kept before it is still the customer's. */
static void ch_1_what_was_kept_is_there_when_the_limit_is_lowered(void **state)
{
    (void)state;
    struct str text = STR("a photo of more than eight bytes");
    struct document_op op = op_for(text, 1);

    put(text, 1);
    config.documents.max_size = 8;
    op.bytes = STR_NONE;
    act(documents_get, &op);
    config.documents.max_size = 1 << 20;
    assert_int_equal(op.err.code, ERR_NONE);
    assert_true(op.found);
    assert_true(str_eq(op.bytes, text));
}

static void ch_1_only_the_service_can_read_it(void **state)
{
    (void)state;
    struct str text = STR("a letter");
    const char *path = path_of(text, 1);

    put(text, 1);
    assert_int_equal(rights(path), 0600);
    assert_int_equal(
        rights(arena_format(&arena, "%.*s", (int)(strrchr(path, '/') - path), path).at), 0700);
    assert_int_equal(rights(config.documents.path.at), 0700);
}

static void ch_1_what_has_rotted_or_was_swapped_is_never_given(void **state)
{
    (void)state;
    struct str text = STR("a letter");
    const char *path = path_of(text, 1);
    struct document_op op;
    FILE *file;

    put(text, 1);
    file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc('A', file), 'A');
    assert_int_equal(fclose(file), 0);
    op = op_for(text, 1);
    act(documents_get, &op);
    assert_int_equal(op.err.code, ERR_BROKEN);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    act(documents_get, &op);
    assert_int_not_equal(op.err.code, ERR_NONE);
}

static void ch_1_a_drop_is_a_drop_and_gone_is_no_error(void **state)
{
    (void)state;
    struct str text = STR("a letter");
    struct document_op op = op_for(text, 1);

    put(text, 1);
    act(documents_drop, &op);
    assert_int_equal(op.err.code, ERR_NONE);
    act(documents_drop, &op);
    assert_int_equal(op.err.code, ERR_NONE);
    act(documents_look, &op);
    assert_false(op.found);
    put(text, 1);
    act(documents_look, &op);
    assert_true(op.found);
}

static size_t files_in(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t n = 0;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads it */
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        n += entry->d_name[0] != '.';
    if (folder != NULL)
        (void)closedir(folder);
    return n;
}

/* Whoever slept past its lease leaves things as others have made them since. */
static void ch_1_what_comes_too_late_is_neither_put_nor_dropped(void **state)
{
    (void)state;
    struct document_op late = op_for(STR("a file"), 1);

    late.until = clock_monotonic() - 1;
    act(documents_put, &late);
    assert_int_equal(late.err.code, ERR_RETRY);
    assert_int_not_equal(access(path_of(STR("a file"), 1), F_OK), 0);
    put(STR("a file"), 1);
    late = op_for(STR("a file"), 1);
    late.until = clock_monotonic() - 1;
    act(documents_drop, &late);
    assert_int_equal(late.err.code, ERR_RETRY);
    assert_int_equal(access(path_of(STR("a file"), 1), F_OK), 0);
    late = op_for(STR("a file"), 1);
    late.until = clock_monotonic() + USEC_PER_MIN;
    act(documents_drop, &late);
    assert_int_equal(late.err.code, ERR_NONE);
    assert_int_not_equal(access(path_of(STR("a file"), 1), F_OK), 0);
}

static void ch_1_a_put_that_fails_leaves_nothing_half(void **state)
{
    (void)state;
    struct str text = STR("a letter");
    const char *path = path_of(text, 1);
    struct document_op op = op_for(text, 1);

    put(STR("another"), 1);
    /* a folder stands where the file is to be */
    assert_int_equal(
        mkdir(arena_format(&arena, "%.*s", (int)(strrchr(path, '/') - path), path).at, 0700),
        0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(arena_format(&arena, "%s/in_the_way", path).at, 0700), 0);
    act(documents_put, &op);
    assert_int_equal(op.err.code, ERR_RETRY);
    assert_int_equal(
        files_in(arena_format(&arena, "%.*s/new", STR_ARG(config.documents.path)).at), 0);
}

static void ch_1_what_a_death_left_is_swept_when_it_is_old(void **state)
{
    (void)state;
    const char *fresh = arena_format(&arena, "%.*s/new", STR_ARG(config.documents.path)).at;
    const char *old = arena_format(&arena, "%s/00", fresh).at;
    const char *young = arena_format(&arena, "%s/11", fresh).at;
    struct utimbuf long_ago;
    struct stat born;

    put(STR("a letter"), 1);
    assert_int_equal(symlink("x", young), 0); /* a stranger's, and no file: left alone */
    FILE *file = fopen(old, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(stat(old, &born), 0); /* the clock of the files */
    long_ago.actime = long_ago.modtime = born.st_mtime - 7200;
    assert_int_equal(utime(old, &long_ago), 0);
    put(STR("another"), 1);
    assert_int_equal(files_in(fresh), 1);
}

static void ch_1_settings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"",
                                            "s3.example",
                                            "https://",
                                            "https://s3.example/",
                                            "ftp://s3.example",
                                            "https://s3.example/bucket"};
    struct documents *made = NULL;
    struct config s3 = {0};
    struct err err = {0};

    s3.documents.store = STR("s3");
    s3.documents.endpoint = STR("https://s3.example");
    assert_false(documents_create(&loop, &s3, &made, &err)); /* no bucket, no key */
    assert_int_equal(err.code, ERR_REJECT);
    s3.documents.bucket = s3.documents.key = s3.documents.secret = STR("x");
    s3.documents.downloads = 1;
    for (size_t i = 0; i < COUNTOF(endpoints); i++) {
        s3.documents.endpoint = str_from(endpoints[i]);
        assert_false(documents_create(&loop, &s3, &made, &err));
    }
    s3.documents.endpoint = STR("https://s3.example");
    assert_true(documents_create(&loop, &s3, &made, &err));
    documents_close(made);
    loop_run(&loop);
    documents_destroy(made);
    documents_close(NULL);
    documents_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, shut_store)
    static const struct CMUnitTest tests[] = {
        TEST(ch_1_what_was_put_comes_back_byte_for_byte),
        TEST(ch_1_what_was_kept_is_there_when_the_limit_is_lowered),
        TEST(ch_1_only_the_service_can_read_it),
        TEST(ch_1_what_has_rotted_or_was_swapped_is_never_given),
        TEST(ch_1_a_drop_is_a_drop_and_gone_is_no_error),
        TEST(ch_1_what_comes_too_late_is_neither_put_nor_dropped),
        TEST(ch_1_a_put_that_fails_leaves_nothing_half),
        TEST(ch_1_what_a_death_left_is_swept_when_it_is_old),
        TEST(ch_1_settings_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
