"""serctl against running servers. Reference modules-more, part C."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port
from server.conftest import StartServer, alive, environment
from server.conftest import start as start  # the fixture
from server.control_clients import Controlled
from server.processes.test_ending import TM_ROUTES
from starter import run

from serc.commands.ctl.client import parse_reply
from serc.commands.ctl.reading import as_data


def serctl(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("serc.commands.serctl", *arguments, env={**environment(), **variables}, timeout=60)


def test_it_starts_without_the_compiler() -> None:
    loaded = "from serc.commands import serctl; import sys; serctl.parser(); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, env=environment())
    assert "serc.commands.ctl.tracing" in done.stdout.split(), done.stderr
    assert not {"serc.compiler", "serc.frontend", "tatsu", "jinja2", "sqlalchemy"} & set(done.stdout.split())


class Site:
    """A server and serctl for it."""

    def __init__(self, start: StartServer, folder: Path) -> None:
        self.controlled = Controlled(start, folder)
        self.variables = {"SER_FIFO": str(self.controlled.fifo), "SER_FIFO_DIR": str(self.controlled.folder)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return serctl(*arguments, **self.variables)

    def output(self, *arguments: str) -> str:
        done = self(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def site(start: StartServer, tmp_path: Path) -> Site:
    return Site(start, tmp_path)


def test_replies_are_shown_without_the_line_that_says_ok(site: Site) -> None:
    assert site.output("fifo", "print", "hello world") == "hello world\n"
    assert site.output("ps").splitlines()[0] == f"0\t{site.controlled.server.pid}\tattendant"
    assert "Up time: " in site.output("uptime")
    assert re.fullmatch(r"Server: Sip EXpress router [^\r\n]*\n", site.output("version"))
    assert "uptime\n" in site.output("which")


def test_who_does_not_answer_a_ping_is_named(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, routes=TM_ROUTES)
    variables = {"SER_FIFO": str(controlled.fifo), "SER_FIFO_DIR": str(controlled.folder)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        uri = f"sip:alice@127.0.0.1:{silent.getsockname()[1]}"
        done = serctl("ping", uri, "--timeout", "1", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", f"serctl: {uri} did not answer within 1 seconds\n")


def test_what_is_refused_is_shown_and_told_by_the_status(site: Site) -> None:
    done = site("fifo", "nosuch")
    assert (done.returncode, done.stdout, done.stderr) == (1, "500 command 'nosuch' not available\n", "")
    done = site("fifo", "domain_dump")
    assert done.stderr == "the module domain has it, which ser.cfg does not load\n"


def test_the_socket_serves_as_well(site: Site) -> None:
    path = str(site.controlled.socket)
    assert site.output("--socket", path, "fifo", "print", "x") == "x\n"
    assert site.output("ps", "--socket", path) == site.output("ps")
    for words in (("unixsock", "print", "y"), ("fifo", "print", "y")):
        done = serctl(*words, SER_UNIXSOCK=path)
        assert (done.returncode, done.stdout) == (0, "y\n")
    assert "SER_FIFO" not in os.environ
    assert serctl("ps", SER_UNIXSOCK=path, SER_FIFO="/nonexistent").returncode == 2


def test_json_is_data(site: Site) -> None:
    found = json.loads(site.output("--json", "ps"))
    assert found["code"] == 200
    assert found["ps"][0] == {"index": 0, "pid": site.controlled.server.pid, "description": "attendant"}
    assert json.loads(site.output("uptime", "--json"))["uptime"]["seconds"] < 30
    refused = site("fifo", "nosuch", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["code"] == 500


def test_moni_shows_what_the_server_knows(site: Site) -> None:
    text = site.output("moni", "1")
    assert text.startswith("[cycle #: 1;")
    assert "Server: Sip EXpress router" in text and "Up Since" in text
    data = json.loads(site.output("moni", "--once", "--json"))
    assert data["cycle"] == 1 and data["uptime"]["seconds"] < 30


def test_moni_shows_a_server_that_goes_away(site: Site) -> None:
    command = [sys.executable, "-m", "serc.commands.serctl", "moni", "2", "--json"]
    variables = {**environment(), **site.variables, "WATCH_PERIOD": "0.5"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as moni:
        assert moni.stdout is not None
        assert "error" not in json.loads(moni.stdout.readline())
        site.controlled.server.stop()
        assert "Error opening ser's FIFO" in json.loads(moni.stdout.readline())["error"]
        assert moni.wait(5) == 2


def test_moni_is_a_screen_on_a_terminal(site: Site) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (5, 30))
    command = [sys.executable, "-m", "serc.commands.serctl", "moni", "2"]
    # These would count more than the size of the terminal.
    sizeless = {name: value for name, value in environment().items() if name not in ("LINES", "COLUMNS")}
    subprocess.run(command, stdout=theirs, env={**sizeless, **site.variables, "WATCH_PERIOD": "0.01"}, timeout=30)
    text = os.read(ours, 65536).decode()
    for fd in (ours, theirs):
        os.close(fd)
    assert text.startswith("\x1b[2J\x1b[H[cycle #: 1;")
    screens = text.split("\x1b[H")[1:]
    assert len(screens) == 2
    for screen in screens:
        lines = screen.replace("\x1b[K", "").removesuffix("\x1b[J").split("\r\n")
        assert len(lines) == 5 and lines[-1] == ""
        assert all(len(line) < 30 for line in lines)


def test_any_byte_can_be_sent(site: Site) -> None:
    assert site.output("fifo", "print", "--", "-x") == "-x\n"
    command = [sys.executable.encode(), b"-m", b"serc.commands.serctl", b"fifo", b"print", b"caf\xe9 %d \\n"]
    done = subprocess.run(command, capture_output=True, env={**environment(), **site.variables}, timeout=30)
    assert done.stdout.decode() == "caf\ufffd %d \\n\n"


def test_the_other_folder_for_reply_pipes_is_thought_of(site: Site, tmp_path: Path) -> None:
    done = serctl("ps", "--timeout", "0.3", **{**site.variables, "SER_FIFO_DIR": str(tmp_path)})
    assert done.returncode == 4
    assert f"only if {tmp_path} is its fifo_dir (SER_FIFO_DIR)" in done.stderr


def test_no_reply_pipes_are_left(site: Site) -> None:
    site.output("ps")
    assert list(site.controlled.folder.glob("ser_receiver*")) == []


NOBODY = {"SER_FIFO": "/no/fifo"}


@pytest.mark.parametrize(
    "arguments, variables, status, text",
    [
        (("ps",), {"SER_FIFO": "/nonexistent"}, 2, "Make sure you have line fifo=/nonexistent in your config"),
        (("ps", "--socket", "/nonexistent"), {}, 2, "Make sure you have line unix_sock=/nonexistent in your config"),
        (("ps",), {"SER_FIFO": "/dev/null"}, 2, "it is no FIFO\n"),
        (("ps", "--fifo", "/tmp"), {}, 2, "Error opening ser's FIFO /tmp: it is no FIFO\n"),
        (("ps", "--socket", "/tmp"), {}, 2, "Error opening ser's Unix socket /tmp: it is no Unix socket\n"),
        (("nosuch",), {}, 2, "invalid choice"),
        (("fifo",), {}, 2, "the following arguments are required: name\n"),
        (
            ("ps", "--timeout", "0"),
            {},
            2,
            "argument --timeout: 0 is no time to wait: write a number of seconds above 0",
        ),
        (
            ("moni",),
            {"WATCH_PERIOD": "-1"},
            1,
            "WATCH_PERIOD: -1 is no time to wait: write a number of seconds above 0",
        ),
        (("moni", "many"), {}, 2, "loops: many is no number"),
        (("ping", "bob"), {}, 1, "error: invalid URI: bob"),
        (("ul", "show", "bob"), {"SIP_DOMAIN": ""}, 1, "domain unknown: use usernames with domain"),
        (
            ("stop",),
            {"PID_FILE": "/no/file", **NOBODY},
            1,
            "SER probably not running: /no/file is missing; PID_FILE names",
        ),
        (("restart",), {"PID_FILE": "/no/file", **NOBODY}, 1, "No PID file found! SER probably not running"),
        (
            ("stop", "--config", "own.cfg"),
            {},
            2,
            "--config own.cfg means nothing here: it stops the server of the PID file",
        ),
        (
            ("reload", "--config", "own.cfg"),
            {},
            2,
            "--config own.cfg means nothing here: the server reads the file anew",
        ),
        (
            ("ps", "--config", "own.cfg"),
            {},
            2,
            "--config own.cfg means nothing here: ps asks the server that runs; --socket or --fifo say which server is meant",
        ),
        (
            ("--config", "own.cfg", "moni", "1"),
            {},
            2,
            "--config own.cfg means nothing here: moni asks the server that runs",
        ),
        (
            ("moni", "--db", "sqlite:///x"),
            {},
            2,
            "--db means nothing here: moni has nothing to do with the database of users",
        ),
        (("ul", "show", "--db", "sqlite:///x"), {}, 2, "--db means nothing here: ul show has nothing to do"),
        (("restart", "--db", "sqlite:///x"), {}, 2, "--db means nothing here: restart has nothing to do"),
        (("trace", "src=192.0.2.1", "-n", "many"), {}, 2, "argument -n: many: write a number from 1 to 1000"),
        (("trace", "src=192.0.2.1", "--for", "0"), {}, 2, "argument --for: 0: write a number from 1 to 86400"),
        (("trace", "src=192.0.2.1", "--level", "2.5"), {}, 2, "argument --level: 2.5: write a number from -3 to 9"),
    ],
)
def test_errors_say_what_to_do(arguments: tuple[str, ...], variables: dict[str, str], status: int, text: str) -> None:
    done = serctl(*arguments, **variables)
    assert done.returncode == status
    assert text in done.stderr


def test_a_server_that_does_not_answer_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    fd = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    done = serctl("ps", "--timeout", "0.2", SER_FIFO=str(tmp_path / "fifo"), SER_FIFO_DIR=str(tmp_path))
    os.close(fd)
    assert done.returncode == 4
    done = serctl("ps", SER_FIFO=str(tmp_path / "fifo"))
    assert done.returncode == 2
    assert "no server reads it" in done.stderr


def test_a_line_end_in_a_parameter_is_refused(site: Site) -> None:
    done = site("fifo", "print", "x\n\n:kill:")
    assert done.returncode == 1
    assert site.output("fifo", "print", "alive") == "alive\n"


def test_help_names_every_sub_command() -> None:
    done = serctl("--help")
    assert done.returncode == 0
    for word in ("ps", "fifo", "moni", "ping", "start", "stop", "restart", "uptime", "exit status"):
        assert word in done.stdout


def run_in(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """serctl, as a shell runs it that has gone to this folder."""
    variables = {**environment(), **variables, "PWD": str(folder)}
    return run("serc.commands.serctl", *arguments, env=variables, cwd=folder, timeout=60)


def arguments_of(pid: int) -> list[str]:
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    return words[words.index("serc.commands.ser") + 1 :]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a server to start and stop."""
    (tmp_path / "ser.cfg").write_text("route { drop(); }\n".replace("drop()", "break"))
    starter = tmp_path / "ser"
    starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serc.commands.ser "$@"\n')
    starter.chmod(0o755)
    pid_file = tmp_path / "pid"
    yield {
        "PID_FILE": str(pid_file),
        "SERBIN": str(starter),
        "STARTOPTIONS": f"-f {tmp_path}/ser.cfg -T -n 1 -l udp:127.0.0.1:{free_port()}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), 9)


def test_start_stop_and_restart(daemon: dict[str, str]) -> None:
    started = serctl("start", **daemon)
    pid = int(Path(daemon["PID_FILE"]).read_text())
    assert (started.returncode, started.stdout) == (0, f"Starting SER : started pid({pid})\n"), started.stderr
    again = serctl("start", **daemon)
    assert again.returncode == 1
    assert f"PID file exists! ({daemon['PID_FILE']}) already running?" in again.stderr
    restarted = serctl("restart", **daemon)
    assert restarted.returncode == 0, restarted.stderr
    assert restarted.stdout.startswith("Stopping SER : stopped\nStarting SER : started pid(")
    assert not alive(pid)
    new = int(Path(daemon["PID_FILE"]).read_text())
    stopped = serctl("stop", "--json", **daemon)
    assert json.loads(stopped.stdout) == {"stopped": new}
    assert eventually(lambda: not alive(new))


def test_without_options_it_restarts_what_runs(tmp_path: Path, daemon: dict[str, str]) -> None:
    """The names of its files are those of the folder where it was started."""
    options = f"-f ser.cfg -T -n1 -l udp:127.0.0.1:{free_port()}"
    started = run_in(tmp_path, "start", **{**daemon, "STARTOPTIONS": options})
    assert started.returncode == 0, started.stderr
    pid_file = Path(daemon["PID_FILE"])
    pid = int(pid_file.read_text())
    arguments = arguments_of(pid)
    done = serctl("restart", **{**daemon, "STARTOPTIONS": ""})
    assert done.returncode == 0, done.stderr
    new = int(pid_file.read_text())
    assert new != pid and alive(new)
    assert arguments == ["-P", str(pid_file), "-f", "ser.cfg", "-T", "-n1", "-l", options.split()[-1]]
    assert arguments_of(new) == ["-P", str(pid_file), "-f", "ser.cfg", "-T", "-n", "1", "-l", options.split()[-1]]


def test_start_and_restart_take_a_config(tmp_path: Path, daemon: dict[str, str]) -> None:
    own, other = tmp_path / "own.cfg", tmp_path / "other.cfg"
    for config in (own, other):
        config.write_text(f"listen=127.0.0.1:{free_port()}\nroute {{ break; }}\n")
    site = {**daemon, "STARTOPTIONS": "-T -n 1"}
    started = serctl("start", "--config", str(own), **site)
    assert started.returncode == 0, started.stderr
    pid = int(Path(daemon["PID_FILE"]).read_text())
    assert str(own) in arguments_of(pid)
    for variables in (site, daemon, {**daemon, "STARTOPTIONS": ""}):
        done = serctl("restart", "--config", str(other), **variables)
        assert done.returncode == 0, done.stderr
        assert str(other) in arguments_of(int(Path(daemon["PID_FILE"]).read_text()))


def test_no_ser_cfg_anywhere_is_said_with_the_ways_out(tmp_path: Path) -> None:
    if Path("/etc/ser/ser.cfg").exists():
        pytest.skip("this machine has a ser.cfg")
    (tmp_path / "ser").write_text("#!/bin/sh\n")
    (tmp_path / "ser").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = serctl("start", PID_FILE=str(tmp_path / "pid"), SERBIN="", STARTOPTIONS="-T", PATH=path)
    assert done.returncode == 1
    assert "there is no /etc/ser/ser.cfg: name your ser.cfg with --config SER.CFG" in done.stderr
    assert "STARTOPTIONS" in done.stderr


def test_a_server_without_a_pid_file_is_found_by_its_fifo(site: Site, tmp_path: Path) -> None:
    for word in ("stop", "restart"):
        done = serctl(word, **{**site.variables, "PID_FILE": str(tmp_path / "none")})
        assert done.returncode == 1
        assert f"a server answers at {site.controlled.fifo}: process {site.controlled.server.pid}\n" in done.stderr
        assert "serctl fifo kill" in done.stderr


def test_a_server_in_the_foreground_is_left_to_who_started_it(tmp_path: Path, daemon: dict[str, str]) -> None:
    options = [*daemon["STARTOPTIONS"].split(), "-D", "-P", daemon["PID_FILE"]]
    with subprocess.Popen([daemon["SERBIN"], *options], env={**environment(), **daemon}) as server:
        assert eventually(lambda: Path(daemon["PID_FILE"]).exists(), 60)
        done = serctl("restart", **{**daemon, "STARTOPTIONS": ""})
        assert done.returncode == 1
        assert f"process {server.pid} runs in the foreground (-D)" in done.stderr
        assert alive(server.pid)
        server.terminate()
        assert server.wait(60) == 0


def test_a_pid_file_of_a_server_that_is_gone_is_told_from_none(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "pid").write_text(f"{gone.pid}\n")
    done = serctl("stop", PID_FILE=str(tmp_path / "pid"))
    assert done.returncode == 1
    assert f"SER is not running: process {gone.pid} of {tmp_path}/pid is gone" in done.stderr


def test_a_bad_configuration_stops_nothing(daemon: dict[str, str]) -> None:
    assert serctl("start", **daemon).returncode == 0
    config = Path(daemon["PID_FILE"]).parent / "ser.cfg"
    good = config.read_text()
    config.write_text("route { nonsense(); }\n")
    done = serctl("restart", **daemon)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not restarted, it would not start again: " in done.stderr and "nonsense" in done.stderr
    pid = int(Path(daemon["PID_FILE"]).read_text())
    assert alive(pid)
    config.write_text(good)
    told = json.loads(serctl("restart", "--json", **daemon).stdout)
    assert told["stopped"] == pid and alive(told["started"])


def test_a_server_that_cannot_be_started_gives_way_to_the_old_one(tmp_path: Path, daemon: dict[str, str]) -> None:
    """The check binds no sockets: only the start finds that one is taken."""
    config = tmp_path / "ser.cfg"
    good = f'fifo="{tmp_path}/fifo"\nlisten=127.0.0.1:{free_port()}\nroute {{ break; }}\n'
    config.write_text(good)
    site = {**daemon, "STARTOPTIONS": f"-f {config} -T -n 1", "SER_FIFO": f"{tmp_path}/fifo"}
    assert serctl("start", **site).returncode == 0
    pid = int(Path(daemon["PID_FILE"]).read_text())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config.write_text(f'fifo="{tmp_path}/fifo"\nlisten=127.0.0.1:{taken.getsockname()[1]}\nroute {{ break; }}\n')
        done = serctl("restart", **site)
    assert done.returncode == 1
    assert "the old one runs again" in done.stderr
    again = int(Path(daemon["PID_FILE"]).read_text())
    assert (
        f"the old one runs again, pid({again}), with its ser.cfg from before in {daemon['PID_FILE']}.cfg" in done.stderr
    )
    assert again != pid and alive(again)
    assert Path(f"{daemon['PID_FILE']}.cfg").read_text() == good
    shown = serctl("fifo", "reload", "show", **site)
    assert (shown.returncode, shown.stdout) == (0, good)


def test_another_program_with_the_old_number_is_not_stopped(daemon: dict[str, str]) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        Path(daemon["PID_FILE"]).write_text(f"{other.pid}\n")
        done = serctl("stop", **daemon)
        assert done.returncode == 1
        assert "is no SER" in done.stderr
        assert other.poll() is None
    finally:
        Path(daemon["PID_FILE"]).unlink()
        other.kill()
        other.wait()


def test_replies_as_data() -> None:
    stats = parse_reply(
        b"200 ok\nCurrent: 3 (2 waiting) Total: 5 (1 local)       \nReplied localy: 4      \n"
        b"Completion status 6xx: 0, 5xx: 1, 4xx: 2, 3xx: 3,2xx: 4      \n"
    )
    assert as_data("t_stats", stats)["t_stats"] == {
        "current": 3,
        "waiting": 2,
        "total": 5,
        "local": 1,
        "replied_locally": 4,
        "completed": {"2xx": 4, "3xx": 3, "4xx": 2, "5xx": 1, "6xx": 0},
    }
    counters = parse_reply(b"200 OK\n200: 1 202: 0 2xx: 3      \nfailures: 7      \n")
    assert as_data("sl_stats", counters)["sl_stats"] == {"200": 1, "202": 0, "2xx": 3, "failures": 7}
    contacts = parse_reply(b"200 ok\nDomain Registered Expired\n'location' 2 1\n")
    assert as_data("ul_stats", contacts)["ul_stats"] == [{"domain": "location", "registered": 2, "expired": 1}]
    assert as_data("x", parse_reply(b"400: gflags: no\n")) == {"code": 400, "reason": "gflags: no", "lines": []}
    assert parse_reply(b"[l0] node\n").text == "[l0] node\n"
