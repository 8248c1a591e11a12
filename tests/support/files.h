/*
 * Small files of the kinds that people attach, made on the spot: right in their heads, and with
 * nothing in them.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

struct str file_jpeg(struct arena *into, unsigned width, unsigned height);
struct str file_png(struct arena *into, uint32_t width, uint32_t height);

/* `inside` stands in it as an object. */
struct str file_pdf(struct arena *into, const char *inside);
