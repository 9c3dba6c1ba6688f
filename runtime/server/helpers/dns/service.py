"""The process that asks name servers, for all others: nobody who handles messages ever waits for one.

Questions and answers are letters. Everything that the process knows is what it has in hand: the workers keep the answers.
"""

from __future__ import annotations

import os
import resource
import select
import time
from typing import TYPE_CHECKING, Final

from runtime.routing.dns_records import KIND_NAMES, Answer, NameQuestion
from runtime.routing.ports import L_WARN, Log
from runtime.server.helpers.dns.query import FAILURE_MS, Query
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import log_level, name_answer, name_question
from runtime.server.mail.mailbox import Letter

if TYPE_CHECKING:
    import asyncio


# A question is given up after so long.
DEADLINE_S: Final = 2.0
# Questions in hand at the same time; what comes on top of them fails, and may be asked again a second later.
IN_HAND_MAX: Final = 512
# Each of them has a socket for every name server.
_OPEN_FILES: Final = 2048

_NICENESS: Final = 10

# What the system's own tools call the process: it uses time of its own.
COMM: Final = "ser-dns"

_RESOLV_CONF: Final = "/etc/resolv.conf"
_LOOK_AGAIN_S: Final = 5.0


def call_it(name: str) -> None:
    """Give this process a name that ps(1) and top(1) show, where there is a /proc."""
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
    except OSError:
        return


class NameClient:
    """Asks name servers: `nameservers` (addresses) at `port`, else those of /etc/resolv.conf, which is looked at again when it
    changes. `deadline_s` bounds one question."""

    def __init__(
        self, log: Log, nameservers: list[str] | None = None, port: int = 53, deadline_s: float = DEADLINE_S
    ) -> None:
        self._log: Final = log
        self._fixed: Final = nameservers
        self._port: Final = port
        self._deadline_s: Final = deadline_s
        self._known: list[str] = []
        self._version = -1
        self._look_again_s = 0.0

    def preload(self) -> None:
        """Import and read now what a change of the root directory puts out of reach."""
        import asyncio  # noqa: F401
        import encodings.idna  # noqa: F401

        import dns.asyncbackend
        import dns.asyncquery
        import dns.message
        import dns.rdtypes.ANY.PTR
        import dns.rdtypes.ANY.SOA
        import dns.rdtypes.IN.A
        import dns.rdtypes.IN.AAAA
        import dns.rdtypes.IN.NAPTR
        import dns.rdtypes.IN.SRV

        dns.asyncbackend.get_backend("asyncio")
        self._servers()

    async def look_up(self, question: NameQuestion) -> Answer:
        """The answer, a failed one after the deadline."""
        import asyncio

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        Query(loop, question, self._servers(), self._port, self._deadline_s, answer.set_result).send()
        return await answer

    def _servers(self) -> list[str]:
        """Their addresses, in the order to ask."""
        if self._fixed is not None:
            return self._fixed
        version = self._conf_version()
        if version != self._version:
            from dns.resolver import NoResolverConfiguration, Resolver

            self._version = version
            try:
                self._known = [str(server) for server in Resolver(_RESOLV_CONF).nameservers]
            except NoResolverConfiguration:
                self._known = []
            if not self._known:
                self._log.write(L_WARN, f"WARNING: DNS: {_RESOLV_CONF} has no name server")
        return self._known

    def _conf_version(self) -> int:
        """A number that changes with the file; where it cannot be seen, as behind a new root, what was read stays."""
        now_s = time.monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LOOK_AGAIN_S
            try:
                return os.stat(_RESOLV_CONF).st_mtime_ns
            except OSError:
                # What is not there the first time is not read either.
                return max(0, self._version)
        return self._version


class NameService:
    """Serves the questions of a mailbox."""

    def __init__(self, exchange: Exchange, client: NameClient, log: Log) -> None:
        self._exchange: Final = exchange
        self._client: Final = client
        self._log: Final = log
        # Who waits for each question that is in hand, by the numbers of their mailboxes.
        self._askers: dict[NameQuestion, list[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._letters: list[Letter] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Serve for ever."""
        # Who asks for a name can wait a little longer. Who handles messages cannot.
        os.nice(_NICENESS)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < _OPEN_FILES:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))
        # Where no name is ever asked for, nothing of what comes now is needed.
        idle = select.poll()
        idle.register(self._exchange.mailbox.fileno(), select.POLLIN)
        idle.poll()
        import asyncio

        asyncio.run(self._serve())

    async def _serve(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._exchange.mailbox.fileno(), self._read)
        await asyncio.Event().wait()

    def _read(self) -> None:
        self._exchange.mailbox.receive(self._letters)
        for letter in self._letters:
            if letter.kind == log_level.KIND:
                log_level.obey(letter, self._log)
                continue
            assert letter.kind == name_question.KIND
            asked = name_question.read(letter)
            self._take((int(asked.records), asked.name), int(asked.asker))
        self._letters.clear()
        self._exchange.post.flush()

    def _take(self, question: NameQuestion, asker: int) -> None:
        askers = self._askers.get(question)
        if askers is not None:
            if asker not in askers:
                askers.append(asker)
        elif len(self._askers) >= IN_HAND_MAX:
            self._log.write(L_WARN, f"WARNING: DNS: {IN_HAND_MAX} questions are open already; refusing more")
            name_answer.put(self._exchange.post, asker, question, Answer(0, True))
        else:
            self._askers[question] = [asker]
            assert self._loop is not None
            task = self._loop.create_task(self._answer(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, question: NameQuestion) -> None:
        try:
            answer = await self._client.look_up(question)
        except Exception as e:  # a bug here or in dnspython costs one question
            self._log.write(
                L_WARN, f"BUG: DNS: {KIND_NAMES.get(question[0])} of {question[1]!r}: {type(e).__name__}: {e}"
            )
            answer = Answer(FAILURE_MS, True)
        for asker in self._askers.pop(question):
            name_answer.put(self._exchange.post, asker, question, answer)
        self._exchange.post.flush()
