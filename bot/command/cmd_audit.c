/*
 * parley audit verify: whether what was written into the audit is still what was written.
 */
#include "bot/later/desk.h"
#include "store/chain.h"

struct session {
    struct desk desk;
    bool json;
};

static bool print_json(struct desk *desk, const struct chain_state *state, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
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
        desk_set_time(object, "at", state->at);
        json_set_text(object, "wrong", str_from(state->gap ? "missing" : "changed"));
    }
    return desk_print(desk, object, err);
}

static void print_text(struct cli *cli, const struct chain_state *state)
{
    char org[UUID_TEXT_LEN + 1], row[UUID_TEXT_LEN + 1], at[DESK_TIME_LEN];
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
                  desk_time(state->at, at));
}

static bool verify(struct desk *desk, const char *const *words, struct err *err)
{
    bool json = CONTAINER_OF(desk, struct session, desk)->json;
    const struct config *config = desk->config;
    const struct chain_state *states = NULL;
    size_t n = 0, broken = 0;
    (void)words;
    if (!chain_verify(config->database.url.at, config->database.role,
                      config->database.connect_timeout, &desk->arena, &states, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        broken += states[i].broken;
        if (!json) {
            print_text(desk->cli, &states[i]);
        } else if (!print_json(desk, &states[i], err)) {
            return false;
        }
    }
    return broken == 0; /* what is broken was told */
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"verify", 0, 0, verify},
        {NULL,     0, 0, NULL  }
    };
    static const struct desk_work work = {"say what: verify", verbs, NULL, NULL};
    struct session session = {.desk = {.cli = cli}};
    const struct cli_option options[] = {
        CLI_FLAG("json", &session.json),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
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
