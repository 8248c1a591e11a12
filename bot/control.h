/*
 * Telling the running service something: one question, one answer, over a socket in its state
 * folder. Only who may write in that folder can connect.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/base/str.h"

struct config;

enum { CONTROL_TEXT_MAX = 512 };

/* The supervisor's end. ERR_REJECT when the folder cannot be written to. */
MUST_USE bool control_open(const struct config *config, int *fd, struct err *err);
void control_close(const struct config *config, int fd);

/* The next question that waits; `*from` is to be given to `control_answer`. False: none. */
bool control_next(int fd, char question[CONTROL_TEXT_MAX], int *from);
/* Answer and close `from`. */
void control_answer(int from, const char *answer);

/* The command's end: ask, and wait for the answer at most 30 s. ERR_RETRY when no service runs
 * with these settings. */
MUST_USE bool control_ask(const struct config *config, const char *question,
                          char answer[CONTROL_TEXT_MAX], struct err *err);
