/*
 * parley import: a CRM's events from a file, a line each, many to a transaction.
 *
 * The same reader and the same statement as POST /v1/events. Each event counts once, so an
 * import that was broken off is simply run again; what was kept is then passed over.
 */
#include "bot/base/crypto.h"
#include "bot/command/commands.h"
#include "bot/loop/loop.h"
#include "store/crm.h"
#include "webhooks/crm_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_AT_ONCE 500
#define BYTES_AT_ONCE ((size_t)8 << 20)
#define ANALYZE_FIRST 2000 /* lines; then each time that there are eight times as many */
#define BAR           24
#define BAR_EVERY     (100 * USEC_PER_MSEC)

struct wish {
    bool tell, json;
    const char *refused;
};

struct line {
    int64_t number;
    struct str text;
    struct str why; /* remarks; empty: nothing is wrong with it */
};

struct import {
    struct cli *cli;
    const struct wish *wish;
    struct crm_store *store;
    const char *refused_name;
    FILE *in, *refused;
    struct arena arena; /* of one portion */
    struct line lines[LINES_AT_ONCE];
    struct cloud_event events[LINES_AT_ONCE];
    size_t n, n_events, bytes;
    int64_t read, kept, older, repeated, waiting, n_refused;
    int64_t size, done; /* bytes; size 0: not known */
    int64_t analyze_at;
    usec_t begun, shown;
    bool bar;
};

/* --- progress -------------------------------------------------------------------------------
 */

static void show_progress(struct import *import, bool last)
{
    usec_t now = clock_monotonic(), spent = now - import->begun;
    double part = import->size > 0 ? (double)import->done / (double)import->size : 0;
    int full = (int)(part * BAR + 0.5);

    if (!import->bar || (!last && now - import->shown < BAR_EVERY))
        return;
    import->shown = now;
    (void)fprintf(import->cli->err, "\r\033[K");
    if (last)
        return;
    if (import->size > 0) {
        (void)fprintf(import->cli->err, "[%.*s%*s] %3d%%  ", full, "########################",
                      BAR - full, "", (int)(part * 100));
    }
    (void)fprintf(import->cli->err, "%" PRId64 " line%s, %.0f a second, %" PRId64 " refused",
                  import->read, CLI_OF(import->read, "", "s"),
                  (double)import->read * 1e6 / (double)(spent > 0 ? spent : 1),
                  import->n_refused);
    (void)fflush(import->cli->err);
}

/* --- what is refused ------------------------------------------------------------------------
 */

static bool open_refused(struct import *import, struct err *err)
{
    if (import->refused != NULL)
        return true;
    import->refused = fopen(import->refused_name, "we");
    return import->refused != NULL ||
           err_raise(err, ERR_REJECT, "%s: %s", import->refused_name, strerrordesc_np(errno));
}

/* Why, to be written above the line as it was: a person reads it, mends it, and imports it
 * anew. */
static bool refuse(struct import *import, struct line *line, const struct shape_fault *fault,
                   struct err *err)
{
    struct json_out out;

    if (!open_refused(import, err))
        return false;
    json_out_init(&out, &import->arena, 256);
    json_open(&out, '{');
    json_key(&out, "line");
    json_put_int(&out, line->number);
    json_member(&out, "path", fault->path);
    json_member(&out, "expected", fault->expected);
    json_member(&out, "got", fault->got);
    json_close(&out, '}');
    if (line->why.len == 0)
        import->n_refused++;
    line->why =
        arena_concat(&import->arena, line->why, STR("# "), json_out_text(&out), STR("\n"));
    return true;
}

static bool put_str(FILE *file, struct str text)
{
    return text.len == 0 || fwrite(text.at, 1, text.len, file) == text.len;
}

/* Byte by byte: a line is refused for a NUL in it, too. */
static bool write_refused(struct import *import, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < import->n; i++) {
        const struct line *line = &import->lines[i];
        ok = line->why.len == 0 ||
             (put_str(import->refused, line->why) && put_str(import->refused, line->text) &&
              put_str(import->refused, STR("\n")));
    }
    return (ok && (import->refused == NULL || fflush(import->refused) == 0)) ||
           err_raise(err, ERR_REJECT, "%s: %s", import->refused_name, strerrordesc_np(errno));
}

/* --- a portion ------------------------------------------------------------------------------
 */

static bool count_outcome(struct import *import, const struct crm_kept *kept, struct err *err)
{
    struct shape_fault fault = {kept->path, kept->expected, kept->got};

    if (str_eq(kept->outcome, STR("refused")) || str_eq(kept->outcome, STR("foreign")))
        return refuse(import, &import->lines[kept->event], &fault, err);
    if (str_eq(kept->outcome, STR("repeated"))) {
        import->repeated++;
    } else if (str_eq(kept->outcome, STR("waiting"))) {
        import->waiting++;
    } else if (str_eq(kept->outcome, STR("kept"))) {
        import->kept++;
    } else {
        import->older++;
    }
    return true;
}

static bool keep(struct import *import, const struct crm_batch *batch, struct err *err)
{
    const struct crm_kept *kept;
    size_t n;

    if (!crm_store_take(import->store, batch->source, batch->events, import->wish->tell,
                        &import->arena, &kept, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!count_outcome(import, &kept[i], err))
            return false;
    }
    return true;
}

/* Keep what was read, and begin anew. */
static bool flush(struct import *import, struct err *err)
{
    struct cloud_batch batch = {.events = import->events, .n = import->n_events};
    struct crm_faults faults = {.into = &import->arena};
    const struct crm_batch *part = crm_events_read(&import->arena, &batch, &faults);

    for (size_t i = 0; i < faults.n; i++) {
        if (!refuse(import, &import->lines[faults.items[i].event], &faults.items[i].fault, err))
            return false;
    }
    for (; part != NULL; part = part->next) {
        if (!keep(import, part, err))
            return false;
    }
    if (import->read >= import->analyze_at) {
        import->analyze_at *= 8;
        if (!crm_store_analyze(import->store, err))
            return false;
    }
    if (!write_refused(import, err))
        return false;
    import->n = import->n_events = import->bytes = 0;
    arena_reset(&import->arena);
    show_progress(import, false);
    return true;
}

/* --- lines ----------------------------------------------------------------------------------
 */

static bool read_line(struct import *import, struct line *line, struct err *err)
{
    static const struct cloud_headers headers = {
        .content_type = {"application/cloudevents+json", 28}
    };
    struct cloud_batch batch;
    struct err why = {0};

    if (!cloud_events_read(&import->arena, &headers, line->text, &batch, &why)) {
        return refuse(import, line,
                      &(struct shape_fault){.expected = STR("a CloudEvent as JSON"),
                                            .got = str_from(why.text)},
                      err);
    }
    if (batch.read != 1) {
        return refuse(import, line,
                      &(struct shape_fault){.expected = STR("one event to a line")}, err);
    }
    for (size_t i = 0; i < batch.n_faults; i++) {
        if (!refuse(import, line, &batch.faults[i].fault, err))
            return false;
    }
    if (batch.n == 1) {
        import->events[import->n_events] = batch.events[0];
        import->events[import->n_events++].at = import->n - 1;
    }
    return true;
}

static bool add_line(struct import *import, struct str text, struct err *err)
{
    const struct str mark = STR("\xef\xbb\xbf"); /* some programs begin UTF-8 with it */
    struct line *line;

    if (import->read++ == 0 && str_starts(text, mark))
        text = str_slice(text, mark.len, text.len);
    text = str_trim(text);
    if (text.len == 0 || text.at[0] == '#')
        return true;
    line = &import->lines[import->n++];
    *line = (struct line){import->read, arena_str(&import->arena, text), STR("")};
    import->bytes += text.len;
    return read_line(import, line, err) &&
           ((import->n < LINES_AT_ONCE && import->bytes < BYTES_AT_ONCE) || flush(import, err));
}

static bool read_all(struct import *import, struct err *err)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;

    while (ok && (len = getline(&text, &room, import->in)) >= 0) {
        import->done += len;
        ok = add_line(import, (struct str){text, (size_t)len}, err);
    }
    free(text);
    if (ok && ferror(import->in))
        return err_raise(err, ERR_RETRY, "the file cannot be read: %s", strerrordesc_np(errno));
    return ok && flush(import, err);
}

/* --- the command ----------------------------------------------------------------------------
 */

static void report(struct import *import)
{
    FILE *out = import->cli->out;
    double seconds = (double)(clock_monotonic() - import->begun) / 1e6;

    show_progress(import, true);
    if (import->wish->json) {
        (void)fprintf(out,
                      "{\"lines\":%" PRId64 ",\"kept\":%" PRId64 ",\"older\":%" PRId64
                      ",\"repeated\":%" PRId64 ",\"waiting\":%" PRId64 ",\"refused\":%" PRId64
                      ",\"seconds\":%.3f}\n",
                      import->read, import->kept, import->older, import->repeated,
                      import->waiting, import->n_refused, seconds);
        return;
    }
    (void)fprintf(out, "%" PRId64 " line%s in %.1f s: %" PRId64 " kept", import->read,
                  CLI_OF(import->read, "", "s"), seconds, import->kept);
    if (import->older > 0)
        (void)fprintf(out, ", %" PRId64 " older than what is there", import->older);
    if (import->repeated > 0)
        (void)fprintf(out, ", %" PRId64 " known already", import->repeated);
    if (import->waiting > 0)
        (void)fprintf(out, ", %" PRId64 " waiting for what they speak of", import->waiting);
    if (import->n_refused > 0) {
        (void)fprintf(out, ", %" PRId64 " refused: %s", import->n_refused,
                      import->refused_name);
    }
    (void)fprintf(out, "\n");
}

static bool open_input(struct import *import, const char *name, struct err *err)
{
    struct stat info;

    import->in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (import->in == NULL)
        return err_raise(err, ERR_REJECT, "%s: %s", name, strerrordesc_np(errno));
    if (fstat(fileno(import->in), &info) == 0 && S_ISREG(info.st_mode))
        import->size = info.st_size;
    return true;
}

static bool act(struct import *import, const struct config *config, const char *name,
                struct err *err)
{
    return crypto_init(err) && open_input(import, name, err) &&
           crm_store_open(config->database.owner_url.at, config->database.connect_timeout,
                          &import->store, err) &&
           crm_store_analyze(import->store, err) && read_all(import, err);
}

static int import_file(struct cli *cli, const struct config *config, const struct wish *wish,
                       const char *name)
{
    struct import *import = calloc(1, sizeof *import);
    struct err err = {0};
    bool ok;

    if (import == NULL)
        abort();
    import->cli = cli;
    import->wish = wish;
    import->refused_name = wish->refused;
    import->begun = clock_monotonic();
    import->analyze_at = ANALYZE_FIRST;
    import->bar = !wish->json && isatty(fileno(cli->err));
    ok = act(import, config, name, &err);
    report(import);
    int64_t refused = import->n_refused;
    if (import->refused != NULL)
        (void)fclose(import->refused);
    if (import->in != NULL && import->in != stdin)
        (void)fclose(import->in);
    crm_store_close(&import->store);
    arena_finish(&import->arena);
    free(import);
    if (!ok)
        return cli_fail(cli, &err);
    return refused > 0 ? CLI_FAILED : CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    const struct cli_option options[] = {
        CLI_FLAG("tell", &wish.tell),
        CLI_FLAG("json", &wish.json),
        CLI_TEXT("refused", &wish.refused),
        CLI_OPTIONS_END,
    };
    struct config *config;
    char *refused = NULL;
    int status;

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (argc - optind != 1)
        return cli_usage(cli, "say which file");
    config = cli_config(cli);
    if (config == NULL)
        return CLI_FAILED;
    if (wish.refused == NULL) {
        if (asprintf(&refused, "%s.refused",
                     strcmp(argv[optind], "-") == 0 ? "stdin" : argv[optind]) < 0)
            abort();
        wish.refused = refused;
    }
    status = import_file(cli, config, &wish, argv[optind]);
    free(refused);
    config_destroy(config);
    return status;
}

const struct command command_import = {
    "import",
    "a CRM's events from a file",
    "FILE [--tell] [--refused FILE] [--json]",
    "A CloudEvent a line, as POST /v1/events takes them (docs/crm.md); '-' is standard input. "
    "Each\n"
    "counts once, so what was broken off is run again. Refused lines are written to "
    "FILE.refused,\n"
    "each with a remark before it that says why; lines that begin with # are passed over, so "
    "that\n"
    "file is mended and imported in its turn. Exits with 1 when there are any. Connects as\n"
    "database.owner_url.\n\n"
    "  --tell          customers hear of what happened within the last day (else nothing)\n"
    "  --refused FILE  where refused lines go\n"
    "  --json          the result as an object\n",
    run,
};
