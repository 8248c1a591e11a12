/*
 * What the commands for a business's people share: `parley dead`, `handoff`, `ticket`,
 * `cancellation`, `audit`. A terminal is a thin desk: a verb and its words, rows as lines or as
 * one JSON object a line, and what is done goes through the same statements as a CRM's wishes.
 */
#pragma once

#include "bot/base/json.h"
#include "bot/base/uuid.h"
#include "bot/command/commands.h"

#define DESK_TIME_LEN  32
#define DESK_AS_MAX    80 /* bytes of a person's name */
#define DESK_LIMIT     100
#define DESK_LIMIT_MAX 100000

/* What the list of a desk is asked for: --all, --json, --limit N. */
struct desk_listing {
    bool all, json;
    long limit; /* DESK_LIMIT, where nothing is said */
};

#define DESK_LISTING_OPTIONS(listing)                                                          \
    CLI_FLAG("all", &(listing)->all), CLI_FLAG("json", &(listing)->json),                      \
        CLI_NUMBER("limit", &(listing)->limit, DESK_LIMIT_MAX)

/* Embedded in the command's own struct: CONTAINER_OF leads back. */
struct desk {
    struct cli *cli;
    struct config *config; /* while the verb runs */
    struct arena arena;    /* likewise */
};

struct desk_verb {
    const char *name;
    int least, most; /* so many words after it */
    /* @words end in NULL. False: @err says why, or nothing when it was told already. */
    bool (*act)(struct desk *desk, const char *const *words, struct err *err);
};

struct desk_work {
    const char *what;              /* "say what: list, show ID": when no verb fits */
    const struct desk_verb *verbs; /* ends in one without a name */
    bool (*open)(struct desk *desk, struct err *err); /* the store; NULL: there is none */
    void (*close)(struct desk *desk);                 /* also when `open` failed */
};

/*
 * Run the verb that argv from optind on names: the settings are read, libsodium is begun, the
 * store opened, and all of it closed again. Returns the exit status; failures are told.
 */
int desk_run(struct desk *desk, const struct desk_work *work, int argc, char **argv);

/* "2026-11-21 10:20:00Z" */
const char *desk_time(usec_t at, char text[DESK_TIME_LEN]);

/* The same as a member; 0 is none. */
void desk_set_time(json_t *object, const char *name, usec_t at);

/* One object a line. ERR_RETRY when standard output is gone. */
MUST_USE bool desk_print(struct desk *desk, const json_t *object, struct err *err);

/* The same, and takes the object. */
MUST_USE bool desk_print_new(struct desk *desk, json_t *object, struct err *err);

/* After a list's @n rows, tell on standard error what no row does: that there is @nothing (a
 * person only: a program sees that), or that there may be more. */
void desk_listed(struct desk *desk, const struct desk_listing *listing, size_t n,
                 const char *nothing);

/* What others wrote, in one line of ours: its first one, plain (cli_plain). */
struct str desk_line(struct desk *desk, struct str text);

/* Print all of its lines, plain and indented: none of them passes for one of ours. */
void desk_words(struct desk *desk, struct str text);

/* Who acts: @as where it was given, else this machine's user. */
const char *desk_person(const char *as);

/* A new id for what is done. */
struct uuid desk_id(void);
