/*
 * Turns concepts.txt into a table at build time.
 *
 *     compile_concepts CONCEPTS SOURCE
 *
 * A line at the margin names a concept; below it stand words, "LANG: word word...". Whatever
 * looks wrong stops the build.
 */
#include "flows/understand/concepts.h"

#include "flows/understand/compile/source.h"
#include "flows/understand/letters.h"

static struct source source;
static struct concept made[CONCEPT_SLOTS / 2];
static size_t n_made;
static size_t n_names;

static void add_word(struct str word)
{
    bool begins = str_ends(word, STR("*"));
    struct str plain = source_level(&source, str_slice(word, 0, word.len - begins));
    struct concept new = {plain.at, (uint8_t)plain.len, begins, (uint8_t)(n_names - 1)};

    if (n_names == 0)
        source_fail(&source, "words of no concept");
    if (plain.len == 0 || plain.len > UINT8_MAX)
        source_fail(&source, "\"%.*s\" is no word", STR_ARG(word));
    for (size_t i = 0; i < n_made; i++) {
        if (made[i].id == new.id && made[i].begins == begins &&made[i].len ==
                                        new.len &&memcmp(made[i].word, new.word, new.len) == 0)
            return; /* of two languages */
    }
    if (n_made == COUNTOF(made))
        source_fail(&source, "more than %zu words", COUNTOF(made));
    made[n_made++] = new;
}

static void read_line(struct str line)
{
    struct str head;
    struct str word;

    if (str_trim(line).len == 0 || line.at[0] == '#')
        return;
    if (line.at[0] != ' ') {
        if (n_names++ == CONCEPT_NAMES_MAX)
            source_fail(&source, "more than %d concepts", CONCEPT_NAMES_MAX);
        return;
    }
    if (!str_split(&line, ':', &head) || line.len == 0)
        source_fail(&source, "say \"LANG: word...\"");
    while (str_split(&line, ' ', &word)) {
        if (word.len)
            add_word(word);
    }
}

static void write_table(FILE *out)
{
    static size_t slots[CONCEPT_SLOTS];

    (void)fprintf(out, "/* Made from concepts.txt. */\n"
                       "#include \"flows/understand/concepts.h\"\n\n"
                       "const struct concept concepts[] = {\n");
    for (size_t i = 0; i < n_made; i++) {
        uint32_t slot = letters_hash((struct str){made[i].word, made[i].len}) % CONCEPT_SLOTS;

        while (slots[slot])
            slot = (slot + 1) % CONCEPT_SLOTS;
        slots[slot] = i + 1;
        (void)fprintf(out, "{\"%s\", %d, %d, %d},\n", made[i].word, made[i].len, made[i].begins,
                      made[i].id);
    }
    (void)fprintf(out,
                  "};\nconst uint32_t concepts_mark = %uU;\n"
                  "const uint16_t concept_slots[CONCEPT_SLOTS] = {\n",
                  letters_hash(source.text));
    for (size_t i = 0; i < CONCEPT_SLOTS; i++)
        (void)fprintf(out, "%zu,%c", slots[i], i % 16 == 15 ? '\n' : ' ');
    (void)fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
    return source_compile(&source, argc, argv, read_line, write_table);
}
