/*
 * Each kind has a reader of its head. A reader is handed all bytes and says what it found; it
 * may only look at what is there, so every access goes through `byte`, which gives 0 beyond the
 * end, or through `str` with its lengths.
 *
 * Why not a library: libmagic knows a thousand kinds and runs a program to tell them; we want
 * seven and to be sure of them. Decoding (libjpeg, libpng) would tell more, and is what an
 * attacker hopes for.
 */
#include "bot/base/sniff.h"

static unsigned byte(struct str bytes, size_t at)
{
    return at < bytes.len ? (unsigned char)bytes.at[at] : 0;
}

static unsigned big16(struct str bytes, size_t at)
{
    return byte(bytes, at) << 8 | byte(bytes, at + 1);
}

static uint32_t big32(struct str bytes, size_t at)
{
    return (uint32_t)big16(bytes, at) << 16 | big16(bytes, at + 2);
}

static unsigned little16(struct str bytes, size_t at)
{
    return byte(bytes, at + 1) << 8 | byte(bytes, at);
}

static unsigned little24(struct str bytes, size_t at)
{
    return byte(bytes, at + 2) << 16 | little16(bytes, at);
}

static uint32_t little32(struct str bytes, size_t at)
{
    return (uint32_t)little16(bytes, at + 2) << 16 | little16(bytes, at);
}

static bool is_at(struct str bytes, size_t at, struct str what)
{
    return at <= bytes.len && str_starts(str_slice(bytes, at, bytes.len), what);
}

/* A picture with these sides. */
static void judge_sides(struct file_look *look, uint32_t width, uint32_t height)
{
    look->verdict = FILE_FINE;
    if (width == 0 || height == 0) {
        look->verdict = FILE_STRANGE;
    } else if (width > FILE_SIDE_MAX || height > FILE_SIDE_MAX ||
               (uint64_t)width * height > FILE_PIXELS_MAX) {
        look->verdict = FILE_HOSTILE;
    } else {
        look->width = width;
        look->height = height;
    }
}

/* --- JPEG: markers with lengths, up to the frame that has the sides --------------------------
 */

static bool is_frame(unsigned marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
           marker != 0xCC;
}

static void look_at_jpeg(struct str bytes, struct file_look *look)
{
    size_t at = 2;

    while (at + 4 <= bytes.len && byte(bytes, at) == 0xFF) {
        unsigned marker = byte(bytes, at + 1);
        unsigned len = big16(bytes, at + 2);

        if (marker == 0xFF) { /* a fill byte */
            at++;
            continue;
        }
        if (is_frame(marker) && len >= 8 && at + 2 + len <= bytes.len) {
            judge_sides(look, big16(bytes, at + 7), big16(bytes, at + 5));
            return;
        }
        if (marker == 0xDA || marker == 0xD9 || len < 2)
            return; /* the picture itself, and no frame before it */
        at += 2 + len;
    }
}

/* --- PNG, GIF, WebP: the sides stand at fixed places
 * ------------------------------------------
 */

static void look_at_png(struct str bytes, struct file_look *look)
{
    if (bytes.len >= 33 && big32(bytes, 8) == 13 && is_at(bytes, 12, STR("IHDR")))
        judge_sides(look, big32(bytes, 16), big32(bytes, 20));
}

static void look_at_gif(struct str bytes, struct file_look *look)
{
    if (bytes.len >= 14)
        judge_sides(look, little16(bytes, 6), little16(bytes, 8));
}

static void look_at_webp(struct str bytes, struct file_look *look)
{
    uint32_t bits = little32(bytes, 21);

    if (bytes.len < 30 || (uint64_t)little32(bytes, 4) + 8 > (uint64_t)bytes.len + 1)
        return; /* it says that it is longer than it is */
    if (is_at(bytes, 12, STR("VP8X"))) {
        judge_sides(look, little24(bytes, 24) + 1, little24(bytes, 27) + 1);
    } else if (is_at(bytes, 12, STR("VP8L")) && byte(bytes, 20) == 0x2F) {
        judge_sides(look, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
    } else if (is_at(bytes, 12, STR("VP8 ")) && is_at(bytes, 23, STR("\x9D\x01\x2A"))) {
        judge_sides(look, little16(bytes, 26) & 0x3FFF, little16(bytes, 28) & 0x3FFF);
    }
}

/* --- boxes of ISO media: HEIC, and MP4 with sound
 * ---------------------------------------------
 */

static bool is_among(struct str bytes, size_t at, const char *const *brands)
{
    for (; *brands; brands++) {
        if (is_at(bytes, at, str_from(*brands)))
            return true;
    }
    return false;
}

/* Whether the first box is a `ftyp` that names one of the brands, as its own or a compatible
 * one. */
static bool has_brand(struct str bytes, const char *const *brands)
{
    uint32_t len = big32(bytes, 0);

    if (len < 16 || len > 512 || len > bytes.len || !is_at(bytes, 4, STR("ftyp")))
        return false;
    for (size_t at = 8; at + 4 <= len; at += at == 8 ? 8 : 4) {
        if (is_among(bytes, at, brands))
            return true;
    }
    return false;
}

/* --- PDF
 * --------------------------------------------------------------------------------------
 */

static bool is_name_char(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '#';
}

/* Whether the name stands there as a whole: "/JS" is not in "/JSmith". */
static bool has_name(struct str bytes, struct str name)
{
    struct str rest = bytes;

    for (;;) {
        size_t at = str_find(rest, name);

        if (at == rest.len)
            return false;
        rest = str_slice(rest, at + name.len, rest.len);
        if (!is_name_char(byte(rest, 0)))
            return true;
    }
}

/*
 * A document needs no program, starts none and brings no other file along. What is hidden in
 * compressed object streams is not seen here; this refuses what is plain, it does not bless.
 */
static bool is_hostile_pdf(struct str bytes)
{
    static const char *const names[] = {"/JavaScript", "/JS", "/Launch", "/EmbeddedFile",
                                        "/RichMedia"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (has_name(bytes, str_from(names[i])))
            return true;
    }
    return false;
}

static void look_at_pdf(struct str bytes, struct file_look *look)
{
    size_t tail = bytes.len > 2048 ? bytes.len - 2048 : 0;
    struct str end = str_slice(bytes, tail, bytes.len);

    if (byte(bytes, 5) < '1' || byte(bytes, 5) > '2' || byte(bytes, 6) != '.' ||
        str_find(end, STR("%%EOF")) == end.len)
        return;
    look->verdict = is_hostile_pdf(bytes) ? FILE_HOSTILE : FILE_FINE;
}

/* --- sound
 * ------------------------------------------------------------------------------------
 */

static bool is_adts(struct str bytes)
{
    return bytes.len > 7 && byte(bytes, 0) == 0xFF && (byte(bytes, 1) & 0xF6) == 0xF0;
}

static bool is_mp3(struct str bytes)
{
    bool frame = byte(bytes, 0) == 0xFF && (byte(bytes, 1) & 0xE6) == 0xE2 &&
                 (byte(bytes, 2) & 0xF0) != 0xF0 && (byte(bytes, 2) & 0x0C) != 0x0C;

    return bytes.len > 4 && (frame || (is_at(bytes, 0, STR("ID3")) && byte(bytes, 3) < 5));
}

static const char *voice_mime(struct str bytes)
{
    static const char *const sound[] = {"M4A ", "M4B ", NULL};

    if (bytes.len > 64 && is_at(bytes, 0, STR("OggS")) && is_at(bytes, 28, STR("OpusHead")))
        return "audio/ogg";
    if (is_at(bytes, 0, STR("#!AMR\n")) || is_at(bytes, 0, STR("#!AMR-WB\n")))
        return "audio/amr";
    if (has_brand(bytes, sound))
        return "audio/mp4";
    if (is_adts(bytes))
        return "audio/aac";
    return is_mp3(bytes) ? "audio/mpeg" : NULL;
}

/* --- all of them
 * ------------------------------------------------------------------------------
 */

static enum file_kind kind_of(struct str bytes)
{
    static const char *const heic[] = {"heic", "heix", "heim", "heis", NULL};

    if (is_at(bytes, 0, STR("\xFF\xD8\xFF")))
        return FILE_JPEG;
    if (is_at(bytes, 0, STR("\x89PNG\r\n\x1A\n")))
        return FILE_PNG;
    if (is_at(bytes, 0, STR("GIF87a")) || is_at(bytes, 0, STR("GIF89a")))
        return FILE_GIF;
    if (is_at(bytes, 0, STR("RIFF")) && is_at(bytes, 8, STR("WEBP")))
        return FILE_WEBP;
    if (is_at(bytes, 0, STR("%PDF-")))
        return FILE_PDF;
    if (has_brand(bytes, heic))
        return FILE_HEIC;
    return voice_mime(bytes) ? FILE_VOICE : FILE_UNKNOWN;
}

struct file_look file_sniff(struct str bytes)
{
    static const struct {
        const char *mime, *ending;
        void (*look)(struct str bytes, struct file_look *look);
    } kinds[] = {
        [FILE_UNKNOWN] = {"",                "bin",  NULL        },
        [FILE_JPEG] = {"image/jpeg",      "jpg",  look_at_jpeg},
        [FILE_PNG] = {"image/png",       "png",  look_at_png },
        [FILE_WEBP] = {"image/webp",      "webp", look_at_webp},
        [FILE_HEIC] = {"image/heic",      "heic", NULL        },
        [FILE_GIF] = {"image/gif",       "gif",  look_at_gif },
        [FILE_PDF] = {"application/pdf", "pdf",  look_at_pdf },
        [FILE_VOICE] = {"audio/ogg",       "ogg",  NULL        },
    };
    struct file_look look = {.kind = kind_of(bytes), .verdict = FILE_STRANGE};

    look.mime = look.kind == FILE_VOICE ? voice_mime(bytes) : kinds[look.kind].mime;
    look.ending = kinds[look.kind].ending;
    if (kinds[look.kind].look) {
        kinds[look.kind].look(bytes, &look);
    } else if (look.kind != FILE_UNKNOWN) {
        look.verdict = FILE_FINE;
    }
    return look;
}

bool file_is_attachment(enum file_kind kind)
{
    return kind != FILE_UNKNOWN && kind != FILE_VOICE;
}
