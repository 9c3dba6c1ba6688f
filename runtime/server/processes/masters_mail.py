"""What the master gets by letter: answers of its processes, and commands that only it can run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.server.host.errors import StartError
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import answer, program_done, run_command
from runtime.server.mail.letters.run_command import RunCommandLetter
from runtime.server.mail.mailbox import Letter
from runtime.server.processes.levels import BadLevel, Levels
from runtime.server.processes.probing import Probing
from runtime.server.processes.reload import CHECK, DIFF, RELOAD, ROLLBACK, TEST, Reload
from runtime.server.processes.statistics import Statistics

_WORDS: Final = {b"": RELOAD, b"check": CHECK, b"diff": DIFF, b"rollback": ROLLBACK, b"test": TEST}


class MastersMail:
    """The master's mailbox. `read` takes what is in it, and waits for nothing. `now_s` is a clock."""

    def __init__(
        self,
        exchange: Exchange,
        statistics: Statistics,
        reload: Reload,
        probing: Probing,
        levels: Levels,
        now_s: Callable[[], float],
    ) -> None:
        self._exchange: Final = exchange
        self._statistics: Final = statistics
        self._reload: Final = reload
        self._probing: Final = probing
        self._levels: Final = levels
        self._now_s: Final = now_s

    def read(self) -> None:
        letters: list[Letter] = []
        self._exchange.mailbox.receive(letters)
        for letter in letters:
            if letter.kind == answer.KIND:
                self._statistics.take(answer.read(letter))
            elif letter.kind == program_done.KIND:
                self._reload.take(program_done.read(letter))
            elif letter.kind == run_command.KIND:
                self._run(run_command.read(letter))

    def _run(self, asked: RunCommandLetter) -> None:
        """A command by its name, which is the first word."""
        name = asked.words[0]
        word = asked.words[1].strip() if len(asked.words) > 1 else b""

        def tell(text: bytes) -> None:
            answer.put(self._exchange.post, asked.asker, self._exchange.number, asked.question, text)
            self._exchange.post.flush()

        if name == b"probes":
            self._probing.ask(tell, self._now_s())
        elif name == b"log_level":
            try:
                tell(b"200 ok\n" + self._levels.run(word.decode("latin-1")).encode())
            except BadLevel as e:
                tell(f"400 log level: {e}\n".encode())
        elif word == b"status":
            tell(b"200 ok\n" + self._reload.status().encode())
        elif word == b"show":
            tell(b"200 ok\n" + self._reload.running()[1].encode("utf-8", "surrogateescape"))
        elif word not in _WORDS:
            tell(b"400 reload: write nothing, check, diff, test, rollback, show or status behind it\n")
        else:
            try:
                self._reload.begin(_WORDS[word], tell, self._now_s())
            except StartError as e:
                tell(f"500 {e}\n".encode())
