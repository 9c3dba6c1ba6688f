"""cffi declarations of recvmmsg(2), sendmmsg(2), sendto(2), poll(2) and prctl(2) for the native build; no logic of our own.

`send_one` is sendto with an address that is bytes.

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
    int poll(struct pollfd *fds, unsigned long count, int timeout);
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
    #define MSG_WAITFORONE ...
    #define MSG_DONTWAIT ...
    """)

if __name__ == "__main__":
    ffibuilder.compile(verbose=False)
