/* What makers of news put into `notices.detail`; the order's own fields come from the order. */
#include "flows/notice_kinds.h"

#define ORDER                                                                                  \
    {"number", NOTICE_TEXT}, {"workflow", NOTICE_TEXT}, {"status", NOTICE_TEXT},               \
    {                                                                                          \
        "status_name", NOTICE_TEXT                                                             \
    }
#define FIELDS(...)                                                                            \
    (const struct notice_field[])                                                              \
    {                                                                                          \
        __VA_ARGS__,                                                                           \
        {                                                                                      \
            NULL, NOTICE_TEXT                                                                  \
        }                                                                                      \
    }

const struct notice_kind notice_kinds[] = {
    {"order_status",                   FIELDS(ORDER,                                             {"note", NOTICE_TEXT})},
    {"shipped",                                FIELDS(ORDER,                                                                                {"carrier", NOTICE_TEXT}, {"tracking_number", NOTICE_TEXT},
     {"expected_at", NOTICE_TIME}, {"url", NOTICE_TEXT})},
    {"out_for_delivery",        FIELDS(ORDER)},
    {"delivered",           FIELDS(ORDER,                                                                   {"place", NOTICE_TEXT})},
    {"exception",            FIELDS(ORDER,                                                                                                                    {"note", NOTICE_TEXT})},
    {"expected_changed",
     FIELDS(ORDER,{"expected_at", NOTICE_TIME}, {"expected_was", NOTICE_TIME})},
    {"ready_for_pickup",                      FIELDS(ORDER,                                                       {"note", NOTICE_TEXT})},
    {"estimate_awaiting",                                FIELDS(ORDER,                                                                       {"total", NOTICE_MONEY})},
    {"payment_received",    FIELDS({"amount", NOTICE_MONEY},                                                      {"invoice", NOTICE_TEXT})},
    {"payment_failed",
     FIELDS({"amount", NOTICE_MONEY},                                      {"invoice", NOTICE_TEXT}, {"reason", NOTICE_TEXT})},
    {"refunded",                                FIELDS({"amount", NOTICE_MONEY},                                                                      {"invoice", NOTICE_TEXT})},
    {"invoice_issued",
     FIELDS({"amount", NOTICE_MONEY},{"invoice", NOTICE_TEXT}, {"due", NOTICE_TIME})},
    {"invoice_due",
     FIELDS({"amount", NOTICE_MONEY},{"invoice", NOTICE_TEXT}, {"due", NOTICE_TIME})},
    {"document_ready",                 FIELDS({"name", NOTICE_TEXT},                                                            {"url", NOTICE_TEXT})},
    {"ticket_answered",        FIELDS({"ticket", NOTICE_TEXT},                                                                {"said", NOTICE_TEXT})},
    {"cancellation_decided",FIELDS(ORDER,{"decision", NOTICE_TEXT}, {"note", NOTICE_TEXT})},
    {"review_asked",                 FIELDS(ORDER)                                                           },
    {"review_reminder",           FIELDS(ORDER)                                                                  },
};
const size_t notice_kinds_n = sizeof notice_kinds / sizeof *notice_kinds;

const struct notice_kind *notice_kind_find(struct str name)
{
    for (size_t i = 0; i < notice_kinds_n; i++) {
        if (str_eq(name, str_from(notice_kinds[i].name)))
            return &notice_kinds[i];
    }
    return NULL;
}

const struct notice_field *notice_field_find(const struct notice_kind *kind, struct str name)
{
    for (const struct notice_field *field = kind->fields; field->name; field++) {
        if (str_eq(name, str_from(field->name)))
            return field;
    }
    return NULL;
}
