/*
 * Finding the command, and what all commands tell people in the same words.
 */
#include "bot/command/cli.h"

#include "bot/base/suggest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef PARLEY_VERSION
#define PARLEY_VERSION "unknown"
#endif

#define COMMANDS_MAX 64

static void help_all(FILE *to, const struct command *const *commands)
{
    (void)fprintf(to, "parley: customers ask and are answered where they already chat\n\n"
                      "usage: parley [--config FILE] COMMAND [...]\n\n");
    for (; *commands; commands++)
        (void)fprintf(to, "  %-12s %s\n", (*commands)->name, (*commands)->summary);
    (void)fprintf(to, "\n  parley COMMAND --help   tells about one\n"
                      "  parley --version\n\n"
                      "Settings: docs/configuration.md. Trouble: parley doctor.\n");
}

static void help_one(FILE *to, const struct command *command)
{
    (void)fprintf(to, "parley %s: %s\n\nusage: parley %s %s\n", command->name, command->summary,
                  command->name, command->usage);
    if (command->help)
        (void)fprintf(to, "\n%s", command->help);
}

static const struct command *find(const struct command *const *commands, const char *name)
{
    for (; *commands; commands++) {
        if (strcmp((*commands)->name, name) == 0)
            return *commands;
    }
    return NULL;
}

static int unknown(struct cli *cli, const struct command *const *commands, const char *name)
{
    struct str names[COMMANDS_MAX];
    size_t n = 0;
    for (; commands[n] && n < COMMANDS_MAX; n++)
        names[n] = str_from(commands[n]->name);
    int nearest = suggest(str_from(name), names, n);
    (void)fprintf(cli->err, "parley: there is no command \"%s\"", name);
    if (nearest >= 0)
        (void)fprintf(cli->err, "; did you mean %s?", commands[nearest]->name);
    (void)fprintf(cli->err, "\nparley --help lists them\n");
    return CLI_USAGE;
}

/* Whether --help stands among a command's arguments, before a "--". */
static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* Told at the end, since a full disk or a closed pipe is otherwise not noticed. */
static int finish(struct cli *cli, int status)
{
    if ((fflush(cli->out) != 0 || ferror(cli->out)) && status == CLI_DONE) {
        (void)fprintf(cli->err, "parley: could not write all of the output\n");
        return CLI_FAILED;
    }
    return status;
}

static int run(struct cli *cli, const struct command *const *commands, int argc, char **argv)
{
    const struct command *command = find(commands, argv[0]);
    if (!command && strcmp(argv[0], "help") == 0) {
        command = argc > 1 ? find(commands, argv[1]) : NULL;
        if (command) {
            help_one(cli->out, command);
        } else {
            help_all(cli->out, commands);
        }
        return CLI_DONE;
    }
    if (!command)
        return unknown(cli, commands, argv[0]);
    cli->command = command;
    if (asks_help(argc, argv)) {
        help_one(cli->out, command);
        return CLI_DONE;
    }
    optind = 0;
    return command->run(cli, argc, argv);
}

int cli_main(struct cli *cli, const struct command *const *commands, int argc, char **argv)
{
    static const struct option options[] = {
        {"config",     required_argument, NULL, 'c'},
        {"help",        no_argument, NULL, 'h'},
        {"version",            no_argument, NULL, 'v'},
        {0},
    };
    optind = 0;
    int option;
    /* '+': what follows the command's name is the command's. There is one thread, and it has
     * started nothing yet. */
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while ((option = getopt_long(argc, argv, "+hc:", options, NULL)) != -1) {
        if (option == 'c') {
            cli->config_file = optarg;
        } else if (option == 'h') {
            help_all(cli->out, commands);
            return finish(cli, CLI_DONE);
        } else if (option == 'v') {
            (void)fprintf(cli->out, "parley %s\n", PARLEY_VERSION);
            return finish(cli, CLI_DONE);
        } else {
            (void)fprintf(cli->err, "parley --help tells how it is called\n");
            return CLI_USAGE;
        }
    }
    if (optind == argc) {
        help_all(cli->err, commands);
        return CLI_USAGE;
    }
    return finish(cli, run(cli, commands, argc - optind, argv + optind));
}

struct config *cli_config(struct cli *cli)
{
    struct err err = {0};
    struct config *config;
    if (!config_load(cli->config_file ? cli->config_file : config_find_file(), &config, &err)) {
        (void)cli_fail(cli, &err);
        return NULL;
    }
    for (const char *const *warning = config_warnings(config); *warning; warning++)
        (void)fprintf(cli->err, "parley: note: %s\n", *warning);
    return config;
}

int cli_fail(struct cli *cli, const struct err *err)
{
    (void)fprintf(cli->err, "parley%s%s: %s\n", cli->command ? " " : "",
                  cli->command ? cli->command->name : "", err->text);
    return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    if (format) {
        va_list args;
        va_start(args, format);
        (void)fprintf(cli->err, "parley %s: ", cli->command->name);
        (void)vfprintf(cli->err, format, args);
        (void)fprintf(cli->err, "\n");
        va_end(args);
    }
    (void)fprintf(cli->err, "usage: parley %s %s\n", cli->command->name, cli->command->usage);
    return CLI_USAGE;
}

/* How many bytes at `text` a terminal must not have: controls but line and tab, the C1 controls
 * (two bytes), and the marks that override the direction of what stands around them (three). */
static size_t unfit(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.at;

    if ((at[0] < ' ' && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7f)
        return 1;
    if (text.len > 1 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
        return 2;
    if (text.len > 2 && at[0] == 0xe2 &&
        ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) ||
         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
        return 3;
    return 0;
}

struct str cli_plain(struct arena *into, struct str text)
{
    struct str sane = str_sane(into, text); /* a lone byte may be a control, too */
    char *plain = arena_alloc(into, sane.len + 1);
    size_t n = 0;

    for (size_t i = 0, skip; i < sane.len; i += skip) {
        skip = unfit(str_slice(sane, i, sane.len));
        if (skip == 0) {
            plain[n++] = sane.at[i];
            skip = 1;
        }
    }
    return (struct str){plain, n};
}

static bool print(struct cli *cli, struct str text)
{
    return text.len == 0 || fwrite(text.at, 1, text.len, cli->out) == text.len;
}

bool cli_print(struct cli *cli, struct str text)
{
    struct arena arena = {0};
    int fd = fileno(cli->out);
    bool ok = print(cli, fd >= 0 && isatty(fd) ? cli_plain(&arena, text) : text);

    arena_finish(&arena);
    return ok;
}
