"""The program with probes, on its way to the processes whose calls somebody watches."""

from __future__ import annotations

import ast
import marshal
from dataclasses import dataclass
from types import CodeType
from typing import Final

from runtime.modules.showing import left_side
from runtime.routing.edition import Edition
from runtime.routing.loudness import namespace_of
from runtime.routing.meter import CountedRoute
from runtime.routing.probing import PackedPlace, Place, Recorder, unpacked_place
from runtime.routing.program import Program
from runtime.routing.tracing import Statements
from runtime.routing.world import World
from runtime.server.host.errors import StartError
from runtime.server.start.namespaces import Namespaces

# What the module with probes calls (serc.codegen).
_PROBE: Final = "probe"
_PROGRAM: Final = "PROGRAM"


@dataclass(frozen=True)
class WithProbes:
    """The texts of two modules that were made of the same ser.cfg, without and with probes, and what the numbers of the latter are."""

    plain: str
    probed: str
    places: list[PackedPlace]


def packed_statements(version: int, made: WithProbes) -> bytes:
    """For `unpacked_statements`, in processes that run `made.plain` as this version."""
    known = {ast.unparse(value): name for name, value, _ in _constants(ast.parse(made.plain))}
    tree = ast.parse(made.probed)
    shared: dict[str, str] = {}
    for name, value, node in _constants(tree):
        same = known.get(ast.unparse(value))
        if same is not None and name != _PROGRAM:
            shared[name] = same
            tree.body.remove(node)
    code = compile(tree, "routes.py", "exec", dont_inherit=True)
    return marshal.dumps((version, code, shared, made.places))


def _constants(tree: ast.Module) -> list[tuple[str, ast.expr, ast.AnnAssign]]:
    """Modules and constants of routes.py: `NAME: Final = …`."""
    return [
        (node.target.id, node.value, node)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    ]


def unpacked_places(data: bytes) -> list[Place]:
    """Raises StartError where the bytes are none of `packed_statements`."""
    return [unpacked_place(plain) for plain in _loaded(data)[3]]


def unpacked_statements(
    data: bytes, version: int, edition: Edition, world: World, namespaces: Namespaces
) -> Statements:
    """The program with probes, which shares modules and constants with the one that runs. Raises StartError with the reason."""
    theirs, code, shared, plain_places = _loaded(data)
    if theirs != version:
        raise StartError("the program has been exchanged meanwhile")
    running = edition.program
    namespace = namespace_of(edition)
    if not namespace:
        raise StartError("routes that are compiled to machine code do not tell what they do")
    logged: list[tuple[int, str]] = []
    recorder = Recorder([unpacked_place(plain) for plain in plain_places], logged, left_side)
    module: dict[str, object] = {"__name__": "probed", _PROBE: recorder}
    namespaces.add(module)
    for name, same in shared.items():
        if same not in namespace:
            raise StartError(f"the program that runs has no {same}")
        module[name] = namespace[same]
    try:
        exec(code, module)
        # Those that are called by others; the engine calls what _TracedRoute counts.
        for name, value in list(module.items()):
            counted = namespace.get(name)
            if isinstance(counted, CountedRoute) and callable(value):
                module[name] = counted.like(value)
        program = module[_PROGRAM]
        assert isinstance(program, Program)
        if any(ours is not theirs for ours, theirs in zip(program.modules, running.modules, strict=True)):
            raise StartError("its modules are not those that run")
        known = {id(value) for value in namespace.values()}
        for destination in program.destinations:
            if id(destination) not in known:
                destination.resolve(world.resolver)
        for constant in program.prepared:
            if id(constant) not in known:
                constant.prepare(world)
    except StartError:
        raise
    except Exception as e:
        raise StartError(f"{type(e).__name__}: {e}") from e
    return Statements(version, program, recorder, logged)


def _loaded(data: bytes) -> tuple[int, CodeType, dict[str, str], list[PackedPlace]]:
    try:
        version, code, shared, places = marshal.loads(data)
    except (EOFError, ValueError, TypeError) as e:
        raise StartError("the program has been exchanged meanwhile") from e
    return version, code, shared, places
