/* The floor of the machine: a forwarder that does nothing but system calls.
 *
 *   floor -l PORT -d SINK_PORT [-b BATCH] [-w|-a MICROSECONDS] [-p MICROSECONDS] [-c] [-g]
 *
 * Every datagram that arrives on 127.0.0.1:PORT leaves unchanged for 127.0.0.1:SINK_PORT.
 *
 *   -b 1   one recvfrom and one sendto per datagram (default); more: recvmmsg and sendmmsg, up to BATCH at a time
 *   -w US  after a batch, sleep US before reading again, so that several datagrams share one wake-up
 *   -a US  the same, but only while it pays: a sleep costs as much as three blocking reads, so sleep when blocking reads
 *          follow each other so fast that a sleep spans WORTH_A_SLEEP of them, and stop when one brought fewer datagrams
 *   -p US  SO_BUSY_POLL on the receiving socket
 *   -c     send from a second, connected socket
 *   -g     UDP_SEGMENT: a run of equally long datagrams leaves as one (with -b)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 64, SIZE_MAX_BYTES = 4096, RECEIVE_BUFFER = 4 << 20, WORTH_A_SLEEP = 4, WINDOW = 16 };

static char buffers[BATCH_MAX][SIZE_MAX_BYTES];
static struct iovec parts[BATCH_MAX];
static struct mmsghdr batch[BATCH_MAX];
static struct sockaddr_in sources[BATCH_MAX];
static struct sockaddr_in sink;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void one_by_one(int in, int out, int connected)
{
    for (;;) {
        struct sockaddr_in source;
        socklen_t length = sizeof source;
        ssize_t size = recvfrom(in, buffers[0], SIZE_MAX_BYTES, 0, (struct sockaddr *)&source, &length);
        if (size < 0)
            die("recvfrom");
        if (connected ? send(out, buffers[0], size, 0) < 0
                      : sendto(out, buffers[0], size, 0, (struct sockaddr *)&sink, sizeof sink) < 0)
            die("send");
    }
}

/* One sendmsg for the datagrams [0, n), which are all of the same size. */
static void send_segmented(int out, int n, int size)
{
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr message = {.msg_name = &sink, .msg_namelen = sizeof sink, .msg_iov = parts, .msg_iovlen = n,
                             .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    *(uint16_t *)CMSG_DATA(header) = size;
    if (sendmsg(out, &message, 0) < 0)
        die("sendmsg");
}

static int equally_long(int n)
{
    for (int i = 1; i < n; i++)
        if (batch[i].msg_len != batch[0].msg_len)
            return 0;
    return 1;
}

/* Whether to sleep before the next read, after one that brought n datagrams. */
static int is_worth_a_sleep(int n, long wait_us)
{
    static int asleep, reads;
    static int64_t window_start_ns;
    if (asleep)
        return asleep = n >= WORTH_A_SLEEP;
    if (++reads < WINDOW)
        return 0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now_ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec, took_ns = now_ns - window_start_ns;
    window_start_ns = now_ns;
    reads = 0;
    return asleep = took_ns * WORTH_A_SLEEP <= wait_us * 1000 * WINDOW;
}

static void in_batches(int in, int out, int size, int connected, int segment, long wait_us, int adaptive)
{
    struct timespec wait = {.tv_nsec = wait_us * 1000};
    for (;;) {
        for (int i = 0; i < size; i++) {
            parts[i] = (struct iovec){buffers[i], SIZE_MAX_BYTES};
            batch[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_namelen = sizeof sources[i],
                                               .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(in, batch, size, MSG_WAITFORONE, NULL);
        if (n < 0)
            die("recvmmsg");
        for (int i = 0; i < n; i++) {
            parts[i].iov_len = batch[i].msg_len;
            batch[i].msg_hdr.msg_name = connected ? NULL : &sink;
            batch[i].msg_hdr.msg_namelen = connected ? 0 : sizeof sink;
        }
        if (segment && n > 1 && equally_long(n))
            send_segmented(out, n, batch[0].msg_len);
        else
            for (int done = 0; done < n;) {
                int sent = sendmmsg(out, batch + done, n - done, 0);
                if (sent < 0)
                    die("sendmmsg");
                done += sent;
            }
        if (wait_us && (!adaptive || is_worth_a_sleep(n, wait_us)))
            clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
    }
}

int main(int argc, char **argv)
{
    int port = 0, sink_port = 0, size = 1, poll_us = 0, connected = 0, segment = 0, adaptive = 0;
    long wait_us = 0;
    for (int option; (option = getopt(argc, argv, "l:d:b:w:a:p:cg")) != -1;) {
        switch (option) {
        case 'l': port = atoi(optarg); break;
        case 'd': sink_port = atoi(optarg); break;
        case 'b': size = atoi(optarg); break;
        case 'w': wait_us = atol(optarg); break;
        case 'a': wait_us = atol(optarg); adaptive = 1; break;
        case 'p': poll_us = atoi(optarg); break;
        case 'c': connected = 1; break;
        case 'g': segment = 1; break;
        default: return 2;
        }
    }
    if (size < 1 || size > BATCH_MAX || !port || !sink_port) {
        fprintf(stderr, "usage: floor -l PORT -d SINK_PORT [-b 1..%d] [-w US] [-a US] [-p US] [-c] [-g]\n", BATCH_MAX);
        return 2;
    }
    int in = socket(AF_INET, SOCK_DGRAM, 0), out = in, receive_buffer = RECEIVE_BUFFER;
    struct sockaddr_in here = loopback(port);
    sink = loopback(sink_port);
    if (setsockopt(in, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) < 0)
        die("SO_RCVBUF");
    if (bind(in, (struct sockaddr *)&here, sizeof here) < 0)
        die("bind");
    if (poll_us && setsockopt(in, SOL_SOCKET, SO_BUSY_POLL, &poll_us, sizeof poll_us) < 0)
        die("SO_BUSY_POLL");
    if (connected) {
        out = socket(AF_INET, SOCK_DGRAM, 0);
        if (connect(out, (struct sockaddr *)&sink, sizeof sink) < 0)
            die("connect");
    }
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
    if (size == 1 && !wait_us)
        one_by_one(in, out, connected);
    in_batches(in, out, size, connected, segment, wait_us, adaptive);
}
