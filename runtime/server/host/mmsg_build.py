"""cffi declarations of recvmmsg(2), sendmmsg(2), sendto(2), poll(2) and prctl(2) for the native build, and what saves calls of them.

`send_one` is sendto with an address that is bytes. `read_batch` is recvmmsg, `wait_and_read` a poll, and then a `read_batch` of
what there is if the first descriptor is ready: it returns 1 << place for each that is ready and from bit 8 on how many datagrams came, 255
for an error. Both leave a number for each IPv4 source, address and port, and 0 for others.

`python -m runtime.server.host.mmsg_build` builds the extension module runtime/server/host/_mmsg beside this file; hatch_build.py does
it for the wheel. Without it the server uses Python's socket module.
"""

from __future__ import annotations

from cffi import FFI

ffibuilder = FFI()

ffibuilder.set_source(
    "runtime.server.host._mmsg",
    """
    #include <netinet/in.h>
    #include <poll.h>
    #include <sys/prctl.h>
    #include <sys/socket.h>
    static long send_one(int fd, const char *data, size_t size, const char *name, unsigned int name_size)
    {
        return sendto(fd, data, size, 0, (const struct sockaddr *)name, name_size);
    }
    static int read_batch(int fd, struct mmsghdr *messages, unsigned int count, int flags, long long *sources)
    {
        int found = recvmmsg(fd, messages, count, flags, NULL);
        for (int i = 0; i < found; i++) {
            const struct sockaddr_in *name = messages[i].msg_hdr.msg_name;
            sources[i] = name->sin_family != AF_INET ? 0
                         : (long long)ntohl(name->sin_addr.s_addr) << 16 | ntohs(name->sin_port);
        }
        return found;
    }
    static int wait_and_read(struct pollfd *fds, unsigned long count, int timeout, struct mmsghdr *messages,
                             unsigned int room, long long *sources)
    {
        int ready = 0, found = 0;
        if (poll(fds, count, timeout) > 0)
            for (unsigned long i = 0; i < count; i++)
                ready |= (fds[i].revents != 0) << i;
        if (ready & 1 && (found = read_batch(fds[0].fd, messages, room, MSG_DONTWAIT, sources)) < 0)
            found = 255;
        return found << 8 | ready;
    }
    """,
    define_macros=[("_GNU_SOURCE", "1")],
)

ffibuilder.cdef("""
    struct iovec { void *iov_base; size_t iov_len; ...; };
    struct msghdr { void *msg_name; unsigned int msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                    void *msg_control; size_t msg_controllen; ...; };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; ...; };
    struct sockaddr_in6 { ...; };
    int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
    int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
    struct pollfd { int fd; short events; short revents; };
    long send_one(int fd, const char *data, size_t size, const char *name, unsigned int name_size);
    int read_batch(int fd, struct mmsghdr *messages, unsigned int count, int flags, long long *sources);
    int wait_and_read(struct pollfd *fds, unsigned long count, int timeout, struct mmsghdr *messages, unsigned int room,
                      long long *sources);
    int poll(struct pollfd *fds, unsigned long count, int timeout);
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
    #define MSG_WAITFORONE ...
    #define MSG_DONTWAIT ...
    """)

if __name__ == "__main__":
    ffibuilder.compile(verbose=False)
