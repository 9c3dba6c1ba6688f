"""SIP methods as small ints: cheap to compare in routes, 0 for a method without a number.

SER recognises INVITE, CANCEL, ACK and BYE in any case (reference core, 6.1) and compares method names without case, so
the numbers stand for every spelling.
"""

from typing import Final

from mypy_extensions import i64

from runtime.sip.scan import equals_lower

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


def number_of(buf: bytes, start: i64, end: i64) -> i64:
    """The number of the method at `buf[start:end]`, OTHER when it has none."""
    length: i64 = end - start
    if length < 3 or length > 9:
        return OTHER
    first: i64 = buf[start] | 32
    if length == 3:
        if first == 97:
            return ACK if equals_lower(buf, start, end, b"ack") else OTHER
        return BYE if first == 98 and equals_lower(buf, start, end, b"bye") else OTHER
    if length == 4:
        return INFO if first == 105 and equals_lower(buf, start, end, b"info") else OTHER
    if length == 5:
        if first == 112:
            return PRACK if equals_lower(buf, start, end, b"prack") else OTHER
        return REFER if first == 114 and equals_lower(buf, start, end, b"refer") else OTHER
    if length == 6:
        return _six(buf, start, end, first)
    if length == 7:
        if first == 111:
            return OPTIONS if equals_lower(buf, start, end, b"options") else OTHER
        if first == 109:
            return MESSAGE if equals_lower(buf, start, end, b"message") else OTHER
        return PUBLISH if first == 112 and equals_lower(buf, start, end, b"publish") else OTHER
    if length == 8:
        return REGISTER if first == 114 and equals_lower(buf, start, end, b"register") else OTHER
    return SUBSCRIBE if first == 115 and equals_lower(buf, start, end, b"subscribe") else OTHER


def _six(buf: bytes, start: i64, end: i64, first: i64) -> i64:
    if first == 105:
        return INVITE if equals_lower(buf, start, end, b"invite") else OTHER
    if first == 99:
        return CANCEL if equals_lower(buf, start, end, b"cancel") else OTHER
    if first == 110:
        return NOTIFY if equals_lower(buf, start, end, b"notify") else OTHER
    return UPDATE if first == 117 and equals_lower(buf, start, end, b"update") else OTHER
