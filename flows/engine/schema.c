/* A table of entries, and the little that JSON Schema wants around it. */
#include "flows/engine/schema.h"

#include "bot/base/json.h"
#include "flows/engine/book.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
const struct schema_entry schema_entries[] = {
    {SCHEMA_FLOW, true, "flow", "name", "the flow's name, and the file's"},
    {SCHEMA_FLOW, false, "starts_on", "names", "intents that begin it, from anywhere"},
    {SCHEMA_FLOW, false, "takes", "names", "variables that whoever begins it may give"},
    {SCHEMA_FLOW, false, "returns", "yes_or_no", "an aside: what was under way goes on afterwards"},
    {SCHEMA_FLOW, false, "needs", "need", "what must be known of the one who writes"},
    {SCHEMA_FLOW, true, "initial", "name", "the state in which it begins"},
    {SCHEMA_FLOW, true, "states", "states", "by their names"},

    {SCHEMA_STATE, false, "load", "loads", "looked up on entering"},
    {SCHEMA_STATE, false, "always", "ways", "the first of them whose guard holds is taken at once"},
    {SCHEMA_STATE, false, "say", "sayings", "said on entering"},
    {SCHEMA_STATE, false, "ask", "ask", "a question; the state waits for its answer"},
    {SCHEMA_STATE, false, "on", "handlers", "what follows from each answer"},
    {SCHEMA_STATE, false, "after", "handlers", "what follows when nobody answers: one time, such as 30m, and its way"},
    {SCHEMA_STATE, false, "action", "action", "done on entering"},
    {SCHEMA_STATE, false, "with", "bindings", "what the action, or the flow, is given"},
    {SCHEMA_STATE, false, "outcomes", "handlers", "what follows from each outcome of the action"},
    {SCHEMA_STATE, false, "call", "name", "another flow, and then back to `target`"},
    {SCHEMA_STATE, false, "go", "name", "another flow instead of this one"},
    {SCHEMA_STATE, false, "target", "name", "a state; or done, menu, rest, back"},
    {SCHEMA_STATE, false, "again", "yes_or_no", "the prompt only reads: its buttons may be tapped at any later time"},

    {SCHEMA_LOAD, true, "load", "load", "what is looked up"},
    {SCHEMA_LOAD, false, "as", "name", "what it is called here"},
    {SCHEMA_LOAD, false, "with", "bindings", "what it is given; else variables of the same name"},

    {SCHEMA_WAY, false, "guard", "guard", "the way is taken when it holds"},
    {SCHEMA_WAY, false, "of", "path", "the value that the guard asks about"},
    {SCHEMA_WAY, false, "to", "text", "what `is` and `is_not` compare with"},
    {SCHEMA_WAY, false, "say", "sayings", "said on the way"},
    {SCHEMA_WAY, false, "set", "bindings", "variables; \"\" empties one"},
    {SCHEMA_WAY, false, "target", "name", "a state; or done, menu, rest, back"},
    {SCHEMA_WAY, false, "call", "name", "another flow, and then on to `target`"},
    {SCHEMA_WAY, false, "go", "name", "another flow instead of this one"},
    {SCHEMA_WAY, false, "action", "action", "done; the state's outcomes answer it"},
    {SCHEMA_WAY, false, "with", "bindings", "what the action, or the flow, is given"},

    {SCHEMA_SAYING, false, "say", "key", "words, as a paragraph"},
    {SCHEMA_SAYING, false, "line", "key", "words, close below what came before"},
    {SCHEMA_SAYING, false, "when", "path", "said only when there is something there"},
    {SCHEMA_SAYING, false, "each", "path", "said once for each row there"},
    {SCHEMA_SAYING, false, "lines", "sayings", "said after each row"},
    {SCHEMA_SAYING, false, "image", "path", "the row's picture, which the words stand below"},
    {SCHEMA_SAYING, false, "document", "path", "the id of the row's kept file, sent likewise"},
    {SCHEMA_SAYING, false, "filename", "path", "the kept file's name, if it is no picture"},
    {SCHEMA_SAYING, false, "link", "path", "where a link leads that goes with the words"},
    {SCHEMA_SAYING, false, "label", "key", "the words on that link"},

    {SCHEMA_CHOICE, true, "choice", "name", "its name, which is the event"},
    {SCHEMA_CHOICE, false, "when", "path", "offered only when there is something there"},

    {SCHEMA_ASK_TEXT, true, "text", "key", "the question"},
    {SCHEMA_ASK_TEXT, true, "as", "name", "the variable that keeps the answer"},
    {SCHEMA_ASK_TEXT, false, "kind", "kind", "what the answer must be"},
    {SCHEMA_ASK_TEXT, false, "optional", "yes_or_no", "it may be skipped"},
    {SCHEMA_ASK_TEXT, false, "min", "count", "characters, at least"},
    {SCHEMA_ASK_TEXT, false, "max", "count", "characters, at most"},

    {SCHEMA_ASK_LIST, true, "list", "key", "the question"},
    {SCHEMA_ASK_LIST, false, "of", "path", "the rows"},
    {SCHEMA_ASK_LIST, false, "as", "name", "the variable that keeps the row's key"},
    {SCHEMA_ASK_LIST, false, "key", "name", "the field that names a row"},
    {SCHEMA_ASK_LIST, false, "row", "key", "the words of a row; those of <row>.hint stand below"},
    {SCHEMA_ASK_LIST, false, "choices", "choices", "rows of their own, after the others"},
    {SCHEMA_ASK_LIST, false, "titles", "key", "a choice is called by the words <titles>.<choice>"},
    {SCHEMA_ASK_LIST, false, "yes", "name", "the choice that a plain yes means; yes where there is one"},
    {SCHEMA_ASK_LIST, false, "no", "name", "the choice that a plain no means; else out"},
    {SCHEMA_ASK_LIST, false, "out", "name", "the choice that no, not now and a bare cancel mean; else no"},
    {SCHEMA_ASK_LIST, false, "label", "key", "the word that opens the list"},
    {SCHEMA_ASK_LIST, false, "carries", "names", "variables that an old tap brings along"},

    {SCHEMA_ASK_BUTTONS, true, "buttons", "key", "the question"},
    {SCHEMA_ASK_BUTTONS, true, "choices", "choices", "up to three"},
    {SCHEMA_ASK_BUTTONS, true, "titles", "key", "a choice is called by the words <titles>.<choice>"},
    {SCHEMA_ASK_BUTTONS, false, "yes", "name", "the choice that a plain yes means; yes where there is one"},
    {SCHEMA_ASK_BUTTONS, false, "no", "name", "the choice that a plain no means; else out"},
    {SCHEMA_ASK_BUTTONS, false, "out", "name", "the choice that no, not now and a bare cancel mean; else no"},
    {SCHEMA_ASK_BUTTONS, false, "carries", "names", "variables that an old tap brings along"},
    {SCHEMA_ASK_BUTTONS, false, "as", "name", "what is typed instead of a tap is kept here"},
    {SCHEMA_ASK_BUTTONS, false, "kind", "kind", "what is typed must be"},
    {SCHEMA_ASK_BUTTONS, false, "max", "count", "characters of what is typed"},

    {SCHEMA_ASK_LINK, true, "link", "key", "what stands above the link"},
    {SCHEMA_ASK_LINK, true, "url", "text", "where it leads"},
    {SCHEMA_ASK_LINK, false, "label", "key", "the button's words"},

    {SCHEMA_ASK_MEDIA, true, "media", "key", "what photos or files are asked for"},
    {SCHEMA_ASK_MEDIA, true, "as", "name", "the variable that keeps them"},
    {SCHEMA_ASK_MEDIA, true, "max", "count", "how many"},
    {SCHEMA_ASK_MEDIA, false, "optional", "yes_or_no", "it may be skipped"},
};
/* clang-format on */

const size_t schema_entries_n = COUNTOF(schema_entries);

/* --- JSON --------------------------------------------------------------------------------- */

static const char *const place_names[SCHEMA_PLACES] = {
    [SCHEMA_FLOW] = "flow",
    [SCHEMA_STATE] = "state",
    [SCHEMA_LOAD] = "one_load",
    [SCHEMA_WAY] = "way",
    [SCHEMA_SAYING] = "saying",
    [SCHEMA_CHOICE] = "choice",
    [SCHEMA_ASK_TEXT] = "ask_text",
    [SCHEMA_ASK_LIST] = "ask_list",
    [SCHEMA_ASK_BUTTONS] = "ask_buttons",
    [SCHEMA_ASK_LINK] = "ask_link",
    [SCHEMA_ASK_MEDIA] = "ask_media",
};

/* Types that are not made of entries. */
static const char *const types[][2] = {
    {"name",      "{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9_]{0,39}$\"}"        },
    {"names",     "{\"anyOf\":[{\"$ref\":\"#/definitions/name\"},{\"type\":\"array\",\"items\":"
              "{\"$ref\":\"#/definitions/name\"}}]}"                          },
    {"yes_or_no", "{\"type\":\"boolean\"}"                                                 },
    {"count",     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":4000}"                  },
    {"text",      "{\"type\":[\"string\",\"integer\",\"boolean\"]}"                        },
    {"key",       "{\"type\":\"string\",\"description\":\"of templates/messages\"}"        },
    {"path",      "{\"type\":\"string\",\"pattern\":\"^[a-z0-9_]+(\\\\.[a-z0-9_]+)*$\"}"   },
    {"need",      "{\"enum\":[\"known\",\"reading\",\"verified\"]}"                        },
    {"bindings",
     "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/definitions/text\"}}"    },
    {"states",    "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":200,"
               "\"additionalProperties\":{\"$ref\":\"#/definitions/state\"}}"},
    {"handlers",
     "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/definitions/ways\"}}"    },
    {"ways",      "{\"anyOf\":[{\"$ref\":\"#/definitions/name\"},{\"$ref\":\"#/definitions/way\"},"
             "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"$ref\":\"#/definitions/name\"},"
             "{\"$ref\":\"#/definitions/way\"}]}}]}"                           },
    {"sayings",
     "{\"anyOf\":[{\"$ref\":\"#/definitions/key\"},{\"$ref\":\"#/definitions/saying\"},"
     "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"$ref\":\"#/definitions/key\"},"
     "{\"$ref\":\"#/definitions/saying\"}]}}]}"                                            },
    {"loads",
     "{\"anyOf\":[{\"$ref\":\"#/definitions/load\"},{\"$ref\":\"#/definitions/one_load\"},"
     "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"$ref\":\"#/definitions/load\"},"
     "{\"$ref\":\"#/definitions/one_load\"}]}}]}"                                          },
    {"choices",   "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"$ref\":\"#/definitions/name\"},"
                "{\"$ref\":\"#/definitions/choice\"}]}}"                    },
    {"ask",
     "{\"anyOf\":[{\"$ref\":\"#/definitions/ask_text\"},{\"$ref\":\"#/definitions/ask_list\"},"
     "{\"$ref\":\"#/definitions/ask_buttons\"},{\"$ref\":\"#/definitions/ask_link\"},"
     "{\"$ref\":\"#/definitions/ask_media\"}]}"                                            },
};

static json_t *reference(const char *type)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "#/definitions/%s", type);
    return json_pack("{s:s}", "$ref", name);
}

static json_t *place_json(enum schema_place place)
{
    json_t *properties = json_object();
    json_t *wanted = json_array();
    json_t *object;

    for (size_t i = 0; i < schema_entries_n; i++) {
        const struct schema_entry *entry = &schema_entries[i];

        if (entry->place != place)
            continue;
        json_object_set_new(properties, entry->name,
                            json_pack("{s:s,s:[o]}", "description", entry->told, "allOf",
                                      reference(entry->type)));
        if (entry->wanted)
            json_array_append_new(wanted, json_string(entry->name));
    }
    object = json_pack("{s:s,s:b,s:o}", "type", "object", "additionalProperties", 0,
                       "properties", properties);
    if (json_array_size(wanted) > 0) {
        json_object_set_new(object, "required", wanted);
    } else {
        json_decref(wanted);
    }
    return object;
}

/* The names of what C offers. */
static json_t *parts_json(enum flow_part_kind kind)
{
    json_t *names = json_array();

    for (size_t i = 0; i < flow_parts_n; i++) {
        if (flow_parts[i].kind == kind)
            json_array_append_new(names, json_string(flow_parts[i].name));
    }
    for (size_t i = 0; kind == FLOW_ACTION && builtin_action_name(i); i++)
        json_array_append_new(names, json_string(builtin_action_name(i)));
    return json_pack("{s:o}", "enum", names);
}

static json_t *names_json(const char *(*name)(size_t i))
{
    json_t *names = json_array();

    for (size_t i = 0; name(i); i++)
        json_array_append_new(names, json_string(name(i)));
    return json_pack("{s:o}", "enum", names);
}

static json_t *definitions(void)
{
    json_t *all = json_object();

    for (size_t i = 0; i < COUNTOF(types); i++)
        json_object_set_new(all, types[i][0], json_loads(types[i][1], 0, NULL));
    for (unsigned place = SCHEMA_STATE; place < SCHEMA_PLACES; place++)
        json_object_set_new(all, place_names[place], place_json((enum schema_place)place));
    json_object_set_new(all, "guard", names_json(guard_kind_name));
    json_object_set_new(all, "kind", names_json(answer_kind_name));
    json_object_set_new(all, "load", parts_json(FLOW_LOAD));
    json_object_set_new(all, "action", parts_json(FLOW_ACTION));
    return all;
}

struct str schema_text(struct arena *into)
{
    OWNED_JSON(schema) = place_json(SCHEMA_FLOW);
    char *text;
    struct str kept;

    json_object_set_new(schema, "$schema",
                        json_string("http://json-schema.org/draft-07/schema#"));
    json_object_set_new(schema, "title", json_string("A flow of Parley: docs/flows.md"));
    json_object_set_new(schema, "definitions", definitions());
    text = json_dumps(schema, JSON_INDENT(1) | JSON_SORT_KEYS);
    kept = arena_format(into, "%s\n", text ? text : "");
    free(text);
    return kept;
}
