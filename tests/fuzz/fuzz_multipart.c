/*
 * Forms with files: the first line is the content type, the rest the body. Whatever is read
 * lies within what was given, and there is no more of it.
 */
#include "webhooks/multipart.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str rest = {(const char *)data, size}, type = STR_NONE;
    struct multipart form;
    size_t all = 0;

    arena_init(&arena);
    (void)str_split(&rest, '\n', &type);
    if (multipart_read(&arena, type, rest, &form, NULL)) {
        hold(form.n <= MULTIPART_PARTS_MAX);
        for (size_t i = 0; i < form.n; i++) {
            const struct multipart_part *part = &form.parts[i];
            hold(part->name.len > 0);
            hold(part->bytes.len == 0 ||
                 (part->bytes.at >= rest.at &&
                  part->bytes.at + part->bytes.len <= rest.at + rest.len));
            all += part->bytes.len + part->name.len;
        }
        hold(all <= rest.len);
    }
    arena_finish(&arena);
    return 0;
}
