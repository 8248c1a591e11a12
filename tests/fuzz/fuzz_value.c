/* Whatever reads as a record is written in one form, and reads again as the same. */
#include "bot/base/value.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct err err = {0};
    const struct record *record = NULL;
    const struct record *again = NULL;
    if (record_from_json(&arena, (struct str){(const char *)data, size}, &record, &err)) {
        struct str json = record_to_json(&arena, record);
        if (!str_is_utf8(json) || !record_from_json(&arena, json, &again, &err) ||
            !str_eq(record_to_json(&arena, again), json))
            abort();
    } else if (err.code != ERR_REJECT || !str_is_utf8(str_from(err.text))) {
        abort();
    }
    arena_finish(&arena);
    return 0;
}
