/*
 * Faults come when they were asked for, and the same again for the same seed.
 */
#include "tests/sandbox/faults.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool set(struct faults *faults, const char *text)
{
    OWNED_JSON(wish) = json_loads(text, 0, NULL);
    assert_non_null(wish);
    return faults_set(faults, wish, NULL);
}

static void a_seed_repeats_exactly(void **state)
{
    (void)state;
    struct faults a = {0};
    struct faults b = {0};
    assert_true(set(&a, "{\"seed\":7,\"delay_ms\":1,\"delay_max_ms\":9}"));
    assert_true(set(&b, "{\"seed\":7,\"delay_ms\":1,\"delay_max_ms\":9}"));
    int hits = 0;
    for (int i = 0; i < 10000; i++) {
        bool hit = faults_roll(&a, 0.25);
        assert_true(hit == faults_roll(&b, 0.25));
        hits += hit;
        int64_t delay = faults_delay(&a);
        assert_true(delay >= 1 && delay <= 9 && delay == faults_delay(&b));
    }
    assert_in_range(hits, 2300, 2700);
}

static void certainty_and_impossibility_are_exact(void **state)
{
    (void)state;
    struct faults faults = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(faults_roll(&faults, 1));
        assert_false(faults_roll(&faults, 0));
    }
}

static void the_next_n_are_hit_and_no_more(void **state)
{
    (void)state;
    struct faults faults = {0};
    assert_true(set(&faults, "{\"fail\":[{\"code\":131000,\"http\":500,\"next\":2,\"to\":"
                             "\"+1\"}]}"));
    assert_null(faults_rule(&faults, "+2"));
    assert_int_equal(faults_rule(&faults, "+1")->http, 500);
    assert_int_equal(faults_rule(&faults, "+1")->code, 131000);
    assert_null(faults_rule(&faults, "+1"));
}

static void a_bad_wish_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"throttle\":0.5,\"no_such\":1}",
        "{\"throttle\":0.5,\"lose_answer\":1.5}",
        "{\"throttle\":0.5,\"delay_ms\":-1}",
        "{\"throttle\":0.5,\"pair_rate\":1}",
        "{\"throttle\":0.5,\"fail\":[{\"code\":1,\"http\":200}]}",
        "{\"throttle\":0.5,\"fail\":{}}",
        "[]",
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct faults faults = {.dice = 3};
        struct faults before = faults;
        assert_false(set(&faults, bad[i]));
        assert_memory_equal(&faults, &before, sizeof(faults));
    }
}

static void reset_forgets_all(void **state)
{
    (void)state;
    struct faults faults = {0};
    assert_true(set(&faults, "{\"throttle\":1,\"fail\":[{\"code\":1,\"next\":3}]}"));
    assert_true(set(&faults, "{\"reset\":true,\"garbage\":0.5}"));
    OWNED_JSON(now) = faults_to_json(&faults);
    assert_int_equal(json_array_size(json_object_get(now, "fail")), 0);
    assert_true(json_real_value(json_object_get(now, "throttle")) == 0);
    assert_true(json_real_value(json_object_get(now, "garbage")) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_repeats_exactly),
        cmocka_unit_test(certainty_and_impossibility_are_exact),
        cmocka_unit_test(the_next_n_are_hit_and_no_more),
        cmocka_unit_test(a_bad_wish_changes_nothing),
        cmocka_unit_test(reset_forgets_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
