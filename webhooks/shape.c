/*
 * One reader for each kind. What is wrong is noted and reading goes on, so that a sender learns
 * of all of it at once.
 */
#include "webhooks/shape.h"

#include "bot/base/ascii.h"
#include "bot/base/cards.h"
#include "bot/base/money.h"
#include "webhooks/rfc3339.h"

#define GOT_MAX   60
#define PHONE_MIN 8
#define PHONE_MAX 16
#define MAIL_MAX  254

struct reading {
    struct json_out *out;
    struct shape_faults *faults;
    struct str currency;
    const struct shape *members; /* of the record that is read, and it */
    const json_t *object;
};

void shape_fault(struct shape_faults *faults, struct str path, struct str expected,
                 const json_t *got)
{
    struct arena *into = faults->into;
    struct str text = STR_NONE;
    char *dumped;

    if (faults->n == SHAPE_FAULTS_MAX)
        return;
    if (got != NULL) {
        dumped = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
        text = arena_str(into, str_cut(into, str_from(dumped), GOT_MAX));
        free(dumped);
    }
    faults->items[faults->n++] = (struct shape_fault){path, expected, text};
}

bool shape_version(const json_t *value, int64_t *number)
{
    struct str text = {json_string_value(value), json_string_length(value)};

    if (json_is_string(value))
        return text.len > 0 && text.at[0] != '-' && str_to_int(text, number);
    *number = json_integer_value(value);
    return json_is_integer(value);
}

static struct str text_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == '\x7f')
            return false;
    }
    return true;
}

static bool fits(const struct shape *shape, struct str text)
{
    size_t length = str_length(text);

    return length >= (size_t)shape->least && length <= (size_t)shape->most;
}

static bool read_text(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str text = str_trim(text_of(value));
    size_t cards = 0;

    if (!json_is_string(value) || !fits(shape, text))
        return false;
    json_put_text(reading->out, cards_redact(reading->faults->into, text, &cards));
    return true;
}

/* Systems write ids as numbers, too. */
static bool read_name(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str text = str_trim(text_of(value));
    size_t cards = 0;

    if (json_is_integer(value)) {
        text =
            arena_format(reading->faults->into, "%lld", (long long)json_integer_value(value));
    } else if (!json_is_string(value)) {
        return false;
    }
    if (!fits(shape, text) || !is_plain(text))
        return false;
    if (shape->shown)
        text = cards_redact(reading->faults->into, text, &cards);
    json_put_text(reading->out, text);
    return true;
}

static bool read_time(struct reading *reading, const struct shape *shape, const json_t *value)
{
    usec_t at;

    (void)shape;
    if (!json_is_string(value) || !rfc3339_read(text_of(value), &at))
        return false;
    json_put_text(reading->out, rfc3339_write(reading->faults->into, at));
    return true;
}

static bool read_day(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct arena *into = reading->faults->into;
    usec_t at;

    (void)shape;
    if (!json_is_string(value) || text_of(value).len != strlen("2026-11-21") ||
        !rfc3339_read(arena_concat(into, text_of(value), STR("T00:00:00Z")), &at))
        return false;
    json_put_text(reading->out, text_of(value));
    return true;
}

static bool read_whole(struct reading *reading, const struct shape *shape, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < shape->least ||
        json_integer_value(value) > shape->most)
        return false;
    json_put_int(reading->out, json_integer_value(value));
    return true;
}

static bool read_version(struct reading *reading, const struct shape *shape,
                         const json_t *value)
{
    int64_t number;

    if (!shape_version(value, &number) || number < shape->least || number > shape->most)
        return false;
    json_put_int(reading->out, number);
    return true;
}

/* A JSON number as a decimal of at most so many places (4 is the most that a currency has). A
 * double has 15 digits that are sure; what needs more comes as text. */
static bool decimal_of(struct arena *into, const json_t *value, int places, struct str *text)
{
    static const double powers[] = {1, 10, 100, 1000, 10000};
    double scaled = json_number_value(value) * powers[places], whole, off;

    if (json_is_string(value)) {
        *text = text_of(value);
        return true;
    }
    if (!json_is_number(value) || !(scaled < 1e14 && scaled > -1e14))
        return false;
    whole = (double)(int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    off = scaled - whole;
    if (off > 1e-6 || off < -1e-6)
        return false;
    *text = arena_format(into, "%.*f", places, json_number_value(value));
    return true;
}

/* "-12.345": digits, and a point with 1 to `places` behind it. */
static bool is_decimal(struct str text, int places)
{
    struct str whole = text, part;

    if (str_starts(whole, STR("-")))
        whole = str_slice(whole, 1, whole.len);
    part = str_slice(whole, str_find(whole, STR(".")), whole.len);
    whole = str_slice(whole, 0, whole.len - part.len);
    if (whole.len == 0 || whole.len > 15 || part.len == 1 || part.len > (size_t)places + 1)
        return false;
    for (size_t i = 0; i < whole.len + part.len; i++) {
        const char *c = i < whole.len ? &whole.at[i] : &part.at[i - whole.len];
        if (i != whole.len && (*c < '0' || *c > '9'))
            return false;
    }
    return true;
}

static bool read_quantity(struct reading *reading, const struct shape *shape,
                          const json_t *value)
{
    struct arena *into = reading->faults->into;
    struct str text;
    double number;

    if (!json_is_number(value) || !decimal_of(into, value, 3, &text) || !is_decimal(text, 3))
        return false;
    number = json_number_value(value);
    if (number < (double)shape->least || number > (double)shape->most)
        return false;
    json_put_text(reading->out, text);
    return true;
}

static bool read_money(struct reading *reading, const struct shape *shape, const json_t *value)
{
    char currency[4] = "";
    struct money money;
    struct str text;
    int exponent;

    (void)shape;
    if (reading->currency.len == 3)
        memcpy(currency, reading->currency.at, 3);
    exponent = money_exponent(currency);
    if (!decimal_of(reading->faults->into, value, exponent < 0 ? 2 : exponent, &text) ||
        !is_decimal(text, 4))
        return false;
    if (exponent < 0) { /* the currency's fault, which is told at its place */
        json_put_int(reading->out, 0);
        return true;
    }
    if (!money_parse(text, reading->currency, &money, NULL) || money.minor < shape->least ||
        money.minor > shape->most)
        return false;
    json_put_int(reading->out, money.minor);
    return true;
}

static bool read_currency(struct reading *reading, const struct shape *shape,
                          const json_t *value)
{
    struct str text = text_of(value);
    struct money money;

    (void)shape;
    if (!json_is_string(value) || !money_make(0, text, &money, NULL))
        return false;
    json_put_text(reading->out, text);
    return true;
}

static bool read_yes_no(struct reading *reading, const struct shape *shape, const json_t *value)
{
    (void)shape;
    if (!json_is_boolean(value))
        return false;
    json_put_word(reading->out, json_is_true(value) ? "true" : "false");
    return true;
}

static bool read_choice(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str rest = str_from(shape->choices), one;

    while (json_is_string(value) && str_split(&rest, ',', &one)) {
        if (str_eq(str_trim(one), text_of(value))) {
            json_put_text(reading->out, text_of(value));
            return true;
        }
    }
    return false;
}

static bool read_phone(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str text = text_of(value);
    bool right = json_is_string(value) && text.len >= PHONE_MIN && text.len <= PHONE_MAX &&
                 text.at[0] == '+' && text.at[1] != '0';

    (void)shape;
    for (size_t i = 1; right && i < text.len; i++)
        right = text.at[i] >= '0' && text.at[i] <= '9';
    if (right)
        json_put_text(reading->out, text);
    return right;
}

static bool read_mail(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str text = text_of(value);
    size_t at = str_find(text, STR("@"));
    struct str domain = str_slice(text, at + 1, text.len);
    bool right = json_is_string(value) && at > 0 && text.len <= MAIL_MAX &&
                 str_find(domain, STR(".")) > 0 &&
                 str_find(domain, STR(".")) + 1 < domain.len &&
                 str_find(domain, STR("@")) == domain.len;

    (void)shape;
    for (size_t i = 0; right && i < text.len; i++)
        right = (unsigned char)text.at[i] > ' ' && strchr("<>\",;\x7f", text.at[i]) == NULL;
    if (right)
        json_put_text(reading->out, text);
    return right;
}

/* '\0': it is none of ASCII's. */
static char small_letter(char c)
{
    char small = ascii_lower(c);

    if (small < 'a' || small > 'z')
        return '\0';
    return small;
}

static bool read_language(struct reading *reading, const struct shape *shape,
                          const json_t *value)
{
    struct str text = text_of(value);
    char code[2];
    bool right =
        json_is_string(value) && text.len >= 2 &&
        (text.len == 2 || (text.len <= 12 && (text.at[2] == '-' || text.at[2] == '_')));

    (void)shape;
    for (size_t i = 0; right && i < 2; i++)
        right = small_letter(text.at[i]) != '\0';
    if (right) {
        code[0] = small_letter(text.at[0]);
        code[1] = small_letter(text.at[1]);
        json_put_text(reading->out, (struct str){code, 2});
    }
    return right;
}

/* An id of the record, such as a parcel's number: it is kept beside the address anyway. */
static bool is_named(const struct reading *reading, struct str digits)
{
    for (const struct shape *member = reading->members; member->name != NULL; member++) {
        const json_t *value = json_object_get(reading->object, member->name);
        if (member->kind == SHAPE_NAME && str_eq(str_trim(text_of(value)), digits))
            return true;
    }
    return false;
}

static bool has_card(const struct reading *reading, struct str text)
{
    struct card_span span = {0, 0};

    while (cards_next(text, span.at + span.len, &span)) {
        if (!is_named(reading, str_slice(text, span.at, span.at + span.len)))
            return true;
    }
    return false;
}

static bool read_url(struct reading *reading, const struct shape *shape, const json_t *value)
{
    struct str text = text_of(value), host;
    bool right = json_is_string(value) && str_starts(text, STR("https://")) &&
                 text.len <= (size_t)shape->most;

    host = str_slice(text, strlen("https://"), text.len);
    right = right && host.len > 0 && strchr("/?#@:", host.at[0]) == NULL;
    for (size_t i = 0; right && i < text.len; i++) {
        right = text.at[i] > ' ' && text.at[i] < '\x7f' &&
                strchr("<>\"\\^`{|}", text.at[i]) == NULL;
    }
    right = right && !has_card(reading, text);
    if (right)
        json_put_text(reading->out, text);
    return right;
}

static void read_value(struct reading *reading, const struct shape *shape, const json_t *value,
                       struct str path);

/* Systems without a null write "" where a customer has no address or number. */
static bool is_left_out(const struct shape *shape, const json_t *value)
{
    bool reaches = shape->kind == SHAPE_MAIL || shape->kind == SHAPE_PHONE;

    if (value == NULL || json_is_null(value))
        return true;
    return reaches && json_is_string(value) && str_trim(text_of(value)).len == 0;
}

static bool read_list(struct reading *reading, const struct shape *shape, const json_t *value,
                      struct str path)
{
    size_t n = json_array_size(value);

    if (!json_is_array(value) || n < (size_t)shape->least || n > (size_t)shape->most)
        return false;
    json_open(reading->out, '[');
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(value, i);
        if (json_is_string(one) && is_left_out(shape->of, one))
            continue;
        read_value(reading, shape->of, one,
                   arena_format(reading->faults->into, "%.*s[%zu]", STR_ARG(path), i));
    }
    json_close(reading->out, ']');
    return true;
}

static bool read_record(struct reading *reading, const struct shape *shape, const json_t *value,
                        struct str path)
{
    if (!json_is_object(value))
        return false;
    json_open(reading->out, '{');
    shape_read(shape->of, value, path, reading->currency, reading->out, reading->faults);
    json_close(reading->out, '}');
    return true;
}

static bool (*const readers[])(struct reading *, const struct shape *, const json_t *) = {
    [SHAPE_TEXT] = read_text,         [SHAPE_NAME] = read_name,
    [SHAPE_TIME] = read_time,         [SHAPE_DAY] = read_day,
    [SHAPE_WHOLE] = read_whole,       [SHAPE_VERSION] = read_version,
    [SHAPE_QUANTITY] = read_quantity, [SHAPE_MONEY] = read_money,
    [SHAPE_CURRENCY] = read_currency, [SHAPE_YES_NO] = read_yes_no,
    [SHAPE_CHOICE] = read_choice,     [SHAPE_PHONE] = read_phone,
    [SHAPE_MAIL] = read_mail,         [SHAPE_LANGUAGE] = read_language,
    [SHAPE_URL] = read_url,
};

static void read_value(struct reading *reading, const struct shape *shape, const json_t *value,
                       struct str path)
{
    bool right;

    if (shape->kind == SHAPE_LIST) {
        right = read_list(reading, shape, value, path);
    } else if (shape->kind == SHAPE_RECORD) {
        right = read_record(reading, shape, value, path);
    } else {
        right = readers[shape->kind](reading, shape, value);
    }
    if (!right) {
        json_put_word(reading->out, "null"); /* keeps the writing whole */
        shape_fault(reading->faults, path, shape_expected(reading->faults->into, shape), value);
    }
}

/* The record's own currency, where it has one. */
static struct str currency_of(const struct shape *members, const json_t *object,
                              struct str otherwise)
{
    for (const struct shape *member = members; member->name != NULL; member++) {
        if (member->kind == SHAPE_CURRENCY)
            return text_of(json_object_get(object, member->name));
    }
    return otherwise;
}

void shape_read(const struct shape *members, const json_t *object, struct str path,
                struct str currency, struct json_out *out, struct shape_faults *faults)
{
    struct reading reading = {out, faults, currency_of(members, object, currency), members,
                              object};

    for (const struct shape *member = members; member->name != NULL; member++) {
        const json_t *value = json_object_get(object, member->name);
        struct str where =
            path.len > 0 ? arena_format(faults->into, "%.*s.%s", STR_ARG(path), member->name)
                         : str_from(member->name);
        if (!is_left_out(member, value)) {
            json_key(out, member->name);
            read_value(&reading, member, value, where);
        } else if (member->required) {
            shape_fault(faults, where, shape_expected(faults->into, member), NULL);
        }
    }
}
