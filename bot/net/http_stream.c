/*
 * Answers without an end: chunks are gathered while the loop turns, and written together.
 *
 * They are HTTP's chunks, too, so that whoever reads can tell the end from a connection that
 * broke: half of an archive must not look like all of it.
 */
#include "bot/net/http_inside.h"

#include <stdio.h>
#include <stdlib.h>

#define STREAM_MAX (1 << 20)

static void stream_gone(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, gone_task);
    struct http_stream *callers = stream->public;
    free(stream);
    callers->internal = NULL;
    if (callers->gone)
        callers->gone(callers);
}

void stream_detach(struct http_server *server, struct stream *stream)
{
    stream->conn = NULL;
    loop_post(server->loop, &stream->gone_task, stream_gone);
}

size_t http_stream_behind(const struct http_stream *stream)
{
    const struct stream *own = stream->internal;

    return own && own->conn ? own->conn->out_len - own->conn->out_sent : 0;
}

void http_reply_stream(struct http_exchange *exchange, const char *content_type,
                       const char *const *headers, struct http_stream *stream)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    struct conn *conn = own->conn;
    struct stream *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->public = stream;
    stream->internal = made;
    if (!conn) {
        stream_detach(exchange->server, made);
        exchange_free(own);
        return;
    }
    out_clear(conn);
    out_put_head(conn, 200, content_type, headers);
    made->chunked = !conn->old;
    out_put_text(conn, "Cache-Control: no-store\r\nConnection: close\r\n");
    out_put_text(conn, made->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    made->conn = conn;
    made->closing = conn->head_only;
    conn->stream = made;
    conn->exchange = NULL;
    conn->closing = true;
    exchange_free(own);
    conn_make_ready(conn);
}

bool conn_stream_turn(struct conn *conn)
{
    if (conn->stream->cut)
        return false;
    if (conn->state == CONN_ANSWERED) {
        if (conn_has_early_bytes(conn))
            return false;
        lws_rx_flow_control(conn->wsi, 0);
        conn->state = CONN_STREAM;
    }
    if (lws_partial_buffered(conn->wsi))
        return conn->out_len - conn->out_sent <= STREAM_MAX;
    if (!conn_pump(conn))
        return false;
    if (conn_is_pumped(conn)) {
        out_clear(conn);
        if (conn->stream->closing)
            return conn_end(conn);
    }
    return conn->out_len - conn->out_sent <= STREAM_MAX && conn_watch(conn);
}

/* Written when the turn ends, so that many small chunks are one write. */
static void stream_wake(struct stream *stream)
{
    struct conn *conn = stream->conn;
    if (conn->state == CONN_STREAM && !conn->ready) {
        conn->ready = true;
        conn->ready_next = conn->server->ready;
        conn->server->ready = conn;
        loop_post(conn->server->loop, &conn->server->flush, conn_flush_ready);
    }
}

static void put_chunk(struct stream *own, struct str chunk)
{
    char size[24];

    if (!own->chunked) {
        out_put(own->conn, chunk.at, chunk.len);
        return;
    }
    (void)snprintf(size, sizeof size, "%zx\r\n", chunk.len);
    out_put_text(own->conn, size);
    out_put(own->conn, chunk.at, chunk.len);
    out_put_text(own->conn, "\r\n");
}

void http_stream_write(struct http_stream *stream, struct str chunk)
{
    struct stream *own = stream->internal;
    if (!own || !own->conn || own->closing || chunk.len == 0)
        return;
    put_chunk(own, chunk);
    stream_wake(own);
}

void http_stream_close(struct http_stream *stream)
{
    struct stream *own = stream->internal;
    if (!own || !own->conn || own->closing)
        return;
    if (own->chunked)
        out_put_text(own->conn, "0\r\n\r\n");
    own->closing = true;
    stream_wake(own);
}

void stream_break(struct stream *stream)
{
    stream->chunked = false; /* the end is not said */
    http_stream_close(stream->public);
}

void http_stream_cut(struct http_stream *stream)
{
    struct stream *own = stream->internal;
    if (!own || !own->conn)
        return;
    own->cut = true;
    stream_wake(own);
}
