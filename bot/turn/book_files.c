/*
 * Two folders, each listed, sorted and read. Sorting makes the same files the same book on
 * every node, whatever order a disk lists them in.
 */
#include "bot/turn/book_files.h"

#include "flows/flows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX     1024
#define FILE_SIZE_MAX ((off_t)1 << 20)
#define FOLDERS       3

static const struct {
    const char *folder; /* below the one given */
    const char *called; /* in names and errors */
    bool optional;
} places[FOLDERS] = {
    {"flows",              "flows",    false},
    {"templates/messages", "messages", false},
    {"templates/whatsapp", "whatsapp", true },
};

/* A flow or words; or the weights of a classifier that learnt elsewhere. */
static int is_ours(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);
    return (name.at[0] != '.' && str_ends(name, STR(".yaml"))) ||
           str_eq(name, STR("model.bin"));
}

static bool read_whole(int fd, char *at, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, at + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        len += (size_t)got;
    }
    return true;
}

static bool read_open(struct arena *into, int fd, struct str *bytes, struct err *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return err_raise(err, ERR_REJECT, "not a file");
    if (info.st_size > FILE_SIZE_MAX)
        return err_raise(err, ERR_REJECT, "larger than %lld bytes", (long long)FILE_SIZE_MAX);
    size_t size = (size_t)info.st_size;
    char *at = arena_alloc(into, size + 1);
    if (!read_whole(fd, at, size))
        return err_raise(err, ERR_REJECT, "changed while it was read: try again");
    *bytes = (struct str){at, size};
    return true;
}

static bool read_file(struct arena *into, struct str path, struct str *bytes, struct err *err)
{
    int fd = open(path.at, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_raise(err, ERR_REJECT, "%.*s: %s", STR_ARG(path), strerrordesc_np(errno));
    bool ok = read_open(into, fd, bytes, err) || err_wrap(err, "%.*s", STR_ARG(path));
    (void)close(fd);
    return ok;
}

static bool read_entries(struct arena *into, struct str folder, const char *called,
                         struct dirent **entries, int n, struct source_file *files,
                         struct err *err)
{
    for (int i = 0; i < n; i++) {
        struct str path = arena_format(into, "%.*s/%s", STR_ARG(folder), entries[i]->d_name);
        files[i].name = arena_format(into, "%s/%s", called, entries[i]->d_name);
        if (!read_file(into, path, &files[i].bytes, err))
            return false;
    }
    return true;
}

static bool read_folder(struct arena *into, struct str folder, size_t place,
                        struct source_file *files, size_t *n, struct err *err)
{
    const char *called = places[place].called;
    struct dirent **entries = NULL;
    int found = scandir(folder.at, &entries, is_ours, alphasort);
    if (found < 0 && errno == ENOENT && places[place].optional)
        return true;
    if (found < 0) {
        return err_raise(err, ERR_REJECT, "%.*s: %s (set flows.folder)", STR_ARG(folder),
                         strerrordesc_np(errno));
    }
    bool ok = true;
    if (found == 0 && !places[place].optional) {
        ok = err_raise(err, ERR_REJECT, "%.*s has no *.yaml in it (set flows.folder)",
                       STR_ARG(folder));
    } else if (*n + (size_t)found > FILES_MAX) {
        ok = err_raise(err, ERR_REJECT, "%.*s: more than %d files", STR_ARG(folder), FILES_MAX);
    } else {
        ok = read_entries(into, folder, called, entries, found, files + *n, err);
    }
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    *n += (size_t)found;
    return ok;
}

/* By bytes, whatever the locale sorts like. */
static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct source_file *)a)->name,
                       ((const struct source_file *)b)->name);
}

bool book_files_read(struct arena *into, struct str folder, const struct source_file **files,
                     size_t *n, struct err *err)
{
    struct source_file *read = arena_array(into, struct source_file, FILES_MAX);
    *n = 0;
    for (size_t i = 0; i < FOLDERS; i++) {
        struct str place = arena_format(into, "%.*s/%s", STR_ARG(folder), places[i].folder);
        if (!read_folder(into, place, i, read, n, err))
            return false;
    }
    qsort(read, *n, sizeof(*read), by_name);
    *files = read;
    return true;
}

bool book_files_check(struct str folder, size_t *n, struct hash16 *version, struct err *err)
{
    struct arena arena = {0};
    const struct source_file *files;
    struct book *book = NULL;
    bool ok = book_files_read(&arena, folder, &files, n, err) &&
              book_create(files, *n, &book, err) && words_check(book_words(book), err);
    if (ok)
        *version = book_version(book);
    book_destroy(book);
    arena_finish(&arena);
    return ok;
}
