/*
 * The bytes of an answer, put together in the connection's buffer behind LWS_PRE bytes that
 * libwebsockets wants for itself.
 */
#include "bot/net/http_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROOMY ((size_t)1 << 20) /* so long a buffer grows to twice its size */

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"                    },
        {201, "Created"               },
        {202, "Accepted"              },
        {204, "No Content"            },
        {206, "Partial Content"       },
        {301, "Moved Permanently"     },
        {302, "Found"                 },
        {303, "See Other"             },
        {304, "Not Modified"          },
        {307, "Temporary Redirect"    },
        {400, "Bad Request"           },
        {401, "Unauthorized"          },
        {403, "Forbidden"             },
        {404, "Not Found"             },
        {405, "Method Not Allowed"    },
        {408, "Request Timeout"       },
        {409, "Conflict"              },
        {410, "Gone"                  },
        {411, "Length Required"       },
        {412, "Precondition Failed"   },
        {413, "Content Too Large"     },
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"    },
        {422, "Unprocessable Content" },
        {429, "Too Many Requests"     },
        {500, "Internal Server Error" },
        {501, "Not Implemented"       },
        {502, "Bad Gateway"           },
        {503, "Service Unavailable"   },
        {504, "Gateway Timeout"       },
    };
    for (size_t i = 0; i < COUNTOF(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return status < 400 ? "OK" : "Error";
}

void out_put(struct conn *conn, const void *bytes, size_t n)
{
    size_t end = LWS_PRE + conn->out_len;
    if (end + n > conn->out_room) {
        size_t room = end + n < ROOMY ? 2 * (end + n) : end + n;
        conn->server->counts.answers += room - conn->out_room;
        conn->out_room = room;
        conn->out = realloc(conn->out, conn->out_room);
        if (!conn->out)
            abort();
    }
    if (n > 0)
        memcpy(conn->out + end, bytes, n);
    conn->out_len += n;
}

void out_put_text(struct conn *conn, const char *text)
{
    out_put(conn, text, strlen(text));
}

void out_clear(struct conn *conn)
{
    conn->server->counts.answers -= conn->out_room;
    free(conn->out);
    conn->out = NULL;
    conn->out_len = 0;
    conn->out_sent = 0;
    conn->out_room = 0;
}

static const char *date_line(struct http_server *server)
{
    time_t now = (time_t)(clock_now() / USEC_PER_SEC);
    struct tm utc;
    if (now != server->date_at && gmtime_r(&now, &utc)) {
        server->date_at = now;
        (void)strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return server->date;
}

static bool line_is_clean(const char *line)
{
    for (; *line; line++) {
        if ((unsigned char)*line < ' ' && *line != '\t')
            return false;
    }
    return true;
}

void out_put_head(struct conn *conn, int status, const char *content_type,
                  const char *const *headers)
{
    char line[128];
    int n = snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status,
                     reason_phrase(status), date_line(conn->server));
    out_put(conn, line, (size_t)n);
    if (content_type && line_is_clean(content_type)) {
        out_put_text(conn, "Content-Type: ");
        out_put_text(conn, content_type);
        out_put_text(conn, "\r\n");
    }
    for (; headers && *headers; headers++) {
        if (!line_is_clean(*headers))
            continue;
        out_put_text(conn, *headers);
        out_put_text(conn, "\r\n");
    }
}

/* Both values have the same length: which of them it is is decided when the answer is written.
 */
static const char connection_keep[] = "keep-alive";
static const char connection_close[] = "close     ";

void out_answer(struct conn *conn, int status, const char *content_type, struct str body,
                const char *const *headers)
{
    bool bodyless = status == 204 || status == 304;
    out_clear(conn);
    conn->out_room = LWS_PRE + 512 + (conn->head_only ? 0 : body.len);
    conn->server->counts.answers += conn->out_room;
    conn->out = malloc(conn->out_room);
    if (!conn->out)
        abort();
    out_put_head(conn, status, content_type, headers);
    if (!bodyless) {
        char line[64];
        int n = snprintf(line, sizeof line, "Content-Length: %zu\r\n", body.len);
        out_put(conn, line, (size_t)n);
    }
    out_put_text(conn, "Connection: ");
    conn->out_connection = conn->out_len;
    out_put_text(conn, connection_keep);
    out_put_text(conn, "\r\n\r\n");
    if (!bodyless && !conn->head_only)
        out_put(conn, body.at, body.len);
}

void out_close(struct conn *conn)
{
    memcpy(conn->out + LWS_PRE + conn->out_connection, connection_close,
           sizeof connection_close - 1);
}
