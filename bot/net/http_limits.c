/*
 * What a request's headers must be before anything is read or done. libwebsockets takes almost
 * anything (limits.md, trap 8), and a server behind a proxy that reads a length differently
 * from the proxy is how requests are smuggled: what is ambiguous is refused.
 */
#include "bot/net/http_inside.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static const struct {
    const char *name;
    enum lws_token_indexes token;
    bool has_body; /* and must say how long it is */
} methods[] = {
    {"GET",     WSI_TOKEN_GET_URI,     false},
    {"POST",    WSI_TOKEN_POST_URI,    true },
    {"HEAD",    WSI_TOKEN_HEAD_URI,    false},
    {"PUT",     WSI_TOKEN_PUT_URI,     true },
    {"PATCH",   WSI_TOKEN_PATCH_URI,   true },
    {"DELETE",  WSI_TOKEN_DELETE_URI,  false},
    {"OPTIONS", WSI_TOKEN_OPTIONS_URI, false},
};

/* Blanks between a header's name and its colon (RFC 9112, 5.1: refuse it): libwebsockets takes
 * the name with them for one that it does not know, and whoever stands before us may not. All
 * that there may be cannot be asked for; up to three of any kind are, and up to sixteen of one.
 */
static bool has_blank_before_colon(struct lws *wsi, const char *name)
{
    char key[64];
    size_t named = strlen(name);

    memcpy(key, name, named);
    for (unsigned n = 1; n <= 16; n++) {
        for (unsigned kinds = 0; kinds < (n <= 3 ? 1U << n : 2U); kinds++) {
            for (unsigned i = 0; i < n; i++) {
                bool tab = n <= 3 ? kinds >> i & 1 : kinds == 1;
                key[named + i] = tab ? '\t' : ' ';
            }
            key[named + n] = ':';
            if (lws_hdr_custom_length(wsi, key, (int)(named + n + 1)) >= 0)
                return true;
        }
    }
    return false;
}

/* 0, or the status. A missing length is no length. */
static int read_length(struct lws *wsi, bool required, uint64_t *length)
{
    char text[24];
    *length = 0;
    if (has_blank_before_colon(wsi, "transfer-encoding") ||
        has_blank_before_colon(wsi, "content-length"))
        return 400;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ? 400 : 411;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
        return required ? 411 : 0;
    /* Repeated headers come back joined by a comma, which is no digit. */
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    if (n <= 0 || n > 18)
        return 400;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i]))
            return 400;
        *length = *length * 10 + (uint64_t)(text[i] - '0');
    }
    return 0;
}

static bool has_token(const char *list, const char *token)
{
    size_t len = strlen(token);
    for (const char *at = list; *at;) {
        at += strspn(at, ", \t");
        size_t n = strcspn(at, ", \t");
        if (n == len && strncasecmp(at, token, len) == 0)
            return true;
        at += n;
    }
    return false;
}

static bool is_old(struct lws *wsi)
{
    char text[128];
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP);
    return n <= 0 || strncmp(text, "HTTP/1.1", 8) != 0;
}

/* Without a version it is no request of today's, or its path had an encoded end of line in it:
 * libwebsockets decodes that first and ends the line there, which whoever stands before us and
 * looks at paths does not see. What is left of the line is then no version either. */
static bool has_version(struct lws *wsi)
{
    char text[16];
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP);
    return n == (int)strlen("HTTP/1.1") &&
           (strcmp(text, "HTTP/1.1") == 0 || strcmp(text, "HTTP/1.0") == 0);
}

static bool wants_close(struct lws *wsi)
{
    char text[128];
    if (is_old(wsi))
        return true;
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_CONNECTION);
    return n < 0 || (n > 0 && has_token(text, "close"));
}

static int read_expect(struct lws *wsi, struct request_head *head)
{
    char text[32];
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_EXPECT);
    if (n == 0)
        return 0;
    if (n < 0 || strcasecmp(text, "100-continue") != 0)
        return 417;
    head->expects_continue = head->length > 0;
    return 0;
}

static bool is_door(const struct http_limits *limits, struct str path)
{
    if (limits->doors == NULL)
        return true;
    for (const char *const *door = limits->doors; *door != NULL; door++) {
        if (str_starts(path, str_from(*door)))
            return true;
    }
    return false;
}

static size_t most_for(const struct http_limits *limits, struct str path, http_shows **shows)
{
    size_t most = limits->body_max;

    if (most > HTTP_ELSEWHERE_MAX && !is_door(limits, path))
        most = HTTP_ELSEWHERE_MAX;
    for (size_t i = 0; i < HTTP_LARGER_MAX; i++) {
        const struct http_larger *larger = &limits->larger[i];
        if (larger->below != NULL && larger->max > most &&
            str_starts(path, str_from(larger->below))) {
            most = larger->max;
            *shows = larger->shows;
        }
    }
    return most;
}

int http_limits_check(struct lws *wsi, const struct http_limits *limits, struct str path,
                      struct request_head *head)
{
    *head = (struct request_head){.close = wants_close(wsi), .old = is_old(wsi)};
    bool has_body = false;
    for (size_t i = 0; i < COUNTOF(methods) && !head->method; i++) {
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
            head->method = methods[i].name;
            head->head_only = methods[i].token == WSI_TOKEN_HEAD_URI;
            has_body = methods[i].has_body;
        }
    }
    if (!head->method)
        return 405;
    if (!has_version(wsi))
        return 400;
    int refusal = read_length(wsi, has_body, &head->length);
    if (refusal)
        return refusal;
    head->most = most_for(limits, path, &head->shows);
    if (head->length > head->most)
        return 413;
    if (head->length <= limits->body_max)
        head->shows = NULL;
    return read_expect(wsi, head);
}

/* The token whose text is `name` and a colon; those of requests come first in libwebsockets'
 * table. -1 for a header that it does not know. */
static int find_token(const char *name)
{
    size_t len = strlen(name);
    for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
        const char *text = (const char *)lws_token_to_string((enum lws_token_indexes)token);
        if (text && strncmp(text, name, len) == 0 && strcmp(text + len, ":") == 0)
            return token;
    }
    return -1;
}

static struct str copy_token(struct arena *into, struct lws *wsi, enum lws_token_indexes token)
{
    int len = lws_hdr_total_length(wsi, token);
    if (len <= 0)
        return STR_NONE;
    char *text = arena_alloc(into, (size_t)len + 1);
    int n = lws_hdr_copy(wsi, text, len + 1, token);
    return n > 0 ? (struct str){text, (size_t)n} : STR_NONE;
}

/* libwebsockets keeps what it does not know by name and colon, in lower case. */
static struct str copy_custom(struct arena *into, struct lws *wsi, const char *name)
{
    char key[128];
    int key_len = snprintf(key, sizeof key, "%s:", name);
    if (key_len <= 0 || (size_t)key_len >= sizeof key)
        return STR_NONE;
    int len = lws_hdr_custom_length(wsi, key, key_len);
    if (len <= 0)
        return STR_NONE;
    char *text = arena_alloc(into, (size_t)len + 1);
    int n = lws_hdr_custom_copy(wsi, text, len + 1, key, key_len);
    return n > 0 ? (struct str){text, (size_t)n} : STR_NONE;
}

struct str http_limits_header(struct arena *into, struct lws *wsi, const char *name)
{
    int token = find_token(name);
    if (token >= 0)
        return str_trim(copy_token(into, wsi, (enum lws_token_indexes)token));
    return str_trim(copy_custom(into, wsi, name));
}

static size_t encode(char *to, const char *from, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";
    char *at = to;
    bool in_name = true;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)from[i];
        bool separates = c == '=' && in_name;
        if (separates || isalnum(c) || (c && strchr("-._~:/@,", c))) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
        in_name = in_name && !separates;
    }
    return (size_t)(at - to);
}

/* libwebsockets keeps the arguments one by one and decoded; here they are joined again. */
struct str http_limits_query(struct arena *into, struct lws *wsi)
{
    int total = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    if (total <= 0)
        return STR_NONE;
    char *piece = arena_alloc(into, (size_t)total + 1);
    char *text = arena_alloc(into, 3 * (size_t)total + 1);
    size_t len = 0;
    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(wsi, piece, total + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0)
            break;
        if (i > 0)
            text[len++] = '&';
        len += encode(text + len, piece, (size_t)n);
    }
    return (struct str){text, len};
}
