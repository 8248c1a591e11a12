/*
 * What an answer of Resend's means for the mail.
 *
 * The key that went with the request makes every doubt cheap: whatever may or may not have been
 * taken is sent again under the same key, and Resend sees to it that it leaves once. What is
 * decided here is only whether another try could help.
 */
#include "bot/base/json.h"
#include "webhooks/resend_out.h"
#include "webhooks/sending.h"

/* The same key before, with other words (a mail that came meanwhile is now the one to answer):
 * the first ones were taken. Under which id is not said; what becomes of them comes with our
 * key. Asking on would hold the conversation up for nothing. */
#define TAKEN SENDING_ACCEPTED
#define RETRY SENDING_RETRY
#define NEVER SENDING_REFUSED
#define STOP  SENDING_STOP_LANE

#define HOUR 3600

struct remedy {
    const char *name;
    enum sending sending;
    int status; /* only with this one; 0: any */
    int wait;   /* seconds; 0: the outbox's own */
    unsigned max_attempts;
    bool alert;
    const char *meaning;
};

/* The first that fits. */
static const struct remedy remedies[] = {
    {"application_error",              RETRY, 0,   0,        0,   false, "something went wrong at Resend"    },
    {"invalid_idempotent_request",     TAKEN, 0,   0,        0,   false,
     "the key was used before, for other words"                                                              },
    {"concurrent_idempotent_requests", RETRY, 0,   1,        0,   false, "the key is under way already"      },
    {"daily_quota_exceeded",           RETRY, 0,   HOUR,     30,  true,  "the day's quota is used up"        },
    {"internal_server_error",          RETRY, 0,   0,        0,   false, "something went wrong at Resend"    },
    {"invalid_access",                 STOP,  0,   0,        0,   true,  "the key may not do this"           },
    {"invalid_api_key",                STOP,  0,   0,        0,   true,  "the key is refused"                },
    {"invalid_attachment",             NEVER, 0,   0,        0,   true,  "a file is refused"                 },
    {"invalid_from_address",           NEVER, 0,   0,        0,   true,  "the sending address is refused"    },
    {"invalid_idempotency_key",        NEVER, 0,   0,        0,   true,  "our key is none"                   },
    {"invalid_parameter",              NEVER, 0,   0,        0,   true,  "a field is refused"                },
    {"invalid_region",                 NEVER, 0,   0,        0,   true,  "the region is refused"             },
    {"method_not_allowed",             NEVER, 0,   0,        0,   true,  "the address of the API is wrong"   },
    {"missing_api_key",                STOP,  0,   0,        0,   true,  "there is no key"                   },
    {"missing_required_field",         NEVER, 0,   0,        0,   true,  "a field is missing"                },
    {"monthly_quota_exceeded",         RETRY, 0,   6 * HOUR, 120, true,  "the month's quota is used up"      },
    {"not_found",                      NEVER, 0,   0,        0,   true,  "the address of the API is wrong"   },
    {"rate_limit_exceeded",            RETRY, 0,   1,        0,   false, "too many requests a second"        },
    {"restricted_api_key",             STOP,  0,   0,        0,   true,  "the key may not send"              },
    {"security_error",                 NEVER, 0,   0,        0,   true,  "Resend's own checks hold it back"  },
    {"validation_error",               STOP,  403, 0,        0,   true,  "the sending domain is not verified"},
    {"validation_error",               NEVER, 0,   0,        0,   true,  "a field is refused"                },
};

static const struct remedy *find(struct str name, int status)
{
    for (size_t i = 0; i < COUNTOF(remedies); i++) {
        const struct remedy *remedy = &remedies[i];
        if (str_eq(name, str_from(remedy->name)) &&
            (remedy->status == 0 || remedy->status == status))
            return remedy;
    }
    return NULL;
}

/* A name that is newer than the table, or none: what HTTP says about it must do. A proxy's page
 * may hide anything, which the key makes harmless. */
static const struct remedy *by_status(int status)
{
    static const struct remedy later = {.sending = RETRY, .meaning = "an error that passes"};
    static const struct remedy stop = {
        .sending = STOP, .alert = true, .meaning = "the key is refused"};
    static const struct remedy never = {
        .sending = NEVER, .alert = true, .meaning = "an error that we do not know"};
    static const struct remedy elsewhere = {.sending = RETRY,
                                            .wait = 60,
                                            .alert = true,
                                            .meaning = "the address of the API is wrong"};

    if (status == 401 || status == 403)
        return &stop;
    if (status >= 300 && status < 400)
        return &elsewhere;
    return status < 300 || status == 408 || status == 409 || status == 429 || status >= 500
               ? &later
               : &never;
}

struct str resend_error_name(struct arena *into, struct str body)
{
    OWNED_JSON(document) = NULL;
    struct err ignored;

    return json_read(body, &document, &ignored) ? json_text(into, document, "name") : STR_NONE;
}

/* The reason is our own words: Resend's may quote the address. */
static void apply(struct arena *into, const struct remedy *remedy, int status,
                  struct sending_result *result)
{
    *result = (struct sending_result){
        .sending = remedy->sending,
        .code = status,
        .reason = arena_format(into, "%d %s: %s", status,
                               remedy->name != NULL ? remedy->name : "without a name",
                               remedy->meaning),
        .wait = remedy->wait * USEC_PER_SEC,
        .max_attempts = remedy->max_attempts,
        .alert = remedy->alert,
    };
}

static void read_answer(struct arena *into, const struct http_answer *answer,
                        struct sending_result *result)
{
    OWNED_JSON(document) = NULL;
    struct err ignored;
    bool success = answer->status >= 200 && answer->status < 300;
    bool read = json_read(answer->body, &document, &ignored);
    struct str id = read ? json_text(into, document, "id") : STR_NONE;
    struct str name = read ? json_text(into, document, "name") : STR_NONE;
    const struct remedy *remedy = find(name, answer->status);

    if (success && id.len > 0) {
        *result = (struct sending_result){.sending = SENDING_ACCEPTED, .provider_id = id};
        return;
    }
    apply(into, !success && remedy != NULL ? remedy : by_status(answer->status), answer->status,
          result);
}

void resend_answer(struct arena *into, const struct http_answer *answer,
                   struct sending_result *result)
{
    switch (answer->fate) {
    case HTTP_ANSWERED:
        read_answer(into, answer, result);
        sending_obey(answer->retry_after, result);
        return;
    case HTTP_NOT_SENT:
        *result = (struct sending_result){.sending = SENDING_RETRY,
                                          .reason = STR("the API could not be reached")};
        return;
    case HTTP_UNKNOWN:
        break;
    }
    *result = (struct sending_result){
        .sending = SENDING_RETRY, .reason = STR("the answer was lost; the key is the same")};
}
