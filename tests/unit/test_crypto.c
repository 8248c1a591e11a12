/* Hashes and signatures against published vectors, and comparison that is not fooled. */
#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int start(void **state)
{
    (void)state;
    struct err err;
    return crypto_init(&err) ? 0 : -1;
}

static void assert_hex(struct hash hash, const char *want)
{
    char text[2 * HASH_LEN + 1];
    hex_format(hash.bytes, HASH_LEN, text);
    assert_string_equal(text, want);
}

static struct str filled(char *at, int byte, size_t len)
{
    memset(at, byte, len);
    return (struct str){at, len};
}

static void hmac_agrees_with_rfc_4231(void **state)
{
    (void)state;
    char key[131];
    char data[50];
    assert_hex(hmac_sha256(filled(key, 0x0B, 20), STR("Hi There")),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hex(hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?")),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_hex(hmac_sha256(filled(key, 0xAA, 20), filled(data, 0xDD, 50)),
               "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (size_t i = 0; i < 25; i++)
        key[i] = (char)(i + 1);
    assert_hex(hmac_sha256((struct str){key, 25}, filled(data, 0xCD, 50)),
               "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    assert_hex(hmac_sha256(filled(key, 0xAA, 131),
                           STR("Test Using Larger Than Block-Size Key - Hash Key First")),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_hex(hmac_sha256(filled(key, 0xAA, 131),
                           STR("This is a test using a larger than block-size key and a larger "
                               "than block-size data. The key needs to be hashed before being "
                               "used by the HMAC algorithm.")),
               "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void nothing_has_a_hash_too(void **state)
{
    (void)state;
    assert_hex(sha256(STR_NONE),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hex(sha256(STR("abc")),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hex(hmac_sha256(STR_NONE, STR_NONE),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void check_vector(const json_t *vector)
{
    struct arena arena = {0};
    struct str secret = json_text(&arena, vector, "secret");
    struct hash mac = hmac_sha256(secret, json_text(&arena, vector, "body"));
    char text[2 * HASH_LEN + 1];
    hex_format(mac.bytes, HASH_LEN, text);
    struct str want = arena_format(&arena, "sha256=%s", text);
    assert_int_equal(crypto_equal(json_text(&arena, vector, "header"), want),
                     json_bool(vector, "valid", false));
    arena_finish(&arena);
}

static void meta_s_signature_vectors_are_judged_right(void **state)
{
    (void)state;
    json_t *doc = json_load_file(
        PARLEY_SOURCE_DIR "/../shared/providers/signature-vectors.json", 0, NULL);
    if (!doc) {
        (void)puts("skipped: ../shared is not here");
        skip();
    }
    const json_t *meta = json_object_in(json_object_in(doc, "schemes"), "meta");
    const json_t *vectors = json_array_in(meta, "vectors");
    assert_true(json_array_size(vectors) > 0);
    for (size_t i = 0; i < json_array_size(vectors); i++)
        check_vector(json_array_get(vectors, i));
    json_decref(doc);
}

static bool same16(struct hash16 a, struct hash16 b)
{
    return memcmp(a.bytes, b.bytes, HASH16_LEN) == 0;
}

static void parts_of_a_hash_cannot_run_together(void **state)
{
    (void)state;
    struct str whole[] = {STR("abc")};
    struct str first[] = {STR("ab"), STR("c")};
    struct str second[] = {STR("a"), STR("bc")};
    struct str padded[] = {STR("abc"), STR_NONE};
    struct hash16 hashes[] = {hash16_of(whole, 1),  hash16_of(first, 2),  hash16_of(second, 2),
                              hash16_of(padded, 2), hash16_of(padded, 0), hash16_of(padded, 1)};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(same16(hashes[i], hashes[j]));
    }
    assert_true(same16(hashes[0], hashes[5]));
    assert_true(same16(hash16_of(NULL, 0), hashes[4]));
}

/* The rows of `seen` outlive a release, so the hash may never change: BLAKE2b-128 of a length
 * in eight bytes, low first, and the part. */
static void the_hash_for_duplicates_stays_what_it_is(void **state)
{
    (void)state;
    struct str parts[] = {STR("wamid.A"), STR("106540352242922")};
    char text[2 * HASH16_LEN + 1];
    hex_format(hash16_of(parts, 2).bytes, HASH16_LEN, text);
    assert_string_equal(text, "efdc408411fd97cfd9fcb6d416499fb7");
}

static void equality_is_of_every_byte(void **state)
{
    (void)state;
    assert_true(crypto_equal(STR("sha256=00"), STR("sha256=00")));
    assert_true(crypto_equal(STR_NONE, STR("")));
    assert_false(crypto_equal(STR("a"), STR_NONE));
    assert_false(crypto_equal(STR("a"), STR("a\0")));
    char a[64];
    char b[64];
    for (size_t i = 0; i < sizeof(a); i++) {
        struct str one = filled(a, 'x', sizeof(a));
        struct str other = filled(b, 'x', sizeof(b));
        assert_true(crypto_equal(one, other));
        b[i] ^= 1;
        assert_false(crypto_equal(one, other));
    }
}

static void hex_reads_what_it_wrote_and_nothing_crooked(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256];
    char text[513];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    hex_format(bytes, sizeof(bytes), text);
    assert_int_equal(strlen(text), 512);
    assert_true(hex_parse(str_from(text), back, sizeof(back)));
    assert_memory_equal(bytes, back, sizeof(bytes));
    assert_true(hex_parse(STR("aAfF"), back, 2));
    assert_int_equal(back[0] << 8 | back[1], 0xAAFF);
    assert_true(hex_parse(STR_NONE, back, 0));
    assert_false(hex_parse(STR("0"), back, 0));
    assert_false(hex_parse(STR("00"), back, 2));
    assert_false(hex_parse(STR("000"), back, 1));
    assert_false(hex_parse(STR("0g"), back, 1));
    assert_false(hex_parse(STR(" 0"), back, 1));
    assert_false(hex_parse(STR("0\0"), back, 1));
    assert_false(hex_parse(STR("0x"), back, 1));
    hex_format(bytes, 0, text);
    assert_string_equal(text, "");
}

static void wiping_leaves_zeros(void **state)
{
    (void)state;
    char secret[] = "a secret";
    crypto_wipe(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        assert_int_equal(secret[i], 0);
    crypto_wipe(NULL, 0);
}

static void hmac_sha1_agrees_with_rfc_2202(void **state)
{
    (void)state;
    uint8_t mac[SHA1_LEN];
    char text[2 * SHA1_LEN + 1];
    assert_true(hmac_sha1(STR("Jefe"), STR("what do ya want for nothing?"), mac));
    hex_format(mac, SHA1_LEN, text);
    assert_string_equal(text, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_true(hmac_sha1(STR_NONE, STR_NONE, mac));
    hex_format(mac, SHA1_LEN, text);
    assert_string_equal(text, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void what_is_sealed_opens_with_its_key_and_no_other(void **state)
{
    (void)state;
    struct arena arena;
    struct err err;
    struct str plain;
    const uint8_t nonce[NONCE_LEN] = {7};
    arena_init(&arena);
    struct hash key = crypto_subkey(STR("the service's key"), "outbox");
    struct hash other = crypto_subkey(STR("the service's key"), "codes");
    struct str sealed = crypto_seal(&arena, &key, nonce, STR("Your code is 123456"));
    assert_true(str_find(sealed, STR("123456")) == sealed.len);
    assert_true(crypto_open(&arena, &key, sealed, &plain, &err));
    assert_true(str_eq(plain, STR("Your code is 123456")));
    assert_false(crypto_open(&arena, &other, sealed, &plain, &err));
    assert_int_equal(err.code, ERR_REJECT);
    for (size_t i = 0; i < sealed.len; i++) { /* every byte counts */
        struct str changed = arena_str(&arena, sealed);
        ((char *)changed.at)[i] ^= 1;
        assert_false(crypto_open(&arena, &key, changed, &plain, &err));
        assert_false(crypto_open(&arena, &key, str_slice(sealed, 0, i), &plain, &err));
    }
    sealed = crypto_seal(&arena, &key, nonce, STR_NONE);
    assert_true(crypto_open(&arena, &key, sealed, &plain, &err));
    assert_int_equal(plain.len, 0);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_agrees_with_rfc_4231),
        cmocka_unit_test(nothing_has_a_hash_too),
        cmocka_unit_test(meta_s_signature_vectors_are_judged_right),
        cmocka_unit_test(parts_of_a_hash_cannot_run_together),
        cmocka_unit_test(the_hash_for_duplicates_stays_what_it_is),
        cmocka_unit_test(equality_is_of_every_byte),
        cmocka_unit_test(hex_reads_what_it_wrote_and_nothing_crooked),
        cmocka_unit_test(wiping_leaves_zeros),
        cmocka_unit_test(hmac_sha1_agrees_with_rfc_2202),
        cmocka_unit_test(what_is_sealed_opens_with_its_key_and_no_other),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
