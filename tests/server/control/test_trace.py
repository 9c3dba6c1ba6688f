"""`serctl trace`: somebody watches calls of a running server."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.conftest import options
from patience import eventually

from runtime.server.control.tracing import BadTrace, Options
from serc.commands import serctl
from server.live import LiveServer, People, kill, serving

CFG = """
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "exec.so"
loadmodule "group.so"
loadmodule "textops.so"
loadmodule "xlog.so"
modparam("group", "db_url", "sqlite:///{folder}/db")
route {{
  record_route();
  if (loose_route()) {{ t_relay(); break; }}
  if (method == "OPTIONS") {{ sl_send_reply("200", "{answer}"); break; }}
  if (uri =~ "^sip:paid") {{
    if (!search("^Proxy-Authorization:")) {{ sl_send_reply("407", "Who Is It"); break; }}
    sl_send_reply("200", "OK");
    break;
  }}
  if (uri =~ "^sip:slow") exec_msg("true");
  if (is_user_in("From", "far")) setflag(3);
  if (isflagset(3)) log(1, "far\\n");
  t_on_failure("1");
  t_on_reply("2");
  rewritehostport("127.0.0.1:{bob}");
  route(1);
}}
route[1] {{ xlog("L_NOTICE", "to %ru\\n"); if (!t_relay()) sl_reply_error(); }}
failure_route[1] {{ if (t_check_status("486")) t_reply("404", "Not Here"); }}
onreply_route[2] {{ if (status =~ "18[0-9]") log(1, "it rings\\n"); }}
"""


def cfg(folder: Path, bob: int, answer: str = "OK") -> str:
    return CFG.format(folder=folder, bob=bob, answer=answer)


class Site:
    """A server, and people."""

    def __init__(self, server: LiveServer, people: People, folder: Path) -> None:
        self.server = server
        self.people = people
        self.folder = folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("trace")
    _make_groups(folder)
    with serving(folder, cfg(folder, 9), "-dddd") as server:
        people = People(server.port, "slow")
        server.write(cfg(folder, people.bob_port))
        assert server.serctl("reload").returncode == 0, server.log.read_text()
        yield Site(server, people, folder)
        people.end()


def _make_groups(folder: Path) -> None:
    assert serctl.main(["--db", f"sqlite:///{folder}/db", "db", "create"]) == 0


@pytest.mark.parametrize("by", ["socket", "fifo"])
def test_a_call_is_shown_statement_by_statement_and_as_a_ladder(site: Site, by: str) -> None:
    trace = site.server.trace("from=alice", "-n", "1", by=by)
    call = site.people.talk()
    assert trace.wait() == 0, trace.text
    lines = [line.strip() for line in trace.lines]
    assert f"call 1: {call.call_id}, sip:alice@example.com -> sip:slow@example.com" in trace.text
    rewritten = next(i for i, line in enumerate(lines) if "rewritehostport(" in line)
    assert lines[rewritten + 1] == f"uri: sip:slow@example.com -> sip:slow@127.0.0.1:{site.people.bob_port}"
    assert any(line.endswith("sip:slow@example.com: yes") and 'if uri =~ "^sip:slow"' in line for line in lines)
    relayed = next(i for i, line in enumerate(lines) if "t_relay()" in line and "if" in line)
    assert lines[relayed + 1].startswith("sends 100 ")
    assert lines[relayed + 2].startswith("sends INVITE sip:slow@127.0.0.1:")
    # What it waited for, a program and a row.
    assert "waits for exec" in trace.text and "exit status 0" in trace.text
    assert "select grp from grp where" in trace.text and "no row" in trace.text
    # Lines of the log, of the onreply route, too.
    assert f"log: to slow@127.0.0.1:{site.people.bob_port}" in trace.text and "log: it rings" in lines
    ladder = trace.lines[trace.lines.index("", relayed) :]
    heads = [word for line in ladder for word in line.split() if word.startswith("udp:")]
    assert heads == [f"udp:127.0.0.1:{p}" for p in (site.people.alice_port, site.server.port, site.people.bob_port)]
    # Without their times, for on a busy machine Alice may have repeated something.
    rungs = {line[10:] for line in ladder if ">" in line or "<" in line}
    assert [sum(word in rung for rung in rungs) for word in ("INVITE", "ACK", "BYE")] == [7, 2, 4], "\n".join(rungs)


def test_a_request_without_a_transaction_is_over_with_its_answer(site: Site) -> None:
    trace = site.server.trace("method=OPTIONS", "-n", "1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(30)
        probe.sendto(options(site.server.port, probe.getsockname()[1]), ("127.0.0.1", site.server.port))
        assert probe.recv(65536).startswith(b"SIP/2.0 200 ")
    assert trace.wait() == 0
    assert [
        word for line in trace.lines if "|" in line for word in ("OPTIONS -", "200 OK (OPTIONS)") if word in line
    ] == [
        "OPTIONS -",
        "200 OK (OPTIONS)",
    ], trace.text


def test_a_request_that_comes_again_with_credentials_is_in_the_same_ladder(site: Site) -> None:
    trace = site.server.trace("call-id=paid@test", "-n", "1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(30)
        server, port = ("127.0.0.1", site.server.port), phone.getsockname()[1]
        phone.sendto(_paid(port, 1), server)
        assert phone.recv(65536).startswith(b"SIP/2.0 407 ")
        phone.sendto(_paid(port, 2, 'Proxy-Authorization: Digest username="alice"\r\n'), server)
        assert phone.recv(65536).startswith(b"SIP/2.0 200 ")
    assert trace.wait() == 0, trace.text
    rungs = [line[10:].strip(" |<>-") for line in trace.lines if "|" in line and ("--" in line or "<-" in line)]
    told = [next(word for word in ("407", "200", "MESSAGE") if word in rung) for rung in rungs]
    assert told == ["MESSAGE", "407", "MESSAGE", "200"], trace.text
    assert "call 2" not in trace.text


def _paid(port: int, number: int, more: str = "") -> bytes:
    lines = [
        "MESSAGE sip:paid@example.com SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-paid-{number}",
        "From: <sip:alice@example.com>;tag=a", "To: <sip:paid@example.com>", "Call-ID: paid@test",
        f"CSeq: {number} MESSAGE", "Max-Forwards: 70",
    ]  # fmt: skip
    return ("\r\n".join(lines) + f"\r\n{more}Content-Length: 0\r\n\r\n").encode()


def test_secrets_are_not_shown(site: Site) -> None:
    trace = site.server.trace("from=alice", "-n", "1", "--whole")
    site.people.talk()
    assert trace.wait() == 0
    assert 'Authorization: Digest username="alice"' in trace.text and "5ec5e7" not in trace.text


def test_programs_read_json(site: Site) -> None:
    trace = site.server.trace("from=alice", "-n", "1", "--json")
    call = site.people.talk()
    assert trace.wait() == 0
    assert trace.of("call")[0]["call_id"] == call.call_id
    assert trace.of("begin")[0]["statements"] is True
    ran = trace.of("ran")
    steps = [step for event in ran for step in event["steps"]]
    assert {"line", "column", "code", "outcome", "left", "changes", "sent", "log"} <= steps[0].keys()
    assert {event["route"] for event in ran} == {"route", "onreply_route[2]"}
    waits = {event["question"]: event for event in trace.of("asked")}
    answers = {event["question"]: event for event in trace.of("answered")}
    assert waits.keys() == answers.keys() and len(waits) == 2
    assert [event["message"].split()[0] for event in trace.of("received")][:2] == ["INVITE", "SIP/2.0"]
    assert trace.of("end")[0]["why"] == "the call is over"


def test_a_failure_route_is_traced(site: Site) -> None:
    busy = People(site.server.port, busy=True)
    site.server.write(cfg(site.folder, busy.bob_port))
    assert site.server.serctl("reload").returncode == 0
    trace = site.server.trace("from=alice", "-n", "1", "--json")
    assert busy.talk().status == 404
    assert trace.wait() == 0
    failed = next(event for event in trace.of("ran") if event["route"] == "failure_route[1]")
    assert [step["code"] for step in failed["steps"] if step["kind"] == "call"] == [
        't_check_status("486")',
        't_reply("404", "Not Here")',
    ]
    assert failed["steps"][-1]["sent"][0]["message"].startswith("SIP/2.0 404 Not Here")
    busy.end()
    site.server.write(cfg(site.folder, site.people.bob_port))
    assert site.server.serctl("reload").returncode == 0


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["call-id=other@alice"], 1),
        (["call-id=nobody@alice", "--for", "3"], 0),
        (["from=al*", "to=slow@example.com", "-n", "2"], 2),
        (["method=invite", "src=127.0.0.0/8", "-n", "3"], 3),
        (["src=127.0.0.9", "--for", "3"], 0),
        (["from=bob", "--for", "3"], 0),
    ],
)
def test_only_the_calls_that_are_wanted_are_told(site: Site, words: list[str], count: int) -> None:
    trace = site.server.trace(*words, "--json", *(["-n", "1"] if count == 1 else []))
    called = [site.people.talk("other@alice" if i == 2 and count == 1 else "").call_id for i in range(4)]
    assert trace.wait() == 0
    told = [event["call_id"] for event in trace.of("call")]
    assert len(told) == count and set(told) <= set(called)
    assert {event["call"] for event in trace.events if "call" in event} == set(range(1, count + 1))


def test_a_reload_meanwhile_goes_on_with_the_new_statements(site: Site) -> None:
    trace = site.server.trace("from=alice", "-n", "2", "--json")
    site.people.talk()
    site.server.write(cfg(site.folder, site.people.bob_port).replace("setflag(3)", "setflag(4)"))
    assert site.server.serctl("reload").returncode == 0
    assert trace.shows('"begin", "trace"')
    assert eventually(lambda: len(trace.of("begin")) == 2, 60)
    site.people.talk()
    assert trace.wait() == 0
    versions = [event["version"] for event in trace.of("ran")]
    assert versions == sorted(versions) and len(set(versions)) == 2


def test_who_goes_away_leaves_nothing_behind(site: Site) -> None:
    for by in ("socket", "fifo"):
        before = site.server.log.read_text().count("trace: over")
        trace = site.server.trace("from=alice", by=by)
        trace.kill()
        assert eventually(lambda: site.server.log.read_text().count("trace: over") >= before + 2, 60), by
    trace = site.server.trace("from=alice")
    site.people.talk()
    assert trace.shows("BYE")
    assert trace.interrupt() == 0
    assert "|----" in trace.text.replace(" ", ""), "no ladder"


def test_who_stops_reading_keeps_nobody_from_calls_and_commands(site: Site) -> None:
    stopped = site.server.trace("method=*", "-n", "1000", "--whole")
    os.kill(stopped.process.pid, signal.SIGSTOP)
    try:
        for _ in range(30):
            site.people.talk()
        assert site.server.serctl("uptime").returncode == 0
    finally:
        os.kill(stopped.process.pid, signal.SIGCONT)
    assert stopped.shows("BYE")
    stopped.kill()


def test_who_stops_reading_delays_no_other_who_watches(site: Site) -> None:
    stopped = site.server.trace("method=*", "-n", "1000", "--whole")
    os.kill(stopped.process.pid, signal.SIGSTOP)
    try:
        for _ in range(100):
            site.people.talk()
        trace = site.server.trace("from=alice", "-n", "1", "--json")
        site.people.talk()
        assert trace.wait() == 0
        assert not trace.of("lost") and len(trace.of("ran")) >= 4
    finally:
        os.kill(stopped.process.pid, signal.SIGCONT)
    assert stopped.shows("events lost")
    stopped.kill()


def test_the_client_hears_which_process_does_not_watch_yet(site: Site) -> None:
    pid = site.server.workers()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        trace = site.server.trace("from=alice", "-n", "1")
        assert trace.shows("-- receiver child=0") and trace.shows("does not watch yet")
        assert trace.lines[0].startswith("watching version")
    finally:
        os.kill(pid, signal.SIGCONT)
    call = site.people.talk()
    assert trace.wait() == 0 and call.call_id in trace.text


def _ask(site: Site, request: bytes, *along: int) -> bytes:
    """The answer to a datagram with descriptors."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.bind("")
        client.connect(str(site.server.socket))
        socket.send_fds(client, [request], list(along))
        return client.recv(65536)


def test_a_trace_by_the_socket_needs_a_stream_to_tell_it_to(site: Site) -> None:
    read, write = os.pipe()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        for along in ((), (write,), (other.fileno(),), (write, read)):
            assert _ask(site, b":trace:\nfrom=alice\n", *along).startswith(b"400 trace: no socket "), along
    # What came along is closed, also with a command that has no use for it, or none at all.
    os.set_blocking(read, False)
    assert _ask(site, b":uptime:\n", write).startswith(b"200 ")
    assert _ask(site, b"nonsense", write).startswith(b"400 First line malformed")
    os.close(write)
    assert os.read(read, 1) == b"", "the server holds the other end"
    os.close(read)


def test_a_worker_that_dies_is_watched_again_when_it_is_back(site: Site) -> None:
    trace = site.server.trace("from=alice", "-n", "3", "--json")
    for pid in site.server.workers():
        kill(pid)
    assert trace.shows("was replaced")
    assert trace.shows("child=1") or trace.shows("child=0")
    until = time.monotonic() + 60
    while not trace.of("ran"):
        site.people.talk()
        assert time.monotonic() < until, trace.text
    trace.kill()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nonsense"], "nonsense: write NAME=VALUE, as in from=alice"),
        (["form=alice"], "there is no form=: write call-id=, from=, to=, src=, method="),
        (["src=alice"], "src=alice: write an IP address, address:port or network/length"),
        (["from="], "from= needs a value"),
        (["from=alice", "from=bob"], "from= is there twice: a call has to meet all that is given"),
    ],
)
def test_what_makes_no_sense_is_said(site: Site, words: list[str], why: str) -> None:
    said = site.server.serctl("trace", *words)
    assert said.returncode == 1 and why in said.stderr


def test_a_method_that_is_nearly_one_is_told_and_watched(site: Site) -> None:
    said = site.server.serctl("trace", "method=INVIET", "--for", "1")
    assert "no standard has a method INVIET: did you mean INVITE?" in said.stderr and said.returncode == 0
    assert site.server.serctl("trace", "method=FETCH", "--for", "1").stderr == ""


@pytest.mark.parametrize("number", ["0", "1001", "many"])
def test_the_server_looks_at_the_number_of_calls_too(number: str) -> None:
    with pytest.raises(BadTrace, match=f"n={number}: write a number from 1 to 1000"):
        Options(f"from=alice n={number}")
