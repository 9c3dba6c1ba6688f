"""Which modules a file loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runtime.spec.declare import ModuleSpec, Param
from serc.diagnostics.fix import Edit, Fix, in_quotes, insert
from serc.reading import tree


class Catalogue(Protocol):
    """What `runtime.modules.catalogue` offers."""

    @property
    def UNDECLARED(self) -> Mapping[str, str]: ...

    def names(self) -> tuple[str, ...]: ...

    def core(self) -> ModuleSpec: ...

    def find(self, stem: str, /) -> ModuleSpec | None: ...

    def owner_of(self, function_name: str, /) -> tuple[str, ...]: ...


ParamValue = int | str | tuple[int | str, ...]


@dataclass(frozen=True)
class Loaded:
    """`parameters` are the values that modparam gives, by the names in the declaration; repeatable ones are tuples."""

    spec: ModuleSpec
    node: tree.LoadModule
    parameters: dict[str, ParamValue] = field(default_factory=dict)

    def set(self, param: Param, value: int | str) -> None:
        earlier = self.parameters.get(param.name, ())
        self.parameters[param.name] = (*earlier, value) if param.repeatable and isinstance(earlier, tuple) else value


@dataclass
class Modules:
    """`loaded` in the order of the file. `puzzles` are names that loadmodule gave and nobody knows, "" among them where nobody
    can guess either; `meant` those that they were probably meant to be, and those whose loadmodule was missed already: nothing
    that such a module may export is worth a message of its own. `avp_aliases` are the aliases of AVPs that the file defines;
    None where that cannot be told. `refused` are sentences about values of parameters with which the server does not start.
    """

    catalogue: Catalogue
    loaded: list[Loaded] = field(default_factory=list)
    puzzles: list[str] = field(default_factory=list)
    meant: set[str] = field(default_factory=set)
    avp_aliases: set[str] | None = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    late: set[str] = field(default_factory=set)

    def before(self, offset: int) -> list[Loaded]:
        """Those loaded before `offset`, newest first, as SER searches them."""
        return [m for m in reversed(self.loaded) if m.node.span.end <= offset]

    def loading(self, name: str, before: int) -> Fix | None:
        """A loadmodule for a module, and for those that it needs, that is read before the item at `before`; it stands behind the
        last one there, in the same folder. None where there is no such module.
        """
        wanted: list[str] = []
        waiting = [name]
        is_whole = True
        while waiting:
            spec = self.catalogue.find(waiting.pop())
            if spec is None:
                return None
            if spec.name not in wanted and not self.is_loaded(spec.name):
                wanted.insert(0, spec.name)
                waiting += spec.needs
                is_whole = is_whole and not any(param.mandatory for param in spec.params)
        earlier = [m.node for m in self.loaded if m.node.span.end <= before]
        last = earlier[-1] if earlier else None
        folder = (last or self.loaded[0].node).path.value.rpartition("/") if self.loaded else ("", "", "")
        lines = [f'loadmodule "{folder[0]}{folder[1]}{each}.so"' for each in wanted]
        text = "\n".join(["", *lines] if last is not None else [*lines, ""])
        return insert(before if last is None else last.span.end, text, safe=is_whole)

    def value(self, module: str, param: str) -> ParamValue | None:
        """Of a parameter of a loaded module, set or by default."""
        found = next((m for m in self.loaded if m.spec.name == module), None)
        declared = None if found is None else found.spec.param(param)
        return None if found is None or declared is None else found.parameters.get(param, declared.default)

    def is_loaded(self, name: str) -> bool:
        return any(m.spec.name == name for m in self.loaded)


def stem_of(path: str) -> str:
    """The module's name in what loadmodule is given: ".../sl.so" is "sl"."""
    name = path.rpartition("/")[2]
    return name.removesuffix(".so")


def moved_up(node: tree.LoadModule, before: int) -> Fix:
    """The loadmodule stands at `before` then."""
    line = f"loadmodule {in_quotes(node.path, node.path.value)}\n"
    return Fix("move the loadmodule before it", (Edit(tree.Span(before, before), line), Edit(node.span, "")))
