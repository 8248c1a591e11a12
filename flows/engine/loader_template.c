/*
 * A template's file, held against the kinds of news that it tells and against what Meta
 * refuses: better here, with a line, than a day later by a reviewer.
 */
#include "flows/engine/loader.h"

#include "flows/notice_kinds.h"
#include "flows/templates.h"

#define BODY_MAX   1024
#define HEADER_MAX 60
#define FOOTER_MAX 60
#define BUTTON_MAX 25
#define URL_MAX    2000
#define SAYS_MAX   60
#define PARAMS_MAX 20
#define KINDS_MAX  20

static const struct {
    const char *name;
    enum template_type type;
    enum notice_field_type of;
} types[] = {
    {"text",   TEMPLATE_TEXT,   NOTICE_TEXT  },
    {"date",   TEMPLATE_DATE,   NOTICE_TIME  },
    {"money",  TEMPLATE_MONEY,  NOTICE_MONEY },
    {"number", TEMPLATE_NUMBER, NOTICE_NUMBER},
    {"url",    TEMPLATE_URL,    NOTICE_TEXT  },
    {"words",  TEMPLATE_WORDS,  NOTICE_TEXT  },
};

/* --- parameters --------------------------------------------------------------------------- */

/* Every kind that the template tells has the field, of that type. */
static bool check_field(struct loader *loader, const struct node *node, struct str name,
                        size_t type, const struct message_template *template)
{
    for (size_t i = 0; i < template->n_kinds; i++) {
        const struct notice_kind *kind = notice_kind_find(template->kinds[i]);
        const struct notice_field *field = notice_field_find(kind, name);
        if (!field) {
            return REFUSE(loader, node, "news of the kind %s has no field '%.*s'", kind->name,
                          STR_ARG(name));
        }
        if (field->type != types[type].of) {
            return REFUSE(loader, node, "'%.*s' of the kind %s is no %s", STR_ARG(name),
                          kind->name, types[type].name);
        }
    }
    return true;
}

static bool read_param(struct loader *loader, const struct node *node,
                       const struct message_template *template, struct template_param *param)
{
    static const char *const entries[] = {"is", "words", "example", NULL};
    struct str is = STR_NONE;
    size_t type = 0;

    if (!loader_kind(loader, node, NODE_MAP) || !loader_only(loader, node, entries) ||
        !loader_is_name(loader, node, node->key) || !loader_text(loader, node, "is", &is) ||
        !loader_text(loader, node, "words", &param->key) ||
        !loader_text(loader, node, "example", &param->example))
        return false;
    while (type < COUNTOF(types) && !str_eq(is, str_from(types[type].name)))
        type++;
    if (type == COUNTOF(types))
        return REFUSE(loader, node, "say what it is: text, date, money, number, url or words");
    if ((types[type].type == TEMPLATE_WORDS) != (param->key.len > 0))
        return REFUSE(loader, node, "'words: KEY' goes with 'is: words', and only with it");
    if (param->example.len == 0)
        return REFUSE(loader, node, "Meta wants an example of it: add one");
    param->name = arena_str(loader->arena, node->key);
    param->type = types[type].type;
    return check_field(loader, node, param->name, type, template);
}

static bool read_params(struct loader *loader, const struct node *map,
                        struct message_template *template)
{
    const struct node *node = node_get(map, "parameters");
    struct template_param *params;

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_MAP))
        return false;
    if (node->n > PARAMS_MAX)
        return REFUSE(loader, node, "more than %d parameters: take some out", PARAMS_MAX);
    params = arena_array(loader->arena, struct template_param, node->n + 1);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        if (!read_param(loader, entry, template, &params[template->n_params]))
            return false;
        template->n_params++;
    }
    template->params = params;
    return true;
}

/* --- words -------------------------------------------------------------------------------- */

static size_t words_in(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n +=
            (unsigned char)text.at[i] > ' ' && (i == 0 || (unsigned char)text.at[i - 1] <= ' ');
    }
    return n;
}

/* `apart`: words stand before and behind it. */
static bool check_param(struct loader *loader, const struct node *node, struct str piece,
                        const struct message_template *template, bool apart,
                        bool seen[PARAMS_MAX])
{
    size_t at = template_param_at(template, piece);

    if (at == template->n_params) {
        return REFUSE(loader, node, "{{%.*s}} is no parameter of this template",
                      STR_ARG(str_slice(piece, 0, 60)));
    }
    if (!apart) {
        return REFUSE(loader, node,
                      "{{%.*s}} stands at an end or next to another parameter, which Meta "
                      "refuses: put words there",
                      STR_ARG(piece));
    }
    if (seen[at])
        return REFUSE(loader, node, "{{%.*s}} stands there twice", STR_ARG(piece));
    seen[at] = true;
    return true;
}

/* What stands between and around the parameters. */
static bool check_pieces(struct loader *loader, const struct node *node, struct str body,
                         const struct message_template *template, size_t *n, size_t *words)
{
    struct str rest = body, piece;
    bool is_param, before = true, seen[PARAMS_MAX] = {false};

    while (template_next_piece(&rest, &piece, &is_param)) {
        bool apart = !before && rest.len > 0;

        if (is_param && !check_param(loader, node, piece, template, apart, seen))
            return false;
        before = is_param || str_trim(piece).len == 0;
        *n += is_param;
        *words += is_param ? 0 : words_in(piece);
    }
    return true;
}

static bool check_body(struct loader *loader, const struct node *node, struct str body,
                       const struct message_template *template)
{
    size_t n = 0, words = 0;

    if (!check_pieces(loader, node, body, template, &n, &words))
        return false;
    if (n + template_is_linked(template) < template->n_params)
        return REFUSE(loader, node, "a parameter does not stand in these words: all must");
    if (str_length(body) > BODY_MAX)
        return REFUSE(loader, node, "more than %d characters", BODY_MAX);
    if (words < 2 * n + 1)
        return REFUSE(loader, node, "too few words for so many parameters: Meta refuses that");
    if (str_find(body, STR("\n\n\n")) < body.len || str_find(body, STR("    ")) < body.len)
        return REFUSE(loader, node, "two line breaks or three blanks in a row are the most");
    return true;
}

/* A text without parameters, of so many characters. */
static bool read_short(struct loader *loader, const struct node *map, const char *name,
                       size_t max, struct str *text)
{
    if (!loader_text(loader, map, name, text))
        return false;
    if (str_length(*text) > max)
        return REFUSE(loader, map, "'%s' has more than %zu characters", name, max);
    if (str_find(*text, STR("{{")) < text->len || str_find(*text, STR("\n")) < text->len)
        return REFUSE(loader, map, "'%s' is one line without parameters", name);
    return true;
}

/* What a tap says: words and parameters of the template. */
static bool check_says(struct loader *loader, const struct node *node, struct str says,
                       const struct message_template *template)
{
    struct str rest = says, piece;
    bool is_param;

    if (says.len == 0 || str_length(says) > SAYS_MAX) {
        return REFUSE(loader, node, "'says' is what a tap stands for, %d characters at most",
                      SAYS_MAX);
    }
    while (template_next_piece(&rest, &piece, &is_param)) {
        if (is_param && template_param_at(template, piece) == template->n_params) {
            return REFUSE(loader, node, "{{%.*s}} is no parameter of this template",
                          STR_ARG(str_slice(piece, 0, 60)));
        }
    }
    return true;
}

static bool read_replies(struct loader *loader, const struct node *map,
                         const struct message_template *template,
                         struct template_wording *wording)
{
    static const char *const entries[] = {"title", "says", NULL};
    const struct node *node = node_get(map, "replies");

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_LIST))
        return false;
    if (node->n > TEMPLATE_REPLIES)
        return REFUSE(loader, node, "more than %d replies", TEMPLATE_REPLIES);
    for (const struct node *one = node->first; one; one = one->next) {
        struct template_reply *reply = &wording->replies[wording->n_replies++];
        if (!loader_kind(loader, one, NODE_MAP) || !loader_only(loader, one, entries) ||
            !read_short(loader, one, "title", BUTTON_MAX, &reply->title) ||
            !loader_text(loader, one, "says", &reply->says) ||
            !check_says(loader, one, reply->says, template))
            return false;
        if (reply->title.len == 0)
            return REFUSE(loader, one, "a reply has a 'title'");
    }
    return true;
}

static bool read_wording(struct loader *loader, const struct node *map, enum lang lang,
                         struct message_template *template)
{
    static const char *const entries[] = {"header", "body",    "footer",
                                          "button", "replies", NULL};
    struct template_wording *wording = &template->in[lang];
    const struct node *node = node_get(map, lang_code(lang));

    if (!node)
        return REFUSE(loader, map, "the words in %s are missing", lang_code(lang));
    if (!loader_kind(loader, node, NODE_MAP) || !loader_only(loader, node, entries) ||
        !loader_text(loader, node, "body", &wording->body) ||
        !read_short(loader, node, "header", HEADER_MAX, &wording->header) ||
        !read_short(loader, node, "footer", FOOTER_MAX, &wording->footer) ||
        !read_short(loader, node, "button", BUTTON_MAX, &wording->button) ||
        !read_replies(loader, node, template, wording))
        return false;
    wording->body = str_trim(wording->body);
    if (wording->body.len == 0)
        return REFUSE(loader, node, "it has no 'body'");
    if ((wording->button.len > 0) != (template->url.len > 0 || template_is_linked(template))) {
        return REFUSE(loader, node,
                      "a 'button' goes with the template's 'url', and only with it");
    }
    if (wording->n_replies != template->in[0].n_replies)
        return REFUSE(loader, node, "all languages have as many replies");
    return check_body(loader, node, wording->body, template);
}

/* --- the file ----------------------------------------------------------------------------- */

static bool read_kinds(struct loader *loader, const struct node *map,
                       struct message_template *template)
{
    struct str *kinds = NULL;

    if (!loader_names(loader, map, "tells", &kinds, &template->n_kinds))
        return false;
    template->kinds = kinds;
    if (template->n_kinds == 0 || template->n_kinds > KINDS_MAX)
        return REFUSE(loader, map, "say which kinds of news it tells: 'tells: [shipped]'");
    for (size_t i = 0; i < template->n_kinds; i++) {
        if (!notice_kind_find(kinds[i])) {
            return REFUSE(loader, node_get(map, "tells"), "there is no news of the kind '%.*s'",
                          STR_ARG(kinds[i]));
        }
    }
    return true;
}

/* Which version of it: another template to Meta. */
static bool read_version(struct loader *loader, const struct node *map,
                         struct message_template *template)
{
    struct str text = STR_NONE;
    int64_t version = 0;

    if (!loader_text(loader, map, "version", &text))
        return false;
    if (text.len == 0)
        return true;
    if (!str_to_int(text, &version) || version < 2 || version > 99)
        return REFUSE(loader, map, "'version' is a number from 2 on");
    template->name =
        arena_format(loader->arena, "%.*s_v%d", STR_ARG(template->name), (int)version);
    return true;
}

/* An address as it is, or "{{field}}" of the news. */
static bool read_url(struct loader *loader, const struct node *map,
                     struct message_template *template)
{
    struct str url = template->url, piece;
    bool is_param = false;

    template->url_param = template->n_params;
    if (template_next_piece(&url, &piece, &is_param) && is_param && url.len == 0) {
        template->url_param = template_param_at(template, piece);
        template->url = STR_NONE;
        return (template_is_linked(template) &&
                template->params[template->url_param].type == TEMPLATE_URL) ||
               REFUSE(loader, map, "'url: {{%.*s}}' is no parameter that 'is: url'",
                      STR_ARG(str_slice(piece, 0, 60)));
    }
    if (template->url.len > 0 &&
        (!str_starts(template->url, STR("https://")) || template->url.len > URL_MAX ||
         str_find(template->url, STR("{{")) < template->url.len))
        return REFUSE(loader, map, "'url' is a web address of https, or a parameter alone");
    return true;
}

static bool read_head(struct loader *loader, const struct node *map,
                      struct message_template *template)
{
    struct str stem =
        str_slice(loader->file, str_find(loader->file, STR("/")) + 1, loader->file.len);

    if (!loader_name(loader, map, "template", &template->name) ||
        !loader_text(loader, map, "category", &template->category) ||
        !loader_text(loader, map, "url", &template->url) || !read_kinds(loader, map, template))
        return false;
    template->file = loader->file;
    if (!str_eq(stem, arena_concat(loader->scratch, template->name, STR(".yaml"))))
        return REFUSE(loader, map, "a template is named like its file");
    if (!str_eq(template->category, STR("utility")) &&
        !str_eq(template->category, STR("marketing")) &&
        !str_eq(template->category, STR("authentication")))
        return REFUSE(loader, map, "'category' is utility, marketing or authentication");
    return read_version(loader, map, template);
}

bool loader_template(struct loader *loader, const struct node *map,
                     struct message_template *template)
{
    static const char *const entries[] = {"template",   "version", "category", "tells",
                                          "parameters", "url",     "en",       "es",
                                          "pl",         "ar",      NULL};

    if (!loader_kind(loader, map, NODE_MAP) || !loader_only(loader, map, entries) ||
        !read_head(loader, map, template) || !read_params(loader, map, template) ||
        !read_url(loader, map, template))
        return false;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (!read_wording(loader, map, (enum lang)lang, template))
            return false;
    }
    return true;
}
