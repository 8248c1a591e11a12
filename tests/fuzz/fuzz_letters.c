/*
 * Any bytes as a ring of shared memory: what its writer left may be anything, since a process
 * can die of a spoilt memory. The reader reads what there is, within the ring, comes to an end,
 * and then the ring works again. Input: written and read, eight bytes each, and the ring's
 * beginning; what is read is taken for a message handed over.
 */
#include "bot/lane/handover.h"
#include "bot/lane/post.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void read_all(struct arena *arena, struct post *post)
{
    struct handover handover;
    struct str letter;

    while (post_read(post, arena, &letter)) {
        hold(letter.len <= POST_SIZE);
        if (!handover_read(letter, &handover))
            continue;
        struct str again = handover_write(arena, &handover);
        struct handover twice;
        hold(again.len == letter.len && handover_read(again, &twice));
        hold(str_eq(twice.body, handover.body) && str_eq(twice.phone, handover.phone));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct post *post; /* at the end of its own memory, so that overruns show */
    struct arena arena = {0};
    uint64_t places[2];
    struct str letter;

    if (!post)
        post = aligned_alloc(64, sizeof *post);
    if (!post || size < sizeof places || size - sizeof places > POST_SIZE)
        return 0;
    memcpy(places, data, sizeof places);
    memset(post, 0, sizeof *post);
    atomic_store(&post->written, places[0]);
    atomic_store(&post->read, places[1]);
    memcpy(post->bytes, data + sizeof places, size - sizeof places);
    read_all(&arena, post);
    hold(post_write(post, STR("next")));
    hold(post_read(post, &arena, &letter) && str_eq(letter, STR("next")));
    arena_finish(&arena);
    return 0;
}
