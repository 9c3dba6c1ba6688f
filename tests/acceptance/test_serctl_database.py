"""serctl finds its database, takes passwords in, and shows none. Reference modules-more, part C."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from server.conftest import environment

from acceptance.serctl_site import Site
from acceptance.serctl_site import file_site as file_site
from acceptance.serctl_site import surroundings as surroundings
from serc.commands.serctl import main

JOE = "joe@example.com"


def test_what_is_missing_is_told_with_what_makes_it(file_site: Site, tmp_path: Path) -> None:
    for url in (f"sqlite://{tmp_path}/none", f"dbtext://{tmp_path}/none"):
        assert file_site.run("add", JOE, "--db", url, piped="x") == 1
        assert f"serctl db create --db {url.replace('://', ':')}" in file_site.err
        assert not os.path.exists(tmp_path / "none")
    for driver in ("sqlite", "dbtext"):
        url = f"{driver}://{tmp_path}/{driver}"
        (tmp_path / "dbtext").mkdir() if driver == "dbtext" else (tmp_path / "sqlite").write_bytes(b"")
        assert file_site.run("add", JOE, "--db", url, piped="x") == 1
        assert f"no table subscriber in {driver}:{tmp_path}/{driver}: run serctl db create --db" in file_site.err


def test_no_password_is_shown(file_site: Site) -> None:
    assert file_site.run("db", "url", "--db", "mysql://ser:secret@h/ser") == 0
    assert file_site.out == "mysql://ser:***@h/ser\n"
    for url in ("oracle://ser:secret@h/ser", "mysql://ser:secret@h", "mysql://ser:secret@127.0.0.1:1/ser"):
        assert file_site.run("db", "check", "--db", url, "--timeout", "1") == 1
        assert file_site.err and "secret" not in file_site.err + file_site.out


def test_a_database_that_cannot_be_written(file_site: Site, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"this is no database" * 100)
    assert file_site.run("add", JOE, "--db", f"sqlite://{garbage}", piped="x") == 1
    assert "not a database" in file_site.err
    assert file_site.run("db", "create", "--db", f"sqlite://{tmp_path}") == 1
    for url in ("sqlite:///proc/none/x", "dbtext:///proc/none/x"):
        assert file_site.run("db", "create", "--db", url) == 1
        assert "cannot make /proc/none" in file_site.err


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root may write everything")
def test_a_file_that_may_only_be_read(file_site: Site, tmp_path: Path) -> None:
    path = file_site.url.removeprefix("sqlite://")
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o555)
    os.chmod(path, 0o444)
    other = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    command = [*other, sys.executable, "-m", "serc.commands.serctl", "add", JOE]
    done = subprocess.run(command, input="x", capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert file_site.json("showdb") == []


@pytest.mark.parametrize(
    "given, url",
    [
        ({"SER_DB_URL": "sqlite:///a"}, "sqlite:/a"),
        ({"SQL_DB": "phones", "PW": "x"}, "mysql://ser:***@localhost/phones"),
        ({"SQL_USER": "joe", "SQL_HOST": "db", "PW": ""}, "mysql://joe@db/ser"),
        ({"SER_CONFIG": "CFG"}, "dbtext:DIR/tables"),
        ({"SER_CONFIG": "CFG", "SER_DB_URL": "sqlite:///a"}, "sqlite:/a"),
        ({}, "DEFAULT"),
    ],
)
def test_which_database_is_meant(
    file_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], url: str
) -> None:
    monkeypatch.delenv("SER_DB_URL")
    config = tmp_path / "ser.cfg"
    config.write_text(CONFIG.format(url="dbtext:tables"))
    for name, value in given.items():
        monkeypatch.setenv(name, value.replace("CFG", str(config)))
    assert file_site.run("db", "url") == 0, file_site.err
    found = file_site.out.strip()
    if url == "DEFAULT":
        assert found.startswith("sqlite:") and found.endswith("ser.sqlite")
    else:
        assert found == url.replace("DIR", str(tmp_path))
    assert file_site.run("db", "url", "--db", "sqlite:///b") == 0 and file_site.out == "sqlite:/b\n"


CONFIG = """
loadmodule "sl.so"
loadmodule "dbtext.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "uri_db.so"
modparam("auth_db|uri_db", "db_url", "{url}")
route {{ sl_send_reply("200", "OK"); }}
"""


def test_the_database_of_a_config(file_site: Site, tmp_path: Path) -> None:
    config = tmp_path / "ser.cfg"
    config.write_text(CONFIG.format(url=f"dbtext://{tmp_path}/tables"))
    assert file_site.run("db", "create", "--config", str(config)) == 0
    assert file_site.run("add", JOE, "--config", str(config), piped="x") == 0
    assert (tmp_path / "tables" / "subscriber").read_text().count("joe:example.com") == 1
    for text, complaint in (
        ('loadmodule "sl.so"\nroute { sl_send_reply("200", "OK"); }\n', "no module in it has a database"),
        ("route {\n", "has errors: see serc check"),
        (CONFIG.format(url="oracle://x"), "names no database"),
    ):
        config.write_text(text)
        assert file_site.run("db", "url", "--config", str(config)) == 1
        assert complaint in file_site.err
    assert file_site.run("db", "url", "--config", str(tmp_path / "none")) == 1
    assert "cannot read" in file_site.err and "--db URL" in file_site.err


def test_a_config_without_a_url_has_the_file_that_the_server_uses(file_site: Site, tmp_path: Path) -> None:
    config = tmp_path / "ser.cfg"
    text = (
        'loadmodule "sl.so"\n{}loadmodule "auth.so"\nloadmodule "auth_db.so"\nroute {{ sl_send_reply("200", "OK"); }}\n'
    )
    config.write_text(text.format(""))
    assert file_site.run("db", "url", "--config", str(config)) == 0
    assert file_site.out == f"{file_site.url.replace('://', ':')}\n"
    config.write_text(text.format('loadmodule "mysql.so"\n'))
    assert file_site.run("db", "url", "--config", str(config)) == 0
    assert file_site.out == "mysql://ser:***@localhost/ser\n"


# --- passwords -------------------------------------------------------------------------------------------------------


def hashed(site: Site) -> object:
    return site.rows("subscriber", "password")[0][0]


def test_ways_for_a_password_to_come_in(file_site: Site, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from file\nsecond line\n")
    assert file_site.run("add", JOE, "--password-file", str(file)) == 0 and hashed(file_site) == b"from file"
    assert file_site.run("passwd", JOE, "--password-file", "-", piped="from pipe\r\n") == 0
    assert hashed(file_site) == b"from pipe"
    assert file_site.run("passwd", JOE, "on the line") == 0 and hashed(file_site) == b"on the line"
    assert "leave it out, and it is asked for" in file_site.err
    for words, piped in ((("",), ""), ((), ""), ((), "\n"), (("--password-file", str(tmp_path / "none")), "x")):
        assert file_site.run("passwd", JOE, *words, piped=piped) == 1
        assert "password" in file_site.err
    assert hashed(file_site) == b"on the line"


def test_hashes_alone(file_site: Site) -> None:
    long = "a password that is far longer than the column"
    assert file_site.run("add", JOE, piped=long) == 1
    assert "--hash-only" in file_site.err and long not in file_site.err
    assert file_site.run("add", JOE, "--hash-only", piped=long) == 0
    assert hashed(file_site) == b"" and len(str(file_site.rows("subscriber", "ha1")[0][0])) == 32 + len("b''")


def typed(words: list[str], lines: list[bytes]) -> tuple[int, bytes]:
    """The status of serctl on a terminal where these lines are typed, one for each question; and what the terminal shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "serc.commands.serctl", *words], environment())
    shown = b""
    until = time.monotonic() + 60
    answered = 0
    while time.monotonic() < until:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
        if shown.rstrip().endswith((b"password:", b"once more:")) and answered < len(lines):
            os.write(terminal, lines[answered] + b"\n")
            answered += 1
            shown += b"<answer>"
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_a_password_is_typed_twice_and_never_seen(file_site: Site) -> None:
    status, shown = typed(["add", JOE], [b"secret", b"secret"])
    assert status == 0 and b"new user added" in shown and b"secret" not in shown
    assert hashed(file_site) == b"secret"
    status, shown = typed(["passwd", JOE], [b"first", b"second"])
    assert status == 1 and b"the two passwords differ" in shown
    assert hashed(file_site) == b"secret"


def test_ps_does_not_show_passwords(file_site: Site) -> None:
    """The database takes the connection and says nothing, so that there is time to look."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql://ser:heslo@127.0.0.1:{silent.getsockname()[1]}/ser"
        command = [sys.executable, "-m", "serc.commands.serctl", "--db", url, "passwd", JOE, "hunter2"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment()) as process:
            try:
                silent.settimeout(60)
                silent.accept()
                words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            finally:
                process.kill()
    assert JOE.encode() in words and b"heslo" not in words and b"hunter2" not in words


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["add"], ["nosuch"], ["db", "nosuch"], ["acl", "grant", JOE], ["lcr"], ["--nosuch"]])
def test_a_command_line_that_makes_no_sense(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and "usage: serctl" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out.startswith("serctl ")


@pytest.mark.parametrize(
    "user, complaint",
    [
        ("joe", "domain unknown: use usernames with domain or set default domain in SIP_DOMAIN"),
        ("@example.com", "it has no user"),
        ("joe@", "it has no domain"),
        ("joe@x@y", "'@' cannot stand in a domain"),
        ("jo e@x", "' ' cannot stand in a user"),
        ("jo:e@x", "':' cannot stand in a user"),
        ("joe\n@x", "cannot stand in a user"),
        ("j" * 65 + "@x", "username of table subscriber takes 64 characters"),
    ],
)
def test_users_that_there_cannot_be(file_site: Site, user: str, complaint: str) -> None:
    assert file_site.run("add", user, piped="secret") == 1
    assert complaint in file_site.err
    assert file_site.json("showdb") == []


def test_a_domain_for_all(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_DOMAIN", "example.net")
    assert file_site.run("add", "joe", piped="secret") == 0
    assert file_site.run("add", "joe@[2001:db8::1]", piped="secret") == 0
    assert [row["domain"] for row in file_site.json("showdb")] == ["example.net", "[2001:db8::1]"]


def test_rows_are_lines_and_data(file_site: Site) -> None:
    file_site.run("add", JOE, "--email", "two\nlines", piped="secret")
    assert file_site.run("showdb") == 0
    assert file_site.out == "username\tdomain\temail_address\njoe\texample.com\ttwo\\x0alines\n"
    assert file_site.run("rm", "ann@example.com", "--json") == 1
    assert "non-existent user" in json.loads(file_site.out)["error"]
