/*
 * A report from the page: the form is read and looked at, its files are told by their own bytes
 * on a thread, stored one after the other, and then the report is opened as the chat opens
 * them.
 *
 * That a form is ours shows a keyed hash of the link in it, and where a browser says where a
 * form came from, that has to be our own page. (A page that sends no referrer has "null" for
 * its origin; Sec-Fetch-Site says more.) Bytes that were stored for a report that was not taken
 * are rows in the state `storing`, which are cleared away like any that nothing counts on.
 */
#include "bot/view/web_inside.h"

#include "bot/base/cards.h"
#include "bot/base/sniff.h"
#include "bot/file/kept.h"
#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/multipart.h"

#include <stdlib.h>

#define FILES_MAX 5
#define STORY_MIN 10
#define STORY_MAX 1000
#define PHONE_MAX 40
#define ONCE_LEN  32
#define TO_CHOOSE 25

struct upload {
    struct str bytes, filename;
    struct uuid id;
    struct file_look look;
    struct hash sha256;
};

struct report {
    struct web_visit *visit;
    struct multipart form;
    struct web_report page;
    struct str phone; /* a program's; told below the story, where people read it */
    struct upload files[FILES_MAX];
    size_t n, stored;
    struct document_op put;
    uv_work_t work;
    int status; /* that the form is shown with */
};

/* --- the form ----------------------------------------------------------------------------- */

static struct str once_of(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct hash key =
        crypto_subkey(visit->web->worker->config->secrets.key, "parley portal form 1");
    struct hash mac = hmac_sha256((struct str){(const char *)key.bytes, sizeof key.bytes},
                                  (struct str){(const char *)visit->hash.bytes, HASH_LEN});
    char *text = arena_alloc(arena, ONCE_LEN + 1);

    hex_format(mac.bytes, ONCE_LEN / 2, text);
    crypto_wipe(&key, sizeof key);
    return (struct str){text, ONCE_LEN};
}

static void form_found(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct report *report = visit->report;
    struct arena *arena = &visit->exchange->arena;
    struct value orders = value_none();
    struct err err = call->err;

    if (err.code != ERR_NONE || !rows_to_values(arena, call->results[0], &orders, &err)) {
        web_show_plain(visit, 503, "sorry");
        return;
    }
    if (!visit->post && rows_n(call->results[1]) > 0)
        report->page.email = arena_str(arena, row_text(call->results[1], 0, 1));
    report->page.orders = orders.list;
    report->page.once = once_of(visit);
    web_show(visit, report->status, web_report_page(arena, &visit->page, &report->page));
}

/* What is wrong, for a program: by the name that it gave the member. */
static void refuse_json(struct web_visit *visit, const char *wrong)
{
    static const char *const names[][3] = {
        {"kind",  "issue_type",
         "one of: damaged, missing, wrong_items, delayed, quality, other"   },
        {"story", "description",   "text of 10 to 1000 characters"          },
        {"email", "contact_email", "an address of mail"                     },
        {"many",  "photos",        "at most 5 files"                        },
        {"files", "photos",        "JPEG, PNG or PDF, of at most 10 MB each"},
        {"order", "order",         "an order of yours"                      },
    };

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (strcmp(names[i][0], wrong) == 0)
            web_json_refuse(visit, 422, "invalid", str_from(names[i][2]), names[i][1]);
    }
}

/* With what is wrong, or NULL. */
static void show_form(struct report *report, const char *wrong)
{
    struct web_visit *visit = report->visit;
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params;

    if (visit->json && wrong != NULL) {
        refuse_json(visit, wrong);
        return;
    }
    params = arena_array(arena, struct db_param, 5);

    report->page.wrong = wrong;
    report->status = wrong != NULL ? 422 : 200;
    params[0] = param_uuid(arena, visit->org);
    params[1] = param_uuid(arena, visit->customer);
    params[2] = param_text(str_from(lang_code(visit->page.locale.lang)));
    params[3] = param_int4(arena, 0);
    params[4] = param_int4(arena, TO_CHOOSE);
    web_call_init(visit, form_found);
    call_add(&visit->call, &SQL_PORTAL_ORDERS, params);
    call_add(&visit->call, &SQL_PROFILE, params);
    db_call(visit->web->db, &visit->call);
}

/* --- opening it --------------------------------------------------------------------------- */

static void opened(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    struct arena *arena = &visit->exchange->arena;
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL || rows_n(rows) == 0) {
        log_event(rows == NULL ? LOG_ALERT : LOG_WARN, "web.report_failed",
                  LOG_ID("org", visit->org), LOG_ERR(&call->err));
        web_show_plain(visit, rows == NULL ? 503 : 404, rows == NULL ? "sorry" : "bad");
        return;
    }
    struct str outcome = row_text(rows, 0, 0), ticket = arena_str(arena, row_text(rows, 0, 1));
    if (str_eq(outcome, STR("opened")) || str_eq(outcome, STR("twice"))) {
        if (visit->json) {
            web_json_reported(visit, ticket,
                              web_plain_words(visit, "web.reported.words", ticket));
        } else {
            web_show(visit, 200, web_reported_page(arena, &visit->page, ticket));
        }
    } else if (str_eq(outcome, STR("too_many"))) {
        web_show_plain(visit, 429, "enough");
    } else {
        show_form(visit->report, str_eq(outcome, STR("no_order")) ? "order" : "email");
    }
}

static struct str ids_of(const struct report *report)
{
    struct arena *arena = &report->visit->exchange->arena;
    struct str all = STR("");
    char text[UUID_TEXT_LEN + 1];

    for (size_t i = 0; i < report->n; i++) {
        uuid_format(report->files[i].id, text);
        all = arena_format(arena, "%.*s%s%s", STR_ARG(all), i > 0 ? "," : "", text);
    }
    return all;
}

static void open_report(struct report *report)
{
    struct web_visit *visit = report->visit;
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 9);
    struct str story = report->page.story;

    if (report->phone.len > 0)
        story = arena_concat(arena, story, STR("\n"), report->phone);
    params[0] = param_uuid(arena, visit->org);
    params[1] = param_text((struct str){(const char *)visit->hash.bytes, HASH_LEN});
    params[2] = param_text(report->page.order);
    params[3] = param_text(report->page.kind);
    params[4] = param_text(story);
    params[5] = param_text(report->page.email);
    params[6] = param_text(ids_of(report));
    params[7] = param_uuid(arena, worker_uuid());
    params[8] = param_time(arena, visit->page.locale.now);
    web_call_init(visit, opened);
    call_add(&visit->call, &SQL_PORTAL_REPORT, params);
    db_call(visit->web->db, &visit->call);
}

/* --- its files ---------------------------------------------------------------------------- */

static void put_next(struct report *report);

static void put_done(struct document_op *op)
{
    struct report *report = CONTAINER_OF(op, struct report, put);

    if (op->err.code != ERR_NONE) {
        log_event(LOG_WARN, "web.upload_failed", LOG_ID("org", report->visit->org),
                  LOG_ERR(&op->err));
        web_show_plain(report->visit, 503, "sorry");
        return;
    }
    report->stored++;
    put_next(report);
}

static void put_next(struct report *report)
{
    struct web_visit *visit = report->visit;

    if (report->stored == report->n) {
        open_report(report);
        return;
    }
    struct upload *file = &report->files[report->stored];
    report->put = (struct document_op){
        .key = {.org = visit->org, .sha256 = file->sha256},
        .bytes = file->bytes,
        .into = &visit->exchange->arena,
        .done = put_done
    };
    documents_put(visit->web->worker->documents, &report->put);
}

static void noted(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    bool all = call->err.code == ERR_NONE;

    for (size_t i = 0; all && i < visit->report->n; i++)
        all = rows_n(call->results[i]) == 1;
    if (all) {
        put_next(visit->report);
    } else {
        log_event(LOG_WARN, "web.upload_not_noted", LOG_ID("org", visit->org),
                  LOG_ERR(&call->err));
        web_show_plain(visit, 503, "sorry");
    }
}

/* As it is kept. A number is looked for in what is left of the name, since what was taken out
 * may have parted its digits. */
static struct str name_of(struct arena *arena, const struct upload *file)
{
    size_t cards = 0;

    return cards_redact(arena, kept_name(arena, file->filename, str_from(file->look.mime)),
                        &cards);
}

static void note_files(struct report *report)
{
    struct web_visit *visit = report->visit;
    struct arena *arena = &visit->exchange->arena;

    web_call_init(visit, noted);
    for (size_t i = 0; i < report->n; i++) {
        struct upload *file = &report->files[i];
        struct db_param *params = arena_array(arena, struct db_param, 10);

        file->id = worker_uuid();
        params[0] = param_uuid(arena, visit->org);
        params[1] = param_uuid(arena, visit->customer);
        params[2] = param_uuid(arena, file->id);
        params[3] = param_time(arena, visit->page.locale.now);
        params[4] = param_text((struct str){(const char *)file->sha256.bytes, HASH_LEN});
        params[5] = param_int8(arena, (int64_t)file->bytes.len);
        params[6] = param_text(str_from(file->look.mime));
        params[7] = param_int4(arena, (int32_t)file->look.width);
        params[8] = param_int4(arena, (int32_t)file->look.height);
        params[9] = param_text(name_of(arena, file));
        call_add(&visit->call, &SQL_PORTAL_STORING, params);
    }
    db_call(visit->web->db, &visit->call);
}

/* On a thread: it has nothing but the bytes. */
static void look(uv_work_t *work)
{
    struct report *report = CONTAINER_OF(work, struct report, work);

    for (size_t i = 0; i < report->n; i++) {
        report->files[i].look = file_sniff(report->files[i].bytes);
        report->files[i].sha256 = sha256(report->files[i].bytes);
    }
}

static bool is_taken(const struct file_look *look)
{
    return look->verdict == FILE_FINE &&
           (look->kind == FILE_JPEG || look->kind == FILE_PNG || look->kind == FILE_PDF);
}

static void looked(uv_work_t *work, int status)
{
    struct report *report = CONTAINER_OF(work, struct report, work);

    (void)status;
    for (size_t i = 0; i < report->n; i++) {
        if (!is_taken(&report->files[i].look)) {
            show_form(report, "files");
            return;
        }
    }
    note_files(report);
}

/* --- what was filled in ------------------------------------------------------------------- */

static bool read_files(struct report *report)
{
    for (size_t i = 0; i < report->form.n; i++) {
        const struct multipart_part *part = &report->form.parts[i];

        if (!part->is_file || part->bytes.len == 0)
            continue; /* no file was chosen */
        if (report->n == FILES_MAX)
            return false;
        report->files[report->n++] =
            (struct upload){.bytes = part->bytes, .filename = part->filename};
    }
    return true;
}

static bool is_kind(struct str kind)
{
    static const char *const kinds[] = {"damaged", "missing", "wrong_items",
                                        "delayed", "quality", "other"};

    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (str_eq(kind, str_from(kinds[i])))
            return true;
    }
    return false;
}

static size_t characters(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xc0) != 0x80 ? 1 : 0;
    return n;
}

/* What has to be looked at again; NULL: nothing. */
static const char *wrong_with(struct report *report)
{
    const struct web_report *page = &report->page;
    size_t most = report->visit->web->worker->config->documents.max_size;
    size_t n = characters(page->story);

    if (!is_kind(page->kind))
        return "kind";
    if (n < STORY_MIN || n > STORY_MAX)
        return "story";
    if (page->email.len == 0)
        return "email";
    if (!read_files(report))
        return "many";
    for (size_t i = 0; i < report->n; i++) {
        if (report->files[i].bytes.len > most)
            return "files";
    }
    return NULL;
}

/* A form ends lines with CR LF, which its own `maxlength` counts as one. */
static struct str with_plain_lines(struct arena *arena, struct str text)
{
    char *plain = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '\r' || i + 1 == text.len || text.at[i + 1] != '\n')
            plain[n++] = text.at[i];
    }
    return (struct str){plain, n};
}

static struct str field(struct report *report, const char *name)
{
    struct arena *arena = &report->visit->exchange->arena;
    struct str text = str_sane(arena, multipart_text(&report->form, name));
    size_t cards = 0;

    return str_trim(cards_redact(arena, with_plain_lines(arena, text), &cards));
}

static bool is_ours(struct report *report)
{
    struct str once = once_of(report->visit);
    struct str given = multipart_text(&report->form, "once");

    return given.len == once.len && crypto_equal(given, once);
}

/* As a program calls them. */
static void read_json_names(struct report *report)
{
    struct str phone = field(report, "contact_phone");

    report->page.order = report->visit->number;
    report->page.kind = field(report, "issue_type");
    report->page.story = field(report, "description");
    report->page.email = field(report, "contact_email");
    if (phone.len <= PHONE_MAX)
        report->phone = phone;
}

static void post(struct report *report)
{
    struct web_visit *visit = report->visit;

    if (!visit->same_site ||
        !multipart_read(&visit->exchange->arena, visit->content_type, visit->exchange->body,
                        &report->form, NULL) ||
        (!visit->json && !is_ours(report))) { /* a program has no form of ours */
        web_show_plain(visit, 403, "sorry");
        return;
    }
    if (visit->json) {
        read_json_names(report);
    } else {
        report->page.order = field(report, "order");
        report->page.kind = field(report, "kind");
        report->page.story = field(report, "story");
        report->page.email = field(report, "email");
    }
    const char *wrong = wrong_with(report);
    if (wrong != NULL) {
        show_form(report, wrong);
    } else if (report->n == 0) {
        open_report(report);
    } else if (visit->web->worker->documents == NULL) {
        web_show_plain(visit, 503, "sorry");
    } else if (uv_queue_work(&visit->web->worker->loop.uv, &report->work, look, looked) != 0) {
        abort(); /* only ever without a function */
    }
}

void web_report(struct web_visit *visit, struct str rest)
{
    struct arena *arena = &visit->exchange->arena;
    struct report *report = arena_new(arena, struct report);

    if (rest.len > 0) {
        web_show_plain(visit, 404, "missing");
        return;
    }
    report->visit = visit;
    visit->report = report;
    web_base(visit);
    if (visit->post) {
        post(report);
    } else {
        report->page.order = str_sane(arena, http_query(visit->exchange, "order"));
        show_form(report, NULL);
    }
}
