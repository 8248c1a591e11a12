/*
 * Prompts: a question for words, a list, buttons, a link, files; and what becomes of the
 * answer.
 */
#include "flows/engine/loader.h"

enum { MEDIA_MAX = 20 }; /* files of one answer: each is kept by its handle */

/* A choice's name, or {choice: name, when: path}. */
static bool read_choice(struct loader *loader, const struct node *item, struct str titles,
                        struct choice *choice)
{
    static const char *const names[] = {"choice", "when", NULL};

    if (item->kind == NODE_SCALAR) {
        if (!loader_is_name(loader, item, item->text))
            return false;
        choice->name = arena_str(loader->arena, item->text);
    } else if (!loader_kind(loader, item, NODE_MAP) || !loader_only(loader, item, names) ||
               !loader_name(loader, item, "choice", &choice->name) ||
               !loader_path(loader, item, "when", &choice->when)) {
        return false;
    }
    if (!choice->name.len)
        return REFUSE(loader, item, "which 'choice' is it that has a 'when'? add its name");
    choice->title =
        arena_format(loader->arena, "%.*s.%.*s", STR_ARG(titles), STR_ARG(choice->name));
    choice->hint = arena_format(loader->arena, "%.*s.hint", STR_ARG(choice->title));
    return true;
}

static bool has_choice(const struct prompt *prompt, struct str name)
{
    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (str_eq(prompt->choices[i].name, name))
            return true;
    }
    return false;
}

/* The choice that words of that kind mean: the one that is given, or `usual`. */
static bool read_plain(struct loader *loader, const struct node *map, const char *word,
                       const struct prompt *prompt, struct str usual, struct str *choice)
{
    *choice = has_choice(prompt, usual) ? usual : STR_NONE;
    if (!loader_name(loader, map, word, choice))
        return false;
    if (node_get(map, word) && !has_choice(prompt, *choice)) {
        return REFUSE(loader, node_get(map, word),
                      "'%s' says '%.*s', which is no choice; name one of them", word,
                      STR_ARG(*choice));
    }
    return true;
}

/* Whoever refuses with a plain "no" takes the way out where nothing else is meant by it. */
static bool read_plains(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    prompt->gives_up = node_get(map, "out") != NULL;
    return read_plain(loader, map, "yes", prompt, STR("yes"), &prompt->yes) &&
           read_plain(loader, map, "out", prompt, STR("no"), &prompt->out) &&
           read_plain(loader, map, "no", prompt,
                      has_choice(prompt, STR("no")) ? STR("no") : prompt->out, &prompt->no);
}

static bool read_choices(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    const struct node *node = node_get(map, "choices");
    struct str titles = STR_NONE;

    if (!loader_text(loader, map, "titles", &titles))
        return false;
    if ((node != NULL) != (titles.len > 0)) {
        return REFUSE(loader, map,
                      "'choices' and 'titles' go together; add the other (titles.<choice> is "
                      "what a choice is called)");
    }
    if (!node)
        return true;
    prompt->choices = arena_array(loader->arena, struct choice, node->n + 1);
    for (const struct node *item = node->kind == NODE_LIST ? node->first : node; item;
         item = node->kind == NODE_LIST ? item->next : NULL) {
        struct choice *choice = &prompt->choices[prompt->n_choices];

        if (!read_choice(loader, item, titles, choice))
            return false;
        if (has_choice(prompt, choice->name)) {
            return REFUSE(loader, item, "'%.*s' stands here twice; keep one",
                          STR_ARG(choice->name));
        }
        prompt->n_choices++;
    }
    return true;
}

static bool read_prompt_rows(struct loader *loader, const struct node *map,
                             struct prompt *prompt)
{
    if (!loader_path(loader, map, "of", &prompt->of) ||
        !loader_name(loader, map, "key", &prompt->key) ||
        !loader_text(loader, map, "row", &prompt->row) ||
        !loader_name(loader, map, "as", &prompt->as))
        return false;
    if (!prompt->of.len && (prompt->row.len || prompt->key.len))
        return REFUSE(loader, map, "'row' and 'key' want an 'of'; add it, the rows to show");
    if (prompt->of.len && !(prompt->row.len && prompt->key.len && prompt->as.len)) {
        return REFUSE(loader, map,
                      "rows want more; add what is missing of 'key' (the field that names "
                      "one), 'row' (its words) and 'as' (where the choice is kept)");
    }
    if (prompt->row.len)
        prompt->hint = arena_format(loader->arena, "%.*s.hint", STR_ARG(prompt->row));
    return true;
}

/* A number that may be left out. */
static bool read_bound(struct loader *loader, const struct node *map, const char *name,
                       int most, int *bound)
{
    struct str text = STR_NONE;
    int64_t number = 0;

    if (!loader_text(loader, map, name, &text))
        return false;
    if (text.len && (!str_to_int(text, &number) || number < 1 || number > most)) {
        return REFUSE(loader, node_get(map, name),
                      "'%s' is no number that it may be; write one from 1 to %d", name, most);
    }
    *bound = (int)number;
    return true;
}

static bool read_media(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    if (!loader_name(loader, map, "as", &prompt->as) ||
        !read_bound(loader, map, "max", MEDIA_MAX, &prompt->max) ||
        !loader_bool(loader, map, "optional", &prompt->optional))
        return false;
    if (!prompt->as.len || !prompt->max) {
        return REFUSE(
            loader, map,
            "files want more; add 'as', where they are kept, and 'max', how many may come");
    }
    return true;
}

static const struct {
    const char *name;
    enum answer_kind kind;
} answer_kinds[] = {
    {"words",        ANSWER_WORDS    },
    {"order_number", ANSWER_ORDER    },
    {"number",       ANSWER_NUMBER   },
    {"code",         ANSWER_CODE     },
    {"email",        ANSWER_EMAIL    },
    {"contact",      ANSWER_CONTACT  },
    {"date",         ANSWER_DATE     },
    {"past_date",    ANSWER_PAST_DATE},
    {"amount",       ANSWER_AMOUNT   },
    {"tracking",     ANSWER_TRACKING },
    {"phone",        ANSWER_PHONE    },
};

const char *answer_kind_name(size_t i)
{
    return i < COUNTOF(answer_kinds) ? answer_kinds[i].name : NULL;
}

static bool read_answer_kind(struct loader *loader, const struct node *map,
                             struct prompt *prompt)
{
    struct str kind = STR("words");
    struct str known = STR_NONE;

    if (!loader_name(loader, map, "kind", &kind))
        return false;
    for (size_t i = 0; i < COUNTOF(answer_kinds); i++) {
        if (!str_eq(kind, str_from(answer_kinds[i].name)))
            continue;
        prompt->answer = answer_kinds[i].kind;
        return true;
    }
    for (size_t i = 0; i < COUNTOF(answer_kinds); i++) {
        known = arena_format(loader->scratch, "%.*s%s%s", STR_ARG(known), i > 0 ? ", " : "",
                             answer_kinds[i].name);
    }
    return REFUSE(loader, node_get(map, "kind"), "'%.*s' is no kind of answer; there are %.*s",
                  STR_ARG(kind), STR_ARG(known));
}

static bool read_answer(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    if (!read_answer_kind(loader, map, prompt) ||
        !loader_name(loader, map, "as", &prompt->as) ||
        !read_bound(loader, map, "min", 4000, &prompt->min) ||
        !read_bound(loader, map, "max", 4000, &prompt->max) ||
        !loader_bool(loader, map, "optional", &prompt->optional))
        return false;
    if (!prompt->as.len)
        return REFUSE(loader, map, "'as' is missing; add it, where the answer is kept");
    if (prompt->min && prompt->max < prompt->min) {
        return REFUSE(loader, node_get(map, "min"),
                      "'min' goes with a 'max'; give one that is no smaller");
    }
    return true;
}

/* Buttons may take words as well: the code that a message asks for, beside "a new one". */
static bool read_words_beside(struct loader *loader, const struct node *map,
                              struct prompt *prompt)
{
    if (prompt->kind != PROMPT_BUTTONS || !(node_get(map, "as") || node_get(map, "kind")))
        return true;
    prompt->typed = true;
    return read_answer(loader, map, prompt);
}

static bool read_carries(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    struct str *names = NULL;
    size_t n = 0;

    if (!loader_names(loader, map, "carries", &names, &n))
        return false;
    if (n > COUNTOF(prompt->carries)) {
        return REFUSE(loader, node_get(map, "carries"), "at most %zu variables are carried",
                      COUNTOF(prompt->carries));
    }
    for (size_t i = 0; i < n; i++)
        prompt->carries[i] = names[i];
    prompt->n_carries = n;
    return true;
}

static bool read_url(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    const struct node *url = node_get(map, "url");

    if (!url)
        return REFUSE(loader, map, "a link wants a 'url'; add where it leads");
    return loader_expr(loader, url, &prompt->url);
}

bool loader_prompt(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    static const char *const text_names[] = {"text", "as",  "kind", "optional",
                                             "min",  "max", NULL};
    static const char *const list_names[] = {"list",    "of",     "as",    "key",     "row",
                                             "choices", "titles", "label", "carries", "yes",
                                             "no",      "out",    NULL};
    static const char *const button_names[] = {"buttons", "choices", "titles", "carries",
                                               "yes",     "no",      "out",    "as",
                                               "kind",    "max",     NULL};
    static const char *const link_names[] = {"link", "url", "label", NULL};
    static const char *const media_names[] = {"media", "as", "max", "optional", NULL};
    static const struct {
        const char *name;
        enum prompt_kind kind;
        const char *const *names;
    } kinds[] = {
        {"text",    PROMPT_TEXT,    text_names  },
        {"list",    PROMPT_LIST,    list_names  },
        {"buttons", PROMPT_BUTTONS, button_names},
        {"link",    PROMPT_LINK,    link_names  },
        {"media",   PROMPT_MEDIA,   media_names },
    };

    if (!loader_kind(loader, map, NODE_MAP))
        return false;
    prompt->line = map->line;
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (!node_get(map, kinds[i].name))
            continue;
        prompt->kind = kinds[i].kind;
        if (!loader_only(loader, map, kinds[i].names) ||
            !loader_text(loader, map, kinds[i].name, &prompt->body))
            return false;
        break;
    }
    if (prompt->kind == PROMPT_NONE) {
        return REFUSE(loader, map,
                      "what is asked? add one of text, list, buttons, link, media");
    }
    if (!loader_text(loader, map, "label", &prompt->label))
        return false;
    switch (prompt->kind) {
    case PROMPT_TEXT:
        return read_answer(loader, map, prompt);
    case PROMPT_LINK:
        return read_url(loader, map, prompt);
    case PROMPT_MEDIA:
        return read_media(loader, map, prompt);
    default:
        return read_prompt_rows(loader, map, prompt) && read_choices(loader, map, prompt) &&
               read_plains(loader, map, prompt) && read_carries(loader, map, prompt) &&
               read_words_beside(loader, map, prompt);
    }
}
