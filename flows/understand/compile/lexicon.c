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

#include "flows/understand/compile/source.h"
#include "flows/understand/letters.h"

#include <stdlib.h>

enum { ENTRIES_MAX = 4096, CLASS_MAX = 16 };

struct entry {
    const char *word;
    char is[CLASS_MAX];
    int value;
};

static struct source source;
static struct entry entries[ENTRIES_MAX];
static size_t n_entries;

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

    line = str_trim(line);
    if (line.len == 0 || line.at[0] == '#')
        return;
    if (!str_split(&line, ':', &head) || !str_split(&head, ' ', &piece) ||
        piece.len >= CLASS_MAX || !str_to_int(head, &value))
        source_fail(&source, "say \"CLASS VALUE: word...\"");
    memcpy(like.is, piece.at, piece.len);
    like.value = (int)value;
    while (str_split(&line, ' ', &piece)) {
        if (piece.len == 0)
            continue;
        like.word = source_level(&source, piece).at;
        if (is_there(&like)) /* forms that differ in their accents only */
            continue;
        if (n_entries == ENTRIES_MAX)
            source_fail(&source, "more than %d words", ENTRIES_MAX);
        entries[n_entries++] = like;
    }
}

static int by_word(const void *left, const void *right)
{
    return strcmp(((const struct entry *)left)->word, ((const struct entry *)right)->word);
}

static void write_slots(FILE *out)
{
    static size_t slots[LEXICON_SLOTS];

    if (n_entries > LEXICON_SLOTS / 2)
        source_fail(&source, "more than half of %d slots", LEXICON_SLOTS);
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

static void write_table(FILE *out)
{
    qsort(entries, n_entries, sizeof(entries[0]), by_word);
    (void)fprintf(out, "/* Made from lexicon.txt. */\n"
                       "#include \"flows/understand/lexicon.h\"\n\n"
                       "const struct lexicon_entry lexicon[] = {\n");
    for (size_t i = 0; i < n_entries; i++) {
        (void)fprintf(out, "{\"%s\", %zu, LEX_%s, %d},\n", entries[i].word,
                      strlen(entries[i].word), entries[i].is, entries[i].value);
    }
    (void)fprintf(out, "};\nconst size_t lexicon_n = %zu;\n", n_entries);
    write_slots(out);
}

int main(int argc, char **argv)
{
    return source_compile(&source, argc, argv, read_line, write_table);
}
