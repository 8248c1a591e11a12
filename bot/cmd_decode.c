/*
 * parley decode: what a delivery means, for an operator with a puzzling one.
 *
 * Pure: no configuration, no database, no signature asked for. It prints what people wrote, so
 * it is for a terminal.
 */
#include "bot/base/crypto.h"
#include "bot/cli.h"
#include "bot/commands.h"
#include "webhooks/event_json.h"
#include "webhooks/whatsapp.h"

#include <stdlib.h>

#define BODY_MAX ((size_t)64 << 20)

static bool read_body(FILE *from, struct arena *into, struct str *body, struct err *err)
{
    size_t room = 1 << 16, len = 0;
    char *at = arena_alloc(into, room);
    while (!feof(from) && !ferror(from)) {
        if (len == room) {
            char *more = arena_alloc(into, 2 * room);
            memcpy(more, at, len);
            at = more;
            room *= 2;
        }
        len += fread(at + len, 1, room - len, from);
        if (len > BODY_MAX)
            return err_raise(err, ERR_REJECT, "the body has more than %zu bytes", BODY_MAX);
    }
    *body = (struct str){at, len};
    return !ferror(from) || err_raise(err, ERR_RETRY, "standard input cannot be read");
}

static bool decode(struct cli *cli, struct arena *arena, struct err *err)
{
    struct str body = STR_NONE;
    struct inbound_batch batch = {0};
    if (!crypto_init(err) || !read_body(stdin, arena, &body, err) ||
        !whatsapp_decode(arena, body, &batch, err))
        return false;
    for (size_t i = 0; i < batch.n; i++) {
        struct arena line = {0};
        bool ok =
            cli_print(cli, event_to_json(&line, &batch.events[i])) && cli_print(cli, STR("\n"));
        arena_finish(&line);
        if (!ok)
            return err_raise(err, ERR_RETRY, "could not write");
    }
    (void)fprintf(cli->err, "%zu events, %zu of kinds that we do not know, %zu broken items\n",
                  batch.n, batch.unknown, batch.broken);
    return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "whatsapp") != 0)
        return cli_usage(cli, "say whose: whatsapp");
    struct arena arena = {0};
    struct err err = {0};
    bool ok = decode(cli, &arena, &err);
    arena_finish(&arena);
    return ok ? CLI_DONE : cli_fail(cli, &err);
}

const struct command command_decode = {
    "decode",
    "print what a delivery means",
    "whatsapp < BODY",
    "Reads a webhook's body from standard input and prints its events, one JSON object a "
    "line.\n"
    "Counts, also of items that could not be read, go to standard error.\n",
    run,
};
