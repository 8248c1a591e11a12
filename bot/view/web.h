/*
 * Customers' own pages on the web, behind a link (bot/view/portal.h): the index of their orders
 * and papers, one order, and each paper as a PDF.
 *
 *     /customer/<token>                          the index
 *     /customer/<token>/orders/<number>          one order
 *     /customer/<token>/papers/<kind>/<id>.pdf   a paper
 *     /customer/<token>/documents.zip            all of them, and the photos
 *     /customer/<token>/report                   the report form; POST sends it
 *
 * Each request asks anew whose the link is and whether it still is, and then looks up as
 * parley_web with that customer set: a number of somebody else's is one that is not there. A
 * link that opens nothing shows the same page whatever the reason, after the same one query. A
 * GET changes nothing but when the link was used. The calls go over a pool of their own
 * (database.web_connections of each worker), so that no visitor makes a conversation wait.
 */
#pragma once

#include "bot/worker.h"

struct web *web_create(struct worker *worker, struct err *err); /* NULL: failed */

/* `path` is what stands behind "/customer/"; for a program (web_json.c) behind
 * "/api/portal/customer/". */
void web_visit(struct web *web, struct http_exchange *exchange, struct str path, bool json);

void web_close(struct web *web);
void web_destroy(struct web *web); /* accepts NULL */
