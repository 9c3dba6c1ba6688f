"""Checks that depend on the catalogue of modules."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.modules import catalogue
from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.kinds import integer
from serc.diagnostics.report import Report
from serc.frontend import analyse
from serc.reading.source import Source

SPECS = (
    ModuleSpec(
        "planned",
        (function("plan", None, integer("count"), routes=REQUEST, does=Does.TAKE_OVER, summary=""),),
        export_name="planned_module",
    ),
    ModuleSpec(
        "newer",
        (function("plan", None, routes=REQUEST, does=Does.TAKE_OVER, summary=""),),
        (integer_param("size", 1, low=1, high=9),),
    ),
)


class Catalogue:
    """Two modules without a run-time part."""

    UNDECLARED: Mapping[str, str] = {"old": "belongs to SER 0.8; 0.9 calls it newer"}

    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in SPECS)

    def core(self) -> ModuleSpec:
        return catalogue.core()

    def find(self, stem: str) -> ModuleSpec | None:
        return next((spec for spec in SPECS if spec.name == stem), None)

    def owner_of(self, function_name: str) -> tuple[str, ...]:
        return tuple(spec.name for spec in SPECS if any(f.name == function_name for f in spec.functions))


def reported(text: str) -> list[tuple[str, str]]:
    _, report = analyse(Source("ser.cfg", text), Catalogue())
    return [(d.code.name, f"{d.message} | {d.hint}") for d in report.in_order()]


def codes(text: str) -> list[str]:
    return [code for code, _ in reported(text)]


def test_a_module_without_a_run_time_part_is_noted() -> None:
    assert codes('loadmodule "planned.so"\nroute { plan("1"); }') == ["SER0213"]


def test_functions_are_found_by_name_and_number_of_arguments() -> None:
    text = 'loadmodule "planned.so" loadmodule "newer.so" route { plan("1"); plan(); }'
    assert codes(text) == ["SER0213", "SER0213"]
    _, _, (code, text) = reported('loadmodule "planned.so"\nloadmodule "newer.so"\nroute { plan("1", "2"); }')
    assert code == "SER0301" and "no or 1 arguments, found 2" in text and "plan() or plan(count)" in text


def test_modparam_goes_by_the_name_that_the_module_has_itself() -> None:
    (_, _), (code, text) = reported('loadmodule "planned.so"\nmodparam("planned", "x", 1)\nroute { drop; }')
    assert code == "SER0205" and "planned_module" in text


def test_bounds_of_parameters_hold() -> None:
    head = 'loadmodule "newer.so"\n'
    assert codes(head + 'modparam("NEWER|elsewhere", "size", 9) route { drop; }') == ["SER0213"]
    assert codes(head + 'modparam("newer", "size", 10) route { drop; }') == ["SER0213", "SER0307"]


def test_a_module_of_another_version_says_what_to_load() -> None:
    assert reported('loadmodule "old.so"\nroute { drop; }') == [
        ("SER0214", "module old belongs to SER 0.8 | 0.9 calls it newer")
    ]


def test_a_tree_comes_only_without_errors() -> None:
    good, report = analyse(Source("ser.cfg", "route { drop; }"), Catalogue())
    assert good is not None and not report.has_errors
    bad, report = analyse(Source("ser.cfg", "route { drop }"), Catalogue())
    assert bad is None and report.has_errors


def test_an_error_cannot_be_silenced() -> None:
    assert codes("route { drop }  # serc: ignore[SER0102]") == ["SER0102", "SER0901"]


def test_the_same_place_is_reported_once() -> None:
    report = Report()
    from serc.diagnostics.codes import UNEXPECTED
    from serc.reading.tree import Span

    for _ in range(2):
        report.add(UNEXPECTED, Span(1, 2), "x")
    assert len(report.diagnostics) == 1
