#include "flows/understand/compile/source.h"

#include "flows/understand/letters.h"

#include <stdarg.h>
#include <stdlib.h>

enum { BYTES_MAX = 4 << 20 };

void source_fail(const struct source *source, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fprintf(stderr, "%s:%d: error: ", source->name, source->line);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1); // NOLINT(concurrency-mt-unsafe): one thread
}

struct str source_read(struct source *source, const char *name)
{
    FILE *file = fopen(name, "rb");
    char *bytes = arena_alloc(&source->arena, BYTES_MAX);
    size_t len;

    source->name = name;
    if (!file)
        source_fail(source, "cannot be read");
    len = fread(bytes, 1, BYTES_MAX, file);
    (void)fclose(file);
    return (struct str){bytes, len};
}

int source_compile(struct source *source, int argc, char **argv,
                   void (*read_line)(struct str line), void (*write_table)(FILE *out))
{
    struct str text, line;
    FILE *out;

    if (argc != 3)
        return 1;
    source->text = source_read(source, argv[1]);
    text = source->text;
    while (str_split(&text, '\n', &line)) {
        source->line++;
        read_line(line);
    }
    out = fopen(argv[2], "w");
    if (!out)
        source_fail(source, "%s cannot be written", argv[2]);
    write_table(out);
    arena_finish(&source->arena);
    return fclose(out) == 0 ? 0 : 1;
}

struct str source_level(struct source *source, struct str word)
{
    char *out = arena_alloc(&source->arena, 4 * word.len + 1);
    size_t n = 0;

    for (size_t at = 0; at < word.len;) {
        uint32_t c = letter_level(letter_next(word, &at));

        if (c)
            n += letter_put(out + n, c);
    }
    return (struct str){out, n};
}
