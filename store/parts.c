/*
 * Flow loads and actions, bound to statements. Variables travel as text, whatever they are in
 * the dialogue: a statement that wants a number reads it from the text and has its own answer
 * for nonsense, so nothing that a person types can fail a turn here.
 */
#include "store/parts.h"
#include "store/sql.h"

#include <assert.h>
#include <inttypes.h>

#define FRAME      2 /* org and customer */
#define TAKES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING    ((const char *const[]){NULL})

/* One part, one line: those who add some meet less often. */
/* clang-format off */
static const struct part parts[] = {
    {"order_figures", &SQL_ORDER_FIGURES, NOTHING, PART_RECORD, false},
    {"orders_list", &SQL_ORDERS_LIST, TAKES("filter", "offset", "words", "language", "day"), PART_LIST, false},
    {"order_by_number", &SQL_ORDER_BY_NUMBER, TAKES("number", "language", "@now"), PART_RECORD, false},
    {"order_timeline", &SQL_ORDER_TIMELINE, TAKES("number", "language"), PART_LIST, false},
    {"order_shipments", &SQL_ORDER_SHIPMENTS, TAKES("number"), PART_LIST, false},
    {"shipments_by_tracking", &SQL_SHIPMENTS_BY_TRACKING, TAKES("tracking"), PART_LIST, false},
    {"jobs_list", &SQL_JOBS_LIST, TAKES("offset", "language", "@now"), PART_LIST, false},
    {"history_list", &SQL_HISTORY_LIST, TAKES("filter", "offset", "words", "language", "@now"), PART_LIST, false},
    {"photo_groups", &SQL_PHOTO_GROUPS, TAKES("number"), PART_LIST, false},
    {"order_photos", &SQL_ORDER_PHOTOS, TAKES("number", "category"), PART_LIST, false},
    {"estimates_awaiting", &SQL_ESTIMATES_AWAITING, TAKES("@now", "language"), PART_LIST, false},
    {"estimate_of", &SQL_ESTIMATE_OF, TAKES("number", "@now"), PART_RECORD, false},
    {"estimate_decide", &SQL_ESTIMATE_DECIDE, TAKES("number", "version", "decision", "@now", "@contact", "@id"), PART_ACTION, false},
    {"tickets_list", &SQL_TICKETS_LIST, TAKES("offset"), PART_LIST, false},
    {"ticket_by_number", &SQL_TICKET_BY_NUMBER, TAKES("ticket"), PART_RECORD, false},
    {"ticket_open", &SQL_TICKET_OPEN, TAKES("number", "kind", "description", "email", "files", "@id", "@conversation", "@contact", "@now"), PART_ACTION, false},
    {"ticket_attach", &SQL_TICKET_ATTACH, TAKES("ticket", "files", "@conversation"), PART_ACTION, false},
    {"cancellable_orders", &SQL_CANCELLABLE_ORDERS, TAKES("language"), PART_LIST, false},
    {"cancellation_outlook", &SQL_CANCELLATION_OUTLOOK, TAKES("number", "language", "@now"), PART_RECORD, false},
    {"cancellation_reasons", &SQL_CANCELLATION_REASONS, TAKES("language"), PART_LIST, false},
    {"cancellation_reason", &SQL_CANCELLATION_REASON, TAKES("language", "reason"), PART_RECORD, false},
    {"cancellation_request", &SQL_CANCELLATION_REQUEST, TAKES("number", "reason", "note", "language", "@now", "@id", "@conversation"), PART_ACTION, false},
    {"cancellation_withdraw", &SQL_CANCELLATION_WITHDRAW, TAKES("id", "@now"), PART_ACTION, false},
    {"papers_list", &SQL_PAPERS_LIST, TAKES("number", "@now"), PART_LIST, false},
    {"paper_ask", &SQL_PAPER_ASK, TAKES("paper", "language", "@conversation", "@id", "@now"), PART_ACTION, false},
    {"paper_tell", &SQL_PAPER_TELL, TAKES("@conversation"), PART_ACTION, false},
    {"portal_mint", &SQL_PORTAL_MINT, TAKES("@contact", "@id", "@portal", "@portal_short", "@now"), PART_ACTION, false},
    {"news_tell", &SQL_NEWS_TELL, TAKES("@conversation", "language", "@now"), PART_ACTION, false},
    {"agent_files_tell", &SQL_AGENT_FILES_TELL, TAKES("@conversation", "@now"), PART_ACTION, false},
    {"person_there", &SQL_HANDOFF_THERE, TAKES("@conversation", "@now"), PART_ACTION, true},
    {"review_ask", &SQL_REVIEW_ASK, TAKES("@conversation", "@now"), PART_ACTION, false},
    {"review_begin", &SQL_REVIEW_BEGIN, TAKES("words"), PART_ACTION, false},
    {"review_rate", &SQL_REVIEW_RATE, TAKES("number", "stars", "@id", "@conversation", "@contact", "@now"), PART_ACTION, false},
    {"review_comment", &SQL_REVIEW_COMMENT, TAKES("number", "comment", "@now"), PART_ACTION, false},
    {"review_skip", &SQL_REVIEW_SKIP, TAKES("number", "@now"), PART_ACTION, false},
    {"reviews_asked", &SQL_REVIEWS_ASKED, TAKES("number", "@now"), PART_LIST, false},
    {"reviews_open", &SQL_REVIEWS_OPEN, TAKES("number", "language", "@now"), PART_LIST, false},
    {"review_links", &SQL_REVIEW_LINKS, TAKES("number", "@links", "@now"), PART_LIST, false},
    {"cancellations_list", &SQL_CANCELLATIONS_LIST, TAKES("language", "number"), PART_LIST, false},
    {"cancellation_by_id", &SQL_CANCELLATION_BY_ID, TAKES("language", "id"), PART_RECORD, false},
    {"account_balance", &SQL_ACCOUNT_BALANCE, TAKES("@now"), PART_RECORD, false},
    {"invoices_list", &SQL_INVOICES_LIST, TAKES("filter", "offset", "@now"), PART_LIST, false},
    {"invoice_by_number", &SQL_INVOICE_BY_NUMBER, TAKES("number", "@now"), PART_RECORD, false},
    {"checkout_make", &SQL_CHECKOUT_MAKE, TAKES("number", "amount", "@conversation", "@id", "@now"), PART_ACTION, false},
    {"checkout_tell", &SQL_CHECKOUT_TELL, TAKES("@conversation", "@now"), PART_ACTION, false},
    {"preferences_topics", &SQL_PREFERENCES_TOPICS, NOTHING, PART_LIST, false},
    {"preferences_channels", &SQL_PREFERENCES_CHANNELS, TAKES("topic"), PART_LIST, false},
    {"preferences_quiet", &SQL_PREFERENCES_QUIET, TAKES("@now"), PART_RECORD, false},
    {"preference_set", &SQL_PREFERENCE_SET, TAKES("topic", "change", "@now", "@contact", "@text"), PART_ACTION, false},
    {"first_channels", &SQL_FIRST_CHANNELS, NOTHING, PART_LIST, false},
    {"first_channel_set", &SQL_FIRST_CHANNEL_SET, TAKES("channel", "@now"), PART_ACTION, false},
    {"quiet_set", &SQL_QUIET_SET, TAKES("hours", "@now"), PART_ACTION, false},
    {"updates_list", &SQL_UPDATES_LIST, TAKES("language", "until", "@now"), PART_LIST, false},
    {"updates_seen", &SQL_UPDATES_SEEN, TAKES("until", "@now"), PART_ACTION, false},
    {"send_code", &SQL_SEND_CODE, TAKES("way", "@contact", "@code", "@id", "@now", "@channels"), PART_ACTION, true},
    {"send_link_code", &SQL_SEND_LINK_CODE, TAKES("identity", "@contact", "@code", "@id", "@now", "@channels"), PART_ACTION, true},
    {"check_code", &SQL_CHECK_CODE, TAKES("@contact", "@given", "@id", "@now"), PART_ACTION, true},
    {"thread_elsewhere", &SQL_THREAD_ELSEWHERE, TAKES("@contact", "@now"), PART_RECORD, false},
    {"thread_take", &SQL_THREAD_TAKE, TAKES("@contact", "@now", "flow", "number"), PART_ACTION, false},
    {"profile", &SQL_PROFILE, NOTHING, PART_RECORD, false},
    {"profile_places", &SQL_PROFILE_PLACES, TAKES("@contact"), PART_LIST, false},
    {"profile_place", &SQL_PROFILE_PLACE, TAKES("place", "@contact"), PART_RECORD, false},
    {"place_remove", &SQL_PLACE_REMOVE, TAKES("place", "@contact", "@id", "@now"), PART_ACTION, false},
    {"set_name", &SQL_SET_NAME, TAKES("name", "@id", "@now"), PART_ACTION, false},
    {"send_email_code", &SQL_SEND_EMAIL_CODE, TAKES("email", "@contact", "@code", "@id", "@now", "@channels"), PART_ACTION, false},
    {"check_email_code", &SQL_CHECK_EMAIL_CODE, TAKES("@contact", "@given", "@id", "@now"), PART_ACTION, false},
    {"register_customer", &SQL_REGISTER_CUSTOMER, TAKES("name", "email", "@contact", "@id", "@now"), PART_ACTION, true},
    {"company", &SQL_COMPANY, NOTHING, PART_RECORD, false},
    {"company_people", &SQL_COMPANY_PEOPLE, TAKES("offset"), PART_LIST, false},
    {"company_person", &SQL_COMPANY_PERSON, TAKES("person"), PART_RECORD, false},
    {"company_orders", &SQL_COMPANY_ORDERS, TAKES("offset", "language"), PART_LIST, false},
    {"company_order", &SQL_COMPANY_ORDER, TAKES("number", "language"), PART_RECORD, false},
    {"company_access", &SQL_COMPANY_ACCESS, TAKES("person", "access", "@id", "@now"), PART_ACTION, false},
    {"not_me", &SQL_NOT_ME, TAKES("@contact", "@id", "@now"), PART_ACTION, true},
};
/* clang-format on */

bool part_takes(const struct part *part, const char *name)
{
    for (const char *const *takes = part->takes; *takes; takes++) {
        if (strcmp(*takes, name) == 0)
            return true;
    }
    return false;
}

const struct part *parts_find(struct str name)
{
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        if (str_eq(str_from(parts[i].name), name))
            return &parts[i];
    }
    return NULL;
}

/* The texts of a list, between commas: handles of files, which have none. */
static struct str joined(struct arena *into, const struct list *list)
{
    struct str all = STR_NONE;

    for (size_t i = 0; i < list->n; i++) {
        struct value item = list->items[i];

        if (item.kind == VALUE_TEXT) {
            all = arena_format(into, "%.*s%s%.*s", STR_ARG(all), all.len ? "," : "",
                               STR_ARG(str_sane(into, item.text)));
        }
    }
    return all;
}

static struct db_param param_value(struct arena *into, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        /* PostgreSQL refuses what is no UTF-8, and would fail the whole batch. */
        return param_text(str_sane(into, value.text));
    case VALUE_INT:
        return param_text(arena_format(into, "%" PRId64, value.number));
    case VALUE_BOOL:
        return param_text(value.yes ? STR("true") : STR("false"));
    case VALUE_TIME:
        return param_text(arena_format(into, "%" PRId64, value.time));
    case VALUE_LIST:
        return param_text(joined(into, value.list));
    case VALUE_MONEY: /* its minor units; the currency is the business's */
        return param_text(arena_format(into, "%" PRId64, value.money.minor));
    case VALUE_NONE:
    case VALUE_RECORD:
        break;
    }
    return param_null();
}

static struct db_param param_known(struct arena *into, struct uuid id)
{
    return uuid_is_none(id) ? param_null() : param_uuid(into, id);
}

static struct db_param param_some(struct str text)
{
    return text.len > 0 ? param_text(text) : param_null();
}

static struct db_param param_frame(struct arena *into, const struct part_frame *frame,
                                   struct str name)
{
    if (str_eq(name, STR("@now")))
        return param_time(into, frame->now);
    if (str_eq(name, STR("@id")))
        return param_uuid(into, frame->id);
    if (str_eq(name, STR("@conversation")))
        return param_uuid(into, frame->conversation);
    if (str_eq(name, STR("@contact")))
        return param_uuid(into, frame->contact);
    if (str_eq(name, STR("@account")))
        return param_uuid(into, frame->account);
    if (str_eq(name, STR("@code")))
        return param_some(frame->code);
    if (str_eq(name, STR("@channels")))
        return param_text(frame->channels.len > 0 ? frame->channels : STR(""));
    if (str_eq(name, STR("@portal")))
        return param_some(frame->portal);
    if (str_eq(name, STR("@portal_short")))
        return param_some(frame->portal_short);
    if (str_eq(name, STR("@links")))
        return param_some(frame->links);
    if (str_eq(name, STR("@given")))
        return param_some(frame->given);
    assert(str_eq(name, STR("@text")));
    return param_text(str_sane(into, frame->text));
}

const struct db_param *part_params(struct arena *into, const struct part *part,
                                   const struct part_frame *frame, const struct record *takes)
{
    struct db_param *params = arena_array(into, struct db_param, (size_t)part->sql->n_params);
    params[0] = param_uuid(into, frame->org);
    params[1] = param_known(into, frame->customer);
    for (size_t i = 0; part->takes[i]; i++) {
        struct str name = str_from(part->takes[i]);
        assert(FRAME + i < (size_t)part->sql->n_params);
        params[FRAME + i] = name.at[0] == '@' ? param_frame(into, frame, name)
                                              : param_value(into, record_get(takes, name));
    }
    return params;
}

static bool read_outcome(struct arena *into, const struct value *answer, const char **outcome,
                         struct err *err)
{
    struct value said = value_none();

    if (answer->kind == VALUE_RECORD)
        said = record_get(answer->record, STR("outcome"));
    if (said.kind != VALUE_TEXT)
        return err_raise(err, ERR_BROKEN, "no row with a column `outcome` came back");
    *outcome = arena_cstr(into, said.text);
    return true;
}

bool part_answer(struct arena *into, const struct part *part, const PGresult *rows,
                 struct value *answer, const char **outcome, struct err *err)
{
    struct value all;
    *answer = value_none();
    *outcome = NULL;
    if (!rows_to_values(into, rows, &all, err))
        return err_wrap(err, "%s", part->name);
    if (part->kind == PART_LIST) {
        *answer = all;
    } else if (all.list->n > 0) {
        *answer = all.list->items[0];
    }
    if (part->kind == PART_ACTION && !read_outcome(into, answer, outcome, err))
        return err_wrap(err, "%s", part->name);
    return true;
}
