/* Sizes, without a font: letters are narrow, common or wide. */
#include "flows/draw/inside.h"

static bool is_one_of(unsigned char c, struct str letters)
{
    return memchr(letters.at, c, letters.len) != NULL;
}

/* In hundredths of the font's size. */
static int letter_width(unsigned char c)
{
    if (c >= 0x80)
        return 62;
    if (is_one_of(c, STR("ijl.,:;'|!")))
        return 29;
    if (is_one_of(c, STR("frt()[]{}/- \"")))
        return 38;
    if (is_one_of(c, STR("mwMW@%")))
        return 90;
    return c >= 'A' && c <= 'Z' ? 70 : 58;
}

int text_width(struct str text, int size)
{
    int hundredths = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if ((c & 0xC0) == 0x80) /* the rest of a letter */
            continue;
        hundredths += c >= 0xE2 ? 120 : letter_width(c);
    }
    return (hundredths * size + 99) / 100;
}

struct str text_fit(struct arena *into, struct str text, int size, int width)
{
    size_t length = str_length(text);

    while (length > 1 && text_width(text, size) > width)
        text = str_cut(into, text, --length);
    return text;
}

bool text_wrap(struct str *rest, int size, int width, struct str *line)
{
    struct str text = str_trim(*rest);
    size_t fits = 0;
    size_t end = 0;

    if (text.len == 0)
        return false;
    while (end < text.len && text.at[end] != '\n') {
        while (end < text.len && text.at[end] != '\n' && text.at[end] != ' ')
            end++;
        if (fits > 0 && text_width(str_slice(text, 0, end), size) > width)
            break;
        fits = end;
        while (end < text.len && text.at[end] == ' ')
            end++;
    }
    *line = str_slice(text, 0, fits);
    *rest = str_slice(text, fits, text.len);
    return true;
}

int line_height(enum line_kind kind)
{
    switch (kind) {
    case LINE_META:
        return META_HEIGHT;
    case LINE_SAID:
        return SAID_HEIGHT;
    case LINE_GAP:
        return GAP_HEIGHT;
    default:
        return PILL_HEIGHT;
    }
}

static void card_measure(struct box *box)
{
    int height = TITLE_ROOM;

    for (size_t i = 0; i < box->n_lines; i++)
        height += line_height(box->lines[i].kind);
    box->width = CARD_WIDTH;
    box->height = height + (box->n_lines > 0 ? 10 : 0);
}

void box_measure(struct box *box)
{
    switch (box->kind) {
    case BOX_ASKS:
    case BOX_ACTS:
    case BOX_PASSES:
        card_measure(box);
        break;
    case BOX_START:
    case BOX_END:
    case BOX_JUMP:
        box->width = text_width(box->title, TEXT_SIZE) + 28;
        box->height = 26;
        break;
    case BOX_ACTION:
    case BOX_FLOW:
        box->width = text_width(box->title, TEXT_SIZE) + 40;
        box->height = 30;
        break;
    }
}

void arrow_measure(struct arrow *arrow)
{
    for (size_t i = 0; i < arrow->n_labels; i++) {
        int width = text_width(arrow->labels[i], SMALL_SIZE) + 12;

        arrow->width = width > arrow->width ? width : arrow->width;
    }
    arrow->height = (int)arrow->n_labels * LABEL_HEIGHT + 4;
}
