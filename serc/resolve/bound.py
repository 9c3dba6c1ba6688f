"""A tree in which every name is bound to its declaration and every argument is parsed: what `resolve` hands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from runtime.spec.declare import Function, ModuleSpec
from runtime.spec.operands import Alone, Body, OfNetwork, OfRegex, OfText, Operand, Tells
from runtime.spec.values import Value
from serc.reading import tree
from serc.resolve.modules import Modules


@dataclass(frozen=True)
class BoundCall:
    """What a call means: the function, the module that it is of, and what its body gets. `spec` is that of the core, too."""

    spec: ModuleSpec
    function: Function
    values: tuple[Value, ...]


@dataclass(frozen=True)
class BoundComparison:
    """What a comparison means: `test` is called with `values`; None for a number, which is compared with the one value.

    `operand` is what is looked at: uri also where `myself == uri` is written. `with_myself`: it is compared with this server.
    One that is not `is_known` has an error in it; only checks beside errors meet it.
    """

    operand: Operand
    test: Body[OfText] | Body[OfRegex] | Body[OfNetwork] | Body[Alone] | None
    values: tuple[Value, ...]
    with_myself: bool = False
    is_known: bool = True


# A comparison with a mistake in it: nobody knows what was meant.
UNKNOWN: Final = BoundComparison(
    Operand(name="", tells=Tells.NOTHING, shown=lambda _: "", summary=""), None, (), is_known=False
)


@dataclass
class BoundFile:
    """`calls` by the span of the call: all but break, drop and route(n), once the file has no errors. `comparisons` likewise."""

    file: tree.File
    modules: Modules
    calls: dict[tree.Span, BoundCall] = field(default_factory=dict)
    comparisons: dict[tree.Span, BoundComparison] = field(default_factory=dict)

    @property
    def functions(self) -> dict[tree.Span, Function]:
        """Made anew each time: who asks of one call asks `function_of`."""
        return {span: call.function for span, call in self.calls.items()}

    def function_of(self, call: tree.Call) -> Function | None:
        found = self.calls.get(call.span)
        return None if found is None else found.function
