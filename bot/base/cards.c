/*
 * From each place where digits begin, groups of digits are gathered as far as a card could
 * reach; the longest that is a card's number counts. What speaks against it is looked at last,
 * since hardly any number comes that far.
 */
#include "bot/base/cards.h"

#include "bot/base/cards_not.h"

enum {
    CARD_MIN = 13,
    CARD_MAX = 19,
    GAP_MAX = 3, /* signs between two digits: " - " */
    CARDS_MANY =
        1000, /* who has written so many has written no other numbers: that is costly */
};

/* --- digits and what stands between them ---------------------------------------------------
 */

static unsigned byte_at(struct str text, size_t at)
{
    return at < text.len ? (unsigned char)text.at[at] : 0;
}

static int hex_value(unsigned c)
{
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (int)(c - 'a' + 10) : -1;
}

/* The byte that an address has there as "%20"; -1: no such thing. */
static int escape_at(struct str text, size_t at)
{
    int high, low;

    if (byte_at(text, at) != '%')
        return -1;
    high = hex_value(byte_at(text, at + 1));
    low = hex_value(byte_at(text, at + 2));
    return high >= 0 && low >= 0 ? 16 * high + low : -1;
}

/* The bytes of the digit that stands there; 0: none does. */
static size_t digit_at(struct str text, size_t at, unsigned *digit)
{
    unsigned a = byte_at(text, at), b, c;

    *digit = a - '0';
    if (a == '%') {
        *digit = (unsigned)escape_at(text, at) - '0';
        return *digit <= 9 ? 3 : 0;
    }
    if (a < 0x80)
        return *digit <= 9 ? 1 : 0;
    b = byte_at(text, at + 1);
    c = byte_at(text, at + 2);
    *digit = b - (a == 0xD9 ? 0xA0 : 0xB0);
    if (a == 0xD9 || a == 0xDB) /* Arabic, Persian */
        return *digit <= 9 ? 2 : 0;
    *digit = c - 0x90;
    return a == 0xEF && b == 0xBC && *digit <= 9 ? 3 : 0; /* fullwidth */
}

/* U+2000..U+206F, by the last two of its bytes. */
static enum card_gap general_gap(unsigned b, unsigned c)
{
    if (b == 0x80 && (c <= 0x8A || c == 0xAF))
        return CARD_GAP_SPACE;
    if (b == 0x80 && c >= 0x90 && c <= 0x95)
        return CARD_GAP_DASH;
    if (b == 0x80 && c == 0xA2)
        return CARD_GAP_DOT;
    if ((b == 0x80 && (c <= 0x8F || (c >= 0xAA && c <= 0xAE))) || (b == 0x81 && c >= 0xA0))
        return CARD_GAP_UNSEEN;
    return CARD_GAP_NONE;
}

static enum card_gap ascii_gap(unsigned a)
{
    if (a == ' ' || a == '+' || (a >= '\t' && a <= '\r')) /* a plus is an address's space */
        return CARD_GAP_SPACE;
    if (a == '-' || a == '_')
        return CARD_GAP_DASH;
    if (a == '.')
        return CARD_GAP_DOT;
    return a == '/' ? CARD_GAP_SLASH : CARD_GAP_NONE;
}

/* U+0080..U+00BF, by the second byte. */
static enum card_gap latin_gap(unsigned b)
{
    if (b == 0xA0)
        return CARD_GAP_SPACE;
    if (b == 0xAD)
        return CARD_GAP_UNSEEN;
    return b == 0xB7 ? CARD_GAP_DOT : CARD_GAP_NONE;
}

static enum card_gap wide_gap(unsigned a, unsigned b, unsigned c)
{
    if ((a == 0xE2 && b == 0x83 && c == 0xA3) || (a == 0xEF && b == 0xB8 && c <= 0x8F))
        return CARD_GAP_UNSEEN; /* what makes a digit one of a keypad's */
    if (a == 0xE2)
        return b == 0x88 && c == 0x92 ? CARD_GAP_DASH : general_gap(b, c);
    if (a == 0xE3 && b == 0x80 && c == 0x80)
        return CARD_GAP_SPACE;
    return a == 0xEF && b == 0xBB && c == 0xBF ? CARD_GAP_UNSEEN : CARD_GAP_NONE;
}

/* The bytes of the sign there that may stand between digits; 0: none does. */
static size_t gap_at(struct str text, size_t at, enum card_gap *gap)
{
    unsigned a = byte_at(text, at), b = byte_at(text, at + 1), c = byte_at(text, at + 2);
    int escaped = escape_at(text, at);

    *gap = ascii_gap(escaped > 0 ? (unsigned)escaped : a);
    if (*gap != CARD_GAP_NONE)
        return escaped > 0 ? 3 : 1;
    *gap = a == 0xC2 ? latin_gap(b) : CARD_GAP_NONE;
    if (*gap != CARD_GAP_NONE)
        return 2;
    *gap = wide_gap(a, b, c);
    return *gap != CARD_GAP_NONE ? 3 : 0;
}

/* From behind a digit to the next; what may stand between is told in `gap`. */
static bool pass_gap(struct str text, size_t *at, enum card_gap *gap)
{
    unsigned seen = 0, digit;
    size_t next = *at, step;

    *gap = CARD_GAP_NONE;
    for (unsigned signs = 0; signs <= 2 * GAP_MAX; signs++) {
        enum card_gap one;
        if (digit_at(text, next, &digit) > 0) {
            *at = next;
            return true;
        }
        step = gap_at(text, next, &one);
        seen += one != CARD_GAP_UNSEEN;
        if (step == 0 || seen > GAP_MAX)
            return false;
        if (one != CARD_GAP_UNSEEN && (*gap == CARD_GAP_NONE || *gap == CARD_GAP_SPACE))
            *gap = one; /* a dash with spaces around it is a dash */
        next += step;
    }
    return false;
}

void card_gather(struct str text, size_t at, size_t max, struct card_digits *run)
{
    unsigned digit;
    size_t step;

    *run = (struct card_digits){.begin = at};
    while (run->n < max && (step = digit_at(text, at, &digit)) > 0) {
        enum card_gap gap;
        run->text[run->n] = (char)('0' + digit);
        at += step;
        run->end[run->n] = at;
        run->gap[run->n] = CARD_GAP_END;
        run->n++;
        if (!pass_gap(text, &at, &gap))
            break;
        run->gap[run->n - 1] = gap;
    }
}

/* --- whose number it is --------------------------------------------------------------------
 */

struct issuer {
    unsigned first, last; /* the first six digits */
    size_t min, max;
};

/* After the networks' published ranges; where they overlap the wider lengths count. */
static const struct issuer issuers[] = {
    {400000, 499999, 13, 13}, /* Visa, long ago */
    {400000, 499999, 16, 16}, /* Visa */
    {400000, 499999, 19, 19}, /* Visa */
    {510000, 559999, 16, 16}, /* Mastercard */
    {222100, 272099, 16, 16}, /* Mastercard */
    {220000, 220499, 16, 19}, /* Mir */
    {340000, 349999, 15, 15}, /* American Express */
    {370000, 379999, 15, 15}, /* American Express */
    {300000, 305999, 14, 19}, /* Diners Club */
    {309500, 309599, 14, 19}, /* Diners Club */
    {360000, 369999, 14, 19}, /* Diners Club */
    {380000, 399999, 14, 19}, /* Diners Club */
    {352800, 358999, 16, 19}, /* JCB */
    {213100, 213199, 15, 15}, /* JCB, long ago */
    {601100, 601199, 16, 19}, /* Discover */
    {644000, 659999, 16, 19}, /* Discover, RuPay, Troy, Elo, Verve */
    {620000, 629999, 16, 19}, /* UnionPay, Elo */
    {810000, 817199, 16, 19}, /* UnionPay */
    {500000, 509999, 13, 19}, /* Maestro, Verve, Elo, RuPay, Meeza */
    {560000, 589999, 13, 19}, /* Maestro, Dankort, mada */
    {603700, 608999, 16, 16}, /* RuPay, Hipercard, mada */
    {630400, 630499, 13, 19}, /* Maestro */
    {636000, 639999, 16, 19}, /* InstaPayment, Elo, mada */
    {670000, 679999, 13, 19}, /* Maestro */
    {820000, 829999, 16, 16}, /* RuPay */
    {968200, 968299, 16, 16}, /* mada */
    {979200, 979299, 16, 16}, /* Troy */
};

/* How long the numbers are that begin so: bit n for n digits. */
static unsigned issued_lengths(const char *digits)
{
    unsigned first = 0, lengths = 0;

    for (size_t i = 0; i < 6; i++)
        first = 10 * first + (unsigned)(digits[i] - '0');
    for (size_t i = 0; i < COUNTOF(issuers); i++) {
        const struct issuer *issuer = &issuers[i];
        if (first >= issuer->first && first <= issuer->last)
            lengths |= (2U << issuer->max) - (1U << issuer->min);
    }
    return lengths;
}

/* Luhn's: every second digit from the right counts twice, and its digits are summed. */
static bool is_checked(const char *digits, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)(digits[n - 1 - i] - '0') * (i % 2 ? 2 : 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

/* --- how it is written ---------------------------------------------------------------------
 */

/* As the networks print them, or all groups of one size and a shorter last one. */
static bool is_grouped(const size_t *groups, size_t n)
{
    static const uint8_t odd[][4] = {
        {4,  6,  5, 0},
        {4,  6,  4, 0},
        {4,  5,  6, 0},
        {6,  13, 0, 0},
        {6,  10, 0, 0},
        {4,  12, 0, 0},
        {12, 4,  0, 0},
        {8,  8,  0, 0},
        {8,  5,  0, 0},
        {4,  3,  3, 3}
    };

    for (size_t i = 0; n <= 4 && i < COUNTOF(odd); i++) {
        bool same = true;
        for (size_t k = 0; k < 4; k++)
            same &= (k < n ? groups[k] : 0) == odd[i][k];
        if (same)
            return true;
    }
    for (size_t i = 1; i + 1 < n; i++) {
        if (groups[i] != groups[0])
            return false;
    }
    return n == 1 || (groups[n - 1] <= groups[0] && groups[0] <= 5 && groups[0] != 3);
}

/* Other groups of four and more are slips of the hand where one sign is between all of them. */
static bool is_one_number(const struct card_digits *run, size_t n)
{
    size_t groups[CARD_MAX], n_groups = 0, since = 0;
    bool same = true;
    enum card_gap first = CARD_GAP_NONE;

    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && run->gap[i] == CARD_GAP_NONE)
            continue;
        groups[n_groups++] = i + 1 - since;
        same &= i + 1 - since >= 4;
        since = i + 1;
        if (i + 1 < n && first == CARD_GAP_NONE)
            first = run->gap[i];
        same &= i + 1 == n || run->gap[i] == first;
    }
    return is_grouped(groups, n_groups) || (same && n_groups > 2 && first != CARD_GAP_SLASH);
}

/* How many digits of the run, from its beginning, are a card's; 0: none. `may`: whatever else
 * they could be. */
static size_t card_length(struct str text, const struct card_digits *run, bool may)
{
    unsigned lengths = run->n >= CARD_MIN ? issued_lengths(run->text) : 0;

    for (size_t n = run->n < CARD_MAX ? run->n : CARD_MAX; n >= CARD_MIN && lengths; n--) {
        if (run->gap[n - 1] != CARD_GAP_NONE && (lengths >> n & 1) &&
            is_checked(run->text, n) && is_one_number(run, n) &&
            (may || !card_is_other(text, run, n)))
            return n;
    }
    return 0;
}

/* --- a text --------------------------------------------------------------------------------
 */

/* What stands before it is no digit of its own but the end of "%3D". */
static bool is_behind_escape(struct str text, size_t at)
{
    return at >= 3 && escape_at(text, at - 3) >= 0;
}

static bool find(struct str text, size_t from, bool may, struct card_span *found)
{
    bool inside = false;

    for (size_t at = from; at < text.len;) {
        unsigned digit;
        size_t step = digit_at(text, at, &digit), n;
        struct card_digits run;
        bool begins = step > 0 && (!inside || is_behind_escape(text, at)) && digit > 1 &&
                      digit != 7; /* nobody's */

        inside = step > 0;
        if (begins && text.len - at >= CARD_MIN) {
            card_gather(text, at, CARD_MAX + 1, &run);
            n = card_length(text, &run, may);
            if (n > 0) {
                *found = (struct card_span){at, run.end[n - 1] - at};
                return true;
            }
        }
        at += step > 0 ? step : 1;
    }
    return false;
}

bool cards_next(struct str text, size_t from, struct card_span *found)
{
    return find(text, from, false, found);
}

#define BIT(c) (UINT64_C(1) << ((c)&63))

/* Bytes that a card's number is made of, as it is or escaped: all beyond ASCII, and these. */
static bool is_card_byte(char byte)
{
    static const uint64_t bytes[2] = {
        UINT64_C(0x3FF) << '0' | UINT64_C(0x1F) << '\t' | BIT(' ') | BIT('-') | BIT('.') |
            BIT('/') | BIT('%') | BIT('+') | BIT('='), /* "%" and plus of forms, "=" of mail */
        UINT64_C(0x3F) << ('A' & 63) | UINT64_C(0x3F) << ('a' & 63) | BIT('_') | BIT('u') |
            BIT('\\')}; /* "\u00a0" of JSON */
    unsigned c = (unsigned char)byte;

    return c >= 0x80 || (bytes[c >> 6] >> (c & 63) & 1) != 0;
}

/* Whether a stretch of such bytes has one: where there are escapes, nobody knows yet. */
static bool stretch_may(struct str stretch)
{
    struct card_span ignored;
    size_t digits = 0;
    bool escaped = false;

    for (size_t i = 0; i < stretch.len; i++) {
        unsigned char c = (unsigned char)stretch.at[i];
        digits += (c >= '0' && c <= '9') || c >= 0xD0; /* leads of other scripts */
        escaped |= c == '\\' || c == '%' || c == '=';
    }
    return digits >= CARD_MIN && (escaped || find(stretch, 0, true, &ignored));
}

bool cards_may(struct str bytes)
{
    /* A stretch of thirteen cannot hide between two looks that are thirteen apart. */
    for (size_t at = CARD_MIN - 1; at < bytes.len; at += CARD_MIN) {
        size_t begin = at, end = at;
        if (!is_card_byte(bytes.at[at]))
            continue;
        while (begin > 0 && is_card_byte(bytes.at[begin - 1]))
            begin--;
        while (end < bytes.len && is_card_byte(bytes.at[end]))
            end++;
        if (end - begin >= CARD_MIN && stretch_may((struct str){bytes.at + begin, end - begin}))
            return true;
        at = end - 1 > at ? end - 1 : at;
    }
    return false;
}

struct str cards_redact(struct arena *into, struct str text, size_t *n)
{
    struct card_span span;
    size_t from = 0, len = 0;
    char *out;

    if (text.len < CARD_MIN || !cards_may(text) || !cards_next(text, 0, &span))
        return text;
    out = arena_alloc(into, text.len + 1);
    do {
        size_t end = span.at + span.len, step;
        unsigned digit;
        memcpy(out + len, text.at + from, span.at - from);
        len += span.at - from;
        for (size_t at = span.at; at < end; at += step) {
            step = digit_at(text, at, &digit);
            if (step > 0) {
                out[len++] = '*';
                continue;
            }
            step = escape_at(text, at) >= 0 ? 3 : 1;
            memcpy(out + len, text.at + at, step);
            len += step;
        }
        from = end;
        ++*n;
    } while (find(text, from, *n > CARDS_MANY, &span));
    memcpy(out + len, text.at + from, text.len - from);
    return (struct str){out, len + text.len - from};
}

/* --- an event ------------------------------------------------------------------------------
 */

static size_t redact_person(struct arena *into, struct person *person)
{
    size_t n = 0;

    person->name = cards_redact(into, person->name, &n);
    person->username = cards_redact(into, person->username, &n);
    return n;
}

static size_t redact_media(struct arena *into, struct event *event)
{
    struct media media = *event->media, *copy;
    size_t n = 0;

    media.filename = cards_redact(into, media.filename, &n);
    media.caption = cards_redact(into, media.caption, &n);
    if (n > 0) {
        copy = arena_new(into, struct media);
        *copy = media;
        event->media = copy;
    }
    return n;
}

static size_t redact_subject(struct arena *into, struct event *event)
{
    size_t n = 0;
    struct str subject = cards_redact(into, event->mail->subject, &n);
    struct str quoted = cards_redact(into, event->mail->quoted, &n);
    struct mail_head *copy;

    if (n > 0) {
        copy = arena_new(into, struct mail_head);
        *copy = *event->mail;
        copy->subject = subject;
        copy->quoted = quoted;
        event->mail = copy;
    }
    return n;
}

bool cards_redact_event(struct arena *into, struct event *event)
{
    size_t n = redact_person(into, &event->from) + redact_person(into, &event->renamed);

    event->text = cards_redact(into, event->text, &n);
    event->place = cards_redact(into, event->place, &n);
    event->referral = cards_redact(into, event->referral, &n);
    if (event->media != NULL)
        n += redact_media(into, event);
    if (event->mail != NULL)
        n += redact_subject(into, event);
    event->card |= n > 0;
    return n > 0;
}
