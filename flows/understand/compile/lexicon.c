/*
 * Turns lexicon.txt into a sorted table at build time.
 *
 *     compile_lexicon LEXICON SOURCE
 *
 * Lines are "CLASS VALUE: word word...". Words are levelled letter by letter as texts are
 * (letters.c). Whatever looks wrong stops the build; a class that lexicon.h lacks stops the
 * compiler.
 */
#include "flows/understand/lexicon.h"
#include "bot/base/arena.h"
#include "flows/understand/letters.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 4096, CLASS_MAX = 16 };

struct entry {
    char *word;
    char is[CLASS_MAX];
    int value;
};

static struct arena arena;
static struct entry entries[ENTRIES_MAX];
static size_t n_entries;
static const char *file_name;
static int line_number;

static _Noreturn PRINTF(1, 2) void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fprintf(stderr, "%s:%d: error: ", file_name, line_number);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1); // NOLINT(concurrency-mt-unsafe): one thread
}

static char *levelled(struct str word)
{
    char *out = arena_alloc(&arena, 4 * word.len + 1);
    size_t n = 0;

    for (size_t at = 0; at < word.len;) {
        uint32_t c = letter_level(letter_next(word, &at));

        if (c)
            n += letter_put(out + n, c);
    }
    return out;
}

static bool is_there(const struct entry *entry)
{
    for (size_t i = 0; i < n_entries; i++) {
        if (strcmp(entries[i].word, entry->word) == 0 &&
            strcmp(entries[i].is, entry->is) == 0 && entries[i].value == entry->value)
            return true;
    }
    return false;
}

static void read_line(struct str line)
{
    struct entry like = {0};
    struct str head;
    struct str piece;
    int64_t value = 0;

    if (line.len == 0 || line.at[0] == '#')
        return;
    if (!str_split(&line, ':', &head) || !str_split(&head, ' ', &piece) ||
        piece.len >= CLASS_MAX || !str_to_int(head, &value))
        fail("say \"CLASS VALUE: word...\"");
    memcpy(like.is, piece.at, piece.len);
    like.value = (int)value;
    while (str_split(&line, ' ', &piece)) {
        if (piece.len == 0)
            continue;
        like.word = levelled(piece);
        if (is_there(&like)) /* forms that differ in their accents only */
            continue;
        if (n_entries == ENTRIES_MAX)
            fail("more than %d words", ENTRIES_MAX);
        entries[n_entries++] = like;
    }
}

static int by_word(const void *left, const void *right)
{
    return strcmp(((const struct entry *)left)->word, ((const struct entry *)right)->word);
}

static struct str read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    size_t room = (size_t)1 << 20;
    char *bytes = arena_alloc(&arena, room);
    size_t len;

    if (!file)
        fail("cannot be read");
    len = fread(bytes, 1, room, file);
    (void)fclose(file);
    return (struct str){bytes, len};
}

static void write_slots(FILE *out)
{
    static size_t slots[LEXICON_SLOTS];

    if (n_entries > LEXICON_SLOTS / 2)
        fail("more than half of %d slots", LEXICON_SLOTS);
    for (size_t i = 0; i < n_entries; i++) {
        uint32_t slot = letters_hash(str_from(entries[i].word)) % LEXICON_SLOTS;

        if (i > 0 && strcmp(entries[i - 1].word, entries[i].word) == 0)
            continue;
        while (slots[slot])
            slot = (slot + 1) % LEXICON_SLOTS;
        slots[slot] = i + 1;
    }
    (void)fprintf(out, "const uint16_t lexicon_slots[LEXICON_SLOTS] = {\n");
    for (size_t i = 0; i < LEXICON_SLOTS; i++)
        (void)fprintf(out, "%zu,%c", slots[i], i % 16 == 15 ? '\n' : ' ');
    (void)fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
    struct str text;
    struct str line;
    FILE *out;

    if (argc != 3)
        return 1;
    file_name = argv[1];
    text = read_file(argv[1]);
    while (str_split(&text, '\n', &line)) {
        line_number++;
        read_line(str_trim(line));
    }
    qsort(entries, n_entries, sizeof(entries[0]), by_word);
    out = fopen(argv[2], "w");
    if (!out)
        fail("%s cannot be written", argv[2]);
    (void)fprintf(out, "/* Made from lexicon.txt. */\n"
                       "#include \"flows/understand/lexicon.h\"\n\n"
                       "const struct lexicon_entry lexicon[] = {\n");
    for (size_t i = 0; i < n_entries; i++) {
        (void)fprintf(out, "{\"%s\", %zu, LEX_%s, %d},\n", entries[i].word,
                      strlen(entries[i].word), entries[i].is, entries[i].value);
    }
    (void)fprintf(out, "};\nconst size_t lexicon_n = %zu;\n", n_entries);
    write_slots(out);
    arena_finish(&arena);
    return fclose(out) == 0 ? 0 : 1;
}
