/*
 * What every file may lean on: the compiler's help, and nothing that has an opinion.
 *
 * MUST_USE    a result that says whether something failed may not be dropped
 * PRINTF      the compiler checks a format against its arguments
 * CLEANUP     a local that releases itself when its scope ends: OWNED_JSON(doc) and the like
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn)       __attribute__((cleanup(fn)))
#define COUNTOF(array)    (sizeof(array) / sizeof((array)[0]))

/* The object that embeds `member` at `ptr`: how a request leads back to its owner. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

typedef int64_t usec_t; /* microseconds: since 1970 UTC as a time, plain as a duration */

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)
