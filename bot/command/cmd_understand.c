/*
 * parley understand: what messages mean, for whoever writes phrases or wonders about a
 * conversation.
 *
 * Pure but for its pipes: no configuration, no database. It prints what people wrote, so it is
 * for a terminal.
 */
#include "bot/base/json.h"
#include "bot/command/cli.h"
#include "bot/command/commands.h"
#include "flows/understand/trained.h"

#include <stdlib.h>
#include <time.h>

static day_t today(void)
{
    return (day_t)(time(NULL) / 86400);
}

static bool read_day(const char *text, day_t *day)
{
    struct date date;
    char end;

    if (sscanf(text, "%4d-%2d-%2d%c", &date.year, &date.month, &date.day, &end) != 3 ||
        !date_exists(date))
        return false;
    *day = date_count(date);
    return true;
}

static void set_day(struct arena *scratch, json_t *object, const char *name, day_t day)
{
    struct date date = date_of(day);

    json_set_text(object, name,
                  arena_format(scratch, "%04d-%02d-%02d", date.year, date.month, date.day));
}

static void set_tracking(json_t *object, const struct tracking_found *tracking)
{
    static const char *const grades[] = {"weak", "likely", "sure"};

    json_set_text(object, "kind", STR("tracking"));
    json_set_text(object, "number", tracking->number);
    json_set_text(object, "carrier", str_from(tracking->carrier));
    json_set_text(object, "form", str_from(tracking->form));
    json_set_text(object, "also", str_from(tracking->also));
    json_set_text(object, "country", str_from(tracking->country));
    json_set_text(object, "grade", str_from(grades[tracking->grade]));
}

static void set_amount(struct arena *scratch, json_t *object, const struct amount_found *amount)
{
    json_set_text(object, "kind", STR("amount"));
    json_set_text(object, "amount", money_decimal(scratch, amount->money));
    json_set_text(object, "currency", str_from(amount->money.currency));
    json_set_int(object, "minor", amount->money.minor);
    json_set_bool(object, "ambiguous", amount->ambiguous);
}

static void set_date(struct arena *scratch, json_t *object, const struct date_found *date)
{
    json_set_text(object, "kind", STR("date"));
    set_day(scratch, object, "date", date->first);
    if (date->last != date->first)
        set_day(scratch, object, "last", date->last);
    json_set_bool(object, "ambiguous", date->ambiguous);
}

static json_t *found_json(struct arena *scratch, struct str text, const struct found *found)
{
    json_t *object = json_object();

    switch (found->kind) {
    case FOUND_EMAIL:
        json_set_text(object, "kind", STR("email"));
        json_set_text(object, "address", found->email.address);
        break;
    case FOUND_CARD:
        json_set_text(object, "kind", STR("card"));
        break;
    case FOUND_TRACKING:
        set_tracking(object, &found->tracking);
        break;
    case FOUND_PHONE:
        json_set_text(object, "kind", STR("phone"));
        json_set_text(object, "number", found->phone.number);
        break;
    case FOUND_AMOUNT:
        set_amount(scratch, object, &found->amount);
        break;
    case FOUND_DATE:
        set_date(scratch, object, &found->date);
        break;
    case FOUND_NUMBER:
        json_set_text(object, "kind",
                      found->number.ticket ? STR("ticket_number") : STR("order_number"));
        json_set_text(object, "number", found->number.number);
        break;
    }
    json_set_int(object, "from", found->at.from);
    json_set_int(object, "to", found->at.to);
    if (found->kind == FOUND_CARD) /* is shown nowhere */
        return object;
    json_set_text(object, "text",
                  str_slice(text, found->at.from, found->at.to - found->at.from));
    return object;
}

static struct str understood_json(struct arena *scratch, struct str text,
                                  const struct understood *meant)
{
    OWNED_JSON(object) = json_object();
    json_t *found = json_array();

    (void)json_object_set_new(object, "intent",
                              meant->intent.len ? json_string_of(meant->intent) : json_null());
    json_set_int(object, "confidence", meant->confidence);
    json_set_text(object, "maybe", meant->maybe);
    json_set_bool(object, "exact", meant->exact);
    json_set_text(object, "language", str_from(lang_code(meant->lang)));
    json_set_bool(object, "language_clear", meant->lang_is_clear);
    json_set_text(object, "named_language", meant->named_lang);
    for (size_t i = 0; i < meant->n_found; i++)
        (void)json_array_append_new(found, found_json(scratch, text, &meant->found[i]));
    (void)json_object_set_new(object, "found", found);
    return json_write(scratch, object);
}

static bool print_meaning(struct cli *cli, const struct understand_context *context,
                          struct str line)
{
    struct arena arena = {0};
    struct understood meant;
    struct str text = str_sane(&arena, line);
    bool printed;

    understand(&arena, text, context, &meant);
    printed =
        cli_print(cli, understood_json(&arena, text, &meant)) && cli_print(cli, STR("\n"));
    arena_finish(&arena);
    return printed;
}

static int read_messages(struct cli *cli, const struct understand_context *context)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool printed = true;

    while (printed && (len = getline(&line, &room, stdin)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        printed = print_meaning(cli, context, (struct str){line, (size_t)len});
    }
    free(line);
    return printed ? CLI_DONE : CLI_FAILED;
}

static bool read_awaited(const char *text, enum awaited *awaited)
{
    static const char *const names[] = {
        [AWAITED_ANYTHING] = "anything", [AWAITED_DATE] = "date",
        [AWAITED_AMOUNT] = "amount",     [AWAITED_TRACKING] = "tracking",
        [AWAITED_PHONE] = "phone",       [AWAITED_ORDER] = "order_number",
    };

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *awaited = (enum awaited)i;
            return true;
        }
    }
    return false;
}

struct wish {
    const char *lang, *today, *currency, *country, *awaited; /* as given; NULL: not */
};

/* Into the context. NULL, or what is wrong. */
static const char *read_wish(const struct wish *wish, struct understand_context *context)
{
    if (wish->lang && !lang_parse(str_from(wish->lang), &context->lang))
        return "--lang is en, es, pl or ar";
    if (wish->today && !read_day(wish->today, &context->today))
        return "--today is a day: 2026-11-21";
    if (wish->currency && money_exponent(wish->currency) < 0)
        return "--currency is a code of ISO 4217: EUR";
    if (wish->currency)
        context->currency = str_from(wish->currency);
    if (wish->country)
        context->country = str_from(wish->country);
    if (wish->awaited && !read_awaited(wish->awaited, &context->awaited))
        return "--awaited is date, amount, tracking, phone or order_number";
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    const struct cli_option options[] = {
        CLI_TEXT("lang", &wish.lang),         CLI_TEXT("today", &wish.today),
        CLI_TEXT("currency", &wish.currency), CLI_TEXT("country", &wish.country),
        CLI_TEXT("awaited", &wish.awaited),   CLI_OPTIONS_END,
    };
    struct trained trained = {0};
    struct understand_context context = {.today = today(), .classifier = &trained.classifier};
    const char *wrong;

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    wrong = trained_open(trained_bytes(), &trained);
    if (!wrong)
        wrong = read_wish(&wish, &context);
    if (wrong)
        return cli_usage(cli, "%s", wrong);
    if (optind < argc)
        return cli_usage(cli, "messages come on standard input, one a line");
    return read_messages(cli, &context);
}

const struct command command_understand = {
    "understand",
    "print what messages mean",
    "[--lang en|es|pl|ar] [--today DAY] [--currency EUR] [--country PL] [--awaited KIND] < "
    "MESSAGES",
    "Reads messages from standard input, one a line, and prints for each a JSON object: the\n"
    "intent (null: none of these) with its confidence in percent, the language, and what it\n"
    "found: dates, amounts, tracking and order numbers, addresses, telephones.\n"
    "--lang is the conversation's language so far, --today where the customer is, --awaited\n"
    "what the last prompt asked for.\n",
    run,
};
