"""An operator's evening: a route is changed under load, watched, found wrong, and taken back. No call fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patience import eventually

from runtime.build import NATIVE
from server.live import PATIENCE_S, People, serving

# Calls a second: the pure build is not made for 200, least of all beside other tests.
RATE = 200 if NATIVE else 15

CFG = """
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); break; }}
  record_route();
  if (loose_route()) {{ t_relay(); break; }}
  # Numbers of the house are called with a 9 in front.
  {change}
  rewritehostport("127.0.0.1:{bob}");
  if (!t_relay()) sl_reply_error();
}}
"""
GOOD = 'if (uri =~ "^sip:9") strip(1);'
# Meant for numbers that begin with 9, too, but this takes the first digit of all.
WRONG = 'if (uri =~ "^sip:[0-9]") strip(1);'


@contextmanager
def load(people: People) -> Iterator[None]:
    """Calls all the time."""
    over = threading.Event()

    def call() -> None:
        began = time.monotonic()
        count = 0
        while not over.is_set():
            while count < (time.monotonic() - began) * RATE:
                people.call()
                count += 1
            over.wait(0.5 / RATE)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def called(people: People, since: int) -> set[str]:
    """What Bob's phone has been called since that message."""
    texts = [text for text in people.texts_of_bob[since:] if text.startswith("INVITE ")]
    return {text.split()[1].partition("@")[0] for text in texts}


def test_a_change_that_goes_wrong_is_seen_and_taken_back_and_no_call_fails(tmp_path: Path) -> None:
    with serving(tmp_path, CFG.format(change=GOOD, bob=9)) as server:
        people = People(server.port, callee="4711")
        good = CFG.format(change=GOOD, bob=people.bob_port)
        server.write(good)
        assert server.serctl("reload").returncode == 0
        with load(people):
            assert eventually(lambda: called(people, 0) == {"sip:4711"}, PATIENCE_S)
            server.write(CFG.format(change=WRONG, bob=people.bob_port))
            assert "can be reloaded" in server.serctl("reload", "--check").stdout
            assert f"+  {WRONG}" in server.serctl("reload", "--diff").stdout
            assert server.serctl("reload").returncode == 0
            # One call is watched, and shows what has gone wrong.
            trace = server.trace("to=4711@example.com", "-n", "1")
            assert trace.wait() == 0, trace.text
            if "strip(1)" not in trace.text:
                # It was on its way when the program changed, and keeps the one that it began with.
                trace = server.trace("to=4711@example.com", "-n", "1")
                assert trace.wait() == 0, trace.text
            lines = [line.strip() for line in trace.lines]
            wrong = next(i for i, line in enumerate(lines) if "strip(1)" in line)
            assert lines[wrong + 1] == "uri: sip:4711@example.com -> sip:711@example.com", trace.text
            assert server.serctl("reload", "--rollback").returncode == 0
            since = len(people.texts_of_bob)
            # What was on its way when the program went back may still have been of the other one.
            trace = server.trace("to=4711@example.com", "-n", "1")
            assert trace.wait() == 0 and "strip(1)" not in trace.text and " BYE " in trace.text
            last = len(people.texts_of_bob)
            assert eventually(lambda: len(called(people, last)) > 0, PATIENCE_S)
        assert eventually(lambda: all(call.is_over for call in people.calls.values()), PATIENCE_S)
        people.end()
        assert {(call.status, call.is_wrong) for call in people.calls.values()} == {(200, "")}
        assert called(people, last) == {"sip:4711"} and "sip:711" in called(people, 0)
        assert since > 0 and "BUG" not in server.log.read_text()
