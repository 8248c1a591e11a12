/*
 * The doctor's look at the document store. A folder is only looked at, since whoever runs the
 * doctor may be another user than the service and would own what they make; a bucket is tried
 * with a small object of nobody's, which is removed again.
 */
#include "bot/command/doctor.h"

#include "bot/file/documents.h"

#include <sys/stat.h>
#include <unistd.h>

struct probe {
    struct document_op op;
    struct loop loop;
    struct documents *documents;
    struct arena arena;
};

static void tried(struct document_op *op)
{
    struct probe *probe = CONTAINER_OF(op, struct probe, op);

    loop_stop(&probe->loop);
}

static bool try_one(struct probe *probe,
                    void (*verb)(struct documents *documents, struct document_op *op),
                    struct err *err)
{
    verb(probe->documents, &probe->op);
    loop_run(&probe->loop);
    if (probe->op.err.code == ERR_NONE)
        return true;
    *err = probe->op.err;
    return false;
}

static bool try_bucket(const struct config *config, struct err *err)
{
    struct probe probe = {
        .op = {.bytes = STR("parley doctor"), .done = tried}
    };
    bool ok;

    if (!loop_init(&probe.loop, err))
        return false;
    probe.op.into = &probe.arena;
    probe.op.key.sha256 = sha256(probe.op.bytes);
    ok = documents_create(&probe.loop, config, &probe.documents, err) &&
         try_one(&probe, documents_put, err) && try_one(&probe, documents_get, err) &&
         try_one(&probe, documents_drop, err);
    documents_close(probe.documents);
    loop_run(&probe.loop);
    documents_destroy(probe.documents);
    (void)loop_finish(&probe.loop);
    arena_finish(&probe.arena);
    return ok;
}

static void look_at_folder(struct report *report, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        report_add(report, FINDING_WARN, "documents",
                   "make it, for the service's user alone: install -d -m 700 -o parley PATH",
                   "%s, where customers' files are to lie, is not there", path);
    } else if (access(path, W_OK) != 0) {
        report_add(report, FINDING_WARN, "documents", "give it to the service's user",
                   "%s cannot be written to by who runs this", path);
    } else if ((info.st_mode & 077) != 0) {
        report_add(report, FINDING_WARN, "documents", "chmod 700 it",
                   "%s, where customers' files lie, may be looked at by others", path);
    } else {
        report_add(report, FINDING_OK, "documents", NULL, "customers' files lie in %s", path);
    }
}

void doctor_documents(struct report *report, const struct config *config)
{
    struct err err = {0};

    if (str_eq(config->documents.store, STR("local"))) {
        look_at_folder(report, config->documents.path.at);
    } else if (try_bucket(config, &err)) {
        report_add(report, FINDING_OK, "documents", NULL,
                   "customers' files lie in the bucket %.*s",
                   STR_ARG(config->documents.bucket));
    } else {
        report_add(report, FINDING_FAIL, "documents",
                   "mend documents.* of the settings, or the bucket: files cannot be kept",
                   "%s", err.text);
    }
}
