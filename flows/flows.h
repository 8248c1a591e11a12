/*
 * Dialogues as data: statecharts in YAML, stepped by a pure engine.
 *
 * A book is all flows and all words of one version, checked as a whole. A turn is one event of
 * one conversation: it runs until it needs something of the world (a load or an action), says
 * so, is answered, and runs on; at its end it has the conversation's new state and what to say.
 * The engine holds no clock, no randomness and no database: it can be tested in microseconds,
 * replayed, fuzzed and simulated.
 *
 *     turn = flow_turn_begin(arena, book, &in);
 *     while (flow_turn_run(turn, &err) == FLOW_NEEDS) {
 *         needs = flow_turn_needs(turn);       run them, all turns of a batch in one flight
 *         flow_turn_answer(turn, i, &answer);  one for each need
 *     }
 *     result = flow_turn_result(turn);
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/base/message.h"
#include "bot/base/value.h"
#include "templates/words.h"

/* --- the book ---------------------------------------------------------------------------- */

struct book; /* flows and words of one version; read-only */

/*
 * Read flows ("flows/NAME.yaml"), words ("messages/LANG.yaml") and WhatsApp's templates
 * ("whatsapp/NAME.yaml": flows/templates.h), check them against each
 * other and against the registered loads, guards and actions, and compile them. ERR_REJECT with
 * file, line, reason and cure. The version is a hash over the sorted files.
 */
MUST_USE bool book_create(const struct source_file *files, size_t n, struct book **book,
                          struct err *err);
void book_destroy(struct book *book); /* accepts NULL */

struct hash16 book_version(const struct book *book);
const struct words *book_words(const struct book *book);

/* --- what C offers to flows -------------------------------------------------------------- */

enum flow_part_kind { FLOW_LOAD, FLOW_ACTION };

/* A load or an action: its name, the variables it takes, and for an action every outcome it may
 * have. */
struct flow_part {
    enum flow_part_kind kind;
    const char *name;
    const char *const *takes; /* NULL-terminated variable names that are sent along; a leading
                                 '?' marks an optional one */
    const char *const *outcomes; /* NULL-terminated; loads: NULL */
    bool
        grave; /* it moves money, or cannot be taken back: begun by a yes only (left out: no) */
};

/* All of them, as declared in flows/actions/; the shell binds each to a store module by name.
 */
extern const struct flow_part flow_parts[];
extern const size_t flow_parts_n;

/* --- a turn ------------------------------------------------------------------------------ */

struct flow_in {
    /* the conversation as it was kept; empty for a new one */
    struct str state; /* what flow_result.state gave last time */
    const struct event *event;
    usec_t now;
    struct locale locale;       /* the language as known so far; the turn may change it */
    bool lang_is_settled;       /* the customer chose it; else what they write may move it */
    bool lang_is_known;         /* from the profile: only a whole sentence moves it */
    const struct record *facts; /* always there: `business` (name, phone, hours as in hours.h,
                                   time_zone, handoff_minutes...), `customer` (name...; absent
                                   if unknown), `channel`, `session` (what the one who writes
                                   may become: see docs/flows.md) */
    bool verified;              /* a code proved who writes, and the session has not ended */
    bool reading_known;         /* the business lets whoever it knows read without a code */
    usec_t last_inbound_at;     /* 0: this is the first message ever */
    bool stopped;               /* the customer said STOP */
    bool held;                  /* a person has the conversation */
};

enum flow_progress { FLOW_NEEDS, FLOW_DONE, FLOW_BROKEN };

struct flow_need {
    enum flow_part_kind kind;
    const char *name;           /* as in flow_parts */
    const struct record *takes; /* the values of the variables that it takes */
};

struct flow_answer {
    struct value
        value; /* a load: a list of records, or one record; an action may return one too */
    const char *outcome; /* an action: one of its declared outcomes */
    /* An action's field `who` says what became of the one who writes: "proved" (verified from
     * now on), "changed", or "gone" (not the customer any more). */
    const struct record *facts; /* NULL: as before; else these hold from now on */
};

/* Timers of the shell's own, for a conversation that a person was asked for: nobody answered;
 * all was answered, long ago; the person gave it back. */
#define FLOW_HANDOFF_TIMEOUT  "handoff.timeout"
#define FLOW_HANDOFF_QUIET    "handoff.quiet"
#define FLOW_HANDOFF_RELEASED "handoff.released"

/* The flow that starts on this is begun by "menu" and the like while the bot is silent for a
 * person's sake: it finds out whether anybody is there, and ends the silence or says how it
 * ends. */
#define FLOW_LEAVES_PERSON "leaves_person"

/* The load that tells when a customer is not to be disturbed (`stands`, `begins_at`,
 * `ends_at`): asked by the engine itself before something is said because nobody answered.
 * Nothing: 21-8. */
#define FLOW_QUIET_HOURS "preferences_quiet"

/* The beginning of a job's name that says something nobody asked for: what follows is the
 * intent that starts the flow which says it, and perhaps a '/' and the topic that it is of.
 * Silence leaves the conversation as it was. */
#define FLOW_NOTICE "notice."

/* The one notice that is said while a person has the conversation: a file that they show. */
#define FLOW_AGENT_FILE "agent_file"

/* The beginning of a tap's id that stands for words: heard as if they were written. On buttons
 * of templates, which may be tapped months later. */
#define FLOW_SAYS "say:"

/* The flow that starts on this is begun by words that mean nothing by themselves, where a
 * template has asked something (the fact `session.awaited`) and nothing else is open. */
#define FLOW_AWAITED "awaited"

/* A variable that a flow may take: there when its notice comes while a question is open that
 * does more than read. It says what it has to say, and asks nothing. */
#define FLOW_BUSY "busy"

/* Something to happen later unless the customer answers first: an EVENT_TIMER whose `detail` is
 * this name. A name tells one asking from every other, so an old one does nothing. */
struct flow_timer {
    struct str name;
    usec_t at;
};

struct flow_result {
    struct str state;            /* keep this, give it back as flow_in.state */
    const struct reply *replies; /* to be sent in this order */
    size_t n_replies;
    const struct flow_timer *timers; /* the conversation's timers from now on */
    size_t n_timers;
    bool timers_changed; /* false: they are what they were before this turn */
    enum lang lang;
    bool lang_settled; /* the customer chose it */
    enum { FLOW_CONSENT_SAME, FLOW_CONSENT_STOP, FLOW_CONSENT_START } consent;
    bool handoff;               /* a person is asked for */
    const char *handoff_reason; /* "asked", "misunderstood" */
    usec_t handoff_by;          /* without a person's word until then, FLOW_HANDOFF_TIMEOUT */
    bool handoff_holds; /* the bot is silent meanwhile; outside business hours it is not */
    bool released;      /* the bot speaks again */
    bool verified;      /* the session is proved now: it goes on from this message */
    bool at_rest;       /* nothing under way: the next turn may use a newer book */
    bool understood;    /* false: the customer was asked again */
    bool secret;        /* the words were taken for a one-time code: not to be kept or shown */
    const char *flow;   /* where it ended, for logs and explain */
    const char *at;     /* the state's name */
    struct str trace;   /* how it came to this, for explain: "by=tap loads=orders_list
                           does=note:noted words=orders.list"; names only, nothing of the
                           customer's */
    struct str missing; /* the first key whose words or variables were missing: alert; empty */
};

struct flow_turn;

struct flow_turn *flow_turn_begin(struct arena *into, const struct book *book,
                                  const struct flow_in *in);
enum flow_progress flow_turn_run(struct flow_turn *turn, struct err *err);
const struct flow_need *flow_turn_needs(const struct flow_turn *turn, size_t *n);
void flow_turn_answer(struct flow_turn *turn, size_t need, const struct flow_answer *answer);
const struct flow_result *flow_turn_result(const struct flow_turn *turn);

/* The language that the turn answers in, as far as it is known by now. */
enum lang flow_turn_lang(const struct flow_turn *turn);

/* Which book a kept state was begun with; zeroes for an empty state. Cheap: reads a prefix
 * only. */
struct hash16 flow_state_version(struct str state);
