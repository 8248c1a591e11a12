#include "bot/lane/post.h"

#include <string.h>

struct head {
    uint32_t len;
};

static void copy_in(struct post *post, uint64_t at, const void *from, size_t n)
{
    size_t place = (size_t)(at % POST_SIZE);
    size_t first = n < POST_SIZE - place ? n : POST_SIZE - place;

    memcpy(post->bytes + place, from, first);
    memcpy(post->bytes, (const char *)from + first, n - first);
}

static void copy_out(const struct post *post, uint64_t at, void *to, size_t n)
{
    size_t place = (size_t)(at % POST_SIZE);
    size_t first = n < POST_SIZE - place ? n : POST_SIZE - place;

    memcpy(to, post->bytes + place, first);
    memcpy((char *)to + first, post->bytes, n - first);
}

size_t post_room(const struct post *post)
{
    uint64_t used = atomic_load_explicit(&post->written, memory_order_relaxed) -
                    atomic_load_explicit(&post->read, memory_order_acquire);

    if (used > POST_SIZE) /* no reader of ours did this: it will empty the ring */
        return 0;
    return POST_SIZE - used > sizeof(struct head)
               ? (size_t)(POST_SIZE - used) - sizeof(struct head)
               : 0;
}

bool post_write(struct post *post, struct str letter)
{
    uint64_t at = atomic_load_explicit(&post->written, memory_order_relaxed);
    struct head head = {(uint32_t)letter.len};

    if (letter.len == 0 || letter.len > post_room(post))
        return false;
    copy_in(post, at, &head, sizeof head);
    copy_in(post, at + sizeof head, letter.at, letter.len);
    atomic_store_explicit(&post->written, at + sizeof head + letter.len, memory_order_release);
    return true;
}

bool post_read(struct post *post, struct arena *into, struct str *letter)
{
    uint64_t at = atomic_load_explicit(&post->read, memory_order_relaxed);
    uint64_t end = atomic_load_explicit(&post->written, memory_order_acquire);
    bool sound = end - at <= POST_SIZE && end - at >= sizeof(struct head);
    struct head head = {0};

    if (end == at)
        return false;
    if (sound)
        copy_out(post, at, &head, sizeof head);
    if (!sound || head.len > end - at - sizeof head) {
        /* no writer of ours did this: nothing is safe */
        atomic_store_explicit(&post->read, end, memory_order_release);
        return false;
    }
    char *bytes = arena_alloc(into, head.len + 1);
    copy_out(post, at + sizeof head, bytes, head.len);
    *letter = (struct str){bytes, head.len};
    atomic_store_explicit(&post->read, at + sizeof head + head.len, memory_order_release);
    return true;
}
