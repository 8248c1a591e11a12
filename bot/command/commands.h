/*
 * All commands; each lives in bot/cmd_NAME.c. A new one is a line here and a line in main.c.
 */
#pragma once

#include "bot/command/cli.h"

extern const struct command command_audit;
extern const struct command command_broadcast;
extern const struct command command_cancellation;
extern const struct command command_config;
extern const struct command command_dead;
extern const struct command command_decode;
extern const struct command command_doctor;
extern const struct command command_events;
extern const struct command command_explain;
extern const struct command command_flows;
extern const struct command command_handoff;
extern const struct command command_import;
extern const struct command command_key;
extern const struct command command_link;
extern const struct command command_migrate;
extern const struct command command_notices;
extern const struct command command_order;
extern const struct command command_paper;
extern const struct command command_photo;
extern const struct command command_review;
extern const struct command command_seed;
extern const struct command command_serve;
extern const struct command command_sign;
extern const struct command command_templates;
extern const struct command command_ticket;
extern const struct command command_understand;
extern const struct command command_workflow;
