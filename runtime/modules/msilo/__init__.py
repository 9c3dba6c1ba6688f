"""msilo: messages for those who are away. Reference modules-main, chapter 22."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.msilo import texts
from runtime.modules.msilo.deliveries import BYTES, Deliveries
from runtime.modules.msilo.texts import CannotStore
from runtime.modules.tm.api import TM, Api, BadRequest, CannotSend, Draft, Outcome
from runtime.routing.context import L_DBG, L_ERR, L_WARN, Context
from runtime.routing.database import (
    DELETE,
    Change,
    Condition,
    Database,
    DatabaseError,
    Row,
    Value,
    open_database,
    require_version,
)
from runtime.routing.module import Module
from runtime.routing.replying import broken_in
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import integer
from runtime.spec.kinds_sip import sip_uri_doubt
from runtime.spec.params import READ_WRITE_URL, column_param, seconds_param, table_param, url_param

_VERSION: Final = 3
_MESSAGE: Final = b"MESSAGE"


@final
class Delivery(Outcome):
    """Hears how the sending of a kept message ended."""

    def __init__(self, deliveries: Deliveries, number: int, world: World) -> None:
        super().__init__()
        self._deliveries: Final = deliveries
        self._number: Final = number
        self._world: Final = world

    def refused(self, code: i64, reason: bytes) -> None:
        self._deliveries.forget(self._number)

    def answered(self, status: i64, reason: bytes, reply: Message | None) -> None:
        self.call = None
        if 200 <= status < 300:
            self._deliveries.delivered(self._number, self._world.clock.unix_s())
        else:
            self._deliveries.forget(self._number)


@final
class Note(Outcome):
    """Nobody minds how a notification ends."""

    def refused(self, code: i64, reason: bytes) -> None:
        """It is not repeated."""

    def answered(self, status: i64, reason: bytes, reply: Message | None) -> None:
        self.call = None


@final
class Msilo(Module):
    """Keeps messages in a table, and sends them when their user registers."""

    _world: World
    _database: Database
    _deliveries: Deliveries
    _tm: Api

    def __init__(
        self,
        *,
        db_url: str = READ_WRITE_URL,
        db_table: str = "silo",
        registrar: str = "",
        expire_time: int = 259200,
        check_time: int = 30,
        clean_period: int = 5,
        use_contact: int = 1,
        max_messages: int = 0,
        sc_mid: str = "mid",
        sc_from: str = "src_addr",
        sc_to: str = "dst_addr",
        sc_uri_user: str = "username",
        sc_uri_host: str = "domain",
        sc_body: str = "body",
        sc_ctype: str = "ctype",
        sc_exp_time: str = "exp_time",
        sc_inc_time: str = "inc_time",
    ) -> None:
        super().__init__("msilo")
        self._url: Final = db_url
        self._table: Final = db_table
        self._registrar: Final = registrar.encode("latin-1")
        self._life_s: Final = expire_time
        self._check_ms: Final = max(check_time, 1) * 1000
        self._clean_period: Final = clean_period
        self._uses_contact: Final = use_contact != 0
        self._max_messages: Final = max_messages
        self._mid: Final = sc_mid
        self._expires: Final = sc_exp_time
        self._owner: Final = (sc_uri_user, sc_uri_host)
        self._stored: Final = (sc_to, sc_from, sc_uri_user, sc_uri_host, sc_body, sc_ctype, sc_exp_time, sc_inc_time)
        self._loaded: Final = (sc_mid, sc_from, sc_to, sc_body, sc_ctype, sc_inc_time)
        self._rounds = 0

    def bind(self, world: World) -> None:
        self._tm = TM.of(world)
        self._world = world
        self._database = open_database(world, "msilo", self._url)
        require_version(self._database, "msilo", self._table, _VERSION, exactly=True)
        self._deliveries = world.keep("msilo", Deliveries, lambda: Deliveries(world.shared.take(BYTES, "msilo")))

    def _now_s(self) -> int:
        return self._world.clock.unix_s()

    def timers(self) -> list[Timer]:
        return [Timer("msilo: delivered and expired messages", self._check_ms, self._clean)]

    def end(self) -> None:
        """What has been delivered is not delivered again after the next start."""
        self._delete_delivered()

    # --- keeping -----------------------------------------------------------------------------------------------------

    def m_store(self, ctx: Context, recipient: int) -> bool:
        """Keep the message; False if it is none that is kept, or if the database does not take it."""
        try:
            broken = broken_in(ctx)
            if broken:
                # Whatever the script says, the answer will be 400, and who gets that sends it again.
                raise CannotStore(f"{broken} is missing or broken")
            to = ctx.to_uri()
            sender = ctx.from_uri()
            self._refuse_own(to, sender)
            owner = texts.owner_of(ctx, recipient)
            body = texts.body_of(ctx)
            type = texts.content_type_of(ctx)
        except (BadMessage, CannotStore) as bad:
            ctx.log(L_ERR, f"ERROR: m_store: the message is not stored: {bad}")
            return False
        if self._max_messages > 0 and self._has_enough(ctx, owner):
            return False
        now_s = self._now_s()
        wanted_s = texts.expires_of(ctx)
        life_s = min(wanted_s, self._life_s) if wanted_s else self._life_s
        row: Row = [to, sender, owner.user, owner.domain, body, type, now_s + life_s, now_s]
        try:
            self._database.insert(ctx, self._table, self._stored, row)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: m_store: the message is not stored: {e}")
            return False
        if self._registrar:
            self._notify(ctx, to, sender)
        return True

    def _has_enough(self, ctx: Context, owner: texts.Owner) -> bool:
        """True if so many messages are kept for the user as there may be, or if nobody can tell."""
        where = [Condition(self._owner[0], owner.user), Condition(self._owner[1], owner.domain)]
        try:
            kept = len(self._database.query(ctx, self._table, (self._mid,), where))
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: m_store: the message is not stored: {e}")
            return True
        if kept < self._max_messages:
            return False
        ctx.log(L_WARN, f"WARNING: m_store: the message is not stored: {kept} are kept for its user")
        return True

    def _refuse_own(self, to: bytes, sender: bytes) -> None:
        """What goes to the registrar, or comes from it, is a notification or an answer to one."""
        own = self._registrar.lower()
        if own and (to.lower() == own or sender.lower() == own):
            raise CannotStore("it is from or to the registrar")

    def _notify(self, ctx: Context, to: bytes, sender: bytes) -> None:
        uri = texts.contact_of(ctx) if self._uses_contact else b""
        lines = texts.header_lines(sender, self._registrar, texts.PLAIN)
        self._send(ctx, uri or sender, lines, texts.offline_note(to), Note())

    def _send(self, ctx: Context, uri: bytes, lines: bytes, body: bytes, outcome: Outcome) -> bool:
        try:
            self._tm.originate(Draft(_MESSAGE, uri, b".", lines, body), outcome, ctx.now_ms)
        except (BadRequest, CannotSend) as e:
            ctx.log(L_ERR, f"ERROR: msilo: cannot send a MESSAGE to {uri.decode('latin-1')}: {e}")
            return False
        return True

    # --- delivering --------------------------------------------------------------------------------------------------

    def m_dump(self, ctx: Context) -> bool:
        """Send what is kept for the user in To, who registers; True also if that is nothing."""
        expires = texts.expires_of(ctx)
        if expires is not None and expires <= 0:
            ctx.log(L_DBG, "DEBUG: m_dump: the user goes offline")
            return False
        try:
            to = ctx.to_uri()
            user = parse_uri(to, 0, len(to))
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: m_dump: {bad}")
            return False
        if len(user.user()) == 0:
            ctx.log(L_ERR, "ERROR: m_dump: To has no user")
            return False
        where = [Condition(self._owner[0], user.user()), Condition(self._owner[1], texts.domain_of(user))]
        try:
            rows = self._database.query(ctx, self._table, self._loaded, where)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: m_dump: {e}")
            return False
        for row in rows:
            self._deliver(ctx, to, row)
        return True

    def _deliver(self, ctx: Context, uri: bytes, row: Row) -> None:
        """Send one message, unless it is on its way already."""
        sender, to, body, type = [_bytes(value) for value in row[1:5]]
        if row[0] is None or not sender or not to or b"\n" in sender + to + type:
            ctx.log(L_WARN, f"WARNING: m_dump: a row of {self._table} is not a message and is skipped")
            return
        number = int(row[0])
        stored_s = 0 if row[5] is None else int(row[5])
        deliveries = self._deliveries
        if not deliveries.claim(number, self._now_s()):
            return
        type = type or texts.PLAIN
        lines = texts.header_lines(to, sender, type)
        if not self._send(
            ctx, uri, lines, texts.delivered_body(body, type, stored_s), Delivery(deliveries, number, self._world)
        ):
            deliveries.forget(number)

    # --- cleaning ----------------------------------------------------------------------------------------------------

    def _clean(self, now_ms: int, sends: list[Send]) -> None:
        """Delete what has been delivered, and now and then what has expired."""
        self._delete_delivered()
        self._rounds += 1
        if self._rounds < self._clean_period:
            return
        self._rounds = 0
        try:
            self._database.delete(None, self._table, [Condition(self._expires, self._now_s(), "<=")])
        except DatabaseError as e:
            self._complain("expired", e)

    def _delete_delivered(self) -> None:
        deliveries = self._deliveries
        numbers = deliveries.done()
        if len(numbers) == 0:
            return
        changes = [Change(DELETE, self._table, (), [], [Condition(self._mid, number)]) for number in numbers]
        try:
            self._database.transaction(None, changes)
        except DatabaseError as e:
            # They stay marked, so that nobody gets them twice.
            self._complain("delivered", e)
            return
        for number in numbers:
            deliveries.forget(number)

    def _complain(self, what: str, error: DatabaseError) -> None:
        self._world.log.write(L_ERR, f"ERROR: msilo: cannot delete {what} messages: {error}")


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


EXPORTS: Final = ModuleSpec(
    name="msilo",
    implementation="runtime.modules.msilo:Msilo",
    summary="Keeps MESSAGEs for users who are away.",
    needs=("tm",),
    database=True,
    functions=(
        function(
            "m_store",
            Msilo.m_store,
            integer("recipient", 0, 2),
            routes=REQUEST | FAILURE,
            does=Does.COPY,
            waits=True,
            only="MESSAGE",
            summary="Keep the message for the user of: 0 the URI, 1 the original URI, 2 To.",
        ),
        function(
            "m_dump",
            Msilo.m_dump,
            routes=REQUEST,
            does=Does.NOTHING,
            waits=True,
            summary="Send what was kept for the user who registers.",
        ),
    ),
    params=(
        url_param(),
        table_param("db_table", "silo", "Table of messages."),
        string_param("registrar", None, "From of notifications; none if not set.", doubt=sip_uri_doubt),
        seconds_param("expire_time", 259200, "Life of a message.", usual=31_536_000),
        seconds_param("check_time", 30, "Period of deletion of what was delivered."),
        integer_param("clean_period", 5, "Expired messages are deleted every so many check_times.", low=1),
        switch_param("use_contact", 1, "Notifications go to the sender's Contact."),
        integer_param("max_messages", 0, "Most messages that are kept for a user; 0 is no limit. Not in SER.", low=0),
        column_param("sc_mid", "mid", "Column for the number."),
        column_param("sc_from", "src_addr", "Column for the sender."),
        column_param("sc_to", "dst_addr", "Column for the recipient."),
        column_param("sc_uri_user", "username", "Column for the recipient's user name."),
        column_param("sc_uri_host", "domain", "Column for the recipient's domain."),
        column_param("sc_body", "body", "Column for the text."),
        column_param("sc_ctype", "ctype", "Column for the content type."),
        column_param("sc_exp_time", "exp_time", "Column for the time of expiry."),
        column_param("sc_inc_time", "inc_time", "Column for the time of arrival."),
    ),
)
