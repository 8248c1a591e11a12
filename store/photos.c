#include "store/photos.h"

#include "bot/loop/loop.h"
#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct photos {
    PGconn *conn;
};

#define NUMBER_ROOM 24

/* Values of a query as text: ids and times have their places. */
struct texts {
    char order[UUID_TEXT_LEN + 1], photo[UUID_TEXT_LEN + 1], document[UUID_TEXT_LEN + 1],
        audit[UUID_TEXT_LEN + 1];
    char now[48], taken[48];
    struct arena arena;
};

static void time_write(char *text, size_t room, usec_t at)
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    size_t len = strftime(text, room, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
    (void)snprintf(text + len, room - len, ".%06d+00", (int)(at % USEC_PER_SEC));
}

static struct uuid fresh(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

static void texts_init(struct texts *texts, const struct photo_order *order, struct uuid photo)
{
    *texts = (struct texts){.arena = {0}};
    uuid_format(order->id, texts->order);
    uuid_format(photo, texts->photo);
    uuid_format(fresh(), texts->audit);
    time_write(texts->now, sizeof(texts->now), clock_now());
}

bool photos_open(const char *url, usec_t timeout, struct photos **photos, struct err *err)
{
    *photos = calloc(1, sizeof(**photos));
    if (!*photos)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley photo", &(*photos)->conn,
                         err);
}

void photos_close(struct photos **photos)
{
    if (*photos)
        plain_close(&(*photos)->conn);
    free(*photos);
    *photos = NULL;
}

/* What must give a row; the texts end with it. */
static bool change(struct photos *photos, const struct photo_order *order,
                   const struct sql *sql, int n, const char **values, struct texts *texts,
                   const char *otherwise, struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    bool ok = plain_ask_of(photos->conn, order->org, sql, n, values, &rows, err);
    arena_finish(&texts->arena);
    return ok && (rows_n(rows) > 0 || err_raise(err, ERR_REJECT, "%s", otherwise));
}

/* --- reading ------------------------------------------------------------------------------ */

bool photos_order(struct photos *photos, struct str number, struct arena *into,
                  struct photo_order *order, struct err *err)
{
    const char *values[] = {NULL, arena_cstr(into, number)};
    OWNED_ROUND(round) = {
        .conn = photos->conn, .sql = &SQL_PHOTO_ORDER, .n = 2, .values = values};
    while (round_next(&round, err)) {
        if (rows_n(round.rows) == 0)
            continue;
        *order = (struct photo_order){.org = round.org,
                                      .id = row_uuid(round.rows, 0, 0),
                                      .number = arena_str(into, row_text(round.rows, 0, 1))};
        return true;
    }
    return !round.failed && err_raise(err, ERR_REJECT, "there is no order '%.*s'",
                                      STR_ARG(str_slice(number, 0, 40)));
}

bool photos_list(struct photos *photos, const struct photo_order *order, struct arena *into,
                 const struct photo **items, size_t *n, struct err *err)
{
    struct texts texts;
    texts_init(&texts, order, order->id);
    const char *values[] = {NULL, texts.order};
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask_of(photos->conn, order->org, &SQL_PHOTOS_OF, 2, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct photo *list = arena_array(into, struct photo, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        list[i] = (struct photo){.id = row_uuid(rows, i, 0),
                                 .category = arena_str(into, row_text(rows, i, 1)),
                                 .caption = arena_str(into, row_text(rows, i, 2)),
                                 .taken_at = row_time(rows, i, 3),
                                 .visible = row_bool(rows, i, 4),
                                 .url = arena_str(into, row_text(rows, i, 5)),
                                 .mime = arena_str(into, row_text(rows, i, 6)),
                                 .size = row_int(rows, i, 7),
                                 .state = arena_str(into, row_text(rows, i, 8))};
    }
    *items = list;
    return true;
}

/* --- a file ------------------------------------------------------------------------------- */

bool photos_begin(struct photos *photos, const struct photo_order *order,
                  const struct photo_file *file, struct err *err)
{
    struct texts texts;
    char hash[2 + 2 * HASH_LEN + 1] = "\\x", size[NUMBER_ROOM], width[NUMBER_ROOM],
                                 height[NUMBER_ROOM];
    texts_init(&texts, order, file->document);
    hex_format(file->sha256.bytes, HASH_LEN, hash + 2);
    (void)snprintf(size, sizeof(size), "%zu", file->size);
    (void)snprintf(width, sizeof(width), "%u", file->width);
    (void)snprintf(height, sizeof(height), "%u", file->height);
    const char *values[] = {NULL,  texts.photo, texts.now,
                            hash,  size,        file->mime,
                            width, height,      arena_cstr(&texts.arena, file->name)};
    return change(photos, order, &SQL_PHOTO_BEGIN, 9, values, &texts,
                  "the same file is just being removed: try again in a minute", err);
}

bool photos_add(struct photos *photos, const struct photo_order *order,
                const struct photo_file *file, const struct photo *photo, const char *who,
                struct err *err)
{
    struct texts texts;
    texts_init(&texts, order, photo->id);
    uuid_format(file->document, texts.document);
    time_write(texts.taken, sizeof(texts.taken), photo->taken_at);
    const char *values[] = {NULL,
                            texts.document,
                            texts.now,
                            texts.order,
                            texts.photo,
                            arena_cstr(&texts.arena, photo->category),
                            arena_cstr(&texts.arena, photo->caption),
                            who,
                            texts.taken,
                            texts.audit};
    return change(photos, order, &SQL_PHOTO_KEEP, 10, values, &texts,
                  "the file was taken away meanwhile: try again", err);
}

bool photos_replace(struct photos *photos, const struct photo_order *order,
                    const struct photo_file *file, struct uuid photo, const char *who,
                    struct err *err)
{
    struct texts texts;
    texts_init(&texts, order, photo);
    uuid_format(file->document, texts.document);
    const char *values[] = {NULL, texts.document, texts.now, texts.order, texts.photo,
                            who,  texts.audit};
    return change(photos, order, &SQL_PHOTO_REPLACE, 7, values, &texts,
                  "the order has no such photo", err);
}

/* --- the rest of it ----------------------------------------------------------------------- */

bool photos_describe(struct photos *photos, const struct photo_order *order, struct uuid photo,
                     struct str caption, const char *who, struct err *err)
{
    struct texts texts;
    texts_init(&texts, order, photo);
    const char *values[] = {
        NULL,      texts.order, texts.photo, arena_cstr(&texts.arena, caption),
        texts.now, who,         texts.audit};
    return change(photos, order, &SQL_PHOTO_DESCRIBE, 7, values, &texts,
                  "the order has no such photo", err);
}

bool photos_remove(struct photos *photos, const struct photo_order *order, struct uuid photo,
                   const char *who, struct err *err)
{
    struct texts texts;
    texts_init(&texts, order, photo);
    const char *values[] = {NULL, texts.order, texts.photo, texts.now, who, texts.audit};
    return change(photos, order, &SQL_PHOTO_REMOVE, 6, values, &texts,
                  "the order has no such photo", err);
}
