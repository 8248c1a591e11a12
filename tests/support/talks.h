/*
 * The demo's business with two of its customers in conversation: for the store's tests that
 * need somebody to be.
 */
#pragma once

#include "tests/support/store.h"

/*
 * Fill store_pg with the demo, and let Amelia (1) and Lucia (2) have written on WhatsApp: their
 * contact point and their conversation have the id md5('talk/1'), md5('talk/2'). The test fails
 * if that fails.
 */
void talks_begin(PGconn *owner);

/* The one id that a query gives. */
struct uuid ask_id(PGconn *conn, const char *sql);
