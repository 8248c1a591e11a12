/*
 * What the Graph API would say about a message that it is asked to send.
 *
 * Pure: a body in, a finding out. Stricter than Meta where Meta is merely silent: a member that
 * we do not know is a finding, because in our own requests it can only be a slip.
 */
#pragma once

#include "bot/base/base.h"

#include <jansson.h>

#define FINDING_MAX 240

struct finding {
    int code; /* Meta's error code: 100, 131008 (missing), 131009 (bad value), 131051 (type) */
    char detail[FINDING_MAX];
};

/* A body of POST /{phone number id}/messages: a message, or a read receipt. False fills the
 * finding. */
bool validate_message(const json_t *body, struct finding *finding);

/* Whether the body is a read receipt (perhaps with a typing indicator). */
bool validate_is_receipt(const json_t *body);

/* A body of POST /{business account id}/message_templates. */
bool validate_template(const json_t *body, struct finding *finding);
