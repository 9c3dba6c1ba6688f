"""A declaration that does not fit its body is an error of mypy, at the declaration."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parent.parent.parent

HEAD: Final = """
from runtime.modules.avpops.kinds import comparison
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.sl import Sl
from runtime.modules.textops import Textops
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.spec.declare import REQUEST, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import code, integer, reason, regex, string
from runtime.spec.kinds_sip import host, port
from runtime.spec.kinds_words import letters, mask

def nobody_s(ctx: Context) -> bool: return True
"""

# Each declares something that the body does not take or give; "WHAT" stands for `routes=…, does=…, summary=…`.
WRONG: Final = {
    "one argument more": 'function("sl_send_reply", Sl.sl_send_reply, code(), reason(), string("more"), WHAT)',
    "one argument less": 'function("sl_send_reply", Sl.sl_send_reply, code(), WHAT)',
    "no argument": 'function("append_hf", Textops.append_hf, WHAT)',
    "in the wrong order": 'function("sl_send_reply", Sl.sl_send_reply, reason(), code(), WHAT)',
    "a text where a number is wanted": 'function("mf", Maxfwd.mf_process_maxfwd_header, string("limit"), WHAT)',
    "a number where a text is wanted": 'function("append_hf", Textops.append_hf, integer("text"), WHAT)',
    "a text where a regex is wanted": 'function("search", Textops.search, string("regex"), WHAT)',
    "a regex where a text is wanted": 'function("append_hf", Textops.append_hf, regex(), WHAT)',
    "a comparison where a regex is wanted": 'function("search", Textops.search, comparison(), WHAT)',
    "letters where bits are wanted": 'function("mf", Maxfwd.mf_process_maxfwd_header, letters("a", {}), WHAT)',
    "bits where a text is wanted": 'function("append_hf", Textops.append_hf, mask("a", {}), WHAT)',
    "a kind in place of an argument": 'function("append_hf", Textops.append_hf, string, WHAT)',
    "a body that may stop, not said": 'function("t_relay", Tm.t_relay, WHAT)',
    "a body that is no method": 'function("nobody_s", nobody_s, WHAT)',
    "a hook as a body": 'function("on_reply", Sl.bind, WHAT)',
    "no effect": 'function("t_relay", Tm.t_relay, routes=REQUEST, may_stop=True, summary="")',
    "no effect of a function to come": 'function("later", None, string("text"), routes=REQUEST, summary="")',
    "no routes": 'function("t_relay", Tm.t_relay, does=Does.RELAY, may_stop=True, summary="")',
    "no summary": 'function("t_relay", Tm.t_relay, routes=REQUEST, does=Does.RELAY, may_stop=True)',
    "an effect in words": 'function("t_relay", Tm.t_relay, routes=REQUEST, does="relays", may_stop=True, summary="")',
}

RIGHT: Final = (
    'function("sl_send_reply", Sl.sl_send_reply, code(), reason(), WHAT)',
    'function("search", Textops.search, regex(), WHAT)',
    'function("t_relay", Tm.t_relay, may_stop=True, WHAT)',
    'function("t_replicate", Tm.t_replicate, host(), port(), WHAT)',
    'function("later", None, string("a"), integer("b"), string("c"), string("d"), string("e"), WHAT)',
)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each of these declarations, each of which stands on a line of its own."""
    folder = tmp_path_factory.mktemp("declarations")
    cases = [*WRONG.values(), *RIGHT]
    text = HEAD + "\n".join(c.replace("WHAT", 'routes=REQUEST, does=Does.NOTHING, summary=""') for c in cases)
    (folder / "declarations.py").write_text(text + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(folder / "declarations.py")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    first = HEAD.count("\n") + 1
    said: dict[str, str] = {}
    for line in done.stdout.splitlines():
        found = re.match(r".*declarations\.py:(\d+): error: (.*)", line)
        if found:
            said.setdefault(cases[int(found[1]) - first], found[2])
    assert not done.stderr
    return said


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_is_rejected(what: str, complaints: dict[str, str]) -> None:
    assert "function" in complaints[WRONG[what]]


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_declaration_is_not(case: str, complaints: dict[str, str]) -> None:
    assert case not in complaints
