/*
 * Blocks of zeroed memory in a chain, handed out from the front of the newest.
 *
 * Always true: everything between `next` and `end` is zero, so an allocation is an addition and
 * a comparison. A request too large to share a block gets one of its own behind the newest,
 * which goes on serving small ones. Blocks double up to BLOCK_MAX, so a reset that keeps the
 * newest keeps the one that fitted the last turn, and never more than that.
 *
 * Under ASan nothing shares a block: every allocation is exact, and an overrun meets a redzone.
 */
#include "bot/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A test of the shared blocks under ASan sets this to 0 by itself. */
#ifndef EXACT_BLOCKS
#if defined(__SANITIZE_ADDRESS__)
#define EXACT_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXACT_BLOCKS 1
#endif
#endif
#endif
#ifndef EXACT_BLOCKS
#define EXACT_BLOCKS 0
#endif

#define ALIGNMENT alignof(max_align_t)
#define BLOCK_MIN ((size_t)16 << 10)
#define BLOCK_MAX ((size_t)256 << 10)
#define ALLOC_MAX (SIZE_MAX / 4)
#define ROOM_MIN  4 /* items of an array that grows: most stay short */

struct arena_block {
    struct arena_block *older;
    size_t size;
    alignas(max_align_t) char data[];
};

struct arena_defer {
    struct arena_defer *older;
    void (*fn)(void *what);
    void *what;
};

/* There is nothing left to do that is safer than to stop: see the promise in arena.h. */
static _Noreturn void exhausted(size_t size)
{
    (void)fprintf(stderr, "arena: cannot have %zu bytes\n", size);
    abort();
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block =
        size > ALLOC_MAX ? NULL : calloc(1, sizeof(struct arena_block) + size);
    if (!block)
        exhausted(size);
    block->size = size;
    return block;
}

static void arena_push(struct arena *arena, struct arena_block *block)
{
    block->older = arena->blocks;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + block->size;
}

static void *alloc_alone(struct arena *arena, size_t size)
{
    struct arena_block *block = block_new(size);
    if (!arena->blocks) {
        arena_push(arena, block);
        arena->next = arena->end;
        return block->data;
    }
    block->older = arena->blocks->older;
    arena->blocks->older = block;
    return block->data;
}

static size_t next_block_size(const struct arena *arena)
{
    size_t newest = arena->blocks ? arena->blocks->size : 0;
    if (newest < BLOCK_MIN)
        return BLOCK_MIN;
    return newest < BLOCK_MAX / 2 ? newest * 2 : BLOCK_MAX;
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
    arena->used += size;
    if (EXACT_BLOCKS || size > BLOCK_MIN / 4)
        return alloc_alone(arena, size);
    /* An empty thing has an address of its own too. */
    size_t step = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (!arena->next || (size_t)(arena->end - arena->next) < step)
        arena_push(arena, block_new(next_block_size(arena)));
    void *at = arena->next;
    arena->next += step;
    return at;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        exhausted(SIZE_MAX);
    return arena_alloc(arena, bytes);
}

void *arena_more_items(struct arena *arena, void *items, size_t size, size_t n, size_t *room)
{
    if (n < *room)
        return items;
    size_t wider = *room > 0 ? *room * 2 : ROOM_MIN;
    void *copy = arena_alloc_array(arena, wider, size);
    if (n > 0)
        memcpy(copy, items, n * size);
    *room = wider;
    return copy;
}

struct str arena_str(struct arena *arena, struct str text)
{
    if (text.len >= ALLOC_MAX)
        exhausted(text.len);
    char *at = arena_alloc(arena, text.len + 1);
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return (struct str){at, text.len};
}

const char *arena_cstr(struct arena *arena, struct str text)
{
    return arena_str(arena, text).at;
}

struct str arena_join(struct arena *arena, const struct str *parts, size_t n)
{
    size_t len = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *text = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < n; at += parts[i++].len) {
        if (parts[i].len > 0)
            memcpy(text + at, parts[i].at, parts[i].len);
    }
    return (struct str){text, len};
}

struct str arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        exhausted(SIZE_MAX);
    char *at = arena_alloc(arena, (size_t)len + 1);
    (void)vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){at, (size_t)len};
}

void arena_defer(struct arena *arena, void (*fn)(void *what), void *what)
{
    struct arena_defer *defer = arena_new(arena, struct arena_defer);
    defer->older = arena->defers;
    defer->fn = fn;
    defer->what = what;
    arena->defers = defer;
}

/* A disposer may still allocate, and even defer: each is off the list before it runs. */
static void run_defers(struct arena *arena)
{
    while (arena->defers) {
        struct arena_defer *defer = arena->defers;
        arena->defers = defer->older;
        defer->fn(defer->what);
    }
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_finish(struct arena *arena)
{
    run_defers(arena);
    free_blocks(arena->blocks);
    arena_init(arena);
}

void arena_reset(struct arena *arena)
{
    run_defers(arena);
    struct arena_block *kept = arena->blocks;
    if (EXACT_BLOCKS || !kept || kept->size < BLOCK_MIN || kept->size > BLOCK_MAX) {
        free_blocks(kept);
        arena_init(arena);
        return;
    }
    size_t dirty = (size_t)(arena->next - kept->data);
    free_blocks(kept->older);
    memset(kept->data, 0, dirty);
    arena_init(arena);
    arena_push(arena, kept);
}
