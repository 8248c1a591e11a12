/*
 * WhatsApp's templates: what a wrong file is refused with, and what ours become.
 */
#include "bot/turn/book_files.h"
#include "flows/engine/book.h"
#include "flows/notice_kinds.h"
#include "flows/templates.h"
#include "flows/understand/understand.h"
#include "webhooks/whatsapp_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES_MAX 200

static struct arena arena;
static const struct source_file *files;
static size_t n_files;

/* The tree's own book, with one file more. */
static struct book *book_with(const char *name, const char *text, struct err *err)
{
    struct source_file all[FILES_MAX];
    struct book *book = NULL;

    assert_true(n_files < FILES_MAX);
    memcpy(all, files, n_files * sizeof *files);
    all[n_files] = (struct source_file){str_from(name), str_from(text)};
    return book_create(all, n_files + (name[0] != '\0'), &book, err) ? book : NULL;
}

#define LANGUAGES(body)                                                                        \
    "en: {body: \"" body "\"}\nes: {body: \"" body "\"}\npl: {body: \"" body                   \
    "\"}\nar: {body: \"" body "\"}\n"
#define HEAD                                                                                   \
    "template: x\ncategory: utility\ntells: [shipped]\nparameters:\n  number: {is: text, "     \
    "example: O-1}\n  carrier: {is: text, example: DHL}\n"

#define PLAIN "template: x\ncategory: utility\ntells: [shipped]\n"

static void ch_3_what_meta_would_refuse_is_refused_with_the_book(void **state)
{
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {HEAD LANGUAGES("{{number}} is on its way with {{carrier}} to you"),                          "at an end"      },
        {HEAD LANGUAGES("Your order {{number}} {{carrier}} is on its way to you now"),
         "next to"                                                                                                     },
        {HEAD LANGUAGES("Your order {{number}} is on its way to you, at last"),
         "does not stand"                                                                                              },
        {HEAD LANGUAGES("Your {{number}} and {{carrier}} are {{weight}} kilograms today"),
         "no parameter"                                                                                                },
        {HEAD LANGUAGES("So {{number}} by {{carrier}} now"),                                          "too few words"  },
        {HEAD "en: {body: \"The order {{number}} comes with {{carrier}} to you\"}\n",
         "words in es are missing"                                                                                     },
        {"template: x\ncategory: utility\ntells: [shipped]\nparameters:\n  number: {is: date, "
         "example: O-1}\n" LANGUAGES("Your order {{number}} is on its way"),
         "is no date"                                                                                                  },
        {"template: x\ncategory: utility\ntells: [shipped]\nparameters:\n  amount: {is: money, "
         "example: O-1}\n" LANGUAGES("Your order {{amount}} is on its way"),
         "has no field"                                                                                                },
        {"template: x\ncategory: utility\ntells: [gone]\n" LANGUAGES("It is gone"),                   "no news"        },
        {"template: y\ncategory: utility\ntells: [shipped]\n" LANGUAGES("It is gone"),
         "named like its file"                                                                                         },
        {"template: x\ncategory: news\ntells: [shipped]\n" LANGUAGES("It is gone"),
         "'category' is"                                                                                               },
        {HEAD "url: \"{{weight}}\"\n" LANGUAGES("Your {{number}} comes with {{carrier}} today"),
         "no parameter that"                                                                                           },
        {HEAD "url: \"{{number}}\"\n" LANGUAGES("Your {{number}} comes with {{carrier}} today"),
         "no parameter that"                                                                                           },
        {HEAD "url: \"https://a.example/{{number}}\"\n" LANGUAGES(
             "Your {{number}} comes with {{carrier}} today"),
         "a parameter alone"                                                                                           },
        {HEAD "version: 1\n" LANGUAGES("Your {{number}} comes with {{carrier}} today"),
         "from 2 on"                                                                                                   },
        {PLAIN
         "en: {body: \"It is gone\", replies: [{title: \"Show\", says: \"{{weight}}\"}]}\n", "no parameter"   },
        {PLAIN "en: {body: \"It is gone\", replies: [{title: \"Show\"}]}\n",
         "what a tap stands for"                                                                                       },
        {PLAIN
         "en: {body: \"It is gone\", replies: [{title: \"Show it to me at once please\", says: "
         "\"a\"}]}\n",                                                                       "more than 25"   },
        {PLAIN "en: {body: \"It is gone\", replies: [{title: a, says: a}]}\nes: {body: \"Ha "
               "salido\"}\n",                                                                "as many replies"},
        {"template: x\ncategory: utility\ntells: [shipped]\nurl: "
         "\"https://a.example\"\n" LANGUAGES("It is gone"),
         "'button' goes with"                                                                                          },
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct book *book = book_with("whatsapp/x.yaml", wrong[i].text, &err);
        if (book != NULL || strstr(err.text, wrong[i].why) == NULL ||
            strstr(err.text, "whatsapp/x.yaml:") == NULL)
            fail_msg("%zu: %s", i, book ? "it loads" : err.text);
        book_destroy(book);
    }
}

static void ch_3_every_kind_of_news_has_a_template_for_when_little_is_known(void **state)
{
    struct err err = {0};
    struct book *book = book_with("", "", &err);
    size_t n;

    (void)state;
    assert_non_null(book);
    const struct message_template *templates = book_templates(book, &n);
    for (size_t k = 0; k < notice_kinds_n; k++) {
        bool told = false;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < templates[i].n_kinds; j++) {
                told |= str_eq(templates[i].kinds[j], str_from(notice_kinds[k].name)) &&
                        templates[i].n_params <= 2;
            }
        }
        if (!told)
            fail_msg("nothing tells %s", notice_kinds[k].name);
    }
    for (size_t i = 1; i < n; i++)
        assert_true(templates[i - 1].n_params >= templates[i].n_params);
    book_destroy(book);
}

static void ch_3_values_stand_as_each_language_has_them_and_in_one_line(void **state)
{
    struct err err = {0};
    struct book *book = book_with("", "", &err);
    struct record_builder news;
    struct money money;
    struct reply reply;
    struct locale locale = {.lang = LANG_PL, .zone = STR("Europe/Warsaw")};

    (void)state;
    assert_non_null(book);
    const struct message_template *paid = book_template(book, STR("payment_received"));
    assert_non_null(paid);
    assert_true(money_make(4090, STR("EUR"), &money, &err));
    record_build(&news, &arena);
    record_set(&news, STR("amount"), value_money(money));
    assert_false(template_fill(&arena, book, paid, &locale, record_built(&news), &reply));
    record_set(&news, STR("invoice"), value_text(STR("FV\n\n\t7")));
    assert_true(template_fill(&arena, book, paid, &locale, record_built(&news), &reply));
    assert_int_equal(reply.n_template_values, 2);
    assert_true(str_eq(reply.template_values[1], STR("FV 7")));
    assert_true(str_find(reply.template_values[0], STR("40,90")) <
                reply.template_values[0].len);
    assert_true(str_find(reply.body, STR("faktury FV 7 i wszystko")) < reply.body.len);
    record_set(&news, STR("invoice"), value_int(7));
    assert_false(template_fill(&arena, book, paid, &locale, record_built(&news), &reply));
    book_destroy(book);
}

/* What a tap on a template's button is to mean; NULL: an order by its number. */
static const char *expected(struct str name)
{
    static const struct {
        const char *begins, *means;
    } all[] = {
        {"order_shipped",        "track"        },
        {"invoice",              "pay"          },
        {"payment_failed",       "pay"          },
        {"estimate",             "estimate"     },
        {"cancellation_decided", "cancellations"},
        {"ticket_answered",      "tickets"      },
        {"review",               "review"       },
        {"document_ready",       "documents"    },
    };

    for (size_t i = 0; i < COUNTOF(all); i++) {
        if (str_starts(name, str_from(all[i].begins)))
            return all[i].means;
    }
    return NULL;
}

/* Its words with the examples in them. */
static struct str with_examples(const struct message_template *template, struct str words)
{
    struct str text = STR_NONE, piece;
    bool is_param;

    while (template_next_piece(&words, &piece, &is_param)) {
        if (is_param)
            piece = template->params[template_param_at(template, piece)].example;
        text = arena_concat(&arena, text, piece);
    }
    return text;
}

/* Whether there is a flow for it, and the one that is wanted, where one is. */
static bool is_meant(const struct book *book, const struct understood *meant,
                     const char *wanted)
{
    if (meant->intent.len == 0 || !book_flow_on(book, meant->intent))
        return meant->number.len > 0 && wanted == NULL;
    return wanted == NULL || str_eq(meant->intent, str_from(wanted));
}

/* A tap that says so begins the flow that is meant. */
static void tap(const struct book *book, const struct message_template *template,
                enum lang lang, struct str says)
{
    struct understand_context context = {.lang = lang};
    struct understood meant;

    understand(&arena, says, &context, &meant);
    if (!is_meant(book, &meant, expected(template->name))) {
        fail_msg("%.*s %s: \"%.*s\" means '%.*s'", STR_ARG(template->name), lang_code(lang),
                 STR_ARG(says), STR_ARG(meant.intent));
    }
}

/* Each tap on each template's button begins a flow, in each language. */
static void ch_3_what_a_button_says_is_understood(void **state)
{
    struct err err = {0};
    struct book *book = book_with("", "", &err);
    size_t n, taps = 0;
    const struct message_template *templates = book_templates(book, &n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            const struct template_wording *wording = &templates[i].in[lang];
            for (size_t k = 0; k < wording->n_replies; k++, taps++) {
                tap(book, &templates[i], (enum lang)lang,
                    with_examples(&templates[i], wording->replies[k].says));
            }
        }
    }
    assert_true(taps >= 4UL * 18);
    book_destroy(book);
}

static void ch_3_a_button_leads_to_the_news_own_address(void **state)
{
    struct err err = {0};
    struct book *book = book_with("", "", &err);
    const struct message_template *shipped = book_template(book, STR("order_shipped_link"));
    const struct message_template *plain = book_template(book, STR("order_shipped_plain"));
    struct locale locale = {.lang = LANG_EN, .zone = STR("UTC")};
    struct record_builder news;
    struct reply reply;

    (void)state;
    assert_non_null(shipped);
    assert_true(template_is_linked(shipped));
    assert_false(template_is_linked(plain));
    record_build(&news, &arena);
    record_set(&news, STR("number"), value_text(STR("ORD-1")));
    record_set(&news, STR("carrier"), value_text(STR("DHL")));
    record_set(&news, STR("tracking_number"), value_text(STR("JD1")));
    assert_false(template_fill(&arena, book, shipped, &locale, record_built(&news), &reply));
    record_set(&news, STR("url"), value_text(STR("javascript:alert(1)")));
    assert_false(template_fill(&arena, book, shipped, &locale, record_built(&news), &reply));
    record_set(&news, STR("url"), value_text(STR("https://dhl.example/JD1")));
    assert_true(template_fill(&arena, book, shipped, &locale, record_built(&news), &reply));
    assert_true(str_eq(reply.url, STR("https://dhl.example/JD1")));
    assert_true(str_eq(reply.label, STR("Track it")));
    assert_int_equal(reply.n_template_values, 3);
    assert_int_equal(reply.n_options, 0);
    assert_true(template_fill(&arena, book, plain, &locale, record_built(&news), &reply));
    assert_int_equal(reply.n_options, 1);
    assert_true(str_eq(reply.options[0].id, STR("say:track ORD-1")));
    book_destroy(book);
}

/* Nothing in a value that Meta refuses: breaks, tabs, many blanks; what is blank is no value.
 */
static void ch_3_a_value_of_blanks_tells_nothing(void **state)
{
    static const char *const blank[] = {"", " ", "\n", "\t \n ", "\r\n"};
    struct err err = {0};
    struct book *book = book_with("", "", &err);
    const struct message_template *plain = book_template(book, STR("order_shipped_plain"));
    struct locale locale = {.lang = LANG_EN, .zone = STR("UTC")};
    struct record_builder news;
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < COUNTOF(blank); i++) {
        record_build(&news, &arena);
        record_set(&news, STR("number"), value_text(str_from(blank[i])));
        assert_false(template_fill(&arena, book, plain, &locale, record_built(&news), &reply));
    }
    record_build(&news, &arena);
    record_set(&news, STR("number"), value_text(STR(" A\n\nB\tC     D ")));
    assert_true(template_fill(&arena, book, plain, &locale, record_built(&news), &reply));
    assert_true(str_eq(reply.template_values[0], STR("A B C D")));
    book_destroy(book);
}

static void ch_3_a_higher_version_is_another_template(void **state)
{
    struct err err = {0};
    struct book *book =
        book_with("whatsapp/x.yaml", PLAIN "version: 3\n" LANGUAGES("It is gone"), &err);

    (void)state;
    if (!book)
        fail_msg("%s", err.text);
    assert_non_null(book_template(book, STR("x_v3")));
    assert_null(book_template(book, STR("x")));
    book_destroy(book);
}

static void ch_3_buttons_are_asked_for_read_again_and_compared(void **state)
{
    const struct str replies[] = {STR("Show it"), STR("Stop")};
    const struct whatsapp_template *items;
    struct whatsapp_template ours = {.name = STR("a"),
                                     .language = STR("en"),
                                     .category = STR("UTILITY"),
                                     .body = STR("Hi you!"),
                                     .button = STR("Track it"),
                                     .url = STR("https://shop.example/s/{{1}}"),
                                     .url_example = STR("https://shop.example/s/ab3"),
                                     .replies = replies,
                                     .n_replies = 2};
    struct whatsapp_sender sender = {STR("https://graph.example/v26.0"), STR("token")};
    struct http_request request;
    struct err err = {0};
    struct str after;
    size_t n;

    (void)state;
    assert_true(whatsapp_encode_template(&arena, &sender, STR("900"), &ours, &request, &err));
    assert_true(
        str_find(request.body,
                 STR("\"buttons\":[{\"type\":\"URL\",\"text\":\"Track it\",\"url\":"
                     "\"https://shop.example/s/{{1}}\",\"example\":[\"https://shop.example/s/"
                     "ab3\"]},{\"type\":\"QUICK_REPLY\",\"text\":\"Show it\"},{\"type\":"
                     "\"QUICK_REPLY\",\"text\":\"Stop\"}]")) < request.body.len);
    struct http_answer answer = {
        HTTP_ANSWERED, 200, arena_concat(&arena, STR("{\"data\":["), request.body, STR("]}")),
        0};
    assert_true(whatsapp_read_templates(&arena, &answer, &items, &n, &after, &err));
    assert_int_equal(n, 1);
    assert_true(whatsapp_template_same(&ours, &items[0]));
    ours.n_replies = 1;
    assert_false(whatsapp_template_same(&ours, &items[0]));
}

static void ch_3_a_page_of_templates_is_read_and_a_refusal_told(void **state)
{
    const struct whatsapp_template *items;
    struct http_answer answer = {
        HTTP_ANSWERED, 200,
        STR("{\"data\":[{\"name\":\"a\",\"language\":\"en\",\"status\":\"PAUSED\",\"category\":"
            "\"UTILITY\",\"components\":[{\"type\":\"BODY\",\"text\":\"Hi {{1}}!\"}]}],"
            "\"paging\":{\"cursors\":{\"after\":\"Q1\"},\"next\":\"https://x\"}}"),
        0};
    struct err err = {0};
    struct str after;
    size_t n;

    (void)state;
    assert_true(whatsapp_read_templates(&arena, &answer, &items, &n, &after, &err));
    assert_int_equal(n, 1);
    assert_true(str_eq(items[0].body, STR("Hi {{1}}!")));
    assert_true(str_eq(items[0].status, STR("PAUSED")));
    assert_true(str_eq(after, STR("Q1")));
    answer = (struct http_answer){HTTP_ANSWERED, 400,
                                  STR("{\"error\":{\"message\":\"m\",\"error_user_msg\":\"too "
                                      "many variables\"}}"),
                                  0};
    assert_false(whatsapp_read_templates(&arena, &answer, &items, &n, &after, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_non_null(strstr(err.text, "too many variables"));
}

static int open_all(void **state)
{
    struct err err = {0};

    (void)state;
    return book_files_read(&arena, STR(PARLEY_SOURCE_DIR), &files, &n_files, &err) ? 0 : -1;
}

static int shut_all(void **state)
{
    (void)state;
    arena_finish(&arena);
    words_cool();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_3_what_meta_would_refuse_is_refused_with_the_book),
        cmocka_unit_test(ch_3_every_kind_of_news_has_a_template_for_when_little_is_known),
        cmocka_unit_test(ch_3_values_stand_as_each_language_has_them_and_in_one_line),
        cmocka_unit_test(ch_3_what_a_button_says_is_understood),
        cmocka_unit_test(ch_3_a_button_leads_to_the_news_own_address),
        cmocka_unit_test(ch_3_a_value_of_blanks_tells_nothing),
        cmocka_unit_test(ch_3_a_higher_version_is_another_template),
        cmocka_unit_test(ch_3_buttons_are_asked_for_read_again_and_compared),
        cmocka_unit_test(ch_3_a_page_of_templates_is_read_and_a_refusal_told),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
