/*
 * Memory that dies together.
 *
 * Every turn owns an arena: all that the turn creates is born there and goes when the arena is
 * reset or finished, so the code above never frees and cannot leak. Memory comes zeroed and
 * aligned for any type. Allocation does not fail: what comes from outside is bounded at the
 * door, and true exhaustion ends the process (a delivery is stored before it is acknowledged).
 *
 * Under ASan every allocation is a block of its own, so that an overrun shows.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/str.h"

struct arena_block;
struct arena_defer;

struct arena {
    struct arena_block *blocks; /* newest first */
    struct arena_defer *defers; /* newest first */
    char *next;                 /* free space of the newest block */
    char *end;
    size_t used; /* bytes handed out since the last reset */
};

/* An arena is ready when zeroed; `init` says so aloud. */
void arena_init(struct arena *arena);

/* Run the disposers, newest first, and give all memory back. The arena may be used again. */
void arena_finish(struct arena *arena);

/* As finish, but keeps one block, so that the next turn starts warm. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size);

/* `count` items of `size` bytes; the product may not overflow. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count)                                                        \
    ((type *)arena_alloc_array((arena), (count), sizeof(type)))

/*
 * An array with room for one more behind its first @n items: @items itself while @room (a
 * size_t *) says that it has, else a copy in twice the room. NULL with a room of 0 begins one.
 *
 *     list->items = arena_more(into, list->items, list->n, &list->room);
 *     list->items[list->n++] = item;
 */
#define arena_more(arena, items, n, room)                                                      \
    ((__typeof__(items))arena_more_items((arena), (items), sizeof(__typeof__(*(items))), (n),  \
                                         (room)))
void *arena_more_items(struct arena *arena, void *items, size_t size, size_t n, size_t *room);

/* Copy bytes into the arena; the copy is followed by a NUL that its length does not count. */
struct str arena_str(struct arena *arena, struct str text);

/* A terminated copy, for C interfaces. */
const char *arena_cstr(struct arena *arena, struct str text);

/* Texts one behind the other, terminated: what printf would do in ten times the time. */
struct str arena_join(struct arena *arena, const struct str *parts, size_t n);

#define arena_concat(arena, ...)                                                               \
    arena_join((arena), (const struct str[]){__VA_ARGS__},                                     \
               sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* printf into the arena. */
struct str arena_format(struct arena *arena, const char *format, ...) PRINTF(2, 3);

/* Call `fn(what)` when the arena is reset or finished: how a foreign handle joins a turn. */
void arena_defer(struct arena *arena, void (*fn)(void *what), void *what);
