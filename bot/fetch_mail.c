/*
 * SMTP, which libcurl speaks, and an honest account of how far a mail got.
 *
 * A server has taken a mail when it has answered the dot that ends it. Before the dot is sent
 * it has taken nothing, whatever broke; after it, only an answer tells. So what counts is
 * whether libcurl has read our mail to its end, and the last reply. libcurl says which code
 * came last, not to what: the commands that it sends are listened to (their names, nothing
 * else).
 *
 * libcurl says QUIT when it closes a connection, and waits for the answer there and then, which
 * would hold up the loop. Idle ones are given up without; at the end the sockets are shut
 * first.
 */
#include "bot/fetch_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMAND_LEN 4
#define REPLY_MAX   200

struct mail_talk {
    char command[COMMAND_LEN + 1]; /* the last one that we know; empty: the greeting */
    char reply[REPLY_MAX];         /* its last line */
    size_t reply_len;
    bool quit;  /* what is said now is about nothing but that */
    bool whole; /* libcurl has read the mail to its end */
    struct curl_slist *to;
};

static size_t on_mail(char *into, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;
    struct str piece = str_slice(transfer->fetch->request->body, transfer->sent, size * n);

    if (piece.len > 0)
        memcpy(into, piece.at, piece.len);
    transfer->sent += piece.len;
    transfer->mail->whole = transfer->sent == transfer->fetch->request->body.len;
    return piece.len;
}

/* A reply's text is said here alone. */
static void hear(struct mail_talk *talk, struct str line)
{
    struct str text = str_trim(line);

    talk->reply_len = text.len < REPLY_MAX ? text.len : REPLY_MAX;
    if (talk->reply_len > 0)
        memcpy(talk->reply, text.at, talk->reply_len);
}

/* Of what goes out only commands' names are looked at: the rest may be a password. */
static int on_talk(CURL *easy, curl_infotype type, char *data, size_t size, void *user)
{
    static const char *const known[] = {"EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA"};
    struct mail_talk *talk = ((struct transfer *)user)->mail;

    if (type == CURLINFO_HEADER_IN && !talk->quit)
        hear(talk, (struct str){data, size});
    if (type != CURLINFO_HEADER_OUT || size < COMMAND_LEN)
        return 0;
    if (memcmp(data, "QUIT", COMMAND_LEN) == 0) {
        talk->quit = true;
        (void)curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, FETCH_QUIT_WAIT);
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
    struct fetcher *fetcher = user;

    (void)purpose;
    if (fetcher->n_mail_sockets < FETCH_MAIL_SOCKETS)
        fetcher->mail_sockets[fetcher->n_mail_sockets++] = fd;
    return CURL_SOCKOPT_OK;
}

static int on_socket_closed(void *user, curl_socket_t fd)
{
    struct fetcher *fetcher = user;

    for (unsigned i = 0; i < fetcher->n_mail_sockets; i++) {
        if (fetcher->mail_sockets[i] == fd) {
            fetcher->mail_sockets[i] = fetcher->mail_sockets[--fetcher->n_mail_sockets];
            break;
        }
    }
    return close(fd);
}

void fetch_mail_shut(struct fetcher *fetcher)
{
    for (unsigned i = 0; i < fetcher->n_mail_sockets; i++)
        (void)shutdown(fetcher->mail_sockets[i], SHUT_RDWR);
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

static void set_recipient(struct transfer *transfer, struct str to)
{
    char *copy = NULL;

    if (asprintf(&copy, "<%.*s>", STR_ARG(to)) < 0)
        abort();
    transfer->mail->to = curl_slist_append(NULL, copy);
    free(copy);
    if (!transfer->mail->to)
        abort();
    (void)curl_easy_setopt(transfer->easy, CURLOPT_MAIL_RCPT, transfer->mail->to);
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

bool fetch_mail_begin(struct transfer *transfer)
{
    const struct http_request *request = transfer->fetch->request;
    const struct mail_envelope *mail = request->mail;
    CURL *easy = transfer->easy;

    transfer->mail = calloc(1, sizeof *transfer->mail);
    if (!transfer->mail)
        abort();
    if (!is_plain(mail->from) || !is_plain(mail->to))
        return false;
    set_safety(easy, mail);
    set_text(easy, CURLOPT_MAIL_FROM, "<", mail->from, ">");
    set_recipient(transfer, mail->to);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body.len);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_nothing);
    (void)curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_talk);
    (void)curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, transfer->fetcher);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->fetcher);
    return true;
}

/* --- the end ------------------------------------------------------------------------------ */

enum http_fate fetch_mail_fate(const struct transfer *transfer)
{
    return transfer->mail->whole ? HTTP_UNKNOWN : HTTP_NOT_SENT;
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
                        transfer->reason[0] ? transfer->reason : curl_easy_strerror(code));
    }
}

void fetch_mail_free(struct transfer *transfer)
{
    if (!transfer->mail)
        return;
    curl_slist_free_all(transfer->mail->to);
    free(transfer->mail);
    transfer->mail = NULL;
}
