"""print at work. Reference modules-more, A.2.1."""

from __future__ import annotations

import pytest
from script import Site, request


def test_a_text_goes_to_the_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    site = Site(
        'modparam("print_stdout", "str_param", "x") modparam("print_stdout", "int_param", 7) route { if (print("hello %s")) log(1, "true"); }',
        "print",
    )
    site.say(request())
    assert capfd.readouterr().out == "hello %s\n"
    assert site.lines(1) == ["true"]
