/*
 * parley doctor: from the inside out, what is well, what is not, and what to do.
 *
 * A check that cannot be made because an earlier one failed is left out: one cause is one line.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/command/commands.h"
#include "bot/command/doctor.h"
#include "bot/turn/book_files.h"
#include "store/migrate.h"
#include "store/survey.h"
#include "webhooks/twilio.h"
#include "webhooks/whatsapp.h"

#include <stdarg.h>
#include <unistd.h>

#define CLOCK_WARN (2 * USEC_PER_SEC)
#define CLOCK_FAIL (60 * USEC_PER_SEC)
#define LATE_WARN  300 /* seconds */

static const char *const words[] = {
    [FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "FAIL"};

void report_add(struct report *report, enum finding finding, const char *check,
                const char *cure, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* libpq breaks its lines; a finding is one. */
    for (char *c = text; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
    report->counts[finding]++;
    if (report->as_json) {
        json_t *one = json_object();
        json_set_text(one, "check", str_from(check));
        json_set_text(one, "result",
                      str_from(finding == FINDING_FAIL ? "fail" : words[finding]));
        json_set_text(one, "text", str_from(text));
        json_set_text(one, "cure", str_from(cure));
        (void)json_array_append_new(report->findings, one);
        return;
    }
    (void)fprintf(report->cli->out, "%-5s %-13s %s\n", words[finding], check, text);
    if (cure)
        (void)fprintf(report->cli->out, "%-19s -> %s\n", "", cure);
}

/* --- here ----------------------------------------------------------------------------------
 */

static void check_config(struct report *report, const struct config *config, const char *file)
{
    report_add(report, FINDING_OK, "configuration", NULL, "%s",
               file ? file : "no file: the environment and defaults");
    for (const char *const *warning = config_warnings(config); *warning; warning++)
        report_add(report, FINDING_WARN, "configuration", NULL, "%s", *warning);
    if (config->whatsapp.n_apps == 0) {
        report_add(report, FINDING_FAIL, "configuration",
                   "give whatsapp.apps.default its app_secret, verify_token and token",
                   "there is no Meta app: every delivery would be refused");
    }
    if (access(config->paths.state.at, W_OK | X_OK) != 0) {
        report_add(report, FINDING_WARN, "state",
                   "make the folder for the service's user, or set paths.state",
                   "%s cannot be written by this user", config->paths.state.at);
    }
}

static void check_flows(struct report *report, const struct config *config)
{
    struct err err = {0};
    struct hash16 version;
    size_t n;
    char text[2 * HASH16_LEN + 1];
    if (!book_files_check(config->flows.folder, &n, &version, &err)) {
        report_add(report, FINDING_FAIL, "flows", "mend the file: the service does not start",
                   "%s", err.text);
        return;
    }
    hex_format(version.bytes, HASH16_LEN, text);
    report_add(report, FINDING_OK, "flows", NULL, "%zu file%s of %s, version %s", n,
               CLI_OF(n, "", "s"), config->flows.folder.at, text);
}

/* --- the database --------------------------------------------------------------------------
 */

static bool check_migrations(struct report *report, const struct config *config)
{
    struct arena arena = {0};
    struct err err = {0};
    const struct migration **missing;
    size_t n;
    struct migrate_options options = {.url = config->database.owner_url.at};
    bool ok = migrate_check(&options, &arena, &missing, &n, &err);
    if (!ok) {
        report_add(report, FINDING_FAIL, "migrations",
                   "see that PostgreSQL runs and database.url (or owner_url) is right", "%s",
                   err.text);
    } else if (n > 0) {
        report_add(report, FINDING_FAIL, "migrations", "run: parley migrate",
                   "%zu are missing, from %04d %s on", n, missing[0]->number, missing[0]->name);
    } else {
        report_add(report, FINDING_OK, "migrations", NULL, "up to date");
    }
    arena_finish(&arena);
    return ok && n == 0;
}

/* The reading came somewhere within the time that the question took. */
static void check_clock(struct report *report, const char *whose, usec_t ahead, usec_t took)
{
    usec_t apart = ahead < 0 ? -ahead : ahead;
    usec_t surely = apart - took / 2;
    enum finding finding = surely > CLOCK_FAIL   ? FINDING_FAIL
                           : surely > CLOCK_WARN ? FINDING_WARN
                                                 : FINDING_OK;
    report_add(report, finding, "clock",
               finding == FINDING_OK ? NULL
                                     : "set this machine's clock by NTP (chrony), or theirs",
               "%s is %.1f s %s ours", whose, (double)apart / USEC_PER_SEC,
               ahead < 0 ? "behind" : "ahead of");
}

static void check_server(struct report *report, const struct survey *survey)
{
    bool old = survey->version < 150000;
    report_add(report, old ? FINDING_FAIL : FINDING_OK, "database",
               old ? "Parley needs PostgreSQL 15 or newer" : NULL,
               "PostgreSQL %d.%d, as %.*s acting as %.*s, %.1f ms away, %lld of %lld "
               "connections used",
               survey->version / 10000, survey->version % 10000, STR_ARG(survey->user),
               STR_ARG(survey->role), (double)survey->took / USEC_PER_MSEC,
               (long long)survey->connections, (long long)survey->connections_max);
    if (!survey->durable) {
        report_add(
            report, FINDING_FAIL, "durability",
            "set fsync, full_page_writes and synchronous_commit to on in postgresql.conf",
            "the database may lose what it has committed");
    }
    check_clock(report, "the database's clock", survey->ahead, survey->took);
}

static void check_rules(struct report *report, const struct survey *survey)
{
    if (survey->above_rules) {
        report_add(report, FINDING_FAIL, "rules",
                   "set database.role to parley_bot: `parley migrate` makes it",
                   "%.*s passes row-level security by: nothing keeps businesses apart",
                   STR_ARG(survey->role));
    }
    for (size_t i = 0; i < survey->n_open_tables; i++) {
        report_add(
            report, FINDING_FAIL, "rules", "run: parley migrate; do not alter tables by hand",
            "table %.*s has no forced row-level security", STR_ARG(survey->open_tables[i]));
    }
    if (!survey->above_rules && survey->n_open_tables == 0) {
        report_add(report, FINDING_OK, "rules", NULL,
                   "row-level security guards every business");
    }
}

/* A CRM's events are taken as staff, and customers' pages shown as the web. */
static void check_roles(struct report *report, const struct survey *survey)
{
    if (!survey->may_be_staff) {
        report_add(report, FINDING_WARN, "staff",
                   "as the owner: grant parley_staff to the user",
                   "%.*s may not act as parley_staff: events of a CRM are answered 503",
                   STR_ARG(survey->user));
    }
    if (!survey->may_be_web) {
        report_add(report, FINDING_WARN, "web", "as the owner: grant parley_web to the user",
                   "%.*s may not act as parley_web: customers' own pages do not open",
                   STR_ARG(survey->user));
    }
}

static void check_business(struct report *report, const struct survey_business *one)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(one->org, id);
    if (one->stopped.len) {
        report_add(report, FINDING_FAIL, "sending",
                   "mend the cause (usually the token), then restart the service",
                   "business %s: stopped: %.*s", id, STR_ARG(one->stopped));
    }
    if (one->dead > 0) {
        report_add(report, FINDING_WARN, "dead letters",
                   "parley dead list, then parley dead replay ID",
                   "business %s: %lld could not be handled", id, (long long)one->dead);
    }
    if (one->waiting > 0 && one->late > LATE_WARN) {
        report_add(report, FINDING_WARN, "outbox", "see that the service runs and reaches Meta",
                   "business %s: %lld %s, the oldest for %lld s", id, (long long)one->waiting,
                   CLI_OF(one->waiting, "message waits", "messages wait"),
                   (long long)one->late);
    } else {
        report_add(report, FINDING_OK, "outbox", NULL, "business %s: %lld %s", id,
                   (long long)one->waiting,
                   CLI_OF(one->waiting, "message waits", "messages wait"));
    }
}

static const struct config_app *app_named(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        if (str_eq(config->whatsapp.apps[i].name, name))
            return &config->whatsapp.apps[i];
    }
    return NULL;
}

static void check_directory(struct report *report, const struct config *config,
                            const struct survey *survey)
{
    size_t numbers = 0;
    for (size_t i = 0; i < survey->n_entries; i++) {
        const struct survey_entry *entry = &survey->entries[i];
        if (!str_starts(entry->kind, STR("whatsapp")))
            continue;
        numbers += str_eq(entry->kind, STR("whatsapp"));
        if (!app_named(config, entry->app)) {
            report_add(report, FINDING_FAIL, "directory",
                       "give that app in whatsapp.apps, or change the entry's app",
                       "%.*s %.*s belongs to app \"%.*s\", which is not configured",
                       STR_ARG(entry->kind), STR_ARG(entry->external_id), STR_ARG(entry->app));
        }
    }
    if (numbers == 0) {
        report_add(
            report, FINDING_FAIL, "directory",
            "add the business and its number (docs/operate.md), or try: parley seed demo",
            "no WhatsApp number is known, so deliveries belong to nobody");
    } else {
        report_add(report, FINDING_OK, "directory", NULL,
                   "%zu WhatsApp number%s of %zu business%s", numbers, CLI_OF(numbers, "", "s"),
                   survey->n_businesses, CLI_OF(survey->n_businesses, "", "es"));
    }
}

/* --- the provider --------------------------------------------------------------------------
 */

/* What the answer to "who am I" means. */
static void judge(struct report *report, const struct config_app *app, struct str number,
                  const struct provider_look *look)
{
    int status = look->answer.status;
    if (status == 200) {
        report_add(report, FINDING_OK, "whatsapp", NULL,
                   "app %.*s: the token is good for number %.*s (%.0f ms)", STR_ARG(app->name),
                   STR_ARG(number), (double)look->took / USEC_PER_MSEC);
    } else if (status == 401 || status == 403) {
        report_add(
            report, FINDING_FAIL, "whatsapp",
            "make a new system user token in Meta's Business Suite and set the app's token",
            "app %.*s: Meta refuses the token (status %d)", STR_ARG(app->name), status);
    } else {
        report_add(report, status >= 500 ? FINDING_WARN : FINDING_FAIL, "whatsapp",
                   status >= 500
                       ? "try again in a while; see metastatus.com"
                       : "see that the number is right and the token's system user may use it",
                   "app %.*s: number %.*s is answered with status %d", STR_ARG(app->name),
                   STR_ARG(number), status);
    }
}

static bool ask_whoami(const struct config *config, const struct config_app *app,
                       struct str number, struct arena *arena, struct provider_look *look,
                       struct err *err)
{
    struct whatsapp_sender sender = {config->whatsapp.base_url, app->token};
    struct http_request request;
    return whatsapp_encode_whoami(arena, &sender, number, &request, err) &&
           doctor_ask(&request, config->whatsapp.connect_timeout, config->whatsapp.timeout,
                      arena, look, err);
}

/* The first number of an app stands for all. */
static void check_app(struct report *report, const struct config *config,
                      const struct survey *survey, const struct config_app *app)
{
    const struct survey_entry *entry = NULL;
    for (size_t i = 0; i < survey->n_entries && !entry; i++) {
        if (str_eq(survey->entries[i].kind, STR("whatsapp")) &&
            str_eq(survey->entries[i].app, app->name))
            entry = &survey->entries[i];
    }
    if (!entry) {
        report_add(report, FINDING_WARN, "whatsapp", "add its number to the directory",
                   "app %.*s has no number", STR_ARG(app->name));
        return;
    }
    struct arena arena = {0};
    struct provider_look look = {0};
    struct err err = {0};
    if (!ask_whoami(config, app, entry->external_id, &arena, &look, &err)) {
        report_add(report, FINDING_FAIL, "whatsapp",
                   "see whatsapp.base_url, this machine's name service and its way out",
                   "%.*s cannot be reached: %s", STR_ARG(config->whatsapp.base_url), err.text);
    } else {
        judge(report, app, entry->external_id, &look);
        /* The header has whole seconds; half of one is the fairest reading. */
        if (look.date) {
            check_clock(report, "the Graph API's clock",
                        look.date + USEC_PER_SEC / 2 - (look.at - look.took / 2), look.took);
        }
    }
    arena_finish(&arena);
}

/* --- SMS ---------------------------------------------------------------------------------- */

static bool ask_twilio(const struct config *config, struct arena *arena,
                       struct provider_look *look, struct err *err)
{
    struct twilio_sender sender = {.base = config->twilio.base_url,
                                   .account_sid = config->twilio.account_sid,
                                   .auth_token = config->twilio.auth_token};
    struct http_request request;
    return twilio_encode_whoami(arena, &sender, &request, err) &&
           doctor_ask(&request, config->twilio.connect_timeout, config->twilio.timeout, arena,
                      look, err);
}

static void check_twilio(struct report *report, const struct config *config)
{
    struct arena arena = {0};
    struct provider_look look = {0};
    struct err err = {0};
    if (!ask_twilio(config, &arena, &look, &err)) {
        report_add(report, FINDING_FAIL, "sms",
                   "see twilio.base_url, this machine's name service and its way out",
                   "%.*s cannot be reached: %s", STR_ARG(config->twilio.base_url), err.text);
    } else if (look.answer.status == 200) {
        report_add(report, FINDING_OK, "sms", NULL, "Twilio takes the token (%.0f ms)",
                   (double)look.took / USEC_PER_MSEC);
    } else {
        report_add(report, look.answer.status >= 500 ? FINDING_WARN : FINDING_FAIL, "sms",
                   look.answer.status >= 500
                       ? "try again in a while; see status.twilio.com"
                       : "copy account SID and auth token anew from Twilio's console",
                   "Twilio answers with status %d", look.answer.status);
    }
    arena_finish(&arena);
}

/* What SMS need beyond WhatsApp; nothing is said where there are none. */
static void check_sms(struct report *report, const struct config *config,
                      const struct survey *survey)
{
    size_t numbers = 0;
    for (size_t i = 0; i < survey->n_entries; i++)
        numbers += str_eq(survey->entries[i].kind, STR("sms"));
    bool set_up = config->twilio.account_sid.len > 0;
    if (numbers == 0 && !set_up)
        return;
    if (!set_up) {
        report_add(report, FINDING_WARN, "sms", "set twilio.account_sid and twilio.auth_token",
                   "%zu %s known, but no account of Twilio's", numbers,
                   CLI_OF(numbers, "number for SMS is", "numbers for SMS are"));
        return;
    }
    check_twilio(report, config);
    if (numbers == 0) {
        report_add(report, FINDING_WARN, "sms",
                   "add the number to accounts and directory (docs/operate.md)",
                   "Twilio's account is set, but no number for SMS is known: what comes is "
                   "nobody's");
    }
    if (config->secrets.key.len == 0) {
        report_add(report, FINDING_WARN, "sms", "set secrets.key (openssl rand -hex 32)",
                   "there is no key to seal codes with, so none are sent");
    }
    if (config->public_url.len == 0) {
        report_add(
            report, FINDING_WARN, "sms", "set public_url",
            "Twilio can neither bring SMS nor report on them: what people write does not "
            "arrive, and one whose answer is lost may come twice");
    } else {
        report_add(report, FINDING_OK, "sms", NULL,
                   "the address to give to Twilio is %.*s/webhooks/twilio#rc=5&rp=all",
                   STR_ARG(config->public_url));
    }
}

static void check_mail(struct report *report, const struct config *config,
                       const struct survey *survey)
{
    size_t addresses = 0;
    for (size_t i = 0; i < survey->n_entries; i++)
        addresses += str_eq(survey->entries[i].kind, STR("email"));
    doctor_mail(report, config, addresses);
}

/* --- all of it -----------------------------------------------------------------------------
 */

static void check_database(struct report *report, const struct config *config)
{
    struct arena arena = {0};
    struct err err = {0};
    struct survey survey;
    if (!survey_database(config->database.url.at, config->database.role,
                         config->database.connect_timeout, &arena, &survey, &err)) {
        report_add(report, FINDING_FAIL, "database",
                   err.code == ERR_RETRY
                       ? "see that PostgreSQL runs and database.url is right"
                       : "grant database.role to the user of database.url (docs/operate.md)",
                   "%s", err.text);
    } else {
        check_server(report, &survey);
        check_rules(report, &survey);
        check_roles(report, &survey);
        check_directory(report, config, &survey);
        for (size_t i = 0; i < survey.n_businesses; i++)
            check_business(report, &survey.businesses[i]);
        for (size_t i = 0; i < config->whatsapp.n_apps; i++)
            check_app(report, config, &survey, &config->whatsapp.apps[i]);
        check_sms(report, config, &survey);
        check_mail(report, config, &survey);
        doctor_events(report, config);
    }
    arena_finish(&arena);
}

static void check_all(struct report *report)
{
    struct err err = {0};
    struct config *config;
    const char *file = report->cli->config_file ? report->cli->config_file : config_find_file();
    if (!config_load(file, &config, &err)) {
        report_add(report, FINDING_FAIL, "configuration",
                   "mend it; docs/configuration.md tells every setting", "%s", err.text);
        return;
    }
    check_config(report, config, file);
    check_flows(report, config);
    doctor_public_url(report, config);
    doctor_documents(report, config);
    doctor_spool(report, config);
    if (check_migrations(report, config))
        check_database(report, config);
    config_destroy(config);
}

static void finish_report(struct report *report)
{
    if (!report->as_json) {
        (void)fprintf(
            report->cli->out, "%u ok, %u warning%s, %u failure%s\n", report->counts[FINDING_OK],
            report->counts[FINDING_WARN], CLI_OF(report->counts[FINDING_WARN], "", "s"),
            report->counts[FINDING_FAIL], CLI_OF(report->counts[FINDING_FAIL], "", "s"));
        return;
    }
    struct arena arena = {0};
    (void)cli_print(report->cli, json_write(&arena, report->findings));
    (void)cli_print(report->cli, STR("\n"));
    arena_finish(&arena);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct report report = {.cli = cli};
    const struct cli_option options[] = {
        CLI_FLAG("json", &report.as_json),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (optind != argc)
        return cli_usage(cli, "it takes no arguments");
    OWNED_JSON(findings) = json_array();
    report.findings = findings;
    check_all(&report);
    finish_report(&report);
    return report.counts[FINDING_FAIL] ? CLI_FAILED : CLI_DONE;
}

const struct command command_doctor = {
    "doctor",
    "tell what is well, what is not, and what to do",
    "[--json]",
    "Looks at the configuration, the flows, the database (migrations, rules, clock, what "
    "waits)\n"
    "and whether Meta and Twilio can be reached with their tokens. Changes nothing.\n\n"
    "  --json   for programs: an array of {check, result, text, cure}\n\n"
    "Exit status 1 when anything fails; warnings alone are 0.\n",
    run,
};
