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
from runtime.modules.core import conditions, sending, telling
from runtime.modules.core.kinds import HOST, LEVEL, PORT, TEXT, Q, given
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.sl import Sl
from runtime.modules.textops import Textops
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.spec.actions import action
from runtime.spec.declare import REQUEST, Joined, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import code, integer, reason, regex, string
from runtime.spec.kinds_sip import destination_constant, host, port
from runtime.spec.kinds_words import letters, mask
from runtime.spec.operands import AddressOperand, Alone, Body, NumberOperand, OfNetwork, OfRegex, OfText, Tells, TextOperand

def nobody_s(ctx: Context) -> bool: return True

class Wide:
    def five(self, ctx: Context, a: bytes, b: bytes, c: bytes, d: bytes, e: bytes) -> bool: return True
    def some(self, ctx: Context, a: bytes = b"", b: int = 0) -> bool: return True
    def any_number(self, ctx: Context, *texts: bytes) -> bool: return True
    def by_name(self, ctx: Context, *, text: bytes) -> bool: return True
    def none(self, ctx: Context, text: bytes) -> None: return None
    def maybe(self, ctx: Context, text: bytes) -> bool | None: return None
    def text(self, ctx: Context, text: bytes) -> bytes: return text
    async def later(self, ctx: Context, text: bytes) -> bool: return True
    def of_any(self, ctx: Context, text: bytes | None) -> bool: return True
    def of_world(self, world: ModuleSpec, text: bytes) -> bool: return True

_TO: Joined[Destination] = Joined[Destination](HOST, PORT, destination_constant)
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
    "a text for the first of two": 'function("t_forward_nonack", Tm.t_forward_nonack, port(), host(), WHAT)',
    "five arguments": 'function("five", Wide.five, string("a"), string("b"), string("c"), string("d"), string("e"), WHAT)',
    "an optional one of another type": 'function("some", Wide.some, integer("a"), WHAT)',
    "arguments by name": 'function("by_name", Wide.by_name, string("text"), WHAT)',
    "nothing given": 'function("none", Wide.none, string("text"), WHAT)',
    "perhaps nothing given": 'function("maybe", Wide.maybe, string("text"), WHAT)',
    "a text given": 'function("text", Wide.text, string("text"), WHAT)',
    "a text given by one that may stop": 'function("text", Wide.text, string("text"), may_stop=True, WHAT)',
    "a coroutine": 'function("later", Wide.later, string("text"), WHAT)',
    "no Context": 'function("of_world", Wide.of_world, string("text"), WHAT)',
    "a bound method": 'function("five", Wide().five, string("a"), WHAT)',
    "a class as a body": 'function("wide", Wide, string("text"), WHAT)',
    "an effect in words": 'function("t_relay", Tm.t_relay, routes=REQUEST, does="relays", may_stop=True, summary="")',
}

# The same for actions and operands of the core, with what mypy names in its complaint.
WRONG_IN_THE_CORE: Final = {
    "a level where a text is wanted": ('action("log", telling.log, TEXT, LEVEL, does=Does.LOG, summary="")', "action"),
    "one argument less": ('action("log", telling.log, TEXT, does=Does.LOG, summary="")', "action"),
    "a method of a module": ('action("t_relay", Tm.t_relay, does=Does.RELAY, summary="")', "action"),
    "a joined argument where a text is wanted": (
        'action("x", telling.exec, _TO, does=Does.COPY, summary="")',
        "action",
    ),
    "a given number where a text is wanted": (
        'action("x", telling.exec, given(4), does=Does.COPY, summary="")',
        "action",
    ),
    "no effect of an action": ('action("exec", telling.exec, TEXT, summary="")', "action"),
    "a text compared by a pattern's function": ("a: Body[OfText] = Body(conditions.uri_matches)", "Body"),
    "a pattern compared by a text's function": ("b: Body[OfRegex] = Body(conditions.uri_equals)", "Body"),
    "an opposite of another kind": (
        "c: Body[OfText] = Body(conditions.from_uri_equals, conditions.from_uri_mismatches)",
        "Body",
    ),
    "a network where nothing is compared": ("d: Body[Alone] = Body(conditions.source_in)", "Body"),
    "an action as a test": ("e: Body[OfNetwork] = Body(sending.send)", "Body"),
    "an operand that tells nothing": (
        'f = NumberOperand(name="n", attribute="size", words={}, shown=str, summary="")',
        "tells",
    ),
    "a number that cannot be shown": (
        'g = NumberOperand(name="n", attribute="size", words={}, shown=lambda ctx: ctx.size, tells=Tells.NOTHING, summary="")',
        "str",
    ),
}

RIGHT: Final = (
    'function("sl_send_reply", Sl.sl_send_reply, code(), reason(), WHAT)',
    'function("search", Textops.search, regex(), WHAT)',
    'function("t_relay", Tm.t_relay, may_stop=True, WHAT)',
    'function("t_forward_nonack", Tm.t_forward_nonack, host(), port(), WHAT)',
    'function("some", Wide.some, string("a"), WHAT)',
    'function("some", Wide.some, string("a"), integer("b"), WHAT)',
    'function("any_number", Wide.any_number, string("a"), string("b"), WHAT)',
    'function("of_any", Wide.of_any, string("text"), WHAT)',
    'action("append_branch", sending.append_branch_uri, TEXT, Q, does=Does.APPEND_BRANCH, summary="")',
    'action("send", sending.send, _TO, given(1), does=Does.COPY, summary="")',
    "h: Body[OfText] = Body(conditions.to_uri_equals, conditions.to_uri_differs)",
    'function("later", None, string("a"), integer("b"), string("c"), string("d"), string("e"), WHAT)',
)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each of these declarations, each of which stands on a line of its own."""
    folder = tmp_path_factory.mktemp("declarations")
    cases = [*WRONG.values(), *(case for case, _ in WRONG_IN_THE_CORE.values()), *RIGHT]
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


@pytest.mark.parametrize("what", WRONG_IN_THE_CORE)
def test_a_wrong_declaration_of_the_core_is_rejected(what: str, complaints: dict[str, str]) -> None:
    case, named = WRONG_IN_THE_CORE[what]
    assert named in complaints[case]


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_declaration_is_not(case: str, complaints: dict[str, str]) -> None:
    assert case not in complaints
