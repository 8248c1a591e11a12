#include "webhooks/crm_event.h"

#include "bot/base/crypto.h"
#include "webhooks/rfc3339.h"

#define HASH_TEXT (2 * HASH16_LEN + 1)

/* NULL: none of that name. */
static const struct crm_type *type_named(struct str name)
{
    for (const struct crm_type *type = crm_types; type->name != NULL; type++) {
        if (str_eq(name, str_from(type->name)))
            return type;
    }
    return NULL;
}

/* --- faults ---------------------------------------------------------------------------------
 */

void crm_fault(struct crm_faults *faults, size_t event, const struct shape_fault *fault)
{
    faults->items = arena_more(faults->into, faults->items, faults->n, &faults->room);
    faults->items[faults->n++] = (struct cloud_fault){event, *fault};
}

void crm_faults_put(struct json_out *out, const struct crm_faults *faults)
{
    json_open_in(out, "errors", '[');
    for (size_t i = 0; i < faults->n; i++) {
        const struct cloud_fault *one = &faults->items[i];
        json_open(out, '{');
        json_key(out, "event");
        json_put_int(out, (int64_t)one->event);
        json_member(out, "path", one->fault.path);
        json_member(out, "expected", one->fault.expected);
        json_member(out, "got", one->fault.got);
        json_close(out, '}');
    }
    json_close(out, ']');
}

struct str crm_faults_json(struct arena *into, const struct crm_faults *faults)
{
    struct json_out out;

    json_out_init(&out, into, 256);
    json_open(&out, '{');
    crm_faults_put(&out, faults);
    json_close(&out, '}');
    return json_out_text(&out);
}

/* --- reading --------------------------------------------------------------------------------
 */

/* A batch whose events are being written. */
struct writing {
    struct crm_batch batch;
    struct json_out out;
};

static struct writing *writing_of(struct arena *into, struct crm_batch **batches,
                                  struct str source)
{
    struct writing *writing;

    for (struct crm_batch **at = batches;; at = &(*at)->next) {
        if (*at == NULL) {
            writing = arena_new(into, struct writing);
            writing->batch.source = source;
            json_out_init(&writing->out, into, 1024);
            json_open(&writing->out, '[');
            *at = &writing->batch;
        }
        if (str_eq((*at)->source, source))
            return CONTAINER_OF(*at, struct writing, batch);
    }
}

static struct str known_types(struct arena *into)
{
    struct str text = STR("one of:");

    for (const struct crm_type *type = crm_types; type->name != NULL; type++)
        text = arena_concat(into, text, STR(" "), str_from(type->name));
    return text;
}

static struct str quoted(struct arena *into, struct str text)
{
    struct json_out out;

    json_out_init(&out, into, text.len + 8);
    json_put_text(&out, str_cut(into, text, 60));
    return json_out_text(&out);
}

/* The data in the shape of its type, or none when faults were added. */
static struct str data_of(const struct crm_type *type, const struct cloud_event *event,
                          struct shape_faults *faults)
{
    struct json_out out;

    if (!json_is_object(event->data)) {
        shape_fault(faults, STR("data"), STR("an object"), event->data);
        return STR_NONE;
    }
    if (type->subject != NULL && !event->has_version && event->time == 0)
        shape_fault(faults, STR("time"), STR("a time, or a version: the newer one wins"), NULL);
    json_out_init(&out, faults->into, 512);
    json_open(&out, '{');
    shape_read(type->data, event->data, STR("data"), STR_NONE, &out, faults);
    json_close(&out, '}');
    return json_out_text(&out);
}

static void write_event(struct writing *writing, const struct crm_type *type,
                        const struct cloud_event *event, struct str data)
{
    struct json_out *out = &writing->out;
    struct str parts[] = {event->source, event->id};
    struct hash16 hash = hash16_of(parts, COUNTOF(parts));
    char hex[HASH_TEXT];

    hex_format(hash.bytes, HASH16_LEN, hex);
    json_open(out, '{');
    json_key(out, "i");
    json_put_int(out, (int64_t)event->at);
    json_member(out, "hash", str_from(hex));
    json_member(out, "type", str_from(type->name));
    if (type->subject != NULL)
        json_member(out, "subject", json_scalar(out->into, event->data, type->subject));
    json_key(out, "version");
    json_put_int(out, event->has_version ? event->version : event->time);
    json_member(out, "cause", event->cause);
    if (event->time > 0)
        json_member(out, "at", rfc3339_write(out->into, event->time));
    json_key(out, "data");
    json_put_word(out, arena_cstr(out->into, data)); /* it is JSON already */
    json_close(out, '}');
    writing->batch.n++;
}

struct crm_batch *crm_events_read(struct arena *into, const struct cloud_batch *batch,
                                  struct crm_faults *faults)
{
    struct crm_batch *batches = NULL;

    for (size_t i = 0; i < batch->n_faults; i++)
        crm_fault(faults, batch->faults[i].event, &batch->faults[i].fault);
    for (size_t i = 0; i < batch->n; i++) {
        const struct cloud_event *event = &batch->events[i];
        const struct crm_type *type = type_named(event->type);
        struct shape_faults wrong = {.into = into};
        struct str data = STR_NONE;
        if (type != NULL) {
            data = data_of(type, event, &wrong);
        } else {
            wrong.items[wrong.n++] =
                (struct shape_fault){STR("type"), known_types(into), quoted(into, event->type)};
        }
        for (size_t j = 0; j < wrong.n; j++)
            crm_fault(faults, event->at, &wrong.items[j]);
        if (wrong.n == 0)
            write_event(writing_of(into, &batches, event->source), type, event, data);
    }
    for (struct crm_batch *one = batches; one != NULL; one = one->next) {
        struct writing *writing = CONTAINER_OF(one, struct writing, batch);
        json_close(&writing->out, ']');
        one->events = json_out_text(&writing->out);
    }
    return batches;
}
