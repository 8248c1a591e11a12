#include "tests/support/pg.h"

#include "tests/support/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT_ROOM 512
#define ROOMY     (4ULL << 30) /* bytes: for sixteen clusters at a time */

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "pg: ");
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return false;
}

/* Who the server runs as; NULL: as we do. */
static const struct passwd *server_user(void)
{
    if (geteuid() != 0)
        return NULL;
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

/* The newest installed version's programs. */
static bool find_program(const char *name, char *path, size_t room)
{
    glob_t found = {0};
    bool ok = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0 && found.gl_pathc > 0;
    if (ok) {
        (void)snprintf(path, room, "%s/%s", found.gl_pathv[found.gl_pathc - 1], name);
    } else {
        (void)snprintf(path, room, "%s", name);
    }
    globfree(&found);
    return ok || complain("no PostgreSQL below /usr/lib/postgresql");
}

static void become(const struct passwd *user)
{
    if (!user)
        return;
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* Run a program as the server's user with its words in the log; -1 or its pid. */
static pid_t spawn(const struct pg *pg, char *const *argv)
{
    char log[96];
    (void)snprintf(log, sizeof(log), "%s/log", pg->dir);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become(server_user());
    /* After setuid, which would clear it. */
    (void)prctl(PR_SET_PDEATHSIG, SIGINT);
    if (getppid() != parent)
        _exit(126);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open("/dev/null", O_RDONLY);
    if (out < 0 || in < 0 || chdir(pg->dir) != 0)
        _exit(126);
    (void)dup2(in, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    (void)setsid();
    /* The sanitizers' settings are ours, not PostgreSQL's. */
    (void)execv(argv[0], argv);
    _exit(127);
}

static bool run(const struct pg *pg, char *const *argv)
{
    int status = 0;
    pid_t pid = spawn(pg, argv);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return complain("%s failed; see %s/log", argv[0], pg->dir);
    return true;
}

static bool write_file(const struct pg *pg, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data/%s", pg->dir, name);
    FILE *file = fopen(path, "w");
    if (!file)
        return complain("%s: %s", path, strerror(errno));
    (void)fputs(text, file);
    return fclose(file) == 0;
}

/* Memory, where there is plenty: a disk takes longer to make a cluster's 1,700 files and to
 * remove them than some tests do for all else. What a death of the server leaves is the same in
 * both. */
static const char *cluster_home(void)
{
    struct statvfs memory;
    bool is_roomy = statvfs("/dev/shm", &memory) == 0 && access("/dev/shm", W_OK) == 0 &&
                    (unsigned long long)memory.f_bavail * memory.f_frsize >= ROOMY;

    return is_roomy ? "/dev/shm" : temp_home();
}

static bool make_folder(struct pg *pg, const char *dir)
{
    char socket[96];
    if (dir) {
        (void)snprintf(pg->dir, sizeof(pg->dir), "%s", dir);
        if (mkdir(pg->dir, 0711) != 0)
            return complain("%s: %s", pg->dir, strerror(errno));
    } else {
        (void)snprintf(pg->dir, sizeof(pg->dir), "%s/pgXXXXXX", cluster_home());
        if (!mkdtemp(pg->dir))
            return complain("%s: %s", pg->dir, strerror(errno));
    }
    (void)snprintf(socket, sizeof(socket), "%s/s", pg->dir);
    const struct passwd *user = server_user();
    if (mkdir(socket, 0700) != 0)
        return complain("%s: %s", socket, strerror(errno));
    if (user && (chown(pg->dir, user->pw_uid, user->pw_gid) != 0 ||
                 chown(socket, user->pw_uid, user->pw_gid) != 0))
        return complain("%s: %s", pg->dir, strerror(errno));
    pg->made_dir = true;
    return true;
}

static bool new_cluster(const struct pg *pg)
{
    char initdb[128];
    char data[96];
    if (!find_program("initdb", initdb, sizeof(initdb)))
        return false;
    (void)snprintf(data, sizeof(data), "%s/data", pg->dir);
    char *argv[] = {initdb,     "-D",          data, "-A",   "peer", "-U",
                    "postgres", "--no-locale", "-E", "UTF8", "-N",   "--wal-segsize=1",
                    NULL};
    const struct passwd *me = getpwuid(geteuid());
    char map[256];
    /* `deployer` is there for tests of an owner who is no superuser. */
    (void)snprintf(map, sizeof(map),
                   "parley root postgres\nparley %s postgres\n"
                   "parley root deployer\nparley %s deployer\n",
                   me ? me->pw_name : "root", me ? me->pw_name : "root");
    return run(pg, argv) && write_file(pg, "pg_hba.conf", "local all all peer map=parley\n") &&
           write_file(pg, "pg_ident.conf", map);
}

static bool wait_ready(struct pg *pg)
{
    for (int tries = 0; tries < 1000; tries++) {
        if (PQping(pg_url(pg, "postgres")) == PQPING_OK)
            return true;
        if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid) {
            pg->pid = 0;
            return complain("the server ended; see %s/log", pg->dir);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return complain("the server does not answer; see %s/log", pg->dir);
}

bool pg_boot(struct pg *pg)
{
    char postgres[128];
    char data[96];
    char sockets[128];
    if (!find_program("postgres", postgres, sizeof(postgres)))
        return false;
    (void)snprintf(data, sizeof(data), "%s/data", pg->dir);
    (void)snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s/s", pg->dir);
    char *argv[] = {
        postgres,
        "-D",
        data,
        "-c",
        "listen_addresses=",
        "-c",
        sockets,
        "-c",
        "shared_buffers=64MB",
        "-c",
        "wal_level=minimal",
        "-c",
        "max_wal_senders=0",
        "-c",
        "max_connections=100",
        "-c",
        "min_wal_size=2MB", /* what is kept is copied */
        "-c",
        "max_wal_size=256MB",
        "-c",
        "dynamic_shared_memory_type=mmap", /* goes with the folder, when it was killed */
        NULL};
    pg->pid = spawn(pg, argv);
    return pg->pid > 0 && wait_ready(pg);
}

static bool create_database(struct pg *pg)
{
    PGconn *conn = PQconnectdb(pg_url(pg, "postgres"));
    PGresult *result = PQexec(conn, "create database parley");
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        (void)complain("%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    (void)pg_url(pg, "parley");
    return ok;
}

bool pg_start(struct pg *pg, const char *dir)
{
    *pg = (struct pg){0};
    if (make_folder(pg, dir) && new_cluster(pg) && pg_boot(pg) && create_database(pg))
        return true;
    pg_stop(pg);
    return false;
}

/* Rights and owners stay; run by root these are the server's, else ours. */
static bool copy_folder(const char *from, const char *to)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("cp", "cp", "-a", "--reflink=auto", from, to, NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return complain("cannot copy %s to %s", from, to);
    return true;
}

/* Another user's cluster, or another version's, is of no use. */
static void kept_path(const char *name, char path[KEPT_ROOM])
{
    (void)snprintf(path, KEPT_ROOM, "%s/pg-%d-%u-%s", PARLEY_BUILD_DIR, PQlibVersion(),
                   (unsigned)geteuid(), name);
}

bool pg_start_kept(struct pg *pg, const char *name)
{
    char kept[KEPT_ROOM];
    char data[96];
    *pg = (struct pg){0};
    kept_path(name, kept);
    if (access(kept, F_OK) != 0 || !make_folder(pg, NULL))
        return false;
    (void)snprintf(data, sizeof(data), "%s/data", pg->dir);
    if (copy_folder(kept, data) && pg_boot(pg)) {
        (void)pg_url(pg, "parley");
        return true;
    }
    pg_stop(pg);
    return false;
}

bool pg_keep(struct pg *pg, const char *name)
{
    char kept[KEPT_ROOM];
    char making[KEPT_ROOM + 16];
    char data[96];
    kept_path(name, kept);
    (void)snprintf(making, sizeof(making), "%s.%d", kept, (int)getpid());
    (void)snprintf(data, sizeof(data), "%s/data", pg->dir);
    pg_halt(pg, SIGINT);
    /* Whoever comes first has kept it; the same as ours. */
    if (copy_folder(data, making) && rename(making, kept) != 0)
        temp_remove(making);
    if (!pg_boot(pg))
        return false;
    (void)pg_url(pg, "parley"); /* booting asked the other one */
    return true;
}

const char *pg_url(struct pg *pg, const char *database)
{
    (void)snprintf(pg->url, sizeof(pg->url), "host=%s/s user=postgres dbname=%s", pg->dir,
                   database);
    return pg->url;
}

void pg_halt(struct pg *pg, int signal)
{
    if (pg->pid <= 0)
        return;
    (void)kill(pg->pid, signal);
    (void)waitpid(pg->pid, NULL, 0);
    pg->pid = 0;
}

void pg_stop(struct pg *pg)
{
    pg_halt(pg, SIGINT);
    if (pg->made_dir)
        temp_remove(pg->dir);
    *pg = (struct pg){0};
}
