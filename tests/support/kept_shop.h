/*
 * The demo's shop, made once and then put back: what a seed takes is a quarter of a second of
 * PostgreSQL's work, for each test anew.
 *
 * Its rows are kept in a schema of their own (kept_shop.sql). They are relative to when they
 * were made, so they serve for a quarter of an hour by the clock, within which no day begins
 * anywhere.
 */
#pragma once

#include "store/seed.h"

/* As seed_demo with `reset` would: the shop has what the seed makes, and nothing else, in any
 * table of businesses. In store_pg's database; the test fails when it cannot be. */
void kept_shop_seed(const struct seed_options *options);
