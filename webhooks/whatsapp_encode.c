/*
 * A worded reply becomes a request.
 *
 * What is too long is cut, because a shortened sentence is better than silence; what would
 * break (an id, a link, a message without words) is refused, because it is a bug that a person
 * must see. Lengths are counted as Meta counts them, in code points.
 *
 * The key goes along as biz_opaque_callback_data: Meta has no idempotency key, and this is how
 * a status tells us about a message whose answer was lost. So no send is ever repeatable.
 */
#include "webhooks/whatsapp_parts.h"

#define TEXT_MAX          4096
#define LIST_BODY_MAX     4096
#define BODY_MAX          1024 /* buttons and links */
#define CAPTION_MAX       1024
#define HEADER_MAX        60
#define FOOTER_MAX        60
#define BUTTONS_MAX       3
#define BUTTON_TITLE_MAX  20
#define BUTTON_ID_MAX     256
#define ROWS_MAX          10
#define ROW_TITLE_MAX     24
#define ROW_ID_MAX        200
#define DESCRIPTION_MAX   72
#define SECTION_TITLE_MAX 24
#define LABEL_MAX         20
#define FILE_NAME_MAX     240
#define KEY_MAX           512
#define TEMPLATE_NAME_MAX 512
#define TEMPLATE_VALUES   100 /* more than a body of 1024 characters could hold */

struct message_writer {
    struct arena *into;
    json_t *root; /* the message */
    const struct reply *reply;
    struct err *err;
};

/* --- words -------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Titles and template values may not hold line breaks or tabs, nor many spaces in a row. */
static struct str one_line(struct arena *into, struct str text)
{
    char *line = arena_alloc(into, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.at[i])) {
            line[len++] = text.at[i];
        } else if (len > 0 && line[len - 1] != ' ') {
            line[len++] = ' ';
        }
    }
    return str_trim((struct str){line, len});
}

static struct str title(struct arena *into, struct str text, size_t max)
{
    return str_cut(into, one_line(into, text), max);
}

/* White space alone is nothing to say; Meta refuses it too. */
static struct str words(struct arena *into, struct str text, size_t max)
{
    return str_trim(text).len == 0 ? STR_NONE : str_cut(into, text, max);
}

static bool refuse(const struct message_writer *writer, const char *why)
{
    return err_raise(writer->err, ERR_REJECT, "WhatsApp %s: %s",
                     reply_kind_name(writer->reply->kind), why);
}

/* A new object inside another; owned by that. */
static json_t *put_object(json_t *in, const char *name)
{
    json_t *object = json_object();
    (void)json_object_set_new(in, name, object);
    return object;
}

static json_t *put_array(json_t *in, const char *name)
{
    json_t *array = json_array();
    (void)json_object_set_new(in, name, array);
    return array;
}

static json_t *append_object(json_t *array)
{
    json_t *object = json_object();
    (void)json_array_append_new(array, object);
    return object;
}

/* --- kinds -------------------------------------------------------------------------------- */

static bool write_text(struct message_writer *writer)
{
    struct str body = words(writer->into, writer->reply->body, TEXT_MAX);
    if (body.len == 0)
        return refuse(writer, "no words");
    json_set_text(writer->root, "type", STR("text"));
    json_set_text(put_object(writer->root, "text"), "body", body);
    return true;
}

/* What buttons, lists and links have in common; NULL when there are no words. */
static json_t *begin_interactive(struct message_writer *writer, const char *type,
                                 size_t body_max)
{
    struct arena *into = writer->into;
    const struct reply *reply = writer->reply;
    struct str body = words(into, reply->body, body_max);
    struct str header = title(into, reply->header, HEADER_MAX);
    struct str footer = title(into, reply->footer, FOOTER_MAX);
    if (body.len == 0) {
        refuse(writer, "no words");
        return NULL;
    }
    json_set_text(writer->root, "type", STR("interactive"));
    json_t *interactive = put_object(writer->root, "interactive");
    json_set_text(interactive, "type", str_from(type));
    if (header.len > 0) {
        json_t *object = put_object(interactive, "header");
        json_set_text(object, "type", STR("text"));
        json_set_text(object, "text", header);
    }
    json_set_text(put_object(interactive, "body"), "text", body);
    if (footer.len > 0)
        json_set_text(put_object(interactive, "footer"), "text", footer);
    return interactive;
}

static bool check_options(const struct message_writer *writer, size_t max, size_t id_max)
{
    const struct reply *reply = writer->reply;
    if (reply->n_options == 0)
        return refuse(writer, "no options");
    if (reply->n_options > max)
        return refuse(writer, "too many options");
    for (size_t i = 0; i < reply->n_options; i++) {
        struct str id = reply->options[i].id;
        if (id.len == 0 || id.len > id_max)
            return refuse(writer, "an option's id is missing or too long");
        for (size_t j = 0; j < i; j++) {
            if (str_eq(id, reply->options[j].id))
                return refuse(writer, "two options have the same id");
        }
    }
    return true;
}

static bool is_taken(const struct str *titles, size_t n, struct str wanted)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(titles[i], wanted))
            return true;
    }
    return false;
}

/* Meta refuses two buttons that read alike, and cutting can make them so: number them then. */
static struct str button_title(struct arena *into, const struct str *before, size_t n,
                               struct str text)
{
    struct str wanted = title(into, text, BUTTON_TITLE_MAX);
    struct str numbered = wanted;
    for (size_t number = 2; is_taken(before, n, numbered); number++) {
        struct str shorter = str_cut(into, wanted, BUTTON_TITLE_MAX - 2);
        numbered = arena_format(into, "%.*s %zu", STR_ARG(shorter), number);
    }
    return numbered;
}

static bool write_buttons(struct message_writer *writer)
{
    const struct reply *reply = writer->reply;
    struct str titles[BUTTONS_MAX];
    json_t *interactive = begin_interactive(writer, "button", BODY_MAX);
    if (!interactive || !check_options(writer, BUTTONS_MAX, BUTTON_ID_MAX))
        return false;
    json_t *buttons = put_array(put_object(interactive, "action"), "buttons");
    for (size_t i = 0; i < reply->n_options; i++) {
        titles[i] = button_title(writer->into, titles, i, reply->options[i].title);
        if (titles[i].len == 0)
            return refuse(writer, "a button without words");
        json_t *button = append_object(buttons);
        json_set_text(button, "type", STR("reply"));
        json_t *inner = put_object(button, "reply");
        json_set_text(inner, "id", reply->options[i].id);
        json_set_text(inner, "title", titles[i]);
    }
    return true;
}

/* Several sections must all have a title, so a row without one stands with its neighbours. */
static void find_sections(struct arena *into, const struct reply *reply, struct str *sections)
{
    struct str last = STR_NONE;
    for (size_t i = 0; i < reply->n_options && last.len == 0; i++)
        last = title(into, reply->options[i].section, SECTION_TITLE_MAX);
    for (size_t i = 0; i < reply->n_options; i++) {
        struct str own = title(into, reply->options[i].section, SECTION_TITLE_MAX);
        if (own.len > 0)
            last = own;
        sections[i] = last;
    }
}

static bool write_row(struct message_writer *writer, const struct reply_option *option,
                      json_t *rows)
{
    struct str name = title(writer->into, option->title, ROW_TITLE_MAX);
    if (name.len == 0)
        return refuse(writer, "a row without words");
    json_t *row = append_object(rows);
    json_set_text(row, "id", option->id);
    json_set_text(row, "title", name);
    json_set_text(row, "description",
                  title(writer->into, option->description, DESCRIPTION_MAX));
    return true;
}

static bool write_rows(struct message_writer *writer, json_t *action)
{
    const struct reply *reply = writer->reply;
    struct str sections[ROWS_MAX];
    json_t *rows = NULL, *all = put_array(action, "sections");
    find_sections(writer->into, reply, sections);
    for (size_t i = 0; i < reply->n_options; i++) {
        if (i == 0 || !str_eq(sections[i], sections[i - 1])) {
            json_t *section = append_object(all);
            json_set_text(section, "title", sections[i]);
            rows = put_array(section, "rows");
        }
        if (!write_row(writer, &reply->options[i], rows))
            return false;
    }
    return true;
}

static bool write_list(struct message_writer *writer)
{
    struct str label = title(writer->into, writer->reply->label, LABEL_MAX);
    json_t *interactive = begin_interactive(writer, "list", LIST_BODY_MAX);
    if (!interactive || !check_options(writer, ROWS_MAX, ROW_ID_MAX))
        return false;
    if (label.len == 0)
        return refuse(writer, "no label");
    json_t *action = put_object(interactive, "action");
    json_set_text(action, "button", label);
    return write_rows(writer, action);
}

static bool write_link(struct message_writer *writer)
{
    const struct reply *reply = writer->reply;
    struct str label = title(writer->into, reply->label, LABEL_MAX);
    json_t *interactive = begin_interactive(writer, "cta_url", BODY_MAX);
    if (!interactive)
        return false;
    if (label.len == 0)
        return refuse(writer, "no label");
    if (!whatsapp_is_link(reply->url))
        return refuse(writer, "the link is no web address");
    json_t *action = put_object(interactive, "action");
    json_set_text(action, "name", STR("cta_url"));
    json_t *parameters = put_object(action, "parameters");
    json_set_text(parameters, "display_text", label);
    json_set_text(parameters, "url", reply->url);
    return true;
}

/* Media by handle, else by address; words are the caption. */
static bool write_media(struct message_writer *writer, const char *type, struct str filename)
{
    const struct reply *reply = writer->reply;
    if (reply->media.len == 0 && !whatsapp_is_link(reply->url))
        return refuse(writer, "neither a media id nor a web address");
    json_set_text(writer->root, "type", str_from(type));
    json_t *media = put_object(writer->root, type);
    if (reply->media.len > 0) {
        json_set_text(media, "id", reply->media);
    } else {
        json_set_text(media, "link", reply->url);
    }
    json_set_text(media, "caption", words(writer->into, reply->body, CAPTION_MAX));
    json_set_text(media, "filename", title(writer->into, filename, FILE_NAME_MAX));
    return true;
}

static bool write_template_values(struct message_writer *writer, json_t *template)
{
    const struct reply *reply = writer->reply;
    if (reply->n_template_values == 0)
        return true;
    json_t *body = append_object(put_array(template, "components"));
    json_set_text(body, "type", STR("body"));
    json_t *parameters = put_array(body, "parameters");
    for (size_t i = 0; i < reply->n_template_values; i++) {
        struct str value = title(writer->into, reply->template_values[i], BODY_MAX);
        if (value.len == 0)
            return refuse(writer, "a variable is empty");
        json_t *parameter = append_object(parameters);
        json_set_text(parameter, "type", STR("text"));
        json_set_text(parameter, "text", value);
    }
    return true;
}

static bool is_template_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return name.len > 0 && name.len <= TEMPLATE_NAME_MAX;
}

static bool write_template(struct message_writer *writer)
{
    const struct reply *reply = writer->reply;
    if (!is_template_name(reply->template_name))
        return refuse(writer, "its name is none that Meta would give");
    if (reply->template_language.len == 0)
        return refuse(writer, "no language");
    if (reply->n_template_values > TEMPLATE_VALUES)
        return refuse(writer, "too many variables");
    json_set_text(writer->root, "type", STR("template"));
    json_t *template = put_object(writer->root, "template");
    json_set_text(template, "name", reply->template_name);
    json_set_text(put_object(template, "language"), "code", reply->template_language);
    return write_template_values(writer, template);
}

static bool write_content(struct message_writer *writer)
{
    switch (writer->reply->kind) {
    case REPLY_TEXT:
        return write_text(writer);
    case REPLY_BUTTONS:
        return write_buttons(writer);
    case REPLY_LIST:
        return write_list(writer);
    case REPLY_LINK:
        return write_link(writer);
    case REPLY_IMAGE:
        return write_media(writer, "image", STR_NONE);
    case REPLY_DOCUMENT:
        return write_media(writer, "document", writer->reply->filename);
    case REPLY_TEMPLATE:
        return write_template(writer);
    }
    return refuse(writer, "not a kind that WhatsApp has");
}

/* --- the envelope ------------------------------------------------------------------------- */

/* With a number it is used, because some templates need one; else the user id. */
static bool write_envelope(struct message_writer *writer, const struct outbound *message)
{
    const struct person *to = &message->to;
    if (to->phone.len == 0 && to->user_id.len == 0)
        return refuse(writer, "nobody to send to");
    if (message->key.len > KEY_MAX)
        return refuse(writer, "its key is too long");
    json_set_text(writer->root, "messaging_product", STR("whatsapp"));
    json_set_text(writer->root, "recipient_type", STR("individual"));
    if (to->phone.len > 0) {
        json_set_text(writer->root, "to", to->phone);
    } else {
        json_set_text(writer->root, "recipient", to->user_id);
    }
    if (message->context.len > 0)
        json_set_text(put_object(writer->root, "context"), "message_id", message->context);
    json_set_text(writer->root, "biz_opaque_callback_data", message->key);
    return true;
}

bool whatsapp_encode(struct arena *into, const struct whatsapp_sender *sender,
                     const struct outbound *message, struct http_request *request,
                     struct err *err)
{
    OWNED_JSON(root) = json_object();
    struct message_writer writer = {into, root, message->reply, err};
    if (!whatsapp_request(into, sender, "POST", message->account, "/messages", request, err) ||
        !write_envelope(&writer, message) || !write_content(&writer))
        return false;
    request->body = json_write(into, root);
    return true;
}
