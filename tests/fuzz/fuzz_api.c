/* What strangers send to the API before a database is asked: a key, a path, a body. */
#include "bot/door/api_key.h"
#include "bot/door/api_routes.h"

#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, key = STR_NONE, path = STR_NONE, part;
    struct arena arena = {0};
    struct api_match match;

    (void)str_split(&rest, '\n', &key);
    (void)str_split(&rest, '\n', &path);
    (void)!api_key_read(api_key_bearer(key), &part);
    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        struct shape_faults faults = {.into = &arena};
        struct json_out out;
        struct err err = {0};
        api_route_find(route->method, path, &match);
        (void)api_parts_fit(&match);
        json_out_init(&out, &arena, 64);
        json_open(&out, '{');
        if (route->body == API_JSON)
            (void)!api_body_read(route, rest, &out, &faults, &err);
    }
    (void)api_methods(&arena, path);
    arena_finish(&arena);
    return 0;
}
