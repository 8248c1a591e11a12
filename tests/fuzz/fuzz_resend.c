/*
 * What Resend sends and answers: webhooks, received mails, attachments. All of it carries what
 * strangers wrote.
 */
#include "webhooks/event_json.h"
#include "webhooks/resend_in.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void look(struct arena *arena, const struct inbound_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct event *event = &batch->events[i];
        hold(event->id.len > 0 && str_is_utf8(event->text) && str_is_utf8(event->from.email));
        hold(str_is_utf8(event_to_json(arena, event)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_rules rules = {
        {"support@in.shop.example", 23},
        {"mx.example",              10}
    };
    static const struct resend_reader reader = {
        {"https://api.resend.com", 22},
        {"re_1",                   4 }
    };
    struct arena arena;
    struct str body = {(const char *)data, size};
    struct http_answer answer = {HTTP_ANSWERED, 200, body, 0};
    struct inbound_batch batch;
    struct resend_news news;
    struct resend_file file;
    struct http_request request;
    struct err err = {0};

    arena_init(&arena);
    if (resend_news(&arena, body, &news, &err)) {
        look(&arena, &news.batch);
        if (news.received.len > 0 &&
            resend_encode_received(&arena, &reader, news.received, &request, &err))
            hold(str_starts(request.url, STR("https://api.resend.com/emails/receiving/")));
    }
    if (resend_decode_received(&arena, body, &rules, &batch, &err)) {
        hold(batch.n >= 1 && batch.n <= MAIL_FILES_MAX);
        look(&arena, &batch);
    }
    if (resend_encode_file(&arena, &reader, body, &request, &err))
        hold(str_find(request.url, STR("..")) == request.url.len);
    if (resend_read_file(&arena, &answer, &file, &err))
        hold(file.url.len > 0);
    arena_finish(&arena);
    return 0;
}
