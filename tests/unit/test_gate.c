/* Places of a lane: given, taken, come back; never more taken than given, whoever comes. */
#include "bot/lane/gate.h"
#include "bot/turn/batch_hand.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gate gates[GATES];
static struct gate *gate;
static const struct uuid lane = {
    {1, 2, 3}
};

static int fresh(void **state)
{
    (void)state;
    memset(gates, 0, sizeof gates);
    gate = gate_of(gates, lane);
    return gate == NULL;
}

static void a_lane_has_one_gate_and_too_many_lanes_have_none(void **state)
{
    (void)state;
    assert_ptr_equal(gate_of(gates, lane), gate);
    for (uint8_t i = 0; i < GATES - 1; i++) {
        assert_non_null(gate_of(gates, (struct uuid){
                                           {9, i}
        }));
    }
    assert_null(gate_of(gates, (struct uuid){{10}}));
    assert_ptr_equal(gate_of(gates, lane), gate);
    assert_null(gate_take(NULL, 0, 0, 1).gate);
}

static void nothing_is_taken_where_the_gate_is_shut_or_its_time_is_over(void **state)
{
    (void)state;
    gate_give(gate, 5);
    assert_null(gate_take(gate, 0, 10, 1).gate);
    gate_open(gate, 7, 3, 100);
    assert_null(gate_take(gate, 0, 100, 1).gate);
    assert_null(gate_take(gate, GATE_WORKERS, 10, 1).gate);
    struct pass pass = gate_take(gate, 0, 99, 1);
    assert_ptr_equal(pass.gate, gate);
    assert_int_equal(pass.epoch, 7);
    assert_int_equal(pass.holder, 3);
    gate_shut(gate, 6); /* another's epoch */
    assert_non_null(gate_take(gate, 0, 99, 1).gate);
    gate_shut(gate, 7);
    assert_null(gate_take(gate, 0, 99, 1).gate);
}

static void all_places_or_none(void **state)
{
    (void)state;
    gate_open(gate, 1, 0, 100);
    gate_give(gate, 3);
    assert_null(gate_take(gate, 0, 0, 4).gate);
    assert_non_null(gate_take(gate, 0, 0, 3).gate);
    assert_null(gate_take(gate, 0, 0, 1).gate);
    assert_int_equal(gate_withdraw(gate), 0);
}

static void what_comes_back_may_be_taken_again_under_the_same_epoch(void **state)
{
    (void)state;
    gate_open(gate, 1, 0, 100);
    gate_give(gate, 2);
    struct pass pass = gate_take(gate, 4, 0, 2);
    assert_int_equal(gate_out(gate), 2);
    pass_return(&pass);
    pass_return(&pass); /* nothing more */
    assert_int_equal(gate_out(gate), 0);
    pass = gate_take(gate, 4, 0, 2);
    gate_shut(gate, 1);
    gate_open(gate, 2, 0, 100);
    pass_return(&pass);
    assert_int_equal(gate_withdraw(gate), 0); /* not the new holder's */
    assert_int_equal(gate_out(gate), 0);
}

static void a_dead_workers_places_are_back_when_the_next_begins(void **state)
{
    (void)state;
    gate_open(gate, 1, 0, 100);
    gate_give(gate, 9);
    (void)gate_take(gate, 1, 0, 4);
    (void)gate_take(gate, 2, 0, 3);
    gate_arrived(gate, 1);
    assert_int_equal(gate_out(gate), 6);
    gates_settle(gates, 1);
    assert_int_equal(gate_out(gate), 3);
    gate_arrived(gate, 1); /* the dead one's letter */
    gate_arrived(gate, 2);
    assert_int_equal(gate_out(gate), 2);
}

static void the_queue_is_never_below_nothing(void **state)
{
    (void)state;
    gate_queue(gate, 3);
    gate_dequeue(gate, 2);
    assert_int_equal(atomic_load(&gate->queued), 1);
    gate_dequeue(gate, 2);
    assert_int_equal(atomic_load(&gate->queued), 0);
    gate_queue(NULL, 1);
}

enum { TAKERS = 3, GIVEN = 100000 };
static _Atomic unsigned taken;

static void *take_all(void *worker)
{
    unsigned index = (unsigned)(uintptr_t)worker;

    for (unsigned n = 0; atomic_load(&taken) < GIVEN; n++) {
        struct pass pass = gate_take(gate, index, 0, 1);
        if (pass.gate == NULL)
            continue;
        if (n % 4 == 0) {
            pass_return(&pass);
        } else {
            atomic_fetch_add(&taken, 1);
        }
    }
    return NULL;
}

static void many_takers_take_what_was_given_and_no_more(void **state)
{
    (void)state;
    pthread_t takers[TAKERS];

    taken = 0;
    gate_open(gate, 1, 0, 100);
    for (uintptr_t i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_all, (void *)i), 0);
    for (int i = 0; i < GIVEN / 100; i++) {
        gate_give(gate, 100);
        if (i % 10 == 0)
            gate_give(gate, gate_withdraw(gate));
    }
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    assert_int_equal(taken, GIVEN);
    assert_int_equal(gate_out(gate), GIVEN);
    assert_int_equal(gate_withdraw(gate), 0);
}

/* What stands in shared memory was written by others, and one of them may have been dying. */
static void more_takers_than_there_can_be_are_not_looked_for(void **state)
{
    (void)state;
    atomic_store(&gate->takers, UINT32_MAX);
    assert_int_equal(gate_out(gate), 0);
}

/* --- what is handed over ------------------------------------------------------------------ */

static void a_message_handed_over_is_the_same_on_the_other_side(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct handover told = {.lane = lane,
                            .epoch = 5,
                            .taker = 2,
                            .at = 17,
                            .conversation = {{4}},
                            .seq = 9,
                            .last = 8,
                            .due_at = 77,
                            .address = STR("US.1"),
                            .phone = STR(""),
                            .body = STR("{\"kind\":\"text\"}")};
    struct handover heard;
    struct str letter = handover_write(&arena, &told);

    assert_true(handover_read(letter, &heard));
    assert_true(uuid_eq(heard.lane, told.lane) &&
                uuid_eq(heard.conversation, told.conversation));
    assert_true(heard.epoch == 5 && heard.taker == 2 && heard.at == 17 && heard.seq == 9 &&
                heard.last == 8 && heard.due_at == 77);
    assert_true(str_eq(heard.address, told.address) && heard.phone.len == 0 &&
                str_eq(heard.body, told.body));
    for (size_t len = 0; len < letter.len; len++)
        assert_false(handover_read((struct str){letter.at, len}, &heard));
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lane_has_one_gate_and_too_many_lanes_have_none, fresh),
        cmocka_unit_test_setup(nothing_is_taken_where_the_gate_is_shut_or_its_time_is_over,
                               fresh),
        cmocka_unit_test_setup(all_places_or_none, fresh),
        cmocka_unit_test_setup(what_comes_back_may_be_taken_again_under_the_same_epoch, fresh),
        cmocka_unit_test_setup(a_dead_workers_places_are_back_when_the_next_begins, fresh),
        cmocka_unit_test_setup(the_queue_is_never_below_nothing, fresh),
        cmocka_unit_test_setup(many_takers_take_what_was_given_and_no_more, fresh),
        cmocka_unit_test_setup(more_takers_than_there_can_be_are_not_looked_for, fresh),
        cmocka_unit_test(a_message_handed_over_is_the_same_on_the_other_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
