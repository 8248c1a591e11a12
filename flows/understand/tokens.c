/*
 * Bare words: runs of letters and digits, levelled (letters.c).
 */
#include "flows/understand/tokens.h"
#include "flows/understand/letters.h"

enum { LETTERS_MAX = 32, BYTES_READ_MAX = 2000 };

/* Words that begin like the article and have none: cancelling, now, to, which. */
static bool has_article_root(struct str token)
{
    static const char *const words[] = {"الغاء", "الغاءه", "الغاءات", "الغيت", "الغوا",
                                        "الغيه", "الذي",   "التي",    "الان"};

    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (str_eq(token, str_from(words[i])))
            return true;
    }
    return false;
}

/* The Arabic article is no part of the word: "the order" is asked for as "order". */
static struct str without_article(struct str token)
{
    struct str article = STR("\xD8\xA7\xD9\x84");

    if (token.len >= article.len + 6 && str_starts(token, article) && !has_article_root(token))
        return str_slice(token, article.len, token.len);
    return token;
}

static void add_token(struct tokens *tokens, const char *begin, const char *end, size_t at)
{
    if (end == begin || tokens->n == TOKENS_MAX)
        return;
    tokens->at[tokens->n] = (uint16_t)at;
    tokens->items[tokens->n++] = without_article((struct str){begin, (size_t)(end - begin)});
}

void tokens_read(struct arena *into, struct str text, struct tokens *tokens)
{
    struct str head = str_slice(text, 0, BYTES_READ_MAX);
    char *out = arena_alloc(into, 2 * head.len + 4);
    char *begin = out;
    size_t first = 0;

    tokens->n = 0;
    for (size_t at = 0; at < head.len && tokens->n < TOKENS_MAX;) {
        size_t from = at;
        uint32_t raw = letter_next(head, &at);
        uint32_t c = letter_level(raw);

        if (c == 0 || c == '\'' || c == 0x2019) /* "where's" is one word */
            continue;
        if (letter_is_word(raw) || letter_is_word(c)) {
            first = out == begin ? from : first;
            out += letter_put(out, c);
            continue;
        }
        add_token(tokens, begin, out, first);
        begin = out;
    }
    add_token(tokens, begin, out, first);
}

/* --- slips of the finger ------------------------------------------------------------------ */

static size_t letters(struct str text, uint32_t points[LETTERS_MAX])
{
    size_t n = 0;

    for (size_t at = 0; at < text.len && n < LETTERS_MAX;)
        points[n++] = letter_next(text, &at);
    return n;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* What both begin and end with makes no difference. */
static void trim(const uint32_t **a, size_t *na, const uint32_t **b, size_t *nb)
{
    while (*na > 0 && *nb > 0 && **a == **b) {
        ++*a;
        ++*b;
        --*na;
        --*nb;
    }
    while (*na > 0 && *nb > 0 && (*a)[*na - 1] == (*b)[*nb - 1]) {
        --*na;
        --*nb;
    }
}

static unsigned distance(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    unsigned rows[3][LETTERS_MAX + 1];
    unsigned *before = rows[0];
    unsigned *last = rows[1];
    unsigned *now = rows[2];

    trim(&a, &na, &b, &nb);
    if (na == 0 || nb == 0)
        return (unsigned)(na + nb);
    for (size_t j = 0; j <= nb; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *spare = before;

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[nb];
}

/* As distance, but only whether it is one at most: then little is left after trimming. */
static bool is_one_apart(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    trim(&a, &na, &b, &nb);
    return na + nb <= 1 || (na == 1 && nb == 1) ||
           (na == 2 && nb == 2 && a[0] == b[1] && a[1] == b[0]);
}

/* People rarely miss the first letter; asking for it turns most pairs away at once. */
static bool same_first_letter(struct str a, struct str b)
{
    if (a.len < 4 || b.len < 4 || a.at[0] != b.at[0])
        return false;
    return (unsigned char)a.at[0] < 0x80 || a.at[1] == b.at[1];
}

static bool has_digit(const uint32_t *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (points[i] >= '0' && points[i] <= '9')
            return true;
    }
    return false;
}

/* Short words lie close together: there, only two letters that changed places are a slip. */
static bool is_swap(const uint32_t a[4], const uint32_t b[4])
{
    for (size_t i = 0; i < 3; i++) {
        if (a[i] != b[i])
            return a[i] == b[i + 1] && a[i + 1] == b[i] && (i == 2 || a[3] == b[3]);
    }
    return false;
}

/* One slip between words of one length is a swap when no letter came or went. */
static bool same_letters(const uint32_t *a, const uint32_t *b, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] - b[i];
    return sum == 0;
}

enum token_fit tokens_fit(struct str a, struct str b)
{
    uint32_t pa[LETTERS_MAX];
    uint32_t pb[LETTERS_MAX];
    size_t na;
    size_t nb;
    size_t slips;
    size_t apart;
    unsigned found;

    if (str_eq(a, b))
        return TOKEN_SAME;
    if (!same_first_letter(a, b) || (a.len > b.len ? a.len - b.len : b.len - a.len) > 8)
        return TOKEN_OTHER;
    na = letters(a, pa);
    nb = letters(b, pb);
    slips = na >= 8 && nb >= 8 ? 2 : 1;
    apart = na > nb ? na - nb : nb - na;
    if (na < 4 || nb < 4 || na == LETTERS_MAX || nb == LETTERS_MAX || apart > slips ||
        has_digit(pa, na) || has_digit(pb, nb))
        return TOKEN_OTHER;
    if (na == 4 && nb == 4)
        return is_swap(pa, pb) ? TOKEN_NEAR : TOKEN_OTHER;
    if (slips == 1) {
        found = is_one_apart(pa, na, pb, nb) ? 1 : 2;
    } else {
        found = distance(pa, na, pb, nb);
    }
    if (found > slips)
        return TOKEN_OTHER;
    return found == 1 && (apart == 1 || same_letters(pa, pb, na)) ? TOKEN_NEAR : TOKEN_SLIP;
}

bool tokens_alike(struct str a, struct str b)
{
    return tokens_fit(a, b) != TOKEN_OTHER;
}

uint32_t tokens_mask(struct str text)
{
    uint32_t mask = 0;

    for (size_t at = 0; at < text.len;)
        mask |= 1U << (letter_next(text, &at) % 32);
    return mask;
}

uint32_t tokens_first_letter(struct str text)
{
    size_t at = 0;

    return text.len ? letter_next(text, &at) : 0;
}
