/*
 * The command line: `parley [--config FILE] COMMAND ...`, one command per file.
 *
 * A command is a const table entry; main.c lists them all. What a program reads goes to
 * standard output and what a person is told to standard error. Exit status: 0 done, 1 failed, 2
 * called wrongly.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/config/config.h"

#include <getopt.h>
#include <stdio.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli {
    const struct command *command; /* that is running */
    const char *config_file;       /* --config; NULL: look in the usual places */
    FILE *out, *err;
};

struct command {
    const char *name;
    const char *summary; /* one line, for the list */
    const char *usage;   /* what follows the name: "[--check]" */
    const char *help;    /* whole lines */
    /* argv[0] is the command's name; optind is set for a fresh getopt_long. */
    int (*run)(struct cli *cli, int argc, char **argv);
};

/* Find and run the command that the arguments name; `commands` ends in NULL. */
int cli_main(struct cli *cli, const struct command *const *commands, int argc, char **argv);

/* The configuration, or NULL after telling why not. Warnings are told too. */
struct config *cli_config(struct cli *cli);

/* Tell a failure; returns CLI_FAILED. */
int cli_fail(struct cli *cli, const struct err *err);

/* Tell what was wrong with the arguments, and how the command is called; returns CLI_USAGE.
 * Without a format getopt_long has told already. */
int cli_usage(struct cli *cli, const char *format, ...) PRINTF(2, 3);

/* Where an option of a command goes: one of the three pointers. */
struct cli_option {
    const char *name;
    bool *flag;        /* --name sets it */
    const char **text; /* --name TEXT; borrowed from argv */
    long *number;      /* --name N, from 1 to max */
    long max;          /* of a text: bytes, and it may not be empty; 0: any */
};

/* The rows of such a table, and its end. */
#define CLI_FLAG(called, at) ((struct cli_option){.name = (called), .flag = (at)})
#define CLI_TEXT(called, at) ((struct cli_option){.name = (called), .text = (at)})
#define CLI_TEXT_TO(called, at, most)                                                          \
    ((struct cli_option){.name = (called), .text = (at), .max = (most)})
#define CLI_NUMBER(called, at, most)                                                           \
    ((struct cli_option){.name = (called), .number = (at), .max = (most)})
#define CLI_OPTIONS_END ((struct cli_option){.name = NULL})

/* Read a command's options; the table ends in CLI_OPTIONS_END, and has 16 at most. False when
 * cli_usage is to be called, without a format. */
MUST_USE bool cli_options(int argc, char **argv, const struct cli_option *options);

/* What goes with so many: "1 file", "2 files". */
#define CLI_OF(n, one, many) ((n) == 1 ? (one) : (many))

/*
 * What others wrote, as a person's terminal may have it: without the characters that move its
 * cursor, colour its letters, answer for its keyboard or turn its lines around. Lines stay.
 */
struct str cli_plain(struct arena *into, struct str text);

/* Print text; false when standard output is gone. A terminal gets it plain, a program as it is.
 */
bool cli_print(struct cli *cli, struct str text);
