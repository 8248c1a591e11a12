#include "webhooks/sagepilot.h"

#include "bot/base/json.h"
#include "webhooks/rfc3339.h"

/* What an event is called by us, which member has it, and what its name says already. */
static const struct mapping {
    const char *from, *to;
    const char *member;
    const char *status; /* where the payload says none; NULL: it has to */
} mappings[] = {
    {"customer_created",          "customer.upserted", "customer", NULL              },
    {"customer_updated",          "customer.upserted", "customer", NULL              },
    {"order_created",             "order.upserted",    "order",    NULL              },
    {"order_updated",             "order.upserted",    "order",    NULL              },
    {"order_shipped",             "order.upserted",    "order",    "shipped"         },
    {"order_delivered",           "order.upserted",    "order",    "delivered"       },
    {"order_cancelled",           "order.upserted",    "order",    "cancelled"       },
    {"payment_confirmed",         "order.upserted",    "order",    NULL              },
    {"shipment_created",          "shipment.upserted", "shipment", "label_created"   },
    {"shipment_picked_up",        "shipment.upserted", "shipment", "picked_up"       },
    {"shipment_in_transit",       "shipment.upserted", "shipment", "in_transit"      },
    {"shipment_delayed",          "shipment.upserted", "shipment", "exception"       },
    {"shipment_out_for_delivery", "shipment.upserted", "shipment", "out_for_delivery"},
    {"shipment_delivered",        "shipment.upserted", "shipment", "delivered"       },
    {"invoice_created",           "invoice.upserted",  "invoice",  NULL              },
    {"invoice_updated",           "invoice.upserted",  "invoice",  NULL              },
    {"ticket_replied",            "ticket.answered",   "ticket",   NULL              },
};

/* Names that shops' systems use, and ours; "" is any kind. The first that is there counts. */
static const struct {
    const char *member, *from, *to;
} renames[] = {
    {"customer", "customer_id",            "id"             },
    {"order",    "order_id",               "id"             },
    {"shipment", "shipment_id",            "id"             },
    {"invoice",  "invoice_id",             "id"             },
    {"ticket",   "ticket_id",              "ticket"         },
    {"ticket",   "message",                "text"           },
    {"order",    "order_number",           "number"         },
    {"invoice",  "invoice_number",         "number"         },
    {"",         "customer_id",            "customer"       },
    {"",         "order_id",               "order"          },
    {"order",    "created_at",             "placed_at"      },
    {"order",    "line_items",             "items"          },
    {"order",    "total_amount",           "total"          },
    {"order",    "amount_paid",            "paid"           },
    {"",         "estimated_delivery",     "expected_at"    },
    {"",         "new_estimated_delivery", "expected_at"    },
    {"shipment", "tracking_code",          "tracking_number"},
    {"shipment", "tracking_url",           "url"            },
};

static const char *const times[] = {"occurred_at", "updated_at", "timestamp"};

static const struct mapping *mapping_of(struct str type)
{
    for (size_t i = 0; i < COUNTOF(mappings); i++) {
        if (str_eq(type, str_from(mappings[i].from)))
            return &mappings[i];
    }
    return NULL;
}

static void rename_members(json_t *data, const char *member)
{
    for (size_t i = 0; i < COUNTOF(renames); i++) {
        json_t *value = json_object_get(data, renames[i].from);
        if (value != NULL && json_object_get(data, renames[i].to) == NULL &&
            (renames[i].member[0] == '\0' || strcmp(renames[i].member, member) == 0))
            (void)json_object_set(data, renames[i].to, value);
    }
}

/* When it happened: what the payload says, else when it was sent. */
static struct str time_of(struct arena *into, const json_t *payload, struct str stamp)
{
    int64_t seconds = 0;
    usec_t at;

    for (size_t i = 0; i < COUNTOF(times); i++) {
        struct str text = json_text(into, payload, times[i]);
        if (rfc3339_read(text, &at))
            return text;
    }
    if (!str_to_int(stamp, &seconds) || seconds < 0 || seconds > INT64_C(100000000000))
        return STR_NONE;
    return rfc3339_write(into, seconds * USEC_PER_SEC);
}

static struct str write_event(struct arena *into, const struct mapping *mapping, struct str id,
                              struct str stamp, struct str source, const json_t *payload)
{
    const json_t *inner = json_object_in(payload, mapping->member);
    struct str own = json_scalar(into, payload, "event_id");
    OWNED_JSON(event) = json_object();
    json_t *data = json_copy((json_t *)(inner != NULL ? inner : payload));

    rename_members(data, mapping->member);
    if (mapping->status != NULL && json_object_get(data, "status") == NULL)
        json_set_text(data, "status", str_from(mapping->status));
    json_set_text(event, "specversion", STR("1.0"));
    json_set_text(event, "id", own.len > 0 ? own : id);
    json_set_text(event, "source", source);
    json_set_text(event, "type", str_from(mapping->to));
    json_set_text(event, "time", time_of(into, payload, stamp));
    (void)json_object_set_new(event, "data", data);
    return json_write(into, event);
}

enum sagepilot_kind sagepilot_event(struct arena *into, struct str id, struct str stamp,
                                    struct str body, struct str *event, struct str *type)
{
    const struct mapping *mapping;
    const json_t *payload;
    OWNED_JSON(doc) = NULL;

    *event = *type = STR_NONE;
    if (str_find(body, STR("\"event_type\"")) == body.len || !json_read(body, &doc, NULL) ||
        json_object_get(doc, "specversion") != NULL)
        return SAGEPILOT_NOT;
    payload = json_object_in(doc, "payload");
    *type = json_text(into, doc, "event_type");
    if (payload == NULL || type->len == 0)
        return SAGEPILOT_NOT;
    mapping = mapping_of(*type);
    if (mapping == NULL)
        return SAGEPILOT_UNKNOWN;
    *event = write_event(into, mapping, id, stamp, json_scalar(into, doc, "source"), payload);
    return SAGEPILOT_KNOWN;
}
