"""Where reports go, and which ones a call is worth. Reference modules-main, chapter 12."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.acc.facts import Facts, facts_of
from runtime.modules.tm.api import Call, Observer, Watcher
from runtime.routing.context import Context
from runtime.routing.database import Database
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.message import Message, parse
from runtime.sip.reply import reason_of, to_tag_of
from runtime.sip.scan import BadMessage

ANSWERED: Final = b"transaction answered"
MISSED: Final = b"call missed"
ACKNOWLEDGED: Final = b"request acknowledged"
REQUESTED: Final = b"request accounted"


def bit_of(flag: int) -> i64:
    """The bit of a message flag; 0, which is off, has none."""
    return 1 << flag if flag > 0 else 0


@final
class Rules:
    """What is reported: the bits of the flags that ask for it, and the switches."""

    def __init__(
        self,
        log: i64,
        log_missed: i64,
        db: i64,
        db_missed: i64,
        early_media: bool,
        failures: bool,
        acks: bool,
        cancels: bool,
    ) -> None:
        self.log: Final = log
        self.log_missed: Final = log_missed
        self.db: Final = db
        self.db_missed: Final = db_missed
        self.any: Final = log | log_missed | db | db_missed
        self.early_media: Final = early_media
        self.failures: Final = failures
        self.acks: Final = acks
        self.cancels: Final = cancels

    def skips(self, method: i64) -> bool:
        return method == methods.CANCEL and not self.cancels


@final
class Books:
    """The log, with its level and letters, and the tables of calls and of missed calls with SER's 14 columns.

    `database` is there once it `is_open`.
    """

    database: Database

    def __init__(
        self,
        level: int,
        letters: str,
        calls: str,
        missed: str,
        columns: tuple[str, ...],
        is_local_time: bool,
        world: World,
    ) -> None:
        self.level: Final = level
        self.letters: Final = letters
        self.calls: Final = calls
        self.missed: Final = missed
        self.columns: Final = columns
        self.is_local_time: Final = is_local_time
        self.world: Final = world
        self.is_open = False

    def log(self, lead: bytes, facts: Facts) -> None:
        if self.world.log_level >= self.level:
            self.world.log.say(self.level, facts.line(lead, self.letters).decode("latin-1"))

    def store(self, is_missed: bool, facts: Facts) -> None:
        """Have a row written; nobody waits for it."""
        table = self.missed if is_missed else self.calls
        self.database.insert_later(table, self.columns, self.row(facts, not is_missed))

    def row(self, facts: Facts, is_of_caller: bool) -> list[int | float | bytes | None]:
        return facts.row(is_of_caller, self.world.clock.unix_s(), self.is_local_time)


@final
class Accountant(Observer):
    """Opens an Account for every transaction that has a flag when it opens."""

    def __init__(self, rules: Rules, books: Books) -> None:
        super().__init__()
        self._rules: Final = rules
        self._books: Final = books

    def opened(self, call: Call, ctx: Context) -> Watcher | None:
        if call.decided.flags & self._rules.any == 0 or self._rules.skips(call.method):
            return None
        authorized = ctx.authorized
        return Account(self._rules, self._books, b"" if authorized is None else authorized.user)


@final
class Account(Watcher):
    """Reports what becomes of one transaction. `user`: who was authenticated, b"" for nobody."""

    def __init__(self, rules: Rules, books: Books, user: bytes) -> None:
        super().__init__()
        self._rules: Final = rules
        self._books: Final = books
        self._user: Final = user
        # To tags of the 2xx, and of their ACKs, that have been reported: each phone that answers is, its repetitions are not.
        self._answered: list[bytes] = []
        self._confirmed: list[bytes] = []

    def replied(self, call: Call, status: i64, reply: bytes, is_own: bool) -> None:
        if status < 200 and (is_own or status != 183 or not self._rules.early_media):
            return
        parsed = _parsed(reply)
        if status >= 200 and status < 300 and call.is_invite and parsed is not None:
            tag = to_tag_of(parsed)
            if tag in self._answered:
                return
            self._answered.append(tag)
        answer = None if is_own else parsed
        rules = self._rules
        flags = call.decided.flags
        if call.is_invite and status >= 300 and flags & (rules.log_missed | rules.db_missed):
            # As SER has it, an own reply is told by the usual words for its status, whatever the route has written.
            facts = self._facts(call, b"%d %s" % (status, _reason_in(answer, status)), answer)
            if flags & rules.log_missed:
                self._books.log(MISSED, facts)
            if flags & rules.db_missed:
                self._books.store(True, facts)
            call.decided.flags = flags & ~(rules.log_missed | rules.db_missed)
        if status < 300 or rules.failures:
            self._report(ANSWERED, flags, self._facts(call, b"%d" % status, answer))

    def acknowledged(self, call: Call, ctx: Context) -> None:
        tag = to_tag_of(ctx.message)
        if not self._rules.acks or tag in self._confirmed:
            return
        self._confirmed.append(tag)
        self._report(ACKNOWLEDGED, call.decided.flags, facts_of(ctx, b"%d" % call.status))

    def _facts(self, call: Call, status: bytes, reply: Message | None) -> Facts:
        return Facts(call.message, call.decided.new_uri or b"", self._user, status, reply)

    def _report(self, lead: bytes, flags: i64, facts: Facts) -> None:
        if flags & self._rules.log:
            self._books.log(lead, facts)
        if flags & self._rules.db:
            self._books.store(False, facts)


def _parsed(reply: bytes) -> Message | None:
    try:
        return parse(reply)
    except BadMessage:
        return None


def _reason_in(reply: Message | None, status: i64) -> bytes:
    if reply is None:
        return reason_of(status)
    return reply.buf[reply.reason_start : reply.first_header].strip()
