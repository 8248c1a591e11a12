/*
 * What a parser would build out of a mail, counted over its lines before it builds anything.
 *
 * A part costs a thousand times the bytes of its boundary, a header field fifty times its own,
 * a level of nesting a look at every line, and an address in a list a look at all those before
 * it. So all of them are bounded, by far more than people's mails have.
 */
#include "webhooks/mime_parts.h"

#include <strings.h>

#define FIELDS_MAX 2000
#define HEAD_MAX   ((size_t)512 << 10) /* bytes of all heads together */
#define COLONS_MAX 200                 /* of one field */
#define MARKS_MAX  4000                /* commas and semicolons of all heads together */
#define PARTS_MAX  1000
#define LEVELS_MAX 60

struct look {
    size_t fields, head, parts, levels;
    size_t colons, most_colons, marks;
    bool in_head;
    bool mail_inside; /* this head announces a mail, which begins with a head of its own */
    bool digest;      /* parts may be mails without saying so */
};

static bool has(struct str line, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= line.len; i++) {
        if ((line.at[i] | 0x20) == word[0] && strncasecmp(line.at + i, word, len) == 0)
            return true;
    }
    return false;
}

static size_t colons_in(struct str line)
{
    size_t n = 0;

    for (size_t i = 0; i < line.len; i++)
        n += line.at[i] == ':';
    return n;
}

/* What ends an address in a list, or a parameter. */
static size_t marks_in(struct str line)
{
    size_t n = 0;

    for (size_t i = 0; i < line.len; i++)
        n += line.at[i] == ',' || line.at[i] == ';';
    return n;
}

/* A field goes on in lines that begin with a blank. */
static void count_colons(struct look *look, struct str line)
{
    bool folded = line.at[0] == ' ' || line.at[0] == '\t';

    look->colons = (folded ? look->colons : 0) + colons_in(line);
    if (look->colons > look->most_colons)
        look->most_colons = look->colons;
}

static void look_at(struct look *look, struct str line)
{
    bool inside;

    if (line.len > 2 && line.at[0] == '-' && line.at[1] == '-') {
        look->parts++;
        look->in_head = true;
        look->mail_inside = look->digest;
    } else if (!look->in_head) {
        return;
    } else if (line.len == 0) {
        look->in_head = look->mail_inside;
        look->mail_inside = false;
    } else {
        look->fields++;
        look->head += line.len;
        look->marks += marks_in(line);
        count_colons(look, line);
        inside = has(line, "message") && !has(line, "message-id");
        look->mail_inside |= inside;
        look->levels += inside || has(line, "boundary");
        look->digest |= has(line, "digest");
    }
}

bool mime_guard(struct str raw, struct err *err)
{
    struct look look = {.in_head = true};
    struct str line;

    if (raw.len == 0)
        return err_raise(err, ERR_REJECT, "an empty mail");
    while (str_split(&raw, '\n', &line)) {
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        look_at(&look, line);
    }
    if (look.fields > FIELDS_MAX || look.head > HEAD_MAX) {
        return err_raise(err, ERR_REJECT, "a mail with %zu header lines of %zu bytes",
                         look.fields, look.head);
    }
    if (look.parts > PARTS_MAX || look.levels > LEVELS_MAX) {
        return err_raise(err, ERR_REJECT, "a mail with %zu parts in %zu levels", look.parts,
                         look.levels);
    }
    if (look.marks > MARKS_MAX)
        return err_raise(err, ERR_REJECT, "a mail with %zu marks in its heads", look.marks);
    return look.most_colons <= COLONS_MAX ||
           err_raise(err, ERR_REJECT, "a mail with %zu colons in one field", look.most_colons);
}
