/*
 * Stripe's events and answers: the first line is a signature's header, the rest is the body.
 * What comes out of any bytes is a record of small plain words and amounts in bounds, and no
 * header is right by itself.
 */
#include "webhooks/stripe.h"

#include "bot/base/json.h"

#include <stdlib.h>

#define NOW (1764000000 * USEC_PER_SEC)

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void hold_news(struct str news)
{
    OWNED_JSON(doc) = NULL;
    const char *name;
    json_t *value;

    hold(json_read(news, &doc, NULL));
    hold(json_int(doc, "minor", -1) >= 0 && json_int(doc, "minor", -1) <= 99999999999999);
    json_object_foreach(doc, name, value)
    {
        const char *text = json_string_value(value);
        for (; text && *text; text++) {
            hold((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
                 (*text >= 'A' && *text <= 'Z') || strchr("_-.", *text) != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str rest = {(const char *)data, size}, header = STR_NONE, news;
    struct stripe_event event;
    struct stripe_answer answer;

    arena_init(&arena);
    (void)str_split(&rest, '\n', &header);
    hold(!stripe_verify(&arena, STR("whsec_fuzz"), header, rest, NOW));
    hold(!stripe_verify(&arena, STR_NONE, header, rest, NOW));
    hold(stripe_verify(&arena, STR("whsec_fuzz"),
                       stripe_sign(&arena, STR("whsec_fuzz"), 1764000000, rest), rest, NOW));
    if (stripe_decode(&arena, rest, &event, NULL) && event.news.len > 0)
        hold_news(event.news);
    if (stripe_decode_answer(&arena, rest, &news, NULL) && news.len > 0)
        hold_news(news);
    for (int status = 0; status < 600; status += 100) {
        const struct http_answer given = {HTTP_ANSWERED, status + 2, rest, 0};
        stripe_read_answer(&arena, &given, &answer);
        hold(answer.fate != STRIPE_DONE || answer.id.len > 0);
    }
    arena_finish(&arena);
    return 0;
}
