"""dispatcher: load distribution. Reference modules-main, chapter 24."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.ser_hash import hash_of_sum, sum_of_words
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import REQUEST, Arg, ArgumentKind, ModuleSpec, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import integer, parse_integer
from runtime.spec.values import Doubt

_METHODS: Final = "0 hash of Call-ID, 1 hash of From URI"


def _method_doubt(text: str) -> Doubt | None:
    if text in ("0", "1"):
        return None
    return Doubt(f"algorithm {text} always takes the first destination of the set", _METHODS)


_ALGORITHM: Final = ArgumentKind(
    "algorithm", f"an algorithm ({_METHODS})", lambda text: parse_integer(text, 0), _method_doubt
)

_CALL_ID: Final = 0
_FROM_URI: Final = 1


@final
class Dispatcher(Module):
    """Spreads requests over the destinations of `list_file`, dispatcher.list beside ser.cfg if it is ""."""

    def __init__(self, *, list_file: str = "", force_dst: int = 0) -> None:
        super().__init__("dispatcher")
        self.list_file: Final = list_file
        self.force_dst: Final = force_dst
        self._sets: dict[int, list[bytes]] = {}

    def bind(self, world: World) -> None:
        path = world.path(self.list_file or "dispatcher.list")
        try:
            with open(path, encoding="latin-1") as file:
                self._sets = parse_list(file.read())
        except OSError as unreadable:
            raise ModuleError(
                f"dispatcher: cannot read {path}: {unreadable.strerror}: write the list there (lines of SET URI), or name "
                'another file with modparam("dispatcher", "list_file", …)'
            ) from unreadable
        except ValueError as wrong:
            raise ModuleError(f"dispatcher: {path}: {wrong}") from wrong

    def ds_select_dst(self, ctx: Context, set: int, algorithm: int) -> bool:
        """Make a destination of the set the next hop; the Request-URI stays.

        `algorithm` 0 goes by the Call-ID, 1 by the From URI, any other takes the first one. False for a set that is not in
        the list, and where there is a next hop already, unless `force_dst` says that it does not count.
        """
        destinations = self._sets.get(set)
        if destinations is None:
            ctx.log(L_ERR, f"ERROR: ds_select_dst: there is no set {set}")
            return False
        if ctx.dst_uri is not None and self.force_dst == 0:
            ctx.log(L_ERR, "ERROR: ds_select_dst: the request has a next hop already")
            return False
        index: i64 = 0
        if algorithm == _CALL_ID or algorithm == _FROM_URI:
            key = _key(ctx, algorithm)
            if len(key) == 0:
                return ctx.fail(
                    errors.UNSPECIFIED, "ERROR: ds_select_dst: the request lacks the part that is to be hashed"
                )
            index = hash_of(key) % len(destinations)
        ctx.dst_uri = destinations[index]
        return True


def _key(ctx: Context, algorithm: i64) -> bytes:
    if algorithm == _CALL_ID:
        return ctx.message.value(ctx.message.call_id)
    try:
        return ctx.from_uri()
    except BadMessage:
        return b""


def hash_of(text: bytes) -> i64:
    """SER's hash of a text: 32 bits, never 0."""
    return hash_of_sum(sum_of_words(text)) or 1


def parse_list(text: str) -> dict[int, list[bytes]]:
    """The destinations of each set, in the order of the lines `SET SIP-URI`; a word with `#` before it begins a comment.

    Raises ValueError, a sentence with the number of the line.
    """
    sets: dict[int, list[bytes]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2 and words[2].startswith("#"):
            del words[2:]
        if len(words) != 2 or not words[0].isdecimal():
            raise ValueError(f"line {number} is not SET SIP-URI: {line.strip()}")
        uri = words[1].encode("latin-1")
        try:
            parse_uri(uri, 0, len(uri))
        except BadUri as e:
            raise ValueError(f"line {number}: bad uri {words[1]}: {e}") from e
        sets.setdefault(int(words[0]), []).append(uri)
    return sets


EXPORTS: Final = ModuleSpec(
    name="dispatcher",
    implementation="runtime.modules.dispatcher:Dispatcher",
    summary="Spreads requests over the destinations of a list.",
    functions=(
        function(
            "ds_select_dst",
            Dispatcher.ds_select_dst,
            integer("set", 0),
            Arg("algorithm", _ALGORITHM),
            routes=REQUEST,
            does=Does.REWRITE,
            summary="Choose a destination out of a set.",
        ),
    ),
    params=(
        string_param("list_file", None, "List of sets; dispatcher.list beside ser.cfg if not set."),
        switch_param("force_dst", 0, "Replace a destination that is set already."),
    ),
)
