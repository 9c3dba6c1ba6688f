"""A tree in which every name is bound to its declaration and every argument is parsed: what `resolve` hands on."""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.spec.declare import Function, ModuleSpec
from runtime.spec.values import Value
from serc.reading import tree
from serc.resolve.modules import Modules


@dataclass(frozen=True)
class BoundCall:
    """What a call means: the function, the module that it is of, and what its body gets. `spec` is that of the core, too."""

    spec: ModuleSpec
    function: Function
    values: tuple[Value, ...]


@dataclass
class BoundFile:
    """`calls` by the span of the call: all but break, drop and route(n), once the file has no errors."""

    file: tree.File
    modules: Modules
    calls: dict[tree.Span, BoundCall] = field(default_factory=dict)

    @property
    def functions(self) -> dict[tree.Span, Function]:
        return {span: call.function for span, call in self.calls.items()}
