"""The floors of docs/architecture.md: who may import whom, and what the engine never touches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

PROJECT: Final = Path(__file__).parent.parent

# Lowest first. The longest name that fits a module is its floor.
FLOORS: Final = (
    "runtime.version",
    "runtime.sip",
    "runtime.build",
    "runtime.tx",
    "runtime.routing",
    "runtime.spec",
    "runtime.storage",
    "runtime.modules",
    # The wings of the server, and main.py above them.
    "runtime.server.log",
    "runtime.server.host",
    "runtime.server.mail",
    "runtime.server.streams",
    "runtime.server.helpers",
    "runtime.server.start",
    "runtime.server.worker.udp",
    "runtime.server.worker",
    "runtime.server.processes",
    "runtime.server.control",
    "runtime.server",
    "serc.reading.tree",
    "serc.reading.source",
    "serc.diagnostics",
    "serc.reading",
    "serc.resolve",
    "serc.lint",
    "serc.ir",
    "serc.ir_facts",
    "serc.lower",
    "serc.codegen",
    "serc.passes",
    "serc",
    # Tests of a ser.cfg run it, so they know both sides.
    "serc.testing",
    "serc.commands",
)

# Neighbours on the way from text to text that know nothing of each other.
STRANGERS: Final = (
    ("serc.lint", "serc.ir"),
    ("serc.lint", "serc.lower"),
    ("serc.lower", "serc.codegen"),
    ("serc.lower", "serc.passes"),
    ("serc.codegen", "serc.passes"),
)

# What the compiler proper takes from the runtime; BOTH_SIDES may reach everything.
BOTH_SIDES: Final = ("serc.testing", "serc.commands")
FOR_SERC: Final = ("runtime.version", "runtime.spec", "runtime.modules.catalogue", "runtime.modules.installed")

# Sockets, clocks, files, logs, chance, other processes: never on these floors.
SANS_IO_FLOORS: Final = ("runtime.sip", "runtime.tx")
WORLD: Final = frozenset(
    "asyncio datetime io logging multiprocessing os pathlib random secrets select selectors shutil signal socket "
    "ssl subprocess syslog tempfile threading time uuid".split()
)
# Of socket, the numbers of address families and the textual form of addresses are knowledge, not I/O.
SOCKET_NAMES: Final = frozenset({"AF_INET", "AF_INET6", "inet_ntop", "inet_pton"})

# Libraries that one place alone knows.
ONLY_IN: Final = {
    "tatsu": ("serc.reading.parse", "serc.reading._parser"),
    "jinja2": ("serc.codegen",),
    "black": ("serc.codegen",),
    "sqlalchemy": ("runtime.storage.writer", "runtime.storage.drivers"),
    "pymysql": ("runtime.storage.drivers",),
    "psycopg": ("runtime.storage.drivers",),
    "greenlet": ("runtime.routing.asking", "runtime.server.worker.loop"),
}


class Import(NamedTuple):
    """One imported name: `target` is a module, or a name in a module. `at_start` if it runs when the module loads."""

    target: str
    line: int
    at_start: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Final = {module_name(p): p for top in ("runtime", "serc") for p in sorted((PROJECT / top).rglob("*.py"))}


def imports_of(name: str, source: str, is_package: bool = False) -> Iterator[Import]:
    """Everything that a module imports, also inside functions and under TYPE_CHECKING."""
    tree = ast.parse(source)
    later = {id(n) for f in ast.walk(tree) if _runs_later(f) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, id(node) not in later)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if is_package else name.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, id(node) not in later)


def _runs_later(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def floor_of(name: str) -> int:
    """Index in FLOORS, -1 for what is none of ours."""
    return max((i for i, floor in enumerate(FLOORS) if inside(name, floor)), key=lambda i: len(FLOORS[i]), default=-1)


def violations(name: str, source: str, is_package: bool = False) -> list[str]:
    """What a module does that its floor must not, as `module:line: sentence`."""
    floor = floor_of(name)
    sans_io = any(inside(name, f) for f in SANS_IO_FLOORS)
    found = []
    for target, line, _ in imports_of(name, source, is_package):
        top = target.partition(".")[0]
        if floor_of(target) > floor:
            found.append(f"{name}:{line}: imports {target}, which is on a higher floor")
        if inside(name, "serc") and not any(inside(name, both) for both in BOTH_SIDES) and top == "runtime":
            if not any(inside(target, allowed) for allowed in FOR_SERC):
                found.append(f"{name}:{line}: the compiler takes nothing from {target}")
        if any(inside(name, a) and inside(target, b) for x, y in STRANGERS for a, b in ((x, y), (y, x))):
            if floor_of(target) < floor:
                found.append(f"{name}:{line}: {target} is none of its business")
        if top in ONLY_IN and not any(inside(name, place) for place in ONLY_IN[top]):
            found.append(f"{name}:{line}: only {' and '.join(ONLY_IN[top])} may import {top}")
        if sans_io and top in WORLD and top != "socket":
            found.append(f"{name}:{line}: {top} touches the world")
        if sans_io and top == "socket" and target != "socket" and target.partition(".")[2] not in SOCKET_NAMES:
            found.append(f"{name}:{line}: {target} touches the world")
    return found + (list(_io_calls(name, source)) if sans_io else [])


def _io_calls(name: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket":
            if node.attr not in SOCKET_NAMES:
                yield f"{name}:{node.lineno}: socket.{node.attr} touches the world"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("open", "print", "input")
        ):
            yield f"{name}:{node.lineno}: {node.func.id}() touches the world"


def import_circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, [] if there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            if circle := visit(target, [*path, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in sorted(graph) if (circle := visit(name, []))), [])


def module_of(target: str) -> str | None:
    """The module of ours that an import loads last: `a.b.c` itself, or `a.b` where c is a name in it."""
    return next((n for n in (target, target.rpartition(".")[0]) if n in MODULES), None)


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_to_its_floor(name: str) -> None:
    path = MODULES[name]
    assert violations(name, path.read_text(), path.name == "__init__.py") == []


def test_every_module_has_a_floor() -> None:
    assert [n for n in MODULES if floor_of(n) < 0 and MODULES[n].stat().st_size and n != "runtime"] == []


def test_no_import_circles() -> None:
    graph = {
        name: {
            module
            for target, _, at_start in imports_of(name, path.read_text(), path.name == "__init__.py")
            if at_start and (module := module_of(target)) and module != name
        }
        for name, path in MODULES.items()
    }
    assert import_circle(graph) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("runtime.sip.uri", "from runtime.server import main"),
        ("runtime.sip.uri", "import runtime.tx.timers"),
        ("runtime.routing.module", "if TYPE_CHECKING:\n    from runtime.modules import core"),
        ("runtime.server.main", "def f():\n    import serc.reading.parse"),
        ("runtime.server.mail.mailbox", "from runtime.server.worker import loop"),
        ("runtime.server.worker.udp.datagrams", "from runtime.server.worker.loop import Worker"),
        ("runtime.server.processes.master", "from runtime.server.main import run"),
        ("runtime.sip.uri", "from ..server import main"),
        ("runtime.tx.client", "from time import monotonic"),
        ("runtime.sip.uri", "import socket\nsocket.socket()"),
        ("runtime.sip.uri", "from socket import create_connection"),
        ("runtime.sip.uri", "open('x')"),
        ("serc.resolve.calls", "from runtime.routing.context import Context"),
        ("serc.resolve.calls", "import tatsu"),
        ("serc.resolve.calls", "from serc.commands import ser"),
        ("serc.resolve.calls", "from serc.lint import flow"),
        ("serc.diagnostics.report", "from serc.reading.lex import Token"),
        ("serc.codegen.functions", "from serc.passes.dead_code import body_ends"),
        ("serc.passes.dead_code", "from serc.codegen.lines import Line"),
        ("serc.lower.routes", "from serc.lint.flow import ends"),
        ("serc.lint.flow", "import serc.ir"),
    ],
)
def test_each_rule_can_be_broken(name: str, source: str) -> None:
    assert len(violations(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("runtime.sip.address", "import socket\nsocket.inet_ntop(socket.AF_INET, b'')"),
        ("runtime.routing.module", "if TYPE_CHECKING:\n    from runtime.routing.context import Context"),
        ("runtime.server.main", "import os, time\nfrom runtime.modules import catalogue"),
        ("serc.lower", "from runtime.spec.values import Value\nfrom runtime.version import VERSION"),
        ("serc.reading.parse", "import tatsu"),
        ("serc.diagnostics.render", "from serc.reading.source import Source"),
        ("serc.codegen.functions", "from serc.ir_facts import body_ends"),
        ("serc.commands.ser", "from runtime.server.main import main"),
    ],
)
def test_what_is_allowed_passes(name: str, source: str) -> None:
    assert violations(name, source) == []


def test_a_circle_is_found() -> None:
    assert import_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
