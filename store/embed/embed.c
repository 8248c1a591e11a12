/*
 * Turns SQL files into C at build time, so that the binary needs no files beside it.
 *
 *     embed HEADER SOURCE FILE...
 *
 * A file whose name begins with a digit is a migration and is embedded whole, as is a script of
 * a folder `seed`: seed/demo.sql becomes `seed_demo_sql`. Any other file holds blocks, each led
 * by `-- name: outbox_sent`; a block becomes the constant SQL_OUTBOX_SENT. Comment lines are
 * left out of a query's text, and its number of parameters is the highest $n outside comments
 * and quotes. Whatever looks wrong stops the build.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERIES_MAX    512
#define MIGRATIONS_MAX 256
#define SEEDS_MAX      16
#define NAME_MAX_LEN   60 /* a prepared statement's name ends at 63 */
#define PARAMS_MAX     64 /* as in db_parts.h */

struct query {
    char *text;
    const char *file;
    int n_params;
    int line;
    char name[NAME_MAX_LEN + 1];
};

struct migration {
    int number;
    char name[NAME_MAX_LEN + 1];
    char *text;
};

struct seed {
    char name[NAME_MAX_LEN + 1];
    char *text;
};

static struct query queries[QUERIES_MAX];
static size_t n_queries;
static struct migration migrations[MIGRATIONS_MAX];
static size_t n_migrations;
static struct seed seeds[SEEDS_MAX];
static size_t n_seeds;

static _Noreturn __attribute__((format(printf, 3, 4))) void fail(const char *file, int line,
                                                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "%s:%d: error: ", file, line);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1); // NOLINT(concurrency-mt-unsafe): one thread
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, 0, "cannot be read");
    size_t room = 1 << 20;
    char *text = malloc(room);
    if (!text)
        fail(path, 0, "out of memory");
    size_t len = fread(text, 1, room - 1, file);
    (void)fclose(file);
    if (len == room - 1)
        fail(path, 0, "longer than a megabyte");
    text[len] = '\0';
    if (strlen(text) != len)
        fail(path, 0, "holds a NUL");
    return text;
}

/* Where the quoted text or comment that may begin at `at` ends; `at` itself when none does. */
static const char *skip_quoted(const char *at)
{
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] != '\'' && at[0] != '"')
        return at;
    const char *end = strchr(at + 1, at[0]);
    return end ? end + 1 : at + strlen(at);
}

static int count_params(const char *text)
{
    int highest = 0;
    for (const char *at = text; *at;) {
        const char *after = skip_quoted(at);
        if (after != at) {
            at = after;
            continue;
        }
        if (at[0] == '$' && isdigit((unsigned char)at[1])) {
            int number = atoi(at + 1);
            highest = number > highest ? number : highest;
        }
        at++;
    }
    return highest;
}

static bool is_comment(const char *line)
{
    while (*line == ' ' || *line == '\t')
        line++;
    return line[0] == '-' && line[1] == '-';
}

static struct query *query_begin(const char *path, int line, const char *name, size_t len)
{
    if (n_queries == QUERIES_MAX)
        fail(path, line, "more than %d queries", QUERIES_MAX);
    if (len == 0 || len > NAME_MAX_LEN)
        fail(path, line, "a query's name has 1 to %d letters", NAME_MAX_LEN);
    struct query *query = &queries[n_queries++];
    memcpy(query->name, name, len);
    for (const char *at = query->name; *at; at++) {
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_')
            fail(path, line, "a query's name is made of a-z, 0-9 and _: %s", query->name);
    }
    for (size_t i = 0; i + 1 < n_queries; i++) {
        if (strcmp(queries[i].name, query->name) == 0) {
            fail(path, line, "%s is already named in %s:%d", query->name, queries[i].file,
                 queries[i].line);
        }
    }
    query->file = path;
    query->line = line;
    query->text = calloc(1, 1 << 16);
    if (!query->text)
        fail(path, line, "out of memory");
    return query;
}

static void query_end(struct query *query)
{
    size_t len = strlen(query->text);
    while (len > 0 &&
           (isspace((unsigned char)query->text[len - 1]) || query->text[len - 1] == ';'))
        query->text[--len] = '\0';
    if (len == 0)
        fail(query->file, query->line, "%s is empty", query->name);
    query->n_params = count_params(query->text);
    if (query->n_params > PARAMS_MAX) {
        fail(query->file, query->line, "%s has more than %d parameters", query->name,
             PARAMS_MAX);
    }
}

static void read_queries(const char *path)
{
    static const char mark[] = "-- name:";
    char *text = read_file(path);
    struct query *query = NULL;
    int number = 0;
    for (char *line = text; *line;) {
        number++;
        size_t len = strcspn(line, "\n");
        char *next = line + len + (line[len] == '\n');
        if (strncmp(line, mark, sizeof(mark) - 1) == 0) {
            if (query)
                query_end(query);
            const char *name = line + sizeof(mark) - 1;
            name += strspn(name, " ");
            query = query_begin(path, number, name, strcspn(name, " \r\n"));
        } else if (!is_comment(line) && len > 0) {
            if (!query)
                fail(path, number, "SQL before the first `-- name:`");
            if (strlen(query->text) + len + 2 > 1 << 16)
                fail(path, number, "%s is too long", query->name);
            strncat(query->text, line, len + 1);
        }
        line = next;
    }
    if (query)
        query_end(query);
    free(text);
}

static void read_migration(const char *path, const char *base)
{
    if (n_migrations == MIGRATIONS_MAX)
        fail(path, 0, "more than %d migrations", MIGRATIONS_MAX);
    struct migration *migration = &migrations[n_migrations++];
    migration->number = atoi(base);
    const char *name = base + strspn(base, "0123456789_");
    size_t len = strcspn(name, ".");
    if (len == 0 || len > NAME_MAX_LEN)
        fail(path, 0, "a migration is called NNNN_name.sql");
    memcpy(migration->name, name, len);
    migration->text = read_file(path);
    for (size_t i = 0; i + 1 < n_migrations; i++) {
        if (migrations[i].number == migration->number)
            fail(path, 0, "number %d is taken by %s", migration->number, migrations[i].name);
    }
}

static void read_seed(const char *path, const char *base)
{
    size_t len = strcspn(base, ".");
    if (n_seeds == SEEDS_MAX || len == 0 || len > NAME_MAX_LEN)
        fail(path, 0, "more than %d seeds, or its name is too long", SEEDS_MAX);
    struct seed *seed = &seeds[n_seeds++];
    memcpy(seed->name, base, len);
    seed->text = read_file(path);
}

static int by_number(const void *a, const void *b)
{
    return ((const struct migration *)a)->number - ((const struct migration *)b)->number;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct query *)a)->name, ((const struct query *)b)->name);
}

static void write_literal(FILE *out, const char *text)
{
    (void)fputs("\n    \"", out);
    for (const char *at = text; *at; at++) {
        if (*at == '\n') {
            (void)fputs(at[1] ? "\\n\"\n    \"" : "\\n", out);
        } else if (*at == '"' || *at == '\\') {
            (void)fprintf(out, "\\%c", *at);
        } else if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f) {
            (void)fprintf(out, "\\%03o", (unsigned)(unsigned char)*at);
        } else if (*at == '?') {
            (void)fputs("\\?", out); /* no trigraphs */
        } else {
            (void)fputc(*at, out);
        }
    }
    (void)fputc('"', out);
}

static void write_constant(FILE *out, const char *name)
{
    (void)fputs("SQL_", out);
    for (; *name; name++)
        (void)fputc(toupper((unsigned char)*name), out);
}

static void write_header(FILE *out)
{
    (void)fputs("/* Made by store/embed/embed.c from store/sql/. */\n#pragma once\n\n"
                "#include \"store/db.h\"\n\n",
                out);
    for (size_t i = 0; i < n_queries; i++) {
        (void)fputs("extern const struct sql ", out);
        write_constant(out, queries[i].name);
        (void)fputs(";\n", out);
    }
    (void)fputs("\nextern const struct sql *const sql_all[];\nextern const size_t sql_all_n;\n",
                out);
}

static void write_queries(FILE *out)
{
    for (size_t i = 0; i < n_queries; i++) {
        (void)fputs("const struct sql ", out);
        write_constant(out, queries[i].name);
        (void)fprintf(
            out, " = {\n    .name = \"%s\",\n    .n_params = %d,\n    .at = %zu,\n    .text =",
            queries[i].name, queries[i].n_params, i + 1);
        write_literal(out, queries[i].text);
        (void)fputs(",\n};\n\n", out);
    }
    (void)fputs("const struct sql *const sql_all[] = {\n", out);
    for (size_t i = 0; i < n_queries; i++) {
        (void)fputs("    &", out);
        write_constant(out, queries[i].name);
        (void)fputs(",\n", out);
    }
    (void)fprintf(out, "    NULL};\nconst size_t sql_all_n = %zu;\n\n", n_queries);
}

static void write_migrations(FILE *out)
{
    (void)fputs("const struct migration migrations_all[] = {\n", out);
    for (size_t i = 0; i < n_migrations; i++) {
        (void)fprintf(out, "    {.number = %d, .name = \"%s\", .text =", migrations[i].number,
                      migrations[i].name);
        write_literal(out, migrations[i].text);
        (void)fputs("},\n", out);
    }
    (void)fprintf(out, "    {.number = 0}};\nconst size_t migrations_all_n = %zu;\n",
                  n_migrations);
}

static void write_seeds(FILE *out)
{
    for (size_t i = 0; i < n_seeds; i++) {
        (void)fprintf(out, "\nconst char *const seed_%s_sql =", seeds[i].name);
        write_literal(out, seeds[i].text);
        (void)fputs(";\n", out);
    }
}

static FILE *open_out(const char *path)
{
    FILE *out = fopen(path, "wb");
    if (!out)
        fail(path, 0, "cannot be written");
    return out;
}

static void close_out(FILE *out, const char *path)
{
    if (ferror(out) || fclose(out) != 0)
        fail(path, 0, "could not be written");
}

int main(int argc, char **argv)
{
    if (argc < 3)
        fail("embed", 0, "usage: embed HEADER SOURCE FILE...");
    for (int i = 3; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        const char *base = slash ? slash + 1 : argv[i];
        if (isdigit((unsigned char)base[0])) {
            read_migration(argv[i], base);
        } else if (strstr(argv[i], "seed/")) {
            read_seed(argv[i], base);
        } else {
            read_queries(argv[i]);
        }
    }
    qsort(migrations, n_migrations, sizeof(migrations[0]), by_number);
    qsort(queries, n_queries, sizeof(queries[0]), by_name);

    FILE *header = open_out(argv[1]);
    write_header(header);
    close_out(header, argv[1]);
    FILE *source = open_out(argv[2]);
    (void)fputs(
        "/* Made by store/embed/embed.c from store/sql/ and store/migrations/. */\n"
        "#include \"store/migrate.h\"\n#include \"store/seed.h\"\n#include \"store/sql.h\"\n\n",
        source);
    write_queries(source);
    write_migrations(source);
    write_seeds(source);
    close_out(source, argv[2]);

    for (size_t i = 0; i < n_queries; i++)
        free(queries[i].text);
    for (size_t i = 0; i < n_migrations; i++)
        free(migrations[i].text);
    for (size_t i = 0; i < n_seeds; i++)
        free(seeds[i].text);
    return 0;
}
