#include "tests/support/crm_schema.h"

#include <stdlib.h>

static void put_data(const struct crm_type *type, struct json_out *out)
{
    json_open_in(out, "data", '{');
    json_member(out, "type", STR("object"));
    shape_schema(type->data, out);
    json_close(out, '}');
}

static json_t *event_schema(struct arena *into, const struct crm_type *type)
{
    struct json_out envelope, data;
    json_t *schema = NULL, *parts = NULL, *properties, *any;

    json_out_init(&envelope, into, 1024);
    json_open(&envelope, '{');
    json_member(&envelope, "$schema", STR("https://json-schema.org/draft/2020-12/schema"));
    json_member(&envelope, "title", str_from(type->name));
    json_member(&envelope, "description", str_from(type->about));
    json_member(&envelope, "type", STR("object"));
    shape_schema(cloud_attributes, &envelope);
    json_close(&envelope, '}');
    json_out_init(&data, into, 1024);
    json_open(&data, '{');
    put_data(type, &data);
    json_close(&data, '}');
    if (!json_read(json_out_text(&envelope), &schema, NULL) ||
        !json_read(json_out_text(&data), &parts, NULL))
        abort(); /* we have just written it */
    properties = json_object_get(schema, "properties");
    (void)json_object_set_new(properties, "type", json_pack("{s:s}", "const", type->name));
    (void)json_object_update(properties, parts);
    (void)json_array_append_new(json_object_get(schema, "required"), json_string("data"));
    json_decref(parts);
    if (type->subject != NULL) {
        any = json_pack("[{s:[s],s:{s:{s:s}}},{s:[s],s:{s:{s:s}}}]", "required", "time",
                        "properties", "time", "type", "string", "required", "version",
                        "properties", "version", "type", "integer");
        (void)json_object_set_new(schema, "anyOf", any);
    }
    return schema;
}

struct str crm_schema(struct arena *into, const struct crm_type *type)
{
    json_t *schema = event_schema(into, type);
    char *text = json_dumps(schema, JSON_INDENT(2));
    struct str written = arena_concat(into, str_from(text), STR("\n"));

    free(text);
    json_decref(schema);
    return written;
}
