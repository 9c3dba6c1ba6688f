"""What routes.py has at its top is emptied when nothing uses the program any more: then all of it is gone at once.

A program is a cycle: its routes know the namespace that they stand in, which knows them. Python's collector would
have to look at everything in the process to find that it is garbage, and it never does
(runtime/server/worker/collecting.py). So it is looked for here, among the few hundred objects of one program.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import BuiltinMethodType, CellType, FunctionType, MethodType
from typing import Final, cast

from runtime.routing.meter import CountedRoute
from runtime.routing.module import Module
from runtime.routing.program import Program

# A program that has more objects than this is taken for one that is used: looking must not stop the process for long.
_OBJECTS_MAX: Final = 20_000
# Who has more entries is no part of a program, but a table of something that lives.
_ENTRIES_MAX: Final = 2_000
# So many programs are looked at in one go.
_AT_A_TIME: Final = 2

_SEQUENCES: Final = (list, tuple, set, frozenset)
_PARTS: Final = (FunctionType, MethodType, BuiltinMethodType, CellType, partial, CountedRoute, Program, Module)
# Classes that modules are made of.
_OWN: Final = "runtime.modules."

Namespace = dict[str, object]


class Namespaces:
    """Those of all programs that have been loaded and may be used. `kept` tells what lives longer than a program.

    Add each as soon as it is there: the one that runs is used, like one whose transactions have not ended.
    """

    def __init__(self, kept: Callable[[], list[object]]) -> None:
        self._kept: Final = kept
        self._all: Final[list[Namespace]] = []

    @property
    def count(self) -> int:
        return len(self._all)

    def add(self, namespace: Namespace) -> None:
        self._all.append(namespace)

    def look(self, at_a_time: int = _AT_A_TIME) -> None:
        """Empty those that nobody uses; some now, others the next time."""
        for _ in range(min(at_a_time, len(self._all))):
            # In a list and in no variable: who holds it counts.
            taken = [self._all.pop(0)]
            if _is_used(taken, {id(thing) for thing in self._kept()}):
                self._all.append(taken[0])
            else:
                taken[0].clear()


def _is_used(taken: list[Namespace], kept: set[int]) -> bool:
    """Whether anything outside holds a part of the program from which the one namespace in the list can be reached."""
    root = id(taken[0])
    parts: list[object] = [taken.pop()]
    referred = _gather(parts, kept)
    usual = _usual_count()
    held = [part for part, count in zip(parts, _counts(parts)) if count - usual > referred[id(part)]]
    is_used = len(parts) > _OBJECTS_MAX or _reaches(held, root, {id(part) for part in parts})
    taken.append(cast(Namespace, parts[0]))
    return is_used


def _gather(parts: list[object], kept: set[int]) -> Counter[int]:
    """Add everything that the program with this namespace consists of, until it is too much; how often parts refer to what."""
    packages = _packages(cast(Namespace, parts[0]))
    seen = {id(part) for part in parts}
    referred: Counter[int] = Counter()
    layer = list(parts)
    while layer and len(parts) <= _OBJECTS_MAX:
        found = gc.get_referents(*layer)
        referred.update(map(id, found))
        layer = []
        for one in found:
            number = id(one)
            if number not in seen and number not in kept and _is_part(one, packages):
                seen.add(number)
                layer.append(one)
        parts.extend(layer)
    return referred


def _packages(namespace: Namespace) -> tuple[str, ...]:
    """Where the classes of the program's modules are at home."""
    homes = {type(value).__module__ for value in namespace.values() if isinstance(value, Module)}
    return (_OWN, *(home for home in homes if not home.startswith(_OWN)))


def _is_part(one: object, packages: tuple[str, ...]) -> bool:
    if not gc.is_tracked(one):
        return False
    if isinstance(one, dict):
        # Functions of modules know those modules, which are no part of the program.
        return len(one) <= _ENTRIES_MAX and "__spec__" not in one
    if isinstance(one, _SEQUENCES):
        return len(one) <= _ENTRIES_MAX
    return isinstance(one, _PARTS) or type(one).__module__.startswith(packages)


def _reaches(starts: list[object], root: int, within: set[int]) -> bool:
    seen = {id(start) for start in starts}
    layer = starts
    while layer and root not in seen:
        found = gc.get_referents(*layer)
        layer = []
        for one in found:
            if id(one) in within and id(one) not in seen:
                seen.add(id(one))
                layer.append(one)
    return root in seen


def _counts(things: list[object]) -> list[int]:
    return [sys.getrefcount(thing) for thing in things]


def _usual_count() -> int:
    """What `_counts` tells of something that nobody else has."""
    return _counts([object()])[0]
