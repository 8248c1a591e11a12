/*
 * The ids of rows and buttons: all that a tap needs to be understood later.
 *
 *     p1.1a2b3c4d.orders.list.=active~k:ORD-1001
 *     |  |        |      |    |       the option: kind and key
 *     |  |        |      |    what the prompt carries: "=value~" each; "#number~" tells one
 *     |  |        |      |    asking of a prompt from another one
 *     |  |        flow   state
 *     |  the book's version, its first 8 hex digits
 *     the form of these ids
 *
 * Ids come back from strangers: decoding trusts nothing.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

enum { PROMPT_ID_MAX = 200, PROMPT_CARRIES_MAX = 3 };

enum option_kind {
    OPTION_ROW = 'k',    /* a row of what was loaded; the key is its own */
    OPTION_CHOICE = 'c', /* one of the prompt's declared choices */
    OPTION_OFFSET = 'o', /* another page: the number of its first row */
    OPTION_INDEX = 'i'   /* a row whose key is too long for an id: its place in the prompt */
};

struct prompt_id {
    struct str version; /* 8 hex digits */
    struct str flow;
    struct str state;
    struct str number; /* empty for a prompt that may be answered again */
    struct str carries[PROMPT_CARRIES_MAX];
    size_t n_carries;
    enum option_kind kind;
    struct str key;
};

/* Empty when it would be longer than PROMPT_ID_MAX even without what it carries. */
struct str prompt_id_encode(struct arena *into, const struct prompt_id *id);

/* False when it is not one of ours. The parts borrow from `text`. */
MUST_USE bool prompt_id_decode(struct str text, struct prompt_id *id);
