#include "bot/notices.h"

#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "store/sql.h"

#define AT_ONCE 50

void notices_look(struct db_call *call, struct uuid org, usec_t now)
{
    struct db_param *params = arena_array(call->into, struct db_param, 3);

    params[0] = param_uuid(call->into, org);
    params[1] = param_time(call->into, now);
    params[2] = param_int4(call->into, AT_ONCE);
    call_add(call, &SQL_NOTICES_PLACE, params);
}

bool notices_looked(struct uuid org, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++) {
        bool placed = !row_null(rows, row, 2);
        count(placed ? COUNT_NOTICES : COUNT_NOTICES_UNSAID, 1);
        log_event(LOG_INFO, "notice.looked_at", LOG_ID("org", org),
                  LOG_ID("notice", row_uuid(rows, row, 0)),
                  LOG_S("how", row_text(rows, row, 1)));
    }
    return rows_n(rows) == AT_ONCE;
}
