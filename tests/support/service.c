#include "tests/support/service.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/support/kept_shop.h"
#include "tests/support/temp.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET SERVICE_APP_SECRET
#define TOKEN  SERVICE_TOKEN

#define TWILIO_SID     "AC0123456789abcdef0123456789abcdef"
#define TWILIO_SECRET  SERVICE_TWILIO_SECRET
#define STRIPE_OPENAPI PARLEY_SOURCE_DIR "/../shared/providers/stripe.mock.openapi.json"
#define STRIPE_KEY     "sk_test_parleysownkey"
#define RESEND_OPENAPI PARLEY_SOURCE_DIR "/../shared/providers/resend.openapi.json"
#define RESEND_KEY     "re_0123456789"
#define SMS_NUMBER     SERVICE_SMS_NUMBER

/* --- processes ------------------------------------------------------------------------------
 */

/* Ours from now on, for all test programs of this machine that ask here: between looking for a
 * port and listening on it another could take it, and its service would answer for ours. The
 * name is given back when this program ends. */
static bool claim_port(int port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "parley-port-%d", port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
        return true; /* it stays open */
    (void)close(fd);
    return false;
}

/* Below the range that outgoing connections take theirs from, so that none is faster. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t chance;

    for (int tries = 0; tries < 100; tries++) {
        random_bytes(&chance, sizeof chance);
        address.sin_port = htons((uint16_t)(12000 + chance % 20000));
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        (void)close(fd);
        if (is_free && claim_port(ntohs(address.sin_port)))
            return ntohs(address.sin_port);
    }
    fail_msg("no free port");
    return 0;
}

static pid_t spawn(const struct service *service, const char *log, char *const *argv)
{
    char path[128];
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(path, sizeof path, "%s/%s", service->dir, log);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        _exit(1);
    (void)execv(argv[0], argv);
    _exit(127);
}

static void write_settings(const struct service *service, const struct service_wish *wish)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/parley.yaml", service->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "listen: 127.0.0.1:%d\n"
                  "public_url: http://127.0.0.1:%d\n"
                  "secrets:\n  key: a key of thirty-two characters or more\n"
                  "workers: %u\n"
                  "database:\n  url: %s\n  connect_timeout: 2s\n"
                  "whatsapp:\n"
                  "  base_url: http://127.0.0.1:%d/v26.0\n"
                  "  allow_http: true\n  timeout: 2s\n"
                  "  rate: 1000000\n  rate_burst: 1000000\n  pair_interval: 0\n"
                  "  apps:\n    demo:\n      app_secret: %s\n      verify_token: a word\n"
                  "      token: %s\n"
                  "twilio:\n  base_url: http://127.0.0.1:%d\n  allow_http: true\n"
                  "  timeout: 2s\n  rate: 1000\n  rate_burst: 1000\n"
                  "  account_sid: " TWILIO_SID "\n  auth_token: " TWILIO_SECRET "\n"
                  "  phone_number: \"" SMS_NUMBER "\"\n"
                  "resend:\n  base_url: http://127.0.0.1:%d\n  allow_http: true\n"
                  "  api_key: " RESEND_KEY "\n"
                  "stripe:\n  base_url: http://127.0.0.1:%d\n  allow_http: true\n"
                  "  timeout: 2s\n  connect_timeout: 1s\n  poll: 100ms\n"
                  "  secret_key: " STRIPE_KEY "\n  webhook_secret: " SERVICE_STRIPE_SECRET "\n"
                  "  webhook_secret_before: " SERVICE_STRIPE_BEFORE "\n"
                  "mail:\n  rate: 1000\n  rate_burst: 1000\n  timeout: 2s\n%s"
                  "outbox:\n  unknown_wait: 2s\n  lease: 2s\n  poll: 50ms\n"
                  "  retry_first: 100ms\n  retry_max: 1s\n  max_attempts: 100\n"
                  "turns:\n  deadline: 3s\n"
                  "flows:\n  folder: %s\n"
                  "documents:\n  path: %s/documents\n  timeout: 2s\n  poll: 100ms\n"
                  "  retry_first: 100ms\n  retry_max: 1s\n"
                  "spool:\n  dir: %s/spool\n"
                  "paths:\n  state: %s\n",
                  service->port, service->port, wish->workers > 0 ? wish->workers : 1,
                  pg_url(&store_pg, "parley"), service->sandbox_port, SECRET, TOKEN,
                  service->sandbox_port, service->sandbox_port, service->sandbox_port,
                  wish->more != NULL ? wish->more : "",
                  wish->folder != NULL ? wish->folder : PARLEY_SOURCE_DIR, service->dir,
                  service->dir, service->dir);
    if (wish->crm) {
        (void)fprintf(file,
                      "crm:\n  allow_private: true\n  apps:\n    demo:\n"
                      "      secret: " SERVICE_CRM_SECRET
                      "\n      secret_before: " SERVICE_CRM_BEFORE
                      "\n      url: http://127.0.0.1:%d/crm/events\n",
                      service->sandbox_port);
    }
    assert_int_equal(fclose(file), 0);
}

static void start_sandbox(struct service *service)
{
    char port[16], webhook[80], journal[128];
    bool has_description = access(RESEND_OPENAPI, R_OK) == 0; /* else it is not checked */
    bool has_stripes = access(STRIPE_OPENAPI, R_OK) == 0;
    char *argv[] = {PARLEY_BUILD_DIR "/parley-sandbox",
                    "--port",
                    port,
                    "--webhook",
                    webhook,
                    "--app-secret",
                    SECRET,
                    "--token",
                    TOKEN,
                    "--number",
                    SERVICE_NUMBER "=15550783881",
                    "--waba",
                    SERVICE_BUSINESS,
                    "--twilio-sid",
                    TWILIO_SID,
                    "--twilio-token",
                    TWILIO_SECRET,
                    "--sms-number",
                    SMS_NUMBER,
                    "--resend-key",
                    RESEND_KEY,
                    "--stripe-key",
                    STRIPE_KEY,
                    "--stripe-secret",
                    SERVICE_STRIPE_SECRET,
                    (char *)(has_stripes ? "--stripe-openapi" : "--stripe-secret"),
                    (char *)(has_stripes ? STRIPE_OPENAPI : SERVICE_STRIPE_SECRET),
                    "--journal",
                    journal,
                    "--delivered-after",
                    "20",
                    "--no-user-ids",
                    "--faults",
                    (char *)(service->faults != NULL ? service->faults : "{}"),
                    (char *)(has_description ? "--resend-openapi" : service->sandbox_more),
                    has_description ? (char *)RESEND_OPENAPI : NULL,
                    (char *)(has_description ? service->sandbox_more : NULL),
                    NULL};

    (void)snprintf(port, sizeof port, "%d", service->sandbox_port);
    (void)snprintf(webhook, sizeof webhook, "http://127.0.0.1:%d/webhooks/whatsapp",
                   service->port);
    (void)snprintf(journal, sizeof journal, "%s/journal", service->dir);
    (void)setenv("CRM_SECRET", SERVICE_CRM_SECRET, 1);
    service->sandbox = spawn(service, "sandbox.log", argv);
}

/* Reading without a code, for tests of something else. */
static void relax_reading(void)
{
    PGconn *owner = owner_connect();
    char org[UUID_TEXT_LEN + 1];
    char sql[160];

    uuid_format(seed_demo_org, org);
    (void)snprintf(sql, sizeof sql, "set parley.org_id = '%s'", org);
    run_sql(owner, sql);
    run_sql(owner, "update businesses set settings = settings || '{\"reading\": \"known\"}'");
    PQfinish(owner);
}

/* The shop's address of mail, as docs/operate.md gives it. */
static void add_address(void)
{
    PGconn *owner = owner_connect();
    char org[UUID_TEXT_LEN + 1];
    char sql[512];

    uuid_format(seed_demo_org, org);
    (void)snprintf(sql, sizeof sql, "set parley.org_id = '%s'", org);
    run_sql(owner, sql);
    (void)snprintf(sql, sizeof sql,
                   "insert into accounts (org_id, account_id, channel, external_id, address)"
                   " values ('%s', '0192f3a4-0000-7000-8000-0000000e0a11', 'email',"
                   " '" SERVICE_MAIL "', '" SERVICE_MAIL "')",
                   org);
    run_sql(owner, sql);
    (void)snprintf(sql, sizeof sql,
                   "insert into directory (kind, external_id, org_id, account_id) values"
                   " ('email', '" SERVICE_MAIL "', '%s',"
                   " '0192f3a4-0000-7000-8000-0000000e0a11') on conflict do nothing",
                   org);
    run_sql(owner, sql);
    PQfinish(owner);
}

static void seed(bool sms, bool mail, bool codes)
{
    kept_shop_seed(&(struct seed_options){.url = pg_url(&store_pg, "parley"),
                                          .reset = true,
                                          .phone_number_id = SERVICE_NUMBER,
                                          .business_account_id = SERVICE_BUSINESS,
                                          .sms_number = sms ? SMS_NUMBER : NULL,
                                          .app = "demo"});
    if (mail)
        add_address();
    if (!codes)
        relax_reading();
}

/* --- asking ---------------------------------------------------------------------------------
 */

struct answer {
    char *text;
    size_t len;
    long status;
};

static size_t keep(char *data, size_t size, size_t n, void *owner)
{
    struct answer *answer = owner;
    char *wider = realloc(answer->text, answer->len + size * n + 1);

    assert_non_null(wider);
    memcpy(wider + answer->len, data, size * n);
    answer->text = wider;
    answer->len += size * n;
    answer->text[answer->len] = '\0';
    return size * n;
}

/* The text is to be freed; status 0 when nobody answers. */
static struct answer get(int port, const char *path)
{
    struct answer answer = {0};
    char url[128];
    CURL *curl = curl_easy_init();

    assert_non_null(curl);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    return answer;
}

static void wait_for(const struct service *service, int port, const char *path)
{
    usec_t end = clock_monotonic() + 30 * USEC_PER_SEC;
    long status = 0;

    while (status != 200 && clock_monotonic() < end) {
        struct answer answer = get(port, path);
        status = answer.status;
        free(answer.text);
        if (status != 200)
            (void)usleep(20000);
    }
    if (status != 200) {
        service_show_log(service);
        fail_msg("%s answers %ld", path, status);
    }
}

long service_get(const struct service *service, const char *path)
{
    struct answer answer = get(service->port, path);

    free(answer.text);
    return answer.status;
}

double service_counter(const struct service *service, const char *name)
{
    struct answer answer = get(service->port, "/metrics");
    char line[128];
    double value = -1;

    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *at = answer.text != NULL ? strstr(answer.text, line) : NULL;
    if (at != NULL)
        value = strtod(at + strlen(line), NULL);
    free(answer.text);
    return value;
}

/* --- life -----------------------------------------------------------------------------------
 */

void service_start(struct service *service, const struct service_wish *wish)
{
    char settings[128];
    const char *program = wish->program != NULL ? wish->program : PARLEY_BUILD_DIR "/parley";
    char *argv[] = {(char *)program, "--config", settings, "serve", NULL};

    *service = (struct service){.faults = wish->faults, .sandbox_more = wish->sandbox};
    temp_folder(service->dir, "service");
    service->port = free_port();
    service->sandbox_port = free_port();
    (void)snprintf(settings, sizeof settings, "%s/parley.yaml", service->dir);
    seed(wish->sms, wish->mail, wish->codes);
    write_settings(service, wish);
    start_sandbox(service);
    wait_for(service, service->sandbox_port, "/control/health");
    service->pid = spawn(service, "service.log", argv);
    wait_for(service, service->port, "/readyz");
}

void service_again(struct service *service)
{
    char settings[128];
    char *argv[] = {PARLEY_BUILD_DIR "/parley", "--config", settings, "serve", NULL};
    int status = 0;

    (void)snprintf(settings, sizeof settings, "%s/parley.yaml", service->dir);
    assert_int_equal(kill(service->pid, SIGTERM), 0);
    assert_int_equal(waitpid(service->pid, &status, 0), service->pid);
    if (status != 0)
        service_show_log(service);
    assert_int_equal(status, 0);
    service->pid = spawn(service, "service.log", argv);
    wait_for(service, service->port, "/readyz");
}

/* 0: nobody listens. */
static long health(const struct service *service)
{
    struct answer answer = get(service->port, "/healthz");

    free(answer.text);
    return answer.status;
}

void service_revive(struct service *service)
{
    usec_t end = clock_monotonic() + 30 * USEC_PER_SEC;
    char settings[128];
    char *argv[] = {PARLEY_BUILD_DIR "/parley", "--config", settings, "serve", NULL};

    (void)snprintf(settings, sizeof settings, "%s/parley.yaml", service->dir);
    (void)kill(service->pid, SIGKILL);
    (void)waitpid(service->pid, NULL, 0);
    /* the dead one's workers have the port until they notice, and answer there */
    while (health(service) != 0 && clock_monotonic() < end)
        (void)usleep(50000);
    service->pid = spawn(service, "service.log", argv);
    while (health(service) != 200) {
        if (clock_monotonic() > end)
            fail_msg("the service does not come back");
        if (waitpid(service->pid, NULL, WNOHANG) != 0) /* they had it still */
            service->pid = spawn(service, "service.log", argv);
        (void)usleep(50000);
    }
}

int service_command(const struct service *service, char *const *words, char *said, size_t room)
{
    char settings[128];
    char *argv[16] = {PARLEY_BUILD_DIR "/parley", "--config", settings};
    int pipes[2], status = 0;
    size_t len = 0;
    ssize_t n;

    (void)snprintf(settings, sizeof settings, "%s/parley.yaml", service->dir);
    for (size_t i = 0; words[i] != NULL && i + 4 < COUNTOF(argv); i++)
        argv[3 + i] = words[i];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)dup2(pipes[1], STDERR_FILENO);
        (void)close(pipes[0]);
        (void)execv(argv[0], argv);
        _exit(127);
    }
    (void)close(pipes[1]);
    while (len + 1 < room && (n = read(pipes[0], said + len, room - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    (void)close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void service_stop(struct service *service)
{
    int status = 0;

    assert_int_equal(kill(service->pid, SIGTERM), 0);
    assert_int_equal(waitpid(service->pid, &status, 0), service->pid);
    (void)kill(service->sandbox, SIGTERM);
    (void)waitpid(service->sandbox, NULL, 0);
    service->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        service_show_log(service);
        fail_msg("the service ended with %d", status);
    }
    if (service_logged(service, "ERROR: AddressSanitizer") > 0 ||
        service_logged(service, "WARNING: ThreadSanitizer") > 0 ||
        service_logged(service, "runtime error: ") > 0 ||
        service_logged(service, "ERROR: LeakSanitizer") > 0) {
        service_show_log(service);
        fail_msg("a sanitizer has something to say");
    }
    temp_remove(service->dir);
}

void service_sandbox_again(struct service *service)
{
    (void)kill(service->sandbox, SIGKILL);
    (void)waitpid(service->sandbox, NULL, 0);
    start_sandbox(service);
    wait_for(service, service->sandbox_port, "/control/health");
}

/* What arrived, as the sandbox's journal has it, read on from where the last look ended: some
 * tests look often, and there is much to read. */
struct arrival {
    struct str to, key, body;
};

static struct {
    char path[96];
    long whole; /* bytes of whole lines */
    struct arena arena;
    struct arrival *items;
    size_t n, room;
} journal;

static void journal_forget(void)
{
    arena_finish(&journal.arena);
    free(journal.items);
    memset(&journal, 0, sizeof journal);
}

static void journal_arrival(const json_t *record)
{
    if (journal.n == journal.room) {
        journal.room = 2 * journal.room + 64;
        journal.items = realloc(journal.items, journal.room * sizeof *journal.items);
        assert_non_null(journal.items);
    }
    journal.items[journal.n++] = (struct arrival){
        .to = arena_str(&journal.arena, json_text(&journal.arena, record, "to")),
        .key = arena_str(&journal.arena, json_text(&journal.arena, record, "key")),
        .body = json_write(&journal.arena, json_object_get(record, "body"))};
}

static void journal_line(const char *line, size_t len)
{
    OWNED_JSON(record) = json_loadb(line, len, 0, NULL);
    const char *what = json_string_value(json_object_get(record, "t"));
    const json_t *mail;
    size_t i;

    if (what == NULL)
        return;
    if (strcmp(what, "got") == 0 || strcmp(what, "sms") == 0 || strcmp(what, "mail") == 0)
        journal_arrival(record);
    if (strcmp(what, "mails") == 0) {
        json_array_foreach(json_object_get(record, "mails"), i, mail) journal_arrival(mail);
    }
}

static void journal_read_on(const struct service *service)
{
    char path[96], *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/journal", service->dir);
    if (strcmp(path, journal.path) != 0)
        journal_forget();
    memcpy(journal.path, path, sizeof path);
    file = fopen(path, "re");
    if (file == NULL)
        return; /* nothing yet */
    assert_int_equal(fseek(file, journal.whole, SEEK_SET), 0);
    while ((len = getline(&line, &room, file)) > 0 && line[len - 1] == '\n') {
        journal_line(line, (size_t)len - 1);
        journal.whole += len;
    }
    free(line);
    (void)fclose(file);
}

void service_end(struct service *service)
{
    journal_forget();
    pid_t pids[16];

    if (service->pid == 0)
        return;
    service_show_log(service);
    size_t n = service_workers(service, pids, COUNTOF(pids));
    (void)kill(service->pid, SIGKILL);
    for (size_t i = 0; i < n; i++)
        (void)kill(pids[i], SIGKILL);
    (void)waitpid(service->pid, NULL, 0);
    (void)kill(service->sandbox, SIGKILL);
    (void)waitpid(service->sandbox, NULL, 0);
    temp_remove(service->dir);
    service->pid = 0;
}

size_t service_workers(const struct service *service, pid_t *pids, size_t room)
{
    char path[64], text[1024];
    size_t n = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", service->pid, service->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    char *at = text, *end;
    for (long pid = strtol(at, &end, 10); end != at && n < room; pid = strtol(at, &end, 10)) {
        pids[n++] = (pid_t)pid;
        at = end;
    }
    return n;
}

/* --- the log --------------------------------------------------------------------------------
 */

static char *read_log(const struct service *service, const char *name)
{
    char path[128];
    struct stat info;

    (void)snprintf(path, sizeof path, "%s/%s", service->dir, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return calloc(1, 1); /* it did not come to that */
    assert_int_equal(fstat(fd, &info), 0);
    char *text = calloc(1, (size_t)info.st_size + 1);
    assert_non_null(text);
    assert_true(read(fd, text, (size_t)info.st_size) >= 0);
    (void)close(fd);
    return text;
}

size_t service_logged(const struct service *service, const char *text)
{
    char *log = read_log(service, "service.log");
    size_t n = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    free(log);
    return n;
}

void service_show_log(const struct service *service)
{
    char *log = read_log(service, "service.log");
    size_t len = strlen(log), from = len > 20000 ? len - 20000 : 0;

    (void)fprintf(stderr, "--- the service's log\n%s\n---\n", log + from);
    free(log);
}

void service_until(const struct service *service, PGconn *conn, const char *sql, long number,
                   usec_t limit)
{
    usec_t end = clock_monotonic() + limit;
    long got;

    while ((got = ask_number(conn, sql)) != number && clock_monotonic() < end)
        (void)usleep(20000);
    if (got != number) {
        service_show_log(service);
        fail_msg("%s\nis %ld, not %ld", sql, got, number);
    }
}

/* --- the provider ---------------------------------------------------------------------------
 */

struct str post_message(struct arena *into, const char *phone, const char *id,
                        const char *words)
{
    return arena_format(into,
                        "{\"from\":\"%s\",\"id\":\"%s\",\"timestamp\":\"%lld\","
                        "\"type\":\"text\",\"text\":{\"body\":\"%s\"}}",
                        phone, id, (long long)(clock_now() / USEC_PER_SEC), words);
}

struct str post_messages(struct arena *into, const struct str *messages, size_t n)
{
    struct str all = STR("");

    for (size_t i = 0; i < n; i++) {
        all = arena_format(into, "%.*s%s%.*s", STR_ARG(all), i > 0 ? "," : "",
                           STR_ARG(messages[i]));
    }
    return arena_format(
        into,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" SERVICE_BUSINESS
        "\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\","
        "\"metadata\":{\"display_phone_number\":\"15550783881\",\"phone_number_id\":"
        "\"" SERVICE_NUMBER "\"},\"messages\":[%.*s]}}]}]}",
        STR_ARG(all));
}

struct str post_text(struct arena *into, const char *phone, const char *id, const char *words)
{
    struct str message = post_message(into, phone, id, words);

    return post_messages(into, &message, 1);
}

static struct str form_escape(struct arena *into, const char *text)
{
    struct str out = STR("");

    for (const char *at = text; *at != '\0'; at++)
        out = arena_format(into, "%.*s%%%02X", STR_ARG(out), (unsigned char)*at);
    return out;
}

struct str post_sms(struct arena *into, const char *phone, const char *id, const char *words,
                    const char *more)
{
    return arena_format(into,
                        "MessageSid=%s&SmsStatus=received&NumSegments=1&AccountSid=" TWILIO_SID
                        "&To=%.*s&From=%.*s&Body=%.*s&ApiVersion=2010-04-01%s",
                        id, STR_ARG(form_escape(into, SMS_NUMBER)),
                        STR_ARG(form_escape(into, phone)), STR_ARG(form_escape(into, words)),
                        more);
}

struct posting {
    struct post *post;
    CURL *curl;
    struct curl_slist *headers;
    size_t len;
};

static size_t keep_said(char *data, size_t size, size_t n, void *owner)
{
    struct posting *posting = owner;
    size_t room = sizeof posting->post->said - 1 - posting->len;
    size_t len = size * n < room ? size * n : room;

    memcpy(posting->post->said + posting->len, data, len);
    posting->len += len;
    posting->post->said[posting->len] = '\0';
    return size * n;
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct str form_decode(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        if (byte == '%') {
            assert_true(hex_parse(str_slice(text, i + 1, 2), &byte, 1));
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        out[len++] = (char)byte;
    }
    return (struct str){out, len};
}

/* Made here anew, and not by the code under test: address, then each field by its name. */
void service_sign_form(const char *secret, const char *url, struct str form, char line[64])
{
    struct arena arena = {0};
    struct str fields[64], piece, message = str_from(url);
    uint8_t mac[SHA1_LEN];
    size_t n = 0;

    while (str_split(&form, '&', &piece) && n < COUNTOF(fields)) {
        size_t equals = str_find(piece, STR("="));
        struct str name = form_decode(&arena, str_slice(piece, 0, equals));
        struct str value = form_decode(&arena, str_slice(piece, equals + 1, piece.len));
        fields[n++] = arena_concat(&arena, name, value);
    }
    qsort(fields, n, sizeof fields[0], by_text);
    for (size_t i = 0; i < n; i++)
        message = arena_concat(&arena, message, fields[i]);
    assert_true(hmac_sha1(str_from(secret), message, mac));
    (void)snprintf(line, 64, "X-Twilio-Signature: ");
    sodium_bin2base64(line + strlen(line), 64 - strlen(line), mac, sizeof mac,
                      sodium_base64_VARIANT_ORIGINAL);
    arena_finish(&arena);
}

static void sign_json(const char *secret, struct str body, char line[128])
{
    struct hash mac = hmac_sha256(str_from(secret), body);
    char hex[2 * HASH_LEN + 1];

    hex_format(mac.bytes, HASH_LEN, hex);
    (void)snprintf(line, 128, "X-Hub-Signature-256: sha256=%s", hex);
}

static void begin_posting(const struct service *service, CURLM *multi, struct posting *posting,
                          struct post *post)
{
    char line[128], url[256];
    const char *door = post->door != NULL ? post->door
                       : post->sms        ? SERVICE_TWILIO_DOOR
                                          : "/webhooks/whatsapp";

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", service->port, door);
    if (post->sms) {
        service_sign_form(post->forged ? SECRET : TWILIO_SECRET, url, post->body, line);
    } else {
        sign_json(post->forged ? TWILIO_SECRET : SECRET, post->body, line);
    }
    post->said[0] = '\0';
    posting->len = 0;
    posting->post = post;
    posting->curl = curl_easy_init();
    posting->headers = curl_slist_append(NULL, line);
    posting->headers = curl_slist_append(
        posting->headers, post->sms ? "Content-Type: application/x-www-form-urlencoded"
                                    : "Content-Type: application/json");
    posting->headers = curl_slist_append(posting->headers, "Expect:");
    curl_easy_setopt(posting->curl, CURLOPT_URL, url);
    curl_easy_setopt(posting->curl, CURLOPT_HTTPHEADER, posting->headers);
    curl_easy_setopt(posting->curl, CURLOPT_POSTFIELDS, post->body.at);
    curl_easy_setopt(posting->curl, CURLOPT_POSTFIELDSIZE, (long)post->body.len);
    curl_easy_setopt(posting->curl, CURLOPT_TIMEOUT_MS, 15000L);
    curl_easy_setopt(posting->curl, CURLOPT_WRITEFUNCTION, keep_said);
    curl_easy_setopt(posting->curl, CURLOPT_WRITEDATA, posting);
    curl_easy_setopt(posting->curl, CURLOPT_PRIVATE, posting);
    curl_multi_add_handle(multi, posting->curl);
    post->tries++;
}

static void end_posting(CURLM *multi, struct posting *posting)
{
    curl_easy_getinfo(posting->curl, CURLINFO_RESPONSE_CODE, &posting->post->status);
    curl_multi_remove_handle(multi, posting->curl);
    curl_easy_cleanup(posting->curl);
    curl_slist_free_all(posting->headers);
    posting->curl = NULL;
}

static size_t reap_posts(CURLM *multi)
{
    struct posting *posting;
    CURLMsg *message;
    size_t n = 0;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&posting);
        end_posting(multi, posting);
        n++;
    }
    return n;
}

static void post_round(const struct service *service, CURLM *multi, struct post *posts,
                       size_t n, unsigned connections)
{
    struct posting *postings = calloc(connections, sizeof *postings);
    size_t next = 0, open = 0;
    int running;

    assert_non_null(postings);
    while (next < n || open > 0) {
        for (unsigned i = 0; i < connections; i++) {
            while (next < n && posts[next].status == 200)
                next++;
            if (postings[i].curl == NULL && next < n) {
                begin_posting(service, multi, &postings[i], &posts[next++]);
                open++;
            }
        }
        assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
        size_t ended = reap_posts(multi);
        open -= ended;
        if (ended == 0 && open > 0)
            (void)curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    free(postings);
}

static bool all_taken(const struct post *posts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (posts[i].status != 200)
            return false;
    }
    return true;
}

void service_post(const struct service *service, struct post *posts, size_t n,
                  unsigned connections, usec_t until)
{
    usec_t end = clock_monotonic() + until;
    CURLM *multi = curl_multi_init();

    assert_non_null(multi);
    post_round(service, multi, posts, n, connections);
    while (!all_taken(posts, n) && clock_monotonic() < end) {
        (void)usleep(300000); /* a hasty one, but slower than the supervisor's books */
        post_round(service, multi, posts, n, connections);
    }
    curl_multi_cleanup(multi);
}

/* --- the sandbox ----------------------------------------------------------------------------
 */

const char *service_media(const struct service *service, struct arena *into, const char *mime,
                          struct str bytes)
{
    struct answer answer = {0};
    OWNED_JSON(told) = NULL;
    struct err err = {0};
    const char *type = arena_format(into, "Content-Type: %s", mime).at;
    const char *url =
        arena_format(into, "http://127.0.0.1:%d/control/media", service->sandbox_port).at;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, type);

    assert_non_null(curl);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes.at);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)bytes.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (!json_read((struct str){answer.text, answer.len}, &told, &err))
        fail_msg("the sandbox takes no file: %s", err.text);
    free(answer.text);
    const char *id = json_string_value(json_object_get(told, "id"));
    assert_non_null(id);
    return arena_cstr(into, str_from(id));
}

static long sandbox_number(const struct service *service, const char *path, const char *name)
{
    struct answer answer = get(service->sandbox_port, path);
    OWNED_JSON(told) = NULL;
    struct err err = {0};

    if (!json_read((struct str){answer.text, answer.len}, &told, &err))
        fail_msg("the sandbox does not say what it found: %s", err.text);
    free(answer.text);
    return (long)json_integer_value(json_object_get(told, name));
}

long service_findings(const struct service *service)
{
    return sandbox_number(service, "/control/violations", "refused");
}

long service_uploads(const struct service *service)
{
    return sandbox_number(service, "/control/counts", "uploads");
}

static size_t pass_over(const char *bytes, size_t size, size_t n, void *user)
{
    (void)bytes;
    (void)user;
    return size * n;
}

/* Tell the sandbox how it is to be. */
static void control(const struct service *service, const char *what, const char *plan)
{
    char url[80];
    CURL *curl = curl_easy_init();

    assert_non_null(curl);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/control/%s", service->sandbox_port,
                   what);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, plan);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pass_over);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_cleanup(curl);
}

void service_crm(const struct service *service, const char *plan)
{
    control(service, "crm", plan);
}

void service_faults(const struct service *service, const char *plan)
{
    control(service, "faults", plan);
}

json_t *service_events(const struct service *service)
{
    struct answer answer = get(service->sandbox_port, "/control/crm");
    OWNED_JSON(told) = NULL;
    struct err err = {0};

    if (!json_read((struct str){answer.text, answer.len}, &told, &err))
        fail_msg("the sandbox does not say what the CRM was told: %s", err.text);
    free(answer.text);
    return json_incref(json_object_get(told, "events"));
}

size_t service_place(const struct service *service, const char *text)
{
    journal_read_on(service);
    for (size_t i = 0; i < journal.n; i++) {
        if (str_find(journal.items[i].body, str_from(text)) < journal.items[i].body.len)
            return i;
    }
    fail_msg("nothing arrived with %s", text);
    return 0;
}

size_t service_arrived(const struct service *service, const char *phone, const char *text)
{
    size_t n = 0;

    journal_read_on(service);
    for (size_t i = 0; i < journal.n; i++) {
        const struct arrival *each = &journal.items[i];
        n += (phone == NULL || str_ends(each->to, str_from(phone))) &&
             (text == NULL || str_find(each->body, str_from(text)) < each->body.len);
    }
    return n;
}

void service_last(const struct service *service, const char *phone, const char *text,
                  char *body, size_t room)
{
    body[0] = '\0';
    journal_read_on(service);
    for (size_t i = 0; i < journal.n; i++) {
        const struct arrival *each = &journal.items[i];

        if (str_ends(each->to, str_from(phone)) &&
            str_find(each->body, str_from(text)) < each->body.len)
            (void)snprintf(body, room, "%.*s", STR_ARG(each->body));
    }
}

/* "p1.<conversation>.<number>": the number, and what stands before it. */
static int64_t number_of(struct str key, struct str *conversation)
{
    size_t dot = key.len;
    int64_t number = 0;

    while (dot > 0 && key.at[dot - 1] != '.')
        dot--;
    assert_true(dot > 0 && str_to_int(str_slice(key, dot, key.len), &number));
    *conversation = str_slice(key, 0, dot - 1);
    return number;
}

size_t service_disordered(const struct service *service)
{
    OWNED_JSON(last) = json_object();
    size_t n = 0;

    journal_read_on(service);
    for (size_t i = 0; i < journal.n; i++) {
        struct str who;
        int64_t number = number_of(journal.items[i].key, &who);
        const json_t *before = json_object_getn(last, who.at, who.len);
        if (before != NULL && json_integer_value(before) > number) {
            n++;
        } else {
            json_object_setn_new(last, who.at, who.len, json_integer(number));
        }
    }
    return n;
}

size_t service_repeated(const struct service *service)
{
    OWNED_JSON(keys) = json_object();
    size_t n = 0;

    journal_read_on(service);
    for (size_t i = 0; i < journal.n; i++) {
        struct str key = journal.items[i].key;
        assert_true(key.len > 0);
        n += json_object_getn(keys, key.at, key.len) != NULL;
        json_object_setn_new(keys, key.at, key.len, json_true());
    }
    return n;
}
