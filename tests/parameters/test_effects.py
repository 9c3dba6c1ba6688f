"""Every parameter of every module changes what it is there for. Reference modules-main and modules-more, part A.

The table is in the files `of_….py`. What has no effect is told so by serc, and what cannot have one yet keeps the server from starting.
"""

from __future__ import annotations

from typing import Final

import pytest
from script import Site

from parameters import of_calls, of_registrations, of_small_modules, of_tables
from parameters.play import Effect
from runtime.modules import catalogue
from runtime.routing.engine import ProgramError
from runtime.spec.declare import Param, ParamType
from serc.compiler import compile_source
from serc.reading.source import Source

EFFECTS: Final = [*of_small_modules.EFFECTS, *of_tables.EFFECTS, *of_registrations.EFFECTS, *of_calls.EFFECTS]

# They need a server to lose and to ping: tests/storage.
WITH_A_SERVER: Final = {"mysql.ping_interval", "mysql.auto_reconnect"}

# Of RADIUS and DIAMETER, which there are not.
REFUSED: Final = [
    ("acc.radius_config", '"/etc/radius.conf"'),
    ("acc.radius_flag", "1"),
    ("acc.radius_missed_flag", "1"),
    ("acc.service_type", "15"),
    ("acc.diameter_flag", "3"),
    ("acc.diameter_missed_flag", "3"),
    ("acc.diameter_client_host", '"h"'),
    ("acc.diameter_client_port", "1"),
]


def parameters() -> dict[str, Param]:
    """Those of all modules that run."""
    specs = [spec for name in catalogue.names() if (spec := catalogue.find(name)) is not None and spec.implementation]
    return {f"{spec.name}.{param.name}": param for spec in specs for param in spec.params}


IDLE: Final = sorted(name for name, param in parameters().items() if param.idle)


@pytest.mark.parametrize("effect", EFFECTS, ids=[f"{e.parameter}={e.value}" for e in EFFECTS])
def test_a_parameter_changes_what_it_is_there_for(effect: Effect) -> None:
    usual, changed = effect.seen(""), effect.seen(effect.line)
    assert effect.usual in usual
    assert effect.changed in changed
    if effect.changed:
        assert effect.changed not in usual
    else:
        assert effect.usual and effect.usual not in changed


def test_all_parameters_are_in_the_table() -> None:
    shown = {effect.parameter for effect in EFFECTS} | {name for name, _ in REFUSED} | set(IDLE) | WITH_A_SERVER
    assert sorted(parameters()) == sorted(shown)


@pytest.mark.parametrize("name", IDLE)
def test_serc_tells_of_a_parameter_that_changes_nothing(name: str) -> None:
    module, _, parameter = name.partition(".")
    value = 3 if parameters()[name].type is ParamType.INTEGER else '"x"'
    text = f'loadmodule "tm.so"\nmodparam("{module}", "{parameter}", {value})\nroute {{ drop; }}\n'
    if module != "tm":
        text = f'loadmodule "{module}.so"\n' + text
    if module == "print":
        text = text.replace('modparam("print"', 'modparam("print_stdout"')
    _, report = compile_source(Source("ser.cfg", text))
    assert f"{parameter} changes nothing" in " ".join(found.message for found in report.diagnostics)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_cannot_run_yet_keeps_the_server_from_starting(name: str, value: str) -> None:
    module, _, parameter = name.partition(".")
    with pytest.raises(ProgramError, match="not supported yet"):
        Site(f'modparam("{module}", "{parameter}", {value}) route {{ drop; }}', f"tm {module}")
