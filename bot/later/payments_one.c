/*
 * One request's way to Stripe and back. Each step begins the next from its own `done`. What an
 * answer says of a session or a refund goes the way of events (`payment_said`), so it does not
 * matter which of the two comes first, or whether both do.
 */
#include "bot/later/payments_inside.h"

#include "bot/base/crypto.h"
#include "bot/lane/pause.h"
#include "bot/later/jobs.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#define SHUT_PAUSE  (60 * USEC_PER_SEC)
#define LOOK_PAUSE  (10 * USEC_PER_MIN)
#define DAY_PAUSE   (24 * USEC_PER_HOUR)
#define MADE_WITHIN (15 * USEC_PER_MIN) /* nobody waits for a link any longer */
/* "Idempotency-Key: kept at least 24 h": what is repeated later might be done twice. */
#define KEY_LIFE (20 * USEC_PER_HOUR)

static const struct config *config_of(const struct payment *payment)
{
    return payment->payments->worker->config;
}

static struct stripe_account account_of(const struct payment *payment)
{
    const struct config *config = config_of(payment);

    return (struct stripe_account){config->stripe.base_url, config->stripe.secret_key};
}

static bool is_refund(const struct payment *payment)
{
    return payment->what == PAYMENT_REFUND || payment->what == PAYMENT_LOOK_REFUND;
}

/* --- keeping ------------------------------------------------------------------------------ */

/* When the database did not take it, the lease lapses and it is done again. */
static void kept(struct desk_call *call)
{
    struct payment *payment = CONTAINER_OF(call, struct payment, call);
    struct worker *worker = payment->payments->worker;

    if (call->call.err.code == ERR_NONE) {
        jobs_made(worker->jobs, payment->org, clock_now()); /* there may be something to tell */
        payments_wake(payment->payments, payment->org);
    } else if (call->call.err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "payment.database", LOG_ID("id", payment->id),
                  LOG_ERR(&call->call.err));
    }
    payment_finish(payment);
}

static void put_off(struct desk_call *call)
{
    payment_finish(CONTAINER_OF(call, struct payment, call));
}

static struct db_param *start_call(struct payment *payment, size_t n,
                                   void (*done)(struct desk_call *call))
{
    struct db_param *params = arena_array(&payment->arena, struct db_param, n);

    call_init(&payment->call.call, &payment->arena, payment->org);
    payment->call.done = done;
    params[0] = param_uuid(&payment->arena, payment->org);
    params[1] = param_uuid(&payment->arena, payment->id);
    return params;
}

static void go(struct payment *payment)
{
    desk_door_call(payment->payments->worker->desk, &payment->call);
}

static void add_later(struct payment *payment, usec_t pause)
{
    struct db_param *params = arena_array(&payment->arena, struct db_param, 3);

    params[0] = param_uuid(&payment->arena, payment->org);
    params[1] = param_uuid(&payment->arena, payment->id);
    params[2] = param_time(&payment->arena, clock_now() + pause);
    call_add(&payment->call.call, is_refund(payment) ? &SQL_REFUND_LATER : &SQL_CHECKOUT_LATER,
             params);
}

static void later(struct payment *payment, usec_t pause)
{
    (void)start_call(payment, 2, put_off);
    add_later(payment, pause);
    go(payment);
}

/* A person has to look, where it is about money that should go back. */
static void refuse(struct payment *payment, struct str why)
{
    struct db_param *params = start_call(payment, 4, kept);

    params[2] = param_text(why);
    params[3] = param_time(&payment->arena, clock_now());
    call_add(&payment->call.call,
             is_refund(payment) ? &SQL_REFUND_REFUSED : &SQL_CHECKOUT_REFUSED, params);
    go(payment);
}

static void opened(struct payment *payment, const struct stripe_answer *answer)
{
    struct db_param *params = start_call(payment, 5, kept);

    log_event(LOG_INFO, "payment.link_made", LOG_ID("checkout", payment->id),
              LOG_I("attempt", payment->attempts));
    params[2] = param_text(answer->id);
    params[3] = param_text(answer->url);
    params[4] = param_time(&payment->arena, clock_now());
    call_add(&payment->call.call, &SQL_CHECKOUT_OPENED, params);
    go(payment);
}

/* What the answer says, as if an event had; and where that is nothing new, another look. */
static void say(struct payment *payment, struct str body)
{
    struct str news;
    struct err err = {0};

    if (!stripe_decode_answer(&payment->arena, body, &news, &err)) {
        log_event(LOG_ALERT, "payment.answer", LOG_ID("id", payment->id), LOG_ERR(&err));
        later(payment, DAY_PAUSE);
        return;
    }
    if (news.len == 0) {
        later(payment, LOOK_PAUSE);
        return;
    }
    struct db_param *params = start_call(payment, 3, kept);
    params[1] = param_text(news);
    params[2] = param_time(&payment->arena, clock_now());
    call_add(&payment->call.call, &SQL_PAYMENT_SAID, params);
    add_later(payment, DAY_PAUSE);
    go(payment);
}

/* --- asking ------------------------------------------------------------------------------- */

static void answered(struct fetch *fetch);

static void post(struct payment *payment)
{
    const struct config *config = config_of(payment);

    payment->fetch = (struct fetch){.request = &payment->request,
                                    .connect_timeout = config->stripe.connect_timeout,
                                    .timeout = config->stripe.timeout,
                                    .into = &payment->arena,
                                    .until = payment->until,
                                    .done = answered};
    fetcher_start(payment->payments->worker->fetcher, &payment->fetch);
}

/* Closing came too late, or the session is unknown: what it is, looking tells. */
static void look_instead(struct payment *payment)
{
    const struct stripe_account account = account_of(payment);
    struct err err = {0};

    payment->what = PAYMENT_LOOK;
    payment->until = 0; /* whoever looks changes nothing */
    if (stripe_encode_look(&payment->arena, &account, payment->session, &payment->request,
                           &err)) {
        post(payment);
    } else {
        later(payment, DAY_PAUSE);
    }
}

static void judge_refusal(struct payment *payment, const struct stripe_answer *answer)
{
    if (payment->what == PAYMENT_EXPIRE) {
        look_instead(payment);
        return;
    }
    log_event(LOG_ALERT, "payment.refused", LOG_ID("id", payment->id),
              LOG_I("refund", is_refund(payment)), LOG_S("why", answer->reason));
    if (payment->what == PAYMENT_CREATE) {
        refuse(payment, STR("refused"));
    } else if (payment->what == PAYMENT_REFUND) {
        refuse(payment, answer->reason);
    } else {
        later(payment, DAY_PAUSE);
    }
}

static void judge_delay(struct payment *payment, const struct stripe_answer *answer)
{
    const struct config *config = config_of(payment);
    usec_t spent = clock_now() - payment->began;
    usec_t pause = pause_before_next(config->outbox.retry_first, config->outbox.retry_max,
                                     payment->attempts);
    bool shut = answer->fate == STRIPE_SHUT;

    if (pause < answer->wait)
        pause = answer->wait;
    if (shut && pause < SHUT_PAUSE)
        pause = SHUT_PAUSE;
    log_event(shut ? LOG_ALERT : LOG_WARN, "payment.later", LOG_ID("id", payment->id),
              LOG_I("attempt", payment->attempts), LOG_S("why", answer->reason));
    if (payment->what == PAYMENT_CREATE && spent + pause > MADE_WITHIN) {
        refuse(payment, STR("unavailable"));
    } else if (payment->what == PAYMENT_REFUND && spent + pause > KEY_LIFE) {
        log_event(LOG_ALERT, "payment.refund_unsure", LOG_ID("refund", payment->id));
        refuse(payment, STR("unsure"));
    } else {
        later(payment, pause);
    }
}

static void answered(struct fetch *fetch)
{
    struct payment *payment = CONTAINER_OF(fetch, struct payment, fetch);
    struct stripe_answer answer;

    if (payment->payments->closing || fetch->err.code == ERR_CANCELED) {
        payment_finish(payment); /* we slept until it was another's: after a day Stripe would
                                    not know its key any more */
        return;
    }
    stripe_read_answer(&payment->arena, &fetch->answer, &answer);
    if (answer.fate == STRIPE_REFUSED) {
        judge_refusal(payment, &answer);
    } else if (answer.fate != STRIPE_DONE) {
        judge_delay(payment, &answer);
    } else if (payment->what != PAYMENT_CREATE) {
        say(payment, fetch->answer.body);
    } else if (answer.url.len > 0) {
        opened(payment, &answer);
    } else {
        refuse(payment, STR("refused"));
    }
}

/* --- the request -------------------------------------------------------------------------- */

/* Where the page leads to afterwards: it says only that the conversation goes on. */
static struct str page(struct payment *payment, const char *name)
{
    return arena_concat(&payment->arena, config_of(payment)->public_url, STR("/pay/"),
                        str_from(name), STR("?lang="), payment->language);
}

static bool encode_create(struct payment *payment, struct err *err)
{
    const struct stripe_account account = account_of(payment);
    const struct stripe_checkout checkout = {.org = payment->org,
                                             .checkout = payment->id,
                                             .key = payment->key,
                                             .amount = payment->amount,
                                             .invoice = payment->number,
                                             .business = payment->business,
                                             .language = payment->language,
                                             .done_url = page(payment, "done"),
                                             .back_url = page(payment, "back"),
                                             .expires_at = payment->expires_at};

    return stripe_encode_checkout(&payment->arena, &account, &checkout, &payment->request, err);
}

static bool encode_refund(struct payment *payment, struct err *err)
{
    const struct stripe_account account = account_of(payment);
    const struct stripe_refund refund = {.org = payment->org,
                                         .refund = payment->id,
                                         .key = payment->key,
                                         .payment_intent = payment->intent,
                                         .minor = payment->amount.minor};

    return stripe_encode_refund(&payment->arena, &account, &refund, &payment->request, err);
}

static bool encode(struct payment *payment, struct err *err)
{
    const struct stripe_account account = account_of(payment);

    switch (payment->what) {
    case PAYMENT_CREATE:
        return encode_create(payment, err);
    case PAYMENT_EXPIRE:
        return stripe_encode_expire(&payment->arena, &account, payment->session,
                                    arena_concat(&payment->arena, payment->key, STR("/expire")),
                                    &payment->request, err);
    case PAYMENT_LOOK:
        return stripe_encode_look(&payment->arena, &account, payment->session,
                                  &payment->request, err);
    case PAYMENT_REFUND:
        return encode_refund(payment, err);
    case PAYMENT_LOOK_REFUND:
        return stripe_encode_look_refund(&payment->arena, &account, payment->session,
                                         &payment->request, err);
    }
    return err_raise(err, ERR_BROKEN, "nothing that is done at Stripe");
}

void payment_run(struct payment *payment)
{
    struct err err = {0};

    if (config_of(payment)->stripe.secret_key.len == 0) {
        if (payment->what == PAYMENT_CREATE) {
            refuse(payment, STR("refused")); /* not here: the team finds another way */
        } else {
            later(payment, DAY_PAUSE);
        }
    } else if (encode(payment, &err)) {
        post(payment);
    } else {
        log_event(LOG_ALERT, "payment.unsayable", LOG_ID("id", payment->id), LOG_ERR(&err));
        if (payment->what == PAYMENT_CREATE || payment->what == PAYMENT_REFUND) {
            refuse(payment, STR("refused"));
        } else {
            later(payment, DAY_PAUSE);
        }
    }
}
