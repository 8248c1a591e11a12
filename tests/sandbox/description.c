#include "tests/sandbox/description.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool description_at(struct description *description, const char *path, struct err *err)
{
    if (path && access(path, R_OK) != 0)
        return err_raise(err, ERR_REJECT, "%s: %s", path, strerror(errno));
    *description = (struct description){.path = path};
    return true;
}

const json_t *description_read(struct description *description)
{
    json_error_t why;

    if (!description->path || description->document)
        return description->document;
    description->document = json_load_file(description->path, 0, &why);
    if (!description->document) {
        (void)fprintf(stderr, "parley-sandbox: %s: %s\n", description->path, why.text);
        exit(1);
    }
    return description->document;
}

void description_finish(struct description *description)
{
    json_decref(description->document);
    *description = (struct description){.path = NULL};
}
