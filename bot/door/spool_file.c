/*
 * Appending, and where the files end. The truth is what lies in the folder: what stands in
 * shared memory only saves looking, and whoever finds it wrong looks.
 */
#include "bot/door/spool_folder.h"

#include "bot/loop/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT_MIN ((size_t)64 * 1024)
#define SEGMENT_MAX ((size_t)8 * 1024 * 1024)

/* --- folder --------------------------------------------------------------------------------
 */

static bool fail(struct err *err, const char *what)
{
    return err_raise(err, ERR_RETRY, "spool: %s: %s", what,
                     strerrordesc_np(errno) ? strerrordesc_np(errno) : "?");
}

void spool_path(const struct spool_folder *folder, const char *name, char path[SPOOL_PATH])
{
    (void)snprintf(path, SPOOL_PATH, "%s/%s", folder->dir, name);
}

static void segment_path(const struct spool_folder *folder, uint64_t number,
                         char path[SPOOL_PATH])
{
    (void)snprintf(path, SPOOL_PATH, "%s/%016llx.spool", folder->dir,
                   (unsigned long long)number);
}

static bool sync_folder(const struct spool_folder *folder)
{
    int fd = open(folder->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

int spool_lock(const struct spool_folder *folder, const char *name, int how)
{
    char path[SPOOL_PATH];
    int fd;

    spool_path(folder, name, path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && flock(fd, how) != 0) {
        if (errno == EINTR)
            continue;
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static int by_number(const void *a, const void *b)
{
    const struct spool_segment *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

bool spool_list(const struct spool_folder *folder, struct spool_segment **segments, size_t *n,
                size_t *bytes)
{
    DIR *dir = opendir(folder->dir);
    const struct dirent *entry;
    size_t room = 0;

    *segments = NULL;
    *n = *bytes = 0;
    if (dir == NULL)
        return false;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this stream */
    while ((entry = readdir(dir)) != NULL) {
        struct stat info;
        char *end;
        unsigned long long number = strtoull(entry->d_name, &end, 16);
        if (strcmp(end, ".spool") != 0 || strlen(entry->d_name) != 22 ||
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        if (*n == room) {
            room = room > 0 ? 2 * room : 16;
            *segments = realloc(*segments, room * sizeof **segments);
            if (*segments == NULL)
                abort();
        }
        (*segments)[(*n)++] =
            (struct spool_segment){.number = number, .end = (size_t)info.st_size};
        *bytes += (size_t)info.st_size;
    }
    (void)closedir(dir);
    if (*n > 1)
        qsort(*segments, *n, sizeof **segments, by_number);
    return true;
}

bool spool_segment_read(const struct spool_folder *folder, uint64_t number, size_t from,
                        size_t most, struct str *bytes)
{
    char path[SPOOL_PATH];
    struct stat info;
    int fd;
    size_t len = 0, size;
    char *out;

    segment_path(folder, number, path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *bytes = STR_NONE;
    if (fd < 0)
        return false;
    size =
        fstat(fd, &info) == 0 && (size_t)info.st_size > from ? (size_t)info.st_size - from : 0;
    size = size < most ? size : most;
    out = malloc(size > 0 ? size : 1);
    if (out == NULL)
        abort();
    while (len < size) {
        ssize_t n = pread(fd, out + len, size - len, (off_t)(from + len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    (void)close(fd);
    *bytes = (struct str){out, len};
    return true;
}

void spool_segment_drop(const struct spool_folder *folder, uint64_t number)
{
    char path[SPOOL_PATH];

    segment_path(folder, number, path);
    (void)unlink(path);
}

/* --- counting ------------------------------------------------------------------------------
 */

static void count_one(void *with, const struct spool_entry *entry)
{
    struct spool_shared *shared = with;
    int64_t none = 0;

    atomic_fetch_add(&shared->waiting[entry->account % SPOOL_ACCOUNTS], 1);
    atomic_fetch_add(&shared->records, 1);
    if (!atomic_compare_exchange_strong(&shared->oldest, &none, entry->at) && entry->at < none)
        atomic_store(&shared->oldest, entry->at);
}

void spool_count_nothing(struct spool_shared *shared)
{
    for (size_t i = 0; i < SPOOL_ACCOUNTS; i++)
        atomic_store(&shared->waiting[i], 0);
    atomic_store(&shared->records, 0);
    atomic_store(&shared->oldest, 0);
}

/* --- the end of the last segment -----------------------------------------------------------
 */

struct mending {
    struct spool_shared *shared;
    size_t from; /* what begins before is counted already */
};

static void count_new(void *with, const struct spool_entry *entry)
{
    const struct mending *mending = with;

    if (entry->offset >= mending->from)
        count_one(mending->shared, entry);
}

/* Cut off what a dead process left half written; what it left whole counts. */
static bool mend(const struct spool_folder *folder, const struct spool_segment *tail,
                 size_t from, size_t *end, struct err *err)
{
    struct mending mending = {folder->shared, from};
    struct spool_scan scan;
    char path[SPOOL_PATH];
    struct str bytes;

    if (!spool_segment_read(folder, tail->number, 0, SIZE_MAX, &bytes))
        return fail(err, "cannot read a segment");
    spool_scan(bytes, &scan, count_new, &mending); /* all of it: what is cut off is gone */
    free((char *)bytes.at);
    *end = scan.end;
    if (scan.end == bytes.len)
        return true;
    atomic_fetch_add(&folder->shared->torn, bytes.len - scan.end);
    segment_path(folder, tail->number, path);
    return truncate(path, (off_t)*end) == 0 || fail(err, "cannot cut off a torn end");
}

/* The segment that is appended to, and where its last whole record ends. */
static bool find_tail(const struct spool_folder *folder, struct spool_segment *tail,
                      size_t *bytes, struct err *err)
{
    struct spool_shared *shared = folder->shared;
    struct spool_segment *segments;
    size_t n, from = 0;

    if (!spool_list(folder, &segments, &n, bytes))
        return fail(err, "cannot look into the folder");
    *tail = n > 0 ? segments[n - 1] : (struct spool_segment){0};
    free(segments);
    if (n == 0)
        return true;
    if (tail->number == atomic_load(&shared->tail))
        from = (size_t)atomic_load(&shared->tail_end);
    if (from == tail->end)
        return true;
    if (from > tail->end)
        from = 0; /* cannot be; the folder is right */
    size_t size = tail->end;
    if (!mend(folder, tail, from, &tail->end, err))
        return false;
    *bytes -= size - tail->end;
    return true;
}

bool spool_mend(const struct spool_folder *folder, struct spool_segment *tail, size_t *bytes,
                struct err *err)
{
    struct spool_shared *shared = folder->shared;

    if (!find_tail(folder, tail, bytes, err))
        return false;
    atomic_store(&shared->tail, tail->number);
    atomic_store(&shared->tail_end, tail->end);
    return true;
}

/* --- appending -----------------------------------------------------------------------------
 */

static bool write_all(int fd, struct str bytes, size_t at)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.at, bytes.len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}

static size_t segment_room(const struct spool_folder *folder)
{
    size_t room = folder->max / 16;

    return room < SEGMENT_MIN ? SEGMENT_MIN : room > SEGMENT_MAX ? SEGMENT_MAX : room;
}

/* Those that fit, one behind the other. */
static struct str gather(const struct spool_folder *folder,
                         const struct spool_record *const *records, bool *kept, size_t n,
                         size_t used)
{
    char *out = NULL;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        struct str one = spool_seal(folder, records[i]);
        kept[i] = used + len + one.len <= folder->max;
        if (kept[i]) {
            out = realloc(out, len + one.len);
            if (out == NULL)
                abort();
            memcpy(out + len, one.at, one.len);
            len += one.len;
        }
        free((char *)one.at);
    }
    return (struct str){out, len};
}

/* By the clock, so that none comes twice: a worker of a service that died may still remember a
 * segment that is gone. */
static uint64_t next_number(uint64_t before)
{
    uint64_t now = (uint64_t)clock_now();

    return now > before ? now : before + 1;
}

static bool write_segment(const struct spool_folder *folder, struct spool_segment *tail,
                          struct str bytes, struct err *err)
{
    char path[SPOOL_PATH];
    bool fresh = tail->number == 0 || tail->end >= segment_room(folder);
    int fd;

    if (fresh)
        *tail = (struct spool_segment){.number = next_number(tail->number)};
    segment_path(folder, tail->number, path);
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0)
        return fail(err, "cannot open a segment");
    bool ok = write_all(fd, bytes, tail->end) && fdatasync(fd) == 0 &&
              (!fresh || sync_folder(folder));
    if (!ok) {
        fail(err, "cannot write a segment");
        (void)!ftruncate(fd, (off_t)tail->end); /* or whoever comes next cuts it off */
    }
    (void)close(fd);
    if (ok)
        tail->end += bytes.len;
    return ok;
}

static bool append_locked(const struct spool_folder *folder,
                          const struct spool_record *const *records, bool *kept, size_t n,
                          struct err *err)
{
    struct spool_shared *shared = folder->shared;
    struct spool_segment tail;
    size_t used;

    if (!spool_mend(folder, &tail, &used, err))
        return false;
    struct str bytes = gather(folder, records, kept, n, used);
    bool ok = bytes.len == 0 || write_segment(folder, &tail, bytes, err);
    free((char *)bytes.at);
    if (!ok)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct spool_entry entry = {.at = records[i]->received_at,
                                    .account = records[i]->account};
        if (kept[i])
            count_one(shared, &entry);
    }
    atomic_store(&shared->bytes, (int64_t)(used + bytes.len));
    atomic_store(&shared->tail, tail.number);
    atomic_store(&shared->tail_end, tail.end);
    return true;
}

bool spool_append(const struct spool_folder *folder, const struct spool_record *const *records,
                  bool *kept, size_t n, struct err *err)
{
    int lock = spool_lock(folder, "append.lock", LOCK_EX);
    bool ok;

    for (size_t i = 0; i < n; i++)
        kept[i] = false;
    if (lock < 0)
        return fail(err, "cannot lock the folder");
    ok = append_locked(folder, records, kept, n, err);
    for (size_t i = 0; !ok && i < n; i++)
        kept[i] = false;
    (void)close(lock);
    return ok;
}

/* --- beginning -----------------------------------------------------------------------------
 */

static bool begin(const struct spool_folder *folder, struct err *err)
{
    struct spool_shared *shared = folder->shared;
    struct spool_segment *segments, tail;
    size_t n, bytes;

    spool_count_nothing(shared);
    if (!spool_list(folder, &segments, &n, &bytes))
        return fail(err, "cannot look into the folder");
    for (size_t i = 0; i + 1 < n; i++) { /* the last is counted when its end is looked for */
        struct spool_scan scan;
        struct str content;
        if (spool_segment_read(folder, segments[i].number, 0, SIZE_MAX, &content))
            spool_scan(content, &scan, count_one, shared);
        free((char *)content.at);
    }
    free(segments);
    atomic_store(&shared->tail, 0);
    atomic_store(&shared->tail_end, 0);
    if (!spool_mend(folder, &tail, &bytes, err))
        return false;
    atomic_store(&shared->bytes, (int64_t)bytes);
    return true;
}

bool spool_folder_open(const struct spool_folder *folder, int *lock, struct err *err)
{
    int append;
    bool ok;

    if (mkdir(folder->dir, 0700) != 0 && errno != EEXIST)
        return fail(err, "cannot make the folder");
    *lock = spool_lock(folder, "node.lock", LOCK_EX | LOCK_NB);
    if (*lock < 0 && errno == EWOULDBLOCK)
        return err_raise(err, ERR_REJECT, "spool: another service has this folder");
    if (*lock < 0)
        return fail(err, "cannot lock the folder");
    append = spool_lock(folder, "append.lock", LOCK_EX);
    ok = append >= 0 ? begin(folder, err) : fail(err, "cannot lock the folder");
    if (append >= 0)
        (void)close(append);
    if (!ok) {
        (void)close(*lock);
        *lock = -1;
    }
    return ok;
}
