/*
 * One line to the mail server: a thread, its libcurl handle, and the connection that it keeps.
 *
 * A server has taken a mail when it has answered the dot that ends it. Before the dot is sent
 * it has taken nothing, whatever broke; after it, only an answer tells. So what counts is
 * whether libcurl has read our mail to its end, and the last reply. libcurl says which code
 * came last, not to what: the commands that it sends are listened to (their names, nothing
 * else).
 *
 * A connection that was kept may be one that the server has closed, or is about to: then the
 * first mail on it fails before its dot, with no answer or a 421. That says nothing about the
 * mail, so it is begun again at once, once, on a connection of its own. libcurl does not repeat
 * an upload by SMTP by itself.
 *
 * Nobody waits for an answer to QUIT: once it is on its way our side stops reading, and to
 * libcurl the server has hung up.
 */
#include "bot/net/fetch_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAILS_MAX 100 /* on one connection: many servers count them */

/* --- what libcurl asks and tells ---------------------------------------------------------- */

/* Under the lock. A thread may have slept as well as the loop's, and longer than its server. */
static bool may_go_on(struct mail_talk *talk)
{
    talk->too_late =
        talk->too_late || (!talk->whole && talk->until > 0 && clock_monotonic() > talk->until);
    return !talk->gone && !talk->too_late;
}

static size_t on_mail(char *into, size_t size, size_t n, void *user)
{
    struct mail_line *line = user;
    struct mail_talk *talk = line->talk;
    struct str piece;
    bool good;

    if (!talk)
        return CURL_READFUNC_ABORT;
    piece = str_slice(talk->body, talk->sent, size * n);
    pthread_mutex_lock(&line->pool->lock);
    good = may_go_on(talk);
    talk->sent += piece.len;
    talk->whole = talk->whole || (good && talk->sent == talk->body.len);
    pthread_mutex_unlock(&line->pool->lock);
    if (!good)
        return CURL_READFUNC_ABORT;
    if (piece.len > 0)
        memcpy(into, piece.at, piece.len);
    return piece.len;
}

/* libcurl asks now and then, whatever it waits for. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct mail_line *line = user;
    bool gone;

    (void)a, (void)b, (void)c, (void)d;
    pthread_mutex_lock(&line->pool->lock);
    gone = line->talk && line->talk->gone;
    pthread_mutex_unlock(&line->pool->lock);
    return gone;
}

/* A reply's text is said here alone. */
static void hear(struct mail_talk *talk, struct str line)
{
    struct str text = str_trim(line);

    talk->reply_len = text.len < REPLY_MAX ? text.len : REPLY_MAX;
    if (talk->reply_len > 0)
        memcpy(talk->reply, text.at, talk->reply_len);
}

void mail_line_hang_up(struct mail_line *line, int how)
{
    for (unsigned i = 0; i < line->n_sockets; i++)
        (void)shutdown(line->sockets[i], how);
}

static void hang_up(struct mail_line *line, int how)
{
    pthread_mutex_lock(&line->pool->lock);
    mail_line_hang_up(line, how);
    pthread_mutex_unlock(&line->pool->lock);
}

static void note_command(struct mail_line *line, const char *data)
{
    static const char *const known[] = {"EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA"};

    if (memcmp(data, "QUIT", COMMAND_LEN) == 0) {
        line->quit = true;
        hang_up(line, line->leaving ? SHUT_RDWR : SHUT_RD); /* libcurl would say it twice */
    }
    for (size_t i = 0; i < COUNTOF(known) && line->talk; i++) {
        if (memcmp(data, known[i], COMMAND_LEN) == 0)
            memcpy(line->talk->command, data, COMMAND_LEN);
    }
}

/* Of what goes out only commands' names are looked at: the rest may be a password. Nothing of a
 * command goes out when the server reads nothing. */
static int on_talk(CURL *easy, curl_infotype type, char *data, size_t size, void *user)
{
    struct mail_line *line = user;

    (void)easy;
    if (type == CURLINFO_HEADER_IN && !line->quit && line->talk)
        hear(line->talk, (struct str){data, size});
    if (type == CURLINFO_HEADER_OUT && size == 0)
        hang_up(line, SHUT_RDWR);
    if (type == CURLINFO_HEADER_OUT && size >= COMMAND_LEN)
        note_command(line, data);
    return 0;
}

/* Replies come here, too. NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_nothing(char *bytes, size_t size, size_t n, void *user)
{
    (void)bytes;
    (void)user;
    return size * n;
}

/* Nobody dials only to say good bye. */
static int on_socket_made(void *user, curl_socket_t fd, curlsocktype purpose)
{
    struct mail_line *line = user;
    bool room;

    (void)purpose;
    pthread_mutex_lock(&line->pool->lock);
    room = line->n_sockets < SOCKETS_MAX && !line->leaving && line->talk && !line->talk->gone;
    if (room)
        line->sockets[line->n_sockets++] = fd;
    pthread_mutex_unlock(&line->pool->lock);
    line->n_dialled++;
    return room ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* Under the lock, so that its number is nobody else's while it is known. */
static int on_socket_closed(void *user, curl_socket_t fd)
{
    struct mail_line *line = user;
    int said;

    pthread_mutex_lock(&line->pool->lock);
    for (unsigned i = 0; i < line->n_sockets; i++) {
        if (line->sockets[i] == fd) {
            line->sockets[i] = line->sockets[--line->n_sockets];
            break;
        }
    }
    said = close(fd);
    pthread_mutex_unlock(&line->pool->lock);
    return said;
}

/* --- one try ------------------------------------------------------------------------------ */

static void set_listeners(struct mail_line *line)
{
    CURL *easy = line->easy;

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, line);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_nothing);
    (void)curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_talk);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGDATA, line);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, line);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, line);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, line);
    /* this file knows how old a connection may be */
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 86400L);
}

static void set_server(CURL *easy, const struct mail_talk *talk)
{
    (void)curl_easy_setopt(easy, CURLOPT_URL, talk->url.at);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
                           (long)(talk->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (talk->ca_file.len > 0)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, talk->ca_file.at);
    (void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 600L); /* it may be renewed */
    if (talk->user.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_USERNAME, talk->user.at);
        (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, talk->password.at);
    }
}

static void set_mail(struct mail_line *line, struct mail_talk *talk, usec_t left)
{
    CURL *easy = line->easy;

    curl_slist_free_all(line->to);
    line->to = curl_slist_append(NULL, talk->to.at);
    if (!line->to)
        abort();
    (void)curl_easy_setopt(easy, CURLOPT_MAIL_FROM, talk->from.at);
    (void)curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, line->to);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)talk->body.len);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, talk->reason);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(talk->connect_timeout / USEC_PER_MSEC));
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left / USEC_PER_MSEC) + 1);
}

static void attempt(struct mail_line *line, struct mail_talk *talk)
{
    usec_t left = talk->deadline - clock_monotonic();

    talk->sent = talk->reply_len = 0;
    talk->reason[0] = talk->command[0] = '\0';
    line->n_dialled = 0;
    line->quit = line->leaving = false;
    if (left <= 0) {
        talk->code = CURLE_OPERATION_TIMEDOUT;
        return;
    }
    curl_easy_reset(line->easy); /* which keeps the connection */
    set_listeners(line);
    set_server(line->easy, talk);
    set_mail(line, talk, left);
    talk->code = curl_easy_perform(line->easy);
    (void)curl_easy_setopt(line->easy, CURLOPT_ERRORBUFFER, NULL);
}

/* --- the connection that is kept ---------------------------------------------------------- */

/* As the handle stands after a mail, so that libcurl finds the connection. */
static void say_good_bye(struct mail_line *line)
{
    CURL *easy = line->easy;

    if (line->n_sockets > 0) {
        line->quit = line->leaving = true;
        (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, NULL);
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "QUIT");
        (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 1000L);
        (void)curl_easy_perform(easy);
    }
    hang_up(line, SHUT_RDWR); /* should it be kept all the same, it holds up nobody */
}

static bool is_fit(const struct mail_line *line, const struct mail_talk *talk)
{
    return memcmp(&line->way, &talk->way, sizeof line->way) == 0 && line->n_mails < MAILS_MAX &&
           clock_monotonic() - line->opened_at < line->pool->age_max;
}

/* Whether the mail met nothing but a connection that was no good any more. */
static bool met_the_end(struct mail_line *line, const struct mail_talk *talk)
{
    bool untouched;

    pthread_mutex_lock(&line->pool->lock);
    untouched = !talk->whole && !talk->gone && !talk->too_late;
    pthread_mutex_unlock(&line->pool->lock);
    return untouched && line->n_dialled == 0 && talk->code != CURLE_OK &&
           talk->code != CURLE_OPERATION_TIMEDOUT &&
           (talk->reply_len == 0 || memcmp(talk->reply, "421", 3) == 0);
}

static void deliver(struct mail_line *line, struct mail_talk *talk)
{
    bool kept = line->n_sockets > 0 && is_fit(line, talk);

    if (!kept)
        say_good_bye(line);
    attempt(line, talk);
    if (kept && met_the_end(line, talk))
        attempt(line, talk);
    if (line->n_dialled > 0) {
        line->way = talk->way;
        line->opened_at = clock_monotonic();
        line->n_mails = 0;
    }
    line->n_mails++;
}

/* --- the thread --------------------------------------------------------------------------- */

static struct timespec from_now(usec_t wait)
{
    usec_t then = clock_monotonic() + wait;

    return (struct timespec){.tv_sec = then / USEC_PER_SEC,
                             .tv_nsec = then % USEC_PER_SEC * 1000};
}

/* NULL: there was none for as long as a connection is kept, or the fetcher stops. */
static struct mail_talk *next_talk(struct mail_line *line)
{
    struct mail_pool *pool = line->pool;
    struct timespec until = from_now(pool->idle_max);
    struct mail_talk *talk;
    int waited = 0;

    pthread_mutex_lock(&pool->lock);
    pool->n_idle++;
    while (!pool->waiting && !pool->stopping && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
    pool->n_idle--;
    talk = pool->waiting;
    if (talk) {
        pool->waiting = talk->next;
        if (!pool->waiting)
            pool->last = &pool->waiting;
        pool->n_waiting--;
        talk->line = line;
    } else {
        pool->n_lines--;
    }
    line->talk = talk;
    pthread_mutex_unlock(&pool->lock);
    return talk;
}

static void hand_back(struct mail_line *line, struct mail_talk *talk)
{
    struct mail_pool *pool = line->pool;

    pthread_mutex_lock(&pool->lock);
    line->talk = NULL;
    talk->line = NULL;
    talk->ended = true;
    talk->next = pool->ended;
    pool->ended = talk;
    pthread_mutex_unlock(&pool->lock);
    (void)uv_async_send(&pool->news);
}

void *mail_line_run(void *user)
{
    struct mail_line *line = user;
    struct mail_pool *pool = line->pool;
    struct mail_talk *talk;

    line->easy = curl_easy_init();
    if (!line->easy)
        abort();
    while ((talk = next_talk(line)) != NULL) {
        deliver(line, talk);
        hand_back(line, talk);
    }
    say_good_bye(line);
    curl_easy_cleanup(line->easy);
    curl_slist_free_all(line->to);
    pthread_mutex_lock(&pool->lock);
    line->next = pool->over;
    pool->over = line;
    pthread_mutex_unlock(&pool->lock);
    (void)uv_async_send(&pool->news);
    return NULL;
}
