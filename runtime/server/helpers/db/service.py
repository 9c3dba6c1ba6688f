"""The process that asks databases, for all that handle messages: they never wait for one.

Questions and answers are letters. It is there only if a module has a database.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from runtime.routing.database import DatabaseError
from runtime.routing.ports import Log
from runtime.server.helpers.db.pool import Job, Pool
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import db_answer, db_question, log_level
from runtime.server.mail.letters.db_answer import Pieces
from runtime.server.mail.mailbox import Letter
from runtime.storage.answer import pack_answer
from runtime.storage.connection import DEADLINE_MS
from runtime.storage.statement import Result, unpack
from runtime.storage.url import Url

# What the system's own tools call the process: it uses time of its own.
COMM: Final = "ser-db"

# While something is in hand connections are looked after so often.
_LOOK_MS: Final = 250


class DatabaseService:
    """Serves the questions of a mailbox about the databases of `urls`, which are meant by their places."""

    def __init__(self, exchange: Exchange, urls: Sequence[Url], log: Log, deadline_ms: int = DEADLINE_MS) -> None:
        self._exchange: Final = exchange
        self._log: Final = log
        self._pools: Final = [Pool(url, deadline_ms, log) for url in urls]
        self._pieces: Final = Pieces()
        self._letters: Final[list[Letter]] = []
        # Answers on their way from threads to the one that posts: who asked, the question's number, the answer.
        self._answers: Final[deque[tuple[int, int, bytes]]] = deque()
        self._wake: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock: Final = threading.Lock()
        self._is_woken = False
        self._poll: Final = select.poll()
        self._poll.register(exchange.mailbox.fileno(), select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self.step(-1)

    def step(self, timeout_ms: int) -> None:
        """Wait for something to do, and do it."""
        is_busy = any([pool.is_busy() for pool in self._pools])
        self._poll.poll(_LOOK_MS if is_busy and (timeout_ms < 0 or timeout_ms > _LOOK_MS) else timeout_ms)
        self._exchange.mailbox.receive(self._letters)
        for letter in self._letters:
            if letter.kind == log_level.KIND:
                log_level.obey(letter, self._log)
                continue
            assert letter.kind == db_question.KIND
            self._take(letter)
        self._letters.clear()
        self._post()
        if is_busy:
            now_s = time.monotonic()
            for pool in self._pools:
                pool.look_after(now_s)

    def _take(self, letter: Letter) -> None:
        came = db_question.read(letter)
        asker, number = int(came.asker), int(came.question)
        data = self._pieces.join((asker, number), came.statements, came.is_last)
        if data is None:
            return
        pool = self._pools[came.place]
        statements = unpack(data)

        def done(results: list[Result] | DatabaseError) -> None:
            self._answers.append((asker, number, pack_answer(results)))
            # What _is_woken says, _wake has: who reads it there must find it.
            with self._lock:
                if not self._is_woken:
                    self._is_woken = True
                    os.eventfd_write(self._wake, 1)

        pool.put(Job(statements, time.monotonic() + came.deadline_ms / 1000, done))

    def _post(self) -> None:
        # Who sets it after this look wakes the next step.
        if self._is_woken:
            with self._lock:
                self._is_woken = False
                os.eventfd_read(self._wake)
        while self._answers:
            asker, number, data = self._answers.popleft()
            db_answer.put(self._exchange.post, asker, number, data)
        self._exchange.post.flush()
