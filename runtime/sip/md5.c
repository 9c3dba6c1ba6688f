/* MD5 of short texts as hex digits, in one call: Python's own makes three objects for it. RFC 1321. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, LENGTH = 8, ROUNDS = 64, DIGEST = 16 };

/* The integer part of 2**32 times the sine of 1 to 64. */
static const uint32_t SINES[ROUNDS] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static uint32_t word_at(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* b + the sum turned left, and the four words move on. `mix` and `place` are of step i. */
#define STEP(mix, place, turn)                                                                                        \
    do {                                                                                                              \
        uint32_t sum = a + (mix) + SINES[i] + words[(place) & 15];                                                    \
        a = d, d = c, c = b;                                                                                          \
        b += sum << (turn) | sum >> (32 - (turn));                                                                    \
        i++;                                                                                                          \
    } while (0)
#define FOUR(mix, place, t0, t1, t2, t3)                                                                              \
    do {                                                                                                              \
        STEP(mix, place, t0);                                                                                         \
        STEP(mix, place, t1);                                                                                         \
        STEP(mix, place, t2);                                                                                         \
        STEP(mix, place, t3);                                                                                         \
    } while (0)

static void take_block(uint32_t state[4], const unsigned char *block)
{
    uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
    unsigned i = 0;
    for (int place = 0; place < 16; place++)
        words[place] = word_at(block + 4 * place);
    while (i < 16)
        FOUR(d ^ (b & (c ^ d)), i, 7, 12, 17, 22);
    while (i < 32)
        FOUR(c ^ (d & (b ^ c)), 5 * i + 1, 5, 9, 14, 20);
    while (i < 48)
        FOUR(b ^ c ^ d, 3 * i + 5, 4, 11, 16, 23);
    while (i < ROUNDS)
        FOUR(c ^ (b | ~d), 7 * i, 6, 10, 15, 21);
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static PyObject *md5_hex(PyObject *module, PyObject *text)
{
    static const char DIGITS[] = "0123456789abcdef";
    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "md5_hex(bytes)");
        return NULL;
    }
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(text);
    Py_ssize_t size = PyBytes_GET_SIZE(text), left = size;
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    for (; left >= BLOCK; left -= BLOCK, data += BLOCK)
        take_block(state, data);
    /* What is left, a bit, zeros, and the length in bits: one block or two. */
    unsigned char last[2 * BLOCK] = {0};
    Py_ssize_t end = left < BLOCK - LENGTH ? BLOCK : 2 * BLOCK;
    memcpy(last, data, left);
    last[left] = 0x80;
    for (int i = 0; i < LENGTH; i++)
        last[end - LENGTH + i] = (unsigned char)((uint64_t)size << 3 >> 8 * i);
    for (Py_ssize_t at = 0; at < end; at += BLOCK)
        take_block(state, last + at);
    PyObject *hex = PyBytes_FromStringAndSize(NULL, 2 * DIGEST);
    if (!hex)
        return NULL;
    char *out = PyBytes_AS_STRING(hex);
    for (int i = 0; i < DIGEST; i++) {
        unsigned byte = state[i / 4] >> 8 * (i % 4) & 0xff;
        *out++ = DIGITS[byte >> 4];
        *out++ = DIGITS[byte & 15];
    }
    return hex;
}

static PyMethodDef functions[] = {
    {"md5_hex", md5_hex, METH_O, "The lower-case hex digits of the MD5 of bytes."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "runtime.sip._md5hex",
    .m_doc = "MD5 of short texts.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__md5hex(void)
{
    return PyModule_Create(&definition);
}
