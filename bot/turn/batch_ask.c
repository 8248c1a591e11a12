/*
 * What turns wait for, put into the flight of this round, and its results brought back to them.
 * `work->asked` says of each question whose it is; the flight's results come in its order.
 */
#include "bot/turn/batch_ask.h"

#include "bot/turn/batch_action.h"
#include "bot/turn/books.h"
#include "bot/view/portal.h"
#include "bot/view/short_link.h"
#include "store/parts.h"
#include "store/sql.h"

enum { REVIEW_LINKS = 5 }; /* as many as review_links gives at most */

static struct asked *ask(struct batch_work *work)
{
    work->asked = arena_more(&work->arena, work->asked, work->n_asked, &work->room_asked);
    return &work->asked[work->n_asked++];
}

void batch_ask_book(struct batch_work *work, struct turn *turn)
{
    struct books *books = work->batch->worker->books;
    struct hash16 version = flow_state_version(turn->state);
    struct hash16 none = {{0}};

    turn->book = books_newest(books);
    if (turn->at_rest || memcmp(&version, &none, sizeof none) == 0)
        return;
    turn->book = books_find(books, version);
    if (turn->book == NULL) {
        struct db_param *params = arena_array(&work->arena, struct db_param, 1);
        struct hash16 *kept = arena_new(&work->arena, struct hash16);
        *kept = version;
        params[0] = param_text((struct str){(const char *)kept->bytes, sizeof kept->bytes});
        *ask(work) = (struct asked){.what = ASKED_BOOK, .turn = turn, .query = work->flight.n};
        flight_add(work->conn, &work->flight, &SQL_BOOK_FIND, params);
    }
}

void batch_ask_customer(struct batch_work *work, struct turn *turn)
{
    if (uuid_is_none(turn->customer))
        return;
    struct db_param *params = arena_array(&work->arena, struct db_param, 2);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_uuid(&work->arena, turn->customer);
    flight_set_customer(work->conn, &work->flight, turn->customer);
    *ask(work) = (struct asked){.what = ASKED_CUSTOMER, .turn = turn, .query = work->flight.n};
    flight_add(work->conn, &work->flight, &SQL_TURN_CUSTOMER, params);
}

static void answer_customer(struct batch_work *work, struct turn *turn, const PGresult *rows)
{
    static const char *const names[] = {"name", "email", "company"};
    struct record_builder facts;

    turn->customer_facts = NULL;
    turn->shut_out = rows_n(rows) > 0 && !row_bool(rows, 0, 5);
    if (rows_n(rows) == 0 || turn->shut_out)
        return;
    record_build(&facts, &work->arena);
    for (int i = 0; i < (int)COUNTOF(names); i++) {
        struct str text = arena_str(&work->arena, row_text(rows, 0, i));
        if (text.len > 0)
            record_set(&facts, str_from(names[i]), value_text(text));
    }
    turn->customer_facts = record_built(&facts);
    turn->customer_language = arena_str(&work->arena, row_text(rows, 0, 3));
    turn->customer_zone = arena_str(&work->arena, row_text(rows, 0, 4));
    turn->awaited = arena_str(&work->arena, row_text(rows, 0, 6));
    turn->awaited_at = row_time(rows, 0, 7);
}

/* Whose turn it is, for a load or an action; @id is drawn anew for each. */
static struct part_frame frame_of(struct batch_work *work, struct turn *turn,
                                  const struct part *part, const struct record *takes)
{
    const struct config *config = work->batch->worker->config;
    struct value typed = record_get(takes, STR("code"));
    struct part_frame frame = (struct part_frame){
        .org = work->batch->business->org,
        .customer = turn->customer_facts != NULL ? turn->customer : (struct uuid){{0}},
        .conversation = turn->conversation,
        .contact = turn->contact,
        .account = turn->account->account,
        .now = work->now,
        .id = worker_uuid(),
        .text = turn->items[turn->at]->event->text};

    turn->code_made = part_takes(part, "@code");
    if (turn->code_made) {
        frame.channels = batch_code_channels(work);
        turn->code = code_make(&work->arena, config, frame.org, turn->contact);
        frame.code = turn->code.hash;
    }
    if (part_takes(part, "@portal"))
        frame.portal = portal_hash(&work->arena, config, frame.org, frame.id);
    if (part_takes(part, "@portal_short"))
        frame.portal_short = portal_short_hash(&work->arena, config, frame.org, frame.id);
    if (part_takes(part, "@links"))
        frame.links = short_link_fresh(&work->arena, config, frame.org, REVIEW_LINKS);
    if (part_takes(part, "@given") && typed.kind == VALUE_TEXT)
        frame.given = code_hash(&work->arena, config, frame.org, turn->contact, typed.text);
    return frame;
}

/* There is nothing to look up for who is not known. */
void batch_ask_needs(struct batch_work *work, struct turn *turn)
{
    size_t n;
    const struct flow_need *needs = flow_turn_needs(turn->flow, &n);
    bool known = turn->customer_facts != NULL;
    bool set = false;

    if (turn->awaits_customer) { /* the action was done; its answer waits for who writes now */
        batch_ask_customer(work, turn);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct part *part = parts_find(str_from(needs[i].name));
        if (part == NULL || (!known && !part->anyone && part->kind != PART_ACTION)) {
            flow_turn_answer(turn->flow, i, &(struct flow_answer){0});
            continue;
        }
        struct part_frame frame = frame_of(work, turn, part, needs[i].takes);
        if (!set)
            flight_set_customer(work->conn, &work->flight, frame.customer);
        set = true;
        *ask(work) = (struct asked){
            .what = ASKED_NEED, .turn = turn, .need = i, .query = work->flight.n};
        flight_add(work->conn, &work->flight, part->sql,
                   part_params(&work->arena, part, &frame, needs[i].takes));
    }
}

static bool answer_need(struct batch_work *work, const struct asked *asked,
                        const PGresult *rows)
{
    size_t n;
    const struct flow_need *need = &flow_turn_needs(asked->turn->flow, &n)[asked->need];
    struct flow_answer answer = {0};

    if (!part_answer(&work->arena, parts_find(str_from(need->name)), rows, &answer.value,
                     &answer.outcome, &work->batch->err))
        return false;
    if (need->kind == FLOW_ACTION) {
        work->links_wanted +=
            strcmp(need->name, "checkout_make") == 0 && strcmp(answer.outcome, "wanted") == 0;
        batch_action_answer(work, asked->turn, asked->need, &answer);
    } else {
        flow_turn_answer(asked->turn->flow, asked->need, &answer);
    }
    return true;
}

void batch_ask_jobs(struct batch_work *work)
{
    struct db_array ids, times;
    struct db_param *params = arena_array(&work->arena, struct db_param, 3);

    if (work->n_jobs == 0)
        return;
    array_init(&ids, &work->arena, DB_UUID);
    array_init(&times, &work->arena, DB_TIME);
    for (size_t i = 0; i < work->n_jobs; i++) {
        work->jobs[i]->job->live = false;
        array_uuid(&ids, work->jobs[i]->job->id);
        array_time(&times, work->jobs[i]->job->due_at);
    }
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_array(&ids);
    params[2] = param_array(&times);
    *ask(work) = (struct asked){.what = ASKED_JOBS, .query = work->flight.n};
    flight_add(work->conn, &work->flight, &SQL_TURN_JOBS, params);
}

static void answer_jobs(struct batch_work *work, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++) {
        struct uuid id = row_uuid(rows, row, 0);
        for (size_t i = 0; i < work->n_jobs; i++) {
            if (uuid_eq(work->jobs[i]->job->id, id))
                work->jobs[i]->job->live = true;
        }
    }
}

bool batch_answer(struct batch_work *work, const struct asked *asked, const PGresult *rows)
{
    if (asked->what == ASKED_NEED)
        return answer_need(work, asked, rows);
    if (asked->what == ASKED_JOBS) {
        answer_jobs(work, rows);
        return true;
    }
    if (asked->what == ASKED_CUSTOMER) {
        answer_customer(work, asked->turn, rows);
        batch_action_answer_after(work, asked->turn);
        return true;
    }
    asked->turn->book =
        books_add(work->batch->worker->books, flow_state_version(asked->turn->state),
                  rows_n(rows) > 0 ? row_text(rows, 0, 0) : STR_NONE);
    return true;
}
