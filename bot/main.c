/*
 * parley: the list of its commands.
 */
#include "bot/commands.h"

static const struct command *const commands[] = {
    &command_serve, &command_migrate, &command_flows, &command_config, &command_decode, NULL,
};

int main(int argc, char **argv)
{
    struct cli cli = {.out = stdout, .err = stderr};
    return cli_main(&cli, commands, argc, argv);
}
