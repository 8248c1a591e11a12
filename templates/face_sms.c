/*
 * The words of an SMS.
 *
 * Every 153 letters cost money (67 where one letter is outside the GSM's own alphabet), so an
 * option has its title alone; what is said about it is added while all stays within two
 * segments. The count here is an estimate of what webhooks/sms_text will make of it, which puts
 * plain signs for "smart" ones: it only decides how much is said.
 */
#include "templates/face_inside.h"

#define GSM_ROOM  ((size_t)2 * 153) /* letters in two segments */
#define UCS2_ROOM ((size_t)2 * 67)  /* UTF-16 units */

/* --- how long ----------------------------------------------------------------------------- */

/* The next character; text is UTF-8. */
static uint32_t next_of(struct str text, size_t *at)
{
    const unsigned char *byte = (const unsigned char *)text.at + *at;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? byte[0] : (uint32_t)byte[0] & (0xffU >> (len + 1));

    if (*at + len > text.len)
        len = 1;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (byte[i] & 0x3f);
    *at += len;
    return c;
}

/* How many septets; 0 for what the alphabet lacks. */
static size_t gsm_len(uint32_t c)
{
    static const uint16_t more[] = {
        /* sorted; "smart" signs count as their plain ones */
        0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00b7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c9,
        0x00d1, 0x00d6, 0x00d7, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6, 0x00e8,
        0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc, 0x0393, 0x0394, 0x0398,
        0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9, 0x2010, 0x2011, 0x2012, 0x2013,
        0x2014, 0x2018, 0x2019, 0x201c, 0x201d, 0x201e, 0x2022};

    if (c == 0x20ac || c == '^' || c == '{' || c == '}' || c == '\\' || c == '[' || c == ']' ||
        c == '~' || c == '|')
        return 2;
    if (c == 0x2026)
        return 3;
    if (c < 0x7f)
        return c != '`' ? 1 : 0;
    for (size_t i = 0; i < COUNTOF(more); i++) {
        if (more[i] == c)
            return 1;
    }
    return 0;
}

/* Marks on Latin letters, and signs that say nothing by themselves. */
static bool may_go(uint32_t c)
{
    return (c >= 0xc0 && c <= 0x17f) || (c >= 0x2190 && c <= 0x2bff) || c >= 0x1f000 ||
           c == 0xfe0f || c == 0x200d;
}

static bool is_short(struct str text, bool plain_letters)
{
    size_t septets = 0, units = 0;
    bool gsm = true;

    for (size_t at = 0; at < text.len;) {
        uint32_t c = next_of(text, &at);
        gsm = gsm && (gsm_len(c) > 0 || (plain_letters && may_go(c)));
        septets += gsm_len(c) > 0 ? gsm_len(c) : 1;
        units += c > 0xffff ? 2 : 1;
    }
    return gsm ? septets <= GSM_ROOM : units <= UCS2_ROOM;
}

/* --- the words ---------------------------------------------------------------------------- */

static void add_options(struct out *out, const struct face_reply *reply, bool described)
{
    for (size_t i = 0; i < reply->n; i++) {
        const struct face_option *option = &reply->options[i];
        struct str line = arena_format(out->into, "%zu %.*s", i + 1, STR_ARG(option->title));
        if (described && option->description.len > 0) {
            line = arena_format(out->into, "%.*s: %.*s", STR_ARG(line),
                                STR_ARG(option->description));
        }
        face_add_line(out, line, false);
    }
}

static struct str words_with(struct arena *into, const struct face_ask *ask,
                             const struct face_reply *reply, bool described)
{
    struct out out;

    out_init(&out, into, 512);
    if (!str_starts(reply->body, reply->header))
        face_add_line(&out, reply->header, false);
    face_add_line(&out, reply->body, false);
    add_options(&out, reply, described);
    if (reply->n > 0) {
        const char *how = reply->n > 1 ? "number" : "number.one";
        face_add_line(&out, face_words(into, ask, how, reply->n), false);
    }
    face_add_line(&out, reply->url, false);
    face_add_line(&out, reply->footer, false);
    return out_text(&out);
}

struct face face_sms(struct arena *into, const struct face_ask *ask)
{
    struct face_reply reply;

    face_read(into, ask, &reply);
    struct str words = words_with(into, ask, &reply, true);
    if (reply.n > 0 && !is_short(words, ask->plain_letters))
        words = words_with(into, ask, &reply, false);
    return (struct face){.text = words};
}
