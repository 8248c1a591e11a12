/*
 * The files that came with a report, out of the document store and into a folder.
 */
#include "bot/file/ticket_files.h"

#include "bot/base/sniff.h"
#include "bot/file/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void got(struct document_op *op)
{
    loop_stop((struct loop *)(void *)op->work.data);
}

/* From the store, in a loop of its own. */
static bool fetch_file(struct desk *desk, struct uuid org, const struct hash *sha256,
                       struct str *bytes, struct err *err)
{
    struct loop loop;
    struct documents *documents = NULL;
    struct document_op op = {
        .key = {org, *sha256},
          .into = &desk->arena, .done = got
    };
    if (!loop_init(&loop, err))
        return false;
    op.work.data = &loop;
    bool ok = documents_create(&loop, desk->config, &documents, err);
    if (ok) {
        documents_get(documents, &op);
        loop_run(&loop);
    }
    documents_close(documents);
    loop_run(&loop);
    documents_destroy(documents);
    (void)loop_finish(&loop);
    *bytes = op.bytes;
    if (op.err.code != ERR_NONE)
        *err = op.err;
    return ok && op.err.code == ERR_NONE &&
           (op.found || err_raise(err, ERR_RETRY, "the document store does not have it"));
}

static bool write_file(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = file && fwrite(bytes.at ? bytes.at : "", 1, bytes.len, file) == bytes.len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok || err_raise(err, ERR_REJECT, "cannot write %s: %s", path,
                           strerrordesc_np(errno) ? strerrordesc_np(errno) : "?");
}

bool ticket_file_save(struct desk *desk, const struct ticket *ticket,
                      const struct ticket_file *file, size_t place, const char *folder,
                      struct err *err)
{
    struct str bytes = STR_NONE;
    const char *path;
    if (!str_eq(file->state, STR("kept")))
        return true;
    if (!fetch_file(desk, ticket->org, &file->sha256, &bytes, err))
        return err_wrap(err, "file %zu", place);
    path = arena_format(&desk->arena, "%s/%.*s-%zu.%s", folder, STR_ARG(ticket->number), place,
                        file_sniff(bytes).ending)
               .at;
    if (!write_file(path, bytes, err))
        return false;
    (void)fprintf(desk->cli->err, "%s\n", path);
    return true;
}
