/*
 * An outgrown piece stays behind in the arena: a rendering starts with room for what its text
 * usually takes, so that growing is rare and never worth a free list.
 */
#include "templates/out.h"

#include <string.h>

#define ROOM_MIN 64

void out_init(struct out *out, struct arena *into, size_t room)
{
    *out = (struct out){.into = into, .room = room < ROOM_MIN ? ROOM_MIN : room};
    out->at = arena_alloc(into, out->room);
}

char *out_reserve(struct out *out, size_t more)
{
    if (out->room - out->len < more) {
        size_t room = out->room * 2;
        while (room - out->len < more)
            room *= 2;
        char *grown = arena_alloc(out->into, room);
        memcpy(grown, out->at, out->len);
        out->at = grown;
        out->room = room;
    }
    return out->at + out->len;
}

void out_add(struct out *out, struct str text)
{
    if (text.len == 0)
        return;
    memcpy(out_reserve(out, text.len), text.at, text.len);
    out->len += text.len;
}

struct str out_text(const struct out *out)
{
    return (struct str){out->at, out->len};
}
