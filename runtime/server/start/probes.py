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
from runtime.routing.playing import IF_ABOVE, IF_BELOW, IF_FALSE, IF_NOT_BELOW, IF_TRUE
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
    """For `unpacked_statements`, in processes that run `made.plain` as this version. An `if` with one condition tells nothing: what that
    one gave says it all."""
    known = {ast.unparse(value): name for name, value, _ in _constants(ast.parse(made.plain))}
    tree = ast.parse(made.probed)
    shared: dict[str, str] = {}
    for name, value, node in _constants(tree):
        same = known.get(ast.unparse(value))
        if same is not None and name != _PROGRAM:
            shared[name] = same
            tree.body.remove(node)
    decided: dict[int, tuple[int, str]] = {}
    tree = _Branches(decided).visit(tree)
    code = compile(tree, "routes.py", "exec", dont_inherit=True)
    places = [(*place[:8], *decided.get(place[0], (0, ""))) for place in made.places]
    return marshal.dumps((version, code, shared, places))


class _Branches(ast.NodeTransformer):
    """Takes `probe.took(ctx, 2, …)` away where the one place within decides; `decided` has the `if` and what it wants, by the number of
    that place."""

    def __init__(self, decided: dict[int, tuple[int, str]]) -> None:
        self._decided: Final = decided

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _probe_of(node) == "took":
            branch, condition = node.args[1], node.args[2]
            found = _decider(condition)
            if found is not None and isinstance(branch, ast.Constant) and isinstance(branch.value, int):
                self._decided[found[0]] = (branch.value, found[1])
                return self.generic_visit(condition)
        return self.generic_visit(node)


_WANTED: Final[dict[type[ast.cmpop], str]] = {ast.Gt: IF_ABOVE, ast.GtE: IF_NOT_BELOW, ast.Lt: IF_BELOW}


def _decider(condition: ast.expr) -> tuple[int, str] | None:
    """The place that decides alone, and what it has to give: of a test, a call, or what a call gave compared with 0."""
    match condition:
        case ast.Call(args=[_, ast.Constant(value=int(place)), ast.Constant(value=bool(asked)), _]) if (
            _probe_of(condition) == "told"
        ):
            return place, IF_TRUE if asked else IF_FALSE
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(args=[_, at, _]) as call) if _probe_of(call) == "gave":
            return _numbered(at, IF_FALSE)
        case ast.Call(args=[_, at, _]) if _probe_of(condition) == "gave":
            return _numbered(at, IF_TRUE)
        case ast.Compare(left=ast.Call(args=[_, at, _]) as call, ops=[op], comparators=[ast.Constant(value=0)]) if (
            _probe_of(call) == "gave" and type(op) in _WANTED
        ):
            return _numbered(at, _WANTED[type(op)])
    return None


def _numbered(at: ast.expr, wanted: str) -> tuple[int, str] | None:
    """`probe.at(ctx, 2)` has the number."""
    match at:
        case ast.Call(args=[_, ast.Constant(value=int(place))]) if _probe_of(at) == "at":
            return place, wanted
    return None


def _probe_of(call: ast.Call) -> str:
    """The method of the probe that is called; "": none."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr=method) if name == _PROBE:
            return method
    return ""


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
    places = [unpacked_place(plain) for plain in plain_places]
    recorder = Recorder(places, logged, left_side)
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
    return Statements(version, program, places, recorder, logged)


def _loaded(data: bytes) -> tuple[int, CodeType, dict[str, str], list[PackedPlace]]:
    try:
        version, code, shared, places = marshal.loads(data)
    except (EOFError, ValueError, TypeError) as e:
        raise StartError("the program has been exchanged meanwhile") from e
    return version, code, shared, places
