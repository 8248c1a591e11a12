#include "bot/turn/batch_code.h"

#include "bot/lane/channels.h"
#include "bot/turn/batch_facts.h"
#include "bot/turn/batch_log.h"
#include "bot/turn/books.h"
#include "store/sql.h"

struct batch_code {
    struct batch_code *next;
    const struct account *account;
    struct str destination;
    const char *kind;
    struct str shown;  /* the reply as JSON, the code masked */
    struct str sealed; /* the reply as JSON */
    /* where it belongs, when that conversation is of this batch */
    struct turn *turn;
    int64_t seq;
};

static const struct account *account_for(const struct batch_work *work, enum channel channel)
{
    const struct worker *worker = work->batch->worker;
    const struct account *account =
        accounts_of(worker->accounts, work->batch->business->org, channel);

    if (account == NULL || worker->config->secrets.key.len == 0 ||
        !channel_ways(channel)->is_ready(worker->config, account))
        return NULL;
    return account;
}

bool batch_can_send_code(const struct batch_work *work, enum channel channel)
{
    return account_for(work, channel) != NULL;
}

/* --- the two faces of a code -------------------------------------------------------------- */

/* As many dots as it has digits. */
static struct str mask(struct arena *into, struct str code)
{
    struct str masked = STR_NONE;

    for (size_t i = 0; i < code.len; i++)
        masked = arena_format(into, "%.*s\u2022", STR_ARG(masked));
    return masked;
}

static struct str words_with(struct batch_work *work, const struct turn *turn, struct str key,
                             struct str code)
{
    struct record_builder values;
    struct locale locale = batch_locale(work, turn);

    record_build(&values, &work->arena);
    record_set(&values, STR("business"), value_record(work->batch->business->facts));
    record_set(&values, STR("code"), value_text(code));
    return words_render(&work->arena, book_words(turn->book), &locale, key,
                        record_built(&values), NULL);
}

static struct str face(struct batch_work *work, const struct turn *turn, struct reply *reply,
                       struct str key, struct str code)
{
    struct str *values = arena_array(&work->arena, struct str, 1);

    reply->body = words_with(work, turn, key, code);
    if (reply->kind == REPLY_TEMPLATE) {
        values[0] = code;
        reply->template_code = code;
        reply->template_values = values;
        reply->n_template_values = 1;
    }
    return reply_to_json(&work->arena, reply);
}

static bool writes_here(const struct turn *turn, const struct account *account,
                        struct str destination)
{
    return turn->taken && turn->account == account &&
           (str_eq(turn->address, destination) || str_eq(turn->phone, destination));
}

/* --- promising ---------------------------------------------------------------------------- */

/* By destination, so that batches which lock the same conversations do it in one order; those
 * to one destination stay as they came. */
static void put(struct batch_work *work, struct batch_code *code)
{
    struct batch_code **at = &work->codes;

    while (*at != NULL && str_compare((*at)->destination, code->destination) <= 0)
        at = &(*at)->next;
    code->next = *at;
    *at = code;
}

bool batch_send_code(struct batch_work *work, struct turn *turn,
                     const struct code_message *message)
{
    const struct config *config = work->batch->worker->config;
    const struct account *account = account_for(work, message->channel);
    struct str template = config->whatsapp.code_template;
    struct locale locale = batch_locale(work, turn);
    struct reply reply = {.kind = REPLY_TEXT, .language = str_from(lang_code(locale.lang))};
    struct batch_code *code = arena_new(&work->arena, struct batch_code);

    if (account == NULL || message->destination.len == 0 || message->code.len == 0)
        return false;
    if (message->channel == CHANNEL_WHATSAPP && template.len > 0) {
        reply.kind = REPLY_TEMPLATE;
        reply.template_name = template;
        reply.template_language = str_from(lang_code(locale.lang));
    } else if (message->channel == CHANNEL_WHATSAPP &&
               !writes_here(turn, account, message->destination)) {
        return false;
    }
    code->account = account;
    code->destination = arena_str(&work->arena, message->destination);
    code->kind = reply_kind_name(reply.kind);
    code->shown = face(work, turn, &reply, message->words, mask(&work->arena, message->code));
    struct str plain = face(work, turn, &reply, message->words, message->code);
    if (reply.body.len == 0 || !channel_seal(&work->arena, config, plain, &code->sealed))
        return false;
    put(work, code);
    return true;
}

/* --- writing ------------------------------------------------------------------------------ */

/* A conversation that is held by this batch counts its messages here, not in the database. */
void batch_codes_log(struct batch_work *work)
{
    for (struct batch_code *code = work->codes; code != NULL; code = code->next) {
        for (size_t i = 0; i < work->n_turns && code->turn == NULL; i++) {
            if (writes_here(&work->turns[i], code->account, code->destination))
                code->turn = &work->turns[i];
        }
        if (code->turn != NULL) {
            code->seq = batch_log(work, code->turn,
                                  &(struct batch_row){.kind = code->kind,
                                                      .body = code->shown,
                                                      .at = work->now,
                                                      .cause = code->turn->cause,
                                                      .why = STR("code")});
        }
    }
}

static void write_here(struct batch_work *work, const struct batch_code *code)
{
    struct db_param *params = arena_array(&work->arena, struct db_param, 6);

    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_uuid(&work->arena, code->account->account);
    params[2] = param_uuid(&work->arena, code->turn->conversation);
    params[3] = param_int8(&work->arena, code->seq);
    params[4] = param_time(&work->arena, work->now);
    params[5] = param_text(code->sealed);
    flight_add(work->conn, &work->flight, &SQL_CODE_PROMISE, params);
}

static void write_elsewhere(struct batch_work *work, const struct batch_code *code)
{
    struct db_param *params = arena_array(&work->arena, struct db_param, 10);

    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_uuid(&work->arena, code->account->account);
    params[2] = param_text(str_from(channel_name(code->account->channel)));
    params[3] = param_text(code->destination);
    params[4] = param_uuid(&work->arena, worker_uuid());
    params[5] = param_uuid(&work->arena, worker_uuid());
    params[6] = param_text(str_from(code->kind));
    params[7] = param_text(code->shown);
    params[8] = param_time(&work->arena, work->now);
    params[9] = param_text(code->sealed);
    flight_add(work->conn, &work->flight, &SQL_CODE_PROMISE_ELSEWHERE, params);
}

void batch_codes_write(struct batch_work *work)
{
    for (const struct batch_code *code = work->codes; code != NULL; code = code->next) {
        if (code->turn != NULL) {
            write_here(work, code);
        } else {
            write_elsewhere(work, code);
        }
    }
}

void batch_codes_wake(const struct batch_work *work)
{
    for (const struct batch_code *code = work->codes; code != NULL; code = code->next)
        worker_wake_lane(work->batch->worker, code->account->account);
}
