/*
 * What a CRM posts, in every mode: what is taken for an event is JSON that a database takes, of
 * a type that we know, and what is refused says why.
 */
#include "webhooks/crm_event.h"
#include "webhooks/sagepilot.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void look(struct arena *arena, struct str body, const struct cloud_headers *headers)
{
    struct crm_faults faults = {.into = arena};
    struct cloud_batch batch;
    struct err err = {0};
    size_t good = 0;

    if (!cloud_events_read(arena, headers, body, &batch, &err))
        return;
    for (struct crm_batch *one = crm_events_read(arena, &batch, &faults); one;
         one = one->next) {
        OWNED_JSON(events) = NULL;
        hold(one->source.len > 0 && json_read(one->events, &events, &err));
        hold(json_array_size(events) == one->n);
        for (size_t i = 0; i < one->n; i++)
            hold(json_object_in(json_array_get(events, i), "data") != NULL);
        good += one->n;
    }
    hold(good <= batch.read && (faults.n > 0) == (good < batch.read));
    hold(str_is_utf8(crm_faults_json(arena, &faults)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str body = {(const char *)data, size}, rest = body, event, type;
    struct cloud_headers headers = {.content_type = STR("application/cloudevents+json")};

    arena_init(&arena);
    look(&arena, body, &headers);
    if (sagepilot_event(&arena, STR("msg_1"), STR("1764000000"), body, &event, &type) ==
        SAGEPILOT_KNOWN)
        look(&arena, event, &headers);
    headers.content_type = STR("application/json");
    (void)str_split(&rest, '\n', &headers.type);
    (void)str_split(&rest, '\n', &headers.id);
    headers.specversion = STR("1.0");
    headers.source = STR("s");
    headers.version = STR("1");
    look(&arena, rest, &headers);
    arena_finish(&arena);
    return 0;
}
