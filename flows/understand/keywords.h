/*
 * Words that gateways of SMS act on when they are the whole message.
 *
 * Twilio and the carriers behind it block a number when its owner sends CANCEL, END or QUIT and
 * nothing else, whatever language we speak with them and whatever we had just asked. After that
 * nothing that we say arrives, so by SMS these words must mean to us what they mean to the
 * gateway; on every other channel "cancel" is about an order. "Cancel." or "cancel my order"
 * blocks nothing and means what it says.
 */
#pragma once

#include "bot/base/str.h"

enum keyword { KEYWORD_NONE, KEYWORD_STOP, KEYWORD_START };

/* `stopped`: they said STOP before. Only then YES is START, as it is to some gateways. */
enum keyword keyword_read(struct str text, bool stopped);
