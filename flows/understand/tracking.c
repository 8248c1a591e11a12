/*
 * Tracking numbers in a text.
 *
 * A number may be written in groups, so runs of neighbouring words and numbers are tried, the
 * longest first; what has a form (tracking_forms.c) is held against the words around it.
 */
#include "flows/understand/tracking.h"

#include "flows/understand/cards.h"
#include "flows/understand/tracking_forms.h"

static bool is_digits(struct str number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.at[i] < '0' || number.at[i] > '9')
            return false;
    }
    return true;
}

static bool has_word(const struct scan *scan, enum lexicon_class is)
{
    for (size_t i = 0; i < scan->n; i++) {
        if (scan_is(scan, i, is, NULL))
            return true;
    }
    return false;
}

enum called { CALLED_NOTHING, CALLED_PARCEL, CALLED_OTHER };

/* "order 123456789012", "paczka nr 1234", "dzwonić 600...": what the nearest of the few words
 * before say, within the sentence. */
static enum called called_as(const struct scan *scan, size_t begin)
{
    for (size_t i = begin; i > 0 && i + 4 > begin; i--) {
        const struct mark *mark = &scan->marks[i - 1];

        if (mark->kind == MARK_NUMBER)
            break;
        if (mark->kind == MARK_SIGN &&
            (mark->sign == ',' || mark->sign == ';' || mark->sign == '?' || mark->sign == '!'))
            break;
        if (scan_is(scan, i - 1, LEX_TRACKING, NULL) || scan_is(scan, i - 1, LEX_CARRIER, NULL))
            return CALLED_PARCEL;
        if (scan_is(scan, i - 1, LEX_ORDER, NULL) || scan_is(scan, i - 1, LEX_PHONE, NULL) ||
            scan_is(scan, i - 1, LEX_ACCOUNT, NULL))
            return CALLED_OTHER;
    }
    return CALLED_NOTHING;
}

/* A part of something longer that is written in groups: an account, a telephone. */
static bool is_in_row(const struct scan *scan, size_t begin, size_t end)
{
    return (begin > 0 && scan->marks[begin - 1].kind == MARK_NUMBER) ||
           (end < scan->n && scan->marks[end].kind == MARK_NUMBER);
}

/* Forms without a check digit take much: "ORD-2026-12345" is none of them. */
static bool is_plain_run(const struct scan *scan, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (scan->marks[i].kind == MARK_SIGN || scan_is(scan, i, LEX_ORDER, NULL))
            return false;
    }
    return true;
}

/* "20261121143322": a moment, as machines write it. */
static bool is_moment(struct str number)
{
    return number.len == 14 && str_starts(number, STR("20")) &&
           str_compare(str_slice(number, 4, 4), STR("0101")) >= 0 &&
           str_compare(str_slice(number, 4, 4), STR("1231")) <= 0 && number.at[8] <= '2' &&
           number.at[10] <= '5' && number.at[12] <= '5';
}

/* Whether it counts where it stands: sure ones do; else the text has to speak of parcels, and
 * of a form that fits much, right there. */
static bool is_meant(const struct scan *scan, const struct tracking_found *found, size_t begin,
                     size_t end, bool expected)
{
    enum called called = called_as(scan, begin);

    if (expected || found->grade == TRACKING_SURE)
        return true;
    if (called == CALLED_OTHER || is_in_row(scan, begin, end) ||
        scan_is_sign(scan, begin - 1, '+') || scan_is_sign(scan, begin - 1, '#'))
        return false;
    if (found->grade == TRACKING_WEAK) {
        return is_plain_run(scan, begin, end) && !is_moment(found->number) &&
               (called == CALLED_PARCEL || has_word(scan, LEX_CARRIER));
    }
    if (called == CALLED_PARCEL || has_word(scan, LEX_TRACKING) || has_word(scan, LEX_CARRIER))
        return true;
    return !card_is(found->number) && (!is_digits(found->number) || found->number.len >= 15);
}

static bool can_begin(const struct scan *scan, size_t i)
{
    const struct mark *mark = &scan->marks[i];

    if (mark->taken || mark->glued || mark->kind == MARK_SIGN) {
        return i > 0 && !mark->taken && mark->kind != MARK_SIGN && mark->glued &&
               (scan_is_sign(scan, i - 1, '#') || scan_is_sign(scan, i - 1, ':') ||
                scan_is_sign(scan, i - 1, '('));
    }
    return mark->kind == MARK_NUMBER || mark->text.len <= 5;
}

/* Behind the mark stands a space, the end, or a sign that ends a sentence. */
static bool can_end(const struct scan *scan, size_t i)
{
    const struct mark *next = i + 1 < scan->n ? &scan->marks[i + 1] : NULL;

    if (!next || !next->glued)
        return true;
    return next->kind == MARK_SIGN && next->sign != '-' && next->sign != '@' &&
           next->sign != '/';
}

static void put_plain(char *out, size_t *n, struct str text)
{
    for (size_t i = 0; i < text.len && *n < TRACKING_LEN_MAX + 1; i++) {
        char c = text.at[i];

        out[(*n)++] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
    }
}

/* The longest number that begins at mark `begin`; the mark behind it, or 0. */
static size_t read_run(struct arena *into, const struct scan *scan, size_t begin,
                       struct tracking_found *best)
{
    char out[TRACKING_LEN_MAX + 2];
    size_t n = 0;
    size_t end = 0;
    bool spaced = false;

    for (size_t i = begin; i < scan->n && n <= TRACKING_LEN_MAX; i++) {
        const struct mark *mark = &scan->marks[i];
        struct tracking_found found;

        if (mark->taken)
            break;
        if (mark->kind == MARK_SIGN) {
            if (mark->sign != '-')
                break;
            continue;
        }
        if (mark->kind == MARK_WORD && mark->text.len > 6)
            break;
        spaced |= i > begin && !mark->glued;
        put_plain(out, &n, mark->text);
        if (n < 8 || n > TRACKING_LEN_MAX || !can_end(scan, i) ||
            !tracking_form_read((struct str){out, n}, &found) ||
            (spaced && strcmp(found.form, "dhl_ecommerce") == 0)) /* words fit that form */
            continue;
        *best = found;
        best->number = arena_str(into, found.number);
        end = i + 1;
    }
    return end;
}

/* Seven digits, or fewer where letters and digits touch on both sides ("1LSCXVE005BUEFX"). */
static bool may_hold(const struct scan *scan)
{
    size_t digits = 0;
    size_t touching = 0;

    for (size_t i = 0; i < scan->n; i++) {
        const struct mark *mark = &scan->marks[i];

        digits += mark->kind == MARK_NUMBER ? mark->text.len : 0;
        touching += mark->kind == MARK_WORD && mark->glued && i > 0 &&
                    scan->marks[i - 1].kind == MARK_NUMBER;
    }
    return digits >= 7 || (digits >= 4 && touching >= 2);
}

size_t tracking_find(struct arena *into, struct scan *scan, bool expected,
                     struct tracking_found found[TRACKINGS_MAX])
{
    size_t n = 0;

    if (!may_hold(scan))
        return 0;
    for (size_t i = 0; i < scan->n && n < TRACKINGS_MAX;) {
        size_t end = can_begin(scan, i) ? read_run(into, scan, i, &found[n]) : 0;

        if (!end || !is_meant(scan, &found[n], i, end, expected)) {
            i++;
            continue;
        }
        found[n++].at = scan_take(scan, i, end);
        i = end;
    }
    return n;
}
