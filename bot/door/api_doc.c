/*
 * What is asked comes from the routes' own shapes; what is answered has shapes here, which the
 * tests hold real answers against.
 */
#include "bot/door/api_doc.h"

#include "bot/door/api_key.h"
#include "bot/door/api_routes.h"

#include <stdlib.h>
#include <strings.h>

#define MOST  ((int64_t)1000000000000000)
#define WORDS 100000

/* clang-format off */
#define TEXT(name)         {name, SHAPE_TEXT, .required = true, .least = 0, .most = WORDS}
#define MAYBE(name)        {name, SHAPE_TEXT, .least = 0, .most = WORDS}
#define AMOUNT(name)       {name, SHAPE_WHOLE, .required = true, .least = 0, .most = MOST}
#define AT(name)           {name, .kind = SHAPE_TIME, .required = true}
#define MAYBE_AT(name)     {name, .kind = SHAPE_TIME}
#define YES_NO(name)       {name, .kind = SHAPE_YES_NO, .required = true}
#define LIST(name, member) {name, SHAPE_LIST, .required = true, .least = 0, .most = 200, .of = (member)}
#define LIST_MAYBE(name, member) {name, SHAPE_LIST, .least = 0, .most = 200, .of = (member)}
#define EACH(name, fields) static const struct shape name[] = {{"", .kind = SHAPE_RECORD, .of = (fields)}}

static const struct shape item_fields[] = {
    TEXT("code"), TEXT("description"), TEXT("qty"), AMOUNT("unit_price_minor"), AMOUNT("total_minor"), {0}};
static const struct shape step_fields[] = {TEXT("status"), AT("at"), TEXT("actor"), TEXT("note"), {0}};
static const struct shape note_fields[] = {
    TEXT("id"), AT("at"), TEXT("author"), TEXT("text"), YES_NO("visible"), {0}};
static const struct shape photo_fields[] = {
    TEXT("id"), TEXT("category"), TEXT("caption"), AT("taken_at"), YES_NO("visible"), {0}};
EACH(item, item_fields);
EACH(step, step_fields);
EACH(note, note_fields);
EACH(photo, photo_fields);

#define ORDER \
    TEXT("number"), TEXT("customer"), TEXT("workflow"), TEXT("status"), \
    {"progress", SHAPE_WHOLE, .least = 0, .most = 100}, TEXT("currency"), AMOUNT("total_minor"), \
    AMOUNT("paid_minor"), AT("placed_at"), MAYBE_AT("expected_at"), MAYBE_AT("delivered_at")

static const struct shape brief_fields[] = {ORDER, {0}};
EACH(brief, brief_fields);
static const struct shape orders[] = {LIST("orders", brief), MAYBE("next"), {0}};
static const struct shape order[] = {
    ORDER, MAYBE("external_id"), MAYBE_AT("expected_was"), AMOUNT("subtotal_minor"), AMOUNT("tax_minor"),
    AMOUNT("shipping_minor"), TEXT("address"), TEXT("instructions"), TEXT("contact"), LIST("items", item),
    LIST("timeline", step), LIST("notes", note), LIST("photos", photo), {0}};
static const struct shape photo_added[] = {
    TEXT("id"), TEXT("category"), TEXT("caption"), TEXT("mime"), AMOUNT("size"), {0}};
static const struct shape estimate_item_fields[] = {
    TEXT("description"), TEXT("qty"), {"unit_price_minor", SHAPE_WHOLE, .required = true, .least = -MOST, .most = MOST},
    {"total_minor", SHAPE_WHOLE, .required = true, .least = -MOST, .most = MOST}, {0}};
EACH(estimate_item, estimate_item_fields);
static const struct shape estimate[] = {
    TEXT("id"), MAYBE("external_id"), TEXT("order"), AMOUNT("version"), TEXT("status"), TEXT("currency"), AMOUNT("subtotal_minor"),
    AMOUNT("tax_minor"), AMOUNT("total_minor"), TEXT("note"), AT("issued_at"), MAYBE_AT("expires_at"),
    MAYBE_AT("decided_at"), LIST("items", estimate_item), {0}};
EACH(estimate_one, estimate);
static const struct shape estimates[] = {LIST("estimates", estimate_one), {0}};
static const struct shape option[] = {TEXT("")};
static const struct shape said_fields[] = {
    AMOUNT("seq"), AT("at"), TEXT("kind"), TEXT("text"),
    {"from", SHAPE_CHOICE, .required = true, .choices = "customer, agent, bot"}, MAYBE("agent"),
    LIST_MAYBE("options", option), {0}};
EACH(said, said_fields);

#define HANDOFF \
    TEXT("id"), TEXT("conversation"), \
    {"state", SHAPE_CHOICE, .required = true, .choices = "offered, human, returning, done"}, TEXT("reason"), \
    AT("asked_at"), AT("answer_by"), MAYBE("held_by"), MAYBE_AT("answered_at"), MAYBE_AT("ended_at"), \
    MAYBE("ended_why"), MAYBE("customer"), TEXT("channel"), MAYBE("language")

static const struct shape handoff_fields[] = {HANDOFF, {0}};
EACH(handoff_brief, handoff_fields);
static const struct shape handoffs[] = {LIST("handoffs", handoff_brief), {0}};
static const struct shape handoff[] = {HANDOFF, LIST("transcript", said), {0}};
static const struct shape phone[] = {TEXT("")};
static const struct shape customer[] = {
    TEXT("id"), MAYBE("external_id"), TEXT("name"), TEXT("email"), TEXT("company"), MAYBE("language"),
    MAYBE("time_zone"), LIST("phones", phone), {0}};
static const struct shape error_fields[] = {TEXT("code"), TEXT("message"), MAYBE("path"), {0}};
static const struct shape error[] = {{"error", .kind = SHAPE_RECORD, .required = true, .of = error_fields}, {0}};

static const struct {
    const char *what, *about;
    const struct shape *answer; /* NULL: an object, or nothing */
} answers[] = {
    {"orders",          "A page of orders, newest first",                            orders},
    {"order",           "One order, job or repair",                                  order},
    {"order.change",    "Change what is given; the customer hears of a new status",  order},
    {"order.note",      "A note, for the customer to see or not",                    order},
    {"photo.add",       "A photo or paper of the work: bare, or in a form",           photo_added},
    {"photo.remove",    "The photo goes",                                            NULL},
    {"estimates",       "An order's estimates, newest first",                        estimates},
    {"estimate.draft",  "Write the order's draft; with `send` its customer is asked", estimate},
    {"estimate.change", "Show the order's newest estimate, or withdraw it",          estimate},
    {"handoffs",        "Who waits for a person",                                    handoffs},
    {"handoff",         "One of them, with its conversation",                        handoff},
    {"handoff.take",    "It is yours",                                               handoff},
    {"handoff.say",     "Words to the customer, on their channel",                   handoff},
    {"handoff.release", "Back to the bot",                                           handoff},
    {"reviews",         "Figures of the reviews, and the newest",                    NULL},
    {"review.request",  "Ask an order's customer for a review",                      NULL},
    {"customer",        "Who a customer is",                                         customer},
};
/* clang-format on */

static void put_schema(struct json_out *out, const struct shape *members)
{
    json_key(out, "schema");
    json_open(out, '{');
    if (members == error) {
        json_member(out, "$ref", STR("#/components/schemas/error"));
    } else {
        json_member(out, "type", STR("object"));
        if (members != NULL)
            shape_schema(members, out);
    }
    json_close(out, '}');
}

static void put_content(struct json_out *out, const char *type, const struct shape *members)
{
    json_open_in(out, "content", '{');
    json_open_in(out, type, '{');
    if (strcmp(type, "application/json") == 0)
        put_schema(out, members);
    json_close(out, '}');
    json_close(out, '}');
}

/* A file, bare or in a form. */
static void put_file(struct json_out *out)
{
    static const char *const types[] = {"application/octet-stream", "multipart/form-data"};
    static const char form[] =
        "{\"schema\":{\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\","
        "\"contentEncoding\":\"binary\"},\"category\":{\"type\":\"string\"},"
        "\"caption\":{\"type\":\"string\"}},\"required\":[\"file\"]}}";

    json_open_in(out, "content", '{');
    for (size_t i = 0; i < COUNTOF(types); i++) {
        json_key(out, types[i]);
        json_put_word(out, i == 0 ? "{}" : form);
    }
    json_close(out, '}');
}

static void put_parameter(struct json_out *out, struct str name, const char *in)
{
    json_open(out, '{');
    json_member(out, "name", name);
    json_member(out, "in", str_from(in));
    json_key(out, "required");
    json_put_word(out, strcmp(in, "path") == 0 ? "true" : "false");
    json_open_in(out, "schema", '{');
    json_member(out, "type", STR("string"));
    json_close(out, '}');
    json_close(out, '}');
}

static void put_parameters(struct json_out *out, const struct api_route *route)
{
    struct str rest = str_from(route->path), part;

    json_open_in(out, "parameters", '[');
    while (str_split(&rest, '/', &part)) {
        if (str_starts(part, STR("{")))
            put_parameter(out, str_slice(part, 1, part.len - 2), "path");
    }
    rest = str_from(route->query != NULL ? route->query : "");
    while (str_split(&rest, ' ', &part))
        put_parameter(out, part, "query");
    if (api_changes(route->method))
        put_parameter(out, STR("Idempotency-Key"), "header");
    json_close(out, ']');
}

static void put_responses(struct json_out *out, const struct api_route *route,
                          const struct shape *answer)
{
    bool removes = strcmp(route->method, "DELETE") == 0;
    int status = removes ? 204 : route->made > 0 ? route->made : 200;

    json_open_in(out, "responses", '{');
    json_open_in(out, arena_format(out->into, "%d", status).at, '{');
    json_member(out, "description", STR("done"));
    if (!removes)
        put_content(out, "application/json", answer);
    json_close(out, '}');
    json_open_in(out, "default", '{');
    json_member(out, "description",
                STR("400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503"));
    put_content(out, "application/json", error);
    json_close(out, '}');
    json_close(out, '}');
}

static void put_operation(struct json_out *out, const struct api_route *route)
{
    char method[16] = "";
    size_t i = 0;

    for (size_t c = 0; route->method[c] != '\0' && c < sizeof method - 1; c++)
        method[c] = (char)(route->method[c] | 0x20);
    while (i < COUNTOF(answers) - 1 && strcmp(answers[i].what, route->what) != 0)
        i++;
    json_open_in(out, method, '{');
    json_member(out, "operationId", str_from(route->what));
    json_member(out, "summary", str_from(answers[i].about));
    json_member(out, "description",
                arena_format(out->into, "Needs the scope %s.", route->scope));
    put_parameters(out, route);
    if (route->body != API_NONE) {
        json_open_in(out, "requestBody", '{');
        json_key(out, "required");
        json_put_word(out, route->body == API_JSON_OR_NONE ? "false" : "true");
        if (route->body == API_FILE) {
            put_file(out);
        } else {
            put_content(out, "application/json", route->shape);
        }
        json_close(out, '}');
    }
    put_responses(out, route, answers[i].answer);
    json_close(out, '}');
}

/* Whether an earlier route has this path already. */
static bool is_told(const struct api_route *route)
{
    for (const struct api_route *one = api_routes; one != route; one++) {
        if (strcmp(one->path, route->path) == 0)
            return true;
    }
    return false;
}

static void put_paths(struct json_out *out)
{
    json_open_in(out, "paths", '{');
    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        if (is_told(route))
            continue;
        json_open_in(out, route->path, '{');
        for (const struct api_route *one = route; one->method != NULL; one++) {
            if (strcmp(one->path, route->path) == 0)
                put_operation(out, one);
        }
        json_close(out, '}');
    }
    json_close(out, '}');
}

static void put_security(struct json_out *out)
{
    json_open_in(out, "components", '{');
    json_open_in(out, "schemas", '{');
    json_open_in(out, "error", '{');
    json_member(out, "type", STR("object"));
    shape_schema(error, out);
    json_close(out, '}');
    json_close(out, '}');
    json_open_in(out, "securitySchemes", '{');
    json_open_in(out, "key", '{');
    json_member(out, "type", STR("http"));
    json_member(out, "scheme", STR("bearer"));
    json_member(out, "description", STR("A key that `parley key create` printed."));
    json_close(out, '}');
    json_close(out, '}');
    json_close(out, '}');
    json_open_in(out, "security", '[');
    json_open(out, '{');
    json_open_in(out, "key", '[');
    json_close(out, ']');
    json_close(out, '}');
    json_close(out, ']');
}

struct str api_openapi(struct arena *into)
{
    OWNED_JSON(document) = NULL;
    struct json_out out;
    struct err err = {0};

    json_out_init(&out, into, 32768);
    json_open(&out, '{');
    json_member(&out, "openapi", STR("3.1.0"));
    json_open_in(&out, "info", '{');
    json_member(&out, "title", STR("Parley"));
    json_member(&out, "version", STR("1"));
    json_member(&out, "summary", STR("What a business's people and programs do by HTTP."));
    json_close(&out, '}');
    put_paths(&out);
    put_security(&out);
    json_close(&out, '}');
    if (!json_read(json_out_text(&out), &document, &err))
        return json_out_text(&out); /* as it is: nothing of it came from outside */
    char *text = json_dumps(document, JSON_INDENT(2));
    struct str written = arena_concat(into, str_from(text), STR("\n"));
    free(text);
    return written;
}
