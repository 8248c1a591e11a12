/*
 * GMime builds the message; we walk over it twice, once for the words and once for the files,
 * and copy out what counts. No object of GMime's outlives the call.
 */
#include "webhooks/mime_gmime.h"
#include "webhooks/mime_html.h"
#include "webhooks/mime_parts.h"

#include "bot/base/cards.h"
#include "bot/base/crypto.h"
#include "bot/base/sniff.h"

#include <sodium.h>

#define DEPTH_MAX 30
#define NAME_MAX  255

/* --- parsing ------------------------------------------------------------------------------ */

/* The line "From ana@example.net Fri Nov 20 ..." that mailboxes and pipes put on top. */
static struct str without_envelope(struct str raw)
{
    size_t end = str_find(raw, STR("\n"));

    return str_starts(raw, STR("From ")) ? str_slice(raw, end + 1, raw.len) : raw;
}

static GMimeMessage *parse(struct str raw)
{
    static const char *fallbacks[] = {"utf-8", "windows-1252", NULL};
    GMimeParserOptions *options;
    GMimeMessage *message;

    mime_begin();
    OWNED_OBJECT GMimeStream *stream = g_mime_stream_mem_new_with_buffer(raw.at, raw.len);
    OWNED_OBJECT GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(options, fallbacks);
    message = g_mime_parser_construct_message(parser, options);
    g_mime_parser_options_free(options);
    return message;
}

/* --- parts -------------------------------------------------------------------------------- */

/* The decoded bytes; borrowed from the stream, which the caller releases. */
static struct str content_of(GMimePart *part, GMimeStream **stream)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GByteArray *bytes;

    *stream = g_mime_stream_mem_new();
    if (content == NULL)
        return STR("");
    (void)g_mime_data_wrapper_write_to_stream(content, *stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(*stream));
    return (struct str){(const char *)bytes->data, bytes->len};
}

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
    GMimeContentType *content = g_mime_object_get_content_type(object);

    return content != NULL && g_mime_content_type_is_type(content, type, subtype);
}

static bool is_attached(GMimeObject *object)
{
    const char *disposition = g_mime_object_get_disposition(object);

    return disposition != NULL && g_ascii_strcasecmp(disposition, "attachment") == 0;
}

static bool is_words(GMimeObject *object)
{
    return GMIME_IS_PART(object) && !is_attached(object) &&
           (is_type(object, "text", "plain") || is_type(object, "text", "html"));
}

static struct str words_of(struct arena *into, GMimeObject *object)
{
    const char *charset = g_mime_object_get_content_type_parameter(object, "charset");
    OWNED_OBJECT GMimeStream *stream = NULL;
    struct str text =
        mime_utf8(into, content_of(GMIME_PART(object), &stream), str_from(charset));

    if (is_type(object, "text", "html"))
        return mime_html_text(into, text, MIME_TEXT_MAX);
    return str_slice(text, 0, MIME_TEXT_MAX);
}

static struct str text_of(struct arena *into, GMimeObject *object, unsigned depth);

/* The same in several forms: plain words if there are any, else the best that is words. */
static struct str best_of(struct arena *into, GMimeMultipart *multipart, unsigned depth)
{
    int n = g_mime_multipart_get_count(multipart);
    struct str text = STR_NONE;

    for (int i = 0; i < n && str_trim(text).len == 0; i++) {
        GMimeObject *part = g_mime_multipart_get_part(multipart, i);
        if (is_words(part) && is_type(part, "text", "plain"))
            text = words_of(into, part);
    }
    for (int i = n - 1; i >= 0 && str_trim(text).len == 0; i--)
        text = text_of(into, g_mime_multipart_get_part(multipart, i), depth + 1);
    return text;
}

/* A report's words are its first part's; other parts stand one below the other. */
static struct str all_of(struct arena *into, GMimeMultipart *multipart, unsigned depth)
{
    GMimeObject *object = GMIME_OBJECT(multipart);
    bool first_only =
        is_type(object, "multipart", "report") || is_type(object, "multipart", "signed");
    int n = first_only ? 1 : g_mime_multipart_get_count(multipart);
    struct str text = STR_NONE;

    for (int i = 0; i < n && text.len < MIME_TEXT_MAX; i++) {
        GMimeObject *part = g_mime_multipart_get_part(multipart, i);
        struct str more = part != NULL ? text_of(into, part, depth + 1) : STR_NONE;
        if (more.len > 0)
            text = arena_concat(into, text, text.len > 0 ? STR("\n") : STR(""), more);
    }
    return text;
}

static struct str text_of(struct arena *into, GMimeObject *object, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return STR_NONE;
    if (GMIME_IS_MULTIPART(object)) {
        return is_type(object, "multipart", "alternative")
                   ? best_of(into, GMIME_MULTIPART(object), depth)
                   : all_of(into, GMIME_MULTIPART(object), depth);
    }
    return is_words(object) ? words_of(into, object) : STR_NONE;
}

/* --- files -------------------------------------------------------------------------------- */

/* A walk over the leaves that are no words, in their order; `see` gets each with its number. */
struct leaves {
    struct arena *into;
    size_t n;
    void (*see)(struct leaves *leaves, GMimePart *part, size_t number);
};

static void walk(struct leaves *leaves, GMimeObject *object, unsigned depth)
{
    if (object == NULL || depth > DEPTH_MAX)
        return;
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
            walk(leaves, g_mime_multipart_get_part(multipart, i), depth + 1);
    } else if (GMIME_IS_PART(object) && !is_words(object)) {
        leaves->n++;
        leaves->see(leaves, GMIME_PART(object), leaves->n);
    }
}

struct listing {
    struct leaves leaves;
    struct str handle;
    struct mail_file files[MAIL_FILES_MAX];
    size_t n;
};

static void list_file(struct leaves *leaves, GMimePart *part, size_t number)
{
    struct listing *listing = CONTAINER_OF(leaves, struct listing, leaves);
    OWNED_OBJECT GMimeStream *stream = NULL;
    OWNED_TEXT char *mime = NULL;
    struct file_look look;
    struct str bytes;

    if (listing->n == MAIL_FILES_MAX)
        return;
    bytes = content_of(part, &stream);
    look = file_sniff(bytes);
    mime =
        g_mime_content_type_get_mime_type(g_mime_object_get_content_type(GMIME_OBJECT(part)));
    listing->files[listing->n++] = (struct mail_file){
        .id = arena_format(leaves->into, "%.*s/%zu", STR_ARG(listing->handle), number),
        .mime = look.kind != FILE_UNKNOWN ? str_from(look.mime)
                                          : str_slice(mime_copy(leaves->into, mime), 0, 100),
        .name = str_cut(leaves->into, mime_copy(leaves->into, g_mime_part_get_filename(part)),
                        NAME_MAX),
        .size = bytes.len,
        .embedded =
            !is_attached(GMIME_OBJECT(part)) && g_mime_part_get_content_id(part) != NULL,
        .width = look.width,
        .height = look.height};
}

struct wanted {
    struct leaves leaves;
    size_t number;
    struct str bytes;
    bool found;
};

static void take_file(struct leaves *leaves, GMimePart *part, size_t number)
{
    struct wanted *wanted = CONTAINER_OF(leaves, struct wanted, leaves);
    OWNED_OBJECT GMimeStream *stream = NULL;

    if (number != wanted->number)
        return;
    wanted->bytes = arena_str(leaves->into, content_of(part, &stream));
    wanted->found = true;
}

/* --- reports ------------------------------------------------------------------------------ */

struct report_parts {
    struct str status, feedback, returned;
};

static void read_report_part(struct arena *into, GMimeObject *part, struct report_parts *parts)
{
    OWNED_OBJECT GMimeStream *stream = NULL;
    struct str text;

    if (GMIME_IS_MESSAGE_PART(part)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));
        OWNED_TEXT char *head =
            inner != NULL ? g_mime_object_get_headers(GMIME_OBJECT(inner), NULL) : NULL;
        parts->returned = mime_copy(into, head);
        return;
    }
    if (!GMIME_IS_PART(part))
        return;
    text = mime_utf8(into, content_of(GMIME_PART(part), &stream), STR_NONE);
    if (is_type(part, "message", "delivery-status"))
        parts->status = text;
    if (is_type(part, "message", "feedback-report"))
        parts->feedback = text;
    if (is_type(part, "text", "rfc822-headers"))
        parts->returned = text;
}

static void read_report(struct arena *into, GMimeObject *top, struct mail *mail)
{
    struct report_parts parts = {0};

    if (!GMIME_IS_MULTIPART(top) || !is_type(top, "multipart", "report"))
        return;
    for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(top)) && i < 8; i++)
        read_report_part(into, g_mime_multipart_get_part(GMIME_MULTIPART(top), i), &parts);
    if (parts.feedback.len > 0) {
        mail_report_feedback(into, parts.feedback, parts.returned, &mail->report);
    } else if (parts.status.len > 0) {
        mail_report_delivery(into, parts.status, parts.returned, &mail->report);
    }
}

/* --- all of it ---------------------------------------------------------------------------- */

static struct str id_of(struct arena *into, struct str raw)
{
    struct hash16 hash = hash16_of(&raw, 1);
    char *text = arena_alloc(into, 2 * HASH16_LEN + 1);

    hex_format(hash.bytes, HASH16_LEN, text);
    return arena_concat(into, STR("mime:"), str_from(text));
}

bool mime_read(struct arena *into, struct str raw, const struct mime_options *options,
               struct mail *mail, struct err *err)
{
    struct listing *listing = arena_new(into, struct listing);
    GMimeObject *top;

    *mail = (struct mail){0};
    raw = without_envelope(raw);
    if (!mime_guard(raw, err))
        return false;
    OWNED_OBJECT GMimeMessage *message = parse(raw);
    if (message == NULL)
        return err_raise(err, ERR_REJECT, "no mail: there is no head");
    mail->id = id_of(into, raw);
    mime_read_head(into, message, options->to, mail);
    top = g_mime_message_get_mime_part(message);
    if (top == NULL)
        return true;
    mail->text = text_of(into, top, 0);
    read_report(into, top, mail);
    listing->leaves = (struct leaves){.into = into, .see = list_file};
    listing->handle = options->handle;
    walk(&listing->leaves, top, 0);
    mail->files = listing->files;
    mail->n_files = listing->n;
    return true;
}

bool mime_decode(struct arena *into, struct str raw, const struct mime_options *options,
                 struct inbound_batch *batch, struct err *err)
{
    struct mail mail;

    *batch = (struct inbound_batch){0};
    if (!mime_read(into, raw, options, &mail, err))
        return false;
    mail_events(into, options->rules, &mail, batch);
    return true;
}

bool mime_file(struct arena *into, struct str raw, size_t number, struct str *bytes,
               struct err *err)
{
    struct wanted wanted = {
        .leaves = {.into = into, .see = take_file},
          .number = number
    };

    raw = without_envelope(raw);
    if (!mime_guard(raw, err))
        return false;
    OWNED_OBJECT GMimeMessage *message = parse(raw);
    if (message != NULL)
        walk(&wanted.leaves, g_mime_message_get_mime_part(message), 0);
    if (!wanted.found)
        return err_raise(err, ERR_REJECT, "the mail has no such attachment");
    *bytes = wanted.bytes;
    return true;
}

/* --- the files alone ---------------------------------------------------------------------- */

struct piece {
    struct piece *next;
    struct str text;
};

struct keeping {
    struct leaves leaves;
    struct piece *first, **last;
    size_t len, n;
};

static void keep_piece(struct keeping *keeping, struct str text)
{
    struct piece *piece = arena_new(keeping->leaves.into, struct piece);

    piece->text = text;
    *keeping->last = piece;
    keeping->last = &piece->next;
    keeping->len += text.len;
}

/* Files of words are the only ones that are read for cards. */
static bool is_withheld(GMimePart *part, struct str bytes)
{
    struct card_span ignored;

    return (is_type(GMIME_OBJECT(part), "text", "*") ||
            is_type(GMIME_OBJECT(part), "message", "*")) &&
           cards_may(bytes) && cards_next(bytes, 0, &ignored);
}

static void keep_file(struct leaves *leaves, GMimePart *part, size_t number)
{
    struct keeping *keeping = CONTAINER_OF(leaves, struct keeping, leaves);
    OWNED_OBJECT GMimeStream *stream = NULL;
    struct str bytes = content_of(part, &stream);
    size_t size;
    char *text;

    keep_piece(keeping, STR("--files\r\nContent-Type: application/octet-stream\r\n"
                            "Content-Disposition: attachment\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n"));
    if (number <= MAIL_FILES_MAX && bytes.len > 0 && !is_withheld(part, bytes)) {
        size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
        text = arena_alloc(leaves->into, size);
        (void)sodium_bin2base64(text, size, (const unsigned char *)bytes.at, bytes.len,
                                sodium_base64_VARIANT_ORIGINAL);
        keep_piece(keeping, (struct str){text, size - 1});
        keeping->n++;
    }
    keep_piece(keeping, STR("\r\n"));
}

struct str mime_files_only(struct arena *into, struct str raw, struct str note)
{
    struct keeping keeping = {
        .leaves = {.into = into, .see = keep_file}
    };
    size_t len = 0;
    char *text;

    keeping.last = &keeping.first;
    raw = without_envelope(raw);
    if (!mime_guard(raw, NULL))
        return STR_NONE;
    OWNED_OBJECT GMimeMessage *message = parse(raw);
    if (message == NULL)
        return STR_NONE;
    keep_piece(&keeping, STR("MIME-Version: 1.0\r\n"
                             "Content-Type: multipart/mixed; boundary=\"files\"\r\n\r\n"));
    keep_piece(&keeping, note);
    keep_piece(&keeping, STR("\r\n"));
    walk(&keeping.leaves, g_mime_message_get_mime_part(message), 0);
    keep_piece(&keeping, STR("--files--\r\n"));
    if (keeping.n == 0)
        return STR_NONE;
    text = arena_alloc(into, keeping.len);
    for (const struct piece *piece = keeping.first; piece != NULL; piece = piece->next) {
        memcpy(text + len, piece->text.at, piece->text.len);
        len += piece->text.len;
    }
    return (struct str){text, len};
}
