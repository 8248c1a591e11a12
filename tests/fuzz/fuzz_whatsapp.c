/*
 * Everything that reads Meta's bytes: a delivery (and each of its events as a line of JSON), a
 * signature, an answer. What a delivery says also goes out again as replies, so that the
 * cutting of foreign words is held to the limits.
 */
#include "webhooks/event_json.h"
#include "webhooks/whatsapp.h"
#include "webhooks/whatsapp_template.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void hold_json(struct str text)
{
    struct err err;
    OWNED_JSON(doc) = NULL;
    hold(json_read(text, &doc, &err));
}

static void say(struct arena *arena, const struct event *event, enum reply_kind kind)
{
    const struct reply_option options[] = {
        {.id = STR("a"),            .title = event->text, .description = event->detail},
        {.id = STR("b"),                         .title = event->text,                                .section = event->choice},
        {.id = event->id, .title = STR("ok")},
    };
    const struct reply reply = {
        .kind = kind,
        .body = event->text,
        .header = event->detail,
        .footer = event->place,
        .label = event->text,
        .url = event->media ? event->media->url : STR("https://shop.example"),
        .filename = event->choice,
        .options = options,
        .n_options = COUNTOF(options),
        .template_name = STR("t"),
        .template_language = STR("en"),
        .template_values = &event->text,
        .n_template_values = 1,
    };
    const struct outbound message = {.key = event->key,
                                     .account = event->account,
                                     .to = event->from,
                                     .context = event->id,
                                     .reply = &reply};
    const struct whatsapp_sender sender = {STR("https://graph.example/v1.0"), STR("token")};
    struct http_request request;
    struct err err = {0};
    if (whatsapp_encode(arena, &sender, &message, &request, &err)) {
        hold_json(request.body);
    } else {
        hold(err.code == ERR_REJECT && err.text[0] != '\0');
    }
}

static void read_delivery(struct arena *arena, struct str body)
{
    struct inbound_batch batch;
    struct err err = {0};
    if (!whatsapp_decode(arena, body, &batch, &err)) {
        hold(err.code == ERR_REJECT && batch.n == 0);
        return;
    }
    for (size_t i = 0; i < batch.n; i++) {
        const struct event *event = &batch.events[i];
        hold(event->id.len > 0 && event->account.len > 0);
        hold(!event_is_message(event->kind) || person_address(&event->from).len > 0);
        hold_json(event_to_json(arena, event));
        if (i < 4) {
            for (int kind = REPLY_TEXT; kind <= REPLY_TEMPLATE; kind++)
                say(arena, event, (enum reply_kind)kind);
        }
    }
}

static void read_answer(struct arena *arena, struct str body)
{
    static const int statuses[] = {200, 400, 401, 429, 500, 302};
    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        struct http_answer answer = {HTTP_ANSWERED, statuses[i], body, (usec_t)body.len};
        struct sending_result result;
        whatsapp_answer(arena, &answer, &result);
        hold((result.sending == SENDING_ACCEPTED) == (result.provider_id.len > 0));
        hold(result.wait >= 0 && result.wait <= USEC_PER_DAY);
        whatsapp_answer_upload(arena, &answer, &result);
        hold((result.sending == SENDING_ACCEPTED) == (result.provider_id.len > 0));
        const struct whatsapp_template *templates;
        struct whatsapp_template created = {0};
        struct whatsapp_file file;
        struct err err = {0};
        struct str after;
        size_t n;
        if (!whatsapp_read_templates(arena, &answer, &templates, &n, &after, &err))
            hold(err.code != ERR_NONE);
        if (whatsapp_read_created(arena, &answer, &created, &err))
            hold(created.status.len > 0);
        if (whatsapp_read_file(arena, &answer, &file, &err))
            hold(file.url.len > 0 && file.size >= -1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct err err;
    if (!ready && !crypto_init(&err))
        abort();
    ready = true;
    struct arena arena = {0};
    struct str body = {(const char *)data, size};
    read_delivery(&arena, body);
    read_answer(&arena, body);
    hold(!whatsapp_verify(STR("secret"), body, body));
    (void)whatsapp_challenge(body, body, body);
    arena_finish(&arena);
    return 0;
}
