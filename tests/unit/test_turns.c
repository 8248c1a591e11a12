/*
 * The queue of turns against a batch of the test's own: what is picked together, in which
 * order, and what becomes of items when a batch is put off, sick or bad. No database: the three
 * functions of bot/turn/batch.h stand here.
 */
#include "bot/turn/batch.h"
#include "bot/turn/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ITEMS = 4000, FLYING = 8 };

/* --- the batch that is not one -------------------------------------------------------------
 */

static struct batch *flying[FLYING];
static size_t n_flying, n_started;

struct batch *batch_create(struct worker *worker)
{
    struct batch *batch = calloc(1, sizeof *batch);

    assert_non_null(batch);
    batch->worker = worker;
    return batch;
}

void batch_destroy(struct batch *batch)
{
    free(batch);
}

static void share_no_conversation(const struct batch *a, const struct batch *b)
{
    for (const struct item *one = a->items; one != NULL; one = one->next) {
        for (const struct item *two = b->items; two != NULL; two = two->next)
            assert_false(uuid_eq(one->portion->org, two->portion->org) &&
                         one->account == two->account && str_eq(one->address, two->address));
    }
}

void batch_start(struct batch *batch)
{
    size_t n = 0;

    for (const struct item *item = batch->items; item != NULL; item = item->next)
        n++;
    assert_int_equal(n, batch->n);
    assert_true(n > 0);
    assert_true(n <= batch->worker->config->turns.batch_max);
    assert_true(n_flying < FLYING);
    for (size_t i = 0; i < n_flying; i++) { /* one in flight for each business, and one aside */
        assert_ptr_not_equal(flying[i]->business, batch->business);
        if (uuid_eq(flying[i]->business->org, batch->business->org))
            assert_int_equal(flying[i]->items->aside + batch->items->aside, 1);
        share_no_conversation(flying[i], batch);
    }
    if (batch->items->aside)
        assert_int_equal(batch->n, 1);
    batch->blame = BLAME_NOBODY;
    batch->put_off = NULL;
    batch->err = (struct err){0};
    flying[n_flying++] = batch;
    n_started++;
}

static void finish(size_t index, enum batch_end end)
{
    struct batch *batch = flying[index];

    flying[index] = flying[--n_flying];
    batch->end = end;
    if (end == BATCH_BAD) {
        (void)err_raise(&batch->err, ERR_REJECT, "value out of range");
    } else if (end == BATCH_SICK) {
        (void)err_raise(&batch->err, ERR_RETRY, "no connection");
    }
    batch->done(batch);
}

/* --- a worker, deliveries and items --------------------------------------------------------
 */

struct parcel {
    struct arrival arrival;
    struct portion portion;
    struct arena arena;
    bool settled;
};

static struct config config;
static struct worker worker;
static struct parcel parcels[ITEMS];
static struct item items[ITEMS];
static size_t n_parcels, n_items;
static struct account accounts[4];
static const struct uuid orgs[2] = {{{1}}, {{2}}};

static void settled(struct arrival *arrival)
{
    struct parcel *parcel = CONTAINER_OF(arrival, struct parcel, arrival);

    assert_false(parcel->settled);
    parcel->settled = true;
}

static int set_up(void **state)
{
    struct err err = {0};
    struct shared *shared = NULL;

    (void)state;
    memset(parcels, 0, sizeof parcels);
    memset(items, 0, sizeof items);
    n_parcels = n_items = n_flying = n_started = 0;
    config = (struct config){
        .turns = {.batch_max = 128, .queue_max = 20000}
    };
    worker = (struct worker){.config = &config};
    assert_true(crypto_init(&err) && shared_create(1, &shared, &err));
    worker.shared = shared;
    worker.self = &shared->workers[0];
    assert_true(loop_init(&worker.loop, &err));
    worker.turns = turns_create(&worker);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    turns_close(worker.turns);
    assert_true(loop_finish(&worker.loop));
    turns_destroy(worker.turns);
    for (size_t i = 0; i < n_parcels; i++)
        arena_finish(&parcels[i].arena);
    return 0;
}

static struct parcel *deliver(size_t org)
{
    struct parcel *parcel = &parcels[n_parcels++];
    struct str name = {(const char *)&n_parcels, sizeof n_parcels};

    parcel->arrival = (struct arrival){.arena = &parcel->arena,
                                       .hash = hash16_of(&name, 1),
                                       .arrived = clock_monotonic(),
                                       .deadline = clock_monotonic() + 10 * USEC_PER_SEC,
                                       .settled = settled,
                                       .worker = &worker};
    parcel->portion = (struct portion){.delivery = &parcel->arrival, .org = orgs[org]};
    return parcel;
}

static struct item *add(struct parcel *parcel, const char *address)
{
    struct item *item = &items[n_items++];

    *item = (struct item){
        .portion = &parcel->portion, .account = &accounts[0], .address = str_from(address)};
    parcel->arrival.pending++;
    turns_add(worker.turns, item);
    return item;
}

static struct item *add_alone(const char *address)
{
    return add(deliver(0), address);
}

static void turn_loop(void)
{
    (void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
    (void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
}

static void turn_until_flying(usec_t within)
{
    usec_t end = clock_monotonic() + within;

    while (n_flying == 0 && clock_monotonic() < end)
        (void)uv_run(&worker.loop.uv, UV_RUN_ONCE);
    assert_true(n_flying > 0);
}

/* Whether the batch holds exactly these, in this order. */
static void holds(const struct batch *batch, size_t first, size_t n)
{
    const struct item *item = batch->items;

    assert_int_equal(batch->n, n);
    for (size_t i = first; i < first + n; i++, item = item->next)
        assert_ptr_equal(item, &items[i]);
    assert_null(item);
}

static void holds_these(const struct batch *batch, struct item *const *expected, size_t n)
{
    const struct item *item = batch->items;

    assert_int_equal(batch->n, n);
    for (size_t i = 0; i < n; i++, item = item->next)
        assert_ptr_equal(item, expected[i]);
    assert_null(item);
}

static void commit_all(void)
{
    for (turn_loop(); n_flying > 0; turn_loop())
        finish(0, BATCH_COMMITTED);
}

/* Move `item` from the batch's items to those put off. */
static void put_off(struct batch *batch, const struct item *which)
{
    struct item **at = &batch->items, **last = &batch->put_off;

    while (*at != which)
        at = &(*at)->next;
    struct item *item = *at;
    *at = item->next;
    while (*last != NULL)
        last = &(*last)->next;
    item->next = NULL;
    *last = item;
}

/* --- picking -------------------------------------------------------------------------------
 */

static void what_came_in_one_turn_of_the_loop_goes_together(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        (void)add_alone("a");
    assert_int_equal(n_flying, 0); /* never inside turns_add */
    turn_loop();
    assert_int_equal(n_flying, 1);
    holds(flying[0], 0, 5);
    assert_int_equal(turns_depth(worker.turns), 5);
    finish(0, BATCH_COMMITTED);
    assert_int_equal(turns_depth(worker.turns), 0);
    for (size_t i = 0; i < 5; i++)
        assert_true(parcels[i].settled && !parcels[i].arrival.failed);
}

static void what_comes_while_a_batch_flies_is_the_next_batch(void **state)
{
    (void)state;
    (void)add_alone("a");
    turn_loop();
    (void)add_alone("a");
    (void)add_alone("b");
    turn_loop();
    assert_int_equal(n_flying, 1);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    assert_int_equal(n_flying, 1);
    holds(flying[0], 1, 2);
    commit_all();
}

static void at_most_128_turns_of_one_business_share_a_transaction(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++)
        (void)add_alone("a");
    turn_loop();
    holds(flying[0], 0, 128);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    holds(flying[0], 128, 128);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    holds(flying[0], 256, 44);
    commit_all();
}

static void a_busy_business_does_not_keep_a_quiet_one_waiting(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        (void)add_alone("a");
    struct item *quiet = add(deliver(1), "a");
    turn_loop();
    assert_int_equal(n_flying, 2);
    size_t its = flying[0]->items == quiet ? 0 : 1;
    assert_ptr_equal(flying[its]->items, quiet);
    assert_int_equal(flying[its]->n, 1);
    finish(its, BATCH_COMMITTED);
    assert_true(parcels[1000].settled);
    assert_int_equal(n_flying, 1); /* the busy one's first is still under way */
    commit_all();
}

static void a_delivery_is_settled_with_its_last_item(void **state)
{
    (void)state;
    struct parcel *parcel = deliver(0);
    for (int i = 0; i < 200; i++)
        (void)add(parcel, "a");
    turn_loop();
    finish(0, BATCH_COMMITTED);
    assert_false(parcel->settled);
    turn_loop();
    finish(0, BATCH_COMMITTED);
    assert_true(parcel->settled && !parcel->arrival.failed);
}

/* --- put off -------------------------------------------------------------------------------
 */

static void put_off_turns_lead_the_next_batch_and_hold_back_their_conversation_only(
    void **state)
{
    (void)state;
    struct item *a1 = add_alone("a"), *b1 = add_alone("b");
    turn_loop();
    struct item *a2 = add_alone("a"), *b2 = add_alone("b"), *c1 = add_alone("c");
    put_off(flying[0], a1);
    finish(0, BATCH_COMMITTED);
    assert_true(parcels[1].settled && !parcels[0].settled);
    assert_true(a1->not_before > clock_monotonic() - 60 * USEC_PER_MSEC);
    a1->not_before = clock_monotonic() + 30 * USEC_PER_MSEC; /* whatever the dice said */
    turn_loop();
    struct item *others[] = {b2, c1};
    holds_these(flying[0], others, 2);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    assert_int_equal(n_flying, 0);
    turn_until_flying(USEC_PER_SEC); /* its own timer */
    struct item *held[] = {a1, a2};
    holds_these(flying[0], held, 2);
    (void)b1;
    commit_all();
}

static void the_same_person_on_another_number_is_not_held_back(void **state)
{
    (void)state;
    struct item *first = add_alone("a");
    turn_loop();
    struct item *other = add_alone("a");
    other->account = &accounts[1];
    put_off(flying[0], first);
    finish(0, BATCH_COMMITTED);
    first->not_before = clock_monotonic() + 20 * USEC_PER_MSEC;
    turn_loop();
    holds_these(flying[0], &other, 1);
    commit_all();
    turn_until_flying(USEC_PER_SEC);
    commit_all();
}

/* More conversations wait than are kept count of: then all wait, which is slow but in order. */
static void more_waiting_conversations_than_are_counted_keep_their_order(void **state)
{
    (void)state;
    static char names[100][8];
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%zu", i);
        (void)add_alone(names[i]);
    }
    turn_loop();
    for (size_t i = 0; i < 100; i++)
        put_off(flying[0], &items[i]);
    finish(0, BATCH_COMMITTED);
    for (size_t i = 0; i < 100; i++) {
        items[i].not_before = clock_monotonic() + 20 * USEC_PER_MSEC;
        (void)add_alone(names[i]);
    }
    turn_loop();
    assert_int_equal(n_flying, 0);
    turn_until_flying(USEC_PER_SEC);
    holds(flying[0], 0, 128);
    commit_all();
}

static void a_turn_that_is_put_off_again_and_again_waits_longer_but_not_for_ever(void **state)
{
    (void)state;
    struct item *item = add_alone("a");
    for (int i = 0; i < 12; i++) {
        turn_until_flying(USEC_PER_SEC);
        put_off(flying[0], item);
        finish(0, BATCH_COMMITTED);
        assert_true(item->not_before <= clock_monotonic() + 50 * USEC_PER_MSEC);
    }
    turn_until_flying(USEC_PER_SEC);
    commit_all();
    assert_true(parcels[0].settled && !parcels[0].arrival.failed);
}

/* --- suspects ------------------------------------------------------------------------------
 */

static void a_suspect_is_stepped_alone_and_in_its_place(void **state)
{
    (void)state;
    (void)add_alone("a");
    struct parcel *suspect = deliver(0);
    suspect->arrival.suspect = true;
    (void)add(suspect, "b");
    (void)add(suspect, "c");
    (void)add_alone("d");
    (void)add_alone("b");
    turn_loop();
    holds(flying[0], 0, 1);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    holds(flying[0], 1, 2);
    finish(0, BATCH_COMMITTED);
    turn_loop();
    holds(flying[0], 3, 2);
    commit_all();
}

static void two_suspects_are_not_stepped_together(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct parcel *suspect = deliver(0);
        suspect->arrival.suspect = true;
        (void)add(suspect, "a");
    }
    for (size_t i = 0; i < 3; i++) {
        turn_loop();
        holds(flying[0], i, 1);
        finish(0, BATCH_COMMITTED);
    }
    turn_loop();
    assert_int_equal(n_flying, 0);
}

static void a_suspect_that_waits_keeps_its_place(void **state)
{
    (void)state;
    struct parcel *suspect = deliver(0);
    suspect->arrival.suspect = true;
    struct item *item = add(suspect, "a");
    turn_loop();
    put_off(flying[0], item);
    finish(0, BATCH_COMMITTED);
    item->not_before = clock_monotonic() + 20 * USEC_PER_MSEC;
    (void)add_alone("a");
    (void)add_alone("b");
    turn_until_flying(USEC_PER_SEC);
    holds(flying[0], 0, 1);
    commit_all();
    assert_int_equal(turns_depth(worker.turns), 0);
}

/* What is being stepped is known to the supervisor, until the batch has ended. */
static void deliveries_are_marked_while_they_are_stepped(void **state)
{
    (void)state;
    (void)add_alone("a");
    (void)add_alone("b");
    turn_loop();
    (void)add_alone("c"); /* waits: it cannot have killed anybody */
    shared_blame(worker.shared, 0, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(shared_is_suspect(worker.shared, parcels[i].arrival.hash), i < 2);
    commit_all();
    shared_blame(worker.shared, 0, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(shared_is_suspect(worker.shared, parcels[i].arrival.hash), i < 2);
}

/* --- sick ----------------------------------------------------------------------------------
 */

static void a_sick_database_parks_nobody_and_all_is_tried_again_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        (void)add_alone("a");
    turn_loop();
    for (int i = 0; i < 4; i++) {
        finish(0, BATCH_SICK);
        turn_loop();
        (void)add_alone("a");
        turn_until_flying(USEC_PER_SEC);
        holds(flying[0], 0, 6 + (size_t)i);
    }
    commit_all();
    for (size_t i = 0; i < n_items; i++) {
        assert_null(items[i].park);
        assert_true(parcels[i].settled && !parcels[i].arrival.failed);
    }
}

static void tries_come_further_and_further_apart(void **state)
{
    (void)state;
    (void)add_alone("a");
    turn_loop();
    for (int i = 0; i < 5; i++) {
        usec_t from = clock_monotonic(); /* before the timer starts: we may be put aside */
        finish(0, BATCH_SICK);
        turn_until_flying(2 * USEC_PER_SEC);
        /* at least half of 10 ms, doubled each time */
        assert_true(clock_monotonic() - from >= (5 << i) * USEC_PER_MSEC - USEC_PER_MSEC);
    }
    commit_all();
}

static void past_its_deadline_a_delivery_is_given_back_and_the_others_go_on(void **state)
{
    (void)state;
    (void)add_alone("a");
    (void)add_alone("a");
    parcels[0].arrival.deadline = clock_monotonic() - 1;
    turn_loop();
    finish(0, BATCH_SICK);
    assert_true(parcels[0].settled && parcels[0].arrival.failed);
    assert_false(parcels[1].settled);
    turn_until_flying(USEC_PER_SEC);
    holds(flying[0], 1, 1);
    commit_all();
    assert_false(parcels[1].arrival.failed);
}

static void a_stopping_worker_gives_back_what_it_cannot_write(void **state)
{
    (void)state;
    (void)add_alone("a");
    turn_loop();
    worker.draining = true;
    finish(0, BATCH_SICK);
    assert_true(parcels[0].settled && parcels[0].arrival.failed);
    assert_int_equal(turns_depth(worker.turns), 0);
}

/* --- sick because of one --------------------------------------------------------------------
 */

static void finish_sick(size_t index, enum batch_blame blame)
{
    flying[index]->blame = blame;
    finish(index, BATCH_SICK);
}

static size_t index_of(const struct item *first)
{
    for (size_t i = 0; i < n_flying; i++) {
        if (flying[i]->items == first)
            return i;
    }
    fail_msg("it is not in flight");
    return 0;
}

static void turn_until(const struct item *flies)
{
    usec_t end = clock_monotonic() + USEC_PER_SEC;

    for (;; (void)uv_run(&worker.loop.uv, UV_RUN_ONCE)) {
        for (size_t i = 0; i < n_flying; i++) {
            if (flying[i]->items == flies)
                return;
        }
        assert_true(clock_monotonic() < end);
    }
}

/* What always takes too long fails its batch once; then its own conversation waits for it. */
static void a_query_that_always_times_out_holds_up_its_conversation_only(void **state)
{
    (void)state;
    (void)add_alone("a");
    struct item *poison = add_alone("b"), *behind = add_alone("c");
    turn_loop();
    finish_sick(0, BLAME_ONE);
    (void)add_alone("d");
    struct item *after = add_alone("b");
    usec_t end = clock_monotonic() + USEC_PER_SEC;
    while (!parcels[0].settled || !parcels[3].settled) {
        assert_true(clock_monotonic() < end);
        turn_loop();
        for (size_t i = n_flying; i-- > 0;) {
            assert_ptr_not_equal(flying[i]->items, after);
            if (flying[i]->items != poison)
                finish(i, BATCH_COMMITTED);
        }
    }
    turn_until(poison);
    finish_sick(index_of(poison), BLAME_ONE); /* who was with it waits no longer than this */
    turn_until(behind);
    finish(index_of(behind), BATCH_COMMITTED);
    turn_until(poison);
    for (int i = 0; i < 5; i++) { /* others come and go beside it */
        struct item *other = add_alone("e");
        turn_until(other);
        finish(index_of(other), BATCH_COMMITTED);
        assert_int_equal(flying[index_of(poison)]->n, 1);
    }
    parcels[1].arrival.deadline = clock_monotonic() - 1;
    finish_sick(index_of(poison), BLAME_ONE);
    assert_true(parcels[1].settled && parcels[1].arrival.failed);
    assert_null(poison->park);
    commit_all();
    for (size_t i = 0; i < n_parcels; i++)
        assert_int_equal(parcels[i].arrival.failed, i == 1);
}

/* It comes again, and is known: no batch gets sick over it. When it goes well it is forgotten.
 */
static void a_conversation_that_made_a_batch_sick_goes_alone_when_it_comes_again(void **state)
{
    (void)state;
    struct item *poison = add_alone("b");
    turn_loop();
    finish_sick(0, BLAME_ONE);
    turn_until(poison);
    parcels[0].arrival.deadline = clock_monotonic() - 1;
    finish_sick(index_of(poison), BLAME_ONE);
    turn_until(add_alone("a"));
    finish(0, BATCH_COMMITTED);
    for (int round = 0; round < 2; round++) {
        struct item *again = add_alone("b"), *other = add_alone("a");
        turn_loop();
        if (round == 0) {
            assert_int_equal(n_flying, 2);
            assert_int_equal(flying[index_of(again)]->n, 1);
            assert_int_equal(flying[index_of(other)]->n, 1);
        } else {
            assert_int_equal(n_flying, 1);
            assert_int_equal(flying[index_of(again)]->n, 2);
        }
        commit_all();
    }
}

/* A deadlock, a lock that somebody holds: once is nothing. */
static void what_is_refused_again_and_again_goes_one_by_one(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        (void)add_alone(i == 3 ? "b" : "a");
    turn_loop();
    for (int i = 0; i < 7; i++) {
        turn_until_flying(USEC_PER_SEC);
        holds(flying[0], 0, 5);
        finish_sick(0, BLAME_PERHAPS);
    }
    for (size_t i = 0; i < 5; i++) {
        turn_until_flying(USEC_PER_SEC);
        holds(flying[0], i, 1);
        finish(0, BATCH_COMMITTED);
        turn_loop();
    }
    for (int i = 0; i < 5; i++)
        assert_false(parcels[i].arrival.failed);
}

/* --- bad data ------------------------------------------------------------------------------
 */

/* Play the batcher against culprits until nothing is left; how many batches it took. */
static size_t play(const bool *culprit)
{
    size_t before = n_started;

    for (turn_loop(); turns_depth(worker.turns) > 0; turn_loop()) {
        turn_until_flying(USEC_PER_SEC);
        bool bad = false;
        for (const struct item *item = flying[0]->items; item != NULL; item = item->next)
            bad = bad || (culprit[item - items] && item->park == NULL);
        finish(0, bad ? BATCH_BAD : BATCH_COMMITTED);
    }
    return n_started - before;
}

static void of_a_failed_batch_only_the_culprit_is_parked(void **state)
{
    (void)state;
    for (size_t where = 0; where < 128; where++) {
        bool culprit[ITEMS] = {false};
        size_t first = n_items;
        for (int i = 0; i < 20; i++)
            (void)add_alone("a");
        culprit[first + where % 20] = true;
        assert_true(play(culprit) <= 20);
        for (size_t i = first; i < n_items; i++) {
            assert_int_equal(items[i].park != NULL, culprit[i]);
            assert_true(parcels[i].settled && !parcels[i].arrival.failed);
        }
    }
}

static void several_culprits_are_all_found_and_nobody_else(void **state)
{
    (void)state;
    bool culprit[ITEMS] = {false};

    for (size_t i = 0; i < 1000; i++) {
        (void)add_alone("a");
        culprit[i] = i % 97 == 5 || i == 128 || i == 127;
    }
    assert_true(play(culprit) < 300);
    for (size_t i = 0; i < n_items; i++) {
        assert_int_equal(items[i].park != NULL, culprit[i]);
        if (culprit[i])
            assert_string_equal(items[i].park, "value out of range");
        assert_true(parcels[i].settled && !parcels[i].arrival.failed);
    }
}

static void one_that_cannot_even_be_parked_is_left_to_its_provider(void **state)
{
    (void)state;
    (void)add_alone("a");
    turn_loop();
    (void)add_alone("a");
    finish(0, BATCH_BAD);
    turn_loop();
    holds(flying[0], 0, 1); /* to be parked, alone: the batches after bad data are small */
    assert_non_null(items[0].park);
    finish(0, BATCH_BAD);
    assert_true(parcels[0].settled && parcels[0].arrival.failed);
    turn_loop();
    holds(flying[0], 1, 1);
    commit_all();
    assert_null(items[1].park);
}

static void a_sick_database_while_halving_loses_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        (void)add_alone("a");
    turn_loop();
    finish(0, BATCH_BAD);
    turn_loop();
    holds(flying[0], 0, 4);
    finish(0, BATCH_SICK);
    turn_until_flying(USEC_PER_SEC);
    holds(flying[0], 0, 4);
    commit_all();
    for (size_t i = 0; i < n_items; i++)
        assert_true(parcels[i].settled && items[i].park == NULL);
}

/* --- all of it, at random ------------------------------------------------------------------
 */

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

struct books {
    size_t next[2][10]; /* the item of each conversation that is to be handled next */
    size_t of[ITEMS];   /* conversation */
    size_t number[ITEMS];
    size_t n_in[2][10];
    bool culprit[ITEMS];
    size_t handled;
};

static void add_at_random(struct books *books)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    size_t org = next_random(2), n = next_random(6) + 1;
    struct parcel *parcel = deliver(org);

    parcel->arrival.suspect = next_random(15) == 0;
    for (size_t i = 0; i < n; i++) {
        size_t which = next_random(10), index = n_items;
        (void)add(parcel, names[which]);
        books->of[index] = which;
        books->number[index] = books->n_in[org][which]++;
        books->culprit[index] = next_random(40) == 0;
    }
}

static void handled(struct books *books, const struct item *item)
{
    size_t index = (size_t)(item - items);
    size_t org = uuid_eq(item->portion->org, orgs[0]) ? 0 : 1;

    assert_int_equal(books->number[index], books->next[org][books->of[index]]++);
    books->handled++;
}

/* Whether the parcel is the only one of the batch. */
static void suspects_are_alone(const struct batch *batch)
{
    bool suspect = false;

    for (const struct item *item = batch->items; item != NULL; item = item->next)
        suspect = suspect || item->portion->delivery->suspect;
    for (const struct item *item = batch->items; suspect && item != NULL; item = item->next)
        assert_ptr_equal(item->portion, batch->items->portion);
}

/* Conversations that "another worker holds": all of an item's conversation goes off together.
 */
static void put_off_at_random(struct books *books, struct batch *batch)
{
    size_t held = next_random(10);
    const struct item *next;

    for (const struct item *item = batch->items; item != NULL; item = next) {
        next = item->next;
        if (books->of[item - items] == held)
            put_off(batch, item);
    }
}

static void end_at_random(struct books *books)
{
    size_t index = next_random((uint32_t)n_flying);
    struct batch *batch = flying[index];
    bool bad = false;

    suspects_are_alone(batch);
    for (const struct item *item = batch->items; item != NULL; item = item->next)
        bad = bad || (books->culprit[item - items] && item->park == NULL);
    if (next_random(12) == 0) {
        finish_sick(index, (enum batch_blame)next_random(3));
    } else if (bad) {
        finish(index, BATCH_BAD);
    } else {
        if (next_random(3) == 0)
            put_off_at_random(books, batch);
        for (const struct item *item = batch->items; item != NULL; item = item->next)
            handled(books, item);
        finish(index, BATCH_COMMITTED);
    }
}

static void a_conversations_items_are_handled_once_and_in_order_whatever_happens(void **state)
{
    static struct books books;

    for (uint32_t seed = 1; seed <= 8; seed++) {
        random_state = seed;
        memset(&books, 0, sizeof books);
        while (n_items < 1500 || turns_depth(worker.turns) > 0) {
            if (n_items < 1500 && next_random(3) > 0)
                add_at_random(&books);
            (void)uv_run(&worker.loop.uv,
                         n_items < 1500 || n_flying > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
            if (n_flying > 0 && next_random(2) == 0)
                end_at_random(&books);
        }
        assert_int_equal(books.handled, n_items);
        for (size_t i = 0; i < n_items; i++)
            assert_int_equal(items[i].park != NULL, books.culprit[i]);
        for (size_t i = 0; i < n_parcels; i++)
            assert_true(parcels[i].settled && !parcels[i].arrival.failed);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_came_in_one_turn_of_the_loop_goes_together),
        FRESH(what_comes_while_a_batch_flies_is_the_next_batch),
        FRESH(at_most_128_turns_of_one_business_share_a_transaction),
        FRESH(a_busy_business_does_not_keep_a_quiet_one_waiting),
        FRESH(a_delivery_is_settled_with_its_last_item),
        FRESH(put_off_turns_lead_the_next_batch_and_hold_back_their_conversation_only),
        FRESH(the_same_person_on_another_number_is_not_held_back),
        FRESH(more_waiting_conversations_than_are_counted_keep_their_order),
        FRESH(a_turn_that_is_put_off_again_and_again_waits_longer_but_not_for_ever),
        FRESH(a_suspect_is_stepped_alone_and_in_its_place),
        FRESH(two_suspects_are_not_stepped_together),
        FRESH(a_suspect_that_waits_keeps_its_place),
        FRESH(deliveries_are_marked_while_they_are_stepped),
        FRESH(a_sick_database_parks_nobody_and_all_is_tried_again_in_order),
        FRESH(tries_come_further_and_further_apart),
        FRESH(past_its_deadline_a_delivery_is_given_back_and_the_others_go_on),
        FRESH(a_stopping_worker_gives_back_what_it_cannot_write),
        FRESH(a_query_that_always_times_out_holds_up_its_conversation_only),
        FRESH(a_conversation_that_made_a_batch_sick_goes_alone_when_it_comes_again),
        FRESH(what_is_refused_again_and_again_goes_one_by_one),
        FRESH(of_a_failed_batch_only_the_culprit_is_parked),
        FRESH(several_culprits_are_all_found_and_nobody_else),
        FRESH(one_that_cannot_even_be_parked_is_left_to_its_provider),
        FRESH(a_sick_database_while_halving_loses_nobody),
        FRESH(a_conversations_items_are_handled_once_and_in_order_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
