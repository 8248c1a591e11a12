/*
 * The spool's files: what was said to be kept is there after every kind of death, in the order
 * in which it came, and nothing is said to be kept that is not.
 */
#include "bot/door/spool_file.h"
#include "tests/support/temp.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static char dir[TEMP_PATH];
static struct spool_shared *shared;
static struct spool_folder folder;
static int node = -1;

static void clear(void)
{
    DIR *open_dir = opendir(dir);
    const struct dirent *entry;
    char path[400];

    while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        (void)unlink(path);
    }
    if (open_dir != NULL)
        (void)closedir(open_dir);
    (void)rmdir(dir);
}

/* As a service that starts: nothing is known but what lies in the folder. */
static void open_again(void)
{
    struct err err = {0};

    if (node >= 0)
        (void)close(node);
    memset(shared, 0, sizeof *shared);
    if (!spool_folder_open(&folder, &node, &err))
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    struct err err = {0};

    (void)state;
    assert_true(crypto_init(&err));
    temp_folder(dir, "spool");
    (void)rmdir(dir);
    shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    folder = (struct spool_folder){.dir = dir,
                                   .key = crypto_subkey(STR("a key for this test"), "spool"),
                                   .max = (size_t)4 << 20,
                                   .shared = shared};
    open_again();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(node);
    node = -1;
    clear();
    (void)munmap(shared, sizeof *shared);
    arena_finish(&arena);
    return 0;
}

static bool add(unsigned number, usec_t at, size_t size)
{
    char *body = arena_alloc(&arena, size + 16);
    struct spool_record record = {.door = SPOOL_TWILIO_STATUS,
                                  .json = number % 2,
                                  .card = number % 3 == 0,
                                  .account = spool_tag(&folder.key, STR("+15550100101")),
                                  .received_at = at,
                                  .query = STR("p1.key")};
    const struct spool_record *one = &record;
    struct err err = {0};
    bool kept = false;

    memset(body, 'x', size + 16);
    int len = snprintf(body, 16, "%u ", number);
    body[len] = 'x';
    record.body = (struct str){body, size + 16};
    return spool_append(&folder, &one, &kept, 1, &err) && kept;
}

static unsigned number_of(struct str body)
{
    struct str rest = body, first;
    int64_t number = -1;

    assert_true(str_split(&rest, ' ', &first) && str_to_int(first, &number));
    return (unsigned)number;
}

/* Take the next; false: nothing is left. */
static bool take(struct spool_index *index, unsigned *number)
{
    struct spool_record record;
    struct err err = {0};

    assert_true(spool_index_refresh(&folder, index, &err));
    if (index->n == 0)
        return false;
    if (!spool_read(&folder, &index->entries[0], &arena, &record, &err))
        fail_msg("%s", err.text);
    *number = number_of(record.body);
    assert_int_equal(record.json, *number % 2);
    assert_int_equal(record.card, *number % 3 == 0);
    assert_int_equal(record.door, SPOOL_TWILIO_STATUS);
    assert_true(str_eq(record.query, STR("p1.key")));
    index->entries[0].done = true;
    return true;
}

static void expect_drained(unsigned first, unsigned n)
{
    struct spool_index index = {0};
    unsigned number = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!take(&index, &number))
            fail_msg("%u of %u are there", i, n);
        assert_int_equal(number, first + i);
    }
    assert_false(take(&index, &number));
    spool_index_finish(&index);
    assert_int_equal(atomic_load(&shared->records), 0);
    assert_int_equal(atomic_load(&shared->bytes), 0);
    assert_int_equal(atomic_load(&shared->oldest), 0);
    for (size_t i = 0; i < SPOOL_ACCOUNTS; i++)
        assert_int_equal(atomic_load(&shared->waiting[i]), 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_segment(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), STR(".spool"));
}

/* The first is 1; when there is none of that number the name is of none. */
static void path_of(int segment, char path[400])
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_segment, by_name);

    (void)snprintf(path, 400, "%s/%s", dir, segment <= n ? entries[segment - 1]->d_name : "-");
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

static size_t size_of(int segment)
{
    char path[400];
    struct stat info;

    path_of(segment, path);
    return stat(path, &info) == 0 ? (size_t)info.st_size : 0;
}

/* --- the usual -----------------------------------------------------------------------------
 */

static void ops_5_what_is_kept_comes_back_in_the_order_in_which_it_came(void **state)
{
    uint32_t tag = spool_tag(&folder.key, STR("+15550100101"));

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        assert_true(add(i, 1000 + (usec_t)i, (size_t)i * 7));
    assert_int_equal(atomic_load(&shared->records), 300);
    assert_int_equal(atomic_load(&shared->oldest), 1000);
    assert_int_equal(atomic_load(&shared->waiting[tag % SPOOL_ACCOUNTS]), 300);
    assert_true(size_of(2) > 0); /* more than one segment */
    open_again();
    assert_int_equal(atomic_load(&shared->records), 300);
    assert_int_equal(atomic_load(&shared->oldest), 1000);
    expect_drained(0, 300);
}

/* One that waited in vain for the database is written after one that came later. */
static void ops_5_the_order_is_that_of_arrival_and_not_of_writing(void **state)
{
    (void)state;
    assert_true(add(2, 3000, 10) && add(3, 4000, 10) && add(0, 1000, 10) && add(1, 2000, 10));
    expect_drained(0, 4);
}

static void ops_5_what_comes_while_it_is_drained_is_drained_too(void **state)
{
    struct spool_index index = {0};
    unsigned number, next = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_true(add(i, i + 1, 100000)); /* two segments and more */
    for (unsigned i = 20; take(&index, &number); i++) {
        assert_int_equal(number, next++);
        if (i < 40)
            assert_true(add(i, i + 1, 1000));
    }
    assert_int_equal(next, 40);
    spool_index_finish(&index);
    assert_int_equal(atomic_load(&shared->bytes), 0);
}

static void ops_5_nothing_personal_can_be_read_in_the_files(void **state)
{
    char path[400], bytes[4096];
    struct stat info;

    (void)state;
    assert_true(add(7, 1, 500));
    path_of(1, path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    assert_true(n > 500 && memmem(bytes, (size_t)n, "xxxx", 4) == NULL);
    assert_true(memmem(bytes, (size_t)n, "p1.key", 6) == NULL);
    assert_true(memmem(bytes, (size_t)n, "1555", 4) == NULL);
}

/* --- full ----------------------------------------------------------------------------------
 */

static void ops_5_what_does_not_fit_is_refused_and_all_else_stays(void **state)
{
    unsigned kept = 0;

    (void)state;
    folder.max = 20000;
    while (kept < 1000 && add(kept, kept + 1, 500))
        kept++;
    assert_true(kept > 20 && kept < 40);
    assert_true(atomic_load(&shared->bytes) <= 20000);
    assert_false(add(kept, 5000, 500));
    expect_drained(0, kept);
    assert_true(add(0, 1, 500));
    expect_drained(0, 1);
}

static void ops_5_a_full_disk_keeps_nothing_and_harms_nothing(void **state)
{
    pid_t pid;
    int status;

    (void)state;
    assert_true(add(0, 1, 100));
    pid = fork(); /* the limit is for good */
    if (pid == 0) {
        struct rlimit limit = {1000, 1000};
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(3);
        bool first = add(1, 2, 300), second = add(2, 3, 2000), third = add(2, 3, 100);
        _exit(first && !second && third ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_drained(0, 3);
}

/* --- deaths --------------------------------------------------------------------------------
 */

/* As a write that was cut off at each of its bytes, with others who write on. */
static void ops_5_a_torn_end_is_cut_off_wherever_it_is_torn(void **state)
{
    char path[400];

    (void)state;
    assert_true(add(0, 1, 40));
    size_t whole = size_of(1);
    assert_true(add(1, 2, 40));
    size_t both = size_of(1);
    path_of(1, path);
    uint64_t number = strtoull(strrchr(path, '/') + 1, NULL, 16);
    char *bytes = arena_alloc(&arena, both);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, both), (ssize_t)both);
    (void)close(fd);
    for (size_t cut = whole; cut <= both; cut++) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, bytes, cut), (ssize_t)cut);
        (void)close(fd);
        if (cut % 2 == 0) {
            open_again(); /* a service that starts */
        } else {          /* another worker that writes next */
            memset(shared, 0, sizeof *shared);
            atomic_store(&shared->records, 1);
            atomic_store(&shared->tail, number);
            atomic_store(&shared->tail_end, whole);
        }
        unsigned n = cut == both ? 2 : 1;
        assert_true(add(n, 3, 40));
        assert_int_equal(atomic_load(&shared->records), n + 1);
        assert_int_equal(atomic_load(&shared->torn),
                         cut == both || cut == whole ? 0 : cut - whole);
        expect_drained(0, n + 1);
        assert_int_equal(size_of(1), 0);
    }
}

static void ops_5_a_torn_end_does_not_stay_when_nobody_writes_again(void **state)
{
    char path[400];

    (void)state;
    assert_true(add(0, 1, 40));
    path_of(1, path);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "PSP1 and half a record", 22), 22);
    (void)close(fd);
    expect_drained(0, 1);
    assert_int_equal(size_of(1), 0);
}

static void ops_5_a_damaged_record_harms_no_other(void **state)
{
    char path[400];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(add(i, i + 1, 40));
    path_of(1, path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "?", 1, (off_t)(size_of(1) / 2)), 1);
    (void)close(fd);
    open_again();
    struct spool_index index = {0};
    unsigned number;
    assert_true(take(&index, &number) && number == 0);
    assert_true(take(&index, &number) && number == 2);
    assert_false(take(&index, &number));
    spool_index_finish(&index);
    assert_true(atomic_load(&shared->damaged) > 40);
    assert_int_equal(size_of(1), 0);
}

static void ops_5_what_another_key_sealed_is_put_aside(void **state)
{
    struct spool_index index = {0};
    struct spool_record record;
    struct err err = {0};
    struct stat info;
    char path[400];

    (void)state;
    assert_true(add(0, 1, 40));
    folder.key = crypto_subkey(STR("another"), "spool");
    assert_true(spool_index_refresh(&folder, &index, &err) && index.n == 1);
    assert_false(spool_read(&folder, &index.entries[0], &arena, &record, &err));
    assert_int_equal(err.code, ERR_REJECT);
    spool_index_finish(&index);
    (void)snprintf(path, sizeof path, "%s/unreadable", dir);
    assert_true(stat(path, &info) == 0 && (size_t)info.st_size == size_of(1));
}

static void ops_5_one_folder_is_one_services(void **state)
{
    struct err err = {0};
    int other, drain, second;

    (void)state;
    assert_false(spool_folder_open(&folder, &other, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_true(spool_drain_begin(&folder, &drain));
    assert_false(spool_drain_begin(&folder, &second));
    (void)close(drain);
    assert_true(spool_drain_begin(&folder, &drain));
    (void)close(drain);
}

/* Writers that are killed at any moment, while one drains and is killed, too. What was said to
 * be kept is found, and each writer's in its order. */
struct told {
    _Atomic unsigned tried[4], kept[4];
    _Atomic unsigned char sure[4][20000]; /* the writer was told that it is kept */
    _Atomic unsigned char seen[4][20000];
    _Atomic unsigned newest[4]; /* of those drained for the first time */
};

static void write_on(struct told *told, unsigned writer)
{
    for (unsigned i = atomic_load(&told->tried[writer]);; i++) {
        atomic_store(&told->tried[writer], i + 1);
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (!add(writer * 100000 + i, (usec_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
                 i % 300))
            _exit(1);
        atomic_store(&told->sure[writer][i], 1);
        atomic_store(&told->kept[writer], i + 1);
        arena_reset(&arena);
    }
}

static void note(struct told *told, unsigned number)
{
    unsigned writer = number / 100000, i = number % 100000;

    if (atomic_exchange(&told->seen[writer][i], 1) != 0)
        return; /* again, which `seen` drops */
    if (i > 0 && atomic_load(&told->newest[writer]) > i)
        abort(); /* overtaken */
    atomic_store(&told->newest[writer], i);
}

static void drain_on(struct told *told)
{
    struct spool_index index = {0};
    unsigned number;
    int lock;

    while (!spool_drain_begin(&folder, &lock))
        ;
    for (;;) {
        if (take(&index, &number))
            note(told, number);
        arena_reset(&arena);
    }
}

static pid_t start(struct told *told, unsigned which)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (which < 4)
        write_on(told, which);
    drain_on(told);
    _exit(0);
}

static void ops_5_killed_at_any_moment_nothing_that_was_promised_is_lost(void **state)
{
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[5];
    unsigned chance = 1;
    int status;

    (void)state;
    folder.max = (size_t)64 << 20;
    for (unsigned i = 0; i < 5; i++)
        pids[i] = start(told, i);
    for (unsigned round = 0; round < 120; round++) {
        chance = chance * 1103515245u + 12345u;
        unsigned which = (chance >> 16) % 5;
        (void)usleep(3000 + (chance >> 8) % 20000);
        (void)kill(pids[which], SIGKILL);
        assert_int_equal(waitpid(pids[which], &status, 0), pids[which]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        pids[which] = start(told, which);
    }
    for (unsigned i = 0; i < 5; i++) {
        (void)kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    open_again();
    struct spool_index index = {0};
    unsigned number, n = 0;
    while (take(&index, &number))
        note(told, number);
    spool_index_finish(&index);
    for (unsigned writer = 0; writer < 4; writer++) {
        for (unsigned i = 0; i < atomic_load(&told->kept[writer]); i++) {
            n += atomic_load(&told->sure[writer][i]);
            if (atomic_load(&told->seen[writer][i]) == 0 && atomic_load(&told->sure[writer][i]))
                fail_msg("writer %u: %u is lost", writer, i);
        }
    }
    (void)printf("%u records were promised and are there\n", n);
    assert_true(n > 50);
    assert_int_equal(atomic_load(&shared->records), 0);
    (void)munmap(told, sizeof *told);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(ops_5_what_is_kept_comes_back_in_the_order_in_which_it_came),
        EACH(ops_5_the_order_is_that_of_arrival_and_not_of_writing),
        EACH(ops_5_what_comes_while_it_is_drained_is_drained_too),
        EACH(ops_5_nothing_personal_can_be_read_in_the_files),
        EACH(ops_5_what_does_not_fit_is_refused_and_all_else_stays),
        EACH(ops_5_a_full_disk_keeps_nothing_and_harms_nothing),
        EACH(ops_5_a_torn_end_is_cut_off_wherever_it_is_torn),
        EACH(ops_5_a_torn_end_does_not_stay_when_nobody_writes_again),
        EACH(ops_5_a_damaged_record_harms_no_other),
        EACH(ops_5_what_another_key_sealed_is_put_aside),
        EACH(ops_5_one_folder_is_one_services),
        EACH(ops_5_killed_at_any_moment_nothing_that_was_promised_is_lost)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
