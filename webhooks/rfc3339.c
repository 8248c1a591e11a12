#include "webhooks/rfc3339.h"

/* "date-fullyear" and so on: exactly so many digits. */
static bool take_digits(struct str *rest, size_t n, int *number)
{
    *number = 0;
    if (rest->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (rest->at[i] < '0' || rest->at[i] > '9')
            return false;
        *number = *number * 10 + (rest->at[i] - '0');
    }
    *rest = str_slice(*rest, n, rest->len);
    return true;
}

static bool take_sign(struct str *rest, const char *signs, char *sign)
{
    if (rest->len == 0 || rest->at[0] == '\0' || strchr(signs, rest->at[0]) == NULL)
        return false;
    if (sign != NULL)
        *sign = rest->at[0];
    *rest = str_slice(*rest, 1, rest->len);
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01, in a year that begins with March, so that leap days come last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_date(struct str *rest, int64_t *days)
{
    int year, month, day;

    if (!take_digits(rest, 4, &year) || !take_sign(rest, "-", NULL) ||
        !take_digits(rest, 2, &month) || !take_sign(rest, "-", NULL) ||
        !take_digits(rest, 2, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *days = days_of(year, month, day);
    return true;
}

static bool take_clock(struct str *rest, usec_t *clock)
{
    int hour, minute, second;
    usec_t unit = USEC_PER_SEC;

    if (!take_digits(rest, 2, &hour) || !take_sign(rest, ":", NULL) ||
        !take_digits(rest, 2, &minute) || !take_sign(rest, ":", NULL) ||
        !take_digits(rest, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    *clock = hour * USEC_PER_HOUR + minute * USEC_PER_MIN + second * USEC_PER_SEC;
    if (!take_sign(rest, ".", NULL))
        return true;
    if (rest->len == 0 || rest->at[0] < '0' || rest->at[0] > '9')
        return false;
    while (rest->len > 0 && rest->at[0] >= '0' && rest->at[0] <= '9') {
        unit /= 10;
        *clock += (rest->at[0] - '0') * unit;
        *rest = str_slice(*rest, 1, rest->len);
    }
    return true;
}

static bool take_offset(struct str *rest, usec_t *offset)
{
    int hours, minutes;
    char sign;

    *offset = 0;
    if (take_sign(rest, "Zz", NULL))
        return true;
    if (!take_sign(rest, "+-", &sign) || !take_digits(rest, 2, &hours) ||
        !take_sign(rest, ":", NULL) || !take_digits(rest, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *offset = hours * USEC_PER_HOUR + minutes * USEC_PER_MIN;
    if (sign == '-')
        *offset = -*offset;
    return true;
}

bool rfc3339_read(struct str text, usec_t *at)
{
    int64_t days;
    usec_t clock, offset;

    if (!take_date(&text, &days) || !take_sign(&text, "Tt ", NULL) ||
        !take_clock(&text, &clock) || !take_offset(&text, &offset) || text.len > 0)
        return false;
    *at = days * USEC_PER_DAY + clock - offset;
    return *at >= 0;
}

struct str rfc3339_write(struct arena *into, usec_t at)
{
    /* The same calendar, backwards. */
    int64_t z = at / USEC_PER_DAY + 719468, era = z / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    usec_t clock = at % USEC_PER_DAY;

    return arena_format(into, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                        (int)(year + era * 400 + (month <= 2)), (int)month,
                        (int)(of_year - (153 * shifted + 2) / 5 + 1),
                        (int)(clock / USEC_PER_HOUR), (int)(clock / USEC_PER_MIN % 60),
                        (int)(clock / USEC_PER_SEC % 60), (int)(clock % USEC_PER_SEC));
}
