/*
 * GSM 03.38 and its extension, by the character; the look-alikes by a table.
 *
 * Each rewriting is tried as a whole and taken only when all of it is GSM's: half a rewriting
 * would cost letters and save nothing.
 */
#include "bot/base/sms_text.h"

#define GSM_SINGLE 160
#define GSM_EACH   153
#define UCS_SINGLE 70
#define UCS_EACH   67

/* --- characters --------------------------------------------------------------------------- */

/* One code point; what is not UTF-8 counts as a byte that nobody has. */
static uint32_t next_code(struct str text, size_t *at)
{
    const unsigned char *byte = (const unsigned char *)text.at + *at;
    size_t left = text.len - *at;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? byte[0] : byte[0] & (0x7fU >> len);

    if (len > left) {
        (*at)++;
        return 0xfffd;
    }
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (byte[i] & 0x3fU);
    *at += len;
    return code;
}

static bool is_among(const char *set, uint32_t code)
{
    struct str all = str_from(set);
    size_t at = 0;

    while (at < all.len) {
        if (next_code(all, &at) == code)
            return true;
    }
    return false;
}

/* How many septets; 0: GSM has it not. */
static unsigned septets(uint32_t code)
{
    if (code < 0x80) {
        if (code == '\f' || strchr("[\\]^{|}~", (int)code) != NULL)
            return code != 0 ? 2 : 0;
        return code == '\n' || code == '\r' || (code >= ' ' && code != '`' && code != 0x7f);
    }
    if (code == 0x20ac) /* € */
        return 2;
    return is_among("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", code);
}

/* --- measuring ---------------------------------------------------------------------------- */

/* What takes two units is never parted by the end of a segment. */
static unsigned segments(struct str text, enum sms_alphabet alphabet, unsigned each)
{
    unsigned n = 1, used = 0;
    size_t at = 0;

    while (at < text.len) {
        uint32_t code = next_code(text, &at);
        unsigned units = alphabet == SMS_GSM7 ? septets(code) : code > 0xffff ? 2 : 1;
        if (used + units > each) {
            n++;
            used = 0;
        }
        used += units;
    }
    return n;
}

struct sms_size sms_measure(struct str text)
{
    unsigned gsm = 0, ucs = 0;
    bool is_gsm = true;
    size_t at = 0;

    while (at < text.len) {
        uint32_t code = next_code(text, &at);
        unsigned units = septets(code);
        is_gsm = is_gsm && units > 0;
        gsm += units;
        ucs += code > 0xffff ? 2 : 1;
    }
    struct sms_size size = {
        .alphabet = is_gsm ? SMS_GSM7 : SMS_UCS2, .units = is_gsm ? gsm : ucs, .segments = 1};
    if (size.units > (is_gsm ? GSM_SINGLE : UCS_SINGLE))
        size.segments = segments(text, size.alphabet, is_gsm ? GSM_EACH : UCS_EACH);
    return size;
}

/* --- what looks the same ------------------------------------------------------------------ */

struct likeness {
    const char *of; /* each of these */
    const char *is; /* may be written so */
};

static const struct likeness likenesses[] = {
    {"‘’‚‛′´`ʼˋ",              "'"  },
    {"“”„‟″«»",                 "\"" },
    {"‐‑‒–—―−•‣▪●·", "-"  },
    {"…",                                 "..."},
    {"∗",                                 "*"  },
    {"∼",                                 "~"  },
    {"ˍ",                                  "_"  },
    {"→",                                 "->" },
    {"←",                                 "<-" },
    {"×",                                  "x"  },
    {"‹",                                 "<"  },
    {"›",                                 ">"  },
    {"™",                                 "TM" },
    {"©",                                  "(c)"},
    {"®",                                  "(R)"},
    {"№",                                 "No."},
    {"½",                                  "1/2"},
    {"¼",                                  "1/4"},
    {"¾",                                  "3/4"},
    {"²",                                  "2"  },
    {"³",                                  "3"  },
    {"º",                                  "o"  },
    {"ª",                                  "a"  },
};

static bool is_space(uint32_t code)
{
    return code == '\t' || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200a) || code == 0x202f || code == 0x205f ||
           code == 0x3000;
}

/* Directions, joiners and hyphens that nobody sees, and control characters. */
static bool is_invisible(uint32_t code)
{
    return code == 0xad || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) ||
           code == 0xfeff || code == 0x7f ||
           (code < ' ' && code != '\n' && code != '\r' && code != '\f');
}

/* How a character may be written that GSM does not have; NULL: not otherwise. */
static const char *looks_like(uint32_t code)
{
    if (is_space(code))
        return " ";
    if (is_invisible(code))
        return "";
    for (size_t i = 0; i < COUNTOF(likenesses); i++) {
        if (is_among(likenesses[i].of, code))
            return likenesses[i].is;
    }
    return NULL;
}

/* --- letters without their marks ---------------------------------------------------------- */

/* U+00C0 to U+017F in their order, a space between two. */
static const char latin[] =
    "A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y Th ss "
    "a a a a a a ae c e e e e i i i i d n o o o o o / o u u u u y th y "
    "A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h "
    "I i I i I i I i I i IJ ij J j K k k L l L l L l L l L l N n N n N n 'n N n O o O o "
    "O o OE oe R r R r R r S s S s S s S s T t T t T t U u U u U u U u U u U u W w Y y Y "
    "Z z Z z Z z s";

static struct str latin_of(uint32_t code)
{
    struct str rest = {latin, sizeof latin - 1}, piece = STR_NONE;

    if (code == 0x218 || code == 0x219 || code == 0x21a || code == 0x21b) /* with a comma */
        return str_slice(STR("SsTt"), code - 0x218, 1);
    if (code < 0xc0 || code > 0x17f)
        return STR_NONE;
    for (uint32_t i = 0xc0; i <= code && str_split(&rest, ' ', &piece); i++)
        ;
    return piece;
}

static bool is_mark(uint32_t code)
{
    return (code >= 0x300 && code <= 0x36f) || code == 0x20e3;
}

/* Emoji, dingbats and the blocks of a bar: they say nothing that the words beside them do not
 * say. */
static bool is_ornament(uint32_t code)
{
    return (code >= 0x2580 && code <= 0x27bf) || (code >= 0x2b00 && code <= 0x2bff) ||
           (code >= 0x1f000 && code <= 0x1faff) || (code >= 0xfe00 && code <= 0xfe0f) ||
           (code >= 0xe0020 && code <= 0xe007f);
}

/* --- rewriting ---------------------------------------------------------------------------- */

struct rewriting {
    char *at;
    size_t len;
    bool swallow; /* an ornament went, and the space behind it may go with it */
};

static void put(struct rewriting *out, struct str text)
{
    bool blank = out->len == 0 || out->at[out->len - 1] == ' ' || out->at[out->len - 1] == '\n';

    if (out->swallow && blank && str_eq(text, STR(" ")))
        return;
    out->swallow = false;
    if (text.len > 0)
        memcpy(out->at + out->len, text.at, text.len);
    out->len += text.len;
}

/* False when there is no way to write this one. */
static bool put_otherwise(struct rewriting *out, uint32_t code, bool plain_letters)
{
    const char *alike = looks_like(code);
    struct str letter;

    if (alike != NULL) {
        put(out, str_from(alike));
        return true;
    }
    if (!plain_letters)
        return false;
    letter = latin_of(code);
    put(out, letter);
    out->swallow = out->swallow || is_ornament(code);
    return letter.len > 0 || is_mark(code) || is_ornament(code);
}

/* All of it in GSM's alphabet, or false. */
static bool rewrite(struct arena *into, struct str text, bool plain_letters,
                    struct str *rewritten)
{
    /* a two-byte "½" becomes three, and nothing grows by more */
    struct rewriting out = {.at = arena_alloc(into, 2 * text.len + 1)};
    size_t at = 0;

    while (at < text.len) {
        size_t from = at;
        uint32_t code = next_code(text, &at);
        if (septets(code) > 0) {
            put(&out, str_slice(text, from, at - from));
        } else if (!put_otherwise(&out, code, plain_letters)) {
            return false;
        }
    }
    while (plain_letters && out.len > 0 && out.at[out.len - 1] == ' ')
        out.len--;
    *rewritten = (struct str){out.at, out.len};
    return true;
}

struct str sms_text_fit(struct arena *into, struct str text, bool plain_letters)
{
    struct sms_size size = sms_measure(text);
    struct str cheaper;

    if (size.alphabet == SMS_GSM7)
        return text;
    if (rewrite(into, text, false, &cheaper))
        return cheaper;
    if (plain_letters && rewrite(into, text, true, &cheaper) &&
        sms_measure(cheaper).segments < size.segments)
        return cheaper;
    return text;
}
