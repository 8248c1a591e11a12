/*
 * What an action says to the shell, beside what it tells the flow: raise an alert, send the
 * code that was made for it, or that somebody else (or nobody known) writes from now on.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* The channels that a code can leave by now, as the statements take them: "sms,whatsapp". */
struct str batch_code_channels(struct batch_work *work);

/*
 * The action that the turn's need @need asked for has answered. The flow hears it at once, or,
 * where another customer writes now, after they were looked up (turn->awaits_customer is set
 * then).
 */
void batch_action_answer(struct batch_work *work, struct turn *turn, size_t need,
                         struct flow_answer *answer);

/* The customer was looked up: the flow hears what was put off, if anything was. */
void batch_action_answer_after(struct batch_work *work, struct turn *turn);
