/*
 * parley audit verify: whether what was written into the audit is still what was written.
 */
#include "bot/base/json.h"
#include "bot/commands.h"
#include "store/chain.h"

#include <stdlib.h>
#include <time.h>

static const char *time_text(usec_t at, char text[32])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    (void)strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &tm));
    return text;
}

static bool print_json(struct cli *cli, struct arena *arena, const struct chain_state *state)
{
    char id[UUID_TEXT_LEN + 1], at[32];
    OWNED_JSON(object) = json_object();
    uuid_format(state->org, id);
    json_set_text(object, "business", str_from(id));
    json_set_text(object, "chain", str_from(state->broken ? "broken" : "holds"));
    json_set_int(object, "linked", state->linked);
    json_set_int(object, "loose", state->loose);
    json_set_text(object, "head", state->head);
    if (state->broken) {
        uuid_format(state->audit_id, id);
        json_set_int(object, "position", state->position);
        json_set_text(object, "row", str_from(id));
        json_set_text(object, "at", str_from(time_text(state->at, at)));
        json_set_text(object, "wrong", str_from(state->gap ? "missing" : "changed"));
    }
    return cli_print(cli, json_write(arena, object)) && cli_print(cli, STR("\n"));
}

static void print_text(struct cli *cli, const struct chain_state *state)
{
    char org[UUID_TEXT_LEN + 1], row[UUID_TEXT_LEN + 1], at[32];
    uuid_format(state->org, org);
    if (!state->broken) {
        (void)fprintf(cli->out, "%s  holds   %lld linked, %lld not yet, head %.*s\n", org,
                      (long long)state->linked, (long long)state->loose,
                      STR_ARG(state->head.len > 0 ? state->head : STR("none")));
        return;
    }
    uuid_format(state->audit_id, row);
    (void)fprintf(cli->out, "%s  BROKEN  at %lld of %lld: %s row %s of %s\n", org,
                  (long long)state->position, (long long)state->linked,
                  state->gap ? "one is missing before" : "changed is", row,
                  time_text(state->at, at));
}

static int verify(struct cli *cli, const struct config *config, bool json, struct arena *arena)
{
    const struct chain_state *states = NULL;
    struct err err = {0};
    size_t n = 0, broken = 0;
    if (!chain_verify(config->database.url.at, config->database.role,
                      config->database.connect_timeout, arena, &states, &n, &err))
        return cli_fail(cli, &err);
    for (size_t i = 0; i < n; i++) {
        broken += states[i].broken;
        if (!json) {
            print_text(cli, &states[i]);
        } else if (!print_json(cli, arena, &states[i])) {
            (void)err_raise(&err, ERR_RETRY, "could not write");
            return cli_fail(cli, &err);
        }
    }
    return broken > 0 ? CLI_FAILED : CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {0 },
    };
    bool json = false;
    int option;
    while ((option = cli_option(argc, argv, options)) != -1) {
        if (option != 'j')
            return cli_usage(cli, NULL);
        json = true;
    }
    if (argc - optind != 1 || strcmp(argv[optind], "verify") != 0)
        return cli_usage(cli, "say what: verify");
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct arena arena = {0};
    int status = verify(cli, config, json, &arena);
    arena_finish(&arena);
    config_destroy(config);
    return status;
}

const struct command command_audit = {
    "audit",
    "whether the audit was tampered with",
    "verify [--json]",
    "Each row of the audit holds, by a hash, to all rows before it. `verify` walks over every\n"
    "business's and tells the first row that was changed, or before which one is missing; "
    "then\n"
    "the exit status is 1. Rows of the last seconds are not linked yet. The head, written "
    "down\n"
    "elsewhere, tells later whether rows were cut off at the end.\n\n"
    "  --json      one object a line\n",
    run,
};
