/*
 * JSON over jansson: reading what strangers send, writing what we mean.
 *
 * jansson objects stay at the edge that made them: copy out what is needed, then release.
 * Getters never fail: a missing or mistyped member reads as empty, so that one bad item in a
 * delivery harms no other. `OWNED_JSON(doc)` is a handle that releases itself.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

#include <jansson.h>

void json_release(json_t **doc);
#define OWNED_JSON(name) CLEANUP(json_release) json_t *name

/* ERR_REJECT with jansson's reason and place. Duplicate keys, NUL and lone surrogates are
 * refused. */
MUST_USE bool json_read(struct str text, json_t **doc, struct err *err);

/* A string member's text, copied into the arena; empty when missing or not a string. */
struct str json_text(struct arena *into, const json_t *object, const char *name);

/* A string or integer member as text: providers send ids and times as either. */
struct str json_scalar(struct arena *into, const json_t *object, const char *name);

/* An integer member, also one written as a decimal string; `otherwise` when it is neither. */
int64_t json_int(const json_t *object, const char *name, int64_t otherwise);
bool json_bool(const json_t *object, const char *name, bool otherwise);

/* Object and array members; NULL when missing or of another type. Borrowed. */
const json_t *json_object_in(const json_t *object, const char *name);
const json_t *json_array_in(const json_t *object, const char *name);

/* Compact text of a document. */
struct str json_write(struct arena *into, const json_t *doc);

/* A new JSON string. What JSON or jsonb cannot hold (ill-formed bytes, NUL) becomes U+FFFD. */
json_t *json_string_of(struct str text);

/* Add members; empty text is skipped, so that optional members stay out. */
void json_set_text(json_t *object, const char *name, struct str text);
void json_set_int(json_t *object, const char *name, int64_t number);
void json_set_bool(json_t *object, const char *name, bool yes);
