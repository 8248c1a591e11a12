/*
 * Versions are few (one for each change of flows or words that somebody still talks by), so a
 * list is enough. They are never dropped while the worker lives: turns point into them.
 */
#include "bot/turn/books.h"

#include "bot/base/json.h"
#include "bot/loop/log.h"
#include "bot/turn/book_files.h"
#include "bot/turn/book_hand.h"
#include "store/sql.h"

#include <stdlib.h>

#define KEEP_AGAIN (2 * USEC_PER_SEC)

struct old_book {
    struct old_book *next;
    struct hash16 version;
    const struct book *book; /* NULL: cannot be read any more */
    struct book *owned;      /* the same, to be destroyed; NULL: the supervisor's */
    struct str files;        /* packed, until it is kept */
    struct arena arena;      /* theirs, when it came by a reload */
    bool kept;               /* in the database */
};

struct books {
    struct worker *worker;
    const struct book *newest;
    struct old_book *old;
    struct arena arena;
    struct db_call call;
    struct timer timer;
    struct old_book *keeping; /* by `call`; NULL: it is at rest */
};

static struct old_book *remember(struct books *books, struct hash16 version)
{
    struct old_book *old = calloc(1, sizeof *old);

    if (old == NULL)
        abort();
    old->version = version;
    old->next = books->old;
    books->old = old;
    return old;
}

struct books *books_create(struct worker *worker, const struct book *newest, struct str files)
{
    struct books *books = calloc(1, sizeof *books);

    if (books == NULL)
        abort();
    struct old_book *first = remember(books, book_version(newest));
    books->worker = worker;
    books->newest = first->book = newest;
    first->files = files;
    return books;
}

/* --- packing: a JSON object of names and texts
 * ------------------------------------------------- */

static struct str pack(struct arena *into, const struct source_file *files, size_t n)
{
    OWNED_JSON(doc) = json_object();

    for (size_t i = 0; i < n; i++) {
        json_object_set_new_nocheck(doc, arena_cstr(into, files[i].name),
                                    json_stringn(files[i].bytes.at, files[i].bytes.len));
    }
    return json_write(into, doc);
}

static struct book *unpack(struct arena *scratch, struct str packed, struct err *err)
{
    OWNED_JSON(doc) = NULL;
    struct source_file *files;
    struct book *book = NULL;
    const char *name;
    json_t *text;
    size_t n = 0;

    if (!json_read(packed, &doc, err))
        return NULL;
    files = arena_array(scratch, struct source_file, json_object_size(doc));
    json_object_foreach(doc, name, text)
    {
        files[n].name = arena_str(scratch, str_from(name));
        files[n++].bytes = (struct str){json_string_value(text), json_string_length(text)};
    }
    return book_create(files, n, &book, err) ? book : NULL;
}

bool books_read(struct arena *into, struct str folder, struct book **book, struct str *packed,
                struct err *err)
{
    const struct source_file *files;
    size_t n;

    if (!book_files_read(into, folder, &files, &n, err) || !book_create(files, n, book, err))
        return false;
    *packed = pack(into, files, n);
    return true;
}

/* --- keeping
 * --------------------------------------------------------------------------------------- */

static void timer_fired(struct timer *timer)
{
    books_keep(CONTAINER_OF(timer, struct books, timer));
}

static void kept(struct db_call *call)
{
    struct books *books = CONTAINER_OF(call, struct books, call);
    bool failed = call->err.code != ERR_NONE;

    books->keeping->kept = !failed;
    books->keeping = NULL;
    if (!failed) {
        books_keep(books);
    } else if (!books->worker->draining) {
        timer_start(&books->worker->loop, &books->timer, KEEP_AGAIN, timer_fired);
    }
}

static struct db_param *keep_params(struct arena *into, const struct old_book *old)
{
    struct db_param *params = arena_array(into, struct db_param, 2);

    params[0] = param_text((struct str){(const char *)old->version.bytes, HASH16_LEN});
    params[1] = param_text(old->files);
    return params;
}

void books_keep(struct books *books)
{
    struct old_book *old = books->old;

    while (old != NULL && old->kept)
        old = old->next;
    if (old == NULL || books->keeping != NULL)
        return;
    books->keeping = old;
    arena_reset(&books->arena);
    call_init(&books->call, &books->arena, (struct uuid){{0}});
    books->call.done = kept;
    call_add(&books->call, &SQL_BOOK_KEEP, keep_params(&books->arena, old));
    db_call(books->worker->db, &books->call);
}

/* --- finding
 * ----------------------------------------------------------------------------------------- */

static bool same(struct hash16 a, struct hash16 b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

const struct book *books_newest(const struct books *books)
{
    return books->newest;
}

const struct book *books_find(const struct books *books, struct hash16 version)
{
    if (same(version, book_version(books->newest)))
        return books->newest;
    for (const struct old_book *old = books->old; old != NULL; old = old->next) {
        if (same(old->version, version))
            return old->book != NULL ? old->book : books->newest;
    }
    return NULL;
}

const struct db_param *books_unkept(const struct books *books, struct arena *into,
                                    struct hash16 version)
{
    const struct old_book *old = books->old;

    while (old != NULL && !same(old->version, version))
        old = old->next;
    return old == NULL || old->kept ? NULL : keep_params(into, old);
}

const struct book *books_add(struct books *books, struct hash16 version, struct str files)
{
    const struct book *known = books_find(books, version);
    struct arena scratch = {0};
    struct old_book *old;
    struct err err = {0};

    if (known != NULL)
        return known;
    if (files.at == NULL) { /* it may come yet: whoever speaks by it keeps it */
        log_event(LOG_ALERT, "books.missing", LOG_I("worker", books->worker->index));
        return books->newest;
    }
    old = remember(books, version);
    old->kept = true;
    old->owned = unpack(&scratch, files, &err);
    old->book = old->owned;
    if (old->book == NULL)
        log_event(LOG_ALERT, "books.lost", LOG_ERR(&err));
    arena_finish(&scratch);
    return books_find(books, version);
}

/* --- a newer one
 * -------------------------------------------------------------------------------------- */

static void take_newer(struct books *books, struct book *book, struct old_book *place)
{
    char hex[2 * HASH16_LEN + 1];

    place->book = place->owned = book;
    books->newest = book;
    hex_format(place->version.bytes, HASH16_LEN, hex);
    log_event(LOG_INFO, "books.newer", LOG_I("worker", books->worker->index),
              LOG_C("version", hex));
    books_keep(books);
}

void books_renew(struct books *books, int handle)
{
    struct arena scratch = {0};
    struct arena arena = {0};
    struct str packed;
    struct err err = {0};
    struct book *book = NULL;

    if (book_hand_read(&arena, handle, &packed, &err))
        book = unpack(&scratch, packed, &err);
    arena_finish(&scratch);
    if (book == NULL) {
        log_event(LOG_ALERT, "books.not_renewed", LOG_ERR(&err));
    } else if (same(book_version(book), book_version(books->newest))) {
        book_destroy(book);
    } else {
        struct old_book *place = remember(books, book_version(book));
        place->arena = arena;
        place->files = packed;
        take_newer(books, book, place);
        return;
    }
    arena_finish(&arena);
}

void books_close(struct books *books)
{
    timer_close(&books->timer, NULL);
}

void books_destroy(struct books *books)
{
    if (books == NULL)
        return;
    while (books->old != NULL) {
        struct old_book *old = books->old;
        books->old = old->next;
        book_destroy(old->owned);
        arena_finish(&old->arena);
        free(old);
    }
    arena_finish(&books->arena);
    free(books);
}
