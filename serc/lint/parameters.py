"""Parameters of modules that are right one by one, and together do not do what they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.modules import Modules

_Doubt = tuple[str, str]


def check_parameters(subject: Subject, report: Report) -> None:
    """The last modparam that sets one of the parameters is where it is said."""
    modules = subject.bound.modules
    if modules.puzzles:
        return
    done = {subject.effects.of(call) for route in routes(subject.file) for call in calls(route.body)}
    for module, names, uses, look in _CHECKS:
        if not done & uses:
            continue  # a file of parameters, or one that has no use for them
        given = [
            item
            for item in subject.file.items
            if isinstance(item, tree.ModParam)
            and item.parameter.value in names
            and any(m.spec.name == module and item.parameter.value in m.parameters for m in modules.loaded)
        ]
        doubt = look(modules) if given else None
        if doubt is not None and not any(d.span == given[-1].value.span for d in report.diagnostics):
            report.add(codes.DOUBTFUL_MODPARAM, given[-1].span, doubt[0], hint=doubt[1])


def _nobody_pinged(modules: Modules) -> _Doubt | None:
    if not modules.value("nathelper", "ping_nated_only") or modules.value("nathelper", "natping_interval"):
        return None
    hint = 'write modparam("nathelper", "natping_interval", 30) as well'
    return "ping_nated_only does nothing: nobody is pinged, since natping_interval is 0", hint


def _hash_of_hash(modules: Modules) -> _Doubt | None:
    column = modules.value("auth_db", "password_column")
    if not modules.value("auth_db", "calculate_ha1") or not isinstance(column, str) or "ha1" not in column.lower():
        return None
    sentence = f"calculate_ha1 takes what is in the column {column} for plain passwords, and its name is that of hashes"
    return sentence, 'write modparam("auth_db", "password_column", "password"), or set calculate_ha1 to 0'


def _plain_for_hash(modules: Modules) -> _Doubt | None:
    if modules.value("auth_db", "calculate_ha1") or modules.value("auth_db", "password_column") != "password":
        return None
    sentence = "password_column is the column of plain passwords, and calculate_ha1 is 0: they are taken for hashes"
    return sentence, 'write modparam("auth_db", "calculate_ha1", 1), or leave password_column at ha1'


_PASSWORDS: Final = ("calculate_ha1", "password_column")
_AUTHORIZE: Final[frozenset[Does | None]] = frozenset((Does.AUTH_WWW, Does.AUTH_PROXY))
_SAVE: Final[frozenset[Does | None]] = frozenset((Does.SAVE,))
# Of a module: the parameters of which one has to be set, what the routes have to do, and what is wrong then.
_CHECKS: Final[tuple[tuple[str, tuple[str, ...], frozenset[Does | None], Callable[[Modules], _Doubt | None]], ...]] = (
    ("nathelper", ("ping_nated_only",), _SAVE, _nobody_pinged),
    ("auth_db", _PASSWORDS, _AUTHORIZE, _hash_of_hash),
    ("auth_db", _PASSWORDS, _AUTHORIZE, _plain_for_hash),
)
