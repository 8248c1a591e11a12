/*
 * Made-up businesses to try things on: the demo's shop. A command's business, like migrations:
 * these functions wait.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/base/uuid.h"

/* The demo shop's id, the same everywhere. */
extern const struct uuid seed_demo_org;

struct seed_options {
    const char *url; /* as the owner of the tables */
    /* The shop's WhatsApp number, as the provider names it. */
    const char *phone_number_id;
    const char *business_account_id; /* NULL: none */
    const char *phone;               /* display only, E.164; NULL: a fictional one */
    const char *sms_number;          /* that SMS leave from, E.164; NULL: none */
    const char *mail_address;        /* that people mail to, in small letters; NULL: none */
    const char *app;      /* whose secret signs for it, as in the settings; NULL: "" */
    const char *pictures; /* where its photos are, with a slash at the end; NULL: its website */
    bool reset;           /* delete all that the shop has first, conversations too */
};

struct seed_counts {
    int customers, orders, shipments;
};

/* Everything or nothing. What is there already stays, so it may run again. */
MUST_USE bool seed_demo(const struct seed_options *options, struct seed_counts *counts,
                        struct err *err);

/* The script, embedded by the build from store/seed/demo.sql. */
extern const char *const seed_demo_sql;
