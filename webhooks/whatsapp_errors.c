/*
 * Meta's error codes and what we do about each.
 *
 * The waits (in seconds) are first waits: the outbox adds its own backoff and jitter on top. A
 * remedy that stops the lane concerns the account itself (token, permission, payment), so that
 * every further message would fail alike; one that goes elsewhere concerns this person on this
 * channel. The meanings are our words: they may be logged, Meta's details only after masking.
 */
#include "webhooks/whatsapp_parts.h"

#define STOP  SENDING_STOP_LANE
#define RETRY SENDING_RETRY
#define PAIR  SENDING_PAIR_WAIT
#define ELSE  SENDING_ELSEWHERE
#define NEVER SENDING_REFUSED
#define QUIET WHATSAPP_QUIET
#define ALERT WHATSAPP_ALERT
#define BUG   WHATSAPP_BUG

/* Sorted by code, ranges apart from each other: the search relies on it, a test proves it. */
static const struct whatsapp_remedy remedies[] = {
    {0,       0,       STOP,  0,    0, ALERT, "the access token is not valid"           },
    {1,       1,       RETRY, 0,    3, BUG,   "unknown to Meta, or a bad request"       },
    {2,       2,       RETRY, 0,    0, QUIET, "the API is down for a moment"            },
    {3,       3,       STOP,  0,    0, ALERT, "the app lacks a capability"              },
    {4,       4,       RETRY, 60,   0, QUIET, "the app's call limit is reached"         },
    {10,      10,      STOP,  0,    0, ALERT, "the app lacks a permission"              },
    {33,      33,      NEVER, 0,    0, BUG,   "no such phone number id or object"       },
    {100,     100,     NEVER, 0,    0, BUG,   "a parameter is invalid"                  },
    {190,     190,     STOP,  0,    0, ALERT, "the access token has expired"            },
    {200,     299,     STOP,  0,    0, ALERT, "the app lacks a permission"              },
    {368,     368,     STOP,  0,    0, ALERT, "the account broke a policy"              },
    {80007,   80007,   RETRY, 600,  0, QUIET, "the account's hourly limit is reached"   },
    {130429,  130429,  RETRY, 2,    0, QUIET, "the number's throughput is reached"      },
    {130472,  130472,  ELSE,  0,    0, QUIET, "the person is in an experiment of Meta"  },
    {130497,  130497,  ELSE,  0,    0, ALERT, "this country is closed to the account"   },
    {131000,  131000,  RETRY, 0,    0, QUIET, "something went wrong at Meta"            },
    {131005,  131005,  STOP,  0,    0, ALERT, "access is denied"                        },
    {131008,  131009,  NEVER, 0,    0, BUG,   "a parameter is missing or invalid"       },
    {131016,  131016,  RETRY, 0,    0, QUIET, "a service of Meta is down for a moment"  },
    {131021,  131021,  NEVER, 0,    0, QUIET, "sender and recipient are the same"       },
    {131026,  131026,  ELSE,  0,    0, QUIET, "the person cannot be reached on WhatsApp"},
    {131031,  131031,  STOP,  0,    0, ALERT, "the account is locked"                   },
    {131037,  131037,  STOP,  0,    0, ALERT, "the display name is not approved"        },
    {131042,  131042,  STOP,  0,    0, ALERT, "the account has a payment problem"       },
    {131045,  131045,  STOP,  0,    0, ALERT, "the number is not registered"            },
    {131047,  131047,  ELSE,  0,    0, QUIET, "over 24 hours since the customer wrote"  },
    {131048,  131048,  RETRY, 3600, 3, ALERT, "the number's spam limit is reached"      },
    {131049,  131049,  ELSE,  0,    0, QUIET, "Meta holds back marketing to this person"},
    {131050,  131050,  NEVER, 0,    0, QUIET, "the person stopped marketing messages"   },
    {131051,  131051,  NEVER, 0,    0, BUG,   "the message type is not supported"       },
    {131052,  131053,  RETRY, 10,   2, BUG,   "the media file could not be fetched"     },
    {131056,  131056,  PAIR,  0,    0, QUIET, "too many messages to this one person"    },
    {131057,  131057,  RETRY, 120,  0, QUIET, "the number is in maintenance"            },
    {131062,  131062,  ELSE,  0,    0, QUIET, "it needs the person's phone number"      },
    {132000,  132000,  NEVER, 0,    0, BUG,   "the template has other variables"        },
    {132001,  132001,  NEVER, 0,    0, BUG,   "the template is missing or unapproved"   },
    {132005,  132005,  NEVER, 0,    0, BUG,   "the template is too long when filled"    },
    {132007,  132007,  NEVER, 0,    0, BUG,   "the template breaks a policy"            },
    {132012,  132012,  NEVER, 0,    0, BUG,   "a template variable has the wrong format"},
    {132015,  132016,  ELSE,  0,    0, ALERT, "the template is paused or disabled"      },
    {133004,  133004,  RETRY, 0,    0, QUIET, "the server is down for a moment"         },
    {133010,  133010,  STOP,  0,    0, ALERT, "the number is not registered"            },
    {134011,  134011,  STOP,  0,    0, ALERT, "the payment terms are not accepted"      },
    {135000,  135000,  NEVER, 0,    0, BUG,   "a parameter is wrong, not said which"    },
    {2388019, 2388019, NEVER, 0,    0, BUG,   "the account has too many templates"      },
    {2388040, 2388040, NEVER, 0,    0, BUG,   "a template field is too long"            },
    {2388047, 2388047, NEVER, 0,    0, BUG,   "the template's header is wrong"          },
    {2388072, 2388073, NEVER, 0,    0, BUG,   "the template's body or footer is wrong"  },
    {2388293, 2388293, NEVER, 0,    0, BUG,   "the template has too many variables"     },
    {2388299, 2388299, NEVER, 0,    0, BUG,   "a template has a variable at its end"    },
};

const struct whatsapp_remedy *whatsapp_remedy_find(int64_t code)
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
