#include "bot/lane/receipts.h"

#include "webhooks/whatsapp.h"

#include <stdlib.h>

#define RECEIPTS_MAX 64 /* under way at once; more are left out */

struct receipt {
    struct arena arena;
    struct http_request request;
    struct fetch fetch;
};

static unsigned under_way;

static void sent(struct fetch *fetch)
{
    struct receipt *receipt = CONTAINER_OF(fetch, struct receipt, fetch);

    under_way--;
    if (fetch->answer.fate == HTTP_ANSWERED && fetch->answer.status == 200)
        count(COUNT_RECEIPTS, 1);
    arena_finish(&receipt->arena);
    free(receipt);
}

void receipts_send(struct worker *worker, const struct account *account, struct str message_id)
{
    const struct config *config = worker->config;
    struct receipt *receipt;

    if (!config->whatsapp.read_receipts || account->app == NULL || under_way >= RECEIPTS_MAX)
        return;
    receipt = calloc(1, sizeof *receipt);
    if (receipt == NULL)
        abort();
    struct whatsapp_sender sender = {config->whatsapp.base_url, account->app->token};
    if (!whatsapp_encode_read(&receipt->arena, &sender, account->external_id, message_id,
                              config->whatsapp.typing, &receipt->request, NULL)) {
        arena_finish(&receipt->arena);
        free(receipt);
        return;
    }
    receipt->fetch = (struct fetch){.request = &receipt->request,
                                    .connect_timeout = config->whatsapp.connect_timeout,
                                    .timeout = config->whatsapp.timeout,
                                    .body_max = config->whatsapp.answer_max,
                                    .into = &receipt->arena,
                                    .done = sent};
    under_way++;
    fetcher_start(worker->fetcher, &receipt->fetch);
}
