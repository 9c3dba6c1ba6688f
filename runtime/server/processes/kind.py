"""What a kind of process is: how many there are, what each keeps of what the master has opened, and what each does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from runtime.server.host.process_table import Entry
from runtime.server.mail.exchange import Exchange

# What a process does for ever.
Run = Callable[[], None]


class Possession(Protocol):
    """Something that the master has opened and every process inherits."""

    def close(self) -> None:
        """Called in a process that has nothing to do with it."""


class Seat:
    """The place of one process: number `place` of its kind, mailbox number `mailbox` (-1: it has none), an entry in the process
    table."""

    def __init__(self, title: str, place: int, mailbox: int, entry: Entry, connect: Callable[[int], Exchange]) -> None:
        self.title: Final = title
        self.place: Final = place
        self.mailbox: Final = mailbox
        self.entry: Final = entry
        self._connect: Final = connect

    def exchange(self) -> Exchange:
        """The process's own mailbox and its way to all others."""
        return self._connect(self.mailbox)


class Kind:
    """`titles` is what SER's `ps` calls the processes, one title for each. `name` is how others find their mailboxes.

    `job` is called in each of them, when it has closed what is not in `keeps`: it makes ready and returns what the process does
    from then on. The processes with `handles_messages` have the first mailboxes; those that count what they do
    (`tells_counts`) are asked for it by SIGUSR1, those that have the program (`has_program`) exchange it at a reload.
    """

    def __init__(
        self,
        name: str,
        titles: list[str],
        job: Callable[[Seat], Run],
        keeps: tuple[Possession, ...] = (),
        has_mailbox: bool = True,
        handles_messages: bool = False,
        tells_counts: bool = False,
        has_program: bool = False,
    ) -> None:
        self.name: Final = name
        self.titles: Final = titles
        self.job: Final = job
        self.keeps: Final = keeps
        self.has_mailbox: Final = has_mailbox
        self.handles_messages: Final = handles_messages
        self.tells_counts: Final = tells_counts
        self.has_program: Final = has_program
