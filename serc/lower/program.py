"""A whole ser.cfg as a typed program."""

from __future__ import annotations

from pathlib import PurePath

from serc import ir
from serc.lower.modules import Objects
from serc.lower.routes import lower_routes
from serc.lower.settings import lower_settings
from serc.reading.source import Source
from serc.resolve.bound import BoundFile


def lower(bound: BoundFile, source: Source) -> ir.Program:
    """The program of a file without errors."""
    objects = Objects(bound.modules.loaded)
    functions = lower_routes(bound, source, objects)
    return ir.Program(
        source=PurePath(source.name).name or source.name,
        settings=lower_settings(bound.file),
        modules=objects.lowered(),
        functions=functions,
    )
