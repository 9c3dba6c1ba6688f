"""cffi declarations of recvmmsg(2), sendmmsg(2), sendto(2), poll(2) and prctl(2) for the native build, and what saves calls of them.

`send_one` is sendto with an address that is bytes. `read_batch` is recvmmsg, `wait_and_read` a poll, and then a `read_batch` of
what there is if the first descriptor is ready. It returns 1 << place for each of four descriptors that is ready, 16 if the first datagram
came from where the last one in its place did, from bit 8 on how many datagrams came, 255 for an error, and from bit 16 on how long the
first is. Both leave a `fact` of each datagram, little-endian: a number for an IPv4 source, address and port, and 0 for others; its size.

`python -m runtime.server.host.mmsg_build` builds the extension module runtime/server/host/_mmsg beside this file; hatch_build.py does
it for the wheel. Without it the server uses Python's socket module.
"""

from __future__ import annotations

from cffi import FFI

ffibuilder = FFI()

ffibuilder.set_source(
    "runtime.server.host._mmsg",
    """
    #include <endian.h>
    #include <netinet/in.h>
    #include <poll.h>
    #include <sys/prctl.h>
    #include <sys/socket.h>
    static long send_one(int fd, const char *data, size_t size, const char *name)
    {
        const struct sockaddr *to = (const struct sockaddr *)name;
        return sendto(fd, data, size, 0, to,
                      to->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    }
    struct fact { long long source, size; };
    static int read_batch(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct fact *facts)
    {
        int found = recvmmsg(fd, messages, count, flags, NULL);
        for (int i = 0; i < found; i++) {
            const struct sockaddr_in *name = messages[i].msg_hdr.msg_name;
            facts[i].source = name->sin_family != AF_INET ? 0
                              : htole64((long long)ntohl(name->sin_addr.s_addr) << 16 | ntohs(name->sin_port));
            facts[i].size = htole64(messages[i].msg_len);
        }
        return found;
    }
    struct reader {
        struct pollfd *fds;
        unsigned long count;
        struct mmsghdr *messages;
        unsigned int room;
        struct fact *facts;
    };
    static long long wait_and_read(struct reader *r, int timeout)
    {
        long long result = 0, before = r->facts[0].source;
        if (poll(r->fds, r->count, timeout) > 0)
            for (unsigned long i = 0; i < r->count; i++)
                result |= (long long)(r->fds[i].revents != 0) << i;
        if (result & 1) {
            int found = read_batch(r->fds[0].fd, r->messages, r->room, MSG_DONTWAIT, r->facts);
            if (found > 0 && before != 0 && r->facts[0].source == before)
                result |= 16;
            result |= (long long)(found < 0 ? 255 : found) << 8;
            if (found > 0)
                result |= (long long)r->messages[0].msg_len << 16;
        }
        return result;
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
    long send_one(int fd, const char *data, size_t size, const char *name);
    struct fact { long long source, size; };
    int read_batch(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct fact *facts);
    struct reader { struct pollfd *fds; unsigned long count; struct mmsghdr *messages; unsigned int room;
                    struct fact *facts; };
    long long wait_and_read(struct reader *r, int timeout);
    int poll(struct pollfd *fds, unsigned long count, int timeout);
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
    #define MSG_WAITFORONE ...
    #define MSG_DONTWAIT ...
    """)

if __name__ == "__main__":
    ffibuilder.compile(verbose=False)
