/*
 * JSON written as it is said, without a tree in between: a hot path writes each text once.
 *
 *     json_out_init(&out, arena, 512);
 *     json_open(&out, '{');
 *     json_member(&out, "type", STR("text"));      members without text are left out
 *     json_key(&out, "rows"), json_open(&out, '[');
 *     ...
 *     json_close(&out, ']'), json_close(&out, '}');
 *     text = json_out_text(&out);
 *
 * Commas come by themselves. That what is opened is closed, and that members have keys, is the
 * caller's to see to. What JSON or jsonb cannot hold (ill-formed bytes, NUL) becomes U+FFFD.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

struct json_out {
    struct arena *into;
    char *at;
    size_t len;
    size_t room;
};

/* `room` bytes to begin with: a guess that spares copies when it is right. */
void json_out_init(struct json_out *out, struct arena *into, size_t room);

void json_open(struct json_out *out, char bracket);
void json_close(struct json_out *out, char bracket);
void json_key(struct json_out *out, const char *name);     /* plain ASCII */
void json_key_of(struct json_out *out, struct str name);   /* any text */
void json_put_text(struct json_out *out, struct str text); /* a string, also an empty one */
void json_put_int(struct json_out *out, int64_t number);
void json_put_word(struct json_out *out, const char *word); /* true, false, null */

/* Key and text, or nothing when there is no text. */
void json_member(struct json_out *out, const char *name, struct str text);

/* Key and an opened bracket. */
void json_open_in(struct json_out *out, const char *name, char bracket);

/* What was written so far; it lives in the arena. */
struct str json_out_text(const struct json_out *out);
