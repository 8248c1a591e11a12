/*
 * Days of the Gregorian calendar, counted: exact, without time zones.
 */
#pragma once

#include "bot/base/base.h"

typedef int32_t day_t; /* days since 1 January 1970 */

struct date {
    int year;
    int month; /* 1-12 */
    int day;   /* 1-31 */
};

/* Whether there is such a day, in the years 1900 to 2199. */
bool date_exists(struct date date);

/* The count of a day that exists. */
day_t date_count(struct date date);
struct date date_of(day_t day);

int date_days_in(int year, int month);

/* 1 Monday to 7 Sunday. */
int day_weekday(day_t day);

/* So many months later or earlier, at the last day of a month that is too short. */
day_t day_add_months(day_t day, int64_t months);
