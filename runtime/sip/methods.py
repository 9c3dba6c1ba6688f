"""SIP methods as small ints: cheap to compare in routes, 0 for a method without a number.

SER recognises INVITE, CANCEL, ACK and BYE in any case (reference core, 6.1) and compares method names without case, so
the numbers stand for every spelling.
"""

from typing import Final

from librt.strings import read_i64_le
from mypy_extensions import i64

OTHER: Final = 0
INVITE: Final = 1
ACK: Final = 2
CANCEL: Final = 3
BYE: Final = 4
OPTIONS: Final = 5
REGISTER: Final = 6
MESSAGE: Final = 7
SUBSCRIBE: Final = 8
NOTIFY: Final = 9
INFO: Final = 10
PRACK: Final = 11
UPDATE: Final = 12
REFER: Final = 13
PUBLISH: Final = 14

NUMBERS: Final = {
    "INVITE": INVITE,
    "ACK": ACK,
    "CANCEL": CANCEL,
    "BYE": BYE,
    "OPTIONS": OPTIONS,
    "REGISTER": REGISTER,
    "MESSAGE": MESSAGE,
    "SUBSCRIBE": SUBSCRIBE,
    "NOTIFY": NOTIFY,
    "INFO": INFO,
    "PRACK": PRACK,
    "UPDATE": UPDATE,
    "REFER": REFER,
    "PUBLISH": PUBLISH,
}


# The first seven letters of each, in lower case, as a number: the first one is the lowest byte.
_INVITE: Final = 0x657469766E69
_ACK: Final = 0x6B6361
_CANCEL: Final = 0x6C65636E6163
_BYE: Final = 0x657962
_OPTIONS: Final = 0x736E6F6974706F
_REGISTER: Final = 0x65747369676572
_MESSAGE: Final = 0x6567617373656D
_SUBSCRIBE: Final = 0x69726373627573
_NOTIFY: Final = 0x796669746F6E
_INFO: Final = 0x6F666E69
_PRACK: Final = 0x6B63617270
_UPDATE: Final = 0x657461647075
_REFER: Final = 0x7265666572
_PUBLISH: Final = 0x6873696C627570

_3_BYTES: Final = 0xFFFFFF
_4_BYTES: Final = 0xFFFFFFFF
_5_BYTES: Final = 0xFFFFFFFFFF
_6_BYTES: Final = 0xFFFFFFFFFFFF
_7_BYTES: Final = 0xFFFFFFFFFFFFFF
_LOWER: Final = 0x20202020202020


def number_of(buf: bytes, start: i64, end: i64) -> i64:
    """The number of the method at `buf[start:end]`, OTHER when it has none.

    Seven bytes at once. A letter is the only byte that the bit of lower case makes a lower-case letter of, but for that itself.
    """
    length: i64 = end - start
    if length < 3 or length > 9:
        return OTHER
    word = read_i64_le(buf, start) if start + 8 <= len(buf) else read_i64_le(buf[start:end] + bytes(8), 0)
    word |= _LOWER
    if length == 6:
        return _six(word & _6_BYTES)
    if length == 3:
        word &= _3_BYTES
        return ACK if word == _ACK else BYE if word == _BYE else OTHER
    if length == 7:
        word &= _7_BYTES
        return OPTIONS if word == _OPTIONS else MESSAGE if word == _MESSAGE else PUBLISH if word == _PUBLISH else OTHER
    if length == 8:
        return REGISTER if word & _7_BYTES == _REGISTER and buf[end - 1] | 32 == 114 else OTHER
    if length == 4:
        return INFO if word & _4_BYTES == _INFO else OTHER
    if length == 5:
        word &= _5_BYTES
        return PRACK if word == _PRACK else REFER if word == _REFER else OTHER
    is_subscribe = word & _7_BYTES == _SUBSCRIBE and buf[end - 2] | 32 == 98 and buf[end - 1] | 32 == 101
    return SUBSCRIBE if is_subscribe else OTHER


def _six(word: i64) -> i64:
    if word == _INVITE:
        return INVITE
    if word == _CANCEL:
        return CANCEL
    if word == _NOTIFY:
        return NOTIFY
    return UPDATE if word == _UPDATE else OTHER
