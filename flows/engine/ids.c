/* The ids of rows and buttons: written compactly, read with suspicion. */
#include "flows/engine/ids.h"

/* What is carried stands between '=' and '~', so it may hold neither the end mark nor a
 * control. */
static bool may_be_carried(struct str text)
{
    if (text.len > 48)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '~' || (unsigned char)text.at[i] < ' ')
            return false;
    }
    return true;
}

static struct str encode_carries(struct arena *into, const struct prompt_id *id)
{
    struct str carries = STR_NONE;

    for (size_t i = 0; i < id->n_carries; i++) {
        struct str value = may_be_carried(id->carries[i]) ? id->carries[i] : STR_NONE;

        carries = arena_concat(into, carries, STR("="), value, STR("~"));
    }
    return carries;
}

static struct str encode(struct arena *into, const struct prompt_id *id, struct str carries)
{
    bool numbered = id->number.len > 0;
    const char kind[] = {(char)id->kind, ':'};

    return arena_concat(into, STR("p1."), id->version, STR("."), id->flow, STR("."), id->state,
                        STR("."), numbered ? STR("#") : STR_NONE, id->number,
                        numbered ? STR("~") : STR_NONE, carries,
                        (struct str){kind, sizeof kind}, id->key);
}

struct str prompt_id_encode(struct arena *into, const struct prompt_id *id)
{
    struct str text = encode(into, id, encode_carries(into, id));

    if (text.len > PROMPT_ID_MAX)
        text = encode(into, id, STR_NONE);
    return text.len > PROMPT_ID_MAX ? STR_NONE : text;
}

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > 40)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool is_version(struct str text)
{
    if (text.len != 8)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

/* The marked parts in front of the option: "#number~" and "=carried~". */
static bool decode_marks(struct str *rest, struct prompt_id *id)
{
    while (rest->len > 0 && (rest->at[0] == '#' || rest->at[0] == '=')) {
        char mark = rest->at[0];
        size_t end = str_find(*rest, STR("~"));
        struct str value;

        if (end == rest->len)
            return false;
        value = str_slice(*rest, 1, end - 1);
        *rest = str_slice(*rest, end + 1, rest->len);
        if (mark == '#') {
            id->number = value;
        } else if (id->n_carries < PROMPT_CARRIES_MAX) {
            id->carries[id->n_carries++] = value;
        } else {
            return false;
        }
    }
    return true;
}

bool prompt_id_decode(struct str text, struct prompt_id *id)
{
    struct str rest = text;
    struct str form;

    *id = (struct prompt_id){0};
    if (text.len > PROMPT_ID_MAX || !str_is_utf8(text))
        return false;
    if (!str_split(&rest, '.', &form) || !str_eq(form, STR("p1")))
        return false;
    if (!str_split(&rest, '.', &id->version) || !is_version(id->version))
        return false;
    if (!str_split(&rest, '.', &id->flow) || !is_name(id->flow))
        return false;
    if (!str_split(&rest, '.', &id->state) || !is_name(id->state))
        return false;
    if (!decode_marks(&rest, id) || rest.len < 3 || rest.at[1] != ':')
        return false;
    if (!strchr("kcoi", rest.at[0]))
        return false;
    id->kind = (enum option_kind)rest.at[0];
    id->key = str_slice(rest, 2, rest.len);
    return true;
}
