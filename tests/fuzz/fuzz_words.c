/*
 * Catalogs that anybody might write: they are taken whole or refused with a place and a reason,
 * and what was taken can be said with any values. The input's length picks the language.
 */
#include "templates/words.h"
#include "tests/support/words_keys.h"

#include <stdlib.h>
#include <string.h>

static const struct field item_fields[] = {
    {{"n", 1},    {.kind = VALUE_INT, .number = 2}          },
    {{"name", 4}, {.kind = VALUE_TEXT, .text = {"{{a}}", 5}}},
};
static const struct record item = {item_fields, 2};
static const struct value items[] = {
    {.kind = VALUE_RECORD, .record = &item},
    {.kind = VALUE_INT,                    .number = INT64_MIN},
    {.kind = VALUE_TEXT,.text = {"محمد 5", 10}},
    {.kind = VALUE_NONE  },
};
static const struct list list = {items, 4};
static const struct field fields[] = {
    {{"a", 1}, {.kind = VALUE_TEXT, .text = {"a", 1}}                    },
    {{"b", 1}, {.kind = VALUE_TEXT, .text = {"}}\xE2\x80\xAE{{#a}}", 11}}},
    {{"c", 1}, {.kind = VALUE_MONEY, .money = {INT64_MIN, "KWD"}}        },
    {{"d", 1}, {.kind = VALUE_TIME, .time = INT64_MAX}                   },
    {{"e", 1}, {.kind = VALUE_BOOL, .yes = true}                         },
    {{"i", 1}, {.kind = VALUE_LIST, .list = &list}                       },
    {{"n", 1}, {.kind = VALUE_INT, .number = 5}                          },
    {{"r", 1}, {.kind = VALUE_RECORD, .record = &item}                   },
    {{"t", 1}, {.kind = VALUE_TIME, .time = 1772550000000000}            },
};
static const struct record values = {fields, COUNTOF(fields)};

static void check(bool good)
{
    if (!good)
        abort();
}

static void say_all(const struct words *words, struct arena *arena)
{
    struct str_list keys = words_keys(arena, words);
    size_t n = keys.n < 20 ? keys.n : 20;
    for (size_t i = 0; i < n; i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            struct locale locale = {(enum lang)lang, STR("Asia/Kuwait"), 1772550000000000};
            bool missing = false;
            struct str said =
                words_render(arena, words, &locale, keys.items[i], &values, &missing);
            check(str_is_utf8(said));
            (void)words_render(arena, words, &locale, keys.items[i], NULL, NULL);
        }
        (void)words_variables(arena, words, keys.items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"en.yaml", "es.yaml", "pl.yaml", "ar.yaml"};
    const char *name = names[size % COUNTOF(names)];
    struct source_file file = {
        str_from(name), {(const char *)data, size}
    };
    struct words *words = NULL;
    struct err err = {0};
    struct arena arena = {0};
    if (words_create(&file, 1, &words, &err)) {
        say_all(words, &arena);
        check(!words_check(words, &err)); /* three languages are not there */
    } else {
        check(err.code == ERR_REJECT && words == NULL);
        check(strncmp(err.text, name, strlen(name)) == 0 && err.text[strlen(name)] == ':');
    }
    check(str_is_utf8(str_from(err.text)));
    words_destroy(words);
    arena_finish(&arena);
    return 0;
}
