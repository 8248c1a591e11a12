/*
 * parley explain: why a message was said.
 *
 * What people wrote, what was said to them and their addresses are masked: who looks into a
 * fault needs the rule and the words' keys, and seldom what stood there. --show shows it.
 */
#include "bot/base/crypto.h"
#include "bot/later/desk.h"
#include "store/explain.h"

struct telling {
    struct cli *cli;
    bool show, json;
    struct arena arena;
    const struct explanation *told;
};

static struct str time_text(struct arena *into, usec_t at)
{
    char text[DESK_TIME_LEN];

    return arena_str(into, str_from(desk_time(at, text)));
}

/* "12 characters", or what they are. */
static struct str masked(struct telling *telling, struct str text)
{
    if (telling->show || text.len == 0)
        return text;
    return arena_format(&telling->arena, "(%zu %s)", str_length(text),
                        CLI_OF(str_length(text), "character; --show shows it",
                               "characters; --show shows them"));
}

/* The letter that a part of a mail address begins with. */
static struct str initial(struct str part)
{
    return part.len > 0 && (unsigned char)part.at[0] < 0x80 ? str_slice(part, 0, 1) : STR("…");
}

/* "a…@e….net": whose it is stays open, and two can mostly be told apart. */
static struct str masked_mail(struct telling *telling, struct str address, size_t at)
{
    struct str domain = str_slice(address, at + 1, address.len);
    size_t dot = domain.len;

    while (dot > 0 && domain.at[dot - 1] != '.')
        dot--;
    return arena_format(&telling->arena, "%.*s…@%.*s…%s%.*s", STR_ARG(initial(address)),
                        STR_ARG(initial(domain)), dot > 0 ? "." : "",
                        STR_ARG(dot > 0 ? str_slice(domain, dot, domain.len) : STR_NONE));
}

/* The first and last of it: enough to tell two apart. */
static struct str masked_address(struct telling *telling, struct str address)
{
    size_t at = str_find(address, STR("@"));

    if (telling->show || address.len < 6)
        return telling->show ? address : STR("…");
    if (at < address.len)
        return masked_mail(telling, address, at);
    return arena_format(&telling->arena, "%.*s…%.*s", 3, address.at, 2,
                        address.at + address.len - 2);
}

/* What a reply says, and what can be tapped. */
static struct str said(struct telling *telling, const struct explained *message)
{
    struct reply reply;
    struct err ignored = {0};
    struct str text;

    if (message->inbound)
        return masked(telling, message->body);
    if (!reply_from_json(&telling->arena, message->body, &reply, &ignored))
        return masked(telling, message->body);
    text = masked(telling, reply.body);
    for (size_t i = 0; i < reply.n_options && telling->show; i++) {
        text = arena_format(&telling->arena, "%.*s [%.*s]", STR_ARG(text),
                            STR_ARG(reply.options[i].title));
    }
    return text;
}

/* "by=tap" from why; empty when it is not there. */
static struct str part_of(struct str why, const char *name)
{
    struct str rest = why;
    struct str piece;
    size_t len = strlen(name);

    while (str_split(&rest, ' ', &piece)) {
        if (str_starts(piece, str_from(name)) && piece.len > len && piece.at[len] == '=')
            return str_slice(piece, len + 1, piece.len);
    }
    return STR_NONE;
}

static const char *rule_words(struct str rule)
{
    static const char *const rules[][2] = {
        {"command",     "a word that works anywhere"                            },
        {"answer",      "the answer to the open question"                       },
        {"meaning",     "what the words mean by themselves"                     },
        {"tap",         "a tap on the newest question"                          },
        {"earlier_tap", "a tap on an earlier question, answered for what it was"},
        {"old_tap",     "a tap on a question that is over, refused"             },
        {"thing",       "something other than words"                            },
        {"file",        "a file for the open question"                          },
        {"timer",       "nobody answered in time"                               },
        {"channel",     "the channel's own stop or resume"                      },
        {"nothing",     "not understood"                                        },
    };

    for (size_t i = 0; i < COUNTOF(rules); i++) {
        if (str_eq(rule, str_from(rules[i][0])))
            return rules[i][1];
    }
    return "";
}

static const char *sending_words(const struct explained *message)
{
    static const char *const states[] = {"ready to be sent",
                                         "on the wire",
                                         "sent, and no answer came",
                                         "its sender died",
                                         "waits behind others",
                                         "waits until the provider has its file",
                                         "goes again with others of one request"};

    if (message->sending >= 0 && message->sending < (int)COUNTOF(states))
        return states[message->sending];
    return "settled";
}

static void tell(struct telling *telling, const char *name, struct str value)
{
    struct str rest = cli_plain(&telling->arena, value), part;

    while (str_split(&rest, '\n', &part)) { /* its further lines below its first */
        (void)fprintf(telling->cli->out, "    %-12s %.*s\n", name, STR_ARG(part));
        name = "";
    }
}

/* Of a message that went on from another channel: "CONVERSATION:SEQ" of the one that did not
 * arrive there (migration 0033); else empty. */
static struct str instead_of(struct telling *telling, struct str why)
{
    struct str rest = why, word, conversation, seq;

    if (!str_split(&rest, '/', &word) || !str_eq(word, STR("fallback")) ||
        !str_split(&rest, '/', &conversation) || !str_split(&rest, '/', &seq))
        return STR_NONE;
    return arena_format(&telling->arena, "%.*s:%.*s", STR_ARG(conversation), STR_ARG(seq));
}

static void tell_why(struct telling *telling, struct str why)
{
    struct str rule = part_of(why, "by");
    struct str first = instead_of(telling, why);

    if (first.len > 0) {
        (void)fprintf(telling->cli->out, "    %-12s %.*s, which did not arrive\n", "instead of",
                      STR_ARG(first));
        return;
    }
    tell(telling, "at", str_slice(why, 0, str_find(why, STR(" "))));
    if (rule.len > 0) {
        (void)fprintf(telling->cli->out, "    %-12s %s (%.*s)\n", "understood",
                      rule_words(rule), STR_ARG(rule));
    }
    tell(telling, "meaning", part_of(why, "intent"));
    tell(telling, "about", part_of(why, "number"));
    tell(telling, "looked up", part_of(why, "loads"));
    tell(telling, "because", part_of(why, "held"));
    tell(telling, "did", part_of(why, "does"));
    tell(telling, "words", part_of(why, "words"));
    tell(telling, "version", part_of(why, "version"));
}

static void tell_sending(struct telling *telling, const struct explained *message)
{
    (void)fprintf(telling->cli->out, "    %-12s %s, %s, %lld attempt%s\n", "sending",
                  delivery_name(message->delivery), sending_words(message),
                  (long long)message->attempts, CLI_OF(message->attempts, "", "s"));
    if (message->error != 0)
        (void)fprintf(telling->cli->out, "    %-12s %d\n", "error", message->error);
    tell(telling, "reason", message->reason);
    if (message->sending >= 0)
        tell(telling, "due", time_text(&telling->arena, message->due_at));
}

static void tell_message(struct telling *telling, const struct explained *message)
{
    bool asked = message->seq == telling->told->seq;

    (void)fprintf(telling->cli->out, "%s %lld  %s  %.*s  %.*s\n", asked ? ">>" : "  ",
                  (long long)message->seq, message->inbound ? "from them" : "from us  ",
                  STR_ARG(time_text(&telling->arena, message->at)), STR_ARG(message->kind));
    tell(telling, message->inbound ? "wrote" : "said", said(telling, message));
    tell(telling, "provider's", message->provider_id);
    if (!message->inbound) {
        tell_why(telling, message->why);
        tell_sending(telling, message);
    }
}

/* The facts are of the order, and hold nothing of the customer's. */
static void tell_cancellation(struct telling *telling,
                              const struct explained_cancellation *cancellation)
{
    (void)fprintf(telling->cli->out, "   cancellation of %.*s, now %.*s\n",
                  STR_ARG(cancellation->number), STR_ARG(cancellation->status));
    tell(telling, "rule", cancellation->rule);
    tell(telling, "saw", cancellation->facts);
}

static void tell_all(struct telling *telling)
{
    char id[UUID_TEXT_LEN + 1];

    uuid_format(telling->told->conversation, id);
    (void)fprintf(telling->cli->out, "conversation %s, %.*s %.*s, language %.*s\n", id,
                  STR_ARG(telling->told->channel),
                  STR_ARG(masked_address(telling, telling->told->address)),
                  STR_ARG(telling->told->language));
    for (size_t i = 0; i < telling->told->n; i++)
        tell_message(telling, &telling->told->messages[i]);
    for (size_t i = 0; i < telling->told->n_cancellations; i++)
        tell_cancellation(telling, &telling->told->cancellations[i]);
}

static json_t *message_json(struct telling *telling, const struct explained *message)
{
    json_t *object = json_object();

    json_set_int(object, "seq", message->seq);
    json_set_bool(object, "asked", message->seq == telling->told->seq);
    json_set_bool(object, "inbound", message->inbound);
    json_set_text(object, "kind", message->kind);
    json_set_text(object, "at", time_text(&telling->arena, message->at));
    json_set_text(object, "text", said(telling, message));
    json_set_text(object, "provider_id", message->provider_id);
    if (message->inbound)
        return object;
    json_set_text(object, "state",
                  str_slice(message->why, 0, str_find(message->why, STR(" "))));
    json_set_text(object, "instead_of", instead_of(telling, message->why));
    json_set_text(object, "rule", part_of(message->why, "by"));
    json_set_text(object, "intent", part_of(message->why, "intent"));
    json_set_text(object, "number", part_of(message->why, "number"));
    json_set_text(object, "loads", part_of(message->why, "loads"));
    json_set_text(object, "held", part_of(message->why, "held"));
    json_set_text(object, "does", part_of(message->why, "does"));
    json_set_text(object, "words", part_of(message->why, "words"));
    json_set_text(object, "version", part_of(message->why, "version"));
    json_set_text(object, "delivery", str_from(delivery_name(message->delivery)));
    json_set_text(object, "sending", str_from(sending_words(message)));
    json_set_int(object, "attempts", message->attempts);
    json_set_int(object, "error", message->error);
    json_set_text(object, "reason", message->reason);
    return object;
}

static json_t *cancellation_json(const struct explained_cancellation *cancellation)
{
    json_t *object = json_object();
    json_t *facts = json_loadb(cancellation->facts.at, cancellation->facts.len, 0, NULL);

    json_set_text(object, "number", cancellation->number);
    json_set_text(object, "status", cancellation->status);
    json_set_text(object, "rule", cancellation->rule);
    json_object_set_new(object, "facts", facts ? facts : json_object());
    return object;
}

static void tell_json(struct telling *telling)
{
    char id[UUID_TEXT_LEN + 1];
    OWNED_JSON(object) = json_object();
    json_t *messages = json_array();
    json_t *cancellations = json_array();

    uuid_format(telling->told->conversation, id);
    json_set_text(object, "conversation", str_from(id));
    json_set_text(object, "channel", telling->told->channel);
    json_set_text(object, "address", masked_address(telling, telling->told->address));
    for (size_t i = 0; i < telling->told->n; i++)
        json_array_append_new(messages, message_json(telling, &telling->told->messages[i]));
    json_object_set_new(object, "messages", messages);
    for (size_t i = 0; i < telling->told->n_cancellations; i++) {
        json_array_append_new(cancellations,
                              cancellation_json(&telling->told->cancellations[i]));
    }
    json_object_set_new(object, "cancellations", cancellations);
    (void)cli_print(telling->cli, json_write(&telling->arena, object));
    (void)cli_print(telling->cli, STR("\n"));
}

static int explain(struct telling *telling, const char *message)
{
    struct config *config = cli_config(telling->cli);
    struct explanation told = {0};
    struct err err = {0};
    bool ok;

    if (!config)
        return CLI_FAILED;
    struct explain_wish wish = {.url = config->database.url.at,
                                .role = config->database.role,
                                .timeout = config->database.connect_timeout,
                                .message = str_from(message)};
    ok = crypto_init(&err) && explain_message(&wish, &telling->arena, &told, &err);
    telling->told = &told;
    if (ok && telling->json) {
        tell_json(telling);
    } else if (ok) {
        tell_all(telling);
    }
    telling->told = NULL;
    config_destroy(config);
    return ok ? CLI_DONE : cli_fail(telling->cli, &err);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct telling telling = {.cli = cli};
    const struct cli_option options[] = {
        CLI_FLAG("show", &telling.show),
        CLI_FLAG("json", &telling.json),
        CLI_OPTIONS_END,
    };
    int status;

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (argc - optind != 1)
        return cli_usage(cli, "which message? CONVERSATION:SEQ, or the provider's id");
    status = explain(&telling, argv[optind]);
    arena_finish(&telling.arena);
    return status;
}

const struct command command_explain = {
    "explain",
    "why a message was said",
    "[--show] [--json] MESSAGE",
    "MESSAGE is the provider's id (wamid..., SM...) or CONVERSATION:SEQ. Told are the event "
    "and what "
    "it\n"
    "was understood as, the flow and state, the order it is about, what was looked up (how "
    "many\n"
    "rows, or the verdict and its rule), the conditions that held, what was done, the keys of\n"
    "the words, and what became of the sending; of a cancellation the rule that decided and "
    "the\n"
    "facts that it saw; of what did not arrive by which channel it went on, and of what came "
    "so\n"
    "instead of which message. What people wrote or read is masked; --show shows it.\n",
    run,
};
