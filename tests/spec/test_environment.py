"""${NAME} in texts of ser.cfg."""

from __future__ import annotations

import pytest

from runtime.modules.from_environment import parameter
from runtime.spec.environment import BadEnvironment, environment, names_in

VARIABLES = {"USER": "ser", "PASSWORD": "hes:lo@", "EMPTY": ""}


@pytest.mark.parametrize(
    "text, value",
    [
        ("mysql://${USER}:${PASSWORD}@h/ser", "mysql://ser:hes:lo@@h/ser"),
        ("${EMPTY}", ""),
        ("${USER}${USER}", "serser"),
        ("no variable", "no variable"),
        ("$USER ${} ${1} ${A-B} ${USER", "$USER ${} ${1} ${A-B} ${USER"),
        ("$${USER}", "$ser"),
    ],
)
def test_values_are_put_in(text: str, value: str) -> None:
    assert environment(text, VARIABLES) == value


def test_values_are_not_looked_at_for_variables() -> None:
    assert environment("${A}", {"A": "${B}", "B": "x"}) == "${B}"


def test_a_variable_that_is_not_set_is_named_and_no_value_is() -> None:
    with pytest.raises(BadEnvironment) as error:
        environment("${USER}:${NOBODY}", VARIABLES)
    assert str(error.value) == 'the environment variable NOBODY is not set, which "${USER}:${NOBODY}" in ser.cfg needs'


def test_each_name_once() -> None:
    assert names_in("${B} ${A} ${B}") == ("B", "A")


def test_a_parameter_is_checked_when_its_value_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SER_URL", "sqlite:///x")
    assert parameter("auth_db", "db_url", "${SER_URL}") == "sqlite:///x"
    monkeypatch.setenv("SER_AVP", "i:secret")
    with pytest.raises(BadEnvironment) as error:
        parameter("lcr", "gw_uri_avp", "${SER_AVP}")
    assert "lcr: gw_uri_avp" in str(error.value) and "secret" not in str(error.value)


def test_a_value_is_as_if_it_stood_in_the_file() -> None:
    assert environment("${A}", {"A": "ž"}) == "ž".encode().decode("latin-1")
