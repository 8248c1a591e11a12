/*
 * The doctor's look at the spool: what waits there although the database is well, and whether
 * there is one at all. It only reads: the folder is the service's.
 */
#include "bot/command/doctor.h"

#include "bot/door/spool_folder.h"
#include "bot/loop/loop.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct look {
    size_t records;
    usec_t oldest;
};

static void found(void *with, const struct spool_entry *entry)
{
    struct look *look = with;

    look->records++;
    if (look->oldest == 0 || entry->at < look->oldest)
        look->oldest = entry->at;
}

static bool look_into(const struct spool_folder *folder, struct look *look)
{
    struct spool_segment *segments;
    size_t n, bytes;

    if (!spool_list(folder, &segments, &n, &bytes))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct spool_scan scan;
        struct str content;
        if (spool_segment_read(folder, segments[i].number, 0, SIZE_MAX, &content))
            spool_scan(content, &scan, found, look);
        free((char *)content.at);
    }
    free(segments);
    return true;
}

static void tell_waiting(struct report *report, const struct spool_folder *folder)
{
    struct look look = {0};
    char path[SPOOL_PATH];

    spool_path(folder, "unreadable", path);
    if (access(path, F_OK) == 0) {
        report_add(
            report, FINDING_WARN, "spool",
            "was secrets.key changed while deliveries waited? Remove the file when it is "
            "of no use to you",
            "%s has deliveries that could not be opened", path);
    }
    if (access(folder->dir, F_OK) != 0) {
        report_add(report, FINDING_OK, "spool", NULL, "nothing was ever spooled to %s",
                   folder->dir);
    } else if (!look_into(folder, &look)) {
        report_add(report, FINDING_WARN, "spool", "run this as the service's user",
                   "%s cannot be looked into", folder->dir);
    } else if (look.records > 0) {
        report_add(
            report, FINDING_WARN, "spool",
            "see that the service runs here and reaches the database: it drains by itself",
            "%zu %s in %s, the oldest for %lld s", look.records,
            CLI_OF(look.records, "delivery waits", "deliveries wait"), folder->dir,
            (long long)((clock_now() - look.oldest) / USEC_PER_SEC));
    } else {
        report_add(report, FINDING_OK, "spool", NULL, "nothing waits in %s", folder->dir);
    }
}

void doctor_spool(struct report *report, const struct config *config)
{
    struct spool_folder folder = {.dir = config->spool.dir.at, .max = config->spool.max};

    if (config->twilio.auth_token.len == 0 || config->public_url.len == 0)
        return;
    if (config->spool.dir.len == 0 || config->secrets.key.len == 0) {
        report_add(report, FINDING_WARN, "spool",
                   config->spool.dir.len == 0 ? "set spool.dir" : "set secrets.key",
                   "there is no spool: SMS that come while the database is away are lost");
        return;
    }
    tell_waiting(report, &folder);
}
