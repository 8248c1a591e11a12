/*
 * JSON read as it comes, without a tree in between: for what we wrote ourselves and read in a
 * hot path (a reply from the log, a conversation's state). Strangers' bytes go through json.h.
 *
 *     json_in_init(&in, arena, text);
 *     json_enter(&in, '{');
 *     while (json_more(&in, '}')) {
 *         struct str key = json_in_key(&in);
 *         if (str_eq(key, STR("body"))) { body = json_in_text(&in); } else { json_skip(&in); }
 *     }
 *     if (!json_in_end(&in)) ...
 *
 * Strict as jansson is: UTF-8, no NUL, no lone surrogates, nothing behind the end, no nesting
 * beyond 2048; only a key that comes twice is not noticed. Once something is wrong all answers
 * are empty and no loop goes on, so one look at the end is enough.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

enum json_kind {
    JSON_IN_NOTHING, /* broken, or the end */
    JSON_IN_OBJECT,
    JSON_IN_ARRAY,
    JSON_IN_TEXT,
    JSON_IN_NUMBER,
    JSON_IN_WORD /* true, false, null */
};

struct json_in {
    const char *at, *end;
    struct arena *into; /* texts live here */
    int depth;
    bool fresh; /* entered, and no member read yet */
    bool broken;
};

/* The text is copied: what is read does not borrow from it. */
void json_in_init(struct json_in *in, struct arena *into, struct str text);

/* What comes next, without taking it. */
enum json_kind json_next(struct json_in *in);

/* Step into an object or array: '{' or '['. */
void json_enter(struct json_in *in, char bracket);

/* Whether another member follows; at the closing `bracket` steps out and says no. */
MUST_USE bool json_more(struct json_in *in, char bracket);

struct str json_in_key(struct json_in *in);
struct str json_in_text(struct json_in *in);

/* A whole number; one with a fraction, an exponent or too many digits is wrong here. */
int64_t json_in_int(struct json_in *in);

/* 't', 'f' or 'n'; 0 when broken. */
char json_in_word(struct json_in *in);

/* Pass over any value, however deep. */
void json_skip(struct json_in *in);

/* Nothing was wrong and nothing is left. */
MUST_USE bool json_in_end(struct json_in *in);
