/* Transcripts against the flows of the tree and the make-believe shop. */
#include "tests/support/chat.h"

#include "tests/support/shop.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct str chat_file(struct arena *into, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes;
    long size;
    size_t n;

    if (!file)
        return STR_NONE;
    if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        (void)fclose(file);
        return STR_NONE;
    }
    rewind(file);
    bytes = arena_alloc(into, (size_t)size + 1);
    n = fread(bytes, 1, (size_t)size, file);
    (void)fclose(file);
    return (struct str){bytes, n};
}

static size_t add_files(struct arena *into, const char *folder, const char *as,
                        struct source_file *files, size_t n)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while (dir && (entry = readdir(dir)) && n < 64) {
        struct str name = str_from(entry->d_name);

        if (!str_ends(name, STR(".yaml")))
            continue;
        files[n].name = arena_format(into, "%s/%s", as, entry->d_name);
        files[n].bytes = chat_file(into, arena_format(into, "%s/%s", folder, entry->d_name).at);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

struct book *chat_book(void)
{
    struct arena arena = {0};
    struct source_file files[64];
    struct book *book = NULL;
    struct err err = {0};
    size_t n = add_files(&arena, PARLEY_SOURCE_DIR "/flows", "flows", files, 0);

    n = add_files(&arena, PARLEY_SOURCE_DIR "/templates/messages", "messages", files, n);
    if (!book_create(files, n, &book, &err)) {
        (void)fprintf(stderr, "the book does not load: %s\n", err.text);
        abort();
    }
    arena_finish(&arena);
    return book;
}

bool chat_stage(struct arena *into, struct stage **stage, struct err *err)
{
    struct str bytes = chat_file(into, PARLEY_SOURCE_DIR "/tests/scenarios/stage.yaml");

    return stage_read(into, STR("tests/scenarios/stage.yaml"), bytes, stage, err);
}

/* By the action's place in flow_parts and the outcome's in its list. */
enum { PARTS_MAX = 128, OUTCOMES_MAX = 16 };
static unsigned seen[PARTS_MAX][OUTCOMES_MAX];

static unsigned *place_of(const char *action, const char *outcome)
{
    for (size_t i = 0; i < flow_parts_n && i < PARTS_MAX; i++) {
        const char *const *outcomes = flow_parts[i].outcomes;

        if (flow_parts[i].kind != FLOW_ACTION || strcmp(flow_parts[i].name, action) != 0)
            continue;
        for (size_t j = 0; outcomes[j] && j < OUTCOMES_MAX; j++) {
            if (strcmp(outcomes[j], outcome) == 0)
                return &seen[i][j];
        }
    }
    return NULL;
}

static void see(const struct flow_need *need, const struct flow_answer *answer)
{
    unsigned *place = need->kind == FLOW_ACTION && answer->outcome
                          ? place_of(need->name, answer->outcome)
                          : NULL;

    if (place)
        (*place)++;
}

unsigned chat_seen(const char *action, const char *outcome)
{
    const unsigned *place = place_of(action, outcome);

    return place ? *place : 0;
}

struct str chat_play_on(struct arena *into, const struct book *book, const struct play *on,
                        struct str transcript, struct err *err)
{
    struct play play = *on;
    struct stage *stage;
    struct str played;

    if (!chat_stage(into, &stage, err))
        return STR_NONE;
    play.book = book;
    play.stage = stage;
    play.answer = shop_answer;
    play.answered = see;
    play.facts = shop_facts;
    return play_transcript(into, &play, transcript, &played, err) ? played : STR_NONE;
}

struct str chat_play(struct arena *into, const struct book *book, struct str transcript,
                     struct err *err)
{
    struct play play = {0};

    return chat_play_on(into, book, &play, transcript, err);
}
