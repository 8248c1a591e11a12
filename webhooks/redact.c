/*
 * Hardly any delivery has a card in it, so the first look is a cheap one at the raw bytes
 * (cards_may) and at the words. Mail is always looked through: base64 hides what it says.
 */
#include "webhooks/redact.h"

#include "bot/base/cards.h"
#include "webhooks/mime.h"

/* Whether one before `n` is of the same person. */
static bool is_told(const struct inbound_batch *batch, size_t n)
{
    struct str address = person_address(&batch->events[n].from);

    for (size_t i = 0; i < n; i++) {
        if (batch->events[i].card && str_eq(person_address(&batch->events[i].from), address))
            return true;
    }
    return false;
}

static size_t redact_events(struct arena *into, struct inbound_batch *batch)
{
    size_t found = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (!cards_redact_event(into, &batch->events[i]))
            continue;
        found++;
        batch->events[i].card = !is_told(batch, i);
    }
    return found;
}

/* Of what none of the words have (an attached text, a page's source) the sender hears, too: it
 * is withheld from everybody who could read it. */
static size_t tell_sender(struct inbound_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (event_is_message(batch->events[i].kind)) {
            batch->events[i].card = true;
            break;
        }
    }
    return 1;
}

/* The files of a mail that was taken apart stay: they are fetched out of what is kept. */
static struct str withhold(struct arena *into, enum redact_form form, struct str body,
                           const struct inbound_batch *batch)
{
    struct str files = STR_NONE;

    for (size_t i = 0; i < batch->n && form == REDACT_MAIL && files.len == 0; i++) {
        if (batch->events[i].media != NULL)
            files = mime_files_only(into, body, STR(REDACT_WITHHELD));
    }
    return files.len > 0 ? files : STR(REDACT_WITHHELD);
}

struct str redact_delivery(struct arena *into, enum redact_form form, struct str body,
                           struct inbound_batch *batch)
{
    size_t found = redact_events(into, batch), cut = 0;
    struct str kept = body;

    if (found == 0 && form != REDACT_MAIL && !cards_may(body))
        return body;
    switch (form) {
    case REDACT_JSON:
        kept = redact_json(into, body, &cut);
        break;
    case REDACT_FORM:
        kept = redact_form(into, body, &cut);
        break;
    case REDACT_MAIL:
        if (found == 0 && redact_mail_has(into, body))
            found = tell_sender(batch);
        break;
    }
    return found > 0 && cut == 0 ? withhold(into, form, body, batch) : kept;
}
