/*
 * Written by hand where jansson would reach for the world: the time is computed from the days
 * since 1970 rather than by libc, which reads the time zone's file.
 */
#include "webhooks/event_json.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <math.h>
#include <stdlib.h>

#define DEGREE_DIGITS 12

struct date {
    int64_t year;
    int month, day;
};

/* From days since 1970 in the proleptic Gregorian calendar. Years are counted from March, so
 * that the leap day is the last of its year. */
static struct date date_of(int64_t days)
{
    int64_t since = days + 719468; /* since 1 March of the year 0 */
    int64_t era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t day_of_era = since - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct date date = {
        .year = year_of_era + era * 400 + (month >= 10),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
    };
    return date;
}

static struct str rfc3339(struct arena *into, usec_t at)
{
    int64_t seconds = at / USEC_PER_SEC, fraction = at % USEC_PER_SEC;
    if (fraction < 0) {
        fraction += USEC_PER_SEC;
        seconds--;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    struct date date = date_of(days);
    struct str tail = fraction == 0 ? STR_NONE : arena_format(into, ".%06d", (int)fraction);
    return arena_format(into, "%04lld-%02d-%02dT%02d:%02d:%02d%.*sZ", (long long)date.year,
                        date.month, date.day, (int)(rest / 3600), (int)(rest / 60 % 60),
                        (int)(rest % 60), STR_ARG(tail));
}

/* Members that turn out empty stay out. */
static void set_object(json_t *object, const char *name, json_t *member)
{
    if (json_object_size(member) > 0) {
        (void)json_object_set_new(object, name, member);
    } else {
        json_decref(member);
    }
}

static json_t *person_object(const struct person *person)
{
    json_t *object = json_object();
    json_set_text(object, "user_id", person->user_id);
    json_set_text(object, "phone", person->phone);
    json_set_text(object, "email", person->email);
    json_set_text(object, "name", person->name);
    json_set_text(object, "username", person->username);
    return object;
}

static json_t *media_object(struct arena *into, const struct media *media)
{
    json_t *object = json_object();
    json_set_text(object, "kind", str_from(media_kind_name(media->kind)));
    json_set_text(object, "id", media->id);
    json_set_text(object, "url", media->url);
    json_set_text(object, "mime", media->mime);
    if (media->sha256.len == HASH_LEN) {
        char *hex = arena_alloc(into, 2 * HASH_LEN + 1);
        hex_format((const uint8_t *)media->sha256.at, HASH_LEN, hex);
        json_set_text(object, "sha256", str_from(hex));
    }
    json_set_text(object, "filename", media->filename);
    json_set_text(object, "caption", media->caption);
    if (media->animated)
        json_set_bool(object, "animated", true);
    return object;
}

static json_t *location_object(const struct event *event)
{
    json_t *object = json_object();
    if (!isnan(event->latitude))
        (void)json_object_set_new(object, "latitude", json_real(event->latitude));
    if (!isnan(event->longitude))
        (void)json_object_set_new(object, "longitude", json_real(event->longitude));
    json_set_text(object, "name", event->place);
    return object;
}

static json_t *error_object(const struct event *event)
{
    json_t *object = json_object();
    if (event->error != 0)
        json_set_int(object, "code", event->error);
    json_set_text(object, "text", event->error_text);
    return object;
}

static json_t *template_object(const struct event *event)
{
    json_t *object = json_object();
    json_set_text(object, "name", event->detail);
    json_set_text(object, "language", event->language);
    json_set_text(object, "news", event->detail2);
    return object;
}

static json_t *mail_object(const struct event *event)
{
    json_t *object = json_object();
    json_set_text(object, "message_id", event->mail->message_id);
    json_set_text(object, "references", event->mail->references);
    json_set_text(object, "subject", event->mail->subject);
    json_set_text(object, "token", event->mail->token);
    json_set_text(object, "quoted", event->mail->quoted);
    return object;
}

/* Where it came from, when, and who. */
static void set_head(struct arena *into, const struct event *event, json_t *line)
{
    json_set_text(line, "kind", str_from(event_kind_name(event->kind)));
    json_set_text(line, "id", event->id);
    json_set_text(line, "account", event->account);
    json_set_text(line, "business", event->business);
    if (event->field.len > 0 && !str_eq(event->field, STR("messages")))
        json_set_text(line, "field", event->field);
    if (event->at != 0)
        json_set_text(line, "at", rfc3339(into, event->at));
    set_object(line, "from", person_object(&event->from));
    if (event->doubtful)
        json_set_bool(line, "doubtful", true);
}

static void set_content(struct arena *into, const struct event *event, json_t *line)
{
    json_set_text(line, "text", event->text);
    if (event->kind == EVENT_REACTION && event->text.len == 0)
        json_set_bool(line, "removed", true);
    json_set_text(line, "choice", event->choice);
    json_set_text(line, "context", event->context);
    if (event->forwarded)
        json_set_bool(line, "forwarded", true);
    if (event->media)
        set_object(line, "media", media_object(into, event->media));
    if (event->kind == EVENT_LOCATION)
        set_object(line, "location", location_object(event));
    if (event->kind == EVENT_TEMPLATE) {
        set_object(line, "template", template_object(event));
        return;
    }
    json_set_text(line, "detail", event->detail);
    json_set_text(line, "detail2", event->detail2);
}

/* As json_write, but degrees read as they were sent: 37.4611978, not 37.461197800000001. */
static struct str write_line(struct arena *into, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(DEGREE_DIGITS));
    struct str copy = arena_str(into, str_from(text));
    free(text);
    return copy;
}

struct str event_to_json(struct arena *into, const struct event *event)
{
    OWNED_JSON(line) = json_object();
    set_head(into, event, line);
    set_content(into, event, line);
    if (event->kind == EVENT_STATUS)
        json_set_text(line, "status", str_from(delivery_name(event->status)));
    json_set_text(line, "key", event->key);
    if (event->mail)
        set_object(line, "mail", mail_object(event));
    json_set_text(line, "referral", event->referral);
    set_object(line, "renamed", person_object(&event->renamed));
    set_object(line, "error", error_object(event));
    return write_line(into, line);
}
