/*
 * Photos of an order, from staff's command to the customer's phone: the file is uploaded once,
 * the message waits for it and nobody else does, and whoever dies in between, the photo comes
 * once.
 */
#include "tests/support/files.h"
#include "tests/support/service.h"
#include "tests/support/sleeper.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA   "15550100001" /* whose REP-2001 is */
#define SOMEBODY "15550799001"
#define WAIT     (30 * USEC_PER_SEC)
#define CAPTION  "The axle as it came in"

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned posted, pictures;

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static const char *program; /* NULL: the service as it is */

static void start(unsigned workers, const char *faults)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){
                                .program = program, .workers = workers, .faults = faults});
    run_sql(owner, "delete from order_photos");
}

static void say(const char *phone, const char *words)
{
    struct post post = {
        .body =
            post_text(&arena, phone, arena_format(&arena, "wamid.p.%u", posted++).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
}

/* Another file each time: its width says which one it is. */
static const char *picture(void)
{
    const char *path = arena_format(&arena, "%s/picture.png", service.dir).at;
    struct str bytes = file_png(&arena, 40 + pictures++, 30);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int photo(const char *const *words, char said[1000])
{
    char *argv[12] = {(char *)(uintptr_t) "photo"};

    for (size_t i = 0; words[i] != NULL && i + 2 < COUNTOF(argv); i++)
        argv[1 + i] = (char *)(uintptr_t)words[i];
    return service_command(&service, argv, said, 1000);
}
#define PHOTO(said, ...) photo((const char *const[]){__VA_ARGS__, NULL}, said)

static void add_photo(void)
{
    char said[1000];

    if (PHOTO(said, "add", "REP-2001", picture(), "--category", "damage", "--caption", CAPTION,
              "--as", "Joaquín") != 0)
        fail_msg("photo add: %s", said);
}

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, WAIT);
}

static void until_quiet(void)
{
    until("select count(*) from outbox", 0);
}

static const char *first_photo(void)
{
    PGresult *result =
        PQexec(owner, "select photo_id from order_photos order by taken_at, photo_id limit 1");

    assert_int_equal(PQntuples(result), 1);
    const char *id = arena_format(&arena, "%s", PQgetvalue(result, 0, 0)).at;
    PQclear(result);
    return id;
}

static size_t photos_arrived(void)
{
    return service_arrived(&service, AMELIA, CAPTION);
}

static void ask_for_photos(void)
{
    say(AMELIA, "REP-2001");
    until_quiet();
    say(AMELIA, "photos");
}

/* A worker that has just woken may not answer at once. */
static void uploaded(int times)
{
    int counted = -1;

    for (int i = 0; i < 250 && counted != times; i++) {
        counted = (int)service_counter(&service, "parley_uploads_total");
        if (counted != times)
            (void)usleep(20000);
    }
    assert_int_equal(counted, times);
}

static void books_are_right(void)
{
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_disordered(&service), 0);
}

/* --- the way of a photo --------------------------------------------------------------------
 */

static void ord_6_a_kept_photo_is_uploaded_once_and_sent_by_its_handle(void **state)
{
    (void)state;
    start(2, NULL);
    add_photo();
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 1);
    uploaded(1);
    const char *handle =
        arena_format(&arena, "\"id\":\"%ld\"",
                     ask_number(owner, "select media_id::int8 from uploads where not open"))
            .at;
    assert_int_equal(service_arrived(&service, AMELIA, handle), 1);
    assert_true(service_place(&service, CAPTION) < service_place(&service, "Order details"));
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 2);
    uploaded(1);
    assert_int_equal(service_arrived(&service, AMELIA, handle), 2);
    books_are_right();
    service_stop(&service);
}

static void ch_2_nobody_else_waits_for_an_upload(void **state)
{
    (void)state;
    start(1, "{\"upload_delay_ms\":1500}");
    add_photo();
    ask_for_photos();
    until("select count(*) from outbox where state = 5", 1);
    say(SOMEBODY, "hi");
    until("select count(*) from outbox o join conversations c using (org_id, conversation_id)"
          " join contact_points p using (org_id, contact_id) where p.phone = '+" SOMEBODY "'",
          0);
    assert_true(service_arrived(&service, SOMEBODY, NULL) > 0);
    assert_int_equal(photos_arrived(), 0);
    assert_int_equal(ask_number(owner, "select count(*) from outbox where state = 5"), 1);
    say(AMELIA, "details"); /* and what she says meanwhile is answered behind it */
    until_quiet();
    assert_int_equal(photos_arrived(), 1);
    books_are_right();
    service_stop(&service);
}

static void kill_workers(void)
{
    pid_t pids[8];
    size_t n = service_workers(&service, pids, COUNTOF(pids));

    for (size_t i = 0; i < n; i++)
        assert_int_equal(kill(pids[i], SIGKILL), 0);
}

/* Each round a new file, and death a little later on its way: before the upload, while it is
 * answered, when the handle is being kept, on the wire. */
static void ch_2_deaths_repeat_an_upload_and_never_the_photo(void **state)
{
    (void)state;
    static const useconds_t moments[] = {0, 20000, 120000, 390000, 410000, 430000, 480000};

    start(2, "{\"upload_delay_ms\":400}");
    for (size_t i = 0; i < COUNTOF(moments); i++) {
        run_sql(owner, "delete from order_photos");
        add_photo();
        ask_for_photos();
        (void)usleep(moments[i]);
        kill_workers();
        until_quiet();
        if (photos_arrived() != i + 1)
            fail_msg("%zu photos after death %zu", photos_arrived(), i);
        assert_int_equal(ask_number(owner, "select count(*) from uploads where open"), 0);
    }
    books_are_right();
    service_stop(&service);
}

/* A worker sleeps with the file in its hand, just before the wire, until another has uploaded
 * it and the photo has arrived. */
static void ch_2_who_sleeps_past_its_lease_uploads_nothing(void **state)
{
    struct sleeper sleeper;
    pid_t pid;

    (void)state;
    sleeper_begin(&sleeper, "/media");
    program = SLEEPER_PROGRAM;
    (void)setenv("PARLEY_DOCUMENTS_TIMEOUT", "300ms", 1);
    (void)setenv("PARLEY_DOCUMENTS_POLL", "100ms", 1);
    start(2, NULL);
    program = NULL;
    (void)unsetenv("PARLEY_DOCUMENTS_TIMEOUT");
    (void)unsetenv("PARLEY_DOCUMENTS_POLL");
    add_photo();
    ask_for_photos();
    pid = sleeper_asleep(&sleeper);
    assert_int_equal(service_uploads(&service), 0);
    until_quiet();
    assert_int_equal(service_uploads(&service), 1);
    assert_int_equal(kill(pid, SIGCONT), 0);
    for (int i = 0; i < 500 && service_logged(&service, "upload.too_late") == 0; i++)
        (void)usleep(20000);
    assert_int_equal(service_logged(&service, "upload.too_late"), 1);
    assert_int_equal(service_uploads(&service), 1);
    uploaded(1);
    assert_int_equal(ask_number(owner, "select count(*) from uploads where not open"
                                       " and media_id is not null and attempts = 2"),
                     1);
    assert_int_equal(photos_arrived(), 1);
    books_are_right();
    service_stop(&service);
    sleeper_end(&sleeper);
}

static void ch_2_an_answer_that_is_lost_or_an_error_repeats_the_upload(void **state)
{
    (void)state;
    start(1, "{\"upload_lose\":0.4, \"upload_5xx\":0.4, \"seed\":5}");
    for (int i = 0; i < 3; i++)
        add_photo();
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 3);
    uploaded(3);
    assert_true(service_counter(&service, "parley_upload_retries_total") > 0);
    books_are_right();
    service_stop(&service);
}

static void ch_2_a_refused_upload_ends_the_message_and_tells_why(void **state)
{
    (void)state;
    start(1, "{\"upload_refuse\":1}");
    add_photo();
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 0);
    assert_int_equal(service_arrived(&service, AMELIA, "Step by step") > 0, 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where kind = 'image'"
                                       " and delivery = 2 and error = 100"
                                       " and reason like '%one of the types%'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from uploads where not open"
                                       " and media_id is null and reason <> ''"),
                     1);
    assert_int_equal(service_logged(&service, "upload.refused"), 1);
    service_stop(&service);
}

static void ch_2_a_handle_that_the_provider_forgot_is_renewed(void **state)
{
    (void)state;
    start(2, NULL);
    add_photo();
    ask_for_photos();
    until_quiet();
    run_sql(owner, "update uploads set media_id = '1'"); /* nobody's */
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 2);
    uploaded(2);
    run_sql(owner, "update uploads set uploaded_at = now() - interval '26 days'");
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 3);
    uploaded(3);
    books_are_right();
    service_stop(&service);
}

/* --- whose files they are ------------------------------------------------------------------
 */

static void ord_10_a_photo_taken_off_the_order_is_not_sent_any_more(void **state)
{
    (void)state;
    char said[1000];

    start(1, "{\"upload_delay_ms\":300}");
    add_photo();
    add_photo();
    assert_int_equal(PHOTO(said, "list", "rep2001"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from order_photos"), 2);
    assert_non_null(strstr(said, CAPTION));
    const char *first = first_photo();
    char again[1000];
    assert_int_equal(PHOTO(again, "caption", "REP-2001", first, "Before all"), 0);
    assert_int_equal(PHOTO(again, "replace", "REP-2001", first, picture()), 0);
    assert_int_equal(PHOTO(again, "remove", "REP-2001", first), 0);
    assert_int_equal(PHOTO(again, "remove", "REP-2001", first), 1);
    ask_for_photos();
    until_quiet();
    assert_int_equal(photos_arrived(), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "Before all"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from documents where ticketed"), 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action like 'photo.%'"), 5);
    service_stop(&service);
}

static void ord_10_only_pictures_and_papers_are_kept(void **state)
{
    (void)state;
    char said[1000];
    const char *path;
    FILE *file;

    start(1, NULL);
    path = arena_format(&arena, "%s/picture.jpg", service.dir).at;
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("<html>not at all</html>", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(PHOTO(said, "add", "REP-2001", path, "--category", "damage"), 1);
    assert_non_null(strstr(said, "no JPEG, PNG or PDF"));
    assert_int_equal(PHOTO(said, "add", "NOPE-1", picture(), "--category", "damage"), 1);
    assert_non_null(strstr(said, "no order"));
    assert_int_equal(PHOTO(said, "add", "REP-2001", picture(), "--category", "nice"), 2);
    assert_int_equal(PHOTO(said, "add", "REP-2001", picture()), 2);
    assert_int_equal(PHOTO(said, "add", "REP-2001", "/nowhere", "--category", "damage"), 1);
    assert_int_equal(
        PHOTO(said, "add", "REP-2001", picture(), "--category", "damage", "--caption", "\xff"),
        1);
    assert_int_equal(ask_number(owner, "select count(*) from order_photos"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from documents"), 0);
    service_stop(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ord_6_a_kept_photo_is_uploaded_once_and_sent_by_its_handle),
        FRESH(ch_2_nobody_else_waits_for_an_upload),
        FRESH(ch_2_deaths_repeat_an_upload_and_never_the_photo),
        FRESH(ch_2_who_sleeps_past_its_lease_uploads_nothing),
        FRESH(ch_2_an_answer_that_is_lost_or_an_error_repeats_the_upload),
        FRESH(ch_2_a_refused_upload_ends_the_message_and_tells_why),
        FRESH(ch_2_a_handle_that_the_provider_forgot_is_renewed),
        FRESH(ord_10_a_photo_taken_off_the_order_is_not_sent_any_more),
        FRESH(ord_10_only_pictures_and_papers_are_kept),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
