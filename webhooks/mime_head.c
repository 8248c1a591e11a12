/* What GMime has found in a mail's head, as our own. */
#include "webhooks/mime_gmime.h"

#define HEADERS_MAX 300
#define SENT_TO_MAX 50

void mime_begin(void)
{
    static bool begun;

    if (!begun)
        g_mime_init();
    begun = true;
}

void mime_release_object(void *object)
{
    GObject **held = object;

    if (*held != NULL)
        g_object_unref(*held);
}

void mime_release_text(void *text)
{
    g_free(*(char **)text);
}

struct str mime_copy(struct arena *into, const char *text)
{
    return str_sane(into, arena_str(into, str_from(text)));
}

/* --- the head ----------------------------------------------------------------------------- */

static void read_headers(struct arena *into, GMimeMessage *message, struct mail *mail)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    int n = g_mime_header_list_get_count(list);
    struct mail_header *headers;

    n = n < HEADERS_MAX ? n : HEADERS_MAX;
    headers = arena_array(into, struct mail_header, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        headers[i] = (struct mail_header){mime_copy(into, g_mime_header_get_name(header)),
                                          mime_copy(into, g_mime_header_get_value(header))};
    }
    mail->headers = (struct mail_headers){headers, (size_t)n};
}

/* One sender as "name" <address>; several as they came, which nobody vouches for. */
static void read_from(struct arena *into, GMimeMessage *message, struct mail *mail)
{
    InternetAddressList *list = g_mime_message_get_from(message);
    InternetAddress *first = internet_address_list_length(list) == 1
                                 ? internet_address_list_get_address(list, 0)
                                 : NULL;
    struct str name;

    if (first == NULL || !INTERNET_ADDRESS_IS_MAILBOX(first))
        return;
    name = mime_copy(into, internet_address_get_name(first));
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("\"\\<>", name.at[i]) != NULL)
            ((char *)name.at)[i] = ' ';
    }
    mail->from = arena_format(into, "\"%.*s\" <%.*s>", STR_ARG(name),
                              STR_ARG(mime_copy(into, internet_address_mailbox_get_addr(
                                                          INTERNET_ADDRESS_MAILBOX(first)))));
}

struct recipients {
    struct arena *into;
    struct str at[SENT_TO_MAX];
    size_t n;
};

static void add_recipient(struct recipients *found, struct str address)
{
    if (found->n < SENT_TO_MAX && address.len > 0)
        found->at[found->n++] = address;
}

static void add_recipients(struct recipients *found, InternetAddressList *list)
{
    for (int i = 0; i < internet_address_list_length(list) && i < SENT_TO_MAX; i++) {
        InternetAddress *one = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
            const char *address =
                internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
            add_recipient(found, mime_copy(found->into, address));
        }
    }
}

/* The envelope's first: where it was delivered counts more than whom its writer named. */
static void read_recipients(struct arena *into, GMimeMessage *message, struct str to,
                            struct mail *mail)
{
    static const char *const fields[] = {"x-original-to", "delivered-to", "envelope-to",
                                         "x-envelope-to"};
    struct recipients *found = arena_new(into, struct recipients);

    found->into = into;
    add_recipient(found, to);
    for (size_t i = 0; i < COUNTOF(fields); i++)
        add_recipient(found, mail_header_get(&mail->headers, fields[i]));
    add_recipients(found, g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_TO));
    add_recipients(found, g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_CC));
    mail->sent_to = found->at;
    mail->n_sent_to = found->n;
}

void mime_read_head(struct arena *into, GMimeMessage *message, struct str to, struct mail *mail)
{
    read_headers(into, message, mail);
    read_from(into, message, mail);
    read_recipients(into, message, to, mail);
}
