/*
 * What C offers to flows. Each line is a contract: the shell binds the name to a store module
 * that takes these variables and gives these fields.
 *
 * order_figures    one record: active, in_transit, delivered (all ints)
 * orders_list      up to 11 rows from `offset`, newest first: number, workflow, status,
 *                  placed_at, total, items_count, expected_at. `filter` is one of all, active,
 *                  shipped, delivered, cancelled; `words` are looked for in numbers and items;
 *                  of `day`, a time, only what was placed within twelve hours of it
 * order_by_number  one record, or none when this customer has no such order: number, workflow,
 *                  status, phase (active, done, cancelled), ships (true where it is sent, else
 *                  none: work that is fetched), progress, placed_at, expected_at, expected_was
 * (promised before), expected_changed_at, delivered_at, subtotal, tax, shipping, total, paid
 * (if any), items_count, address, instructions, contact, photos_count (none for 0), awaits
 * (true when an estimate awaits a decision); estimate: state (awaiting, expired, approved,
 * declined), total; items: qty, description, unit_price, line_total; notes: at, text. `number`
 * is as people type it: case,
 *                  '#', spaces and a missing letter prefix do not matter
 * order_timeline   rows in order: status, workflow, at (none while only expected), state (done,
 *                  current, expected), note
 * order_shipments  rows, newest first: carrier, tracking_number, status, shipped_at,
 *                  expected_at, url; events, newest first: at, status, place, text
 * shipments_by_tracking  the same of this customer's parcels with that `tracking` number as
 *                  people type it, each with `number`, its order's
 * jobs_list        up to 11 rows of jobs and repairs under way, newest first: number, workflow,
 *                  status, progress, placed_at, expected_at, estimate ("awaiting", or none)
 * history_list     up to 11 rows of what is finished, the last first: number, workflow, status,
 *                  placed_at, finished_at, total. `filter` is one of all, parcels, work,
 *                  cancelled, recent
 * photo_groups     rows: category (both, damage, progress, completed), photos (how many).
 * order_photos     up to 8 rows of a `category`, oldest first: category, caption, taken_at,
 *                  url (elsewhere) or document (the id of a file that we keep); filename, when
 *                  it is no picture
 * estimates_awaiting  up to 11 orders with an estimate to decide on: number, workflow, status,
 *                  issued_at, expires_at, total
 * estimate_of      the newest estimate of an order, or none: number, version, state (as above),
 *                  issued_at, expires_at, decided_at, note,
 *                  subtotal, tax, total; items: qty, description, line_total
 * estimate_decide  an action: `decision` is approved or declined, `version` what was shown.
 * Gives number, decided, decided_at, total; of `gone` nothing
 * tickets_list     up to 11 reports from `offset`, newest first: ticket (its number), kind,
 *                  status (open, answered, closed), created_at, order_number
 * ticket_by_number one record, or none: as a row of tickets_list, and description, due_at;
 *                  kept, waiting, lost: how many files of each; answers: at, text
 * ticket_open      an action: a report goes to the team. `number` is an order's, `files` what a
 *                  prompt for files has gathered. opened: ticket, due_at, files and lost (how
 *                  many are or can be kept, and cannot); twice: the very same is with the team,
 *                  ticket; too_many for one day; no_order; bad_email; unknown: nobody we know
 * ticket_attach    an action: more files for a report. attached: files; closed, full, not_found
 *
 * cancellable_orders    rows, newest first: number, workflow, status, placed_at, total
 * cancellation_outlook  what would become of a wish to cancel: outcome (approve, review, gone,
 *                  already_cancelled, already_asked, shipped, too_late, not_allowed), number,
 *                  workflow, status; a refusal's why and help (keys of words) and why_own,
 *                  help_own (the business's); closed_at, closes_at, asked_status, asked_at.
 *                  `number` is the order's own, exactly; `language` that of own words
 * cancellation_reasons  rows: reason, name. cancellation_reason: one of them, or none
 * cancellation_request  ask for it. Gives what the outlook gives, but for closes_at
 * cancellations_list    rows, newest first: id, number, status, asked_at, status_at, reason,
 * note, decision_note, undecided. cancellation_by_id: one of them, or none
 * cancellation_withdraw take it back while undecided. Gives number, status
 * papers_list      up to ten of what can be had as a PDF: kind (invoice, receipt, order), paper
 * (its name for paper_ask), number, at, total. With `number` what is about that one paper_ask
 * `paper` is to be drawn, in `language` paper_tell       told: papers, rows of what has been
 * drawn since: kind, document, filename news_tell        told: news, rows of what has happened,
 * oldest first: kind, and what its words (news.told.<kind>) tell of; where it is about an order
 * number, workflow, status
 *
 * preferences_topics    rows: topic; whatsapp, sms, email: on or off
 * preferences_channels  rows for a `topic`: channel, stands (on, off), change (what turns it)
 * preferences_quiet     stands (on, off), begins_at, ends_at (times of today)
 * preference_set   on, off: topic, channel; blocked: only the channel's own switch turns it on
 * first_channels   rows: channel (whatsapp, sms, email, where they can be reached; last: where
 *                  they wrote last), stands (on: this is the first one now)
 * first_channel_set  `channel` is one of those. Gives channel
 * quiet_set        `hours` is "off" or two times as people write them. Gives begins_at, ends_at
 * updates_list     up to ten, newest first: kind (status, note, estimate, expected,
 *                  cancellation_*, parcel_*), number, workflow, status, at, said; of expected
 *                  `due`, the new date
 * updates_seen     what came up to `until`, a time, is not shown again
 *
 * account_balance  one record: balance, overdue and credit (where there is any), invoices (how
 *                  many are open), limit and available (where a limit is set); others, rows of
 *                  balance in other currencies
 * invoices_list    up to 11 rows from `offset`: number, state (open, overdue, processing, paid,
 *                  failed, void), total, outstanding, issued_at, due_at, overdue_days. `filter`
 *                  is all, or else what is not settled
 * invoice_by_number  one record, or none: as a row, and order_number, subtotal, tax, shipping,
 *                  paid, left, payable (what a link may be made for), part (true where a part
 *                  may be paid), disputed, credit, paid_at, reason (why the last payment
 *                  failed, a key of payment.reason), note, lines: qty, description, line_total;
 *                  link, link_amount, link_until: one that can be paid now. `number` may be
 *                  the order's
 * checkout_make    an action: a link to pay `amount` of invoice `number` (none: all that may be
 *                  paid). Gives number, amount, able (what may be paid), least (what a link is
 *                  for at least); open: url and until, there is one for that amount
 * checkout_tell    an action: what became of a link asked for here. Gives number, amount; open:
 *                  url, until; failed: reason
 *
 * Rows with a status have a status_name, the business's own word for it in `language`, and a
 * status_icon; where they are missing ours are said (the words status.said and status.badge).
 * `language` is the turn's, unless a flow has a variable of that name.
 *
 * Actions on who is speaking (flows/verify.yaml and its neighbours). A code leaves to `masked`,
 * an address that tells only its owner enough; `until_at` is when a lock ends.
 *
 * send_code        to the customer who is known: masked, until_at, next (the `way` after this
 *                  one), ways (how many there are)
 * send_link_code   to `identity`, a number or an address of mail that may be on record: masked,
 *                  until_at
 * check_code       of either: left (tries), until_at, last_visit_at; verified proves who it is
 * thread_elsewhere a load, or none: what the customer is in the middle of at another contact
 *                  point: flow (cancel, report, estimate), number (the order's), channel
 * thread_take      there it is over, to be gone on with here; alone: what waited here is over
 * profile          a load: name, email, email_verified, company, company_admin, language
 * profile_places   rows, at most nine: place, channel, masked; here (or none: not the one that
 *                  writes). profile_place: one of them, or none
 * place_remove     one of the others is nobody's from now on
 * set_name         to `name`
 * send_email_code  to `email`, which is to be the new address: masked
 * check_email_code  of that one; changed makes it the address on record
 * register_customer  the one who writes, where the business lets people register
 * company          a load: name; none for who is not the admin of one
 * company_people   up to 11 of its people: person, name, access and admin (or none),
 *                  orders_count, last_seen_at; company_person is one of them
 * company_orders   up to 11 of its orders: number, who, and as orders_list; company_order is
 *                  one of them, with items
 * company_access   gives a `person` of it access, or takes it: `access` is on or off
 * not_me           the address that writes is nobody's from now on
 *
 * What a row does not have is left out of it.
 */
#include "flows/flows.h"

#define TAKES(...)    ((const char *const[]){__VA_ARGS__, NULL})
#define OUTCOMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* `grave` is written where it is true, as `.grave = true` after the outcomes. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define SENT_OR "sent", "locked", "too_many"
#define TRIED   "wrong", "malformed", "expired", "none", "locked"

/* One part, one line: those who add some meet less often. */
/* clang-format off */
const struct flow_part flow_parts[] = {
    {FLOW_LOAD, "order_figures", NULL, NULL},
    {FLOW_LOAD, "orders_list", TAKES("?filter", "?offset", "?words", "?language", "?day"), NULL},
    {FLOW_LOAD, "order_by_number", TAKES("number", "?language"), NULL},
    {FLOW_LOAD, "order_timeline", TAKES("number", "?language"), NULL},
    {FLOW_LOAD, "order_shipments", TAKES("number"), NULL},
    {FLOW_LOAD, "shipments_by_tracking", TAKES("tracking"), NULL},
    {FLOW_LOAD, "jobs_list", TAKES("?offset", "?language"), NULL},
    {FLOW_LOAD, "history_list", TAKES("?filter", "?offset", "?words", "?language"), NULL},
    {FLOW_LOAD, "photo_groups", TAKES("number"), NULL},
    {FLOW_LOAD, "order_photos", TAKES("number", "category"), NULL},
    {FLOW_LOAD, "estimates_awaiting", TAKES("?language"), NULL},
    {FLOW_LOAD, "estimate_of", TAKES("number"), NULL},
    {FLOW_ACTION, "estimate_decide", TAKES("number", "version", "decision"),
     OUTCOMES("approved", "declined", "already_decided", "changed", "expired", "gone"), .grave = true},
    {FLOW_LOAD, "tickets_list", TAKES("?offset"), NULL},
    {FLOW_LOAD, "ticket_by_number", TAKES("ticket"), NULL},
    {FLOW_ACTION, "ticket_open", TAKES("?number", "kind", "description", "?email", "?files"),
     OUTCOMES("opened", "twice", "too_many", "no_order", "bad_email", "unknown")},
    {FLOW_ACTION, "ticket_attach", TAKES("ticket", "files"), OUTCOMES("attached", "closed", "full", "not_found")},
    {FLOW_LOAD, "cancellable_orders", TAKES("?language"), NULL},
    {FLOW_LOAD, "cancellation_outlook", TAKES("number", "?language"), NULL},
    {FLOW_LOAD, "cancellation_reasons", TAKES("?language"), NULL},
    {FLOW_LOAD, "cancellation_reason", TAKES("?language", "?reason"), NULL},
    {FLOW_ACTION, "cancellation_request", TAKES("number", "?reason", "?note", "?language"),
     OUTCOMES("submitted", "approved", "too_late", "shipped", "already_asked", "already_cancelled",
              "not_allowed", "gone"), .grave = true},
    {FLOW_ACTION, "cancellation_withdraw", TAKES("id"), OUTCOMES("withdrawn", "decided", "gone")},
    {FLOW_LOAD, "papers_list", TAKES("?number"), NULL},
    {FLOW_ACTION, "paper_ask", TAKES("paper", "?language"), OUTCOMES("making", "here", "gone", "too_many")},
    {FLOW_ACTION, "paper_tell", NULL, OUTCOMES("told", "failed", "nothing")},
    {FLOW_ACTION, "portal_mint", NULL, OUTCOMES("minted", "too_many", "unavailable")},
    {FLOW_ACTION, "news_tell", TAKES("?language"), OUTCOMES("told", "nothing")},
    {FLOW_ACTION, "agent_files_tell", NULL, OUTCOMES("told", "nothing")},
    {FLOW_ACTION, "person_there", NULL, OUTCOMES("awaited", "there", "told")},
    {FLOW_ACTION, "review_ask", NULL, OUTCOMES("asked", "reminded", "nothing")},
    {FLOW_ACTION, "review_rate", TAKES("number", "stars"), OUTCOMES("rated", "low", "closed", "unknown")},
    {FLOW_ACTION, "review_begin", TAKES("words"), OUTCOMES("asked", "rated", "nothing")},
    {FLOW_ACTION, "review_comment", TAKES("number", "comment"), OUTCOMES("kept", "closed", "unknown")},
    {FLOW_ACTION, "review_skip", TAKES("number"), OUTCOMES("skipped", "over")},
    {FLOW_LOAD, "reviews_asked", TAKES("?number"), NULL},
    {FLOW_LOAD, "reviews_open", TAKES("?number", "?language"), NULL},
    {FLOW_LOAD, "review_links", TAKES("number"), NULL},
    {FLOW_LOAD, "cancellations_list", TAKES("?language", "?number"), NULL},
    {FLOW_LOAD, "cancellation_by_id", TAKES("?language", "id"), NULL},
    {FLOW_LOAD, "account_balance", NULL, NULL},
    {FLOW_LOAD, "invoices_list", TAKES("?filter", "?offset"), NULL},
    {FLOW_LOAD, "invoice_by_number", TAKES("number"), NULL},
    {FLOW_ACTION, "checkout_make", TAKES("number", "?amount"),
     OUTCOMES("wanted", "open", "paid", "void", "gone", "processing", "too_much", "too_little"), .grave = true},
    {FLOW_ACTION, "checkout_tell", NULL, OUTCOMES("open", "expired", "failed", "nothing")},
    {FLOW_LOAD, "preferences_topics", NULL, NULL},
    {FLOW_LOAD, "preferences_channels", TAKES("topic"), NULL},
    {FLOW_LOAD, "preferences_quiet", NULL, NULL},
    {FLOW_ACTION, "preference_set", TAKES("topic", "change"), OUTCOMES("on", "off", "blocked", "unknown")},
    {FLOW_LOAD, "first_channels", NULL, NULL},
    {FLOW_ACTION, "first_channel_set", TAKES("channel"), OUTCOMES("set", "unknown")},
    {FLOW_ACTION, "quiet_set", TAKES("hours"), OUTCOMES("set", "off", "unreadable")},
    {FLOW_LOAD, "updates_list", TAKES("?language", "?until"), NULL},
    {FLOW_ACTION, "updates_seen", TAKES("until"), OUTCOMES("done", "unknown")},
    {FLOW_ACTION, "send_code", TAKES("?way"), OUTCOMES(SENT_OR, "nowhere")},
    {FLOW_ACTION, "send_link_code", TAKES("identity"), OUTCOMES(SENT_OR, "unclear", "unavailable")},
    {FLOW_ACTION, "check_code", TAKES("code"), OUTCOMES("verified", TRIED)},
    {FLOW_LOAD, "thread_elsewhere", NULL, NULL},
    {FLOW_ACTION, "thread_take", TAKES("flow", "number"), OUTCOMES("taken", "gone")},
    {FLOW_LOAD, "profile", NULL, NULL},
    {FLOW_LOAD, "profile_places", NULL, NULL},
    {FLOW_LOAD, "profile_place", TAKES("place"), NULL},
    {FLOW_ACTION, "place_remove", TAKES("place"), OUTCOMES("removed", "gone")},
    {FLOW_ACTION, "set_name", TAKES("name"), OUTCOMES("saved", "unreadable")},
    {FLOW_ACTION, "send_email_code", TAKES("email"), OUTCOMES(SENT_OR, "same", "unavailable")},
    {FLOW_ACTION, "check_email_code", TAKES("code"), OUTCOMES("changed", TRIED)},
    {FLOW_ACTION, "register_customer", TAKES("name", "?email"), OUTCOMES("registered", "refused")},
    {FLOW_LOAD, "company", NULL, NULL},
    {FLOW_LOAD, "company_people", TAKES("?offset"), NULL},
    {FLOW_LOAD, "company_person", TAKES("person"), NULL},
    {FLOW_LOAD, "company_orders", TAKES("?offset", "?language"), NULL},
    {FLOW_LOAD, "company_order", TAKES("number", "?language"), NULL},
    {FLOW_ACTION, "company_access", TAKES("person", "access"), OUTCOMES("changed", "refused")},
    {FLOW_ACTION, "not_me", NULL, OUTCOMES("unlinked")},
};
/* clang-format on */

const size_t flow_parts_n = COUNTOF(flow_parts);
