/*
 * parley config: the settings, as they are here or as they may be.
 */
#include "bot/command/cli.h"
#include "bot/command/commands.h"

static int show(struct cli *cli)
{
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct arena arena = {0};
    bool ok = cli_print(cli, config_show(&arena, config));
    arena_finish(&arena);
    config_destroy(config);
    return ok ? CLI_DONE : CLI_FAILED;
}

static int check(struct cli *cli)
{
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    const char *file = cli->config_file ? cli->config_file : config_find_file();
    (void)fprintf(cli->out, "%s: good\n",
                  file ? file : "no file, the environment and defaults");
    config_destroy(config);
    return CLI_DONE;
}

static int print(struct cli *cli, struct str (*page)(struct arena *into))
{
    struct arena arena = {0};
    bool ok = cli_print(cli, page(&arena));
    arena_finish(&arena);
    return ok ? CLI_DONE : CLI_FAILED;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "show") == 0)
        return show(cli);
    if (strcmp(what, "check") == 0)
        return check(cli);
    if (strcmp(what, "docs") == 0)
        return print(cli, config_docs);
    if (strcmp(what, "example") == 0)
        return print(cli, config_example);
    return cli_usage(cli, "say what: show, check, docs or example");
}

const struct command command_config = {
    "config",
    "show and check the settings",
    "show | check | docs | example",
    "  show      every setting, its value and where that comes from; secrets as ***\n"
    "  check     only say whether all is well\n"
    "  docs      the reference, as in docs/configuration.md\n"
    "  example   a file with every setting in it\n",
    run,
};
