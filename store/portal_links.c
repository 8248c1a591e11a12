#include "store/portal_links.h"

#include "store/db.h"
#include "store/plain.h"

#include <stdlib.h>

struct portal_links {
    PGconn *conn;
    struct uuid org;
    char org_text[UUID_TEXT_LEN + 1];
};

static bool find_business(struct portal_links *links, const char *given, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;
    struct uuid wanted = {{0}};

    if (given && !uuid_parse(str_from(given), &wanted))
        return err_raise(err, ERR_REJECT, "'%s' is not the id of a business", given);
    if (!plain_ask(links->conn, &SQL_BUSINESSES, 0, NULL, &orgs, err))
        return false;
    for (int i = 0; i < rows_n(orgs); i++) {
        links->org = row_uuid(orgs, i, 0);
        if (given ? uuid_eq(links->org, wanted) : rows_n(orgs) == 1) {
            uuid_format(links->org, links->org_text);
            return true;
        }
    }
    return err_raise(err, ERR_REJECT, "say which business: --business ID");
}

bool portal_links_open(const char *url, usec_t timeout, const char *business,
                       struct portal_links **links, struct err *err)
{
    *links = calloc(1, sizeof **links);
    if (!*links)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley link", &(*links)->conn,
                         err) &&
           find_business(*links, business, err);
}

void portal_links_close(struct portal_links **links)
{
    if (*links)
        plain_close(&(*links)->conn);
    free(*links);
    *links = NULL;
}

static bool ask(struct portal_links *links, const struct sql *sql, int n,
                const char *const *values, PGresult **rows, struct err *err)
{
    return plain_begin(links->conn, links->org, err) &&
           plain_ask(links->conn, sql, n, values, rows, err) &&
           plain_command(links->conn, "commit", err);
}

bool portal_links_list(struct portal_links *links, struct str customer, struct arena *into,
                       const struct portal_link_row **rows, size_t *n, struct err *err)
{
    const char *const values[] = {links->org_text, arena_cstr(into, customer), "now"};
    OWNED_ROWS(found) = NULL;

    if (!ask(links, &SQL_PORTAL_LINKS_LIST, COUNTOF(values), values, &found, err))
        return false;
    *n = (size_t)rows_n(found);
    struct portal_link_row *list = arena_array(into, struct portal_link_row, *n + 1);
    for (int i = 0; i < rows_n(found); i++) {
        list[i] = (struct portal_link_row){.id = row_uuid(found, i, 0),
                                           .customer = arena_str(into, row_text(found, i, 1)),
                                           .made_at = row_time(found, i, 2),
                                           .last_used_at = row_time(found, i, 3),
                                           .expires_at = row_time(found, i, 4)};
    }
    *rows = list;
    return true;
}

bool portal_links_revoke(struct portal_links *links, struct str which, const char *who,
                         struct uuid fresh, size_t *n, struct err *err)
{
    struct arena arena = {0};
    char id[UUID_TEXT_LEN + 1];
    OWNED_ROWS(rows) = NULL;

    uuid_format(fresh, id);
    const char *const values[] = {links->org_text, arena_cstr(&arena, which), who, "now", id};
    bool ok = ask(links, &SQL_PORTAL_LINKS_REVOKE, COUNTOF(values), values, &rows, err);
    arena_finish(&arena);
    *n = ok ? (size_t)rows_n(rows) : 0;
    return ok && (*n > 0 || err_raise(err, ERR_REJECT, "there is no link that is good"));
}
