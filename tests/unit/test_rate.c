/*
 * The arithmetic of the sending rates, on a clock of the test's own: what is promised to the
 * provider is an upper bound over every stretch of time, so that is what is counted.
 */
#include "bot/lane/rate.h"
#include "bot/lane/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RATE   80U
#define BURST  80U
#define PAIR   (6 * USEC_PER_SEC)
#define BURSTS 45U
#define START  (1000 * USEC_PER_SEC)

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)(random_state >> 4) * below) >> 28);
}

static struct uuid person(unsigned number)
{
    struct uuid id = {{0}};
    uint64_t mixed = number * UINT64_C(0x9E3779B97F4A7C15);

    memcpy(id.bytes, &number, sizeof number);
    memcpy(id.bytes + 8, &mixed, sizeof mixed);
    return id;
}

/* --- the account's bucket ------------------------------------------------------------------
 */

static void a_new_bucket_is_full_and_gives_its_burst_at_once(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    assert_int_equal(bucket_tokens(&bucket, START, RATE, BURST), BURST);
    bucket_take(&bucket, BURST);
    assert_int_equal(bucket_tokens(&bucket, START, RATE, BURST), 0);
    assert_int_equal(bucket_tokens(&bucket, START + USEC_PER_SEC / RATE - 1, RATE, BURST), 0);
    assert_int_equal(bucket_tokens(&bucket, START + USEC_PER_SEC / RATE, RATE, BURST), 1);
}

/* A message turned out to be three segments: two more are paid for before the next may go. */
static void ch_4_what_is_owed_is_paid_first(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    assert_int_equal(bucket_tokens(&bucket, START, 1, 1), 1);
    bucket_take(&bucket, 1);
    bucket_owe(&bucket, 2);
    assert_int_equal(bucket_wait(&bucket, START, 1, 1), 3 * USEC_PER_SEC + 1);
    assert_int_equal(bucket_tokens(&bucket, START + 2 * USEC_PER_SEC, 1, 1), 0);
    assert_int_equal(bucket_tokens(&bucket, START + 3 * USEC_PER_SEC, 1, 1), 1);
    /* a debt is paid from what is there, and rest beyond the burst pays none in advance */
    assert_int_equal(bucket_tokens(&bucket, START + USEC_PER_HOUR, 10, 10), 10);
    bucket_owe(&bucket, 4);
    assert_int_equal(bucket_tokens(&bucket, START + USEC_PER_HOUR, 10, 10), 6);
}

/* However it is asked, no stretch of time sees more than its burst and its rate. */
static void no_stretch_of_time_sees_more_than_burst_and_rate(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    static usec_t at[STEPS];
    static unsigned total[STEPS + 1];

    for (random_state = 1; random_state < 20; random_state++) {
        uint32_t seed = random_state;
        struct bucket bucket = {0};
        usec_t now = START;
        for (size_t i = 0; i < STEPS; i++) {
            now += next_random(20) == 0 ? next_random(3000000) : next_random(3000);
            unsigned there = bucket_tokens(&bucket, now, RATE, BURST);
            unsigned taken = there > 0 ? next_random(there) + 1 : 0;
            bucket_take(&bucket, taken);
            at[i] = now;
            total[i + 1] = total[i] + taken;
        }
        for (size_t n = 0; n < 40000; n++) {
            size_t from = next_random(STEPS), to = from + next_random((uint32_t)(STEPS - from));
            uint64_t most = BURST + (uint64_t)(at[to] - at[from]) * RATE / USEC_PER_SEC + 1;
            assert_true(total[to + 1] - total[from] <= most);
        }
        random_state = seed;
    }
}

/* A greedy sender gets all of its rate: rounding loses nothing, however often it asks. */
static void a_greedy_sender_gets_its_whole_rate(void **state)
{
    (void)state;
    static const usec_t steps[] = {1, 7, 99, 1001, 12499, 12501, 700001};

    for (size_t k = 0; k < COUNTOF(steps); k++) {
        struct bucket bucket = {0};
        usec_t now = START;
        uint64_t sent = 0;
        while (now < START + 20 * USEC_PER_SEC) {
            unsigned there = bucket_tokens(&bucket, now, RATE, BURST);
            bucket_take(&bucket, there);
            sent += there;
            now += steps[k];
        }
        assert_in_range(sent, (uint64_t)RATE * 19, (uint64_t)RATE * 20 + BURST);
    }
}

static void the_wait_is_exact(void **state)
{
    (void)state;
    static const unsigned rates[] = {1, 3, 7, 80, 1000};

    for (size_t k = 0; k < COUNTOF(rates); k++) {
        struct bucket bucket = {0};
        usec_t now = START;
        bucket_take(&bucket, bucket_tokens(&bucket, now, rates[k], 5));
        for (int i = 0; i < 50; i++) {
            usec_t wait = bucket_wait(&bucket, now, rates[k], 5);
            struct bucket early = bucket;
            assert_true(wait > 0);
            assert_int_equal(bucket_tokens(&early, now + wait - 2, rates[k], 5), 0);
            now += wait;
            assert_int_equal(bucket_wait(&bucket, now, rates[k], 5), 0);
            assert_int_equal(bucket_tokens(&bucket, now, rates[k], 5), 1);
            bucket_take(&bucket, 1);
        }
    }
}

static void a_long_idle_time_fills_the_bucket_and_no_more(void **state)
{
    (void)state;
    static const usec_t idle[] = {USEC_PER_SEC, USEC_PER_HOUR, 400 * USEC_PER_DAY};

    for (size_t k = 0; k < COUNTOF(idle); k++) {
        struct bucket bucket = {0};
        bucket_take(&bucket, bucket_tokens(&bucket, START, 1000, 1000));
        assert_int_equal(bucket_tokens(&bucket, START + idle[k], 1000, 1000), 1000);
    }
}

static void a_clock_going_backwards_gives_nothing_and_stops_nothing(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    bucket_take(&bucket, bucket_tokens(&bucket, START, RATE, BURST));
    assert_int_equal(bucket_tokens(&bucket, START - USEC_PER_HOUR, RATE, BURST), 0);
    assert_int_equal(bucket_tokens(&bucket, START - USEC_PER_HOUR, RATE, BURST), 0);
    assert_true(bucket_wait(&bucket, START - USEC_PER_HOUR, RATE, BURST) <= USEC_PER_SEC);
    assert_int_equal(
        bucket_tokens(&bucket, START - USEC_PER_HOUR + USEC_PER_SEC / 2, RATE, BURST), 40);
}

static void a_changed_rate_holds_from_then_on(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    assert_int_equal(bucket_tokens(&bucket, START, 1000, 1000), 1000);
    assert_int_equal(bucket_tokens(&bucket, START + 1, 80, 80), 80);
}

static void rate_nought_means_no_limit(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bucket_tokens(&bucket, START, 0, 128), 128);
        bucket_take(&bucket, 128);
        assert_int_equal(bucket_wait(&bucket, START, 0, 128), 0);
    }
    assert_int_equal(bucket_tokens(&bucket, START, 0, 0), UINT32_MAX);
}

static void taking_more_than_there_is_leaves_nothing(void **state)
{
    (void)state;
    struct bucket bucket = {0};

    assert_int_equal(bucket_tokens(&bucket, START, RATE, BURST), BURST);
    bucket_take(&bucket, UINT32_MAX);
    assert_int_equal(bucket_tokens(&bucket, START, RATE, BURST), 0);
}

/* --- pairs ---------------------------------------------------------------------------------
 */

static void one_person_gets_a_burst_of_45_then_one_in_6_s(void **state)
{
    (void)state;
    struct pairs pairs;
    usec_t now = START, wait;

    pairs_init(&pairs);
    for (unsigned i = 0; i < BURSTS; i++)
        assert_int_equal(pairs_take(&pairs, person(1), now, PAIR, BURSTS), 0);
    for (unsigned i = 0; i < 100; i++) {
        wait = pairs_take(&pairs, person(1), now, PAIR, BURSTS);
        assert_int_equal(wait, PAIR);
        assert_true(pairs_take(&pairs, person(1), now + wait - 1, PAIR, BURSTS) > 0);
        now += wait;
        assert_int_equal(pairs_take(&pairs, person(1), now, PAIR, BURSTS), 0);
    }
    pairs_finish(&pairs);
}

static void the_burst_comes_back_with_time(void **state)
{
    (void)state;
    struct pairs pairs;
    usec_t now = START;

    pairs_init(&pairs);
    for (unsigned i = 0; i < BURSTS; i++)
        assert_int_equal(pairs_take(&pairs, person(1), now, PAIR, BURSTS), 0);
    now += 10 * PAIR;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(pairs_take(&pairs, person(1), now, PAIR, BURSTS), 0);
    assert_true(pairs_take(&pairs, person(1), now, PAIR, BURSTS) > 0);
    now += USEC_PER_DAY;
    for (unsigned i = 0; i < BURSTS; i++)
        assert_int_equal(pairs_take(&pairs, person(1), now, PAIR, BURSTS), 0);
    assert_true(pairs_take(&pairs, person(1), now, PAIR, BURSTS) > 0);
    pairs_finish(&pairs);
}

static void people_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct pairs pairs;

    pairs_init(&pairs);
    for (unsigned i = 0; i < BURSTS; i++)
        assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, BURSTS), 0);
    for (unsigned who = 2; who < 5000; who++)
        assert_int_equal(pairs_take(&pairs, person(who), START, PAIR, BURSTS), 0);
    assert_true(pairs_take(&pairs, person(1), START, PAIR, BURSTS) > 0);
    pairs_finish(&pairs);
}

/* A refused taking uses nothing up, however often it is tried. */
static void asking_in_vain_costs_nothing(void **state)
{
    (void)state;
    struct pairs pairs;

    pairs_init(&pairs);
    assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, 1), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pairs_take(&pairs, person(1), START + 1, PAIR, 1), PAIR - 1);
    assert_int_equal(pairs_take(&pairs, person(1), START + PAIR, PAIR, 1), 0);
    pairs_finish(&pairs);
}

/* The table against the rule written down plainly, for many people at random times. */
static void the_table_forgets_nobody_whose_share_is_used(void **state)
{
    (void)state;
    enum { PEOPLE = 700 };
    usec_t until[PEOPLE] = {0};
    struct pairs pairs;
    usec_t now = START;

    random_state = 7;
    pairs_init(&pairs);
    for (int i = 0; i < 400000; i++) {
        /* the crowd wanders, so that some are pruned and come back */
        unsigned who = (next_random(60) + (unsigned)i / 500) % PEOPLE;
        now += next_random(40000);
        usec_t from = until[who] > now ? until[who] : now;
        usec_t over = from + PAIR - now - PAIR * BURSTS;
        usec_t wait = pairs_take(&pairs, person(who), now, PAIR, BURSTS);
        assert_int_equal(wait, over > 0 ? over : 0);
        if (wait == 0)
            until[who] = from + PAIR;
    }
    pairs_finish(&pairs);
}

static void those_whose_share_is_whole_again_are_pruned(void **state)
{
    (void)state;
    struct pairs pairs;
    usec_t now = START;

    pairs_init(&pairs);
    for (unsigned who = 0; who < 200000; who++) {
        now += PAIR / 100; /* a hundred at a time have a share in use */
        assert_int_equal(pairs_take(&pairs, person(who), now, PAIR, BURSTS), 0);
        assert_true(pairs.room <= 1024);
    }
    pairs_finish(&pairs);
}

static void pairs_live_through_a_clock_going_backwards(void **state)
{
    (void)state;
    struct pairs pairs;

    pairs_init(&pairs);
    for (unsigned who = 0; who < 500; who++)
        assert_int_equal(pairs_take(&pairs, person(who), START, PAIR, 1), 0);
    for (unsigned who = 0; who < 500; who++) {
        assert_int_equal(pairs_take(&pairs, person(who), START - USEC_PER_SEC, PAIR, 1),
                         PAIR + USEC_PER_SEC);
    }
    pairs_finish(&pairs);
}

static void interval_nought_means_no_limit_and_burst_nought_is_one(void **state)
{
    (void)state;
    struct pairs pairs;

    pairs_init(&pairs);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pairs_take(&pairs, person(1), START, 0, BURSTS), 0);
    assert_int_equal(pairs.room, 0);
    assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, 0), 0);
    assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, 0), PAIR);
    pairs_finish(&pairs);
    pairs_finish(&pairs);
}

static void what_came_to_nothing_does_not_count(void **state)
{
    struct pairs pairs;

    (void)state;
    pairs_init(&pairs);
    pairs_give(&pairs, person(1), PAIR); /* nothing was taken */
    for (unsigned i = 0; i < BURSTS * 3; i++) {
        assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, BURSTS), 0);
        pairs_give(&pairs, person(1), PAIR);
    }
    for (unsigned i = 0; i < BURSTS; i++)
        assert_int_equal(pairs_take(&pairs, person(1), START, PAIR, BURSTS), 0);
    assert_true(pairs_take(&pairs, person(1), START, PAIR, BURSTS) > 0);
    pairs_give(&pairs, person(2), PAIR);
    assert_true(pairs_take(&pairs, person(1), START, PAIR, BURSTS) > 0);
    pairs_finish(&pairs);
}

/* --- what all share ------------------------------------------------------------------------
 */

/* Many who take, reserve and give back: over no stretch more than the burst and the rate. */
static void ch_5_a_shared_rate_holds_for_all_who_share_it(void **state)
{
    enum { PER_SECOND = 2, AT_ONCE = 3 };
    struct quota quota = {0};
    unsigned used = 0, reserved = 0;
    usec_t now = START;

    (void)state;
    random_state = 7;
    for (int i = 0; i < 20000; i++, now += next_random(100000)) {
        unsigned n = quota_take(&quota, now, PER_SECOND, AT_ONCE, next_random(5));
        unsigned back = n > 0 ? next_random(n + 1) : 0;
        usec_t wait;
        quota_give(&quota, PER_SECOND, back);
        used += n - back;
        if (next_random(20) == 0 &&
            quota_reserve(&quota, now, PER_SECOND, AT_ONCE, 2 * USEC_PER_SEC, &wait)) {
            assert_true(wait <= 2 * USEC_PER_SEC);
            reserved++;
        }
        assert_true(used + reserved <=
                    AT_ONCE + PER_SECOND * ((now - START) / USEC_PER_SEC + 1) + 4);
    }
    assert_true(used + reserved > PER_SECOND * (now - START) / USEC_PER_SEC * 9 / 10);
    assert_true(reserved > 500);
}

static void ch_5_who_reserved_goes_before_who_takes(void **state)
{
    struct quota quota = {0};
    usec_t wait;

    (void)state;
    assert_int_equal(quota_take(&quota, START, 2, 2, 10), 2);
    assert_int_equal(quota_wait(&quota, START, 2, 2), USEC_PER_SEC / 2);
    assert_true(quota_reserve(&quota, START, 2, 2, USEC_PER_SEC, &wait));
    assert_int_equal(wait, USEC_PER_SEC / 2);
    assert_true(quota_reserve(&quota, START, 2, 2, USEC_PER_SEC, &wait));
    assert_int_equal(wait, USEC_PER_SEC);
    assert_false(quota_reserve(&quota, START, 2, 2, USEC_PER_SEC, &wait));
    assert_int_equal(quota_take(&quota, START + USEC_PER_SEC, 2, 2, 10), 0);
    assert_int_equal(quota_wait(&quota, START + USEC_PER_SEC, 2, 2), USEC_PER_SEC / 2);
    assert_int_equal(quota_take(&quota, START + 3 * USEC_PER_SEC / 2, 2, 2, 10), 1);
    quota_give(&quota, 2, 1);
    assert_int_equal(quota_wait(&quota, START + 3 * USEC_PER_SEC / 2, 2, 2), 0);
    assert_int_equal(quota_take(&quota, START + USEC_PER_MIN, 2, 2, 10), 2);
    assert_int_equal(quota_take(&quota, START, 0, 2, 10), 10);
    assert_int_equal(quota_wait(&quota, START, 0, 2), 0);
}

/* Mails come in faster than they may be asked for, for ten minutes: answers leave all the same,
 * and no more is asked of the provider than it allows. */
static void ch_5_who_takes_is_not_shut_out_by_those_who_reserve(void **state)
{
    enum { PER_SECOND = 2, AT_ONCE = 2, SECONDS = 600, AHEAD = 8 };
    struct quota quota = {0};
    unsigned taken = 0, reserved = 0;
    usec_t now = START, wait;

    (void)state;
    random_state = 11;
    for (; now < START + SECONDS * USEC_PER_SEC; now += next_random(100000)) {
        while (next_random(3) == 0 &&
               quota_reserve(&quota, now, PER_SECOND, AT_ONCE, AHEAD * USEC_PER_SEC, &wait))
            reserved++;
        wait = quota_share_wait(&quota, now, PER_SECOND, AT_ONCE);
        assert_true(wait <= 2 * USEC_PER_SEC);
        unsigned n = quota_share(&quota, now, PER_SECOND, AT_ONCE, 1);
        assert_int_equal(n, wait == 0);
        if (n > 0 && next_random(10) == 0) { /* there was nothing to send */
            quota_give(&quota, PER_SECOND, n);
        } else {
            taken += n;
        }
        assert_true(taken + reserved <=
                    AT_ONCE + PER_SECOND * ((now - START) / USEC_PER_SEC + AHEAD + 2));
    }
    assert_in_range(taken, SECONDS * PER_SECOND / 5, SECONDS * PER_SECOND * 3 / 10);
    assert_true(reserved > SECONDS * PER_SECOND * 6 / 10);
}

/* --- one business's flood ------------------------------------------------------------------
 */

enum { FLOOD_RATE = 2, FLOOD_BURST = 2, WAITING = 64 };

/* A door: mails of businesses that wait for their request. */
struct waiting {
    struct shares shares;
    struct {
        struct uuid org;
        usec_t until;
    } mails[WAITING];
    unsigned n;
};

static bool comes(struct waiting *door, struct quota *quota, struct uuid org, usec_t now)
{
    usec_t most = 9 * USEC_PER_SEC, wait;

    for (unsigned i = door->n; i-- > 0;) {
        if (door->mails[i].until <= now) {
            shares_give(&door->shares, door->mails[i].org);
            door->mails[i] = door->mails[--door->n];
        }
    }
    if (shares_is_greedy(&door->shares, org))
        most /= 2;
    if (!quota_reserve(quota, now, FLOOD_RATE, FLOOD_BURST, most, &wait))
        return false;
    shares_take(&door->shares, org);
    assert_true(door->n < WAITING);
    door->mails[door->n].org = org;
    door->mails[door->n++].until = now + wait;
    return true;
}

/* Twenty a second come to one, one each three seconds to another: all of the other's are let
 * in, and the one has what is left of the rate. */
static void ch_5_a_flood_to_one_business_leaves_room_for_anothers_mails(void **state)
{
    static struct waiting door;
    struct quota quota = {0};
    unsigned let_in = 0;

    (void)state;
    door = (struct waiting){0};
    for (usec_t at = 0; at < 600 * USEC_PER_SEC; at += USEC_PER_SEC / 20) {
        let_in += comes(&door, &quota, person(1), START + at);
        if (at > 0 && at % (3 * USEC_PER_SEC) == 0)
            assert_true(comes(&door, &quota, person(2), START + at));
    }
    assert_in_range(let_in, 600 * FLOOD_RATE * 8 / 10, 600 * FLOOD_RATE);
}

/* Nobody else writes: half of the time that there is holds as many as can be asked for. */
static void ch_5_a_flood_to_the_only_business_gets_the_whole_rate(void **state)
{
    static struct waiting door;
    struct quota quota = {0};
    unsigned let_in = 0;

    (void)state;
    door = (struct waiting){0};
    for (usec_t at = 0; at < 600 * USEC_PER_SEC; at += USEC_PER_SEC / 20)
        let_in += comes(&door, &quota, person(1), START + at);
    assert_in_range(let_in, 600 * FLOOD_RATE, 600 * FLOOD_RATE + 20);
}

static void shares_are_counted_by_business(void **state)
{
    struct shares shares = {0};

    (void)state;
    assert_false(shares_is_greedy(&shares, person(1)));
    for (unsigned i = 0; i < 3 * SHARES_KNOWN; i++)
        shares_take(&shares, person(i));
    assert_int_equal(shares.all, SHARES_KNOWN);
    assert_false(shares_is_greedy(&shares, person(2 * SHARES_KNOWN)));
    shares_take(&shares, person(1));
    assert_true(shares_is_greedy(&shares, person(1)));
    assert_int_equal(shares_of(&shares, person(1)), 2);
    for (unsigned i = 0; i < 3 * SHARES_KNOWN; i++)
        shares_give(&shares, person(i));
    assert_int_equal(shares_of(&shares, person(1)), 1);
    assert_int_equal(shares.n, 1);
    shares_give(&shares, person(1));
    assert_int_equal(shares.n + shares.all, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_to_nothing_does_not_count),
        cmocka_unit_test(ch_4_what_is_owed_is_paid_first),
        cmocka_unit_test(ch_5_a_shared_rate_holds_for_all_who_share_it),
        cmocka_unit_test(ch_5_who_reserved_goes_before_who_takes),
        cmocka_unit_test(ch_5_who_takes_is_not_shut_out_by_those_who_reserve),
        cmocka_unit_test(ch_5_a_flood_to_one_business_leaves_room_for_anothers_mails),
        cmocka_unit_test(ch_5_a_flood_to_the_only_business_gets_the_whole_rate),
        cmocka_unit_test(shares_are_counted_by_business),
        cmocka_unit_test(a_new_bucket_is_full_and_gives_its_burst_at_once),
        cmocka_unit_test(no_stretch_of_time_sees_more_than_burst_and_rate),
        cmocka_unit_test(a_greedy_sender_gets_its_whole_rate),
        cmocka_unit_test(the_wait_is_exact),
        cmocka_unit_test(a_long_idle_time_fills_the_bucket_and_no_more),
        cmocka_unit_test(a_clock_going_backwards_gives_nothing_and_stops_nothing),
        cmocka_unit_test(a_changed_rate_holds_from_then_on),
        cmocka_unit_test(rate_nought_means_no_limit),
        cmocka_unit_test(taking_more_than_there_is_leaves_nothing),
        cmocka_unit_test(one_person_gets_a_burst_of_45_then_one_in_6_s),
        cmocka_unit_test(the_burst_comes_back_with_time),
        cmocka_unit_test(people_do_not_wait_for_each_other),
        cmocka_unit_test(asking_in_vain_costs_nothing),
        cmocka_unit_test(the_table_forgets_nobody_whose_share_is_used),
        cmocka_unit_test(those_whose_share_is_whole_again_are_pruned),
        cmocka_unit_test(pairs_live_through_a_clock_going_backwards),
        cmocka_unit_test(interval_nought_means_no_limit_and_burst_nought_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
