/*
 * Mail to servers that answer up to a point, and then say nothing. Whatever they do, the loop
 * turns on: a timer that should fire every few milliseconds measures its longest standstill.
 */
#include "bot/fetch.h"

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

/* --- the other end: a thread for each connection ------------------------------------------ */

/* What it says to whom; NULL: nothing, then and ever after, but it keeps the line open. */
struct manners {
    const char *greeting, *ehlo, *mail, *rcpt, *data, *dot, *quit;
};

static const struct manners good = {
    "220 here",  "250 here",        "250 2.1.0 ok", "250 2.1.5 ok",
    "354 go on", "250 2.0.0 taken", "221 good bye",
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

static const char *reply_to(const char *line, bool *in_mail)
{
    const struct manners *manners = &other.manners;

    if (*in_mail) {
        *in_mail = strcmp(line, ".\r\n") != 0;
        other.taken += !*in_mail;
        return *in_mail ? "" : manners->dot;
    }
    if (strncmp(line, "EHLO", 4) == 0)
        return manners->ehlo;
    if (strncmp(line, "MAIL", 4) == 0)
        return manners->mail;
    if (strncmp(line, "RCPT", 4) == 0)
        return manners->rcpt;
    if (strncmp(line, "DATA", 4) == 0) {
        *in_mail = manners->data && manners->data[0] == '3';
        return manners->data;
    }
    other.quits++;
    return manners->quit;
}

static void *converse(void *socket)
{
    int fd = (int)(intptr_t)socket;
    bool in_mail = false, silent = !other.manners.greeting;
    char line[1200];

    if (!silent)
        silent = !say(fd, other.manners.greeting);
    while (hear(fd, line, sizeof line)) {
        const char *reply = silent ? NULL : reply_to(line, &in_mail);
        if (silent && strncmp(line, "QUIT", 4) == 0)
            other.quits++;
        silent = !reply;
        if (reply && *reply)
            (void)say(fd, reply);
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
    const struct fetch_options options = {.connections = 2, .allow_http = true};

    (void)state;
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

static void launch(size_t i)
{
    struct call *call = &calls[i];

    *call = (struct call){
        .envelope = {.from = STR("shop@example.com"),
                     .to = STR("ana@example.net"),
                     .id = STR("<p1@example.com>")                     },
        .request = { .method = "MAIL",
                     .url = arena_format(&arena, "smtp://127.0.0.1:%d/example.com", other.port),
                     .body = STR("Subject: x\r\n\r\nGood morning.\r\n"),
                     .mail = &call->envelope},
        .fetch = {                              .request = &call->request,
                     .connect_timeout = USEC_PER_SEC,
                     .timeout = 3 * USEC_PER_SEC / 2,
                     .into = &arena,
                     .done = note_done},
    };
    fetcher_start(fetcher, &call->fetch);
}

/* The first `n` calls to their end; then a little longer, for what closes behind them. */
static void send_mails(size_t n)
{
    ended = 0;
    for (size_t i = 0; i < n; i++)
        launch(i);
    while (ended < (int)n)
        uv_run(&loop.uv, UV_RUN_ONCE);
    for (usec_t until = clock_monotonic() + 50 * USEC_PER_MSEC; clock_monotonic() < until;)
        uv_run(&loop.uv, UV_RUN_ONCE);
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
    assert_int_equal(other.quits, 1);
}

static void a_refusal_and_then_silence_hold_up_nobody(void **state)
{
    static const struct {
        const char *name;
        struct manners manners;
        const char *answer;
    } cases[] = {
        {"MAIL", {"220 x", "250 x", "550 5.7.1 no", NULL, NULL, NULL, NULL},       "MAIL 550 5.7.1"},
        {"RCPT", {"220 x", "250 x", "250 x", "550 5.1.1 no", NULL, NULL, NULL},    "RCPT 550 5.1"  },
        {"DATA", {"220 x", "250 x", "250 x", "250 x", "554 5.3.4 no", NULL, NULL}, "DATA 554"      },
        {"dot",
         {"220 x", "250 x", "250 x", "250 x", "354 x", "452 4.3.1 no", NULL},
         "BODY 452"                                                                                },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        print_message("%s: ", cases[i].name);
        other.manners = cases[i].manners;
        send_mails(1);
        assert_answer(0, atoi(cases[i].answer + strcspn(cases[i].answer, "45")),
                      cases[i].answer);
    }
    assert_int_equal(other.quits, COUNTOF(cases)); /* it is said all the same */
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
    assert_int_equal(other.quits, AT_ONCE);
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
    for (size_t i = 0; i < AT_ONCE; i++)
        launch(i);
    for (int i = 0; other.taken < AT_ONCE && i < 1000; i++)
        uv_run(&loop.uv, UV_RUN_ONCE);
    assert_int_equal(other.taken, AT_ONCE);
}

#define WITH_OTHER_END(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OTHER_END(one_that_is_taken_is_told_by_its_id),
        WITH_OTHER_END(a_refusal_and_then_silence_hold_up_nobody),
        WITH_OTHER_END(silence_from_anywhere_on_holds_up_nobody),
        WITH_OTHER_END(a_mail_taken_by_one_who_never_says_good_bye_is_taken),
        WITH_OTHER_END(many_refused_at_once_hold_up_nobody),
        WITH_OTHER_END(ending_in_the_midst_of_silence_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
