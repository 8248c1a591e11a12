/* Held against the worked examples of AWS's own documentation of S3 (the key in them is AWS's
 * example and opens nothing). */
#include "bot/base/crypto.h"
#include "bot/net/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sigv4_key key = {
    {"us-east-1",                                9 },
    {"s3",                                       2 },
    {"AKIAIOSFODNN7EXAMPLE",                     20},
    {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 40}
};

#define EXAMPLE_TIME ((usec_t)1369353600 * USEC_PER_SEC) /* 2013-05-24 00:00:00 UTC */

static struct str empty_hash(void)
{
    return STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void expect(const struct sigv4_request *request, const char *names,
                   const char *signature)
{
    struct arena arena = {0};
    struct http_header headers[SIGV4_HEADERS];
    struct str expected;

    sigv4_sign(&arena, &key, request, EXAMPLE_TIME, headers);
    assert_true(str_eq(headers[0].value, STR("20130524T000000Z")));
    assert_true(str_eq(headers[1].value, request->payload_sha256));
    expected = arena_format(
        &arena,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=%s, Signature=%s",
        names, signature);
    assert_string_equal(arena_cstr(&arena, headers[2].value), arena_cstr(&arena, expected));
    arena_finish(&arena);
}

static void an_object_is_asked_for(void **state)
{
    (void)state;
    const struct http_header range = {STR("Range"), STR("bytes=0-9")};
    const struct sigv4_request request = {.method = "GET",
                                          .host = STR("examplebucket.s3.amazonaws.com"),
                                          .path = STR("/test.txt"),
                                          .headers = &range,
                                          .n_headers = 1,
                                          .payload_sha256 = empty_hash()};

    expect(&request, "host;range;x-amz-content-sha256;x-amz-date",
           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void an_object_is_put(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct http_header headers[] = {
        {STR("Date"),                STR("Fri, 24 May 2013 00:00:00 GMT")},
        {STR("x-amz-storage-class"), STR("REDUCED_REDUNDANCY")           },
    };
    const struct sigv4_request request = {
        .method = "PUT",
        .host = STR("examplebucket.s3.amazonaws.com"),
        .path = sigv4_path(&arena, STR("/test$file.text")),
        .headers = headers,
        .n_headers = COUNTOF(headers),
        .payload_sha256 =
            STR("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")};

    assert_true(str_eq(request.path, STR("/test%24file.text")));
    expect(&request, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
           "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    arena_finish(&arena);
}

static void a_question_has_a_query(void **state)
{
    (void)state;
    struct sigv4_request request = {.method = "GET",
                                    .host = STR("examplebucket.s3.amazonaws.com"),
                                    .path = STR("/"),
                                    .query = STR("lifecycle="),
                                    .payload_sha256 = empty_hash()};

    expect(&request, "host;x-amz-content-sha256;x-amz-date",
           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = STR("max-keys=2&prefix=J");
    expect(&request, "host;x-amz-content-sha256;x-amz-date",
           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void any_byte_can_stand_in_a_path(void **state)
{
    (void)state;
    struct arena arena = {0};

    assert_true(
        str_eq(sigv4_path(&arena, STR("/a b/ü?#%+")), STR("/a%20b/%C3%BC%3F%23%25%2B")));
    assert_true(str_eq(sigv4_path(&arena, (struct str){"\0", 1}), STR("%00")));
    arena_finish(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_asked_for),
        cmocka_unit_test(an_object_is_put),
        cmocka_unit_test(a_question_has_a_query),
        cmocka_unit_test(any_byte_can_stand_in_a_path),
    };
    struct err err = {0};

    return crypto_init(&err) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
