#include "flows/understand/numbers.h"

static bool is_joint(const struct mark *mark)
{
    return mark->kind == MARK_SIGN && mark->glued &&
           (mark->sign == '-' || mark->sign == '_' || mark->sign == '/');
}

static bool is_latin(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < 'a' || word.at[i] > 'z')
            return false;
    }
    return true;
}

static bool is_part(const struct mark *mark)
{
    return !mark->taken &&
           (mark->kind == MARK_NUMBER || (mark->kind == MARK_WORD && is_latin(mark->text)));
}

/* The mark behind the piece that begins at `i`: parts that touch, with joints between. */
static size_t read_piece(const struct scan *scan, size_t i)
{
    size_t end = i + 1;

    while (end < scan->n) {
        const struct mark *mark = &scan->marks[end];

        if (mark->glued && is_part(mark)) {
            end++;
        } else if (is_joint(mark) && end + 1 < scan->n && scan->marks[end + 1].glued &&
                   is_part(&scan->marks[end + 1])) {
            end += 2;
        } else {
            break;
        }
    }
    return end;
}

/* "INV-11": two digits are enough behind letters that numbers are led by, which people write in
 * capitals; PS-5 and covid-19 are something else. */
static bool is_led(const struct scan *scan, size_t begin, size_t end)
{
    static const char *const leads[] = {"inv", "ord", "rep", "job", "est", "fv",
                                        "fac", "fak", "so",  "po",  "rma"};
    const struct mark *lead = &scan->marks[begin];
    bool capitals = true;

    if (end - begin != 3 || lead->kind != MARK_WORD || scan->marks[end - 1].kind != MARK_NUMBER)
        return false;
    for (size_t i = 0; i < COUNTOF(leads); i++) {
        if (str_eq(lead->text, str_from(leads[i])))
            return true;
    }
    for (size_t i = lead->at.from; i < lead->at.to; i++)
        capitals = capitals && scan->text.at[i] >= 'A' && scan->text.at[i] <= 'Z';
    return capitals && scan->marks[end - 1].text.len == 2 && lead->text.len >= 2 &&
           lead->text.len <= 4;
}

/* "invoice 7": few digits, right behind what they are the number of, and nothing goes on. */
static bool is_small_one(const struct scan *scan, size_t begin, size_t end)
{
    size_t before = begin;

    if (end - begin != 1 || scan->marks[begin].kind != MARK_NUMBER ||
        (end < scan->n && scan->marks[end].kind != MARK_SIGN) || begin == 0)
        return false;
    if (before > 1 &&
        (scan_is_sign(scan, before - 1, '.') || scan_is_sign(scan, before - 1, 0xBA)))
        before--;
    if (before > 1 &&
        (scan_is_sign(scan, before - 1, '#') || scan_is(scan, before - 1, LEX_NO, NULL)))
        before--;
    return scan_is(scan, before - 1, LEX_ORDER, NULL);
}

static bool is_number(const struct scan *scan, size_t begin, size_t end)
{
    size_t digits = 0;
    size_t letters = 0;
    size_t all = scan->marks[end - 1].at.to - scan->marks[begin].at.from;

    for (size_t i = begin; i < end; i++) {
        digits += scan->marks[i].kind == MARK_NUMBER ? scan->marks[i].text.len : 0;
        letters += scan->marks[i].kind == MARK_WORD ? scan->marks[i].text.len : 0;
    }
    return digits <= 12 && letters <= 6 && all <= 48 &&
           (digits >= 3 || is_led(scan, begin, end) || is_small_one(scan, begin, end));
}

/* As ticket_number() of migration 0016 makes them. */
static bool is_ticket(const struct scan *scan, size_t begin, size_t end)
{
    static const char consonants[] = "bcdfghjkmnpqrstvwxz";
    size_t letters = 0;

    if (end - begin < 3 || !str_eq(scan->marks[begin].text, STR("t")))
        return false;
    for (size_t i = begin + 1; i < end; i++) {
        const struct mark *mark = &scan->marks[i];

        if (mark->kind == MARK_NUMBER)
            return false;
        for (size_t j = 0; mark->kind == MARK_WORD && j < mark->text.len; j++) {
            if (!strchr(consonants, mark->text.at[j]))
                return false;
            letters++;
        }
    }
    return letters == 8;
}

static struct str written(struct arena *into, const struct scan *scan, size_t begin, size_t end)
{
    char *out = arena_alloc(into, 64);
    size_t n = 0;

    for (size_t i = begin; i < end; i++) {
        const struct mark *mark = &scan->marks[i];

        if (mark->kind == MARK_SIGN) {
            out[n++] = (char)mark->sign;
            continue;
        }
        for (size_t j = 0; j < mark->text.len && n < 63; j++) {
            char c = mark->text.at[j];

            out[n++] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
        }
    }
    return (struct str){out, n};
}

static bool is_called(const struct scan *scan, size_t begin)
{
    for (size_t i = begin; i > 0 && i + 4 > begin; i--) {
        if (scan_is(scan, i - 1, LEX_ORDER, NULL) || scan_is_sign(scan, i - 1, '#'))
            return true;
    }
    return false;
}

/* Three groups of digits and more in a row, as telephones and accounts are written. */
static bool is_in_row(const struct scan *scan, size_t i)
{
    size_t first = i;
    size_t end = i + 1;

    while (first > 0 && scan->marks[first - 1].kind == MARK_NUMBER)
        first--;
    while (end < scan->n && scan->marks[end].kind == MARK_NUMBER)
        end++;
    return end - first >= 3;
}

size_t numbers_find(struct arena *into, struct scan *scan,
                    struct number_found found[NUMBERS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < scan->n && n < NUMBERS_MAX;) {
        bool part = is_part(&scan->marks[i]);
        size_t end = part ? read_piece(scan, i) : i + 1;
        bool ticket = part && is_ticket(scan, i, end);

        if (ticket || (part && is_number(scan, i, end) &&
                       (is_called(scan, i) || scan->marks[i].kind != MARK_NUMBER ||
                        !is_in_row(scan, i)))) {
            found[n].number = written(into, scan, i, end);
            found[n].ticket = ticket;
            found[n].called = is_called(scan, i);
            found[n++].at = scan_take(scan, i, end);
        }
        i = end;
    }
    return n;
}
