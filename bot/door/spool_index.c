/*
 * What is still to be drained. The index is in the order in which deliveries came, which is not
 * always that of the files: one that waited in vain for the database is written later than one
 * which came while it was known to be away.
 */
#include "bot/door/spool_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

bool spool_drain_begin(const struct spool_folder *folder, int *lock)
{
    *lock = spool_lock(folder, "drain.lock", LOCK_EX | LOCK_NB);
    return *lock >= 0;
}

void spool_index_finish(struct spool_index *index)
{
    free(index->entries);
    free(index->segments);
    *index = (struct spool_index){0};
}

static struct spool_segment *segment_of(struct spool_index *index, uint64_t number)
{
    for (size_t i = 0; i < index->n_segments; i++) {
        if (index->segments[i].number == number)
            return &index->segments[i];
    }
    if (index->n_segments == index->room_segments) {
        index->room_segments = index->room_segments > 0 ? 2 * index->room_segments : 16;
        index->segments =
            realloc(index->segments, index->room_segments * sizeof *index->segments);
        if (index->segments == NULL)
            abort();
    }
    index->segments[index->n_segments] = (struct spool_segment){.number = number};
    return &index->segments[index->n_segments++];
}

/* --- what has come -------------------------------------------------------------------------
 */

struct indexing {
    struct spool_index *index;
    uint64_t segment;
    size_t from;
};

static void add(void *with, const struct spool_entry *entry)
{
    struct indexing *indexing = with;
    struct spool_index *index = indexing->index;

    if (index->n == index->room) {
        index->room = index->room > 0 ? 2 * index->room : 256;
        index->entries = realloc(index->entries, index->room * sizeof *index->entries);
        if (index->entries == NULL)
            abort();
    }
    index->entries[index->n] = *entry;
    index->entries[index->n].segment = indexing->segment;
    index->entries[index->n].offset += indexing->from;
    index->n++;
}

static int by_time(const void *a, const void *b)
{
    const struct spool_entry *left = a, *right = b;

    if (left->at != right->at)
        return left->at < right->at ? -1 : 1;
    if (left->segment != right->segment)
        return left->segment < right->segment ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

static void index_segment(const struct spool_folder *folder, struct spool_index *index,
                          const struct spool_segment *found, bool last)
{
    struct spool_segment *segment = segment_of(index, found->number);
    struct indexing indexing = {index, found->number, segment->end};
    struct spool_scan scan;
    struct str bytes;

    if (found->end <= segment->end ||
        !spool_segment_read(folder, found->number, segment->end, SIZE_MAX, &bytes))
        return;
    spool_scan(bytes, &scan, add, &indexing);
    free((char *)bytes.at); /* its length is still needed */
    segment = segment_of(index, found->number);
    segment->live += scan.records;
    segment->end += last ? scan.end : bytes.len; /* what is appended to may grow behind that */
    atomic_fetch_add(&folder->shared->damaged,
                     scan.damaged + (last ? 0 : bytes.len - scan.end));
}

/* --- what is done --------------------------------------------------------------------------
 */

static void sweep_entries(struct spool_index *index)
{
    size_t n = 0;

    for (size_t i = 0; i < index->n; i++) {
        if (index->entries[i].done) {
            segment_of(index, index->entries[i].segment)->live--;
        } else {
            index->entries[n++] = index->entries[i];
        }
    }
    index->n = n;
}

/* A segment of which all is committed goes, when nothing was appended behind what we know. */
static void drop_segments(const struct spool_folder *folder, struct spool_index *index,
                          const struct spool_segment *found, size_t n)
{
    size_t bytes = 0, left = 0;

    for (size_t i = 0; i < n; i++) {
        struct spool_segment *segment = segment_of(index, found[i].number);
        bool last = i + 1 == n;
        if (segment->live > 0 || (last && (bytes > 0 || segment->end < found[i].end))) {
            bytes += found[i].end;
            continue;
        }
        spool_segment_drop(folder, found[i].number);
        segment->number = 0;
        if (last)
            atomic_store(&folder->shared->tail, 0);
    }
    for (size_t i = 0; i < index->n_segments; i++) {
        if (index->segments[i].number > 0)
            index->segments[left++] = index->segments[i];
    }
    index->n_segments = left;
    atomic_store(&folder->shared->bytes, (int64_t)bytes);
}

/* --- both, while nobody appends ------------------------------------------------------------
 */

static void count_again(struct spool_shared *shared, const struct spool_index *index)
{
    spool_count_nothing(shared);
    for (size_t i = 0; i < index->n; i++)
        atomic_fetch_add(&shared->waiting[index->entries[i].account % SPOOL_ACCOUNTS], 1);
    atomic_store(&shared->records, (int64_t)index->n);
}

static bool refresh_locked(const struct spool_folder *folder, struct spool_index *index,
                           struct err *err)
{
    struct spool_shared *shared = folder->shared;
    struct spool_segment *found, tail;
    size_t n, bytes;

    if (!spool_mend(folder, &tail, &bytes, err) || !spool_list(folder, &found, &n, &bytes))
        return err_wrap(err, "index the spool");
    sweep_entries(index);
    for (size_t i = 0; i < n; i++)
        index_segment(folder, index, &found[i], i + 1 == n);
    drop_segments(folder, index, found, n);
    free(found);
    if (index->n > 1)
        qsort(index->entries, index->n, sizeof *index->entries, by_time);
    if (!index->begun || index->n == 0)
        count_again(shared, index);
    atomic_store(&shared->oldest, index->n > 0 ? index->entries[0].at : 0);
    index->begun = true;
    return true;
}

bool spool_index_refresh(const struct spool_folder *folder, struct spool_index *index,
                         struct err *err)
{
    int lock = spool_lock(folder, "append.lock", LOCK_EX);
    bool ok;

    if (lock < 0)
        return err_raise(err, ERR_RETRY, "spool: cannot lock the folder");
    ok = refresh_locked(folder, index, err);
    (void)close(lock);
    return ok;
}

/* --- reading -------------------------------------------------------------------------------
 */

/* Sealed with a key that is gone, or changed on the disk: kept for a person, out of the way. */
static bool put_aside(const struct spool_folder *folder, struct str bytes)
{
    char path[SPOOL_PATH];
    int fd;

    spool_path(folder, "unreadable", path);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    atomic_fetch_add(&folder->shared->unreadable, bytes.len);
    return ok;
}

bool spool_read(const struct spool_folder *folder, const struct spool_entry *entry,
                struct arena *into, struct spool_record *record, struct err *err)
{
    struct str bytes;
    bool ok;

    if (!spool_segment_read(folder, entry->segment, entry->offset, entry->len, &bytes))
        return err_raise(err, ERR_RETRY, "spool: cannot read a segment");
    ok = spool_unseal(folder, bytes, into, record, err);
    if (!ok && err->code == ERR_REJECT && !put_aside(folder, bytes))
        err_raise(err, ERR_RETRY, "spool: cannot put a record aside");
    free((char *)bytes.at);
    return ok;
}
