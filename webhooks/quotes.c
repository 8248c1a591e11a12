/*
 * Whose lines are whose, in four steps: another mail's head ends all; a line that says who
 * wrote when takes what it speaks of along; lines that are marked go with it; signatures are
 * found in what is left. When in doubt a line stays the customer's.
 */
#include "webhooks/quotes_parts.h"

#define SIGNATURE_LINES 15 /* a longer one is no signature */
#define OPENING_LINES   3  /* so much may be quoted by hand before an answer */

static bool says_something(const struct quotes_line *line)
{
    return line->owner == QUOTES_REPLY && line->kind == QUOTES_TEXT &&
           !quotes_opens_signature(line) && !quotes_is_device(line);
}

static bool anything(const struct quotes_lines *lines, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (says_something(&lines->at[i]))
            return true;
    }
    return false;
}

static void give(const struct quotes_lines *lines, size_t from, size_t to,
                 enum quotes_owner owner)
{
    for (size_t i = from; i < to; i++)
        lines->at[i].owner = owner;
}

static size_t first_of(const struct quotes_lines *lines, size_t from, enum quotes_kind kind)
{
    while (from < lines->n && lines->at[from].kind != kind)
        from++;
    return from;
}

static size_t skip(const struct quotes_lines *lines, size_t from, enum quotes_kind kind)
{
    while (from < lines->n && lines->at[from].kind == kind)
        from++;
    return from;
}

/* --- another mail's head ------------------------------------------------------------------ */

/* The rule above it belongs to it. */
static size_t with_rule(const struct quotes_lines *lines, size_t cut)
{
    size_t above = cut;

    while (above > 0 && lines->at[above - 1].kind == QUOTES_BLANK)
        above--;
    return above > 0 && quotes_is_rule(&lines->at[above - 1]) ? above - 1 : cut;
}

static void cut_head(const struct quotes_lines *lines)
{
    size_t cut = first_of(lines, 0, QUOTES_CUT), forward = first_of(lines, 0, QUOTES_FORWARD);
    bool sent_on = forward < cut;
    size_t at = sent_on ? forward : cut;

    if (at == lines->n)
        return;
    if (sent_on && !anything(lines, 0, at)) { /* a mail sent on without a word is the word */
        give(lines, 0, skip(lines, at, QUOTES_FORWARD), QUOTES_HISTORY);
    } else {
        give(lines, with_rule(lines, at), lines->n, QUOTES_HISTORY);
    }
}

/* --- who wrote when ----------------------------------------------------------------------- */

/* The end of the marked lines from `i` on, blank ones between them included. */
static size_t end_of_marked(const struct quotes_lines *lines, size_t i)
{
    size_t end = i;

    while (i < lines->n &&
           (lines->at[i].kind == QUOTES_MARKED || lines->at[i].kind == QUOTES_BLANK)) {
        if (lines->at[i].kind == QUOTES_MARKED)
            end = i + 1;
        i++;
    }
    return end;
}

static bool any_marked(const struct quotes_lines *lines, size_t from)
{
    for (; from < lines->n; from++) {
        if (lines->at[from].kind == QUOTES_MARKED && lines->at[from].owner == QUOTES_REPLY)
            return true;
    }
    return false;
}

/* True when nobody can tell who wrote what: all marked lines then stay. */
static bool cut_attributions(const struct quotes_lines *lines)
{
    for (size_t at = 0; (at = first_of(lines, at, QUOTES_ATTRIBUTION)) < lines->n;) {
        size_t behind = skip(lines, at, QUOTES_ATTRIBUTION);
        size_t marked = end_of_marked(lines, behind);
        if (lines->at[at].owner != QUOTES_REPLY)
            return false;
        if (marked > behind) {
            give(lines, at, marked, QUOTES_HISTORY);
        } else if (anything(lines, 0, at) || !any_marked(lines, behind)) {
            give(lines, at, lines->n, QUOTES_HISTORY);
        } else { /* it marks quotes elsewhere, so what is not marked here is no quote */
            for (size_t i = at; i < lines->n; i++) {
                if (lines->at[i].kind == QUOTES_ATTRIBUTION)
                    lines->at[i].owner = QUOTES_HISTORY;
            }
            return true;
        }
        at = marked > behind ? marked : behind;
    }
    return false;
}

/* --- marked lines ------------------------------------------------------------------------- */

static void cut_marked(const struct quotes_lines *lines)
{
    size_t first = skip(lines, 0, QUOTES_BLANK), opening = end_of_marked(lines, first);
    bool named = first_of(lines, 0, QUOTES_ATTRIBUTION) < lines->n;

    for (size_t i = 0; i < lines->n; i++) {
        bool by_hand = !named && i >= first && i < opening &&
                       opening - first <= OPENING_LINES && anything(lines, opening, lines->n);
        if (lines->at[i].kind == QUOTES_MARKED && lines->at[i].owner == QUOTES_REPLY &&
            !by_hand)
            lines->at[i].owner = QUOTES_HISTORY;
    }
}

/* --- signatures --------------------------------------------------------------------------- */

/* Where what begins at `i` ends: at the next line that is not the customer's. */
static size_t end_of_reply(const struct quotes_lines *lines, size_t i, size_t *words)
{
    *words = 0;
    for (; i < lines->n && lines->at[i].owner == QUOTES_REPLY && *words <= SIGNATURE_LINES; i++)
        *words += lines->at[i].kind != QUOTES_BLANK;
    return i;
}

static void cut_signatures(const struct quotes_lines *lines)
{
    bool said = false;

    for (size_t i = 0; i < lines->n; i++) {
        size_t words, end;
        if (lines->at[i].owner != QUOTES_REPLY)
            continue;
        said |= says_something(&lines->at[i]) || lines->at[i].kind == QUOTES_MARKED;
        if (!said || !quotes_opens_signature(&lines->at[i]))
            continue;
        end = end_of_reply(lines, i, &words);
        if (words <= SIGNATURE_LINES)
            give(lines, i, end, QUOTES_SIGNATURE);
    }
}

/* From the end, and from the end of each part that something else ends. */
static void cut_devices(const struct quotes_lines *lines)
{
    bool at_end = true;

    for (size_t i = lines->n; i-- > 0;) {
        struct quotes_line *line = &lines->at[i];
        if (line->owner != QUOTES_REPLY) {
            at_end = true;
        } else if (at_end && quotes_is_device(line)) {
            line->owner = QUOTES_SIGNATURE;
        } else if (line->kind != QUOTES_BLANK) {
            at_end = false;
        }
    }
}

/* --- the parts ---------------------------------------------------------------------------- */

static struct str part(struct arena *into, const struct quotes_lines *lines,
                       enum quotes_owner owner)
{
    size_t len = 0;
    char *text;

    for (size_t i = 0; i < lines->n; i++)
        len += lines->at[i].owner == owner ? lines->at[i].raw.len + 1 : 0;
    text = arena_alloc(into, len + 1);
    len = 0;
    for (size_t i = 0; i < lines->n; i++) {
        struct str raw = lines->at[i].raw;
        if (lines->at[i].owner != owner)
            continue;
        if (raw.len > 0)
            memcpy(text + len, raw.at, raw.len);
        len += raw.len;
        text[len++] = '\n';
    }
    return str_trim((struct str){text, len});
}

struct quotes quotes_split(struct arena *into, struct str text)
{
    struct quotes_lines lines = quotes_read(into, text);

    cut_head(&lines);
    if (!cut_attributions(&lines))
        cut_marked(&lines);
    cut_signatures(&lines);
    cut_devices(&lines);
    return (struct quotes){part(into, &lines, QUOTES_REPLY),
                           part(into, &lines, QUOTES_SIGNATURE),
                           part(into, &lines, QUOTES_HISTORY)};
}
