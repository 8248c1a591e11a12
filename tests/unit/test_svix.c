/* The signature of Svix and Standard Webhooks: made, held against others', spoiled. */
#include "tests/support/shared_data.h"
#include "webhooks/svix.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW (1764000000 * USEC_PER_SEC)

static const struct str secret = {"whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx", 38};
static const struct str body = {"{\"type\":\"email.delivered\"}", 26};

static int setup(void **state)
{
    static struct arena arena;
    struct err err = {0};

    arena_init(&arena);
    *state = &arena;
    return crypto_init(&err) ? 0 : -1;
}

static int teardown(void **state)
{
    arena_finish(*state);
    return 0;
}

static struct svix_headers signed_at(struct arena *arena, int64_t seconds)
{
    struct str timestamp = arena_format(arena, "%lld", (long long)seconds);

    return (struct svix_headers){STR("msg_1"), timestamp,
                                 svix_sign(arena, secret, STR("msg_1"), timestamp, body)};
}

static void ch_5_what_was_signed_verifies_within_five_minutes(void **state)
{
    struct arena *arena = *state;
    static const struct {
        int64_t ago;
        bool fine;
    } times[] = {
        {0,    true },
        {300,  true },
        {301,  false},
        {-300, true },
        {-301, false}
    };

    for (size_t i = 0; i < COUNTOF(times); i++) {
        struct svix_headers headers = signed_at(arena, NOW / USEC_PER_SEC - times[i].ago);
        assert_true(svix_verify(arena, secret, &headers, body, NOW) == times[i].fine);
    }
}

static void ch_5_one_right_entry_among_others_is_enough(void **state)
{
    struct arena *arena = *state;
    struct svix_headers headers = signed_at(arena, NOW / USEC_PER_SEC);
    struct str right = headers.signature;

    headers.signature =
        arena_format(arena, "v1a,%.*s v1,AAAA %.*s", STR_ARG(right), STR_ARG(right));
    assert_true(svix_verify(arena, secret, &headers, body, NOW));
    headers.signature = arena_format(arena, "v2,%.*s", (int)right.len - 3, right.at + 3);
    assert_false(svix_verify(arena, secret, &headers, body, NOW));
    headers.signature = str_slice(right, 3, right.len);
    assert_false(svix_verify(arena, secret, &headers, body, NOW));
    headers.signature = STR_NONE;
    assert_false(svix_verify(arena, secret, &headers, body, NOW));
}

static void ch_5_any_changed_byte_is_refused(void **state)
{
    struct arena *arena = *state;
    struct svix_headers right = signed_at(arena, NOW / USEC_PER_SEC);
    struct str *const parts[] = {&right.id, &right.timestamp, &right.signature};

    for (size_t part = 0; part <= COUNTOF(parts); part++) {
        struct str whole = part < COUNTOF(parts) ? *parts[part] : body;
        for (size_t i = 0; i < whole.len; i++) {
            struct str spoiled = arena_str(arena, whole);
            ((char *)spoiled.at)[i] ^= 1;
            if (part < COUNTOF(parts))
                *parts[part] = spoiled;
            assert_false(svix_verify(arena, secret, &right,
                                     part < COUNTOF(parts) ? body : spoiled, NOW));
        }
        if (part < COUNTOF(parts))
            *parts[part] = whole;
    }
    assert_true(svix_verify(arena, secret, &right, body, NOW));
}

static void ch_5_a_secret_that_is_none_verifies_nothing(void **state)
{
    struct arena *arena = *state;
    static const struct str none[] = {
        {"",             0 },
        {"whsec_",       6 },
        {"whsec_*",      7 },
        {"whsec_AAAAAA", 12}
    };

    for (size_t i = 0; i < COUNTOF(none); i++) {
        struct svix_headers headers = signed_at(arena, NOW / USEC_PER_SEC);
        headers.signature =
            svix_sign(arena, none[i], headers.id, headers.timestamp, body).len > 0
                ? STR("v1,x")
                : headers.signature;
        assert_false(svix_verify(arena, none[i], &headers, body, NOW));
    }
}

static struct str header(struct arena *arena, const json_t *vector, const char *name)
{
    const json_t *headers = json_object_in(vector, "headers");
    struct str value = json_text(arena, headers, arena_format(arena, "svix-%s", name).at);

    return value.len > 0
               ? value
               : json_text(arena, headers, arena_format(arena, "webhook-%s", name).at);
}

static void published_signature_vectors_are_judged_alike(void **state)
{
    struct arena *arena = *state;
    struct err err = {0};
    const json_t *vectors;
    OWNED_JSON(doc) = NULL;

    if (!shared_is_here(arena))
        return;
    assert_true(json_read(shared_file(arena, "providers/signature-vectors.json"), &doc, &err));
    vectors = json_array_in(json_object_in(json_object_in(doc, "schemes"), "svix"), "vectors");
    assert_true(json_array_size(vectors) > 15);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        struct svix_headers headers = {header(arena, vector, "id"),
                                       header(arena, vector, "timestamp"),
                                       header(arena, vector, "signature")};
        bool valid = svix_verify(arena, json_text(arena, vector, "secret"), &headers,
                                 json_text(arena, vector, "body"),
                                 json_int(vector, "now", 0) * USEC_PER_SEC);
        if (valid != json_bool(vector, "valid", false))
            fail_msg("%s", json_text(arena, vector, "name").at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_what_was_signed_verifies_within_five_minutes),
        cmocka_unit_test(ch_5_one_right_entry_among_others_is_enough),
        cmocka_unit_test(ch_5_any_changed_byte_is_refused),
        cmocka_unit_test(ch_5_a_secret_that_is_none_verifies_nothing),
        cmocka_unit_test(published_signature_vectors_are_judged_alike),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
