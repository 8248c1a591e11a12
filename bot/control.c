/*
 * A socket of whole messages (SOCK_SEQPACKET), named after the port, so that two services of a
 * node have one each. A question is answered in the supervisor's turn: it is rare and short.
 */
#include "bot/control.h"

#include "bot/config/config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 30000

static bool name_of(const struct config *config, struct sockaddr_un *address, struct err *err)
{
    int n;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    n = snprintf(address->sun_path, sizeof address->sun_path, "%s/control-%u.sock",
                 config->paths.state.at, config->listen.port);
    if (n < 0 || (size_t)n >= sizeof address->sun_path)
        return err_raise(err, ERR_REJECT, "paths.state is too long for a socket's name");
    return true;
}

bool control_open(const struct config *config, int *fd, struct err *err)
{
    struct sockaddr_un address;
    mode_t mask;
    bool bound;

    *fd = -1;
    if (!name_of(config, &address, err))
        return false;
    (void)unlink(address.sun_path); /* a dead service's: the port is ours */
    int opened = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    bound = opened >= 0 && bind(opened, (struct sockaddr *)&address, sizeof address) == 0 &&
            listen(opened, 8) == 0;
    int why = errno;
    (void)umask(mask);
    if (bound) {
        *fd = opened;
        return true;
    }
    if (opened >= 0)
        (void)close(opened);
    return err_raise(err, ERR_REJECT, "%s: %s", address.sun_path, strerrordesc_np(why));
}

void control_close(const struct config *config, int fd)
{
    struct sockaddr_un address;
    struct err ignored = {0};

    if (fd < 0)
        return;
    (void)close(fd);
    if (name_of(config, &address, &ignored))
        (void)unlink(address.sun_path);
}

bool control_next(int fd, char question[CONTROL_TEXT_MAX], int *from)
{
    *from = fd >= 0 ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (*from < 0)
        return false;
    struct pollfd waits = {.fd = *from, .events = POLLIN};
    ssize_t n = poll(&waits, 1, 500) == 1
                    ? recv(*from, question, CONTROL_TEXT_MAX - 1, MSG_DONTWAIT)
                    : -1;
    question[n > 0 ? n : 0] = '\0';
    return true;
}

void control_answer(int from, const char *answer)
{
    (void)!send(from, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(from);
}

static bool ask_on(int fd, const struct sockaddr_un *address, const char *question,
                   char answer[CONTROL_TEXT_MAX], struct err *err)
{
    struct pollfd waits = {.fd = fd, .events = POLLIN};

    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        return err_raise(err, ERR_RETRY, "%s: %s: is the service up, with these settings?",
                         address->sun_path, strerrordesc_np(errno));
    }
    if (send(fd, question, strlen(question), MSG_NOSIGNAL) < 0 ||
        poll(&waits, 1, ANSWER_MS) != 1)
        return err_raise(err, ERR_RETRY, "the service does not answer; see its log");
    ssize_t n = recv(fd, answer, CONTROL_TEXT_MAX - 1, 0);
    if (n <= 0)
        return err_raise(err, ERR_RETRY, "the service went away");
    answer[n] = '\0';
    return true;
}

bool control_ask(const struct config *config, const char *question,
                 char answer[CONTROL_TEXT_MAX], struct err *err)
{
    struct sockaddr_un address;

    if (!name_of(config, &address, err))
        return false;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_raise(err, ERR_RETRY, "no socket: %s", strerrordesc_np(errno));
    bool ok = ask_on(fd, &address, question, answer, err);
    (void)close(fd);
    return ok;
}
