/*
 * A mail server for what leaves by SMTP: it takes each mail for one of our people, and shows it
 * in their mailbox beside those of Resend.
 *
 * It refuses what a real one refuses: what comes before STARTTLS and signing in where it wants
 * those, other senders than the business, people without a mailbox, what is too large; and a
 * mail that is not as it should be (smtp_check.c). "250" is said when the mail is on the disk.
 * Everything is bounded: connections, lines, a mail's size, and how long a client may say
 * nothing.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/smtp_tls.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define SESSIONS_MAX 64
#define LINE_MAX_    2000
#define TEXT_LINE    998 /* RFC 5322 */
#define MAIL_MAX     (16UL * 1024 * 1024)
#define SIZE_MAX_    "16777216" /* the same in letters */
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
    size_t mail_len, mail_room;
    char from[160];
    struct chatter *to;
    struct tls *tls;   /* NULL: in the clear */
    const char *wrong; /* with the lines of the mail under way */
    bool in_data, ends, closed;
    bool starts_tls; /* what else came in the clear counts for nothing */
    bool signs_in, signed_in;
    bool too_large;
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
    tls_close(session->tls);
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

struct saying {
    uv_write_t write;
    struct session *session;
    char bytes[8192];
};

static void said(uv_write_t *write, int status)
{
    struct saying *saying = CONTAINER_OF(write, struct saying, write);
    struct session *session = saying->session;
    free(saying);
    if (status != 0 || session->ends)
        hang_up(session);
}

static void put_on_wire(struct session *session, struct str bytes)
{
    struct saying *saying = calloc(1, sizeof(*saying));
    uv_buf_t buf;
    if (!saying || bytes.len > sizeof(saying->bytes))
        abort();
    memcpy(saying->bytes, bytes.at, bytes.len);
    saying->session = session;
    buf = uv_buf_init(saying->bytes, (unsigned)bytes.len);
    if (uv_write(&saying->write, (uv_stream_t *)&session->tcp, &buf, 1, said) != 0) {
        free(saying);
        hang_up(session);
    }
}

static void flush_tls(struct session *session)
{
    char room[8192];
    size_t n;
    while (!session->closed && (n = tls_pull(session->tls, room, sizeof(room))) > 0)
        put_on_wire(session, (struct str){room, n});
}

static void say(struct session *session, const char *line)
{
    if (!session->tls) {
        put_on_wire(session, str_from(line));
        return;
    }
    tls_say(session->tls, str_from(line));
    flush_tls(session);
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

/* It is not taken, and those who look for violations see why. */
static void refuse_mail(struct session *session, const char *wrong)
{
    struct sandbox *sandbox = session->sandbox;
    char line[200];
    sandbox->n_findings++;
    json_array_append_new(sandbox->findings,
                          json_pack("{s:s, s:s, s:s%}", "kind", "smtp", "detail", wrong, "body",
                                    session->mail ? session->mail : "",
                                    session->mail_len < 4000 ? session->mail_len : 4000));
    if (json_array_size(sandbox->findings) > 100)
        json_array_remove(sandbox->findings, 0);
    (void)fprintf(stderr, "parley-sandbox: smtp: %s\n", wrong);
    (void)snprintf(line, sizeof(line), "550 5.6.0 %s\r\n", wrong);
    say(session, line);
}

static void take(struct session *session)
{
    struct sandbox *sandbox = session->sandbox;
    struct str raw = {session->mail ? session->mail : "", session->mail_len};
    OWNED_JSON(mail) = mime_in_read(raw);
    const char *wrong = session->wrong ? session->wrong
                                       : smtp_wrong(mail, raw, str_from(session->from),
                                                    str_from(session->to->mail));
    if (wrong) {
        refuse_mail(session, wrong);
        return;
    }
    struct arena arena;
    arena_init(&arena);
    json_object_set_new(mail, "to", json_pack("[s]", session->to->mail));
    json_object_set_new(mail, "smtp", json_true());
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

/* Room grows to the double, since the realloc of each line would copy a large mail often. */
static void keep_line(struct session *session, struct str line)
{
    size_t wanted = session->mail_len + line.len + 2;
    if (wanted > session->mail_room) {
        session->mail_room = 2 * wanted;
        session->mail = realloc(session->mail, session->mail_room);
        if (!session->mail)
            abort();
    }
    memcpy(session->mail + session->mail_len, line.at, line.len);
    memcpy(session->mail + session->mail_len + line.len, "\r\n", 2);
    session->mail_len = wanted;
}

static void judge_line(struct session *session, struct str line, bool whole)
{
    if (!whole)
        session->wrong = "a line does not end in CRLF";
    if (line.len > TEXT_LINE)
        session->wrong = "a line has more than 998 characters";
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if (c >= 0x7f || (c < ' ' && c != '\t'))
            session->wrong = "a byte is no plain letter";
    }
}

/* `whole`: it ended in CRLF. */
static void add_line(struct session *session, struct str line, bool whole)
{
    if (whole && str_eq(line, STR("."))) {
        session->in_data = false;
        if (session->too_large) {
            say(session, "552 5.3.4 too large\r\n");
        } else {
            take(session);
        }
        return;
    }
    if (line.len > 0 && line.at[0] == '.')
        line = str_slice(line, 1, line.len);
    judge_line(session, line, whole);
    session->too_large = session->too_large || session->mail_len + line.len + 2 > MAIL_MAX;
    if (!session->too_large)
        keep_line(session, line);
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

/* What stands between the brackets. */
static struct str between(struct str line)
{
    struct str rest = str_slice(line, str_find(line, STR("<")) + 1, line.len);
    return str_slice(rest, 0, str_find(rest, STR(">")));
}

static bool is_too_large(struct str line)
{
    size_t at = str_find(line, STR(" SIZE="));
    struct str rest = str_slice(line, at + strlen(" SIZE="), line.len);
    int64_t size = 0;
    return at < line.len && str_to_int(str_slice(rest, 0, str_find(rest, STR(" "))), &size) &&
           size > (int64_t)MAIL_MAX;
}

static void set_sender(struct session *session, struct str line)
{
    const struct settings *settings = &session->sandbox->settings;
    struct str from = between(line);
    session->to = NULL;
    session->mail_len = 0;
    session->from[0] = '\0';
    if (settings->smtp_password && !session->signed_in) {
        say(session, "530 5.7.0 sign in first\r\n");
    } else if (is_too_large(line)) {
        say(session, "552 5.3.4 too large\r\n");
    } else if (from.len == 0 || from.len >= sizeof(session->from) ||
               (settings->mail_address && !str_eq(from, str_from(settings->mail_address)))) {
        say(session, "553 5.7.1 not your address\r\n");
    } else {
        memcpy(session->from, from.at, from.len);
        session->from[from.len] = '\0';
        say(session, "250 2.1.0 fine\r\n");
    }
}

/* AUTH PLAIN (RFC 4616): nobody's name, the user, the password. */
static void sign_in(struct session *session, struct str text)
{
    const struct settings *settings = &session->sandbox->settings;
    char given[300];
    size_t n = 0;
    session->signs_in = false;
    if (sodium_base642bin((unsigned char *)given, sizeof(given), text.at, text.len, NULL, &n,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        n = 0;
    struct arena arena;
    arena_init(&arena);
    struct str wanted = arena_concat(&arena, (struct str){"", 1}, str_from(settings->smtp_user),
                                     (struct str){"", 1}, str_from(settings->smtp_password));
    session->signed_in = crypto_equal((struct str){given, n}, wanted);
    arena_finish(&arena);
    say(session, session->signed_in ? "235 2.7.0 welcome\r\n" : "535 5.7.8 who?\r\n");
}

static void greet(struct session *session)
{
    const struct settings *settings = &session->sandbox->settings;
    bool open = session->tls || !settings->smtp_cert;
    char line[200];
    (void)snprintf(line, sizeof(line), "250-sandbox.example\r\n%s%s250 SIZE " SIZE_MAX_ "\r\n",
                   open ? "" : "250-STARTTLS\r\n",
                   open && settings->smtp_password ? "250-AUTH PLAIN\r\n" : "");
    say(session, line);
}

static void begin_data(struct session *session)
{
    session->in_data = session->to != NULL;
    session->mail_len = 0;
    session->wrong = NULL;
    session->too_large = false;
    say(session, session->to ? "354 go on\r\n" : "503 5.5.1 to whom?\r\n");
}

static bool obey_always(struct session *session, struct str line)
{
    const struct settings *settings = &session->sandbox->settings;
    if (is_command(line, "EHLO") || is_command(line, "HELO")) {
        greet(session);
    } else if (is_command(line, "QUIT")) {
        session->ends = true;
        say(session, "221 2.0.0 bye\r\n");
    } else if (is_command(line, "NOOP")) {
        say(session, "250 2.0.0 fine\r\n");
    } else if (is_command(line, "STARTTLS") && settings->smtp_cert && !session->tls) {
        say(session, "220 2.0.0 go on\r\n");
        session->tls = tls_open();
        session->starts_tls = true;
    } else if (settings->smtp_cert && !session->tls) {
        say(session, "530 5.7.0 STARTTLS first\r\n");
    } else {
        return false;
    }
    return true;
}

static void obey(struct session *session, struct str line)
{
    if (obey_always(session, line))
        return;
    if (session->signs_in) {
        sign_in(session, line);
    } else if (is_command(line, "AUTH PLAIN") && session->sandbox->settings.smtp_password) {
        session->signs_in = true;
        struct str first = str_trim(str_slice(line, strlen("AUTH PLAIN"), line.len));
        if (first.len > 0) {
            sign_in(session, first);
        } else {
            say(session, "334 \r\n");
        }
    } else if (is_command(line, "MAIL FROM:")) {
        set_sender(session, line);
    } else if (is_command(line, "RSET")) {
        session->to = NULL;
        session->from[0] = '\0';
        say(session, "250 2.0.0 fine\r\n");
    } else if (is_command(line, "RCPT TO:") && session->from[0]) {
        set_recipient(session, between(line));
    } else if (is_command(line, "DATA")) {
        begin_data(session);
    } else {
        say(session, "502 5.5.1 not here\r\n");
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
    bool whole = line.len > 0 && line.at[line.len - 1] == '\r';
    if (whole)
        line.len--;
    session->len = 0;
    if (session->in_data) {
        add_line(session, line, whole);
    } else {
        obey(session, line);
    }
}

/* --- connections -------------------------------------------------------------------------- */

static void make_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    static char room[16384]; /* read at once, one after the other */
    (void)handle;
    (void)wanted;
    *buf = uv_buf_init(room, sizeof(room));
}

static void hear_all(struct session *session, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && !session->closed && !session->ends && !session->starts_tls; i++)
        hear(session, bytes[i]);
}

static void heard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct session *session = CONTAINER_OF((uv_tcp_t *)stream, struct session, tcp);
    char plain[4096];
    int got = 0;
    if (n < 0) {
        hang_up(session);
        return;
    }
    timer_start(&session->sandbox->loop, &session->timer, IDLE, too_quiet);
    session->starts_tls = false;
    if (!session->tls) {
        hear_all(session, buf->base, (size_t)n);
        return;
    }
    tls_feed(session->tls, buf->base, (size_t)n);
    while (!session->closed && (got = tls_read(session->tls, plain, sizeof(plain))) > 0)
        hear_all(session, plain, (size_t)got);
    if (!session->closed)
        flush_tls(session);
    if (got < 0)
        hang_up(session);
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
    if (sandbox->settings.smtp_cert && !tls_make(sandbox->settings.smtp_cert, err))
        return false;
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
    tls_forget(); /* connections hold it, too */
}
