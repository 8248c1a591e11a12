/*
 * The number of a card, sent in every way that a delivery can end: it is in no file of the
 * database, not even in its journal, and in no log.
 */
#include "tests/support/service.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct service service;
static PGconn *owner;

/* As they are written in the deliveries: plain, in groups, escaped. */
static const char *const numbers[] = {"4111111111111111",         "5555 5555 5555 4444",
                                      "3782-822463-10005",        "6011\\u00a00009 9013 9424",
                                      "6011\u00a00009 9013 9424", "3566002020360505",
                                      "30569309025904",           "6200000000000005",
                                      "6759649826438453"};
static size_t found[COUNTOF(numbers) + 1];

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2, .sms = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

#define MARK "the mark that is looked for"

static int look_into(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    int file = kind == FTW_F && stat->st_size > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *bytes;

    (void)walk;
    if (file < 0)
        return 0;
    bytes = mmap(NULL, (size_t)stat->st_size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    for (size_t i = 0; i <= COUNTOF(numbers); i++) {
        const char *number = i < COUNTOF(numbers) ? numbers[i] : MARK;
        if (memmem(bytes, (size_t)stat->st_size, number, strlen(number)) == NULL)
            continue;
        found[i]++;
        if (i < COUNTOF(numbers))
            print_error("%s is in %s\n", number, path);
    }
    (void)munmap(bytes, (size_t)stat->st_size);
    return 0;
}

static void ch_9_no_card_is_stored_or_logged_whatever_becomes_of_the_delivery(void **state)
{
    struct post posts[] = {
        {.body = post_text(&arena,     "15550710001",                        "wamid.c.1", MARK " 4111111111111111")},
        {.body =
             post_text(&arena,   "15550710001",                                       "wamid.c.2", "where is 5555 5555 5555 4444?")},
        {.body = post_text(&arena,             "15550710002","wamid.c.3", "POISON 3782-822463-10005")},
        {.body = post_text(&arena,                            "15550710003",                                         "wamid.c.4", "6011\u00a00009 9013 9424")},
        {.body = STR("{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"77\","
                     "\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{"
                     "\"phone_number_id\":\"999\"},\"messages\":[{\"from\":\"15550710004\","
                     "\"id\":\"wamid.c.5\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":{"
                     "\"body\":\"6011\\u00a00009 9013 9424 3566002020360505\"}}]}}]}]}")                },
        {.body = STR("this is no JSON, and has 30569309025904 in it")    },
        {.sms = true,
         .body = post_sms(&arena,                           "+15550710005", "SMc1", "with 6200000000000005?", "")},
        {.sms = true,
         .body = STR("MessageSid=SMc2&To=%2B15559999999&From=%2B15550100001&Body="
                     "6759649826438453+and+4111%201111%C2%A01111+1111")}
    };

    (void)state;
    run_sql(owner,
            "create function poison() returns trigger language plpgsql as $$"
            " begin raise exception 'a value that cannot be' using errcode = '22003'; end"
            " $$;"
            "create trigger poison before insert on messages for each row"
            " when (new.body like '%POISON%') execute function poison()");
    service_post(&service, posts, COUNTOF(posts), COUNTOF(posts), 20 * USEC_PER_SEC);
    for (size_t i = 0; i < COUNTOF(posts); i++)
        assert_int_equal(posts[i].status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, 30 * USEC_PER_SEC);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), 3);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and"
                                       " body like '%****%'"),
                     4);
    assert_true(service_arrived(&service, NULL, "payment card") >= 3); /* they are told why */
    run_sql(owner, "checkpoint");
    assert_int_equal(nftw(store_pg.dir, look_into, 16, FTW_PHYS), 0);
    size_t marked = found[COUNTOF(numbers)];
    assert_int_equal(nftw(service.dir, look_into, 16, FTW_PHYS), 0);
    assert_true(marked > 0); /* so the looking works */
    for (size_t i = 0; i < COUNTOF(numbers); i++)
        assert_int_equal(found[i], 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        ch_9_no_card_is_stored_or_logged_whatever_becomes_of_the_delivery, set_up, tear_down)};

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
