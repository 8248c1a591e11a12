/*
 * Any bytes as a file of a workflow: it is read, or refused with a place and a cure. What was
 * read has a beginning and an end, and reads back from what is written of it.
 */
#include "bot/later/workflow_file.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static bool has(const struct workflow *workflow, const char *phase)
{
    for (size_t i = 0; i < workflow->n; i++) {
        if (str_eq(workflow->states[i].phase, str_from(phase)))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct workflow once, twice;
    struct err err = {0};

    if (!workflow_read(&arena, STR("w.yaml"), (struct str){(const char *)data, size}, &once,
                       &err)) {
        hold(err.code == ERR_REJECT && err.text[0] != '\0');
    } else {
        struct str text = workflow_write(&arena, &once);
        hold(has(&once, "active") && has(&once, "done"));
        hold(str_is_utf8(text));
        if (!workflow_read(&arena, STR("w.yaml"), text, &twice, &err))
            abort();
        hold(twice.n == once.n && str_eq(twice.name, once.name));
        for (size_t i = 0; i < once.n; i++) {
            hold(str_eq(twice.states[i].status, once.states[i].status) &&
                 str_eq(twice.states[i].names, once.states[i].names) &&
                 str_eq(twice.states[i].icon, once.states[i].icon) &&
                 twice.states[i].progress == once.states[i].progress);
        }
    }
    arena_finish(&arena);
    return 0;
}
