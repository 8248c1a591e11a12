/*
 * Pictures for the shop's photos: /pictures/NAME.png draws one, always the same for a name.
 *
 * A drawing of a wheel, so that a chat with photos can be seen as a chat with photos and
 * nobody's picture is needed: the name chooses colours, spokes and how worn it looks. PNG with
 * a palette, and "compressed" by stored blocks, which every reader of PNG takes.
 */
#include "tests/sandbox/sandbox.h"

#include <math.h>

enum { WIDTH = 320, HEIGHT = 240, COLOURS = 4, ROW = WIDTH + 1 };
enum { GROUND, TYRE, METAL, WEAR };

/* --- the drawing ----------------------------------------------------------------------------
 */

struct drawing {
    uint32_t seed;
    int spokes;
    double turn; /* where the first spoke is */
    int wear;    /* of a hundred pieces of the rim */
};

static uint32_t seed_of(struct str name)
{
    uint32_t seed = 2166136261U;
    for (size_t i = 0; i < name.len; i++)
        seed = (seed ^ (unsigned char)name.at[i]) * 16777619U;
    return seed;
}

static struct drawing drawing_of(struct str name)
{
    uint32_t seed = seed_of(name);
    return (struct drawing){.seed = seed,
                            .spokes = 16 + 4 * (int)(seed >> 8 & 3),
                            .turn = (seed >> 12 & 63) / 64.0,
                            .wear = (int)(seed >> 20 & 31)};
}

/* Whether this piece of the rim is worn: any mixing of seed and piece will do. */
static bool is_worn(const struct drawing *drawing, int piece)
{
    uint32_t mixed = (drawing->seed ^ (uint32_t)piece * 2654435761U) * 2246822519U;
    return (int)((mixed >> 16) % 100) < drawing->wear;
}

static int colour_at(const struct drawing *drawing, int x, int y)
{
    double dx = x - WIDTH / 2.0;
    double dy = y - HEIGHT / 2.0;
    double far = hypot(dx, dy);
    double angle = (atan2(dy, dx) / (2 * M_PI) + 1 + drawing->turn) * drawing->spokes;
    double beside = fabs(angle - round(angle)) * 2 * M_PI / drawing->spokes * far;
    if (far > 112)
        return GROUND;
    if (far > 98)
        return is_worn(drawing, (int)(angle * 4)) ? WEAR : TYRE;
    if (far > 92 || far < 12)
        return METAL;
    return beside < 1.0 ? METAL : GROUND;
}

/* --- the file -------------------------------------------------------------------------------
 */

struct file {
    char *at;
    size_t len;
};

static void put(struct file *file, const void *bytes, size_t len)
{
    memcpy(file->at + file->len, bytes, len);
    file->len += len;
}

static void put_number(struct file *file, uint32_t number)
{
    const unsigned char bytes[4] = {(unsigned char)(number >> 24),
                                    (unsigned char)(number >> 16), (unsigned char)(number >> 8),
                                    (unsigned char)number};
    put(file, bytes, sizeof(bytes));
}

static uint32_t crc_of(const char *at, size_t len)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
    }
    return ~crc;
}

static uint32_t adler_of(const char *at, size_t len)
{
    uint32_t a = 1;
    uint32_t b = 0;
    for (size_t i = 0; i < len; i++) {
        a = (a + (unsigned char)at[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_chunk(struct file *file, const char type[5], const char *bytes, size_t len)
{
    put_number(file, (uint32_t)len);
    size_t from = file->len;
    put(file, type, 4);
    put(file, bytes, len);
    put_number(file, crc_of(file->at + from, file->len - from));
}

static void put_header(struct file *file)
{
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    char bytes[13];
    struct file header = {bytes, 0};
    put(file, signature, sizeof(signature));
    put_number(&header, WIDTH);
    put_number(&header, HEIGHT);
    put(&header, "\x08\x03\0\0", 5); /* 8 bits, a palette */
    put_chunk(file, "IHDR", bytes, sizeof(bytes));
}

static void put_palette(struct file *file, uint32_t seed)
{
    const unsigned char hue = (unsigned char)(seed & 63);
    const unsigned char colours[COLOURS][3] = {
        {(unsigned char)(200 - hue), (unsigned char)(185 + hue / 2),
         (unsigned char)(150 + hue)                                     },
        {38,                         36,                             40 },
        {210,                        212,                            218},
        {150,                        92,                             48 },
    };
    put_chunk(file, "PLTE", (const char *)colours, sizeof(colours));
}

/* The rows, in stored blocks of at most 65535 bytes. */
static void put_rows(struct arena *scratch, struct file *file, const char *rows, size_t len)
{
    struct file data = {arena_alloc(scratch, len + len / 1000 + 64), 0};
    put(&data, "\x78\x01", 2);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < 65535 ? len - at : 65535;
        const unsigned char head[5] = {at + n == len, (unsigned char)n, (unsigned char)(n >> 8),
                                       (unsigned char)~n, (unsigned char)(~n >> 8)};
        put(&data, head, sizeof(head));
        put(&data, rows + at, n);
        at += n;
    }
    put_number(&data, adler_of(rows, len));
    put_chunk(file, "IDAT", data.at, data.len);
}

struct str picture_of(struct arena *into, struct str name)
{
    struct drawing drawing = drawing_of(name);
    size_t len = (size_t)ROW * HEIGHT;
    char *rows = arena_alloc(into, len);
    struct file file = {arena_alloc(into, len + 4096), 0};
    for (int y = 0; y < HEIGHT; y++) {
        rows[(ptrdiff_t)y * ROW] = 0; /* no filter */
        for (int x = 0; x < WIDTH; x++)
            rows[(ptrdiff_t)y * ROW + 1 + x] = (char)colour_at(&drawing, x, y);
    }
    put_header(&file);
    put_palette(&file, drawing.seed);
    put_rows(into, &file, rows, len);
    put_chunk(&file, "IEND", "", 0);
    return (struct str){file.at, file.len};
}

bool picture_handle(struct http_exchange *exchange)
{
    static const char *const headers[] = {"Cache-Control: max-age=86400",
                                          "X-Content-Type-Options: nosniff", NULL};
    struct arena scratch = {0};
    if (strcmp(exchange->method, "GET") != 0 ||
        !str_starts(exchange->path, STR("/pictures/")) ||
        !str_ends(exchange->path, STR(".png")))
        return false;
    http_reply(exchange, 200, "image/png", picture_of(&scratch, exchange->path), headers);
    arena_finish(&scratch);
    return true;
}
