#include "bot/lane/handover.h"

struct letter {
    struct uuid lane, conversation;
    int64_t epoch, seq, last;
    usec_t at, due_at;
    uint32_t taker, address, phone, body; /* the last three: bytes, one after the other */
};

struct str handover_write(struct arena *into, const struct handover *handover)
{
    struct letter letter = {.lane = handover->lane,
                            .conversation = handover->conversation,
                            .epoch = handover->epoch,
                            .seq = handover->seq,
                            .last = handover->last,
                            .at = handover->at,
                            .due_at = handover->due_at,
                            .taker = handover->taker,
                            .address = (uint32_t)handover->address.len,
                            .phone = (uint32_t)handover->phone.len,
                            .body = (uint32_t)handover->body.len};
    const struct str parts[] = {
        {(const char *)&letter, sizeof letter},
        handover->address,
        handover->phone,
        handover->body
    };
    size_t len = 0, at = 0;

    for (size_t i = 0; i < COUNTOF(parts); i++)
        len += parts[i].len;
    char *bytes = arena_alloc(into, len);
    for (size_t i = 0; i < COUNTOF(parts); at += parts[i++].len) {
        if (parts[i].len > 0)
            memcpy(bytes + at, parts[i].at, parts[i].len);
    }
    return (struct str){bytes, len};
}

bool handover_read(struct str bytes, struct handover *handover)
{
    struct letter letter;

    if (bytes.len < sizeof letter)
        return false;
    memcpy(&letter, bytes.at, sizeof letter);
    struct str rest = str_slice(bytes, sizeof letter, bytes.len);
    if ((uint64_t)letter.address + letter.phone + letter.body != rest.len)
        return false;
    *handover = (struct handover){
        .lane = letter.lane,
        .conversation = letter.conversation,
        .epoch = letter.epoch,
        .seq = letter.seq,
        .last = letter.last,
        .at = letter.at,
        .due_at = letter.due_at,
        .taker = letter.taker,
        .address = str_slice(rest, 0, letter.address),
        .phone = str_slice(rest, letter.address, letter.phone),
        .body = str_slice(rest, (size_t)letter.address + letter.phone, letter.body)};
    return true;
}
