/*
 * The demo's shop. The data is SQL, because most of it is made from tables and times; this file
 * runs it in one transaction.
 */
#include "store/seed.h"

#include "bot/base/str.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

const struct uuid seed_demo_org = {
    {0x01, 0x92, 0x1a, 0x7b, 0x40, 0x00, 0x70, 0x00, 0x80, 0x00, 0x6c, 0x61, 0x72, 0x6b, 0x00,
     0x01}
};

/* Children first. */
static const char *const emptied[] = {
    "reviews",
    "ticket_answers",
    "ticket_documents",
    "tickets",
    "documents",
    "papers",
    "broadcast_recipients",
    "broadcast_lines",
    "broadcasts",
    "notices",
    "event_deliveries",
    "event_endpoints",
    "whatsapp_templates",
    "events_out",
    "event_subjects",
    "preferences",
    "consent_log",
    "customer_settings",
    "disputes",
    "refunds",
    "payments",
    "checkouts",
    "ledger",
    "invoice_lines",
    "invoices",
    "stripe_seen",
    "cancellations",
    "cancellation_rules",
    "cancellation_reasons",
    "handoffs",
    "outbox",
    "uploads",
    "messages",
    "early_statuses",
    "seen",
    "payloads",
    "jobs",
    "dead_letters",
    "audit",
    "lanes",
    "conversations",
    "code_sends",
    "verifications",
    "contact_points",
    "estimate_items",
    "estimates",
    "order_photos",
    "document_links",
    "crm_seen",
    "crm_subjects",
    "crm_waiting",
    "crm_order_states",
    "tracking_events",
    "shipments",
    "order_notes",
    "order_events",
    "order_items",
    "orders",
    "workflow_states",
    "customer_phones",
    "customers",
    "companies",
    "directory",
    "accounts",
    "business_logos",
    "businesses",
};

static void conn_release(PGconn **conn)
{
    PQfinish(*conn);
}

static void ignore_notice(void *owner, const PGresult *notice)
{
    (void)owner;
    (void)notice;
}

static bool execute(PGconn *conn, const char *text, int n, const char *const *values,
                    struct err *err)
{
    PGresult *result =
        n > 0 ? PQexecParams(conn, text, n, NULL, values, NULL, NULL, 0) : PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        (void)err_raise(err, why ? ERR_REJECT : ERR_RETRY, "%s", why ? why : "connection lost");
    PQclear(result);
    return ok;
}

static bool set_for_transaction(PGconn *conn, const char *name, const char *value,
                                struct err *err)
{
    return execute(conn, "select set_config($1, $2, true)", 2,
                   (const char *const[]){name, value ? value : ""}, err);
}

static bool set_all(PGconn *conn, const struct seed_options *options, struct err *err)
{
    char org[UUID_TEXT_LEN + 1];
    uuid_format(seed_demo_org, org);
    return set_for_transaction(conn, "parley.org_id", org, err) &&
           set_for_transaction(conn, "seed.phone_number_id", options->phone_number_id, err) &&
           set_for_transaction(conn, "seed.business_account_id", options->business_account_id,
                               err) &&
           set_for_transaction(conn, "seed.app", options->app, err) &&
           set_for_transaction(conn, "seed.sms_number", options->sms_number, err) &&
           set_for_transaction(conn, "seed.mail_address", options->mail_address, err) &&
           set_for_transaction(conn, "seed.pictures", options->pictures, err) &&
           set_for_transaction(conn, "seed.phone",
                               options->phone ? options->phone : "+15550100100", err);
}

static bool empty(PGconn *conn, struct err *err)
{
    for (size_t i = 0; i < COUNTOF(emptied); i++) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "delete from %s where org_id = current_setting('parley.org_id')::uuid",
                       emptied[i]);
        if (!execute(conn, text, 0, NULL, err))
            return err_wrap(err, "reset %s", emptied[i]);
    }
    return true;
}

static bool count(PGconn *conn, struct seed_counts *counts, struct err *err)
{
    static const char text[] = "select (select count(*) from customers where org_id = o.id),"
                               "       (select count(*) from orders where org_id = o.id),"
                               "       (select count(*) from shipments where org_id = o.id)"
                               "  from (select current_setting('parley.org_id')::uuid as id) o";
    PGresult *result = PQexec(conn, text);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (ok) {
        *counts = (struct seed_counts){
            .customers = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10),
            .orders = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10),
            .shipments = (int)strtol(PQgetvalue(result, 0, 2), NULL, 10),
        };
    }
    PQclear(result);
    return ok || err_raise(err, ERR_RETRY, "count: connection lost");
}

bool seed_demo(const struct seed_options *options, struct seed_counts *counts, struct err *err)
{
    CLEANUP(conn_release) PGconn *conn = PQconnectdb(options->url);
    if (PQstatus(conn) != CONNECTION_OK) {
        struct str why = str_trim(str_from(PQerrorMessage(conn)));
        return err_raise(err, ERR_RETRY, "seed: connect: %.*s", STR_ARG(why));
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    bool ok = execute(conn, "begin", 0, NULL, err) && set_all(conn, options, err) &&
              (!options->reset || empty(conn, err)) &&
              execute(conn, seed_demo_sql, 0, NULL, err) && count(conn, counts, err) &&
              execute(conn, "commit", 0, NULL, err);
    return ok || err_wrap(err, "seed");
}
