"""What a REGISTER asks for. RFC 3261 10.3, reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.modules.registrar.refusals import (
    BAD_CONTACT,
    BAD_CSEQ,
    BAD_EXPIRES,
    BAD_PATH,
    BAD_Q,
    NO_CALL_ID,
    NO_CSEQ,
    NO_TARGET,
    NO_TO,
    PARSE_ERROR,
    STAR_CONTACTS,
    STAR_EXPIRES,
    TOO_MANY,
    Refused,
)
from runtime.modules.registrar.settings import Settings
from runtime.modules.registrar.targets import is_target
from runtime.modules.usrloc.contact import can_be_contact
from runtime.modules.usrloc.qvalue import BadQ, parse_q
from runtime.modules.usrloc.store import RECORD_LIMIT
from runtime.routing.context import MAX_URI_SIZE, Context
from runtime.sip import headers
from runtime.sip.contacts import contacts_in
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.scan import IN_BRACKETS, BadMessage, equals_lower, find, is_plain, skip_quoted, skip_white, trim_end
from runtime.sip.soundness import CSEQ_MAX
from runtime.sip.uri import BadUri, SipUri, parse_uri

# What an unreadable parameter means. RFC 3261 10.2.1.1.
_UNREADABLE_S: Final = 3600
# Who asks for more gets this: 68 years.
_EXPIRES_LIMIT: Final = (1 << 31) - 1
# No user can have more: so much of the record's room each takes at least. Comparing more with each other would take long.
_CONTACTS_MAX: Final = RECORD_LIMIT // 28
_UNKNOWN: Final = b"Unknown"
# Nearly nobody sends any.
_NO_PATHS: Final[list[bytes]] = []
# A name that is longer tells nobody more; the column of the database has 50.
_AGENT_LIMIT: Final = 255


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Wanted:
    """One Contact of a REGISTER. `lasts_s` 0: it is to be removed. `received` b"" if it names none."""

    def __init__(self, uri: bytes, lasts_s: i64, q: i64, received: bytes) -> None:
        self.uri: Final = uri
        self.lasts_s: Final = lasts_s
        self.q: Final = q
        self.received: Final = received


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Registration:
    """A REGISTER, read. `star`: all contacts are to be removed; without it and without `contacts` it only asks for them.

    `paths` are the values of Path, in their order, `takes_path` that the client knows what they are (RFC 3327). `refusal`: it cannot be
    done, for a reason that is told together with the contacts that there are.
    """

    def __init__(self, call_id: bytes) -> None:
        self.call_id: Final = call_id
        self.cseq: i64 = 0
        self.refusal: Refused | None = None
        self.star = False
        self.contacts: Final[list[Wanted]] = []
        self.user_agent = _UNKNOWN
        self.paths: list[bytes] = _NO_PATHS
        self.takes_path = False


def read_registration(ctx: Context, settings: Settings) -> Registration:
    """What the request of `ctx` asks for. Raises Refused."""
    msg = ctx.message
    if not msg.ends_headers():
        raise Refused(PARSE_ERROR)
    if msg.to == 0:
        raise Refused(NO_TO)
    if msg.call_id == 0:
        raise Refused(NO_CALL_ID)
    if msg.cseq == 0:
        raise Refused(NO_CSEQ)
    wanted = Registration(msg.value(msg.call_id))
    _read_cseq(msg, wanted)
    expires_s = settings.default_expires
    has_expires = False
    # The first Contact header, and how many there are.
    first: i64 = 0
    fields: i64 = 0
    stars: i64 = 0
    i: i64 = 0
    count: i64 = len(msg.headers)
    while i < count:
        record = msg.headers[i]
        kind = headers.kind(record)
        if kind == headers.CONTACT:
            if fields == 0:
                first = record
            fields += 1
            if _is_star(msg, record):
                stars += 1
        elif kind == headers.EXPIRES:
            # Of several the first counts, as in SER.
            if not has_expires:
                expires_s = _expires(msg, record, settings.default_expires)
            has_expires = True
        elif kind == headers.USER_AGENT:
            if wanted.user_agent is _UNKNOWN and msg.value_end(record) > msg.value_start(record):
                agent = msg.value(record)
                wanted.user_agent = agent if len(agent) <= _AGENT_LIMIT else agent[:_AGENT_LIMIT]
        elif kind == headers.SUPPORTED:
            if _lists_path(msg, record):
                wanted.takes_path = True
        elif kind == headers.BROKEN:
            raise Refused(PARSE_ERROR)
        elif kind == headers.OTHER and is_path(msg, record):
            if len(wanted.paths) == 0:
                wanted.paths = []
            wanted.paths.append(msg.value(record))
        i += 1
    if len(wanted.paths) > 0:
        _check_paths(wanted.paths, settings.check_contacts)
    if stars > 0:
        _check_star(msg, first, fields, expires_s)
        wanted.star = True
        return wanted
    if fields == 1:
        _read_contacts(ctx, first, expires_s, settings, wanted)
        return wanted
    for record in msg.headers:
        if headers.kind(record) == headers.CONTACT:
            _read_contacts(ctx, record, expires_s, settings, wanted)
    return wanted


def _read_cseq(msg: Message, wanted: Registration) -> None:
    """A CSeq without a number or without a method is no CSeq at all; one whose number is out of range is a wrong one."""
    start = msg.value_start(msg.cseq)
    end = msg.value_end(msg.cseq)
    if start >= end or find(msg.buf, 32, start, end) < 0 and find(msg.buf, 9, start, end) < 0:
        raise Refused(PARSE_ERROR)
    try:
        wanted.cseq = parse_cseq(msg).number
    except BadMessage:
        wanted.cseq = CSEQ_MAX + 1
    if wanted.cseq > CSEQ_MAX:
        wanted.refusal = Refused(BAD_CSEQ)


def _is_star(msg: Message, record: i64) -> bool:
    """True for `*`, whatever may be behind it."""
    start = msg.value_start(record)
    return start < headers.line_end(record) and msg.buf[start] == 42


def _check_star(msg: Message, first: i64, fields: i64, expires_s: i64) -> None:
    """`*` stands alone, and with an Expires of 0: RFC 3261 10.2.2. Parameters of it mean nothing."""
    if _is_star(msg, first) and expires_s != 0:
        raise Refused(STAR_EXPIRES)
    end = msg.value_end(first)
    behind = skip_white(msg.buf, msg.value_start(first) + 1, end)
    if fields > 1 or behind < end and (msg.buf[behind] != 59 or find(msg.buf, 44, behind, end) >= 0):
        raise Refused(STAR_CONTACTS)


def _expires(msg: Message, record: i64, default_s: i64) -> i64:
    """The seconds of an Expires header; `default_s` for a date, which RFC 2543 allowed. An empty one is refused."""
    start = msg.value_start(record)
    end = msg.value_end(record)
    if start >= end:
        raise Refused(BAD_EXPIRES)
    stop = start
    while stop < end and 48 <= msg.buf[stop] <= 57:
        stop += 1
    if stop < end and msg.buf[stop] != 32 and msg.buf[stop] != 9:
        return default_s
    return _seconds(msg.buf, start, stop, default_s)


def _seconds(buf: bytes, start: i64, end: i64, otherwise: i64) -> i64:
    """The number at `buf[start:end]`, `otherwise` if it is none. One that is too large is taken for the largest."""
    if start >= end:
        return otherwise
    value: i64 = 0
    while start < end:
        c: i64 = buf[start]
        if c < 48 or c > 57:
            return otherwise
        value = min(value * 10 + (c - 48), _EXPIRES_LIMIT)
        start += 1
    return value


def _read_contacts(ctx: Context, record: i64, expires_s: i64, settings: Settings, wanted: Registration) -> None:
    """The contacts of one header. The last comes first, as in SER, which put each before the others."""
    try:
        values = contacts_in(ctx.message, record)
    except BadMessage as e:
        raise Refused(BAD_CONTACT) from e
    if len(values) > 0 and values[len(values) - 1].end < ctx.message.value_end(record):
        # A comma with nothing behind it.
        raise Refused(BAD_CONTACT)
    if len(wanted.contacts) + len(values) > _CONTACTS_MAX:
        raise Refused(TOO_MANY)
    i: i64 = len(values) - 1
    while i >= 0:
        wanted.contacts.append(_contact(ctx, values[i], expires_s, settings, wanted))
        i -= 1


def _contact(ctx: Context, value: NameAddr, expires_s: i64, settings: Settings, wanted: Registration) -> Wanted:
    buf = ctx.message.buf
    fixed = ctx.fixed_contact
    if fixed is not None and fixed.uri_start == value.uri_start:
        uri = fixed.uri
    else:
        uri = buf[value.uri_start : value.uri_end]
    # It will be the URI of requests.
    if not can_be_contact(uri):
        raise Refused(BAD_CONTACT)
    if value.bracketed and skip_white(buf, value.uri_end + 1, value.end) != value.params_start:
        raise Refused(BAD_CONTACT)
    said = Said(buf, value.params_start, value.end, value.next < 0)
    lasts_s = expires_s
    if said.expires_end > said.expires:
        lasts_s = _seconds(buf, said.expires, said.expires_end, _UNREADABLE_S)
    q = settings.default_q
    # The q of one that goes is not looked at, as in SER.
    if said.q_end > said.q and lasts_s > 0:
        try:
            q = parse_q(buf[said.q : said.q_end])
        except BadQ:
            wanted.refusal = Refused(BAD_Q)
    received = buf[said.received : said.received_end]
    if len(received) > MAX_URI_SIZE or not is_plain(received, IN_BRACKETS):
        raise Refused(BAD_CONTACT)
    if lasts_s > 0 and settings.check_contacts and not _is_somewhere(ctx, settings, uri, received):
        raise Refused(NO_TARGET)
    return Wanted(uri, settings.lasting(lasts_s) if lasts_s > 0 else 0, q, received)


def _is_somewhere(ctx: Context, settings: Settings, uri: bytes, received: bytes) -> bool:
    """True if requests to a contact can be sent: to `received` where it names that, else to where its NAT is, if that is known."""
    if len(received) > 0:
        return is_target(received)
    return is_target(uri) or ctx.has_avps() and ctx.avps.first(settings.received_avp) is not None


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Said:
    """Where the values of a Contact's parameters are in `buf[start:end]`, which begins at a semicolon; of those that come twice the last
    one. Without the parameter the place is empty. Raises Refused where they are broken, as with nothing behind a `=`, or, in the header's
    last Contact, behind the last semicolon.
    """

    def __init__(self, buf: bytes, start: i64, end: i64, is_last: bool) -> None:
        self.expires: i64 = 0
        self.expires_end: i64 = 0
        self.q: i64 = 0
        self.q_end: i64 = 0
        self.received: i64 = 0
        self.received_end: i64 = 0
        pos = start
        while pos < end:
            if buf[pos] != 59:
                raise Refused(BAD_CONTACT)
            name = skip_white(buf, pos + 1, end)
            if name >= end and is_last:
                raise Refused(BAD_CONTACT)
            pos = name
            while pos < end and not _ends_token(buf[pos]) and buf[pos] != 61:
                pos += 1
            name_end = pos
            pos = skip_white(buf, pos, end)
            if pos < end and buf[pos] == 61:
                pos = self._take(buf, name, name_end, skip_white(buf, pos + 1, end), end)

    def _take(self, buf: bytes, name: i64, name_end: i64, value: i64, end: i64) -> i64:
        """Remember the value that begins at `value`; returns where the next semicolon has to be."""
        if value >= end:
            raise Refused(BAD_CONTACT)
        if buf[value] == 34:
            pos = skip_quoted(buf, value, end)
            if pos < 0:
                raise Refused(BAD_CONTACT)
            value += 1
            value_end = pos - 1
        else:
            pos = value
            while pos < end and not _ends_token(buf[pos]):
                pos += 1
            value_end = pos
            if pos == value:
                raise Refused(BAD_CONTACT)
        if equals_lower(buf, name, name_end, b"expires"):
            self.expires = value
            self.expires_end = value_end
        elif equals_lower(buf, name, name_end, b"q"):
            self.q = value
            self.q_end = value_end
        elif equals_lower(buf, name, name_end, b"received"):
            self.received = value
            self.received_end = value_end
        return skip_white(buf, pos, end)


def _ends_token(c: i64) -> bool:
    return c == 59 or c == 32 or c == 9 or c == 13 or c == 10


# --- RFC 3327 ------------------------------------------------------------------------------------------------------------


def is_path(msg: Message, record: i64) -> bool:
    """True if the header is a Path."""
    start = headers.line_start(record)
    end = trim_end(msg.buf, start, headers.value_start(record) - 1)
    return equals_lower(msg.buf, start, end, b"path")


def _lists_path(msg: Message, record: i64) -> bool:
    """True if one of the words between the commas is `path`."""
    buf = msg.buf
    pos = headers.value_start(record)
    end = headers.line_end(record)
    while pos < end:
        comma = find(buf, 44, pos, end)
        stop = end if comma < 0 else comma
        start = skip_white(buf, pos, stop)
        if equals_lower(buf, start, trim_end(buf, start, stop), b"path"):
            return True
        pos = stop + 1
    return False


def _check_paths(values: list[bytes], checks_hops: bool) -> None:
    """Raises Refused if they could be no Route of a request, or together are longer than a URI may be: each answer repeats them.

    `checks_hops`: and if nothing can be sent to one of their hops.
    """
    size = 0
    for value in values:
        size += len(value)
        if size > MAX_URI_SIZE:
            raise Refused(BAD_PATH)
        try:
            hops = hops_of(value)
        except (BadMessage, BadUri) as e:
            raise Refused(BAD_PATH) from e
        if checks_hops and not all([is_target(hop.buf[hop.start : hop.end]) for hop in hops]):
            raise Refused(BAD_PATH)


def hops_of(value: bytes) -> list[SipUri]:
    """The URIs of the proxies that a Path names. Raises BadMessage and BadUri."""
    hops: list[SipUri] = []
    pos: i64 = 0
    end: i64 = len(value)
    while pos < end:
        hop = parse_name_addr(value, pos, end, True)
        hops.append(parse_uri(value, hop.uri_start, hop.uri_end))
        pos = skip_white(value, hop.end, end)
        if pos < end and value[pos] != 44:
            raise BadMessage("something behind a Path", int(pos))
        pos += 1
    return hops
