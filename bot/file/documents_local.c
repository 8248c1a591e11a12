/*
 * A folder. Files lie under their hash, 256 folders to a business, readable by the service's
 * user alone:
 *
 *     PATH/new/...            being written; what a crash leaves here is swept
 *     PATH/ORG/ab/abcd...     whole, synced, and never changed
 *
 * The work is done on libuv's threads, since a disk may take its time: each works on its own
 * request and the settings, which do not change, and on nothing else.
 */
#include "bot/file/documents_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM   4400
#define LEFT_AFTER  3600 /* seconds: nobody writes one file for so long */
#define FILE_RIGHTS 0600
#define DIR_RIGHTS  0700

struct place {
    char dir[PATH_ROOM];  /* PATH/ORG/ab */
    char file[PATH_ROOM]; /* PATH/ORG/ab/abcd... */
};

static bool fail(struct document_op *op, const char *what)
{
    /* the path names a business and a hash, and stays out of the log */
    return err_raise(&op->err, ERR_RETRY, "document store: %s: %s", what,
                     strerrordesc_np(errno) ? strerrordesc_np(errno) : "?");
}

static const char *root_of(const struct document_op *op)
{
    return op->documents->config->documents.path.at;
}

static void place_of(const struct document_op *op, struct place *place)
{
    char org[UUID_TEXT_LEN + 1];
    char hash[2 * HASH_LEN + 1];

    uuid_format(op->key.org, org);
    hex_format(op->key.sha256.bytes, HASH_LEN, hash);
    (void)snprintf(place->dir, sizeof place->dir, "%s/%s/%.2s", root_of(op), org, hash);
    (void)snprintf(place->file, sizeof place->file, "%s/%s/%.2s/%s", root_of(op), org, hash,
                   hash);
}

/* --- folders --------------------------------------------------------------------------------
 */

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* Make the folder and those above it, each synced into the one that holds it. */
static bool make_dirs(const char *path)
{
    char copy[PATH_ROOM];
    char *slash;

    if (mkdir(path, DIR_RIGHTS) == 0 || errno == EEXIST)
        return true;
    if (errno != ENOENT)
        return false;
    (void)snprintf(copy, sizeof copy, "%s", path);
    slash = strrchr(copy, '/');
    if (slash == NULL || slash == copy)
        return false;
    *slash = '\0';
    return make_dirs(copy) && (mkdir(path, DIR_RIGHTS) == 0 || errno == EEXIST) &&
           sync_dir(copy);
}

/* What a crash left half written, by the clock of whoever keeps the files, which need not be
 * ours. */
static void sweep(const char *dir, time_t now)
{
    DIR *open_dir = opendir(dir);
    const struct dirent *entry;
    struct stat info;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this stream */
    while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
        char path[PATH_ROOM + 300];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
            now - info.st_mtime > LEFT_AFTER)
            (void)unlink(path);
    }
    if (open_dir != NULL)
        (void)closedir(open_dir);
}

/* --- putting --------------------------------------------------------------------------------
 */

static bool write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.at, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}

static bool write_new(struct document_op *op, const char *dir, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_RIGHTS);
    struct stat born;

    if (fd >= 0 && fstat(fd, &born) == 0)
        sweep(dir, born.st_mtime);
    bool ok = fd >= 0 && write_all(fd, op->bytes) && fsync(fd) == 0;

    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok;
}

static bool is_there(const struct place *place, size_t size)
{
    struct stat info;

    return stat(place->file, &info) == 0 && (size_t)info.st_size == size;
}

/* Asked last, so that who slept on the way leaves things as others have made them. */
static bool is_late(struct document_op *op)
{
    return op->until > 0 && clock_monotonic() > op->until &&
           !err_raise(&op->err, ERR_RETRY, "document store: too late for this lease");
}

static void put(struct document_op *op, const struct place *place)
{
    char dir[PATH_ROOM];
    char path[PATH_ROOM + 64];
    uint64_t chance;

    if (is_there(place, op->bytes.len))
        return; /* it was synced before it got its name */
    random_bytes(&chance, sizeof chance);
    (void)snprintf(dir, sizeof dir, "%s/new", root_of(op));
    (void)snprintf(path, sizeof path, "%s/%016llx", dir, (unsigned long long)chance);
    if (!make_dirs(dir) || !make_dirs(place->dir)) {
        fail(op, "make a folder");
        return;
    }
    if (!write_new(op, dir, path)) {
        fail(op, "write");
        (void)unlink(path);
    } else if (is_late(op)) {
        (void)unlink(path);
    } else if (rename(path, place->file) != 0) {
        fail(op, "rename");
        (void)unlink(path);
    } else if (!sync_dir(place->dir)) {
        fail(op, "sync");
    }
}

/* --- getting --------------------------------------------------------------------------------
 */

static bool read_all(int fd, char *into, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, into, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        into += n;
        len -= (size_t)n;
    }
    return true;
}

static void get(struct document_op *op, const struct place *place)
{
    struct stat info;
    int fd = open(place->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *bytes;

    op->found = fd >= 0;
    if (fd < 0) {
        if (errno != ENOENT)
            fail(op, "open");
        return;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        (uint64_t)info.st_size > DOCUMENT_SIZE_MAX) { /* it may be from before a lower limit */
        (void)err_raise(&op->err, ERR_BROKEN, "document store: a file is not what was put");
    } else {
        bytes = arena_alloc(op->into, (size_t)info.st_size + 1);
        op->bytes = (struct str){bytes, (size_t)info.st_size};
        if (!read_all(fd, bytes, op->bytes.len)) {
            fail(op, "read");
        } else if (!document_is_whole(op, op->bytes)) {
            (void)err_raise(&op->err, ERR_BROKEN, "document store: a file has changed");
        }
    }
    (void)close(fd);
}

static void look(struct document_op *op, const struct place *place)
{
    struct stat info;

    op->found = stat(place->file, &info) == 0;
    if (!op->found && errno != ENOENT)
        fail(op, "look");
}

static void drop(struct document_op *op, const struct place *place)
{
    if (!is_late(op) && unlink(place->file) != 0 && errno != ENOENT)
        fail(op, "remove");
}

/* --- on libuv's threads ---------------------------------------------------------------------
 */

static void work(uv_work_t *uv)
{
    static void (*const works[])(struct document_op * op, const struct place *place) = {
        [DOCUMENT_PUT] = put,
        [DOCUMENT_GET] = get,
        [DOCUMENT_LOOK] = look,
        [DOCUMENT_DROP] = drop,
    };
    struct document_op *op = CONTAINER_OF(uv, struct document_op, work);
    struct place place;

    place_of(op, &place);
    works[op->what](op, &place);
}

static void worked(uv_work_t *uv, int status)
{
    struct document_op *op = CONTAINER_OF(uv, struct document_op, work);

    if (status != 0)
        (void)err_raise(&op->err, ERR_CANCELED, "document store: the service is stopping");
    op->done(op);
}

static void start(struct document_op *op)
{
    if (uv_queue_work(&op->documents->loop->uv, &op->work, work, worked) != 0)
        abort(); /* it knows no failure but a call without a function */
}

static bool ready(const struct config *config, struct err *err)
{
    const char *path = config->documents.path.at;

    return (make_dirs(path) && access(path, R_OK | W_OK | X_OK) == 0) ||
           err_raise(err, ERR_RETRY, "documents.path: %s cannot be made or written to", path);
}

const struct document_store documents_local = {start, ready};
