/* The intent to send, committed just before the wire, and the wire. */
#include "bot/lanes_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

/* Whether it may go to the wire; else it is settled without. */
static bool may_go(struct sending_row *row, bool stopped, usec_t last_inbound_at)
{
    struct lane *lane = row->lane;
    const struct config *config = lane_config(lane);
    usec_t now = clock_monotonic();
    usec_t wait;

    if (stopped) {
        count(COUNT_STOPPED, 1);
        sending_fail(row, 0, STR("stopped"));
        return false;
    }
    if (row->message.reply->kind != REPLY_TEMPLATE &&
        clock_now() - last_inbound_at > config->whatsapp.service_window) {
        count(COUNT_WINDOW_CLOSED, 1);
        sending_fail(row, 0, STR("service window closed"));
        return false;
    }
    wait = pairs_take(&lane->pairs, row->conversation, now, config->whatsapp.pair_interval,
                      config->whatsapp.pair_burst);
    if (wait > 0 || now > lane->lease_until) {
        sending_put_off(row, OUTBOX_READY, wait); /* it was never on the wire */
        row->attempt--;
        return false;
    }
    return true;
}

static bool encode(struct sending_row *row, struct str body, struct str address,
                   struct str phone, struct err *err)
{
    struct lane *lane = row->lane;
    const struct config *config = lane_config(lane);
    struct whatsapp_sender sender = {config->whatsapp.base_url, lane->account->app->token};
    struct reply *reply = arena_new(&row->arena, struct reply);
    char conversation[UUID_TEXT_LEN + 1];

    if (!reply_from_json(&row->arena, body, reply, err))
        return false;
    uuid_format(row->conversation, conversation);
    row->message = (struct outbound){
        .key = arena_format(&row->arena, "p1.%s.%lld", conversation, (long long)row->seq),
        .account = lane->account->external_id,
        .to = {.user_id = arena_str(&row->arena, address),
               .phone = arena_str(&row->arena, phone)},
        .reply = reply
    };
    if (str_eq(row->message.to.user_id, row->message.to.phone))
        row->message.to.user_id = STR_NONE;
    return whatsapp_encode(&row->arena, &sender, &row->message, &row->request, err);
}

static void send_row(struct lane *lane, const PGresult *rows, int i)
{
    const struct config *config = lane_config(lane);
    struct sending_row *row = calloc(1, sizeof *row);
    struct err err = {0};

    if (row == NULL)
        abort();
    row->lane = lane;
    row->conversation = row_uuid(rows, i, 0);
    row->seq = row_int(rows, i, 1);
    row->attempt = (int)row_int(rows, i, 2);
    row->repeats = (int)row_int(rows, i, 3);
    row->priority = (int)row_int(rows, i, 4);
    row->due_at = row_time(rows, i, 5);
    row->intended_at = clock_monotonic();
    lane->under_way++;
    if (!encode(row, row_text(rows, i, 6), row_text(rows, i, 7), row_text(rows, i, 8), &err)) {
        log_event(LOG_ALERT, "outbox.unsayable", LOG_ID("conversation", row->conversation),
                  LOG_I("seq", row->seq), LOG_ERR(&err));
        sending_fail(row, 0, str_from(err.text));
        sending_ends(row);
        return;
    }
    if (!may_go(row, row_bool(rows, i, 10), row_time(rows, i, 9))) {
        sending_ends(row);
        return;
    }
    row->fetch = (struct fetch){.request = &row->request,
                                .connect_timeout = config->whatsapp.connect_timeout,
                                .timeout = config->whatsapp.timeout,
                                .body_max = config->whatsapp.answer_max,
                                .into = &row->arena,
                                .done = sending_answered};
    fetcher_start(lane->lanes->worker->fetcher, &row->fetch);
}

static void claimed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, claim_call);
    int n = call->err.code == ERR_NONE ? rows_n(call->results[0]) : 0;

    lane->claiming = false;
    if (call->err.code != ERR_NONE) {
        lane->next_poll = clock_monotonic() + USEC_PER_SEC / 4;
        lane->doubtful = true;
    }
    if (n > 0)
        bucket_take(&lane->bucket, (unsigned)n);
    lane->more = lane->more || (unsigned)n == lane->claim_limit;
    for (int i = 0; i < n; i++)
        send_row(lane, call->results[0], i);
    lane_pump(lane);
}

void lane_claim(struct lane *lane, unsigned limit)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->claim_arena;

    lane->claiming = true;
    lane->more = false;
    lane->claim_limit = limit;
    lane->next_poll = clock_monotonic() + lane_config(lane)->outbox.poll;
    lane_call(lane, arena, &lane->claim_call, claimed);
    struct db_param *params = lane_params(arena, 6, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now());
    params[5] = param_int4(arena, (int32_t)limit);
    call_add(&lane->claim_call, &SQL_OUTBOX_INTEND, params);
    db_call(worker->db, &lane->claim_call);
}
