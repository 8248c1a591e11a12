/*
 * What the files of `parley chat` share: chat.c (the conversation), chat_demo.c (where the demo
 * is, and speaking to it), chat_channel.c (WhatsApp, SMS, mail), chat_show.c (messages as
 * text), chat_line.c (editing a line).
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

#include <jansson.h>
#include <stdio.h>

/* --- chat_demo.c ----------------------------------------------------------------------------
 */

struct demo {
    char url[256]; /* the sandbox's */
    void *curl;
};

/* Find the demo's address: `env_file` if given, else $PARLEY_DEMO_ENV, else where deploy/demo
 * wrote that it had started one. ERR_REJECT with what to do when there is none. */
MUST_USE bool demo_find(const char *env_file, struct demo *demo, struct err *err);
void demo_close(struct demo *demo);

/* Ask for "/control/..."; a body makes it a POST. The answer is the caller's. ERR_RETRY when
 * nobody is there, ERR_REJECT with the sandbox's reason. */
MUST_USE bool demo_ask(struct demo *demo, const char *path, const json_t *body, json_t **answer,
                       struct err *err);

/* --- chat_show.c ----------------------------------------------------------------------------
 */

/* The rows or buttons of the newest message that had some. */
struct choices {
    json_t *options; /* list of {kind, id, title, description} */
    char message_id[400];
};

/* Print one entry of the chat as text. Control characters do not pass. */
void show_entry(FILE *to, const json_t *entry, bool colours);

/* Remember an entry's options, if it has any; and of a mail, which it was. */
void show_choices(const json_t *entry, struct choices *choices);

/* The message that taps option `number` (from 1), or NULL when there is none. */
json_t *show_tap(const struct choices *choices, size_t number);

/* --- chat_channel.c -------------------------------------------------------------------------
 */

struct chat_channel {
    const char *name;
    const char *heard; /* from whom answers are: the entry's "from" */
    const char *path;  /* where the sandbox is told what was written */
    bool taps;         /* a number taps an option */
};

/* NULL when there is none of that name. */
const struct chat_channel *chat_channel_named(const char *name);

/* What to tell the sandbox; the caller's. */
json_t *chat_request(const struct chat_channel *channel, const char *who, struct str text,
                     const struct choices *choices);

/* Whether the business said it here. */
bool chat_is_answer(const struct chat_channel *channel, const json_t *entry);

/* --- chat_line.c ----------------------------------------------------------------------------
 */

#define LINE_MAX_BYTES   4096
#define LINE_HISTORY_MAX 100

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    size_t at; /* the cursor, between characters */
    char *history[LINE_HISTORY_MAX];
    size_t n_history;
    size_t shown; /* which of the history; n_history: the new one */
    char escape[8];
    size_t n_escape;
};

enum line_key { LINE_EDITED, LINE_ENTERED, LINE_ENDED };

/* Take the terminal into single-key mode until `line_stop`. */
void line_start(void);
void line_stop(void);
/* A byte from the terminal. After LINE_ENTERED the text is complete: `line_clear` it. */
enum line_key line_feed(struct line *line, char byte);
void line_clear(struct line *line);
void line_remember(struct line *line);
/* Draw prompt and text on the cursor's row; `line_hide` empties the row for other output. */
void line_draw(const struct line *line, const char *prompt);
void line_hide(void);
void line_finish(struct line *line);
