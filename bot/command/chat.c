/*
 * The conversation: what is typed is said, what is answered is printed.
 *
 * The sandbox numbers every change of a chat, so asking "what is new after version N" is all
 * the state there is here. Asking ten times a second costs nothing on one machine and needs no
 * stream to keep alive.
 */
#include "bot/command/chat.h"

#include "bot/base/json.h"
#include "bot/command/chat_parts.h"
#include "bot/loop/loop.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK_EVERY_MS 60
#define CODE_WAIT    (4 * USEC_PER_SEC)

struct chat {
    struct demo demo;
    const struct chat_channel *channel;
    const char *who;
    const char *name;
    int64_t timeout_ms;
    int64_t quiet_ms;
    bool terminal;
    int64_t version;
    struct choices choices;
    struct line line;
    int64_t said_at; /* when something was said last: wall clock, ms */
    usec_t heard_at; /* the newest answer */
    uint64_t heard;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* --- hearing
 * ---------------------------------------------------------------------------------- */

/* "+1555..." inside a query. */
static void encode(const char *text, char *into, size_t room)
{
    size_t to = 0;
    for (; *text && to + 4 < room; text++) {
        if (*text == '+' || *text == '%' || *text == '&' || *text == '#') {
            to += (size_t)snprintf(into + to, room - to, "%%%02X", (unsigned char)*text);
        } else {
            into[to++] = *text;
        }
    }
    into[to] = '\0';
}

static void tell_seen(struct chat *chat)
{
    OWNED_JSON(body) = json_pack("{s:s}", "who", chat->who);
    OWNED_JSON(answer) = NULL;
    if (!demo_ask(&chat->demo, "/control/seen", body, &answer, NULL))
        return; /* a tick that stays grey is no reason to stop talking */
}

static bool is_new_answer(const struct chat *chat, const json_t *entry, int64_t since)
{
    return chat_is_answer(chat->channel, entry) &&
           json_integer_value(json_object_get(entry, "born")) > since;
}

static size_t print_news(struct chat *chat, const json_t *news)
{
    size_t printed = 0;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(news, "entries"), i, entry)
    {
        if (!is_new_answer(chat, entry, chat->version))
            continue;
        if (printed++ == 0 && chat->terminal)
            line_hide();
        show_entry(stdout, entry, chat->terminal);
        (void)fputc('\n', stdout);
        show_choices(entry, &chat->choices);
    }
    return printed;
}

/* Ask for what is new and print it. `quietly` passes over what was said before. */
static bool hear(struct chat *chat, bool quietly, struct err *err)
{
    char path[600];
    char who[400];
    OWNED_JSON(news) = NULL;
    encode(chat->who, who, sizeof(who));
    (void)snprintf(path, sizeof(path), "/control/chat?who=%s&after=%lld", who,
                   (long long)chat->version);
    if (!demo_ask(&chat->demo, path, NULL, &news, err))
        return false;
    size_t printed = quietly ? 0 : print_news(chat, news);
    size_t i;
    json_t *entry;
    if (quietly) {
        json_array_foreach(json_object_get(news, "entries"), i, entry)
        {
            if (chat->channel->taps && chat_is_answer(chat->channel, entry))
                show_choices(entry, &chat->choices);
        }
    }
    chat->version = json_integer_value(json_object_get(news, "version"));
    if (printed > 0) {
        chat->heard += printed;
        chat->heard_at = clock_monotonic();
        (void)fflush(stdout);
        if (chat->channel->taps) /* who texts or mails does not look at WhatsApp */
            tell_seen(chat);
    }
    return true;
}

/* --- saying
 * ----------------------------------------------------------------------------------- */

/* The newest code that this person got anywhere, by SMS or in a template; empty: none. */
static bool ask_code(struct chat *chat, char *code, size_t room, int64_t *at, struct err *err)
{
    char path[600];
    char who[400];
    OWNED_JSON(answer) = NULL;
    encode(chat->who, who, sizeof(who));
    (void)snprintf(path, sizeof(path), "/control/code?who=%s", who);
    if (!demo_ask(&chat->demo, path, NULL, &answer, err))
        return false;
    const char *found = json_string_value(json_object_get(answer, "code"));
    (void)snprintf(code, room, "%s", found ? found : "");
    *at = json_integer_value(json_object_get(answer, "at"));
    return true;
}

/* "/code": one that the last message asked for may still be on its way, so it is waited for a
 * little; then an older one must do. */
static bool find_code(struct chat *chat, char *code, size_t room, struct err *err)
{
    usec_t end = clock_monotonic() + CODE_WAIT;
    int64_t at = 0;
    for (;;) {
        if (!ask_code(chat, code, room, &at, err))
            return false;
        if (at >= chat->said_at || clock_monotonic() > end)
            break;
        (void)usleep(ASK_EVERY_MS * 1000);
    }
    return code[0] || err_raise(err, ERR_REJECT, "no code has come to %s", chat->who);
}

static bool say(struct chat *chat, struct str text, struct err *err)
{
    char code[32];
    if (str_eq(text, STR("/code"))) {
        if (!find_code(chat, code, sizeof(code), err))
            return false;
        text = str_from(code);
    }
    chat->said_at = clock_now() / USEC_PER_MSEC;
    OWNED_JSON(body) = chat_request(chat->channel, chat->who, text, &chat->choices);
    OWNED_JSON(answer) = NULL;
    if (chat->name)
        json_object_set_new(body, "name", json_string(chat->name));
    return demo_ask(&chat->demo, chat->channel->path, body, &answer, err);
}

/* --- from a pipe
 * ------------------------------------------------------------------------------ */

/* Until something was answered and it has been quiet for a while. */
static bool await_answer(struct chat *chat, struct err *err)
{
    usec_t began = clock_monotonic();
    uint64_t before = chat->heard;
    for (;;) {
        if (!hear(chat, false, err))
            return false;
        usec_t now = clock_monotonic();
        if (chat->heard > before && now - chat->heard_at >= chat->quiet_ms * USEC_PER_MSEC)
            return true;
        if (chat->heard == before && now - began >= chat->timeout_ms * USEC_PER_MSEC) {
            return err_raise(err, ERR_RETRY, "no answer within %lld s",
                             (long long)(chat->timeout_ms / 1000));
        }
        (void)usleep(ASK_EVERY_MS * 1000);
    }
}

static bool talk_piped(struct chat *chat, struct err *err)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t n;
    bool ok = true;
    while (ok && (n = getline(&text, &room, stdin)) >= 0) {
        struct str line = str_trim((struct str){text, (size_t)n});
        if (line.len == 0)
            continue;
        (void)printf("> %.*s\n\n", STR_ARG(line));
        (void)fflush(stdout);
        ok = say(chat, line, err) && await_answer(chat, err);
        if (!ok && err->code == ERR_RETRY)
            (void)err_wrap(err, "line \"%.*s\"", (int)(line.len < 40 ? line.len : 40), line.at);
    }
    free(text);
    return ok;
}

/* --- on a terminal
 * ---------------------------------------------------------------------------- */

static const char prompt[] = "\033[36m>\033[0m ";
static const char help[] = "\033[2mType what you would write on the phone. A number taps that "
                           "row or button, and is written as it is by SMS or mail.\n/code "
                           "writes the newest code that came by SMS or elsewhere, "
                           "/location sends a place,\n/quit (or Ctrl-D) leaves; "
                           "//2 says \"/2\".\033[0m\n\n";

static bool entered(struct chat *chat, bool *leave, struct err *err)
{
    struct line *line = &chat->line;
    struct str text = str_trim((struct str){line->text, line->len});
    bool ok = true;
    line_remember(line);
    line_draw(line, prompt);
    (void)fputs("\n\n", stdout);
    *leave = str_eq(text, STR("/quit"));
    if (str_eq(text, STR("/help"))) {
        (void)fputs(help, stdout);
    } else if (text.len > 0 && !*leave) {
        ok = say(chat, text, err);
        if (!ok && str_eq(text, STR("/code"))) {
            (void)printf("%s\n\n", err->text);
            ok = true;
        }
    }
    line_clear(line);
    return ok;
}

static bool feed(struct chat *chat, bool *leave, struct err *err)
{
    char bytes[256];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
    *leave = n == 0;
    for (ssize_t i = 0; i < n && !*leave; i++) {
        enum line_key key = line_feed(&chat->line, bytes[i]);
        *leave = key == LINE_ENDED;
        if (key == LINE_ENTERED && !entered(chat, leave, err))
            return false;
    }
    return true;
}

static bool talk_on_terminal(struct chat *chat, struct err *err)
{
    bool leave = false;
    bool ok = true;
    (void)printf("You are %s, by %s. /help tells how this works.\n\n", chat->who,
                 chat->channel->name);
    line_start();
    while (ok && !leave && !interrupted) {
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        line_draw(&chat->line, prompt);
        if (poll(&keys, 1, ASK_EVERY_MS) > 0)
            ok = feed(chat, &leave, err);
        ok = ok && hear(chat, false, err);
    }
    line_hide();
    line_stop();
    line_finish(&chat->line);
    return ok;
}

/* --- who
 * ---------------------------------------------------------------------------------------- */

static bool list_people(struct chat *chat, struct err *err)
{
    OWNED_JSON(answer) = NULL;
    size_t i;
    json_t *person;
    if (!demo_ask(&chat->demo, "/control/people", NULL, &answer, err))
        return false;
    (void)printf("Customers of the demo, for --as:\n\n");
    json_array_foreach(json_object_get(answer, "people"), i, person)
    {
        const char *note = json_string_value(json_object_get(person, "note"));
        (void)printf("  %-18s %s%s%s\n", json_string_value(json_object_get(person, "who")),
                     json_string_value(json_object_get(person, "name")), note ? " - " : "",
                     note ? note : "");
    }
    (void)printf("\nAny other number is somebody new.\n");
    return true;
}

static bool introduce(struct chat *chat, struct err *err)
{
    OWNED_JSON(body) = json_pack("{s:s}", "who", chat->who);
    OWNED_JSON(answer) = NULL;
    if (chat->name)
        json_object_set_new(body, "name", json_string(chat->name));
    return demo_ask(&chat->demo, "/control/people", body, &answer, err);
}

/* --- the command
 * --------------------------------------------------------------------------------- */

static bool run_chat(struct chat *chat, const char *env_file, struct err *err)
{
    if (!demo_find(env_file, &chat->demo, err))
        return false;
    if (!chat->who)
        return list_people(chat, err);
    chat->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    (void)signal(SIGINT, chat->terminal ? on_interrupt : SIG_DFL);
    if (!introduce(chat, err) || !hear(chat, true, err))
        return false;
    return chat->terminal ? talk_on_terminal(chat, err) : talk_piped(chat, err);
}

enum { OPT_AS = 256, OPT_CHANNEL, OPT_ENV, OPT_NAME, OPT_TIMEOUT, OPT_QUIET };

static const struct option options[] = {
    {"as",      required_argument, NULL, OPT_AS     },
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"env",     required_argument, NULL, OPT_ENV    },
    {"name",    required_argument, NULL, OPT_NAME   },
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"quiet",   required_argument, NULL, OPT_QUIET  },
    {NULL,      0,                 NULL, 0          },
};

static bool set_option(struct chat *chat, int option, const char **env_file)
{
    int64_t number;
    switch (option) {
    case OPT_AS:
        chat->who = optarg;
        return true;
    case OPT_CHANNEL:
        chat->channel = chat_channel_named(optarg);
        return chat->channel != NULL;
    case OPT_ENV:
        *env_file = optarg;
        return true;
    case OPT_NAME:
        chat->name = optarg;
        return true;
    case OPT_TIMEOUT:
        if (!str_to_int(str_from(optarg), &number) || number < 1 || number > 3600)
            return false;
        chat->timeout_ms = number * 1000;
        return true;
    case OPT_QUIET:
        return str_to_int(str_from(optarg), &chat->quiet_ms) && chat->quiet_ms >= 0;
    default:
        return false;
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static struct chat chat;
    const char *env_file = NULL;
    struct err err = {0};
    int option;
    (void)cli;
    chat = (struct chat){
        .channel = chat_channel_named("whatsapp"), .timeout_ms = 15000, .quiet_ms = 400};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!set_option(&chat, option, &env_file)) {
            (void)fprintf(stderr, "usage: parley chat %s\n", command_chat.usage);
            return CLI_USAGE;
        }
    }
    bool ok = run_chat(&chat, env_file, &err);
    if (!ok)
        (void)fprintf(stderr, "parley chat: %s\n", err.text);
    json_decref(chat.choices.options);
    demo_close(&chat.demo);
    return ok ? CLI_DONE : CLI_FAILED;
}

const struct command command_chat = {
    "chat",
    "write to the running demo as one of its customers",
    "[--as NUMBER] [--channel whatsapp|sms|email] [--name NAME] [--env FILE] "
    "[--timeout SECONDS] [--quiet MS]",
    "On a terminal: type, and answers appear; a number taps that row or button. From a pipe:\n"
    "sends each line and waits for its answer; exit status 1 when one does not come.\n"
    "The line /code writes the newest code that this customer got, by SMS or elsewhere.\n\n"
    "  --as NUMBER        whose phone (+15550100001), or a user id (US.123); without it the\n"
    "                     demo's customers are listed\n"
    "  --channel CHANNEL  where: whatsapp (as if none was given), sms or email; there numbers\n"
    "                     are written, and a mail answers the last one\n"
    "  --name NAME        their name, when they are new\n"
    "  --env FILE         the demo's demo.env (else $PARLEY_DEMO_ENV, else the last started)\n"
    "  --timeout SECONDS  how long to wait for an answer from a pipe (15)\n"
    "  --quiet MS         an answer is whole after so long without another message (400)\n",
    run,
};
