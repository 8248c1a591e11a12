/*
 * The YAML file as settings: libyaml's events, a path of keys, and for each scalar the setting
 * that the path names. Nothing is built in between, so every value knows its line.
 *
 * Anchors, aliases, lists and several documents are refused: no setting needs them, and what is
 * not understood shall not be passed over.
 */
#include "bot/base/crypto.h"
#include "bot/config/config_settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define DEPTH_MAX 5

struct reading {
    struct config_details *details;
    const char *name;
    yaml_parser_t parser;
    struct str path[DEPTH_MAX + 1]; /* path[depth]: the keys down to the mapping we are in */
    unsigned depth;                 /* mappings open */
    struct str key;                 /* waits for its value; at == NULL: a key is next */
    bool done;
};

/* An event that wipes what it carried: it may have been a secret. */
static void event_release(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        crypto_wipe(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
}

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

static bool refuse(struct reading *reading, const yaml_event_t *event, struct err *err,
                   const char *format, ...) PRINTF(4, 5);
static bool refuse(struct reading *reading, const yaml_event_t *event, struct err *err,
                   const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return err_raise(err, ERR_REJECT, "%s:%u: %s", reading->name, line_of(event), text);
}

static struct str path_of(struct reading *reading, struct str key)
{
    struct str above = reading->path[reading->depth];
    return above.len == 0 ? arena_str(&reading->details->arena, key)
                          : arena_format(&reading->details->arena, "%.*s.%.*s", STR_ARG(above),
                                         STR_ARG(key));
}

static bool take_key(struct reading *reading, const yaml_event_t *event, struct err *err)
{
    struct str key = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct str path = path_of(reading, key), app;
    bool is_file;
    if (key.len == 0 || str_find(key, STR(".")) != key.len) {
        return refuse(reading, event, err, "\"%.*s\" cannot be a name: sections are nested",
                      STR_ARG(key));
    }
    if (!settings_is_section(path) && !settings_find(path, &app, &is_file)) {
        return refuse(reading, event, err, "there is no setting %.*s%.*s", STR_ARG(path),
                      STR_ARG(settings_suggest(&reading->details->arena, path)));
    }
    reading->key = path;
    return true;
}

static bool is_absent(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (event->data.scalar.length == 0 ||
            strcmp((const char *)event->data.scalar.value, "~") == 0 ||
            strcmp((const char *)event->data.scalar.value, "null") == 0);
}

/* "key:" with nothing behind it leaves the default. */
static bool take_value(struct reading *reading, const yaml_event_t *event, struct err *err)
{
    struct arena *arena = &reading->details->arena;
    struct given one = {.origin = ORIGIN_FILE};
    struct str path = reading->key;
    reading->key = STR_NONE;
    if (is_absent(event))
        return true;
    one.setting = settings_find(path, &one.app, &one.is_file);
    if (!one.setting) {
        return refuse(reading, event, err,
                      "%.*s holds settings of its own: write them below it", STR_ARG(path));
    }
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    one.text = one.setting->type == SETTING_SECRET && !one.is_file
                   ? config_keep_secret(reading->details, text)
                   : arena_str(arena, text);
    one.place = arena_format(arena, "%s:%u", reading->name, line_of(event)).at;
    return given_add(&reading->details->given, &one, err);
}

static bool open_mapping(struct reading *reading, const yaml_event_t *event, struct err *err)
{
    if (reading->depth == 0 && !reading->key.at) {
        reading->depth = 1;
        reading->path[1] = STR_NONE;
        return true;
    }
    if (!reading->key.at)
        return refuse(reading, event, err, "a name was expected here");
    if (!settings_is_section(reading->key))
        return refuse(reading, event, err, "%.*s takes one value", STR_ARG(reading->key));
    if (reading->depth == DEPTH_MAX)
        return refuse(reading, event, err, "nested too deeply");
    reading->path[++reading->depth] = reading->key;
    reading->key = STR_NONE;
    return true;
}

static bool take_scalar(struct reading *reading, const yaml_event_t *event, struct err *err)
{
    if (reading->depth == 0) {
        return is_absent(event) ||
               refuse(reading, event, err, "settings are written as \"name: value\"");
    }
    return reading->key.at ? take_value(reading, event, err) : take_key(reading, event, err);
}

static bool take_event(struct reading *reading, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reading, event, err);
    case YAML_MAPPING_START_EVENT:
        return open_mapping(reading, event, err);
    case YAML_MAPPING_END_EVENT:
        reading->depth--;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        return refuse(reading, event, err, "no setting takes a list");
    case YAML_ALIAS_EVENT:
        return refuse(reading, event, err, "aliases are not understood: write the value out");
    case YAML_DOCUMENT_END_EVENT:
        reading->done = true;
        return true;
    case YAML_DOCUMENT_START_EVENT:
        return !reading->done ||
               refuse(reading, event, err, "one document only: remove the second \"---\"");
    default:
        return true;
    }
}

static bool next_event(struct reading *reading, yaml_event_t *event, struct err *err)
{
    if (yaml_parser_parse(&reading->parser, event))
        return true;
    const yaml_parser_t *parser = &reading->parser;
    return err_raise(
        err, ERR_REJECT,
        "%s:%zu: not YAML: %s (indent with spaces, quote values that hold \": \")",
        reading->name,
        (parser->problem_mark.line ? parser->problem_mark.line : parser->context_mark.line) + 1,
        parser->problem ? parser->problem : "unreadable");
}

bool config_read_yaml(struct config_details *details, const char *name, struct str text,
                      struct err *err)
{
    struct reading reading = {.details = details, .name = name};
    if (!yaml_parser_initialize(&reading.parser))
        return err_raise(err, ERR_BROKEN, "libyaml does not start");
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.at, text.len);
    bool ok = true, more = true;
    while (ok && more) {
        yaml_event_t event;
        ok = next_event(&reading, &event, err);
        if (!ok)
            break;
        ok = take_event(&reading, &event, err);
        more = event.type != YAML_STREAM_END_EVENT;
        event_release(&event);
    }
    yaml_parser_delete(&reading.parser);
    return ok;
}
