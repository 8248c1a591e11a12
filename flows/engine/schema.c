/* A table of entries, and the little that JSON Schema wants around it. */
#include "flows/engine/schema.h"

#include "bot/base/json.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
const struct schema_entry schema_entries[] = {
    {SCHEMA_FLOW, "flow", "name", "the flow's name, and the file's", true},
    {SCHEMA_FLOW, "starts_on", "names", "intents that begin it, from anywhere", false},
    {SCHEMA_FLOW, "takes", "names", "variables that whoever begins it may give", false},
    {SCHEMA_FLOW, "returns", "yes_or_no", "an aside: what was under way goes on afterwards", false},
    {SCHEMA_FLOW, "needs", "need", "what must be known of the one who writes", false},
    {SCHEMA_FLOW, "initial", "name", "the state in which it begins", true},
    {SCHEMA_FLOW, "states", "states", "by their names", true},

    {SCHEMA_STATE, "load", "loads", "looked up on entering", false},
    {SCHEMA_STATE, "always", "ways", "the first of them whose guard holds is taken at once", false},
    {SCHEMA_STATE, "say", "sayings", "said on entering", false},
    {SCHEMA_STATE, "ask", "ask", "a question; the state waits for its answer", false},
    {SCHEMA_STATE, "on", "handlers", "what follows from each answer", false},
    {SCHEMA_STATE, "after", "handlers", "what follows when nobody answers: one time, such as 30m, and its way", false},
    {SCHEMA_STATE, "action", "action", "done on entering", false},
    {SCHEMA_STATE, "with", "bindings", "what the action, or the flow, is given", false},
    {SCHEMA_STATE, "outcomes", "handlers", "what follows from each outcome of the action", false},
    {SCHEMA_STATE, "call", "name", "another flow, and then back to `target`", false},
    {SCHEMA_STATE, "go", "name", "another flow instead of this one", false},
    {SCHEMA_STATE, "target", "name", "a state; or done, menu, rest, back", false},
    {SCHEMA_STATE, "again", "yes_or_no", "the prompt only reads: its buttons may be tapped at any later time", false},

    {SCHEMA_LOAD, "load", "load", "what is looked up", true},
    {SCHEMA_LOAD, "as", "name", "what it is called here", false},
    {SCHEMA_LOAD, "with", "bindings", "what it is given; else variables of the same name", false},

    {SCHEMA_WAY, "guard", "guard", "the way is taken when it holds", false},
    {SCHEMA_WAY, "of", "path", "the value that the guard asks about", false},
    {SCHEMA_WAY, "to", "text", "what `is` and `is_not` compare with", false},
    {SCHEMA_WAY, "say", "sayings", "said on the way", false},
    {SCHEMA_WAY, "set", "bindings", "variables; \"\" empties one", false},
    {SCHEMA_WAY, "target", "name", "a state; or done, menu, rest, back", false},
    {SCHEMA_WAY, "call", "name", "another flow, and then on to `target`", false},
    {SCHEMA_WAY, "go", "name", "another flow instead of this one", false},
    {SCHEMA_WAY, "action", "action", "done; the state's outcomes answer it", false},
    {SCHEMA_WAY, "with", "bindings", "what the action, or the flow, is given", false},

    {SCHEMA_SAYING, "say", "key", "words, as a paragraph", false},
    {SCHEMA_SAYING, "line", "key", "words, close below what came before", false},
    {SCHEMA_SAYING, "when", "path", "said only when there is something there", false},
    {SCHEMA_SAYING, "each", "path", "said once for each row there", false},
    {SCHEMA_SAYING, "lines", "sayings", "said after each row", false},
    {SCHEMA_SAYING, "image", "path", "the row's picture, which the words stand below", false},

    {SCHEMA_CHOICE, "choice", "name", "its name, which is the event", true},
    {SCHEMA_CHOICE, "when", "path", "offered only when there is something there", false},

    {SCHEMA_ASK_TEXT, "text", "key", "the question", true},
    {SCHEMA_ASK_TEXT, "as", "name", "the variable that keeps the answer", true},
    {SCHEMA_ASK_TEXT, "kind", "kind", "what the answer must be", false},
    {SCHEMA_ASK_TEXT, "optional", "yes_or_no", "it may be skipped", false},
    {SCHEMA_ASK_TEXT, "min", "count", "characters, at least", false},
    {SCHEMA_ASK_TEXT, "max", "count", "characters, at most", false},

    {SCHEMA_ASK_LIST, "list", "key", "the question", true},
    {SCHEMA_ASK_LIST, "of", "path", "the rows", false},
    {SCHEMA_ASK_LIST, "as", "name", "the variable that keeps the row's key", false},
    {SCHEMA_ASK_LIST, "key", "name", "the field that names a row", false},
    {SCHEMA_ASK_LIST, "row", "key", "the words of a row; those of <row>.hint stand below", false},
    {SCHEMA_ASK_LIST, "choices", "choices", "rows of their own, after the others", false},
    {SCHEMA_ASK_LIST, "titles", "key", "a choice is called by the words <titles>.<choice>", false},
    {SCHEMA_ASK_LIST, "label", "key", "the word that opens the list", false},
    {SCHEMA_ASK_LIST, "carries", "names", "variables that an old tap brings along", false},

    {SCHEMA_ASK_BUTTONS, "buttons", "key", "the question", true},
    {SCHEMA_ASK_BUTTONS, "choices", "choices", "up to three", true},
    {SCHEMA_ASK_BUTTONS, "titles", "key", "a choice is called by the words <titles>.<choice>", true},
    {SCHEMA_ASK_BUTTONS, "carries", "names", "variables that an old tap brings along", false},
    {SCHEMA_ASK_BUTTONS, "as", "name", "what is typed instead of a tap is kept here", false},
    {SCHEMA_ASK_BUTTONS, "kind", "kind", "what is typed must be", false},
    {SCHEMA_ASK_BUTTONS, "max", "count", "characters of what is typed", false},

    {SCHEMA_ASK_LINK, "link", "key", "what stands above the link", true},
    {SCHEMA_ASK_LINK, "url", "text", "where it leads", true},
    {SCHEMA_ASK_LINK, "label", "key", "the button's words", false},

    {SCHEMA_ASK_MEDIA, "media", "key", "what photos or files are asked for", true},
    {SCHEMA_ASK_MEDIA, "as", "name", "the variable that keeps them", true},
    {SCHEMA_ASK_MEDIA, "max", "count", "how many", true},
    {SCHEMA_ASK_MEDIA, "optional", "yes_or_no", "it may be skipped", false},
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
    {"kind",      "{\"enum\":[\"words\",\"order_number\",\"number\",\"code\",\"email\",\"contact\","
             "\"date\",\"past_date\",\"amount\",\"tracking\",\"phone\"]}"      },
    {"guard",     "{\"enum\":[\"empty\",\"some\",\"one\",\"many\",\"is\",\"is_not\"]}"     },
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

static const char *const own_actions[] = {"set_language", "ask_for_person", "consent_stop",
                                          "consent_start", "log_out"};

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
    if (json_array_size(wanted) > 0)
        json_object_set_new(object, "required", wanted);
    else
        json_decref(wanted);
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
    for (size_t i = 0; kind == FLOW_ACTION && i < COUNTOF(own_actions); i++)
        json_array_append_new(names, json_string(own_actions[i]));
    return json_pack("{s:o}", "enum", names);
}

static json_t *definitions(void)
{
    json_t *all = json_object();

    for (size_t i = 0; i < COUNTOF(types); i++)
        json_object_set_new(all, types[i][0], json_loads(types[i][1], 0, NULL));
    for (unsigned place = SCHEMA_STATE; place < SCHEMA_PLACES; place++)
        json_object_set_new(all, place_names[place], place_json((enum schema_place)place));
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
