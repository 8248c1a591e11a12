#include "bot/later/notices.h"

#include "bot/base/json.h"
#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "bot/turn/books.h"
#include "bot/view/short_link.h"
#include "flows/templates.h"
#include "store/sql.h"

#include <stdlib.h>

#define AT_ONCE 50

/* --- looking ------------------------------------------------------------------------------ */

/* What the book's templates can tell, and what each must be told. */
static struct str templates_json(struct arena *into, const struct book *book, bool links)
{
    OWNED_JSON(all) = json_array();
    size_t n;
    const struct message_template *templates = book_templates(book, &n);

    for (size_t i = 0; i < n; i++) {
        json_t *needs;
        if (template_is_linked(&templates[i]) && !links)
            continue;
        needs = json_array();
        for (size_t k = 0; k < templates[i].n_params; k++) {
            struct str name = templates[i].params[k].name;
            json_array_append_new(needs, json_stringn(name.at, name.len));
        }
        for (size_t k = 0; k < templates[i].n_kinds; k++) {
            json_t *entry = json_object();
            json_set_text(entry, "kind", templates[i].kinds[k]);
            json_set_text(entry, "name", templates[i].name);
            json_object_set(entry, "needs", needs);
            json_array_append_new(all, entry);
        }
        json_decref(needs);
    }
    return json_write(into, all);
}

void notices_look(struct worker *worker, struct db_call *call, struct uuid org, usec_t now)
{
    struct db_param *params = arena_array(call->into, struct db_param, 4);

    params[0] = param_uuid(call->into, org);
    params[1] = param_time(call->into, now);
    params[2] = param_int4(call->into, AT_ONCE);
    params[3] = param_text(templates_json(call->into, books_newest(worker->books),
                                          worker->config->public_url.len > 0));
    call_add(call, &SQL_NOTICES_PLACE, params);
}

/* --- telling by a template ---------------------------------------------------------------- */

/* Its memory is its own and ends with it. */
struct telling {
    struct worker *worker;
    struct arena arena;
    struct uuid org, notice;
    struct db_call call;
};

static void told(struct db_call *call)
{
    struct telling *telling = CONTAINER_OF(call, struct telling, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL) {
        log_event(LOG_WARN, "notice.database", LOG_ID("notice", telling->notice),
                  LOG_ERR(&call->err));
    } else if (rows_n(rows) > 0) {
        bool sent = !row_null(rows, 0, 1);
        count(sent ? COUNT_NOTICES : COUNT_NOTICES_UNSAID, 1);
        log_event(LOG_INFO, "notice.templated", LOG_ID("org", telling->org),
                  LOG_ID("notice", telling->notice), LOG_S("how", row_text(rows, 0, 0)));
        if (sent)
            worker_wake_lane(telling->worker, row_uuid(rows, 0, 1));
    }
    arena_finish(&telling->arena);
    free(telling);
}

/* What the template becomes with this news; false when it cannot tell it. Its button leads
 * through a short address, to be kept with the message. */
static bool make(struct telling *telling, struct str name, const struct record *row,
                 struct reply *reply)
{
    const struct book *book = books_newest(telling->worker->books);
    const struct message_template *template = book_template(book, name);
    struct locale locale = {.zone = record_get(row, STR("zone")).text, .now = clock_now()};
    struct value news = record_get(row, STR("news"));

    if (template == NULL || news.kind != VALUE_RECORD ||
        !lang_parse(record_get(row, STR("language")).text, &locale.lang) ||
        !template_fill(&telling->arena, book, template, &locale, news.record, reply)) {
        log_event(LOG_ALERT, "notice.unfit", LOG_ID("notice", telling->notice),
                  LOG_S("template", name));
        return false;
    }
    if (template_is_linked(template))
        reply->template_code = short_link_code(&telling->arena, telling->org);
    return true;
}

static void tell(struct worker *worker, struct uuid org, struct uuid notice,
                 const struct record *row)
{
    struct telling *telling = calloc(1, sizeof *telling);
    struct reply reply = {0};
    struct db_param *params;

    if (telling == NULL)
        abort();
    telling->worker = worker;
    telling->org = org;
    telling->notice = notice;
    call_init(&telling->call, &telling->arena, org);
    telling->call.done = told;
    bool fits = make(telling, record_get(row, STR("template")).text, row, &reply);
    params = arena_array(&telling->arena, struct db_param, 6);
    params[0] = param_uuid(&telling->arena, org);
    params[1] = param_uuid(&telling->arena, notice);
    params[2] = param_text(fits ? reply_to_json(&telling->arena, &reply) : STR(""));
    params[3] = param_time(&telling->arena, clock_now());
    params[4] = param_text(reply.template_code.len > 0 ? reply.template_code : STR(""));
    params[5] = param_text(reply.template_code.len > 0 ? reply.url : STR(""));
    call_add(&telling->call, &SQL_NOTICE_TELL, params);
    db_call(worker->db, &telling->call);
}

/* --- looked ------------------------------------------------------------------------------- */

bool notices_looked(struct worker *worker, struct uuid org, const PGresult *rows)
{
    struct arena scratch = {0};
    struct value values = value_none();
    struct err err = {0};

    if (!rows_to_values(&scratch, rows, &values, &err)) {
        log_event(LOG_ALERT, "notice.unreadable", LOG_ID("org", org), LOG_ERR(&err));
        values = value_none();
    }
    for (int row = 0; row < rows_n(rows); row++) {
        struct uuid notice = row_uuid(rows, row, 0);
        struct str how = row_text(rows, row, 1);
        if (!row_null(rows, row, 3) && values.kind == VALUE_LIST) {
            tell(worker, org, notice, values.list->items[row].record);
            continue;
        }
        count(row_null(rows, row, 2) ? COUNT_NOTICES_UNSAID : COUNT_NOTICES, 1);
        log_event(LOG_INFO, "notice.looked_at", LOG_ID("org", org), LOG_ID("notice", notice),
                  LOG_S("how", how));
    }
    arena_finish(&scratch);
    return rows_n(rows) >= AT_ONCE;
}
