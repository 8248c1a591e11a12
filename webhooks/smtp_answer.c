/*
 * What a mail server's answer means for the mail.
 *
 * 4xx is "not now" and 5xx "not ever" (RFC 5321), but of what? The command that was answered
 * says whether it is us (signing in, the sending address), the person (the recipient), or the
 * mail itself; the enhanced code (RFC 3463), where there is one, tells a mailbox that is not
 * there from a rule that forbids us to write to it.
 */
#include "webhooks/smtp.h"

#define RETRY SENDING_RETRY
#define NEVER SENDING_REFUSED
#define ELSE  SENDING_ELSEWHERE
#define STOP  SENDING_STOP_LANE

/* Who turns strangers away at first wants to see some patience. */
#define GREYLIST USEC_PER_MIN

static const struct {
    const char *command;
    enum sending sending; /* after 5xx */
    bool alert;
    const char *meaning;
} commands[] = {
    {"AUTH", STOP,  true,  "the mail server refuses user or password"   },
    {"MAIL", STOP,  true,  "the mail server refuses the sending address"},
    {"RCPT", ELSE,  false, "the address takes no mail"                  },
    {"DATA", NEVER, true,  "the mail server refuses the mail"           },
    {"BODY", NEVER, true,  "the mail server refuses the mail"           },
    {"",     RETRY, true,  "the mail server refuses us"                 },
};

/* "5.7.1" and the like: policy, which says nothing about the person. */
static bool is_policy(struct str answer)
{
    return str_find(answer, STR(" 5.7.")) < answer.len;
}

/* The mail is too large, whichever command noticed. */
static bool is_too_large(int status, struct str answer)
{
    return str_find(answer, STR(" 5.3.4")) < answer.len ||
           (status == 552 && str_starts(answer, STR("MAIL")));
}

static void set(struct arena *into, struct sending_result *result, enum sending sending,
                int code, const char *meaning)
{
    *result = (struct sending_result){.sending = sending,
                                      .code = code,
                                      .reason = arena_format(into, "%d: %s", code, meaning)};
}

static void refused(struct arena *into, int status, struct str answer,
                    struct sending_result *result)
{
    size_t i = 0;

    while (commands[i].command[0] != '\0' && !str_starts(answer, str_from(commands[i].command)))
        i++;
    set(into, result, commands[i].sending, status, commands[i].meaning);
    result->alert = commands[i].alert;
    if (is_too_large(status, answer)) {
        set(into, result, NEVER, status, "the mail is too large");
        result->alert = true;
    } else if (result->sending == ELSE && is_policy(answer)) {
        set(into, result, NEVER, status, "the mail server may not send to this address");
        result->alert = true;
    } else if (result->sending == RETRY) {
        result->wait = USEC_PER_MIN;
    }
}

void smtp_answer(struct arena *into, const struct http_answer *answer,
                 struct sending_result *result)
{
    int status = answer->status;

    if (answer->fate == HTTP_NOT_SENT) {
        *result = (struct sending_result){
            .sending = RETRY, .reason = STR("the mail server did not get it whole")};
    } else if (answer->fate == HTTP_UNKNOWN) {
        *result = (struct sending_result){.sending = SENDING_UNKNOWN,
                                          .reason = STR("the answer was lost")};
    } else if (status >= 200 && status < 300) {
        *result =
            (struct sending_result){.sending = SENDING_ACCEPTED, .provider_id = answer->body};
    } else if (status >= 500) {
        refused(into, status, answer->body, result);
    } else {
        set(into, result, RETRY, status, "the mail server cannot take it now");
        if (str_starts(answer->body, STR("RCPT")))
            result->wait = GREYLIST;
    }
}

void smtp_error(struct arena *into, int code, struct sending_result *result)
{
    set(into, result, code >= 500 ? ELSE : RETRY, code, "the mail came back");
}
