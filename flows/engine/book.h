/*
 * A book as the engine reads it: flows as tables of states, transitions and sayings, all in one
 * arena, never changed once they are made. The loader builds these from YAML and the checker
 * judges them; the stepper only reads.
 *
 * A *key* names words. An *expression* is a literal, or "$path" for a value in scope.
 */
#pragma once

#include "flows/flows.h"
#include "flows/understand/trained.h"

struct flow_def;
struct state_def;

struct expr {
    bool is_path;
    struct str path;
    struct value literal;
};

struct binding {
    struct str name;
    struct expr value;
};

struct bindings {
    struct binding *items;
    size_t n;
};

/* A named question about one value. The predicates are in guards.c. */
struct guard_kind {
    const char *name;
    bool compares; /* takes `to` */
    bool (*holds)(struct value of, struct str to, usec_t now);
};

const struct guard_kind *guard_kind_find(struct str name);

/* The names that a flow may use, one after the other; NULL at the end. */
const char *guard_kind_name(size_t i);
const char *answer_kind_name(size_t i);
const char *builtin_action_name(size_t i);

struct guard {
    const struct guard_kind *kind; /* NULL: always holds */
    struct str of;
    struct str to;
};

/* Something said without waiting. Paragraphs stand apart; lines stand close. */
struct saying {
    unsigned line;
    bool close; /* a line of the paragraph before it */
    struct str key;
    struct str when;            /* a path: said only when there is something there */
    struct str each;            /* a path to a list: said for each of its rows */
    struct str image;           /* a path of the row: where a picture is, sent with the words */
    struct str document;        /* a path of the row: the id of a file that we keep, likewise */
    struct str filename;        /* a path of the row: what is no picture has one */
    struct str link;            /* a path: where a link leads, sent with the words */
    struct str label;           /* a key: the words on it */
    const struct saying *lines; /* said after each row, with the row in scope */
    size_t n_lines;
};

struct sayings {
    const struct saying *items;
    size_t n;
};

/* What the engine itself does: no database, only the turn's result. */
enum builtin {
    BUILTIN_NONE,
    BUILTIN_SET_LANGUAGE,
    BUILTIN_PERSON,
    BUILTIN_STOP,
    BUILTIN_START,
    BUILTIN_LOG_OUT,
    BUILTIN_SPEAK_AGAIN,
    BUILTIN_HOURS
};

struct action_def {
    const char *name;
    const struct flow_part *part; /* NULL for a built-in one */
    enum builtin builtin;
    const char *const *outcomes;
};

/* What C offers: the registered parts, or those of a test. */
struct parts {
    const struct flow_part *items;
    size_t n;
};

/* As book_create, with other parts than the registered ones. */
MUST_USE bool book_create_with(const struct parts *parts, const struct source_file *files,
                               size_t n, struct book **book, struct err *err);

enum move_kind {
    MOVE_NONE,
    MOVE_STATE,
    MOVE_DONE, /* the flow ends: back to whoever called it, else rest */
    MOVE_MENU, /* everything is left for the menu */
    MOVE_REST, /* everything is left, and nothing is said */
    MOVE_BACK, /* as when the customer says "back" and the state has no answer of its own */
    MOVE_CALL, /* another flow, then `state` of this one */
    MOVE_GO,   /* another flow instead of this one */
    MOVE_ACTION
};

struct move {
    unsigned line;
    struct guard guard;
    struct sayings says;
    struct bindings sets;
    enum move_kind kind;
    struct str state_name; /* until resolved */
    struct str flow_name;
    const struct state_def *state;
    const struct flow_def *flow;
    struct bindings with;
    const struct action_def *action;
};

struct moves {
    struct move *items;
    size_t n;
};

struct handler {
    struct str event;
    unsigned line;
    struct moves moves;
};

struct handlers {
    struct handler *items;
    size_t n;
};

const struct handler *handler_find(const struct handlers *handlers, struct str event);

struct loading {
    unsigned line;
    const struct flow_part *part;
    struct str as;
    struct bindings with;
};

enum prompt_kind {
    PROMPT_NONE,
    PROMPT_TEXT,
    PROMPT_LIST,
    PROMPT_BUTTONS,
    PROMPT_LINK,
    PROMPT_MEDIA /* pictures and documents, until the customer says that it is all */
};
enum answer_kind {
    ANSWER_WORDS,
    ANSWER_ORDER,
    ANSWER_NUMBER,
    ANSWER_CODE,      /* the digits of a code, however they are grouped */
    ANSWER_EMAIL,     /* an address of mail */
    ANSWER_CONTACT,   /* an address of mail, or a number with its country */
    ANSWER_DATE,      /* one day: a time, at its noon where the customer is */
    ANSWER_PAST_DATE, /* the same, of days that have been */
    ANSWER_AMOUNT,    /* money in the business's currency, not below zero */
    ANSWER_TRACKING,  /* a tracking number */
    ANSWER_PHONE      /* a telephone number, as +48601234567 */
};

struct choice {
    struct str name;
    struct str title; /* a key */
    struct str hint;  /* a key, or empty */
    struct str when;  /* a path: shown only when there is something there; empty: always */
};

struct prompt {
    enum prompt_kind kind;
    unsigned line;
    struct str body; /* a key */
    /* rows of what was loaded */
    struct str of;    /* a path */
    struct str key;   /* the row's field that names it */
    struct str row;   /* a key */
    struct str hint;  /* a key, or empty */
    bool loads_pages; /* the load itself takes `offset` */
    struct str label; /* a key: the word that opens a list, or on a link */
    struct choice *choices;
    size_t n_choices;
    struct str
        yes; /* the choices that a plain "yes", a plain "no" and "not now" mean; or empty */
    struct str no;
    struct str out;
    bool gives_up; /* `out` was given: "cancel" alone means it, too */
    struct expr url;
    /* the answer */
    struct str as;
    enum answer_kind answer;
    bool typed; /* buttons: what is typed may be the answer, too */
    bool optional;
    int min; /* characters of a text; above 0 one that is too short or too long is an event */
    int max; /* characters of a text, 0: the engine's own bound; files of PROMPT_MEDIA */
    struct str carries[3];
    size_t n_carries;
};

struct state_def {
    struct str name;
    unsigned line;
    unsigned index;
    bool again; /* reads only: a tap on an old one may be answered */
    struct loading *loads;
    size_t n_loads;
    struct moves always;
    struct sayings says;
    struct prompt prompt;
    struct handlers on;
    struct handlers outcomes;
    struct move end;       /* what a state without a prompt does */
    usec_t after;          /* how long an answer is waited for; 0: for ever */
    struct str after_name; /* as it was written: "30m" */
    unsigned after_line;
    struct moves lapsed; /* taken then */
};

/* What must be known of the one who writes before a flow shows or does anything. */
enum need {
    NEEDS_NOTHING,
    NEEDS_KNOWN,   /* the channel proves an address that is on record */
    NEEDS_READING, /* verified, unless the business lets whoever it knows read */
    NEEDS_VERIFIED /* a code proved it, not long ago */
};

struct flow_def {
    struct str name;
    struct str file;
    unsigned line;
    enum need needs;
    bool returns; /* an aside: what was under way goes on afterwards */
    struct str *starts_on;
    size_t n_starts_on;
    struct str *takes;
    size_t n_takes;
    struct str initial_name;
    const struct state_def *initial;
    struct state_def *states;
    size_t n_states;
};

struct book {
    struct arena arena;
    struct hash16 version;
    char version_hex[33];
    struct words *words;
    struct flow_def *flows;
    size_t n_flows;
    const struct message_template *templates;
    size_t n_templates;
    const struct flow_def *menu;
    const struct flow_def *verify; /* NULL when no flow needs it */
    struct trained trained;        /* what whole sentences mean */
};

const struct flow_def *book_flow(const struct book *book, struct str name);
const struct flow_def *book_flow_on(const struct book *book, struct str intent);
/* Whether whoever begins it may give a variable of that name. */
bool flow_takes(const struct flow_def *flow, struct str name);
const struct state_def *flow_state(const struct flow_def *flow, struct str name);

/* Resolve names and judge the whole: nothing unreachable, nothing unanswered, no way without an
 * end, no loop without the customer, no word missing. ERR_REJECT with file, line and cure. */
MUST_USE bool book_check(struct book *book, struct err *err);
