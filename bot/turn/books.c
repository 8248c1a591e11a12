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
    struct arena arena;      /* its packed files, when it came as the newest */
};

struct books {
    struct worker *worker;
    const struct book *newest;
    struct str files;
    struct old_book *old;
    struct arena arena;
    struct db_call call;
    struct timer timer;
    bool keeping;    /* `call` is under way */
    bool keep_again; /* since a newer one came meanwhile */
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
    books->worker = worker;
    books->newest = newest;
    books->files = files;
    remember(books, book_version(newest))->book = newest;
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

    books->keeping = false;
    if (books->keep_again) {
        books_keep(books);
    } else if (call->err.code != ERR_NONE && !books->worker->draining) {
        timer_start(&books->worker->loop, &books->timer, KEEP_AGAIN, timer_fired);
    }
}

void books_keep(struct books *books)
{
    struct hash16 *version;
    struct db_param *params;

    books->keep_again = books->keeping;
    if (books->keeping)
        return;
    books->keeping = true;
    arena_reset(&books->arena);
    version = arena_new(&books->arena, struct hash16);
    params = arena_array(&books->arena, struct db_param, 2);
    *version = book_version(books->newest);
    params[0] = param_text((struct str){(const char *)version->bytes, sizeof version->bytes});
    params[1] = param_text(books->files);
    call_init(&books->call, &books->arena, (struct uuid){{0}});
    books->call.done = kept;
    call_add(&books->call, &SQL_BOOK_KEEP, params);
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

const struct book *books_add(struct books *books, struct hash16 version, struct str files)
{
    const struct book *known = books_find(books, version);
    struct arena scratch = {0};
    struct old_book *old;
    struct err err = {0};

    if (known != NULL)
        return known;
    old = remember(books, version);
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
        books->files = packed;
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
