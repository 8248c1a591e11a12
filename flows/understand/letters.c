/*
 * Letters, levelled by tables of our own: what four languages write costs a look, and every
 * letter keeps its place in the text, which a Unicode normalisation would lose. Other scripts
 * are only folded.
 */
#include "flows/understand/letters.h"

#include <unicode/uchar.h>

uint32_t letter_next_long(struct str text, size_t *at)
{
    unsigned char lead = (unsigned char)text.at[(*at)++];
    unsigned more = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);

    while (more-- > 0 && *at < text.len)
        point = (point << 6) | ((unsigned char)text.at[(*at)++] & 0x3FU);
    return point;
}

/* U+00C0 to U+017F without their marks; '?' is no letter. */
static const char plain_latin[] =
    "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static uint32_t level_arabic(uint32_t c)
{
    if (c >= 0x660 && c <= 0x669)
        return '0' + (c - 0x660);
    if (c >= 0x6F0 && c <= 0x6F9)
        return '0' + (c - 0x6F0);
    if ((c >= 0x610 && c <= 0x61A) || (c >= 0x64B && c <= 0x65F) || c == 0x670 ||
        (c >= 0x6D6 && c <= 0x6DC))
        return 0;
    switch (c) {
    case 0x61C: /* the letter mark */
    case 0x640: /* tatweel */
        return 0;
    case 0x649: /* alef maksura */
    case 0x626: /* yeh with hamza */
    case 0x6CC:
        return 0x64A;
    case 0x629: /* teh marbuta */
        return 0x647;
    case 0x622: /* alef with its seats */
    case 0x623:
    case 0x625:
    case 0x671:
        return 0x627;
    case 0x624: /* waw with hamza */
        return 0x648;
    case 0x6A9:
        return 0x643;
    default:
        return c;
    }
}

uint32_t letter_level_far(uint32_t c)
{
    if (c >= 0xC0 && c < 0xC0 + sizeof(plain_latin) - 1 && c != 0xD7 && c != 0xF7)
        return (unsigned char)plain_latin[c - 0xC0];
    if (c >= 0x600 && c <= 0x6FF)
        return level_arabic(c);
    if (c == 0xAD || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) ||
        (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) ||
        (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF)
        return 0;
    if (c >= 0xFF01 && c <= 0xFF5E)
        return letter_level(c - 0xFEE0);
    return c < 0x250 ? c : (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
}

bool letter_is_word_far(uint32_t c)
{
    if (c < 0xC0 || c == 0xD7 || c == 0xF7)
        return false;
    if (c == 0x60C || c == 0x61B || c == 0x61F || (c >= 0x66A && c <= 0x66D) || c == 0x6D4)
        return false;
    return c < 0x2000 || (c > 0x2BFF && c < 0x1F000 && !(c >= 0x3000 && c <= 0x3020) &&
                          !(c >= 0xFE00 && c < 0xFE70));
}

uint32_t letter_fold(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
}

bool letter_is_mark(uint32_t c)
{
    return (c >= 0xC0 && c < 0x250) || c == 0xBF || c == 0xA1 || (c >= 0x1EA0 && c < 0x1F00) ||
           (c >= 0x66E && c <= 0x6D3 && c != 0x670);
}

bool letter_is_space(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

size_t letter_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}
