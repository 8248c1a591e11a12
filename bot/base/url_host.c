#include "bot/base/url_host.h"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(".-_", c) != NULL);
}

static bool is_port(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

/* "[::1]:8443": what stands in brackets. */
static struct str bracketed(struct str rest)
{
    size_t end = str_find(rest, STR("]"));
    struct str after = str_slice(rest, end + 1, rest.len);

    for (size_t i = 1; i < end && i < rest.len; i++) {
        if (!is_plain(rest.at[i]) && rest.at[i] != ':')
            return STR_NONE;
    }
    if (end == rest.len ||
        (after.len > 0 && (after.at[0] != ':' || !is_port(str_slice(after, 1, after.len)))))
        return STR_NONE;
    return str_slice(rest, 1, end - 1);
}

struct str url_host(struct str url)
{
    size_t scheme = str_starts(url, STR("https://"))  ? 8
                    : str_starts(url, STR("http://")) ? 7
                                                      : 0;
    struct str rest = str_slice(url, scheme, url.len), host;
    size_t end = 0;

    if (scheme == 0)
        return STR_NONE;
    while (end < rest.len && strchr("/?#", rest.at[end]) == NULL)
        end++;
    rest = str_slice(rest, 0, end);
    if (str_starts(rest, STR("[")))
        return bracketed(rest);
    host = str_slice(rest, 0, str_find(rest, STR(":")));
    for (size_t i = 0; i < host.len; i++) {
        if (!is_plain(host.at[i]))
            return STR_NONE;
    }
    return is_port(str_slice(rest, host.len + 1, rest.len)) ? host : STR_NONE;
}
