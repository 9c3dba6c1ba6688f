"""The compiled code does what SER's interpreter does: random programs, the same calls in the same order, the same value."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest

from codegen.reference import Interpreter, Stub, World
from runtime.routing.verdict import ERROR, FALSE, STOP, TRUE, verdict
from serc import ir
from serc.codegen.functions import function_lines
from serc.passes import PASSES, place_probes, run_passes
from serc.reading.tree import Span
from serc.testing.recorder import Hits

_WORLDS: Final = 24
_SKIPPABLE: Final = [p.name for p in PASSES if not p.needed]
# Where all that a program has stands in its ser.cfg, which there is not.
_SPAN: Final = Span(0, 1)


class _Maker:
    """Random programs of three routes, of which later ones may be called by earlier ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def program(self) -> ir.Program:
        functions = [ir.Function(ir.FunctionKind.ROUTE, n, (n + 1,), self._body(n, 3)) for n in range(3)]
        return ir.Program("ser.cfg", (), (), tuple(functions))

    def _body(self, route: int, depth: int) -> ir.Body:
        return tuple(self._statement(route, depth) for _ in range(self._random.choice((0, 1, 1, 2, 2, 3))))

    def _statement(self, route: int, depth: int) -> ir.Statement:
        pick = self._random.random()
        if depth > 0 and pick < 0.6:
            arms = [
                ir.Arm(1, self._condition(route, 3), self._body(route, depth - 1), _SPAN)
                for _ in range(self._random.choice((1, 1, 1, 2, 3)))
            ]
            return ir.If(1, tuple(arms), self._body(route, depth - 1))
        if pick < 0.7:
            return ir.Stop(1, _SPAN)
        return ir.Nothing(1, _SPAN) if pick < 0.75 else ir.Do(1, self._call(route))

    def _call(self, route: int) -> ir.Call:
        pick = self._random.random()
        if pick < 0.2 and route < 2:
            name = ir.function_name(ir.FunctionKind.ROUTE, self._random.randint(route + 1, 2))
            returns = self._random.choice((ir.Returns.ROUTE, ir.Returns.STOPS))
            return ir.Call("", name, (), returns, span=_SPAN)
        number = self._random.randint(1, 9)
        if pick < 0.6:
            return ir.Call("m", f"stops_{number}", (), ir.Returns.STOPS, span=_SPAN)
        return ir.Call("m", f"bool_{number}", span=_SPAN)

    def _condition(self, route: int, depth: int) -> ir.Condition:
        pick = self._random.random()
        if depth > 0 and pick < 0.25:
            return ir.Not(self._condition(route, depth - 1))
        if depth > 0 and pick < 0.65:
            kind = self._random.choice((ir.And, ir.Or))
            return kind(tuple(self._condition(route, depth - 1) for _ in range(self._random.choice((2, 2, 3)))))
        number = self._random.randint(1, 9)
        if pick < 0.72:
            return ir.Compare("method", self._random.choice(("==", "==", "!=")), self._random.randint(0, 3), _SPAN)
        if pick < 0.82:
            return ir.Operand(f"fails_{number}", (), f"not_fails_{number}", _SPAN)
        if pick < 0.85:
            return ir.Operand(f"plain_{number}", span=_SPAN)
        return ir.Truth(pick < 0.88) if pick < 0.91 else ir.Succeeds(self._call(route))


def _compiled(program: ir.Program, skip: frozenset[str], hits: Hits | None = None) -> dict[str, Any]:
    """The functions alone and not laid out: laying out costs more than all the rest."""
    namespace: dict[str, Any] = {"TRUE": TRUE, "FALSE": FALSE, "STOP": STOP, "ERROR": ERROR, "verdict": verdict}
    namespace["probe"] = hits
    for function in run_passes(program, skip).functions:
        lines = [f"def {function.name}(ctx):"]
        lines += ["    " * line.indent + line.text for line in function_lines(function)]
        exec("\n".join(lines), namespace)
    return namespace


@pytest.mark.parametrize("seed", range(16))
def test_random_programs_do_as_the_reference_says(seed: int) -> None:
    """25 programs a seed, each in several worlds: with all passes, with a random choice of them, and with probes."""
    for i in range(25):
        number = seed * 1000 + i
        program = _Maker(number).program()
        chance = random.Random(number)
        some = frozenset(name for name in _SKIPPABLE if chance.random() < 0.5)
        for skip in (frozenset[str](), some):
            _compare(program, skip, number)
        probed, probes = place_probes(program)
        hits = Hits(len(probes))
        _compare(probed, frozenset(_SKIPPABLE), number, hits)
        # What begins the main route ran in all worlds; outcomes are those of what ran.
        assert not program.functions[0].body or max(hits.ran, default=0) >= _WORLDS
        assert all(hits.ran[n] >= hits.true[n] + hits.false[n] for n in range(len(probes) + 1))


def _compare(program: ir.Program, skip: frozenset[str], number: int, hits: Hits | None = None) -> None:
    """What tells what it does, to `hits`, does the same as all others."""
    namespace = _compiled(program, skip, hits)
    for seed in range(_WORLDS):
        expected, found = World(seed), World(seed)
        namespace["core"] = namespace["m"] = Stub(found)
        value = Interpreter(program.functions, expected).run("route")
        ours = namespace["route"](found)
        assert found.trace == expected.trace, (number, seed, skip)
        assert ours == value, (number, seed, skip)
