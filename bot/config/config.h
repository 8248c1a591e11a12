/*
 * The settings of this installation: one YAML file, with the environment on top.
 *
 * Everything is checked before anything starts; an error names the place (file and line, or the
 * variable), what is wrong and what to write instead. A value in the environment wins over one
 * in the file, and either over the default. Secrets and database addresses may stand in a file
 * of their own (`token_file: /run/secrets/token`): they are held in locked memory, wiped at the
 * end, and never shown.
 *
 * The settings are one table in config_settings.c: what they mean, where they go, their limits
 * and their defaults. The reference in docs/ and the example in deploy/ are printed from it.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

/* A Meta app: its deliveries are signed with its secret, and its token sends. */
struct config_app {
    struct str name;
    struct str app_secret, verify_token, token;
};

#define EVENTS_PAUSES_MAX 16
#define DOCUMENT_SIZE_MAX ((size_t)100 << 20) /* that documents.max_size may ever have been */

/* A business's other system, a CRM: what it posts is signed with its secret, and what it is
 * posted is signed with both while one takes the other's place. */
struct config_crm_app {
    struct str name;
    struct str secret, secret_before; /* "whsec_..."; the latter may be empty */
    struct str url;                   /* where events go out to; empty: nowhere */
};

/* Every text is terminated, so that `.at` can be handed to C interfaces. */
struct config {
    struct {
        usec_t after;
    } fallback;
    struct {
        struct str address; /* numeric, without brackets */
        unsigned port;
    } listen;
    unsigned workers; /* 0: one per core */
    struct {
        struct str cert, key; /* both empty: plain HTTP, a proxy speaks TLS */
    } tls;
    struct {
        struct str url;
        struct str owner_url;      /* who migrates and seeds; the same as url when not given */
        unsigned connections;      /* per worker */
        unsigned desk_connections; /* likewise, for bot/door/desk_door.h */
        unsigned web_connections;  /* likewise, for bot/view/web.h */
        usec_t connect_timeout, deadline;
        struct str role; /* SET ROLE after connecting */
    } database;
    struct {
        struct str level;
    } log;
    struct str public_url; /* without a slash at its end; empty: nobody can call us back */
    struct {
        struct str key; /* empty: nothing can be sealed */
    } secrets;
    struct {
        size_t body_max, bodies_max;
        usec_t header_time, body_time, idle_time;
        unsigned connections; /* per worker */
        bool metrics_public;  /* /metrics is answered to the internet, too */
    } http;
    struct {
        struct str base_url; /* without a slash at its end */
        const struct config_app *apps;
        size_t n_apps;
        usec_t connect_timeout, timeout;
        unsigned rate, rate_burst; /* messages per second of one number */
        usec_t pair_interval;      /* to one person */
        unsigned pair_burst;
        bool read_receipts, typing;
        unsigned connections; /* per worker */
        bool allow_http;
        size_t answer_max;
        usec_t service_window;
        struct str code_template; /* of category authentication */
    } whatsapp;
    struct {
        struct str base_url; /* without a slash at its end */
        struct str account_sid, auth_token;
        struct str phone_number;
        usec_t connect_timeout, timeout;
        unsigned rate, rate_burst; /* segments per second of one number */
        bool plain_letters, mms, allow_http;
        size_t answer_max;
    } twilio;
    struct {
        const struct config_crm_app *apps;
        size_t n_apps;
        bool allow_private; /* the sandbox: url may be inside, and without TLS */
        struct str
            file_hosts; /* by blanks: files are fetched from there, though it is inside */
    } crm;
    struct {              /* to these systems */
        struct str retry; /* as it is written; `pauses` is what it says */
        usec_t pauses[EVENTS_PAUSES_MAX];
        size_t n_pauses; /* at least 1 */
        usec_t timeout, off_after, keep;
        unsigned at_once; /* requests to one endpoint, of a worker */
    } events;
    struct {
        unsigned rate, rate_burst; /* requests a second of one key, and at once; on each node */
    } api;
    struct {
        struct str transport; /* "resend", "smtp" */
        struct str from_name; /* empty: the business's */
        usec_t connect_timeout, timeout;
        unsigned rate, rate_burst; /* mails a second of one address; by Resend of all */
        unsigned connections;      /* of one address, under way at once */
        struct str gateway_token;  /* empty: no gateway may post mail */
        struct str authserv;       /* whose word about senders counts; empty: nobody's */
        size_t in_max;             /* bytes of a mail that comes in */
        usec_t in_timeout;         /* for asking the provider for one */
    } mail;
    struct {
        struct str base_url; /* without a slash at its end */
        struct str api_key;
        bool allow_http;
        size_t answer_max;
        struct str webhook_secret; /* empty: no webhook is taken */
        struct str authserv;       /* as mail.authserv, for what Resend receives */
    } resend;
    struct {
        struct str base_url;   /* without a slash at its end */
        struct str secret_key; /* empty: nothing can be paid here */
        struct str publishable_key;
        struct str webhook_secret;        /* empty: no event is taken */
        struct str webhook_secret_before; /* while it is being changed */
        bool allow_http;
        usec_t connect_timeout, timeout;
        usec_t link_life; /* of a link to pay */
        usec_t poll;
    } stripe;
    struct {
        struct str host; /* empty: none */
        unsigned port;
        struct str user, password; /* both or neither */
        struct str tls;            /* "starttls", "implicit", "none" */
        struct str ca_file;        /* empty: the system's */
    } smtp;
    struct {
        usec_t unknown_wait, lease, poll, retry_first, retry_max, drain;
        unsigned max_attempts, claim_max;
    } outbox;
    struct {
        unsigned batch_max;
        usec_t deadline, lock_timeout;
        unsigned queue_max; /* events waiting per worker */
    } turns;
    struct {
        usec_t session; /* a proved session ends after so long a silence */
    } verify;
    struct {
        struct str store; /* "local", "s3" */
        struct str path;
        struct str endpoint; /* "https://host", without a slash at its end */
        struct str bucket, region, key, secret;
        size_t max_size;    /* of one file that comes; what is kept from before may be larger */
        unsigned downloads; /* at once, per worker */
        usec_t timeout, poll, retry_first, retry_max;
        usec_t handle_life; /* how long the channel hands a file out */
        usec_t keep_loose;  /* files that nothing counts on */
    } documents;
    struct {
        struct str dir; /* empty: nothing is spooled */
        size_t max;
    } spool;
    struct {
        struct str folder; /* has flows/ and templates/messages/ in it */
    } flows;
    struct {
        struct str state; /* run-time sockets */
    } paths;

    struct config_details *details; /* where each value came from, and the memory of all */
};

/* Read `file` (NULL: environment and defaults only). ERR_REJECT for anything that is wrong. */
MUST_USE bool config_load(const char *file, struct config **config, struct err *err);

/* Wipes the secrets. Accepts NULL. */
void config_destroy(struct config *config);

/* The file to read when none was named: $PARLEY_CONFIG, ./parley.yaml, /etc/parley/parley.yaml,
 * or NULL when there is none of them. */
const char *config_find_file(void);

/* What deserves a word but is no error: a secret's file that others may read, a variable that
 * looks like a setting and is none. NULL-terminated. */
const char *const *config_warnings(const struct config *config);

/* Every setting with its value and origin, a line each; secrets as "***". */
struct str config_show(struct arena *into, const struct config *config);

/* The reference, Markdown; and an example file in which every setting is explained. */
struct str config_docs(struct arena *into);
struct str config_example(struct arena *into);
