/*
 * What a person has before them who has no buttons: a reply's face, as SMS or email carry it,
 * held against the reply. All that could be tapped must stand there under its number, once and
 * in order, since the number is what they answer with.
 */
#pragma once

#include "flows/play/play.h"

/* Whether options are answered by number there. */
bool faced_by_number(const struct play *play);

/* Make the reply's face and hold it against the reply; then tell `play->faced`. `from` is who
 * speaks. ERR_REJECT with what the face lacks. */
MUST_USE bool faced_reply(struct arena *scratch, const struct play *play,
                          const struct locale *locale, struct str from,
                          const struct reply *reply, struct err *err);
