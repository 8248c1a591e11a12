#include "bot/lane/fallbacks.h"

#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "bot/view/short_link.h"
#include "store/sql.h"

#define AT_ONCE 20 /* the next second looks at more */

void fallbacks_look(struct worker *worker, struct db_call *call, struct uuid org, usec_t now)
{
    struct arena *arena = call->into;
    struct db_param *params = arena_array(arena, struct db_param, 7);
    struct db_array contacts, conversations, codes;

    array_init(&contacts, arena, DB_UUID);
    array_init(&conversations, arena, DB_UUID);
    array_init(&codes, arena, DB_TEXT);
    for (int i = 0; i < AT_ONCE; i++) {
        array_uuid(&contacts, worker_uuid());
        array_uuid(&conversations, worker_uuid());
        array_text(&codes, short_link_code(arena, org));
    }
    params[0] = param_uuid(arena, org);
    params[1] = param_time(arena, now);
    params[2] = param_int8(arena, worker->config->fallback.after);
    params[3] = param_array(&contacts);
    params[4] = param_array(&conversations);
    params[5] = param_text(short_link_before(arena, worker->config));
    params[6] = param_array(&codes);
    call_add(call, &SQL_FALLBACKS_LOOK, params);
}

void fallbacks_looked(struct worker *worker, struct uuid org, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++) {
        bool gone_on = !row_null(rows, row, 3);
        count(gone_on ? COUNT_FELL_BACK : COUNT_NOWHERE, 1);
        log_event(LOG_INFO, gone_on ? "fallback.went_on" : "fallback.nowhere",
                  LOG_ID("org", org), LOG_ID("conversation", row_uuid(rows, row, 0)),
                  LOG_I("seq", row_int(rows, row, 1)), LOG_S("by", row_text(rows, row, 3)));
        if (gone_on)
            worker_wake_lane(worker, row_uuid(rows, row, 4));
    }
}

bool fallbacks_topic(struct str timer, struct str *topic)
{
    struct str before = STR("notice.news/");

    if (!str_starts(timer, before))
        return false;
    *topic = str_slice(timer, before.len, timer.len);
    return true;
}
