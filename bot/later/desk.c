/*
 * One way through each of these commands: verb, settings, store, act, close.
 */
#include "bot/later/desk.h"

#include "bot/base/crypto.h"
#include "bot/loop/loop.h"

#include <pwd.h>
#include <time.h>
#include <unistd.h>

static const struct desk_verb *find_verb(const struct desk_work *work, const char *name, int n)
{
    for (const struct desk_verb *verb = work->verbs; verb->name; verb++) {
        if (strcmp(verb->name, name) == 0)
            return n >= verb->least && n <= verb->most ? verb : NULL;
    }
    return NULL;
}

static bool act(struct desk *desk, const struct desk_work *work, const struct desk_verb *verb,
                const char *const *words, struct err *err)
{
    return crypto_init(err) && (!work->open || work->open(desk, err)) &&
           verb->act(desk, words, err);
}

int desk_run(struct desk *desk, const struct desk_work *work, int argc, char **argv)
{
    const char *const *words = (const char *const *)argv + optind;
    int n = argc - optind;
    const struct desk_verb *verb = n > 0 ? find_verb(work, words[0], n - 1) : NULL;
    struct err err = {0};
    int status = CLI_DONE;

    if (!verb)
        return cli_usage(desk->cli, "%s", work->what);
    desk->config = cli_config(desk->cli);
    if (!desk->config)
        return CLI_FAILED;
    if (!act(desk, work, verb, words + 1, &err))
        status = err.code == ERR_NONE ? CLI_FAILED : cli_fail(desk->cli, &err);
    if (work->close)
        work->close(desk);
    arena_finish(&desk->arena);
    config_destroy(desk->config);
    return status;
}

const char *desk_time(usec_t at, char text[DESK_TIME_LEN])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;

    (void)strftime(text, DESK_TIME_LEN, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &tm));
    return text;
}

void desk_set_time(json_t *object, const char *name, usec_t at)
{
    char text[DESK_TIME_LEN];

    if (at > 0)
        json_set_text(object, name, str_from(desk_time(at, text)));
}

bool desk_print(struct desk *desk, const json_t *object, struct err *err)
{
    return (cli_print(desk->cli, json_write(&desk->arena, object)) &&
            cli_print(desk->cli, STR("\n"))) ||
           err_raise(err, ERR_RETRY, "could not write");
}

bool desk_print_new(struct desk *desk, json_t *object, struct err *err)
{
    OWNED_JSON(taken) = object;

    return desk_print(desk, taken, err);
}

void desk_listed(struct desk *desk, const struct desk_listing *listing, size_t n,
                 const char *nothing)
{
    if (!listing->json && n == 0)
        (void)fprintf(desk->cli->err, "%s\n", nothing);
    if (n == (size_t)listing->limit)
        (void)fprintf(desk->cli->err, "there may be more: --limit N shows them\n");
}

struct str desk_line(struct desk *desk, struct str text)
{
    struct str plain = cli_plain(&desk->arena, text);

    return str_slice(plain, 0, str_find(plain, STR("\n")));
}

void desk_words(struct desk *desk, struct str text)
{
    struct str rest = cli_plain(&desk->arena, text), part;

    while (str_split(&rest, '\n', &part))
        (void)fprintf(desk->cli->out, "    %.*s\n", STR_ARG(part));
}

const char *desk_person(const char *as)
{
    const struct passwd *user;

    if (as)
        return as;
    user = getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    return user ? user->pw_name : "operator";
}

struct uuid desk_id(void)
{
    uint8_t random[10];

    random_bytes(random, sizeof random);
    return uuid_v7(clock_now(), random);
}
