#include "webhooks/cloud_event.h"

#include "bot/base/crypto.h"
#include "webhooks/rfc3339.h"

#include <stdlib.h>

#define VERSION_MAX ((int64_t)1 << 53) /* what every JSON reader keeps exactly */

/* clang-format off */
const struct shape cloud_attributes[] = {
    {.name = "specversion", .kind = SHAPE_CHOICE, .required = true, .choices = "1.0"},
    {.name = "id", .kind = SHAPE_NAME, .required = true, .least = 1, .most = 256,
     .about = "The same when it is sent again; a source never uses it for another event."},
    {.name = "source", .kind = SHAPE_NAME, .required = true, .least = 1, .most = 512,
     .about = "Who sends: it belongs to one business, by agreement."},
    {.name = "type", .kind = SHAPE_NAME, .required = true, .least = 1, .most = 100},
    {.name = "time", .kind = SHAPE_TIME,
     .about = "When it happened. Without a version the newer time wins."},
    {.name = "version", .kind = SHAPE_VERSION, .most = VERSION_MAX,
     .about = "Counts the states of the subject: the highest wins, in whatever order they come."},
    {.name = "causeid", .kind = SHAPE_NAME, .least = 1, .most = 200,
     .about = "The same for events of one cause: the customer hears of them in one message."},
    {0},
};
/* clang-format on */

struct reader {
    struct arena *into;
    struct cloud_event *events;
    struct cloud_fault *faults;
    size_t n, n_faults, room;
};

static void release(void *doc)
{
    json_decref(doc);
}

/* Room grows by doubling: a batch may be wrong in each of its thousand events. */
static void add_faults(struct reader *reader, size_t at, const struct shape_faults *faults)
{
    if (reader->n_faults + faults->n > reader->room) {
        size_t room = 2 * (reader->n_faults + faults->n);
        struct cloud_fault *wider = arena_array(reader->into, struct cloud_fault, room);
        if (reader->n_faults > 0)
            memcpy(wider, reader->faults, reader->n_faults * sizeof *wider);
        reader->faults = wider;
        reader->room = room;
    }
    for (size_t i = 0; i < faults->n; i++)
        reader->faults[reader->n_faults++] = (struct cloud_fault){at, faults->items[i]};
}

/* A text, or a number that a sender wrote for one. */
static struct str scalar(struct arena *into, const json_t *event, const char *name)
{
    return str_trim(json_scalar(into, event, name));
}

static void read_event(struct reader *reader, size_t at, const json_t *value)
{
    struct shape_faults faults = {.into = reader->into};
    struct cloud_event event = {.at = at};
    const json_t *version = json_object_get(value, "version");
    struct json_out unused;

    if (!json_is_object(value)) {
        shape_fault(&faults, STR_NONE, STR("an object: a CloudEvent"), value);
        add_faults(reader, at, &faults);
        return;
    }
    json_out_init(&unused, reader->into, 256);
    json_open(&unused, '{');
    shape_read(cloud_attributes, value, STR_NONE, STR_NONE, &unused, &faults);
    event.id = scalar(reader->into, value, "id");
    event.source = scalar(reader->into, value, "source");
    event.type = scalar(reader->into, value, "type");
    event.cause = scalar(reader->into, value, "causeid");
    event.has_version = shape_version(version, &event.version);
    if (!rfc3339_read(json_text(reader->into, value, "time"), &event.time))
        event.time = 0;
    event.data = json_object_get(value, "data");
    if (json_object_get(value, "data_base64") != NULL)
        shape_fault(&faults, STR("data_base64"), STR("an object in data instead"), NULL);
    if (faults.n > 0) {
        add_faults(reader, at, &faults);
    } else {
        reader->events[reader->n++] = event;
    }
}

static void finish(const struct reader *reader, size_t read, struct cloud_batch *batch)
{
    *batch =
        (struct cloud_batch){reader->events, reader->n, reader->faults, reader->n_faults, read};
}

/* --- binary mode ----------------------------------------------------------------------------
 */

/* "a percent-encoded string (RFC 3986)": decoded, so that what a sender escapes compares equal.
 */
static struct str header_text(struct arena *into, struct str text)
{
    char *plain = arena_alloc(into, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.at[i] == '%' && hex_parse(str_slice(text, i + 1, 2), &byte, 1)) {
            plain[n++] = (char)byte;
            i += 2;
        } else {
            plain[n++] = text.at[i];
        }
    }
    return (struct str){plain, n};
}

static void set_header(struct arena *into, json_t *event, const char *name, struct str text)
{
    json_set_text(event, name, header_text(into, text));
}

static json_t *event_of_headers(struct arena *into, const struct cloud_headers *headers,
                                json_t *data)
{
    json_t *event = json_object();
    int64_t version;

    set_header(into, event, "specversion", headers->specversion);
    set_header(into, event, "id", headers->id);
    set_header(into, event, "source", headers->source);
    set_header(into, event, "type", headers->type);
    set_header(into, event, "time", headers->time);
    set_header(into, event, "causeid", headers->cause);
    if (str_to_int(headers->version, &version)) {
        json_set_int(event, "version", version);
    } else {
        set_header(into, event, "version", headers->version);
    }
    (void)json_object_set_new(event, "data", data);
    return event;
}

/* --- any mode -------------------------------------------------------------------------------
 */

bool cloud_events_read(struct arena *into, const struct cloud_headers *headers, struct str body,
                       struct cloud_batch *batch, struct err *err)
{
    struct reader reader = {.into = into};
    json_t *doc = NULL;
    size_t n = 1;

    if (!json_read(body, &doc, err))
        return err_wrap(err, "the body");
    if (headers->specversion.len > 0 &&
        !str_starts(headers->content_type, STR("application/cloudevents")))
        doc = event_of_headers(into, headers, doc);
    arena_defer(into, release, doc);
    if (json_is_array(doc))
        n = json_array_size(doc);
    if (n > CLOUD_EVENTS_MAX)
        return err_raise(err, ERR_REJECT, "a batch has at most %d events", CLOUD_EVENTS_MAX);
    reader.events = arena_array(into, struct cloud_event, n + 1);
    for (size_t i = 0; i < n; i++)
        read_event(&reader, i, json_is_array(doc) ? json_array_get(doc, i) : doc);
    finish(&reader, n, batch);
    return true;
}
