/*
 * Rendering walks the steps. In a right-to-left text, a value that runs the other way (an order
 * number, a phone number, a street) stands between the marks FIRST STRONG ISOLATE and POP
 * DIRECTIONAL ISOLATE, and so does an Arabic name in a left-to-right text: else the characters
 * beside it would change places.
 */
#include "templates/tame.h"
#include "templates/text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#define ISOLATE     STR("\xE2\x81\xA8") /* U+2068 */
#define ISOLATE_END STR("\xE2\x81\xA9") /* U+2069 */

struct value scene_value(const struct scene *scene, struct str path)
{
    if (path.len == 0 || path.at[0] != '.')
        return record_path(scene->values, path);
    if (path.len == 1)
        return scene->item;
    if (scene->item.kind != VALUE_RECORD)
        return value_none();
    return record_path(scene->item.record, str_slice(path, 1, path.len));
}

/* Whether there is something to say of a value. Money is, even when it is nothing: a delivery
 * for 0.00 is news. */
static bool is_there(struct value value)
{
    switch (value.kind) {
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return value.yes;
    case VALUE_INT:
        return value.number != 0;
    case VALUE_TEXT:
        return value.text.len > 0;
    case VALUE_LIST:
        return value.list && value.list->n > 0;
    case VALUE_RECORD:
        return value.record != NULL;
    case VALUE_MONEY:
    case VALUE_TIME:
        return true;
    }
    return false;
}

/* Which ways a text's characters run. */
struct directions {
    bool ltr;      /* letters of left-to-right scripts */
    bool rtl;      /* letters of right-to-left scripts; the invisible marks do not count */
    size_t digits; /* how many */
};

static void note_direction(struct directions *found, UChar32 ch)
{
    const UChar32 left_mark = 0x200E;
    const UChar32 right_mark = 0x200F;
    const UChar32 arabic_mark = 0x061C;
    UCharDirection direction = u_charDirection(ch);
    if (ch == left_mark || ch == right_mark || ch == arabic_mark)
        return;
    if (direction == U_LEFT_TO_RIGHT)
        found->ltr = true;
    if (direction == U_RIGHT_TO_LEFT || direction == U_RIGHT_TO_LEFT_ARABIC)
        found->rtl = true;
    found->digits += direction == U_EUROPEAN_NUMBER;
}

static struct directions directions_of(struct str text)
{
    struct directions found = {0};
    int32_t at = 0;
    while (at < (int32_t)text.len) {
        UChar32 ch;
        U8_NEXT((const uint8_t *)text.at, at, (int32_t)text.len, ch);
        if (ch >= 0)
            note_direction(&found, ch);
    }
    return found;
}

/* Whether a value in a text of this language would disturb it, or be disturbed. An address of
 * the web stays bare: some phones take the closing mark for a part of the link. */
static bool needs_isolation(enum lang lang, struct value value, struct str shown)
{
    if (str_starts(shown, STR("https://")) || str_starts(shown, STR("http://")))
        return false;
    struct directions found = directions_of(shown);
    if (!lang_is_rtl(lang))
        return found.rtl;
    return found.ltr ||
           (value.kind == VALUE_TEXT && found.digits > 0 && found.digits < shown.len);
}

static void render_value(struct out *out, const struct step *step, struct scene *scene)
{
    struct value value = scene_value(scene, step->text);
    if (value.kind == VALUE_TEXT)
        value.text = tame(out->into, value.text);
    size_t from = out->len;
    if (!format_value(out, scene->locale, value, step->format))
        scene->missing = true;
    struct str shown = str_slice(out_text(out), from, out->len - from);
    if (shown.len == 0 || !needs_isolation(scene->locale->lang, value, shown))
        return;
    out_reserve(out, ISOLATE.len + ISOLATE_END.len);
    memmove(out->at + from + ISOLATE.len, out->at + from, shown.len);
    memcpy(out->at + from, ISOLATE.at, ISOLATE.len);
    out->len += ISOLATE.len;
    out_add(out, ISOLATE_END);
}

/* A name whose values lead to no key, such as a status that a business made up: its last value
 * is shown as it is, because a bare word is better than none. */
static void render_unknown(struct out *out, struct value last)
{
    if (last.kind != VALUE_TEXT)
        return;
    char *words = arena_alloc(out->into, last.text.len + 1);
    for (size_t i = 0; i < last.text.len; i++)
        words[i] = (char)(last.text.at[i] == '_' ? ' ' : last.text.at[i]);
    out_add(out, tame_markup(out->into, (struct str){words, last.text.len}));
}

static void render_key(struct out *out, const struct step *step, struct scene *scene)
{
    struct out name;
    struct str rest = step->text;
    struct str piece;
    bool piece_is_path;
    struct value last = value_none();
    out_init(&name, out->into, 0);
    while (key_next_piece(&rest, &piece, &piece_is_path)) {
        if (!piece_is_path) {
            out_add(&name, piece);
            continue;
        }
        last = scene_value(scene, piece);
        if (last.kind == VALUE_TEXT)
            last.text = tame_marks(out->into, last.text);
        (void)format_value(&name, scene->locale, last, FORMAT_TEXT);
    }
    if (scene->depth < TEXT_DEPTH_MAX && words_render_into(out, out_text(&name), scene))
        return;
    scene->missing = true;
    render_unknown(out, last);
}

static void render_steps(struct out *out, const struct text *text, size_t from, size_t to,
                         struct scene *scene);

static void render_part(struct out *out, const struct text *text, size_t at,
                        struct scene *scene)
{
    const struct step *step = &text->steps[at];
    struct value value = scene_value(scene, step->text);
    struct value outer = scene->item;
    if (value.kind == VALUE_LIST && value.list) {
        for (size_t i = 0; i < value.list->n; i++) {
            scene->item = value.list->items[i];
            render_steps(out, text, at + 1, step->end, scene);
        }
    } else if (is_there(value)) {
        if (value.kind == VALUE_RECORD)
            scene->item = value;
        render_steps(out, text, at + 1, step->end, scene);
    }
    scene->item = outer;
}

static void render_steps(struct out *out, const struct text *text, size_t from, size_t to,
                         struct scene *scene)
{
    for (size_t i = from; i < to; i++) {
        const struct step *step = &text->steps[i];
        switch (step->kind) {
        case STEP_TEXT:
            out_add(out, step->text);
            break;
        case STEP_VALUE:
            render_value(out, step, scene);
            break;
        case STEP_KEY:
            render_key(out, step, scene);
            break;
        case STEP_IF:
            render_part(out, text, i, scene);
            i = step->end - 1;
            break;
        case STEP_UNLESS:
            if (is_there(scene_value(scene, step->text)))
                i = step->end - 1;
            break;
        }
    }
}

void text_render(struct out *out, const struct text *text, struct scene *scene)
{
    render_steps(out, text, 0, text->n, scene);
}
