#include "webhooks/mail_out.h"

#define ADDRESS_MAX    254
#define LOCAL_MAX      64
#define ID_MAX         250 /* of one message id */
#define REFERENCES_MAX 900 /* of all; a line may have 998 */

/* --- addresses ---------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_domain(struct str domain)
{
    char before = '.';

    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.at[i];
        if (!is_letter(c) && c != '-' && c != '.')
            return false;
        if (c == '.' && before == '.')
            return false;
        before = c;
    }
    return domain.len > 0 && before != '.' && domain.at[0] != '-';
}

/* The letters that an address may have without quotes. */
static bool is_local(struct str local)
{
    char before = '.';

    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        if (!is_letter(c) && (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~.", c) == NULL))
            return false;
        if (c == '.' && before == '.')
            return false;
        before = c;
    }
    return local.len > 0 && local.len <= LOCAL_MAX && before != '.';
}

bool mail_is_address(struct str address)
{
    size_t at = str_find(address, STR("@"));

    return address.len <= ADDRESS_MAX && at < address.len &&
           is_local(str_slice(address, 0, at)) && is_domain(mail_domain(address));
}

struct str mail_domain(struct str address)
{
    return str_slice(address, str_find(address, STR("@")) + 1, address.len);
}

struct str mail_from(struct arena *into, struct str name, struct str address)
{
    struct str sane = str_trim(str_sane(into, name));
    char *quoted = arena_alloc(into, 2 * sane.len + 1);
    size_t len = 0;
    bool plain = true;

    for (size_t i = 0; i < sane.len; i++) {
        unsigned char c = (unsigned char)sane.at[i];
        if (c < ' ' || c == 0x7f)
            continue;
        plain = plain && (c >= 0x80 || c == ' ' || is_letter((char)c));
        if (c == '"' || c == '\\')
            quoted[len++] = '\\';
        quoted[len++] = (char)c;
    }
    if (len == 0)
        return address;
    return arena_format(into, plain ? "%.*s <%.*s>" : "\"%.*s\" <%.*s>", (int)len, quoted,
                        STR_ARG(address));
}

/* --- threads ------------------------------------------------------------------------------ */

/* "<left@right>" in plain letters: others cannot be named. */
static bool is_id(struct str id)
{
    if (id.len < 5 || id.len > ID_MAX || id.at[0] != '<' || id.at[id.len - 1] != '>')
        return false;
    for (size_t i = 1; i + 1 < id.len; i++) {
        if (id.at[i] <= ' ' || id.at[i] >= 0x7f || strchr("<>", id.at[i]) != NULL)
            return false;
    }
    return true;
}

/* The first, by which programs know the thread, and as many of the last as there is room for.
 */
static struct str references_of(struct arena *into, struct str all)
{
    struct str rest = all, id, first = STR_NONE, last = STR_NONE;
    size_t end = all.len;

    while (first.len == 0 && str_split(&rest, ' ', &id)) {
        if (is_id(id))
            first = id;
    }
    while (end > 0) {
        size_t from = end;
        while (from > 0 && all.at[from - 1] != ' ')
            from--;
        id = str_slice(all, from, end - from);
        end = from > 0 ? from - 1 : 0;
        if (!is_id(id) || (id.at == first.at && last.len > 0))
            continue;
        if (first.len + last.len + id.len + 2 > REFERENCES_MAX)
            break;
        last = last.len == 0 ? id : arena_concat(into, id, STR(" "), last);
    }
    return first.len == 0 || str_starts(last, first)
               ? last
               : arena_concat(into, first, STR(" "), last);
}

/* --- the head ----------------------------------------------------------------------------- */

static bool is_web(struct str url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] <= ' ' || url.at[i] >= 0x7f || strchr("<>,\"", url.at[i]) != NULL)
            return false;
    }
    return url.len <= 900 && str_starts(url, STR("https://"));
}

static void add(struct http_header *headers, size_t *n, const char *name, struct str value)
{
    if (value.len > 0)
        headers[(*n)++] = (struct http_header){str_from(name), value};
}

/* One click by the web, else a mail that says stop, which is understood like any other. */
static void add_unsubscribe(struct arena *into, const struct outbound *message,
                            struct http_header *headers, size_t *n)
{
    struct str to = message->reply_to.len > 0 ? message->reply_to : message->account;

    if (!message->unasked)
        return;
    if (is_web(message->unsubscribe)) {
        add(headers, n, "List-Unsubscribe",
            arena_format(into, "<%.*s>", STR_ARG(message->unsubscribe)));
        add(headers, n, "List-Unsubscribe-Post", STR("List-Unsubscribe=One-Click"));
    } else {
        add(headers, n, "List-Unsubscribe",
            arena_format(into, "<mailto:%.*s?subject=stop&body=stop>", STR_ARG(to)));
    }
}

size_t mail_headers(struct arena *into, const struct outbound *message,
                    struct http_header headers[MAIL_HEADERS_MAX])
{
    const struct mail_thread *thread = message->thread;
    size_t n = 0;

    if (thread != NULL) {
        if (is_id(thread->in_reply_to))
            add(headers, &n, "In-Reply-To", thread->in_reply_to);
        add(headers, &n, "References", references_of(into, thread->references));
    }
    /* RFC 3834: so that no other machine answers it */
    add(headers, &n, "Auto-Submitted",
        message->unasked ? STR("auto-generated") : STR("auto-replied"));
    add_unsubscribe(into, message, headers, &n);
    return n;
}

bool mail_check(const struct outbound *message, struct err *err)
{
    if (!mail_is_address(message->account))
        return err_raise(err, ERR_REJECT, "mail: the sending address is none");
    if (message->reply_to.len > 0 && !mail_is_address(message->reply_to))
        return err_raise(err, ERR_REJECT, "mail: the address for answers is none");
    if (!mail_is_address(message->to.email))
        return err_raise(err, ERR_REJECT, "mail: there is no address to send to");
    return (message->face != NULL && message->face->text.len > 0) ||
           err_raise(err, ERR_REJECT, "mail %s: no words",
                     reply_kind_name(message->reply->kind));
}
