/*
 * What a mail must be that comes by SMTP: more than a server asks for, since one that a server
 * takes may still be one that nobody can answer, thread or get rid of.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <strings.h>

static bool contains(struct str text, struct str part)
{
    return part.len > 0 && str_find(text, part) < text.len;
}

/* How often the head has a field. */
static unsigned count_field(struct str raw, const char *name)
{
    struct str head = str_slice(raw, 0, str_find(raw, STR("\r\n\r\n"))), line;
    size_t len = strlen(name);
    unsigned n = 0;
    while (str_split(&head, '\n', &line))
        n += line.len > len && line.at[len] == ':' && strncasecmp(line.at, name, len) == 0;
    return n;
}

static const char *wrong_head(const json_t *mail, struct str raw, struct str from,
                              struct str to)
{
    static const char *const once[] = {"Date",     "From",         "To",
                                       "Subject",  "Message-ID",   "Auto-Submitted",
                                       "Reply-To", "MIME-Version", "Content-Type"};
    struct str id = text_in(mail, "message_id");
    for (size_t i = 0; i < COUNTOF(once); i++) {
        if (count_field(raw, once[i]) != 1)
            return "a field of the head is missing, or there twice";
    }
    if (text_in(mail, "subject").len == 0)
        return "no subject";
    if (id.len < 5 || id.at[0] != '<' || id.at[id.len - 1] != '>' || !contains(id, STR("@")))
        return "no Message-ID";
    if (!contains(text_in(mail, "from"), from))
        return "it is from somebody else than its envelope";
    return str_eq(text_in(json_object_get(mail, "headers"), "To"), to)
               ? NULL
               : "it is to somebody else than its envelope";
}

static const char *wrong_thread(const json_t *headers)
{
    struct str answers = text_in(headers, "In-Reply-To");
    struct str before = text_in(headers, "References");
    if ((answers.len > 0 || before.len > 0) && !contains(before, answers))
        return "References does not have what it answers";
    return NULL;
}

/* RFC 2369, RFC 8058. */
static const char *wrong_way_out(const json_t *headers)
{
    struct str way = text_in(headers, "List-Unsubscribe");
    struct str post = text_in(headers, "List-Unsubscribe-Post");
    bool unasked = str_eq(text_in(headers, "Auto-Submitted"), STR("auto-generated"));
    bool web = str_starts(way, STR("<https://"));
    if (unasked && !web && !str_starts(way, STR("<mailto:")))
        return "nobody asked for it, and there is no way out";
    if (str_eq(post, STR("List-Unsubscribe=One-Click")) != web)
        return "one click and the web go together";
    return NULL;
}

const char *smtp_wrong(const json_t *mail, struct str raw, struct str from, struct str to)
{
    const json_t *headers = json_object_get(mail, "headers");
    const char *wrong = wrong_head(mail, raw, from, to);
    if (!wrong && (text_in(mail, "text").len == 0 || text_in(mail, "html").len == 0))
        wrong = "not both parts";
    if (!wrong)
        wrong = wrong_thread(headers);
    return wrong ? wrong : wrong_way_out(headers);
}
