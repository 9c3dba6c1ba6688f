"""Secrets come from the environment: not from ser.cfg, not into routes.py, not into messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.conftest import Ser
from acceptance.test_registrations import answers
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


IN_ROUTES = """
fifo="${TEST_FOLDER}/fifo"
loadmodule "sl.so"
loadmodule "textops.so"
route {
    if (method == "OPTIONS") { sl_send_reply("200", "OK"); break; }
    if (src_ip == "${TEST_PEER}" && uri =~ "^sip:${TEST_SECRET}@") {
        append_to_reply("X-Said: ${TEST_SECRET}\r\n");
        sl_send_reply("${TEST_CODE}", "Not ${TEST_SECRET}");
        break;
    }
    sl_send_reply("404", "Not Found");
}
"""


def test_routes_have_the_values_of_this_start(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(IN_ROUTES)
    monkeypatch.setenv("TEST_PEER", "127.0.0.1")
    for user, code in (("bob", "480"), ("carl", "486")):
        monkeypatch.setenv("TEST_SECRET", user)
        monkeypatch.setenv("TEST_CODE", code)
        server = Ser(tmp_path, config)
        try:
            server.wait_ready()
            answer = answers(server, "MESSAGE", "c1", user).decode()
            assert answer.startswith(f"SIP/2.0 {code} Not {user}\r\n") and f"\r\nX-Said: {user}\r\n" in answer
            assert answers(server, "MESSAGE", "c2", "dan").startswith(b"SIP/2.0 404 ")
        finally:
            server.kill()


def test_a_compiled_route_has_the_name_and_passes_mypy(config: Path) -> None:
    config.write_text(IN_ROUTES)
    routes = config.with_name("routes.py")
    assert serc([str(config), "-o", str(routes), "--mypy"]) == 0
    assert "hunter2" not in routes.read_text()


def test_a_value_that_makes_no_sense_in_a_route_is_told_and_not_shown(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(IN_ROUTES)
    monkeypatch.setenv("TEST_PEER", "127.0.0.1")
    monkeypatch.setenv("TEST_CODE", "sesame")
    assert serc(["check", "-W", "error", str(config)]) == 1
    said = capsys.readouterr().err
    assert "sl_send_reply cannot take what the environment makes of this here" in said and "sesame" not in said
    server = Ser(tmp_path, config)
    assert server.process.wait(60) == 1
    log = server.log.read_text()
    assert (
        'sl_send_reply: an argument cannot be what the environment makes of "${TEST_CODE}"' in log
        and "sesame" not in log
    )
