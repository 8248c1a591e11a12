/*
 * Any bytes as a stage and a transcript, as `parley flows test` reads them: they are played or
 * refused with a reason, and what was played plays again to the same words. Input: the stage's
 * YAML (nothing: the shop of the tests), a byte 0, the transcript.
 */
#include "flows/play/play.h"
#include "tests/support/chat.h"
#include "tests/support/shop.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void play_twice(struct arena *arena, const struct play *play, struct str transcript)
{
    struct str once, twice, was, is;
    struct err err = {0};

    if (!play_transcript(arena, play, transcript, &once, &err)) {
        hold(err.text[0] != '\0');
        return;
    }
    hold(play_transcript(arena, play, once, &twice, &err));
    if (!str_eq(once, twice)) {
        hold(play_difference(once, twice, &was, &is) > 0);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct book *book;
    struct arena arena = {0};
    struct str rest = {(const char *)data, size}, yaml = STR_NONE;
    struct stage *stage = NULL;
    struct play play = {.answer = shop_answer, .facts = shop_facts};
    struct err err = {0};

    if (!book)
        book = chat_book();
    if (size > 4000 || !str_split(&rest, '\0', &yaml))
        return 0;
    play.book = book;
    if (yaml.len > 0 && !stage_read(&arena, STR("stage.yaml"), yaml, &stage, &err)) {
        hold(err.code == ERR_REJECT && err.text[0] != '\0');
    } else {
        play.stage = stage;
        play_twice(&arena, &play, rest);
    }
    arena_finish(&arena);
    return 0;
}
