/*
 * The running service for integration tests: the real supervisor and workers over the private
 * PostgreSQL of store.h, with the demo's shop in it and the sandbox as the Graph API, and a
 * provider who posts signed deliveries, many at a time.
 *
 * All on loopback, in a folder of its own; every process dies with the test program.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"
#include "store/seed.h"
#include "tests/support/store.h"
#include "tests/support/temp.h"

#include <jansson.h>
#include <sys/types.h>

#define SERVICE_NUMBER   "106540352242922"
#define SERVICE_BUSINESS "102290129340398"

#define SERVICE_STRIPE_SECRET "whsec_of_the_tests"
#define SERVICE_STRIPE_BEFORE "whsec_of_before"
#define SERVICE_MAIL          "support@in.lark.example"

/* What the providers sign with. */
#define SERVICE_APP_SECRET    "a secret that signs"
#define SERVICE_TOKEN         "EAAB0123456789"
#define SERVICE_TWILIO_SECRET "atokenofTwilios"

struct service {
    char dir[TEMP_PATH];
    int port, sandbox_port;
    pid_t pid, sandbox;
    const char *faults, *sandbox_more; /* of the sandbox's command line, as wished */
};

struct service_wish {
    const char *program; /* NULL: this build's parley */
    bool sms;            /* the shop has a number for SMS, too */
    bool mail;           /* and an address of mail */
    const char *more;    /* lines of settings besides; NULL: none */
    bool codes;          /* reading wants a code, as it does by default */
    unsigned workers;    /* 0: one */
    const char *faults;  /* the sandbox's, as JSON; NULL: none */
    const char *folder;  /* of flows and words; NULL: the tree's */
    bool crm;            /* the sandbox's CRM is told of events, as crm.apps.demo */
    const char *sandbox; /* more for its command line, one word; NULL: nothing */
};

/* Empty the shop and start; ready for deliveries on return. */
void service_start(struct service *service, const struct service_wish *wish);
/* SIGTERM, and the exit status 0 is checked. */
void service_stop(struct service *service);

/* SIGTERM, and start it again as it was, over the same database. */
void service_again(struct service *service);

/* Kill the supervisor outright, and start it anew as soon as its port is free; the database may
 * be away. */
void service_revive(struct service *service);

/* Run `parley ...` with the service's settings, the command in one word each; what it said to
 * standard error is in `said`. Returns its exit status. */
int service_command(const struct service *service, char *const *words, char *said, size_t room);

/* After a test that failed: show the log and end what still runs. Nothing after a stop. */
void service_end(struct service *service);

/* Worker processes, in the order they were started in. */
size_t service_workers(const struct service *service, pid_t *pids, size_t room);

/* The sum of a counter without labels, from /metrics. */
double service_counter(const struct service *service, const char *name);
/* GET of one of its addresses: the status, 0 when nobody answers. */
long service_get(const struct service *service, const char *path);
/* How often a text stands in the service's log. */
size_t service_logged(const struct service *service, const char *text);
/* The log, to standard error: for a test that is about to fail. */
void service_show_log(const struct service *service);

/* --- the provider ---------------------------------------------------------------------------
 */

struct post {
    struct str body;
    bool sms;         /* by Twilio: a form */
    const char *door; /* NULL: the provider's usual one */
    bool forged;      /* signed with another secret */
    long status;      /* the last answer; 0: none came */
    char said[128];   /* its body, as much as fits */
    unsigned tries;
};

#define SERVICE_SMS_NUMBER  "+15550100101"
#define SERVICE_TWILIO_DOOR "/webhooks/twilio"

/* An inbound SMS as Twilio would post it; `more` are further fields, or "". */
struct str post_sms(struct arena *into, const char *phone, const char *id, const char *words,
                    const char *more);

/* The header line that signs a form as Twilio does, made by other code than the one under test.
 */
void service_sign_form(const char *secret, const char *url, struct str form, char line[64]);

/* A delivery of one text message, as WhatsApp would send it. */
struct str post_text(struct arena *into, const char *phone, const char *id, const char *words);
/* A message inside "messages": [...]; several make a delivery with `post_messages`. */
struct str post_message(struct arena *into, const char *phone, const char *id,
                        const char *words);
struct str post_messages(struct arena *into, const struct str *messages, size_t n);

/* Post all of them at the same time over `connections`. With `until` above 0 what is not
 * answered 200 is posted again, as Meta does, and Twilio where it is told to, for so long. */
void service_post(const struct service *service, struct post *posts, size_t n,
                  unsigned connections, usec_t until);

/* --- the sandbox ----------------------------------------------------------------------------
 */

/* A file in the sandbox's hands; its id there. */
const char *service_media(const struct service *service, struct arena *into, const char *mime,
                          struct str bytes);
/* Kill the sandbox outright and start it again with the journal that it has. */
void service_sandbox_again(struct service *service);
/* How often the sandbox had something to say against what we do. */
long service_findings(const struct service *service);
/* How many files the service gave to the Graph API. */
long service_uploads(const struct service *service);

#define SERVICE_CRM_SECRET "whsec_cGFybGV5LXRlc3RzLWNybS1rZXktMDAxLXdpdGgtMzI="
#define SERVICE_CRM_BEFORE "whsec_cGFybGV5LXRlc3RzLWNybS1vbGQtMDAxLXdpdGgtMzI="

/* What goes wrong at the Graph API from now on, as tests/sandbox/faults.h has it: JSON. */
void service_faults(const struct service *service, const char *plan);

/* What goes wrong at the CRM from now on, as tests/sandbox/crm.c has it: JSON, "{}" for
 * nothing. */
void service_crm(const struct service *service, const char *plan);
/* The events that it took, each time: {"at", "signatures", "event"}. The caller releases it. */
json_t *service_events(const struct service *service);

/* What arrived at the Graph API: how many with this text (a part of it; NULL: any) for this
 * person (NULL: anybody). */
size_t service_arrived(const struct service *service, const char *phone, const char *text);
/* The body of the newest arrival for this person that has this text. */
void service_last(const struct service *service, const char *phone, const char *text,
                  char *body, size_t room);
/* Where in the order of all arrivals the first one with this text stands; the test fails when
 * there is none. */
size_t service_place(const struct service *service, const char *text);
/* How many arrivals carry a key that another one carries too. */
size_t service_repeated(const struct service *service);
/* How many arrived after a later one of their conversation. */
size_t service_disordered(const struct service *service);

/* Turn time until a query gives this number; the test fails with the log shown after `limit`.
 */
void service_until(const struct service *service, PGconn *conn, const char *sql, long number,
                   usec_t limit);
