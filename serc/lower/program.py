"""A whole ser.cfg as a typed program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from runtime.spec.declare import ModuleSpec
from serc import ir
from serc.lower.modules import Modules
from serc.lower.routes import lower_routes
from serc.lower.settings import lower_settings
from serc.reading import tree
from serc.reading.source import Source

Find = Callable[[str], ModuleSpec | None]


def lower(file: tree.File, source: Source, find: Find) -> ir.Program:
    """The program of a `file` that has passed all checks; `find` gives a module's declaration by its name."""
    modules = Modules(file, find)
    functions = lower_routes(file, source, modules)
    return ir.Program(
        source=PurePath(source.name).name or source.name,
        settings=lower_settings(file),
        modules=modules.lowered(),
        functions=functions,
    )
