/*
 * Every conversation of tests/scenarios once more, and after each of its turns something else
 * comes in between: a question, a recording, a message that had to wait. It is answered, then
 * the prompt that was open stands there again, and from there on all goes on as if nothing had
 * been asked. New flows and transcripts are held to it without a line here.
 */
#include "tests/support/chat.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MARK "# -- in between"

enum { LINES_MAX = 1000, FILES_MAX = 600 };

struct transcript {
    const char *name;
    enum lang lang;
    struct str lines[LINES_MAX];
    size_t n;
};

static struct book *book;
static struct dirent **files;
static int n_files;

static bool is_answer(struct str line)
{
    return str_starts(line, STR(">")) || str_starts(line, STR("*")) || str_eq(line, STR("--"));
}

static size_t end_of_answer(const struct transcript *transcript, size_t from)
{
    while (from < transcript->n && is_answer(transcript->lines[from]))
        from++;
    return from;
}

static void split(struct str text, struct transcript *transcript)
{
    struct str line;

    transcript->n = 0;
    while (str_split(&text, '\n', &line)) {
        assert_true(transcript->n < LINES_MAX);
        transcript->lines[transcript->n++] = line;
    }
}

static struct str join(struct arena *into, const struct str *lines, size_t n)
{
    size_t len = 0;
    char *text;

    for (size_t i = 0; i < n; i++)
        len += lines[i].len + 1;
    text = arena_alloc(into, len + 1);
    len = 0;
    for (size_t i = 0; i < n; i++) {
        if (lines[i].len > 0)
            memcpy(text + len, lines[i].at, lines[i].len);
        len += lines[i].len;
        text[len++] = '\n';
    }
    return (struct str){text, len};
}

/* The transcript with `said` between its lines `at - 1` and `at`, as it is played. */
static bool play_with(struct arena *arena, const struct transcript *transcript, size_t at,
                      struct str said, struct transcript *played, struct err *err)
{
    struct str *lines = arena_array(arena, struct str, transcript->n + 3);
    struct str text;

    memcpy(lines, transcript->lines, at * sizeof(*lines));
    lines[at] = STR(MARK);
    lines[at + 1] = arena_format(arena, "< %.*s", STR_ARG(said));
    lines[at + 2] = STR(MARK);
    memcpy(lines + at + 3, transcript->lines + at, (transcript->n - at) * sizeof(*lines));
    text = chat_play(arena, book, join(arena, lines, transcript->n + 3), err);
    split(text, played);
    return err->code == ERR_NONE;
}

/* --- what must be so afterwards ----------------------------------------------------------- */

static size_t mark_after(const struct transcript *played, size_t from)
{
    while (from < played->n && !str_eq(played->lines[from], STR(MARK)))
        from++;
    return from;
}

/* Where the prompt begins with which an answer ends: its options and the words above them. */
static size_t prompt_of(const struct transcript *transcript, size_t begin, size_t end)
{
    size_t at = end;

    while (at > begin && str_starts(transcript->lines[at - 1], STR("*")))
        at--;
    while (at > begin && (str_starts(transcript->lines[at - 1], STR("> [")) ||
                          str_starts(transcript->lines[at - 1], STR("> #")) ||
                          str_starts(transcript->lines[at - 1], STR("> @"))))
        at--;
    return at > begin ? at - 1 : at;
}

/* Less what an answer did besides: "* language pl". */
static size_t end_of_words(const struct transcript *transcript, size_t begin, size_t end)
{
    while (end > begin && str_starts(transcript->lines[end - 1], STR("*")))
        end--;
    return end;
}

/* Whether `played` ends with the lines of `was` from `from`. */
static bool ends_alike(const struct transcript *was, size_t from, size_t end,
                       const struct transcript *played, size_t begin, size_t last)
{
    size_t n = end - from;

    for (size_t i = 0; i < n && n <= last - begin; i++) {
        if (!str_eq(was->lines[from + i], played->lines[last - n + i]))
            return false;
    }
    return n <= last - begin;
}

/* What comes in between, in the language of the transcript. */
struct between {
    struct str said[LANG_COUNT];
    bool leaves; /* the prompt: what follows is of no concern */
    unsigned turns;
    unsigned bad;
};

/* A turn, and what is true of the conversation there. */
struct turn {
    const struct transcript *was;
    size_t begin; /* what the customer was answered */
    size_t end;
    bool held;    /* by a person */
    bool stopped; /* they want no more messages */
};

/* The first line of the rest that is not as it was; NONE: all are. */
static struct str stray(const struct transcript *was, size_t at,
                        const struct transcript *played, size_t from)
{
    for (size_t i = 0; at + i < was->n || from + i < played->n; i++) {
        if (at + i >= was->n || from + i >= played->n)
            return STR("(it ends elsewhere)");
        if (!str_eq(was->lines[at + i], played->lines[from + i]))
            return played->lines[from + i];
    }
    return STR_NONE;
}

static bool has_options(const struct turn *turn)
{
    size_t end = end_of_words(turn->was, turn->begin, turn->end);

    return end > turn->begin && str_starts(turn->was->lines[end - 1], STR("> ["));
}

static bool has(const struct transcript *transcript, size_t begin, size_t end, struct str words)
{
    for (size_t i = begin; i < end; i++) {
        if (str_starts(transcript->lines[i], words))
            return true;
    }
    return false;
}

/* After a tap on what is older by one, or a second misunderstanding, the rest has to differ. */
static bool must_go_on(const struct turn *turn)
{
    return !has(turn->was, turn->begin, turn->end, STR("* not understood")) &&
           !has(turn->was, turn->end, turn->was->n, STR("< [^"));
}

static void complain(struct between *between, const struct turn *turn, const char *what,
                     struct str line)
{
    between->bad++;
    print_error("%s:%zu, '%.*s' in between, %s: %.*s\n", turn->was->name, turn->end,
                STR_ARG(between->said[turn->was->lang]), what, STR_ARG(line));
}

static void judge(struct between *between, const struct turn *turn,
                  const struct transcript *played)
{
    const struct transcript *was = turn->was;
    size_t first = mark_after(played, 0) + 2;
    size_t after = mark_after(played, first);
    size_t last = end_of_words(played, first, after);
    size_t prompt = prompt_of(was, turn->begin, turn->end);
    struct str other = stray(was, turn->end, played, after + 1);

    if (last == first) { /* silence */
        if (!turn->held && !turn->stopped)
            complain(between, turn, "no answer", STR_NONE);
    } else if (between->leaves) {
        if (has(played, first, after, STR("* not understood")))
            complain(between, turn, "not understood", STR_NONE);
    } else if (ends_alike(was, prompt, end_of_words(was, turn->begin, turn->end), played, first,
                          last)) {
        if (other.len > 0 && must_go_on(turn))
            complain(between, turn, "and later", other);
    } else if (has_options(turn) || !str_starts(played->lines[last - 1], STR("> ["))) {
        /* Where nothing was open, the menu follows; all else has to stand there again. */
        complain(between, turn, "not asked again", played->lines[last - 1]);
    }
}

static void interrupt(struct between *between, const struct turn *turn)
{
    struct arena arena = {0};
    struct err err = {0};
    struct transcript *played = arena_new(&arena, struct transcript);

    between->turns++;
    if (play_with(&arena, turn->was, turn->end, between->said[turn->was->lang], played, &err)) {
        judge(between, turn, played);
    } else if (must_go_on(turn) && !between->leaves) {
        complain(between, turn, "it cannot be played", str_from(err.text));
    }
    arena_finish(&arena);
}

static void note_quiet(struct turn *turn)
{
    const struct transcript *was = turn->was;

    if (has(was, turn->begin, turn->end, STR("* a person is asked for")))
        turn->held = true;
    if (has(was, turn->begin, turn->end, STR("* the bot is there again")))
        turn->held = false;
    if (has(was, turn->begin, turn->end, STR("* consent withdrawn")))
        turn->stopped = true;
    if (has(was, turn->begin, turn->end, STR("* consent given")))
        turn->stopped = false;
}

/* The language changes, or things come in a row, of which a voice note would be one more: such
 * a transcript is about just that. */
static bool is_about_it(const struct transcript *was, struct str said)
{
    return has(was, 0, was->n, STR("* language")) ||
           (str_starts(said, STR("(voice)")) && has(was, 0, was->n, STR("< (")));
}

static void interrupt_all_of(struct between *between, struct transcript *was)
{
    struct turn turn = {.was = was};

    for (size_t at = 0; at < was->n; at++) {
        if (str_starts(was->lines[at], STR("muted:")))
            turn.held = str_ends(was->lines[at], STR("yes"));
        if (!str_starts(was->lines[at], STR("<")))
            continue;
        turn.begin = at + 1;
        turn.end = end_of_answer(was, at + 1);
        note_quiet(&turn);
        interrupt(between, &turn);
    }
}

static void interrupt_everywhere(struct between *between)
{
    static int first; /* another third for each of the interruptions */

    for (int i = first++ % CHAT_ONE_IN; i < n_files; i += CHAT_ONE_IN) {
        struct arena arena = {0};
        struct transcript *was = arena_new(&arena, struct transcript);
        struct str path =
            arena_format(&arena, "%s/tests/scenarios/%s", PARLEY_SOURCE_DIR, files[i]->d_name);

        was->name = files[i]->d_name;
        assert_true(lang_parse((struct str){was->name, 2}, &was->lang));
        split(chat_file(&arena, path.at), was);
        if (!is_about_it(was, between->said[was->lang]))
            interrupt_all_of(between, was);
        arena_finish(&arena);
    }
    print_message("%u turns\n", between->turns);
    assert_true(between->turns > 1000 / CHAT_ONE_IN);
    assert_int_equal(between->bad, 0);
}

static void flw_5_a_question_in_between_is_answered_and_the_prompt_stands_again(void **state)
{
    struct between help = {
        .said = {[LANG_EN] = STR("help"),
                 [LANG_ES] = STR("ayuda"),
                 [LANG_PL] = STR("pomoc"),
                 [LANG_AR] = STR("مساعدة")}
    };

    (void)state;
    interrupt_everywhere(&help);
}

static void flw_5_back_and_menu_are_understood_wherever_one_is(void **state)
{
    struct between back = {
        .said = {[LANG_EN] = STR("back"),
                 [LANG_ES] = STR("atrás"),
                 [LANG_PL] = STR("wstecz"),
                 [LANG_AR] = STR("رجوع")},
        .leaves = true
    };
    struct between menu = {
        .said = {[LANG_EN] = STR("menu"),
                 [LANG_ES] = STR("menú"),
                 [LANG_PL] = STR("menu"),
                 [LANG_AR] = STR("القائمة")},
        .leaves = true
    };

    (void)state;
    interrupt_everywhere(&back);
    interrupt_everywhere(&menu);
}

static void flw_8_a_voice_note_in_between_is_answered_and_the_prompt_stands_again(void **state)
{
    struct between voice = {
        .said = {STR("(voice)"), STR("(voice)"), STR("(voice)"), STR("(voice)")}
    };

    (void)state;
    interrupt_everywhere(&voice);
}

static void flw_8_a_late_question_in_between_is_answered_and_the_prompt_stands_again(
    void **state)
{
    struct between late = {
        .said = {[LANG_EN] = STR("(late) help"),
                 [LANG_ES] = STR("(late) ayuda"),
                 [LANG_PL] = STR("(late) pomoc"),
                 [LANG_AR] = STR("(late) مساعدة")}
    };

    (void)state;
    interrupt_everywhere(&late);
}

static int is_chat(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), STR(".chat"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int set_up(void **state)
{
    (void)state;
    n_files = scandir(PARLEY_SOURCE_DIR "/tests/scenarios", &files, is_chat, by_name);
    book = chat_book();
    return n_files > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < n_files; i++)
        free(files[i]);
    free(files);
    book_destroy(book);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_a_question_in_between_is_answered_and_the_prompt_stands_again),
        cmocka_unit_test(flw_5_back_and_menu_are_understood_wherever_one_is),
        cmocka_unit_test(flw_8_a_voice_note_in_between_is_answered_and_the_prompt_stands_again),
        cmocka_unit_test(
            flw_8_a_late_question_in_between_is_answered_and_the_prompt_stands_again),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
