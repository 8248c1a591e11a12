#include "bot/pay_pages.h"

#include "bot/books.h"
#include "templates/link_page.h"

static void show(struct worker *worker, struct http_exchange *exchange, enum link_page page)
{
    struct link_page_ask ask = {
        .page = page,
        .words = book_words(books_newest(worker->books)),
        .locale = {.lang = LANG_EN, .zone = STR("UTC")}
    };
    const char *const headers[] = {link_page_policy(),
                                   "Referrer-Policy: no-referrer",
                                   "X-Content-Type-Options: nosniff",
                                   "X-Robots-Tag: noindex",
                                   "Cache-Control: no-store",
                                   NULL};

    if (!lang_parse(http_query(exchange, "lang"), &ask.locale.lang))
        ask.locale.lang = LANG_EN;
    http_reply(exchange, 200, "text/html; charset=utf-8", link_page(&exchange->arena, &ask),
               headers);
}

void pay_pages_done(struct worker *worker, struct http_exchange *exchange)
{
    show(worker, exchange, LINK_PAGE_PAID);
}

void pay_pages_back(struct worker *worker, struct http_exchange *exchange)
{
    show(worker, exchange, LINK_PAGE_UNPAID);
}
