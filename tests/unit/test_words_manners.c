/* How our texts speak, where a language has more ways than one and a reader would notice a
 * change of voice or a slip that no checker of forms sees. */
#include "bot/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char text[1 << 20];

static void read_words(const char *lang)
{
    char path[256];
    FILE *file;

    (void)snprintf(path, sizeof path, PARLEY_SOURCE_DIR "/templates/messages/%s.yaml", lang);
    file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
}

/* "Proszę spróbować" is what a form says; all else says "spróbuj", as one does to somebody one
 * knows. */
static void polish_asks_as_one_asks_a_person(void **state)
{
    static const char *const formal[] = {"Proszę ", "proszę ", "Prosimy ", "prosimy "};

    (void)state;
    read_words("pl");
    for (size_t i = 0; i < COUNTOF(formal); i++) {
        for (const char *at = text; (at = strstr(at, formal[i])) != NULL; at++) {
            struct str word = str_from(at + strlen(formal[i]));

            word = str_slice(word, 0, str_find(word, STR(" ")));
            if (str_ends(word, STR("ć")) || str_ends(word, STR("ć:")))
                fail_msg("%.60s", at);
        }
    }
}

/* "las 1:00" is wrong, and only the time itself knows whether it is one: so no article stands
 * there. */
static void spanish_has_no_article_before_a_time(void **state)
{
    (void)state;
    read_words("es");
    for (const char *at = text; (at = strstr(at, "las {{")) != NULL; at++) {
        struct str tag = str_from(at);

        tag = str_slice(tag, 0, str_find(tag, STR("}}")));
        if (at > text && (at[-1] == ' ' || at[-1] == '"') && str_ends(tag, STR("| time")))
            fail_msg("%.60s", at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polish_asks_as_one_asks_a_person),
        cmocka_unit_test(spanish_has_no_article_before_a_time),
    };

    return cmocka_run_group_tests_name("words_manners", tests, NULL, NULL);
}
