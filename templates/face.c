/*
 * Both faces begin here: the reply is made clean once, so that what draws it need not think of
 * what might be in it. What is cut away is what no honest text has: control characters, marks
 * that turn the direction of what follows, addresses that are not of the web.
 */
#include "templates/face_inside.h"

#include <strings.h>

#define SUBJECT_MAX 70  /* what a mail program's list shows on a wide screen */
#define ANSWER_MAX  150 /* a subject that was given to us */
#define RE          "Re: "

/* --- clean text --------------------------------------------------------------------------- */

/* The length of what may not be in a text at `at`; 0 when it may. Isolates may: our own words
 * have them in pairs, and they end with their line. */
static size_t unwanted(struct str text, size_t at)
{
    const unsigned char *byte = (const unsigned char *)text.at + at;
    size_t left = text.len - at;

    if ((byte[0] < 0x20 && byte[0] != '\n' && byte[0] != '\t') || byte[0] == 0x7f)
        return 1;
    if (left >= 2 && byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f)
        return 2; /* the other control characters */
    if (left >= 3 && byte[0] == 0xe2 && byte[1] == 0x80 && byte[2] >= 0xa8 && byte[2] <= 0xae)
        return 3; /* separators of lines and paragraphs, embeddings and overrides */
    if (left >= 3 && byte[0] == 0xef && byte[1] == 0xbb && byte[2] == 0xbf)
        return 3; /* a byte order mark */
    return 0;
}

static struct str clean(struct arena *into, struct str text)
{
    struct str sane = str_trim(str_sane(into, text));
    struct out out;
    size_t skip;

    out_init(&out, into, sane.len + 1);
    for (size_t at = 0; at<sane.len; at += skip> 0 ? skip : 1) {
        skip = unwanted(sane, at);
        if (skip == 0)
            out_add(&out, sane.at[at] == '\t' ? STR(" ") : str_slice(sane, at, 1));
    }
    return str_trim(out_text(&out));
}

/* In one line: what was several is parted by blanks. */
static struct str line_of(struct arena *into, struct str text)
{
    struct str whole = clean(into, text);
    char *line = arena_alloc(into, whole.len + 1);

    for (size_t i = 0; i < whole.len; i++)
        line[i] = (char)(whole.at[i] == '\n' ? ' ' : whole.at[i]);
    return (struct str){line, whole.len};
}

/* How long an address of the web is that begins here, with what may stand at its end and may
 * end the sentence, too. Nothing beyond ASCII: an address of ours is written without. */
static size_t url_len(struct str text, size_t *scheme)
{
    size_t len;

    *scheme = str_starts(text, STR("https://")) ? 8 : str_starts(text, STR("http://")) ? 7 : 0;
    for (len = *scheme; *scheme > 0 && len < text.len; len++) {
        unsigned char c = (unsigned char)text.at[len];
        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
            break;
    }
    return len;
}

/* An address of the web, whole; else nothing. */
static struct str web_address(struct arena *into, struct str url)
{
    struct str text = str_trim(url);
    size_t scheme, len = url_len(text, &scheme);

    return len > scheme && len == text.len ? arena_str(into, text) : STR_NONE;
}

size_t face_find_url(struct str text, size_t *len)
{
    size_t from = str_find(text, STR("http")), scheme;

    while (from < text.len) {
        struct str rest = str_slice(text, from, text.len);
        *len = url_len(rest, &scheme);
        while (*len > scheme && strchr(".,;:!?)]'*_~", rest.at[*len - 1]) != NULL)
            --*len;
        if (*len > scheme)
            return from;
        from += 4 + str_find(str_slice(text, from + 4, text.len), STR("http"));
    }
    *len = 0;
    return text.len;
}

/* --- the reply ---------------------------------------------------------------------------- */

static void read_options(struct arena *into, const struct face_ask *ask,
                         struct face_reply *reply)
{
    const struct reply *from = ask->reply;

    if (from->kind != REPLY_BUTTONS && from->kind != REPLY_LIST)
        return;
    for (size_t i = 0; i < from->n_options && reply->n < FACE_OPTIONS_MAX; i++) {
        const struct reply_option *option = &from->options[i];
        reply->options[reply->n++] = (struct face_option){
            .title = line_of(into, option->title),
            .description = line_of(into, option->description),
            .section = line_of(into, option->section),
            .tap = ask->taps != NULL ? web_address(into, ask->taps[i]) : STR_NONE};
    }
}

static void read_link(struct arena *into, const struct face_ask *ask, struct face_reply *reply)
{
    const struct reply *from = ask->reply;
    const char *words = from->kind == REPLY_IMAGE      ? "open.image"
                        : from->kind == REPLY_DOCUMENT ? "open.document"
                                                       : "open.link";

    if (from->kind != REPLY_LINK && from->kind != REPLY_IMAGE && from->kind != REPLY_DOCUMENT)
        return;
    reply->url = ask->attached.len == 0 ? web_address(into, from->url) : STR_NONE;
    reply->attached = ask->attached.len > 0 ? face_words(into, ask, "attached", 0) : STR_NONE;
    reply->label = line_of(into, from->kind == REPLY_LINK ? from->label : from->filename);
    if (from->kind == REPLY_IMAGE || reply->label.len == 0)
        reply->label = face_words(into, ask, words, 0);
}

static struct face_sender read_sender(struct arena *into, const struct face_sender *from)
{
    return (struct face_sender){.name = line_of(into, from->name),
                                .address = line_of(into, from->address),
                                .website = web_address(into, from->website),
                                .privacy_url = web_address(into, from->privacy_url),
                                .logo_url = web_address(into, from->logo_url),
                                .colour = from->colour};
}

/* --- what announces a mail ---------------------------------------------------------------- */

static bool is_answer_already(struct str subject)
{
    static const char *const marks[] = {"re:", "aw:", "odp:", "rv:", "sv:", "رد:", "fwd:"};

    for (size_t i = 0; i < COUNTOF(marks); i++) {
        size_t len = strlen(marks[i]);
        if (subject.len >= len && strncasecmp(subject.at, marks[i], len) == 0)
            return true;
    }
    return false;
}

static struct str subject_of(struct arena *into, const struct face_ask *ask,
                             const struct face_reply *reply)
{
    struct str subject = ask->thread != NULL ? line_of(into, ask->thread->subject) : STR_NONE;
    struct str rest = reply->header.len > 0 ? reply->header : reply->body;

    if (subject.len > 0) {
        subject = str_cut(into, subject, ANSWER_MAX);
        return is_answer_already(subject) ? subject : arena_concat(into, STR(RE), subject);
    }
    if (ask->code)
        return face_words(into, ask, "subject.code", 0);
    subject = str_trim(face_line(&rest));
    while (str_ends(subject, STR(":")) || str_ends(subject, STR(".")))
        subject.len--;
    return subject.len > 0 ? str_cut(into, subject, SUBJECT_MAX)
                           : face_words(into, ask, "subject.plain", 0);
}

void face_read(struct arena *into, const struct face_ask *ask, struct face_reply *reply)
{
    *reply = (struct face_reply){.header = line_of(into, ask->reply->header),
                                 .body = clean(into, ask->reply->body),
                                 .footer = line_of(into, ask->reply->footer),
                                 .sender = read_sender(into, &ask->sender),
                                 .unsubscribe = web_address(into, ask->unsubscribe)};
    read_options(into, ask, reply);
    read_link(into, ask, reply);
    reply->subject = subject_of(into, ask, reply);
}

struct str face_words(struct arena *into, const struct face_ask *ask, const char *name,
                      size_t number)
{
    struct record_builder business, values;

    record_build(&business, into);
    record_set(&business, STR("name"), value_text(line_of(into, ask->sender.name)));
    record_build(&values, into);
    record_set(&values, STR("business"), value_record(record_built(&business)));
    record_set(&values, STR("number"), value_int((int64_t)number));
    record_set(&values, STR("file"), value_text(line_of(into, ask->attached)));
    return words_render(into, ask->words, &ask->locale, arena_format(into, "face.%s", name),
                        record_built(&values), NULL);
}

/* A name is a word of somebody else's: one line, and nothing in it that would end the mark-up
 * around it. */
static struct str name_of(struct arena *into, struct str name)
{
    struct str line = line_of(into, name);
    char *plain = arena_alloc(into, line.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (strchr("*_~`", line.at[i]) == NULL)
            plain[n++] = line.at[i];
    }
    return str_trim((struct str){plain, n});
}

struct str face_said(struct arena *into, const struct face_ask *ask, enum channel channel)
{
    struct str name = name_of(into, ask->reply->by), above;
    struct record_builder business, values;

    if (name.len == 0)
        return ask->reply->body;
    record_build(&business, into);
    record_set(&business, STR("name"), value_text(line_of(into, ask->sender.name)));
    record_build(&values, into);
    record_set(&values, STR("business"), value_record(record_built(&business)));
    record_set(&values, STR("name"), value_text(name));
    above =
        words_render(into, ask->words, &ask->locale,
                     channel == CHANNEL_EMAIL ? STR("face.person.email") : STR("face.person"),
                     record_built(&values), NULL);
    if (channel == CHANNEL_WHATSAPP)
        above = arena_concat(into, STR("*"), above, STR("*")); /* bold */
    return arena_concat(into, above, channel == CHANNEL_EMAIL ? STR("\n\n") : STR(" "),
                        ask->reply->body);
}

/* --- lines -------------------------------------------------------------------------------- */

struct str face_line(struct str *rest)
{
    size_t end = str_find(*rest, STR("\n"));
    struct str line = str_slice(*rest, 0, end);

    *rest = str_slice(*rest, end + 1, rest->len);
    return line;
}

void face_add_line(struct out *out, struct str line, bool apart)
{
    if (line.len == 0)
        return;
    if (out->len > 0)
        out_add(out, apart ? STR("\n\n") : STR("\n"));
    out_add(out, line);
}

/* --- the faces ---------------------------------------------------------------------------- */

struct face face_mail(struct arena *into, const struct face_ask *ask)
{
    struct face_reply reply;

    face_read(into, ask, &reply);
    struct str text = face_text_part(into, ask, &reply);
    return (struct face){.subject = reply.subject,
                         .text = text,
                         .html = text.len > 0 ? face_html_part(into, ask, &reply) : STR_NONE};
}
