/*
 * A mail as bytes, composed by GMime.
 *
 * GMime quotes, folds and encodes; from us comes whatever it would make up: date, id and
 * boundaries, so that the same message gives the same bytes. Words from outside come to it
 * without control characters and without what only looks encoded, so that nothing in them ends
 * a line, neither on the wire nor when a mail program has decoded it.
 */
#include "webhooks/mime_gmime.h"
#include "webhooks/smtp.h"

/* --- headers ------------------------------------------------------------------------------ */

/* One line of words. GMime takes "=?" for a word that is encoded already. */
static const char *line_of(struct arena *into, struct str text)
{
    struct str sane = str_trim(str_sane(into, text));
    char *line = arena_alloc(into, sane.len + 1);

    for (size_t i = 0; i < sane.len; i++) {
        unsigned char c = (unsigned char)sane.at[i];
        bool opens = c == '=' && i + 1 < sane.len && sane.at[i + 1] == '?';
        line[i] = (char)(c < ' ' || c == 0x7f || opens ? ' ' : c);
    }
    line[sane.len] = '\0';
    return line;
}

static void add_address(struct arena *into, InternetAddressList *list, struct str name,
                        struct str address)
{
    const char *shown = name.len > 0 ? line_of(into, name) : NULL;
    OWNED_OBJECT InternetAddress *one =
        internet_address_mailbox_new(shown, arena_cstr(into, address));

    internet_address_set_charset(one, "utf-8"); /* as everybody reads it */
    internet_address_list_add(list, one);
}

/* Addresses of the web are no words: as they are, however long. */
static void add_raw(struct arena *into, GMimeObject *object, const char *name, struct str value)
{
    g_mime_object_append_header(object, name, "", NULL);
    g_mime_header_set_raw_value(
        g_mime_header_list_get_header(g_mime_object_get_header_list(object), name),
        arena_format(into, " %s\n", line_of(into, value)).at);
}

static void add_headers(struct arena *into, GMimeObject *object, const struct outbound *message)
{
    struct http_header headers[MAIL_HEADERS_MAX];
    size_t n = mail_headers(into, message, headers);

    for (size_t i = 0; i < n; i++) {
        const char *name = arena_cstr(into, headers[i].name);
        if (str_starts(headers[i].name, STR("List-"))) {
            add_raw(into, object, name, headers[i].value);
        } else {
            g_mime_object_append_header(object, name, line_of(into, headers[i].value), NULL);
        }
    }
}

static void add_head(struct arena *into, GMimeMessage *mail, const struct outbound *message,
                     struct str id, usec_t now)
{
    GDateTime *date = g_date_time_new_from_unix_utc(now / USEC_PER_SEC);

    g_mime_message_set_date(mail, date);
    g_date_time_unref(date);
    add_address(into, g_mime_message_get_from(mail), message->from_name, message->account);
    add_address(into, g_mime_message_get_to(mail), STR_NONE, message->to.email);
    if (message->reply_to.len > 0)
        add_address(into, g_mime_message_get_reply_to(mail), STR_NONE, message->reply_to);
    g_mime_message_set_subject(mail, line_of(into, message->face->subject), "utf-8");
    g_mime_object_append_header((GMimeObject *)mail, "Message-ID", arena_cstr(into, id), NULL);
    add_headers(into, (GMimeObject *)mail, message);
}

/* --- parts -------------------------------------------------------------------------------- */

/* Whether most of it can be read as it is. */
static bool is_mostly_plain(struct str text)
{
    size_t others = 0;

    for (size_t i = 0; i < text.len; i++)
        others += (unsigned char)text.at[i] >= 0x80;
    return others * 6 < text.len;
}

static GMimePart *part_of(const char *type, const char *subtype, struct str bytes,
                          GMimeContentEncoding how)
{
    GMimePart *part = g_mime_part_new_with_type(type, subtype);
    OWNED_OBJECT GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.at, bytes.len);
    OWNED_OBJECT GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, how);
    return part;
}

static void add_text(struct arena *into, GMimeMultipart *whole, const char *subtype,
                     struct str text)
{
    struct str sane = str_sane(into, text);
    OWNED_OBJECT GMimePart *part =
        part_of("text", subtype, sane,
                is_mostly_plain(sane) ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
                                      : GMIME_CONTENT_ENCODING_BASE64);

    g_mime_object_set_content_type_parameter((GMimeObject *)part, "charset", "utf-8");
    g_mime_multipart_add(whole, (GMimeObject *)part);
}

/* Neither encoding can write "=_". */
static GMimeMultipart *parts_of(struct arena *into, const char *subtype, const char *mark,
                                const struct outbound *message)
{
    GMimeMultipart *whole = g_mime_multipart_new_with_subtype(subtype);

    g_mime_multipart_set_boundary(
        whole, arena_format(into, "=_%s%.*s", mark, STR_ARG(message->key)).at);
    return whole;
}

/* The two texts, of which a reader shows one. */
static GMimeMultipart *texts_of(struct arena *into, const struct outbound *message)
{
    GMimeMultipart *texts = parts_of(into, "alternative", "", message);

    add_text(into, texts, "plain", message->face->text);
    add_text(into, texts, "html", message->face->html);
    return texts;
}

static void set_name(GMimeObject *part, const char *name)
{
    g_mime_object_set_content_disposition_parameter(part, "filename", name);
    g_mime_param_set_charset(
        g_mime_param_list_get_parameter(g_mime_content_disposition_get_parameters(
                                            g_mime_object_get_content_disposition(part)),
                                        "filename"),
        "utf-8");
}

/* The type is one of ours; what is none goes as bytes. */
static void add_file(struct arena *into, GMimeMultipart *whole, const struct attachment *file)
{
    static const char *const known[][2] = {
        {"image",       "jpeg"},
        {"image",       "png" },
        {"image",       "gif" },
        {"application", "pdf" }
    };
    const char *type = "application", *subtype = "octet-stream";

    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (str_eq(file->mime, arena_format(into, "%s/%s", known[i][0], known[i][1]))) {
            type = known[i][0];
            subtype = known[i][1];
        }
    }
    OWNED_OBJECT GMimePart *part =
        part_of(type, subtype, file->bytes, GMIME_CONTENT_ENCODING_BASE64);
    g_mime_object_set_disposition((GMimeObject *)part, "attachment");
    set_name((GMimeObject *)part, line_of(into, file->name));
    g_mime_multipart_add(whole, (GMimeObject *)part);
}

static void add_parts(struct arena *into, GMimeMessage *mail, const struct outbound *message)
{
    OWNED_OBJECT GMimeMultipart *texts = texts_of(into, message);

    if (message->attachment == NULL || message->attachment->bytes.len == 0) {
        g_mime_message_set_mime_part(mail, (GMimeObject *)texts);
        return;
    }
    OWNED_OBJECT GMimeMultipart *mixed = parts_of(into, "mixed", "m.", message);
    g_mime_multipart_add(mixed, (GMimeObject *)texts);
    add_file(into, mixed, message->attachment);
    g_mime_message_set_mime_part(mail, (GMimeObject *)mixed);
}

/* --- all of it ---------------------------------------------------------------------------- */

static struct str write_mail(struct arena *into, GMimeMessage *mail)
{
    GMimeFormatOptions *format = g_mime_format_options_new();
    OWNED_OBJECT GMimeStream *stream = g_mime_stream_mem_new();

    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    g_mime_format_options_set_param_encoding_method(format,
                                                    GMIME_PARAM_ENCODING_METHOD_RFC2231);
    (void)g_mime_object_write_to_stream((GMimeObject *)mail, format, stream);
    g_mime_format_options_free(format);
    const GByteArray *bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)stream);
    return arena_str(into, (struct str){(const char *)bytes->data, bytes->len});
}

struct str smtp_mail(struct arena *into, const struct outbound *message, struct str id,
                     usec_t now)
{
    mime_begin();
    OWNED_OBJECT GMimeMessage *mail = g_mime_message_new(FALSE);
    add_head(into, mail, message, id, now);
    add_parts(into, mail, message);
    return write_mail(into, mail);
}
