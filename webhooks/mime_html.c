/*
 * One walk over the bytes: a tag, a reference or words, each handled where it stands. Nothing
 * is built and nothing is looked at twice, so no nesting and no missing end can hurt.
 */
#include "webhooks/mime_html.h"

#include "bot/base/ascii.h"

#include <strings.h>

#define DEPTH_MAX 8
#define TAG_MAX   16
#define REF_MAX   12

struct writing {
    char *at;
    size_t len, most;
    unsigned depth;     /* of quotations */
    unsigned pre;       /* of text whose blanks count */
    unsigned breaks;    /* line ends that are owed before the next word */
    bool blank;         /* a blank is owed */
    bool begun;         /* something stands already */
    bool line_is_empty; /* of the line that is being written */
};

/* --- out ---------------------------------------------------------------------------------- */

static void put(struct writing *out, const char *bytes, size_t n)
{
    if (n > out->most - out->len)
        n = out->most - out->len;
    memcpy(out->at + out->len, bytes, n);
    out->len += n;
}

static void begin_line(struct writing *out)
{
    for (unsigned i = 0; i < out->depth && i < DEPTH_MAX; i++)
        put(out, "> ", 2);
    out->line_is_empty = true;
}

static void settle(struct writing *out)
{
    if (!out->begun && out->breaks > 0)
        out->breaks = 1; /* so that a quotation that comes first is marked */
    for (; out->breaks > 0; out->breaks--) {
        if (out->begun)
            put(out, "\n", 1);
        begin_line(out);
        out->blank = false;
    }
    if (!out->begun && out->depth > 0 && out->len == 0)
        begin_line(out);
    if (out->blank && !out->line_is_empty)
        put(out, " ", 1);
    out->blank = false;
    out->begun = true;
}

static void put_word(struct writing *out, const char *bytes, size_t n)
{
    settle(out);
    put(out, bytes, n);
    out->line_is_empty = false;
}

static void owe(struct writing *out, unsigned breaks)
{
    if (out->breaks < breaks)
        out->breaks = breaks;
}

/* --- references --------------------------------------------------------------------------- */

struct reference {
    const char *name;
    unsigned code;
};

static const struct reference references[] = {
    {"amp",    '&'   },
    {"lt",     '<'   },
    {"gt",     '>'   },
    {"quot",   '"'   },
    {"apos",   '\''  },
    {"nbsp",   ' '   },
    {"iexcl",  0xA1  },
    {"pound",  0xA3  },
    {"copy",   0xA9  },
    {"laquo",  0xAB  },
    {"reg",    0xAE  },
    {"deg",    0xB0  },
    {"middot", 0xB7  },
    {"ordm",   0xBA  },
    {"ordf",   0xAA  },
    {"raquo",  0xBB  },
    {"iquest", 0xBF  },
    {"Aacute", 0xC1  },
    {"Auml",   0xC4  },
    {"Ccedil", 0xC7  },
    {"Egrave", 0xC8  },
    {"Eacute", 0xC9  },
    {"Iacute", 0xCD  },
    {"Ntilde", 0xD1  },
    {"Oacute", 0xD3  },
    {"Ouml",   0xD6  },
    {"Uacute", 0xDA  },
    {"Uuml",   0xDC  },
    {"szlig",  0xDF  },
    {"agrave", 0xE0  },
    {"aacute", 0xE1  },
    {"acirc",  0xE2  },
    {"atilde", 0xE3  },
    {"auml",   0xE4  },
    {"ccedil", 0xE7  },
    {"egrave", 0xE8  },
    {"eacute", 0xE9  },
    {"ecirc",  0xEA  },
    {"iacute", 0xED  },
    {"ntilde", 0xF1  },
    {"ograve", 0xF2  },
    {"oacute", 0xF3  },
    {"ocirc",  0xF4  },
    {"otilde", 0xF5  },
    {"ouml",   0xF6  },
    {"uacute", 0xFA  },
    {"uuml",   0xFC  },
    {"zwnj",   0x200C},
    {"zwj",    0x200D},
    {"lrm",    0x200E},
    {"rlm",    0x200F},
    {"ndash",  0x2013},
    {"mdash",  0x2014},
    {"lsquo",  0x2018},
    {"rsquo",  0x2019},
    {"ldquo",  0x201C},
    {"rdquo",  0x201D},
    {"bull",   0x2022},
    {"hellip", 0x2026},
    {"euro",   0x20AC},
};

static size_t utf8_of(unsigned code, char bytes[4])
{
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xC0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (char)(0xE0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    bytes[0] = (char)(0xF0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 0x3F));
    bytes[2] = (char)(0x80 | (code >> 6 & 0x3F));
    bytes[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static int digit_of(char c, unsigned base)
{
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 99;

    return digit < (int)base ? digit : -1;
}

/* "#1234" or "#x4D2"; 0 when it is none that stands for a character. */
static unsigned number_of(struct str name)
{
    unsigned code = 0, base = 10;
    size_t i = 1;

    if (name.len > 1 && (name.at[1] == 'x' || name.at[1] == 'X')) {
        base = 16;
        i = 2;
    }
    if (i >= name.len)
        return 0;
    for (; i < name.len; i++) {
        int digit = digit_of(name.at[i], base);
        if (digit < 0 || code > 0x10FFFF)
            return 0;
        code = code * base + (unsigned)digit;
    }
    if (code == 0xA0)
        return ' ';
    return code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) || (code < ' ' && code != '\n')
               ? 0
               : code;
}

static unsigned code_of(struct str name)
{
    if (name.len > 0 && name.at[0] == '#')
        return number_of(name);
    for (size_t i = 0; i < COUNTOF(references); i++) {
        if (str_eq(name, str_from(references[i].name)))
            return references[i].code;
    }
    return 0;
}

/* What stands for one character at "&"; gives the bytes that it took, at least one. */
static size_t take_reference(struct writing *out, struct str html, size_t i)
{
    size_t end = i + 1;
    char bytes[4];
    unsigned code;

    while (end < html.len && end - i <= REF_MAX &&
           (digit_of(html.at[end], 16) >= 0 || strchr("#;", html.at[end]) != NULL ||
            (html.at[end] >= 'a' && html.at[end] <= 'z') ||
            (html.at[end] >= 'A' && html.at[end] <= 'Z'))) {
        if (html.at[end] == ';')
            break;
        end++;
    }
    code = code_of(str_slice(html, i + 1, end - i - 1));
    if (code == 0) {
        put_word(out, "&", 1);
        return 1;
    }
    if (code == ' ') {
        out->blank = true;
    } else {
        put_word(out, bytes, utf8_of(code, bytes));
    }
    return end - i + (end < html.len && html.at[end] == ';');
}

/* --- tags --------------------------------------------------------------------------------- */

struct tag {
    char name[TAG_MAX];
    bool closes;
    size_t end; /* behind its ">" */
};

/* The tag at "<"; false when none begins there. A value in quotes may hold ">". */
static bool read_tag(struct str html, size_t i, struct tag *tag)
{
    size_t len = 0;
    char quote = 0;

    i++;
    tag->closes = i < html.len && html.at[i] == '/';
    i += tag->closes;
    for (; i < html.len && len + 1 < TAG_MAX; i++) {
        char c = html.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (len > 0 && c >= '0' && c <= '9')))
            break;
        tag->name[len++] = ascii_lower(c);
    }
    tag->name[len] = '\0';
    if (len == 0)
        return false;
    for (; i < html.len && (html.at[i] != '>' || quote != 0); i++) {
        if (quote != 0 && html.at[i] == quote) {
            quote = 0;
        } else if (quote == 0 && (html.at[i] == '"' || html.at[i] == '\'') &&
                   html.at[i - 1] == '=') {
            quote = html.at[i];
        }
    }
    tag->end = i < html.len ? i + 1 : html.len;
    return true;
}

static bool is_one_of(const char *name, const char *names)
{
    struct str rest = str_from(names), one;

    while (str_split(&rest, ' ', &one)) {
        if (str_eq(str_from(name), one))
            return true;
    }
    return false;
}

/* The end of what belongs to a tag whose inside is no text: behind "</name>". */
static size_t skip_inside(struct str html, size_t i, const char *name)
{
    size_t len = strlen(name);

    for (; i + 2 + len <= html.len; i++) {
        const char *close = memchr(html.at + i, '<', html.len - i);
        if (close == NULL)
            return html.len;
        i = (size_t)(close - html.at);
        if (i + 2 + len <= html.len && close[1] == '/' &&
            strncasecmp(close + 2, name, len) == 0) {
            const char *end = memchr(close, '>', html.len - i);
            return end != NULL ? (size_t)(end - html.at) + 1 : html.len;
        }
    }
    return html.len;
}

static void quote(struct writing *out, bool closes)
{
    owe(out, 1);
    if (closes) {
        out->depth -= out->depth > 0;
    } else {
        out->depth++;
    }
}

static size_t take_tag(struct writing *out, struct str html, const struct tag *tag)
{
    const char *name = tag->name;

    if (is_one_of(name, "script style head title template svg object") && !tag->closes)
        return skip_inside(html, tag->end, name);
    if (strcmp(name, "br") == 0) {
        out->breaks++;
    } else if (strcmp(name, "hr") == 0) {
        owe(out, 1);
        put_word(out, "________________________________", 32);
        owe(out, 1);
    } else if (strcmp(name, "blockquote") == 0) {
        quote(out, tag->closes);
    } else if (strcmp(name, "pre") == 0) {
        owe(out, 1);
        out->pre += !tag->closes;
        out->pre -= tag->closes && out->pre > 0;
    } else if (strcmp(name, "li") == 0 && !tag->closes) {
        owe(out, 1);
        put_word(out, "- ", 2);
        out->line_is_empty = true;
    } else if (is_one_of(name, "p h1 h2 h3 h4 h5 h6 table")) {
        owe(out, tag->closes ? 2 : 1);
    } else if (is_one_of(name,
                         "div tr ul ol li dl dt dd section article header footer form body"
                         " center address")) {
        owe(out, 1);
    } else if (is_one_of(name, "td th")) {
        out->blank = true;
    }
    return tag->end;
}

/* A comment, a declaration or an instruction: behind its end. */
static size_t skip_declaration(struct str html, size_t i)
{
    struct str rest = str_slice(html, i, html.len);
    bool comment = str_starts(rest, STR("<!--"));
    size_t end;

    if (comment) {
        rest = str_slice(rest, 4, rest.len);
        i += 4;
    }
    end = str_find(rest, comment ? STR("-->") : STR(">"));
    return end == rest.len ? html.len : i + end + (comment ? 3 : 1);
}

static size_t take(struct writing *out, struct str html, size_t i)
{
    char c = html.at[i];
    size_t end = i;
    struct tag tag;

    if (c == '&')
        return i + take_reference(out, html, i);
    if (c == '<' && i + 1 < html.len && (html.at[i + 1] == '!' || html.at[i + 1] == '?'))
        return skip_declaration(html, i);
    if (c == '<' && read_tag(html, i, &tag))
        return take_tag(out, html, &tag);
    if (c == '\n' && out->pre > 0) {
        out->breaks++;
        return i + 1;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        if (out->pre > 0 && c == ' ')
            put_word(out, " ", 1);
        out->blank = true;
        return i + 1;
    }
    do {
        end++;
    } while (end < html.len && strchr("<& \t\r\n", html.at[end]) == NULL);
    put_word(out, html.at + i, end - i);
    return end;
}

struct str mime_html_text(struct arena *into, struct str html, size_t most)
{
    struct writing out = {.most = most, .line_is_empty = true};
    size_t i = 0;

    out.at = arena_alloc(into, most + 1);
    while (i < html.len && out.len < most)
        i = take(&out, html, i);
    return str_sane(into, (struct str){out.at, out.len});
}
