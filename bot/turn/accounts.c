/*
 * Entries are never moved or freed while the worker lives: items in flight point at them. An
 * entry that left the directory is only hidden.
 */
#include "bot/turn/accounts.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

#define REFRESH_EVERY (30 * USEC_PER_SEC)
#define REFRESH_LEAST USEC_PER_SEC

struct entry {
    struct account account;
    bool listed;
};

struct accounts {
    struct worker *worker;
    struct arena arena; /* the entries */
    struct entry **entries;
    size_t n, room;
    bool loaded;
    bool loading;
    usec_t read_at; /* monotonic */
    struct accounts_wait *waiting;
    void (*changed)(struct worker *worker);
    struct timer timer;
    struct arena scratch;
    struct db_call call;
};

static void refresh(struct accounts *accounts);

static void timer_fired(struct timer *timer)
{
    refresh(CONTAINER_OF(timer, struct accounts, timer));
}

struct accounts *accounts_create(struct worker *worker)
{
    struct accounts *accounts = calloc(1, sizeof *accounts);

    if (accounts == NULL)
        abort();
    accounts->worker = worker;
    timer_start(&worker->loop, &accounts->timer, 0, timer_fired);
    return accounts;
}

/* Among the first `n`, which are sorted. */
static struct entry *find(const struct accounts *accounts, size_t n, struct str external_id)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(accounts->entries[middle]->account.external_id, external_id);
        if (order == 0)
            return accounts->entries[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct account *accounts_find(const struct accounts *accounts, struct str external_id)
{
    struct entry *entry = find(accounts, accounts->n, external_id);

    return entry != NULL && entry->listed ? &entry->account : NULL;
}

const struct account *accounts_of(const struct accounts *accounts, struct uuid org,
                                  enum channel channel)
{
    for (size_t i = 0; i < accounts->n; i++) {
        const struct entry *entry = accounts->entries[i];
        if (entry->listed && entry->account.channel == channel &&
            uuid_eq(entry->account.org, org) && !uuid_is_none(entry->account.account))
            return &entry->account;
    }
    return NULL;
}

const struct account *accounts_with_id(const struct accounts *accounts, struct uuid org,
                                       struct uuid id)
{
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(accounts, i)) != NULL; i++) {
        if (uuid_eq(account->account, id) && uuid_eq(account->org, org))
            return account;
    }
    return NULL;
}

const struct account *accounts_at(const struct accounts *accounts, size_t i)
{
    return i < accounts->n ? &accounts->entries[i]->account : NULL;
}

bool accounts_loaded(const struct accounts *accounts)
{
    return accounts->loaded;
}

bool accounts_stale(const struct accounts *accounts)
{
    return !accounts->loaded || clock_monotonic() - accounts->read_at > REFRESH_LEAST;
}

void accounts_on_change(struct accounts *accounts, void (*changed)(struct worker *worker))
{
    accounts->changed = changed;
}

static const struct config_app *app_named(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        if (str_eq(config->whatsapp.apps[i].name, name.len > 0 ? name : STR("default")))
            return &config->whatsapp.apps[i];
    }
    return NULL;
}

static int by_external_id(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;

    return str_compare((*left)->account.external_id, (*right)->account.external_id);
}

static struct entry *add(struct accounts *accounts, struct str external_id)
{
    struct entry *entry = arena_new(&accounts->arena, struct entry);

    entry->account.external_id =
        (struct str){arena_cstr(&accounts->arena, external_id), external_id.len};
    accounts->entries =
        arena_more(&accounts->arena, accounts->entries, accounts->n, &accounts->room);
    accounts->entries[accounts->n++] = entry;
    return entry;
}

/* As in the directory: "whatsapp" and "whatsapp_business", "sms", "email". */
static enum channel channel_of_kind(struct str kind)
{
    if (str_eq(kind, STR("sms")))
        return CHANNEL_SMS;
    return str_eq(kind, STR("email")) ? CHANNEL_EMAIL : CHANNEL_WHATSAPP;
}

static void take_rows(struct accounts *accounts, const PGresult *rows)
{
    size_t known = accounts->n;

    for (size_t i = 0; i < accounts->n; i++)
        accounts->entries[i]->listed = false;
    for (int row = 0; row < rows_n(rows); row++) {
        struct str external_id = row_text(rows, row, 0);
        struct entry *entry = find(accounts, known, external_id);
        if (entry == NULL)
            entry = add(accounts, external_id);
        entry->account.org = row_uuid(rows, row, 1);
        entry->account.account = row_uuid(rows, row, 2);
        entry->account.channel = channel_of_kind(row_text(rows, row, 4));
        entry->account.app = entry->account.channel == CHANNEL_WHATSAPP
                                 ? app_named(accounts->worker->config, row_text(rows, row, 3))
                                 : NULL;
        entry->listed = true;
    }
    qsort(accounts->entries, accounts->n, sizeof(struct entry *), by_external_id);
}

static void refreshed(struct db_call *call)
{
    struct accounts *accounts = CONTAINER_OF(call, struct accounts, call);
    struct accounts_wait *waiting = accounts->waiting;
    struct err err = call->err;

    accounts->loading = false;
    if (err.code == ERR_NONE) {
        take_rows(accounts, call->results[0]);
        accounts->loaded = true;
        accounts->read_at = clock_monotonic();
        if (accounts->changed != NULL)
            accounts->changed(accounts->worker);
    } else if (err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "accounts.unread", LOG_ERR(&err));
    }
    accounts->waiting = NULL;
    while (waiting != NULL) {
        struct accounts_wait *wait = waiting;
        waiting = wait->next;
        wait->err = err;
        wait->done(wait);
    }
    if (!accounts->worker->draining) {
        timer_start(&accounts->worker->loop, &accounts->timer,
                    err.code == ERR_NONE ? REFRESH_EVERY : REFRESH_LEAST, timer_fired);
    }
}

static void refresh(struct accounts *accounts)
{
    if (accounts->loading)
        return;
    accounts->loading = true;
    arena_reset(&accounts->scratch);
    call_init(&accounts->call, &accounts->scratch, (struct uuid){{0}});
    accounts->call.done = refreshed;
    call_add(&accounts->call, &SQL_ACCOUNTS_ALL, NULL);
    db_call(accounts->worker->db, &accounts->call);
}

void accounts_refresh(struct accounts *accounts, struct accounts_wait *wait)
{
    wait->next = accounts->waiting;
    accounts->waiting = wait;
    refresh(accounts);
}

void accounts_close(struct accounts *accounts)
{
    timer_close(&accounts->timer, NULL);
}

void accounts_destroy(struct accounts *accounts)
{
    if (accounts == NULL)
        return;
    arena_finish(&accounts->arena);
    arena_finish(&accounts->scratch);
    free(accounts);
}
