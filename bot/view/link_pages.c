#include "bot/view/link_pages.h"

#include "bot/door/intake_inside.h"
#include "bot/loop/log.h"
#include "bot/turn/books.h"
#include "bot/view/link.h"
#include "store/sql.h"
#include "webhooks/form.h"

#define GOOD_FOR     (90 * USEC_PER_DAY) /* after it a link is refused kindly */
#define QUESTION_MAX 600
#define ONCE_LEN     16

struct visit {
    struct arrival delivery; /* a tap, once it acts */
    struct portion portion;
    struct event event;
    struct worker *worker;
    struct http_exchange *exchange;
    struct db_call call;
    enum link_kind kind;
    struct link link;
    bool acts;
    struct link_page_ask page;
};

/* --- answering ---------------------------------------------------------------------------- */

void link_pages_show(struct worker *worker, struct http_exchange *exchange,
                     struct link_page_ask *ask, int status)
{
    const char *const headers[] = {link_page_policy(),
                                   "Referrer-Policy: no-referrer",
                                   "X-Content-Type-Options: nosniff",
                                   "X-Robots-Tag: noindex",
                                   "Cache-Control: no-store",
                                   NULL};

    ask->words = book_words(books_newest(worker->books));
    http_reply(exchange, status, "text/html; charset=utf-8", link_page(&exchange->arena, ask),
               headers);
}

static void show(struct visit *visit, enum link_page page, int status)
{
    visit->page.page = page;
    link_pages_show(visit->worker, visit->exchange, &visit->page, status);
}

static void show_tap(struct visit *visit, const struct reply *reply)
{
    struct arena *arena = &visit->exchange->arena;
    uint8_t bytes[ONCE_LEN / 2];
    char *once = arena_alloc(arena, ONCE_LEN + 1);

    random_bytes(bytes, sizeof bytes);
    hex_format(bytes, sizeof bytes, once);
    visit->page.once = (struct str){once, ONCE_LEN};
    visit->page.question = str_cut(arena, reply->body, QUESTION_MAX);
    visit->page.option = reply->options[visit->link.option].title;
    show(visit, LINK_PAGE_TAP, 200);
}

/* --- a tap that acts ---------------------------------------------------------------------- */

static void settled(struct arrival *delivery)
{
    struct visit *visit = CONTAINER_OF(delivery, struct visit, delivery);

    visit->worker->intake->open--;
    show(visit, delivery->failed ? LINK_PAGE_SORRY : LINK_PAGE_TAPPED,
         delivery->failed ? 503 : 200);
}

/* What the page was given when it was shown; whoever posts without has nothing to repeat, and
 * whoever posts something else is taken for one of those. */
static struct str once_of(struct visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    uint8_t bytes[ONCE_LEN / 2];
    struct form form;
    struct str once = STR_NONE;

    if (form_read(arena, visit->exchange->body, &form, NULL))
        once = form_get(&form, "once");
    return once.len == ONCE_LEN && hex_parse(once, bytes, sizeof bytes) ? once : STR_NONE;
}

/* Each tap is answered, so whoever holds a link could have its customer written to without end.
 * Counted apart from what the customer writes. */
static bool is_too_often(struct visit *visit)
{
    struct str parts[2] = {
        {(const char *)visit->link.org.bytes,          sizeof(struct uuid)},
        {(const char *)visit->link.conversation.bytes, sizeof(struct uuid)}
    };
    struct hash16 hash = hash16_of(parts, 2);
    struct uuid who;

    memcpy(who.bytes, hash.bytes, sizeof who.bytes);
    return pairs_take(&visit->worker->intake->mail_writers, who, clock_monotonic(),
                      INTAKE_MAIL_INTERVAL, INTAKE_MAIL_BURST) > 0;
}

/* The same as a tap on a phone: an event of the conversation, in order with all others. */
static void tap(struct visit *visit, const PGresult *rows, const struct reply *reply)
{
    struct worker *worker = visit->worker;
    struct arena *arena = &visit->exchange->arena;
    const struct reply_option *option = &reply->options[visit->link.option];
    const struct account *account =
        accounts_with_id(worker->accounts, visit->link.org, row_uuid(rows, 0, 6));
    struct str address = arena_str(arena, row_text(rows, 0, 8));
    char conversation[UUID_TEXT_LEN + 1];

    if (account == NULL) {
        show(visit, LINK_PAGE_OLD, 410);
        return;
    }
    uuid_format(visit->link.conversation, conversation);
    visit->event = (struct event){
        .kind = EVENT_CHOICE,
        .account = account->external_id,
        .id =
            arena_format(arena, "tap.%s.%lld.%u.%.*s", conversation, (long long)visit->link.seq,
                         visit->link.option, STR_ARG(once_of(visit))),
        .at = clock_now(),
        .from = account->channel == CHANNEL_EMAIL
                    ? (struct person){.email = address}
                    : (struct person){ .user_id = address,
                                      .phone = arena_str(arena, row_text(rows, 0, 9))},
        .text = option->title,
        .choice = option->id
    };
    intake_opens(worker->intake, visit->exchange, "link", &visit->delivery, settled);
    visit->portion = (struct portion){
        .delivery = &visit->delivery, .org = visit->link.org, .payload_id = worker_uuid()};
    intake_enqueue(worker->intake, &visit->portion, account, &visit->event);
    arrival_settle(&visit->delivery, true); /* the one for taking it apart */
}

/* --- looking ------------------------------------------------------------------------------ */

static void read_frame(struct visit *visit, const PGresult *rows)
{
    struct arena *arena = &visit->exchange->arena;

    if (!lang_parse(row_text(rows, 0, 2), &visit->page.locale.lang))
        visit->page.locale.lang = LANG_EN;
    visit->page.locale.zone = arena_str(arena, row_text(rows, 0, 3));
    visit->page.business = arena_str(arena, row_text(rows, 0, 4));
}

static void looked_tap(struct visit *visit, const PGresult *rows)
{
    struct arena *arena = &visit->exchange->arena;
    struct reply reply;

    if (clock_now() - row_time(rows, 0, 1) > GOOD_FOR ||
        !reply_from_json(arena, arena_str(arena, row_text(rows, 0, 0)), &reply, NULL) ||
        visit->link.option >= reply.n_options) {
        show(visit, LINK_PAGE_OLD, 410);
    } else if (!visit->acts) {
        show_tap(visit, &reply);
    } else if (intake_is_overloaded(visit->worker->intake)) {
        show(visit, LINK_PAGE_SORRY, 503);
    } else if (is_too_often(visit)) {
        log_event(LOG_WARN, "link.tapped_too_often", LOG_ID("org", visit->link.org),
                  LOG_ID("conversation", visit->link.conversation));
        show(visit, LINK_PAGE_SORRY, 429);
    } else {
        tap(visit, rows, &reply);
    }
}

static void looked_unsubscribe(struct visit *visit)
{
    if (visit->acts) {
        log_event(LOG_INFO, "link.unsubscribed", LOG_ID("org", visit->link.org),
                  LOG_ID("conversation", visit->link.conversation));
    }
    show(visit, visit->acts ? LINK_PAGE_UNSUBSCRIBED : LINK_PAGE_UNSUBSCRIBE, 200);
}

static void looked(struct db_call *call)
{
    struct visit *visit = CONTAINER_OF(call, struct visit, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL) {
        show(visit, LINK_PAGE_SORRY, 503);
        return;
    }
    if (rows_n(rows) == 0) {
        show(visit, LINK_PAGE_OLD, 410);
        return;
    }
    read_frame(visit, rows);
    if (visit->kind == LINK_TAP) {
        looked_tap(visit, rows);
    } else {
        looked_unsubscribe(visit);
    }
}

static void look(struct visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 3);
    struct db_param *unsubscribe = arena_array(arena, struct db_param, 3);

    params[0] = unsubscribe[0] = param_uuid(arena, visit->link.org);
    params[1] = unsubscribe[1] = param_uuid(arena, visit->link.conversation);
    params[2] = param_int8(arena, visit->link.seq);
    unsubscribe[2] = param_time(arena, clock_now());
    call_init(&visit->call, arena, visit->link.org);
    visit->call.done = looked;
    call_add(&visit->call, visit->kind == LINK_TAP ? &SQL_LINK_MESSAGE : &SQL_LINK_CONVERSATION,
             params);
    if (visit->kind == LINK_UNSUBSCRIBE && visit->acts)
        call_add(&visit->call, &SQL_LINK_UNSUBSCRIBE, unsubscribe);
    db_call(visit->worker->db, &visit->call);
}

static void open_door(struct worker *worker, struct http_exchange *exchange,
                      enum link_kind kind, struct str token)
{
    struct visit *visit = arena_new(&exchange->arena, struct visit);

    *visit = (struct visit){.worker = worker,
                            .exchange = exchange,
                            .kind = kind,
                            .acts = strcmp(exchange->method, "POST") == 0};
    if (link_open(worker->config, kind, token, &visit->link)) {
        look(visit);
    } else {
        show(visit, LINK_PAGE_OLD, 404);
    }
}

void link_pages_tap(struct worker *worker, struct http_exchange *exchange, struct str token)
{
    open_door(worker, exchange, LINK_TAP, token);
}

void link_pages_unsubscribe(struct worker *worker, struct http_exchange *exchange,
                            struct str token)
{
    open_door(worker, exchange, LINK_UNSUBSCRIBE, token);
}
