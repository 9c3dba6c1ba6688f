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
        doubt = look(subject) if given else None
        if doubt is not None and not any(d.span == given[-1].value.span for d in report.diagnostics):
            report.add(codes.DOUBTFUL_MODPARAM, given[-1].span, doubt[0], hint=doubt[1])


def _nobody_pinged(subject: Subject) -> _Doubt | None:
    modules = subject.bound.modules
    if not modules.value("nathelper", "ping_nated_only") or modules.value("nathelper", "natping_interval"):
        return None
    hint = 'write modparam("nathelper", "natping_interval", 30) as well'
    return "ping_nated_only does nothing: nobody is pinged, since natping_interval is 0", hint


def _hash_of_hash(subject: Subject) -> _Doubt | None:
    modules = subject.bound.modules
    column = modules.value("auth_db", "password_column")
    if not modules.value("auth_db", "calculate_ha1") or not isinstance(column, str) or "ha1" not in column.lower():
        return None
    sentence = f"calculate_ha1 takes what is in the column {column} for plain passwords, and its name is that of hashes"
    return sentence, 'write modparam("auth_db", "password_column", "password"), or set calculate_ha1 to 0'


def _plain_for_hash(subject: Subject) -> _Doubt | None:
    modules = subject.bound.modules
    if modules.value("auth_db", "calculate_ha1") or modules.value("auth_db", "password_column") != "password":
        return None
    sentence = "password_column is the column of plain passwords, and calculate_ha1 is 0: they are taken for hashes"
    return sentence, 'write modparam("auth_db", "calculate_ha1", 1), or leave password_column at ha1'


def _left_out(subject: Subject) -> _Doubt | None:
    """Lines of a level above the one that is logged. Who starts with -d sees them, and nobody else."""
    level = subject.bound.modules.value("acc", "log_level")
    logged = [i for i in subject.file.items if isinstance(i, tree.Assignment) and i.name.name == "debug"]
    value = logged[-1].values[0] if logged else None
    if not isinstance(level, int) or not isinstance(value, tree.Number) or level <= value.value:
        return None
    sentence = f"acc writes lines of level {level}, and debug={value.value} leaves them out: no call is in the log"
    return sentence, "write a level that is logged: 1, or a greater debug"


def _in_memory(subject: Subject) -> _Doubt | None:
    modules = subject.bound.modules
    is_said = any("db_mode" in m.parameters for m in modules.loaded if m.spec.name == "usrloc")
    if is_said or modules.value("usrloc", "db_mode") or modules.value("usrloc", "keep"):
        return None
    sentence = "db_url of usrloc is not used: contacts are kept in memory alone where db_mode is not set, and a restart forgets them"
    return sentence, 'write modparam("usrloc", "db_mode", 2), or db_mode 0 where that is meant'


_PASSWORDS: Final = ("calculate_ha1", "password_column")
_AUTHORIZE: Final[frozenset[Does | None]] = frozenset((Does.AUTH_WWW, Does.AUTH_PROXY))
_SAVE: Final[frozenset[Does | None]] = frozenset((Does.SAVE,))
_FORWARD: Final[frozenset[Does | None]] = frozenset((Does.RELAY_STATEFUL,))
# Of a module: the parameters of which one has to be set, what the routes have to do, and what is wrong then.
_CHECKS: Final[tuple[tuple[str, tuple[str, ...], frozenset[Does | None], Callable[[Subject], _Doubt | None]], ...]] = (
    ("nathelper", ("ping_nated_only",), _SAVE, _nobody_pinged),
    ("auth_db", _PASSWORDS, _AUTHORIZE, _hash_of_hash),
    ("auth_db", _PASSWORDS, _AUTHORIZE, _plain_for_hash),
    ("usrloc", ("db_url",), _SAVE, _in_memory),
    ("acc", ("log_level",), _FORWARD, _left_out),
)
