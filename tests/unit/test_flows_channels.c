/*
 * The transcripts of tests/scenarios once more, as people have them who have no buttons: by SMS
 * and by email, where an option's number is typed, and by email once more where its link is
 * opened. What comes back must be what stands in the files, and each face must hold what it
 * needs. PARLEY_SHOW=sms shows the texts that cost most.
 */
#include "bot/base/sms_text.h"
#include "tests/support/chat.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    SMS_MAX = 1600, /* characters that Twilio takes in one message */
    SEGMENTS_MAX =
        7, /* what the longest of ours may cost: the welcome and the menu, in Arabic */
    SIZES_MAX = 24
};

/* How many texts had so many segments, by language. */
static unsigned sizes[LANG_COUNT][SIZES_MAX];
static unsigned n_mails;

static void measure_sms(enum lang lang, struct str text)
{
    struct arena arena = {0};
    struct str fit = sms_text_fit(&arena, text, true);
    unsigned segments = sms_measure(fit).segments;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    const char *show = getenv("PARLEY_SHOW");

    assert_in_range(str_length(text), 1, SMS_MAX);
    assert_in_range(segments, 1, SIZES_MAX - 1);
    sizes[lang][segments]++;
    if (show && segments >= SEGMENTS_MAX / 2)
        print_message("--- %s, %u segments\n%.*s\n", lang_code(lang), segments, STR_ARG(text));
    arena_finish(&arena);
}

static void measure(enum channel channel, enum lang lang, const struct face *face)
{
    if (channel == CHANNEL_SMS) {
        measure_sms(lang, face->text);
    } else {
        n_mails++;
    }
}

static bool play_file(const struct book *book, const struct play *on, const char *name)
{
    struct arena arena = {0};
    struct err err = {0};
    struct str path = arena_format(&arena, "%s/tests/scenarios/%s", PARLEY_SOURCE_DIR, name);
    struct str expected = chat_file(&arena, path.at);
    struct str played = chat_play_on(&arena, book, on, expected, &err);
    struct str was, is;
    bool same = err.code == ERR_NONE && str_eq(expected, played);

    if (err.code != ERR_NONE) {
        print_error("%s, %s: %s\n", name, channel_name(on->channel), err.text);
    } else if (!same) {
        unsigned line = play_difference(expected, played, &was, &is);

        print_error("%s:%u, %s\n  stands there: %.*s\n  came back:    %.*s\n", name, line,
                    channel_name(on->channel), STR_ARG(was), STR_ARG(is));
    }
    arena_finish(&arena);
    return same;
}

/* What is silent because of WhatsApp's window is said elsewhere. */
static int is_chat(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);

    return str_ends(name, STR(".chat")) && !str_eq(name, STR("en_decided_late.chat"));
}

static void play_all(const struct play *on)
{
    struct dirent **entries = NULL;
    int n = scandir(PARLEY_SOURCE_DIR "/tests/scenarios", &entries, is_chat, alphasort);
    struct book *book = chat_book();
    int failed = 0;

    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        failed += !play_file(book, on, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    book_destroy(book);
    print_message("%d transcripts by %s\n", n, channel_name(on->channel));
    assert_int_equal(failed, 0);
}

static unsigned middle(const unsigned *counts, unsigned total)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < SIZES_MAX; i++) {
        seen += counts[i];
        if (2 * seen >= total)
            return i;
    }
    return 0;
}

static void ch_6_every_transcript_goes_the_same_way_by_sms(void **state)
{
    const struct play on = {.channel = CHANNEL_SMS, .faced = measure};

    (void)state;
    play_all(&on);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        unsigned total = 0, worst = 0;

        for (unsigned i = 0; i < SIZES_MAX; i++) {
            total += sizes[lang][i];
            worst = sizes[lang][i] ? i : worst;
        }
        print_message("%s: %u texts, segments: median %u, worst %u\n",
                      lang_code((enum lang)lang), total, middle(sizes[lang], total), worst);
        assert_in_range(worst, 1, SEGMENTS_MAX);
    }
}

static void ch_6_every_transcript_goes_the_same_way_by_email(void **state)
{
    const struct play on = {.channel = CHANNEL_EMAIL, .faced = measure};

    (void)state;
    play_all(&on);
    assert_true(n_mails > 0);
}

static void ch_6_every_transcript_goes_the_same_way_by_the_links_of_mails(void **state)
{
    const struct play on = {.channel = CHANNEL_EMAIL, .links = true};

    (void)state;
    play_all(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_6_every_transcript_goes_the_same_way_by_sms),
        cmocka_unit_test(ch_6_every_transcript_goes_the_same_way_by_email),
        cmocka_unit_test(ch_6_every_transcript_goes_the_same_way_by_the_links_of_mails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
