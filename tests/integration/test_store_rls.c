/*
 * Promise 5, yours only: tries to read and write another business's and another customer's
 * rows, through every table and every query that there is.
 *
 * There are two businesses with the very same rows and ids, so that only org_id tells them
 * apart. Tables and queries are taken from the catalog and from sql_all: a new one is tested
 * without being named here.
 */
#include "store/migrate.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORG_A "01921a7b-4000-7000-8000-6c61726b0001" /* seed_demo_org */
#define ORG_B "0192ffff-4000-7000-8000-0000000000b0"

static PGconn *owner; /* superuser: sees all */
static PGconn *bot;

/* Queries that name no business, by the beginning of their names: those of global tables, of
 * the transaction's business, of the doctor. A query that is neither here nor names a business
 * as $1 fails the test. */
static const char *const global_queries[] = {
    "accounts_all",
    "survey_",
    "book_find",
    "book_keep",
    "stripe_take",
    "retention_partitions",
    "retention_unrouted",
    "unrouted_",
    "dead_app_of",
    "businesses",
    "templates_accounts",
    "crm_take",     /* its business comes from the directory, by source and app; staff only */
    "api_key_find", /* likewise, by a key's public part */
};

static const char arrange_a[] =
    "set parley.org_id = '" ORG_A "';"
    "insert into contact_points (org_id, contact_id, channel, address, phone, customer_id)"
    "  select org_id, md5('contact' || phone)::uuid, 'whatsapp', phone, phone, customer_id"
    "    from customer_phones;"
    "insert into conversations (org_id, conversation_id, account_id, contact_id, seq)"
    "  select p.org_id, md5('conversation' || p.address)::uuid, a.account_id, p.contact_id, 2"
    "    from contact_points p join accounts a using (org_id);"
    "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, "
    "provider_hash)"
    "  select org_id, conversation_id, s, s = 1, 'text', 'words', now(),"
    "         decode(md5(conversation_id || '/' || s), 'hex')"
    "    from conversations, generate_series(1, 2) s;"
    "insert into outbox (org_id, lane_id, conversation_id, seq, due_at)"
    "  select org_id, account_id, conversation_id, 2, now() from conversations;"
    "insert into lanes (org_id, lane_id, holder, epoch, lease_until)"
    "  select org_id, account_id, md5('holder')::uuid, 1, now() + interval '1 hour' from "
    "accounts;"
    "insert into payloads values ('" ORG_A "', md5('p')::uuid, now(), 'whatsapp', 'x');"
    "insert into early_statuses values ('" ORG_A "', decode(md5('e'), 'hex'), 1, 0, now());"
    "insert into seen select org_id, account_id, decode(md5('s'), 'hex'), now() from accounts;"
    "insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)"
    " select org_id, conversation_id, 1, now(), now() from conversations;"
    "insert into short_links values ('" ORG_A "', 'abc', 'https://a.example', now());"
    "insert into mail_threads select org_id, conversation_id, '<a@mail.example>' from "
    "conversations;"
    "insert into jobs (org_id, job_id, kind, due_at) values ('" ORG_A
    "', md5('j')::uuid, 'x', now());"
    "insert into handoffs (org_id, handoff_id, conversation_id, reason, asked_at, seq, "
    "answer_by)"
    "  select org_id, md5('h' || conversation_id)::uuid, conversation_id, 'asked', now(), 1, "
    "now()"
    "    from conversations;"
    "insert into documents (org_id, document_id, conversation_id, account_id, customer_id, "
    "handle, kind, at, expires_at, due_at)"
    "  select c.org_id, md5('f' || c.conversation_id)::uuid, c.conversation_id, c.account_id,"
    "         p.customer_id, 'h', 'image', now(), now(), now()"
    "    from conversations c join contact_points p using (org_id, contact_id);"
    "insert into uploads (org_id, account_id, document_id, due_at)"
    "  select org_id, account_id, document_id, now() from documents;"
    "insert into tickets (org_id, ticket_id, number, customer_id, kind, description, "
    "created_at, due_at)"
    "  select org_id, md5('t' || customer_id)::uuid, ticket_number(), customer_id, 'other', "
    "'x',"
    "         now(), now() from customers;"
    "insert into ticket_documents"
    "  select org_id, md5('t' || customer_id)::uuid, document_id, 1 from documents;"
    "insert into ticket_answers (org_id, ticket_id, answer_id, at, author, body)"
    "  select org_id, ticket_id, md5('w' || ticket_id)::uuid, now(), 'x', 'x' from tickets;"
    "insert into verifications (org_id, contact_id) select org_id, contact_id from "
    "contact_points;"
    "insert into code_sends (org_id, send_id, at, contact_id, destination, prefix)"
    "  select org_id, contact_id, now(), contact_id, '+1', '+' from contact_points;"
    "insert into notices (org_id, notice_id, customer_id, topic, kind, made_at, due_at, "
    "state_at)"
    "  select org_id, customer_id, customer_id, '', 'x', now(), now(), now() from customers;"
    "insert into papers (org_id, paper_id, customer_id, conversation_id, kind, subject, "
    "language, due_at, made_at)"
    "  select org_id, customer_id, customer_id, customer_id, 'order', 'x', 'en', now(), now() "
    "from customers;"
    "insert into business_logos select org_id, 'x', now(), 'x' from businesses;"
    "insert into broadcasts (org_id, broadcast_id, name, content, state, made_at, made_by)"
    "  select org_id, md5('b')::uuid, 'x', '{}', 'gathering', now(), 'x' from businesses;"
    "insert into broadcast_lines (org_id, broadcast_id, line)"
    "  select org_id, broadcast_id, 1 from broadcasts;"
    "insert into broadcast_recipients (org_id, broadcast_id, number, customer_id, state, "
    "due_at, state_at)"
    "  select org_id, md5('b')::uuid, 1, customer_id, 'waiting', now(), now() from customers"
    "   limit 1;"
    "insert into portal_links (org_id, link_id, customer_id, contact_id, token_hash, made_at, "
    "expires_at)"
    "  select org_id, customer_id, customer_id, customer_id, decode(md5(customer_id::text), "
    "'hex'), now(), now() + interval '90 days' from customers;"
    "insert into whatsapp_templates (org_id, account, name, language, updated_at)"
    "  select org_id, '1', 'x', 'en', now() from businesses;"
    "insert into event_subjects select org_id, 'order/1', 1 from businesses;"
    "insert into events_out (org_id, event_id, type, subject, seq, at)"
    "  select org_id, org_id, 'order.x', 'order/1', 1, now() from businesses;"
    "insert into event_endpoints (org_id, endpoint, since) select org_id, 'crm', now() from "
    "businesses;"
    "insert into event_deliveries (org_id, endpoint, event_id, subject, seq, due_at)"
    "  select org_id, 'crm', org_id, 'order/1', 1, now() from businesses;"
    "insert into refunds (org_id, refund_id, payment_intent, invoice_id, customer_id, cause, "
    "minor, currency, idempotency_key, made_at, state_at)"
    "  select org_id, payment_id, payment_intent, invoice_id, customer_id, payment_intent, 1, "
    "'USD', 'k', now(), now() from payments;"
    "insert into disputes (org_id, provider_id, payment_intent, invoice_id, customer_id, "
    "minor, "
    "currency, state, state_at)"
    "  select org_id, payment_intent, payment_intent, invoice_id, customer_id, 1, 'USD', "
    "'open', now() from payments;"
    "insert into stripe_seen select org_id, 'evt_1', now() from businesses;"
    "insert into document_links select org_id, customer_id, customer_id, null, 'other', 'x', "
    "'x', now()"
    "  from customers;"
    "insert into crm_seen select org_id, org_id, now() from businesses;"
    "insert into crm_subjects select org_id, 'order', 'x', 1, org_id from businesses;"
    "insert into crm_waiting select org_id, 'order', 'y', org_id, now(), '{}' from businesses;"
    "insert into crm_order_states select org_id, order_id, 1, order_id, status, now(), now()"
    "  from orders;"
    "insert into api_keys select org_id, org_id, 'p', 'n', sha256('x'), '{}', now(), 'x' from "
    "businesses;"
    "insert into api_answers select org_id, org_id, 'i', 'r', now() from businesses;"
    "insert into dead_letters (org_id, dead_id, at, provider, reason, item, payload)"
    "  values ('" ORG_A "', md5('d')::uuid, now(), 'whatsapp', 'x', 'x', 'x');"
    "insert into audit (org_id, audit_id, at, actor, action)"
    "  values ('" ORG_A "', md5('a')::uuid, now(), 'x', 'x');";

/* Every row again for business B. Foreign keys are checked at the end of nothing here: the
 * tables are copied as a replica would. */
static const char copy_to_b[] =
    "set session_replication_role = replica;"
    "do $$ declare t text; columns text; begin"
    "  for t in select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
    "            where a.attname = 'org_id' and c.relkind in ('r', 'p') and not "
    "c.relispartition"
    "              and c.relnamespace = 'public'::regnamespace loop"
    "    select string_agg(attname, ', ') into columns from pg_attribute"
    "     where attrelid = t::regclass and attnum > 0 and not attisdropped"
    "       and attgenerated = '' and attname not in ('org_id', 'external_id');"
    "    if exists (select 1 from pg_attribute where attrelid = t::regclass"
    "                 and attname = 'external_id') then"
    "      execute format('insert into %I (org_id, external_id, %s)"
    "                      select %L, external_id || ''b'', %s from %I',"
    "                     t, columns, '" ORG_B "', columns, t);"
    "    else"
    "      execute format('insert into %I (org_id, %s) select %L, %s from %I',"
    "                     t, columns, '" ORG_B "', columns, t);"
    "    end if;"
    "  end loop;"
    "end $$;"
    "set session_replication_role = origin;";

static const char org_tables[] =
    "select c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,"
    "       (select count(*) from pg_policy p where p.polrelid = c.oid)"
    "  from pg_class c join pg_attribute a on a.attrelid = c.oid"
    " where a.attname = 'org_id' and c.relkind in ('r', 'p')"
    "   and c.relnamespace = 'public'::regnamespace order by 1";

static PGresult *list_tables(void)
{
    PGresult *tables = PQexec(owner, org_tables);
    assert_int_equal(PQresultStatus(tables), PGRES_TUPLES_OK);
    assert_in_range(PQntuples(tables), 20, 500);
    return tables;
}

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[65536];

static long customer_rows(const char *table, const char *customer)
{
    bool direct = strcmp(table, "customers") == 0 || strcmp(table, "orders") == 0 ||
                  strcmp(table, "tickets") == 0 || strcmp(table, "invoices") == 0 ||
                  strcmp(table, "ledger") == 0 || strcmp(table, "payments") == 0;
    return ask_number(
        owner, FORMAT(direct ? "select count(*) from %s where org_id = '" ORG_A
                               "' and customer_id = '%s'"
                             : "select count(*) from %s t where org_id = '" ORG_A "'"
                               " and exists (select 1 from orders o where o.org_id = "
                               "t.org_id and o.order_id = t.order_id"
                               " and o.customer_id = '%s')%s",
                      table, customer,
                      strcmp(table, "order_notes") == 0 || strcmp(table, "order_photos") == 0
                          ? " and visible"
                          : ""));
}

static const char *const customers_tables[] = {
    "customers", "orders",          "order_items",  "order_events", "order_notes",
    "shipments", "tracking_events", "order_photos", "estimates",    "estimate_items",
    "tickets",   "invoices",        "ledger",       "payments"};

/* md5('larkfield/customer/1') as the seed makes it. */
static const char *customer_id(int n)
{
    static char ids[21][40];
    PGresult *result = PQexec(owner, FORMAT("select md5('larkfield/customer/%d')::uuid", n));
    (void)snprintf(ids[n], sizeof(ids[n]), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return ids[n];
}

static void act(PGconn *conn, const char *role, const char *org, const char *customer)
{
    run_sql(conn, FORMAT("set role %s", role));
    run_sql(conn, FORMAT("set parley.org_id = '%s'", org));
    run_sql(conn, FORMAT("set parley.customer_id = '%s'", customer));
}

/* The number, or -1 when the role may not even ask. */
static long count_as(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    long number = state ? -1 : strtol(PQgetvalue(result, 0, 0), NULL, 10);
    if (state)
        assert_string_equal(state, "42501");
    PQclear(result);
    return number;
}

/* --- tables --------------------------------------------------------------------------------
 */

static void every_table_of_a_business_is_guarded_also_from_its_owner(void **state)
{
    (void)state;
    PGresult *tables = list_tables();
    for (int i = 0; i < PQntuples(tables); i++) {
        bool ok = PQgetvalue(tables, i, 1)[0] == 't' && PQgetvalue(tables, i, 2)[0] == 't' &&
                  (PQgetvalue(tables, i, 3)[0] == 't' || PQgetvalue(tables, i, 4)[0] != '0');
        if (!ok) {
            fail_msg("%s has no forced row-level security, or no policy",
                     PQgetvalue(tables, i, 0));
        }
    }
    PQclear(tables);
    assert_int_equal(ask_number(owner, "select count(*) from pg_roles where rolname like "
                                       "'parley\\_%' and (rolsuper or rolbypassrls or "
                                       "rolcanlogin)"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from pg_policy"
                                       " where not polpermissive"),
                     0);
    assert_int_equal(
        ask_number(owner, "select count(*) from pg_class where relkind in ('r', 'p') and "
                          "relnamespace = 'public'::regnamespace and relname in "
                          "('payloads_default') and has_table_privilege('parley_bot', oid, "
                          "'select')"),
        0);
}

static void both_businesses_have_rows_in_every_table(void **state)
{
    (void)state;
    PGresult *tables = list_tables();
    for (int i = 0; i < PQntuples(tables); i++) {
        const char *table = PQgetvalue(tables, i, 0);
        if (PQgetvalue(tables, i, 3)[0] == 't')
            continue;
        if (ask_number(owner, FORMAT("select count(distinct org_id) from %s", table)) != 2)
            fail_msg("%s is empty: the other tests would prove nothing", table);
    }
    PQclear(tables);
}

static void no_role_sees_a_row_without_a_business(void **state)
{
    (void)state;
    static const char *const roles[] = {"parley_bot", "parley_web", "parley_staff"};
    PGresult *tables = list_tables();
    for (size_t r = 0; r < COUNTOF(roles); r++) {
        act(bot, roles[r], "", customer_id(1));
        for (int i = 0; i < PQntuples(tables); i++) {
            const char *table = PQgetvalue(tables, i, 0);
            if (strcmp(table, "directory") == 0)
                continue; /* by which a delivery finds its business */
            long n = count_as(bot, FORMAT("select count(*) from %s", table));
            if (n > 0)
                fail_msg("%s sees %ld rows of %s", roles[r], n, table);
        }
    }
    PQclear(tables);
}

static void no_role_sees_a_row_of_another_business(void **state)
{
    (void)state;
    static const char *const roles[] = {"parley_bot", "parley_web", "parley_staff"};
    PGresult *tables = list_tables();
    for (size_t r = 0; r < COUNTOF(roles); r++) {
        act(bot, roles[r], ORG_A, customer_id(1));
        for (int i = 0; i < PQntuples(tables); i++) {
            const char *table = PQgetvalue(tables, i, 0);
            if (strcmp(table, "directory") == 0)
                continue;
            long n = count_as(
                bot, FORMAT("select count(*) from %s where org_id <> '" ORG_A "'", table));
            if (n > 0)
                fail_msg("%s sees %ld rows of another business in %s", roles[r], n, table);
        }
    }
    PQclear(tables);
}

static void bot_and_web_see_one_customer_and_staff_the_business(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(customers_tables); i++) {
        const char *table = customers_tables[i];
        static const char *const roles[] = {"parley_bot", "parley_web"};
        for (int n = 1; n <= 6; n++) {
            long own = customer_rows(table, customer_id(n));
            for (size_t r = 0; r < COUNTOF(roles); r++) {
                act(bot, roles[r], ORG_A, customer_id(n));
                assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", table)),
                                 own);
            }
        }
        act(bot, "parley_bot", ORG_A, "");
        assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", table)), 0);
        act(bot, "parley_staff", ORG_A, "");
        assert_int_equal(
            ask_number(bot, FORMAT("select count(*) from %s", table)),
            ask_number(owner,
                       FORMAT("select count(*) from %s where org_id = '" ORG_A "'", table)));
    }
    act(bot, "parley_bot", ORG_A, customer_id(1));
    assert_int_equal(ask_number(bot, "select count(*) from order_notes where not visible"), 0);
    assert_int_equal(ask_number(bot, "select count(*) from order_notes"), 3);
}

/* What hangs on a report is its customer's; files are seen in a customer's turn when they are
 * theirs, and by who fetches them in nobody's name. */
static void iss_1_reports_and_their_files_are_their_customers(void **state)
{
    (void)state;
    static const char *const tables[] = {"ticket_documents", "ticket_answers", "documents"};
    for (size_t i = 0; i < COUNTOF(tables); i++) {
        for (int n = 1; n <= 6; n++) {
            long own = ask_number(
                owner,
                i == 2
                    ? FORMAT("select count(*) from documents where org_id = '" ORG_A
                             "' and customer_id = '%s'",
                             customer_id(n))
                    : FORMAT("select count(*) from %s t join tickets k using (org_id, "
                             "ticket_id) where org_id = '" ORG_A "' and k.customer_id = '%s'",
                             tables[i], customer_id(n)));
            assert_true(own > 0);
            act(bot, "parley_bot", ORG_A, customer_id(n));
            assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", tables[i])),
                             own);
            act(bot, "parley_web", ORG_A, customer_id(n));
            assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", tables[i])),
                             own);
        }
        act(bot, "parley_bot", ORG_A, "");
        assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", tables[i])) > 0,
                         i == 2);
        act(bot, "parley_web", ORG_A, "");
        assert_int_equal(ask_number(bot, FORMAT("select count(*) from %s", tables[i])), 0);
    }
}

/* A row of B, as it stands, offered to A. */
static void offer_row(const char *role, const char *table)
{
    PGresult *columns = PQexec(
        owner, FORMAT("select string_agg(quote_ident(attname), ', ') from pg_attribute where "
                      "attrelid = '%s'::regclass and attnum > 0 and not attisdropped and "
                      "attgenerated = ''",
                      table));
    PGresult *row =
        PQexec(owner, FORMAT("select to_jsonb(t) from %s t where org_id = '" ORG_B "' limit 1",
                             table));
    char *literal =
        PQescapeLiteral(owner, PQgetvalue(row, 0, 0), strlen(PQgetvalue(row, 0, 0)));
    const char *names = PQgetvalue(columns, 0, 0);
    const char *got = try_sql(
        bot, FORMAT("insert into %s (%s) select %s from jsonb_populate_record(null::%s, %s)",
                    table, names, names, table, literal));
    if (strcmp(got, "42501") != 0)
        fail_msg("%s, inserting into %s: %s", role, table, got);
    got = try_sql(bot, FORMAT("update %s set org_id = '" ORG_B "'", table));
    if (strcmp(got, "42501") != 0)
        fail_msg("%s, giving away %s: %s", role, table, got);
    PQfreemem(literal);
    PQclear(row);
    PQclear(columns);
}

static void no_role_writes_a_row_of_another_business(void **state)
{
    (void)state;
    static const char *const roles[] = {"parley_bot", "parley_web", "parley_staff"};
    PGresult *tables = list_tables();
    for (size_t r = 0; r < COUNTOF(roles); r++) {
        act(bot, roles[r], ORG_A, customer_id(1));
        for (int i = 0; i < PQntuples(tables); i++) {
            if (PQgetvalue(tables, i, 3)[0] != 't')
                offer_row(roles[r], PQgetvalue(tables, i, 0));
        }
    }
    PQclear(tables);
}

static void the_log_and_the_audit_are_not_rewritten(void **state)
{
    (void)state;
    static const char *const forbidden[] = {
        "delete from messages",
        "delete from audit",
        "truncate audit",
        "update messages set body = 'other words'",
        "update messages set inbound = not inbound",
        "update audit set detail = '{}'",
        "update audit set at = now()",
        "delete from conversations",
        "delete from contact_points",
        "delete from flow_versions",
        "update customers set portal_access = true",
        "update customers set company = 'x'",
        "update orders set total_minor = 0",
        "insert into order_notes select * from order_notes",
        "select body from unrouted; drop table audit",
        "update businesses set name = 'x'",
        "update directory set org_id = org_id",
        "create table mine ()",
        "set parley.org_id = 'x'; alter table orders disable row level security",
        "set role postgres_no_such_role",
    };
    act(bot, "parley_bot", ORG_A, customer_id(1));
    for (size_t i = 0; i < COUNTOF(forbidden); i++) {
        const char *got = try_sql(bot, forbidden[i]);
        if (strcmp(got, "42501") != 0 && strcmp(got, "22023") != 0)
            fail_msg("%s: %s", forbidden[i], got);
    }
    act(bot, "parley_bot", ORG_A, customer_id(1));
    assert_string_equal(try_sql(bot, "update audit set chain = '\\x00'"), "00000");
}

/* Customers' pages: what is the whole business's is not theirs to read, and what looks past the
 * rules does so for the customer who looks. */
static void who_looks_at_a_page_gets_no_more_than_their_own(void **state)
{
    (void)state;
    static const char *const forbidden[] = {
        "select from audit",
        "insert into audit select * from audit",
        "select from directory",
        "select from companies",
        "select from messages",
        "select from portal_links",
        "select from api_keys",
        "select event_out('" ORG_A "', 'order.x', 'order/1', null, '{}', now())",
        "select notice_make('" ORG_A "', null, '', 'x', '', null, '{}', now(), now())",
        "select event_of_handoff('" ORG_A "', 'x', null, null, '{}', now())",
    };
    PGresult *another =
        PQexec(owner, FORMAT("select min(invoice_id::text) from invoices"
                             " where org_id = '" ORG_A "' and customer_id = '%s'",
                             customer_id(2)));

    act(bot, "parley_web", ORG_A, customer_id(1));
    for (size_t i = 0; i < COUNTOF(forbidden); i++) {
        const char *got = try_sql(bot, forbidden[i]);
        if (strcmp(got, "42501") != 0)
            fail_msg("%s: %s", forbidden[i], got);
    }
    run_sql(owner, "update invoices set viewed_at = null");
    for (int n = 1; n <= 2; n++) {
        act(bot, "parley_web", ORG_A, customer_id(n));
        assert_int_equal(ask_number(bot, FORMAT("select invoice_viewed('" ORG_A "', '%s', '%s',"
                                                " now())::int",
                                                customer_id(2), PQgetvalue(another, 0, 0))),
                         n == 2);
    }
    PQclear(another);
}

static void a_setting_that_is_no_id_fails_closed(void **state)
{
    (void)state;
    act(bot, "parley_bot", "", "");
    run_sql(bot, "set parley.org_id = 'x'' or true --'");
    assert_string_equal(try_sql(bot, "select count(*) from conversations"), "22P02");
    run_sql(bot, "reset parley.org_id");
    assert_int_equal(ask_number(bot, "select count(*) from conversations"), 0);
}

/* --- queries -------------------------------------------------------------------------------
 */

static bool is_global(const struct sql *sql)
{
    for (size_t i = 0; i < COUNTOF(global_queries); i++) {
        if (str_starts(str_from(sql->name), str_from(global_queries[i])))
            return true;
    }
    return false;
}

/* Values that would find something: every id that there is, addresses, numbers. */
static const char *tempting(Oid type, int at, const char *ids, const char *words)
{
    switch (type) {
    case 2950:
        return at == 0 ? ORG_B : customer_id(1);
    case 2951:
        return ids;
    case 25:
        return at == 2 ? "ORD-1001" : "0";
    case 1009:
        return words;
    case 16:
        return "false";
    case 1000:
        return "{false}";
    case 1114:
    case 1184:
        return "2030-01-01";
    case 1185:
        return "{2030-01-01}";
    case 1001:
        return "{\"\\\\x00\"}";
    case 1005:
    case 1007:
    case 1016:
        return "{1}";
    case 17:
        return "\\x00";
    default:
        return "1";
    }
}

/* Aggregates give a row of nothings, and an action always says how it went. */
static bool is_nothing(const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        for (int c = 0; c < PQnfields(rows); c++) {
            if (!PQgetisnull(rows, i, c) && PQgetlength(rows, i, c) > 0 &&
                strcmp(PQgetvalue(rows, i, c), "0") != 0 &&
                strcmp(PQfname(rows, c), "outcome") != 0)
                return false;
        }
    }
    return true;
}

static PGresult *run_tempting(const struct sql *sql, const char *org, const char *ids,
                              const char *words)
{
    PQclear(PQprepare(bot, sql->name, sql->text, 0, NULL));
    PGresult *described = PQdescribePrepared(bot, sql->name);
    if (PQresultStatus(described) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql->name, PQerrorMessage(bot));
    const char *values[64];
    assert_int_equal(PQnparams(described), sql->n_params);
    for (int i = 0; i < sql->n_params; i++)
        values[i] = tempting(PQparamtype(described, i), i, ids, words);
    if (sql->n_params > 0 && PQparamtype(described, 0) == 2950)
        values[0] = org;
    if (sql == &SQL_ORDERS_LIST)
        values[6] = NULL; /* of any day */
    PQclear(described);
    return PQexecPrepared(bot, sql->name, sql->n_params, values, NULL, NULL, 0);
}

static char *gather(const char *sql)
{
    PGresult *result = PQexec(owner, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    char *copy = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return copy;
}

/* All that the businesses have, as one checksum. */
static char *everything(void)
{
    PGresult *tables = list_tables();
    char sum[4096] = "";
    for (int i = 0; i < PQntuples(tables); i++) {
        char *one = gather(FORMAT("select md5(coalesce(string_agg(t::text, '/' order by "
                                  "t::text), '')) from %s t",
                                  PQgetvalue(tables, i, 0)));
        strncat(sum, one, sizeof(sum) - strlen(sum) - 1);
        free(one);
    }
    PQclear(tables);
    return strdup(sum);
}

static void no_query_reads_or_changes_another_businesss_rows(void **state)
{
    (void)state;
    char *ids = gather("select array_agg(id)::text from ("
                       "select conversation_id as id from conversations union "
                       "select contact_id from contact_points union "
                       "select account_id from accounts union "
                       "select job_id from jobs union select dead_id from dead_letters) i");
    char *words =
        gather("select array_agg(phone)::text from customer_phones where org_id = '" ORG_B "'");
    char *before = everything();
    act(bot, "parley_bot", ORG_A, customer_id(1));
    int tried = 0;
    for (size_t i = 0; i < sql_all_n; i++) {
        if (is_global(sql_all[i]))
            continue;
        if (!strstr(sql_all[i]->text, "$1::uuid")) {
            fail_msg("%s names no business as $1, and is not among the global ones",
                     sql_all[i]->name);
        }
        PGresult *result = run_tempting(sql_all[i], ORG_B, ids, words);
        const char *error = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (error && strcmp(error, "22P02") == 0) { /* the words had to be JSON */
            PQclear(result);
            result = run_tempting(sql_all[i], ORG_B, ids, "{0}");
            error = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        }
        if (error && strcmp(error, "42501") != 0)
            fail_msg("%s: %s", sql_all[i]->name, PQerrorMessage(bot));
        if (!error && (!is_nothing(result) ||
                       strtol(PQcmdTuples(result), NULL, 10) > (PQntuples(result) > 0)))
            fail_msg("%s reaches another business", sql_all[i]->name);
        PQclear(result);
        tried++;
    }
    char *after = everything();
    assert_string_equal(before, after);
    assert_in_range(tried, 20, 1000);
    free(before);
    free(after);
    free(ids);
    free(words);
}

static void no_query_reads_another_customers_orders(void **state)
{
    (void)state;
    static const struct sql *const queries[] = {
        &SQL_ORDER_FIGURES,   &SQL_ORDERS_LIST, &SQL_ORDER_BY_NUMBER, &SQL_ORDER_TIMELINE,
        &SQL_ORDER_SHIPMENTS, &SQL_JOBS_LIST,   &SQL_HISTORY_LIST};
    for (size_t i = 0; i < COUNTOF(queries); i++) {
        for (int set = 0; set < 3; set++) {
            /* Asks for customer 1 with customer 2, nobody and customer 1 set. */
            act(bot, "parley_bot", ORG_A, set == 1 ? "" : customer_id(set == 0 ? 2 : 1));
            PGresult *result = run_tempting(queries[i], ORG_A, "{}", "{}");
            assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
            if (is_nothing(result) != (set < 2))
                fail_msg("%s, case %d", queries[i]->name, set);
            PQclear(result);
        }
    }
}

/* --- functions that look past the rules ----------------------------------------------------
 */

/* Each with arguments that would find something, but for the business's id. */
static const char definers[] =
    "select p.oid::regproc, p.proconfig::text,"
    "       has_function_privilege('public', p.oid, 'execute'),"
    "       (select string_agg(case"
    "          when n = 'the_org' then ':org'"
    "          when n ~ '^fresh' then 'gen_random_uuid()'"
    "          when n = 'the_customer' then 'md5(''larkfield/customer/9'')::uuid'"
    "          when n = 'person' then 'md5(''larkfield/customer/14'')::uuid'"
    "          when n = 'the_contact' then 'md5(''contact+15550100008'')::uuid'"
    "          when n = 'of_conversation' then"
    "               'md5(''conversation+15550100009'')::uuid'"
    "          when n = 'the_document' then"
    "               'md5(''f'' || md5(''conversation+15550100009'')::uuid)::uuid'"
    "          when n = 'the_account' then"
    "               '(select min(account_id::text)::uuid from accounts)'"
    "          when n = 'the_broadcast' then 'md5(''b'')::uuid'"
    "          when n = 'only_one' then 'null'"
    "          when n = 'the_number' then quote_literal((select min(number) from orders"
    "               where customer_id = md5('larkfield/customer/14')::uuid))"
    "          when n = 'the_invoice' then quote_literal((select min(invoice_id::text) from "
    "               invoices where customer_id = md5('larkfield/customer/9')::uuid))"
    "          when n in ('identity', 'address') then '''nine@mail.example'''"
    "          when n = 'the_channel' then '''sms'''"
    "          when n = 'the_address' then '''+15550109876'''"
    "          when n = 'the_topic' then ''''''"
    "          when n = 'of_seq' then '2'"
    "          when n = 'the_type' then '''order.x'''"
    "          when t = 'broadcasts'::regtype then 'jsonb_populate_record(null::broadcasts,"
    " jsonb_build_object(''org_id'', :org, ''channel'', '''', ''content'', ''{\"template\":"
    "{\"name\":\"x\",\"languages\":{\"en\":\"en\"}}}''::jsonb))'"
    "          else case t::regtype::text when 'timestamp with time zone' then 'now()'"
    "               when 'bigint' then '0' when 'boolean' then 'false'"
    "               when 'integer' then '10' when 'jsonb' then '''{}''' when 'uuid' then 'null'"
    "               when 'text[]' then '''{}''' "
    "               when 'uuid[]' then '''{}''' when 'bigint[]' then '''{}''' "
    "               when 'integer[]' then '''{}''' else '''x''' end end, ', ' order by i)"
    "          from unnest(p.proargnames, p.proargtypes::oid[]) with ordinality u (n, t, i)"
    "         where t is not null),"
    "       has_function_privilege('parley_bot', p.oid, 'execute')"
    "  from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace"
    " order by 1";

/* What a call says: to whom it may speak at least that the arguments are none of its own. */
static void call_definer(const char *name, const char *arguments, char *said, size_t room)
{
    const char *hole = strstr(arguments, ":org");

    if (hole == NULL)
        fail_msg("%s does not say of which business", name);
    run_sql(bot, "begin");
    PGresult *result =
        PQexec(bot, FORMAT("select coalesce(string_agg(f::text, ';'), '') from %s(%.*s'" ORG_B
                           "'%s) f",
                           name, (int)(hole - arguments), arguments, hole + 4));
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    (void)snprintf(said, room, "%s",
                   ok ? PQgetvalue(result, 0, 0)
                      : PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
}

static void says_nothing(const char *name, const char *said)
{
    static const char *const nothings[] = {
        "",           "false",          "unknown",     "(nowhere,,)",
        "(nothing,)", "(nothing,,)",    "(unknown,,)", "(unknown,,f)",
        "over",       "42501",          "false",       "(,)",
        "(,,,,)",     "(0,0,{},rest,)", "(unknown,,,)"}; /* 42501: not for this role at all */

    for (size_t i = 0; i < COUNTOF(nothings); i++) {
        if (strcmp(said, nothings[i]) == 0)
            return;
    }
    fail_msg("%s tells another business: %s", name, said);
}

/* Each brings its own search path, and is for some roles only. Asked about another business it
 * says what it says of nobody, and changes nothing, though that business is answered. */
static void no_function_that_looks_past_the_rules_looks_into_another_business(void **state)
{
    static const char *const others[] = {ORG_A, ""};
    char said[2000], own[2000], *before;
    int answered = 0;

    (void)state;
    run_sql(owner, "update customers set last_seen_at = now();"
                   "update conversations set last_inbound_at = now();"
                   "update messages set body = '{\"body\":\"words\"}';"
                   "insert into accounts (org_id, account_id, channel, external_id)"
                   " select org_id, md5('mail')::uuid, 'email', org_id || '@in.example'"
                   "   from businesses;"
                   "update documents set state = 'kept', open = false, sha256 = sha256('x'),"
                   " mime = 'image/png', size = 9;"
                   "update contact_points set customer_id = null where address ="
                   " '+15550100008'");
    run_sql(owner, "update customers set email = 'nine@mail.example', email_verified_at = now()"
                   " where customer_id = md5('larkfield/customer/9')::uuid");
    run_sql(owner, "update notices set state = 'placed', conversation_id ="
                   " md5('conversation+15550100009')::uuid"
                   " where customer_id = md5('larkfield/customer/9')::uuid");
    run_sql(owner, "update businesses set settings = settings || '{\"registration\": true}'");
    before = everything();
    PGresult *list = PQexec(owner, definers);
    assert_in_range(PQntuples(list), 14, 200);
    for (int i = 0; i < PQntuples(list); i++) {
        const char *name = PQgetvalue(list, i, 0), *arguments = PQgetvalue(list, i, 3);
        if (strstr(PQgetvalue(list, i, 1), "\"search_path=pg_catalog, public, pg_temp\"") ==
            NULL)
            fail_msg("%s has the search path of whoever calls it", name);
        if (PQgetvalue(list, i, 2)[0] == 't')
            fail_msg("%s may be called by anybody", name);
        if (strcmp(name, "payload_partitions") == 0)
            continue; /* of no business: makes and drops days */
        const char *role = PQgetvalue(list, i, 4)[0] == 't' ? "parley_bot" : "parley_staff";
        act(bot, role, ORG_B, customer_id(9));
        call_definer(name, arguments, own, sizeof own);
        run_sql(bot, "rollback");
        for (size_t k = 0; k < COUNTOF(others); k++) {
            act(bot, role, others[k], customer_id(9));
            call_definer(name, arguments, said, sizeof said);
            run_sql(bot, "commit");
            says_nothing(name, said);
        }
        answered += strcmp(said, own) != 0;
    }
    assert_in_range(answered, 13, 200); /* else this would prove nothing */
    char *after = everything();
    assert_string_equal(before, after);
    PQclear(list);
    free(before);
    free(after);
}

/* --- an owner who is no superuser ----------------------------------------------------------
 */

static void everything_works_for_an_owner_who_is_no_superuser(void **state)
{
    (void)state;
    run_sql(owner, "create role deployer login createrole nosuperuser");
    run_sql(owner, "create database owned owner deployer");
    char url[200];
    (void)snprintf(url, sizeof(url), "host=%s/s user=deployer dbname=owned", store_pg.dir);
    struct err err = {.code = ERR_NONE};
    struct seed_counts counts;
    size_t applied = 0;
    if (!migrate_run(&(struct migrate_options){.url = url}, &applied, &err))
        fail_msg("%s", err.text);
    struct seed_options seed = {.url = url, .phone_number_id = "1"};
    for (int again = 0; again < 3; again++) {
        seed.reset = again == 2;
        if (!seed_demo(&seed, &counts, &err))
            fail_msg("%s", err.text);
        assert_in_range(counts.orders, 40, 1000);
    }
    PGconn *deployer = PQconnectdb(url);
    assert_int_equal(ask_number(deployer, "select count(*) from orders"), 0);
    act(deployer, "parley_bot", ORG_A, customer_id(2));
    assert_int_equal(ask_number(deployer, "select count(*) from orders"), 2);
    run_sql(deployer, "select payload_partitions(now(), 3, 30)");
    PQfinish(deployer);
    run_sql(owner, "drop database owned with (force)");
}

/* --- arranging -----------------------------------------------------------------------------
 */

static int arrange(void **state)
{
    (void)state;
    struct err err = {.code = ERR_NONE};
    struct seed_counts counts;
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .business_account_id = "206"};
    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    owner = owner_connect();
    bot = owner_connect();
    run_sql(owner, arrange_a);
    run_sql(owner, copy_to_b);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    PQfinish(owner);
    PQfinish(bot);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_of_a_business_is_guarded_also_from_its_owner),
        cmocka_unit_test(both_businesses_have_rows_in_every_table),
        cmocka_unit_test(no_role_sees_a_row_without_a_business),
        cmocka_unit_test(no_role_sees_a_row_of_another_business),
        cmocka_unit_test(bot_and_web_see_one_customer_and_staff_the_business),
        cmocka_unit_test(iss_1_reports_and_their_files_are_their_customers),
        cmocka_unit_test(no_role_writes_a_row_of_another_business),
        cmocka_unit_test(the_log_and_the_audit_are_not_rewritten),
        cmocka_unit_test(who_looks_at_a_page_gets_no_more_than_their_own),
        cmocka_unit_test(a_setting_that_is_no_id_fails_closed),
        cmocka_unit_test(no_query_reads_or_changes_another_businesss_rows),
        cmocka_unit_test(no_query_reads_another_customers_orders),
        cmocka_unit_test(no_function_that_looks_past_the_rules_looks_into_another_business),
        cmocka_unit_test(everything_works_for_an_owner_who_is_no_superuser),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, arrange, leave);
    store_shut();
    return failed;
}
