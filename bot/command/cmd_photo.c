/*
 * parley photo: pictures and papers of an order, job or repair, for the business's people. What
 * a file is, its own bytes say; it is kept in the document store and sent from there.
 */
#include "bot/base/crypto.h"
#include "bot/command/commands.h"
#include "bot/file/documents.h"
#include "bot/file/photo_file.h"
#include "store/photos.h"

#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct wish {
    const char *category, *caption, *as;
    usec_t taken_at; /* 0: now */
};

struct session {
    struct cli *cli;
    const struct config *config;
    const struct wish *wish;
    struct photos *photos;
    struct arena arena;
};

static const char *who(const struct session *session)
{
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (session->wish->as)
        return session->wish->as;
    return user ? user->pw_name : "operator";
}

static struct uuid new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

/* --- the file ----------------------------------------------------------------------------- */

static bool read_file(struct session *session, const char *path, struct str *bytes,
                      struct err *err)
{
    size_t most = session->config->documents.max_size;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *at = arena_alloc(&session->arena, most + 1);
    *bytes = (struct str){at, fread(at, 1, most + 1, file)};
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    return bytes->len <= most ||
           err_raise(err, ERR_REJECT, "%s: it may have %zu bytes (documents.max_size)", path,
                     most);
}

struct store_op {
    struct document_op op;
    struct loop loop;
};

static void stored(struct document_op *op)
{
    loop_stop(&CONTAINER_OF(op, struct store_op, op)->loop);
}

static bool store(struct session *session, struct uuid org, const struct photo_file *file,
                  struct str bytes, struct err *err)
{
    struct documents *documents = NULL;
    struct store_op put = {
        .op = {.key = {org, file->sha256},
               .bytes = bytes,
               .into = &session->arena,
               .done = stored}
    };
    if (!loop_init(&put.loop, err))
        return false;
    bool ok = documents_create(&put.loop, session->config, &documents, err) &&
              documents_ready(documents, err);
    if (ok) {
        documents_put(documents, &put.op);
        loop_run(&put.loop);
    }
    documents_close(documents);
    loop_run(&put.loop);
    documents_destroy(documents);
    (void)loop_finish(&put.loop);
    if (ok && put.op.err.code != ERR_NONE)
        *err = put.op.err;
    return ok && put.op.err.code == ERR_NONE;
}

/* What people see of its name: the last part, and that only of what is no picture. */
static struct str shown_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_from(slash ? slash + 1 : path);
    return str_is_utf8(name) ? str_slice(name, 0, 200) : STR_NONE;
}

/* From the path to bytes in the store that a row stands for. */
static bool take_in(struct session *session, const struct photo_order *order, const char *path,
                    struct photo_file *file, struct err *err)
{
    struct str bytes;
    *file = (struct photo_file){.document = new_id(), .name = shown_name(path)};
    return read_file(session, path, &bytes, err) && photo_judge(bytes, file, err) &&
           photos_begin(session->photos, order, file, err) &&
           store(session, order->org, file, bytes, err);
}

/* --- verbs -------------------------------------------------------------------------------- */

static bool is_caption(struct str caption, struct err *err)
{
    return (str_is_utf8(caption) && str_length(caption) <= PHOTO_CAPTION_MAX) ||
           err_raise(err, ERR_REJECT, "a caption is text of at most %d characters",
                     PHOTO_CAPTION_MAX);
}

static void print_id(struct session *session, struct uuid id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    (void)fprintf(session->cli->out, "%s\n", text);
}

static bool add(struct session *session, const struct photo_order *order, const char *path,
                struct err *err)
{
    const struct wish *wish = session->wish;
    struct photo photo = {.id = new_id(),
                          .category = str_from(wish->category),
                          .caption = str_trim(str_from(wish->caption ? wish->caption : "")),
                          .taken_at = wish->taken_at > 0 ? wish->taken_at : clock_now()};
    struct photo_file file;
    if (!is_caption(photo.caption, err) || !take_in(session, order, path, &file, err) ||
        !photos_add(session->photos, order, &file, &photo, who(session), err))
        return false;
    print_id(session, photo.id);
    return true;
}

static bool replace(struct session *session, const struct photo_order *order, struct uuid photo,
                    const char *path, struct err *err)
{
    struct photo_file file;
    return take_in(session, order, path, &file, err) &&
           photos_replace(session->photos, order, &file, photo, who(session), err);
}

static bool describe(struct session *session, const struct photo_order *order,
                     struct uuid photo, const char *words, struct err *err)
{
    struct str caption = str_trim(str_from(words));
    return is_caption(caption, err) &&
           photos_describe(session->photos, order, photo, caption, who(session), err);
}

static void print_photo(struct session *session, const struct photo *photo)
{
    char id[UUID_TEXT_LEN + 1], at[32];
    time_t seconds = (time_t)(photo->taken_at / USEC_PER_SEC);
    struct tm tm;
    struct str place = photo->url.len > 0 ? photo->url : photo->mime;
    struct str caption = cli_plain(&session->arena, photo->caption);
    uuid_format(photo->id, id);
    (void)strftime(at, sizeof(at), "%Y-%m-%d %H:%MZ", gmtime_r(&seconds, &tm));
    (void)fprintf(session->cli->out, "%s  %-9.*s  %s  %s  %.*s %lld  %.*s\n", id,
                  STR_ARG(photo->category), at, photo->visible ? "shown " : "hidden",
                  STR_ARG(place), (long long)photo->size, STR_ARG(caption));
}

static bool list(struct session *session, const struct photo_order *order, struct err *err)
{
    const struct photo *photos;
    size_t n;
    if (!photos_list(session->photos, order, &session->arena, &photos, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        print_photo(session, &photos[i]);
    if (n == 0)
        (void)fprintf(session->cli->err, "%.*s has no photos\n", STR_ARG(order->number));
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

/* A verb and how many words stand after the order's number. */
static const struct verb {
    const char *name;
    int rest;
} verbs[] = {
    {"list",    0},
    {"add",     1},
    {"caption", 2},
    {"replace", 2},
    {"remove",  1},
};

static bool act_on(struct session *session, const char *verb, const struct photo_order *order,
                   char *const *rest, struct err *err)
{
    struct uuid photo;
    if (strcmp(verb, "list") == 0)
        return list(session, order, err);
    if (strcmp(verb, "add") == 0)
        return add(session, order, rest[0], err);
    if (!uuid_parse(str_from(rest[0]), &photo))
        return err_raise(err, ERR_REJECT, "'%.40s' is no photo: `list` shows them", rest[0]);
    if (strcmp(verb, "caption") == 0)
        return describe(session, order, photo, rest[1], err);
    if (strcmp(verb, "replace") == 0)
        return replace(session, order, photo, rest[1], err);
    return photos_remove(session->photos, order, photo, who(session), err);
}

static int act(struct session *session, const char *verb, char *const *words)
{
    const struct config *config = session->config;
    struct photo_order order;
    struct err err = {0};
    bool ok =
        crypto_init(&err) &&
        photos_open(config->database.owner_url.at, config->database.connect_timeout,
                    &session->photos, &err) &&
        photos_order(session->photos, str_from(words[0]), &session->arena, &order, &err) &&
        act_on(session, verb, &order, words + 1, &err);
    return ok ? CLI_DONE : cli_fail(session->cli, &err);
}

/* "2026-11-18" or "2026-11-18T09:30", in universal time. */
static bool read_time(const char *text, usec_t *at)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end && *end)
        end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
    *at = (usec_t)timegm(&tm) * USEC_PER_SEC;
    return end && !*end && *at > 0;
}

static bool read_options(int argc, char **argv, struct wish *wish)
{
    const char *taken = NULL;
    const struct cli_option options[] = {
        CLI_TEXT("category", &wish->category),
        CLI_TEXT("caption", &wish->caption),
        CLI_TEXT("taken", &taken),
        CLI_TEXT_TO("as", &wish->as, 80),
        CLI_OPTIONS_END,
    };
    return cli_options(argc, argv, options) &&
           (!wish->category || photo_is_category(str_from(wish->category))) &&
           (!taken || read_time(taken, &wish->taken_at));
}

static bool is_said_right(const struct wish *wish, const char *verb, int n)
{
    for (size_t i = 0; i < COUNTOF(verbs); i++) {
        if (strcmp(verbs[i].name, verb) == 0)
            return n == verbs[i].rest + 1 && (strcmp(verb, "add") != 0 || wish->category);
    }
    return false;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    if (!read_options(argc, argv, &wish))
        return cli_usage(cli, NULL);
    const char *verb = optind < argc ? argv[optind] : "";
    if (!is_said_right(&wish, verb, argc - optind - 1)) {
        return cli_usage(cli, "say what: list ORDER, add ORDER FILE --category C, caption "
                              "ORDER PHOTO WORDS, replace ORDER PHOTO FILE, or remove ORDER "
                              "PHOTO");
    }
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct session session = {.cli = cli, .config = config, .wish = &wish};
    int status = act(&session, verb, argv + optind + 1);
    photos_close(&session.photos);
    arena_finish(&session.arena);
    config_destroy(config);
    return status;
}

const struct command command_photo = {
    "photo",
    "photos of an order, job or repair",
    "list ORDER | add ORDER FILE --category damage|progress|completed [--caption WORDS] "
    "[--taken DATE] | caption ORDER PHOTO WORDS | replace ORDER PHOTO FILE | remove ORDER "
    "PHOTO "
    "[--as NAME]",
    "`add` keeps a JPEG or PNG of at most 5 MB, or a PDF, in the document store, and prints "
    "the\n"
    "photo's id; the customer sees it with their next look: damage is what was there before,\n"
    "completed what is there after. What the file is, its bytes say. `replace` puts another\n"
    "file in a photo's place, `caption` other words below it. Connects as database.owner_url;\n"
    "run it as a user who may write to the document store.\n\n"
    "  --category C    damage, progress or completed\n"
    "  --caption WORDS what is to be read below it, at most 500 characters\n"
    "  --taken DATE    when: 2026-11-18 or 2026-11-18T09:30, universal time (now)\n"
    "  --as NAME       who you are (this machine's user)\n",
    run,
};
