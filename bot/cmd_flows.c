/*
 * parley flows: dialogues and words, checked before anything is live.
 */
#include "bot/base/crypto.h"
#include "bot/book_files.h"
#include "bot/cli.h"
#include "bot/commands.h"

static bool check_folder(struct cli *cli, struct str folder, struct err *err)
{
    char text[2 * HASH16_LEN + 1];
    struct hash16 version;
    size_t n;
    if (!book_files_check(folder, &n, &version, err))
        return false;
    hex_format(version.bytes, HASH16_LEN, text);
    (void)fprintf(cli->out, "%.*s: %zu files are good, version %s\n", STR_ARG(folder), n, text);
    return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
    if (argc < 2 || argc > 3 || strcmp(argv[1], "check") != 0)
        return cli_usage(cli, "say what: check");
    struct err err = {0};
    bool ok;
    if (argc == 3) {
        ok = crypto_init(&err) && check_folder(cli, str_from(argv[2]), &err);
    } else {
        struct config *config = cli_config(cli);
        if (!config)
            return CLI_FAILED;
        ok = check_folder(cli, config->flows.folder, &err);
        config_destroy(config);
    }
    return ok ? CLI_DONE : cli_fail(cli, &err);
}

const struct command command_flows = {
    "flows",
    "check dialogues and words",
    "check [FOLDER]",
    "Reads flows/ and templates/messages/ below FOLDER (flows.folder of the settings when "
    "none\n"
    "is given) and says what the service would: every state can end, every outcome is "
    "handled,\n"
    "every text stands in every language with its variables.\n",
    run,
};
