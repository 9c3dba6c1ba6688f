"""Transactions as data: a server transaction, and the client transactions that it opened. RFC 3261 16.6 and 17."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.sip import methods
from runtime.sip.address import UDP, Address
from runtime.sip.message import Message
from runtime.sip.transit import MAGIC_COOKIE, from_reversed_hex, reversed_hex
from runtime.sip.transport import ListenSocket, Send
from runtime.tx.timers import NEVER, Timed

MAX_BRANCHES: Final = 12

_NO_ADDRESSES: Final[list[Address]] = []

# States of a server transaction.
PROCEEDING: Final = 0  # no final reply sent
COMPLETED: Final = 1  # final reply to an INVITE sent, to be repeated until its ACK comes
WAITING: Final = 2  # nothing left to do but to absorb repetitions
OVER: Final = 3  # that, too, is over; lives on only as long as a client transaction needs it
FORGOTTEN: Final = 4  # whoever still works on it is the last one to know it


@mypyc_attr(acyclic=True)
class Client(Timed):
    """One request to one destination, repeated until it is answered: a client transaction.

    `request` None: nothing is sent, somebody else does (t_write_req). `status` is that of the last reply, 0 before any; a
    client that is `over` waits for nothing. `repeated` counts repetitions. `index` is that of the branch it belongs to.
    """

    def __init__(self, transaction: Transaction, index: i64, request: Send | None, is_invite: bool) -> None:
        super().__init__()
        self.transaction: Final = transaction
        self.index: Final = index
        self.request = request
        self.is_invite: Final = is_invite
        self.is_reliable = request is not None and request.socket.proto != UDP
        self.status: i64 = 0
        self.over = False
        self.repeated: i64 = 0
        self.repeat_ms: i64 = NEVER
        self.give_up_ms: i64 = NEVER


@final
@mypyc_attr(acyclic=True)
class Branch(Client):
    """A client transaction that forwards the server transaction's request.

    `uri` is its Request-URI. `reply` is what would go upstream if its final negative reply were chosen, None for one that is
    made here (`status` tells which). `reason` is the phrase of a reply that is made here, b"" for the standard one.

    `request` is None again when the transaction only absorbs repetitions, unless an ACK may have to be made of it.

    `seeks`: its next hop is being looked up, and nothing has been sent. `others` are servers that could take the place of this
    one's; when one has, this branch `is_replaced`, and counts for nothing any more. `breadth` is how many branches at a time the
    request may become behind it, 0 where it is the only one and that does not change.
    """

    def __init__(
        self, transaction: Transaction, index: i64, request: Send | None, uri: bytes, breadth: i64 = 0
    ) -> None:
        super().__init__(transaction, index, request, transaction.is_invite)
        self.uri: Final = uri
        self.breadth: Final = breadth
        self.reply: bytes | None = None
        self.reason = b""
        self.seeks = False
        self.others = _NO_ADDRESSES
        self.is_replaced = False
        # This branch's CANCEL: wanted as soon as a provisional reply comes, or under way.
        self.cancel_wanted = False
        self.cancel_request: Send | None = None
        self.cancel: Client | None = None

    def id(self) -> bytes:
        """Value of the branch parameter of its Via."""
        return branch_id(self.transaction.id, self.index, self.breadth)


def branch_id(transaction_id: bytes, index: i64, breadth: i64 = 0) -> bytes:
    """`index` is the first digit behind the point, and less than 16; `breadth` are those behind it, if there are any."""
    return b"%s%s.%s" % (MAGIC_COOKIE, transaction_id, reversed_hex(index | breadth << 4))


def breadth_in(buf: bytes, start: i64, end: i64) -> i64:
    """The `breadth` of a branch parameter that `branch_id` made; 0 if it has none, and mostly for one of others."""
    dot = buf.rfind(b".", start, end) if start >= 0 else -1
    if dot < 0 or not 2 <= end - dot - 1 <= 3:
        return 0
    return from_reversed_hex(buf, dot + 1, end) >> 4


@mypyc_attr(acyclic=True)
class Transaction(Timed):
    """A request received (or, when `is_local`, made here), and all that has been done about it.

    `id` is the middle of our branches, `key` the hash of Call-ID and CSeq number. `status` and `reply` are the last reply sent
    upstream; `is_own_reply` tells that this server made it, `own_tag` the To tag it then has. `pending` counts clients that
    are not over.
    """

    def __init__(
        self,
        id: bytes,
        key: i64,
        message: Message,
        source: Address,
        socket: ListenSocket,
        reply_to: Address,
        reply_socket: ListenSocket,
    ) -> None:
        super().__init__()
        self.id: Final = id
        self.key: Final = key
        self.message: Final = message
        self.source: Final = source
        self.socket: Final = socket
        self.reply_to: Final = reply_to
        self.reply_socket: Final = reply_socket
        self.method: Final = message.method
        self.is_invite: Final = message.method == methods.INVITE
        self.is_local = False
        self.state: i64 = PROCEEDING
        self.status: i64 = 0
        self.reply: Send | None = None
        self.is_own_reply = False
        self.own_tag = b""
        self.branches: list[Branch] = []
        self.pending: i64 = 0
        # The caller has cancelled: no new branches (RFC 3261 16.10).
        self.cancelled = False
        # Nothing waits for its end any more: it counts as over, though a reply may still come.
        self.is_released = False
        self.repeated: i64 = 0
        self.repeat_ms: i64 = NEVER
        self.give_up_ms: i64 = NEVER
        # What it takes of the room for transactions.
        self.held_bytes: i64 = 0
        # Where it stands in the tables, and who stands there behind it.
        self.match_key: i64 = 0
        self.behind_key: Transaction | None = None
        self.id_hash: i64 = 0
        self.behind_id: Transaction | None = None

    def forgotten(self) -> None:
        """Nothing happens to it any more: it lets go of who knows it."""
        for branch in self.branches:
            branch.cancel = None
        self.branches = []
