/*
 * Templates as Meta keeps them: looked at for a moment, then approved, or rejected when the
 * name says "reject"; one that says "promo" becomes marketing. Of what was decided the service
 * hears by webhook. From the first template on, messages are held against those that there are,
 * and the phone page shows their words.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <stdlib.h>
#include <string.h>

#define REVIEW (300 * USEC_PER_MSEC)

static bool says(const json_t *template, const char *word)
{
    const char *name = json_string_value(json_object_get(template, "name"));

    return name && strstr(name, word);
}

static json_t *news_of(const json_t *template)
{
    return json_pack(
        "{s:I, s:O, s:O}", "message_template_id",
        (json_int_t)strtoll(json_string_value(json_object_get(template, "id")), NULL, 10),
        "message_template_name", json_object_get(template, "name"), "message_template_language",
        json_object_get(template, "language"));
}

static void owe_news(struct sandbox *sandbox, const json_t *template, usec_t due)
{
    json_t *status = news_of(template);

    json_object_set_new(status, "event",
                        json_string(says(template, "reject") ? "REJECTED" : "APPROVED"));
    json_object_set_new(status, "reason",
                        json_string(says(template, "reject") ? "INVALID_FORMAT" : "NONE"));
    callbacks_news(sandbox, "message_template_status_update", status, due);
    if (!says(template, "promo"))
        return;
    json_t *category = news_of(template);
    json_object_set(category, "previous_category", json_object_get(template, "category"));
    json_object_set_new(category, "new_category", json_string("MARKETING"));
    callbacks_news(sandbox, "template_category_update", category, due);
}

void templates_add(struct sandbox *sandbox, json_t *template)
{
    usec_t due = clock_now() + REVIEW;

    json_object_set_new(template, "status", json_string("PENDING"));
    json_object_set_new(template, "due", json_integer(due));
    json_array_append(sandbox->templates, template);
    owe_news(sandbox, template, due);
}

void templates_settle(struct sandbox *sandbox)
{
    json_t *template;
    size_t i;

    json_array_foreach(sandbox->templates, i, template)
    {
        const json_t *due = json_object_get(template, "due");
        if (!due || json_integer_value(due) > clock_now())
            continue;
        json_object_del(template, "due");
        json_object_set_new(template, "status",
                            json_string(says(template, "reject") ? "REJECTED" : "APPROVED"));
        if (says(template, "promo"))
            json_object_set_new(template, "category", json_string("MARKETING"));
    }
}

const json_t *templates_find(const struct sandbox *sandbox, struct str name,
                             struct str language)
{
    json_t *template;
    size_t i;

    json_array_foreach(sandbox->templates, i, template)
    {
        if (str_eq(text_in(template, "name"), name) &&
            str_eq(text_in(template, "language"), language))
            return template;
    }
    return NULL;
}

/* --- held against a message --------------------------------------------------------------- */

static const json_t *component_of(const json_t *components, const char *type)
{
    json_t *component;
    size_t i;

    json_array_foreach(components, i, component)
    {
        struct str given = text_in(component, "type");
        if (given.len == strlen(type) && strncasecmp(given.at, type, given.len) == 0)
            return component;
    }
    return NULL;
}

static size_t holes_in(struct str text)
{
    size_t n = 0, at;

    while ((at = str_find(text, STR("{{"))) < text.len) {
        text = str_slice(text, at + 2, text.len);
        n++;
    }
    return n;
}

static bool has_break(const json_t *parameters)
{
    json_t *parameter;
    size_t i;

    json_array_foreach(parameters, i, parameter)
    {
        struct str text = text_in(parameter, "text");
        if (str_find(text, STR("\n")) < text.len || str_find(text, STR("\t")) < text.len ||
            str_find(text, STR("     ")) < text.len)
            return true;
    }
    return false;
}

/* What a button of the message needs: a link's end, where its address has one; what a reply
 * says. */
static size_t buttons_asked(const json_t *template)
{
    const json_t *buttons = json_object_get(
        component_of(json_object_get(template, "components"), "buttons"), "buttons");
    size_t n = 0, i;
    json_t *button;

    json_array_foreach(buttons, i, button)
    {
        n += str_eq(text_in(button, "type"), STR("URL"))
                 ? holes_in(text_in(button, "url")) > 0
                 : !str_eq(text_in(button, "type"), STR("PHONE_NUMBER"));
    }
    return n;
}

static size_t buttons_given(const json_t *sent)
{
    json_t *component;
    size_t n = 0, i;

    json_array_foreach(json_object_get(sent, "components"), i, component)
    {
        n += str_eq(text_in(component, "type"), STR("button"));
    }
    return n;
}

int templates_wrong(struct sandbox *sandbox, const json_t *sent)
{
    struct str language = text_in(json_object_get(sent, "language"), "code");
    const json_t *parameters = json_object_get(
        component_of(json_object_get(sent, "components"), "body"), "parameters");

    if (has_break(parameters))
        return 132012;
    if (json_array_size(sandbox->templates) == 0)
        return 0;
    templates_settle(sandbox);
    const json_t *template = templates_find(sandbox, text_in(sent, "name"), language);
    struct str status = text_in(template, "status");
    if (str_eq(status, STR("PAUSED")))
        return 132015;
    if (!str_eq(status, STR("APPROVED")))
        return 132001;
    const json_t *body = component_of(json_object_get(template, "components"), "body");
    return json_array_size(parameters) == holes_in(text_in(body, "text")) &&
                   buttons_given(sent) == buttons_asked(template)
               ? 0
               : 132000;
}

/* --- as it is read ------------------------------------------------------------------------ */

/* The value for "1" or for a name. */
static struct str value_of(const json_t *parameters, struct str hole)
{
    int64_t n = 0;
    json_t *parameter;
    size_t i;

    if (str_to_int(hole, &n) && n > 0)
        return text_in(json_array_get(parameters, (size_t)n - 1), "text");
    json_array_foreach(parameters, i, parameter)
    {
        if (str_eq(text_in(parameter, "parameter_name"), hole))
            return text_in(parameter, "text");
    }
    return STR_NONE;
}

struct str templates_words(const struct sandbox *sandbox, struct arena *into,
                           const json_t *sent)
{
    const json_t *template = templates_find(sandbox, text_in(sent, "name"),
                                            text_in(json_object_get(sent, "language"), "code"));
    struct str rest =
        text_in(component_of(json_object_get(template, "components"), "body"), "text");
    const json_t *parameters = json_object_get(
        component_of(json_object_get(sent, "components"), "body"), "parameters");
    struct str words = STR_NONE;

    while (rest.len > 0) {
        size_t open = str_find(rest, STR("{{"));
        struct str hole = str_slice(rest, open + 2, rest.len);
        size_t close = str_find(hole, STR("}}"));
        if (close >= hole.len)
            return arena_concat(into, words, rest);
        words = arena_concat(into, words, str_slice(rest, 0, open),
                             value_of(parameters, str_slice(hole, 0, close)));
        rest = str_slice(hole, close + 2, hole.len);
    }
    return words;
}
