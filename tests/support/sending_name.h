/*
 * What a test calls the meanings of an answer when they are not what it wanted.
 */
#pragma once

#include "bot/base/message.h"

static inline const char *sending_name(enum sending sending)
{
    static const char *const names[] = {
        [SENDING_ACCEPTED] = "accepted",   [SENDING_RETRY] = "retry",
        [SENDING_PAIR_WAIT] = "pair_wait", [SENDING_REFUSED] = "refused",
        [SENDING_ELSEWHERE] = "elsewhere", [SENDING_STOP_LANE] = "stop_lane",
        [SENDING_UNKNOWN] = "unknown",
    };

    return names[sending];
}
