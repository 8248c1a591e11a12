/*
 * What somebody with ill will tries, through the whole service: files that are something else
 * than they say, forms that are none, readers who do not read, the same delivery again, and
 * numbers of cards where nobody looks for one. The service answers what it should, keeps
 * nothing that it should not, and goes on for everybody else.
 */
#include "bot/base/crypto.h"
#include "bot/loop/loop.h"
#include "tests/support/files.h"
#include "tests/support/knock.h"
#include "tests/support/neighbours.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A1 (&neighbours[0])
#define A2 (&neighbours[1])
#define B1 (&neighbours[2])

static struct arena arena;
static struct service service;
static PGconn *owner;
static bool failed; /* to begin */

#define FORMAT(...) arena_format(&arena, __VA_ARGS__)

static long ask_post(struct str path, const char *type, struct str body)
{
    struct knock ask = {.path = path, .body = body};

    knock_line(&ask, FORMAT("Content-Type: %s", type).at);
    return knock(&service, &ask);
}

static void serves(void)
{
    assert_int_equal(knock(&service, &(struct knock){.path = STR("/readyz")}), 200);
}

/* --- the report form -----------------------------------------------------------------------
 */

#define EDGE "----parley7"
#define FORM "multipart/form-data; boundary=" EDGE

static struct str field(const char *name, const char *value)
{
    return FORMAT("--" EDGE "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                  name, value);
}

/* The hidden field of the form behind that customer's link. */
static const char *once_of(const struct neighbour *one)
{
    static const char before[] = "name=\"once\" value=\"";

    assert_int_equal(
        knock(&service, &(struct knock){.path = FORMAT("%.*s/report", STR_ARG(one->page))}),
        200);
    const char *at = strstr(knock_answer.body.at, before);
    assert_non_null(at);
    return FORMAT("%.32s", at + strlen(before)).at;
}

struct filing {
    const char *story, *email, *filename, *type;
    struct str bytes;
};

static struct str form_of(const struct neighbour *one, const struct filing *filing)
{
    struct str all = arena_concat(
        &arena, field("once", once_of(one)), field("kind", "damaged"),
        field("story", filing->story ? filing->story : "The lid came broken, like that."),
        field("email", filing->email ? filing->email : "a@mail.example"));

    all = arena_concat(&arena, all,
                       FORMAT("--" EDGE "\r\nContent-Disposition: form-data; name=\"files\"; "
                              "filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
                              filing->filename, filing->type ? filing->type : "image/png"));
    return arena_concat(&arena, all, filing->bytes, STR("\r\n--" EDGE "--\r\n"));
}

static long file_report(const struct neighbour *one, const struct filing *filing)
{
    return ask_post(FORMAT("%.*s/report", STR_ARG(one->page)), FORM, form_of(one, filing));
}

static long tickets(void)
{
    return ask_number(owner, "select count(*) from tickets");
}

/* Whatever it is called and said to be: a file is what its bytes are. */
static void iss_4_a_file_is_what_its_bytes_are(void **state)
{
    struct str png = file_png(&arena, 8, 8), huge = file_png(&arena, 30001, 30001);
    /* clang-format off */
    const struct {
        const char *name, *type;
        struct str bytes;
        long status;
    } files[] = {
        {"a.png",  "image/png",       STR("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"), 422},
        {"a.svg",  "image/svg+xml",   STR("<svg xmlns='http://www.w3.org/2000/svg'/>"),              422},
        {"a.jpg",  "image/jpeg",      STR("<!doctype html><script>alert(1)</script>"),               422},
        {"a.html", "text/html",       STR("<html>"),                                                 422},
        {"a.png",  "image/png",       STR("GIF89a\x01\x00\x01\x00\x80\x00\x00;\x00"),               422},
        {"a.pdf",  "application/pdf", STR("%PDF-1.4\nno end"),                                       422},
        {"a.pdf",  "application/pdf", file_pdf(&arena, "/JavaScript (app.alert(1))"),                422},
        {"a.pdf",  "application/pdf", file_pdf(&arena, "/EmbeddedFile"),                             422},
        {"a.png",  "image/png",       huge,                                                          422},
        {"a.png",  "image/png",       STR("PK\x03\x04zip"),                                          422},
        {"a.exe",  "application/pdf", STR("MZ\x90"),                                                 422},
        {"a.html", "text/html",       arena_concat(&arena, png, STR("<script>alert(1)</script>")),   200},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNTOF(files); i++) {
        struct filing filing = {.filename = files[i].name,
                                .type = files[i].type,
                                .bytes = files[i].bytes,
                                .story = FORMAT("The lid came broken, case %zu.", i).at};
        long before = tickets(), got = file_report(A1, &filing);
        if (got != files[i].status)
            fail_msg("%s as %s, %zu: %ld", files[i].name, files[i].type, i, got);
        assert_int_equal(tickets() - before, files[i].status == 200);
    }
    /* the last is a picture, with something behind it: kept as one, and named as one */
    assert_int_equal(ask_number(owner,
                                "select count(*) from documents where mime = 'image/png' "
                                "and ticketed and filename like '%.html%' and filename "
                                "not like '%.png'"),
                     0);
    serves();
}

/* Where a name leads, what it hides, and what it would do in a header. */
static void iss_4_a_name_is_no_path_and_no_header(void **state)
{
    static const char *const names[] = {"../../../etc/passwd.png",
                                        "..\\\\..\\\\windows\\\\x.png",
                                        "/etc/shadow",
                                        "a%22%0d%0aX-Evil: 1.png",
                                        "con:aux|*?.png",
                                        ".htaccess",
                                        "\xe2\x80\xaegnp.exe",
                                        "\xff\xfe.png",
                                        ""};
    long before = tickets();

    (void)state;
    for (size_t i = 0; i + 1 < COUNTOF(names); i++) {
        struct filing filing = {.filename = names[i],
                                .bytes = file_png(&arena, 9, 9),
                                .story = FORMAT("The box came open, case %zu.", i).at};
        long got = file_report(A2, &filing);
        if (got != 200)
            fail_msg("%s: %ld", names[i], got);
    }
    assert_int_equal(tickets() - before, COUNTOF(names) - 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from documents where handle not like 'https:%' and "
                          "ticketed and (filename ~ "
                          "'[/\\\\:*?\"<>|[:cntrl:]]' or filename like '.%' or filename not "
                          "like '%.png' or position(U&'\\202E' in filename) > 0)"),
        0);
}

/* Five pictures from a telephone, 24.6 MB in all. */
static void iss_4_as_much_as_the_page_tells_comes_in(void **state)
{
    enum { SIZE = 5160000 };
    struct str head = file_png(&arena, 2000, 2000);
    struct str all = arena_concat(&arena, field("once", once_of(B1)), field("kind", "damaged"),
                                  field("story", "All five sides are scratched."),
                                  field("email", "b@mail.example"));
    char *bytes = calloc(1, SIZE);

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, head.at, head.len);
    for (int i = 0; i < 5; i++) {
        bytes[SIZE - 1] = (char)i;
        all =
            arena_concat(&arena, all,
                         FORMAT("--" EDGE "\r\nContent-Disposition: form-data; name=\"files\"; "
                                "filename=\"%d.png\"\r\n\r\n",
                                i),
                         ((struct str){bytes, SIZE}), STR("\r\n"));
    }
    free(bytes);
    all = arena_concat(&arena, all, STR("--" EDGE "--\r\n"));
    assert_in_range(all.len, 25800000, 26214400);
    assert_int_equal(ask_post(FORMAT("%.*s/report", STR_ARG(B1->page)), FORM, all), 200);
    assert_int_equal(ask_number(owner, "select count(*) from ticket_documents where org_id = "
                                       "'" NEIGHBOUR_ORG "'"),
                     5);
}

static void iss_4_a_form_that_is_none_is_refused(void **state)
{
    struct filing fine = {.filename = "a.png", .bytes = file_png(&arena, 8, 8)};
    struct str whole = form_of(A1, &fine), path = FORMAT("%.*s/report", STR_ARG(A1->page));
    char *many = arena_alloc(&arena, 10000UL * 80);
    char *wide = arena_alloc(&arena, 20001);
    size_t n = 0;
    long before = tickets();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        n += (size_t)sprintf(many + n, /* NOLINT */
                             "--" EDGE
                             "\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n");
    }
    memset(wide, 'x', 20000);
    wide[20000] = '\0';
    /* clang-format off */
    const struct {
        const char *type;
        struct str body;
    } forms[] = {
        {FORM,                                      arena_concat(&arena, (struct str){many, n}, whole)         },
        {FORM,                                      str_slice(whole, 0, whole.len / 2)                         },
        {FORM,                                      str_slice(whole, 0, whole.len - 8)                         },
        {FORM,                                      STR("")                                                    },
        {"multipart/form-data",                     whole                                                      },
        {"multipart/form-data; boundary=\"\"",      whole                                                      },
        {"multipart/mixed; boundary=" EDGE,         whole                                                      },
        {"application/x-www-form-urlencoded",       whole                                                      },
        {"multipart/form-data; boundary=-",         whole                                                      },
        {FORM,
         FORMAT("--" EDGE "\r\nX-Long: %s\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
                "x\r\n%.*s", wide, 300, whole.at)                                                              },
        {FORM, FORMAT("--" EDGE "\r\nContent-Disposition: form-data; name=\"once\r\n\r\n%s", wide)             },
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        long got = ask_post(path, forms[i].type, forms[i].body);
        if (got != 403 && got != 411)
            fail_msg("form %zu: %ld", i, got);
    }
    struct knock big = {.path = path, .body = whole}; /* before a byte of it is read */
    knock_line(&big, "Content-Type: " FORM);
    knock_line(&big, "Content-Length: 90000000");
    assert_int_equal(knock(&service, &big), 413);
    assert_int_equal(tickets(), before);
    serves();
}

/* --- numbers of cards ----------------------------------------------------------------------
 */

/* Each in a place of its own; what is looked for is the number as it is written, and bare. */
static const struct {
    const char *written, *bare;
} cards[] = {
    {"4111 1111 1111 1111",            "4111111111111111"},
    {"5555-5555-5555-4444",            "5555555555554444"},
    {"4012888888881881",               "4012888888881881"},
    {"6011\n0009\n9013\n9424",         "6011000990139424"},
    {"٣٧٨٢٨٢٢٤٦٣١٠٠٠٥", "378282246310005" },
    {"3566 0020 2036 0505",            "3566002020360505"},
    {"3056.9309.0259.04",              "30569309025904"  },
    {"6200/0000/0000/0005",            "6200000000000005"},
    {"5105:1051:0510:5100",            "5105105105105100"},
    {"4222222222222",                  "4222222222222"   },
    {"6304000000000000",               "6304000000000000"},
    {"5019717010103742",               "5019717010103742"},
};
static size_t found[COUNTOF(cards) + 1];
#define MARK "the mark that is looked for"

static int look_into(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    int file = kind == FTW_F && stat->st_size > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    size_t size = (size_t)stat->st_size;

    (void)walk;
    if (file < 0)
        return 0;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    for (size_t i = 0; i < COUNTOF(cards); i++) {
        if (memmem(bytes, size, cards[i].written, strlen(cards[i].written)) == NULL &&
            memmem(bytes, size, cards[i].bare, strlen(cards[i].bare)) == NULL)
            continue;
        found[i]++;
        print_error("%s is in %s\n", cards[i].bare, path);
    }
    found[COUNTOF(cards)] += memmem(bytes, size, MARK, strlen(MARK)) != NULL;
    (void)munmap(bytes, size);
    return 0;
}

static const char *key(void)
{
    return FORMAT("Authorization: Bearer %s", neighbours_key(&arena, 0, "all")).at;
}

static void api(const char *method, struct str path, const char *type, struct str body,
                long status)
{
    struct knock ask = {.method = method, .path = path, .body = body};

    knock_line(&ask, key());
    knock_line(&ask, FORMAT("Content-Type: %s", type).at);
    long got = knock(&service, &ask);
    if (got == 503)
        service_show_log(&service);
    if (got != status)
        fail_msg("%.*s: %ld %s", STR_ARG(path), got, knock_answer.body.at);
}

static void crm_as(const struct neighbour *one, const char *id, const char *type,
                   struct str data)
{
    bool first = strcmp(one->crm, DEMO_CRM) == 0;
    struct knock ask = {.path = STR("/v1/events"),
                        .body = FORMAT("{\"specversion\":\"1.0\",\"source\":\"%s\",\"id\":"
                                       "\"%s\",\"type\":\"%s\",\"version\":5,\"data\":%.*s}",
                                       one->crm, id, type, STR_ARG(data))};

    knock_line(&ask, "Content-Type: application/cloudevents+json");
    knock_standard(&arena, &service, &ask, first ? SERVICE_CRM_SECRET : NEIGHBOUR_CRM_SECRET,
                   0);
    if (knock(&service, &ask) != 200)
        fail_msg("%s: %ld %s", type, knock_answer.status, knock_answer.body.at);
}

static void crm(const char *id, const char *type, struct str data)
{
    crm_as(A1, id, type, data);
}

static void say(const char *words)
{
    struct knock ask = {.path = STR("/webhooks/whatsapp"),
                        .body = post_text(&arena, A1->phone, "wamid.card", words)};

    knock_meta(&arena, &service, &ask, SERVICE_APP_SECRET, 0);
    assert_int_equal(knock(&service, &ask), 200);
}

static void mail(const char *subject, const char *filename)
{
    struct str raw = FORMAT(
        "From: <za2@mail.example>\r\nTo: " SERVICE_MAIL "\r\nSubject: %s\r\nMessage-ID: "
        "<card@mail.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
        "boundary=edge\r\n\r\n--edge\r\nContent-Type: text/plain\r\n\r\nplease see\r\n"
        "--edge\r\nContent-Type: image/png\r\nContent-Disposition: attachment; "
        "filename=\"%s.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
        "--edge--\r\n",
        subject, filename);
    struct knock ask = {.path = STR("/webhooks/mail/" SERVICE_MAIL), .body = raw};

    knock_bearer(&arena, &service, &ask, MAIL_GATEWAY_TOKEN, 0);
    assert_int_equal(knock(&service, &ask), 200);
}

static void ch_9_no_card_is_kept_from_any_door(void **state)
{
    struct str handoff = FORMAT("/v1/handoffs/%.*s", STR_ARG(uuid_str(&arena, A1->handoff)));

    (void)state;
    struct filing filing = {.filename = FORMAT("%s.png", cards[8].written).at,
                            .story = FORMAT(MARK " %s is my card", cards[4].written).at,
                            .email = FORMAT("%s@mail.example", cards[9].written).at,
                            .bytes = file_png(&arena, 7, 7)};
    assert_int_equal(file_report(A1, &filing), 200);
    filing = (struct filing){.filename = FORMAT("card %s.png", cards[1].written).at,
                             .story = FORMAT("Split it is:\n%s.", cards[3].written).at,
                             .bytes = file_png(&arena, 6, 6)};
    assert_int_equal(file_report(A1, &filing), 200);
    api("POST", STR("/v1/orders/ZA-1/notes"), "application/json",
        FORMAT("{\"text\":\"" MARK " they paid with %s\"}", cards[0].written), 201);
    api("POST",
        STR("/v1/orders/ZA-1/photos?category=progress&caption=paid%20by%203566%200020%202036%"
            "200505"),
        "image/png", file_png(&arena, 5, 5), 201);
    api("POST", FORMAT("%.*s/say", STR_ARG(handoff)), "application/json",
        FORMAT("{\"text\":\"is it %s?\"}", cards[7].written), 200);
    crm("c-1", "order.upserted",
        FORMAT("{\"id\":\"o-za1\",\"number\":\"ZA-1\",\"customer\":\"za1\",\"status\":"
               "\"processing\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"currency\":\"EUR\","
               "\"total\":10,\"instructions\":\"card %s\",\"items\":[{\"description\":\"%s\","
               "\"qty\":1,\"unit_price\":10,\"total\":10}]}",
               cards[2].written, cards[6].written));
    crm("c-2", "agent.message",
        FORMAT("{\"conversation\":\"%.*s\",\"agent\":\"all\",\"text\":\"so it is %s\"}",
               STR_ARG(uuid_str(&arena, A1->conversation)), cards[10].written));
    say(cards[0].written); /* to a person: it goes on to the CRM */
    mail(cards[5].written, cards[11].written);
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    assert_true(ask_number(owner, "select count(*) from events_out where type = "
                                  "'message.received'") > 0);
    run_sql(owner, "checkpoint");
    assert_int_equal(nftw(store_pg.dir, look_into, 16, FTW_PHYS), 0);
    assert_true(found[COUNTOF(cards)] > 0); /* so the looking works */
    assert_int_equal(nftw(service.dir, look_into, 16, FTW_PHYS), 0);
    for (size_t i = 0; i < COUNTOF(cards); i++)
        assert_int_equal(found[i], 0);
}

/* --- words that are programs ----------------------------------------------------------------
 */

/* What a business's systems say goes into pages, names of files and folders, and headers. */
static void web_1_names_that_are_programs_stay_names(void **state)
{
    static const char script[] = "\\\"><script>alert(1)</script><img src=x onerror=alert(2)>'";
    static const char *const never[] = {"<script>alert", "<img src=x", "<b>x", "javascript:"};
    static const char *const tails[] = {"",
                                        "/orders/ZB-2",
                                        "/orders/..%2f..%2f%3cb%3ex",
                                        "/report",
                                        "/orders/%22%3e%3cscript%3ealert(1)%3c/script%3e",
                                        "/report?order=%22%3e%3cscript%3ealert(1)%3c/script%3e",
                                        "/papers/order/..%2f..%2f%3cb%3ex.pdf",
                                        "/documents.zip"};
    const struct neighbour *one = &neighbours[3];

    (void)state;
    crm_as(one, "x-1", "customer.upserted",
           FORMAT("{\"id\":\"zb2\",\"name\":\"%s\",\"company\":\"%s\",\"phones\":"
                  "[\"+15550200004\"]}",
                  script, script));
    crm_as(
        one, "x-2", "order.upserted",
        FORMAT("{\"id\":\"o-x\",\"number\":\"../../<b>x\",\"customer\":\"zb2\",\"status\":"
               "\"processing\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"currency\":\"EUR\","
               "\"total\":10,\"address\":\"%s\",\"items\":[{\"description\":\"%s\",\"qty\":1,"
               "\"unit_price\":10,\"total\":10}]}",
               script, script));
    crm_as(one, "x-3", "photo.added",
           STR("{\"id\":\"p-x\",\"order\":\"o-x\",\"category\":\"progress\",\"url\":"
               "\"https://files.example/x.jpg\",\"caption\":\"<script>alert(1)</script>\"}"));
    for (size_t i = 0; i < COUNTOF(tails); i++) {
        long got = knock(
            &service, &(struct knock){.path = FORMAT("%.*s%s", STR_ARG(one->page), tails[i])});
        if (got != 200 && got != 404)
            fail_msg("%s: %ld", tails[i], got);
        for (size_t n = 0; knock_says("text/html") && n < COUNTOF(never); n++) {
            if (knock_says(never[n])) {
                fail_msg("%s says %s:\n%s\n%s", tails[i], never[n], knock_answer.head.at,
                         knock_answer.body.at);
            }
        }
    }
    assert_memory_equal(knock_answer.body.at, "PK", 2); /* its names: test_zip */
}

/* --- addresses that lead inside -------------------------------------------------------------
 */

static int listen_here(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Files that a CRM names by their addresses are fetched: from the internet, and not from us. */
static void crm_1_no_address_of_our_own_network_is_asked_for_files(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1",       "localhost",   "[::1]",     "0.0.0.0",    "127.1",
        "0x7f.1",          "2130706433",  "0177.0.1",  "[::]",       "[::ffff:127.0.0.1]",
        "127.0.0.1.",      "a@127.0.0.1", "LOCALHOST", "localhost.", "127.0.0.1\\\\@x.example",
        "169.254.169.254", "10.0.0.1"};
    static const char waits[] =
        "select count(*) from documents where handle like '%/ssrf-%' and open and attempts = 0";
    int port, fd = listen_here(&port);

    (void)state;
    for (size_t i = 0; i < COUNTOF(hosts); i++) {
        struct str data =
            FORMAT("{\"id\":\"s-%zu\",\"customer\":\"zb2\",\"name\":\"x\",\"url\":"
                   "\"https://%s:%d/ssrf-%zu\"}",
                   i, hosts[i], port, i);
        struct knock ask = {
            .path = STR("/v1/events"),
            .body = FORMAT("{\"specversion\":\"1.0\",\"source\":\"%s\",\"id\":"
                           "\"s-%zu\",\"type\":\"document.added\",\"version\":1,\"data\":"
                           "%.*s}",
                           neighbours[3].crm, i, STR_ARG(data))};
        knock_line(&ask, "Content-Type: application/cloudevents+json");
        knock_standard(&arena, &service, &ask, NEIGHBOUR_CRM_SECRET, 0);
        long got = knock(&service, &ask);
        if (got != 200 && got != 422)
            fail_msg("%s: %ld", hosts[i], got);
    }
    service_until(&service, owner, waits, 0, 20 * USEC_PER_SEC);
    assert_true(ask_number(owner, "select count(*) from documents where handle like "
                                  "'%/ssrf-%'") > 10);
    assert_int_equal(ask_number(owner, "select count(*) from documents where handle like "
                                       "'%/ssrf-%' and state in ('storing', 'kept')"),
                     0);
    if (accept(fd, NULL, NULL) >= 0)
        fail_msg("somebody came");
    (void)close(fd);
}

/* --- the same again ------------------------------------------------------------------------
 */

static long stripe_says(const char *event)
{
    struct str body = FORMAT(
        "{\"id\":\"%s\",\"object\":\"event\",\"livemode\":false,\"type\":"
        "\"checkout.session.completed\",\"data\":{\"object\":{\"id\":\"cs_zb1\",\"object\":"
        "\"checkout.session\",\"payment_status\":\"paid\",\"status\":\"complete\","
        "\"amount_total\":800,\"currency\":\"eur\",\"payment_intent\":\"pi_new\",\"metadata\":"
        "{\"parley_org\":\"" NEIGHBOUR_ORG "\",\"parley_checkout\":\"%.*s\"}}}}",
        event, STR_ARG(uuid_str(&arena, B1->checkout)));
    struct knock ask = {.path = STR("/api/webhooks/stripe"), .body = body};

    knock_stripe(&arena, &service, &ask, SERVICE_STRIPE_SECRET, 0);
    return knock(&service, &ask);
}

/* A delivery again, as it was, signed anew, and under another event's id. */
static void pay_8_what_is_played_again_is_booked_once(void **state)
{
    static const char *const ids[] = {"evt_1", "evt_1", "evt_2", "evt_1", "evt_3"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(ids); i++)
        assert_int_equal(stripe_says(ids[i]), 200);
    assert_int_equal(ask_number(owner, "select count(*) from ledger where kind = 'payment' and "
                                       "cause = 'payment:pi_new'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'payment_received' and org_id = '" NEIGHBOUR_ORG "'"),
                     1);
}

/* --- readers who do not read ---------------------------------------------------------------
 */

/* A request, and not a byte of its answer is taken. */
static int ask_and_wait(struct str path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)service.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    struct str request = FORMAT("GET %.*s HTTP/1.1\r\nHost: x\r\n\r\n", STR_ARG(path));

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request.at, request.len), (long)request.len);
    return fd;
}

/* Twelve who begin to download all of theirs and stop; the others' downloads go on. */
static void web_1_slow_readers_of_archives_keep_nobody_away(void **state)
{
    enum { SIZE = 5 << 20, PHOTOS = 2, READERS = 12 };
    char *bytes = calloc(1, SIZE);
    struct str head = file_png(&arena, 1000, 1000);
    struct str zip = FORMAT("%.*s/documents.zip", STR_ARG(A1->page));
    int slow[READERS];

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, head.at, head.len);
    for (int i = 0; i < PHOTOS; i++) {
        bytes[SIZE - 1] = (char)i;
        api("POST", STR("/v1/orders/ZA-1/photos?category=completed"), "image/png",
            (struct str){bytes, SIZE}, 201);
    }
    free(bytes);
    for (int i = 0; i < READERS; i++) {
        slow[i] = ask_and_wait(zip);
        (void)usleep(30000);
    }
    (void)usleep(200000);
    for (int i = 0; i < 6; i++) { /* by either worker */
        knock_end();
        long got = knock(
            &service, &(struct knock){.path = FORMAT("%.*s/documents.zip", STR_ARG(A2->page))});
        if (got != 200)
            fail_msg("another customer's archive: %ld", got);
        assert_memory_equal(knock_answer.body.at, "PK", 2);
    }
    serves();
    for (int i = 0; i < READERS; i++)
        (void)close(slow[i]);
}

/* --- all of it -----------------------------------------------------------------------------
 */

static int set_up(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    failed = true;
    neighbours_start(&arena, &service, owner);
    failed = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (service.pid != 0 && !failed)
        service_stop(&service);
    service_end(&service);
    knock_end();
    arena_finish(&arena);
    PQfinish(owner);
    store_shut();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iss_4_a_file_is_what_its_bytes_are),
        cmocka_unit_test(iss_4_a_name_is_no_path_and_no_header),
        cmocka_unit_test(iss_4_as_much_as_the_page_tells_comes_in),
        cmocka_unit_test(iss_4_a_form_that_is_none_is_refused),
        cmocka_unit_test(ch_9_no_card_is_kept_from_any_door),
        cmocka_unit_test(web_1_names_that_are_programs_stay_names),
        cmocka_unit_test(crm_1_no_address_of_our_own_network_is_asked_for_files),
        cmocka_unit_test(pay_8_what_is_played_again_is_booked_once),
        cmocka_unit_test(web_1_slow_readers_of_archives_keep_nobody_away),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
