#include "bot/later/paper_make.h"

#include "bot/later/paper_draw.h"
#include "bot/turn/books.h"
#include "store/sql.h"

#include <stdlib.h>

static const struct sql *const statements[PAPER_KINDS] = {
    [PAPER_ORDER] = &SQL_PAPER_ORDER,
    [PAPER_INVOICE] = &SQL_PAPER_INVOICE,
    [PAPER_RECEIPT] = &SQL_PAPER_RECEIPT,
};

/* --- drawing --------------------------------------------------------------------------------
 */

/* On a thread: it has nothing but the paper. */
static void draw(uv_work_t *work)
{
    struct paper_make *make = CONTAINER_OF(work, struct paper_make, work);

    make->drawn = paper_draw(&make->paper, &make->drawn_len, &make->err);
}

static void drawn(uv_work_t *work, int status)
{
    struct paper_make *make = CONTAINER_OF(work, struct paper_make, work);

    (void)status;
    make->found = make->drawn != NULL;
    if (make->drawn != NULL)
        make->bytes = arena_str(make->into, (struct str){make->drawn, make->drawn_len});
    free(make->drawn);
    make->done(make);
}

static void start(struct paper_make *make)
{
    make->filename = make->paper.filename;
    if (uv_queue_work(&make->worker->loop.uv, &make->work, draw, drawn) != 0)
        abort(); /* only ever without a function */
}

/* --- what stands there
 * ------------------------------------------------------------------------ */

static struct str text(struct paper_make *make, const PGresult *rows, int column)
{
    return arena_str(make->into, row_text(rows, 0, column));
}

static void word(struct paper_make *make, const PGresult *sender, const struct record *facts)
{
    struct paper_ask ask = {
        .kind = make->kind,
        .words = book_words(books_newest(make->worker->books)),
        .locale = {.lang = make->lang, .zone = text(make, sender, 3), .now = clock_now()},
        .from = { .name = text(make, sender, 0),
                   .address = text(make,                      sender,                                      1),
                   .website = text(make, sender, 2)},
        .logo = row_null(sender, 0, 4) ? STR_NONE : text(make, sender, 4),
        .facts = facts
    };

    paper_write(make->into, &ask, &make->paper);
}

static void looked_up(struct db_call *call)
{
    struct paper_make *make = CONTAINER_OF(call, struct paper_make, call);
    struct value facts = value_none();

    make->err = call->err;
    if (call->err.code == ERR_NONE && rows_n(call->results[0]) > 0 &&
        rows_n(call->results[1]) > 0 &&
        rows_to_values(make->into, call->results[1], &facts, &make->err) && facts.list->n > 0) {
        word(make, call->results[0], facts.list->items[0].record);
    } else {
        make->done(make);
        return;
    }
    start(make);
}

void paper_make(struct paper_make *make)
{
    struct db_param *params = arena_array(make->into, struct db_param, 4);

    make->found = false;
    make->err = (struct err){.code = ERR_NONE};
    call_init(&make->call, make->into, make->org);
    make->call.customer = make->customer;
    make->call.done = looked_up;
    params[0] = param_uuid(make->into, make->org);
    params[1] = param_uuid(make->into, make->customer);
    params[2] = param_text(make->subject);
    /* how an order stands is said in a language, how money stands depends on the day */
    params[3] = make->kind == PAPER_ORDER ? param_text(str_from(lang_code(make->lang)))
                                          : param_time(make->into, clock_now());
    call_add(&make->call, &SQL_PAPER_SENDER, params);
    call_add(&make->call, statements[make->kind], params);
    db_call(make->db != NULL ? make->db : make->worker->db, &make->call);
}
