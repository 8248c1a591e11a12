/*
 * SMTP, which libcurl speaks, and an honest account of how far a mail got.
 *
 * A server has taken a mail when it has answered the dot that ends it. Before the dot is sent
 * it has taken nothing, whatever broke; after it, only an answer tells. So what counts is
 * whether libcurl has read our mail to its end, and the last reply. libcurl says which code
 * came last, not to what: the commands that it sends are listened to (their names, nothing
 * else).
 *
 * libcurl waits for two answers wherever it is: the one to the dot, which takes as long as the
 * server looks at a mail, and the one to QUIT. On the loop that would hold up everybody, so
 * each mail under way has a thread, which knows nothing but its own talk, and a connection of
 * its own. The loop may give a mail up at any time: its sockets are shut, and the thread ends
 * by itself, for nobody. Nobody waits for an answer to QUIT at all: once it is on its way our
 * side stops reading, and to libcurl the server has hung up.
 */
#include "bot/fetch_inside.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMAND_LEN 4
#define REPLY_MAX   200
#define SOCKETS_MAX 4 /* of one transfer: libcurl tries two addresses at a time */

struct mail_talk {
    struct transfer *transfer; /* the loop's; NULL: it was given up */
    struct fetcher *fetcher;
    uv_async_t ended; /* the thread has */
    pthread_t thread;
    bool begun, joined; /* there is, or was, a thread */
    CURL *easy;         /* the thread's, once it runs */
    CURLcode code;
    char reason[CURL_ERROR_SIZE];
    char *body; /* a copy: it outlives the fetch that is given up */
    size_t len, sent;
    char command[COMMAND_LEN + 1]; /* the last one that we know; empty: the greeting */
    char reply[REPLY_MAX];         /* its last line */
    size_t reply_len;
    bool quit;            /* what is said now is about nothing but that */
    pthread_mutex_t lock; /* of what follows */
    bool gone;            /* not a byte more is to leave */
    bool whole;           /* libcurl has read the mail to its end */
    curl_socket_t sockets[SOCKETS_MAX];
    unsigned n_sockets;
    struct curl_slist *to;
};

static size_t on_mail(char *into, size_t size, size_t n, void *user)
{
    struct mail_talk *talk = user;
    struct str piece = str_slice((struct str){talk->body, talk->len}, talk->sent, size * n);
    bool gone;

    pthread_mutex_lock(&talk->lock);
    gone = talk->gone;
    talk->sent += piece.len;
    talk->whole = talk->whole || (!gone && talk->sent == talk->len);
    pthread_mutex_unlock(&talk->lock);
    if (gone)
        return CURL_READFUNC_ABORT;
    if (piece.len > 0)
        memcpy(into, piece.at, piece.len);
    return piece.len;
}

/* libcurl asks now and then, whatever it waits for. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct mail_talk *talk = user;
    bool gone;

    (void)a, (void)b, (void)c, (void)d;
    pthread_mutex_lock(&talk->lock);
    gone = talk->gone;
    pthread_mutex_unlock(&talk->lock);
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

/* The server is not waited for any more. */
static void hang_up(struct mail_talk *talk, int how)
{
    pthread_mutex_lock(&talk->lock);
    for (unsigned i = 0; i < talk->n_sockets; i++)
        (void)shutdown(talk->sockets[i], how);
    pthread_mutex_unlock(&talk->lock);
}

/* Of what goes out only commands' names are looked at: the rest may be a password. Nothing of a
 * command goes out when the server reads nothing. */
static int on_talk(CURL *easy, curl_infotype type, char *data, size_t size, void *user)
{
    static const char *const known[] = {"EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA"};
    struct mail_talk *talk = user;

    (void)easy;
    if (type == CURLINFO_HEADER_IN && !talk->quit)
        hear(talk, (struct str){data, size});
    if (type == CURLINFO_HEADER_OUT && size == 0)
        hang_up(talk, SHUT_RDWR);
    if (type != CURLINFO_HEADER_OUT || size < COMMAND_LEN)
        return 0;
    if (memcmp(data, "QUIT", COMMAND_LEN) == 0) {
        talk->quit = true;
        hang_up(talk, SHUT_RD);
    }
    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (memcmp(data, known[i], COMMAND_LEN) == 0)
            memcpy(talk->command, data, COMMAND_LEN);
    }
    return 0;
}

/* Replies come here, too. NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_nothing(char *bytes, size_t size, size_t n, void *user)
{
    (void)bytes;
    (void)user;
    return size * n;
}

/* --- sockets ------------------------------------------------------------------------------ */

static int on_socket_made(void *user, curl_socket_t fd, curlsocktype purpose)
{
    struct mail_talk *talk = user;
    bool room;

    (void)purpose;
    pthread_mutex_lock(&talk->lock);
    room = talk->n_sockets < SOCKETS_MAX && !talk->gone;
    if (room)
        talk->sockets[talk->n_sockets++] = fd;
    pthread_mutex_unlock(&talk->lock);
    return room ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* Under the lock, so that its number is nobody else's while it is known. */
static int on_socket_closed(void *user, curl_socket_t fd)
{
    struct mail_talk *talk = user;
    int said;

    pthread_mutex_lock(&talk->lock);
    for (unsigned i = 0; i < talk->n_sockets; i++) {
        if (talk->sockets[i] == fd) {
            talk->sockets[i] = talk->sockets[--talk->n_sockets];
            break;
        }
    }
    said = close(fd);
    pthread_mutex_unlock(&talk->lock);
    return said;
}

/* --- the beginning ------------------------------------------------------------------------ */

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] >= 0x7f || text.at[i] == '<' || text.at[i] == '>')
            return false;
    }
    return text.len > 0;
}

static void set_text(CURL *easy, CURLoption option, const char *before, struct str text,
                     const char *after)
{
    char *copy = NULL;

    if (asprintf(&copy, "%s%.*s%s", before, STR_ARG(text), after) < 0)
        abort();
    (void)curl_easy_setopt(easy, option, copy); /* libcurl copies it */
    free(copy);
}

static void set_recipient(struct mail_talk *talk, struct str to)
{
    char *copy = NULL;

    if (asprintf(&copy, "<%.*s>", STR_ARG(to)) < 0)
        abort();
    talk->to = curl_slist_append(NULL, copy);
    free(copy);
    if (!talk->to)
        abort();
    (void)curl_easy_setopt(talk->easy, CURLOPT_MAIL_RCPT, talk->to);
}

static void set_connection(struct mail_talk *talk)
{
    CURL *easy = talk->easy;

    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, talk);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, talk);
}

static void set_safety(CURL *easy, const struct mail_envelope *mail)
{
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    (void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
                           (long)(mail->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (mail->ca_file.len > 0)
        set_text(easy, CURLOPT_CAINFO, "", mail->ca_file, "");
    if (mail->user.len > 0) {
        set_text(easy, CURLOPT_USERNAME, "", mail->user, "");
        set_text(easy, CURLOPT_PASSWORD, "", mail->password, "");
    }
}

static void set_words(struct mail_talk *talk)
{
    CURL *easy = talk->easy;

    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)talk->len);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, talk);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_nothing);
    (void)curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_talk);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGDATA, talk);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, talk);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, talk->reason);
}

static struct mail_talk *talk_new(struct transfer *transfer)
{
    struct str body = transfer->fetch->request->body;
    struct mail_talk *talk = calloc(1, sizeof *talk);

    if (!talk)
        abort();
    talk->transfer = transfer;
    talk->fetcher = transfer->fetcher;
    talk->body = malloc(body.len + 1);
    if (!talk->body || pthread_mutex_init(&talk->lock, NULL) != 0)
        abort();
    if (body.len > 0)
        memcpy(talk->body, body.at, body.len);
    talk->len = body.len;
    talk->easy = transfer->easy;
    transfer->easy = NULL;
    return talk;
}

static void talk_free(struct mail_talk *talk)
{
    curl_easy_cleanup(talk->easy);
    curl_slist_free_all(talk->to);
    (void)pthread_mutex_destroy(&talk->lock);
    free(talk->body);
    free(talk);
}

/* --- the thread --------------------------------------------------------------------------- */

static void *converse(void *user)
{
    struct mail_talk *talk = user;

    talk->code = curl_easy_perform(talk->easy);
    (void)uv_async_send(&talk->ended);
    return NULL;
}

static void talk_closed(uv_handle_t *handle)
{
    struct mail_talk *talk = CONTAINER_OF((uv_async_t *)handle, struct mail_talk, ended);
    struct fetcher *fetcher = talk->fetcher;

    talk_free(talk);
    fetcher->handles--;
    fetcher_settle(fetcher);
}

static void talk_ended(uv_async_t *async)
{
    struct mail_talk *talk = CONTAINER_OF(async, struct mail_talk, ended);

    if (talk->begun)
        (void)pthread_join(talk->thread, NULL); /* it has nothing left to do */
    talk->joined = true;
    if (talk->transfer)
        fetcher_finish(talk->transfer, talk->code);
    uv_close((uv_handle_t *)async, talk_closed);
}

/* Signals are for the loop's thread. Where no thread is to be had, nothing was sent. */
static void start_thread(struct mail_talk *talk)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    talk->begun = pthread_create(&talk->thread, NULL, converse, talk) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!talk->begun) {
        talk->code = CURLE_OUT_OF_MEMORY;
        (void)uv_async_send(&talk->ended);
    }
}

bool fetch_mail_begin(struct transfer *transfer)
{
    const struct mail_envelope *mail = transfer->fetch->request->mail;
    struct mail_talk *talk = talk_new(transfer);

    if (!is_plain(mail->from) || !is_plain(mail->to)) {
        talk_free(talk);
        return false;
    }
    set_safety(talk->easy, mail);
    set_text(talk->easy, CURLOPT_MAIL_FROM, "<", mail->from, ">");
    set_recipient(talk, mail->to);
    set_words(talk);
    set_connection(talk);
    if (uv_async_init(&talk->fetcher->loop->uv, &talk->ended, talk_ended) != 0)
        abort();
    talk->fetcher->handles++;
    transfer->mail = talk;
    start_thread(talk);
    return true;
}

/* --- the end ------------------------------------------------------------------------------ */

enum http_fate fetch_mail_fate(const struct transfer *transfer)
{
    struct mail_talk *talk = transfer->mail;
    bool whole;

    if (!talk)
        return HTTP_NOT_SENT;
    pthread_mutex_lock(&talk->lock);
    talk->gone = true;
    whole = talk->whole;
    pthread_mutex_unlock(&talk->lock);
    return whole ? HTTP_UNKNOWN : HTTP_NOT_SENT;
}

void fetch_mail_end(struct transfer *transfer, CURLcode code)
{
    struct fetch *fetch = transfer->fetch;
    const struct mail_talk *talk = transfer->mail;
    struct str reply = {talk->reply, talk->reply_len};
    int64_t status = 0;

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

void fetch_mail_leave(struct transfer *transfer)
{
    struct mail_talk *talk = transfer->mail;

    transfer->mail = NULL;
    if (!talk)
        return;
    talk->transfer = NULL;
    if (talk->joined)
        return;
    (void)pthread_mutex_lock(&talk->lock);
    talk->gone = true;
    (void)pthread_mutex_unlock(&talk->lock);
    hang_up(talk, SHUT_RDWR);
}
