#include "flows/understand/scan.h"
#include "flows/understand/letters.h"

static uint32_t level_sign(uint32_t c)
{
    if (c >= 0x2010 && c <= 0x2015)
        return '-';
    switch (c) {
    case 0x2212: /* minus */
        return '-';
    case 0x60C: /* Arabic comma, thousands and decimal separators */
    case 0x66C:
        return ',';
    case 0x66B:
        return '.';
    case 0x2019:
        return '\'';
    default:
        return c;
    }
}

static void add_mark(struct scan *scan, const struct mark *mark)
{
    if (scan->n < MARKS_MAX)
        scan->marks[scan->n++] = *mark;
}

static void finish_word(struct scan *scan, struct mark *mark)
{
    if (mark->text.len == 0)
        return;
    if (mark->kind == MARK_WORD) {
        mark->entries = (uint8_t)lexicon_find(mark->text, &mark->entry);
        for (size_t i = 0; i < mark->entries; i++)
            mark->is |= (uint64_t)1 << lexicon[mark->entry + i].is;
    } else {
        int64_t value;

        mark->value = mark->text.len <= 18 && str_to_int(mark->text, &value) ? value : -1;
    }
    add_mark(scan, mark);
    *mark = (struct mark){.glued = true};
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* One character: it goes on with the word or number under way, or ends it. */
static void read_letter(struct scan *scan, struct mark *word, char **out, uint32_t c,
                        struct span at)
{
    enum mark_kind kind = is_digit(c) ? MARK_NUMBER : MARK_WORD;

    if (word->text.len && word->kind != kind)
        finish_word(scan, word);
    if (word->text.len == 0) {
        word->kind = (uint8_t)kind;
        word->at.from = at.from;
        word->text.at = *out;
    }
    *out += letter_put(*out, c);
    word->text.len = (size_t)(*out - word->text.at);
    word->at.to = at.to;
}

void scan_read(struct arena *into, struct str text, struct scan *scan)
{
    struct str head = str_slice(text, 0, SCAN_BYTES_MAX);
    char *out = arena_alloc(into, 2 * head.len + 4);
    struct mark marks[MARKS_MAX]; /* most texts need few of them */
    struct mark word = {0};

    *scan = (struct scan){.text = text, .marks = marks};
    for (size_t at = 0; at < head.len;) {
        uint32_t from = (uint32_t)at;
        uint32_t raw = letter_next(head, &at);
        struct span place = {from, (uint32_t)at};
        uint32_t c = letter_level(raw);

        if (c == 0) {
            word.at.to = word.text.len ? place.to : word.at.to;
        } else if (letter_is_word(raw) || letter_is_word(c)) {
            read_letter(scan, &word, &out, c, place);
        } else {
            finish_word(scan, &word);
            if (!letter_is_space(raw)) {
                add_mark(scan, &(struct mark){.kind = MARK_SIGN,
                                              .at = place,
                                              .glued = word.glued,
                                              .sign = level_sign(c)});
            }
            word.glued = !letter_is_space(raw);
        }
    }
    finish_word(scan, &word);
    scan->marks = arena_array(into, struct mark, scan->n + 1);
    memcpy(scan->marks, marks, scan->n * sizeof(*marks));
    scan->marks[0].glued = false;
}

int scan_value(const struct mark *mark, enum lexicon_class is)
{
    size_t i = mark->entry;

    while (lexicon[i].is != is)
        i++;
    return lexicon[i].value;
}

bool scan_is_sign(const struct scan *scan, size_t i, uint32_t sign)
{
    return i < scan->n && scan->marks[i].kind == MARK_SIGN && scan->marks[i].sign == sign &&
           !scan->marks[i].taken;
}

bool scan_is_number(const struct scan *scan, size_t i, size_t digits)
{
    return i < scan->n && scan->marks[i].kind == MARK_NUMBER && !scan->marks[i].taken &&
           scan->marks[i].text.len <= digits && scan->marks[i].value >= 0;
}

bool scan_is_within(const struct scan *scan, size_t i)
{
    const struct mark *mark = &scan->marks[i];

    if (mark->kind != MARK_NUMBER || !mark->glued || i == 0)
        return false;
    if (mark[-1].kind == MARK_WORD)
        return !str_eq(mark[-1].text, STR("o")); /* heard for a nought */
    return mark[-1].glued && (mark[-1].sign == '-' || mark[-1].sign == '/') && i > 1 &&
           mark[-2].kind == MARK_WORD;
}

struct span scan_take(struct scan *scan, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        scan->marks[i].taken = true;
    return (struct span){scan->marks[from].at.from, scan->marks[to - 1].at.to};
}

/* In Arabic the ones come first and the tens are joined to "and": "خمسة وعشرون". */
static bool is_joined(struct str word)
{
    return str_starts(word, STR("\xD9\x88")) &&
           !str_starts(word, STR("\u0648\u0627\u062D\u062F"));
}

/* The next number word, over an "and" between ("treinta y dos"). */
static size_t next_number_word(const struct scan *scan, size_t i, int *value, bool *joined)
{
    if (scan_is(scan, i, LEX_NUMBER, value)) {
        *joined = is_joined(scan->marks[i].text);
        return i + 1;
    }
    *joined = true;
    if (scan_is(scan, i, LEX_AND, NULL) && scan_is(scan, i + 1, LEX_NUMBER, value))
        return i + 2;
    return 0;
}

/* Whether `next` can follow in one number. */
static bool goes_on(int64_t so_far, int last, int next, bool joined)
{
    if (next == 100)
        return last < 10 && so_far < 10;
    if (last >= 100)
        return next < 100;
    if (last >= 20)
        return next < 10;
    return joined && last < 10 && next >= 20;
}

/* Below a thousand, in words; the mark behind it. */
static size_t read_hundreds(const struct scan *scan, size_t i, int64_t *value)
{
    size_t at = i;
    int word;
    int last = 0;
    bool joined;

    if (!scan_is(scan, i, LEX_NUMBER, &last))
        return 0;
    *value = last;
    for (at = i + 1; at < scan->n;) {
        size_t next = next_number_word(scan, at, &word, &joined);

        if (!next || !goes_on(*value, last, word, joined))
            break;
        *value = word == 100 ? *value * 100 : *value + word;
        last = word;
        at = next;
    }
    return at;
}

size_t scan_number(const struct scan *scan, size_t i, int64_t *value)
{
    size_t at = read_hundreds(scan, i, value);
    int64_t rest;
    size_t end;
    int many;

    if (scan_is_number(scan, i, 9)) {
        *value = scan->marks[i].value;
        at = i + 1;
    } else if (!at && scan_is(scan, i, LEX_THOUSAND, &many)) {
        *value = 1;
        at = i;
    } else if (!at) {
        return 0;
    }
    if (!scan_is(scan, at, LEX_THOUSAND, &many) || *value > 1000)
        return at - i;
    *value *= many;
    end = read_hundreds(scan, ++at, &rest);
    if (end)
        *value += rest;
    return (end ? end : at) - i;
}
