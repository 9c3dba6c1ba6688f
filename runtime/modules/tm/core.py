"""What all parts of tm share in a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.modules.tm.call import Call, Observer
from runtime.routing.avps import AvpName, Avps
from runtime.routing.context import Context
from runtime.routing.tags import signature
from runtime.routing.world import USER_AGENT, World
from runtime.sip.message import Message
from runtime.sip.scan import DOT, write_reversed_hex
from runtime.sip.transit import MAGIC_COOKIE, ser_branch
from runtime.tx.layer import Layer

SLOTS: Final = 65536

Routes = dict[int, Callable[[Context], int]]


@final
class Counters:
    """What the FIFO command t_stats tells: final replies sent upstream by class, and how many of all were made here."""

    def __init__(self) -> None:
        self.local: i64 = 0
        self.own_replies: i64 = 0
        self.completed: list[int] = [0] * 7

    def replied(self, status: i64, own: bool) -> None:
        if own:
            self.own_replies += 1
        if status >= 200:
            self.completed[status // 100 if status < 700 else 6] += 1


@final
class Core:
    """`layer` holds the transactions; `failure` and `onreply` are the routes of ser.cfg by their numbers.

    `observers` see what opens. `fr_avp` and `fr_inv_avp` name the AVPs that override the two timers of a transaction, None for none.
    """

    def __init__(
        self,
        world: World,
        layer: Layer,
        failure: Routes,
        onreply: Routes,
        first_label: int,
        fr_avp: AvpName | None,
        fr_inv_avp: AvpName | None,
        observers: list[Observer],
    ) -> None:
        self.world: Final = world
        self.outbox: Final = world.outbox
        self.layer: Final = layer
        self.failure: Final = failure
        self.onreply: Final = onreply
        self.counters: Final = Counters()
        self.observers: Final = observers
        self._fr_avp: Final = fr_avp
        self._fr_inv_avp: Final = fr_inv_avp
        self.tag_signature: Final = signature(b"SER-TM/tags", world.first_address())
        self.user_agent: Final = b"User-Agent: " + USER_AGENT + b"\r\n" if world.config.server_signature else b""
        self.uac_signature: Final = signature(b"Long live SER server", world.first_address())
        # How many transactions each slot has had; a slot is the part of a key that branches show.
        self.slot_totals: Final[dict[int, int]] = {}
        self._label: i64 = first_label
        # Of Call-IDs that are made here: so that those of two runs differ.
        self._call_number: i64 = first_label << 24

    def new_id(self, key: i64, received: Message | None) -> bytes:
        """The middle of a new transaction's branches: slot and label, or of a received request with syn_branch=no slot and
        MD5."""
        slot: int = key & 0xFFFF
        self.slot_totals[slot] = self.slot_totals.get(slot, 0) + 1
        if received is not None and not self.world.syn_branch:
            return ser_branch(received)[len(MAGIC_COOKIE) : -len(b".0")]
        self._label = (self._label + 1) & 0xFFFFFFFF
        return local_id(slot, self._label)

    def named(self, slot: int, label: int) -> bytes:
        """The transaction that `name_of` calls so."""
        id = local_id(slot, label)
        # An MD5 that ends in zeros loses them when it is read as a number, its last digit the highest.
        return id if self.world.syn_branch else id.ljust(len(id.partition(b".")[0]) + 1 + 32, b"0")

    def next_call_number(self) -> int:
        self._call_number += 1
        return self._call_number

    def fr_ms(self, avps: Avps) -> i64:
        """How long to wait for a final reply to a request of a transaction with these AVPs."""
        return _timer_of(avps, self._fr_avp, self.layer.settings.fr)

    def fr_inv_ms(self, avps: Avps) -> i64:
        """The same for an INVITE that has been answered provisionally."""
        return _timer_of(avps, self._fr_inv_avp, self.layer.settings.fr_inv)

    def run_route(self, route: Callable[[Context], int], call: Call, ctx: Context) -> None:
        """Run a failure or onreply route of `call`. A bug in it is reported, and the transaction goes on without it.

        If the route waits this returns later than the caller thinks: `ctx.now_ms` has the time. Meanwhile the call is busy.
        """
        call.is_busy = True
        self.layer.hold(call)
        try:
            route(ctx)
        except Exception as e:
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
        finally:
            call.is_busy = False
            self.layer.let_go(call, ctx.now_ms)


def local_id(slot: i64, label: i64) -> bytes:
    """The transaction with this slot and label, as the middle of its branches shows them."""
    out = BytesWriter()
    write_reversed_hex(out, slot)
    out.append(u8(DOT))
    write_reversed_hex(out, label)
    return out.getvalue()


def name_of(id: bytes) -> bytes:
    """A transaction as applications name it: slot and label in decimal, `slot:label`."""
    slot, _, label = id.partition(b".")
    return b"%d:%d" % (int(slot[::-1], 16), int(label[::-1], 16))


def slot_in(id: bytes) -> int:
    """The slot that the middle of a branch names."""
    return int(id.partition(b".")[0][::-1], 16)


def _timer_of(avps: Avps, name: AvpName | None, otherwise_ms: i64) -> i64:
    """Milliseconds; the AVP holds seconds, as a number or as text. What cannot be read does not count."""
    if name is None or len(avps) == 0:
        return otherwise_ms
    value = avps.first(name)
    if value is None:
        return otherwise_ms
    if isinstance(value, bytes):
        if not value.isdigit() or len(value) > 9:
            return otherwise_ms
        value = int(value)
    return value * 1000 if 0 < value <= 1_000_000 else otherwise_ms
