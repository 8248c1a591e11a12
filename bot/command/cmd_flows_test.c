/*
 * parley flows test: transcripts, played by the engine with a clock of their own. No service,
 * no database, no compiler: what loads and actions answer stands in the transcript or beside
 * it.
 */
#include "bot/command/flows_tools.h"

#include "flows/play/play.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20)

struct trial {
    const struct flows_call *call;
    struct book *book;
    unsigned played, failed;
};

static bool read_whole(struct arena *into, const char *path, struct str *bytes, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    char *at = arena_alloc(into, FILE_MAX);

    if (!file)
        return err_raise(err, ERR_REJECT, "%s: %s", path, strerrordesc_np(errno));
    *bytes = (struct str){at, fread(at, 1, FILE_MAX, file)};
    (void)fclose(file);
    if (bytes->len == FILE_MAX)
        return err_raise(err, ERR_REJECT, "%s: too long for a transcript", path);
    return true;
}

static bool write_whole(const char *path, struct str bytes, struct err *err)
{
    FILE *file = fopen(path, "wbe");
    bool ok = file && fwrite(bytes.at, 1, bytes.len, file) == bytes.len;

    if (file && fclose(file) != 0)
        ok = false;
    return ok || err_raise(err, ERR_REJECT, "%s: cannot be written", path);
}

/* stage.yaml in the transcript's folder, if there is one. */
static bool read_stage(struct arena *into, const char *path, struct stage **stage,
                       struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct str folder = slash ? (struct str){path, (size_t)(slash - path) + 1} : STR_NONE;
    struct str name = arena_format(into, "%.*sstage.yaml", STR_ARG(folder));
    struct str bytes = STR_NONE;
    struct stat info;

    *stage = NULL;
    if (stat(name.at, &info) != 0)
        return true;
    return read_whole(into, name.at, &bytes, err) && stage_read(into, name, bytes, stage, err);
}

static bool compare(const struct trial *trial, const char *path, struct str expected,
                    struct str played, struct err *err)
{
    struct str was, is;
    unsigned line;

    if (str_eq(expected, played))
        return true;
    if (trial->call->write) {
        (void)fprintf(trial->call->cli->out, "%s: written\n", path);
        return write_whole(path, played, err);
    }
    line = play_difference(expected, played, &was, &is);
    return err_raise(err, ERR_REJECT, "%s:%u\n  stands there: %.*s\n  came back:    %.*s", path,
                     line, (int)(was.len < 100 ? was.len : 100), was.at ? was.at : "",
                     (int)(is.len < 100 ? is.len : 100), is.at ? is.at : "");
}

static void play_file(struct trial *trial, const char *path)
{
    struct play play = {.book = trial->book, .channel = trial->call->channel};
    struct arena arena = {0};
    struct stage *stage;
    struct err err = {0};
    struct str expected = STR_NONE, played = STR_NONE;
    bool ok =
        read_whole(&arena, path, &expected, &err) && read_stage(&arena, path, &stage, &err);

    play.stage = ok ? stage : NULL;
    if (ok && !play_transcript(&arena, &play, expected, &played, &err))
        ok = err_wrap(&err, "%s", path);
    ok = ok && compare(trial, path, expected, played, &err);
    trial->played++;
    if (!ok) {
        trial->failed++;
        (void)fprintf(trial->call->cli->err, "%s\n", err.text);
    }
    arena_finish(&arena);
}

static int is_chat(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), STR(".chat"));
}

static void play_path(struct trial *trial, const char *path)
{
    struct arena arena = {0};
    struct dirent **entries = NULL;
    struct stat info;
    int n = 0;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        n = scandir(path, &entries, is_chat, alphasort);
    } else {
        play_file(trial, path);
    }
    for (int i = 0; i < n; i++) {
        play_file(trial, arena_format(&arena, "%s/%s", path, entries[i]->d_name).at);
        free(entries[i]);
    }
    free(entries);
    arena_finish(&arena);
}

int flows_test(const struct flows_call *call)
{
    struct trial trial = {.call = call};

    if (call->n == 0)
        return cli_usage(call->cli, "which transcripts? name files or folders");
    if (call->write && call->channel != CHANNEL_NONE)
        return cli_usage(call->cli, "transcripts are written as WhatsApp has them");
    trial.book = flows_book(call);
    if (!trial.book)
        return CLI_FAILED;
    for (int i = 0; i < call->n; i++)
        play_path(&trial, call->args[i]);
    (void)fprintf(call->cli->out, "%u transcript%s, %u failed\n", trial.played,
                  CLI_OF(trial.played, "", "s"), trial.failed);
    book_destroy(trial.book);
    return trial.failed > 0 || trial.played == 0 ? CLI_FAILED : CLI_DONE;
}
