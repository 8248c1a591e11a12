#include "bot/later/csv.h"

/* All fields as long as they may be, in quotes, each of their bytes a doubled quote. */
enum { LINE_LEN_MAX = CSV_COLUMNS_MAX * (2 * CSV_FIELD_MAX + 3) };

/* The next line that is not empty, without its end. */
static bool take_line(struct csv *csv, struct str *line)
{
    while (csv->rest.len > 0) {
        size_t end = str_find(csv->rest, STR("\n"));
        *line = str_slice(csv->rest, 0, end);
        csv->rest = str_slice(csv->rest, end + 1, csv->rest.len);
        csv->line++;
        if (line->len > 0 && line->at[line->len - 1] == '\r')
            line->len--;
        if (str_trim(*line).len > 0)
            return true;
    }
    return false;
}

/* A field in quotes from `*at` on, which is behind the first of them. */
static bool take_quoted(struct arena *into, struct str line, size_t *at, struct str *field)
{
    char *text = arena_array(into, char, line.len - *at + 1);
    size_t n = 0;

    for (; *at < line.len; ++*at) {
        if (line.at[*at] == '"') {
            if (*at + 1 == line.len || line.at[*at + 1] != '"') {
                ++*at;
                *field = (struct str){text, n};
                return true;
            }
            ++*at; /* a doubled one is one */
        }
        text[n++] = line.at[*at];
    }
    return false;
}

static const char *take_field(const struct csv *csv, struct arena *into, struct str line,
                              size_t *at, struct str *field)
{
    size_t from = *at;

    if (from < line.len && line.at[from] == '"') {
        ++*at;
        if (!take_quoted(into, line, at, field))
            return "a quote is not closed on its line";
    } else {
        while (*at < line.len && line.at[*at] != csv->comma && line.at[*at] != '"')
            ++*at;
        *field = str_slice(line, from, *at - from);
    }
    if (*at < line.len && line.at[*at] != csv->comma)
        return "a quote stands in the middle of a field";
    *field = str_trim(*field);
    return field->len > CSV_FIELD_MAX ? "a field is too long" : NULL;
}

/* NULL, or what is wrong. */
static const char *take_fields(const struct csv *csv, struct arena *into, struct str line,
                               struct str fields[CSV_COLUMNS_MAX], size_t *n)
{
    size_t at = 0;

    *n = 0;
    if (line.len > LINE_LEN_MAX)
        return "the line is too long";
    if (!str_is_utf8(line))
        return "it is not UTF-8";
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return "there is a control character in it";
    }
    for (;; at++) {
        if (*n == CSV_COLUMNS_MAX)
            return "it has too many fields";
        const char *why = take_field(csv, into, line, &at, &fields[(*n)++]);
        if (why != NULL || at >= line.len)
            return why;
    }
}

static char comma_of(struct str head)
{
    static const char commas[] = {',', ';', '\t'};

    for (size_t i = 0; i < COUNTOF(commas); i++) {
        if (memchr(head.at, commas[i], head.len) != NULL)
            return commas[i];
    }
    return ',';
}

enum csv_outcome csv_begin(struct csv *csv, struct arena *into, struct str bytes,
                           struct str columns[CSV_COLUMNS_MAX], const char **why)
{
    struct str mark = STR("\xef\xbb\xbf"), line;

    *csv = (struct csv){.rest = str_starts(bytes, mark) ? str_slice(bytes, mark.len, bytes.len)
                                                        : bytes};
    if (!take_line(csv, &line))
        return CSV_END;
    csv->comma = comma_of(line);
    *why = take_fields(csv, into, line, columns, &csv->n);
    return *why == NULL ? CSV_ROW : CSV_WRONG;
}

enum csv_outcome csv_next(struct csv *csv, struct arena *into,
                          struct str fields[CSV_COLUMNS_MAX], const char **why)
{
    struct str line;
    size_t n;

    if (!take_line(csv, &line))
        return CSV_END;
    *why = take_fields(csv, into, line, fields, &n);
    if (*why == NULL && n != csv->n) {
        *why = n < csv->n ? "it has fewer fields than the head"
                          : "it has more fields than the head";
    }
    return *why == NULL ? CSV_ROW : CSV_WRONG;
}
