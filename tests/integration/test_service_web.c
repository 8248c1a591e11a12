/*
 * Customers' own pages, through the whole service: a link is made in a verified session, its
 * token stands nowhere but in the message that arrives, and it opens its customer's things and
 * nobody else's, on every path.
 */
#include "bot/view/portal.h"
#include "tests/support/files.h"
#include "tests/support/service.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <sodium.h>

#define AMELIA "15550100001" /* whose ORD-1002 and INV-7002 are */
#define LUCIA  "15550100002"
#define WAIT   (60 * USEC_PER_SEC)
#define PLACES 8192 /* SHARED_WEB_LINKS of bot/shared.h */

static struct arena arena;
static struct service service;
static PGconn *owner;
static struct config config = {
    .secrets = {.key = {"a key of thirty-two characters or more", 38}}};
static unsigned posted;
/* One pixel. */
static const unsigned char picture[] = {
    0x89, 'P',  'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,    0,    0,    13,   'I',  'H',
    'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,
    0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    10,   'I',  'D',  'A',  'T',  0x78,
    0x9c, 0x63, 0x60, 0,    0,    0,    2,    0,    1,    0x48, 0xaf, 0xa4, 0x71, 0,
    0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};
static bool failed;              /* to begin */
static struct str amelia, lucia; /* their links' paths */

static struct {
    long status;
    char head[4096], *body;
    size_t head_len, body_len;
    double first_byte; /* seconds */
} answer;

static size_t take_head(char *bytes, size_t size, size_t n, void *user)
{
    size_t room = sizeof answer.head - answer.head_len - 1,
           len = size * n < room ? size * n : room;

    (void)user;
    memcpy(answer.head + answer.head_len, bytes, len);
    answer.head_len += len;
    answer.head[answer.head_len] = '\0';
    return size * n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    (void)user;
    answer.body = realloc(answer.body, answer.body_len + size * n + 1);
    memcpy(answer.body + answer.body_len, bytes, size * n);
    answer.body_len += size * n;
    answer.body[answer.body_len] = '\0';
    return size * n;
}

static long ask(const char *method, struct str path, const char *header)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = header != NULL ? curl_slist_append(NULL, header) : NULL;

    free(answer.body);
    memset(&answer, 0, sizeof answer);
    answer.body = calloc(1, 1);
    curl_easy_setopt(
        curl, CURLOPT_URL,
        arena_format(&arena, "http://127.0.0.1:%d%.*s", service.port, STR_ARG(path)).at);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "a phone");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        if (strcmp(method, "POST") == 0)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME, &answer.first_byte);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return answer.status;
}

static long get(struct str base, const char *path)
{
    return ask("GET", arena_format(&arena, "%.*s%s", STR_ARG(base), path), NULL);
}

static void say(const char *phone, const char *words)
{
    struct post post = {
        .body =
            post_text(&arena, phone, arena_format(&arena, "wamid.web.%u", posted++).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static const char *one(const char *sql)
{
    PGresult *result = PQexec(owner, sql);

    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 1);
    const char *value = arena_format(&arena, "%s", PQgetvalue(result, 0, 0)).at;
    PQclear(result);
    return value;
}

/* The path of the newest link. */
static struct str newest(void)
{
    struct uuid org;
    struct str mark =
        arena_format(&arena, "portal:%s",
                     one("select link_id from portal_links order by made_at desc limit 1"));

    assert_true(uuid_parse(str_from(one("select org_id from portal_links limit 1")), &org));
    config.public_url = arena_format(&arena, "http://127.0.0.1:%d", service.port);
    struct str url = portal_address(&arena, &config, org, mark);
    return str_slice(url, config.public_url.len, url.len);
}

static struct str link_for(const char *phone)
{
    say(phone, "menu");
    run_sql(owner, "update conversations set verified_until = now() + interval '30 minutes'");
    say(phone, "my documents online");
    return newest();
}

static int set_up(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    failed = true;
    service_start(&service, &(struct service_wish){.workers = 2});
    amelia = link_for(AMELIA);
    lucia = link_for(LUCIA);
    failed = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (service.pid != 0 && !failed)
        service_stop(&service);
    service_end(&service);
    free(answer.body);
    arena_finish(&arena);
    PQfinish(owner);
    store_shut();
    return 0;
}

static void assert_shows(const char *wanted)
{
    if (strstr(answer.body, wanted) == NULL)
        fail_msg("\"%s\" is not in:\n%s", wanted, answer.body);
}

/* --- the link -------------------------------------------------------------------------------
 */

static void otp_7_a_link_stands_nowhere_but_in_the_message_that_arrives(void **state)
{
    struct str token = str_slice(amelia, strlen("/customer/"), amelia.len);

    (void)state;
    assert_int_equal(token.len, PORTAL_TOKEN_LEN);
    assert_int_equal(service_arrived(&service, AMELIA, arena_cstr(&arena, token)), 1);
    assert_int_equal(
        ask_number(owner, arena_format(&arena,
                                       "select count(*) from messages where body like "
                                       "'%%%.*s%%'",
                                       STR_ARG(str_slice(token, 30, token.len)))
                              .at),
        0);
    assert_int_equal(
        service_logged(&service, arena_cstr(&arena, str_slice(token, 30, token.len))), 0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from portal_links where "
                                "octet_length(token_hash) = 32 and expires_at - made_at = "
                                "interval '90 days'"),
                     2);
}

/* --- what is there
 * ----------------------------------------------------------------------------
 */

static void web_1_the_index_has_the_orders_and_the_papers(void **state)
{
    (void)state;
    assert_int_equal(get(amelia, ""), 200);
    assert_shows("ORD-1002");
    assert_shows("/papers/invoice/INV-7002.pdf");
    assert_null(strstr(answer.body, "<script"));
    assert_true(answer.body_len < 50UL * 1024);
    double best = answer.first_byte;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(amelia, ""), 200);
        best = answer.first_byte < best ? answer.first_byte : best;
    }
    print_message("the index: %zu bytes, first byte after %.1f ms\n", answer.body_len,
                  best * 1000);
    assert_non_null(strcasestr(answer.head, "content-security-policy: default-src 'none'"));
    assert_non_null(strcasestr(answer.head, "referrer-policy: no-referrer"));
    assert_non_null(strcasestr(answer.head, "cache-control: no-store"));
    assert_non_null(strcasestr(answer.head, "x-robots-tag: noindex"));
}

static void web_1_an_order_has_its_timeline_and_papers(void **state)
{
    (void)state;
    assert_int_equal(get(amelia, "/orders/ORD-1002"), 200);
    assert_shows("Order ORD-1002");
    assert_shows("<ol class=\"steps\">");
    assert_shows("/papers/order/ORD-1002.pdf");
    assert_true(answer.body_len < 50UL * 1024);
}

static void web_1_a_paper_is_a_pdf_with_its_name(void **state)
{
    (void)state;
    assert_int_equal(get(amelia, "/papers/order/ORD-1002.pdf"), 200);
    assert_memory_equal(answer.body, "%PDF-", 5);
    assert_non_null(strcasestr(answer.head, "content-type: application/pdf"));
    assert_non_null(strcasestr(answer.head, "filename=\"order-ORD-1002.pdf\""));
    assert_int_equal(get(amelia, "/papers/invoice/INV-7002.pdf"), 200);
    assert_memory_equal(answer.body, "%PDF-", 5);
    assert_int_equal(
        ask_number(owner, "select count(*) from events_out where type = 'invoice.viewed'"), 1);
}

/* What unzip says of the archive that came. */
static void web_1_all_of_it_comes_as_one_zip(void **state)
{
    char path[TEMP_PATH], listed[4096] = "";
    FILE *file;

    (void)state;
    temp_file(path, "zip");
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(get(amelia, ""), 200);
    assert_shows("/documents.zip");
    assert_int_equal(get(amelia, "/documents.zip"), 200);
    assert_non_null(strcasestr(answer.head, "content-disposition: attachment"));
    assert_non_null(strcasestr(answer.head, "referrer-policy: no-referrer"));
    assert_int_equal(fwrite(answer.body, 1, answer.body_len, file), answer.body_len);
    assert_int_equal(fclose(file), 0);
    FILE *list = popen(
        arena_format(&arena, "python3 -m zipfile -t %s && python3 -m zipfile -l %s", path, path)
            .at,
        "r");
    assert_non_null(list);
    assert_true(fread(listed, 1, sizeof listed - 1, list) > 0);
    assert_int_equal(pclose(list), 0);
    unlink(path);
    assert_non_null(strstr(listed, "Done testing"));
    assert_non_null(strstr(listed, "order-ORD-1002.pdf"));
    assert_non_null(strstr(listed, "invoice-INV-7002.pdf"));
    assert_non_null(strstr(listed, "receipt-"));
    assert_int_equal(get(amelia, "/documents.zipper"), 404);
}

static void stf_5_a_visit_is_told_once_and_from_where(void **state)
{
    (void)state;
    assert_int_equal(get(lucia, ""), 200);
    assert_int_equal(get(lucia, ""), 200);
    assert_int_equal(
        ask_number(
            owner,
            "select count(*) from events_out e join portal_links l using (org_id, customer_id) "
            "where type = 'portal.login' and data ->> 'ip_address' = '127.0.0.1' and "
            "data ->> 'user_agent' = 'a phone' and l.link_id = (select link_id from "
            "portal_links order by made_at desc limit 1)"),
        1);
}

/* What a CRM has given stands among the papers: ours, or else where it lies. */
static void web_1_files_of_the_business_are_on_the_page(void **state)
{
    (void)state;
    run_sql(owner,
            "insert into documents (org_id, document_id, customer_id, handle, kind, at, "
            "expires_at, due_at, state, open, sha256, size, mime) select org_id, link_id, "
            "customer_id, '', 'document', now(), now(), now(), 'kept', false, "
            "sha256('w'), 1, 'application/pdf' from portal_links order by made_at desc limit 1;"
            "insert into document_links (org_id, link_id, customer_id, kind, name, url, at, "
            "document_id) select org_id, link_id, customer_id, 'other', 'Warranty <1>', "
            "'https://files.example/1.pdf', now(), link_id from portal_links order by made_at "
            "desc limit 1;"
            "insert into document_links (org_id, link_id, customer_id, kind, name, url, at) "
            "select org_id, gen_random_uuid(), customer_id, 'other', 'Manual', "
            "'https://files.example/2.pdf?a=1&b=2', now() from portal_links order by made_at "
            "desc limit 1");
    assert_int_equal(get(lucia, ""), 200);
    assert_non_null(strstr(answer.body, "Warranty &lt;1&gt;"));
    assert_non_null(strstr(answer.body, "href=\"/f/"));
    assert_null(strstr(answer.body, "files.example/1.pdf"));
    assert_non_null(strstr(answer.body, "href=\"https://files.example/2.pdf?a=1&amp;b=2\""));
    run_sql(owner, "delete from document_links; delete from documents where sha256 = "
                   "sha256('w')");
}

/* --- for programs --------------------------------------------------------------------------
 */

static json_t *json;

/* The JSON behind that link, parsed into `json`. */
static long get_json(struct str base, const char *path)
{
    long status = get(arena_concat(&arena, STR("/api/portal"), base), path);

    json_decref(json);
    json = json_loads(answer.body, 0, NULL);
    assert_non_null(json);
    return status;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void web_2_orders_are_there_for_programs_by_the_names_of_the_source(void **state)
{
    const json_t *order, *item, *papers;

    (void)state;
    assert_int_equal(get_json(amelia, "/orders"), 200);
    assert_true(json_array_size(json_object_get(json, "orders")) > 2);
    assert_int_equal(get_json(amelia, "/orders/ORD-1002"), 200);
    order = json;
    assert_string_equal(member(order, "order_number"), "ORD-1002");
    assert_true(strlen(member(order, "order_date")) >= 20);
    assert_true(strchr(member(order, "total_amount"), '.') != NULL);
    assert_int_equal(strlen(member(order, "currency")), 3);
    assert_true(json_integer_value(json_object_get(order, "items_count")) > 0);
    assert_true(strlen(member(order, "delivery_address")) > 5);
    item = json_array_get(json_object_get(order, "items"), 0);
    assert_true(strlen(member(item, "description")) > 0 &&
                strlen(member(item, "qty_ordered")) > 0);
    assert_true(strlen(member(item, "unit_price")) > 0 &&
                strlen(member(item, "line_total")) > 0);
    assert_true(json_array_size(json_object_get(order, "timeline")) > 0);
    papers = json_object_get(order, "documents");
    assert_true(json_array_size(papers) > 0);
    const char *doc = arena_format(&arena, "/orders/ORD-1002/documents/%s",
                                   member(json_array_get(papers, 0), "doc"))
                          .at;
    assert_int_equal(get(arena_concat(&arena, STR("/api/portal"), amelia), doc), 200);
    assert_memory_equal(answer.body, "%PDF-", 5);
    assert_int_equal(get_json(amelia, "/orders/ORD-1002/tracking"), 200);
    assert_string_equal(member(json, "order_number"), "ORD-1002");
    assert_non_null(json_object_get(json, "shipments"));
}

static void web_2_a_program_sees_no_more_than_the_link(void **state)
{
    static const char *const elsewhere[] = {"/orders/ORD-1002",
                                            "/orders/none",
                                            "/orders/ORD-1002/documents/order:ORD-1002",
                                            "/orders/ORD-1002/documents/x",
                                            "/orders/ORD-1002/tracking",
                                            "/",
                                            "",
                                            "/orders/ORD-1002/other"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(elsewhere); i++) {
        assert_int_equal(get_json(lucia, elsewhere[i]), 404);
        assert_string_equal(member(json_object_get(json, "error"), "code"), "missing");
    }
    assert_int_equal(get_json(STR("/customer/nonsense"), "/orders"), 404);
    assert_non_null(
        strstr(member(json_object_get(json, "error"), "message"), "invalid or has expired"));
    assert_int_equal(
        ask("POST", arena_concat(&arena, STR("/api/portal"), amelia, STR("/orders")), NULL),
        405);
}

/* --- the report form -----------------------------------------------------------------------
 */

#define BOUNDARY "----parley7"
#define FIELD(name, value)                                                                     \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static const char story[] = "The lid came broken, card 4111 1111 1111 1111";

/* The hidden field of the form behind that link. */
static const char *once_at(struct str base)
{
    assert_int_equal(get(base, "/report?order=ORD-1002"), 200);
    const char *once = strstr(answer.body, "name=\"once\" value=\"");
    assert_non_null(once);
    return arena_format(&arena, "%.32s", once + strlen("name=\"once\" value=\"")).at;
}

/* `header`: one more. No bytes: no file was chosen. */
static long post_report(struct str base, const char *once, const char *order, const char *words,
                        struct str bytes, const char *header)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: multipart/form-data; boundary=" BOUNDARY);
    struct str body = arena_format(
        &arena,
        FIELD("once", "%s") FIELD("order", "%s") FIELD("kind", "damaged") FIELD("story", "%s")
            FIELD("email",
                  "amelia@mail.example") "--" BOUNDARY "\r\nContent-Disposition: form-data; "
                                         "name=\"files\"; filename=\"lid.png\"\r\n\r\n",
        once, order, words);

    body = arena_concat(&arena, body, bytes);
    body = arena_concat(&arena, body, STR("\r\n--" BOUNDARY "--\r\n"));
    if (header != NULL)
        headers = curl_slist_append(headers, header);
    free(answer.body);
    memset(&answer, 0, sizeof answer);
    answer.body = calloc(1, 1);
    curl_easy_setopt(
        curl, CURLOPT_URL,
        arena_format(&arena, "http://127.0.0.1:%d%.*s/report", service.port, STR_ARG(base)).at);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return answer.status;
}

static long reports(const char *words)
{
    return ask_number(owner, arena_format(&arena,
                                          "select count(*) from tickets where description "
                                          "like '%s%%'",
                                          words)
                                 .at);
}

static void iss_4_a_report_with_a_picture_reaches_the_team(void **state)
{
    struct str png = {(const char *)picture, sizeof picture};
    const char *once = once_at(amelia);

    (void)state;
    assert_shows("<option value=\"ORD-1002\" selected>");
    assert_int_equal(
        post_report(amelia, once, "ORD-1002", story, png, "Sec-Fetch-Site: same-origin"), 200);
    assert_shows("contact you within 24 hours");
    assert_int_equal(reports("The lid came"), 1);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from tickets k join orders o using (org_id, order_id) "
                   "where o.number = 'ORD-1002' and description not like '%4111%' and "
                   "k.conversation_id is not null and description like 'The lid%'"),
        1);
    assert_int_equal(
        ask_number(owner, "select count(*) from ticket_documents join documents using (org_id, "
                          "document_id) where state = 'kept' and ticketed and filename = "
                          "'lid.png' and mime = 'image/png'"),
        1);
    /* pressed twice it is one */
    assert_int_equal(post_report(amelia, once, "ORD-1002", story, png, NULL), 200);
    assert_int_equal(reports("The lid came"), 1);
    /* CRM-2: and the business's systems hear of it, as of one in the chat */
    assert_int_equal(
        ask_number(
            owner,
            "select count(*) from events_out e join tickets k on e.subject = 'ticket/' || "
            "k.number where e.type = 'ticket.opened' and k.description like 'The lid came%' "
            "and e.data ->> 'number' = 'ORD-1002' and (e.data ->> 'files')::int = 1 and "
            "e.customer_id = k.customer_id"),
        1);
}

static void iss_4_what_is_wrong_is_said_and_nothing_of_the_form_is_lost(void **state)
{
    const char *once = once_at(amelia);
    struct str none = STR("");

    (void)state;
    assert_int_equal(post_report(amelia, once, "ORD-1002", "short", none, NULL), 422);
    assert_shows("The description needs 10 to 1000 characters.");
    assert_shows(">\nshort</textarea>");
    assert_shows("value=\"amelia@mail.example\"");
    assert_int_equal(post_report(amelia, once, "ORD-9999", "The lid is gone", none, NULL), 422);
    assert_int_equal(post_report(amelia, once, "", "The lid is a program", STR("MZ\x90"), NULL),
                     422);
    assert_shows("JPG, PNG or PDF");
    assert_int_equal(reports("The lid is"), 0);
}

/* As browsers send what their own `maxlength` of 1000 lets through. */
static void iss_4_an_end_of_line_is_one_character_of_a_report(void **state)
{
    const char *once = once_at(amelia);
    char words[1201];
    size_t n = 0;

    (void)state;
    for (size_t line = 0; line < 100; line++)
        n += (size_t)snprintf(words + n, sizeof words - n, "Crack %02zu%c\r\n", line, '.');
    assert_int_equal(n, 1100);
    words[n - 2] = '\0'; /* 999 and the last end of a line */
    assert_int_equal(post_report(amelia, once, "", words, STR(""), NULL), 200);
    assert_int_equal(
        ask_number(owner, "select count(*) from tickets where description like 'Crack 00.%' "
                          "and strpos(description, chr(13)) = 0 and length(description) = 999"),
        1);
}

/* The second waits for the first one's commit, and sees it. */
static void iss_4_a_form_that_is_sent_twice_at_once_is_one_report(void **state)
{
    static const char sql[] =
        "begin; select set_config('parley.org_id', org_id::text, true) from businesses; "
        "select r.outcome from portal_links k, portal_report(k.org_id, k.token_hash, '', "
        "'other', 'The lid came twice', '', '', gen_random_uuid(), now()) r "
        "where k.revoked_at is null limit 1";
    PGconn *second = owner_connect();
    PGresult *result, *last = NULL;

    (void)state;
    result = PQexec(owner, sql);
    assert_string_equal(PQgetvalue(result, 0, 0), "opened");
    PQclear(result);
    assert_int_equal(PQsendQuery(second, sql), 1);
    usleep(200 * 1000);
    assert_int_equal(PQconsumeInput(second), 1);
    run_sql(owner, "commit");
    while ((result = PQgetResult(second)) != NULL) {
        PQclear(last);
        last = result;
    }
    assert_string_equal(PQgetvalue(last, 0, 0), "twice");
    PQclear(last);
    PQfinish(second);
    assert_int_equal(reports("The lid came twice"), 1);
}

static void web_1_a_report_is_sent_from_our_own_page_only(void **state)
{
    const char *once = once_at(lucia), *other = once_at(amelia), *words = "The lid of another";
    struct str none = STR("");

    (void)state;
    assert_int_equal(post_report(lucia, other, "", words, none, NULL), 403);
    assert_int_equal(post_report(lucia, "", "", words, none, NULL), 403);
    assert_int_equal(post_report(lucia, once, "", words, none, "Sec-Fetch-Site: cross-site"),
                     403);
    assert_int_equal(post_report(lucia, once, "", words, none, "Origin: https://evil.example"),
                     403);
    /* and about one's own orders */
    assert_int_equal(post_report(lucia, once, "ORD-1002", words, none, "Origin: null"), 422);
    assert_int_equal(reports("The lid of"), 0);
}

/* --- whose
 * ------------------------------------------------------------------------------------
 */

static void web_6_what_opens_nothing_is_the_same_kind_page_whatever_the_reason(void **state)
{
    char *kept;
    struct str wrong = arena_str(&arena, amelia), own;

    (void)state;
    ((char *)wrong.at)[wrong.len - 5] ^= 1;
    assert_int_equal(get(wrong, ""), 404);
    assert_shows("This customer portal link is invalid or has expired. Please contact");
    kept = strdup(answer.body);
    static const char *const tails[] = {
        "",        "/orders/ORD-1002", "/papers/invoice/INV-7002.pdf", "/documents.zip",
        "/report", "/nothing"};
    for (size_t i = 0; i < COUNTOF(tails); i++) {
        assert_int_equal(get(wrong, tails[i]), 404);
        assert_string_equal(answer.body, kept);
    }
    assert_int_equal(get(STR("/customer/x"), ""), 404);
    assert_string_equal(answer.body, kept);
    own = link_for(AMELIA);
    assert_int_equal(get(own, ""), 200);
    run_sql(owner,
            "update portal_links set expires_at = now() where link_id = (select link_id from "
            "portal_links order by made_at desc limit 1)");
    assert_int_equal(get(own, ""), 404);
    assert_string_equal(answer.body, kept);
    own = link_for(AMELIA);
    run_sql(owner,
            "update portal_links set revoked_at = now() where link_id = (select link_id from "
            "portal_links order by made_at desc limit 1)");
    assert_int_equal(get(own, ""), 404);
    assert_string_equal(answer.body, kept);
    free(kept);
}

/* A worker that has just begun knows no business yet. */
static void web_6_a_link_is_not_called_bad_by_a_worker_that_has_just_begun(void **state)
{
    pid_t workers[4];
    size_t n = service_workers(&service, workers, COUNTOF(workers));

    (void)state;
    run_sql(owner, "begin; lock table accounts in access exclusive mode");
    for (size_t i = 0; i < n; i++)
        assert_int_equal(kill(workers[i], SIGKILL), 0);
    assert_int_equal(get(amelia, ""), 503);
    run_sql(owner, "commit");
    /* Each of them is there again when as many answer as one alone would hardly be asked in a
     * row. A link that there never was is asked for, since each has so many requests an hour.
     */
    size_t half = amelia.len / 2;
    struct str never =
        arena_format(&arena, "%.*s%c%s", (int)half, amelia.at,
                     amelia.at[half] == 'A' ? 'B' : 'A', arena_cstr(&arena, amelia) + half + 1);
    unsigned in_a_row = 0;
    for (int i = 0; i < 300 && in_a_row < 20; i++) {
        in_a_row = get(never, "") == 404 ? in_a_row + 1 : 0;
        if (in_a_row == 0)
            usleep(100 * 1000);
    }
    assert_int_equal(in_a_row, 20);
}

static void web_1_nobody_else_s_things_are_there(void **state)
{
    static const char *const tails[] = {"/orders/ORD-1002", "/papers/order/ORD-1002.pdf",
                                        "/papers/invoice/INV-7002.pdf"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(tails); i++) {
        assert_int_equal(get(amelia, tails[i]), 200);
        assert_int_equal(get(lucia, tails[i]), 404);
        assert_null(strstr(answer.body, "ORD-1002"));
    }
    const char *receipt = one(
        "select p.payment_id from payments p join invoices i using (org_id, invoice_id) where "
        "i.number = 'INV-7002' limit 1");
    struct str tail = arena_format(&arena, "/papers/receipt/%s.pdf", receipt);
    assert_int_equal(get(amelia, tail.at), 200);
    assert_int_equal(get(lucia, tail.at), 404);
}

static void web_1_other_methods_and_paths_are_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD", amelia, NULL), 200);
    assert_int_equal(ask("DELETE", amelia, NULL), 405);
    assert_int_equal(ask("POST", amelia, NULL), 405);
    assert_int_equal(get(amelia, "/nothing"), 404);
    assert_int_equal(get(amelia, "/papers/statement/1.pdf"), 404);
    assert_int_equal(get(amelia, "/papers/order/"), 404);
    assert_int_equal(get(amelia, "/orders/"), 404);
    assert_int_equal(get(amelia, "/orders/ord-1002"), 404);
    assert_int_equal(get(amelia, "/orders/%ff%27%22"), 404);
}

static void otp_7_a_link_is_good_for_a_hundred_requests_an_hour(void **state)
{
    struct str own = link_for(LUCIA);
    int n = 0;

    (void)state;
    while (n < 120 && ask("HEAD", own, NULL) == 200)
        n++;
    assert_in_range(n, 100, 101);
    assert_int_equal(answer.status, 429);
    assert_int_equal(get(amelia, ""), 200);
}

/* A token of the same business that opens nothing, and whose requests would be counted at the
 * same place as those of this link. */
static struct str junk_beside(struct str link)
{
    uint8_t bytes[sizeof(struct uuid) + 32];
    char text[PORTAL_TOKEN_LEN + 1];
    struct str before = STR("/customer/");
    struct uuid org;
    struct hash hash, made;
    uint32_t at, place;

    assert_true(portal_token_read(str_slice(link, before.len, link.len), &org, &hash));
    memcpy(&place, hash.bytes, sizeof place);
    memcpy(bytes, org.bytes, sizeof org);
    do {
        random_bytes(bytes + sizeof org, sizeof bytes - sizeof org);
        made =
            sha256((struct str){(const char *)bytes + sizeof org, sizeof bytes - sizeof org});
        memcpy(&at, made.bytes, sizeof at);
    } while (at % PLACES != place % PLACES);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_format(&arena, "/customer/%s", text);
}

static void otp_7_links_that_are_made_up_shut_nobody_out(void **state)
{
    struct str junk = junk_beside(amelia);

    (void)state;
    for (int i = 0; i < 150; i++)
        assert_int_equal(ask("HEAD", junk, NULL), 404);
    assert_int_equal(get(amelia, ""), 200);
}

/* Last, since it ends what the others use. */
static void otp_7_staff_ends_a_customer_s_links(void **state)
{
    const char *id =
        one("select external_id from customers join customer_phones using (org_id, "
            "customer_id) where phone = '+" AMELIA "'");
    char *words[] = {"link", "revoke", strdup(id), NULL};
    char said[1000];

    (void)state;
    assert_int_equal(get(amelia, ""), 200);
    assert_int_equal(service_command(&service, words, said, sizeof said), 0);
    assert_int_equal(get(amelia, ""), 404);
    assert_int_not_equal(service_command(&service, words, said, sizeof said), 0);
    assert_non_null(strstr(said, "no link"));
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'portal.revoked'"), 1);
    free(words[2]);
}

static long report_issue(const char *order, const char *kind, const char *words,
                         struct str file)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: multipart/form-data; boundary=" BOUNDARY);
    struct str body = arena_format(
        &arena,
        FIELD("issue_type", "%s") FIELD("description", "%s") FIELD("contact_email",
                                                                   "a@b.example")
            FIELD("contact_phone", "+15550100001") "--" BOUNDARY
                                                   "\r\nContent-Disposition: form-data; "
                                                   "name=\"photos\"; filename=\"lid.png\"\r\n"
                                                   "\r\n",
        kind, words);

    body = arena_concat(&arena, body, file, STR("\r\n--" BOUNDARY "--\r\n"));
    free(answer.body);
    memset(&answer, 0, sizeof answer);
    answer.body = calloc(1, 1);
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena,
                                  "http://127.0.0.1:%d/api/portal%.*s/orders/%s/report-issue",
                                  service.port, STR_ARG(amelia), order)
                         .at);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    json_decref(json);
    json = json_loads(answer.body, 0, NULL);
    return answer.status;
}

static void web_2_a_program_reports_an_issue(void **state)
{
    struct str photo = file_png(&arena, 8, 8);
    char whole[1001];

    (void)state;
    memset(whole, 'x', 1000);
    whole[1000] = '\0';
    assert_int_equal(report_issue("ORD-1002", "broken", "The lid came broken.", photo), 422);
    assert_string_equal(member(json_object_get(json, "error"), "path"), "issue_type");
    assert_int_equal(report_issue("ORD-1002", "damaged", "Short.", photo), 422);
    assert_string_equal(member(json_object_get(json, "error"), "path"), "description");
    assert_int_equal(report_issue("ORD-1002", "damaged", "The lid came broken.", STR("text")),
                     422);
    assert_string_equal(member(json_object_get(json, "error"), "path"), "photos");
    assert_int_equal(report_issue("ORD-9999", "damaged", "The lid came broken.", photo), 422);
    assert_string_equal(member(json_object_get(json, "error"), "path"), "order");
    /* the telephone is not a part of the words, and has no part in their length */
    assert_int_equal(report_issue("ORD-1002", "damaged", whole, photo), 201);
    assert_int_equal(report_issue("ORD-1002", "damaged", "The lid of mine came broken.", photo),
                     201);
    assert_non_null(
        strstr(member(json, "message"), "Issue reported. We'll contact you within 24"));
    assert_int_equal(
        ask_number(owner, arena_format(&arena,
                                       "select count(*) from tickets t join "
                                       "ticket_documents d using (org_id, ticket_id) "
                                       "where t.number = '%s' and t.description like "
                                       "'The lid of mine%%+15550100001'",
                                       member(json, "ticket"))
                              .at),
        1);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(otp_7_a_link_stands_nowhere_but_in_the_message_that_arrives),
        cmocka_unit_test(web_1_the_index_has_the_orders_and_the_papers),
        cmocka_unit_test(web_1_an_order_has_its_timeline_and_papers),
        cmocka_unit_test(web_1_a_paper_is_a_pdf_with_its_name),
        cmocka_unit_test(web_1_all_of_it_comes_as_one_zip),
        cmocka_unit_test(iss_4_a_report_with_a_picture_reaches_the_team),
        cmocka_unit_test(iss_4_what_is_wrong_is_said_and_nothing_of_the_form_is_lost),
        cmocka_unit_test(iss_4_an_end_of_line_is_one_character_of_a_report),
        cmocka_unit_test(iss_4_a_form_that_is_sent_twice_at_once_is_one_report),
        cmocka_unit_test(web_1_a_report_is_sent_from_our_own_page_only),
        cmocka_unit_test(stf_5_a_visit_is_told_once_and_from_where),
        cmocka_unit_test(web_1_files_of_the_business_are_on_the_page),
        cmocka_unit_test(web_2_orders_are_there_for_programs_by_the_names_of_the_source),
        cmocka_unit_test(web_2_a_program_sees_no_more_than_the_link),
        cmocka_unit_test(web_2_a_program_reports_an_issue),
        cmocka_unit_test(web_6_what_opens_nothing_is_the_same_kind_page_whatever_the_reason),
        cmocka_unit_test(web_6_a_link_is_not_called_bad_by_a_worker_that_has_just_begun),
        cmocka_unit_test(web_1_nobody_else_s_things_are_there),
        cmocka_unit_test(web_1_other_methods_and_paths_are_refused),
        cmocka_unit_test(otp_7_a_link_is_good_for_a_hundred_requests_an_hour),
        cmocka_unit_test(otp_7_links_that_are_made_up_shut_nobody_out),
        cmocka_unit_test(otp_7_staff_ends_a_customer_s_links),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
