/* A paper, drawn when it is asked for. */
#include "bot/view/web_inside.h"

#include "bot/file/kept.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#define DRAWING_MAX 8 /* at once: each holds a thread for some 20 ms and its bytes twice */

static void hand_out(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct str name = kept_name(arena, visit->paper.filename, STR("application/pdf"));
    const char *const headers[] = {
        arena_format(arena, "Content-Disposition: attachment; filename=\"%.*s\"", STR_ARG(name))
            .at,
        "Content-Security-Policy: default-src 'none'; sandbox",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "X-Robots-Tag: noindex, nofollow",
        "Cross-Origin-Resource-Policy: same-origin",
        "Cache-Control: no-store",
        NULL};

    http_reply(visit->exchange, 200, "application/pdf", visit->paper.bytes, headers);
}

static void made(struct paper_make *make)
{
    struct web_visit *visit = CONTAINER_OF(make, struct web_visit, paper);

    visit->web->n_drawing--;
    if (make->err.code != ERR_NONE) {
        log_event(make->err.code == ERR_RETRY ? LOG_WARN : LOG_ALERT, "web.paper_failed",
                  LOG_ID("org", visit->org), LOG_ERR(&make->err));
        web_show_plain(visit, 503, "sorry");
    } else if (!make->found) {
        web_show_plain(visit, 404, "missing");
    } else {
        hand_out(visit);
    }
}

static void make(struct web_visit *visit)
{
    if (visit->web->n_drawing >= DRAWING_MAX) {
        web_show_plain(visit, 503, "sorry");
        return;
    }
    visit->web->n_drawing++;
    paper_make(&visit->paper);
}

static void viewed(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);

    if (call->err.code != ERR_NONE) {
        web_show_plain(visit, 503, "sorry");
    } else {
        make(visit);
    }
}

/* The business hears that an invoice was looked at. */
static void view(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 4);

    params[0] = param_uuid(arena, visit->org);
    params[1] = param_uuid(arena, visit->customer);
    params[2] = param_text(visit->paper.subject);
    params[3] = param_time(arena, visit->page.locale.now);
    web_call_init(visit, viewed);
    call_add(&visit->call, &SQL_PORTAL_VIEWED, params);
    db_call(visit->web->db, &visit->call);
}

/* "invoice/INV-7.pdf" */
void web_paper(struct web_visit *visit, struct str rest)
{
    struct arena *arena = &visit->exchange->arena;
    size_t slash = str_find(rest, STR("/"));
    enum paper_kind kind;

    if (slash == rest.len || !str_ends(rest, STR(".pdf")) ||
        !paper_kind_parse(str_slice(rest, 0, slash), &kind)) {
        web_show_plain(visit, 404, "missing");
        return;
    }
    struct str subject = str_slice(rest, slash + 1, rest.len - slash - 1 - strlen(".pdf"));
    visit->paper = (struct paper_make){.worker = visit->web->worker,
                                       .db = visit->web->db,
                                       .org = visit->org,
                                       .customer = visit->customer,
                                       .kind = kind,
                                       .subject = str_sane(arena, subject),
                                       .lang = visit->page.locale.lang,
                                       .into = arena,
                                       .done = made};
    if (kind == PAPER_INVOICE && !visit->head) {
        view(visit);
    } else {
        make(visit);
    }
}
