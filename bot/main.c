/*
 * parley: the list of its commands, as --help shows them.
 */
#include "bot/command/chat.h"
#include "bot/command/commands.h"

/* clang-format off */
static const struct command *const commands[] = {
    &command_serve,
    &command_chat,
    &command_migrate,
    &command_seed,
    &command_doctor,
    &command_dead,
    &command_events,
    &command_explain,
    &command_handoff,
    &command_ticket,
    &command_notices,
    &command_templates,
    &command_order,
    &command_paper,
    &command_photo,
    &command_broadcast,
    &command_key,
    &command_link,
    &command_audit,
    &command_cancellation,
    &command_review,
    &command_flows,
    &command_workflow,
    &command_import,
    &command_sign,
    &command_decode,
    &command_understand,
    &command_config,
    NULL,
};
/* clang-format on */

int main(int argc, char **argv)
{
    struct cli cli = {.out = stdout, .err = stderr};
    return cli_main(&cli, commands, argc, argv);
}
