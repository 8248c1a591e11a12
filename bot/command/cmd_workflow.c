/*
 * parley workflow: the kinds of work of a business, and the states that they go through.
 */
#include "bot/command/commands.h"
#include "bot/later/workflow_file.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

struct wish {
    const char *business;
    bool check; /* only read the file */
};

struct session {
    struct cli *cli;
    const struct wish *wish;
    struct workflows *store;
    struct uuid org;
    struct arena arena;
};

/* --- import ---------------------------------------------------------------------------------
 */

static bool read_file(struct arena *into, const char *path, struct str *bytes, struct err *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *at = arena_alloc(into, FILE_MAX_BYTES);
    size_t len = fread(at, 1, FILE_MAX_BYTES, file);
    bool failed = ferror(file) != 0 || len == FILE_MAX_BYTES;
    (void)fclose(file);
    *bytes = (struct str){at, len};
    return !failed || err_raise(err, ERR_REJECT, "%s: cannot be read, or is over 1 MB", path);
}

static void tell_unnamed(struct session *session, const struct workflow *workflow)
{
    for (size_t i = 0; i < workflow->n; i++) {
        struct str langs = workflow_unnamed(&session->arena, &workflow->states[i]);
        if (langs.len > 0) {
            (void)fprintf(session->cli->err,
                          "%.*s has no name in %.*s: who reads that is told another one\n",
                          STR_ARG(workflow->states[i].status), STR_ARG(langs));
        }
    }
}

static bool import(struct session *session, const char *path, struct err *err)
{
    struct workflow workflow = {0};
    struct str bytes = STR_NONE;
    if (!read_file(&session->arena, path, &bytes, err) ||
        !workflow_read(&session->arena, str_from(path), bytes, &workflow, err))
        return false;
    tell_unnamed(session, &workflow);
    if (!session->wish->check && !workflows_keep(session->store, session->org, &workflow, err))
        return err_wrap(err, "%s", path);
    (void)fprintf(session->cli->out, "%.*s: %zu %s %s\n", STR_ARG(workflow.name), workflow.n,
                  CLI_OF(workflow.n, "state is", "states are"),
                  session->wish->check ? "good" : "kept");
    return true;
}

/* --- show -----------------------------------------------------------------------------------
 */

static void print_line(struct session *session, const struct workflow *workflow)
{
    (void)fprintf(session->cli->out, "%-16.*s", STR_ARG(workflow->name));
    for (size_t i = 0; i < workflow->n; i++) {
        (void)fprintf(session->cli->out, "%s%.*s", i ? " > " : "  ",
                      STR_ARG(workflow->states[i].status));
    }
    (void)fprintf(session->cli->out, "\n");
}

/* All of them, a line each; or one, as the file that it would be. */
static bool show(struct session *session, const char *name, struct err *err)
{
    const struct workflow *list;
    size_t n;
    if (!workflows_list(session->store, session->org, &session->arena, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!name) {
            print_line(session, &list[i]);
        } else if (str_eq(list[i].name, str_from(name))) {
            return cli_print(session->cli, workflow_write(&session->arena, &list[i])) ||
                   err_raise(err, ERR_RETRY, "could not write");
        }
    }
    if (name)
        return err_raise(err, ERR_REJECT, "there is no workflow '%s': `show` lists them", name);
    if (n == 0)
        (void)fprintf(session->cli->err, "there is none yet\n");
    return true;
}

/* --- the command ----------------------------------------------------------------------------
 */

static bool find_business(struct session *session, struct err *err)
{
    const char *given = session->wish->business;
    if (!given)
        return workflows_only_business(session->store, &session->org, err);
    return uuid_parse(str_from(given), &session->org) ||
           err_raise(err, ERR_REJECT, "'%s' is not the id of a business", given);
}

static bool open_store(struct session *session, const struct config *config, struct err *err)
{
    return workflows_open(config->database.owner_url.at, config->database.connect_timeout,
                          &session->store, err) &&
           find_business(session, err);
}

static int act(struct session *session, const char *verb, const char *what)
{
    struct err err = {0};
    bool imports = strcmp(verb, "import") == 0;
    struct config *config = NULL;
    bool ok = true;
    if (!imports || !session->wish->check) {
        config = cli_config(session->cli);
        if (!config)
            return CLI_FAILED;
        ok = open_store(session, config, &err);
    }
    ok = ok && (imports ? import(session, what, &err) : show(session, what, &err));
    if (config)
        config_destroy(config);
    return ok ? CLI_DONE : cli_fail(session->cli, &err);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    const struct cli_option options[] = {
        CLI_TEXT("business", &wish.business),
        CLI_FLAG("check", &wish.check),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    const char *verb = optind < argc ? argv[optind] : "";
    const char *what = optind + 1 < argc ? argv[optind + 1] : NULL;
    bool right = argc - optind <= 2 &&
                 ((strcmp(verb, "import") == 0 && what) || strcmp(verb, "show") == 0);
    if (!right)
        return cli_usage(cli, "say what: import FILE, or show");
    struct session session = {.cli = cli, .wish = &wish};
    int status = act(&session, verb, what);
    workflows_close(&session.store);
    arena_finish(&session.arena);
    return status;
}

const struct command command_workflow = {
    "workflow",
    "the states that a business's work goes through",
    "import FILE.yaml [--check] | show [WORKFLOW] [--business ID]",
    "`import` keeps a workflow as the file has it: its states in their order, what customers\n"
    "are told in each language, a sign beside it, how far along it is. It replaces what was\n"
    "there, and refuses to leave out a state in which there are orders. Customers see it with\n"
    "their next message. `show` lists all, or writes one as the file that it would be.\n"
    "Connects as database.owner_url.\n\n"
    "  --check         only read the file; needs no database\n"
    "  --business ID   which one, where there is more than one\n",
    run,
};
