/*
 * What Meta says of our templates moves the table that news goes by: one that was paused or
 * rejected is not used from then on.
 */
#include "bot/turn/batch_inside.h"

#include "store/sql.h"

/* Meta's clock counts seconds: what it says of one it says at its end, lest our own note of the
 * same second be newer. */
static usec_t said_at(const struct batch_work *work, const struct event *event)
{
    return event->at > 0 ? event->at + USEC_PER_SEC - 1 : work->now;
}

static void add_if(struct db_array *array, bool is_new, struct str text)
{
    if (is_new) {
        array_text(array, text);
    } else {
        array_null(array);
    }
}

void batch_templates_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT,
                                         DB_TEXT, DB_TEXT, DB_TEXT, DB_TIME};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_notes; i++) {
        const struct item *item = work->notes[i];
        const struct event *event = item->event;
        if (event->kind != EVENT_TEMPLATE || !batch_is_new(work, item))
            continue;
        bool status = str_eq(event->field, STR("message_template_status_update"));
        array_text(&arrays[0], event->business);
        array_text(&arrays[1], event->detail);
        array_text(&arrays[2], event->language);
        add_if(&arrays[3], status, event->detail2);
        add_if(&arrays[4], str_eq(event->field, STR("template_category_update")),
               event->detail2);
        add_if(&arrays[5], str_eq(event->field, STR("message_template_quality_update")),
               event->detail2);
        add_if(&arrays[6], status && event->error_text.len > 0, event->error_text);
        array_time(&arrays[7], said_at(work, event));
    }
    if (arrays[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TEMPLATES_CHANGED,
                   batch_params(work, arrays, COUNTOF(types), 0));
    }
}
