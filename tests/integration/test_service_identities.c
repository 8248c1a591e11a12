/*
 * Every door of the service, tried with every wrong identity: nobody's, a forged one, an old
 * one, one cut short, another app's, another business's, another customer's, one that was taken
 * back, one that may not, and the right one at the wrong place. Each is refused with its
 * status; nothing of anybody else's stands in the answer or in the log, and no row changes.
 *
 * The doors are a table, held against the one in bot/door/routes.c: a route that is not tried
 * here fails this test.
 */
#include "bot/base/crypto.h"
#include "bot/door/api_routes.h"
#include "bot/lane/mail_token.h"
#include "bot/loop/loop.h"
#include "bot/view/link.h"
#include "tests/support/files.h"
#include "tests/support/knock.h"
#include "tests/support/neighbours.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

#define WAIT (60 * USEC_PER_SEC)
#define A1   (&neighbours[0])
#define A2   (&neighbours[1])
#define B1   (&neighbours[2])

static struct arena arena;
static struct service service;
static PGconn *owner;
static bool failed; /* to begin */

#define FORMAT(...) arena_format(&arena, __VA_ARGS__)

static struct str id_of(struct uuid id)
{
    return uuid_str(&arena, id);
}

/* --- what is looked for --------------------------------------------------------------------
 */

static struct {
    const char *first, *second; /* digests of the two businesses */
} books;

static void open_books(void)
{
    books.first = neighbours_digest(&arena, owner, DEMO_ORG);
    books.second = neighbours_digest(&arena, owner, NEIGHBOUR_ORG);
}

static void same_book(const char *org, const char *before, const char *where)
{
    struct str rest = str_from(neighbours_digest(&arena, owner, org));
    struct str was = str_from(before), one, other;

    while (str_split(&rest, ',', &one) && str_split(&was, ',', &other)) {
        if (!str_eq(one, other))
            fail_msg("%s changed %.*s of %s", where, (int)str_find(one, STR("=")), one.at, org);
    }
}

static void same_books(const char *where)
{
    same_book(DEMO_ORG, books.first, where);
    same_book(NEIGHBOUR_ORG, books.second, where);
}

/* Nobody's words but those of who asks (NULL: nobody's at all). */
static void says_nothing_of_others(const char *where, const struct neighbour *asks)
{
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        if (&neighbours[i] != asks && knock_says(neighbours[i].word)) {
            fail_msg("%s tells of %s:\n%s\n%s", where, neighbours[i].id, knock_answer.head.at,
                     knock_answer.body.at);
        }
    }
}

static void expect(const struct knock *ask, long status, const char *where,
                   const struct neighbour *asks)
{
    long got = knock(&service, ask);

    if (got != status) {
        fail_msg("%s %s %.*s: %ld, not %ld\n%s", where, ask->method ? ask->method : "-",
                 STR_ARG(ask->path), got, status,
                 knock_answer.body.at ? knock_answer.body.at : "");
    }
    says_nothing_of_others(where, asks);
}

/* --- doors for who signs -------------------------------------------------------------------
 */

struct door {
    const char *method, *route; /* as bot/door/routes.c has it */
    const char *content_type;
    knock_signer *sign;
    const char *secret, *other; /* `other`: of another app, where there are several */
    bool timed;                 /* a signature grows old */
    long accepted, foreign;     /* the answer to the right one, and to another app's */
};

/* clang-format off */
static const struct door doors[] = {
    {"POST", "/webhooks/whatsapp",      "application/json",                  knock_meta,     SERVICE_APP_SECRET,    NEIGHBOUR_APP_SECRET, false, 200, 200},
    {"POST", "/webhooks/twilio",        "application/x-www-form-urlencoded", knock_twilio,   SERVICE_TWILIO_SECRET, NULL,                 false, 200, 0  },
    {"POST", "/webhooks/twilio/status", "application/x-www-form-urlencoded", knock_twilio,   SERVICE_TWILIO_SECRET, NULL,                 false, 204, 0  },
    {"POST", "/webhooks/resend",        "application/json",                  knock_svix,     RESEND_HOOK_SECRET,    NULL,                 true,  200, 0  },
    {"POST", "/api/webhooks/stripe",    "application/json",                  knock_stripe,   SERVICE_STRIPE_SECRET, NULL,                 true,  200, 0  },
    {"POST", "/v1/events",              "application/cloudevents+json",      knock_standard, SERVICE_CRM_SECRET,    NEIGHBOUR_CRM_SECRET, true,  200, 422},
    {"POST", "/webhooks/mail/",         "message/rfc822",                    knock_bearer,   MAIL_GATEWAY_TOKEN,    NULL,                 false, 200, 0  },
};
/* clang-format on */

/* What each is asked to do: something to the first customer. */
static struct asked {
    struct str path, body;
} asked[COUNTOF(doors)];

static struct str key_of(const struct neighbour *one)
{
    return FORMAT("p1.%.*s.%lld", STR_ARG(id_of(one->conversation)), (long long)one->seq);
}

static struct str event(const struct neighbour *as, const char *id, const char *type,
                        const char *data)
{
    struct str text = FORMAT("{'specversion':'1.0','source':'%s','id':'%s','type':'%s',"
                             "'version':%s,'data':%s}",
                             as->crm, id, type, strstr(type, "upserted") ? "9" : "1", data);

    for (size_t i = 0; i < text.len; i++)
        ((char *)text.at)[i] = (char)(text.at[i] == '\'' ? '"' : text.at[i]);
    return text;
}

static struct str stripe_paid(const char *org, struct uuid checkout, const char *session)
{
    return FORMAT("{\"id\":\"evt_%s\",\"object\":\"event\",\"livemode\":false,\"type\":"
                  "\"checkout.session.completed\",\"data\":{\"object\":{\"id\":\"%s\","
                  "\"object\":\"checkout.session\",\"payment_status\":\"paid\",\"status\":"
                  "\"complete\",\"amount_total\":800,\"currency\":\"eur\",\"payment_intent\":"
                  "\"pi_of_%s\",\"metadata\":{\"parley_org\":\"%s\",\"parley_checkout\":"
                  "\"%.*s\"}}}}",
                  session, session, session, org, STR_ARG(id_of(checkout)));
}

static struct str mail_to(const struct neighbour *from, const char *to)
{
    return FORMAT("From: <%s@mail.example>\r\nTo: %s\r\nSubject: my orders\r\nMessage-ID: "
                  "<%s.%s>\r\n\r\nmy orders\r\n",
                  from->id, to, from->id, to);
}

static void furnish(void)
{
    for (size_t i = 0; i < COUNTOF(doors); i++)
        asked[i].path = str_from(doors[i].route);
    asked[0].body = post_text(&arena, A1->phone, "wamid.wrong", "my orders");
    asked[1].body = post_sms(&arena, FORMAT("+%s", A1->phone).at, "SMwrong", "STOP", "");
    asked[2].path = FORMAT("%s?key=%.*s", doors[2].route, STR_ARG(key_of(A1)));
    asked[2].body = STR("MessageSid=SMw&MessageStatus=failed&ErrorCode=21610&To=%2B15550200001"
                        "&From=%2B15550100101");
    asked[3].body = FORMAT("{\"type\":\"email.complained\",\"created_at\":"
                           "\"2026-11-20T14:13:20.000Z\",\"data\":{\"email_id\":\"e-1\","
                           "\"from\":\"" SERVICE_MAIL "\",\"to\":[\"za1@mail.example\"],"
                           "\"tags\":{\"key\":\"%.*s\"}}}",
                           STR_ARG(key_of(A1)));
    asked[4].body = stripe_paid(DEMO_ORG, A1->checkout, "cs_za1");
    asked[5].body = event(A1, "wrong-1", "customer.upserted", "{'id':'za1','name':'Thief'}");
    asked[6].path = STR("/webhooks/mail/" SERVICE_MAIL);
    asked[6].body = mail_to(A1, SERVICE_MAIL);
}

static struct knock at_door(const struct door *door)
{
    const struct asked *what = &asked[door - doors];
    struct knock ask = {.method = door->method, .path = what->path, .body = what->body};

    knock_line(&ask, FORMAT("Content-Type: %s", door->content_type).at);
    return ask;
}

static void sign_as(const struct door *door, struct knock *ask, const char *secret, long shift)
{
    door->sign(&arena, &service, ask, secret, shift);
}

/* The last line a letter shorter, and a letter longer. */
static void cut(struct knock *ask)
{
    struct str line = str_from(ask->lines[ask->n - 1]);

    ask->lines[ask->n - 1] = arena_cstr(&arena, str_slice(line, 0, line.len - 1));
}

static void lengthen(struct knock *ask)
{
    ask->lines[ask->n - 1] = FORMAT("%sA", ask->lines[ask->n - 1]).at;
}

static void flip(struct knock *ask)
{
    struct str line = arena_str(&arena, str_from(ask->lines[ask->n - 1]));

    ((char *)line.at)[line.len - 6] ^= 1;
    ask->lines[ask->n - 1] = arena_cstr(&arena, line);
}

static void try_without(const struct door *door)
{
    struct knock ask = at_door(door), full;
    size_t plain = ask.n;

    expect(&ask, 401, "nobody", NULL);
    full = ask;
    sign_as(door, &full, door->secret, 0);
    for (size_t i = plain; i < full.n; i++) { /* one of the lines left out, or empty */
        struct knock less = full;
        size_t colon = str_find(str_from(full.lines[i]), STR(":"));
        less.lines[i] = FORMAT("%.*s;", (int)colon, full.lines[i]).at;
        expect(&less, 401, "an empty line", NULL);
        less.lines[i] = full.lines[--less.n];
        expect(&less, 401, "a line left out", NULL);
    }
}

static void try_wrong(const struct door *door)
{
    static const char *const secrets[] = {"", "whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtMzI=", "null"};
    static void (*const mangled[])(struct knock *) = {cut, lengthen, flip};
    struct knock ask;

    for (size_t i = 0; i < COUNTOF(secrets); i++) {
        ask = at_door(door);
        sign_as(door, &ask, secrets[i], 0);
        expect(&ask, 401, "a forged one", NULL);
    }
    for (size_t i = 0; i < COUNTOF(mangled); i++) {
        ask = at_door(door);
        sign_as(door, &ask, door->secret, 0);
        mangled[i](&ask);
        expect(&ask, 401, "a mangled one", NULL);
    }
}

static void try_old(const struct door *door)
{
    static const long shifts[] = {-302, 302, -86400, 400000000};

    for (size_t i = 0; door->timed && i < COUNTOF(shifts); i++) {
        struct knock ask = at_door(door);
        sign_as(door, &ask, door->secret, shifts[i]);
        expect(&ask, 401, "an old one", NULL);
    }
}

/* Another's secret, and the right lines of another door, of another body, of another path. */
static void try_others(const struct door *door)
{
    struct knock ask;

    for (size_t i = 0; i < COUNTOF(doors); i++) {
        if (doors[i].secret == door->secret)
            continue;
        ask = at_door(door);
        sign_as(door, &ask, doors[i].secret, 0);
        expect(&ask, 401, "another door's secret", NULL);
        ask = at_door(door);
        doors[i].sign(&arena, &service, &ask, doors[i].secret, 0);
        expect(&ask, 401, "another door's lines", NULL);
    }
    if (door->sign == knock_bearer)
        return; /* it signs neither */
    ask = at_door(door);
    sign_as(door, &ask, door->secret, 0);
    ask.body = FORMAT("%.*s ", STR_ARG(ask.body));
    expect(&ask, 401, "another body's", NULL);
    if (door->sign == knock_twilio) {
        ask = at_door(door);
        sign_as(door, &ask, door->secret, 0);
        ask.path = FORMAT("%s?key=%.*s", door->route, STR_ARG(key_of(A2)));
        expect(&ask, 401, "another path's", NULL);
    }
    if (door->other != NULL) {
        ask = at_door(door);
        sign_as(door, &ask, door->other, 0);
        expect(&ask, door->foreign, "another app's", NULL);
    }
}

static void walk_signed(const char *route)
{
    for (size_t i = 0; i < COUNTOF(doors); i++) {
        if (strcmp(doors[i].route, route) != 0)
            continue;
        try_without(&doors[i]);
        try_wrong(&doors[i]);
        try_old(&doors[i]);
        try_others(&doors[i]);
    }
}

/* The two that ask whether we are there: they tell nothing, and believe nobody. */
static void walk_challenge(const char *route)
{
    static const char *const queries[] = {
        "", "?hub.mode=subscribe&hub.verify_token=&hub.challenge=77",
        "?hub.mode=subscribe&hub.verify_token=a%20wor&hub.challenge=77",
        "?hub.mode=unsubscribe&hub.verify_token=a%20word&hub.challenge=77"};

    for (size_t i = 0; i < COUNTOF(queries); i++) {
        expect(&(struct knock){.path = FORMAT("%s%s", route, queries[i])}, 403, "a challenge",
               NULL);
        assert_false(knock_says("77"));
    }
}

static void walk_handshake(const char *route)
{
    struct knock ask = {.method = "OPTIONS", .path = str_from(route)};

    knock_line(&ask, "WebHook-Request-Origin: evil.example");
    expect(&ask, 200, "a handshake", NULL);
}

/* --- doors that are open to everybody ------------------------------------------------------
 */

static void walk_open(const char *route)
{
    expect(&(struct knock){.path = str_from(route)}, 200, "anybody", NULL);
    expect(&(struct knock){.path = FORMAT("%s?lang=%%22&org=" DEMO_ORG "&customer=za1", route)},
           200, "anybody", NULL);
    expect(&(struct knock){.method = "DELETE", .path = str_from(route)}, 405, "anybody", NULL);
}

/* --- links ---------------------------------------------------------------------------------
 */

/* The path with a letter of its token exchanged, cut, with more behind it. */
static void try_mangled(struct str path, long status)
{
    struct str bad[] = {arena_str(&arena, path),
                        arena_str(&arena, path),
                        str_slice(path, 0, path.len - 1),
                        str_slice(path, 0, path.len / 2),
                        FORMAT("%.*sA", STR_ARG(path)),
                        FORMAT("%.*s%%25", STR_ARG(path)),
                        FORMAT("%.*sAAAA", STR_ARG(str_slice(path, 0, 14)))};

    ((char *)bad[0].at)[path.len - 2] ^= 1;
    ((char *)bad[1].at)[path.len / 2] ^= 1;
    for (size_t i = 0; i < COUNTOF(bad); i++)
        expect(&(struct knock){.path = bad[i]}, status, "a mangled link", NULL);
}

/* A token of every other kind. */
static void try_other_kinds(const char *route, long status, long portal)
{
    struct str tokens[] = {A1->tap, A1->unsubscribe, A1->file, A1->page};

    for (size_t i = 0; i < COUNTOF(tokens); i++) {
        size_t slash = strcspn(tokens[i].at + 1, "/") + 2;
        if (!str_starts(tokens[i], str_from(route))) {
            struct str path =
                FORMAT("%s%.*s", route, STR_ARG(str_slice(tokens[i], slash, tokens[i].len)));
            expect(&(struct knock){.path = path}, i == 3 ? portal : status, "another kind's",
                   NULL);
        }
    }
}

static struct str link_path(enum link_kind kind, struct uuid org, struct uuid conversation,
                            int64_t seq)
{
    struct link link = {.org = org, .conversation = conversation, .seq = seq};
    struct str url = link_make(&arena, &neighbours_config, kind, &link);

    return str_slice(url, neighbours_config.public_url.len, url.len);
}

/* Signed as ours are, but for what is not there: another business's conversation, a message
 * that a person wrote, one that is none. (Who wants to hear nothing more need not know which.)
 */
static void walk_mail_link(const char *route)
{
    enum link_kind kind = strcmp(route, "/t/") == 0 ? LINK_TAP : LINK_UNSUBSCRIBE;
    struct str wrong[] = {link_path(kind, B1->org, A1->conversation, A1->seq),
                          link_path(kind, A1->org, B1->conversation, B1->seq),
                          link_path(kind, A1->org, A1->conversation, 1),
                          link_path(kind, A1->org, A1->conversation, 9999)};
    size_t n = kind == LINK_TAP ? COUNTOF(wrong) : 2;

    try_mangled(kind == LINK_TAP ? A1->tap : A1->unsubscribe, 404);
    try_other_kinds(route, 404, 404);
    for (size_t i = 0; i < n; i++) {
        expect(&(struct knock){.path = wrong[i]}, 410, "a link to what is not there", NULL);
        expect(&(struct knock){.path = wrong[i], .body = STR("once=0123456789abcdef")}, 410,
               "a link to what is not there", NULL);
    }
    expect(&(struct knock){.path = kind == LINK_TAP ? A1->tap : A1->unsubscribe}, 200, "a look",
           A1);
}

static void walk_short(const char *route)
{
    struct str code = A1->code, other = arena_str(&arena, code);

    memcpy((char *)other.at, B1->code.at, 2); /* the other business's mark */
    expect(&(struct knock){.path = FORMAT("%s%.*s", route, STR_ARG(other))}, 404,
           "another business's code", NULL);
    try_mangled(FORMAT("%s%.*s", route, STR_ARG(code)), 404);
    try_other_kinds(route, 404, 404);
    expect(&(struct knock){.path = str_from(route)}, 404, "no code", NULL);
    run_sql(owner, "update short_links set made_at = made_at - interval '91 days'");
    expect(&(struct knock){.path = FORMAT("%s%.*s", route, STR_ARG(code))}, 404, "an old one",
           NULL);
    run_sql(owner, "update short_links set made_at = made_at + interval '91 days'");
    expect(&(struct knock){.path = FORMAT("%s%.*s", route, STR_ARG(code))}, 302,
           "the right one", A1);
    assert_true(knock_says(A1->word)); /* so the looking works */
}

static void walk_file(const char *route)
{
    const struct uuid nobody = {{0}};
    usec_t now = clock_now(), end = link_file_end(now, now);
    const struct {
        struct uuid org, customer;
        usec_t end;
    } wrong[] = {
        {A1->org, A2->customer, end               }, /* another customer's right to it */
        {A1->org, B1->customer, end               },
        {B1->org, B1->customer, end               },
        {B1->org, A1->customer, end               },
        {A1->org, nobody,       end               },
        {A1->org, A1->customer, now - USEC_PER_DAY},
    };
    struct knock head = {.method = "HEAD", .path = A1->file};

    try_mangled(A1->file, 404);
    try_other_kinds(route, 404, 404);
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct str path =
            neighbours_file(&arena, A1, wrong[i].org, wrong[i].customer, wrong[i].end);
        expect(&(struct knock){.path = path}, 410, "another's file", NULL);
        expect(&(struct knock){.method = "HEAD", .path = path}, 410, "another's file", NULL);
    }
    expect(&head, 200, "one's own file", A1);
    assert_true(knock_says(A1->word)); /* in its name */
}

/* --- customers' own pages ------------------------------------------------------------------
 */

/* Of that customer, all that has an address. */
static size_t tails_of(const struct neighbour *one, struct str tails[8])
{
    size_t n = 0;

    tails[n++] = FORMAT("/orders/%s", one->order);
    tails[n++] = FORMAT("/papers/order/%s.pdf", one->order);
    tails[n++] = FORMAT("/papers/invoice/%s.pdf", one->invoice);
    tails[n++] = FORMAT("/papers/receipt/%.*s.pdf", STR_ARG(id_of(one->payment)));
    return n;
}

static void nobody_s_page(struct str page, const char *where)
{
    static const char *const all[] = {"", "/documents.zip", "/report", "/nothing"};
    struct str tails[8];
    size_t n = tails_of(A1, tails);

    for (size_t i = 0; i < COUNTOF(all); i++) {
        expect(&(struct knock){.path = FORMAT("%.*s%s", STR_ARG(page), all[i])}, 404, where,
               NULL);
    }
    for (size_t i = 0; i < n; i++)
        expect(&(struct knock){.path = arena_concat(&arena, page, tails[i])}, 404, where, NULL);
    expect(&(struct knock){.path = FORMAT("%.*s/report", STR_ARG(page)), .body = STR("x=1")},
           404, where, NULL);
}

/* A good link, somebody else's things. */
static void try_anothers_things(const struct neighbour *asks, const struct neighbour *whose)
{
    struct str tails[8];
    size_t n = tails_of(whose, tails);

    for (size_t i = 0; i < n; i++) {
        expect(&(struct knock){.path = arena_concat(&arena, asks->page, tails[i])}, 404,
               "another customer", asks);
        expect(&(struct knock){.method = "HEAD",
                               .path = arena_concat(&arena, asks->page, tails[i])},
               404, "another customer", asks);
    }
}

/* What makes a link good for nothing, and what takes it back again. */
/* clang-format off */
#define LINKS " where customer_id = current_setting('t.customer')::uuid"
#define PLACE " where contact_id = current_setting('t.contact')::uuid"
static const struct {
    const char *name, *how, *back;
} ends[] = {
    {"an expired link",
     "update portal_links set expires_at = now() - interval '1 s'" LINKS,
     "update portal_links set expires_at = last_used_at + interval '90 days'" LINKS},
    {"a revoked link",
     "update portal_links set revoked_at = now()" LINKS,
     "update portal_links set revoked_at = null" LINKS},
    {"a customer without pages",
     "update customers set portal_access = false" LINKS,
     "update customers set portal_access = true" LINKS},
    {"a number that is nobody's any more",
     "update contact_points set customer_id = null" PLACE,
     "update contact_points set customer_id = current_setting('t.customer')::uuid" PLACE},
    {"a number that is somebody else's by now",
     "update contact_points set customer_id = current_setting('t.other')::uuid" PLACE,
     "update contact_points set customer_id = current_setting('t.customer')::uuid" PLACE},
};
/* clang-format on */

static void try_ended(void)
{
    run_sql(owner, FORMAT("select set_config('t.customer', '%.*s', false), "
                          "set_config('t.contact', '%.*s', false), "
                          "set_config('t.other', '%.*s', false)",
                          STR_ARG(id_of(A1->customer)), STR_ARG(id_of(A1->contact)),
                          STR_ARG(id_of(A2->customer)))
                       .at);
    for (size_t i = 0; i < COUNTOF(ends); i++) {
        run_sql(owner, ends[i].how);
        nobody_s_page(A1->page, ends[i].name);
        run_sql(owner, ends[i].back);
    }
}

/* Who may sees it, as often as they like; the first look leaves marks. */
static void look_at_own(const struct neighbour *one)
{
    struct str tails[8];
    size_t n = tails_of(one, tails);

    for (size_t i = 0; i < n; i++) {
        expect(&(struct knock){.path = arena_concat(&arena, one->page, tails[i])}, 200,
               "one's own", one);
    }
    expect(&(struct knock){.path = one->page}, 200, "one's own", one);
    assert_true(knock_says(one->word));
}

/* One's page with what another's token begins with: the business, or half of the secret where
 * both are the same business's. */
static struct str crossed(const struct neighbour *one, const struct neighbour *other)
{
    size_t before = strlen("/customer/"), n;
    size_t taken = strcmp(one->business, other->business) == 0 ? 32 : sizeof(struct uuid);
    uint8_t bytes[48], others[48];
    char text[65];

    assert_int_equal(sodium_base642bin(bytes, sizeof bytes, one->page.at + before, 64, NULL, &n,
                                       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    assert_int_equal(sodium_base642bin(others, sizeof others, other->page.at + before, 64, NULL,
                                       &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    memcpy(bytes, others, taken);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return FORMAT("/customer/%s", text);
}

static void walk_pages(const char *route)
{
    (void)route;
    look_at_own(A1);
    look_at_own(B1);
    open_books();
    try_mangled(A1->page, 404);
    try_other_kinds("/customer/", 404, 404);
    nobody_s_page(crossed(A1, B1), "another business's id, and one's own secret");
    nobody_s_page(crossed(A1, A2), "half of another's secret");
    nobody_s_page(STR("/customer/-"), "no token");
    try_anothers_things(A1, A2);
    try_anothers_things(A1, B1);
    try_anothers_things(B1, A1);
    try_anothers_things(B1, &neighbours[3]);
    try_ended();
    expect(&(struct knock){.path = A1->page}, 200, "one's own", A1);
}

/* The same for programs. */
static void walk_programs(const char *route)
{
    const struct neighbour *const pairs[][2] = {
        {A1, A2},
        {A1, B1},
        {B1, A1}
    };
    struct str base = STR("/api/portal"), tails[5];

    for (size_t i = 0; i < COUNTOF(pairs); i++) {
        const struct neighbour *asks = pairs[i][0], *whose = pairs[i][1];
        tails[0] = FORMAT("/orders/%s", whose->order);
        tails[1] = FORMAT("/orders/%s/tracking", whose->order);
        tails[2] = FORMAT("/orders/%s/documents/order:%s", whose->order, whose->order);
        tails[3] = FORMAT("/orders/%s/documents/invoice:%s", whose->order, whose->invoice);
        tails[4] = FORMAT("/orders/%s/documents/receipt:%.*s", whose->order,
                          STR_ARG(id_of(whose->payment)));
        for (size_t j = 0; j < COUNTOF(tails); j++) {
            expect(&(struct knock){.path = arena_concat(&arena, base, asks->page, tails[j])},
                   404, "another customer", asks);
        }
    }
    expect(&(struct knock){.path = FORMAT("%s-/orders", route)}, 404, "no token", NULL);
    expect(&(struct knock){.path = arena_concat(&arena, base, crossed(A1, B1), STR("/orders"))},
           404, "another business's id", NULL);
    expect(&(struct knock){.path = arena_concat(&arena, base, A1->page, STR("/orders"))}, 200,
           "one's own", A1);
}

/* --- the API -------------------------------------------------------------------------------
 */

static struct str api_path(const struct api_route *route, const struct neighbour *whose)
{
    struct str rest = str_from(route->path), part, path = STR("");

    while (str_split(&rest, '/', &part)) {
        if (part.len == 0)
            continue;
        if (str_eq(part, STR("{order}"))) {
            part = str_from(whose->order);
        } else if (str_eq(part, STR("{customer}"))) {
            part = str_from(whose->id);
        } else if (str_eq(part, STR("{photo}"))) {
            part = id_of(whose->photo);
        } else if (str_eq(part, STR("{handoff}"))) {
            part = id_of(whose->handoff);
        }
        path = FORMAT("%.*s/%.*s", STR_ARG(path), STR_ARG(part));
    }
    if (strcmp(route->what, "orders") == 0)
        return FORMAT("%.*s?phone=%%2B%s", STR_ARG(path), whose->phone);
    return route->body == API_FILE ? FORMAT("%.*s?category=progress", STR_ARG(path)) : path;
}

static struct str example(const struct shape *shape);

static struct str example_value(const struct shape *shape, const char *name)
{
    struct str choices = shape->choices ? str_from(shape->choices) : STR_NONE, first;

    switch (shape->kind) {
    case SHAPE_RECORD:
        return example(shape->of);
    case SHAPE_LIST:
        return FORMAT("[%.*s]", STR_ARG(example_value(shape->of, "")));
    case SHAPE_CHOICE:
        assert_true(str_split(&choices, ',', &first));
        return FORMAT("\"%.*s\"", STR_ARG(first));
    case SHAPE_WHOLE:
    case SHAPE_VERSION:
    case SHAPE_QUANTITY:
    case SHAPE_MONEY:
        return STR("1");
    case SHAPE_YES_NO:
        return STR("true");
    case SHAPE_TEXT:
    case SHAPE_NAME:
        return FORMAT("\"%s\"", strcmp(name, "order") == 0 ? A1->order : "words");
    default:
        fail_msg("there is no example of %s", name);
    }
    return STR_NONE;
}

/* What has to be there, so that new routes are asked rightly without a word here. */
static struct str example(const struct shape *shape)
{
    struct str all = STR("");

    for (; shape->name != NULL; shape++) {
        if (shape->required) {
            all = FORMAT("%.*s%s\"%s\":%.*s", STR_ARG(all), all.len > 0 ? "," : "", shape->name,
                         STR_ARG(example_value(shape, shape->name)));
        }
    }
    return FORMAT("{%.*s}", STR_ARG(all));
}

static struct str api_body(const struct api_route *route)
{
    if (route->body == API_FILE)
        return arena_str(&arena, file_png(&arena, 8, 8));
    if (strcmp(route->what, "order.change") == 0)
        return STR("{\"progress\":77,\"note\":\"x\"}"); /* any of its members will do */
    return route->body == API_JSON ? example(route->shape) : STR_NONE;
}

static struct knock api_ask(const struct api_route *route, const struct neighbour *whose,
                            const char *line)
{
    struct knock ask = {
        .method = route->method, .path = api_path(route, whose), .body = api_body(route)};

    knock_line(&ask, "Content-Type: application/json");
    if (line != NULL)
        knock_line(&ask, line);
    return ask;
}

static const char *bearer(size_t business, const char *which)
{
    return FORMAT("Authorization: Bearer %s", neighbours_key(&arena, business, which)).at;
}

static void try_keys(const struct api_route *route)
{
    const char *right = neighbours_key(&arena, 0, "all");
    const char *wrong[] = {
        NULL,
        "Authorization;",
        "Authorization: Bearer",
        "Authorization: Basic dXNlcjpwdw==",
        "Authorization: Bearer " MAIL_GATEWAY_TOKEN,
        FORMAT("Authorization: Bearer %.63s", right).at,
        FORMAT("Authorization: Bearer %s0", right).at,
        FORMAT("Authorization: Bearer %.16s%.48s", right, neighbours_key(&arena, 1, "all") + 16)
            .at, /* this one's name, that one's secret */
        bearer(0, "old"),
        FORMAT("X-Api-Key: %s", right).at,
        FORMAT("Cookie: key=%s", right).at,
    };

    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct knock ask = api_ask(route, A1, wrong[i]);
        expect(&ask, 401, "a wrong key", NULL);
    }
    struct knock ask = api_ask(route, A1, NULL); /* not in the address, where logs have it */
    ask.path = FORMAT("%.*s%skey=%s&access_token=%s", STR_ARG(ask.path),
                      memchr(ask.path.at, '?', ask.path.len) ? "&" : "?", right, right);
    expect(&ask, 401, "a key in the address", NULL);
    ask = api_ask(route, A1, bearer(0, "one"));
    if (strcmp(route->scope, "customers:read") != 0)
        expect(&ask, 403, "a key that may not", NULL);
}

/* The other business's key: what is named is not there, and lists have nothing of it. */
static void try_other_business(const struct api_route *route)
{
    bool lists = route->query != NULL && strcmp(route->method, "GET") == 0;
    struct knock ask = api_ask(route, A1, bearer(1, "all"));
    long got = knock(&service, &ask);

    if (got != (lists ? 200 : 404))
        fail_msg("%s %s as another business: %ld", route->method, route->path, got);
    for (size_t i = 0; i < 2; i++)
        assert_false(knock_says(neighbours[i].word));
    assert_false(knock_says(A1->order));
}

static const struct api_route *api_route_that(const char *does)
{
    const struct api_route *route = api_routes;

    while (route->method != NULL && strcmp(route->what, does) != 0)
        route++;
    assert_non_null(route->method);
    return route;
}

static void walk_api(const char *route)
{
    (void)route;
    for (const struct api_route *one = api_routes; one->method != NULL; one++) {
        try_keys(one);
        try_other_business(one);
        same_books(one->path);
    }
    /* One customer's photo below another's order. */
    struct knock ask = api_ask(api_route_that("photo.remove"), A1, bearer(0, "all"));
    ask.path = FORMAT("/v1/orders/%s/photos/%.*s", A2->order, STR_ARG(id_of(A1->photo)));
    expect(&ask, 404, "another order's photo", NULL);
    expect(&(struct knock){.path = STR("/v1/nothing")}, 404, "nothing", NULL);
    expect(&(struct knock){.path = STR("/v1/openapi.json")}, 200, "the description", NULL);
}

/* --- the table -----------------------------------------------------------------------------
 */

static const struct walk {
    const char *method, *route; /* method NULL: any */
    void (*walk)(const char *route);
} walks[] = {
    {"POST",    "/webhooks/whatsapp",      walk_signed   },
    {"GET",     "/webhooks/whatsapp",      walk_challenge},
    {"POST",    "/webhooks/twilio",        walk_signed   },
    {"POST",    "/webhooks/twilio/status", walk_signed   },
    {"POST",    "/webhooks/resend",        walk_signed   },
    {"POST",    "/api/webhooks/stripe",    walk_signed   },
    {"GET",     "/pay/done",               walk_open     },
    {"GET",     "/pay/back",               walk_open     },
    {"POST",    "/v1/events",              walk_signed   },
    {"OPTIONS", "/v1/events",              walk_handshake},
    {"GET",     "/healthz",                walk_open     },
    {"GET",     "/readyz",                 walk_open     },
    {"GET",     "/metrics",                walk_open     },
    {NULL,      "/t/",                     walk_mail_link},
    {NULL,      "/u/",                     walk_mail_link},
    {NULL,      "/s/",                     walk_short    },
    {NULL,      "/f/",                     walk_file     },
    {NULL,      "/customer/",              walk_pages    },
    {NULL,      "/api/portal/customer/",   walk_programs },
    {NULL,      "/webhooks/mail/",         walk_signed   },
    {NULL,      "/v1/",                    walk_api      },
};

static bool is_walked(const char *method, const char *route)
{
    for (size_t i = 0; i < COUNTOF(walks); i++) {
        if (strcmp(walks[i].route, route) == 0 &&
            (method == NULL || walks[i].method == NULL || strcmp(walks[i].method, method) == 0))
            return true;
    }
    return false;
}

/* The tables of bot/door/routes.c, as they are written: {"POST", "/path", ..}, {"/before/",
 * ..}, and STR("/v1/"). */
static void no_route_is_left_out(void **state)
{
    static char text[1 << 16];
    FILE *file = fopen(PARLEY_SOURCE_DIR "/bot/door/routes.c", "re");
    size_t n = 0;

    (void)state;
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_true(feof(file));
    (void)fclose(file);
    for (const char *at = text; (at = strstr(at, "\"/")) != NULL; n++) {
        size_t len = strcspn(at + 1, "\"");
        const char *route = FORMAT("%.*s", (int)len, at + 1).at, *before = at;
        char method[16] = "";
        while (before > text && before[-1] != '\n' && before[-1] != '{')
            before--;
        if (*before == '"' && sscanf(before, "\"%15[A-Z]\"", method) != 1)
            method[0] = '\0';
        if (!is_walked(method[0] != '\0' ? method : NULL, route))
            fail_msg("bot/door/routes.c has %s %s, which nobody tries here", method, route);
        at += len + 2;
    }
    assert_int_equal(n, COUNTOF(walks));
}

static void crm_1_web_1_every_route_refuses_every_wrong_identity(void **state)
{
    (void)state;
    open_books();
    for (size_t i = 0; i < COUNTOF(walks); i++) {
        walks[i].walk(walks[i].route);
        same_books(walks[i].route);
    }
}

/* --- rightly signed, but about somebody else -----------------------------------------------
 */

/* The second business's CRM, of the first one's ids, one event after the other. */
static void crm_1_an_event_reaches_its_own_business_only(void **state)
{
    /* clang-format off */
    const struct {
        const char *type, *data;
    } events[] = {
        {"customer.upserted", "{'id':'za1','name':'Thief','phones':['+15550200001']}"},
        {"order.upserted",
         "{'id':'o-za1','number':'ZA-1','customer':'za2','status':'cancelled','placed_at':"
         "'2026-01-02T03:04:05Z','currency':'EUR','total':1}"},
        {"shipment.upserted", "{'id':'s-za1','order':'o-za1','carrier':'ups',"
                              "'tracking_number':'1Z999AA10123456784','status':'delivered'}"},
        {"tracking.added",
         "{'shipment':'s-za1','status':'delivered','at':'2026-01-05T03:04:05Z'}"},
        {"invoice.upserted",
         "{'id':'i-za1','number':'INV-ZA-1','customer':'za2','issued_on':'2026-01-02',"
         "'currency':'EUR','total':0,'voided':true}"},
        {"document.added",
         "{'id':'d-za1','customer':'za2','name':'x','url':'https://evil.example/x.pdf'}"},
        {"photo.added", "{'id':'p-za1','order':'o-za1','category':'damage','url':"
                        "'https://evil.example/x.jpg'}"},
        {"cancellation.decided", "{'order':'o-za1','decision':'approve'}"},
        {"ticket.answered", "{'ticket':'T-BCDF-GHJ1','text':'no','close':true}"},
        {"ticket.updated", "{'ticket':'T-BCDF-GHJ1','status':'closed'}"},
        {"agent.message", FORMAT("{'conversation':'%.*s','text':'send me your code'}",
                                 STR_ARG(id_of(A1->conversation)))
                              .at},
        {"handoff.released",
         FORMAT("{'conversation':'%.*s'}", STR_ARG(id_of(A1->conversation))).at},
    };
    /* clang-format on */

    (void)state;
    open_books();
    for (size_t i = 0; i < COUNTOF(events); i++) {
        struct knock ask = {
            .path = STR("/v1/events"),
            .body = event(B1, FORMAT("theirs-%zu", i).at, events[i].type, events[i].data)};
        knock_line(&ask, "Content-Type: application/cloudevents+json");
        knock_standard(&arena, &service, &ask, NEIGHBOUR_CRM_SECRET, 0);
        long status = knock(&service, &ask);
        if (status != 200 && status != 422)
            fail_msg("%s: %ld", events[i].type, status);
        says_nothing_of_others(events[i].type, NULL);
        same_book(DEMO_ORG, books.first, events[i].type);
    }
    /* its own secret, the other one's source */
    struct knock ask = {.path = STR("/v1/events"),
                        .body = event(A1, "theirs", "order.upserted", events[1].data)};
    knock_line(&ask, "Content-Type: application/cloudevents+json");
    knock_standard(&arena, &service, &ask, NEIGHBOUR_CRM_SECRET, 0);
    expect(&ask, 422, "another's source", NULL);
    same_book(DEMO_ORG, books.first, "another's source");
}

static void post_signed(size_t door, struct str path, struct str body, const char *secret,
                        long status, const char *what)
{
    struct knock ask = at_door(&doors[door]);

    ask.path = path.len > 0 ? path : ask.path;
    ask.body = body;
    sign_as(&doors[door], &ask, secret, 0);
    expect(&ask, status, what, NULL);
    same_book(DEMO_ORG, books.first, what);
}

static void pay_8_an_event_of_stripes_is_of_the_business_that_it_was_made_for(void **state)
{
    static const char refund[] =
        "{\"id\":\"evt_r\",\"object\":\"event\",\"livemode\":false,\"type\":"
        "\"charge.refunded\",\"data\":{\"object\":{\"id\":\"ch_1\",\"object\":\"charge\","
        "\"payment_intent\":\"pi_nobodys\",\"amount_refunded\":200,\"currency\":\"eur\","
        "\"metadata\":{\"parley_org\":\"" DEMO_ORG "\"}}}}";

    (void)state;
    open_books();
    post_signed(4, STR_NONE, stripe_paid(NEIGHBOUR_ORG, A1->checkout, "cs_za1"),
                SERVICE_STRIPE_SECRET, 200, "one's link as the other's");
    post_signed(4, STR_NONE, stripe_paid(DEMO_ORG, B1->checkout, "cs_zb1"),
                SERVICE_STRIPE_SECRET, 200, "the other's link as one's own");
    post_signed(4, STR_NONE, stripe_paid(DEMO_ORG, A1->checkout, "cs_za2"),
                SERVICE_STRIPE_SECRET, 200, "another session's");
    post_signed(4, STR_NONE, stripe_paid("nobody", A1->checkout, "cs_za1"),
                SERVICE_STRIPE_SECRET, 200, "nobody's");
    post_signed(4, STR_NONE, str_from(refund), SERVICE_STRIPE_SECRET, 200,
                "a payment of nobody");
    same_books("what Stripe said");
}

/* That a message of theirs was read, by Meta's own id of it and at the other's number. */
static struct str status_by_id(const struct neighbour *whose)
{
    PGresult *rows =
        PQexec(owner, FORMAT("select provider_id from messages where "
                             "provider_id is not null and conversation_id = '%.*s' "
                             "order by seq desc limit 1",
                             STR_ARG(id_of(whose->conversation)))
                          .at);

    assert_int_equal(PQntuples(rows), 1);
    struct str body = FORMAT(
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" NEIGHBOUR_BUSINESS
        "\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\","
        "\"metadata\":{\"display_phone_number\":\"15550783999\",\"phone_number_id\":"
        "\"" NEIGHBOUR_NUMBER "\"},\"statuses\":[{\"id\":\"%s\",\"status\":\"read\","
        "\"timestamp\":\"1795168800\",\"recipient_id\":\"%s\"}]}}]}]}",
        PQgetvalue(rows, 0, 0), whose->phone);
    PQclear(rows);
    return body;
}

/* A status names a message by our key or by the provider's id; it comes to a number of ours. */
static void ch_4_a_status_reaches_its_own_businesss_messages_only(void **state)
{
    struct str key = key_of(A1);
    struct str status = FORMAT(
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" NEIGHBOUR_BUSINESS
        "\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\","
        "\"metadata\":{\"display_phone_number\":\"15550783999\",\"phone_number_id\":"
        "\"" NEIGHBOUR_NUMBER "\"},\"statuses\":[{\"id\":\"wamid.x\",\"status\":\"read\","
        "\"timestamp\":\"1795168800\",\"recipient_id\":\"%s\",\"biz_opaque_callback_data\":"
        "\"%.*s\"}]}}]}]}",
        A1->phone, STR_ARG(key));
    struct str sms = STR("MessageSid=SMy&MessageStatus=failed&ErrorCode=21610&To="
                         "%2B15550200001&From=%2B15550100202");

    (void)state;
    open_books();
    post_signed(0, STR_NONE, status, NEIGHBOUR_APP_SECRET, 200, "Meta's status");
    post_signed(0, STR_NONE, status_by_id(A1), NEIGHBOUR_APP_SECRET, 200, "Meta's, by its id");
    post_signed(2, FORMAT("/webhooks/twilio/status?key=%.*s", STR_ARG(key)), sms,
                SERVICE_TWILIO_SECRET, 204, "Twilio's status");
    post_signed(
        3, STR_NONE,
        FORMAT("{\"type\":\"email.complained\",\"created_at\":\"2026-11-20T14:13:20.000Z\","
               "\"data\":{\"email_id\":\"e-2\",\"from\":\"Rook <" NEIGHBOUR_MAIL
               ">\",\"to\":[\"za1@mail.example\"],\"tags\":{\"key\":\"%.*s\"}}}",
               STR_ARG(key)),
        RESEND_HOOK_SECRET, 200, "Resend's status");
    /* a message to one number, signed by the other's app */
    post_signed(0, STR_NONE, asked[0].body, NEIGHBOUR_APP_SECRET, 200, "another app's message");
    post_signed(6, STR("/webhooks/mail/" NEIGHBOUR_MAIL), mail_to(A1, NEIGHBOUR_MAIL),
                MAIL_GATEWAY_TOKEN, 200, "a mail to the other");
    /* what our last mail is answered to, at another business's address */
    const char *to = FORMAT("help+%.*s@in.rook.example",
                            STR_ARG(mail_token(&arena, &neighbours_config, A1->conversation)))
                         .at;
    post_signed(6, FORMAT("/webhooks/mail/%s", to), mail_to(A2, to), MAIL_GATEWAY_TOKEN, 200,
                "a mail with another's token");
}

/* --- afterwards ----------------------------------------------------------------------------
 */

static void nothing_of_anybody_is_logged(void **state)
{
    const char *marks[] = {SERVICE_APP_SECRET,
                           NEIGHBOUR_APP_SECRET,
                           SERVICE_TWILIO_SECRET,
                           MAIL_GATEWAY_TOKEN,
                           "whsec_",
                           "pk_",
                           neighbours_key(&arena, 0, "all") + 16,
                           neighbours_key(&arena, 1, "all") + 16,
                           "Thief"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(marks); i++) {
        if (service_logged(&service, marks[i]) > 0)
            fail_msg("'%s' stands in the log", marks[i]);
    }
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        const struct neighbour *one = &neighbours[i];
        struct str tokens[] = {one->page, one->tap, one->unsubscribe, one->file, one->code};
        assert_int_equal(service_logged(&service, one->word), 0);
        assert_int_equal(service_logged(&service, one->phone), 0);
        for (size_t t = 0; t < COUNTOF(tokens); t++) {
            struct str end = str_slice(tokens[t], tokens[t].len - 9, 9);
            assert_int_equal(service_logged(&service, arena_cstr(&arena, end)), 0);
        }
    }
}

/* So that what was refused above was refused for who asked, and not for what. Last, since it
 * does what is asked. */
static void who_is_right_comes_in_at_every_door(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(doors); i++) {
        struct knock ask = at_door(&doors[i]);
        sign_as(&doors[i], &ask, doors[i].secret, 0);
        open_books();
        expect(&ask, doors[i].accepted, "the right one", NULL);
        if (strcmp(neighbours_digest(&arena, owner, DEMO_ORG), books.first) == 0)
            fail_msg("%s did nothing", doors[i].route);
        service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    }
    for (const struct api_route *one = api_routes; one->method != NULL; one++) {
        struct knock ask = api_ask(one, A1, bearer(0, "all"));
        long status = knock(&service, &ask);
        if (status == 401 || status == 403 ||
            (status == 404 && strcmp(one->what, "estimate.change") != 0))
            fail_msg("%s %s: %ld", one->method, one->path, status);
    }
    expect(&(struct knock){.path = A1->tap, .body = STR("once=0123456789abcdef")}, 200, "a tap",
           A1);
    expect(&(struct knock){.path = A1->unsubscribe, .body = STR("List-Unsubscribe=One-Click")},
           200, "an end of mails", A1);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
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
    furnish();
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
        cmocka_unit_test(no_route_is_left_out),
        cmocka_unit_test(crm_1_web_1_every_route_refuses_every_wrong_identity),
        cmocka_unit_test(crm_1_an_event_reaches_its_own_business_only),
        cmocka_unit_test(pay_8_an_event_of_stripes_is_of_the_business_that_it_was_made_for),
        cmocka_unit_test(ch_4_a_status_reaches_its_own_businesss_messages_only),
        cmocka_unit_test(who_is_right_comes_in_at_every_door),
        cmocka_unit_test(nothing_of_anybody_is_logged),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
