/*
 * parley serve: the supervisor.
 *
 * It owns the listening sockets, one for each worker, so that a connection which waits in one
 * is not lost when its worker dies: the next worker accepts it. It starts workers, starts them
 * again with a growing pause when they die, kills one whose loop has stood still, and remembers
 * which deliveries a dead worker was stepping. It serves nothing itself.
 */
#include "bot/base/crypto.h"
#include "bot/command/commands.h"
#include "bot/control.h"
#include "bot/deaths.h"
#include "bot/door/spool.h"
#include "bot/loop/log.h"
#include "bot/shared.h"
#include "bot/turn/book_hand.h"
#include "bot/turn/books.h"
#include "bot/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG       1024
#define STUCK_AFTER   (30 * USEC_PER_SEC)
#define RESTART_FIRST (50 * USEC_PER_MSEC)
#define RESTART_MAX   (10 * USEC_PER_SEC)
#define LIVED_WELL    (30 * USEC_PER_SEC)

struct child {
    pid_t pid; /* 0: not running */
    usec_t started, restart_at;
    unsigned deaths; /* in a row, soon after starting */
    bool stuck;      /* and killed for it */
    int listener;
    int wake[2]; /* read by the worker, written by the others */
};

struct supervisor {
    struct config *config;
    struct shared *shared;
    struct child *children;
    struct deaths deaths;
    int *wake_fds;
    unsigned n;
    struct book *book;
    struct str book_files;
    struct arena book_arena; /* has book_files */
    struct arena arena;
    int signals;
    int spool_lock; /* -1: there is no spool */
    int control;    /* -1: the state folder cannot be used */
    bool stopping;
    bool killed;
    usec_t stop_until;
};

/* --- sockets
 * ------------------------------------------------------------------------------------ */

static bool refuse_place(const struct config *config, int why, struct err *err)
{
    return err_raise(err, ERR_REJECT, "cannot listen on %s:%u: %s", config->listen.address.at,
                     config->listen.port,
                     strerror(why)); // NOLINT(concurrency-mt-unsafe): one thread
}

/* A socket bound to the place of the settings; `option` besides SO_REUSEADDR, or 0. */
static bool bind_socket(const struct config *config, int option, int *fd, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *address;
    char port[16];
    int one = 1;

    (void)snprintf(port, sizeof port, "%u", config->listen.port);
    if (getaddrinfo(config->listen.address.at, port, &hints, &address) != 0) {
        return err_raise(err, ERR_REJECT, "listen: \"%s\" is no numeric address",
                         config->listen.address.at);
    }
    *fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = *fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                (option == 0 || setsockopt(*fd, SOL_SOCKET, option, &one, sizeof one) == 0) &&
                bind(*fd, address->ai_addr, address->ai_addrlen) == 0;
    int why = errno;
    freeaddrinfo(address);
    return good || refuse_place(config, why, err);
}

static bool listen_on(const struct config *config, int *fd, struct err *err)
{
    return bind_socket(config, SO_REUSEPORT, fd, err) &&
           (listen(*fd, BACKLOG) == 0 || refuse_place(config, errno, err));
}

/* SO_REUSEPORT would let a second service of the same user share the port, and take half of its
 * deliveries: so a first bind without it asks whether the port is free. */
static bool port_is_free(const struct config *config, struct err *err)
{
    int fd = -1;
    bool free = bind_socket(config, 0, &fd, err);

    if (fd >= 0)
        close(fd);
    return free;
}

static bool open_sockets(struct supervisor *supervisor, struct err *err)
{
    if (!port_is_free(supervisor->config, err))
        return false;
    for (unsigned i = 0; i < supervisor->n; i++) {
        struct child *child = &supervisor->children[i];
        if (!listen_on(supervisor->config, &child->listener, err))
            return false;
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, child->wake) != 0)
            return err_raise(err, ERR_RETRY, "socketpair failed");
        supervisor->wake_fds[i] = child->wake[1];
    }
    return true;
}

/* --- workers
 * ---------------------------------------------------------------------------------------- */

static void run_child(struct supervisor *supervisor, unsigned index)
{
    struct child *child = &supervisor->children[index];
    struct worker_start how = {.config = supervisor->config,
                               .shared = supervisor->shared,
                               .index = index,
                               .listener = child->listener,
                               .wake_fd = child->wake[0],
                               .wake_fds = supervisor->wake_fds,
                               .book = supervisor->book,
                               .book_files = supervisor->book_files};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); // NOLINT(concurrency-mt-unsafe): one thread
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN); /* the supervisor reloads, and hands the book on */
    (void)signal(SIGINT, SIG_IGN); /* the terminal's goes to all; the supervisor decides */
    close(supervisor->signals);
    if (supervisor->control >= 0)
        close(supervisor->control);
    if (supervisor->spool_lock >= 0)
        close(supervisor->spool_lock); /* it is the supervisor's, and goes with it */
    exit(worker_main(&how));           // NOLINT(concurrency-mt-unsafe): one thread
}

static void start_child(struct supervisor *supervisor, unsigned index)
{
    struct child *child = &supervisor->children[index];
    pid_t parent = getpid();
    pid_t pid;

    atomic_store(&supervisor->shared->workers[index].beat, clock_monotonic());
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG,
              SIGTERM); /* a worker without a supervisor stops, in good order */
        if (getppid() != parent)
            _exit(1);
        run_child(supervisor, index);
    }
    child->started = clock_monotonic();
    if (pid < 0) {
        log_event(LOG_ALERT, "supervisor.fork_failed", LOG_I("worker", index));
        child->restart_at = child->started + USEC_PER_SEC;
        return;
    }
    child->pid = pid;
}

static void child_died(struct supervisor *supervisor, unsigned index, int status)
{
    struct child *child = &supervisor->children[index];
    usec_t now = clock_monotonic();
    usec_t pause;

    child->pid = 0;
    if (supervisor->stopping)
        return;
    shared_blame(supervisor->shared, index,
                 death_is_own(&supervisor->deaths, status, child->stuck));
    child->stuck = false;
    count(COUNT_WORKER_DEATHS, 1);
    child->deaths = now - child->started > LIVED_WELL ? 1 : child->deaths + 1;
    pause = child->deaths < 10 ? RESTART_FIRST << (child->deaths - 1) : RESTART_MAX;
    child->restart_at = now + (pause < RESTART_MAX ? pause : RESTART_MAX);
    log_event(LOG_ALERT, "supervisor.worker_died", LOG_I("worker", index),
              LOG_I("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
              LOG_I("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
              LOG_I("deaths", child->deaths));
}

static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < supervisor->n; i++) {
            if (supervisor->children[i].pid == pid)
                child_died(supervisor, i, status);
        }
    }
}

static void tell_children(struct supervisor *supervisor, int signal_number)
{
    for (unsigned i = 0; i < supervisor->n; i++) {
        if (supervisor->children[i].pid > 0)
            kill(supervisor->children[i].pid, signal_number);
    }
}

static unsigned running(const struct supervisor *supervisor)
{
    unsigned n = 0;

    for (unsigned i = 0; i < supervisor->n; i++)
        n += supervisor->children[i].pid > 0;
    return n;
}

/* --- the watch
 * --------------------------------------------------------------------------------------------
 */

static void look_after(struct supervisor *supervisor, unsigned index, usec_t now)
{
    struct child *child = &supervisor->children[index];
    usec_t last = atomic_load(&supervisor->shared->workers[index].beat);

    if (child->pid > 0 && now - last > STUCK_AFTER) {
        log_event(LOG_ALERT, "supervisor.worker_stuck", LOG_I("worker", index));
        kill(child->pid, SIGKILL);
        child->stuck = true;
        atomic_store(&supervisor->shared->workers[index].beat, now);
    } else if (child->pid == 0 && !supervisor->stopping && now >= child->restart_at) {
        start_child(supervisor, index);
    }
}

/* --- reloading
 * -------------------------------------------------------------------------------------------
 */

static void hand_on(struct supervisor *supervisor)
{
    int handle = book_hand_make(supervisor->book_files);

    for (unsigned i = 0; i < supervisor->n; i++) {
        struct child *child = &supervisor->children[i];

        /* One that is dead starts with the new book, and one that cannot take it must not go on
         * with the old one. */
        if (child->pid > 0 && (handle < 0 || !book_hand_to(child->wake[1], handle))) {
            log_event(LOG_ALERT, "supervisor.book_not_taken", LOG_I("worker", i));
            kill(child->pid, SIGTERM);
        }
    }
    if (handle >= 0)
        close(handle);
}

/* All or nothing: a book that is not good changes nothing, and says why. */
static bool reload(struct supervisor *supervisor, char answer[CONTROL_TEXT_MAX])
{
    struct arena arena = {0};
    struct book *book;
    struct str files;
    struct err err = {0};
    struct hash16 version;
    char hex[2 * HASH16_LEN + 1];

    if (!books_read(&arena, supervisor->config->flows.folder, &book, &files, &err)) {
        log_event(LOG_ALERT, "supervisor.book_refused", LOG_ERR(&err));
        (void)snprintf(answer, CONTROL_TEXT_MAX, "refused %s", err.text);
        arena_finish(&arena);
        return false;
    }
    book_destroy(supervisor->book);
    arena_finish(&supervisor->book_arena);
    supervisor->book = book;
    supervisor->book_files = files;
    supervisor->book_arena = arena;
    hand_on(supervisor);
    version = book_version(book);
    hex_format(version.bytes, HASH16_LEN, hex);
    log_event(LOG_INFO, "supervisor.book_read", LOG_C("version", hex));
    (void)snprintf(answer, CONTROL_TEXT_MAX, "reloaded version %s, %u worker%s", hex,
                   supervisor->n, CLI_OF(supervisor->n, "", "s"));
    return true;
}

static void read_control(struct supervisor *supervisor)
{
    char text[CONTROL_TEXT_MAX];
    int from;

    while (control_next(supervisor->control, text, &from)) {
        if (strcmp(text, "reload") != 0) {
            (void)snprintf(text, sizeof text, "refused what is that?");
        } else if (supervisor->stopping) {
            (void)snprintf(text, sizeof text, "refused the service is stopping");
        } else {
            (void)reload(supervisor, text);
        }
        control_answer(from, text);
    }
}

static void read_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    char answer[CONTROL_TEXT_MAX];

    while (read(supervisor->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP && !supervisor->stopping)
            (void)reload(supervisor, answer);
        if (info.ssi_signo == SIGHUP)
            continue;
        if (info.ssi_signo == SIGCHLD || supervisor->stopping)
            continue;
        supervisor->stopping = true;
        supervisor->stop_until =
            clock_monotonic() + supervisor->config->outbox.drain + 2 * USEC_PER_SEC;
        log_event(LOG_INFO, "supervisor.stopping", LOG_I("signal", info.ssi_signo));
        tell_children(supervisor, SIGTERM);
    }
}

static void watch(struct supervisor *supervisor)
{
    while (!supervisor->stopping || running(supervisor) > 0) {
        struct pollfd fds[] = {
            {.fd = supervisor->signals, .events = POLLIN},
            {.fd = supervisor->control, .events = POLLIN}
        };
        usec_t now;
        (void)poll(fds, COUNTOF(fds), 50);
        read_signals(supervisor);
        read_control(supervisor);
        reap(supervisor);
        now = clock_monotonic();
        for (unsigned i = 0; i < supervisor->n; i++)
            look_after(supervisor, i, now);
        if (supervisor->stopping && now > supervisor->stop_until && !supervisor->killed) {
            supervisor->killed = true;
            log_event(LOG_WARN, "supervisor.killing", LOG_I("workers", running(supervisor)));
            tell_children(supervisor, SIGKILL);
        }
    }
}

static bool catch_signals(struct supervisor *supervisor, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL); // NOLINT(concurrency-mt-unsafe): one thread
    supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervisor->signals >= 0 || err_raise(err, ERR_RETRY, "signalfd failed");
}

static unsigned worker_count(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = config->workers > 0 ? config->workers : (unsigned)(cores > 0 ? cores : 1);

    return n < METRICS_WORKERS ? n : METRICS_WORKERS;
}

static bool prepare(struct supervisor *supervisor, struct err *err)
{
    enum log_level level;

    if (!crypto_init(err))
        return false;
    if (log_level_find(supervisor->config->log.level, &level))
        log_set_level(level);
    supervisor->n = worker_count(supervisor->config);
    supervisor->children = arena_array(&supervisor->arena, struct child, supervisor->n);
    supervisor->wake_fds = arena_array(&supervisor->arena, int, supervisor->n);
    if (!books_read(&supervisor->book_arena, supervisor->config->flows.folder,
                    &supervisor->book, &supervisor->book_files, err))
        return false;
    if (!shared_create(supervisor->n, &supervisor->shared, err) ||
        !open_sockets(supervisor, err) || !catch_signals(supervisor, err))
        return false;
    deaths_init(&supervisor->deaths);
    supervisor->spool_lock = spool_prepare(supervisor->config, supervisor->shared);
    return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const struct cli_option options[] = {CLI_OPTIONS_END};
    static struct supervisor supervisor;
    struct err err = {0};

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (optind < argc)
        return cli_usage(cli, "serve takes no arguments");
    supervisor.config = cli_config(cli);
    if (supervisor.config == NULL)
        return CLI_FAILED;
    if (!prepare(&supervisor, &err))
        return cli_fail(cli, &err);
    if (!control_open(supervisor.config, &supervisor.control, &err))
        log_event(LOG_WARN, "supervisor.no_control", LOG_ERR(&err)); /* SIGHUP still works */
    supervisor.shared->started = clock_now();
    metrics_use(&supervisor.shared->supervisor);
    log_event(LOG_INFO, "supervisor.started", LOG_I("workers", supervisor.n),
              LOG_I("port", supervisor.config->listen.port));
    for (unsigned i = 0; i < supervisor.n; i++)
        start_child(&supervisor, i);
    watch(&supervisor);
    log_event(LOG_INFO, "supervisor.stopped");
    control_close(supervisor.config, supervisor.control);
    book_destroy(supervisor.book);
    arena_finish(&supervisor.book_arena);
    config_destroy(supervisor.config);
    arena_finish(&supervisor.arena);
    return CLI_DONE;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the service: a supervisor and its workers",
    .usage = "",
    .help = "Runs in the foreground until SIGTERM or SIGINT, then finishes what is under way.\n"
            "SIGHUP, or parley flows reload, reads flows and words anew.\n"
            "The log goes to standard error.\n",
    .run = run,
};
