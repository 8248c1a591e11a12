/*
 * What lines look like. Each line is looked at once for itself; only one that may begin
 * something longer (who wrote when, a head) looks at the few lines behind it.
 */
#include "webhooks/quotes_parts.h"

#include "bot/base/ascii.h"

#define ATTRIBUTION_LINES 6
#define ATTRIBUTION_MAX   600 /* bytes */
#define HEAD_LINES        14
#define RULE_LEAST        5
#define LONG_RULE         20

/* --- lines -------------------------------------------------------------------------------- */

/* How many bytes at `i` are a sign that shows nothing: directions, joiners, marks of order. */
static size_t invisible_at(struct str text, size_t i)
{
    const unsigned char *at = (const unsigned char *)text.at + i;

    if (i + 2 >= text.len)
        return 0;
    if (at[0] == 0xE2 && at[1] == 0x80 &&
        ((at[2] >= 0x8B && at[2] <= 0x8F) || (at[2] >= 0xAA && at[2] <= 0xAE)))
        return 3; /* U+200B..200F, U+202A..202E */
    if (at[0] == 0xE2 && at[1] == 0x81 && at[2] >= 0xA0 && at[2] <= 0xAF)
        return 3; /* U+2060..206F */
    return at[0] == 0xEF && at[1] == 0xBB && at[2] == 0xBF ? 3 : 0;
}

static struct str bare_of(struct arena *into, struct str raw)
{
    struct str begin = str_slice(raw, 0, QUOTES_BARE_MAX);
    char *bare = arena_alloc(into, begin.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < begin.len;) {
        size_t skip = invisible_at(begin, i);
        if (skip > 0) {
            i += skip;
        } else if ((unsigned char)begin.at[i] == 0xC2 && i + 1 < begin.len &&
                   (unsigned char)begin.at[i + 1] == 0xA0) { /* a space that does not break */
            bare[len++] = ' ';
            i += 2;
        } else {
            bare[len++] = begin.at[i++];
        }
    }
    return str_trim((struct str){bare, len});
}

static size_t count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n' || text.at[i] == '\r';
    return n;
}

static struct str take_line(struct str *rest)
{
    size_t end = 0, skip;
    struct str line;

    while (end < rest->len && rest->at[end] != '\n' && rest->at[end] != '\r')
        end++;
    line = str_slice(*rest, 0, end);
    skip = end + 1 < rest->len && rest->at[end] == '\r' && rest->at[end + 1] == '\n' ? 2 : 1;
    *rest = str_slice(*rest, end + skip, rest->len);
    return line;
}

/* --- signatures --------------------------------------------------------------------------- */

static bool is_made_of(struct str text, const char *signs)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(signs, text.at[i]) == NULL)
            return false;
    }
    return text.len > 0;
}

bool quotes_is_rule(const struct quotes_line *line)
{
    return line->bare.len >= RULE_LEAST && is_made_of(line->bare, "-_=* ");
}

bool quotes_opens_signature(const struct quotes_line *line)
{
    return str_eq(line->bare, STR("--")) || str_eq(line->bare, STR("—")) ||
           (line->bare.len >= LONG_RULE && is_made_of(line->bare, "_"));
}

bool quotes_is_device(const struct quotes_line *line)
{
    return line->kind == QUOTES_TEXT && line->bare.len <= 200 &&
           (quotes_device_words(line->bare) || str_eq(line->bare, STR("ᐧ")));
}

/* --- who wrote when ----------------------------------------------------------------------- */

/* The digit that begins at `i`, ASCII or Arabic, and its length. */
static size_t digit_at(struct str text, size_t i)
{
    const unsigned char *at = (const unsigned char *)text.at + i;

    if (i < text.len && at[0] >= '0' && at[0] <= '9')
        return 1;
    if (i + 1 < text.len && at[0] == 0xD9 && at[1] >= 0xA0 && at[1] <= 0xA9)
        return 2;
    return 0;
}

struct looks {
    bool mail, time, year, digit, colon, angle;
};

/* "10:15": at the colon, with a digit before and behind it. */
static bool is_time(struct str text, size_t i)
{
    return text.at[i] == ':' && digit_at(text, i + 1) > 0 && i > 0 &&
           (digit_at(text, i - 1) > 0 || (i > 1 && digit_at(text, i - 2) == 2));
}

static struct looks looks_of(struct str text)
{
    struct looks looks = {.angle = str_ends(text, STR(">:")),
                          .colon = str_ends(text, STR(":")) || str_ends(text, STR("："))};
    size_t run = 0, step;

    for (size_t i = 0; i < text.len; i += step) {
        size_t digit = digit_at(text, i);
        step = digit > 0 ? digit : 1;
        run = digit > 0 ? run + 1 : 0;
        looks.digit |= digit > 0;
        looks.year |= run == 4;
        looks.mail |= text.at[i] == '@' && i > 0 && text.at[i - 1] != ' ';
        looks.time |= is_time(text, i);
    }
    return looks;
}

/* "2026-11-20 10:15 GMT+01:00 Ana": an old manner of Gmail's, without a verb. */
static bool is_gmail_date(struct str text)
{
    return text.len > 20 && digit_at(text, 0) == 1 && text.at[4] == '-' && text.at[7] == '-' &&
           is_time(text, 13) && str_starts(str_slice(text, 16, 5), STR(" GMT"));
}

static bool is_attribution(struct str text)
{
    bool ruled = ascii_starts(text, STR("---- on ")) && str_ends(text, STR("----"));
    struct looks looks = looks_of(text);
    bool wrote = (looks.colon || ruled) && quotes_says_wrote(text);

    if (wrote && ruled)
        return true;
    if (!looks.colon)
        return false;
    if (looks.mail && (wrote || (looks.time && looks.angle)))
        return true;
    return (wrote && quotes_begins_when(text) && (looks.time || looks.year)) ||
           is_gmail_date(text);
}

/* Whether a line can be the first of one. */
static bool may_begin(struct str text)
{
    struct looks looks = looks_of(text);

    return text.len < QUOTES_BARE_MAX - 100 && (looks.digit || looks.mail) &&
           (looks.mail || quotes_begins_when(text));
}

static bool is_open(struct str text)
{
    int open = 0;

    for (size_t i = 0; i < text.len; i++)
        open += text.at[i] == '<' ? 1 : text.at[i] == '>' ? -1 : 0;
    return open > 0;
}

/* The next line of what may be one; past a blank one only into an address: some programs break
 * there. */
static size_t next_part(const struct quotes_lines *lines, size_t i, struct str so_far)
{
    const struct quotes_line *next;

    if (++i < lines->n && lines->at[i].kind == QUOTES_BLANK &&
        (i + 1 >= lines->n || !str_starts(lines->at[i + 1].bare, STR("<"))))
        return lines->n;
    if (i < lines->n && lines->at[i].kind == QUOTES_BLANK)
        i++;
    if (i >= lines->n)
        return lines->n;
    next = &lines->at[i];
    return next->kind == QUOTES_MARKED && !is_open(so_far) ? lines->n : i;
}

/* How many lines from `i` on say who wrote when; 0: none. */
static size_t attribution_at(struct arena *scratch, const struct quotes_lines *lines, size_t i)
{
    struct str text = lines->at[i].bare;
    size_t last = i;

    if (!may_begin(text))
        return 0;
    for (size_t k = 0; k < ATTRIBUTION_LINES && text.len <= ATTRIBUTION_MAX; k++) {
        if (is_attribution(text))
            return last + 1 - i;
        if (str_ends(text, STR(":")))
            return 0;
        last = next_part(lines, last, text);
        if (last == lines->n ||
            (quotes_begins_when(lines->at[last].bare) && !quotes_begins_when(text)))
            break; /* it begins there, if at all */
        text = arena_concat(scratch, text, STR(" "), lines->at[last].bare);
    }
    return is_gmail_date(lines->at[i].bare) ? 1 : 0;
}

/* --- heads and rules ---------------------------------------------------------------------- */

static struct str without_stars(struct str text)
{
    while (text.len > 0 && (text.at[0] == '*' || text.at[0] == ' '))
        text = str_slice(text, 1, text.len);
    while (text.len > 0 && (text.at[text.len - 1] == '*' || text.at[text.len - 1] == ' '))
        text.len--;
    return text;
}

static unsigned header_of(const struct quotes_line *line)
{
    size_t colon = str_find(line->bare, STR(":"));

    if (line->kind == QUOTES_BLANK || colon == line->bare.len || colon > 48)
        return 0;
    return quotes_header_of(without_stars(str_slice(line->bare, 0, colon)));
}

/* How many lines from `i` on are another mail's head: three of its fields, with blank lines and
 * broken ones between. A shipment has From and To as well, but neither address nor subject. */
static size_t head_at(const struct quotes_lines *lines, size_t i)
{
    unsigned seen = 0, n = 0, strange = 0;
    size_t last = i;
    bool mail = false;

    if (lines->at[i].header == 0)
        return 0;
    for (size_t k = i; k < lines->n && k < i + HEAD_LINES && strange <= 2; k++) {
        unsigned header = lines->at[k].header;
        if (header == 0) {
            strange++;
            continue;
        }
        strange = 0;
        n++;
        seen |= header;
        mail |= str_find(lines->at[k].bare, STR("@")) < lines->at[k].bare.len;
        last = k;
    }
    return n >= 3 && (seen & QUOTES_FROM) && (mail || (seen & QUOTES_SUBJECT)) ? last + 1 - i
                                                                               : 0;
}

static enum quotes_kind rule_at(const struct quotes_line *line)
{
    struct str text = without_stars(line->bare);
    size_t from = 0, to = text.len;

    while (from < to && strchr("-_ ", text.at[from]) != NULL)
        from++;
    while (to > from && strchr("-_ ", text.at[to - 1]) != NULL)
        to--;
    return quotes_rule_words(str_slice(text, from, to - from), from >= 2);
}

/* --- all of it ---------------------------------------------------------------------------- */

static enum quotes_kind plain_kind(const struct quotes_line *line)
{
    return line->bare.len == 0                ? QUOTES_BLANK
           : str_starts(line->bare, STR(">")) ? QUOTES_MARKED
                                              : QUOTES_TEXT;
}

static void set_kind(const struct quotes_lines *lines, size_t from, size_t n,
                     enum quotes_kind kind)
{
    for (size_t i = from; i < from + n; i++)
        lines->at[i].kind = kind;
}

/* What begins at a line of text, over one or more lines; gives their number. */
static size_t judge(struct arena *scratch, const struct quotes_lines *lines, size_t i)
{
    enum quotes_kind rule = rule_at(&lines->at[i]);
    size_t n = 1;

    if (rule != QUOTES_TEXT) {
        size_t behind = i + 1;
        while (behind < lines->n && lines->at[behind].kind == QUOTES_BLANK && behind < i + 3)
            behind++;
        n = behind < lines->n ? head_at(lines, behind) : 0;
        n = n > 0 ? behind + n - i : 1;
        set_kind(lines, i, n, rule);
    } else if ((n = head_at(lines, i)) > 0) {
        set_kind(lines, i, n, QUOTES_CUT);
    } else if ((n = attribution_at(scratch, lines, i)) > 0) {
        set_kind(lines, i, n, QUOTES_ATTRIBUTION);
    }
    return n > 0 ? n : 1;
}

struct quotes_lines quotes_read(struct arena *into, struct str text)
{
    struct quotes_lines lines = {0};

    text = str_slice(text, 0, QUOTES_TEXT_MAX);
    lines.at = arena_array(into, struct quotes_line, count_lines(text));
    while (text.len > 0) {
        struct quotes_line *line = &lines.at[lines.n++];
        line->raw = take_line(&text);
        line->bare = bare_of(into, line->raw);
        line->kind = plain_kind(line);
        line->header = header_of(line); /* looked at from each of the lines before it */
    }
    for (size_t i = 0; i < lines.n;)
        i += lines.at[i].kind == QUOTES_TEXT ? judge(into, &lines, i) : 1;
    return lines;
}
