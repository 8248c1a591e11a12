#include "bot/turn/batch_short.h"

#include "bot/view/link.h"
#include "bot/view/portal.h"
#include "bot/view/short_link.h"
#include "store/sql.h"
#include "webhooks/twilio.h"

/* Twilio may fetch it, and then nobody reads its address. A file of ours is fetched at an
 * address that the lane makes, so it has a short one besides: whether it goes along is known
 * there. */
static bool goes_along(const struct turn *turn, const struct reply *reply)
{
    bool file = reply->kind == REPLY_IMAGE || reply->kind == REPLY_DOCUMENT;

    return file && reply->document.len == 0 &&
           twilio_reaches_by_mms(turn->account->external_id, turn->address);
}

/* Where it leads; a file that we keep has an address for its reader alone. */
static struct str address_of(struct batch_work *work, const struct turn *turn,
                             const struct reply *reply)
{
    struct link_file file = {.org = turn->account->org,
                             .customer = turn->customer,
                             .end = link_file_end(work->now, work->now)};
    struct uuid link;

    if (portal_is_mark(reply->url, &link))
        return STR_NONE; /* its address is made for the wire alone */
    if (reply->url.len > 0 || !batch_shows_file(reply) ||
        !uuid_parse(reply->document, &file.document))
        return reply->url;
    return link_file_make(&work->arena, work->batch->worker->config, &file);
}

const struct reply *batch_shorten(struct batch_work *work, const struct turn *turn,
                                  const struct reply *reply)
{
    struct str url = STR_NONE;

    if (turn->account->channel == CHANNEL_SMS && !goes_along(turn, reply))
        url = address_of(work, turn, reply);
    if (url.len == 0)
        return reply;
    struct str code = short_link_code(&work->arena, turn->account->org);
    struct str address =
        short_link_address(&work->arena, work->batch->worker->config, url, code);
    if (address.len == 0)
        return reply;
    struct reply *shorter = arena_new(&work->arena, struct reply);
    *shorter = *reply;
    shorter->url = address;
    array_text(&work->short_links[0], code);
    array_text(&work->short_links[1], url);
    return shorter;
}

void batch_short_write(struct batch_work *work)
{
    if (work->short_links[0].n == 0)
        return;
    struct db_param *params = batch_params(work, work->short_links, 2, 1);
    params[3] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_SHORT_LINKS_KEEP, params);
}
