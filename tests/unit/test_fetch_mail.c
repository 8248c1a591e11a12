/*
 * Mail to servers that answer up to a point, and then say nothing. Whatever they do, the loop
 * turns on: a timer that should fire every few milliseconds measures its longest standstill.
 */
#include "bot/net/fetch.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BEAT (5 * USEC_PER_MSEC)
#define LONGEST_ALLOWED                                                                        \
    (400 * USEC_PER_MSEC) /* a busy machine; libcurl's least wait is 1 s                       \
                           */
#define AT_ONCE 40
#define LINES   8 /* what a fetcher has when it is not told otherwise */

/* --- the other end: a thread for each connection ------------------------------------------ */

/* What it says to whom; NULL: nothing, then and ever after, but it keeps the line open. */
struct manners {
    const char *greeting, *ehlo, *mail, *rcpt, *data, *dot, *quit;
    const char *mail_again, *dot_again; /* for the second of a connection and all after */
    bool hangs_up;                      /* after a mail */
};

#define CLOSES "closes" /* the connection, without a word */

static const struct manners good = {
    "220 here",        "250 here",     "250 2.1.0 ok", "250 2.1.5 ok",    "354 go on",
    "250 2.0.0 taken", "221 good bye", "250 2.1.0 ok", "250 2.0.0 taken", false,
};

struct other_end {
    int fd;
    int port;
    pthread_t thread;
    struct manners manners;
    atomic_int open, accepted, quits, taken;
    atomic_bool stopping;
};

static struct other_end other;
/* Between this program's two sides, which otherwise meet by the fetcher's sockets alone. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void hand_over(void)
{
    pthread_mutex_lock(&turn);
    pthread_mutex_unlock(&turn);
}

static bool say(int fd, const char *words)
{
    char line[100];
    int n = snprintf(line, sizeof line, "%s\r\n", words);

    return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* False when the client has gone. */
static bool hear(int fd, char *line, size_t room)
{
    size_t len = 0;

    while (len == 0 || line[len - 1] != '\n') {
        if (len + 1 == room || recv(fd, line + len, 1, 0) != 1)
            return false;
        len++;
    }
    line[len] = '\0';
    return true;
}

static const char *reply_to(const char *line, bool *in_mail, int *mails)
{
    const struct manners *manners = &other.manners;

    if (*in_mail) {
        *in_mail = strcmp(line, ".\r\n") != 0;
        other.taken += !*in_mail;
        return *in_mail ? "" : *mails > 1 ? manners->dot_again : manners->dot;
    }
    if (strncmp(line, "EHLO", 4) == 0)
        return manners->ehlo;
    if (strncmp(line, "MAIL", 4) == 0)
        return (*mails)++ > 0 ? manners->mail_again : manners->mail;
    if (strncmp(line, "RCPT", 4) == 0)
        return manners->rcpt;
    if (strncmp(line, "DATA", 4) == 0) {
        *in_mail = manners->data && manners->data[0] == '3';
        return manners->data;
    }
    if (strncmp(line, "AUTH", 4) == 0)
        return "334 ";
    if (strncmp(line, "QUIT", 4) != 0)
        return "235 2.7.0 welcome";
    other.quits++;
    return manners->quit;
}

static void *converse(void *socket)
{
    int fd = (int)(intptr_t)socket;
    bool in_mail = false, silent, was_in, hangs_up;
    char line[1200];
    int mails = 0;

    pthread_mutex_lock(&turn);
    const char *greeting = other.manners.greeting;
    pthread_mutex_unlock(&turn);
    silent = !greeting;

    if (!silent)
        silent = !say(fd, greeting);
    while (hear(fd, line, sizeof line)) {
        was_in = in_mail;
        pthread_mutex_lock(&turn);
        const char *reply = silent ? NULL : reply_to(line, &in_mail, &mails);
        hangs_up = other.manners.hangs_up;
        pthread_mutex_unlock(&turn);
        if (silent && strncmp(line, "QUIT", 4) == 0)
            other.quits++;
        silent = !reply;
        if (reply && strcmp(reply, CLOSES) == 0)
            break;
        if (reply && *reply)
            (void)say(fd, reply);
        if (was_in && !in_mail && hangs_up)
            break;
    }
    (void)close(fd);
    other.open--;
    return NULL;
}

static void *accept_all(void *unused)
{
    int fd;

    (void)unused;
    while ((fd = accept(other.fd, NULL, NULL)) >= 0) {
        pthread_t thread;
        other.accepted++;
        other.open++;
        if (pthread_create(&thread, NULL, converse, (void *)(intptr_t)fd) == 0)
            (void)pthread_detach(thread);
    }
    return NULL;
}

/* --- the loop, and its longest standstill ------------------------------------------------- */

static struct loop loop;
static struct fetcher *fetcher;
static struct arena arena;
static struct timer beat;
static usec_t beaten_at, longest;

static void on_beat(struct timer *timer)
{
    usec_t now = clock_monotonic();

    longest = now - beaten_at > longest ? now - beaten_at : longest;
    beaten_at = now;
    timer_start(&loop, timer, BEAT, on_beat);
}

static void listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    other.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(other.fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(other.fd, 512), 0);
    assert_int_equal(getsockname(other.fd, (struct sockaddr *)&address, &len), 0);
    other.port = ntohs(address.sin_port);
}

static int set_up(void **state)
{
    const usec_t *idle = *state;
    const struct fetch_options options = {
        .connections = 2, .allow_http = true, .reuse_idle = idle ? *idle : 0};

    other = (struct other_end){.manners = good};
    listen_somewhere();
    if (!loop_init(&loop, NULL) || !fetcher_create(&loop, &options, &fetcher, NULL))
        return -1;
    beaten_at = clock_monotonic();
    longest = 0;
    timer_start(&loop, &beat, BEAT, on_beat);
    return pthread_create(&other.thread, NULL, accept_all, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    on_beat(&beat);
    fetcher_destroy(fetcher);
    on_beat(&beat); /* what destroying took counts, too */
    timer_close(&beat, NULL);
    bool well = loop_finish(&loop) && longest < LONGEST_ALLOWED;
    (void)shutdown(other.fd, SHUT_RDWR);
    (void)pthread_join(other.thread, NULL);
    (void)close(other.fd);
    for (int i = 0; other.open > 0 && i < 2000; i++)
        (void)usleep(1000);
    well = well && other.open == 0;
    arena_finish(&arena);
    return well ? 0 : -1;
}

/* --- mails -------------------------------------------------------------------------------- */

struct call {
    struct fetch fetch;
    struct mail_envelope envelope;
    struct http_request request;
    int dones;
};

static struct call calls[AT_ONCE];
static int ended;

static void note_done(struct fetch *fetch)
{
    CONTAINER_OF(fetch, struct call, fetch)->dones++;
    ended++;
}

static struct str password; /* of whom signs in, if the server asks for it */
static usec_t good_until;   /* when mails may end; 0: at any time */

static void launch(size_t i)
{
    struct call *call = &calls[i];

    *call = (struct call){
        .envelope = {.from = STR("shop@example.com"),
                     .to = STR("ana@example.net"),
                     .id = STR("<p1@example.com>"),
                     .user = password.len > 0 ? STR("us") : STR_NONE,
                     .password = password   },
        .request = { .method = "MAIL",
                     .url = arena_format(&arena, "smtp://127.0.0.1:%d/example.com", other.port),
                     .body = STR("Subject: x\r\n\r\nGood morning.\r\n"),
                     .mail = &call->envelope},
        .fetch = { .request = &call->request,
                     .connect_timeout = USEC_PER_SEC,
                     .timeout = 3 * USEC_PER_SEC / 2,
                     .until = good_until,
                     .into = &arena,
                     .done = note_done},
    };
    fetcher_start(fetcher, &call->fetch);
}

/* The first `n` calls to their end; then a little longer, for what closes behind them. */
static void send_mails(size_t n)
{
    ended = 0;
    hand_over();
    for (size_t i = 0; i < n; i++)
        launch(i);
    while (ended < (int)n)
        uv_run(&loop.uv, UV_RUN_ONCE);
    for (usec_t until = clock_monotonic() + 50 * USEC_PER_MSEC; clock_monotonic() < until;)
        uv_run(&loop.uv, UV_RUN_ONCE);
    hand_over();
    for (size_t i = 0; i < n; i++)
        assert_int_equal(calls[i].dones, 1);
    print_message("the loop stood still for %d ms at most\n", (int)(longest / USEC_PER_MSEC));
    assert_true(longest < LONGEST_ALLOWED);
}

static void assert_answer(size_t i, int status, const char *body)
{
    const struct http_answer *answer = &calls[i].fetch.answer;

    assert_int_equal(answer->fate, HTTP_ANSWERED);
    assert_int_equal(answer->status, status);
    assert_true(str_starts(answer->body, str_from(body)));
}

static void one_that_is_taken_is_told_by_its_id(void **state)
{
    (void)state;
    send_mails(1);
    assert_answer(0, 250, "<p1@example.com>");
    assert_int_equal(other.quits, 0); /* the connection is kept */
}

static void a_refusal_and_then_silence_hold_up_nobody(void **state)
{
    static const struct {
        struct manners manners;
        const char *answer;
    } cases[] = {
        {{.mail = "550 5.7.1 no"},                                              "MAIL 550 5.7.1"},
        {{.mail = "250 x", .rcpt = "550 5.1.1 no"},                             "RCPT 550 5.1"  },
        {{.mail = "250 x", .rcpt = "250 x", .data = "554 5.3.4 no"},            "DATA 554"      },
        {{.mail = "250 x", .rcpt = "250 x", .data = "354 x", .dot = "452 4.3"}, "BODY 452"      },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        print_message("%.4s: ", cases[i].answer);
        other.manners = cases[i].manners;
        other.manners.greeting = "220 x";
        other.manners.ehlo = "250 x";
        send_mails(1);
        assert_answer(0, atoi(cases[i].answer + strcspn(cases[i].answer, "45")),
                      cases[i].answer);
    }
    assert_int_equal(other.accepted, COUNTOF(cases));
    assert_int_equal(other.quits, COUNTOF(cases) - 1); /* it is said all the same */
}

static void silence_from_anywhere_on_holds_up_nobody(void **state)
{
    const char **words[] = {&other.manners.greeting, &other.manners.ehlo, &other.manners.mail,
                            &other.manners.rcpt,     &other.manners.data, &other.manners.dot};

    (void)state;
    for (size_t i = 0; i < COUNTOF(words); i++) {
        other.manners = good;
        *words[i] = NULL;
        send_mails(1);
        assert_int_equal(calls[0].fetch.answer.fate,
                         i + 1 < COUNTOF(words) ? HTTP_NOT_SENT : HTTP_UNKNOWN);
    }
}

static void a_mail_taken_by_one_who_never_says_good_bye_is_taken(void **state)
{
    (void)state;
    other.manners.quit = NULL;
    send_mails(AT_ONCE); /* more than connections are kept */
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_answer(i, 250, "<p1@example.com>");
    assert_int_equal(other.taken, AT_ONCE);
}

static void many_refused_at_once_hold_up_nobody(void **state)
{
    (void)state;
    other.manners.rcpt = "550 5.1.1 no";
    other.manners.quit = NULL;
    send_mails(AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_answer(i, 550, "RCPT 550 5.1.1 no");
}

/* What tear_down measures is the rest of it. */
static void ending_in_the_midst_of_silence_takes_no_time(void **state)
{
    (void)state;
    other.manners.quit = NULL;
    other.manners.dot = NULL;
    hand_over();
    ended = 0;
    for (size_t i = 0; i < AT_ONCE; i++)
        launch(i);
    for (int i = 0; other.taken < LINES && i < 1000; i++)
        uv_run(&loop.uv, UV_RUN_ONCE);
    assert_int_equal(other.taken, LINES); /* the others wait */
}

/* --- the connection that is kept ---------------------------------------------------------- */

/* Its lease is over: another has sent it by now. Without the dot the server has taken nothing.
 */
static void ch_5_a_mail_whose_time_is_over_is_not_ended(void **state)
{
    (void)state;
    send_mails(1);
    for (int kept = 1; kept >= 0; kept--) {
        good_until = clock_monotonic() - 1;
        send_mails(1);
        assert_int_equal(calls[0].fetch.answer.fate, HTTP_NOT_SENT);
        assert_int_equal(calls[0].fetch.err.code, ERR_CANCELED);
    }
    assert_int_equal(other.taken, 1);
    good_until = clock_monotonic() + USEC_PER_MIN;
    send_mails(1);
    assert_answer(0, 250, "<p1@example.com>");
    good_until = 0;
    assert_int_equal(other.taken, 2);
}

static void ch_5_many_at_once_share_a_few_connections(void **state)
{
    (void)state;
    send_mails(AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_answer(i, 250, "<p1@example.com>");
    assert_int_equal(other.taken, AT_ONCE);
    assert_in_range(other.accepted, 1, LINES);
    assert_int_equal(other.quits, 0);
}

/* As many lines as there are mails at once, and no more. */
static void one_after_the_other(int n)
{
    for (int i = 0; i < n; i++) {
        send_mails(1);
        assert_answer(0, 250, "<p1@example.com>");
    }
    assert_int_equal(other.taken, n);
}

static void ch_5_one_after_the_other_takes_one_connection(void **state)
{
    (void)state;
    one_after_the_other(5);
    assert_int_equal(other.accepted, 1);
}

/* A mail on a connection that the server gave up meanwhile is none the worse for it. */
static void ch_5_what_the_server_has_closed_is_dialled_again(void **state)
{
    (void)state;
    other.manners.hangs_up = true;
    one_after_the_other(3);
    assert_int_equal(other.accepted, 3);
}

static void ch_5_a_kept_connection_that_ends_before_the_dot_loses_nothing(void **state)
{
    static const char *const ends[] = {CLOSES, "421 4.4.2 idle for too long",
                                       "421 4.7.0 too many mails"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(ends); i++) {
        other.manners.mail_again = ends[i];
        send_mails(1);
        assert_answer(0, 250, "<p1@example.com>");
    }
    assert_int_equal(other.taken, COUNTOF(ends));
    assert_int_equal(other.accepted, COUNTOF(ends));
}

/* Only one that was kept may have been closed for its age. */
static void ch_5_a_new_connection_that_ends_is_not_dialled_again(void **state)
{
    (void)state;
    other.manners.mail = CLOSES;
    send_mails(1);
    assert_int_equal(calls[0].fetch.answer.fate, HTTP_NOT_SENT);
    other.manners.mail = "421 4.3.2 closing";
    send_mails(1);
    assert_answer(0, 421, "MAIL 421");
    assert_int_equal(other.accepted, 2);
}

static void ch_5_an_answer_lost_after_the_dot_is_unknown_on_a_kept_connection(void **state)
{
    (void)state;
    other.manners.dot_again = CLOSES;
    send_mails(1);
    send_mails(1);
    assert_int_equal(calls[0].fetch.answer.fate, HTTP_UNKNOWN);
    assert_int_equal(other.taken, 2); /* and was not said again */
    assert_int_equal(other.accepted, 1);
}

static void ch_5_a_refusal_on_a_kept_connection_is_an_answer(void **state)
{
    (void)state;
    other.manners.mail_again = "550 5.7.1 not you";
    send_mails(1);
    send_mails(1);
    assert_answer(0, 550, "MAIL 550 5.7.1");
    assert_int_equal(other.accepted, 1);
}

static void ch_5_who_signs_in_otherwise_has_another_connection(void **state)
{
    (void)state;
    other.manners.ehlo = "250 AUTH PLAIN";
    password = STR("one");
    send_mails(1);
    send_mails(1);
    password = STR("two");
    send_mails(1);
    password = STR_NONE;
    assert_answer(0, 250, "<p1@example.com>");
    assert_int_equal(other.accepted, 2);
    assert_int_equal(other.quits, 1);
}

/* The server hears QUIT, and nothing of ours is left open. */
static void ch_5_an_idle_connection_is_given_up_politely(void **state)
{
    (void)state;
    send_mails(3);
    int made = other.accepted;
    for (int i = 0; other.open > 0 && i < 1000; i++)
        uv_run(&loop.uv, UV_RUN_ONCE);
    assert_int_equal(other.open, 0);
    assert_int_equal(other.quits, made);
    send_mails(1); /* and another is made when there is need */
    assert_answer(0, 250, "<p1@example.com>");
    assert_int_equal(other.accepted, made + 1);
}

#define WITH_OTHER_END(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    static usec_t soon = 100 * USEC_PER_MSEC;
    const struct CMUnitTest tests[] = {
        WITH_OTHER_END(one_that_is_taken_is_told_by_its_id),
        WITH_OTHER_END(a_refusal_and_then_silence_hold_up_nobody),
        WITH_OTHER_END(silence_from_anywhere_on_holds_up_nobody),
        WITH_OTHER_END(a_mail_taken_by_one_who_never_says_good_bye_is_taken),
        WITH_OTHER_END(many_refused_at_once_hold_up_nobody),
        WITH_OTHER_END(ending_in_the_midst_of_silence_takes_no_time),
        WITH_OTHER_END(ch_5_a_mail_whose_time_is_over_is_not_ended),
        WITH_OTHER_END(ch_5_many_at_once_share_a_few_connections),
        WITH_OTHER_END(ch_5_one_after_the_other_takes_one_connection),
        WITH_OTHER_END(ch_5_what_the_server_has_closed_is_dialled_again),
        WITH_OTHER_END(ch_5_a_kept_connection_that_ends_before_the_dot_loses_nothing),
        WITH_OTHER_END(ch_5_a_new_connection_that_ends_is_not_dialled_again),
        WITH_OTHER_END(ch_5_an_answer_lost_after_the_dot_is_unknown_on_a_kept_connection),
        WITH_OTHER_END(ch_5_a_refusal_on_a_kept_connection_is_an_answer),
        WITH_OTHER_END(ch_5_who_signs_in_otherwise_has_another_connection),
        cmocka_unit_test_prestate_setup_teardown(ch_5_an_idle_connection_is_given_up_politely,
                                                 set_up, tear_down, &soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
