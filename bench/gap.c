/* LD_PRELOADed into a server: how long it works between two receives.
 *
 * A gap begins when recvmmsg has returned datagrams and ends when the server asks for the next ones, by poll or recvmmsg: waiting for
 * work is no gap. Each process that reads keeps its numbers in the file GAP_FOLDER/PID, as eight 64-bit integers that who measures reads,
 * and clears to begin anew: how many gaps; of the longest one its ns, the ns on a processor in it, its datagrams, when it ended
 * (CLOCK_MONOTONIC, ns); how many took more than 5 ms; the most ns on a processor in any gap; how many had more than 5 ms of those.
 * What took long without being on a processor was stopped by the machine or waited for something.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GAPS, LONGEST, ITS_CPU, ITS_DATAGRAMS, ITS_END, LONG_ONES, MOST_CPU, BUSY_ONES, NUMBERS };
static const int64_t LONG_NS = 5000000;

static int (*next_poll)(struct pollfd *, nfds_t, int);
static int (*next_recvmmsg)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
static int64_t *numbers, began, began_cpu, datagrams;
static pid_t owner; /* of `numbers`: a process that was forked since has its own */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((constructor)) static void find_next(void)
{
    *(void **)&next_poll = dlsym(RTLD_NEXT, "poll");
    *(void **)&next_recvmmsg = dlsym(RTLD_NEXT, "recvmmsg");
}

static void open_numbers(void)
{
    char path[4096];
    const char *folder = getenv("GAP_FOLDER");
    owner = getpid();
    numbers = NULL;
    if (!folder || snprintf(path, sizeof path, "%s/%d", folder, (int)owner) >= (int)sizeof path)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (ftruncate(fd, NUMBERS * sizeof *numbers) == 0) {
        void *memory = mmap(NULL, NUMBERS * sizeof *numbers, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        numbers = memory == MAP_FAILED ? NULL : memory;
    }
    close(fd);
}

static void end_gap(void)
{
    if (!began)
        return;
    int64_t now = clock_ns(CLOCK_MONOTONIC), took = now - began;
    int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_cpu;
    began = 0;
    if (owner != getpid() || !numbers)
        return;
    numbers[GAPS]++;
    numbers[LONG_ONES] += took > LONG_NS;
    numbers[BUSY_ONES] += cpu > LONG_NS;
    if (cpu > numbers[MOST_CPU])
        numbers[MOST_CPU] = cpu;
    if (took > numbers[LONGEST]) {
        numbers[LONGEST] = took;
        numbers[ITS_CPU] = cpu;
        numbers[ITS_DATAGRAMS] = datagrams;
        numbers[ITS_END] = now;
    }
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    end_gap();
    return next_poll(fds, count, timeout);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int room, int flags, struct timespec *timeout)
{
    end_gap();
    int found = next_recvmmsg(fd, messages, room, flags, timeout);
    if (found > 0) {
        if (owner != getpid())
            open_numbers();
        datagrams = found;
        began_cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        began = clock_ns(CLOCK_MONOTONIC);
    }
    return found;
}
