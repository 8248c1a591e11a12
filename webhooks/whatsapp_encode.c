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

#include "bot/base/json_out.h"

#define TEXT_MAX             4096
#define LIST_BODY_MAX        4096
#define TEMPLATE_REPLIES_MAX 9    /* of ten buttons, beside a link */
#define BODY_MAX             1024 /* buttons and links */
#define CAPTION_MAX          1024
#define HEADER_MAX           60
#define FOOTER_MAX           60
#define BUTTONS_MAX          3
#define BUTTON_TITLE_MAX     20
#define BUTTON_ID_MAX        256
#define ROWS_MAX             10
#define ROW_TITLE_MAX        24
#define ROW_ID_MAX           200
#define DESCRIPTION_MAX      72
#define SECTION_TITLE_MAX    24
#define LABEL_MAX            20
#define FILE_NAME_MAX        240
#define KEY_MAX              512
#define TEMPLATE_NAME_MAX    512
#define CODE_MAX             15
#define TEMPLATE_VALUES      100 /* more than a body of 1024 characters could hold */

struct message_writer {
    struct arena *into;
    struct json_out out; /* the message, an object that is open */
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

/* --- kinds -------------------------------------------------------------------------------- */

static bool write_text(struct message_writer *writer)
{
    struct str body = words(writer->into, writer->reply->body, TEXT_MAX);
    if (body.len == 0)
        return refuse(writer, "no words");
    json_member(&writer->out, "type", STR("text"));
    json_open_in(&writer->out, "text", '{');
    json_member(&writer->out, "body", body);
    json_close(&writer->out, '}');
    return true;
}

/* What buttons, lists and links have in common; leaves "interactive" open for their action. */
static bool begin_interactive(struct message_writer *writer, const char *type, size_t body_max)
{
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    struct str body = words(writer->into, reply->body, body_max);
    struct str header = title(writer->into, reply->header, HEADER_MAX);
    struct str footer = title(writer->into, reply->footer, FOOTER_MAX);
    if (body.len == 0)
        return refuse(writer, "no words");
    json_member(out, "type", STR("interactive"));
    json_open_in(out, "interactive", '{');
    json_member(out, "type", str_from(type));
    if (header.len > 0) {
        json_open_in(out, "header", '{');
        json_member(out, "type", STR("text"));
        json_member(out, "text", header);
        json_close(out, '}');
    }
    json_open_in(out, "body", '{');
    json_member(out, "text", body);
    json_close(out, '}');
    if (footer.len > 0) {
        json_open_in(out, "footer", '{');
        json_member(out, "text", footer);
        json_close(out, '}');
    }
    json_open_in(out, "action", '{');
    return true;
}

static void end_interactive(struct message_writer *writer)
{
    json_close(&writer->out, '}'); /* action */
    json_close(&writer->out, '}'); /* interactive */
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
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    struct str titles[BUTTONS_MAX];
    if (!check_options(writer, BUTTONS_MAX, BUTTON_ID_MAX) ||
        !begin_interactive(writer, "button", BODY_MAX))
        return false;
    json_open_in(out, "buttons", '[');
    for (size_t i = 0; i < reply->n_options; i++) {
        titles[i] = button_title(writer->into, titles, i, reply->options[i].title);
        if (titles[i].len == 0)
            return refuse(writer, "a button without words");
        json_open(out, '{');
        json_member(out, "type", STR("reply"));
        json_open_in(out, "reply", '{');
        json_member(out, "id", reply->options[i].id);
        json_member(out, "title", titles[i]);
        json_close(out, '}');
        json_close(out, '}');
    }
    json_close(out, ']');
    end_interactive(writer);
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

static bool write_row(struct message_writer *writer, const struct reply_option *option)
{
    struct json_out *out = &writer->out;
    struct str name = title(writer->into, option->title, ROW_TITLE_MAX);
    if (name.len == 0)
        return refuse(writer, "a row without words");
    json_open(out, '{');
    json_member(out, "id", option->id);
    json_member(out, "title", name);
    json_member(out, "description", title(writer->into, option->description, DESCRIPTION_MAX));
    json_close(out, '}');
    return true;
}

static void begin_section(struct json_out *out, struct str name)
{
    json_open(out, '{');
    json_member(out, "title", name);
    json_open_in(out, "rows", '[');
}

static void end_section(struct json_out *out)
{
    json_close(out, ']');
    json_close(out, '}');
}

static bool write_rows(struct message_writer *writer)
{
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    struct str sections[ROWS_MAX] = {{0}};
    find_sections(writer->into, reply, sections);
    json_open_in(out, "sections", '[');
    begin_section(out, sections[0]);
    for (size_t i = 0; i < reply->n_options; i++) {
        if (i > 0 && !str_eq(sections[i], sections[i - 1])) {
            end_section(out);
            begin_section(out, sections[i]);
        }
        if (!write_row(writer, &reply->options[i]))
            return false;
    }
    end_section(out);
    json_close(out, ']');
    return true;
}

static bool write_list(struct message_writer *writer)
{
    struct str label = title(writer->into, writer->reply->label, LABEL_MAX);
    if (!check_options(writer, ROWS_MAX, ROW_ID_MAX) ||
        !begin_interactive(writer, "list", LIST_BODY_MAX))
        return false;
    if (label.len == 0)
        return refuse(writer, "no label");
    json_member(&writer->out, "button", label);
    if (!write_rows(writer))
        return false;
    end_interactive(writer);
    return true;
}

static bool write_link(struct message_writer *writer)
{
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    struct str label = title(writer->into, reply->label, LABEL_MAX);
    if (!begin_interactive(writer, "cta_url", BODY_MAX))
        return false;
    if (label.len == 0)
        return refuse(writer, "no label");
    if (!whatsapp_is_link(reply->url))
        return refuse(writer, "the link is no web address");
    json_member(out, "name", STR("cta_url"));
    json_open_in(out, "parameters", '{');
    json_member(out, "display_text", label);
    json_member(out, "url", reply->url);
    json_close(out, '}');
    end_interactive(writer);
    return true;
}

/* Media by handle, else by address; words are the caption. */
static bool write_media(struct message_writer *writer, const char *type, struct str filename)
{
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    if (reply->media.len == 0 && !whatsapp_is_link(reply->url))
        return refuse(writer, "neither a media id nor a web address");
    json_member(out, "type", str_from(type));
    json_open_in(out, type, '{');
    if (reply->media.len > 0) {
        json_member(out, "id", reply->media);
    } else {
        json_member(out, "link", reply->url);
    }
    json_member(out, "caption", words(writer->into, reply->body, CAPTION_MAX));
    json_member(out, "filename", title(writer->into, filename, FILE_NAME_MAX));
    json_close(out, '}');
    return true;
}

/* A button of a template takes one text: an address's end (a code is one to Meta, too), or what
 * comes back when it is tapped. */
static void write_button(struct json_out *out, const char *kind, size_t index, const char *type,
                         struct str text)
{
    char number[8];

    (void)snprintf(number, sizeof number, "%zu", index);
    json_open(out, '{');
    json_member(out, "type", STR("button"));
    json_member(out, "sub_type", str_from(kind));
    json_member(out, "index", str_from(number));
    json_open_in(out, "parameters", '[');
    json_open(out, '{');
    json_member(out, "type", str_from(type));
    json_member(out, type, text);
    json_close(out, '}');
    json_close(out, ']');
    json_close(out, '}');
}

static bool write_template_buttons(struct message_writer *writer)
{
    const struct reply *reply = writer->reply;
    bool linked = reply->template_code.len > 0 || reply->url.len > 0;

    if (reply->template_code.len > CODE_MAX)
        return refuse(writer, "its code is too long");
    if (reply->n_options > TEMPLATE_REPLIES_MAX)
        return refuse(writer, "too many replies");
    if (reply->template_code.len > 0)
        write_button(&writer->out, "url", 0, "text", reply->template_code);
    for (size_t i = 0; i < reply->n_options; i++) {
        if (reply->options[i].id.len == 0)
            return refuse(writer, "a reply says nothing");
        write_button(&writer->out, "quick_reply", i + linked, "payload", reply->options[i].id);
    }
    return true;
}

static bool write_body_values(struct message_writer *writer)
{
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;

    json_open(out, '{');
    json_member(out, "type", STR("body"));
    json_open_in(out, "parameters", '[');
    for (size_t i = 0; i < reply->n_template_values; i++) {
        struct str value = title(writer->into, reply->template_values[i], BODY_MAX);
        if (value.len == 0)
            return refuse(writer, "a variable is empty");
        json_open(out, '{');
        json_member(out, "type", STR("text"));
        json_member(out, "text", value);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

static bool write_template_values(struct message_writer *writer)
{
    const struct reply *reply = writer->reply;

    if (reply->n_template_values == 0 && reply->template_code.len == 0 && reply->n_options == 0)
        return true;
    json_open_in(&writer->out, "components", '[');
    if ((reply->n_template_values > 0 && !write_body_values(writer)) ||
        !write_template_buttons(writer))
        return false;
    json_close(&writer->out, ']');
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
    struct json_out *out = &writer->out;
    const struct reply *reply = writer->reply;
    if (!is_template_name(reply->template_name))
        return refuse(writer, "its name is none that Meta would give");
    if (reply->template_language.len == 0)
        return refuse(writer, "no language");
    if (reply->n_template_values > TEMPLATE_VALUES)
        return refuse(writer, "too many variables");
    json_member(out, "type", STR("template"));
    json_open_in(out, "template", '{');
    json_member(out, "name", reply->template_name);
    json_open_in(out, "language", '{');
    json_member(out, "code", reply->template_language);
    json_close(out, '}');
    if (!write_template_values(writer))
        return false;
    json_close(out, '}');
    return true;
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
    struct json_out *out = &writer->out;
    const struct person *to = &message->to;
    if (to->phone.len == 0 && to->user_id.len == 0)
        return refuse(writer, "nobody to send to");
    bool code = writer->reply->template_code.len > 0 && writer->reply->url.len == 0;
    if (code && to->phone.len == 0)
        return refuse(writer, "a code needs a number to go to"); /* Meta: 131062 */
    if (message->key.len > KEY_MAX)
        return refuse(writer, "its key is too long");
    json_member(out, "messaging_product", STR("whatsapp"));
    json_member(out, "recipient_type", STR("individual"));
    if (to->phone.len > 0) {
        json_member(out, "to", to->phone);
    } else {
        json_member(out, "recipient", to->user_id);
    }
    if (message->context.len > 0) {
        json_open_in(out, "context", '{');
        json_member(out, "message_id", message->context);
        json_close(out, '}');
    }
    json_member(out, "biz_opaque_callback_data", message->key);
    return true;
}

bool whatsapp_encode(struct arena *into, const struct whatsapp_sender *sender,
                     const struct outbound *message, struct http_request *request,
                     struct err *err)
{
    struct message_writer writer = {.into = into, .reply = message->reply, .err = err};
    json_out_init(&writer.out, into, 512 + 2 * message->reply->body.len);
    json_open(&writer.out, '{');
    if (!whatsapp_request(into, sender, "POST", message->account, "/messages", request, err) ||
        !write_envelope(&writer, message) || !write_content(&writer))
        return false;
    json_close(&writer.out, '}');
    request->body = json_out_text(&writer.out);
    return true;
}
