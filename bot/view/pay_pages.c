#include "bot/view/pay_pages.h"

#include "bot/view/link_pages.h"

static void show(struct worker *worker, struct http_exchange *exchange, enum link_page page)
{
    struct link_page_ask ask = {
        .page = page, .locale = {.lang = LANG_EN, .zone = STR("UTC")}
    };

    if (!lang_parse(http_query(exchange, "lang"), &ask.locale.lang))
        ask.locale.lang = LANG_EN;
    link_pages_show(worker, exchange, &ask, 200);
}

void pay_pages_done(struct worker *worker, struct http_exchange *exchange)
{
    show(worker, exchange, LINK_PAGE_PAID);
}

void pay_pages_back(struct worker *worker, struct http_exchange *exchange)
{
    show(worker, exchange, LINK_PAGE_UNPAID);
}
