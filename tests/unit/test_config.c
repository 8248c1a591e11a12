/* What operators write, right and wrong. */
#include "bot/config/config.h"
#include "bot/config/config_settings.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[TEMP_PATH];
static char yaml_name[TEMP_PATH + 16];

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    temp_folder(folder, "config");
    (void)snprintf(yaml_name, sizeof(yaml_name), "%s/parley.yaml", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"parley.yaml", "token", "url", "empty", "open"};
    for (size_t i = 0; i < COUNTOF(names); i++)
        (void)unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* The tests may themselves run with settings in their environment. */
static int clean_environment(void **state)
{
    (void)state;
    return clearenv();
}

static struct config *load(const char *yaml)
{
    struct config *config;
    struct err err = {0};
    if (yaml)
        write_file(yaml_name, yaml, 0600);
    if (!config_load(yaml ? yaml_name : NULL, &config, &err))
        fail_msg("%s", err.text);
    return config;
}

/* What the error says after "configuration: " and the folder's name. */
static const char *refusal(const char *yaml)
{
    static struct err err;
    struct config *config = NULL;
    err = (struct err){0};
    if (yaml)
        write_file(yaml_name, yaml, 0600);
    assert_false(config_load(yaml ? yaml_name : NULL, &config, &err));
    assert_null(config);
    assert_int_equal(err.code, ERR_REJECT);
    const char *at = strstr(err.text, "parley.yaml");
    return at ? at : err.text;
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void assert_str(struct str text, const char *expected)
{
    if (!str_eq(text, str_from(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(text), expected);
}

static void without_a_file_everything_has_its_default(void **state)
{
    (void)state;
    struct config *config = load(NULL);
    assert_str(config->listen.address, "127.0.0.1");
    assert_int_equal(config->listen.port, 8080);
    assert_int_equal(config->workers, 0);
    assert_str(config->database.url, "postgresql:///parley");
    assert_str(config->database.owner_url, "postgresql:///parley");
    assert_int_equal(config->database.connections, 2);
    assert_int_equal(config->http.body_max, 3 * 1024 * 1024);
    assert_str(config->whatsapp.base_url, "https://graph.facebook.com/v26.0");
    assert_int_equal(config->whatsapp.n_apps, 0);
    assert_int_equal(config->whatsapp.rate, 80);
    assert_int_equal(config->whatsapp.pair_interval, 6 * USEC_PER_SEC);
    assert_int_equal(config->whatsapp.pair_burst, 45);
    assert_true(config->whatsapp.read_receipts);
    assert_false(config->whatsapp.allow_http);
    assert_int_equal(config->whatsapp.service_window, USEC_PER_DAY);
    assert_int_equal(config->outbox.unknown_wait, 20 * USEC_PER_SEC);
    assert_int_equal(config->outbox.poll, 250 * USEC_PER_MSEC);
    assert_int_equal(config->outbox.retry_max, 5 * USEC_PER_MIN);
    assert_int_equal(config->turns.batch_max, 128);
    assert_int_equal(config->turns.queue_max, 20000);
    assert_null(config_warnings(config)[0]);
    config_destroy(config);
}

static void the_file_sets_values_and_says_where_they_came_from(void **state)
{
    (void)state;
    struct config *config = load("# ours\n"
                                 "listen: '[::1]:9090'\n"
                                 "workers: 3\n"
                                 "whatsapp:\n"
                                 "  rate: 1000\n"
                                 "  typing: off\n"
                                 "  base_url: https://graph.example/v9/\n"
                                 "  apps:\n"
                                 "    shop:\n"
                                 "      app_secret: s3cret-of-app\n"
                                 "      verify_token: \"my: word\"\n"
                                 "      token: t0ken-of-app\n"
                                 "outbox:\n  poll: 1s\n  retry_max:\n  drain: 0\n");
    assert_str(config->listen.address, "::1");
    assert_int_equal(config->listen.port, 9090);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->whatsapp.rate, 1000);
    assert_false(config->whatsapp.typing);
    assert_str(config->whatsapp.base_url, "https://graph.example/v9");
    assert_int_equal(config->whatsapp.n_apps, 1);
    assert_str(config->whatsapp.apps[0].name, "shop");
    assert_string_equal(config->whatsapp.apps[0].name.at, "shop");
    assert_str(config->whatsapp.apps[0].app_secret, "s3cret-of-app");
    assert_str(config->whatsapp.apps[0].verify_token, "my: word");
    assert_int_equal(config->outbox.poll, USEC_PER_SEC);
    assert_int_equal(config->outbox.retry_max, 5 * USEC_PER_MIN);
    assert_int_equal(config->outbox.drain, 0);
    assert_int_equal(strlen(config->whatsapp.apps[0].token.at), 12);

    struct arena arena = {0};
    const char *shown = arena_cstr(&arena, config_show(&arena, config));
    assert_says(shown, "parley.yaml:3");
    assert_says(shown, "whatsapp.apps.shop.token");
    assert_says(shown, "***");
    assert_null(strstr(shown, "s3cret-of-app"));
    assert_null(strstr(shown, "t0ken-of-app"));
    assert_null(strstr(shown, "my: word"));
    assert_null(strstr(shown, "postgresql:"));
    arena_finish(&arena);
    config_destroy(config);
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(setenv("PARLEY_OUTBOX_POLL", "2s", 1), 0);
    assert_int_equal(setenv("PARLEY_WHATSAPP_APPS_DEFAULT_VERIFY_TOKEN", "word", 1), 0);
    assert_int_equal(setenv("PARLEY_WHATSAPP_APPS_BIG_SHOP_TOKEN", "from-env", 1), 0);
    assert_int_equal(setenv("WHATSAPP_TOKEN", "plain-token", 1), 0);
    assert_int_equal(setenv("WHATSAPP_APP_SECRET", "plain-secret", 1), 0);
    assert_int_equal(setenv("PARLEY_WORKERS", "", 1), 0);
    struct config *config = load("outbox: {poll: 1s}\n"
                                 "workers: 5\n"
                                 "whatsapp: {apps: {big-shop: {app_secret: a, verify_token: b, "
                                 "token: c}}}\n");
    assert_int_equal(config->outbox.poll, 2 * USEC_PER_SEC);
    assert_int_equal(config->workers, 5);
    assert_int_equal(config->whatsapp.n_apps, 2);
    assert_str(config->whatsapp.apps[0].name, "big-shop");
    assert_str(config->whatsapp.apps[0].token, "from-env");
    assert_str(config->whatsapp.apps[1].name, "default");
    assert_str(config->whatsapp.apps[1].verify_token, "word");
    assert_str(config->whatsapp.apps[1].token, "plain-token");
    config_destroy(config);
}

static void a_secret_comes_from_a_file_without_its_newline(void **state)
{
    (void)state;
    write_file(in_folder("token"), "file-token\r\n\n", 0600);
    write_file(in_folder("url"), "postgresql://h/x?password=p\n", 0644);
    char yaml[512];
    (void)snprintf(yaml, sizeof(yaml),
                   "whatsapp: {apps: {default: {app_secret: a, verify_token: b, token_file: "
                   "%s}}}\n",
                   in_folder("token"));
    assert_int_equal(setenv("PARLEY_DATABASE_URL_FILE", in_folder("url"), 1), 0);
    struct config *config = load(yaml);
    assert_str(config->whatsapp.apps[0].token, "file-token");
    assert_str(config->database.url, "postgresql://h/x?password=p");
    assert_says(config_warnings(config)[0], "may be read by every user");
    assert_null(config_warnings(config)[1]);
    config_destroy(config);

    write_file(in_folder("empty"), "\n", 0600);
    assert_int_equal(setenv("PARLEY_DATABASE_URL_FILE", in_folder("empty"), 1), 0);
    assert_says(refusal(NULL), "is empty or not text");
    assert_int_equal(setenv("PARLEY_DATABASE_URL_FILE", "/nowhere/at/all", 1), 0);
    assert_says(refusal(NULL),
                "PARLEY_DATABASE_URL_FILE: database.url_file: /nowhere/at/all: No "
                "such file");
}

static void a_file_that_everyone_may_read_and_holds_a_secret_is_told(void **state)
{
    (void)state;
    write_file(in_folder("open"), "database: {url: postgresql://u:p@h/d}\n", 0644);
    struct config *config;
    struct err err;
    assert_true(config_load(in_folder("open"), &config, &err));
    assert_says(config_warnings(config)[0], "chmod 640");
    config_destroy(config);
}

static void every_mistake_names_its_line_and_the_cure(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *place;
        const char *says;
    } cases[] = {
        {"\nlissten: x\n",                                 "parley.yaml:2: ", "did you mean listen?"                  },
        {"whatsapp:\n  rat: 5\n",                          "parley.yaml:2: ", "did you mean whatsapp.rate?"           },
        {"watsapp:\n  rate: 5\n",                          "parley.yaml:1: ", "did you mean whatsapp?"                },
        {"whatsapp:\n  apps:\n    shop:\n      tokn: x\n",
         "parley.yaml:4: ",                                                   "did you mean whatsapp.apps.shop.token?"},
        {"whatsapp:\n  rate: fast\n",                      "parley.yaml:2: ", "\"fast\" is not a whole number"        },
        {"whatsapp: {rate: 0}\n",                          "parley.yaml:1: ", "0 is out of range: write 1 to 1000000" },
        {"outbox:\n\n  poll: 250\n",                       "parley.yaml:3: ", "is not a duration such as 250ms"       },
        {"outbox: {poll: 1ms}\n",                          "parley.yaml:1: ", "write 10ms to 1m"                      },
        {"outbox: {poll: -1s}\n",                          "parley.yaml:1: ", "not a duration"                        },
        {"outbox: {poll: 99999999999999999h}\n",           "parley.yaml:1: ", "not a duration"                        },
        {"http: {body_max: 3mb}\n",                        "parley.yaml:1: ", "a size such as 64KB"                   },
        {"http: {body_max: 65MB}\n",                       "parley.yaml:1: ", "write 1KB to 64MB"                     },
        {"whatsapp: {typing: maybe}\n",                    "parley.yaml:1: ", "neither true nor false"                },
        {"log: {level: loud}\n",                           "parley.yaml:1: ", "none of: debug, info, warn, alert"     },
        {"listen: 8080\n",                                 "parley.yaml:1: ", "such as 127.0.0.1:8080"                },
        {"listen: localhost:8080\n",                       "parley.yaml:1: ", "such as 127.0.0.1:8080"                },
        {"listen: 127.0.0.1:65536\n",                      "parley.yaml:1: ", "such as 127.0.0.1:8080"                },
        {"workers: 1\nworkers: 2\n",                       "parley.yaml:2: ", "a second time"                         },
        {"workers: [1, 2]\n",                              "parley.yaml:1: ", "no setting takes a list"               },
        {"workers: {a: 1}\n",                              "parley.yaml:1: ", "workers takes one value"               },
        {"whatsapp: 5\n",                                  "parley.yaml:1: ", "write them below it"                   },
        {"whatsapp:\n  apps: yes\n",                       "parley.yaml:2: ", "write them below it"                   },
        {"a: &x 1\n",                                      "parley.yaml:1: ", "no setting a"                          },
        {"workers: &x 1\nlisten: *x\n",                    "parley.yaml:2: ", "aliases"                               },
        {"workers: 1\n---\nworkers: 2\n",                  "parley.yaml:2: ", "one document"                          },
        {"workers: 1\n\tlisten: x\n",                      "parley.yaml:2: ", "not YAML"                              },
        {"just words\n",                                   "parley.yaml:1: ", "name: value"                           },
        {"[1]\n",                                          "parley.yaml:1: ", "list"                                  },
        {"? {a: b}\n: c\n",                                "parley.yaml:1: ", "a name was expected"                   },
        {"whatsapp.rate: 5\n",                             "parley.yaml:1: ", "sections are nested"                   },
        {"whatsapp: {apps: {SHOP: {token: x}}}\n",         "parley.yaml:1: ", "a-z"                                   },
        {"log: {level_file: /x}\n",                        "parley.yaml:1: ", "no setting log.level_file"             },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *text = refusal(cases[i].yaml);
        assert_says(text, cases[i].place);
        assert_says(text, cases[i].says);
    }
}

static void what_does_not_fit_together_is_refused(void **state)
{
    (void)state;
    assert_says(refusal("tls: {cert: /x}\n"), "belong together");
    assert_says(refusal("outbox: {retry_first: 6m}\n"), "longer than");
    assert_says(refusal("http: {bodies_max: 2MB}\n"), "no body could come in");
    assert_says(refusal("http: {bodies_max: 9MB}\nmail: {gateway_token: 0123456789abcdef}\n"),
                "no such mail could come in");
    assert_says(refusal("mail: {gateway_token: short}\n"), "16 characters or more");
    assert_says(refusal("whatsapp: {base_url: 'http://127.0.0.1'}\n"), "no TLS");
    assert_says(refusal("whatsapp: {base_url: 'ftp://x', allow_http: true}\n"), "https://");
    assert_says(refusal("whatsapp: {apps: {shop: {app_secret: a, token: b}}}\n"),
                "whatsapp.apps.shop has no verify_token");
    assert_says(refusal("resend: {base_url: 'http://127.0.0.1'}\n"), "no TLS");
    assert_says(refusal("mail: {transport: smtp}\n"), "give smtp.host");
    assert_says(refusal("mail: {transport: pigeon}\n"), "resend, smtp");
    assert_says(refusal("smtp: {host: smtp.example, user: me}\n"), "belong together");
    assert_says(refusal("smtp: {host: smtp.example/x}\n"), "a name or an address");
    assert_says(refusal("smtp: {host: smtp.example, tls: none}\n"), "in the clear");
    struct config *config =
        load("whatsapp: {base_url: 'http://127.0.0.1:1', allow_http: true}\n");
    config_destroy(config);
    config_destroy(load("mail: {transport: smtp}\nsmtp: {host: 127.0.0.1, tls: none}\n"));
    config_destroy(load("smtp: {host: '::1', port: 465, tls: implicit}\n"));
}

static void a_near_miss_in_the_environment_is_refused_and_a_stranger_told(void **state)
{
    (void)state;
    assert_int_equal(setenv("PARLEY_SERVICE_HOST", "10.0.0.1", 1), 0);
    assert_int_equal(setenv("PARLEY_TEST_DATABASE", "x", 1), 0);
    struct config *config = load(NULL);
    assert_says(config_warnings(config)[0], "PARLEY_SERVICE_HOST");
    assert_null(config_warnings(config)[1]);
    config_destroy(config);
    assert_int_equal(setenv("PARLEY_DATABSE_URL", "x", 1), 0);
    assert_says(refusal(NULL), "did you mean PARLEY_DATABASE_URL?");
}

static void a_value_is_given_once_in_each_place(void **state)
{
    (void)state;
    write_file(in_folder("token"), "x\n", 0600);
    char yaml[512];
    (void)snprintf(yaml, sizeof(yaml), "database:\n  url: a\n  url_file: %s\n",
                   in_folder("token"));
    assert_says(refusal(yaml), "parley.yaml:3: database.url is given a second time");
    assert_int_equal(setenv("WHATSAPP_TOKEN", "a", 1), 0);
    assert_int_equal(setenv("PARLEY_WHATSAPP_APPS_DEFAULT_TOKEN", "b", 1), 0);
    assert_says(refusal(NULL), "a second time");
}

static void ops_8_twilio_has_the_names_that_operators_know(void **state)
{
    (void)state;
    assert_int_equal(setenv("TWILIO_ACCOUNT_SID", "AC01", 1), 0);
    assert_says(refusal(NULL), "twilio.account_sid and twilio.auth_token belong together");
    assert_int_equal(setenv("TWILIO_AUTH_TOKEN", "hush-hush", 1), 0);
    assert_int_equal(setenv("TWILIO_PHONE_NUMBER", "+15550100101", 1), 0);
    struct config *config = load("twilio: {base_url: 'https://twilio.example//'}\n"
                                 "public_url: https://parley.example/\n"
                                 "secrets: {key: 0123456789abcdef0123456789abcdef}\n");
    assert_str(config->twilio.account_sid, "AC01");
    assert_str(config->twilio.auth_token, "hush-hush");
    assert_str(config->twilio.phone_number, "+15550100101");
    assert_str(config->twilio.base_url, "https://twilio.example");
    assert_str(config->public_url, "https://parley.example");
    assert_int_equal(config->twilio.rate, 1);
    config_destroy(config);
    assert_says(refusal("twilio: {base_url: 'http://127.0.0.1:1'}\n"), "twilio.allow_http");
    assert_says(refusal("public_url: parley.example\n"), "public_url must begin");
    assert_says(refusal("secrets: {key: short}\n"), "openssl rand");
    assert_null(strstr(refusal("secrets: {key: shortsecret}\n"), "shortsecret"));
}

static void an_error_never_quotes_a_secret(void **state)
{
    (void)state;
    assert_int_equal(setenv("PARLEY_LOG_LEVEL", "x", 1), 0);
    assert_int_equal(setenv("WHATSAPP_TOKEN", "hush-hush", 1), 0);
    assert_null(strstr(refusal(NULL), "hush"));
    assert_int_equal(unsetenv("PARLEY_LOG_LEVEL"), 0);
    assert_null(strstr(refusal(NULL), "hush"));
    assert_null(strstr(refusal("database: {url: {hush: x}}\n"), "hush-hush"));
}

static void hostile_files_are_refused_calmly(void **state)
{
    (void)state;
    static char large[(1 << 20) + 64];
    memset(large, '#', sizeof(large) - 1);
    assert_says(refusal(large), "more than");
    static char deep[4096];
    memset(deep, '{', sizeof(deep) - 1);
    assert_says(refusal(deep), "parley.yaml:1: ");
    memset(deep, '[', sizeof(deep) - 1);
    assert_says(refusal(deep), "parley.yaml:1: ");
    assert_says(refusal("\xff\xfe\x01"), "not YAML");
    assert_says(refusal("workers: \"\\x01\"\n"), "not a whole number");
    for (size_t apps = 33; apps <= 300; apps += 267) {
        char *at = large + sprintf(large, "whatsapp:\n  apps:\n");
        for (size_t i = 0; i < apps; i++)
            at += sprintf(at, "    a%zu: {token: x, verify_token: x}\n", i);
        assert_says(refusal(large), "more than");
    }
    struct config *config = NULL;
    struct err err;
    assert_false(config_load("/nowhere/parley.yaml", &config, &err));
    assert_says(err.text, "/nowhere/parley.yaml: No such file");
    assert_false(config_load("/", &config, &err));
    config = load("");
    config_destroy(config);
    config = load("~\n");
    config_destroy(config);
    config_destroy(NULL);
}

/* A committed page and what the table prints now. */
static void assert_page(const char *name, struct str text, const char *command)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", PARLEY_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing: parley %s > %s", name, command, name);
    static char page[1 << 17];
    size_t len = fread(page, 1, sizeof(page), file);
    (void)fclose(file);
    if (len != text.len || memcmp(page, text.at, len) != 0)
        fail_msg("%s is not up to date: build/dev/parley %s > %s", name, command, name);
}

static void the_reference_and_the_example_follow_the_table(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_page("docs/configuration.md", config_docs(&arena), "config docs");
    assert_page("deploy/parley.example.yaml", config_example(&arena), "config example");
    arena_finish(&arena);
}

static void every_section_says_what_it_is_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_n; i++) {
        struct str path = str_from(settings[i].path);
        struct str section = str_slice(path, 0, str_find(path, STR(".")));

        if (section.len < path.len && settings_section_help(section) == NULL)
            fail_msg("%.*s says nothing", STR_ARG(section));
    }
}

static void the_example_loads_as_the_defaults_and_names_every_setting(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *text = arena_cstr(&arena, config_example(&arena));
    struct config *plain = load(NULL), *example = load(text);
    for (size_t i = 0; i < settings_n; i++) {
        const char *path = settings[i].path, *dot = strrchr(path, '.');
        assert_says(text, arena_format(&arena, "%s:", dot ? dot + 1 : path).at);
        if (strchr(path, '*') || settings[i].type == SETTING_SECRET ||
            settings[i].type == SETTING_TEXT || settings[i].type == SETTING_ADDRESS)
            continue;
        size_t size = settings[i].type == SETTING_COUNT  ? sizeof(unsigned)
                      : settings[i].type == SETTING_BOOL ? sizeof(bool)
                                                         : sizeof(usec_t);
        assert_memory_equal((char *)plain + settings[i].offset,
                            (char *)example + settings[i].offset, size);
        assert_non_null(given_find(&example->details->given, &settings[i], STR_NONE));
    }
    assert_str(example->database.url, plain->database.url.at);
    assert_str(example->whatsapp.base_url, plain->whatsapp.base_url.at);
    config_destroy(plain);
    config_destroy(example);
    arena_finish(&arena);
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_n; i++) {
        struct str app;
        bool is_file;
        if (!strchr(settings[i].path, '*')) {
            assert_ptr_equal(settings_find(str_from(settings[i].path), &app, &is_file),
                             &settings[i]);
        }
        assert_true(settings[i].help[strlen(settings[i].help) - 1] == '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(settings[i].path, settings[j].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_file_everything_has_its_default, clean_environment),
        cmocka_unit_test_setup(the_file_sets_values_and_says_where_they_came_from,
                               clean_environment),
        cmocka_unit_test_setup(the_environment_wins_over_the_file, clean_environment),
        cmocka_unit_test_setup(a_secret_comes_from_a_file_without_its_newline,
                               clean_environment),
        cmocka_unit_test_setup(a_file_that_everyone_may_read_and_holds_a_secret_is_told,
                               clean_environment),
        cmocka_unit_test_setup(every_mistake_names_its_line_and_the_cure, clean_environment),
        cmocka_unit_test_setup(what_does_not_fit_together_is_refused, clean_environment),
        cmocka_unit_test_setup(a_near_miss_in_the_environment_is_refused_and_a_stranger_told,
                               clean_environment),
        cmocka_unit_test_setup(a_value_is_given_once_in_each_place, clean_environment),
        cmocka_unit_test_setup(ops_8_twilio_has_the_names_that_operators_know,
                               clean_environment),
        cmocka_unit_test_setup(an_error_never_quotes_a_secret, clean_environment),
        cmocka_unit_test_setup(hostile_files_are_refused_calmly, clean_environment),
        cmocka_unit_test_setup(the_reference_and_the_example_follow_the_table,
                               clean_environment),
        cmocka_unit_test_setup(every_section_says_what_it_is_about, clean_environment),
        cmocka_unit_test_setup(the_example_loads_as_the_defaults_and_names_every_setting,
                               clean_environment),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
