/*
 * An exchange: a request as its handler sees it. It outlives its connection when the client
 * leaves first, and it keeps what was asked of the headers, as libwebsockets forgets them.
 */
#include "bot/net/http_inside.h"

#include "bot/base/ascii.h"

#include <stdlib.h>

#define FIRST_BODY (16 << 10)

struct known_header {
    struct known_header *next;
    const char *name;
    struct str value;
};

struct exchange *exchange_create(struct conn *conn, const struct request_head *head,
                                 struct str path)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        abort();
    struct http_exchange *public = &exchange->public;
    arena_init(&public->arena);
    public->method = head->method;
    public->path = arena_str(&public->arena, path);
    public->query = http_limits_query(&public->arena, conn->wsi);
    public->server = conn->server;
    exchange->conn = conn;
    exchange->body_want = head->length;
    exchange->began = clock_monotonic();
    conn->server->counts.in_flight++;
    return exchange;
}

bool exchange_is_large(const struct exchange *exchange)
{
    return exchange->body_want > exchange->public.server->limits.body_max;
}

static void count_room(struct exchange *exchange, size_t room)
{
    struct http_server *server = exchange->public.server;

    server->bodies += room - exchange->body_room;
    if (exchange_is_large(exchange))
        server->large_bodies += room - exchange->body_room;
    exchange->body_room = room;
}

/* One that is large may have all the room there is, several only half. */
static bool has_room(const struct exchange *exchange, size_t room)
{
    const struct http_server *server = exchange->public.server;
    size_t large = exchange_is_large(exchange) ? server->large_bodies - exchange->body_room : 0;

    return server->bodies - exchange->body_room + room <= server->limits.bodies_max &&
           (large == 0 || large + room <= server->limits.bodies_max / 2);
}

void exchange_free(struct exchange *exchange)
{
    struct http_server *server = exchange->public.server;
    count_room(exchange, 0);
    server->counts.in_flight--;
    arena_finish(&exchange->public.arena);
    free(exchange->body);
    free(exchange);
    server_settle(server);
}

bool exchange_make_room(struct exchange *exchange, size_t len)
{
    if (len <= exchange->body_room)
        return true;
    size_t room = exchange->body_room ? 2 * exchange->body_room : FIRST_BODY;
    while (room < len)
        room *= 2;
    if (room > exchange->body_want)
        room = exchange->body_want;
    while (!has_room(exchange, room)) {
        if (!conn_make_way(exchange, room))
            return false;
    }
    char *body = realloc(exchange->body, room + 1);
    if (!body)
        abort();
    exchange->body = body;
    count_room(exchange, room);
    return true;
}

struct str http_request_header(struct http_exchange *exchange, const char *name)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    for (struct known_header *known = own->headers; known; known = known->next) {
        if (strcmp(known->name, name) == 0)
            return known->value;
    }
    if (!own->conn || !own->conn->wsi)
        return STR_NONE;
    struct known_header *known = arena_new(&exchange->arena, struct known_header);
    known->name = arena_cstr(&exchange->arena, str_from(name));
    known->value = http_limits_header(&exchange->arena, own->conn->wsi, name);
    known->next = own->headers;
    own->headers = known;
    return known->value;
}

static struct str decode_query(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1;
        int low = -1;
        if (text.at[i] == '%' && i + 2 < text.len) {
            high = ascii_hex(text.at[i + 1]);
            low = ascii_hex(text.at[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[len++] = (char)(unsigned char)((unsigned)high << 4 | (unsigned)low);
            i += 2;
        } else {
            char c = text.at[i];
            out[len++] = (char)(c == '+' ? ' ' : c);
        }
    }
    return (struct str){out, len};
}

struct str http_query(struct http_exchange *exchange, const char *name)
{
    struct str rest = exchange->query;
    struct str piece;
    while (str_split(&rest, '&', &piece)) {
        struct str value = piece;
        struct str key;
        if (!str_split(&value, '=', &key))
            continue;
        if (str_eq(decode_query(&exchange->arena, key), str_from(name)))
            return decode_query(&exchange->arena, value);
    }
    return STR_NONE;
}
