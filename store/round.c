#include "store/round.h"

#include "store/db.h"

void round_finish(struct round *round)
{
    plain_clear(&round->rows);
    plain_clear(&round->orgs);
}

static bool ask_next(struct round *round, struct err *err)
{
    plain_clear(&round->rows);
    round->org = row_uuid(round->orgs, round->next++, 0);
    return plain_ask_of(round->conn, round->org, round->sql, round->n, round->values,
                        &round->rows, err);
}

bool round_next(struct round *round, struct err *err)
{
    if (!round->orgs && !plain_ask(round->conn, &SQL_BUSINESSES, 0, NULL, &round->orgs, err))
        round->failed = true;
    if (round->failed || round->next == rows_n(round->orgs))
        return false;
    round->failed = !ask_next(round, err);
    return !round->failed;
}
