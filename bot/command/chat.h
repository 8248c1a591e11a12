/*
 * parley chat: write to the running demo from a terminal, as one of its customers.
 *
 * It speaks to the sandbox as the phone page does: what is typed becomes a signed webhook to
 * the service, and what the service sends through the Graph API is printed. On a terminal it
 * edits lines, keeps a history and shows answers as they come; from a pipe it sends a line,
 * waits for the answer, and goes on.
 */
#pragma once

#include "bot/command/cli.h"

extern const struct command command_chat;
