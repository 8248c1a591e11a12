/*
 * Defaults, the file, the environment, then the files that values were said to be in; at last
 * everything is set, one row of the table after the other, and looked at as a whole.
 *
 * Secrets live in sodium_malloc memory from the moment they are read: locked, guarded, not in a
 * core dump, wiped at the end. What libyaml holds of the file while it reads is out of our
 * hands, so a secret is best kept in a file of its own.
 */
#include "bot/config/config.h"

#include "bot/base/crypto.h"
#include "bot/config/config_settings.h"
#include "webhooks/svix.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES   ((size_t)1 << 20)
#define SECRET_MAX_BYTES ((size_t)16 << 10)
#define APPS_MAX         32

/* --- memory --------------------------------------------------------------------------------
 */

/* Locked memory can run out where nothing else does; like an arena, we then end. */
static char *secret_alloc(struct config_details *details, size_t size)
{
    if (details->n_secrets == details->secrets_room) {
        details->secrets_room = details->secrets_room * 2 + 16;
        details->secrets =
            realloc(details->secrets, details->secrets_room * sizeof(*details->secrets));
    }
    char *at = sodium_malloc(size);
    if (!details->secrets || !at)
        abort();
    details->secrets[details->n_secrets++] = at;
    return at;
}

struct str config_keep_secret(struct config_details *details, struct str text)
{
    if (text.len == 0)
        return STR("");
    char *at = secret_alloc(details, text.len + 1);
    memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    return (struct str){at, text.len};
}

void config_warn(struct config_details *details, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (details->n_warnings + 1 < COUNTOF(details->warnings))
        details->warnings[details->n_warnings++] = arena_cstr(&details->arena, str_from(text));
}

const char *const *config_warnings(const struct config *config)
{
    return config->details->warnings;
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    struct config_details *details = config->details;
    for (size_t i = 0; i < details->n_secrets; i++)
        sodium_free(details->secrets[i]);
    free(details->secrets);
    arena_finish(&details->arena);
    free(details);
    free(config);
}

static struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof(*config));
    struct config_details *details = calloc(1, sizeof(*details));
    if (!config || !details)
        abort();
    arena_init(&details->arena);
    config->details = details;
    return config;
}

/* --- what was given ------------------------------------------------------------------------
 */

const struct given *given_find(const struct given_list *list, const struct setting *setting,
                               struct str app)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].setting == setting && str_eq(list->items[i].app, app))
            return &list->items[i];
    }
    return NULL;
}

bool given_add(struct given_list *list, const struct given *one, struct err *err)
{
    struct given *there = (struct given *)given_find(list, one->setting, one->app);
    if (there && there->origin == one->origin) {
        return err_raise(err, ERR_REJECT, "%s: %s is given a second time; the first is %s",
                         one->place, one->setting->path, there->place);
    }
    if (!there && list->n == GIVEN_MAX)
        return err_raise(err, ERR_REJECT, "%s: more than %d values", one->place, GIVEN_MAX);
    if (!there)
        there = &list->items[list->n++];
    *there = *one;
    return true;
}

/* --- files ---------------------------------------------------------------------------------
 */

static bool read_all(int fd, char *at, size_t room, size_t *len, struct err *err)
{
    *len = 0;
    while (*len < room) {
        ssize_t got = read(fd, at + *len, room - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_raise(err, ERR_REJECT, "%s", strerrordesc_np(errno));
        if (got == 0)
            return true;
        *len += (size_t)got;
    }
    return err_raise(err, ERR_REJECT, "it has more than %zu bytes", room - 1);
}

/* The whole file into memory that is wiped; `mode` for a word about who may read it. */
static bool read_file(struct config_details *details, const char *name, size_t room,
                      struct str *text, mode_t *mode, struct err *err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_raise(err, ERR_REJECT, "%s: %s", name, strerrordesc_np(errno));
    struct stat info;
    char *at = secret_alloc(details, room);
    bool ok = read_all(fd, at, room, &text->len, err) || err_wrap(err, "%s", name);
    *mode = fstat(fd, &info) == 0 ? info.st_mode : 0;
    text->at = at;
    (void)close(fd);
    return ok;
}

static bool read_config_file(struct config_details *details, const char *name, struct err *err)
{
    struct str text = STR_NONE;
    mode_t mode = 0;
    if (!read_file(details, name, FILE_MAX_BYTES, &text, &mode, err))
        return false;
    details->file = arena_cstr(&details->arena, str_from(name));
    bool ok = config_read_yaml(details, details->file, text, err);
    if (ok && (mode & S_IRWXO)) {
        for (size_t i = 0; i < details->given.n; i++) {
            if (details->given.items[i].setting->type == SETTING_SECRET &&
                !details->given.items[i].is_file) {
                config_warn(details, "%s holds a secret and every user may read it: chmod 640",
                            name);
                break;
            }
        }
    }
    /* The buffer is large, so it goes now; the values were copied out. */
    sodium_free(details->secrets[0]);
    details->secrets[0] = details->secrets[--details->n_secrets];
    return ok;
}

/* "<path>_file": the value is what the file holds, without the newline that editors add. */
static bool resolve_file(struct config_details *details, struct given *one, struct err *err)
{
    struct str text = STR_NONE;
    mode_t mode = 0;
    if (!read_file(details, one->text.at, SECRET_MAX_BYTES, &text, &mode, err))
        return err_wrap(err, "%s: %s_file", one->place, one->setting->path);
    if (mode & S_IRWXO)
        config_warn(details, "%s may be read by every user: chmod 640", one->text.at);
    while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    if (text.len == 0 || memchr(text.at, '\0', text.len)) {
        return err_raise(err, ERR_REJECT, "%s: %s_file: %s is empty or not text", one->place,
                         one->setting->path, one->text.at);
    }
    ((char *)text.at)[text.len] = '\0';
    one->text = text;
    return true;
}

/* --- setting -------------------------------------------------------------------------------
 */

static bool set(struct config_details *details, const struct setting *setting, struct str app,
                void *base, struct err *err)
{
    const struct given *one = given_find(&details->given, setting, app);
    if (config_set_value(details, setting, base, one ? one->text : str_from(setting->initial),
                         err))
        return true;
    return app.len ? err_wrap(err, "%s: the %s of app %.*s", one ? one->place : "default",
                              strrchr(setting->path, '.') + 1, STR_ARG(app))
                   : err_wrap(err, "%s: %s", one ? one->place : "default", setting->path);
}

void config_strip_slashes(struct config *config, struct str *url)
{
    while (str_ends(*url, STR("/")))
        *url = arena_str(&config->details->arena, str_slice(*url, 0, url->len - 1));
}

static bool app_name_fits(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!((name.at[i] >= 'a' && name.at[i] <= 'z') ||
              (name.at[i] >= '0' && name.at[i] <= '9') || name.at[i] == '_' ||
              name.at[i] == '-'))
            return false;
    }
    return name.len > 0 && name.len <= 40;
}

/* The names of the apps below `prefix` that something was given of. */
static bool app_names(const struct config_details *details, struct str prefix,
                      struct str names[APPS_MAX], size_t *n, struct err *err)
{
    *n = 0;
    for (size_t i = 0; i < details->given.n; i++) {
        const struct given *one = &details->given.items[i];
        size_t at = 0;
        if (one->app.len == 0 || !str_starts(str_from(one->setting->path), prefix))
            continue;
        if (!app_name_fits(one->app)) {
            return err_raise(err, ERR_REJECT,
                             "%s: an app's name is made of a-z, 0-9, - and _, 40 at most",
                             one->place);
        }
        while (at < *n && !str_eq(names[at], one->app))
            at++;
        if (at == APPS_MAX)
            return err_raise(err, ERR_REJECT, "%s: more than %d apps", one->place, APPS_MAX);
        names[at] = one->app;
        *n += at == *n;
    }
    return true;
}

static bool set_app(struct config_details *details, struct str prefix, struct str name,
                    void *base, struct err *err)
{
    for (size_t i = 0; i < settings_n; i++) {
        if (strchr(settings[i].path, '*') && str_starts(str_from(settings[i].path), prefix) &&
            !set(details, &settings[i], name, base, err))
            return false;
    }
    return true;
}

/* An app is whole or an error: half of one would refuse every delivery, or never answer. */
static bool check_app(const struct config_app *app, struct err *err)
{
    const char *missing = app->app_secret.len == 0     ? "app_secret"
                          : app->verify_token.len == 0 ? "verify_token"
                          : app->token.len == 0        ? "token"
                                                       : NULL;
    return !missing ||
           err_raise(err, ERR_REJECT,
                     "whatsapp.apps.%.*s has no %s: give whatsapp.apps.%.*s.%s or %s_file",
                     STR_ARG(app->name), missing, STR_ARG(app->name), missing, missing);
}

static bool set_apps(struct config *config, struct err *err)
{
    struct config_details *details = config->details;
    struct config_app *apps = arena_array(&details->arena, struct config_app, APPS_MAX);
    struct str names[APPS_MAX], prefix = STR("whatsapp.apps.");
    if (!app_names(details, prefix, names, &config->whatsapp.n_apps, err))
        return false;
    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        apps[i].name = arena_str(&details->arena, names[i]);
        if (!set_app(details, prefix, apps[i].name, &apps[i], err) || !check_app(&apps[i], err))
            return false;
    }
    config->whatsapp.apps = apps;
    return true;
}

static bool check_crm_app(struct config *config, struct config_crm_app *app, struct err *err)
{
    if (!svix_secret_fits(app->secret) ||
        (app->secret_before.len > 0 && !svix_secret_fits(app->secret_before))) {
        return err_raise(err, ERR_REJECT,
                         "crm.apps.%.*s: a secret is whsec_ and 24 to 64 random bytes in "
                         "base64: echo whsec_$(openssl rand -base64 32)",
                         STR_ARG(app->name));
    }
    config_strip_slashes(config, &app->url);
    return app->url.len == 0 || str_starts(app->url, STR("https://")) ||
           (str_starts(app->url, STR("http://")) && config->crm.allow_private) ||
           err_raise(err, ERR_REJECT,
                     "crm.apps.%.*s.url is no https:// address; in a sandbox "
                     "crm.allow_private: true takes http://, too",
                     STR_ARG(app->name));
}

/* "5s, 5m, 30m": the pauses between attempts. */
static bool set_pauses(struct config *config, struct err *err)
{
    struct str rest = config->events.retry, one;
    int64_t pause;

    config->events.n_pauses = 0;
    while (str_split(&rest, ',', &one)) {
        if (config->events.n_pauses == EVENTS_PAUSES_MAX ||
            !setting_duration(str_trim(one), &pause) || pause < USEC_PER_MSEC ||
            pause > 30 * USEC_PER_DAY) {
            return err_raise(err, ERR_REJECT,
                             "events.retry: up to %d pauses, as in \"5s, 5m, 2h\"",
                             EVENTS_PAUSES_MAX);
        }
        config->events.pauses[config->events.n_pauses++] = pause;
    }
    return config->events.n_pauses > 0 ||
           err_raise(err, ERR_REJECT, "events.retry names no pause");
}

static bool set_crm_apps(struct config *config, struct err *err)
{
    struct config_details *details = config->details;
    struct config_crm_app *apps = arena_array(&details->arena, struct config_crm_app, APPS_MAX);
    struct str names[APPS_MAX] = {{0}}, prefix = STR("crm.apps.");
    if (!app_names(details, prefix, names, &config->crm.n_apps, err))
        return false;
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        apps[i].name = arena_str(&details->arena, names[i]);
        if (!set_app(details, prefix, apps[i].name, &apps[i], err) ||
            !check_crm_app(config, &apps[i], err))
            return false;
    }
    config->crm.apps = apps;
    return true;
}

static bool set_all(struct config *config, struct err *err)
{
    struct config_details *details = config->details;
    for (size_t i = 0; i < details->given.n; i++) {
        if (details->given.items[i].is_file &&
            !resolve_file(details, &details->given.items[i], err))
            return false;
    }
    for (size_t i = 0; i < settings_n; i++) {
        if (!strchr(settings[i].path, '*') &&
            !set(details, &settings[i], STR_NONE, config, err))
            return false;
    }
    return set_apps(config, err) && set_crm_apps(config, err) && set_pauses(config, err);
}

/* --- all of it -----------------------------------------------------------------------------
 */

/* The tree that this binary was built in (build/<preset>/parley), else the installed place. */
static struct str default_folder(struct arena *into)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    struct str folder = {path, len > 0 ? (size_t)len : 0};
    for (int up = 0; up < 3; up++) {
        while (folder.len > 0 && folder.at[--folder.len] != '/')
            continue;
    }
    const char *probe = arena_format(into, "%.*s/templates/messages", STR_ARG(folder)).at;
    return access(probe, R_OK) == 0 ? arena_str(into, folder) : STR("/usr/share/parley");
}

const char *config_find_file(void)
{
    /* Read once, by the one thread, before anything starts. */
    const char *named = getenv("PARLEY_CONFIG"); /* NOLINT(concurrency-mt-unsafe) */
    if (named && *named)
        return named;
    static const char *const places[] = {"parley.yaml", "/etc/parley/parley.yaml"};
    for (size_t i = 0; i < COUNTOF(places); i++) {
        if (access(places[i], F_OK) == 0)
            return places[i];
    }
    return NULL;
}

bool config_load(const char *file, struct config **config, struct err *err)
{
    *config = NULL;
    if (!crypto_init(err))
        return false;
    struct config *fresh = config_new();
    struct config_details *details = fresh->details;
    if ((file && !read_config_file(details, file, err)) ||
        !config_read_env(details, environ, err) || !set_all(fresh, err) ||
        !config_check(fresh, err)) {
        config_destroy(fresh);
        return err_wrap(err, "configuration");
    }
    if (fresh->flows.folder.len == 0)
        fresh->flows.folder = default_folder(&details->arena);
    *config = fresh;
    return true;
}
