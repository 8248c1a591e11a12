/*
 * Tracking numbers, by the form that each carrier gives them and by their check digit (TRK-4).
 *
 * Many forms are just digits, and what has no check digit fits by chance: so each form has a
 * grade. In free text only sure numbers count by themselves; a likely one must not look like a
 * telephone, a card or an order's number, and the weakest want a word about parcels or their
 * carrier beside them. Where a tracking number was asked for, all grades count.
 */
#pragma once

#include "flows/understand/scan.h"

enum { TRACKINGS_MAX = 4, TRACKING_LEN_MAX = 42 };

enum tracking_grade {
    TRACKING_WEAK,   /* no check digit, or short digits with one */
    TRACKING_LIKELY, /* digits with a check digit, twelve and more */
    TRACKING_SURE    /* letters of its own, or digits no other form has */
};

struct tracking_found {
    struct span at;
    struct str number;   /* capitals and digits only */
    const char *carrier; /* "ups", "s10" of a post office; a constant */
    const char *form;    /* "ups_waybill"; a constant */
    const char *also;    /* another carrier whose form it has, or NULL */
    enum tracking_grade grade;
    char country[3]; /* of an S10 number: "PL"; else empty */
};

/* Those in a text, their marks taken. `expected`: one was asked for. */
size_t tracking_find(struct arena *into, struct scan *scan, bool expected,
                     struct tracking_found found[TRACKINGS_MAX]);
