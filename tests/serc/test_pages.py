"""Every code has a page, and its examples do what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from expectations import diagnose

from serc.diagnostics.codes import CODES
from serc.diagnostics.explain import Example, explain, pages
from serc.diagnostics.report import Severity
from serc.reading.source import Source
from serc.testing.language.parsing import parse_tests

MODULES = "sl tm rr maxfwd usrloc registrar textops xlog mysql auth auth_db".split()
PREAMBLE = "".join(f'loadmodule "{module}.so"\n' for module in MODULES)
CASES = Path(__file__).with_name("cases")
ALL = [(code, example) for code, page in sorted(pages().items()) for example in page.examples]


def whole(example: Example) -> str:
    if not example.in_route:
        return example.text
    text = f"{PREAMBLE}route {{\n{example.text}}}\n"
    return text.encode("utf-8").decode("latin-1")


def test_every_code_has_a_page_and_no_page_is_too_many() -> None:
    assert set(pages()) == set(CODES)


def test_every_page_has_both_examples_or_cases_of_its_own() -> None:
    for code, page in pages().items():
        if code == "SER0213":
            continue  # which modules it is about changes with time; test_check.py has a module of its own for it
        if code in ("SER0807", "SER0850"):
            continue  # no matter of the text alone: tests/testing/test_running.py has them
        kinds = {example.good for example in page.examples}
        assert kinds == {True, False} or any(CASES.glob(f"{code}-*.cfg")), code


@pytest.mark.parametrize(("code", "example"), ALL, ids=[f"{c}-{'good' if e.good else 'bad'}" for c, e in ALL])
def test_examples(code: str, example: Example) -> None:
    if code.startswith("SER08"):
        diagnostics = parse_tests(Source("ser.sertest", example.text))[1].in_order()
    else:
        _, diagnostics = diagnose(whole(example))
    found = {d.code.name for d in diagnostics}
    errors = {d.code.name for d in diagnostics if d.severity is Severity.ERROR}
    if example.good:
        assert code not in found
        assert not errors
    else:
        assert code in found
        assert errors <= {code}


def test_explain_prints_title_text_and_examples() -> None:
    text = explain("ser0102")
    assert text.startswith("SER0102: missing semicolon (error)\n\nEvery statement ends")
    assert '    sl_send_reply("404", "Not Found")\n    break;\n\nBetter:' in text


def test_explain_knows_only_codes() -> None:
    with pytest.raises(KeyError):
        explain("SER9999")
