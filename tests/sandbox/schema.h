/*
 * A check against a provider's published description: the part of JSON Schema (as OpenAPI 3.1
 * uses it) that such descriptions really use. Pure.
 *
 * Understood: $ref inside the document, type (also a list), const, enum, required, properties,
 * additionalProperties, items, allOf, anyOf, oneOf, not, minLength, maxLength, pattern,
 * minItems, maxItems, minimum, maximum. Formats are descriptions, not rules, and are passed
 * over.
 */
#pragma once

#include "bot/base/base.h"

#include <jansson.h>

#define SCHEMA_REASON_MAX 240

/* Whether `value` fits the request body that `document` describes for this method and path;
 * parts of a described path in braces match anything. What is not described fits. `reason` says
 * where it does not and why. */
bool schema_check_request(const json_t *document, const char *method, const char *path,
                          const json_t *value, char reason[SCHEMA_REASON_MAX]);

/* The schema of the body of this kind that a method and path are described with, or NULL.
 * Borrowed from the document, which may be NULL. */
const json_t *schema_body(const json_t *document, const char *method, const char *path,
                          const char *type);

/* Whether `value` fits `schema`, a part of `document`. */
bool schema_check(const json_t *document, const json_t *schema, const json_t *value,
                  char reason[SCHEMA_REASON_MAX]);
