/*
 * Parameters in PostgreSQL's binary format: big-endian numbers, times counted from 2000. An
 * array is a header (dimensions, whether it has NULLs, the element's type, size, lower bound)
 * and its elements, each after its length; it is built with room for the header left in front.
 */
#include "store/db.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>

#define PG_EPOCH     (946684800 * USEC_PER_SEC)
#define ARRAY_HEADER 20

struct db_param param_null(void)
{
    return (struct db_param){NULL, 0};
}

static struct db_param param_copy(struct arena *into, const void *bytes, size_t len)
{
    char *at = arena_alloc(into, len);
    memcpy(at, bytes, len);
    return (struct db_param){at, (int)len};
}

struct db_param param_bool(struct arena *into, bool yes)
{
    (void)into;
    return (struct db_param){yes ? "\1" : "\0", 1};
}

struct db_param param_int4(struct arena *into, int32_t number)
{
    uint32_t wire = htobe32((uint32_t)number);
    return param_copy(into, &wire, sizeof(wire));
}

struct db_param param_int8(struct arena *into, int64_t number)
{
    uint64_t wire = htobe64((uint64_t)number);
    return param_copy(into, &wire, sizeof(wire));
}

struct db_param param_text(struct str text)
{
    assert(text.len <= INT32_MAX);
    return (struct db_param){text.at, (int)text.len};
}

struct db_param param_uuid(struct arena *into, struct uuid id)
{
    return param_copy(into, id.bytes, sizeof(id.bytes));
}

/* The ends of time stay the ends: PostgreSQL calls them infinity. */
static int64_t time_to_pg(usec_t time)
{
    if (time == INT64_MAX || time < INT64_MIN + PG_EPOCH)
        return time;
    return time - PG_EPOCH;
}

struct db_param param_time(struct arena *into, usec_t time)
{
    return time == 0 ? param_null() : param_int8(into, time_to_pg(time));
}

static uint32_t element_oid(enum db_type type)
{
    static const uint32_t oids[] = {
        [DB_BOOL] = 16, [DB_INT2] = 21,  [DB_INT4] = 23,   [DB_INT8] = 20,
        [DB_TEXT] = 25, [DB_BYTEA] = 17, [DB_UUID] = 2950, [DB_TIME] = 1184,
    };
    return oids[type];
}

void array_init(struct db_array *array, struct arena *into, enum db_type type)
{
    *array = (struct db_array){.into = into, .type = type};
}

static char *array_room(struct db_array *array, size_t more)
{
    if (array->room - array->len < more) { /* the first time also for the header */
        size_t room = array->room * 2 + more + 256;
        char *bytes = arena_alloc(array->into, room);
        if (array->len > 0) {
            memcpy(bytes, array->bytes, array->len);
        } else {
            array->len = ARRAY_HEADER;
        }
        array->bytes = bytes;
        array->room = room;
    }
    char *at = array->bytes + array->len;
    array->len += more;
    return at;
}

static void put32(char *at, uint32_t number)
{
    number = htobe32(number);
    memcpy(at, &number, sizeof(number));
}

static void array_put(struct db_array *array, const void *bytes, size_t len)
{
    assert(len <= INT32_MAX);
    char *at = array_room(array, 4 + len);
    put32(at, (uint32_t)len);
    if (len > 0)
        memcpy(at + 4, bytes, len);
    array->n++;
}

void array_null(struct db_array *array)
{
    put32(array_room(array, 4), UINT32_MAX);
    array->n++;
}

void array_bool(struct db_array *array, bool yes)
{
    assert(array->type == DB_BOOL);
    array_put(array, yes ? "\1" : "\0", 1);
}

void array_int(struct db_array *array, int64_t number)
{
    uint16_t two = htobe16((uint16_t)number);
    uint32_t four = htobe32((uint32_t)number);
    uint64_t eight = htobe64((uint64_t)number);
    assert(array->type == DB_INT2 || array->type == DB_INT4 || array->type == DB_INT8);
    if (array->type == DB_INT2) {
        array_put(array, &two, sizeof(two));
    } else if (array->type == DB_INT4) {
        array_put(array, &four, sizeof(four));
    } else {
        array_put(array, &eight, sizeof(eight));
    }
}

void array_text(struct db_array *array, struct str text)
{
    assert(array->type == DB_TEXT || array->type == DB_BYTEA);
    if (!text.at) {
        array_null(array);
    } else {
        array_put(array, text.at, text.len);
    }
}

void array_uuid(struct db_array *array, struct uuid id)
{
    assert(array->type == DB_UUID);
    array_put(array, id.bytes, sizeof(id.bytes));
}

void array_time(struct db_array *array, usec_t time)
{
    assert(array->type == DB_TIME);
    if (time == 0) {
        array_null(array);
        return;
    }
    uint64_t wire = htobe64((uint64_t)time_to_pg(time));
    array_put(array, &wire, sizeof(wire));
}

struct db_param param_array(struct db_array *array)
{
    if (array->n == 0) {
        char *empty = arena_alloc(array->into, 12);
        put32(empty + 8, element_oid(array->type));
        return (struct db_param){empty, 12};
    }
    assert(array->len <= INT32_MAX);
    put32(array->bytes, 1);
    put32(array->bytes + 4, 1); /* may hold NULLs; PostgreSQL looks for itself */
    put32(array->bytes + 8, element_oid(array->type));
    put32(array->bytes + 12, (uint32_t)array->n);
    put32(array->bytes + 16, 1);
    return (struct db_param){array->bytes, (int)array->len};
}
