/*
 * What a number tells of its owner before anything else is known.
 */
#pragma once

#include "bot/base/str.h"

/* The language that most people of the number's country write to a shop in, of those that we
 * speak; empty when the number tells nothing. */
struct str people_language_of_phone(struct str phone);
