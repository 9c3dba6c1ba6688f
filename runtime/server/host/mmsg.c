/* Datagrams by the batch for the native build: recvmmsg(2), sendmmsg(2) and poll(2), with as little as can be between the kernel and
 * Python's objects. Built as runtime.server.host._mmsg; without it the server uses Python's socket module.
 *
 *     reader = Reader(fd, slots, slot_bytes, data, sources, known, learn)
 *     reader.read() -> int, reader.read_now() -> int
 *         How many datagrams were read, `slots` at most, or -errno. `read` waits for the first one as long as the socket's options say,
 *         `read_now` does not. Datagram i stands in data[i] and its source in sources[i]; nothing is kept of either.
 *         `known` has sources by a number that stands for an IPv4 address and port; learn(number, sockaddr) makes one that it has not, and
 *         those without a number (0). Where nobody asks for sources all three are None.
 *     reader.measure_age(), reader.arrival() -> (seconds, nanoseconds) | None
 *         When the first datagram of the last read came, by the kernel's wall clock; the socket has SO_TIMESTAMPNS.
 *     poller = Poller([fd, …]), poller.put(place, fd)
 *     poller.wait(timeout_ms) -> int
 *         A sum of 1 << place, of four places at most; 0 after the time, or a signal.
 *     poller.wait_and_read(reader, timeout_ms) -> int
 *         The same, and what is there at the first descriptor is read: from bit 4 on how many, from bit 16 on an errno.
 *     send_one(fd, data, sockaddr) -> int
 *         0 or an errno.
 *     send_many(fd, [data, …], [sockaddr, …]) -> [(place, errno), …] | None
 *         All are tried; None: all have gone.
 *     prctl(option, a, b, c, d) -> int
 *
 * What does not wait keeps Python's lock: to give it up and take it back costs more than the call. What waits gives it up.
 */

#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define SLOTS_MAX 64
#define PLACES_MAX 4
#define SEND_BATCH 32

/* --- reading ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    int fd;
    unsigned int slots;
    size_t slot_bytes;
    PyObject *data;
    /* NULL where nobody asks where datagrams come from. */
    PyObject *sources, *known, *learn;
    struct mmsghdr headers[SLOTS_MAX];
    struct iovec vectors[SLOTS_MAX];
    struct sockaddr_in6 names[SLOTS_MAX];
    /* What stands in `sources`, as a number; 0 for what has none. */
    long long numbers[SLOTS_MAX];
    char *arena;
    int measures_age, has_arrival;
    struct timespec arrival;
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr aligned;
    } control;
} Reader;

static PyTypeObject ReaderType;

static int reader_traverse(Reader *self, visitproc visit, void *arg)
{
    Py_VISIT(self->data);
    Py_VISIT(self->sources);
    Py_VISIT(self->known);
    Py_VISIT(self->learn);
    return 0;
}

static int reader_clear(Reader *self)
{
    Py_CLEAR(self->data);
    Py_CLEAR(self->sources);
    Py_CLEAR(self->known);
    Py_CLEAR(self->learn);
    return 0;
}

static void reader_dealloc(Reader *self)
{
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    PyMem_RawFree(self->arena);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* All that the kernel overwrites. */
static void make_ready(Reader *self, unsigned int slot)
{
    struct msghdr *header = &self->headers[slot].msg_hdr;
    header->msg_namelen = self->sources ? sizeof self->names[slot] : 0;
    if (slot == 0)
        header->msg_controllen = self->measures_age ? sizeof self->control : 0;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    int fd;
    unsigned int slots;
    Py_ssize_t slot_bytes;
    PyObject *data, *sources, *known, *learn;
    if (!PyArg_ParseTuple(args, "iInO!OOO:Reader", &fd, &slots, &slot_bytes, &PyList_Type, &data, &sources, &known, &learn))
        return NULL;
    int asks = sources != Py_None;
    if (keywords || slots < 1 || slots > SLOTS_MAX || slot_bytes < 1 || slot_bytes > 1 << 24
        || PyList_GET_SIZE(data) < (Py_ssize_t)slots
        || (asks && (!PyList_Check(sources) || PyList_GET_SIZE(sources) < (Py_ssize_t)slots || !PyDict_Check(known)))) {
        PyErr_SetString(PyExc_ValueError, "Reader: no place for so many datagrams");
        return NULL;
    }
    Reader *self = (Reader *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    /* Not cleared: a page that no datagram ever reaches costs no memory then. */
    self->arena = PyMem_RawMalloc(slots * (size_t)slot_bytes);
    if (!self->arena) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->fd = fd;
    self->slots = slots;
    self->slot_bytes = slot_bytes;
    self->data = Py_NewRef(data);
    if (asks) {
        self->sources = Py_NewRef(sources);
        self->known = Py_NewRef(known);
        self->learn = Py_NewRef(learn);
    }
    for (unsigned int i = 0; i < slots; i++) {
        struct msghdr *header = &self->headers[i].msg_hdr;
        self->vectors[i].iov_base = self->arena + i * (size_t)slot_bytes;
        self->vectors[i].iov_len = slot_bytes;
        header->msg_iov = &self->vectors[i];
        header->msg_iovlen = 1;
        header->msg_name = asks ? &self->names[i] : NULL;
        make_ready(self, i);
    }
    return (PyObject *)self;
}

/* A new reference. */
static PyObject *source_of(Reader *self, unsigned int slot, long long number)
{
    PyObject *key = PyLong_FromLongLong(number);
    if (!key)
        return NULL;
    PyObject *source = number ? PyDict_GetItemWithError(self->known, key) : NULL;
    if (source)
        Py_INCREF(source);
    else if (!PyErr_Occurred()) {
        socklen_t size = self->headers[slot].msg_hdr.msg_namelen;
        PyObject *name = PyBytes_FromStringAndSize(
            (const char *)&self->names[slot], size < sizeof self->names[slot] ? size : sizeof self->names[slot]);
        source = name ? PyObject_CallFunctionObjArgs(self->learn, key, name, NULL) : NULL;
        Py_XDECREF(name);
    }
    Py_DECREF(key);
    return source;
}

/* -1 with an exception. Many come from one neighbour, and a slot often has the same one again. */
static int take_source(Reader *self, unsigned int slot)
{
    const struct sockaddr_in *name = (const struct sockaddr_in *)&self->names[slot];
    long long number = 0;
    if (name->sin_family == AF_INET)
        number = (long long)ntohl(name->sin_addr.s_addr) << 16 | ntohs(name->sin_port);
    if (number && self->numbers[slot] == number)
        return 0;
    PyObject *source;
    if (number && slot > 0 && self->numbers[slot - 1] == number)
        source = Py_XNewRef(PyList_GetItem(self->sources, slot - 1));
    else
        source = source_of(self, slot, number);
    if (!source)
        return -1;
    self->numbers[slot] = 0;
    if (PyList_SetItem(self->sources, slot, source) < 0)
        return -1;
    self->numbers[slot] = number;
    return 0;
}

static void note_arrival(Reader *self)
{
    struct msghdr *header = &self->headers[0].msg_hdr;
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    self->has_arrival = control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS
                        && control->cmsg_len >= CMSG_LEN(sizeof self->arrival);
    if (self->has_arrival)
        memcpy(&self->arrival, CMSG_DATA(control), sizeof self->arrival);
}

/* How many datagrams were read; -1 with *error, or with an exception and *error 0. */
static int read_batch(Reader *self, int flags, int *error)
{
    int found;
    *error = 0;
    if (!self->data) {
        PyErr_SetString(PyExc_ValueError, "Reader: it is gone");
        return -1;
    }
    if (flags & MSG_DONTWAIT) {
        found = recvmmsg(self->fd, self->headers, self->slots, flags, NULL);
        *error = found < 0 ? errno : 0;
    } else {
        Py_BEGIN_ALLOW_THREADS
        found = recvmmsg(self->fd, self->headers, self->slots, flags, NULL);
        *error = found < 0 ? errno : 0;
        Py_END_ALLOW_THREADS
    }
    if (found > 0 && self->measures_age)
        note_arrival(self);
    int failed = 0;
    for (int i = 0; i < found; i++) {
        if (!failed) {
            PyObject *text = PyBytes_FromStringAndSize(self->vectors[i].iov_base, self->headers[i].msg_len);
            failed = !text || PyList_SetItem(self->data, i, text) < 0 || (self->sources && take_source(self, i) < 0);
        }
        make_ready(self, i);
    }
    return failed ? -1 : found;
}

static PyObject *told(int found, int error)
{
    return found < 0 && !error ? NULL : PyLong_FromLong(found < 0 ? -error : found);
}

static PyObject *reader_read(Reader *self, PyObject *nothing)
{
    int error, found = read_batch(self, MSG_WAITFORONE, &error);
    return told(found, error);
}

static PyObject *reader_read_now(Reader *self, PyObject *nothing)
{
    int error, found = read_batch(self, MSG_DONTWAIT, &error);
    return told(found, error);
}

static PyObject *reader_measure_age(Reader *self, PyObject *nothing)
{
    self->measures_age = 1;
    self->headers[0].msg_hdr.msg_control = &self->control;
    make_ready(self, 0);
    Py_RETURN_NONE;
}

static PyObject *reader_arrival(Reader *self, PyObject *nothing)
{
    if (!self->has_arrival)
        Py_RETURN_NONE;
    return Py_BuildValue("LL", (long long)self->arrival.tv_sec, (long long)self->arrival.tv_nsec);
}

static PyMethodDef reader_methods[] = {
    {"read", (PyCFunction)reader_read, METH_NOARGS, "Read a batch, and wait for its first datagram."},
    {"read_now", (PyCFunction)reader_read_now, METH_NOARGS, "Read what is there."},
    {"measure_age", (PyCFunction)reader_measure_age, METH_NOARGS, "From now on arrival() is known."},
    {"arrival", (PyCFunction)reader_arrival, METH_NOARGS, "When the first datagram of the last read came."},
    {NULL},
};

static PyTypeObject ReaderType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "runtime.server.host._mmsg.Reader",
    .tp_basicsize = sizeof(Reader),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = reader_new,
    .tp_dealloc = (destructor)reader_dealloc,
    .tp_traverse = (traverseproc)reader_traverse,
    .tp_clear = (inquiry)reader_clear,
    .tp_methods = reader_methods,
};

/* --- waiting ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct pollfd entries[PLACES_MAX];
    nfds_t count;
} Poller;

static int set_entry(Poller *self, Py_ssize_t place, PyObject *number)
{
    long fd = PyLong_AsLong(number);
    if (fd == -1 && PyErr_Occurred())
        return -1;
    self->entries[place].fd = (int)fd;
    self->entries[place].events = POLLIN;
    return 0;
}

static PyObject *poller_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *fds;
    if (!PyArg_ParseTuple(args, "O!:Poller", &PyList_Type, &fds))
        return NULL;
    if (keywords || PyList_GET_SIZE(fds) > PLACES_MAX) {
        PyErr_SetString(PyExc_ValueError, "Poller: too many descriptors");
        return NULL;
    }
    Poller *self = (Poller *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->count = PyList_GET_SIZE(fds);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(fds); i++)
        if (set_entry(self, i, PyList_GET_ITEM(fds, i)) < 0) {
            Py_DECREF(self);
            return NULL;
        }
    return (PyObject *)self;
}

static PyObject *poller_put(Poller *self, PyObject *args)
{
    Py_ssize_t place;
    PyObject *fd;
    if (!PyArg_ParseTuple(args, "nO:put", &place, &fd))
        return NULL;
    if (place < 0 || place >= (Py_ssize_t)self->count) {
        PyErr_SetString(PyExc_IndexError, "Poller: no such place");
        return NULL;
    }
    if (set_entry(self, place, fd) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static long ready_places(Poller *self, int timeout_ms)
{
    int found;
    if (timeout_ms == 0)
        found = poll(self->entries, self->count, 0);
    else {
        Py_BEGIN_ALLOW_THREADS
        found = poll(self->entries, self->count, timeout_ms);
        Py_END_ALLOW_THREADS
    }
    long ready = 0;
    if (found > 0)
        for (nfds_t i = 0; i < self->count; i++)
            ready |= (long)(self->entries[i].revents != 0) << i;
    return ready;
}

static PyObject *poller_wait(Poller *self, PyObject *timeout)
{
    long timeout_ms = PyLong_AsLong(timeout);
    if (timeout_ms == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(ready_places(self, (int)timeout_ms));
}

static PyObject *poller_wait_and_read(Poller *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !Py_IS_TYPE(args[0], &ReaderType)) {
        PyErr_SetString(PyExc_TypeError, "wait_and_read(reader, timeout_ms)");
        return NULL;
    }
    long timeout_ms = PyLong_AsLong(args[1]);
    if (timeout_ms == -1 && PyErr_Occurred())
        return NULL;
    long ready = ready_places(self, (int)timeout_ms);
    if (ready & 1) {
        int error, found = read_batch((Reader *)args[0], MSG_DONTWAIT, &error);
        if (found < 0 && !error)
            return NULL;
        ready |= found < 0 ? (long)error << 16 : (long)found << 4;
    }
    return PyLong_FromLong(ready);
}

static PyMethodDef poller_methods[] = {
    {"put", (PyCFunction)poller_put, METH_VARARGS, "Another descriptor in a place."},
    {"wait", (PyCFunction)poller_wait, METH_O, "Which places are ready."},
    {"wait_and_read", (PyCFunction)(void (*)(void))poller_wait_and_read, METH_FASTCALL, "The same, and read what is there."},
    {NULL},
};

static PyTypeObject PollerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "runtime.server.host._mmsg.Poller",
    .tp_basicsize = sizeof(Poller),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = poller_new,
    .tp_methods = poller_methods,
};

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* True for bytes that are a sockaddr_in or a sockaddr_in6. */
static int is_name(PyObject *name)
{
    if (!PyBytes_Check(name) || PyBytes_GET_SIZE(name) < (Py_ssize_t)sizeof(struct sockaddr_in))
        return 0;
    sa_family_t family = ((const struct sockaddr *)PyBytes_AS_STRING(name))->sa_family;
    return PyBytes_GET_SIZE(name)
           == (Py_ssize_t)(family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

static int is_sendable(PyObject *data, PyObject *name)
{
    if (PyBytes_Check(data) && is_name(name))
        return 1;
    PyErr_SetString(PyExc_TypeError, "a datagram is bytes, and goes to the bytes of a sockaddr");
    return 0;
}

/* 0 or an errno. The caller has references to both objects. */
static int send_datagram(int fd, PyObject *data, PyObject *name)
{
    const struct sockaddr *to = (const struct sockaddr *)PyBytes_AS_STRING(name);
    int refused = 0;
    for (;;) {
        ssize_t sent
            = sendto(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), MSG_DONTWAIT, to, PyBytes_GET_SIZE(name));
        int error = sent < 0 ? errno : 0;
        if (error == EAGAIN) {
            /* The socket is full. Where it is one that waits, so do we. */
            Py_BEGIN_ALLOW_THREADS
            sent = sendto(fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), 0, to, PyBytes_GET_SIZE(name));
            error = sent < 0 ? errno : 0;
            Py_END_ALLOW_THREADS
        }
        if (error == EINTR)
            continue;
        if (error == ECONNREFUSED && !refused) {
            /* That was the answer to an earlier datagram; this one has not been sent. */
            refused = 1;
            continue;
        }
        return error;
    }
}

static PyObject *send_one(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "send_one(fd, data, sockaddr)");
        return NULL;
    }
    long fd = PyLong_AsLong(args[0]);
    if ((fd == -1 && PyErr_Occurred()) || !is_sendable(args[1], args[2]))
        return NULL;
    return PyLong_FromLong(send_datagram((int)fd, args[1], args[2]));
}

/* -1 with an exception. */
static int note_failure(PyObject **failures, Py_ssize_t place, int error)
{
    if (!*failures && !(*failures = PyList_New(0)))
        return -1;
    PyObject *failure = Py_BuildValue("ni", place, error);
    int noted = failure ? PyList_Append(*failures, failure) : -1;
    Py_XDECREF(failure);
    return noted;
}

/* Datagrams from `first` on, SEND_BATCH at most, to the kernel: how many have gone, -errno of the first one, or 0 with an exception. Python's
 * lock is kept, so that the lists stay as they are. */
static int send_batch(int fd, PyObject *data, PyObject *names, Py_ssize_t first, Py_ssize_t count)
{
    struct mmsghdr headers[SEND_BATCH];
    struct iovec vectors[SEND_BATCH];
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *text = PyList_GET_ITEM(data, first + i), *name = PyList_GetItem(names, first + i);
        if (!name || !is_sendable(text, name))
            return 0;
        vectors[i].iov_base = PyBytes_AS_STRING(text);
        vectors[i].iov_len = PyBytes_GET_SIZE(text);
        headers[i].msg_hdr = (struct msghdr){
            .msg_name = PyBytes_AS_STRING(name),
            .msg_namelen = PyBytes_GET_SIZE(name),
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
        };
    }
    int sent = sendmmsg(fd, headers, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static PyObject *send_many(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !PyList_Check(args[1]) || !PyList_Check(args[2])
        || PyList_GET_SIZE(args[1]) != PyList_GET_SIZE(args[2])) {
        PyErr_SetString(PyExc_TypeError, "send_many(fd, [data, ...], [sockaddr, ...])");
        return NULL;
    }
    long fd = PyLong_AsLong(args[0]);
    if (fd == -1 && PyErr_Occurred())
        return NULL;
    PyObject *data = args[1], *names = args[2], *failures = NULL;
    Py_ssize_t done = 0, left;
    while ((left = PyList_GET_SIZE(data) - done) > 0) {
        int sent = send_batch((int)fd, data, names, done, left < SEND_BATCH ? left : SEND_BATCH);
        if (sent == 0) {
            Py_XDECREF(failures);
            return NULL;
        }
        if (sent > 0) {
            done += sent;
            continue;
        }
        /* The first one did not go. It is tried by itself, so that it holds up none of those behind it; that may wait, and give up the lock. */
        PyObject *text = Py_NewRef(PyList_GET_ITEM(data, done)), *name = Py_NewRef(PyList_GET_ITEM(names, done));
        int error = send_datagram((int)fd, text, name);
        Py_DECREF(text);
        Py_DECREF(name);
        if (error && note_failure(&failures, done, error) < 0) {
            Py_XDECREF(failures);
            return NULL;
        }
        done++;
    }
    if (!failures)
        Py_RETURN_NONE;
    return failures;
}

/* --- others ------------------------------------------------------------------------------------------------------ */

static PyObject *call_prctl(PyObject *module, PyObject *args)
{
    int option;
    unsigned long a, b, c, d;
    if (!PyArg_ParseTuple(args, "ikkkk:prctl", &option, &a, &b, &c, &d))
        return NULL;
    return PyLong_FromLong(prctl(option, a, b, c, d));
}

static PyMethodDef functions[] = {
    {"send_one", (PyCFunction)(void (*)(void))send_one, METH_FASTCALL, "Send a datagram: 0 or an errno."},
    {"send_many", (PyCFunction)(void (*)(void))send_many, METH_FASTCALL, "Send datagrams: which have not gone, and why."},
    {"prctl", call_prctl, METH_VARARGS, "prctl(2)."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "runtime.server.host._mmsg",
    .m_doc = "Datagrams by the batch.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__mmsg(void)
{
    if (PyType_Ready(&ReaderType) < 0 || PyType_Ready(&PollerType) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module
        && (PyModule_AddObjectRef(module, "Reader", (PyObject *)&ReaderType) < 0
            || PyModule_AddObjectRef(module, "Poller", (PyObject *)&PollerType) < 0)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
