/*
 * The environment as settings: PARLEY_ and the path in capitals, dots as underscores.
 *
 * A name that is nearly a setting is refused, since a setting that silently does nothing is the
 * worst kind; other PARLEY_ names are left alone with a warning, because container platforms
 * make some of their own (PARLEY_SERVICE_HOST).
 */
#include "bot/base/crypto.h"
#include "bot/base/suggest.h"
#include "bot/config/config_settings.h"

#include <ctype.h>
#include <stdio.h>

#define PREFIX       "PARLEY_"
#define VARIABLE_MAX 128

/* The plain names that operators know from the providers' own examples; Meta's are for the app
 * "default". */
static const struct {
    const char *name;
    const char *path;
} plain_names[] = {
    {"WHATSAPP_APP_SECRET",    "whatsapp.apps.default.app_secret"  },
    {"WHATSAPP_VERIFY_TOKEN",  "whatsapp.apps.default.verify_token"},
    {"WHATSAPP_TOKEN",         "whatsapp.apps.default.token"       },
    {"TWILIO_ACCOUNT_SID",     "twilio.account_sid"                },
    {"TWILIO_AUTH_TOKEN",      "twilio.auth_token"                 },
    {"TWILIO_PHONE_NUMBER",    "twilio.phone_number"               },
    {"RESEND_API_KEY",         "resend.api_key"                    },
    {"RESEND_WEBHOOK_SECRET",  "resend.webhook_secret"             },
    {"STRIPE_SECRET_KEY",      "stripe.secret_key"                 },
    {"STRIPE_PUBLISHABLE_KEY", "stripe.publishable_key"            },
    {"STRIPE_WEBHOOK_SECRET",  "stripe.webhook_secret"             },
};

/* Not settings, and not mistakes: where the file is, and what the tests use. */
static const char *const other_names[] = {"PARLEY_CONFIG", "PARLEY_TEST_"};

/* "database.url" -> "DATABASE_URL". */
static struct str upper(char buffer[VARIABLE_MAX], struct str text)
{
    size_t n = text.len < VARIABLE_MAX ? text.len : VARIABLE_MAX;
    for (size_t i = 0; i < n; i++) {
        buffer[i] =
            isalnum((unsigned char)text.at[i]) ? (char)toupper((unsigned char)text.at[i]) : '_';
    }
    return (struct str){buffer, n};
}

/* The app that the file calls so, else the name in small letters. */
static struct str app_named(struct config_details *details, struct str capitals)
{
    char buffer[VARIABLE_MAX];
    for (size_t i = 0; i < details->given.n; i++) {
        if (details->given.items[i].app.len &&
            str_eq(upper(buffer, details->given.items[i].app), capitals))
            return details->given.items[i].app;
    }
    struct str app = arena_str(&details->arena, capitals);
    for (size_t i = 0; i < app.len; i++)
        ((char *)app.at)[i] = (char)tolower((unsigned char)app.at[i]);
    return app;
}

static bool match(const struct setting *setting, struct str name, struct str *app)
{
    char buffer[VARIABLE_MAX];
    struct str pattern = str_from(setting->path);
    size_t star = str_find(pattern, STR("*"));
    *app = STR_NONE;
    if (star == pattern.len)
        return str_eq(upper(buffer, pattern), name);
    struct str before = upper(buffer, str_slice(pattern, 0, star));
    if (!str_starts(name, before))
        return false;
    struct str rest = str_slice(name, star, name.len);
    struct str after = upper(buffer, str_slice(pattern, star + 1, pattern.len));
    if (!str_ends(rest, after) || rest.len == after.len)
        return false;
    *app = str_slice(rest, 0, rest.len - after.len);
    return true;
}

/* The setting with the longest path wins: VERIFY_TOKEN before TOKEN. */
static void find(struct config_details *details, struct str name, struct given *one)
{
    struct str bare =
        str_ends(name, STR("_FILE")) ? str_slice(name, 0, name.len - 5) : STR_NONE;
    size_t longest = 0;
    struct str app;
    for (size_t i = 0; i < settings_n; i++) {
        const struct setting *setting = &settings[i];
        size_t len = strlen(setting->path);
        bool whole = match(setting, name, &app);
        bool as_file =
            !whole && bare.len && setting->type == SETTING_SECRET && match(setting, bare, &app);
        if (len > longest && (whole || as_file)) {
            *one = (struct given){.setting = setting, .app = app, .is_file = as_file};
            longest = len;
        }
    }
    if (one->setting && one->app.len)
        one->app = app_named(details, one->app);
}

static bool unknown(struct config_details *details, struct str name, struct err *err)
{
    for (size_t i = 0; i < COUNTOF(other_names); i++) {
        if (str_starts(name, str_from(other_names[i])))
            return true;
    }
    struct str bare = str_slice(name, strlen(PREFIX), name.len);
    char buffer[VARIABLE_MAX];
    for (size_t i = 0; i < settings_n; i++) {
        struct str known = upper(buffer, str_from(settings[i].path));
        if (suggest_distance(bare, known) <= 2) {
            return err_raise(err, ERR_REJECT,
                             "the environment's %.*s is no setting; did you mean " PREFIX
                             "%.*s?",
                             STR_ARG(name), STR_ARG(known));
        }
    }
    config_warn(details, "the environment's %.*s is no setting of parley", STR_ARG(name));
    return true;
}

static bool take(struct config_details *details, struct str name, struct given *one,
                 struct str value, struct err *err)
{
    one->origin = ORIGIN_ENV;
    one->place = arena_cstr(&details->arena, name);
    one->text = one->setting->type == SETTING_SECRET && !one->is_file
                    ? config_keep_secret(details, value)
                    : arena_str(&details->arena, value);
    return given_add(&details->given, one, err);
}

static bool take_variable(struct config_details *details, struct str name, struct str value,
                          struct err *err)
{
    struct given one = {0};
    for (size_t i = 0; i < COUNTOF(plain_names); i++) {
        if (str_eq(name, str_from(plain_names[i].name)))
            one.setting = settings_find(str_from(plain_names[i].path), &one.app, &one.is_file);
    }
    if (!one.setting && str_starts(name, STR(PREFIX))) {
        find(details, str_slice(name, strlen(PREFIX), name.len), &one);
        if (!one.setting)
            return unknown(details, name, err);
    }
    /* An empty variable is how some platforms say "not set". */
    return !one.setting || value.len == 0 || take(details, name, &one, value, err);
}

bool config_read_env(struct config_details *details, char *const *environment, struct err *err)
{
    for (; environment && *environment; environment++) {
        struct str pair = str_from(*environment);
        size_t equals = str_find(pair, STR("="));
        struct str name = str_slice(pair, 0, equals);
        if (name.len < VARIABLE_MAX &&
            !take_variable(details, name, str_slice(pair, equals + 1, pair.len), err))
            return false;
    }
    return true;
}
