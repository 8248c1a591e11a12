/*
 * Everything that reads Twilio's bytes: a form and its signature, a status, an answer. And what
 * is written for it: the form of any words reads back as those words.
 */
#include "bot/base/sms_text.h"
#include "webhooks/twilio.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void read_message(struct arena *arena, const struct form *form)
{
    struct inbound_batch batch;
    struct err err = {0};

    if (!twilio_decode(arena, form, &batch, &err)) {
        hold(err.code == ERR_REJECT);
        return;
    }
    hold(batch.n > 0 && batch.n <= 10);
    for (size_t i = 0; i < batch.n; i++) {
        const struct event *event = &batch.events[i];
        hold(event->id.len > 0 && event->account.len > 0);
        hold(str_is_utf8(event->id) && str_is_utf8(event->text) && str_is_utf8(event->account));
        hold(!event_is_message(event->kind) || person_address(&event->from).at[0] == '+');
        hold(i == 0 || !str_eq(event->id, batch.events[i - 1].id));
        hold((event->kind == EVENT_MEDIA) == (event->media != NULL));
    }
}

static void read_form(struct arena *arena, struct str body)
{
    struct form form;
    struct event event;
    struct err err = {0};

    if (!form_read(arena, body, &form, &err)) {
        hold(err.code == ERR_REJECT);
        return;
    }
    for (size_t i = 1; i < form.n; i++)
        hold(str_compare(form.fields[i - 1].name, form.fields[i].name) <= 0);
    hold(!twilio_verify(arena, STR("token"), body, STR("https://parley.example/x?key=k"),
                        &form));
    hold(!twilio_verify(arena, STR("token"), STR("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), body, &form));
    hold(!twilio_verify_body(arena, STR("token"), STR("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                             STR("https://parley.example/x?bodySHA256=00"), body));
    read_message(arena, &form);
    if (twilio_decode_status(arena, &form, body, &event, &err)) {
        hold(event.kind == EVENT_STATUS && event.context.len > 0 && event.error >= 0);
        hold(str_is_utf8(event.account) && str_is_utf8(event.context));
        hold(str_is_utf8(event.id) && str_is_utf8(event.key));
    } else {
        hold(err.code == ERR_REJECT);
    }
}

static void read_answer(struct arena *arena, struct str body)
{
    static const int statuses[] = {200, 201, 302, 400, 401, 408, 429, 500};

    for (size_t i = 0; i < COUNTOF(statuses); i++) {
        struct http_answer answer = {.fate = HTTP_ANSWERED,
                                     .status = statuses[i],
                                     .body = body,
                                     .retry_after = (usec_t)body.len};
        struct sending_result result;
        twilio_answer(arena, &answer, &result);
        hold((result.sending == SENDING_ACCEPTED) == (result.provider_id.len > 0));
        hold(result.sending != SENDING_ACCEPTED || statuses[i] < 300);
        hold(result.wait >= 0 && result.wait <= USEC_PER_DAY);
    }
}

static void write_form(struct arena *arena, struct str words)
{
    const struct twilio_sender sender = {.base = STR("https://api.twilio.com"),
                                         .account_sid = STR("AC01"),
                                         .auth_token = STR("t"),
                                         .plain_letters = true};
    const struct reply reply = {.kind = REPLY_TEXT};
    const struct face face = {.text = words};
    const struct outbound message = {.key = STR("k"),
                                     .account = STR("+15550100101"),
                                     .to = {.phone = STR("+15550100001")},
                                     .reply = &reply,
                                     .face = &face};
    struct http_request request;
    struct form form;
    struct err err = {0};

    if (!twilio_encode(arena, &sender, &message, &request, &err)) {
        hold(err.code == ERR_REJECT);
        return;
    }
    hold(form_read(arena, request.body, &form, &err) && form.n == 3);
    struct str body = form_get(&form, "Body");
    struct str sane = str_cut(arena, str_sane(arena, str_trim(words)), TWILIO_BODY_MAX);
    hold(str_is_utf8(body) && str_length(body) <= TWILIO_BODY_MAX);
    hold(request.cost == sms_measure(body).segments);
    hold(request.cost <= sms_measure(sane).segments);
    if (str_length(sane) < TWILIO_BODY_MAX / 2)
        hold(str_eq(body, str_trim(sms_text_fit(arena, sane, true))));
}

/* Whatever leads whereto: credentials go to the API and nowhere else. */
static void fetch_file(struct arena *arena, struct str text)
{
    const struct twilio_sender sender = {.base = STR("https://api.twilio.com"),
                                         .account_sid = STR("AC01"),
                                         .auth_token = STR("t")};
    struct http_request request;
    struct err err = {0};

    if (twilio_encode_media(arena, &sender, text, &request, &err))
        hold(str_starts(request.url, STR("https://api.twilio.com/2010-04-01/Accounts/AC01/")));
    if (twilio_encode_file(arena, &sender, text, &request, &err)) {
        hold(request.n_headers == 0 && str_starts(request.url, STR("https://")));
        hold(str_find(request.url, STR("@")) >= str_find(request.url, STR("com")));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size};

    arena_init(&arena);
    read_form(&arena, text);
    read_answer(&arena, text);
    write_form(&arena, text);
    fetch_file(&arena, text);
    arena_finish(&arena);
    return 0;
}
