"""sl: stateless replies. Reference modules-main, chapter 2."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.command import EVERY, Command, Inquiry, packed_counters, summed_counters
from runtime.routing.context import L_WARN, Context
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.replying import send_reply
from runtime.routing.tags import Signature, stateless_signature, stateless_tag
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.reply import to_tag_of
from runtime.sip.transport import Send
from runtime.spec.declare import REQUEST, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import code, reason

_TAG_LENGTH: Final = 37
# Codes of the two kinds of tags.
_SUCCESS: Final = 200
_REFUSAL: Final = 300
# Codes have three digits.
_CODES_END: Final = 1000


@final
class Counts:
    """What a process has sent without a transaction: replies by status code, and `failures`, those that could not be sent."""

    def __init__(self) -> None:
        self._by_code: Final[list[int]] = [0] * _CODES_END
        self.failures = 0

    @property
    def sent(self) -> dict[int, int]:
        """By the codes that there were."""
        return {code: number for code, number in enumerate(self._by_code) if number != 0}

    def add(self, code: int, number: int) -> None:
        self._by_code[code] += number


@final
class Sl(Module):
    """Replies without a transaction, and the absorption of the ACKs that they cause."""

    counts: Counts
    _signature: Signature

    def __init__(self) -> None:
        super().__init__("sl")
        self.filters_requests = True

    def bind(self, world: World) -> None:
        self.counts = world.keep("sl", Counts, Counts)
        self._signature = stateless_signature(world.first_address(), world.secret)

    def on_request(self, ctx: Context) -> bool:
        """Drop the ACK for a reply of ours: its To tag is the one we made.

        SER looks only within two seconds of its last reply; the tag alone is proof, so there is no window here.
        """
        if ctx.message.method != methods.ACK:
            return True
        tag = to_tag_of(ctx.message)
        return len(tag) != _TAG_LENGTH or (tag != self._tag(ctx, _REFUSAL) and tag != self._tag(ctx, _SUCCESS))

    def _tag(self, ctx: Context, code: i64) -> bytes:
        """The To tag of a stateless reply to this request."""
        return stateless_tag(self._signature, ctx.message, code)

    def sl_send_reply(self, ctx: Context, code: int, reason: bytes) -> bool:
        """Answer the request and remember nothing; False for an ACK or when the reply cannot be sent."""
        if ctx.message.method == methods.ACK:
            ctx.log(L_WARN, "Warning: sl_send_reply: I won't send a reply for ACK!!")
            return False
        tag = b"" if code < 180 or len(to_tag_of(ctx.message)) > 0 else self._tag(ctx, code)
        if not send_reply(ctx, code, reason, tag):
            self.counts.failures += 1
            return False
        self.counts.add(code, 1)
        return True

    def answer_instead(self, ctx: Context, sent: Send, code: int, reason: bytes) -> None:
        """This answer takes the place of `sent`, a reply 200 to the same request, which stands in the outbox."""
        outbox = ctx.sends
        place = 0
        while outbox[place] is not sent:
            place += 1
        del outbox[place]
        self.counts.add(200, -1)
        ctx.world.counters.local_replies -= 1
        if self.sl_send_reply(ctx, code, reason):
            outbox.insert(place, outbox.pop())

    def sl_reply_error(self, ctx: Context) -> bool:
        """Answer with the last error of the script, `PHRASE (N/SL)`."""
        status, phrase = errors.reply_for(ctx.error, b"SL")
        return self.sl_send_reply(ctx, status, phrase)

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        return [Command("sl_stats", self.count_replies, where=EVERY, combine=self.shown_counts)]

    def count_replies(self, inquiry: Inquiry) -> None:
        """This worker's replies, in the order of the table below."""
        counts = [0] * (len(_CODES) + 1)
        for status, number in self.counts.sent.items():
            counts[_place_of(status)] += number
        counts[len(_CODES)] = self.counts.failures
        inquiry.answer(packed_counters(counts))

    def shown_counts(self, by_fifo: bool, answers: list[bytes]) -> bytes:
        """`NAME: NUMBER`, one line a class. Each line ends in blanks, so that on a screen it overwrites a longer one."""
        counts = summed_counters(answers, len(_CODES) + 1)
        lines = [b"200 ok" if by_fifo else b"200 OK"]
        for first, end in _LINES:
            words = [b"%s: %d" % (_CODES[place], counts[place]) for place in range(first, end)]
            lines.append(b" ".join(words) + b" " * 6)
        lines.append(b"failures: %d      " % counts[len(_CODES)])
        return b"\n".join(lines) + b"\n"


SL: Final = Port("sl", Sl)

# What sl_stats counts: replies of these codes, and in "2xx" all others of the class.
_CODES: Final = (
    *(b"200", b"202", b"2xx"),
    *(b"300", b"301", b"302", b"3xx"),
    *(b"400", b"401", b"403", b"404", b"407", b"408", b"483", b"4xx"),
    *(b"500", b"5xx"),
    b"6xx",
    b"xxx",
)

# The codes of each line of the answer: the first, and the one behind the last.
_LINES: Final = ((0, 3), (3, 7), (7, 15), (15, 17), (17, 18), (18, 19))


def _place_of(status: int) -> int:
    """Where in the table a reply with this code is counted."""
    name = b"%d" % status
    for place, counted in enumerate(_CODES):
        if counted == name or (counted[1:] == b"xx" and counted[:1] == name[:1]):
            return place
    return len(_CODES) - 1


EXPORTS: Final = ModuleSpec(
    name="sl",
    export_name="sl_module",
    implementation="runtime.modules.sl:Sl",
    summary="Replies without a transaction, and the absorption of their ACKs.",
    functions=(
        function(
            "sl_send_reply",
            Sl.sl_send_reply,
            code(),
            reason(),
            routes=REQUEST,
            does=Does.REPLY,
            summary="Answer statelessly.",
        ),
        function(
            "sl_reply_error",
            Sl.sl_reply_error,
            routes=REQUEST,
            does=Does.ERROR_REPLY,
            summary="Answer with the last internal error.",
        ),
    ),
    fifo_commands=("sl_stats",),
)
