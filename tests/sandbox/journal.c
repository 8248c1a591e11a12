/*
 * Append, sync once per turn of the loop, tell the waiting.
 *
 * The sync blocks the loop on purpose: requests that come meanwhile wait in the kernel and
 * share the next sync, which is the whole of group commit, without a thread.
 */
#include "tests/sandbox/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct journal {
    struct loop *loop;
    struct loop_task task;
    int fd; /* -1: nothing is kept */
    char *buffer;
    size_t len;
    size_t room;
    struct journal_wait *waiting;
    struct journal_wait **last;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "parley-sandbox: journal: %s: %s\n", what, strerror(errno));
    abort();
}

/* Cut a torn last line off, so that the next record starts on a line of its own. */
static bool cut_tail(const char *path, long whole, struct err *err)
{
    if (truncate(path, whole) != 0)
        return err_raise(err, ERR_BROKEN, "cut %s: %s", path, strerror(errno));
    return true;
}

bool journal_read(const char *path, struct journal_reader *reader, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return true;
    if (!file)
        return err_raise(err, ERR_BROKEN, "open %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    long whole = 0;
    while ((n = getline(&line, &room, file)) > 0) {
        json_t *record = line[n - 1] == '\n' ? json_loadb(line, (size_t)n - 1, 0, NULL) : NULL;
        if (!record)
            break;
        if (reader)
            reader->record(reader, record);
        json_decref(record);
        whole += n;
    }
    bool torn = n > 0;
    free(line);
    (void)fclose(file);
    return !torn || cut_tail(path, whole, err);
}

bool journal_create(struct loop *loop, const char *path, struct journal **journal,
                    struct err *err)
{
    int fd = -1;
    if (path) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_raise(err, ERR_BROKEN, "open %s: %s", path, strerror(errno));
    }
    struct journal *made = calloc(1, sizeof(*made));
    if (!made)
        give_up("memory");
    made->loop = loop;
    made->fd = fd;
    made->last = &made->waiting;
    *journal = made;
    return true;
}

static void write_out(struct journal *journal)
{
    size_t at = 0;
    while (at < journal->len) {
        ssize_t n = write(journal->fd, journal->buffer + at, journal->len - at);
        if (n < 0 && errno != EINTR)
            give_up("write");
        at += n > 0 ? (size_t)n : 0;
    }
    if (journal->len > 0 && fdatasync(journal->fd) != 0)
        give_up("sync");
    journal->len = 0;
}

static void turn_end(struct loop_task *task)
{
    struct journal *journal = CONTAINER_OF(task, struct journal, task);
    struct journal_wait *wait = journal->waiting;
    journal->waiting = NULL;
    journal->last = &journal->waiting;
    if (journal->fd >= 0)
        write_out(journal);
    while (wait) {
        struct journal_wait *next = wait->next;
        wait->done(wait);
        wait = next;
    }
}

void journal_append(struct journal *journal, const json_t *record)
{
    if (journal->fd < 0)
        return;
    size_t size = json_dumpb(record, NULL, 0, JSON_COMPACT);
    if (journal->len + size + 1 > journal->room) {
        journal->room = (journal->len + size + 1) * 2;
        journal->buffer = realloc(journal->buffer, journal->room);
        if (!journal->buffer)
            give_up("memory");
    }
    journal->len += json_dumpb(record, journal->buffer + journal->len, size, JSON_COMPACT);
    journal->buffer[journal->len++] = '\n';
    loop_post(journal->loop, &journal->task, turn_end);
}

void journal_sync(struct journal *journal, struct journal_wait *wait,
                  void (*done)(struct journal_wait *wait))
{
    wait->next = NULL;
    wait->done = done;
    *journal->last = wait;
    journal->last = &wait->next;
    loop_post(journal->loop, &journal->task, turn_end);
}

void journal_destroy(struct journal *journal)
{
    if (!journal)
        return;
    loop_unpost(journal->loop, &journal->task);
    turn_end(&journal->task);
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->buffer);
    free(journal);
}
