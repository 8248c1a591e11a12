/*
 * A mail server for what leaves by SMTP: it takes each mail for one of our people, and shows it
 * in their mailbox beside those of Resend.
 *
 * Without encryption, since it listens on this machine only (smtp.tls: none). "250" is said
 * when the mail is on the disk. Everything is bounded: connections, lines, a mail's size, and
 * how long a client may say nothing.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <stdlib.h>
#include <strings.h>

#define SESSIONS_MAX 32
#define LINE_MAX_    2000
#define MAIL_MAX     (4UL * 1024 * 1024)
#define IDLE         (60 * USEC_PER_SEC)

struct session {
    uv_tcp_t tcp;
    struct timer timer;
    struct sandbox *sandbox;
    struct session *next, **slot;
    struct journal_wait wait;
    char line[LINE_MAX_];
    size_t len;
    char *mail;
    size_t mail_len;
    struct chatter *to;
    bool in_data, ends, closed;
    unsigned waits; /* answers that are owed to it */
    unsigned handles;
};

struct smtp_sink {
    uv_tcp_t listener;
    struct sandbox *sandbox;
    struct session *sessions;
    unsigned n;
};

static struct smtp_sink sink;

/* --- the end of a session ----------------------------------------------------------------- */

static void release(struct session *session)
{
    if (session->handles > 0 || session->waits > 0)
        return;
    sink.n--;
    free(session->mail);
    free(session);
}

static void tcp_closed(uv_handle_t *handle)
{
    struct session *session = CONTAINER_OF((uv_tcp_t *)handle, struct session, tcp);
    session->handles--;
    release(session);
}

static void timer_closed(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session, timer);
    session->handles--;
    release(session);
}

static void hang_up(struct session *session)
{
    if (session->closed)
        return;
    session->closed = true;
    *session->slot = session->next;
    if (session->next)
        session->next->slot = session->slot;
    uv_close((uv_handle_t *)&session->tcp, tcp_closed);
    timer_close(&session->timer, timer_closed);
}

static void too_quiet(struct timer *timer)
{
    hang_up(CONTAINER_OF(timer, struct session, timer));
}

/* --- saying ------------------------------------------------------------------------------- */

static void said(uv_write_t *write, int status)
{
    struct session *session = write->data;
    free(write);
    if (status != 0 || session->ends)
        hang_up(session);
}

static void say(struct session *session, const char *line)
{
    uv_write_t *write = calloc(1, sizeof(*write));
    uv_buf_t buf = uv_buf_init((char *)line, (unsigned)strlen(line));
    if (!write)
        abort();
    write->data = session;
    if (uv_write(write, (uv_stream_t *)&session->tcp, &buf, 1, said) != 0) {
        free(write);
        hang_up(session);
    }
}

/* --- a mail ------------------------------------------------------------------------------- */

static void kept(struct journal_wait *wait)
{
    struct session *session = CONTAINER_OF(wait, struct session, wait);
    session->waits--;
    if (session->closed) {
        release(session);
    } else {
        say(session, "250 2.0.0 taken\r\n");
    }
}

static void take(struct session *session)
{
    struct sandbox *sandbox = session->sandbox;
    struct arena arena;
    arena_init(&arena);
    OWNED_JSON(mail) =
        mime_read(&arena, (struct str){session->mail ? session->mail : "", session->mail_len});
    json_object_set_new(mail, "to", json_pack("[s]", session->to->mail));
    json_object_set_new(mail, "smtp", json_true());
    if (!json_string_length(json_object_get(mail, "text")) ||
        !json_string_length(json_object_get(mail, "message_id"))) {
        sandbox->n_findings++;
        say(session, "550 5.6.0 no text or no Message-ID\r\n");
        arena_finish(&arena);
        return;
    }
    struct str id = mail_make_id(&arena);
    OWNED_JSON(record) =
        json_pack("{s:s, s:I, s:I, s:s, s:O, s:s, s:O, s:s%}", "t", "mail", "n",
                  (json_int_t)sandbox->next_n++, "at", (json_int_t)clock_now(), "to",
                  session->to->mail, "body", mail, "sum", "", "key",
                  json_object_get(mail, "message_id"), "id", id.at, id.len);
    journal_append(sandbox->journal, record);
    resend_apply(sandbox, record);
    chats_mark(sandbox, session->to, id, "delivered");
    mail_away(sandbox, &arena, session->to, id);
    arena_finish(&arena);
    session->waits++;
    journal_sync(sandbox->journal, &session->wait, kept);
}

static void add_line(struct session *session, struct str line)
{
    if (str_eq(line, STR("."))) {
        session->in_data = false;
        take(session);
        return;
    }
    if (line.len > 0 && line.at[0] == '.')
        line = str_slice(line, 1, line.len);
    if (session->mail_len + line.len + 2 > MAIL_MAX) {
        session->ends = true;
        say(session, "552 5.3.4 too large\r\n");
        return;
    }
    char *mail = realloc(session->mail, session->mail_len + line.len + 2);
    if (!mail)
        abort();
    memcpy(mail + session->mail_len, line.at, line.len);
    memcpy(mail + session->mail_len + line.len, "\r\n", 2);
    session->mail = mail;
    session->mail_len += line.len + 2;
}

/* --- commands ----------------------------------------------------------------------------- */

static bool is_command(struct str line, const char *name)
{
    return line.len >= strlen(name) && strncasecmp(line.at, name, strlen(name)) == 0;
}

static void set_recipient(struct session *session, struct str line)
{
    struct arena arena;
    arena_init(&arena);
    session->to = chats_mailbox(session->sandbox, &arena, line);
    arena_finish(&arena);
    say(session, !session->to              ? "553 5.1.3 not an address\r\n"
                 : session->to->no_mailbox ? "550 5.1.1 no such mailbox\r\n"
                                           : "250 2.1.5 fine\r\n");
    if (session->to && session->to->no_mailbox)
        session->to = NULL;
}

static void obey(struct session *session, struct str line)
{
    if (is_command(line, "EHLO") || is_command(line, "HELO")) {
        say(session, "250-sandbox.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE "
                     "4194304\r\n");
    } else if (is_command(line, "MAIL FROM:") || is_command(line, "RSET")) {
        session->to = NULL;
        session->mail_len = 0;
        say(session, "250 2.1.0 fine\r\n");
    } else if (is_command(line, "RCPT TO:")) {
        set_recipient(session, line);
    } else if (is_command(line, "DATA")) {
        session->in_data = session->to != NULL;
        session->mail_len = 0;
        say(session, session->to ? "354 go on\r\n" : "503 5.5.1 to whom?\r\n");
    } else if (is_command(line, "QUIT")) {
        session->ends = true;
        say(session, "221 2.0.0 bye\r\n");
    } else {
        say(session,
            is_command(line, "NOOP") ? "250 2.0.0 fine\r\n" : "502 5.5.1 not here\r\n");
    }
}

static void hear(struct session *session, char c)
{
    if (c != '\n') {
        if (session->len < sizeof(session->line))
            session->line[session->len++] = c;
        return;
    }
    struct str line = {session->line, session->len};
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    session->len = 0;
    if (session->in_data)
        add_line(session, line);
    else
        obey(session, line);
}

/* --- connections -------------------------------------------------------------------------- */

static void make_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    static char room[16384]; /* read at once, one after the other */
    (void)handle;
    (void)wanted;
    *buf = uv_buf_init(room, sizeof(room));
}

static void heard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct session *session = CONTAINER_OF((uv_tcp_t *)stream, struct session, tcp);
    if (n < 0) {
        hang_up(session);
        return;
    }
    timer_start(&session->sandbox->loop, &session->timer, IDLE, too_quiet);
    for (ssize_t i = 0; i < n && !session->closed && !session->ends; i++)
        hear(session, buf->base[i]);
}

static void called(uv_stream_t *listener, int status)
{
    struct session *session;
    if (status != 0 || !(session = calloc(1, sizeof(*session))))
        return;
    session->sandbox = sink.sandbox;
    session->handles = 2;
    session->next = sink.sessions;
    session->slot = &sink.sessions;
    if (session->next)
        session->next->slot = &session->next;
    sink.sessions = session;
    sink.n++;
    uv_tcp_init(listener->loop, &session->tcp);
    timer_start(&sink.sandbox->loop, &session->timer, IDLE, too_quiet);
    if (uv_accept(listener, (uv_stream_t *)&session->tcp) != 0 || sink.n > SESSIONS_MAX ||
        uv_read_start((uv_stream_t *)&session->tcp, make_room, heard) != 0) {
        hang_up(session);
        return;
    }
    say(session, "220 sandbox.example ready\r\n");
}

bool smtp_listen(struct sandbox *sandbox, struct err *err)
{
    struct sockaddr_in address;
    int port = sandbox->settings.smtp_port, code;
    if (port == 0)
        return true;
    sink.sandbox = sandbox;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_init(&sandbox->loop.uv, &sink.listener);
    code = uv_tcp_bind(&sink.listener, (const struct sockaddr *)&address, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&sink.listener, SESSIONS_MAX, called);
    return code == 0 || err_raise(err, ERR_REJECT, "--smtp-port: %s", uv_strerror(code));
}

void smtp_stop(struct sandbox *sandbox)
{
    if (sandbox->settings.smtp_port == 0)
        return;
    uv_close((uv_handle_t *)&sink.listener, NULL);
    while (sink.sessions)
        hang_up(sink.sessions);
}
