/*
 * Addresses and telephone numbers in a text. What was asked for is read by expect_contact.h.
 */
#pragma once

#include "flows/understand/scan.h"

enum { CONTACTS_MAX = 4 };

struct email_found {
    struct span at;
    struct str address; /* the domain in lower case */
};

/* By what mail servers take in practice: dots and signs in the name, a domain with a dot. */
size_t emails_find(struct arena *into, struct scan *scan,
                   struct email_found found[CONTACTS_MAX]);

struct phone_found {
    struct span at;
    struct str number; /* E.164: "+48601234567" */
};

/*
 * International numbers wherever they stand; national ones of `country` ("PL"; may be empty)
 * when they are written as such: in groups, with the trunk's zero, or where a telephone is
 * spoken of or was asked for (`expected`).
 */
size_t phones_find(struct arena *into, struct scan *scan, struct str country, bool expected,
                   struct phone_found found[CONTACTS_MAX]);
