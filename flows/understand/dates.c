/*
 * Dates.
 *
 * From left to right, at each mark the readings are tried, the most explicit first: written out
 * with a month's name, in numbers, counted from today, by weekday, whole weeks and months.
 * Small words that people put between the parts are passed over. Then neighbours that a "to" or
 * "-" joins become ranges, where the first half may lack what the second one says ("3-5 May").
 */
#include "flows/understand/dates_inside.h"

/* --- all of them -------------------------------------------------------------------------- */

static bool read_date(const struct scan *scan, size_t i, const struct date_context *context,
                      struct reading *reading)
{
    static bool (*const readers[])(const struct scan *, size_t, const struct date_context *,
                                   struct reading *) = {
        dates_read_iso,         dates_read_day_month, dates_read_numbers, dates_read_month_day,
        dates_read_day_of_week, dates_read_weeks_on,  dates_read_away,    dates_read_near,
        dates_read_weekday,     dates_read_unit,      dates_read_weekend, dates_read_end,
        dates_read_month_alone, dates_read_day_alone};

    for (size_t j = 0; j < COUNTOF(readers); j++) {
        *reading = (struct reading){0};
        if (readers[j](scan, i, context, reading))
            return true;
    }
    return false;
}

/* Nothing here begins a date: most marks of most texts. */
static bool may_begin(const struct scan *scan, size_t i)
{
    const struct mark *mark = &scan->marks[i];

    return !scan_is_within(scan, i) && !mark->taken &&
           (mark->kind == MARK_NUMBER || (mark->kind == MARK_WORD && mark->entries > 0));
}

/* "3-5 May", "del 3 al 5 de mayo": a bare day before a date that names its month. */
static void lend_month(const struct scan *scan, size_t begin, size_t joint, size_t *first,
                       struct date_found *found)
{
    struct date date = date_of(found->first);
    size_t at = joint;

    while (at > begin && at + 3 > joint && scan->marks[at - 1].kind != MARK_NUMBER)
        at--;
    if (at == begin || !scan_is_number(scan, at - 1, 2) || scan_is_within(scan, at - 1))
        return;
    date.day = (int)scan->marks[at - 1].value;
    if (!date_exists(date) || date_count(date) >= found->first)
        return;
    found->first = date_count(date);
    found->at.from = scan->marks[at - 1].at.from;
    *first = at - 1;
}

static bool is_joint(const struct scan *scan, size_t i, bool between)
{
    return scan_is(scan, i, LEX_TO, NULL) || scan_is_sign(scan, i, '-') ||
           (between && scan_is(scan, i, LEX_AND, NULL));
}

struct finding {
    struct scan *scan;
    const struct date_context *context;
    struct date_found *found;
    size_t n;
    size_t begins[DATES_MAX];
    size_t ends[DATES_MAX];
};

/* The new date is the second half of a range with the one before it, or lends its month to a
 * bare day. */
static void join_range(struct finding *finding, size_t begin)
{
    struct scan *scan = finding->scan;
    struct date_found *last = &finding->found[finding->n - 1];
    size_t before = finding->n > 1 ? finding->ends[finding->n - 2] : 0;
    bool between = false;
    size_t joint = begin;

    for (size_t i = finding->n > 1 ? finding->begins[finding->n - 2] : 0, back = i;
         i > 0 && i + 3 > back; i--)
        between |= scan_is(scan, i - 1, LEX_BETWEEN, NULL);
    while (joint > before && joint + 3 > begin && !is_joint(scan, joint - 1, between) &&
           dates_is_link(scan, joint - 1))
        joint--;
    if (joint == before || !is_joint(scan, joint - 1, between))
        return;
    if (finding->n > 1 && joint - 1 == before) {
        struct date_found *first = &finding->found[finding->n - 2];

        if (first->first > last->last)
            return;
        first->last = last->last;
        first->at.to = last->at.to;
        first->year_given |= last->year_given;
        finding->ends[finding->n - 2] = finding->ends[finding->n - 1];
        finding->n--;
        return;
    }
    lend_month(scan, before, joint - 1, &finding->begins[finding->n - 1], last);
}

size_t dates_find(struct scan *scan, const struct date_context *context,
                  struct date_found found[DATES_MAX])
{
    struct finding finding = {.scan = scan, .context = context, .found = found};

    for (size_t i = 0; i < scan->n && finding.n < DATES_MAX;) {
        struct reading reading;

        if (!may_begin(scan, i) || !read_date(scan, i, context, &reading)) {
            i++;
            continue;
        }
        reading.found.at =
            (struct span){scan->marks[i].at.from, scan->marks[reading.end - 1].at.to};
        finding.begins[finding.n] = i;
        finding.ends[finding.n] = reading.end;
        found[finding.n++] = reading.found;
        join_range(&finding, i);
        i = reading.end;
    }
    for (size_t i = 0; i < finding.n; i++)
        (void)scan_take(scan, finding.begins[i], finding.ends[i]);
    return finding.n;
}
