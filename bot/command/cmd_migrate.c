/*
 * parley migrate: the database as this binary wants it.
 */
#include "bot/command/cli.h"
#include "bot/command/commands.h"
#include "store/migrate.h"

static void tell(const struct migration *migration, void *owner)
{
    struct cli *cli = owner;
    (void)fprintf(cli->out, "applying %04d %s\n", migration->number, migration->name);
    (void)fflush(cli->out);
}

static int apply(struct cli *cli, const struct migrate_options *options)
{
    struct err err = {0};
    size_t applied;
    if (!migrate_run(options, &applied, &err))
        return cli_fail(cli, &err);
    if (applied) {
        (void)fprintf(cli->out, "%zu applied\n", applied);
    } else {
        (void)fprintf(cli->out, "up to date\n");
    }
    return CLI_DONE;
}

static int check(struct cli *cli, const struct migrate_options *options)
{
    struct arena arena = {0};
    struct err err = {0};
    const struct migration **missing;
    size_t n;
    bool ok = migrate_check(options, &arena, &missing, &n, &err);
    if (ok && n == 0)
        (void)fprintf(cli->out, "up to date\n");
    for (size_t i = 0; ok && i < n; i++)
        (void)fprintf(cli->out, "missing %04d %s\n", missing[i]->number, missing[i]->name);
    arena_finish(&arena);
    return !ok ? cli_fail(cli, &err) : n == 0 ? CLI_DONE : CLI_FAILED;
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool only_check = false;
    const struct cli_option options[] = {
        CLI_FLAG("check", &only_check),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (optind != argc)
        return cli_usage(cli, "it takes no arguments");
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct migrate_options what = {
        .url = config->database.owner_url.at, .applying = tell, .owner = cli};
    int status = only_check ? check(cli, &what) : apply(cli, &what);
    config_destroy(config);
    return status;
}

const struct command command_migrate = {
    "migrate",
    "bring the database up to date",
    "[--check]",
    "Applies the migrations that the database lacks, as database.owner_url. Safe to repeat,\n"
    "and from several nodes at once.\n\n"
    "  --check   only list what is missing; exit status 1 when something is\n",
    run,
};
