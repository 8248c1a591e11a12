/*
 * Stands before the last flight of a batch in the program parley-coder, which only tests build:
 * a message such as "code sms +15550100001 471123" sends that code there, as an action of a
 * flow does, with words that the test's own folder has.
 */
#include "bot/turn/batch_code.h"

void __real_batch_write(struct batch_work *work);
void __wrap_batch_write(struct batch_work *work);

static void send_code(struct batch_work *work, struct turn *turn, struct str rest)
{
    struct str channel, destination, code;

    if (!str_split(&rest, ' ', &channel) || !str_split(&rest, ' ', &destination) ||
        !str_split(&rest, ' ', &code))
        return;
    struct code_message message = {.channel = str_eq(channel, STR("sms")) ? CHANNEL_SMS
                                              : str_eq(channel, STR("email"))
                                                  ? CHANNEL_EMAIL
                                                  : CHANNEL_WHATSAPP,
                                   .destination = destination,
                                   .code = code,
                                   .words = STR("coder.words")};
    if (!batch_send_code(work, turn, &message)) /* the test looks for it in the log */
        (void)fprintf(stderr, "event=coder.refused\n");
}

void __wrap_batch_write(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        for (size_t k = 0; turn->taken && turn->fresh && k < turn->n; k++) {
            struct str text = turn->items[k]->event->text;
            if (batch_is_new(work, turn->items[k]) && str_starts(text, STR("code ")))
                send_code(work, turn, str_slice(text, 5, text.len));
        }
    }
    __real_batch_write(work);
}
