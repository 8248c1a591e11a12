#include "tests/support/talks.h"

#include "store/seed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void talks_begin(PGconn *owner)
{
    struct seed_options options = {.url = store_pg.url, .phone_number_id = "106"};
    struct seed_counts counts;
    struct err err = {0};

    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    run_sql(owner,
            "insert into contact_points (org_id, contact_id, channel, address, phone,"
            " customer_id)"
            " select org_id, md5('talk/' || n)::uuid, 'whatsapp', phone, phone, customer_id"
            "   from customer_phones join generate_series(1, 2) n"
            "     on customer_id = md5('larkfield/customer/' || n)::uuid;"
            "insert into conversations (org_id, conversation_id, account_id, contact_id)"
            " select p.org_id, p.contact_id, a.account_id, p.contact_id"
            "   from contact_points p"
            "   join (select org_id, min(account_id::text)::uuid as account_id"
            "           from accounts group by org_id) a using (org_id)");
}

struct uuid ask_id(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    struct uuid id = {{0}};

    if (PQntuples(result) != 1 || !uuid_parse(str_from(PQgetvalue(result, 0, 0)), &id))
        fail_msg("no id: %s", sql);
    PQclear(result);
    return id;
}
