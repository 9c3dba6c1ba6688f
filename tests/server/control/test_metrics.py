"""--metrics: what a server tells of itself over HTTP, as OpenMetrics that the official parser takes."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from runtime.routing.histogram import Histogram
from runtime.routing.world import Counters
from runtime.server.control.http import BadRequest, HttpRequest, parse_request, response
from runtime.server.control.metrics import FAMILIES, OTHER, ProcessReport, exposition, sample_of
from runtime.server.control.metrics_server import MetricsListener
from runtime.server.host.errors import StartError
from runtime.server.mail.letters.statistics import packed_counts, unpacked_counts
from runtime.server.start.options import MetricsAddress
from server.conftest import OPTIONS, STATEFUL_ROUTES, StartServer
from server.live import People, serving

PROJECT = Path(__file__).parents[3]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """What the official parser makes of it."""
    parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
    for family in parse(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def total(text: str, metric: str, /, **labels: str) -> float:
    return sum(v for n, found, v in samples(text) if n == metric and labels.items() <= found.items())


# --- a server --------------------------------------------------------------------------------------------------------


def test_a_server_tells_what_it_does(start: StartServer) -> None:
    port = free_port()
    server = start("--metrics", f"127.0.0.1:{port}")
    server.ask(OPTIONS)
    before = get(port, "/metrics")[1]
    for _ in range(5):
        server.ask(OPTIONS)
    status, text = get(port, "/metrics")
    assert status == 200
    assert total(text, "ser_requests_total") - total(before, "ser_requests_total") == 5
    assert total(text, "ser_requests_by_method_total", method="OPTIONS") == total(text, "ser_requests_total")
    assert total(text, "ser_sent_total") >= 5
    assert total(text, "ser_process_up") >= 2
    assert any(name == "ser_build_info" for name, _, _ in samples(text))
    assert get(port, "/health") == (200, "alive\n")
    assert get(port, "/ready") == (200, "ready\n")
    assert get(port, "/other")[0] == 404


def test_a_process_that_only_has_connections_tells_of_no_module(start: StartServer) -> None:
    port = free_port()
    tcp = ("-l", f"tcp:127.0.0.1:{free_port()}", "-N", "2")
    server = start("--metrics", f"127.0.0.1:{port}", *tcp, routes=STATEFUL_ROUTES)
    assert server.logs("processes serve")
    for _ in range(3):
        assert get(port, "/ready") == (200, "ready\n")
        text = get(port, "/metrics")[1]
    assert {v for n, _, v in samples(text) if n == "ser_process_up"} == {1}
    assert total(text, "ser_process_up", title="tcp receiver") == 2
    assert [v for n, labels, v in samples(text) if labels.get("module") == "memory"] == [0, 0]
    assert "BUG" not in server.log.read_text() and "restarting it" not in server.log.read_text()


def test_a_process_that_is_replaced_begins_at_0_and_is_told(start: StartServer) -> None:
    port = free_port()
    server = start("--metrics", f"127.0.0.1:{port}")
    for _ in range(3):
        server.ask(OPTIONS)
    victim = server.worker()
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: total(get(port, "/metrics")[1], "ser_process_restarts_total") == 1, 20)
    assert eventually(lambda: get(port, "/ready")[0] == 200, 20)


def test_a_process_that_does_not_answer_is_not_ready(start: StartServer) -> None:
    port = free_port()
    server = start("--metrics", f"127.0.0.1:{port}")
    worker = server.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        status, text = get(port, "/ready")
        assert status == 503 and text.startswith("no answer: receiver child=")
        assert get(port, "/health")[0] == 200
        assert min(v for n, _, v in samples(get(port, "/metrics")[1]) if n == "ser_process_up") == 0
    finally:
        os.kill(worker, signal.SIGCONT)
    assert eventually(lambda: get(port, "/ready")[0] == 200, 20)


def test_a_client_that_says_nothing_or_does_not_read_hinders_nobody(start: StartServer) -> None:
    port = free_port()
    start("--metrics", f"127.0.0.1:{port}").ask(OPTIONS)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for line in idle[:3]:
        line.send(b"GET /metrics HTTP/1.1\r\n")
    assert get(port, "/metrics")[0] == 200
    for line in idle:
        line.close()


def test_more_silent_clients_than_there_is_room_for_hinder_nobody(start: StartServer) -> None:
    """The one that has been silent for longest goes when another one comes."""
    port = free_port()
    start("--metrics", f"127.0.0.1:{port}").ask(OPTIONS)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(70)]
    begun = time.monotonic()
    assert get(port, "/ready") == (200, "ready\n")
    assert get(port, "/health") == (200, "alive\n")
    assert time.monotonic() - begun < 4, "nobody has waited for a silent one to be let go"
    silent[0].settimeout(20)
    assert silent[0].recv(1) == b"", "the first of them has made room"
    for client in silent:
        client.close()


def test_who_goes_on_speaking_behind_the_question_gets_the_answer_and_fills_nothing(start: StartServer) -> None:
    port = free_port()
    server = start("--metrics", f"127.0.0.1:{port}")
    worker = server.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as talker:
            talker.sendall(b"GET /ready HTTP/1.1\r\n\r\n" + b"x" * 100_000)
            answer = talker.recv(12)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert answer == b"HTTP/1.1 503"


def test_a_unix_socket_comes_and_goes(start: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    server = start("--metrics", f"unix:{path}")
    server.ask(OPTIONS)
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(path))
        line.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.stop() == 0
    assert not path.exists()


def test_a_place_that_cannot_be_had_is_said_at_the_start() -> None:
    with pytest.raises(StartError, match="cannot make the socket"):
        MetricsListener(MetricsAddress("/nowhere/at/all", path="/nowhere/at/all"))


# --- the text --------------------------------------------------------------------------------------------------------


def test_names_and_labels_are_escaped_and_the_parser_takes_them() -> None:
    report = ProcessReport(1, 'receiver "0" sock= \\', 2, {"requests": 3, "dns_late": 4, "tm:completed_2xx": 5})
    text = exposition([report, ProcessReport(2, "silent", 0, None)], 1.5, True)
    assert total(text, "ser_questions_total", kind="dns", fate="late") == 4
    assert total(text, "ser_module", module="tm", name="completed_2xx") == 5
    assert total(text, "ser_process_up", title='receiver "0" sock= \\') == 1
    assert total(text, "ser_process_up", title="silent") == 0
    assert text.endswith("# EOF\n")


def test_every_counter_of_a_process_has_its_metric() -> None:
    counters = Counters()
    counters.methods[1] = counters.methods[0] = counters.classes[4] = 1
    for name in counters.as_dict():
        assert sample_of(name, 1)[0] is not OTHER, name


def test_a_histogram_is_cumulative_and_the_parser_takes_it() -> None:
    histogram = Histogram()
    for took_us in (99, 100, 101, 2_000, 40_000_000):
        histogram.add(took_us)
    counts: dict[str, int] = {}
    histogram.tell(counts, "question~mysql://ser@db/ser~1")
    text = exposition([ProcessReport(1, "a", 0, counts), ProcessReport(2, "b", 0, dict(counts))], 1.5, True)
    labels = {"kind": "mysql://ser@db/ser~1", "process": "2"}
    buckets = {
        found["le"]: value
        for name, found, value in samples(text)
        if name == "ser_question_seconds_bucket" and labels.items() <= found.items()
    }
    assert (buckets["0.0001"], buckets["0.00025"], buckets["0.001"], buckets["30.0"], buckets["+Inf"]) == (
        2,
        3,
        3,
        4,
        5,
    )
    assert list(buckets.values()) == sorted(buckets.values())
    assert total(text, "ser_question_seconds_count", **labels) == 5
    assert total(text, "ser_question_seconds_sum", **labels) == pytest.approx(40.0023)


def test_counts_survive_their_way_whatever_they_are_called() -> None:
    counts = {"~question~sqlite:///a b/c=d~100": 3, "requests": 7, "~route~failure_route[1]": 2}
    found = unpacked_counts(packed_counts(counts))
    assert found == {"~question~sqlite:///ab/c=d~100": 3, "requests": 7, "~route~failure_route[1]": 2}


def test_what_all_processes_say_of_the_server_is_told_once() -> None:
    reports = [ProcessReport(n, "w", 0, {"usrloc:users_location": 5, "sqlite:///x_late": 1}) for n in (1, 2)]
    text = exposition(reports, 1.5, True)
    assert total(text, "ser_registered_users", table="location") == 5
    assert total(text, "ser_questions_total", kind="sqlite:///x", fate="late") == 2


MEASURED = """
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "exec.so"
route {{
  record_route();
  if (loose_route()) {{ t_relay(); break; }}
  t_on_reply("1");
  route(1);
}}
route[1] {{ exec_msg("true"); rewritehostport("127.0.0.1:{bob}"); t_relay(); }}
onreply_route[1] {{ break; }}
"""


def test_durations_and_routes_are_measured_where_somebody_wants_to_know(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, MEASURED.format(bob=9), "--metrics", f"127.0.0.1:{port}") as server:
        people = People(server.port)
        server.write(MEASURED.format(bob=people.bob_port))
        assert server.serctl("reload").returncode == 0
        for _ in range(4):
            people.talk()
        text = get(port, "/metrics")[1]
        assert total(text, "ser_handling_seconds_count", method="INVITE") == 4
        assert total(text, "ser_handling_seconds_count", method="reply") >= 8
        assert total(text, "ser_transaction_seconds_count", method="INVITE") == 4
        assert total(text, "ser_transaction_seconds_count", method="BYE") == 4
        assert total(text, "ser_question_seconds_count", kind="exec_commands") == 4
        assert 0 < total(text, "ser_transaction_seconds_sum", method="INVITE") < 60
        assert total(text, "ser_route_runs_total", route="route") == 12
        assert total(text, "ser_route_runs_total", route="route[1]") == 4
        assert total(text, "ser_route_runs_total", route="onreply_route[1]") >= 4
        # A call that is watched counts as all others do, and so does one of the next program.
        trace = server.trace("from=alice", "-n", "1")
        people.talk()
        assert trace.wait() == 0
        assert server.serctl("reload").returncode == 0
        people.talk()
        text = get(port, "/metrics")[1]
        assert total(text, "ser_route_runs_total", route="route") == 18
        assert total(text, "ser_route_runs_total", route="route[1]") == 6
        assert total(text, "ser_transaction_seconds_count", method="INVITE") == 6
        people.end()


def test_the_table_and_the_dashboard_know_what_there_is() -> None:
    page = runpy.run_path(str(PROJECT / "docs" / "generate_metrics.py"))["page"]()
    assert (PROJECT / "docs" / "metrics.md").read_text() == page, "run docs/generate_metrics.py"
    dashboard = json.loads((PROJECT / "contrib" / "grafana-dashboard.json").read_text())
    known = {family.name + ("_total" if family.type == "counter" else "") for family in FAMILIES}
    known |= {family.name + "_bucket" for family in FAMILIES if family.type == "histogram"}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert set(re.findall(r"ser_\w+", target["expr"])) <= known, target


# --- HTTP ------------------------------------------------------------------------------------------------------------


def test_requests_are_taken_when_they_are_complete() -> None:
    data = b"HEAD /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    for size in range(len(data)):
        assert parse_request(data[:size]) is None
    assert parse_request(data) == HttpRequest("/metrics", True)
    assert response(200, "abc", is_head=True).endswith(b"Content-Length: 3\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"POST / HTTP/1.1\r\n\r\n", 405), (b"hello\r\n\r\n", 400), (b"GET / SIP/2.0\r\n\r\n", 400), (b"x" * 9000, 400)],
)
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as e:
        parse_request(data)
    assert e.value.status == status
