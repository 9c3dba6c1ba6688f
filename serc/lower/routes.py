"""Routes, statements and what stands in conditions. Reference core, 5.1 and 5.2."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from runtime.spec.declare import Function
from runtime.spec.effects import Does
from runtime.spec.environment import names_in
from runtime.spec.values import Constant
from serc import ir
from serc.lower.conditions import lower_comparison
from serc.lower.modules import Objects, lowered_arguments, variable
from serc.lower.words import number, wire
from serc.reading import tree
from serc.reading.source import Source
from serc.reading.walk import else_if
from serc.resolve.bound import BoundFile
from serc.resolve.calls import takes_environment
from serc.resolve.words import text_of

_KINDS: Final = {
    "route": ir.FunctionKind.ROUTE,
    "failure_route": ir.FunctionKind.FAILURE,
    "onreply_route": ir.FunctionKind.ONREPLY,
}


@dataclass
class _Table:
    """One routing table: ser.cfg may open it several times, and each time appends."""

    lines: list[int] = field(default_factory=list)
    statements: list[tree.Statement] = field(default_factory=list)


def lower_routes(bound: BoundFile, source: Source, objects: Objects) -> tuple[ir.Function, ...]:
    """All routes by kind and number, each followed by the blocks that stand in its conditions."""
    tables: dict[tuple[ir.FunctionKind, int], _Table] = {}
    for item in bound.file.items:
        if isinstance(item, tree.Route):
            key = _KINDS[item.kind], item.number.value if item.number is not None else 0
            table = tables.setdefault(key, _Table())
            table.lines.append(source.line_of(item.span.start))
            table.statements.extend(item.body.statements)
    cycles = _Cycles({n: t.statements for (kind, n), t in tables.items() if kind is ir.FunctionKind.ROUTE})
    blocks: list[ir.Function] = []
    functions: list[ir.Function] = []
    order = list(ir.FunctionKind)
    for (kind, n), table in sorted(tables.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1])):
        route = _Route(kind, n, source, bound, objects, cycles, len(blocks))
        functions.append(ir.Function(kind, n, tuple(table.lines), route.body(table.statements)))
        functions.extend(route.blocks)
        blocks.extend(route.blocks)
    return tuple(functions)


def _with_environment(
    call: tree.Call, module: str, function: Function, arguments: tuple[ir.Argument, ...]
) -> tuple[ir.Argument, ...]:
    """The arguments, those that the environment completes as what will be asked for it."""
    texts = tuple(text_of(a) for a in call.arguments)
    if not any(isinstance(a, tree.String) and names_in(a.value) for a in call.arguments):
        return arguments
    # Most bodies get what stands in ser.cfg one by one; some of the core's get two as one.
    one_by_one = len(arguments) == len(texts)
    is_late = [bool(names_in(texts[i])) if one_by_one else True for i in range(len(arguments))]
    return tuple(
        (
            ir.Late(module, function.method, i, texts, a)
            if is_late[i] and isinstance(a, (int, bytes, Constant)) and not isinstance(a, bool)
            else a
        )
        for i, a in enumerate(arguments)
    )


class _Cycles:
    """Which routes can reach which: a call that can come back to its caller has to be counted."""

    def __init__(self, bodies: dict[int, list[tree.Statement]]) -> None:
        self.defined: Final = frozenset(bodies)
        calls = {n: _called(statements) & self.defined for n, statements in bodies.items()}
        self._reach: Final = {n: _closure(n, calls) for n in bodies}

    def closes(self, caller: int, callee: int) -> bool:
        return caller == callee or caller in self._reach[callee]


def _closure(start: int, calls: dict[int, frozenset[int]]) -> frozenset[int]:
    reached: set[int] = set()
    waiting = list(calls[start])
    while waiting:
        n = waiting.pop()
        if n not in reached:
            reached.add(n)
            waiting.extend(calls[n])
    return frozenset(reached)


def _called(statements: list[tree.Statement]) -> frozenset[int]:
    """The numbers n of all route(n) below `statements`; a loop, since `else if` chains can be long."""
    numbers: set[int] = set()
    waiting: list[tree.Statement | tree.Expression] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, tree.Call):
            if node.name.name == "route":
                numbers.add(number(node.arguments[0]))
        elif isinstance(node, tree.If):
            waiting += (node.condition, node.then)
            if node.otherwise is not None:
                waiting.append(node.otherwise)
        elif isinstance(node, tree.Block):
            waiting += node.statements
        elif isinstance(node, (tree.Or, tree.And)):
            waiting += node.operands
        elif isinstance(node, tree.Not):
            waiting.append(node.operand)
    return frozenset(numbers)


class _Route:
    """The lowering of one routing table."""

    def __init__(
        self,
        kind: ir.FunctionKind,
        n: int,
        source: Source,
        bound: BoundFile,
        objects: Objects,
        cycles: _Cycles,
        blocks_before: int,
    ) -> None:
        self._kind = kind
        self._number = n
        self._source = source
        self._bound = bound
        self._objects = objects
        self._cycles = cycles
        self._blocks_before = blocks_before
        self.blocks: list[ir.Function] = []

    def body(self, statements: list[tree.Statement] | tuple[tree.Statement, ...]) -> ir.Body:
        out: list[ir.Statement] = []
        for statement in statements:
            if isinstance(statement, tree.Block):
                out.extend(self.body(statement.statements))
            elif isinstance(statement, tree.If):
                out.append(self._if(statement))
            elif isinstance(statement, tree.Call):
                out.append(self._action(statement))
        return tuple(out)

    def _line(self, node: tree.Statement | tree.Expression) -> int:
        return self._source.line_of(node.span.start)

    def _if(self, statement: tree.If) -> ir.If:
        """An `else` that is nothing but another `if` is an arm of the same chain."""
        arms: list[ir.Arm] = []
        following: tree.If | None = statement
        otherwise: ir.Body = ()
        while following is not None:
            condition = self.condition(following.condition)
            body = self.body(following.then.statements)
            arms.append(ir.Arm(self._line(following), condition, body, following.condition.span))
            rest = following.otherwise
            following = else_if(following)
            if following is None and rest is not None:
                otherwise = self.body(rest.statements)
        return ir.If(self._line(statement), tuple(arms), otherwise)

    def _action(self, call: tree.Call) -> ir.Statement:
        line = self._line(call)
        if call.name.name in ("break", "drop"):
            return ir.Stop(line, call.span)
        lowered = self._call(call)
        return ir.Nothing(line, call.span) if lowered is None else ir.Do(line, lowered)

    def _call(self, call: tree.Call) -> ir.Call | None:
        """None for a route that does not exist: calling it is true and does nothing."""
        lowered = self._lowered_call(call)
        return None if lowered is None else replace(lowered, span=call.span)

    def _lowered_call(self, call: tree.Call) -> ir.Call | None:
        name = call.name.name
        if name == "route":
            return self._route_call(number(call.arguments[0]))
        bound = self._bound.calls[call.span]
        spec, function = bound.spec, bound.function
        arguments = lowered_arguments(bound.values)
        if takes_environment(call, spec):
            arguments = _with_environment(call, spec.name, function, arguments)
        if spec.name == "core":
            return ir.Call("core", function.method, arguments, is_pure=function.does is Does.TEST_FLAG)
        returns = ir.Returns.STOPS if function.may_stop else ir.Returns.BOOL
        if function.body is None or not spec.runs:
            stand_in = self._objects.stand_in(spec, function)
            method = "call_may_stop" if function.may_stop else "call"
            return ir.Call(stand_in, method, (function.name, *[wire(a) for a in call.arguments]), returns)
        return ir.Call(variable(spec.name), function.method, arguments, returns)

    def _route_call(self, n: int) -> ir.Call | None:
        if n not in self._cycles.defined:
            return None
        through = self._kind is ir.FunctionKind.ROUTE and self._cycles.closes(self._number, n)
        name = ir.function_name(ir.FunctionKind.ROUTE, n)
        return ir.Call("", name, (), ir.Returns.ROUTE, through)

    def condition(self, expression: tree.Expression) -> ir.Condition:
        if isinstance(expression, tree.Or):
            return ir.Or(tuple(self.condition(e) for e in expression.operands))
        if isinstance(expression, tree.And):
            return ir.And(tuple(self.condition(e) for e in expression.operands))
        if isinstance(expression, tree.Not):
            return ir.Not(self.condition(expression.operand))
        if isinstance(expression, tree.Compare):
            return lower_comparison(expression, self._bound.comparisons[expression.span])
        if isinstance(expression, tree.Number):
            return ir.Truth(expression.value != 0)
        if isinstance(expression, tree.Call) and expression.name.name not in ("break", "drop"):
            call = self._call(expression)
            return ir.Truth(True) if call is None else ir.Succeeds(call)
        return self._block(expression)

    def _block(self, node: tree.Call | tree.If | tree.Block) -> ir.Condition:
        """A block or an `if` inside a condition: a function of its own, whose 0 ends the route around it."""
        statements = node.statements if isinstance(node, tree.Block) else (node,)
        body = self.body(statements)  # first, so that blocks inside get the lower numbers
        number = self._blocks_before + len(self.blocks) + 1
        block = ir.Function(ir.FunctionKind.BLOCK, number, (self._line(node),), body)
        self.blocks.append(block)
        return ir.Succeeds(ir.Call("", block.name, (), ir.Returns.STOPS))
