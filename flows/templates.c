/* Templates that were read: finding them, and putting news into one. */
#include "flows/templates.h"

#include "flows/engine/book.h"

#define VALUE_MAX 600 /* of the 1,024 characters that a body has when it is filled */
#define SAYS_MAX  120 /* of a tap's payload */

const struct message_template *book_templates(const struct book *book, size_t *n)
{
    *n = book->n_templates;
    return book->templates;
}

const struct message_template *book_template(const struct book *book, struct str name)
{
    for (size_t i = 0; i < book->n_templates; i++) {
        if (str_eq(book->templates[i].name, name))
            return &book->templates[i];
    }
    return NULL;
}

bool template_next_piece(struct str *rest, struct str *piece, bool *is_param)
{
    size_t open = str_find(*rest, STR("{{"));

    if (rest->len == 0)
        return false;
    *is_param = open == 0;
    if (open > 0) {
        *piece = str_slice(*rest, 0, open);
        *rest = str_slice(*rest, open, rest->len);
        return true;
    }
    size_t shut = str_find(*rest, STR("}}"));
    *piece = str_trim(str_slice(*rest, 2, shut < rest->len ? shut - 2 : rest->len));
    *rest = str_slice(*rest, shut + 2, rest->len);
    return true;
}

size_t template_param_at(const struct message_template *template, struct str name)
{
    size_t i = 0;

    while (i < template->n_params && !str_eq(template->params[i].name, name))
        i++;
    return i;
}

/* --- filling in --------------------------------------------------------------------------- */

/* Meta refuses line breaks, tabs and many blanks in a value. */
static struct str one_line(struct arena *into, struct str text)
{
    char *line = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool blank = (unsigned char)text.at[i] <= ' ';
        if (!blank) {
            line[len++] = text.at[i];
        } else if (len > 0 && line[len - 1] != ' ') {
            line[len++] = ' ';
        }
    }
    return str_cut(into, str_trim((struct str){line, len}), VALUE_MAX);
}

static bool is_of(enum value_kind kind, enum template_type type)
{
    switch (type) {
    case TEMPLATE_DATE:
        return kind == VALUE_TIME;
    case TEMPLATE_MONEY:
        return kind == VALUE_MONEY;
    case TEMPLATE_NUMBER:
        return kind == VALUE_INT;
    case TEMPLATE_TEXT:
    case TEMPLATE_URL:
    case TEMPLATE_WORDS:
        return kind == VALUE_TEXT;
    }
    return false;
}

static struct str shown(struct arena *into, const struct book *book,
                        const struct template_param *param, const struct locale *locale,
                        const struct record *news)
{
    struct value value = record_get(news, param->name);
    bool missing = false;

    if (!is_of(value.kind, param->type))
        return STR_NONE;
    switch (param->type) {
    case TEMPLATE_WORDS:
        value = value_text(words_render(into, book->words, locale, param->key, news, &missing));
        return missing ? STR_NONE : one_line(into, value.text);
    case TEMPLATE_DATE:
        return words_format(into, locale, value, STR("date"));
    case TEMPLATE_URL:
        return str_starts(value.text, STR("https://")) || str_starts(value.text, STR("http://"))
                   ? one_line(into, value.text)
                   : STR_NONE;
    case TEMPLATE_TEXT:
        return one_line(into, value.text);
    case TEMPLATE_MONEY:
    case TEMPLATE_NUMBER:
        break;
    }
    return words_format(into, locale, value, STR_NONE);
}

/* Words with parameters in them. False: a value is missing. `values` may be NULL. */
static bool fill(struct arena *into, const struct book *book,
                 const struct message_template *template, const struct locale *locale,
                 const struct record *news, struct str words, struct str *text,
                 struct str *values, size_t *n)
{
    struct str piece;
    bool is_param;

    *text = STR_NONE;
    while (template_next_piece(&words, &piece, &is_param)) {
        if (is_param) {
            piece = shown(into, book, &template->params[template_param_at(template, piece)],
                          locale, news);
            if (piece.len == 0)
                return false;
            if (values)
                values[(*n)++] = piece;
        }
        *text = arena_concat(into, *text, piece);
    }
    return text->len > 0;
}

/* What its buttons say when they are tapped. */
static bool fill_replies(struct arena *into, const struct book *book,
                         const struct message_template *template, const struct locale *locale,
                         const struct record *news, struct reply *reply)
{
    const struct template_wording *wording = &template->in[locale->lang];
    struct reply_option *options = arena_array(into, struct reply_option, TEMPLATE_REPLIES);

    for (size_t i = 0; i < wording->n_replies; i++) {
        struct str says;
        if (!fill(into, book, template, locale, news, wording->replies[i].says, &says, NULL,
                  NULL))
            return false;
        options[i].id = str_cut(into, arena_concat(into, STR(FLOW_SAYS), says), SAYS_MAX);
        options[i].title = wording->replies[i].title;
    }
    reply->options = options;
    reply->n_options = wording->n_replies;
    return true;
}

bool template_fill(struct arena *into, const struct book *book,
                   const struct message_template *template, const struct locale *locale,
                   const struct record *news, struct reply *reply)
{
    const struct template_wording *wording = &template->in[locale->lang];
    struct str *values = arena_array(into, struct str, template->n_params + 1);
    struct str text, url = template->url;
    size_t n = 0;

    if (template_is_linked(template))
        url = shown(into, book, &template->params[template->url_param], locale, news);
    if ((template_is_linked(template) && url.len == 0) ||
        !fill(into, book, template, locale, news, wording->body, &text, values, &n))
        return false;
    *reply = (struct reply){.kind = REPLY_TEMPLATE,
                            .language = str_from(lang_code(locale->lang)),
                            .body = text,
                            .header = wording->header,
                            .footer = wording->footer,
                            .label = wording->button,
                            .url = url,
                            .template_name = template->name,
                            .template_language = str_from(lang_code(locale->lang)),
                            .template_values = values,
                            .n_template_values = n};
    return fill_replies(into, book, template, locale, news, reply);
}
