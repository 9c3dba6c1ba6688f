"""What the calls of a file do to a request, as the declarations of their functions say."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.spec.declare import ArgumentKind, Function
from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.reading import tree
from serc.resolve.modules import Modules


def ends_route(call: tree.Call) -> bool:
    """True for break and drop."""
    return call.name.name in ("break", "drop")


class Effects:
    """`functions` is what each call was resolved to; who is not there may do anything."""

    def __init__(self, functions: dict[tree.Span, Function], modules: Modules) -> None:
        self._functions = functions
        self._modules = modules

    def of(self, call: tree.Call) -> Does | None:
        """The effect of a call; None where nothing is known of it."""
        function = self._functions.get(call.span)
        return None if function is None or function.does is Does.TAKE_OVER else function.does

    def alone(self, call: tree.Call) -> str:
        """What a test does not do if nobody looks at its result, "" for a call that makes sense alone."""
        function = self._functions.get(call.span)
        return "" if function is None else function.alone

    def named(self, does: Does) -> str:
        """The name of a function that does it, for a hint: of the core or a module that is loaded, if there is one."""
        return next((f.name for f in self._candidates() if f.does is does), does.value)

    def test_of(self, tells: Tells) -> str:
        """The name of an operand whose comparison tells it, for a hint."""
        return next(o.name for o in self._modules.catalogue.core().operands if o.tells is tells)

    def arming(self, kind: ArgumentKind[object]) -> str:
        """The name of the function whose argument is of this kind."""
        return next((f.name for f in self._candidates() if any(a.kind is kind for a in f.arguments)), "function")

    def _candidates(self) -> Iterator[Function]:
        yield from self._modules.catalogue.core().functions
        for loaded in self._modules.loaded:
            yield from loaded.spec.functions
        for name in self._modules.catalogue.names():
            spec = self._modules.catalogue.find(name)
            if spec is not None:
                yield from spec.functions
