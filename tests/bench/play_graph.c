/*
 * The Graph API as the service sees it: every message is taken at once. What it looks for in a
 * request is found as text; inside a JSON string the quotes would be escaped, so nothing that a
 * message says can be mistaken for a field.
 */
#include "tests/bench/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define NUMBER_MAX 32 /* digits of an address that we answer with */

/* The value of a member that is a string, wherever it stands; empty when it does not. */
static struct str member(struct str body, struct str name)
{
    struct str rest = str_slice(body, str_find(body, name), body.len);

    rest = str_slice(rest, name.len, rest.len);
    while (rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == ':'))
        rest = str_slice(rest, 1, rest.len);
    if (rest.len == 0 || rest.at[0] != '"')
        return STR_NONE;
    rest = str_slice(rest, 1, rest.len);
    return str_slice(rest, 0, str_find(rest, STR("\"")));
}

static void answer(struct link *link, const char *body, size_t len)
{
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                     "%zu\r\n\r\n%.*s",
                     len, (int)len, body);

    wire_write(&link->wire, text, (size_t)n);
}

static struct str plain_number(struct str to)
{
    if (str_starts(to, STR("+")))
        return str_slice(to, 1, to.len);
    if (str_starts(to, STR("US.")))
        return str_slice(to, 3, to.len);
    return to;
}

static void call_back(struct play *play, uint32_t who, uint64_t id, struct str key)
{
    static const char *const statuses[] = {"sent", "delivered", "read"};
    struct job job = {.person = who, .id = id, .since = play->now};

    (void)snprintf(job.key, sizeof job.key, "%.*s", STR_ARG(key));
    for (size_t i = 0; i < COUNTOF(statuses) && (int)i < play->options.statuses; i++) {
        job.status = statuses[i];
        play->callbacks++;
        hooks_post(play, &job);
    }
}

static void take_message(struct play *play, struct link *link, struct str body)
{
    struct str to = member(body, STR("\"to\"")), key;
    char text[512];
    uint32_t who = 0;
    uint64_t id = play->graph_ids++;

    if (to.len == 0)
        to = member(body, STR("\"recipient\""));
    to = str_slice(plain_number(to), 0, NUMBER_MAX);
    int n = snprintf(text, sizeof text,
                     "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"%.*s\","
                     "\"wa_id\":\"%.*s\"}],\"messages\":[{\"id\":\"wamid.out.%lx.%lx\"}]}",
                     STR_ARG(to), STR_ARG(to), play->nonce, id);
    answer(link, text, (size_t)n);
    key = member(body, STR("\"biz_opaque_callback_data\""));
    if (people_replied(play, to, key, &who)) {
        call_back(play, who, id, key);
    } else {
        play->garbled++;
    }
}

static void take_request(struct play *play, struct link *link,
                         const struct wire_message *request)
{
    static const char done[] = "{\"success\":true}";

    play->now = play_clock();
    if (!str_starts(request->head, STR("POST "))) {
        answer(link, done, sizeof done - 1);
        return;
    }
    if (member(request->body, STR("\"status\"")).len > 0) {
        play->receipts++;
        answer(link, done, sizeof done - 1);
        return;
    }
    take_message(play, link, request->body);
}

static void graph_end(struct play *play, struct link *link)
{
    if (link->prev != NULL) {
        link->prev->next = link->next;
    } else {
        play->callers = link->next;
    }
    if (link->next != NULL)
        link->next->prev = link->prev;
    wire_close(&link->wire);
    free(link->wire.in);
    free(link->wire.out);
    free(link);
}

void graph_event(struct play *play, struct link *link, uint32_t events)
{
    struct wire_message request;
    enum wire_state state = WIRE_MORE;
    bool open = true;

    if (events & EPOLLOUT)
        wire_flush(&link->wire);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        open = wire_read(&link->wire);
    while ((state = wire_take(&link->wire, &request)) == WIRE_WHOLE)
        take_request(play, link, &request);
    play->garbled += state == WIRE_BAD;
    if (!open || state == WIRE_BAD)
        graph_end(play, link);
}

void graph_accept(struct play *play)
{
    for (;;) {
        int fd = accept4(play->listener.wire.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct link *link = calloc(1, sizeof *link);
        if (link == NULL)
            play_fail("memory");
        link->kind = LINK_GRAPH;
        link->next = play->callers;
        if (link->next != NULL)
            link->next->prev = link;
        play->callers = link;
        if (!wire_adopt(&link->wire, play->epoll, link, fd))
            play_fail("epoll");
    }
}

void graph_init(struct play *play)
{
    play->listener.kind = LINK_LISTEN;
    if (!wire_listen(play->epoll, &play->listener, &play->listener.wire.fd,
                     &play->options.graph))
        play_fail("listen");
}
