/*
 * What the files of the WhatsApp adapter share; nobody else includes this.
 */
#pragma once

#include "bot/base/json.h"
#include "webhooks/whatsapp.h"

struct whatsapp_contact {
    struct str wa_id; /* as given; `person.phone` is the number in it */
    struct person person;
};

struct whatsapp_key {
    struct str id;
    const struct whatsapp_contact *contact;
};

/* Where in a delivery we are: what every item of a change has in common. */
struct whatsapp_place {
    struct arena *into;
    struct str business;
    struct str account;
    struct str field;
    struct str time; /* of the entry, as given */
    usec_t at;       /* the same; 0 when not given */
    const struct whatsapp_contact *contacts;
    struct whatsapp_key *by_wa_id; /* sorted */
    struct whatsapp_key *by_user_id;
    size_t n_contacts;
};

enum whatsapp_reading { WHATSAPP_READ, WHATSAPP_UNKNOWN, WHATSAPP_BROKEN };

/* The contacts of a change, so that whatsapp_person finds them. */
void whatsapp_read_contacts(struct whatsapp_place *place, const json_t *value);

/* Who someone is by the ids that an item gives, completed from the change's contacts. */
struct person whatsapp_person(const struct whatsapp_place *place, struct str wa_id,
                              struct str user_id);

/* Seconds since 1970, as number or text; 0 when missing or not a time. */
usec_t whatsapp_time(const json_t *object, const char *name);

/* The first of `object.errors`, where there is one. */
void whatsapp_read_error(struct arena *into, const json_t *object, struct event *event);

/* One of `value.messages`. Account, business and field are already there. */
enum whatsapp_reading whatsapp_decode_message(const struct whatsapp_place *place,
                                              const json_t *item, struct event *event);

/* Whether it is a web address, whole and without white space. */
bool whatsapp_is_link(struct str url);

/* The frame of a request about the object `id`; `rest` follows it in the address and is ours.
 * ERR_REJECT when the address, the id or the token cannot be used. */
MUST_USE bool whatsapp_request(struct arena *into, const struct whatsapp_sender *sender,
                               const char *method, struct str id, const char *rest,
                               struct http_request *request, struct err *err);

/* Who should hear of it. */
enum whatsapp_alarm {
    WHATSAPP_QUIET, /* nobody: it happens */
    WHATSAPP_ALERT, /* a person should look */
    WHATSAPP_BUG    /* a person should mend something; Meta's details say what */
};

/* How an error code is to be taken. */
struct whatsapp_remedy {
    int first, last; /* codes */
    enum sending sending;
    int wait; /* seconds */
    unsigned max_attempts;
    enum whatsapp_alarm alarm;
    const char *meaning;
};

/* NULL for a code that the table does not know. */
const struct whatsapp_remedy *whatsapp_remedy_find(int64_t code);
