"""A process's place among the others: whose a message is, and the ways to mailboxes and TCP connections."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.ports import Ownership
from runtime.server.mail.letters import tcp_send
from runtime.server.mail.mailbox import Mailbox, Post
from runtime.sip.address import Address
from runtime.sip.callid import hash_of_call_id
from runtime.sip.scan import hash_range, hash_start
from runtime.sip.transport import Send

# The kind of the processes that have the TCP connections, in the directory.
TCP_RECEIVERS: Final = "tcp"

# Sends over TCP that may still fail: those of the last ten seconds, at 800 a second.
TICKETS_MAX: Final[i64] = 8192


@final
class Exchange:
    """A process's own mailbox, number `number`, and its way to all others.

    Messages are shared out by their Call-ID among the processes of mailboxes 0 to `owners` - 1; 0: each handles what it
    receives. `is_owner` False: no messages are handled here; a TCP process that is none only has connections.
    `directory` has the numbers of the mailboxes of each kind of process. The `receivers` TCP processes (0: no TCP) have the
    mailboxes from `first_receiver` up.
    """

    def __init__(
        self,
        number: i64,
        mailbox: Mailbox,
        post: Post,
        owners: i64,
        directory: dict[str, range],
    ) -> None:
        self.number: Final = number
        self.mailbox: Final = mailbox
        self.post: Final = post
        self.owners: Final = owners
        self.is_owner: Final = owners <= 0 or number < owners
        self.directory: Final = directory
        self.first_receiver: i64 = 0
        self.receivers: i64 = 0
        if TCP_RECEIVERS in directory:
            self.first_receiver = directory[TCP_RECEIVERS].start
            self.receivers = len(directory[TCP_RECEIVERS])

    def handles(self, call_id: bytes) -> bool:
        """True if the messages of this Call-ID are handled in this process."""
        return self.owners <= 1 or hash_of_call_id(call_id) % self.owners == self.number

    def receiver_of(self, connection: i64) -> i64:
        """The mailbox of the process that has connection number `connection`."""
        return self.first_receiver + (connection - 1) % self.receivers

    def receiver_for(self, peer: Address) -> i64:
        """The mailbox of the process that has all connections with the host of `peer`."""
        return self.first_receiver + place_of(peer, self.receivers)

    def home_of(self, send: Send) -> i64:
        """The mailbox of the TCP process that is to send this."""
        return self.receiver_of(send.connection) if send.connection else self.receiver_for(send.destination)

    def post_stream(self, to: i64, send: Send, ticket: i64) -> None:
        """Have the TCP process of mailbox `to` send this, and tell us by `ticket` if it fails."""
        peer = send.destination.sockaddr
        tcp_send.put(self.post, to, self.number, ticket, send.connection, send.connects, peer, send.data)


@final
class ServerOwnership(Ownership):
    """What the place of a process among the others says."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange: Final = exchange

    def has(self, call_id: bytes) -> bool:
        return self._exchange.handles(call_id)


def place_of(peer: Address, count: i64) -> i64:
    """Which of `count` TCP processes has the connections with this host; the same in every process."""
    return hash_range(hash_start(), peer.ip, 0, len(peer.ip)) % count


@final
class Tickets:
    """Sends that another process has been asked for, until it has failed or nobody can tell any more."""

    def __init__(self) -> None:
        self._sends: dict[int, Send] = {}
        self._last: i64 = 0

    def issue(self, send: Send) -> i64:
        if len(self._sends) >= TICKETS_MAX:
            del self._sends[next(iter(self._sends))]
        self._last += 1
        self._sends[int(self._last)] = send
        return self._last

    def redeem(self, ticket: i64) -> Send | None:
        return self._sends.pop(int(ticket), None)
