/*
 * When a business answers: hours by weekday, as data, in the business's own time zone.
 *
 *     {"mon": "09:00-17:00", "sat": "10:00-12:00, 14:00-16:00", "off": ["2026-12-25"]}
 *
 * A weekday that is not there is closed all day; an interval may go past midnight
 * ("18:00-02:00"); "off" are days on which nothing begins. Hours are local: on the day when the
 * clocks change, nine o'clock is still nine o'clock. What cannot be read is passed over.
 */
#pragma once

#include "bot/base/value.h"

struct hours_look {
    bool open;
    usec_t closes_at; /* while open; 0: not within a day */
    usec_t opens_at;  /* while closed; 0: not within two weeks */
};

/* `hours` NULL: always open. An unknown zone is UTC. */
struct hours_look hours_look(const struct record *hours, struct str zone, usec_t now);

/*
 * The week as people read it, days in a row with the same hours together: rows with `first`
 * and, of several, `last` (names of days, or `first` "every"), and `times`, each `from` and
 * `until`, with `more` where another follows, or `all_day`. Times are instants at which clocks
 * in `shown` show these hours.
 */
struct value hours_week(struct arena *into, const struct record *hours, struct str shown,
                        usec_t now);

/* The noons, in `shown`, of the "off" days within the next 30. */
struct value hours_off(struct arena *into, const struct record *hours, struct str shown,
                       usec_t now);
