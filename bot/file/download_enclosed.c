/*
 * A file that came within its mail: its handle is "payload:<id>/<n>", the n-th of what was kept
 * of that delivery. So nothing is fetched from anywhere, and the bytes are there for as long as
 * deliveries are kept, also where the mail around it had to be withheld (CH-9).
 */
#include "bot/file/download_inside.h"

#include "store/sql.h"
#include "webhooks/mime.h"

static const struct str prefix = {"payload:", 8};

bool download_is_enclosed(struct str handle)
{
    return str_starts(handle, prefix);
}

static bool parse(struct str handle, struct uuid *payload, int64_t *number)
{
    struct str rest = str_slice(handle, prefix.len, handle.len), id;

    return str_split(&rest, '/', &id) && uuid_parse(id, payload) && str_to_int(rest, number) &&
           *number > 0;
}

static void found(struct db_call *call)
{
    struct download *download = download_called(call);
    int64_t number = 0;
    struct uuid payload;
    struct str raw;

    if (download == NULL)
        return;
    raw = rows_n(call->results[0]) > 0 ? row_text(call->results[0], 0, 0) : STR_NONE;
    if (!parse(download->handle, &payload, &number) ||
        !mime_file(&download->arena, raw, (size_t)number, &download->bytes, NULL)) {
        download_end(download, DOCUMENT_LOST, "lost");
    } else {
        download_judge(download);
    }
}

void download_enclosed(struct download *download)
{
    struct db_param *params = arena_array(&download->arena, struct db_param, 2);
    struct uuid payload;
    int64_t number;

    if (!parse(download->handle, &payload, &number)) {
        download_end(download, DOCUMENT_LOST, "lost");
        return;
    }
    params[0] = param_uuid(&download->arena, download->org);
    params[1] = param_uuid(&download->arena, payload);
    download_call(download, &SQL_DOCUMENTS_PAYLOAD, params, found);
}
