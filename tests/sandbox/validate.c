/*
 * The limits of the Cloud API, written down by hand from the provider's documentation.
 *
 * Every check takes the object and the path that leads to it, so that a finding names its place
 * the way Meta's error_data.details does. The first finding ends the check.
 */
#include "tests/sandbox/validate.h"

#include "bot/base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { META_PARAMETER = 100, META_MISSING = 131008, META_VALUE = 131009, META_TYPE = 131051 };

static bool found(struct finding *finding, int code, const char *format, ...) PRINTF(3, 4);

static bool found(struct finding *finding, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->detail, sizeof(finding->detail), format, args);
    va_end(args);
    finding->code = code;
    return false;
}

static struct str text_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

/* --- members ------------------------------------------------------------------------------ */

/* Only the named members, a NULL-terminated list. */
static bool only(const json_t *object, const char *path, const char *const *known,
                 struct finding *finding)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i]) {
            return found(finding, META_PARAMETER, "Unexpected key \"%.60s\" on param \"%s\".",
                         name, path);
        }
    }
    return true;
}

#define ONLY(object, path, finding, ...)                                                       \
    only((object), (path), (const char *const[]){__VA_ARGS__, NULL}, (finding))

static bool need_object(const json_t *object, const char *path, const char *name,
                        const json_t **value, struct finding *finding)
{
    *value = json_object_get(object, name);
    if (!*value)
        return found(finding, META_MISSING, "The parameter %s['%s'] is required.", path, name);
    if (!json_is_object(*value)) {
        return found(finding, META_PARAMETER, "The parameter %s['%s'] must be an object.", path,
                     name);
    }
    return true;
}

static bool need_array(const json_t *object, const char *path, const char *name, size_t max,
                       const json_t **value, struct finding *finding)
{
    *value = json_object_get(object, name);
    if (!*value)
        return found(finding, META_MISSING, "The parameter %s['%s'] is required.", path, name);
    if (!json_is_array(*value)) {
        return found(finding, META_PARAMETER, "The parameter %s['%s'] must be an array.", path,
                     name);
    }
    size_t n = json_array_size(*value);
    if (n < 1 || n > max) {
        return found(finding, META_VALUE, "%s['%s'] has %zu elements; allowed are 1 to %zu.",
                     path, name, n, max);
    }
    return true;
}

/* A text of 1 to `max` characters; an absent one passes unless it is needed. */
static bool text_in(const json_t *object, const char *path, const char *name, bool needed,
                    size_t max, struct finding *finding)
{
    const json_t *value = json_object_get(object, name);
    if (!value && !needed)
        return true;
    if (!value)
        return found(finding, META_MISSING, "The parameter %s['%s'] is required.", path, name);
    if (!json_is_string(value)) {
        return found(finding, META_PARAMETER, "The parameter %s['%s'] must be a string.", path,
                     name);
    }
    size_t n = str_length(text_of(value));
    if (n < 1 || str_trim(text_of(value)).len < 1)
        return found(finding, META_VALUE, "%s['%s'] must not be empty.", path, name);
    if (n > max) {
        return found(finding, META_VALUE, "%s['%s'] has %zu characters; the limit is %zu.",
                     path, name, n, max);
    }
    return true;
}

static bool one_of(const json_t *object, const char *path, const char *name,
                   const char *const *words, struct finding *finding)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (!value)
        return found(finding, META_MISSING, "The parameter %s['%s'] is required.", path, name);
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], value) == 0)
            return true;
    }
    return found(finding, META_VALUE, "%s['%s'] is not one of the allowed values.", path, name);
}

#define ONE_OF(object, path, name, finding, ...)                                               \
    one_of((object), (path), (name), (const char *const[]){__VA_ARGS__, NULL}, (finding))

static bool is_url(struct str text)
{
    bool scheme = str_starts(text, STR("https://")) || str_starts(text, STR("http://"));
    return scheme && text.len <= 2000 && str_find(text, STR(" ")) == text.len &&
           str_length(text) > 8;
}

static bool url_in(const json_t *object, const char *path, const char *name,
                   struct finding *finding)
{
    if (!text_in(object, path, name, true, 2000, finding))
        return false;
    if (!is_url(text_of(json_object_get(object, name))))
        return found(finding, META_VALUE, "%s['%s'] is not a valid URL.", path, name);
    return true;
}

/* --- addresses ---------------------------------------------------------------------------- */

static bool is_phone(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] >= '0' && text.at[i] <= '9') {
            digits++;
        } else if (i != 0 || text.at[i] != '+') {
            return false;
        }
    }
    return digits >= 5 && digits <= 15;
}

/* A business-scoped user id: two letters, a dot, up to 128 letters and digits ("US.ENT.118"
 * is the parent's form). */
static bool is_user_id(struct str text)
{
    if (text.len < 4 || text.len > 140 || text.at[2] != '.')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool other = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
        if (!upper && (i < 2 || !other))
            return false;
    }
    return true;
}

static bool check_recipient(const json_t *body, struct finding *finding)
{
    const json_t *to = json_object_get(body, "to");
    const json_t *recipient = json_object_get(body, "recipient");
    if (!to && !recipient)
        return found(finding, META_MISSING, "The parameter to is required.");
    if (to && (!json_is_string(to) || !is_phone(text_of(to))))
        return found(finding, META_VALUE, "to is not a valid phone number.");
    if (recipient && (!json_is_string(recipient) || !is_user_id(text_of(recipient))))
        return found(finding, META_VALUE, "recipient is not a valid user id.");
    const json_t *type = json_object_get(body, "recipient_type");
    if (type &&
        strcmp(json_string_value(type) ? json_string_value(type) : "", "individual") != 0)
        return found(finding, META_VALUE, "recipient_type must be individual.");
    return true;
}

/* --- kinds of message --------------------------------------------------------------------- */

static bool check_text(const json_t *text, struct finding *finding)
{
    const json_t *preview = json_object_get(text, "preview_url");
    if (!ONLY(text, "text", finding, "body", "preview_url"))
        return false;
    if (preview && !json_is_boolean(preview))
        return found(finding, META_PARAMETER, "text['preview_url'] must be a boolean.");
    return text_in(text, "text", "body", true, 4096, finding);
}

/* Either an id of uploaded media or a link, never both. */
static bool check_media(const json_t *media, const char *kind, struct finding *finding)
{
    const json_t *id = json_object_get(media, "id");
    const json_t *link = json_object_get(media, "link");
    bool captioned = strcmp(kind, "audio") != 0 && strcmp(kind, "sticker") != 0;
    bool named = strcmp(kind, "document") == 0;
    if (!ONLY(media, kind, finding, "id", "link", captioned ? "caption" : "id",
              named ? "filename" : "id", strcmp(kind, "audio") == 0 ? "voice" : "id"))
        return false;
    if (!id == !link)
        return found(finding, META_PARAMETER, "%s needs either id or link.", kind);
    if (id && !text_in(media, kind, "id", true, 128, finding))
        return false;
    if (link && !url_in(media, kind, "link", finding))
        return false;
    return text_in(media, kind, "filename", false, 240, finding) &&
           text_in(media, kind, "caption", false, 1024, finding);
}

static bool is_coordinate(const json_t *value, double limit)
{
    double number = json_number_value(value);
    if (json_is_string(value)) {
        char *end = NULL;
        number = strtod(json_string_value(value), &end);
        if (end == json_string_value(value) || *end)
            return false;
    } else if (!json_is_number(value)) {
        return false;
    }
    return number >= -limit && number <= limit;
}

static bool check_location(const json_t *location, struct finding *finding)
{
    if (!ONLY(location, "location", finding, "latitude", "longitude", "name", "address"))
        return false;
    if (!is_coordinate(json_object_get(location, "latitude"), 90))
        return found(finding, META_VALUE, "location['latitude'] is not valid.");
    if (!is_coordinate(json_object_get(location, "longitude"), 180))
        return found(finding, META_VALUE, "location['longitude'] is not valid.");
    return text_in(location, "location", "name", false, 1000, finding) &&
           text_in(location, "location", "address", false, 1000, finding);
}

static bool check_reaction(const json_t *reaction, struct finding *finding)
{
    const json_t *emoji = json_object_get(reaction, "emoji");
    if (!ONLY(reaction, "reaction", finding, "message_id", "emoji"))
        return false;
    if (!json_is_string(emoji)) /* an empty one takes the reaction back */
        return found(finding, META_MISSING, "The parameter reaction['emoji'] is required.");
    return text_in(reaction, "reaction", "message_id", true, 512, finding);
}

static bool check_contacts(const json_t *body, struct finding *finding)
{
    const json_t *contacts;
    size_t i;
    json_t *contact;
    if (!need_array(body, "body", "contacts", 257, &contacts, finding))
        return false;
    json_array_foreach((json_t *)contacts, i, contact)
    {
        const json_t *name;
        if (!json_is_object(contact))
            return found(finding, META_PARAMETER, "contacts[%zu] must be an object.", i);
        if (!need_object(contact, "contacts", "name", &name, finding) ||
            !text_in(name, "contacts['name']", "formatted_name", true, 1000, finding))
            return false;
    }
    return true;
}

/* --- interactive messages ----------------------------------------------------------------- */

static bool check_header(const json_t *interactive, bool text_only, struct finding *finding)
{
    const json_t *header = json_object_get(interactive, "header");
    const char *path = "interactive['header']";
    if (!header)
        return true;
    if (!json_is_object(header))
        return found(finding, META_PARAMETER, "%s must be an object.", path);
    if (!ONE_OF(header, path, "type", finding, "text", "image", "video", "document"))
        return false;
    const char *type = json_string_value(json_object_get(header, "type"));
    if (!ONLY(header, path, finding, "type", type))
        return false;
    if (strcmp(type, "text") == 0)
        return text_in(header, path, "text", true, 60, finding);
    if (text_only)
        return found(finding, META_VALUE, "%s of a list must be text.", path);
    const json_t *media;
    return need_object(header, path, type, &media, finding) &&
           check_media(media, type, finding);
}

static bool check_frame(const json_t *interactive, size_t body_max, bool text_only,
                        struct finding *finding)
{
    const json_t *body;
    const json_t *footer = json_object_get(interactive, "footer");
    if (!need_object(interactive, "interactive", "body", &body, finding) ||
        !ONLY(body, "interactive['body']", finding, "text") ||
        !text_in(body, "interactive['body']", "text", true, body_max, finding))
        return false;
    if (footer && (!ONLY(footer, "interactive['footer']", finding, "text") ||
                   !text_in(footer, "interactive['footer']", "text", true, 60, finding)))
        return false;
    return check_header(interactive, text_only, finding);
}

/* Whether element `i` has the same member `name` as an earlier one. */
static bool repeats(const json_t *array, size_t i, const char *inner, const char *name)
{
    for (size_t k = 0; k < i; k++) {
        const json_t *a = json_array_get(array, i);
        const json_t *b = json_array_get(array, k);
        if (inner) {
            a = json_object_get(a, inner);
            b = json_object_get(b, inner);
        }
        if (json_equal(json_object_get(a, name), json_object_get(b, name)))
            return true;
    }
    return false;
}

static bool check_buttons(const json_t *action, struct finding *finding)
{
    const json_t *buttons;
    size_t i;
    json_t *button;
    const char *path = "interactive['action']['buttons']";
    if (!ONLY(action, "interactive['action']", finding, "buttons") ||
        !need_array(action, "interactive['action']", "buttons", 3, &buttons, finding))
        return false;
    json_array_foreach((json_t *)buttons, i, button)
    {
        const json_t *reply;
        if (!ONLY(button, path, finding, "type", "reply") ||
            !ONE_OF(button, path, "type", finding, "reply") ||
            !need_object(button, path, "reply", &reply, finding) ||
            !ONLY(reply, path, finding, "id", "title") ||
            !text_in(reply, path, "id", true, 256, finding) ||
            !text_in(reply, path, "title", true, 20, finding))
            return false;
        if (repeats(buttons, i, "reply", "id") || repeats(buttons, i, "reply", "title"))
            return found(finding, META_VALUE, "%s: ids and titles must be unique.", path);
    }
    return true;
}

static bool check_row(const json_t *rows, size_t i, json_t *ids, struct finding *finding)
{
    const json_t *row = json_array_get(rows, i);
    const char *path = "interactive['action']['sections']['rows']";
    if (!json_is_object(row))
        return found(finding, META_PARAMETER, "%s must hold objects.", path);
    if (!ONLY(row, path, finding, "id", "title", "description") ||
        !text_in(row, path, "id", true, 200, finding) ||
        !text_in(row, path, "title", true, 24, finding) ||
        !text_in(row, path, "description", false, 72, finding))
        return false;
    const char *id = json_string_value(json_object_get(row, "id"));
    if (json_object_get(ids, id))
        return found(finding, META_VALUE, "%s: ids must be unique.", path);
    json_object_set_new(ids, id, json_true());
    return true;
}

static bool check_sections(const json_t *sections, json_t *ids, struct finding *finding)
{
    size_t i;
    size_t k;
    json_t *section;
    json_t *row;
    const char *path = "interactive['action']['sections']";
    json_array_foreach((json_t *)sections, i, section)
    {
        const json_t *rows;
        if (!json_is_object(section))
            return found(finding, META_PARAMETER, "%s must hold objects.", path);
        if (!ONLY(section, path, finding, "title", "rows") ||
            !text_in(section, path, "title", json_array_size(sections) > 1, 24, finding) ||
            !need_array(section, path, "rows", 10, &rows, finding))
            return false;
        json_array_foreach((json_t *)rows, k,
                           row) if (!check_row(rows, k, ids, finding)) return false;
    }
    if (json_object_size(ids) > 10)
        return found(finding, META_VALUE, "%s: total row count exceeds 10.", path);
    return true;
}

static bool check_list(const json_t *action, struct finding *finding)
{
    const json_t *sections;
    const char *path = "interactive['action']";
    if (!ONLY(action, path, finding, "button", "sections") ||
        !text_in(action, path, "button", true, 20, finding) ||
        !need_array(action, path, "sections", 10, &sections, finding))
        return false;
    json_t *ids = json_object();
    bool ok = check_sections(sections, ids, finding);
    json_decref(ids);
    return ok;
}

static bool check_cta(const json_t *action, struct finding *finding)
{
    const json_t *parameters;
    const char *path = "interactive['action']['parameters']";
    return ONLY(action, "interactive['action']", finding, "name", "parameters") &&
           ONE_OF(action, "interactive['action']", "name", finding, "cta_url") &&
           need_object(action, "interactive['action']", "parameters", &parameters, finding) &&
           ONLY(parameters, path, finding, "display_text", "url") &&
           text_in(parameters, path, "display_text", true, 20, finding) &&
           url_in(parameters, path, "url", finding);
}

static bool check_location_request(const json_t *action, struct finding *finding)
{
    return ONLY(action, "interactive['action']", finding, "name") &&
           ONE_OF(action, "interactive['action']", "name", finding, "send_location");
}

static const struct interactive_kind {
    const char *type;
    size_t body_max;
    bool (*check)(const json_t *action, struct finding *finding);
} interactive_kinds[] = {
    {"button",                   1024, check_buttons         },
    {"list",                     4096, check_list            },
    {"cta_url",                  1024, check_cta             },
    {"location_request_message", 1024, check_location_request},
};

static bool check_interactive(const json_t *interactive, struct finding *finding)
{
    const char *type = json_string_value(json_object_get(interactive, "type"));
    if (!ONLY(interactive, "interactive", finding, "type", "header", "body", "footer",
              "action"))
        return false;
    for (size_t i = 0; type && i < COUNTOF(interactive_kinds); i++) {
        const struct interactive_kind *kind = &interactive_kinds[i];
        const json_t *action;
        if (strcmp(kind->type, type) != 0)
            continue;
        return check_frame(interactive, kind->body_max, strcmp(type, "list") == 0, finding) &&
               need_object(interactive, "interactive", "action", &action, finding) &&
               kind->check(action, finding);
    }
    return found(finding, type ? META_VALUE : META_MISSING,
                 "interactive['type'] is missing or not supported.");
}

/* --- templates ---------------------------------------------------------------------------- */

static bool check_parameter(const json_t *parameter, struct finding *finding)
{
    const char *path = "template['components']['parameters']";
    if (!json_is_object(parameter))
        return found(finding, META_PARAMETER, "%s must hold objects.", path);
    if (!ONE_OF(parameter, path, "type", finding, "text", "currency", "date_time", "image",
                "document", "video", "location", "payload", "coupon_code", "action"))
        return false;
    const char *type = json_string_value(json_object_get(parameter, "type"));
    const json_t *media;
    if (strcmp(type, "text") == 0)
        return text_in(parameter, path, "text", true, 1024, finding);
    if (strcmp(type, "payload") == 0)
        return text_in(parameter, path, "payload", true, 128, finding);
    if (strcmp(type, "image") == 0 || strcmp(type, "document") == 0 ||
        strcmp(type, "video") == 0) {
        return need_object(parameter, path, type, &media, finding) &&
               check_media(media, type, finding);
    }
    return true;
}

static bool check_component(const json_t *component, struct finding *finding)
{
    const char *path = "template['components']";
    size_t i;
    json_t *parameter;
    if (!json_is_object(component))
        return found(finding, META_PARAMETER, "%s must hold objects.", path);
    if (!ONLY(component, path, finding, "type", "sub_type", "index", "parameters") ||
        !ONE_OF(component, path, "type", finding, "header", "body", "button", "HEADER", "BODY",
                "BUTTON"))
        return false;
    if (strcasecmp(json_string_value(json_object_get(component, "type")), "button") == 0 &&
        (!json_object_get(component, "sub_type") || !json_object_get(component, "index")))
        return found(finding, META_MISSING, "%s: a button needs sub_type and index.", path);
    json_array_foreach(json_object_get(component, "parameters"), i,
                       parameter) if (!check_parameter(parameter, finding)) return false;
    return true;
}

static bool is_template_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return name.len > 0 && name.len <= 512;
}

static bool check_template(const json_t *template, struct finding *finding)
{
    const json_t *language;
    size_t i;
    json_t *component;
    if (!ONLY(template, "template", finding, "name", "language", "components") ||
        !text_in(template, "template", "name", true, 512, finding) ||
        !need_object(template, "template", "language", &language, finding) ||
        !text_in(language, "template['language']", "code", true, 16, finding))
        return false;
    if (!is_template_name(text_of(json_object_get(template, "name"))))
        return found(finding, META_VALUE, "template['name'] is not a template's name.");
    json_array_foreach(json_object_get(template, "components"), i,
                       component) if (!check_component(component, finding)) return false;
    return true;
}

/* --- the whole ---------------------------------------------------------------------------- */

static const char *const media_kinds[] = {"image", "document", "video", "audio", "sticker"};

static bool check_content(const json_t *body, const char *type, struct finding *finding)
{
    const json_t *content;
    if (strcmp(type, "contacts") == 0)
        return check_contacts(body, finding);
    if (!need_object(body, "body", type, &content, finding))
        return false;
    if (strcmp(type, "text") == 0)
        return check_text(content, finding);
    if (strcmp(type, "interactive") == 0)
        return check_interactive(content, finding);
    if (strcmp(type, "template") == 0)
        return check_template(content, finding);
    if (strcmp(type, "location") == 0)
        return check_location(content, finding);
    if (strcmp(type, "reaction") == 0)
        return check_reaction(content, finding);
    return check_media(content, type, finding);
}

static bool is_known_type(const char *type)
{
    static const char *const others[] = {"text",     "interactive", "template",
                                         "location", "reaction",    "contacts"};
    for (size_t i = 0; i < COUNTOF(media_kinds); i++) {
        if (strcmp(media_kinds[i], type) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNTOF(others); i++) {
        if (strcmp(others[i], type) == 0)
            return true;
    }
    return false;
}

static bool check_product(const json_t *body, struct finding *finding)
{
    const char *product = json_string_value(json_object_get(body, "messaging_product"));
    if (!product || strcmp(product, "whatsapp") != 0)
        return found(finding, META_PARAMETER, "The parameter messaging_product is required.");
    return true;
}

static bool check_receipt(const json_t *body, struct finding *finding)
{
    const json_t *typing = json_object_get(body, "typing_indicator");
    if (!ONLY(body, "body", finding, "messaging_product", "status", "message_id",
              "typing_indicator") ||
        !ONE_OF(body, "body", "status", finding, "read") ||
        !text_in(body, "body", "message_id", true, 512, finding))
        return false;
    return !typing || ONE_OF(typing, "typing_indicator", "type", finding, "text");
}

static bool check_context(const json_t *body, struct finding *finding)
{
    const json_t *context = json_object_get(body, "context");
    if (!context)
        return true;
    return ONLY(context, "context", finding, "message_id") &&
           text_in(context, "context", "message_id", true, 512, finding);
}

bool validate_is_receipt(const json_t *body)
{
    return json_object_get(body, "status") != NULL;
}

bool validate_message(const json_t *body, struct finding *finding)
{
    *finding = (struct finding){0};
    if (!json_is_object(body))
        return found(finding, META_PARAMETER, "The body must be a JSON object.");
    if (!check_product(body, finding))
        return false;
    if (validate_is_receipt(body))
        return check_receipt(body, finding);
    const json_t *given = json_object_get(body, "type");
    const char *type = given ? json_string_value(given) : "text";
    if (!type || !is_known_type(type))
        return found(finding, META_TYPE, "Message type is currently not supported.");
    return ONLY(body, "body", finding, "messaging_product", "recipient_type", "to", "recipient",
                "type", "context", "biz_opaque_callback_data", type) &&
           check_recipient(body, finding) && check_context(body, finding) &&
           text_in(body, "body", "biz_opaque_callback_data", false, 512, finding) &&
           check_content(body, type, finding);
}

bool validate_template(const json_t *body, struct finding *finding)
{
    const json_t *components;
    *finding = (struct finding){0};
    if (!text_in(body, "body", "name", true, 512, finding) ||
        !text_in(body, "body", "language", true, 16, finding) ||
        !ONE_OF(body, "body", "category", finding, "AUTHENTICATION", "MARKETING", "UTILITY") ||
        !need_array(body, "body", "components", 10, &components, finding))
        return false;
    if (!is_template_name(text_of(json_object_get(body, "name"))))
        return found(finding, META_VALUE, "name may hold a-z, 0-9 and _ only.");
    return true;
}
