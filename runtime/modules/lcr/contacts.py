"""The destinations of a request as AVPs, in classes of the same q. Reference modules-main, chapter 27."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.avps import Avp, AvpName
from runtime.routing.context import Context
from runtime.routing.decisions import Target

# Between the parts of an AVP: none of them can hold one.
_SEPARATOR: Final = b"\n"


@final
class Class:
    """The destinations of the highest q that is left, and whether more follow."""

    def __init__(self, targets: list[Target], more: bool) -> None:
        self.targets: Final = targets
        self.more: Final = more


def store(ctx: Context, name: AvpName) -> bool:
    """Put the Request-URI and all branches into AVPs, so that the highest q comes out first; the branches are gone then.

    False where there is nothing to sort: no branch, or the same q everywhere.
    """
    targets = [Target(ctx.uri(), ctx.dst_uri or b"", ctx.q, ctx.path, ctx.rank), *ctx.branches]
    if len({target.rank for target in targets}) < 2:
        return False
    # What was stored earlier, for another call of this function, does not count any more.
    ctx.avps.delete(name)
    targets.sort(key=_descending)
    # The newest AVP comes out first.
    for target in reversed(targets):
        numbers = [b"%d" % target.q, b"%d" % target.rank]
        ctx.avps.add(name, _SEPARATOR.join([target.uri, target.dst_uri, target.path, *numbers]))
    ctx.branches.clear()
    return True


def take_class(ctx: Context, name: AvpName) -> Class | None:
    """Take the destinations that come next; None where there are none."""
    avps = ctx.avps
    targets: list[Target] = []
    while True:
        pair = avps.find(name)
        target = None if pair is None else _target_of(pair)
        if pair is None or target is None:
            return Class(targets, False) if targets else None
        if targets and target.rank != targets[0].rank:
            return Class(targets, True)
        targets.append(target)
        avps.remove(pair)


def _target_of(pair: Avp) -> Target | None:
    """None for an AVP that somebody else has put there."""
    value = pair.value
    if not isinstance(value, bytes) or value.count(_SEPARATOR) != 4:
        return None
    uri, dst_uri, path, q, rank = value.split(_SEPARATOR)
    return Target(uri, dst_uri, int(q), path, int(rank))


def _descending(target: Target) -> int:
    return -target.rank
