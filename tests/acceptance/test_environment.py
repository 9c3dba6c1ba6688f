"""Secrets come from the environment: not from ser.cfg, not into routes.py, not into messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.conftest import Ser
from serc.commands.serc import main as serc

CONFIG = """
fifo="${TEST_FOLDER}/fifo"
loadmodule "sl.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth", "secret", "${TEST_SECRET}")
modparam("auth_db", "db_url", "sqlite:${TEST_FOLDER}/${TEST_SECRET}")
route { sl_send_reply("200", "OK"); }
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("TEST_SECRET", "hunter2")
    path = tmp_path / "ser.cfg"
    path.write_text(CONFIG)
    return path


def test_a_compiled_config_has_the_name_and_not_the_value(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    routes = config.with_name("routes.py")
    assert serc([str(config), "-o", str(routes), "--mypy"]) == 0
    text = routes.read_text()
    assert 'Auth(secret=parameter("auth", "secret", "${TEST_SECRET}"))' in text
    assert 'fifo=environment("${TEST_FOLDER}/fifo")' in text and "hunter2" not in text
    assert "hunter2" not in "".join(capsys.readouterr())


def test_check_warns_of_what_is_not_set(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serc(["check", "-W", "error", str(config)]) == 0
    assert "${TEST_SECRET} is put in from the environment" in capsys.readouterr().err
    monkeypatch.delenv("TEST_SECRET")
    assert serc(["check", "-W", "error", str(config)]) == 1
    assert "the environment variable TEST_SECRET is not set here" in capsys.readouterr().err


def test_a_start_without_the_variable_says_so(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_SECRET")
    for _ in ("compiled", "from the cache"):
        server = Ser(tmp_path, config)
        assert server.process.wait(60) == 1
        assert (
            'the environment variable TEST_SECRET is not set, which "${TEST_SECRET}" in ser.cfg needs'
            in server.log.read_text()
        )


def test_what_is_kept_of_a_start_has_no_value(config: Path, tmp_path: Path) -> None:
    server = Ser(tmp_path, config)
    try:
        server.wait_ready()
    finally:
        server.kill()
    assert "hunter2" not in server.log.read_text()
    compiled = list((tmp_path / "cache").rglob("*.py"))
    assert compiled and not any("hunter2" in path.read_text() for path in compiled)


def test_the_values_are_those_of_this_start(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'fifo="${TEST_FOLDER}/${TEST_SECRET}"\nloadmodule "sl.so"\nroute { sl_send_reply("200", "OK"); }\n'
    config.write_text(text)
    for value in ("first", "second"):
        monkeypatch.setenv("TEST_SECRET", value)
        server = Ser(tmp_path, config)
        try:
            server.wait_ready()
            assert (tmp_path / value).is_fifo()
        finally:
            server.kill()
