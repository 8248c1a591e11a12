#include "bot/later/broadcast_file.h"

#include "bot/base/json_out.h"

enum { SUBJECT_MAX_LEN = 150, BODY_MAX_LEN = 1500, VALUES_MAX = 20, NAME_MAX_LEN = 40 };

struct reading {
    struct arena *into;
    struct str file;
    const struct broadcast_columns *columns;
    const struct words *words;
    struct str channel;
    struct json_out out;
    struct err *err;
};

#define REFUSE(reading, node, format, ...)                                                     \
    err_raise((reading)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((reading)->file),        \
              (node)->line, ##__VA_ARGS__)

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > NAME_MAX_LEN || !(text.at[0] >= 'a' && text.at[0] <= 'z'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

/* --- the list -----------------------------------------------------------------------------
 */

bool broadcast_columns_read(const struct csv *csv, const struct str *head,
                            struct broadcast_columns *columns, struct err *err)
{
    *columns = (struct broadcast_columns){.n = csv->n, .phone = -1, .email = -1, .id = -1};
    for (size_t i = 0; i < csv->n; i++) {
        struct str name = head[i];
        if (!is_name(name)) {
            return err_raise(
                err, ERR_REJECT,
                "column %zu: a name is small letters, digits and _, from a letter on", i + 1);
        }
        for (size_t j = 0; j < i; j++) {
            if (str_eq(name, head[j])) {
                return err_raise(err, ERR_REJECT, "the column %.*s is there twice",
                                 STR_ARG(name));
            }
        }
        columns->names[i] = name;
        int *place = str_eq(name, STR("phone"))   ? &columns->phone
                     : str_eq(name, STR("email")) ? &columns->email
                     : str_eq(name, STR("id"))    ? &columns->id
                                                  : NULL;
        if (place != NULL)
            *place = (int)i;
    }
    if (columns->phone >= 0 || columns->email >= 0 || columns->id >= 0)
        return true;
    return err_raise(err, ERR_REJECT,
                     "a list has a column phone, email or id, and its head says "
                     "which");
}

/* As people write it, as it is kept: "+49 (171) 123-45" is "+4917112345". */
static bool read_phone(struct arena *into, struct str text, struct str *phone)
{
    char *digits = arena_array(into, char, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if ((c >= '0' && c <= '9') || (c == '+' && n == 0)) {
            digits[n++] = c;
        } else if (strchr(" -().", c) == NULL || c == '\0') {
            return false;
        }
    }
    *phone = (struct str){digits, n};
    return n >= 8 && n <= 16 && digits[0] == '+' && digits[1] != '0';
}

static bool is_mail(struct str text)
{
    size_t at = str_find(text, STR("@"));

    return at > 0 && at + 1 < text.len && text.len <= 254 &&
           str_find(text, STR(" ")) == text.len &&
           str_find(str_slice(text, at + 1, text.len), STR("@")) == text.len - at - 1;
}

const char *broadcast_line_read(struct arena *into, const struct broadcast_columns *columns,
                                const struct str *fields, unsigned line, struct str *json)
{
    struct str phone = STR_NONE, email = STR_NONE, id = STR_NONE;
    struct json_out out;

    if (columns->phone >= 0 && fields[columns->phone].len > 0 &&
        !read_phone(into, fields[columns->phone], &phone))
        return "a number is written with its country: +15550100123";
    if (columns->email >= 0)
        email = fields[columns->email];
    if (email.len > 0 && !is_mail(email))
        return "that is no mail address";
    if (columns->id >= 0)
        id = fields[columns->id];
    if (phone.len == 0 && email.len == 0 && id.len == 0)
        return "it says nobody: phone, email and id are empty";
    json_out_init(&out, into, 256);
    json_open(&out, '{');
    json_key(&out, "line");
    json_put_int(&out, line);
    json_member(&out, "phone", phone);
    json_member(&out, "email", email);
    json_member(&out, "external_id", id);
    json_open_in(&out, "given", '{');
    for (size_t i = 0; i < columns->n; i++) {
        if ((int)i != columns->phone && (int)i != columns->email && (int)i != columns->id &&
            fields[i].len > 0) {
            json_key_of(&out, columns->names[i]);
            json_put_text(&out, fields[i]);
        }
    }
    json_close(&out, '}');
    json_close(&out, '}');
    *json = json_out_text(&out);
    return NULL;
}

/* --- pieces --------------------------------------------------------------------------------
 */

static bool is_known(const struct reading *reading, struct str name)
{
    static const char *const ours[] = {"name", "first_name", "company", "business"};

    for (size_t i = 0; i < COUNTOF(ours); i++) {
        if (str_eq(name, str_from(ours[i])))
            return true;
    }
    for (size_t i = 0; reading->columns != NULL && i < reading->columns->n; i++) {
        if (str_eq(name, reading->columns->names[i]) && (int)i != reading->columns->phone &&
            (int)i != reading->columns->email && (int)i != reading->columns->id)
            return true;
    }
    return false;
}

/* "Hello {{name}}!" as ["Hello ", {"value": "name"}, "!"]. */
static bool write_pieces(struct reading *reading, const struct node *node, struct str text)
{
    struct json_out *out = &reading->out;

    json_open(out, '[');
    while (text.len > 0) {
        size_t from = str_find(text, STR("{{"));
        if (from > 0)
            json_put_text(out, str_slice(text, 0, from));
        text = str_slice(text, from, text.len);
        if (text.len == 0)
            break;
        size_t to = str_find(text, STR("}}"));
        struct str name = str_trim(str_slice(text, 2, to - 2));
        if (to == text.len)
            return REFUSE(reading, node, "'{{' is not closed");
        if (!is_known(reading, name)) {
            return REFUSE(
                reading, node,
                "nobody knows {{%.*s}}: it is name, first_name, company, business or a "
                "column of the list",
                STR_ARG(str_slice(name, 0, NAME_MAX_LEN)));
        }
        json_open(out, '{');
        json_member(out, "value", name);
        json_close(out, '}');
        text = str_slice(text, to + 2, text.len);
    }
    json_close(out, ']');
    return true;
}

/* --- the file ------------------------------------------------------------------------------
 */

static bool only(struct reading *reading, const struct node *map, const char *const *names)
{
    const struct node *stranger = node_stranger(map, names);
    return !stranger || REFUSE(reading, stranger, "'%.*s' means nothing here",
                               STR_ARG(str_slice(stranger->key, 0, 60)));
}

static bool is_language(struct reading *reading, const struct node *entry, enum lang *lang)
{
    if (lang_parse(entry->key, lang) && str_eq(entry->key, str_from(lang_code(*lang))))
        return true;
    return REFUSE(reading, entry, "a language is en, es, pl or ar");
}

static bool read_text(struct reading *reading, const struct node *map, const char *name,
                      size_t most, bool one_line)
{
    const struct node *node = node_get(map, name);

    if (node == NULL || node->kind != NODE_SCALAR || str_trim(node->text).len == 0)
        return REFUSE(reading, map, "'%s' wants words", name);
    struct str text = str_trim(node->text);
    if (!str_is_utf8(text) || str_length(text) > most) {
        return REFUSE(reading, node, "'%s' has %zu characters, and %zu fit", name,
                      str_length(text), most);
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' && (one_line || text.at[i] != '\n')) {
            return REFUSE(reading, node, "'%s' is %s", name,
                          one_line ? "one line" : "plain text");
        }
    }
    json_key(&reading->out, name);
    return write_pieces(reading, node, text);
}

/* By mail a subject is wanted; where only other channels are meant there may be none. */
static bool read_words(struct reading *reading, const struct node *words,
                       bool there[LANG_COUNT])
{
    static const char *const names[] = {"subject", "body", NULL};
    bool mail = reading->channel.len == 0 || str_eq(reading->channel, STR("email"));
    enum lang lang;

    if (words->kind != NODE_MAP)
        return REFUSE(reading, words, "'words' has a language on each line");
    json_open_in(&reading->out, "words", '{');
    for (const struct node *entry = words->first; entry; entry = entry->next) {
        if (!is_language(reading, entry, &lang))
            return false;
        if (entry->kind != NODE_MAP)
            return REFUSE(reading, entry, "a language has a body, and a subject for mail");
        there[lang] = true;
        json_open_in(&reading->out, lang_code(lang), '{');
        if (!only(reading, entry, names) ||
            ((mail || node_get(entry, "subject")) &&
             !read_text(reading, entry, "subject", SUBJECT_MAX_LEN, true)) ||
            !read_text(reading, entry, "body", BODY_MAX_LEN, false))
            return false;
        json_close(&reading->out, '}');
    }
    json_close(&reading->out, '}');
    return true;
}

static bool read_values(struct reading *reading, const struct node *values)
{
    json_open_in(&reading->out, "values", '[');
    if (values != NULL && (values->kind != NODE_LIST || values->n > VALUES_MAX))
        return REFUSE(reading, values, "'values' is a list of at most %d texts", VALUES_MAX);
    for (const struct node *value = values ? values->first : NULL; value; value = value->next) {
        if (value->kind != NODE_SCALAR || str_trim(value->text).len == 0 ||
            memchr(value->text.at, '\n', value->text.len) != NULL)
            return REFUSE(reading, value, "a value is one line of text");
        if (!write_pieces(reading, value, str_trim(value->text)))
            return false;
    }
    json_close(&reading->out, ']');
    return true;
}

static bool read_template(struct reading *reading, const struct node *map,
                          bool there[LANG_COUNT])
{
    static const char *const names[] = {"name", "languages", "values", NULL};
    const struct node *name = node_get(map, "name"), *languages = node_get(map, "languages");
    enum lang lang;

    if (map->kind != NODE_MAP || !name || !languages || languages->kind != NODE_MAP)
        return REFUSE(reading, map, "'template' has a name and its languages");
    if (!only(reading, map, names))
        return false;
    if (name->kind != NODE_SCALAR || name->text.len > 512 || name->text.len == 0)
        return REFUSE(reading, name, "the name is as Meta has it: small letters, digits and _");
    json_open_in(&reading->out, "template", '{');
    json_member(&reading->out, "name", name->text);
    json_open_in(&reading->out, "languages", '{');
    for (const struct node *entry = languages->first; entry; entry = entry->next) {
        if (!is_language(reading, entry, &lang))
            return false;
        if (entry->kind != NODE_SCALAR || entry->text.len == 0 || entry->text.len > 15)
            return REFUSE(reading, entry, "its language as Meta has it: en_US");
        there[lang] = true;
        json_member(&reading->out, lang_code(lang), entry->text);
    }
    json_close(&reading->out, '}');
    if (!read_values(reading, node_get(map, "values")))
        return false;
    json_close(&reading->out, '}');
    return true;
}

/* Everybody can be spoken to: all languages are there, or one is for the others. */
static bool read_otherwise(struct reading *reading, const struct node *root, const char *what,
                           const bool there[LANG_COUNT])
{
    const struct node *node = node_get(root, "otherwise");
    enum lang lang;

    if (node != NULL && (node->kind != NODE_SCALAR || !lang_parse(node->text, &lang)))
        return REFUSE(reading, node, "'otherwise' is en, es, pl or ar");
    if (node != NULL) {
        return there[lang] ||
               REFUSE(reading, node, "%s does not have '%s' itself", what, lang_code(lang));
    }
    for (lang = 0; lang < LANG_COUNT; lang++) {
        if (!there[lang]) {
            return REFUSE(reading, root,
                          "%s lacks '%s': add it, or say with 'otherwise: en' what they get",
                          what, lang_code(lang));
        }
    }
    return true;
}

static void write_opt_out(struct reading *reading)
{
    json_open_in(&reading->out, "opt_out", '{');
    for (enum lang lang = 0; lang < LANG_COUNT; lang++) {
        const struct locale locale = {.lang = lang, .zone = STR("UTC")};
        struct str text = words_render(reading->into, reading->words, &locale,
                                       STR("face.opt_out"), NULL, NULL);
        json_member(&reading->out, lang_code(lang), text);
    }
    json_close(&reading->out, '}');
}

static bool read_root(struct reading *reading, const struct node *root)
{
    static const char *const names[] = {"template", "words", "otherwise", NULL};
    const struct node *template = node_get(root, "template"), *words = node_get(root, "words");
    const struct node *otherwise = node_get(root, "otherwise");
    bool said[LANG_COUNT] = {false}, approved[LANG_COUNT] = {false};

    if (root->kind != NODE_MAP || (!template && !words))
        return REFUSE(reading, root, "say 'words', 'template' or both; see docs/operate.md");
    if (!only(reading, root, names))
        return false;
    json_out_init(&reading->out, reading->into, 4096);
    json_open(&reading->out, '{');
    if ((words && (!read_words(reading, words, said) ||
                   !read_otherwise(reading, root, "'words'", said))) ||
        (template && (!read_template(reading, template, approved) ||
                      !read_otherwise(reading, root, "'template'", approved))))
        return false;
    for (enum lang lang = 0; words && template && lang < LANG_COUNT; lang++) {
        if (said[lang] != approved[lang]) {
            return REFUSE(reading, root,
                          "'words' and 'template' speak the same languages, but "
                          "'%s' is in one only",
                          lang_code(lang));
        }
    }
    if (otherwise)
        json_member(&reading->out, "otherwise", otherwise->text);
    write_opt_out(reading);
    json_close(&reading->out, '}');
    return true;
}

bool broadcast_content_read(struct arena *into, struct str file, struct str bytes,
                            const struct broadcast_columns *columns, const struct words *words,
                            struct str channel, struct str *content, struct err *err)
{
    struct reading reading = {.into = into,
                              .file = file,
                              .columns = columns,
                              .words = words,
                              .channel = channel,
                              .err = err};
    const struct node *root;

    if (!yaml_read(into, file, bytes, &root, err) || !read_root(&reading, root))
        return false;
    *content = json_out_text(&reading.out);
    return true;
}
