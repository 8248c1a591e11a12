/* Any bytes may be cut, folded and made sane. The first byte of the input says where to cut. */
#include "bot/base/arena.h"
#include "bot/base/str.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_cut(struct arena *arena, struct str text, size_t max)
{
    struct str cut = str_cut(arena, text, max);
    must(str_length(cut) <= max);
    if (str_length(text) <= max) {
        must(cut.at == text.at && cut.len == text.len);
        return;
    }
    struct str ellipsis = STR("\u2026");
    must(cut.len == 0 || str_ends(cut, ellipsis));
    must(cut.len == 0 || str_starts(text, str_slice(cut, 0, cut.len - ellipsis.len)));
    must(str_is_utf8(cut) || !str_is_utf8(text));
}

static void check_folds(struct arena *arena, struct str text)
{
    struct str fold = str_fold(arena, text);
    must(str_eq(str_fold(arena, fold), fold));
    must(!str_is_utf8(text) || str_is_utf8(fold));
}

static void check_sane(struct arena *arena, struct str text)
{
    struct str sane = str_sane(arena, text);
    must(str_is_utf8(sane));
    must(str_length(sane) == str_length(text));
    must(!str_is_utf8(text) || sane.at == text.at);
    must(str_length(text) <= text.len);
    must(str_trim(text).len <= text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena arena = {0};
    struct str text = {(const char *)data + 1, size - 1};
    check_cut(&arena, text, data[0]);
    check_folds(&arena, text);
    check_sane(&arena, text);
    arena_finish(&arena);
    return 0;
}
