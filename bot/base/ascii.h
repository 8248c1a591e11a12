/*
 * The letters and digits of ASCII, whatever their case: for names that machines write (headers,
 * hex). What people write is folded by Unicode's rules (bot/base/str.h). Bytes beyond ASCII
 * stand for themselves.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/* 'a' for 'A'; everything else is itself. */
char ascii_lower(char c);

/* The text in small letters, in `into`. */
struct str ascii_lowered(struct arena *into, struct str text);

/* As str_eq and str_starts, in either case. */
bool ascii_eq(struct str a, struct str b);
bool ascii_starts(struct str text, struct str prefix);

/* 0 to 15 for a hex digit of either case; -1 for anything else. */
int ascii_hex(char c);
