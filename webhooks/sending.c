#include "webhooks/sending.h"

#define WAIT_MAX USEC_PER_DAY

void sending_obey(usec_t retry_after, struct sending_result *result)
{
    if (result->sending != SENDING_RETRY || retry_after <= result->wait)
        return;
    result->wait = retry_after < WAIT_MAX ? retry_after : WAIT_MAX;
}

void sending_by_status(struct arena *into, int status, const char *whose,
                       struct sending_result *result)
{
    struct sending_result silent = {
        .sending = SENDING_UNKNOWN,
        .reason = arena_format(into, "HTTP %d without %s own error", status, whose),
    };

    if (status >= 300 && status < 400) {
        silent.sending = SENDING_RETRY; /* the address is wrong, nobody took the message */
        silent.wait = USEC_PER_MIN;
        silent.alert = true;
    } else if (status == 401) {
        silent.sending = SENDING_STOP_LANE;
        silent.alert = true;
    } else if (status == 429) {
        silent.sending = SENDING_RETRY;
    } else if (status >= 400 && status < 500 && status != 408) {
        silent.sending = SENDING_REFUSED;
        silent.alert = true;
    }
    *result = silent;
}

void sending_of(struct arena *into, const struct http_answer *answer,
                void (*read)(struct arena *into, const struct http_answer *answer,
                             struct sending_result *result),
                struct sending_result *result)
{
    switch (answer->fate) {
    case HTTP_NOT_SENT:
        *result = (struct sending_result){.sending = SENDING_RETRY,
                                          .reason = STR("the API could not be reached")};
        return;
    case HTTP_ANSWERED:
        read(into, answer, result);
        sending_obey(answer->retry_after, result);
        return;
    case HTTP_UNKNOWN:
        break;
    }
    *result = (struct sending_result){.sending = SENDING_UNKNOWN,
                                      .reason = STR("the answer was lost")};
}
