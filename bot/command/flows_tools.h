/*
 * The tools of who writes flows: `parley flows VERB`: bot/command/cmd_flows.c, and
 * bot/command/cmd_flows_VERB.c of the larger ones.
 */
#pragma once

#include "bot/command/cli.h"
#include "flows/flows.h"

/* What stood on the command line after the verb. */
struct flows_call {
    struct cli *cli;
    struct str folder;           /* where flows/ and templates/messages/ lie */
    const struct config *config; /* NULL when --folder was given */
    const char *to;              /* --to: a folder for what is made; NULL: standard output */
    bool write;                  /* --write */
    enum channel channel;        /* --channel: another than WhatsApp; else NONE */
    const char *const *args;     /* what is left */
    int n;
};

/* The larger ones; a status as commands return. */
int flows_test(const struct flows_call *call);
int flows_graph(const struct flows_call *call);

/* The book of the folder, or NULL after telling why not. */
struct book *flows_book(const struct flows_call *call);
