/* Tracking numbers, and what only looks like one. */
#include "flows/understand/cards.h"
#include "flows/understand/tracking.h"
#include "tests/support/shared_data.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* What a number is where one was asked for, and all of it. */
static bool asked_for(struct str number, struct tracking_found *found)
{
    struct tracking_found all[TRACKINGS_MAX];
    struct scan scan;

    number = str_trim(number);
    scan_read(&arena, number, &scan);
    if (tracking_find(&arena, &scan, true, all) != 1)
        return false;
    *found = all[0];
    return found->at.from == 0 && found->at.to == number.len;
}

static const char *carrier_of(const char *number)
{
    struct tracking_found found;

    return asked_for(str_from(number), &found) ? found.carrier : "";
}

static void trk_4_a_number_tells_its_carrier(void **state)
{
    static const struct {
        const char *number;
        const char *carrier;
    } rows[] = {
        {"1Z999AA10123456784",       "ups"},
        {"1z 999 aa1 01 2345 6784",  "ups"},
        {"1Z999AA10123456785",       ""   },
        {"RR123456785PL",            "s10"},
        {"rr 123 456 785 pl",        "s10"},
        {"RR123456786PL",            ""   },
        {"RR123456785QQ",            ""   },
        {"١٢٣٤٥٦٧٨٩٠١٣", ""   },
        {"",                         ""   },
        {"1Z",                       ""   },
        {"00000000000000000000",     ""   },
        {"hello",                    ""   },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        if (strcmp(carrier_of(rows[i].number), rows[i].carrier) != 0)
            fail_msg("%s: %s", rows[i].number, carrier_of(rows[i].number));
    }
}

/* One digit changed is found out by every check digit of ours. */
static void trk_4_a_wrong_digit_is_found_out(void **state)
{
    static const char *const numbers[] = {"1Z999AA10123456784", "RR123456785PL",
                                          "9400111899223100000000"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        struct tracking_found found;
        char number[40];
        size_t len = strlen(numbers[i]);

        memcpy(number, numbers[i], len + 1);
        if (!asked_for(str_from(number), &found))
            fail_msg("%s", number);
        number[len - 4] = (char)(number[len - 4] == '9' ? '0' : number[len - 4] + 1);
        if (i != 0 && asked_for(str_from(number), &found) &&
            strcmp(found.carrier, carrier_of(numbers[i])) == 0)
            fail_msg("%s", number);
    }
}

static struct str found_in(const char *text, bool expected)
{
    struct tracking_found found[TRACKINGS_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = tracking_find(&arena, &scan, expected, found);
    for (size_t i = 0; i < n; i++) {
        all = arena_format(&arena, "%.*s%s%s:%.*s", STR_ARG(all), i ? " " : "",
                           found[i].carrier, STR_ARG(found[i].number));
    }
    return all;
}

static void trk_4_numbers_are_found_in_free_text(void **state)
{
    static const struct {
        const char *text;
        const char *found;
    } rows[] = {
        {"where is 1Z999AA10123456784?",                       "ups:1Z999AA10123456784"                  },
        {"where is my parcel 1z 999 aa1 01 2345 6784, please", "ups:1Z999AA10123456784"                  },
        {"mi paquete (RR123456785PL) no llega",                "s10:RR123456785PL"                       },
        {"#RR123456785PL",                                     "s10:RR123456785PL"                       },
        {"przesyłka: RR123456785PL.",                         "s10:RR123456785PL"                       },
        {"أين شحنتي RR123456785PL",                    "s10:RR123456785PL"                       },
        {"RR123456785PL and 1Z999AA10123456784",               "s10:RR123456785PL ups:1Z999AA10123456784"},
        {"fedex 986578788855",                                 "fedex:986578788855"                      },
        {"my tracking number is 9865 7878 8855",               "fedex:986578788855"                      },
        {"dhl 3318810014",                                     "dhl:3318810014"                          },
        {"9400111899223100000000",                             "usps:9400111899223100000000"             },
        {"paczkomat 612345678901234567890123",                 "inpost:612345678901234567890123"         },
 /* no number of a parcel */
        {"3318810014",                                         ""                                        },
        {"order 986578788855",                                 ""                                        },
        {"zamówienie nr 986578788855",                        ""                                        },
        {"call me at 986578788855",                            ""                                        },
        {"ORD-1001",                                           ""                                        },
        {"order C1004444443",                                  ""                                        },
        {"+48 601 234 567",                                    ""                                        },
        {"my phone is 48601234567",                            ""                                        },
        {"4111 1111 1111 1111",                                ""                                        },
        {"5555555555554444",                                   ""                                        },
        {"378282246310005",                                    ""                                        },
        {"34 600 123 456",                                     ""                                        },
        {"2026-11-21 12:30:00",                                ""                                        },
        {"PL61109010140000071219812874",                       ""                                        },
        {"http://example.com/1Z999AA10123456784/x",            ""                                        },
        {"1001 1002 1003 1004",                                ""                                        },
    };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct str got = found_in(rows[i].text, false);

        if (str_eq(got, str_from(rows[i].found)))
            continue;
        print_error("\"%s\": \"%.*s\" and not \"%s\"\n", rows[i].text, STR_ARG(got),
                    rows[i].found);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* A seeded stream: telephones and order numbers of many shapes are never parcels. */
static void trk_4_telephones_and_orders_are_no_parcels(void **state)
{
    static const char *const shapes[] = {"+## ### ### ###",
                                         "+1 ### ### ####",
                                         "00## #########",
                                         "### ### ###",
                                         "(###) ###-####",
                                         "0## ### ## ##",
                                         "06########",
                                         "call ##########",
                                         "ORD-####",
                                         "#######",
                                         "A-#####",
                                         "order ############",
                                         "##########",
                                         "############",
                                         "ord_####/##",
                                         "pedido ###############",
                                         "## ## ## ## ##",
                                         "REP-#### ###",
                                         "faktura FV/####/##/######"};
    uint32_t random = 11;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char text[40] = {0};
        const char *shape = shapes[round % COUNTOF(shapes)];

        for (size_t i = 0; shape[i]; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = shape[i];
            if (shape[i] == '#')
                text[i] = "0123456789"[(random >> 24) % 10];
        }
        if (found_in(text, false).len)
            fail_msg("\"%s\": %s", text, found_in(text, false).at);
        if (round % 1000 == 0)
            arena_reset(&arena);
    }
}

static void ch_9_a_card_is_no_parcel_and_no_order(void **state)
{
    static const char *const cards[] = {"4111 1111 1111 1111", "5555-5555-5555-4444",
                                        "2223003122003222", "3782 822463 10005",
                                        "my card is 6011111111111117 ok"};
    static const char *const others[] = {"4111 1111 1111 1112", "1234 5678 9012 3456",
                                         "ORD-4111111111111111", "4111", ""};

    (void)state;
    for (size_t i = 0; i < COUNTOF(cards); i++) {
        struct span found[CARDS_MAX];
        struct scan scan;

        scan_read(&arena, str_from(cards[i]), &scan);
        if (cards_find(&scan, found) != 1)
            fail_msg("%s", cards[i]);
    }
    for (size_t i = 0; i < COUNTOF(others); i++) {
        struct span found[CARDS_MAX];
        struct scan scan;

        scan_read(&arena, str_from(others[i]), &scan);
        if (cards_find(&scan, found) != 0)
            fail_msg("%s", others[i]);
    }
}

struct tally {
    unsigned good;
    unsigned bad;
    unsigned wrong;
};

static bool is_theirs(const struct tracking_found *found, const char *courier)
{
    return strcmp(found->carrier, courier) == 0 ||
           (found->also && strcmp(found->also, courier) == 0);
}

static void check_good(const json_t *numbers, const char *courier, struct tally *tally)
{
    json_t *number;
    size_t i;

    json_array_foreach(numbers, i, number)
    {
        struct tracking_found found;

        tally->good++;
        if (asked_for(str_from(json_string_value(number)), &found) &&
            is_theirs(&found, courier))
            continue;
        print_error("%s: \"%s\" is not known\n", courier, json_string_value(number));
        tally->wrong++;
    }
}

/* Another form of theirs may have it. */
static void check_bad(const json_t *numbers, const char *courier, const char *id,
                      struct tally *tally)
{
    json_t *number;
    size_t i;

    json_array_foreach(numbers, i, number)
    {
        struct tracking_found found;

        tally->bad++;
        if (!asked_for(str_from(json_string_value(number)), &found) ||
            strcmp(found.carrier, courier) != 0 ||
            (id && !str_starts(str_from(id), str_from(found.form))))
            continue;
        print_error("%s: \"%s\" is taken for %s\n", courier, json_string_value(number),
                    found.form);
        tally->wrong++;
    }
}

static void check_courier(const char *name, struct tally *tally)
{
    struct str path = arena_format(&arena, "data/tracking-numbers/%s.json", name);
    struct str bytes = shared_file(&arena, path.at);
    json_t *file = json_loadb(bytes.at, bytes.len, 0, NULL);
    const char *courier = json_string_value(json_object_get(file, "courier_code"));
    json_t *form;
    size_t i;

    assert_non_null(courier);
    json_array_foreach(json_object_get(file, "tracking_numbers"), i, form)
    {
        const json_t *tests = json_object_get(form, "test_numbers");
        const char *id = json_string_value(json_object_get(form, "id"));

        check_good(json_object_get(tests, "valid"), courier, tally);
        check_bad(json_object_get(tests, "invalid"), courier, id, tally);
    }
    json_decref(file);
}

static const char *const collection[] = {
    "amazon",  "canadapost", "canpar",       "dhl",    "dpd",       "fedex",
    "gofo",    "landmark",   "lasership",    "ontrac", "purolator", "s10",
    "speedee", "ups",        "old_dominion", "usps",   "yodel",     "yunexpress"};

/* All numbers of the collection: the good ones are theirs, the bad ones are nobody's of it. */
static void trk_4_the_collection_of_forms_agrees(void **state)
{
    struct tally tally = {0};

    (void)state;
    if (!shared_is_here(&arena))
        return;
    for (size_t i = 0; i < COUNTOF(collection); i++)
        check_courier(collection[i], &tally);
    print_message("%u good, %u bad, %u wrong\n", tally.good, tally.bad, tally.wrong);
    assert_true(tally.good > 60);
    assert_int_equal(tally.wrong, 0);
}

/* Whether the number is found in the sentence, and nothing else is. */
static bool is_found(const char *sentence, const char *number)
{
    const char *place = strchr(sentence, '%');
    struct str text =
        arena_format(&arena, "%.*s%s%s", (int)(place - sentence), sentence, number, place + 1);
    struct tracking_found found[TRACKINGS_MAX];
    struct tracking_found read;
    struct scan scan;

    scan_read(&arena, text, &scan);
    return tracking_find(&arena, &scan, false, found) == 1 &&
           asked_for(str_from(number), &read) && str_eq(found[0].number, read.number) &&
           strcmp(found[0].carrier, read.carrier) == 0;
}

static void count_sentences(const char *name, size_t *n, size_t *lost)
{
    static const char *const sentences[] = {
        "where is my parcel %?",
        "track % please",
        "my tracking number is %, it has not moved",
        "mi paquete % no llega",
        "el número de seguimiento es %",
        "gdzie jest paczka %?",
        "numer przesyłki: %. Kiedy będzie?",
        "أين الشحنة %",
    };
    struct str path = arena_format(&arena, "data/tracking-numbers/%s.json", name);
    struct str bytes = shared_file(&arena, path.at);
    json_t *file = json_loadb(bytes.at, bytes.len, 0, NULL);
    json_t *form;
    size_t i;

    json_array_foreach(json_object_get(file, "tracking_numbers"), i, form)
    {
        json_t *good = json_object_get(json_object_get(form, "test_numbers"), "valid");
        json_t *number;
        size_t j;

        json_array_foreach(good, j, number)
        {
            for (size_t k = 0; k < COUNTOF(sentences); k++) {
                ++*n;
                if (is_found(sentences[k], json_string_value(number)))
                    continue;
                ++*lost;
                print_error("%s: \"%s\" in \"%s\"\n", name, json_string_value(number),
                            sentences[k]);
            }
        }
    }
    json_decref(file);
}

static void trk_4_every_form_is_found_in_a_sentence(void **state)
{
    size_t n = 0;
    size_t lost = 0;

    (void)state;
    if (!shared_is_here(&arena))
        return;
    for (size_t i = 0; i < COUNTOF(collection); i++)
        count_sentences(collection[i], &n, &lost);
    print_message("%zu sentences, %zu numbers lost\n", n, lost);
    assert_true(n > 900);
    assert_int_equal(lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trk_4_a_number_tells_its_carrier),
        cmocka_unit_test(trk_4_a_wrong_digit_is_found_out),
        cmocka_unit_test(trk_4_numbers_are_found_in_free_text),
        cmocka_unit_test(trk_4_telephones_and_orders_are_no_parcels),
        cmocka_unit_test(ch_9_a_card_is_no_parcel_and_no_order),
        cmocka_unit_test(trk_4_the_collection_of_forms_agrees),
        cmocka_unit_test(trk_4_every_form_is_found_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
