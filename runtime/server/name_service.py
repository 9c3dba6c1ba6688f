"""The process that asks name servers, for all others: nobody who handles messages ever waits for one.

Questions and answers are letters. Everything that the process knows is what it has in hand: the workers keep the answers.
"""

from __future__ import annotations

import os
import resource
import select
import time
from typing import TYPE_CHECKING, Final

from runtime.routing.dns_records import KIND_NAMES, PTR, Answer, Naptr, Question, Srv, host_name
from runtime.routing.ports import Log
from runtime.server.exchange import Exchange
from runtime.server.log import DBG, WARN
from runtime.server.mailbox import NAME_QUESTION, Letter
from runtime.server.name_letters import post_answer

if TYPE_CHECKING:
    import asyncio

    from dns.asyncresolver import Resolver as DnsResolver
    from dns.message import ChainingResult, QueryMessage
    from dns.rdata import Rdata
    from dns.resolver import NXDOMAIN

# A question is given up after so long; each try of a server takes a third of it.
DEADLINE_S: Final = 2.0
# Questions in hand at the same time; what comes on top of them fails, and may be asked again a second later.
IN_HAND_MAX: Final = 512
# Each of them has a socket.
_OPEN_FILES: Final = 1024

# What the system's own tools call the process: it uses time of its own.
NAME_SERVICE: Final = "ser-dns"

_RESOLV_CONF: Final = "/etc/resolv.conf"
_LOOK_AGAIN_S: Final = 5.0
# So long nobody need ask again, if the answer does not say. RFC 2308 5 and 7.1
_FAILURE_MS: Final = 15_000


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
        self._nameservers: Final = nameservers
        self._port: Final = port
        self._deadline_s: Final = deadline_s
        self._dns: DnsResolver | None = None
        self._version = 0
        self._looked_s = 0.0

    def preload(self) -> None:
        """Import and read now what a change of the root directory puts out of reach."""
        import encodings.idna  # noqa: F401

        import asyncio  # noqa: F401

        import dns.asyncbackend
        import dns.message
        import dns.rdtypes.ANY.PTR
        import dns.rdtypes.ANY.SOA
        import dns.rdtypes.IN.A
        import dns.rdtypes.IN.AAAA
        import dns.rdtypes.IN.NAPTR
        import dns.rdtypes.IN.SRV  # noqa: F401

        dns.asyncbackend.get_backend("asyncio")
        self._resolver()

    async def look_up(self, question: Question) -> Answer:
        """The answer, a failed one after the deadline."""
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN

        kind, name = question
        try:
            found = await self._resolver().resolve(
                name.decode("ascii") + ".", KIND_NAMES[kind], raise_on_no_answer=False, search=False
            )
        except NXDOMAIN as e:
            return Answer(_life_of_denial_ms(e))
        except (DNSException, OSError, ValueError) as e:
            self._log.write(DBG, f"DEBUG: DNS: {KIND_NAMES[kind]} of {name.decode('latin-1')}: {e}")
            return Answer(_FAILURE_MS, True)
        answer = Answer(_life_ms(found.response))
        _fill(answer, kind, list(found.rrset or ()))
        return answer

    def _resolver(self) -> DnsResolver:
        """Made when first needed: the import takes longer than the rest of the start."""
        version = self._conf_version()
        if self._dns is None or version != self._version:
            from dns.asyncresolver import Resolver as DnsResolver
            from dns.resolver import NoResolverConfiguration

            self._version = version
            try:
                self._dns = DnsResolver(configure=self._nameservers is None)
            except NoResolverConfiguration as e:
                self._log.write(WARN, f"WARNING: DNS: no name servers: {e}")
                self._dns = DnsResolver(configure=False)
            if self._nameservers is not None:
                self._dns.nameservers = list(self._nameservers)
            self._dns.port = self._port
            self._dns.lifetime = self._deadline_s
            self._dns.timeout = self._deadline_s / 3
        return self._dns

    def _conf_version(self) -> int:
        """A number that changes with the file; where it cannot be seen, as behind a new root, what was read stays."""
        now_s = time.monotonic()
        if self._dns is not None and (self._nameservers is not None or now_s < self._looked_s + _LOOK_AGAIN_S):
            return self._version
        self._looked_s = now_s
        try:
            return os.stat(_RESOLV_CONF).st_mtime_ns
        except OSError:
            return self._version


def _life_of_denial_ms(denial: NXDOMAIN) -> int:
    """How long a name does not exist."""
    from dns.message import QueryMessage

    for response in denial.kwargs["responses"].values():
        if isinstance(response, QueryMessage):
            return _life_ms(response)
    return 0


def _life_ms(response: QueryMessage) -> int:
    """How long an answer holds: as its records say, a negative one as its SOA record does. Without one it is for the moment."""
    from dns.rdatatype import SOA

    result: ChainingResult = response.resolve_chaining()
    if result.answer is None and all(rrset.rdtype != SOA for rrset in response.authority):
        return 0
    return int(result.minimum_ttl) * 1000


def _fill(answer: Answer, kind: int, records: list[Rdata]) -> None:
    from dns.rdtypes.ANY.PTR import PTR as PtrRecord
    from dns.rdtypes.IN.A import A as ARecord
    from dns.rdtypes.IN.AAAA import AAAA as AaaaRecord
    from dns.rdtypes.IN.NAPTR import NAPTR as NaptrRecord
    from dns.rdtypes.IN.SRV import SRV as SrvRecord

    for r in records:
        if isinstance(r, ARecord | AaaaRecord):
            answer.ips.append(r.to_wire() or b"")
        elif isinstance(r, PtrRecord):
            answer.names.append(_name(r.target.to_text()))
        elif isinstance(r, SrvRecord):
            answer.services.append(Srv(r.priority, r.weight, r.port, _name(r.target.to_text())))
        elif isinstance(r, NaptrRecord):
            texts = [part.decode("latin-1").replace("\0", "") for part in (r.flags, r.service, r.regexp)]
            replacement = _name(r.replacement.to_text())
            answer.rules.append(Naptr(r.order, r.preference, texts[0], texts[1], texts[2], replacement))
    answer.names = [name for name in answer.names if name]
    # Servers give equal records in an order that changes from answer to answer. Here the message chooses, so it must not.
    answer.ips.sort()
    answer.services.sort(key=lambda r: (r.priority, r.weight, r.target, r.port))
    answer.rules.sort(key=lambda r: (r.order, r.preference))


def _name(text: str) -> bytes:
    """b"" for the root, and for what is no name of a host."""
    return host_name(text.encode("latin-1"))


class NameService:
    """Serves the questions of a mailbox."""

    def __init__(self, exchange: Exchange, client: NameClient, log: Log) -> None:
        self._exchange: Final = exchange
        self._client: Final = client
        self._log: Final = log
        # Who waits for each question that is in hand, by the numbers of their mailboxes.
        self._askers: dict[Question, list[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._letters: list[Letter] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Serve for ever."""
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
            assert letter.kind == NAME_QUESTION
            self._take((int(letter.number), letter.data), int(letter.index))
        self._letters.clear()
        self._exchange.post.flush()

    def _take(self, question: Question, asker: int) -> None:
        askers = self._askers.get(question)
        if askers is not None:
            if asker not in askers:
                askers.append(asker)
        elif len(self._askers) >= IN_HAND_MAX:
            self._log.write(WARN, f"WARNING: DNS: {IN_HAND_MAX} questions are in hand, no more can be asked")
            post_answer(self._exchange, asker, question, Answer(0, True))
        else:
            self._askers[question] = [asker]
            assert self._loop is not None
            task = self._loop.create_task(self._answer(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, question: Question) -> None:
        try:
            answer = await self._client.look_up(question)
        except Exception as e:  # a bug here or in dnspython costs one question
            self._log.write(
                WARN, f"BUG: DNS: {KIND_NAMES.get(question[0])} of {question[1]!r}: {type(e).__name__}: {e}"
            )
            answer = Answer(_FAILURE_MS, True)
        for asker in self._askers.pop(question):
            post_answer(self._exchange, asker, question, answer)
        self._exchange.post.flush()
