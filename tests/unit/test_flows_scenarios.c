/*
 * The transcripts of tests/scenarios, played one by one. With PARLEY_GOLDEN=write they are
 * written anew instead: read the difference before you keep it.
 */
#include "tests/support/chat.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned differing_line(struct str a, struct str b, struct str *was, struct str *is)
{
    unsigned line = 0;

    for (;;) {
        bool more_a = str_split(&a, '\n', was);
        bool more_b = str_split(&b, '\n', is);

        line++;
        if (!more_a || !more_b || !str_eq(*was, *is))
            return line;
    }
}

static void write_again(const char *path, struct str text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static bool play(const struct book *book, const char *path)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    const char *golden = getenv("PARLEY_GOLDEN");
    struct arena arena = {0};
    struct err err = {0};
    struct str expected = chat_file(&arena, path);
    struct str played = chat_play(&arena, book, expected, &err);
    bool same = str_eq(expected, played);
    struct str was = STR_NONE;
    struct str is = STR_NONE;

    if (err.code != ERR_NONE) {
        print_error("%s: %s\n", path, err.text);
        same = false;
    } else if (golden && strcmp(golden, "write") == 0) {
        write_again(path, played);
        same = true;
    } else if (!same) {
        unsigned line = differing_line(expected, played, &was, &is);

        print_error("%s:%u\n  stands there: %.*s\n  came back:    %.*s\n", path, line,
                    STR_ARG(was), STR_ARG(is));
    }
    arena_finish(&arena);
    return same;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_chat(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), STR(".chat"));
}

static void flw_3_every_transcript_comes_back_as_it_is_written(void **state)
{
    struct dirent **entries = NULL;
    int n = scandir(PARLEY_SOURCE_DIR "/tests/scenarios", &entries, is_chat, by_name);
    struct book *book = chat_book();
    int failed = 0;

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/tests/scenarios/%s", PARLEY_SOURCE_DIR,
                       entries[i]->d_name);
        failed += !play(book, path);
        free(entries[i]);
    }
    free(entries);
    book_destroy(book);
    print_message("%d transcripts\n", n);
    assert_int_equal(failed, 0);
}

/* Runs after the transcripts were played: no outcome of any action may be seen by none. */
static void flw_3_each_outcome_of_each_action_is_seen_in_a_transcript(void **state)
{
    unsigned unseen = 0;

    (void)state;
    for (size_t i = 0; i < flow_parts_n; i++) {
        const struct flow_part *part = &flow_parts[i];

        for (size_t j = 0; part->kind == FLOW_ACTION && part->outcomes[j]; j++) {
            if (chat_seen(part->name, part->outcomes[j]) > 0)
                continue;
            print_error("no transcript sees %s: %s\n", part->name, part->outcomes[j]);
            unseen++;
        }
    }
    assert_int_equal(unseen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_3_every_transcript_comes_back_as_it_is_written),
        cmocka_unit_test(flw_3_each_outcome_of_each_action_is_seen_in_a_transcript),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
