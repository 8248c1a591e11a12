/*
 * The API's inside: for the files that make it, and nobody else.
 *
 *     api.c         who asks, and one call
 *     api_photos.c  a photo's bytes, which take more than one
 */
#pragma once

#include "bot/door/api.h"

#include "bot/door/api_key.h"
#include "bot/door/api_routes.h"
#include "bot/door/desk_door.h"

#define API_REMEMBERED 64

struct api_key {
    struct uuid org, id;
    char public_part[API_KEY_PUBLIC];
    struct hash hash;
    char name[256];
    char scopes[256];
    usec_t at; /* read then; 0: free */
};

struct api {
    struct worker *worker;
    struct api_key keys[API_REMEMBERED];
    size_t next;
};

struct api_request {
    struct desk_call call;
    struct api *api;
    struct http_exchange *exchange;
    struct api_match match;
    struct str shown, public_part;
    struct hash hash; /* of what was shown */
    struct str if_match, if_none_match, idem, content_type;
    struct api_key key;
};

/* An answer in JSON, or without a body when that is empty. Header lines, or NULL. */
void api_answer(struct http_exchange *exchange, int status, struct str body, const char *first,
                const char *second);

/* {"error": {"code", "message", "path"}} */
void api_refuse_at(struct http_exchange *exchange, int status, const char *code,
                   struct str message, struct str path, const char *header);
void api_refuse(struct http_exchange *exchange, int status, const char *code,
                const char *message);
void api_unavailable(struct http_exchange *exchange);

/* A photo of an order: its key was proved, and it may. */
void api_photo(struct api_request *request);
