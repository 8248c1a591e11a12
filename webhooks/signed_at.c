#include "webhooks/signed_at.h"

bool signed_at_is_near(struct str timestamp, usec_t now)
{
    int64_t seconds;
    usec_t at, apart;

    if (!str_to_int(timestamp, &seconds) || seconds <= 0 ||
        __builtin_mul_overflow(seconds, USEC_PER_SEC, &at) ||
        __builtin_sub_overflow(now / USEC_PER_SEC * USEC_PER_SEC, at, &apart))
        return false;
    return apart <= SIGNED_AT_TOLERANCE && apart >= -SIGNED_AT_TOLERANCE;
}
