"""The order of the passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serc import ir
from serc.passes.constant_conditions import constant_conditions
from serc.passes.dead_code import dead_code
from serc.passes.double_negation import double_negation
from serc.passes.empty_branches import empty_branches
from serc.passes.hoist_constants import hoist_constants
from serc.passes.ignored_stops import ignored_stops
from serc.passes.known_methods import known_methods
from serc.passes.lift_conditions import lift_conditions
from serc.passes.method_patterns import method_patterns
from serc.passes.one_of import one_of


@dataclass(frozen=True)
class Pass:
    """A rewrite under the name of its file. One that is `needed` makes what codegen relies on: it has no switch."""

    run: Callable[[ir.Program], ir.Program]
    reason: str
    needed: bool = False

    @property
    def name(self) -> str:
        return self.run.__name__


PASSES: Final = (
    Pass(double_negation, "conditions as people write them: `!(!a)` is a, `(a && b) && c` is one chain"),
    Pass(known_methods, 'method=="INVITE" is a comparison of two small ints'),
    Pass(method_patterns, 'method=~"^(INVITE|ACK)$" is a comparison of small ints as well'),
    Pass(one_of, 'method=="ACK" || method=="CANCEL" is one membership test'),
    Pass(constant_conditions, "no test whose outcome is known: `if (1)`, a call of a route that does not exist"),
    Pass(dead_code, "nothing behind a break: mypy and readers would stumble over it"),
    Pass(ignored_stops, "no `if … == STOP: return STOP` where a break follows anyway"),
    Pass(empty_branches, "no `pass` where the condition can be turned round"),
    Pass(lift_conditions, "a part of a condition that changes the message and can fail runs once only", needed=True),
    Pass(hoist_constants, "regexes, networks and hosts are built once, at import, and have names", needed=True),
)


def run_passes(program: ir.Program, skip: frozenset[str] = frozenset()) -> ir.Program:
    """`program` after all passes but those named in `skip`, which only debugging asks for."""
    for p in PASSES:
        if p.needed or p.name not in skip:
            program = p.run(program)
    return program
