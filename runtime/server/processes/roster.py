"""Which processes there are: the place of each in the process table, and the number of its mailbox. Reference core, 1.4."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from runtime.server.host.cures import of_processes
from runtime.server.host.errors import StartError
from runtime.server.host.process_table import Entry, ProcessTable
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.mailbox import BatchMailbox, Mailbox, Mailboxes, PlainMailbox, Post
from runtime.server.processes.kind import Kind, Seat
from runtime.server.processes.workers import Workers

MASTER: Final = "master"


class Roster:
    """The master, which `ps` calls `own_title`, and the processes of `kinds`, in the order of the process table.

    With an `own_title` of "" the kinds that handle messages have no process: what it would do is done by the master.
    Messages are shared out among the processes of the first `owners` mailboxes; 0: whoever receives a message runs the program.
    Raises StartError where there is no room for the mailboxes.
    """

    def __init__(self, own_title: str, kinds: list[Kind], owners: int, mmsg: ModuleType | None) -> None:
        self.kinds: Final = kinds
        self._alone: Final = own_title == ""
        self._mmsg: Final = mmsg
        masters = [title for kind in kinds if self._is_masters(kind) for title in kind.titles]
        others = [title for kind in kinds if not self._is_masters(kind) for title in kind.titles]
        self.table: Final = ProcessTable([*(masters or [own_title]), *others])
        # The numbers of the mailboxes of each kind, by its name.
        self.directory: Final[dict[str, range]] = {}
        count = 0
        for kind in sorted(kinds, key=lambda kind: not kind.handles_messages):
            if kind.has_mailbox and kind.titles:
                self.directory[kind.name] = range(count, count + len(kind.titles))
                count += len(kind.titles)
        self.directory[MASTER] = range(count, count + 1)
        self._owners: Final = owners
        # The mailboxes of those who run the program.
        self._runners: Final = list(range(owners or sum(len(kind.titles) for kind in kinds if kind.handles_messages)))
        self._counters: Final = [n for kind in kinds if kind.tells_counts for n in self.directory.get(kind.name, [])]
        self._programs: Final = [n for kind in kinds if kind.has_program for n in self.directory.get(kind.name, [])]
        # Where the owner of each mailbox stands in the process table.
        self._entries: Final[dict[int, int]] = {count: 0}
        self._seats: Final = {kind.name: self._seats_of(kind, kinds) for kind in kinds}
        try:
            self._mailboxes: Final = Mailboxes(count + 1)
        except OSError as e:
            raise StartError(f"cannot make mailboxes for {count + 1} processes: {of_processes(e)}") from e

    def _is_masters(self, kind: Kind) -> bool:
        return self._alone and kind.handles_messages

    def _seats_of(self, kind: Kind, kinds: list[Kind]) -> list[Seat]:
        before = kinds[: kinds.index(kind)]
        first = 1 + sum(len(other.titles) for other in before if not self._is_masters(other))
        boxes = self.directory.get(kind.name)
        seats = []
        for place, title in enumerate(kind.titles):
            entry = 0 if self._is_masters(kind) else first + place
            mailbox = -1 if boxes is None else boxes[place]
            if boxes is not None:
                self._entries[mailbox] = entry
            seats.append(Seat(title, place, mailbox, Entry(self.table, entry), self._connect))
        return seats

    def seats(self, name: str) -> list[Seat]:
        """Those of the processes of this kind."""
        return self._seats[name]

    def forked(self) -> list[tuple[Kind, Seat]]:
        """All processes beside the master, in the order of the table."""
        return [(kind, seat) for kind in self.kinds if not self._is_masters(kind) for seat in self._seats[kind.name]]

    def leave_mail(self, mailbox: int) -> None:
        """In the process of that mailbox (-1: it has none): what comes in for others is not its business."""
        self._mailboxes.keep(mailbox)

    def masters_exchange(self) -> Exchange:
        """The master's own."""
        return self._connect(self.directory[MASTER][0])

    def runners(self, exchange: Exchange) -> Workers:
        """Those who run the program, as the process with that exchange sees them."""
        return Workers(exchange, self._runners, self.table, self._entries)

    def counters(self, exchange: Exchange) -> Workers:
        """Those who count what they do."""
        return Workers(exchange, self._counters, self.table, self._entries)

    def programs(self, exchange: Exchange) -> Workers:
        """Those who have the program, whatever they do with it."""
        return Workers(exchange, self._programs, self.table, self._entries)

    def others(self) -> list[int]:
        """The mailboxes of all processes beside the master."""
        return [mailbox for mailbox in self._entries if mailbox not in self.directory[MASTER]]

    def _connect(self, mailbox: int) -> Exchange:
        boxes = self._mailboxes
        reader = boxes.readers[mailbox]
        own: Mailbox = PlainMailbox(reader) if self._mmsg is None else BatchMailbox(reader, self._mmsg)
        return Exchange(mailbox, own, Post(boxes.writers), self._owners, self.directory)
