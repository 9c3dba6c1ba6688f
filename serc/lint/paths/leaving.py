"""Flags that tell a caller that the script is over: break and drop end the route alone, so a called route sets a flag for more, and its caller asks.

route(1);
if (isflagset(31)) break;
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from runtime.spec.effects import Does
from serc.lint.paths.state import State
from serc.reading import tree
from serc.reading.walk import below
from serc.resolve.effects import Effects, ends_route

# State.left has a bit for each flag that is set; so many bits further on one for each of which that is known.
_KNOWN: Final = 32
ALL_CLEAR: Final = (1 << _KNOWN) - 1 << _KNOWN


class Leaving:
    """What a state knows of them: there are few, and nearly all ways end where one is set, so that they cost no states worth speaking of."""

    def __init__(self, effects: Effects, all_routes: Iterable[tree.Route]) -> None:
        self._effects = effects
        self._flags = frozenset(flag for route in all_routes for flag in self._asked(route))

    def _asked(self, route: tree.Route) -> Iterator[int]:
        blocks = [route.body, *(node for node in below(route.body) if isinstance(node, tree.Block))]
        for block in blocks:
            for before, behind in zip(block.statements, block.statements[1:], strict=False):
                if not isinstance(before, tree.Call) or before.name.name != "route" or not isinstance(behind, tree.If):
                    continue
                test, then = behind.condition, behind.then.statements
                ends = len(then) == 1 and isinstance(then[0], tree.Call) and ends_route(then[0])
                if ends and isinstance(test, tree.Call) and self._effects.of(test) is Does.TEST_FLAG:
                    yield from _flag_of(test)

    def after(self, call: tree.Call, does: Does | None, state: State) -> State:
        """Behind a call that sets one of them, or clears it."""
        if does not in (Does.SET_FLAG, Does.CLEAR_FLAG):
            return state
        for flag in self._flags.intersection(_flag_of(call)):
            state = _with(state, flag, does is Does.SET_FLAG)
        return state

    def tested(self, call: tree.Call, does: Does | None, state: State) -> tuple[list[State], list[State]] | None:
        """States where one of them is set and where it is not; None for whatever else is tested."""
        flag = next(iter(self._flags.intersection(_flag_of(call))), None) if does is Does.TEST_FLAG else None
        if flag is None:
            return None
        if not state.left >> flag + _KNOWN & 1:
            return [_with(state, flag, True)], [_with(state, flag, False)]
        return ([state], []) if state.left >> flag & 1 else ([], [state])


def _with(state: State, flag: int, is_set: bool) -> State:
    left = state.left | 1 << flag + _KNOWN
    return state.but(left=left | 1 << flag if is_set else left & ~(1 << flag))


def _flag_of(call: tree.Call) -> tuple[int, ...]:
    argument = call.arguments[0] if call.arguments else None
    return (argument.value,) if isinstance(argument, tree.Number) and 0 <= argument.value < _KNOWN else ()
