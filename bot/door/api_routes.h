/*
 * What the API answers, as a table: method, path, the scope that a key needs, and the arguments
 * that `api_run` takes (store/sql/api.sql). Pure. docs/openapi.yaml tells callers.
 */
#pragma once

#include "bot/base/json_out.h"
#include "webhooks/shape.h"

enum api_body {
    API_NONE, /* what comes is passed over */
    API_JSON, /* an object, as `shape` says */
    API_JSON_OR_NONE,
    API_FILE /* the bytes of a file; the rest stands in the query */
};

struct api_route {
    const char *method;
    const char *path;  /* "/v1/orders/{order}/notes": what is in braces becomes an argument */
    const char *what;  /* for api_run */
    const char *scope; /* NULL: anybody may */
    enum api_body body;
    const struct shape *shape; /* API_JSON, API_JSON_OR_NONE */
    const char *query;         /* names that are taken from the query, by spaces */
    int made;                  /* the status when all went well and it is not 200; 0 */
};

extern const struct api_route api_routes[]; /* ends in one without a method */

#define API_PARTS_MAX 2

struct api_match {
    const struct api_route *route; /* NULL: none for this method */
    bool known;                    /* some method has this path */
    struct {
        struct str name, value;
    } parts[API_PARTS_MAX];
    size_t n;
};

/* Find the route; texts are borrowed from @path and the table. HEAD is GET. */
void api_route_find(const char *method, struct str path, struct api_match *match);

/* Whether a method may change something, so that it is done once under its Idempotency-Key. */
bool api_changes(const char *method);

/* Whether what was found in the path can be meant: ids have an id's form. */
bool api_parts_fit(const struct api_match *match);

/* "GET, PATCH": what the path takes. */
struct str api_methods(struct arena *into, struct str path);

/* A JSON body's members into the object that is open in @out. ERR_REJECT: it is no JSON object;
 * faults tell what is wrong with its members. */
MUST_USE bool api_body_read(const struct api_route *route, struct str body,
                            struct json_out *out, struct shape_faults *faults, struct err *err);
