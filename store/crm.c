#include "store/crm.h"

#include "bot/loop/loop.h"
#include "store/db.h"
#include "store/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct crm_store {
    PGconn *conn;
};

bool crm_store_open(const char *url, usec_t timeout, struct crm_store **store, struct err *err)
{
    *store = calloc(1, sizeof **store);
    if (*store == NULL)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley import", &(*store)->conn,
                         err);
}

void crm_store_close(struct crm_store **store)
{
    if (*store != NULL)
        plain_close(&(*store)->conn);
    free(*store);
    *store = NULL;
}

bool crm_store_analyze(struct crm_store *store, struct err *err)
{
    return plain_command(store->conn, "reset role", err) &&
           plain_command(
               store->conn,
               "analyze customers, customer_phones, orders, order_items, order_events,"
               " order_photos, shipments, tracking_events, invoices, invoice_lines, ledger,"
               " document_links, workflow_states, crm_seen, crm_subjects, crm_waiting,"
               " crm_order_states",
               err) &&
           plain_command(store->conn, "set role parley_staff", err);
}

static const char *time_text(struct arena *into, usec_t at)
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    char text[32];
    struct tm tm;

    (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
    return arena_format(into, "%s.%06d+00", text, (int)(at % USEC_PER_SEC)).at;
}

bool crm_store_take(struct crm_store *store, struct str source, struct str events, bool tell,
                    struct arena *into, const struct crm_kept **kept, size_t *n,
                    struct err *err)
{
    const char *at = time_text(into, clock_now());
    const char *const values[] = {arena_cstr(into, source), NULL, arena_cstr(into, events), at,
                                  tell ? "t" : "f"};
    struct crm_kept *list;
    OWNED_ROWS(rows) = NULL;

    if (!plain_ask(store->conn, &SQL_CRM_TAKE, 5, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    *kept = list = arena_array(into, struct crm_kept, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        list[i] = (struct crm_kept){.event = row_int(rows, i, 0),
                                    .outcome = arena_str(into, row_text(rows, i, 1)),
                                    .path = arena_str(into, row_text(rows, i, 2)),
                                    .expected = arena_str(into, row_text(rows, i, 3)),
                                    .got = arena_str(into, row_text(rows, i, 4))};
    }
    return true;
}
