#include "bot/door/api_routes.h"

#include "bot/base/uuid.h"

#define MONEY_MAX ((int64_t)1000000000000000)
#define WORDS_MAX 3000 /* with a name above them what every channel takes as one message */
#define AGENT_MAX 80
#define NOTE_MAX  1000
#define PRICE_MAX ((int64_t)10000000000)

/* clang-format off */
static const struct shape shape_order_change[] = {
    {"status",       SHAPE_NAME, .least = 1, .most = 60},
    {"expected_at",  .kind = SHAPE_TIME},
    {"paid_minor",   SHAPE_WHOLE, .least = 0, .most = MONEY_MAX},
    {"progress",     SHAPE_WHOLE, .least = 0, .most = 100},
    {"note",         SHAPE_TEXT, .least = 1, .most = NOTE_MAX},
    {"note_visible", .kind = SHAPE_YES_NO},
    {"quiet",        .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape shape_note[] = {
    {"text",    SHAPE_TEXT, .required = true, .least = 1, .most = NOTE_MAX},
    {"visible", .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape shape_estimate_change[] = {
    {"status", SHAPE_CHOICE, .required = true, .choices = "awaiting, withdrawn"},
    {"quiet",  .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape shape_estimate_item[] = {
    {"description",      SHAPE_TEXT, .required = true, .least = 1, .most = 500},
    {"qty",              SHAPE_QUANTITY, .required = true, .most = 999999},
    {"unit_price_minor", SHAPE_WHOLE, .required = true, .least = -PRICE_MAX, .most = PRICE_MAX},
    {0},
};
static const struct shape shape_estimate_items[] = {{"", .kind = SHAPE_RECORD, .of = shape_estimate_item}};

static const struct shape shape_estimate[] = {
    {"items",      SHAPE_LIST, .required = true, .least = 1, .most = 200, .of = shape_estimate_items},
    {"tax_minor",  SHAPE_WHOLE, .least = 0, .most = PRICE_MAX},
    {"note",       SHAPE_TEXT, .least = 0, .most = NOTE_MAX},
    {"expires_at", .kind = SHAPE_TIME},
    {"send",       .kind = SHAPE_YES_NO},
    {"quiet",      .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape shape_words[] = {
    {"text",  SHAPE_TEXT, .required = true, .least = 1, .most = WORDS_MAX},
    {"agent", SHAPE_NAME, .shown = true, .least = 1, .most = AGENT_MAX},
    {0},
};

static const struct shape shape_agent[] = {
    {"agent", SHAPE_NAME, .shown = true, .least = 1, .most = AGENT_MAX},
    {0},
};

static const struct shape shape_review[] = {
    {"order", SHAPE_TEXT, .required = true, .least = 1, .most = 100},
    {0},
};

const struct api_route api_routes[] = {
    {"GET",    "/v1/orders", "orders", "orders:read", .query = "phone number status after limit"},
    {"GET",    "/v1/orders/{order}", "order", .scope = "orders:read"},
    {"PATCH",  "/v1/orders/{order}", "order.change", "orders:write", API_JSON, .shape = shape_order_change},
    {"POST",   "/v1/orders/{order}/notes", "order.note", "orders:write", API_JSON, shape_note, .made = 201},
    {"POST",   "/v1/orders/{order}/photos", "photo.add", "orders:write", API_FILE, .query = "category caption", .made = 201},
    {"DELETE", "/v1/orders/{order}/photos/{photo}", "photo.remove", .scope = "orders:write"},
    {"GET",    "/v1/orders/{order}/estimates", "estimates", .scope = "orders:read"},
    {"POST",   "/v1/orders/{order}/estimates", "estimate.draft", "estimates:write", API_JSON, .shape = shape_estimate, .made = 201},
    {"PATCH",  "/v1/estimates/{order}", "estimate.change", "estimates:write", API_JSON, .shape = shape_estimate_change},
    {"GET",    "/v1/handoffs", "handoffs", "handoff", .query = "all limit"},
    {"GET",    "/v1/handoffs/{handoff}", "handoff", .scope = "handoff"},
    {"POST",   "/v1/handoffs/{handoff}/take", "handoff.take", "handoff", API_JSON_OR_NONE, .shape = shape_agent},
    {"POST",   "/v1/handoffs/{handoff}/say", "handoff.say", "handoff", API_JSON, .shape = shape_words},
    {"POST",   "/v1/handoffs/{handoff}/release", "handoff.release", "handoff", API_JSON_OR_NONE, .shape = shape_agent},
    {"GET",    "/v1/reviews", "reviews", "reviews", .query = "since limit"},
    {"POST",   "/v1/reviews/request", "review.request", "reviews", API_JSON, shape_review, .made = 202},
    {"GET",    "/v1/customers/{customer}", "customer", .scope = "customers:read"},
    {0},
};
/* clang-format on */

/* Whether a path has a route's form; what stands for its braces is noted. */
static bool fits(struct str pattern, struct str path, struct api_match *match)
{
    struct str part, piece;

    match->n = 0;
    while (str_split(&pattern, '/', &part)) {
        if (!str_split(&path, '/', &piece))
            return false;
        if (!str_starts(part, STR("{"))) {
            if (!str_eq(part, piece))
                return false;
            continue;
        }
        if (piece.len == 0 || match->n == API_PARTS_MAX)
            return false;
        match->parts[match->n].name = str_slice(part, 1, part.len - 2);
        match->parts[match->n++].value = piece;
    }
    return path.at == NULL || path.len == 0;
}

void api_route_find(const char *method, struct str path, struct api_match *match)
{
    const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;
    bool known = false;

    *match = (struct api_match){0};
    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        if (!fits(str_from(route->path), path, match))
            continue;
        known = true;
        if (strcmp(route->method, as) == 0) {
            match->route = route;
            break;
        }
    }
    match->known = known;
}

bool api_changes(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

bool api_parts_fit(const struct api_match *match)
{
    for (size_t i = 0; i < match->n; i++) {
        struct str name = match->parts[i].name;
        struct uuid id;
        bool is_id = str_eq(name, STR("handoff")) || str_eq(name, STR("photo"));
        if (is_id && !uuid_parse(match->parts[i].value, &id))
            return false;
        if (match->parts[i].value.len > 200 || !str_is_utf8(match->parts[i].value))
            return false;
    }
    return true;
}

struct str api_methods(struct arena *into, struct str path)
{
    struct api_match match = {0};
    struct str list = STR_NONE;

    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        if (fits(str_from(route->path), path, &match)) {
            list = arena_format(into, "%.*s%s%s", STR_ARG(list), list.len > 0 ? ", " : "",
                                route->method);
        }
    }
    return list;
}

/* A date that is taken away: null is not the same as nothing. */
static void read_nulls(const struct api_route *route, const json_t *object,
                       struct json_out *out)
{
    if (route->shape == shape_order_change &&
        json_is_null(json_object_get(object, "expected_at")))
        json_member(out, "expected_at", STR("none"));
}

bool api_body_read(const struct api_route *route, struct str body, struct json_out *out,
                   struct shape_faults *faults, struct err *err)
{
    OWNED_JSON(object) = NULL;

    if (!json_read(body, &object, err))
        return false;
    if (!json_is_object(object))
        return err_raise(err, ERR_REJECT, "a JSON object is expected");
    shape_read(route->shape, object, STR_NONE, STR_NONE, out, faults);
    read_nulls(route, object, out);
    return true;
}
