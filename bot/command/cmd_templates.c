/*
 * parley templates: what may be said outside WhatsApp's window, brought to Meta and looked
 * after.
 *
 * The files are the truth, and Meta's approval is Meta's: `push` asks for what is not there
 * yet, so it may be repeated; what reads differently there is told and left, since an approved
 * text is not changed behind anybody's back.
 */
#include "bot/command/doctor.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "bot/turn/book_files.h"
#include "bot/view/short_link.h"
#include "flows/templates.h"
#include "store/templates.h"
#include "webhooks/whatsapp_template.h"

#include <ctype.h>

#define PAGES_MAX 100

struct session {
    struct desk desk;
    struct templates_store *store;
    struct book *book;
    bool json, dry_run;
    unsigned different, refused;
};

/* What Meta has of one account. */
struct there {
    const struct whatsapp_template *items;
    size_t n;
};

/* --- ours, as Meta wants them ------------------------------------------------------------- */

static struct str upper(struct arena *into, struct str text)
{
    char *at = arena_alloc(into, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        at[i] = (char)toupper((unsigned char)text.at[i]);
    return (struct str){at, text.len};
}

/* The address's fixed part is ours: a short one, whose end each message has. */
static struct str url_of(struct session *session, const struct message_template *template)
{
    struct arena *into = &session->desk.arena;

    return template_is_linked(template)
               ? arena_concat(into, short_link_before(into, session->desk.config), STR("{{1}}"))
               : template->url;
}

static struct whatsapp_template as_theirs(struct session *session,
                                          const struct message_template *template,
                                          enum lang lang)
{
    struct arena *into = &session->desk.arena;
    const struct template_wording *wording = &template->in[lang];
    struct str *examples = arena_array(into, struct str, template->n_params + 1);
    struct str *replies = arena_array(into, struct str, TEMPLATE_REPLIES);
    struct str rest = wording->body, body = STR_NONE, piece;
    size_t n = 0;
    bool is_param;

    while (template_next_piece(&rest, &piece, &is_param)) {
        if (is_param) {
            examples[n++] = template->params[template_param_at(template, piece)].example;
            piece = arena_format(into, "{{%zu}}", n);
        }
        body = arena_concat(into, body, piece);
    }
    for (size_t i = 0; i < wording->n_replies; i++)
        replies[i] = wording->replies[i].title;
    return (struct whatsapp_template){
        .name = template->name,
        .language = str_from(lang_code(lang)),
        .category = upper(into, template->category),
        .header = wording->header,
        .body = body,
        .footer = wording->footer,
        .button = wording->button,
        .url = url_of(session, template),
        .url_example = template_is_linked(template)
                           ? arena_concat(into, short_link_before(into, session->desk.config),
                                          STR("ab3De4Fg5Hi"))
                           : STR_NONE,
        .replies = replies,
        .n_replies = wording->n_replies,
        .examples = examples,
        .n_examples = n};
}

/* --- Meta --------------------------------------------------------------------------------- */

static bool sender_of(const struct session *session, const struct waba *waba,
                      struct whatsapp_sender *sender, struct err *err)
{
    const struct config *config = session->desk.config;

    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        const struct config_app *app = &config->whatsapp.apps[i];
        *sender = (struct whatsapp_sender){config->whatsapp.base_url, app->token};
        if (str_eq(app->name, waba->app))
            return true;
    }
    return err_raise(err, ERR_REJECT,
                     "account %.*s is of the app '%.*s', which is not configured",
                     STR_ARG(waba->id), STR_ARG(waba->app));
}

static bool ask_meta(struct session *session, const struct http_request *request,
                     struct provider_look *look, struct err *err)
{
    const struct config *config = session->desk.config;

    return doctor_ask(request, config->whatsapp.connect_timeout, config->whatsapp.timeout,
                      &session->desk.arena, look, err);
}

static bool fetch_all(struct session *session, const struct waba *waba,
                      const struct whatsapp_sender *sender, struct there *there,
                      struct err *err)
{
    struct arena *into = &session->desk.arena;
    struct str after = STR_NONE;
    struct whatsapp_template *all = NULL;
    unsigned pages = 0;

    *there = (struct there){0};
    do {
        const struct whatsapp_template *items;
        struct http_request request;
        struct provider_look look;
        size_t n;
        if (!whatsapp_encode_templates(into, sender, waba->id, after, &request, err) ||
            !ask_meta(session, &request, &look, err) ||
            !whatsapp_read_templates(into, &look.answer, &items, &n, &after, err))
            return false;
        struct whatsapp_template *more =
            arena_array(into, struct whatsapp_template, there->n + n + 1);
        if (there->n > 0)
            memcpy(more, all, there->n * sizeof *more);
        if (n > 0)
            memcpy(more + there->n, items, n * sizeof *more);
        all = more;
        *there = (struct there){all, there->n + n};
    } while (after.len > 0 && ++pages < PAGES_MAX);
    return true;
}

static const struct whatsapp_template *find(const struct there *there,
                                            const struct whatsapp_template *ours)
{
    for (size_t i = 0; i < there->n; i++) {
        if (str_eq(there->items[i].name, ours->name) &&
            str_eq(there->items[i].language, ours->language))
            return &there->items[i];
    }
    return NULL;
}

static bool note(struct session *session, const struct waba *waba,
                 const struct whatsapp_template *theirs, struct err *err)
{
    struct template_row row = {.name = theirs->name,
                               .language = theirs->language,
                               .status = theirs->status,
                               .category = theirs->category,
                               .updated_at = clock_now()};

    return templates_note(session->store, waba, &row, err);
}

/* --- telling ------------------------------------------------------------------------------ */

static bool tell(struct session *session, const struct waba *waba,
                 const struct whatsapp_template *template, const char *state,
                 struct str quality, struct str reason, struct err *err)
{
    if (!session->json) {
        (void)fprintf(session->desk.cli->out,
                      "%-24.*s %-3.*s %-10s %-16.*s %-10.*s %.*s%s%.*s\n",
                      STR_ARG(template->name), STR_ARG(template->language), state,
                      STR_ARG(template->status), STR_ARG(template->category), STR_ARG(quality),
                      quality.len > 0 && reason.len > 0 ? ", " : "",
                      STR_ARG(desk_line(&session->desk, reason)));
        return true;
    }
    OWNED_JSON(object) = json_object();
    json_set_text(object, "account", waba->id);
    json_set_text(object, "name", template->name);
    json_set_text(object, "language", template->language);
    json_set_text(object, "state", str_from(state));
    json_set_text(object, "status", template->status);
    json_set_text(object, "category", template->category);
    json_set_text(object, "quality", quality);
    json_set_text(object, "reason", reason);
    return desk_print(&session->desk, object, err);
}

/* --- verbs -------------------------------------------------------------------------------- */

/* One of ours in one account: asked for where it is not there. */
static bool push_one(struct session *session, const struct waba *waba,
                     const struct whatsapp_sender *sender, const struct there *there,
                     struct whatsapp_template *ours, struct err *err)
{
    struct arena *into = &session->desk.arena;
    const struct whatsapp_template *theirs = find(there, ours);
    struct http_request request;
    struct provider_look look;
    struct err refusal = {0};

    if (theirs != NULL) {
        bool same = whatsapp_template_same(ours, theirs);
        session->different += !same;
        return note(session, waba, theirs, err) &&
               tell(session, waba, theirs, same ? "same" : "different", STR_NONE, STR_NONE,
                    err);
    }
    if (session->dry_run)
        return tell(session, waba, ours, "missing", STR_NONE, STR_NONE, err);
    if (!whatsapp_encode_template(into, sender, waba->id, ours, &request, err) ||
        !ask_meta(session, &request, &look, err))
        return false;
    if (!whatsapp_read_created(into, &look.answer, ours, &refusal)) {
        session->refused++;
        return tell(session, waba, ours, "refused", STR_NONE, str_from(refusal.text), err);
    }
    return note(session, waba, ours, err) &&
           tell(session, waba, ours, "pushed", STR_NONE, STR_NONE, err);
}

/* Others that Meta has: a broadcast may be by one of them. */
static bool note_others(struct session *session, const struct waba *waba,
                        const struct there *there, struct err *err)
{
    for (size_t i = 0; i < there->n; i++) {
        if (!book_template(session->book, there->items[i].name) &&
            !note(session, waba, &there->items[i], err))
            return false;
    }
    return true;
}

static bool each(struct session *session, const struct waba *waba, struct err *err)
{
    struct whatsapp_sender sender;
    struct there there;
    size_t n;
    const struct message_template *templates = book_templates(session->book, &n);

    if (!sender_of(session, waba, &sender, err) ||
        !fetch_all(session, waba, &sender, &there, err) ||
        !note_others(session, waba, &there, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            struct whatsapp_template ours = as_theirs(session, &templates[i], (enum lang)lang);
            if (template_is_linked(&templates[i]) && session->desk.config->public_url.len == 0)
                continue; /* nowhere to lead to: the service does not use it either */
            if (!push_one(session, waba, &sender, &there, &ours, err))
                return false;
        }
    }
    return true;
}

static bool push(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct waba *wabas;
    size_t n;

    (void)words;
    if (!templates_accounts(session->store, &desk->arena, &wabas, &n, err))
        return false;
    if (n == 0)
        return err_raise(err, ERR_REJECT, "no WhatsApp business account is in the directory");
    for (size_t i = 0; i < n; i++) {
        if (!each(session, &wabas[i], err))
            return false;
    }
    if (session->different > 0) {
        (void)fprintf(desk->cli->err,
                      "%u %s differently at Meta, which keeps what it has approved: give %s "
                      "a higher `version` here, or edit %s there\n",
                      session->different, CLI_OF(session->different, "reads", "read"),
                      CLI_OF(session->different, "it", "those"),
                      CLI_OF(session->different, "it", "them"));
    }
    return session->refused == 0 ||
           err_raise(err, ERR_REJECT, "Meta refused %u of them", session->refused);
}

/* As `push`, and nothing is asked for. */
static bool status(struct desk *desk, const char *const *words, struct err *err)
{
    CONTAINER_OF(desk, struct session, desk)->dry_run = true;
    return push(desk, words, err);
}

/* What we know without asking. */
static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct waba *wabas;
    size_t n_wabas, n;

    (void)words;
    if (!templates_accounts(session->store, &desk->arena, &wabas, &n_wabas, err))
        return false;
    for (size_t i = 0; i < n_wabas; i++) {
        const struct template_row *rows;
        if (!templates_known(session->store, &wabas[i], &desk->arena, &rows, &n, err))
            return false;
        for (size_t k = 0; k < n; k++) {
            struct whatsapp_template known = {.name = rows[k].name,
                                              .language = rows[k].language,
                                              .status = rows[k].status,
                                              .category = rows[k].category};
            const char *ours = book_template(session->book, rows[k].name) ? "ours" : "other";
            if (!tell(session, &wabas[i], &known, ours, rows[k].quality, rows[k].reason, err))
                return false;
        }
    }
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

static bool open_store(struct desk *desk, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct config *config = desk->config;
    const struct source_file *files;
    size_t n;

    return book_files_read(&desk->arena, config->flows.folder, &files, &n, err) &&
           book_create(files, n, &session->book, err) &&
           templates_open(config->database.owner_url.at, config->database.connect_timeout,
                          &session->store, err);
}

static void close_store(struct desk *desk)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);

    book_destroy(session->book);
    session->book = NULL;
    templates_close(&session->store);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"push",   0, 0, push  },
        {"status", 0, 0, status},
        {"list",   0, 0, list  },
        {NULL,     0, 0, NULL  },
    };
    static const struct desk_work work = {"say what: push, status or list", verbs, open_store,
                                          close_store};
    struct session session = {.desk = {.cli = cli}};
    const struct cli_option options[] = {
        CLI_FLAG("json", &session.json),
        CLI_FLAG("dry-run", &session.dry_run),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_templates = {
    "templates",
    "what may be said outside WhatsApp's window",
    "push [--dry-run] [--json] | status [--json] | list [--json]",
    "`push` asks Meta for the templates of templates/whatsapp that it does not have yet, in\n"
    "every language and every WhatsApp business account of the directory; it may be repeated.\n"
    "`status` asks what Meta has, keeps it and tells what is the same, different or missing;\n"
    "`list` tells what is known without asking. The service learns of changes by itself, from\n"
    "Meta's webhooks. Connects as database.owner_url.\n\n"
    "  --dry-run  tell what would be asked for\n"
    "  --json     one object a line\n",
    run,
};
