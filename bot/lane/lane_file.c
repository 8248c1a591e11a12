/*
 * Kept files that go along with messages, where the provider has not been given them before.
 *
 * By mail the bytes go along, so they are read first; the row is intended all the while, as if
 * it were on the wire. A message has its file in memory more than once, in the provider's
 * letters, too, so few of them have one at a time, and the others come again a moment later.
 * By SMS, and where a mail would be too large, the message names an address at which the file
 * is to be had for a day.
 */
#include "bot/lane/lanes_inside.h"

#include "bot/view/link.h"

#define LOADED_MAX 2
#define COME_AGAIN (250 * USEC_PER_MSEC)
#define MAIL_MAX                                                                               \
    (10 << 20) /* "40 MB in all", but mailboxes take less, and base64 is longer                \
                */

static void put_off(struct sending_row *row, usec_t wait)
{
    sending_put_off(row, OUTBOX_READY, wait);
    row->attempt--; /* it was never on the wire */
    sending_ends(row);
}

static void fail(struct sending_row *row, struct str reason)
{
    sending_fail(row, 0, reason);
    sending_ends(row);
}

/* Where the store is unwell it is tried again, with the patience of a provider that is. */
static void later(struct sending_row *row)
{
    put_off(row, lane_jitter(lane_config(row->lane)->outbox.retry_max / 4));
}

static void loaded(struct kept_file *file)
{
    struct sending_row *row = CONTAINER_OF(file, struct sending_row, kept);

    if (file->err.code == ERR_BROKEN) {
        fail(row, str_from(file->err.text));
    } else if (file->err.code != ERR_NONE) {
        later(row);
    } else if (!file->found) {
        fail(row, STR("the file is not kept any more"));
    } else {
        row->attachment.bytes = file->bytes;
        sending_go(row);
    }
}

static void load(struct sending_row *row)
{
    struct worker *worker = row->lane->lanes->worker;

    row->loaded = true;
    row->lane->lanes->n_loaded++;
    row->kept = (struct kept_file){.org = row->lane->account->org,
                                   .document = row->speaker.file.document,
                                   .into = &row->arena,
                                   .done = loaded};
    kept_load(worker->db, worker->documents, &row->kept);
}

static struct str link_of(struct sending_row *row)
{
    struct link_file link = {.org = row->lane->account->org,
                             .document = row->speaker.file.document,
                             .customer = row->speaker.file.customer,
                             .end = link_file_end(row->promised_at, clock_now())};

    return link_file_make(&row->arena, lane_config(row->lane), &link);
}

void sending_attach(struct sending_row *row)
{
    const struct speaker_file *file = &row->speaker.file;
    struct lanes *lanes = row->lane->lanes;
    bool whole = row->lane->account->channel == CHANNEL_EMAIL && file->size <= MAIL_MAX;

    row->attachment =
        (struct attachment){.mime = file->mime, .size = file->size, .url = link_of(row)};
    if (!file->theirs) {
        fail(row, STR("the file is not theirs, or not kept any more"));
    } else if (!whole) {
        sending_go(row);
    } else if (lanes->worker->documents == NULL) {
        later(row); /* until somebody mends the settings */
    } else if (lanes->n_loaded >= LOADED_MAX) {
        put_off(row, lane_jitter(COME_AGAIN));
    } else {
        load(row);
    }
}

void sending_detach(struct sending_row *row)
{
    row->lane->lanes->n_loaded -= row->loaded;
}

void sending_show_file(struct sending_row *row, struct reply *reply)
{
    struct str name = reply->filename;

    if (name.len == 0)
        name = reply->kind == REPLY_IMAGE ? STR("photo") : STR("document");
    row->attachment.name = kept_name(&row->arena, name, row->attachment.mime);
    if (row->attachment.bytes.len == 0 && reply->url.len == 0)
        reply->url = row->attachment.url;
}
