/*
 * A second pool and a count of what it has to do.
 */
#include "bot/door/desk_door.h"

#include <stdlib.h>

#define WAITING_MAX 256 /* calls: each may hold a body of http.body_max */

struct desk_door {
    struct db *db;
    size_t busy;
};

struct desk_door *desk_door_create(struct worker *worker, struct err *err)
{
    const struct config *config = worker->config;
    const struct db_options options = {.url = config->database.url.at,
                                       .connections = config->database.desk_connections,
                                       .connect_timeout = config->database.connect_timeout,
                                       .deadline = config->database.deadline,
                                       .role = "parley_staff",
                                       .application = "parley desk"};
    struct desk_door *door = calloc(1, sizeof *door);

    if (door == NULL)
        abort();
    if (db_create(&worker->loop, &options, &door->db, err))
        return door;
    free(door);
    return NULL;
}

bool desk_door_is_open(const struct desk_door *door)
{
    struct db_health health;

    db_health(door->db, &health);
    /* A worker that has just started is waited for. */
    return (health.open > 0 || health.last.code == ERR_NONE) && door->busy < WAITING_MAX;
}

static void called(struct db_call *call)
{
    struct desk_call *mine = CONTAINER_OF(call, struct desk_call, call);

    mine->door->busy--;
    mine->done(mine);
}

void desk_door_call(struct desk_door *door, struct desk_call *call)
{
    call->door = door;
    call->call.done = called;
    door->busy++;
    db_call(door->db, &call->call);
}

size_t desk_door_busy(const struct desk_door *door)
{
    return door->busy;
}

static void closed(struct db *db)
{
    (void)db;
}

void desk_door_close(struct desk_door *door)
{
    db_close(door->db, closed);
}

void desk_door_destroy(struct desk_door *door)
{
    if (door == NULL)
        return;
    db_destroy(door->db);
    free(door);
}
