/* Open-loop SIP load over UDP on 127.0.0.1: one thread plays the caller and the callee.
 *
 *   load -m MODE -t PORT [-r RATE] [-n COUNT] [-b BURST] [-c CALLER_PORT] [-s CALLEE_PORT] [-u USERS]
 *
 * Requests leave the caller at RATE a second for the server on PORT, whether or not earlier ones were answered; their
 * Request-URI is the callee's address.
 *
 *   forward   an INVITE with SDP; done when it reaches the callee, who stays silent
 *   options   an OPTIONS, which the callee answers with 200; done when the caller has the 200
 *   call      INVITE 180 200 ACK BYE 200; done when the caller has the 200 of the BYE
 *   register  a REGISTER of one of USERS users at the callee's address, which the server itself answers with 200
 *   auth      the same, and the server asks for the password, which is "secret" for all
 *   lookup    as options, but the Request-URI is one of USERS users of the server, who must have been registered
 *
 * Prints one JSON object: sent, done, lost, in_time (done before a caller would have repeated his request), refused
 * (answered with 503; they are lost as well), duplicates, unchanged (arrived without a proxy's Via or with as many
 * hops left), foreign (arrived but belongs to no request), seconds, late_us (worst delay of a request behind its schedule),
 * min_us, p50_us, p90_us, p99_us, max_us of the time from sending to done. Nothing is retransmitted: lost is lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, DATAGRAM = 4096, SOCKET_BUFFER = 8 << 20, MARKS_MAX = 12 };
enum { SPIN_BELOW_NS = 200000, QUIET_NS = 1000000000, SECOND_NS = 1000000000 };
enum { T1_NS = 500000000 }; /* RFC 3261: a request is repeated after this time */
enum mode { FORWARD, OPTIONS, CALL, REGISTER, AUTH, LOOKUP };

/* The number of a request travels in its Call-ID, branch and tag as eight hexadecimal digits after this mark. */
#define MARK "sbench"
enum { MARK_SIZE = sizeof MARK - 1, DIGITS = 8 };

/* The number of a user, in the same way: in the Request-URI, To and Contact. */
#define USER "suser"
enum { USER_SIZE = sizeof USER - 1 };

#define COMMON                                                                                                        \
    "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-" MARK "00000000-1\r\n"                                             \
    "Max-Forwards: 70\r\n"                                                                                            \
    "From: \"Alice Liddell\" <sip:alice@127.0.0.1:%d>;tag=" MARK "00000000\r\n"                                       \
    "To: <sip:%s@127.0.0.1:%d>\r\n"                                                                                   \
    "Call-ID: " MARK "00000000-%x@127.0.0.1\r\n"                                                                      \
    "CSeq: 1 %s\r\n"                                                                                                  \
    "Contact: <sip:%s@127.0.0.1:%d>\r\n"                                                                              \
    "User-Agent: sip-express-router bench\r\n"
#define SDP                                                                                                           \
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                 \
    "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"

struct party {
    int fd, port;
    struct mmsghdr in[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in from[BATCH];
    char data[BATCH][DATAGRAM + 1];
};

struct template { /* a request whose numbered places are known */
    char text[BATCH][DATAGRAM];
    int size, marks, offset[MARKS_MAX], users, user_offset[MARKS_MAX];
};

static struct party caller, callee;
static struct template first;
static struct sockaddr_in server;
static uint64_t *sent_at;   /* ns by number of the request */
static uint32_t *took;      /* ns by number; 0: not done */
static long count = 100000, users = 1000, done, in_time, refused, duplicates, unchanged, foreign;
static enum mode mode = FORWARD;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void open_party(struct party *p, int port)
{
    struct sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    int size = SOCKET_BUFFER;
    if ((p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) < 0)
        die("socket");
    if (setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
        setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
        die("SO_RCVBUF");
    if (bind(p->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    if (getsockname(p->fd, (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
    p->port = ntohs(address.sin_port);
    for (int i = 0; i < BATCH; i++) {
        p->parts[i] = (struct iovec){p->data[i], DATAGRAM};
        p->in[i].msg_hdr = (struct msghdr){.msg_name = &p->from[i], .msg_iov = &p->parts[i], .msg_iovlen = 1};
    }
}

/* Note where `mark` stands; returns how often. */
static int find_marks(char *text, const char *mark, int *offset)
{
    int found = 0;
    for (char *at = text; (at = strstr(at, mark)) != NULL && found < MARKS_MAX; at += strlen(mark))
        offset[found++] = at + strlen(mark) - text;
    return found;
}

static void prepare_first(void)
{
    static const char *const methods[] = {"INVITE", "OPTIONS", "INVITE", "REGISTER", "REGISTER", "OPTIONS"};
    const char *method = methods[mode], *body = mode == FORWARD || mode == CALL ? SDP : "";
    const char *callee_name = mode >= REGISTER ? USER "00000000" : "bob";
    bool registers = mode == REGISTER || mode == AUTH;
    const char *contact = registers ? callee_name : "alice";
    int home = mode >= REGISTER ? ntohs(server.sin_port) : callee.port;
    char *text = first.text[0], uri[64];
    snprintf(uri, sizeof uri, "sip:%s%s127.0.0.1:%d", registers ? "" : callee_name, registers ? "" : "@", home);
    first.size = snprintf(text, DATAGRAM, "%s %s SIP/2.0\r\n" COMMON "%sContent-Length: %zu\r\n\r\n%s", method, uri,
                          caller.port, caller.port, callee_name, home, (unsigned)getpid(), method, contact,
                          registers ? callee.port : caller.port,
                          *body       ? "Content-Type: application/sdp\r\n"
                          : registers ? "Expires: 3600\r\n"
                                      : "",
                          strlen(body), body);
    first.marks = find_marks(text, MARK, first.offset);
    first.users = find_marks(text, USER, first.user_offset);
    for (int i = 1; i < BATCH; i++)
        memcpy(first.text[i], text, first.size);
}

static void write_number(char *at, uint32_t number)
{
    for (int i = DIGITS - 1; i >= 0; i--, number >>= 4)
        at[i] = "0123456789abcdef"[number & 15];
}

/* Send requests [number, number + n), n <= BATCH; returns how many the kernel took. */
static int send_first(long number, int n)
{
    static struct mmsghdr out[BATCH];
    static struct iovec parts[BATCH];
    uint64_t now = now_ns();
    for (int i = 0; i < n; i++) {
        for (int m = 0; m < first.marks; m++)
            write_number(first.text[i] + first.offset[m], number + i);
        for (int m = 0; m < first.users; m++)
            write_number(first.text[i] + first.user_offset[m], (number + i) % users);
        parts[i] = (struct iovec){first.text[i], first.size};
        out[i].msg_hdr = (struct msghdr){.msg_name = &server, .msg_namelen = sizeof server, .msg_iov = &parts[i],
                                         .msg_iovlen = 1};
        sent_at[number + i] = now;
    }
    int taken = sendmmsg(caller.fd, out, n, 0);
    if (taken < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != ENOBUFS)
        die("sendmmsg");
    return taken < 0 ? 0 : taken;
}

/* The number of the request that this datagram belongs to; -1: none of ours. */
static long number_of(const char *data)
{
    const char *at = strstr(data, "Call-ID: " MARK);
    long number = at ? strtol(at + sizeof "Call-ID: " - 1 + MARK_SIZE, NULL, 16) : -1;
    if (number < 0 || number >= count || !sent_at[number]) {
        foreign += !strstr(data, "Call-ID: probe-"); /* of process.py, while the server started */
        return -1;
    }
    return number;
}

static void finish(long number)
{
    if (took[number]) {
        duplicates++;
        return;
    }
    uint64_t ns = now_ns() - sent_at[number];
    took[number] = ns < 1 ? 1 : ns > UINT32_MAX ? UINT32_MAX : ns;
    done++;
    in_time += ns <= T1_NS;
}

/* Did a proxy handle it: a second Via, and fewer hops left. SER allows 16 at most, Kamailio one less than before. */
static void check_forwarded(const char *data)
{
    const char *via = strstr(data, "\nVia:"), *hops = strstr(data, "\nMax-Forwards: ");
    if (!via || !strstr(via + 1, "\nVia:") || !hops || atoi(hops + sizeof "\nMax-Forwards: " - 1) >= 70)
        unchanged++;
}

/* Append the lines of `data` that start with `name`; with `rename`, under that name. Returns the new end. */
static char *copy_lines(char *out, const char *data, const char *name, const char *rename)
{
    size_t size = strlen(name);
    for (const char *line = strstr(data, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        if (strncmp(line + 2, name, size) != 0)
            continue;
        const char *end = strstr(line + 2, "\r\n");
        if (!end)
            break;
        out = stpcpy(out, rename ? rename : name);
        out = mempcpy(out, line + 2 + size, end + 2 - (line + 2 + size));
    }
    return out;
}

static void send_to(struct party *from, const struct sockaddr_in *to, const char *text, size_t size)
{
    if (sendto(from->fd, text, size, 0, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EAGAIN &&
        errno != ECONNREFUSED)
        die("sendto");
}

/* The callee's reply, to where the request came from. */
static void reply(const char *request, const struct sockaddr_in *to, const char *status)
{
    char out[DATAGRAM * 2], *end = out + sprintf(out, "SIP/2.0 %s\r\n", status);
    end = copy_lines(end, request, "Via:", NULL);
    end = copy_lines(end, request, "Record-Route:", NULL);
    end = copy_lines(end, request, "From:", NULL);
    end = copy_lines(end, request, "To:", NULL);
    const char *tag = ";tag=callee";
    const char *to_line = strstr(request, "\nTo:"), *to_tag = to_line ? strstr(to_line, ";tag=") : NULL;
    if (!to_tag || to_tag > strstr(to_line + 1, "\n"))
        end = stpcpy(stpcpy(end - 2, tag), "\r\n");
    end = copy_lines(end, request, "Call-ID:", NULL);
    end = copy_lines(end, request, "CSeq:", NULL);
    end += sprintf(end, "Contact: <sip:bob@127.0.0.1:%d>\r\nContent-Length: 0\r\n\r\n", callee.port);
    send_to(&callee, to, out, end - out);
}

/* A request inside the dialog that the 2xx `answer` set up. One proxy at most: its Record-Route is the route. */
static void send_in_dialog(const char *answer, long number, const char *method, int cseq)
{
    char out[DATAGRAM * 2], *end = out;
    end += sprintf(end, "%s sip:bob@127.0.0.1:%d SIP/2.0\r\n", method, callee.port);
    end += sprintf(end, "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-" MARK "%08lx-%d%c\r\nMax-Forwards: 70\r\n",
                   caller.port, number, cseq, *method);
    end = copy_lines(end, answer, "Record-Route:", "Route:");
    end = copy_lines(end, answer, "From:", NULL);
    end = copy_lines(end, answer, "To:", NULL);
    end = copy_lines(end, answer, "Call-ID:", NULL);
    end += sprintf(end, "CSeq: %d %s\r\nContent-Length: 0\r\n\r\n", cseq, method);
    send_to(&caller, &server, out, end - out);
}

/* The ACK for a negative reply to the INVITE: it ends its transaction, RFC 3261 17.1.1.3. */
static void acknowledge(const char *refusal, long number)
{
    char out[DATAGRAM * 2], *end = out;
    end += sprintf(end, "ACK sip:bob@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-" MARK "%08lx-1\r\n",
                   callee.port, caller.port, number);
    end = copy_lines(end, refusal, "From:", NULL);
    end = copy_lines(end, refusal, "To:", NULL);
    end = copy_lines(end, refusal, "Call-ID:", NULL);
    end += sprintf(end, "CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
    send_to(&caller, &server, out, end - out);
}

/* MD5, RFC 1321, of up to a few hundred bytes, as 32 hexadecimal digits. */
static void md5_hex(const char *text, char *hex)
{
    static const int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static uint32_t sines[64];
    unsigned char padded[1024] = {0};
    size_t size = strlen(text), blocks = (size + 8) / 64 + 1;
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    if (!sines[0])
        for (int i = 0; i < 64; i++)
            sines[i] = (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
    memcpy(padded, text, size);
    padded[size] = 0x80;
    for (int i = 0; i < 8; i++)
        padded[blocks * 64 - 8 + i] = (uint64_t)size * 8 >> (8 * i);
    for (size_t block = 0; block < blocks; block++) {
        uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
        memcpy(words, padded + block * 64, 64); /* on a little-endian machine */
        for (int i = 0; i < 64; i++) {
            uint32_t mix;
            int word;
            switch (i / 16) {
            case 0: mix = (b & c) | (~b & d), word = i; break;
            case 1: mix = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
            case 2: mix = b ^ c ^ d, word = (3 * i + 5) % 16; break;
            default: mix = c ^ (b | ~d), word = 7 * i % 16; break;
            }
            uint32_t sum = a + mix + sines[i] + words[word];
            int turn = turns[i / 16][i % 4];
            a = d, d = c, c = b, b += sum << turn | sum >> (32 - turn);
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    }
    for (int i = 0; i < 16; i++)
        sprintf(hex + 2 * i, "%02x", state[i / 4] >> (8 * (i % 4)) & 255);
}

/* The REGISTER again, with the answer to the challenge. RFC 2617 3.2.2, without qop. */
static void authenticate(const char *challenge, long number)
{
    char out[DATAGRAM * 2], *end = out, text[512], a1[33], a2[33], response[33], nonce[128] = "";
    const char *at = strstr(challenge, "nonce=\"");
    if (!at || sscanf(at, "nonce=\"%127[^\"]", nonce) != 1) {
        foreign++;
        return;
    }
    int home = ntohs(server.sin_port);
    snprintf(text, sizeof text, USER "%08lx:127.0.0.1:secret", number % users);
    md5_hex(text, a1);
    snprintf(text, sizeof text, "REGISTER:sip:127.0.0.1:%d", home);
    md5_hex(text, a2);
    snprintf(text, sizeof text, "%s:%s:%s", a1, nonce, a2);
    md5_hex(text, response);
    end += sprintf(end, "REGISTER sip:127.0.0.1:%d SIP/2.0\r\n", home);
    end += sprintf(end, "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-" MARK "%08lx-2\r\nMax-Forwards: 70\r\n", caller.port, number);
    end = copy_lines(end, challenge, "From:", NULL);
    end += sprintf(end, "To: <sip:" USER "%08lx@127.0.0.1:%d>\r\n", number % users, home);
    end = copy_lines(end, challenge, "Call-ID:", NULL);
    end += sprintf(end, "CSeq: 2 REGISTER\r\nContact: <sip:" USER "%08lx@127.0.0.1:%d>\r\n", number % users, callee.port);
    end += sprintf(end, "Authorization: Digest username=\"" USER "%08lx\", realm=\"127.0.0.1\", nonce=\"%s\", ", number % users, nonce);
    end += sprintf(end, "uri=\"sip:127.0.0.1:%d\", response=\"%s\", algorithm=MD5\r\n", home, response);
    end += sprintf(end, "User-Agent: sip-express-router bench\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n");
    send_to(&caller, &server, out, end - out);
}

static void callee_receives(const char *data, const struct sockaddr_in *from)
{
    long number = number_of(data);
    if (number < 0)
        return;
    check_forwarded(data);
    if (mode == FORWARD)
        finish(number);
    else if (strncmp(data, "INVITE ", 7) == 0) {
        reply(data, from, "180 Ringing");
        reply(data, from, "200 OK");
    } else if (strncmp(data, "ACK ", 4) != 0)
        reply(data, from, "200 OK");
}

static void caller_receives(const char *data, const struct sockaddr_in *from)
{
    (void)from;
    long number = number_of(data);
    if (number < 0 || strncmp(data, "SIP/2.0 1", 9) == 0)
        return;
    if (mode == AUTH && strncmp(data, "SIP/2.0 401 ", 12) == 0 && strstr(data, "\nCSeq: 1 REGISTER\r"))
        authenticate(data, number);
    else if (strncmp(data, "SIP/2.0 200 ", 12) != 0) { /* counts as lost as well */
        bool is_refusal = strncmp(data, "SIP/2.0 503 ", 12) == 0;
        refused += is_refusal;
        foreign += !is_refusal;
        if (mode == CALL && strstr(data, "\nCSeq: 1 INVITE\r"))
            acknowledge(data, number);
    } else if (mode == CALL && strstr(data, "\nCSeq: 1 INVITE\r")) {
        send_in_dialog(data, number, "ACK", 1);
        send_in_dialog(data, number, "BYE", 2);
    } else
        finish(number);
}

/* Handle what has arrived; returns how many datagrams. */
static int drain(struct party *p, void (*receives)(const char *, const struct sockaddr_in *))
{
    for (int i = 0; i < BATCH; i++)
        p->in[i].msg_hdr.msg_namelen = sizeof p->from[i];
    int n = recvmmsg(p->fd, p->in, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
        die("recvmmsg");
    for (int i = 0; i < n; i++) {
        p->data[i][p->in[i].msg_len] = 0;
        receives(p->data[i], &p->from[i]);
    }
    return n < 0 ? 0 : n;
}

static int drain_all(void)
{
    return drain(&callee, callee_receives) + (mode == FORWARD ? 0 : drain(&caller, caller_receives));
}

/* Send `count` requests on schedule; returns the worst delay behind it in ns. */
static uint64_t run(double rate, int burst)
{
    uint64_t start = now_ns(), worst = 0;
    for (long number = 0; number < count;) {
        uint64_t due = start + (uint64_t)((double)(number / burst * burst) * SECOND_NS / rate), now = now_ns();
        if (now < due) {
            if (!drain_all() && due - now > SPIN_BELOW_NS)
                clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 50000}, NULL);
            continue;
        }
        if (now - due > worst)
            worst = now - due;
        long late = (long)((double)(now - start) * rate / SECOND_NS) + burst - number;
        long n = late < burst ? burst : late;
        n = n > BATCH ? BATCH : n;
        number += send_first(number, n > count - number ? count - number : n);
        drain_all();
    }
    for (uint64_t quiet = now_ns(); done < count && now_ns() - quiet < QUIET_NS;)
        if (drain_all())
            quiet = now_ns();
    return worst;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print_result(double seconds, uint64_t worst_ns)
{
    qsort(took, count, sizeof *took, by_value);
    const uint32_t *times = took + (count - done); /* the undone, all 0, stand first */
#define AT(share) (done ? times[(long)((share) * (done - 1))] / 1e3 : 0.0)
    printf("{\"sent\": %ld, \"done\": %ld, \"lost\": %ld, \"in_time\": %ld, \"refused\": %ld, \"duplicates\": %ld, "
           "\"unchanged\": %ld, \"foreign\": %ld, "
           "\"seconds\": %.3f, \"late_us\": %.1f, \"min_us\": %.1f, \"p50_us\": %.1f, \"p90_us\": %.1f, "
           "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
           count, done, count - done, in_time, refused, duplicates, unchanged, foreign, seconds, worst_ns / 1e3, AT(0),
           AT(0.5), AT(0.9), AT(0.99), AT(1));
}

static enum mode mode_named(const char *name)
{
    static const char *const names[] = {[FORWARD] = "forward", [OPTIONS] = "options", [CALL] = "call",
                                        [REGISTER] = "register", [AUTH] = "auth", [LOOKUP] = "lookup"};
    for (int i = FORWARD; i <= LOOKUP; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    fprintf(stderr, "load: no mode %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    int target = 0, caller_port = 0, callee_port = 0, burst = 1;
    double rate = 20000;
    for (int option; (option = getopt(argc, argv, "m:t:r:n:b:c:s:u:")) != -1;) {
        switch (option) {
        case 'm': mode = mode_named(optarg); break;
        case 't': target = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'n': count = atol(optarg); break;
        case 'b': burst = atoi(optarg); break;
        case 'c': caller_port = atoi(optarg); break;
        case 's': callee_port = atoi(optarg); break;
        case 'u': users = atol(optarg); break;
        default: return 2;
        }
    }
    if (target <= 0 || rate <= 0 || count <= 0 || users <= 0 || burst < 1 || burst > BATCH) {
        fprintf(stderr, "load: wants -t PORT, a RATE, a COUNT and USERS above 0, a BURST of 1 to %d\n", BATCH);
        return 2;
    }
    sent_at = calloc(count, sizeof *sent_at);
    took = calloc(count, sizeof *took);
    if (!sent_at || !took)
        die("calloc");
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
    server = loopback(target);
    open_party(&caller, caller_port);
    open_party(&callee, callee_port);
    prepare_first();
    uint64_t start = now_ns(), worst = run(rate, burst);
    print_result((now_ns() - start) / 1e9, worst);
    return 0;
}
