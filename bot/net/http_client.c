/*
 * Who asks. A public address at the other end of the connection is the client itself, and what
 * it writes about forwarding is its own invention. An address of our own network is the proxy
 * in front of us: what it has added last to X-Forwarded-For is who it had before it.
 */
#include "bot/net/http_inside.h"

#include "bot/net/public_net.h"

#include <arpa/inet.h>
#include <netdb.h>

#define FORWARDED "x-forwarded-for"

/* "203.0.113.7:1234", as some proxies write it, or "[2001:db8::1]:1234". */
static struct str without_port(struct str part)
{
    size_t colon = str_find(part, STR(":"));
    struct str port = str_slice(part, colon + 1, part.len);

    if (str_starts(part, STR("[")))
        return str_slice(part, 1, str_find(part, STR("]")) - 1);
    return str_find(port, STR(":")) < port.len ? part : str_slice(part, 0, colon);
}

/* A part of a list, without a port; empty when it is no address. */
static struct str address_of(struct arena *into, struct str text)
{
    struct str part = without_port(str_trim(text));
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *plain;

    plain = arena_cstr(into, part);
    return inet_pton(AF_INET, plain, bytes) == 1 || inet_pton(AF_INET6, plain, bytes) == 1
               ? part
               : STR_NONE;
}

static struct str last_of(struct str list)
{
    struct str rest = list, part = STR_NONE;

    while (str_split(&rest, ',', &part))
        ;
    return part;
}

struct str http_client(struct http_exchange *exchange)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char text[NI_MAXHOST];
    struct str forwarded;

    if (own->conn == NULL || getpeername(own->conn->fd, (struct sockaddr *)&peer, &len) != 0 ||
        getnameinfo((struct sockaddr *)&peer, len, text, sizeof text, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return STR_NONE;
    if (!net_is_public((struct sockaddr *)&peer)) {
        forwarded =
            address_of(&exchange->arena, last_of(http_request_header(exchange, FORWARDED)));
        if (forwarded.len > 0)
            return forwarded;
    }
    return arena_str(&exchange->arena, str_from(text));
}

bool http_is_from_outside(struct http_exchange *exchange)
{
    const char *client = arena_cstr(&exchange->arena, http_client(exchange));
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, client, &four.sin_addr) == 1)
        return net_is_public((struct sockaddr *)&four);
    return inet_pton(AF_INET6, client, &six.sin6_addr) == 1 &&
           net_is_public((struct sockaddr *)&six);
}
