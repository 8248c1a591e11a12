/*
 * Messages as text.
 *
 * What arrives is the Graph API's own JSON, Twilio's form or Resend's mail, as the sandbox
 * keeps them. Text is shown as it is written; on a terminal its *bold* and _italic_ become
 * real, and control characters are dropped, so that a message cannot write to the terminal what
 * a message should not.
 */
#include "bot/base/json.h"
#include "bot/command/chat_parts.h"

#define BOLD   "\033[1m"
#define ITALIC "\033[3m"
#define DIM    "\033[2m"
#define GREEN  "\033[32m"
#define PLAIN  "\033[0m"

struct page {
    FILE *to;
    bool colours;
};

static const char *text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void style(const struct page *page, const char *code)
{
    if (page->colours)
        (void)fputs(code, page->to);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (unsigned char)c >= 0x80;
}

/* Whether a mark at `p` opens a styled stretch that ends on the same line. */
static bool opens(const char *start, const char *p)
{
    if ((p > start && is_word(p[-1])) || p[1] == '\0' || p[1] == ' ' || p[1] == *p)
        return false;
    const char *end = strpbrk(p + 1, *p == '*' ? "*\n" : "_\n");
    return end && *end == *p && end[-1] != ' ' && !is_word(end[1]);
}

static void words(const struct page *page, const char *text)
{
    char open = '\0';
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool c1 = c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0;
        if (c1)
            p++;
        if ((c < 0x20 && c != '\n') || c == 0x7f || c1)
            continue;
        if (page->colours && open && *p == open) {
            style(page, PLAIN);
            open = '\0';
        } else if (page->colours && !open && (*p == '*' || *p == '_') && opens(text, p)) {
            style(page, *p == '*' ? BOLD : ITALIC);
            open = *p;
        } else {
            (void)fputc(*p, page->to);
        }
    }
    if (open)
        style(page, PLAIN);
}

/* A line in one style; nothing for an empty text. */
static void line(const struct page *page, const char *code, const char *before,
                 const char *text)
{
    const struct page plain = {page->to, false};
    if (!text[0])
        return;
    style(page, code);
    (void)fputs(before, page->to);
    words(code[0] ? &plain : page, text);
    style(page, code[0] ? PLAIN : "");
    (void)fputc('\n', page->to);
}

/* --- options
 * ---------------------------------------------------------------------------------- */

static void add_option(json_t *options, const char *kind, const json_t *from)
{
    json_t *option = json_pack("{s:s, s:s, s:s}", "kind", kind, "id", text_in(from, "id"),
                               "title", text_in(from, "title"));
    if (json_object_get(from, "description"))
        json_object_set(option, "description", json_object_get(from, "description"));
    json_array_append_new(options, option);
}

static json_t *options_of(const json_t *entry)
{
    const json_t *interactive =
        json_object_get(json_object_get(entry, "message"), "interactive");
    const json_t *action = json_object_get(interactive, "action");
    json_t *options = json_array();
    size_t i;
    size_t k;
    json_t *one;
    json_t *row;
    json_array_foreach(json_object_get(action, "buttons"), i, one)
        add_option(options, "button_reply", json_object_get(one, "reply"));
    json_array_foreach(json_object_get(action, "sections"), i, one)
        json_array_foreach(json_object_get(one, "rows"), k, row)
            add_option(options, "list_reply", row);
    return options;
}

static bool is_from(const json_t *entry, const char *whom)
{
    return strcmp(text_in(entry, "from"), whom) == 0;
}

void show_choices(const json_t *entry, struct choices *choices)
{
    json_t *options = options_of(entry);
    if (is_from(entry, "mail")) {
        (void)snprintf(choices->message_id, sizeof(choices->message_id), "%s",
                       text_in(entry, "id"));
    }
    if (json_array_size(options) == 0) {
        json_decref(options);
        return;
    }
    json_decref(choices->options);
    choices->options = options;
    (void)snprintf(choices->message_id, sizeof(choices->message_id), "%s",
                   text_in(entry, "id"));
}

json_t *show_tap(const struct choices *choices, size_t number)
{
    const json_t *option = json_array_get(choices->options, number - 1);
    if (number < 1 || !option)
        return NULL;
    const char *kind = text_in(option, "kind");
    json_t *reply = json_deep_copy(option);
    json_object_del(reply, "kind");
    return json_pack("{s:s, s:{s:s}, s:{s:s, s:o}}", "type", "interactive", "context", "id",
                     choices->message_id, "interactive", "type", kind, kind, reply);
}

/* --- kinds of messages
 * ------------------------------------------------------------------------ */

static void show_options(const struct page *page, const json_t *entry)
{
    OWNED_JSON(options) = options_of(entry);
    size_t i;
    json_t *option;
    json_array_foreach(options, i, option)
    {
        const char *description = text_in(option, "description");
        style(page, GREEN);
        (void)fprintf(page->to, "  %zu. ", i + 1);
        words(&(struct page){page->to, false}, text_in(option, "title"));
        style(page, PLAIN);
        if (description[0]) {
            style(page, DIM);
            (void)fputs(" - ", page->to);
            words(&(struct page){page->to, false}, description);
            style(page, PLAIN);
        }
        (void)fputc('\n', page->to);
    }
}

static void show_interactive(const struct page *page, const json_t *entry)
{
    const json_t *message = json_object_get(json_object_get(entry, "message"), "interactive");
    const json_t *link = json_object_get(json_object_get(message, "action"), "parameters");
    line(page, BOLD, "", text_in(json_object_get(message, "header"), "text"));
    line(page, "", "", text_in(json_object_get(message, "body"), "text"));
    line(page, DIM, "", text_in(json_object_get(message, "footer"), "text"));
    show_options(page, entry);
    if (text_in(link, "url")[0]) {
        line(page, GREEN, "  -> ", text_in(link, "display_text"));
        line(page, DIM, "     ", text_in(link, "url"));
    }
}

static void show_template(const struct page *page, const json_t *template)
{
    size_t i;
    size_t k;
    json_t *component;
    json_t *parameter;
    line(page, BOLD, "[template] ", text_in(template, "name"));
    json_array_foreach(json_object_get(template, "components"), i, component)
        json_array_foreach(json_object_get(component, "parameters"), k, parameter)
            line(page, "", "  ", text_in(parameter, "text"));
}

static void show_media(const struct page *page, const char *type, const json_t *media)
{
    char before[40];
    const char *name = text_in(media, "filename");
    (void)snprintf(before, sizeof(before), "[%.20s] ", type);
    const char *link = text_in(media, "link");
    line(page, BOLD, before, name[0] ? name : link[0] ? link : text_in(media, "id"));
    if (name[0])
        line(page, DIM, "", text_in(media, "link"));
    line(page, "", "", text_in(media, "caption"));
}

static void show_sms(const struct page *page, const json_t *message)
{
    line(page, "", "", text_in(message, "body"));
    line(page, BOLD, "[picture] ", text_in(message, "media"));
}

/* As a mail program without pictures shows it. */
static void show_mail(const struct page *page, const json_t *mail)
{
    size_t i;
    json_t *file;
    line(page, BOLD, "Subject: ", text_in(mail, "subject"));
    line(page, "", "", text_in(mail, "text"));
    json_array_foreach(json_object_get(mail, "attachments"), i, file)
        line(page, BOLD, "[file] ", text_in(file, "filename"));
}

void show_entry(FILE *to, const json_t *entry, bool colours)
{
    const struct page page = {to, colours};
    const json_t *message = json_object_get(entry, "message");
    const char *type = text_in(message, "type");
    const json_t *content = json_object_get(message, type);
    if (is_from(entry, "sms")) {
        show_sms(&page, message);
    } else if (is_from(entry, "mail")) {
        show_mail(&page, message);
    } else if (strcmp(type, "text") == 0) {
        line(&page, "", "", text_in(content, "body"));
    } else if (strcmp(type, "interactive") == 0) {
        show_interactive(&page, entry);
    } else if (strcmp(type, "template") == 0) {
        show_template(&page, content);
    } else if (strcmp(type, "location") == 0) {
        line(&page, BOLD, "[location] ", text_in(content, "name"));
    } else {
        show_media(&page, type, content);
    }
}
