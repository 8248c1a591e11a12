/*
 * What people type when they are asked who they are: the code that they were sent, an address
 * of mail, a number.
 *
 * Not contacts.h, which finds addresses and numbers in whatever people write and takes only
 * what is surely one: whoever was asked for a number gives one, in the way it stands in the
 * business's books perhaps, so bare digits go to the store as they were typed.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/*
 * The digits of a code, in digits of any of our scripts and however they are grouped: "123
 * 456", "my code is 123456". Among words it must have six; alone it may be of another length,
 * so that a slip can be told from something else that is meant.
 */
bool expect_code(struct arena *into, struct str text, struct str *code);

/* The one address of mail in the text, in lower case. */
bool expect_email(struct arena *into, struct str text, struct str *email);

/* An address of mail, or a number of at least 7 digits and little else: "+353871234567" with
 * its country ("00" is a plus), else bare digits as they were typed. */
bool expect_contact(struct arena *into, struct str text, struct str *contact);
