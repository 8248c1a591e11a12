/* Memory without a name (memfd), and its handle in a message's ancillary data (SCM_RIGHTS). */
#include "bot/turn/book_hand.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES          200
#define TRY_USEC       5000
#define SIZE_MAX_BYTES ((off_t)64 << 20)

int book_hand_make(struct str packed)
{
    int handle = memfd_create("parley-book", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t done = 0;

    while (handle >= 0 && done < packed.len) {
        ssize_t n = write(handle, packed.at + done, packed.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)close(handle);
            return -1;
        }
        done += (size_t)n;
    }
    /* all workers share it: none may change what the others read */
    if (handle >= 0 && fcntl(handle, F_ADD_SEALS,
                             F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        (void)close(handle);
        return -1;
    }
    return handle;
}

union ancillary {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool book_hand_to(int socket, int handle)
{
    char mark = 'b';
    struct iovec part = {.iov_base = &mark, .iov_len = 1};
    union ancillary ancillary = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = ancillary.bytes,
                             .msg_controllen = sizeof ancillary.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof handle);
    memcpy(CMSG_DATA(header), &handle, sizeof handle);
    for (int tries = 0; tries < TRIES; tries++) {
        if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
            return true;
        (void)usleep(TRY_USEC); /* its buffer is full of wakings */
    }
    return false;
}

static int handle_in(struct msghdr *message)
{
    int handle = -1;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            memcpy(&handle, CMSG_DATA(header), sizeof handle);
    }
    return handle;
}

bool wake_next(int socket, struct wake *wake)
{
    struct iovec part = {.iov_base = wake->lane.bytes, .iov_len = sizeof wake->lane.bytes};
    union ancillary ancillary;

    for (;;) {
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = ancillary.bytes,
                                 .msg_controllen = sizeof ancillary.bytes};
        ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n <= 0)
            return false;
        wake->book = handle_in(&message);
        if (wake->book >= 0 || n == (ssize_t)sizeof wake->lane.bytes)
            return true;
    }
}

static bool read_all(struct arena *into, int handle, struct str *packed)
{
    struct stat info;
    size_t done = 0;

    if (fstat(handle, &info) != 0 || info.st_size > SIZE_MAX_BYTES)
        return false;
    size_t size = (size_t)info.st_size;
    char *at = arena_alloc(into, size + 1);
    while (done < size) { /* by place: the handle is shared with the other workers */
        ssize_t n = pread(handle, at + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    *packed = (struct str){at, size};
    return true;
}

bool book_hand_read(struct arena *into, int handle, struct str *packed, struct err *err)
{
    bool ok = read_all(into, handle, packed) ||
              err_raise(err, ERR_RETRY, "the new book cannot be read");

    (void)close(handle);
    return ok;
}
