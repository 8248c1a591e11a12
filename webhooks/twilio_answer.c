/*
 * What an answer of Twilio's means for the message.
 *
 * Twilio has no idempotency key, so the question behind every line is: may the message have
 * been taken? An id says yes, an error with Twilio's own code says no; a proxy's 502, a lost
 * answer or a 2xx that is no JSON settle nothing.
 */
#include "bot/base/json.h"
#include "webhooks/sending.h"
#include "webhooks/twilio.h"

#include <limits.h>

#define RETRY SENDING_RETRY
#define NEVER SENDING_REFUSED
#define ELSE  SENDING_ELSEWHERE
#define STOP  SENDING_STOP_LANE

#define HOUR 3600

#define TOLD_TO_STOP 21610

struct remedy {
    int first, last; /* codes */
    enum sending sending;
    int wait; /* seconds; 0: the outbox's own */
    unsigned max_attempts;
    bool alert;
    const char *meaning;
};

/* Sorted by code, ranges apart from each other: the search relies on it. */
static const struct remedy remedies[] = {
    {14107, 14107, RETRY, 2,        0, false, "the rate limit is reached"                 },
    {20003, 20003, STOP,  0,        0, true,  "the account's token is refused"            },
    {20005, 20005, STOP,  0,        0, true,  "the account is not active"                 },
    {20404, 20404, NEVER, 0,        0, true,  "no such account or resource"               },
    {20429, 20429, RETRY, 2,        0, false, "too many requests at once"                 },
    {20500, 20500, RETRY, 0,        0, false, "something went wrong at Twilio"            },
    {20503, 20503, RETRY, 0,        0, false, "a service of Twilio is down for a moment"  },
    {21211, 21211, ELSE,  0,        0, false, "the number is none"                        },
    {21401, 21401, ELSE,  0,        0, false, "the number is none"                        },
    {21408, 21408, ELSE,  0,        0, true,  "this region is not enabled for the account"},
    {21602, 21604, NEVER, 0,        0, true,  "a field is missing"                        },
    {21606, 21608, NEVER, 0,        0, true,  "the sender cannot send to this number"     },
    {21610, 21610, ELSE,  0,        0, false, "the person sent STOP to this number"       },
    {21611, 21611, RETRY, 30,       0, false, "the sender's queue is full"                },
    {21612, 21612, ELSE,  0,        0, true,  "the sender cannot reach this number"       },
    {21614, 21614, ELSE,  0,        0, false, "the number is no mobile one"               },
    {21617, 21617, NEVER, 0,        0, true,  "the words are too long"                    },
    {21619, 21619, NEVER, 0,        0, true,  "there are no words"                        },
    {21620, 21620, NEVER, 0,        0, true,  "a file's address is none"                  },
    {21623, 21623, NEVER, 0,        0, true,  "too many files"                            },
    {21659, 21659, NEVER, 0,        0, true,  "the sending number is not the account's"   },
    {30001, 30001, RETRY, 30,       0, false, "the sender's queue is full"                },
    {30002, 30002, STOP,  0,        0, true,  "the account is suspended"                  },
    {30003, 30003, ELSE,  HOUR,     3, false, "the phone is off or out of reach"          },
    {30004, 30004, ELSE,  0,        0, false, "the person or the carrier blocks it"       },
    {30005, 30006, ELSE,  0,        0, false, "the number takes no messages"              },
    {30007, 30007, NEVER, 0,        0, true,  "the carrier's filter holds it back"        },
    {30008, 30008, RETRY, 30,       2, false, "an error that the carrier does not explain"},
    {30010, 30010, NEVER, 0,        0, true,  "it would cost more than is allowed"        },
    {30017, 30017, RETRY, 10,       0, false, "the carrier is congested"                  },
    {30018, 30018, STOP,  0,        0, true,  "the sender is not registered"              },
    {30019, 30019, NEVER, 0,        0, false, "it is too large for the carrier"           },
    {30022, 30022, RETRY, 30,       0, false, "the carrier's rate limit is reached"       },
    {30023, 30023, RETRY, 6 * HOUR, 5, true,  "the day's limit is reached"                },
    {30024, 30024, STOP,  0,        0, true,  "the sender is not provisioned"             },
    {30027, 30027, RETRY, 6 * HOUR, 5, true,  "the carrier's daily limit is reached"      },
    {30032, 30035, STOP,  0,        0, true,  "the sender is not registered or verified"  },
    {30036, 30036, NEVER, 0,        0, false, "it was not delivered in time"              },
    {63003, 63003, ELSE,  0,        0, false, "nobody has this address there"             },
    {63005, 63005, NEVER, 0,        0, true,  "the channel refuses the words"             },
    {63010, 63012, RETRY, 0,        0, false, "the channel is in trouble"                 },
    {63013, 63013, NEVER, 0,        0, true,  "it is against the channel's policy"        },
    {63014, 63014, ELSE,  0,        0, false, "the person blocks it"                      },
    {63016, 63016, ELSE,  0,        0, false, "the channel would take a template only"    },
    {63017, 63018, RETRY, 30,       0, false, "the channel's rate limit is reached"       },
    {63019, 63019, NEVER, 0,        0, true,  "the file could not be fetched"             },
    {63021, 63021, NEVER, 0,        0, true,  "the channel refuses the words"             },
    {63024, 63024, ELSE,  0,        0, false, "nobody has this address there"             },
    {63027, 63028, NEVER, 0,        0, true,  "the template is none, or misses a value"   },
    {63032, 63032, ELSE,  0,        0, false, "the channel does not reach this person now"},
    {63033, 63033, ELSE,  0,        0, false, "it is blocked"                             },
    {63038, 63038, RETRY, 6 * HOUR, 5, true,  "the account's daily limit is reached"      },
    {63040, 63042, NEVER, 0,        0, true,  "the template is rejected or paused"        },
};

static const struct remedy *find(int code)
{
    size_t low = 0, high = COUNTOF(remedies);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code < remedies[middle].first) {
            high = middle;
        } else if (code > remedies[middle].last) {
            low = middle + 1;
        } else {
            return &remedies[middle];
        }
    }
    return NULL;
}

/* A code that is newer than the table: what HTTP says about it must do. */
static const struct remedy *by_status(int status)
{
    static const struct remedy later = {.sending = RETRY, .meaning = "an error that passes"};
    static const struct remedy stop = {
        .sending = STOP, .alert = true, .meaning = "the account's token is refused"};
    static const struct remedy never = {
        .sending = NEVER, .alert = true, .meaning = "an error that we do not know"};

    if (status == 401)
        return &stop;
    return status == 429 || status >= 500 ? &later : &never;
}

/* The reason is our own words: Twilio's quote the number. */
static void apply(struct arena *into, const struct remedy *remedy, int code,
                  struct sending_result *result)
{
    *result = (struct sending_result){
        .sending = remedy->sending,
        .code = code,
        .reason = arena_format(into, "%d: %s", code, remedy->meaning),
        .wait = remedy->wait * USEC_PER_SEC,
        .max_attempts = remedy->max_attempts,
        .alert = remedy->alert,
        .told_to_stop = code == TOLD_TO_STOP,
    };
}

static void answer_body(struct arena *into, const struct http_answer *answer,
                        struct sending_result *result)
{
    OWNED_JSON(document) = NULL;
    struct err ignored;
    bool success = answer->status >= 200 && answer->status < 300;

    if (!json_read(answer->body, &document, &ignored)) {
        sending_by_status(into, answer->status, "Twilio's", result);
        return;
    }
    struct str sid = json_text(into, document, "sid");
    int64_t code = json_int(document, "code", 0);
    if (success && sid.len > 0) {
        *result = (struct sending_result){.sending = SENDING_ACCEPTED, .provider_id = sid};
    } else if (!success && code > 0 && code <= INT_MAX) {
        const struct remedy *remedy = find((int)code);
        apply(into, remedy != NULL ? remedy : by_status(answer->status), (int)code, result);
    } else {
        sending_by_status(into, answer->status, "Twilio's", result);
    }
}

void twilio_answer(struct arena *into, const struct http_answer *answer,
                   struct sending_result *result)
{
    sending_of(into, answer, answer_body, result);
}

void twilio_error(struct arena *into, int code, struct sending_result *result)
{
    const struct remedy *remedy = find(code);

    apply(into, remedy != NULL ? remedy : by_status(400), code, result);
}
