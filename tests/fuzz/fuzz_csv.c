/*
 * Any bytes as a list of recipients: each row is read or refused with a reason, in order, and
 * none is larger than it may be. What is read as a line is JSON.
 */
#include "bot/base/json.h"
#include "bot/later/broadcast_file.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void hold_line(struct arena *arena, const struct broadcast_columns *columns,
                      const struct str *fields, unsigned line)
{
    struct err err = {0};
    struct str json;

    if (broadcast_line_read(arena, columns, fields, line, &json) != NULL)
        return;
    OWNED_JSON(doc) = NULL;
    hold(json_read(json, &doc, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str head[CSV_COLUMNS_MAX], fields[CSV_COLUMNS_MAX];
    struct broadcast_columns columns;
    struct err err = {0};
    struct csv csv;
    const char *why = NULL;
    enum csv_outcome outcome;
    unsigned line = 0;

    if (csv_begin(&csv, &arena, (struct str){(const char *)data, size}, head, &why) ==
        CSV_ROW) {
        bool listed = broadcast_columns_read(&csv, head, &columns, &err);
        while ((outcome = csv_next(&csv, &arena, fields, &why)) != CSV_END) {
            hold(csv.line > line && csv.n <= CSV_COLUMNS_MAX);
            line = csv.line;
            hold((outcome == CSV_WRONG) == (why != NULL));
            for (size_t i = 0; outcome == CSV_ROW && i < csv.n; i++)
                hold(fields[i].len <= CSV_FIELD_MAX && str_is_utf8(fields[i]));
            if (outcome == CSV_ROW && listed)
                hold_line(&arena, &columns, fields, line);
        }
    }
    arena_finish(&arena);
    return 0;
}
