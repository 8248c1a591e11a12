/*
 * An action's row has fields that are for the shell: `alert`, `who`, `customer_id`, `channel`,
 * `destination`, `later` (store/parts.h). They are obeyed here, before the flow hears the
 * outcome.
 */
#include "bot/turn/batch_action.h"

#include "bot/base/crypto.h"
#include "bot/loop/log.h"
#include "bot/turn/batch_code.h"
#include "bot/turn/batch_facts.h"

static const enum channel code_channels[] = {CHANNEL_SMS, CHANNEL_EMAIL, CHANNEL_WHATSAPP};

struct str batch_code_channels(struct batch_work *work)
{
    struct str names = STR_NONE;

    for (size_t i = 0; i < COUNTOF(code_channels); i++) {
        if (batch_can_send_code(work, code_channels[i])) {
            names = arena_format(&work->arena, "%.*s%s%s", STR_ARG(names),
                                 names.len > 0 ? "," : "", channel_name(code_channels[i]));
        }
    }
    return names;
}

static bool code_channel(struct str name, enum channel *channel)
{
    for (size_t i = 0; i < COUNTOF(code_channels); i++) {
        *channel = code_channels[i];
        if (str_eq(name, str_from(channel_name(*channel))))
            return true;
    }
    return false;
}

static struct str field_text(const struct flow_answer *answer, struct str name)
{
    struct value value = value_none();

    if (answer->value.kind == VALUE_RECORD)
        value = record_get(answer->value.record, name);
    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

/* The flow is told of an action what it may say, and not what only the shell is to know. */
static void keep_back(struct batch_work *work, struct flow_answer *answer)
{
    const struct record *all = answer->value.record;
    struct record_builder told;

    record_build(&told, &work->arena);
    for (size_t i = 0; i < all->n; i++) {
        struct str name = all->fields[i].name;
        if (!str_eq(name, STR("destination")) && !str_eq(name, STR("customer_id")) &&
            !str_eq(name, STR("later")))
            record_set(&told, name, all->fields[i].value);
    }
    answer->value = value_record(record_built(&told));
}

/* Nobody's conversation any more. */
static void forget_customer(struct turn *turn)
{
    turn->customer = (struct uuid){{0}};
    turn->customer_facts = NULL;
    turn->customer_language = turn->customer_zone = STR_NONE;
    turn->awaited = STR_NONE;
    turn->shut_out = false;
}

/* The code that was made for this action leaves with the turn. */
static void send_code(struct batch_work *work, struct turn *turn,
                      const struct flow_answer *answer)
{
    struct code_message message = {.destination = field_text(answer, STR("destination")),
                                   .code = arena_str(&work->arena, str_from(turn->code.digits)),
                                   .words = STR("verify.code.message")};

    crypto_wipe(turn->code.digits, sizeof turn->code.digits);
    turn->code_made = false;
    if (strcmp(answer->outcome, "sent") != 0)
        return;
    work->codes_sent++;
    if (!code_channel(field_text(answer, STR("channel")), &message.channel))
        return; /* nobody's: it looks as if one had been sent, and none is */
    if (!batch_send_code(work, turn, &message)) {
        log_event(LOG_ALERT, "turns.code_unsendable", LOG_ID("org", work->batch->business->org),
                  LOG_C("channel", channel_name(message.channel)));
    }
}

void batch_action_answer(struct batch_work *work, struct turn *turn, size_t need,
                         struct flow_answer *answer)
{
    struct str who = field_text(answer, STR("who")), alert = field_text(answer, STR("alert"));
    struct uuid customer;

    if (alert.len > 0) {
        work->code_alerts++;
        log_event(LOG_ALERT, "turns.action_alert", LOG_ID("org", work->batch->business->org),
                  LOG_ID("conversation", turn->conversation), LOG_S("what", alert));
    }
    if (field_text(answer, STR("later")).len > 0)
        work->next_job = work->now; /* whoever looks at this business's work finds it */
    if (turn->code_made)
        send_code(work, turn, answer);
    if (uuid_parse(field_text(answer, STR("customer_id")), &customer))
        turn->customer = customer;
    keep_back(work, answer);
    if (str_eq(who, STR("gone"))) {
        forget_customer(turn);
        answer->facts = batch_facts(work, turn);
    } else if (who.len > 0 && !uuid_is_none(turn->customer)) {
        turn->after = *answer;
        turn->after_need = need;
        turn->awaits_customer = true;
        return;
    }
    flow_turn_answer(turn->flow, need, answer);
}

void batch_action_answer_after(struct batch_work *work, struct turn *turn)
{
    if (!turn->awaits_customer)
        return;
    turn->awaits_customer = false;
    turn->after.facts = batch_facts(work, turn);
    flow_turn_answer(turn->flow, turn->after_need, &turn->after);
}
