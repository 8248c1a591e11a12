#include "bot/lane/pause.h"

#include "bot/loop/loop.h"

usec_t pause_before_next(usec_t first, usec_t most, int64_t attempts)
{
    usec_t pause = first;
    uint16_t chance;

    for (int64_t i = 1; i < attempts && pause < most; i++)
        pause *= 2;
    if (pause > most)
        pause = most;
    random_bytes(&chance, sizeof chance);
    return pause / 2 + pause / 2 * chance / UINT16_MAX;
}
