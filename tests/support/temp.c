#include "tests/support/temp.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *temp_home(void)
{
    const char *home = getenv("TMPDIR");

    return home != NULL && home[0] != '\0' ? home : "/tmp";
}

static void fresh_path(char path[TEMP_PATH], const char *name)
{
    int n = snprintf(path, TEMP_PATH, "%s/parley-%s-XXXXXX", temp_home(), name);

    if (n < 0 || n >= TEMP_PATH)
        fail_msg("TMPDIR is too long a path for tests: %s", temp_home());
}

void temp_folder(char path[TEMP_PATH], const char *name)
{
    fresh_path(path, name);
    if (mkdtemp(path) == NULL)
        fail_msg("%s: %s", path, strerror(errno));
}

void temp_file(char path[TEMP_PATH], const char *name)
{
    fresh_path(path, name);
    int file = mkstemp(path);

    if (file < 0)
        fail_msg("%s: %s", path, strerror(errno));
    (void)close(file);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void temp_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
