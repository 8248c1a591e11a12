/*
 * Learns, at build time, which words and pieces of words speak for which language.
 *
 *     compile_tongues SOURCE LANGUAGES SENTENCES...
 *
 * LANGUAGES has lines "xx: words"; SENTENCES are files xx.txt of train/, where a text stands
 * behind blanks. A word is as likely in a language as it was often met there, or as its letters
 * are, each after the two before it (Witten and Bell's mixing of longer and shorter pieces):
 * whichever is more. Everything is whole numbers: two machines make the same table.
 */
#include "flows/understand/tongues.h"

#include "flows/understand/compile/source.h"
#include "flows/understand/tokens.h"
#include "templates/words.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROWS_MAX = 60000,
    MAP_SLOTS = 1 << 17,
    WORD_LETTERS = 24,
    OWN_COUNTS = 3,         /* a word of ours that stands in LANGUAGES is an everyday one */
    ONE = 10,               /* how much a word counts for its pieces, */
    DOUBLED = 7,            /* and how much more when it is met twice as often */
    SHORTER = 30,           /* how much the shorter piece counts beside the longer */
    NEVER_OURS = 3 * 256,   /* of our words one in eight was never met, */
    NEVER_THEIRS = 1 * 256, /* of others' one in two */
    RARELY = 9 * 256,       /* a list has no frequencies: its words are one in so many */
    LETTERS_APART = 40 /* what a letter is likely that nothing is known of: one of so many */
};

struct counted {
    uint32_t key;
    uint32_t letters[TONGUE_PIECE_MAX];
    struct str word; /* else a piece or a letter */
    uint8_t n;       /* letters of a piece; 0: none */
    uint32_t times[TONGUES_MAX];
    uint32_t followed[TONGUES_MAX]; /* a piece: by any letter */
    uint32_t row;                   /* as it is written, plus one; 0: it is not */
};

struct script {
    const char *name;
    bool arabic;
    size_t n;
    char langs[TONGUES_MAX][4];
    struct counted *items;
    size_t n_items;
    uint32_t *slots;
    uint64_t words[TONGUES_MAX];   /* met */
    uint64_t letters[TONGUES_MAX]; /* in them */
};

static struct source source;
static struct script scripts[2] = {
    {.name = "latin"},
    { .name = "arabic", .arabic = true}
};

/* --- counting ----------------------------------------------------------------------------- */

static struct counted *counted_find(struct script *script, uint32_t key, bool make)
{
    uint32_t slot = key % MAP_SLOTS;

    while (script->slots[slot] && script->items[script->slots[slot] - 1].key != key)
        slot = (slot + 1) % MAP_SLOTS;
    if (!script->slots[slot]) {
        if (!make)
            return NULL;
        if (script->n_items == ROWS_MAX)
            source_fail(&source, "more than %d words and pieces", ROWS_MAX);
        script->slots[slot] = (uint32_t)++script->n_items;
        script->items[script->n_items - 1].key = key;
    }
    return &script->items[script->slots[slot] - 1];
}

static size_t lang_of(struct script *script, struct str code)
{
    for (size_t i = 0; i < script->n; i++) {
        if (str_eq(code, str_from(script->langs[i])))
            return i;
    }
    if (script->n == TONGUES_MAX || code.len != 2)
        source_fail(&source, "\"%.*s\": no such language, or too many", STR_ARG(code));
    memcpy(script->langs[script->n], code.at, 2);
    return script->n++;
}

static bool is_arabic(struct str word)
{
    size_t at = 0;
    uint32_t c = letter_next(word, &at);

    return c >= 0x600 && c <= 0x6FF;
}

static bool has_digit(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] >= '0' && word.at[i] <= '9')
            return true;
    }
    return false;
}

/* Digits are letters in Arabic that is written in Latin ones only. */
static void count_word(struct script *script, struct str code, struct str word, uint32_t times)
{
    size_t lang = lang_of(script, code);
    struct counted *counted;

    if (word.len == 0 || is_arabic(word) != script->arabic ||
        (has_digit(word) && !str_eq(code, STR("az"))))
        return;
    counted = counted_find(script, tongue_key_word(word), true);
    if (counted->word.len && !str_eq(counted->word, word))
        return; /* of one key: the first is kept */
    counted->word = word;
    counted->times[lang] += times;
    script->words[lang] += times;
}

static void count_letters(struct script *script, struct str code, struct str raw)
{
    size_t lang = lang_of(script, code);

    for (size_t at = 0; at < raw.len;) {
        uint32_t c = letter_fold(letter_next(raw, &at));

        if (!letter_is_word(c) && !letter_is_mark(c))
            continue;
        script->letters[lang]++;
        if (letter_is_mark(c))
            counted_find(script, tongue_key_letter(c), true)->times[lang]++;
    }
}

static void count_text(struct str code, struct str text, uint32_t times)
{
    struct tokens tokens;

    tokens_read(&source.arena, text, &tokens);
    for (size_t s = 0; s < COUNTOF(scripts); s++) {
        bool ours = scripts[s].arabic == (str_eq(code, STR("ar")) || str_eq(code, STR("fa")) ||
                                          str_eq(code, STR("ur")));

        if (!ours)
            continue;
        for (size_t i = 0; i < tokens.n; i++)
            count_word(&scripts[s], code, tokens.items[i], times);
        count_letters(&scripts[s], code, text);
    }
}

static bool is_own(struct str code)
{
    enum lang lang;

    return lang_parse(code, &lang);
}

/* --- reading ------------------------------------------------------------------------------ */

static void read_languages(const char *name)
{
    struct str text = source_read(&source, name);
    struct str line;
    struct str code;
    struct str word;

    while (str_split(&text, '\n', &line)) {
        source.line++;
        if (str_trim(line).len == 0 || line.at[0] == '#')
            continue;
        if (!str_split(&line, ':', &code) || line.len == 0)
            source_fail(&source, "say \"LANGUAGE: words\"");
        while (str_split(&line, ' ', &word))
            count_text(code, word, is_own(code) ? OWN_COUNTS : 1);
    }
}

static void read_sentences(const char *name)
{
    struct str path = str_from(name);
    struct str code = str_slice(path, path.len - 6, 2);
    struct str text;
    struct str line;

    if (path.len < 7 || !is_own(code))
        return; /* of others, mixed */
    text = source_read(&source, name);
    source.line = 0;
    while (str_split(&text, '\n', &line)) {
        if (line.len && line.at[0] == ' ')
            count_text(code, line, 1);
    }
}

/* --- pieces ------------------------------------------------------------------------------- */

static size_t points_of(struct str word, uint32_t points[WORD_LETTERS])
{
    size_t n = 0;

    points[n++] = '^';
    for (size_t at = 0; at < word.len && n < WORD_LETTERS - 1;)
        points[n++] = letter_next(word, &at);
    points[n++] = '$';
    return n;
}

/* A word that is met often counts more, and not so much more. */
static uint32_t dampened(uint32_t times)
{
    uint32_t doubled = 31U - (uint32_t)__builtin_clz(times);

    return ONE + DOUBLED * doubled;
}

static void count_piece(struct script *script, size_t lang, const uint32_t *points, size_t n,
                        uint32_t by, bool followed)
{
    struct counted *counted = counted_find(script, tongue_key_piece(points, n), true);

    memcpy(counted->letters, points, n * sizeof(*points));
    counted->n = (uint8_t)n;
    *(followed ? &counted->followed[lang] : &counted->times[lang]) += by;
}

static void count_pieces(struct script *script, struct str word, size_t lang, uint32_t times)
{
    uint32_t points[WORD_LETTERS];
    size_t n = points_of(word, points);
    uint32_t by = dampened(times);

    for (size_t i = 1; i < n; i++) {
        for (size_t len = 1; len <= TONGUE_PIECE_MAX && len <= i + 1; len++) {
            const uint32_t *piece = points + i + 1 - len;

            count_piece(script, lang, piece, len, by, false);
            if (len > 1)
                count_piece(script, lang, piece, len - 1, by, true);
        }
    }
}

static void learn_pieces(struct script *script)
{
    size_t n_words = script->n_items;

    for (size_t i = 0; i < n_words; i++) {
        for (size_t lang = 0; lang < script->n; lang++) {
            if (script->items[i].word.len && script->items[i].times[lang])
                count_pieces(script, script->items[i].word, lang, script->items[i].times[lang]);
        }
    }
}

/* --- how likely --------------------------------------------------------------------------- */

/* log2, in 256ths. */
static int64_t logarithm(uint64_t of)
{
    int whole = 63 - __builtin_clzll(of);
    int64_t result = whole * 256LL;
    uint64_t rest = whole > 31 ? of >> (whole - 31) : of << (31 - whole); /* 1 is 1 << 31 */

    for (int bit = 128; bit; bit >>= 1) {
        rest = (rest * rest) >> 31;
        if (rest >> 32) {
            rest >>= 1;
            result += bit;
        }
    }
    return result;
}

#define SURE_PIECE (UINT64_C(1) << 30)

/* How likely the last letter is after those before it; 1 is SURE_PIECE. */
static uint64_t piece_likely(struct script *script, size_t lang, const uint32_t *points,
                             size_t n)
{
    uint64_t likely = SURE_PIECE / LETTERS_APART;

    for (size_t len = 2; len <= n; len++) {
        const uint32_t *piece = points + n - len;
        const struct counted *before =
            counted_find(script, tongue_key_piece(piece, len - 1), false);
        const struct counted *whole = counted_find(script, tongue_key_piece(piece, len), false);
        uint64_t followed = before ? before->followed[lang] : 0;

        if (followed == 0)
            break;
        likely = ((whole ? whole->times[lang] * SURE_PIECE : 0) + SHORTER * likely) /
                 (followed + SHORTER);
    }
    return likely ? likely : 1;
}

/* Against: log2 of how unlikely, in 256ths. */
static int64_t word_cost(struct script *script, size_t lang, const struct counted *counted)
{
    uint32_t points[WORD_LETTERS];
    size_t n = points_of(counted->word, points);
    int64_t letters = is_own(str_from(script->langs[lang])) ? NEVER_OURS : NEVER_THEIRS;
    int64_t met;

    for (size_t i = 1; i < n; i++) {
        size_t len = i + 1 < TONGUE_PIECE_MAX ? i + 1 : TONGUE_PIECE_MAX;

        letters += logarithm(SURE_PIECE) -
                   logarithm(piece_likely(script, lang, points + i + 1 - len, len));
    }
    if (counted->times[lang] == 0)
        return letters;
    met = logarithm(script->words[lang]) - logarithm(counted->times[lang]) + 64;
    if (met < RARELY && !is_own(str_from(script->langs[lang])))
        met = RARELY;
    return met < letters ? met : letters;
}

static int64_t cost_of(struct script *script, size_t lang, const struct counted *counted)
{
    if (counted->word.len)
        return word_cost(script, lang, counted);
    if (counted->n) {
        return logarithm(SURE_PIECE) -
               logarithm(piece_likely(script, lang, counted->letters, counted->n));
    }
    return logarithm(5 * script->letters[lang] + 1000) -
           logarithm(5 * counted->times[lang] + 1);
}

/* --- writing ------------------------------------------------------------------------------ */

static void write_row(FILE *out, struct script *script, const struct counted *counted)
{
    int64_t costs[TONGUES_MAX];
    int64_t least = INT64_MAX;

    for (size_t lang = 0; lang < script->n; lang++) {
        costs[lang] = cost_of(script, lang, counted) / (256 / TONGUE_BIT);
        least = costs[lang] < least ? costs[lang] : least;
    }
    for (size_t lang = 0; lang < script->n; lang++) {
        int64_t cost = costs[lang] - least;

        (void)fprintf(out, "%d,", cost > UINT8_MAX ? UINT8_MAX : (int)cost);
    }
    (void)fputc('\n', out);
}

/* A word that one sentence of ours has is left to its pieces, which it has taught already. */
static bool is_worth(const struct script *script, const struct counted *counted)
{
    uint32_t times = 0;

    for (size_t lang = 0; lang < script->n; lang++)
        times += counted->times[lang] * (is_own(str_from(script->langs[lang])) ? 1 : 2);
    return counted->word.len == 0 || times > 1;
}

/* Numbers the rows that are written. */
static size_t number_rows(struct script *script)
{
    size_t n = 0;

    for (size_t i = 0; i < script->n_items; i++) {
        if (is_worth(script, &script->items[i]))
            script->items[i].row = (uint32_t)++n;
    }
    return n;
}

static void write_slots(FILE *out, const struct script *script, size_t n_rows)
{
    static uint32_t slots[MAP_SLOTS];
    uint32_t n = 2;

    memset(slots, 0, sizeof(slots));
    while ((size_t)2 * n < 3 * n_rows)
        n *= 2;
    for (size_t i = 0; i < script->n_items; i++) {
        uint32_t slot = script->items[i].key & (n - 1);

        if (!script->items[i].row)
            continue;
        while (slots[slot])
            slot = (slot + 1) & (n - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    (void)fprintf(out, "static const uint32_t %s_keys[] = {\n", script->name);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%uU,\n", slots[i] ? script->items[slots[i] - 1].key : 0);
    (void)fprintf(out, "};\nstatic const uint16_t %s_rows[] = {\n", script->name);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%u,\n", slots[i] ? script->items[slots[i] - 1].row - 1 : 0);
    (void)fprintf(out, "};\n");
}

static void write_script(FILE *out, struct script *script)
{
    size_t n_rows = number_rows(script);

    write_slots(out, script, n_rows);
    (void)fprintf(out, "static const uint8_t %s_costs[] = {\n", script->name);
    for (size_t i = 0; i < script->n_items; i++) {
        if (script->items[i].row)
            write_row(out, script, &script->items[i]);
    }
    (void)fprintf(out, "};\nstatic const uint8_t %s_langs[] = {", script->name);
    for (size_t i = 0; i < script->n; i++) {
        struct str code = str_from(script->langs[i]);
        enum lang lang = LANG_AR;
        bool ours = is_own(code) ? lang_parse(code, &lang) : str_eq(code, STR("az"));

        (void)fprintf(out, "%d,", ours ? (int)lang : TONGUE_OTHER);
    }
    (void)fprintf(out,
                  "};\nconst struct tongues tongues_%s = {%zu, %s_langs, COUNTOF(%s_keys) - 1, "
                  "%s_keys, %s_rows, %s_costs};\n",
                  script->name, script->n, script->name, script->name, script->name,
                  script->name, script->name);
}

int main(int argc, char **argv)
{
    FILE *out;

    if (argc < 3)
        return 1;
    for (size_t s = 0; s < COUNTOF(scripts); s++) {
        scripts[s].items = arena_array(&source.arena, struct counted, ROWS_MAX);
        scripts[s].slots = arena_array(&source.arena, uint32_t, MAP_SLOTS);
    }
    read_languages(argv[2]);
    for (int i = 3; i < argc; i++)
        read_sentences(argv[i]);
    out = fopen(argv[1], "w");
    if (!out)
        source_fail(&source, "%s cannot be written", argv[1]);
    (void)fprintf(out, "/* Made from languages.txt and train/sentences. */\n"
                       "#include \"flows/understand/tongues.h\"\n\n");
    for (size_t s = 0; s < COUNTOF(scripts); s++) {
        learn_pieces(&scripts[s]);
        write_script(out, &scripts[s]);
    }
    arena_finish(&source.arena);
    return fclose(out) == 0 ? 0 : 1;
}
