/*
 * parley flows: dialogues and words, checked, drawn and tried before anything is live.
 */
#include "bot/base/crypto.h"
#include "bot/command/commands.h"
#include "bot/command/flows_tools.h"
#include "bot/control.h"
#include "bot/turn/book_files.h"
#include "flows/engine/schema.h"

struct book *flows_book(const struct flows_call *call)
{
    struct arena scratch = {0};
    const struct source_file *files;
    struct book *book = NULL;
    struct err err = {0};
    size_t n;

    if (!book_files_read(&scratch, call->folder, &files, &n, &err) ||
        !book_create(files, n, &book, &err))
        (void)cli_fail(call->cli, &err);
    arena_finish(&scratch);
    return book;
}

static int check(const struct flows_call *call)
{
    char text[2 * HASH16_LEN + 1];
    struct hash16 version;
    struct err err = {0};
    size_t n;

    if (!book_files_check(call->folder, &n, &version, &err))
        return cli_fail(call->cli, &err);
    hex_format(version.bytes, HASH16_LEN, text);
    (void)fprintf(call->cli->out, "%.*s: %zu %s good, version %s\n", STR_ARG(call->folder), n,
                  CLI_OF(n, "file is", "files are"), text);
    return CLI_DONE;
}

static int schema(const struct flows_call *call)
{
    struct arena arena = {0};
    bool ok = cli_print(call->cli, schema_text(&arena));

    arena_finish(&arena);
    return ok ? CLI_DONE : CLI_FAILED;
}

static int reload(const struct flows_call *call)
{
    char answer[CONTROL_TEXT_MAX];
    struct err err = {0};

    if (!call->config)
        return cli_usage(call->cli, "reload goes by the settings, without --folder");
    if (!control_ask(call->config, "reload", answer, &err))
        return cli_fail(call->cli, &err);
    if (strncmp(answer, "refused ", 8) == 0) {
        (void)err_raise(&err, ERR_REJECT, "%s; the old flows stay", answer + 8);
        return cli_fail(call->cli, &err);
    }
    (void)fprintf(call->cli->out, "%s\n", answer);
    return CLI_DONE;
}

static const struct {
    const char *name;
    int (*run)(const struct flows_call *call);
} verbs[] = {
    {"check",  check      },
    {"test",   flows_test },
    {"graph",  flows_graph},
    {"schema", schema     },
    {"reload", reload     },
};

/* Nothing is WhatsApp, where options are tapped. */
static bool read_channel(const char *name, enum channel *channel)
{
    *channel = CHANNEL_NONE;
    for (enum channel c = CHANNEL_SMS; name && c <= CHANNEL_EMAIL; c++) {
        if (strcmp(name, channel_name(c)) == 0)
            *channel = c;
    }
    return !name || *channel != CHANNEL_NONE || strcmp(name, "whatsapp") == 0;
}

static bool read_options(struct flows_call *call, int argc, char **argv)
{
    const char *folder = NULL;
    const char *channel = NULL;
    const struct cli_option options[] = {
        CLI_TEXT("folder", &folder),
        CLI_TEXT("to", &call->to),
        CLI_FLAG("write", &call->write),
        CLI_TEXT("channel", &channel),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options) || !read_channel(channel, &call->channel))
        return false;
    if (folder)
        call->folder = str_from(folder);
    call->args = (const char *const *)argv + optind;
    call->n = argc - optind;
    return true;
}

static int with_folder(struct flows_call *call, int (*verb)(const struct flows_call *call))
{
    struct config *config = NULL;
    struct err err = {0};
    int status;

    if (!crypto_init(&err))
        return cli_fail(call->cli, &err);
    if (verb == check && call->n == 1 && call->folder.len == 0)
        call->folder = str_from(call->args[0]);
    if (call->folder.len == 0) {
        config = cli_config(call->cli);
        if (!config)
            return CLI_FAILED;
        call->folder = config->flows.folder;
        call->config = config;
    }
    status = verb(call);
    config_destroy(config);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct flows_call call = {.cli = cli};

    if (argc < 2)
        return cli_usage(cli, "say what: check, test, graph, schema, reload");
    for (size_t i = 0; i < COUNTOF(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        if (!read_options(&call, argc - 1, argv + 1))
            return cli_usage(cli, NULL);
        return with_folder(&call, verbs[i].run);
    }
    return cli_usage(cli, "there is no 'flows %s'", argv[1]);
}

const struct command command_flows = {
    "flows",
    "check, try, draw and reload dialogues and words",
    "check [FOLDER] | test [--write | --channel sms|email] FILE.chat|FOLDER... | "
    "graph [--to FOLDER | FLOW] | schema | reload",
    "  check   says what the service would of flows/ and templates/messages/: every state can\n"
    "          end, every outcome is handled, every text stands in every language and fits\n"
    "  test    plays transcripts; a file stage.yaml beside them says what loads and actions\n"
    "          answer. --write writes down what came back; with --channel options are not\n"
    "          tapped, but answered by the number that an SMS or a mail shows\n"
    "  graph   draws a flow, or all, as SVG; with --to, each into a file there (wants "
    "graphviz)\n"
    "  schema  prints a JSON Schema of flows, for editors\n"
    "  reload  tells the running service to read them anew. A book that is not good is refused "
    "with\n"
    "          its reason and the old one stays; who is in the middle of something goes on by "
    "the\n"
    "          old one\n"
    "\n"
    "  --folder FOLDER   where flows/ and templates/messages/ lie; else flows.folder of the\n"
    "                    settings\n",
    run,
};
