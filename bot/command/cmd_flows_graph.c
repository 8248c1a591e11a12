/*
 * parley flows graph: a picture of each flow and one of all. Graphviz says where things stand
 * (its `dot` is run as a program: linked in, it would bring a font library into the service);
 * what they look like is ours.
 */
#include "bot/command/flows_tools.h"

#include "flows/draw/draw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAYOUT_MAX ((size_t)16 << 20)

/* --- graphviz ----------------------------------------------------------------------------- */

static pid_t start_dot(FILE *in, FILE *out)
{
    char *argv[] = {(char *)"dot", (char *)"-Tjson0", NULL};
    const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): one thread */
    char *alone[] = {NULL, NULL};
    pid_t pid;

    /* another's program, which has no business with the secrets of our environment */
    if (path && asprintf(&alone[0], "PATH=%s", path) < 0)
        abort();
    pid = fork();

    if (pid != 0) {
        free(alone[0]);
        return pid;
    }
    if (dup2(fileno(in), STDIN_FILENO) < 0 || dup2(fileno(out), STDOUT_FILENO) < 0)
        _exit(126);
    (void)execvpe(argv[0], argv, alone);
    _exit(127);
}

static bool run_dot(FILE *in, FILE *out, struct err *err)
{
    pid_t pid = start_dot(in, out);
    int status = -1;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return err_raise(err, ERR_RETRY, "dot cannot be started: %s", strerrordesc_np(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_raise(err, ERR_REJECT, "there is no graphviz: apt install graphviz");
    return status == 0 || err_raise(err, ERR_REJECT, "dot ended with %d", status);
}

static bool read_back(struct arena *into, FILE *file, struct str *text, struct err *err)
{
    struct stat info;

    if (fstat(fileno(file), &info) != 0 || (size_t)info.st_size > LAYOUT_MAX)
        return err_raise(err, ERR_REJECT, "the layout is too large");
    char *at = arena_alloc(into, (size_t)info.st_size + 1);
    rewind(file);
    *text = (struct str){at, fread(at, 1, (size_t)info.st_size, file)};
    return true;
}

/* Through files without a name, so that neither side waits for the other. */
static bool lay_out(struct arena *into, struct str dot, struct str *layout, struct err *err)
{
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    bool ok = in && out;

    if (!ok)
        (void)err_raise(err, ERR_RETRY, "no temporary file: %s", strerrordesc_np(errno));
    ok = ok && fwrite(dot.at, 1, dot.len, in) == dot.len && fflush(in) == 0;
    if (ok)
        rewind(in);
    ok = ok && run_dot(in, out, err) && read_back(into, out, layout, err);
    if (in)
        (void)fclose(in);
    if (out)
        (void)fclose(out);
    return ok;
}

/* --- pictures ----------------------------------------------------------------------------- */

struct album {
    const struct flows_call *call;
    const struct book *book;
    struct arena arena;
};

/* The picture of a flow, or of all when `name` is empty. */
static bool picture(struct album *album, struct str name, struct str *svg, struct err *err)
{
    struct drawing *drawing = name.len > 0 ? drawing_of_flow(&album->arena, album->book, name)
                                           : drawing_of_book(&album->arena, album->book);
    struct str layout = STR_NONE;

    if (!drawing)
        return err_raise(err, ERR_REJECT, "there is no flow '%.*s'", STR_ARG(name));
    return lay_out(&album->arena, drawing_dot(&album->arena, drawing), &layout, err) &&
           drawing_svg(&album->arena, drawing, layout, svg, err);
}

static bool write_picture(struct album *album, struct str name, struct err *err)
{
    struct str file = name.len > 0 ? name : STR("all");
    struct str path =
        arena_format(&album->arena, "%s/%.*s.svg", album->call->to, STR_ARG(file));
    struct str svg = STR_NONE;

    if (!picture(album, name, &svg, err))
        return err_wrap(err, "%.*s", STR_ARG(file));
    FILE *to = fopen(path.at, "wbe");
    if (!to)
        return err_raise(err, ERR_REJECT, "%s: %s", path.at, strerrordesc_np(errno));
    bool ok = fwrite(svg.at, 1, svg.len, to) == svg.len;
    ok = fclose(to) == 0 && ok;
    return ok || err_raise(err, ERR_REJECT, "%s cannot be written", path.at);
}

static bool write_all(struct album *album, struct err *err)
{
    struct str_list names = drawing_names(&album->arena, album->book);

    for (size_t i = 0; i < names.n; i++) {
        if (!write_picture(album, names.items[i], err))
            return false;
    }
    if (!write_picture(album, STR_NONE, err))
        return false;
    (void)fprintf(album->call->cli->out, "%zu pictures in %s\n", names.n + 1, album->call->to);
    return true;
}

int flows_graph(const struct flows_call *call)
{
    struct book *book = flows_book(call);
    struct album album = {.call = call, .book = book};
    struct err err = {0};
    struct str svg = STR_NONE;
    bool ok;

    if (!book)
        return CLI_FAILED;
    if (call->to) {
        ok = write_all(&album, &err);
    } else {
        ok = picture(&album, call->n > 0 ? str_from(call->args[0]) : STR_NONE, &svg, &err) &&
             cli_print(call->cli, svg);
    }
    arena_finish(&album.arena);
    book_destroy(book);
    return ok ? CLI_DONE : cli_fail(call->cli, &err);
}
