/* Any bytes may come as a file. What is said of them must hold together, and the bytes are
 * looked at in a block of exactly their size, so that a step beyond it is seen. */
#include "bot/base/sniff.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    struct file_look look = file_sniff((struct str){copy, size});
    must(look.mime && look.ending);
    must((look.kind == FILE_UNKNOWN) == (look.mime[0] == '\0'));
    must(look.kind != FILE_UNKNOWN || look.verdict == FILE_STRANGE);
    must((uint64_t)look.width * look.height <= FILE_PIXELS_MAX);
    must(look.verdict == FILE_FINE || look.width == 0);
    free(copy);
    return 0;
}
