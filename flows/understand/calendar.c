#include "flows/understand/calendar.h"

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int date_days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool date_exists(struct date date)
{
    return date.year >= 1900 && date.year <= 2199 && date.month >= 1 && date.month <= 12 &&
           date.day >= 1 && date.day <= date_days_in(date.year, date.month);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years begin in March, so that the leap day is the last; eras have 400 years. */
day_t date_count(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = floor_div(year, 400);
    int64_t of_era = year - era * 400;
    int64_t month = (date.month + 9) % 12;
    int64_t of_year = (153 * month + 2) / 5 + date.day - 1;

    return (day_t)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468);
}

struct date date_of(day_t day)
{
    int64_t count = (int64_t)day + 719468;
    int64_t era = floor_div(count, 146097);
    int64_t of_era = count - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct date date = {.month = (int)(month < 10 ? month + 3 : month - 9),
                        .day = (int)(of_year - (153 * month + 2) / 5 + 1)};

    date.year = (int)(year + era * 400 + (date.month <= 2));
    return date;
}

int day_weekday(day_t day)
{
    int64_t since_monday = ((int64_t)day + 3) - floor_div((int64_t)day + 3, 7) * 7;

    return (int)since_monday + 1;
}

day_t day_add_months(day_t day, int64_t months)
{
    struct date date = date_of(day);
    int64_t count = (int64_t)date.year * 12 + date.month - 1 + months;

    date.year = (int)floor_div(count, 12);
    date.month = (int)(count - floor_div(count, 12) * 12) + 1;
    if (date.day > date_days_in(date.year, date.month))
        date.day = date_days_in(date.year, date.month);
    return date_count(date);
}
