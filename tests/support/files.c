#include "tests/support/files.h"

#include <string.h>

static struct str with_tail(struct arena *into, const unsigned char *head, size_t len)
{
    static const char tail[] = "what a picture would go on with";
    char *bytes = arena_alloc(into, len + sizeof tail);

    memcpy(bytes, head, len);
    memcpy(bytes + len, tail, sizeof tail);
    return (struct str){bytes, len + sizeof tail};
}

struct str file_jpeg(struct arena *into, unsigned width, unsigned height)
{
    unsigned char head[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I',  'F',  0,
                            1,    1,    0,    0,    1, 0,  1,   0,   0,    0xFF, 0xC0,
                            0,    11,   8,    0,    0, 0,  0,   1,   1,    0x11, 0,
                            0xFF, 0xDA, 0,    8,    1, 1,  0,   0,   0x3F, 0};

    head[25] = (unsigned char)(height >> 8);
    head[26] = (unsigned char)height;
    head[27] = (unsigned char)(width >> 8);
    head[28] = (unsigned char)width;
    return with_tail(into, head, sizeof head);
}

struct str file_png(struct arena *into, uint32_t width, uint32_t height)
{
    unsigned char head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0,
                            13,   'I', 'H', 'D', 'R',  0,    0,    0,    0, 0, 0,
                            0,    0,   8,   2,   0,    0,    0,    0,    0, 0, 0};

    for (int i = 0; i < 4; i++) {
        head[16 + i] = (unsigned char)(width >> (24 - 8 * i));
        head[20 + i] = (unsigned char)(height >> (24 - 8 * i));
    }
    return with_tail(into, head, sizeof head);
}

struct str file_pdf(struct arena *into, const char *inside)
{
    return arena_format(into,
                        "%%PDF-1.4\n1 0 obj\n%s\nendobj\ntrailer << /Root 1 0 R >>\n"
                        "startxref\n0\n%%%%EOF\n",
                        inside);
}
