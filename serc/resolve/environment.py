"""Checks of `${NAME}` in strings: where the environment is put in, and where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.spec.environment import environment, names_in
from runtime.spec.values import BadArgument
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.bound import BoundFile
from serc.resolve.calls import takes_environment
from serc.resolve.words import text_of


def check_environment(bound: BoundFile, variables: Mapping[str, str] | None, report: Report) -> None:
    """`variables` are those that the server is going to find, as far as they are known; None: nobody knows."""
    seen: set[str] = set()
    for word in (*_values(bound.file), *_in_routes(bound)):
        for name in names_in(word.value):
            if variables is not None and name not in variables:
                message = f"the environment variable {name} is not set here: the server does not start without it"
                hint = f"set {name} for the server; SER itself would take ${{{name}}} as it stands"
                report.add(codes.UNSET_VARIABLE, word.span, message, hint=hint)
            elif name not in seen:
                message = f"${{{name}}} is put in from the environment when the server starts"
                report.add(codes.FROM_ENVIRONMENT, word.span, message)
            seen.add(name)
    for word in _while_compiling(bound.file):
        message = (
            f"${{{names_in(word.value)[0]}}} stands for itself here: what is loaded is known before the server starts"
        )
        report.add(codes.NO_ENVIRONMENT, word.span, message)
    if variables is not None:
        _check_calls(bound, variables, report)


def _values(file: tree.File) -> Iterator[tree.String]:
    """Parameters of modules and global ones."""
    for item in file.items:
        if isinstance(item, tree.ModParam) and isinstance(item.value, tree.String):
            yield item.value
        elif isinstance(item, tree.Assignment):
            hosts = [value.host if isinstance(value, tree.SocketId) else value for value in item.values]
            yield from (host for host in hosts if isinstance(host, tree.String))


def _while_compiling(file: tree.File) -> Iterator[tree.String]:
    """Words with a variable that is put in nowhere."""
    for item in file.items:
        words: tuple[object, ...] = ()
        if isinstance(item, tree.LoadModule):
            words = (item.path,)
        elif isinstance(item, tree.ModParam):
            words = (item.module, item.parameter)
        yield from (word for word in words if isinstance(word, tree.String) and names_in(word.value))


def _in_routes(bound: BoundFile) -> Iterator[tree.String]:
    """Arguments and what is compared with."""
    for route in routes(bound.file):
        for node in below(route.body):
            if isinstance(node, tree.Compare):
                if isinstance(node.value, tree.String):
                    yield node.value
            elif isinstance(node, tree.Call) and (found := bound.calls.get(node.span)) is not None:
                if takes_environment(node, found.spec):
                    yield from _texts(node)


def _texts(call: tree.Call) -> Iterator[tree.String]:
    return (word for word in call.arguments if isinstance(word, tree.String) and names_in(word.value))


def _check_calls(bound: BoundFile, variables: Mapping[str, str], report: Report) -> None:
    """What the variables that are set make of arguments must be right; the message does not show it."""
    for route in routes(bound.file):
        for node in below(route.body):
            found = bound.calls.get(node.span) if isinstance(node, tree.Call) else None
            if not isinstance(node, tree.Call) or found is None or not takes_environment(node, found.spec):
                continue
            word = next(_texts(node), None)
            names = {name for text in _texts(node) for name in names_in(text.value)}
            if word is None or not names <= variables.keys():
                continue
            try:
                found.function.values([environment(text_of(a), variables) for a in node.arguments])
            except BadArgument:
                message = (
                    f"{node.name.name} cannot take what the environment makes of this here: the server does not start"
                )
                report.add(codes.DOUBTFUL_ARGUMENT, word.span, message)
