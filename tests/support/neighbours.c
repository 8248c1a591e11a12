#include "tests/support/neighbours.h"

#include "bot/base/crypto.h"
#include "bot/door/api_key.h"
#include "bot/loop/loop.h"
#include "bot/view/link.h"
#include "bot/view/portal.h"
#include "tests/support/knock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WAIT (20 * USEC_PER_SEC)

struct config neighbours_config = {
    .secrets = {.key = {"a key of thirty-two characters or more", 38}}};

#define ONE(at, its_crm, its_id, its_phone, its_order, its_ticket, its_word)                   \
    {                                                                                          \
        .business = (at), .crm = (its_crm), .id = (its_id), .phone = (its_phone),              \
        .order = (its_order), .invoice = "INV-" its_order, .ticket = (its_ticket),             \
        .word = (its_word)                                                                     \
    }

struct neighbour neighbours[NEIGHBOURS] = {
    ONE(DEMO_ORG, DEMO_CRM, "za1", "15550200001", "ZA-1", "T-BCDF-GHJ1", "zqmarlow"),
    ONE(DEMO_ORG, DEMO_CRM, "za2", "15550200002", "ZA-2", "T-BCDF-GHJ2", "zqhopkin"),
    ONE(NEIGHBOUR_ORG, NEIGHBOUR_CRM, "zb1", "15550200003", "ZB-1", "T-BCDF-GHJ3", "zqvelden"),
    ONE(NEIGHBOUR_ORG, NEIGHBOUR_CRM, "zb2", "15550200004", "ZB-2", "T-BCDF-GHJ4", "zqquince"),
};

static bool is_first(const struct neighbour *one)
{
    return strcmp(one->business, DEMO_ORG) == 0;
}

/* --- the other business --------------------------------------------------------------------
 */

static const char the_other[] =
    "insert into businesses (org_id, name, currency, language, settings)"
    " values ('" NEIGHBOUR_ORG "', 'Rook & Sons', 'EUR', 'en', '{\"reading\": \"known\"}');"
    "insert into accounts (org_id, account_id, channel, external_id, address, app) values"
    " ('" NEIGHBOUR_ORG "', md5('rook/wa')::uuid, 'whatsapp', '" NEIGHBOUR_NUMBER
    "', '+15550783999', 'other'),"
    " ('" NEIGHBOUR_ORG "', md5('rook/sms')::uuid, 'sms', '" NEIGHBOUR_SMS "', '" NEIGHBOUR_SMS
    "', ''),"
    " ('" NEIGHBOUR_ORG "', md5('rook/mail')::uuid, 'email', '" NEIGHBOUR_MAIL
    "', '" NEIGHBOUR_MAIL "', '');"
    "insert into directory (kind, external_id, org_id, account_id, app) values"
    " ('whatsapp', '" NEIGHBOUR_NUMBER "', '" NEIGHBOUR_ORG "', md5('rook/wa')::uuid, 'other'),"
    " ('whatsapp_business', '" NEIGHBOUR_BUSINESS "', '" NEIGHBOUR_ORG "', null, 'other'),"
    " ('sms', '" NEIGHBOUR_SMS "', '" NEIGHBOUR_ORG "', md5('rook/sms')::uuid, ''),"
    " ('email', '" NEIGHBOUR_MAIL "', '" NEIGHBOUR_ORG "', md5('rook/mail')::uuid, ''),"
    " ('crm', '" NEIGHBOUR_CRM "', '" NEIGHBOUR_ORG "', null, 'other');"
    "insert into workflow_states (org_id, workflow, status, position, phase, in_transit,"
    " progress) values"
    " ('" NEIGHBOUR_ORG "', 'shop', 'processing', 1, 'active', false, 10),"
    " ('" NEIGHBOUR_ORG "', 'shop', 'shipped', 2, 'active', true, 10),"
    " ('" NEIGHBOUR_ORG "', 'shop', 'delivered', 3, 'done', false, 10),"
    " ('" NEIGHBOUR_ORG "', 'shop', 'cancelled', 4, 'cancelled', false, 10)";

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void begin(struct service *service)
{
    set("PARLEY_LOG_LEVEL", "debug");
    set("PARLEY_WHATSAPP_APPS_OTHER_APP_SECRET", NEIGHBOUR_APP_SECRET);
    set("PARLEY_WHATSAPP_APPS_OTHER_VERIFY_TOKEN", "another word");
    set("PARLEY_WHATSAPP_APPS_OTHER_TOKEN", SERVICE_TOKEN);
    set("PARLEY_RESEND_WEBHOOK_SECRET", RESEND_HOOK_SECRET);
    set("PARLEY_MAIL_GATEWAY_TOKEN", MAIL_GATEWAY_TOKEN);
    service_start(service,
                  &(struct service_wish){
                      .workers = 2,
                      .sms = true,
                      .mail = true,
                      .sandbox = "--number=" NEIGHBOUR_NUMBER "=15550783999",
                      .more = "crm:\n  apps:\n    demo:\n      secret: " SERVICE_CRM_SECRET
                              "\n      secret_before: " SERVICE_CRM_BEFORE
                              "\n    other:\n      secret: " NEIGHBOUR_CRM_SECRET
                              "\napi:\n  rate: 1000\n  rate_burst: 1000\n"});
}

/* --- what the CRMs tell --------------------------------------------------------------------
 */

/* Long ago, so that nobody hears of it. */
static struct str told(struct arena *into, const struct neighbour *one, const char *type,
                       const char *data)
{
    return arena_format(into,
                        ",{\"specversion\":\"1.0\",\"source\":\"%s\",\"id\":\"%s/%s\",\"type\":"
                        "\"%s\",\"time\":\"2026-01-02T03:04:05Z\",\"data\":%s}",
                        one->crm, one->id, type, type, data);
}

static struct str customer_of(struct arena *into, const struct neighbour *one)
{
    return told(into, one, "customer.upserted",
                arena_format(into,
                             "{\"id\":\"%s\",\"name\":\"%s\",\"company\":\"%s Ltd\",\"email\":"
                             "\"%s@mail.example\",\"phones\":[\"+%s\"],\"language\":\"en\"}",
                             one->id, one->word, one->word, one->word, one->phone)
                    .at);
}

static struct str order_of(struct arena *into, const struct neighbour *one)
{
    return told(
        into, one, "order.upserted",
        arena_format(into,
                     "{\"id\":\"o-%s\",\"number\":\"%s\",\"customer\":\"%s\",\"status\":"
                     "\"processing\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"currency\":"
                     "\"EUR\",\"total\":10,\"address\":\"%s\",\"instructions\":\"%s\","
                     "\"contact\":\"%s\",\"items\":[{\"description\":\"%s\",\"qty\":1,"
                     "\"unit_price\":10,\"total\":10}]}",
                     one->id, one->order, one->id, one->word, one->word, one->word, one->word)
            .at);
}

static struct str parcel_of(struct arena *into, const struct neighbour *one)
{
    struct str parcel = told(
        into, one, "shipment.upserted",
        arena_format(into,
                     "{\"id\":\"s-%s\",\"order\":\"o-%s\",\"carrier\":\"ups\","
                     "\"tracking_number\":\"1Z999AA10123456784\",\"status\":\"in_transit\"}",
                     one->id, one->id)
            .at);

    return arena_concat(into, parcel,
                        told(into, one, "tracking.added",
                             arena_format(into,
                                          "{\"shipment\":\"s-%s\",\"status\":\"in_transit\","
                                          "\"at\":\"2026-01-03T03:04:05Z\",\"place\":\"%s\","
                                          "\"note\":\"%s\"}",
                                          one->id, one->word, one->word)
                                 .at));
}

static struct str papers_of(struct arena *into, const struct neighbour *one)
{
    struct str invoice = told(
        into, one, "invoice.upserted",
        arena_format(into,
                     "{\"id\":\"i-%s\",\"number\":\"%s\",\"customer\":\"%s\",\"order\":"
                     "\"o-%s\",\"issued_on\":\"2026-01-02\",\"currency\":\"EUR\",\"total\":10,"
                     "\"note\":\"%s\",\"lines\":[{\"description\":\"%s\",\"qty\":1,"
                     "\"unit_price\":10,\"total\":10}]}",
                     one->id, one->invoice, one->id, one->id, one->word, one->word)
            .at);

    invoice = arena_concat(
        into, invoice,
        told(into, one, "document.added",
             arena_format(into,
                          "{\"id\":\"d-%s\",\"customer\":\"%s\",\"name\":\"%s\",\"url\":"
                          "\"https://127.0.0.1/%s.pdf\"}",
                          one->id, one->id, one->word, one->word)
                 .at));
    return arena_concat(
        into, invoice,
        told(into, one, "photo.added",
             arena_format(into,
                          "{\"id\":\"p-%s\",\"order\":\"o-%s\",\"category\":\"progress\","
                          "\"url\":\"https://127.0.0.1/%s.jpg\",\"caption\":\"%s\"}",
                          one->id, one->id, one->word, one->word)
                 .at));
}

static void tell(struct arena *into, const struct service *service, size_t from)
{
    struct str all = STR("");
    struct knock post = {.path = STR("/v1/events")};

    for (size_t i = from; i < from + 2; i++) {
        const struct neighbour *one = &neighbours[i];
        all = arena_concat(into, all, customer_of(into, one), order_of(into, one));
        all = arena_concat(into, all, parcel_of(into, one), papers_of(into, one));
    }
    post.body = arena_format(into, "[%.*s]", STR_ARG(str_slice(all, 1, all.len)));
    knock_line(&post, "Content-Type: application/cloudevents-batch+json");
    knock_standard(into, service, &post, from == 0 ? SERVICE_CRM_SECRET : NEIGHBOUR_CRM_SECRET,
                   0);
    if (knock(service, &post) != 200)
        fail_msg("the CRM's events: %ld %s", knock_answer.status, knock_answer.body.at);
}

/* --- what they say -------------------------------------------------------------------------
 */

/* Both are of one length. */
static void write_over(struct str text, struct str old, struct str fresh)
{
    memcpy((char *)text.at + str_find(text, old), fresh.at, fresh.len);
}

static void say(struct arena *into, const struct service *service, PGconn *owner,
                const struct neighbour *one, const char *words)
{
    static unsigned n;
    struct knock post = {.path = STR("/webhooks/whatsapp")};

    post.body = post_text(into, one->phone, arena_format(into, "wamid.n.%u", ++n).at, words);
    if (!is_first(one)) {
        write_over(post.body, STR(SERVICE_NUMBER), STR(NEIGHBOUR_NUMBER));
        write_over(post.body, STR(SERVICE_BUSINESS), STR(NEIGHBOUR_BUSINESS));
    }
    knock_meta(into, service, &post, is_first(one) ? SERVICE_APP_SECRET : NEIGHBOUR_APP_SECRET,
               0);
    assert_int_equal(knock(service, &post), 200);
    service_until(service, owner, "select count(*) from outbox", 0, WAIT);
}

/* --- what else there is --------------------------------------------------------------------
 */

static struct uuid asked(PGconn *owner, const char *sql)
{
    PGresult *rows = PQexec(owner, sql);
    struct uuid id = {{0}};

    if (PQresultStatus(rows) != PGRES_TUPLES_OK || PQntuples(rows) != 1 ||
        !uuid_parse(str_from(PQgetvalue(rows, 0, 0)), &id))
        fail_msg("%s: %s", sql, PQerrorMessage(owner));
    PQclear(rows);
    return id;
}

static void find(struct arena *into, PGconn *owner, struct neighbour *one)
{
    const char *who = arena_format(into,
                                   "from contact_points p join conversations c using (org_id, "
                                   "contact_id) where p.org_id = '%s' and p.phone = '+%s'",
                                   one->business, one->phone)
                          .at;
    const char *theirs = arena_format(into,
                                      "where org_id = '%s' and customer_id = (select "
                                      "customer_id from customers where org_id = '%s' and "
                                      "external_id = '%s')",
                                      one->business, one->business, one->id)
                             .at;

#define ASK(...) asked(owner, arena_format(into, __VA_ARGS__).at)
    assert_true(uuid_parse(str_from(one->business), &one->org));
    one->customer = ASK("select customer_id from customers %s", theirs);
    one->contact = ASK("select p.contact_id %s", who);
    one->conversation = ASK("select c.conversation_id %s", who);
    one->handoff = ASK("select h.handoff_id from handoffs h where h.conversation_id = (select "
                       "c.conversation_id %s)",
                       who);
    one->photo = ASK("select photo_id from order_photos join orders using (org_id, order_id) "
                     "where org_id = '%s' and number = '%s'",
                     one->business, one->order);
    one->portal = ASK("select md5('link/%s')::uuid", one->id);
    one->document = ASK("select md5('file/%s')::uuid", one->id);
    one->payment = ASK("select md5('paid/%s')::uuid", one->id);
    one->checkout = ASK("select md5('checkout/%s')::uuid", one->id);
    one->seq = ask_number(
        owner,
        arena_format(
            into,
            "select max(seq) from messages where body like '%%\"options\"%%' and not inbound "
            "and conversation_id = (select "
            "c.conversation_id %s)",
            who)
            .at);
}

/* Rows that take a long way to come about. */
static const char rows_of[] =
    "insert into contact_points (org_id, contact_id, channel, address, customer_id) select"
    " org_id, md5('mailbox/%3$s')::uuid, 'email', '%3$s@mail.example', customer_id from orders"
    " where org_id = '%1$s' and number = '%2$s';"
    "insert into tickets (org_id, ticket_id, number, customer_id, conversation_id, order_id,"
    " kind, description, contact_email, created_at, due_at) select o.org_id,"
    " md5('ticket/%3$s')::uuid, '%5$s', o.customer_id, '%6$s', o.order_id, 'damaged', '%4$s',"
    " '%4$s@mail.example', now(), now() + interval '1 day' from orders o where o.org_id ="
    " '%1$s' and o.number = '%2$s';"
    "insert into payments (org_id, payment_id, payment_intent, invoice_id, customer_id, minor,"
    " currency, method, at) select org_id, md5('paid/%3$s')::uuid, 'pi_%3$s', invoice_id,"
    " customer_id, 200, 'EUR', 'card', now() from invoices where org_id = '%1$s' and"
    " external_id = 'i-%3$s';"
    "insert into directory (kind, external_id, org_id) values ('stripe_payment', 'pi_%3$s',"
    " '%1$s');"
    "insert into checkouts (org_id, checkout_id, invoice_id, customer_id, conversation_id,"
    " minor, currency, state, idempotency_key, session_id, url, expires_at, made_at, state_at)"
    " select org_id, md5('checkout/%3$s')::uuid, invoice_id, customer_id, '%6$s', 800, 'EUR',"
    " 'open', 'k-%3$s', 'cs_%3$s', 'https://pay.example/%4$s', now() + interval '1 day',"
    " now(), now() from invoices where org_id = '%1$s' and external_id = 'i-%3$s';"
    "insert into cancellations (org_id, cancellation_id, order_id, customer_id, status, note,"
    " rule_id, facts, asked_at, status_at) select org_id, md5('wish/%3$s')::uuid, order_id,"
    " customer_id, 'in_review', '%4$s', 'x', '{}', now(), now() from orders where org_id ="
    " '%1$s' and number = '%2$s';"
    "insert into order_notes (org_id, order_id, note_id, at, author, body, visible) select"
    " org_id, order_id, md5('note/%3$s')::uuid, now(), 'staff', '%4$s', true from orders where"
    " org_id = '%1$s' and number = '%2$s';"
    "insert into documents (org_id, document_id, conversation_id, customer_id, handle, kind,"
    " filename, at, expires_at, state, open, due_at, sha256, size, mime, kept_at) select"
    " org_id, md5('file/%3$s')::uuid, '%6$s', customer_id, 'h', 'image', '%4$s.png', now(),"
    " now() + interval '1 day', 'kept', false, 'infinity', sha256('%4$s'), 9, 'image/png',"
    " now() from orders where org_id = '%1$s' and number = '%2$s';"
    "insert into reviews (org_id, review_id, order_id, customer_id, source, state, rating,"
    " comment, requested_at) select org_id, md5('review/%3$s')::uuid, order_id, customer_id,"
    " 'customer', 'completed', 2, '%4$s', now() from orders where org_id = '%1$s' and number = "
    "'%2$s'";

static void add_rows(struct arena *into, PGconn *owner, const struct neighbour *one)
{
    char sql[8192], conversation[UUID_TEXT_LEN + 1];

    (void)into;
    uuid_format(one->conversation, conversation);
    (void)snprintf(sql, sizeof sql, rows_of, one->business, one->order, one->id, one->word,
                   one->ticket, conversation);
    run_sql(owner, sql);
}

static struct str path_only(struct str url)
{
    return str_slice(url, neighbours_config.public_url.len, url.len);
}

struct str neighbours_file(struct arena *into, const struct neighbour *of, struct uuid org,
                           struct uuid customer, usec_t end)
{
    return path_only(link_file_make(
        into, &neighbours_config,
        &(struct link_file){
            .org = org, .document = of->document, .customer = customer, .end = end}));
}

/* As the service makes them (bot/view/short_link.c), but for the chance. */
static struct str code_of(struct arena *into, const struct neighbour *one)
{
    static const char signs[] = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
    struct str id = {(const char *)one->org.bytes, sizeof one->org.bytes};
    struct hash16 hash = hash16_of(&id, 1);

    return arena_format(into, "%c%cqqqq%s22", signs[hash.bytes[0] % (sizeof signs - 1)],
                        signs[hash.bytes[1] % (sizeof signs - 1)], one->id);
}

static void add_links(struct arena *into, PGconn *owner, struct neighbour *one)
{
    struct link link = {.org = one->org, .conversation = one->conversation, .seq = one->seq};
    struct str hash = portal_hash(into, &neighbours_config, one->org, one->portal);
    char portal[UUID_TEXT_LEN + 1], contact[UUID_TEXT_LEN + 1], customer[UUID_TEXT_LEN + 1],
        hex[2 * HASH_LEN + 1];

    uuid_format(one->portal, portal);
    uuid_format(one->contact, contact);
    uuid_format(one->customer, customer);
    hex_format((const uint8_t *)hash.at, HASH_LEN, hex);
    one->page = path_only(portal_address(into, &neighbours_config, one->org,
                                         arena_format(into, "portal:%s", portal)));
    one->tap = path_only(link_make(into, &neighbours_config, LINK_TAP, &link));
    one->unsubscribe = path_only(link_make(into, &neighbours_config, LINK_UNSUBSCRIBE, &link));
    one->file = neighbours_file(into, one, one->org, one->customer,
                                link_file_end(clock_now(), clock_now()));
    one->code = code_of(into, one);
    run_sql(owner,
            arena_format(into,
                         "insert into portal_links (org_id, link_id, customer_id, contact_id, "
                         "token_hash, made_at, expires_at) values ('%s', '%s', '%s', '%s', "
                         "'\\x%s', now(), now() + interval '90 days');"
                         "insert into short_links (org_id, code, url, made_at) values ('%s', "
                         "'%.*s', 'https://files.example/%s', now())",
                         one->business, portal, customer, contact, hex, one->business,
                         STR_ARG(one->code), one->word)
                .at);
}

/* --- keys ----------------------------------------------------------------------------------
 */

const char *neighbours_key(struct arena *into, size_t business, const char *which)
{
    struct hash secret = sha256(arena_format(into, "%zu %s", business, which));
    char hex[2 * HASH_LEN + 1];

    hex_format(secret.bytes, HASH_LEN, hex);
    return arena_format(into, "pk_%.12s_%.48s", hex, hex + 12).at;
}

static void add_key(struct arena *into, PGconn *owner, size_t business, const char *which,
                    const char *scopes)
{
    const char *key = neighbours_key(into, business, which);
    const char *org = business == 0 ? DEMO_ORG : NEIGHBOUR_ORG;
    struct hash hash = sha256(str_from(key));
    char hex[2 * HASH_LEN + 1];

    hex_format(hash.bytes, HASH_LEN, hex);
    run_sql(owner, arena_format(into,
                                "insert into api_keys (org_id, key_id, prefix, name, hash, "
                                "scopes, created_at, created_by, revoked_at) values ('%s', "
                                "gen_random_uuid(), '%.12s', '%s', '\\x%s', "
                                "string_to_array('%s', ','), now(), 'test', %s);"
                                "insert into directory (kind, external_id, org_id) values "
                                "('api_key', '%.12s', '%s')",
                                org, key + 3, which, hex, scopes,
                                strcmp(which, "old") == 0 ? "now()" : "null", key + 3, org)
                       .at);
}

static void add_keys(struct arena *into, PGconn *owner)
{
    struct str all = STR_NONE;

    for (const struct api_scope *scope = api_scopes; scope->name != NULL; scope++)
        all = arena_format(into, "%.*s%s%s", STR_ARG(all), all.len > 0 ? "," : "", scope->name);
    for (size_t i = 0; i < 2; i++) {
        add_key(into, owner, i, "all", all.at);
        add_key(into, owner, i, "one", "customers:read");
        add_key(into, owner, i, "old", all.at);
    }
}

/* --- all of it -----------------------------------------------------------------------------
 */

void neighbours_start(struct arena *into, struct service *service, PGconn *owner)
{
    run_sql(owner, the_other);
    begin(service);
    neighbours_config.public_url = arena_format(into, "http://127.0.0.1:%d", service->port);
    tell(into, service, 0);
    tell(into, service, 2);
    /* the files lie in our own network, so that they are refused at once */
    service_until(service, owner, "select count(*) from documents where open", 0, WAIT);
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        say(into, service, owner, &neighbours[i],
            arena_format(into, "%s says hello", neighbours[i].word).at);
        say(into, service, owner, &neighbours[i], "human");
        find(into, owner, &neighbours[i]);
        add_rows(into, owner, &neighbours[i]);
        add_links(into, owner, &neighbours[i]);
    }
    add_keys(into, owner);
}

/* --- a digest ------------------------------------------------------------------------------
 */

/* All tables that have a business's rows; leases and clocks of the service's own left out. */
static const char digest_made_of[] =
    "select 'select string_agg(d, '','' order by d) from (' || string_agg(format('select %L ||"
    " coalesce(md5(string_agg(md5(t::text), '''' order by md5(t::text))), '''') as d from %I t"
    " where org_id = $1::uuid', c.relname || '=', c.relname), ' union all ') || ') x'"
    " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'"
    " where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace ="
    " 'public'::regnamespace and c.relname not in ('lanes', 'api_keys', 'event_endpoints')";

const char *neighbours_digest(struct arena *into, PGconn *owner, const char *org)
{
    static PGconn *prepared;
    PGresult *rows;

    if (prepared != owner) {
        rows = PQexec(owner, digest_made_of);
        assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
        PGresult *made = PQprepare(owner, "digest", PQgetvalue(rows, 0, 0), 1, NULL);
        if (PQresultStatus(made) != PGRES_COMMAND_OK)
            fail_msg("%s", PQerrorMessage(owner));
        PQclear(made);
        PQclear(rows);
        prepared = owner;
    }
    rows = PQexecPrepared(owner, "digest", 1, &org, NULL, NULL, 0);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(owner));
    const char *digest = arena_format(into, "%s", PQgetvalue(rows, 0, 0)).at;
    PQclear(rows);
    return digest;
}
