#include "webhooks/whatsapp_template.h"

#include "webhooks/whatsapp_parts.h"

/* --- asking for one ----------------------------------------------------------------------- */

static json_t *component(const char *type, struct str text)
{
    json_t *made = json_object();

    json_set_text(made, "type", str_from(type));
    json_set_text(made, "text", text);
    return made;
}

static json_t *body_of(const struct whatsapp_template *template)
{
    json_t *body = component("BODY", template->body), *values = json_array();

    for (size_t i = 0; i < template->n_examples; i++) {
        json_array_append_new(
            values, json_stringn(template->examples[i].at, template->examples[i].len));
    }
    if (template->n_examples > 0) {
        json_object_set_new(body, "example", json_pack("{s:[O]}", "body_text", values));
    }
    json_decref(values);
    return body;
}

static json_t *button_of(const char *type, struct str text)
{
    json_t *button = json_object();

    json_set_text(button, "type", str_from(type));
    json_set_text(button, "text", text);
    return button;
}

/* The link first, and then the replies: where a message has their values, too. */
static json_t *buttons_of(const struct whatsapp_template *template)
{
    json_t *buttons = json_array();

    if (template->button.len > 0) {
        json_t *link = button_of("URL", template->button);
        json_set_text(link, "url", template->url);
        if (template->url_example.len > 0) {
            json_object_set_new(link, "example",
                                json_pack("[o]", json_stringn(template->url_example.at,
                                                              template->url_example.len)));
        }
        json_array_append_new(buttons, link);
    }
    for (size_t i = 0; i < template->n_replies; i++)
        json_array_append_new(buttons, button_of("QUICK_REPLY", template->replies[i]));
    return json_pack("{s:s, s:o}", "type", "BUTTONS", "buttons", buttons);
}

static json_t *components_of(const struct whatsapp_template *template)
{
    json_t *all = json_array();

    if (template->header.len > 0) {
        json_t *header = component("HEADER", template->header);
        json_set_text(header, "format", STR("TEXT"));
        json_array_append_new(all, header);
    }
    json_array_append_new(all, body_of(template));
    if (template->footer.len > 0)
        json_array_append_new(all, component("FOOTER", template->footer));
    if (template->button.len > 0 || template->n_replies > 0)
        json_array_append_new(all, buttons_of(template));
    return all;
}

bool whatsapp_encode_template(struct arena *into, const struct whatsapp_sender *sender,
                              struct str business, const struct whatsapp_template *template,
                              struct http_request *request, struct err *err)
{
    if (!whatsapp_request(into, sender, "POST", business, "/message_templates", request, err))
        return false;
    OWNED_JSON(root) = json_object();
    json_set_text(root, "name", template->name);
    json_set_text(root, "language", template->language);
    json_set_text(root, "category", template->category);
    json_set_text(root, "parameter_format", STR("POSITIONAL"));
    json_object_set_new(root, "components", components_of(template));
    request->body = json_write(into, root);
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

static bool refusal(struct arena *into, const struct http_answer *answer,
                    const json_t *document, struct err *err)
{
    const json_t *error = json_object_in(document, "error");
    struct str why = json_text(into, error, "error_user_msg");
    bool retry = answer->status >= 500 || answer->status == 429;

    if (why.len == 0)
        why = json_text(into, json_object_in(error, "error_data"), "details");
    if (why.len == 0)
        why = json_text(into, error, "message");
    return err_raise(err, retry ? ERR_RETRY : ERR_REJECT, "Meta answers %d: %.*s",
                     answer->status, STR_ARG(str_slice(why, 0, 200)));
}

static bool read_answer(struct arena *into, const struct http_answer *answer, json_t **document,
                        struct err *err)
{
    if (answer->fate != HTTP_ANSWERED)
        return err_raise(err, ERR_RETRY, "Meta cannot be reached");
    if (!json_read(answer->body, document, NULL))
        return err_raise(err, ERR_RETRY, "Meta answers %d, and no JSON", answer->status);
    return answer->status == 200 || refusal(into, answer, *document, err);
}

static void read_buttons(struct arena *into, const json_t *buttons,
                         struct whatsapp_template *template)
{
    struct str *replies = arena_array(into, struct str, json_array_size(buttons) + 1);

    for (size_t i = 0; i < json_array_size(buttons); i++) {
        const json_t *button = json_array_get(buttons, i);
        if (str_eq(json_text(into, button, "type"), STR("URL"))) {
            template->button = json_text(into, button, "text");
            template->url = json_text(into, button, "url");
        } else {
            replies[template->n_replies++] = json_text(into, button, "text");
        }
    }
    template->replies = replies;
}

static void read_component(struct arena *into, const json_t *component,
                           struct whatsapp_template *template)
{
    struct str type = json_text(into, component, "type");

    if (str_eq(type, STR("BODY"))) {
        template->body = json_text(into, component, "text");
    } else if (str_eq(type, STR("HEADER"))) {
        template->header = json_text(into, component, "text");
    } else if (str_eq(type, STR("FOOTER"))) {
        template->footer = json_text(into, component, "text");
    } else if (str_eq(type, STR("BUTTONS"))) {
        read_buttons(into, json_array_in(component, "buttons"), template);
    }
}

static void read_one(struct arena *into, const json_t *item, struct whatsapp_template *template)
{
    const json_t *components = json_array_in(item, "components");

    *template = (struct whatsapp_template){.name = json_text(into, item, "name"),
                                           .language = json_text(into, item, "language"),
                                           .category = json_text(into, item, "category"),
                                           .status = json_text(into, item, "status")};
    for (size_t i = 0; i < json_array_size(components); i++)
        read_component(into, json_array_get(components, i), template);
}

bool whatsapp_read_templates(struct arena *into, const struct http_answer *answer,
                             const struct whatsapp_template **items, size_t *n,
                             struct str *after, struct err *err)
{
    OWNED_JSON(document) = NULL;

    if (!read_answer(into, answer, &document, err))
        return false;
    const json_t *data = json_array_in(document, "data");
    const json_t *paging = json_object_in(document, "paging");
    struct whatsapp_template *read =
        arena_array(into, struct whatsapp_template, json_array_size(data) + 1);
    *n = json_array_size(data);
    for (size_t i = 0; i < *n; i++)
        read_one(into, json_array_get(data, i), &read[i]);
    *items = read;
    *after = *n > 0 && json_object_get(paging, "next")
                 ? json_text(into, json_object_in(paging, "cursors"), "after")
                 : STR_NONE;
    return true;
}

bool whatsapp_read_created(struct arena *into, const struct http_answer *answer,
                           struct whatsapp_template *template, struct err *err)
{
    OWNED_JSON(document) = NULL;

    if (!read_answer(into, answer, &document, err))
        return false;
    template->status = json_text(into, document, "status");
    if (json_text(into, document, "category").len > 0)
        template->category = json_text(into, document, "category");
    return template->status.len > 0 ||
           err_raise(err, ERR_RETRY, "Meta does not say what became of it");
}

static bool same_replies(const struct whatsapp_template *a, const struct whatsapp_template *b)
{
    for (size_t i = 0; i < a->n_replies && i < b->n_replies; i++) {
        if (!str_eq(a->replies[i], b->replies[i]))
            return false;
    }
    return a->n_replies == b->n_replies;
}

bool whatsapp_template_same(const struct whatsapp_template *a,
                            const struct whatsapp_template *b)
{
    return str_eq(str_trim(a->body), str_trim(b->body)) && str_eq(a->header, b->header) &&
           str_eq(a->footer, b->footer) && str_eq(a->button, b->button) &&
           str_eq(a->url, b->url) && same_replies(a, b);
}
