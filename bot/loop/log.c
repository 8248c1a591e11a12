/*
 * A line is built on the stack and leaves in one write, so that lines of several processes on
 * one pipe never mix (it is shorter than PIPE_BUF). The service does not wait for a reader:
 * when a pipe is full the line is dropped, and the next one that fits says how many were.
 *
 * What is not printable ASCII is escaped: a value from outside can forge neither a line nor a
 * terminal's colours.
 */
#include "bot/loop/log.h"

#include "bot/loop/loop.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES  4000 /* below PIPE_BUF, which is 4096 */
#define VALUE_MAX_BYTES 1000

struct line {
    size_t len;
    char bytes[LINE_MAX_BYTES];
};

static enum log_level least_level = LOG_INFO;
static void (*on_alert)(void);
static uint64_t dropped;

static void put(struct line *line, const char *bytes, size_t n)
{
    size_t room = sizeof line->bytes - 1 - line->len; /* 1 for the newline */
    if (n > room)
        n = room;
    memcpy(line->bytes + line->len, bytes, n);
    line->len += n;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_int(struct line *line, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, number);
    put(line, text, (size_t)n);
}

static bool is_bare(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static void put_escaped(struct line *line, unsigned char c)
{
    char text[8];
    int n = 0;
    if (c == '"' || c == '\\') {
        n = snprintf(text, sizeof text, "\\%c", c);
    } else if (c == '\n') {
        n = snprintf(text, sizeof text, "\\n");
    } else if (c < ' ' || c >= 0x7f) {
        n = snprintf(text, sizeof text, "\\x%02x", c);
    } else {
        n = snprintf(text, sizeof text, "%c", c);
    }
    put(line, text, (size_t)n);
}

static void put_value(struct line *line, struct str value)
{
    size_t len = value.len > VALUE_MAX_BYTES ? VALUE_MAX_BYTES : value.len;
    bool bare = len > 0 && len == value.len;
    for (size_t i = 0; bare && i < len; i++)
        bare = is_bare((unsigned char)value.at[i]);
    if (bare) {
        put(line, value.at, len);
        return;
    }
    put_text(line, "\"");
    for (size_t i = 0; i < len; i++)
        put_escaped(line, (unsigned char)value.at[i]);
    put_text(line, len < value.len ? "...\"" : "\"");
}

static void put_time(struct line *line)
{
    usec_t now = clock_now();
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc))
        return;
    char text[40];
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    put(line, text, n);
    int tail = snprintf(text, sizeof text, ".%03dZ ", (int)(now % USEC_PER_SEC / 1000));
    put(line, text, (size_t)tail);
}

static void put_ms(struct line *line, usec_t duration)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%" PRId64 ".%03d", duration / 1000,
                     (int)((duration < 0 ? -duration : duration) % 1000));
    put(line, text, (size_t)n);
}

static void put_field(struct line *line, const struct log_field *field)
{
    put_text(line, " ");
    put_text(line, field->name);
    put_text(line, "=");
    char uuid[UUID_TEXT_LEN + 1];
    switch (field->kind) {
    case LOG_TEXT:
        put_value(line, field->text);
        break;
    case LOG_INT:
        put_int(line, field->number);
        break;
    case LOG_UUID:
        uuid_format(field->uuid, uuid);
        put_text(line, uuid);
        break;
    case LOG_USEC:
        put_ms(line, field->number);
        break;
    case LOG_END:
        break;
    }
}

/* A full pipe would hold up every conversation: rather lose a line, and say so. */
static bool send_line(struct line *line)
{
    line->bytes[line->len++] = '\n';
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
        return false;
    return write(STDERR_FILENO, line->bytes, line->len) == (ssize_t)line->len;
}

static const char *const level_names[] = {"debug", "info", "warn", "alert"};

static void begin_line(struct line *line, enum log_level level, const char *name)
{
    line->len = 0;
    put_time(line);
    put_text(line, level_names[level]);
    put_text(line, " ");
    put_text(line, name);
}

static void report_dropped(struct line *line)
{
    if (!dropped)
        return;
    begin_line(line, LOG_WARN, "log.dropped");
    put_text(line, " lines=");
    put_int(line, (int64_t)dropped);
    if (send_line(line))
        dropped = 0;
}

void log_write(enum log_level level, const char *name, const struct log_field *fields)
{
    if (level == LOG_ALERT && on_alert)
        on_alert();
    if (level < least_level)
        return;
    struct line line;
    report_dropped(&line);
    begin_line(&line, level, name);
    for (const struct log_field *field = fields; field->kind != LOG_END; field++)
        put_field(&line, field);
    if (!send_line(&line))
        dropped++;
}

void log_set_level(enum log_level least)
{
    least_level = least;
}

bool log_level_find(struct str name, enum log_level *level)
{
    for (size_t i = 0; i < COUNTOF(level_names); i++) {
        if (str_eq(name, str_from(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_on_alert(void (*count)(void))
{
    on_alert = count;
}
