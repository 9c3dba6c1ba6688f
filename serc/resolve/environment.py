"""Checks of `${NAME}` in strings: where the environment is put in, and where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.spec.environment import names_in
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.bound import BoundFile

# Their arguments are scripts, in which a shell puts in variables of its own.
_SHELLS = frozenset(("exec", "ext", "extcmd"))


def check_environment(bound: BoundFile, variables: Mapping[str, str] | None, report: Report) -> None:
    """`variables` are those that the server is going to find, as far as they are known; None: nobody knows."""
    seen: set[str] = set()
    for word in _values(bound.file):
        for name in names_in(word.value):
            if variables is not None and name not in variables:
                message = f"the environment variable {name} is not set here: the server does not start without it"
                hint = f"set {name} for the server; SER itself would take ${{{name}}} as it stands"
                report.add(codes.UNSET_VARIABLE, word.span, message, hint=hint)
            elif name not in seen:
                message = f"${{{name}}} is put in from the environment when the server starts"
                report.add(codes.FROM_ENVIRONMENT, word.span, message)
            seen.add(name)
    for word in _in_routes(bound):
        name = names_in(word.value)[0]
        message = (
            f"${{{name}}} stands for itself here: the environment is put in by modparam and global parameters alone"
        )
        report.add(codes.NO_ENVIRONMENT, word.span, message)


def _values(file: tree.File) -> Iterator[tree.String]:
    """Where variables are put in."""
    for item in file.items:
        if isinstance(item, tree.ModParam) and isinstance(item.value, tree.String):
            yield item.value
        elif isinstance(item, tree.Assignment):
            hosts = [value.host if isinstance(value, tree.SocketId) else value for value in item.values]
            yield from (host for host in hosts if isinstance(host, tree.String))


def _in_routes(bound: BoundFile) -> Iterator[tree.String]:
    """Words that would make sense with a variable put in, and have none."""
    for route in routes(bound.file):
        for node in below(route.body):
            if isinstance(node, tree.Compare):
                words: tuple[object, ...] = (node.value,)
            elif isinstance(node, tree.Call) and not _runs_a_shell(bound, node):
                words = node.arguments
            else:
                continue
            yield from (word for word in words if isinstance(word, tree.String) and names_in(word.value))


def _runs_a_shell(bound: BoundFile, call: tree.Call) -> bool:
    found = bound.calls.get(call.span)
    return call.name.name == "exec" or found is None or found.spec.name in _SHELLS
