/*
 * SMTP as the loop sees it: mails go to a few lines (bot/net/fetch_line.c), and come back.
 *
 * A line is begun when a mail waits and none is idle, up to a number, and ends when it has had
 * nothing to do for as long as a connection is kept. The loop may give a mail up at any time:
 * one that waits is dropped, one under way has its line's sockets shut, and comes back for
 * nobody. A mail's time counts from its beginning here, so none waits longer than it may take.
 */
#include "bot/net/fetch_line.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define DEFAULT_LINES 8

static usec_t or_else(usec_t time, usec_t otherwise)
{
    return time > 0 ? time : otherwise;
}

/* --- a mail ------------------------------------------------------------------------------- */

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] >= 0x7f || text.at[i] == '<' || text.at[i] == '>')
            return false;
    }
    return text.len > 0;
}

static struct str copy(struct mail_talk *talk, struct str text)
{
    return (struct str){arena_cstr(&talk->arena, text), text.len};
}

/* A greeting's name, which the path is, makes no other way. */
static struct hash16 way_of(const struct mail_talk *talk)
{
    size_t end = talk->url.len;

    while (end > 0 && talk->url.at[end - 1] != '/')
        end--;
    const struct str parts[] = {str_slice(talk->url, 0, end),
                                talk->starttls ? STR("starttls") : STR_NONE, talk->user,
                                talk->password, talk->ca_file};
    return hash16_of(parts, COUNTOF(parts));
}

static struct mail_talk *talk_new(struct transfer *transfer)
{
    const struct fetch *fetch = transfer->fetch;
    const struct mail_envelope *mail = fetch->request->mail;
    const char *ca_file = transfer->fetcher->options.ca_file;
    struct mail_talk *talk = calloc(1, sizeof *talk);

    if (!talk)
        abort();
    talk->pool = transfer->fetcher->mail;
    talk->transfer = transfer;
    talk->url = copy(talk, fetch->request->url);
    talk->from = arena_format(&talk->arena, "<%.*s>", STR_ARG(mail->from));
    talk->to = arena_format(&talk->arena, "<%.*s>", STR_ARG(mail->to));
    talk->user = copy(talk, mail->user);
    talk->password = copy(talk, mail->password);
    talk->ca_file = copy(talk, mail->ca_file.len > 0 ? mail->ca_file
                               : ca_file             ? str_from(ca_file)
                                                     : STR_NONE);
    talk->body = copy(talk, fetch->request->body);
    talk->starttls = mail->starttls;
    talk->way = way_of(talk);
    talk->connect_timeout = or_else(fetch->connect_timeout, DEFAULT_CONNECT_TIMEOUT);
    talk->deadline = transfer->began + or_else(fetch->timeout, DEFAULT_TIMEOUT);
    talk->until = fetch->until;
    return talk;
}

static void talk_free(struct mail_talk *talk)
{
    crypto_wipe((char *)talk->password.at, talk->password.len);
    arena_finish(&talk->arena);
    free(talk);
}

/* --- the pool ----------------------------------------------------------------------------- */

static void pool_closed(uv_handle_t *handle)
{
    struct mail_pool *pool = CONTAINER_OF((uv_async_t *)handle, struct mail_pool, news);
    struct fetcher *fetcher = pool->fetcher;

    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
    fetcher->handles--;
    fetcher_settle(fetcher);
}

static void join_lines(struct mail_pool *pool, struct mail_line *over)
{
    while (over) {
        struct mail_line *next = over->next;
        (void)pthread_join(over->thread, NULL); /* it has nothing left to do */
        free(over);
        pool->n_threads--;
        over = next;
    }
}

static void finish_talks(struct mail_talk *ended)
{
    while (ended) {
        struct mail_talk *next = ended->next;
        struct transfer *transfer = ended->transfer;
        ended->next = NULL;
        if (transfer)
            fetcher_finish(transfer, ended->code);
        talk_free(ended);
        ended = next;
    }
}

static struct mail_talk *in_order(struct mail_talk *latest_first)
{
    struct mail_talk *first = NULL;

    while (latest_first) {
        struct mail_talk *next = latest_first->next;
        latest_first->next = first;
        first = latest_first;
        latest_first = next;
    }
    return first;
}

static void close_when_over(struct mail_pool *pool)
{
    if (pool->fetcher->destroyed && pool->n_threads == 0 &&
        !uv_is_closing((uv_handle_t *)&pool->news))
        uv_close((uv_handle_t *)&pool->news, pool_closed);
}

static void take_news(uv_async_t *news)
{
    struct mail_pool *pool = CONTAINER_OF(news, struct mail_pool, news);

    pthread_mutex_lock(&pool->lock);
    struct mail_talk *ended = in_order(pool->ended);
    struct mail_line *over = pool->over;
    pool->ended = NULL;
    pool->over = NULL;
    pthread_mutex_unlock(&pool->lock);
    finish_talks(ended);
    join_lines(pool, over);
    close_when_over(pool);
}

static void init_locks(struct mail_pool *pool)
{
    pthread_condattr_t steady;

    if (pthread_mutex_init(&pool->lock, NULL) != 0 || pthread_condattr_init(&steady) != 0 ||
        pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&pool->work, &steady) != 0)
        abort();
    (void)pthread_condattr_destroy(&steady);
}

static void open_pool(struct fetcher *fetcher)
{
    struct mail_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        abort();
    pool->fetcher = fetcher;
    pool->last = &pool->waiting;
    pool->idle_max = or_else(fetcher->options.reuse_idle, DEFAULT_REUSE_IDLE);
    pool->age_max = or_else(fetcher->options.reuse_total, DEFAULT_REUSE_TOTAL);
    init_locks(pool);
    if (uv_async_init(&fetcher->loop->uv, &pool->news, take_news) != 0)
        abort();
    fetcher->handles++;
    fetcher->mail = pool;
}

/* Signals are for the loop's thread. */
static bool begin_line(struct mail_pool *pool)
{
    struct mail_line *line = calloc(1, sizeof *line);
    sigset_t all, before;

    if (!line)
        abort();
    line->pool = pool;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool begun = pthread_create(&line->thread, NULL, mail_line_run, line) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!begun) {
        free(line);
        return false;
    }
    pool->n_lines++;
    pool->n_threads++;
    return true;
}

/* Where no thread is to be had, nothing was sent. */
static void put(struct mail_pool *pool, struct mail_talk *talk)
{
    unsigned wish = pool->fetcher->options.mail_lines, most = wish > 0 ? wish : DEFAULT_LINES;
    bool enough;

    pthread_mutex_lock(&pool->lock);
    enough = pool->n_waiting < pool->n_idle || pool->n_lines >= most || begin_line(pool) ||
             pool->n_lines > 0;
    if (enough) {
        *pool->last = talk;
        pool->last = &talk->next;
        pool->n_waiting++;
        (void)pthread_cond_signal(&pool->work);
    } else {
        talk->code = CURLE_OUT_OF_MEMORY;
        talk->ended = true;
        pool->ended = talk;
        (void)uv_async_send(&pool->news);
    }
    pthread_mutex_unlock(&pool->lock);
}

bool fetch_mail_begin(struct transfer *transfer)
{
    const struct mail_envelope *mail = transfer->fetch->request->mail;

    if (!is_plain(mail->from) || !is_plain(mail->to))
        return false;
    if (!transfer->fetcher->mail)
        open_pool(transfer->fetcher);
    transfer->mail = talk_new(transfer);
    put(transfer->fetcher->mail, transfer->mail);
    return true;
}

void fetch_mail_stop(struct fetcher *fetcher)
{
    struct mail_pool *pool = fetcher->mail;

    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    (void)uv_async_send(&pool->news);
}

void fetch_mail_extend(struct transfer *transfer, usec_t until)
{
    struct mail_talk *talk = transfer->mail;

    pthread_mutex_lock(&talk->pool->lock);
    talk->until = until;
    pthread_mutex_unlock(&talk->pool->lock);
}

/* --- the end of a mail -------------------------------------------------------------------- */

enum http_fate fetch_mail_fate(const struct transfer *transfer)
{
    struct mail_talk *talk = transfer->mail;
    bool whole;

    if (!talk)
        return HTTP_NOT_SENT;
    pthread_mutex_lock(&talk->pool->lock);
    talk->gone = true;
    whole = talk->whole;
    pthread_mutex_unlock(&talk->pool->lock);
    return whole ? HTTP_UNKNOWN : HTTP_NOT_SENT;
}

void fetch_mail_end(struct transfer *transfer, CURLcode code)
{
    struct fetch *fetch = transfer->fetch;
    const struct mail_talk *talk = transfer->mail;
    struct str reply = {talk->reply, talk->reply_len};
    int64_t status = 0;

    if (talk->too_late) { /* whatever the server said to that */
        fetch->answer.fate = HTTP_NOT_SENT;
        (void)err_raise(&fetch->err, ERR_CANCELED, "its time was over before it was sent");
        return;
    }
    if (!str_to_int(str_slice(reply, 0, 3), &status))
        status = 0;
    fetch->answer.fate = HTTP_ANSWERED;
    fetch->answer.status = (int)status;
    if (code == CURLE_OK) {
        fetch->answer.body = fetch->request->mail->id;
    } else if (status >= 400 && code != CURLE_OPERATION_TIMEDOUT) {
        fetch->answer.body = arena_format(fetch->into, "%s %.*s",
                                          talk->whole ? "BODY" : talk->command, STR_ARG(reply));
    } else {
        fetch->answer.fate = fetch_mail_fate(transfer);
        (void)err_raise(&fetch->err, ERR_RETRY, "%s",
                        talk->reason[0] ? talk->reason : curl_easy_strerror(code));
    }
}

static void stop_waiting(struct mail_pool *pool, struct mail_talk *talk)
{
    struct mail_talk **slot = &pool->waiting;

    while (*slot != talk)
        slot = &(*slot)->next;
    *slot = talk->next;
    if (!*slot)
        pool->last = slot;
    pool->n_waiting--;
}

void fetch_mail_leave(struct transfer *transfer)
{
    struct mail_talk *talk = transfer->mail;
    bool nobodys = false;

    transfer->mail = NULL;
    if (!talk)
        return;
    pthread_mutex_lock(&talk->pool->lock);
    talk->gone = true;
    talk->transfer = NULL;
    if (talk->line) {
        mail_line_hang_up(talk->line, SHUT_RDWR);
    } else if (!talk->ended) {
        stop_waiting(talk->pool, talk);
        nobodys = true;
    }
    pthread_mutex_unlock(&talk->pool->lock);
    if (nobodys)
        talk_free(talk);
}
