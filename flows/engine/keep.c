/*
 * What a conversation keeps, as compact JSON. The version leads, so that it can be read without
 * the rest. A state that cannot be read, or that speaks of flows which this book does not have,
 * is no failure: the conversation starts fresh.
 */
#include "flows/engine/turn.h"

#define YEAR_9999 ((usec_t)253370764800 * USEC_PER_SEC) /* so that what is added to it fits */

static struct value text_of(const char *name)
{
    return value_text(str_from(name));
}

struct hash16 flow_state_version(struct str state)
{
    struct hash16 version = {{0}};
    struct str lead = STR("{\"v\":\"");

    if (!str_starts(state, lead) ||
        !hex_parse(str_slice(state, lead.len, (size_t)2 * HASH16_LEN), version.bytes,
                   HASH16_LEN))
        return (struct hash16){{0}};
    return version;
}

/* --- writing ------------------------------------------------------------------------------ */

/* Variables that hold nothing are not kept. */
static struct value vars_value(struct arena *into, const struct record_builder *vars)
{
    const struct record *record = record_built(vars);
    struct record_builder kept;

    record_build(&kept, into);
    for (size_t i = 0; i < record->n; i++) {
        if (record->fields[i].value.kind != VALUE_NONE)
            record_set(&kept, record->fields[i].name, record->fields[i].value);
    }
    return value_record(record_built(&kept));
}

static void frame_write(struct arena *into, struct record_builder *out,
                        const struct frame *frame)
{
    struct value vars = vars_value(into, &frame->vars);

    record_set(out, STR("flow"), value_text(frame->flow->name));
    record_set(out, STR("at"), value_text(frame->at->name));
    if (vars.record->n > 0)
        record_set(out, STR("vars"), vars);
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

static struct value shown_value(struct arena *into, const struct kept *kept)
{
    struct value *items = arena_array(into, struct value, (size_t)2 * ROWS_MAX);

    for (size_t i = 0; i < kept->n_shown; i++) {
        const struct shown *shown = &kept->shown[i];

        const char kind = (char)shown->kind;

        items[2 * i] = value_text(arena_concat(into, (struct str){&kind, 1}, shown->key));
        items[2 * i + 1] = value_text(shown->title);
    }
    return list_of(into, items, 2 * kept->n_shown);
}

static struct value stack_value(struct arena *into, const struct kept *kept)
{
    struct value *items = arena_array(into, struct value, STACK_MAX);

    for (size_t i = 0; i < kept->depth; i++) {
        struct record_builder frame;

        record_build(&frame, into);
        frame_write(into, &frame, &kept->stack[i]);
        items[i] = value_record(record_built(&frame));
    }
    return list_of(into, items, kept->depth);
}

struct str kept_write(struct arena *into, const struct book *book, const struct kept *kept)
{
    struct record_builder out;

    record_build(&out, into);
    record_set(&out, STR("v"), text_of(book->version_hex));
    frame_write(into, &out, &kept->now);
    if (kept->open)
        record_set(&out, STR("open"), value_bool(true));
    if (kept->misses > 0)
        record_set(&out, STR("miss"), value_int(kept->misses));
    if (kept->number.len)
        record_set(&out, STR("ask"), value_text(kept->number));
    if (kept->n_shown > 0)
        record_set(&out, STR("rows"), shown_value(into, kept));
    if (kept->depth > 0)
        record_set(&out, STR("stack"), stack_value(into, kept));
    if (kept->stopped)
        record_set(&out, STR("stopped"), value_bool(true));
    if (kept->media_at)
        record_set(&out, STR("media"), value_time(kept->media_at));
    if (kept->below_at)
        record_set(&out, STR("below"), value_time(kept->below_at));
    if (kept->armed_at)
        record_set(&out, STR("armed"), value_time(kept->armed_at));
    if (kept->timer.len)
        record_set(&out, STR("timer"), value_text(kept->timer));
    if (kept->album.len)
        record_set(&out, STR("album"), value_text(kept->album));
    if (kept->heard.len)
        record_set(&out, STR("heard"), value_text(kept->heard));
    return record_to_json(into, record_built(&out));
}

/* --- reading ------------------------------------------------------------------------------ */

static struct str text_in(const struct record *record, struct str name)
{
    struct value value = record_get(record, name);

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

static bool yes_in(const struct record *record, struct str name)
{
    struct value value = record_get(record, name);

    return value.kind == VALUE_BOOL && value.yes;
}

static usec_t time_in(const struct record *record, struct str name)
{
    struct value value = record_get(record, name);

    return value.kind == VALUE_TIME ? value.time : 0;
}

static bool frame_read(struct arena *into, const struct book *book, const struct record *record,
                       struct frame *frame)
{
    struct value vars = record_get(record, STR("vars"));

    frame->flow = book_flow(book, text_in(record, STR("flow")));
    if (!frame->flow)
        return false;
    frame->at = flow_state(frame->flow, text_in(record, STR("at")));
    if (!frame->at)
        return false;
    record_build(&frame->vars, into);
    if (vars.kind == VALUE_RECORD)
        record_set_all(&frame->vars, vars.record);
    return true;
}

static void shown_read(const struct record *record, struct kept *kept)
{
    struct value rows = record_get(record, STR("rows"));

    if (rows.kind != VALUE_LIST)
        return;
    for (size_t i = 0; i + 1 < rows.list->n && kept->n_shown < ROWS_MAX; i += 2) {
        struct value key = rows.list->items[i];
        struct value title = rows.list->items[i + 1];

        if (key.kind != VALUE_TEXT || title.kind != VALUE_TEXT || key.text.len == 0 ||
            !strchr("kco", key.text.at[0]))
            continue;
        kept->shown[kept->n_shown++] =
            (struct shown){.kind = (enum option_kind)key.text.at[0],
                           .key = str_slice(key.text, 1, key.text.len),
                           .title = title.text};
    }
}

static bool stack_read(struct arena *into, const struct book *book, const struct record *record,
                       struct kept *kept)
{
    struct value stack = record_get(record, STR("stack"));

    if (stack.kind != VALUE_LIST)
        return true;
    for (size_t i = 0; i < stack.list->n && kept->depth < STACK_MAX; i++) {
        struct value frame = stack.list->items[i];

        if (frame.kind != VALUE_RECORD ||
            !frame_read(into, book, frame.record, &kept->stack[kept->depth]))
            return false;
        kept->depth++;
    }
    return true;
}

bool kept_read(struct arena *into, const struct book *book, struct str state, struct kept *kept)
{
    const struct record *record;
    struct value misses;

    *kept = (struct kept){0};
    if (state.len == 0 || !record_from_json(into, state, &record, NULL))
        return false;
    kept->stopped = yes_in(record, STR("stopped"));
    kept->heard = text_in(record, STR("heard"));
    if (!frame_read(into, book, record, &kept->now) || !stack_read(into, book, record, kept)) {
        kept->depth = 0;
        return false;
    }
    kept->open = yes_in(record, STR("open")) && kept->now.at->prompt.kind != PROMPT_NONE;
    kept->number = text_in(record, STR("ask"));
    misses = record_get(record, STR("miss"));
    if (misses.kind == VALUE_INT && misses.number > 0 && misses.number < 100)
        kept->misses = misses.number;
    kept->media_at = time_in(record, STR("media"));
    kept->below_at = time_in(record, STR("below"));
    kept->armed_at = time_in(record, STR("armed"));
    if (kept->armed_at < 0 || kept->armed_at > YEAR_9999)
        kept->armed_at = 0;
    kept->timer = text_in(record, STR("timer"));
    kept->album = text_in(record, STR("album"));
    shown_read(record, kept);
    return true;
}
