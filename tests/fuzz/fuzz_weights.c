/*
 * A file of weights that somebody gives us is either refused or can be asked anything: nothing
 * outside of it is read, whatever its head says. The bytes are its head; its rows are made
 * here.
 */
#include "flows/understand/trained.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 2 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trained trained = {0};
    struct arena arena = {0};
    const struct str head = STR("PARLEY\1\n");
    uint32_t mark = features_mark();
    size_t len = size;
    char *bytes = arena_alloc(&arena, MOST);

    if (size > MOST)
        return 0;
    memcpy(bytes, data, size);
    if (size >= 16) { /* else hardly any would get beyond */
        memcpy(bytes, head.at, head.len);
        memcpy(bytes + head.len, &mark, sizeof(mark));
        len = weights_size(data[12] + 256U * data[13], data[14] + 256U * data[15]);
    }
    if (len <= MOST && !trained_open((struct str){bytes, len}, &trained)) {
        struct classified classified = {0};

        trained.classifier.classify(&trained.classifier, &arena,
                                    STR("where is my parcel, it is late"), &classified);
        if (classified.confidence < 0 || classified.confidence > 100)
            abort();
    }
    arena_finish(&arena);
    return 0;
}
