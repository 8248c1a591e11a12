/*
 * The log: one line per event on standard error, a dotted name and pairs.
 *
 *     outbox.sent turn=7f3a channel=sms attempt=2 ms=41
 *
 * Names are constants and greppable; values are ids, counts and words of our own. What people
 * write, their names and numbers, and secrets are given to no log call, not even in an error's
 * text; two lines speak of the same conversation by its id. Values are escaped, so that a line
 * stays a line.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/base/uuid.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ALERT /* a person should look: counted in the metrics */
};

enum log_field_kind { LOG_END, LOG_TEXT, LOG_INT, LOG_UUID, LOG_USEC };

struct log_field {
    enum log_field_kind kind;
    const char *name;
    union {
        struct str text;
        int64_t number;
        struct uuid uuid;
    };
};

#define LOG_S(key, str_value)                                                                  \
    ((struct log_field){.kind = LOG_TEXT, .name = (key), .text = (str_value)})
#define LOG_C(key, cstr_value)                                                                 \
    ((struct log_field){.kind = LOG_TEXT, .name = (key), .text = str_from(cstr_value)})
#define LOG_I(key, int_value)                                                                  \
    ((struct log_field){.kind = LOG_INT, .name = (key), .number = (int64_t)(int_value)})
#define LOG_ID(key, uuid_value)                                                                \
    ((struct log_field){.kind = LOG_UUID, .name = (key), .uuid = (uuid_value)})
#define LOG_MS(key, usec_value)                                                                \
    ((struct log_field){.kind = LOG_USEC, .name = (key), .number = (int64_t)(usec_value)})
#define LOG_ERR(err_pointer) LOG_C("error", (err_pointer)->text)

/* log_event(LOG_INFO, "outbox.sent", LOG_I("attempt", 2), LOG_MS("ms", took)); */
#define log_event(level, name, ...)                                                            \
    log_write((level), (name),                                                                 \
              (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_END}})
void log_write(enum log_level level, const char *name, const struct log_field *fields);

/* The level of that name ("debug", "info", "warn", "alert"); false: there is none. */
MUST_USE bool log_level_find(struct str name, enum log_level *level);
/* The least important that is still written; LOG_INFO at first. */
void log_set_level(enum log_level least);
/* Who counts LOG_ALERT lines, in the thread that writes one; NULL: nobody. One for a process.
 */
void log_on_alert(void (*count)(void));
