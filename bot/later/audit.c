/*
 * Business by business, some hundred rows at a time. Several nodes may come at once: the
 * database lets one at a business's chain, and the others find nothing to do.
 */
#include "bot/later/audit.h"

#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "store/sql.h"

#include <stdlib.h>

#define EVERY   (5 * USEC_PER_SEC)
#define AT_ONCE 500

struct audit {
    struct worker *worker;
    struct timer timer;
    struct arena arena;
    struct db_call call;
    size_t next; /* the account whose business is linked next */
};

static void link_next(struct audit *audit);

static void fired(struct timer *timer)
{
    struct audit *audit = CONTAINER_OF(timer, struct audit, timer);

    audit->next = 0;
    link_next(audit);
}

static void rest(struct audit *audit)
{
    if (!audit->worker->draining)
        timer_start(&audit->worker->loop, &audit->timer, EVERY, fired);
}

static void linked(struct db_call *call)
{
    struct audit *audit = CONTAINER_OF(call, struct audit, call);

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "audit.not_linked", LOG_ERR(&call->err));
    } else if (row_int(call->results[0], 0, 0) == AT_ONCE) {
        audit->next--; /* there is more of this business */
    }
    link_next(audit);
}

/* Accounts of one business mostly stand together; linking twice finds nothing to do. */
static void link_next(struct audit *audit)
{
    const struct account *account = accounts_at(audit->worker->accounts, audit->next);
    struct db_param *params;

    if (account == NULL || audit->worker->draining) {
        rest(audit);
        return;
    }
    audit->next++;
    arena_reset(&audit->arena);
    call_init(&audit->call, &audit->arena, account->org);
    audit->call.done = linked;
    params = arena_array(&audit->arena, struct db_param, 2);
    params[0] = param_uuid(&audit->arena, account->org);
    params[1] = param_int4(&audit->arena, AT_ONCE);
    call_add(&audit->call, &SQL_AUDIT_LINK_MORE, params);
    db_call(audit->worker->db, &audit->call);
}

struct audit *audit_create(struct worker *worker)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (audit == NULL)
        abort();
    audit->worker = worker;
    if (worker->index == 0) /* one of a node is enough */
        rest(audit);
    return audit;
}

void audit_close(struct audit *audit)
{
    timer_close(&audit->timer, NULL);
}

void audit_destroy(struct audit *audit)
{
    if (audit == NULL)
        return;
    arena_finish(&audit->arena);
    free(audit);
}
