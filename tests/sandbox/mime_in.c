/*
 * A mail that came by SMTP, read by GMime: its head, and its words in both parts.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"
#include "webhooks/mime_gmime.h"

#include <strings.h>

static GMimeMessage *parse(struct str bytes)
{
    mime_begin();
    OWNED_OBJECT GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.at, bytes.len);
    OWNED_OBJECT GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    return g_mime_parser_construct_message(parser, NULL);
}

static const char *place_of(const char *name)
{
    static const char *const known[][2] = {
        {"from",       "from"      },
        {"subject",    "subject"   },
        {"reply-to",   "reply_to"  },
        {"message-id", "message_id"}
    };

    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (strcasecmp(name, known[i][0]) == 0)
            return known[i][1];
    }
    return NULL;
}

static void read_head(GMimeMessage *message, json_t *mail)
{
    GMimeHeaderList *list = g_mime_object_get_header_list((GMimeObject *)message);
    json_t *headers = json_object();

    for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        const char *name = g_mime_header_get_name(header), *as = place_of(name);
        const char *value = g_mime_header_get_value(header);
        json_object_set_new(as ? mail : headers, as ? as : name,
                            json_string(value ? value : ""));
    }
    json_object_set_new(mail, "headers", headers);
}

static void read_part(GMimeObject *parent, GMimeObject *part, void *user)
{
    json_t *mail = user;
    const char *as =
        g_mime_content_type_is_type(g_mime_object_get_content_type(part), "text", "html")
            ? "html"
            : "text";

    (void)parent;
    if (!GMIME_IS_TEXT_PART(part) || json_object_get(mail, as))
        return;
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    size_t len = 0;
    for (const char *c = text; c && *c; c++) {
        if (*c != '\r')
            text[len++] = *c;
    }
    json_set_text(mail, as, (struct str){text, len});
    g_free(text);
}

json_t *mime_in_read(struct str bytes)
{
    json_t *mail = json_object();
    OWNED_OBJECT GMimeMessage *message = parse(bytes);

    if (!message)
        return mail;
    read_head(message, mail);
    g_mime_message_foreach(message, read_part, mail);
    return mail;
}
