/*
 * Headers that claim a signature: the first three lines are the headers, the rest is the body.
 * None of them is ever right by itself; with the true entry among them they are, exactly when
 * the time is.
 */
#include "webhooks/svix.h"

#include "bot/base/crypto.h"

#include <stdlib.h>

#define NOW (1764000000 * USEC_PER_SEC)

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str secret = {"whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx", 38};
    struct arena arena;
    struct str rest = {(const char *)data, size};
    struct svix_headers headers = {0};

    arena_init(&arena);
    (void)str_split(&rest, '\n', &headers.id);
    (void)str_split(&rest, '\n', &headers.timestamp);
    (void)str_split(&rest, '\n', &headers.signature);
    hold(!svix_verify(&arena, secret, &headers, rest, NOW));
    hold(!svix_verify(&arena, headers.id, &headers, rest, NOW));
    headers.signature = svix_sign(&arena, secret, headers.id, headers.timestamp, rest);
    if (svix_verify(&arena, secret, &headers, rest, NOW)) {
        int64_t at = 0;
        hold(headers.id.len > 0 && str_to_int(headers.timestamp, &at));
        hold(at >= 1764000000 - 300 && at <= 1764000000 + 300);
    }
    arena_finish(&arena);
    return 0;
}
