"""Calls that go wrong in every way: structure-aware and transaction-aware fuzzing of whole servers, with scripts that edit.

    PYTHONPATH=.:tests .venv/bin/python -m fuzz.fuzzing --messages 1000000 [--seed N] [--calls N]

runs until so many messages have been handled, or one of the things that must always hold does not. Then it makes the shortest run that
still shows it, writes that into tests/fuzz/findings, where the tests replay it for ever, and ends with 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Final

from engine import Names, vias
from script import Site
from sip.test_fuzz import changed

from runtime.modules.tm import Tm
from runtime.routing.dns_records import Naptr
from runtime.sip.address import TCP, Address
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import ambiguity_in
from runtime.sip.transport import Send

FINDINGS: Final = Path(__file__).parent / "findings"
# With more calls a script the compiler takes less of the time, and fewer scripts are tried.
CALLS: Final = 6
_RECENT: Final = 30
CALLER: Final = 5080
CALLEE: Final = 5090
# After so long whatever a script did nothing is pending any more: fr_inv_timer, fr_timer and wt_timer together, and some.
ALL_OVER_MS: Final = 400_000

_EDITS: Final = (
    'replace("Max", "M\\r\\n");',
    'replace("Call-ID:", "X:");',
    'replace("Via", "Vi");',
    'replace("CSeq: ", "");',
    'subst("/^To:(.*)/To: <sip:x@y>;a=b/");',
    'replace_all("=", "==");',
    'search_append("Contact", "X");',
    'append_hf("X-A: 1\\r\\n");',
    'remove_hf("Content-Length");',
    'remove_hf("Route");',
    'remove_hf("Via");',
    'append_urihf("X-U: <", ">\\r\\n");',
    "record_route();",
    'rewriteuser("a b");',
    'prefix("0");',
    'append_branch("sip:c@127.0.0.1:5091");',
    'append_to_reply("X-R: 1\\r\\n");',
    "force_rport();",
    "setflag(1);",
    'fix_nated_sdp("3");',
    "fix_nated_contact();",
    'add_diversion("unknown");',
    'xlog("L_INFO", "%rm %ru %ci\\n");',
    'enum_query("hostile.");',
)
# What a name server says of the number +4912, which those may write who have nothing else to do with this server.
_HOSTILE: Final = {
    b"2.1.9.4.hostile.": [
        Naptr(1, number, "u", "E2U+sip", f"!{pattern}!{uri}!")
        for number, (pattern, uri) in enumerate(
            (
                ("(.?){1,500}x?$", "sip:a@h"),
                (r"^(.*)\1$", "sip:a@h"),
                ("^.*$", "sip:a@h>\r\nX-Evil: 1\r\nX: <"),
                ("^.*$", "sip:a\0b@127.0.0.1:5090"),
                ("^.*$", "sip:" + "a" * 200 + "@127.0.0.1:5090;transport=tcp"),
                (r"^\+(.*)$", r"sip:\1@127.0.0.1:5090;lr?Route=%3Csip:x%3E"),
                ("^.*$", "tel:+1"),
            )
        )
    ]
}
_PARAMETERS: Final = ("", "", 'modparam("tm", "drop_stray_replies", 1)\n', 'modparam("rr", "signed", 1)\n')
# So many of them may stand in any route.
_EVERYWHERE: Final = 11
_ENDS: Final = (
    "t_relay();",
    "if (!t_relay()) { sl_reply_error(); };",
    't_newtran(); t_reply("486", "Busy");',
    'sl_send_reply("200", "OK");',
    "forward(127.0.0.1, 5090);",
    't_on_failure("1"); t_on_reply("1"); t_relay();',
    't_relay_to_tcp("127.0.0.1", "5090");',
    "if (loose_route()) { t_relay(); } else { forward(127.0.0.1, 5090); };",
)


class Broken(Exception):
    """Something that must always hold does not."""


def script_of(chance: random.Random) -> str:
    """A ser.cfg that changes messages, some more than is good for them."""
    edits = "".join(chance.sample(_EDITS, chance.randrange(4)))
    later = "".join(chance.sample(_EDITS[:_EVERYWHERE], chance.randrange(3)))
    return (
        f"{chance.choice(_PARAMETERS)}"
        f'route {{ if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); break; }};\n{edits}\n'
        f'{chance.choice(_ENDS)} }}\nfailure_route[1] {{ append_branch("sip:d@127.0.0.1:5092"); t_relay(); }}\n'
        f"onreply_route[1] {{ {later}; }}\n"
    )


class Run:
    """A server with a script of its own, and everything that is said to it: `said` can be replayed."""

    def __init__(self, script: str) -> None:
        self.script: Final = script
        self.site: Final = Site(
            script, "sl tm rr maxfwd textops nathelper diversion xlog enum", names=Names(naptr=_HOSTILE)
        )
        self.now_ms = 1_000_000
        tm = self.site.engine.world.modules["tm"]
        assert isinstance(tm, Tm)
        self._tm: Final = tm
        tm.begin(self.site.engine.world, self.now_ms)
        self.said: list[tuple[int, bool, bytes]] = []

    def say(self, wait_ms: int, over_tcp: bool, data: bytes) -> list[Send]:
        """What comes of a message, and of the time that passes before it. Raises Broken."""
        self.said.append((wait_ms, over_tcp, data))
        sends = self._pass(wait_ms)
        socket = next(s for s in self.site.sockets if (s.proto == TCP) == over_tcp)
        source = Address.parse("127.0.0.1", CALLER if not data.startswith(b"SIP") else CALLEE)
        sends += self.site.engine.receive(data, source, socket, self.now_ms, 7 if over_tcp else 0)
        self._check(sends)
        return sends

    def end(self) -> None:
        """Everything that has begun ends. Raises Broken."""
        self._check(self._pass(ALL_OVER_MS))
        pending = len(self._tm.core.layer.table)
        if pending or self._tm.core.layer.counts.held_bytes:
            raise Broken(f"{pending} transactions never end")

    def _pass(self, ms: int) -> list[Send]:
        engine = self.site.engine
        until = self.now_ms + ms
        sends: list[Send] = []
        while True:
            step = engine.next_timer_ms(self.now_ms)
            if step < 0 or self.now_ms + step > until:
                self.now_ms = until
                return sends
            self.now_ms += max(1, int(step))
            sends += engine.tick(self.now_ms)

    def _check(self, sends: list[Send]) -> None:
        world = self.site.engine.world
        if world.bugs.count:
            raise Broken(next(line for line in self.site.lines() if line.startswith("BUG")))
        if len(sends) > 500:
            raise Broken(f"{len(sends)} messages at once")
        for send in sends:
            if b"\nX-Evil:" in send.data:
                raise Broken(f"a header of somebody else: {send.data!r}")
            if send.socket.proto == TCP and send.data:
                _check_stream(send.data)


def _check_stream(data: bytes) -> None:
    """What goes into a stream ends where its Content-Length says."""
    head, _, body = data.partition(b"\r\n\r\n")
    head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    lengths = [
        line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith((b"content-length", b"l:"))
    ]
    if (
        b"\n\n" not in head
        and lengths
        and not any(int(value) == len(body) for value in lengths if value.strip().isdigit())
    ):
        raise Broken(f"Content-Length is not that of the body: {data!r}")


def request(chance: random.Random, method: str, call: int) -> bytes:
    route = chance.choice(("", "", "", "Route: <sip:127.0.0.1:5070;lr>, <sip:127.0.0.1:5090;lr>\r\n"))
    uri = chance.choice(
        (
            "sip:bob@127.0.0.1:5090",
            "sip:bob@127.0.0.1:5090;transport=tcp",
            "tel:+1",
            "sip:127.0.0.1:5070",
            "sip:+4912@h",
        )
    )
    body = chance.choice(("", "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"))
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{CALLER};branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\n{route}"
        f"From: <sip:a@h>;tag=f\r\nTo: <sip:b@h>{';tag=t' if method == 'BYE' else ''}\r\nCall-ID: c{call}\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:a@10.0.0.1>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def reply(chance: random.Random, to: Send) -> bytes:
    """What who got this request may say to it."""
    code = chance.choice((100, 180, 200, 302, 401, 404, 486, 487, 503, 603))
    lines = [f"SIP/2.0 {code} R", *(f"Via: {via}" for via in vias(to.data))]
    kept = (b"from:", b"to:", b"call-id:", b"cseq:", b"record-route:")
    lines += [line.decode("latin-1") for line in to.data.split(b"\r\n") if line.lower().startswith(kept)]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode("latin-1")


def fuzz(seed: int, calls: int = CALLS) -> Run:
    """One run of so many calls. Raises Broken, with the run in `args`."""
    chance = random.Random(seed)
    run = Run(script_of(chance))
    try:
        asked: list[Send] = []
        for call in range(calls):
            for method in chance.choices(("INVITE", "INVITE", "CANCEL", "ACK", "OPTIONS", "BYE"), k=3):
                data = request(chance, method, call)
                if chance.random() < 0.5:
                    data = changed(data, chance)
                asked += _said(run, chance, data)
            # What was asked long ago is over.
            recent = asked[-_RECENT:]
            for send in chance.sample(recent, min(len(recent), 4)):
                answer = reply(chance, send)
                if chance.random() < 0.4:
                    answer = changed(answer, chance)
                asked += _said(run, chance, answer)
        run.end()
    except Broken as e:
        raise Broken(str(e), run) from e
    return run


def _said(run: Run, chance: random.Random, data: bytes) -> list[Send]:
    sends = run.say(chance.choice((0, 0, 0, 100, 1500, 40_000)), chance.random() < 0.2, data)
    return [send for send in sends if send.data and not send.data.startswith(b"SIP/2.0")]


def replay(script: str, said: list[tuple[int, bool, bytes]]) -> None:
    """Raises Broken if it still is."""
    run = Run(script)
    for wait_ms, over_tcp, data in said:
        run.say(wait_ms, over_tcp, data)
    run.end()


def shortened(script: str, said: list[tuple[int, bool, bytes]]) -> list[tuple[int, bool, bytes]]:
    """Without what is not needed to break it. Replies that name branches of another run are lost; where they matter all is kept."""
    kept = list(said)
    size = max(1, len(kept) // 2)
    while size:
        place = 0
        while place < len(kept):
            shorter = kept[:place] + kept[place + size :]
            try:
                replay(script, shorter)
                place += size
            except Broken:
                kept = shorter
        size //= 2
    return kept


def is_refused(data: bytes) -> bool:
    """True for what never reaches a script."""
    try:
        return bool(ambiguity_in(parse(data)))
    except BadMessage:
        return True


def read(finding: Path) -> tuple[str, list[tuple[int, bool, bytes]]]:
    """The script and the messages of a finding."""
    script, _, rest = finding.read_text("utf-8").partition("\n%%\n")
    said = []
    for line in rest.splitlines():
        wait_ms, over_tcp, data = line.split(" ", 2)
        said.append((int(wait_ms), over_tcp == "1", bytes.fromhex(data)))
    return script, said


def write(name: str, script: str, said: list[tuple[int, bool, bytes]]) -> Path:
    lines = "".join(f"{wait_ms} {int(over_tcp)} {data.hex()}\n" for wait_ms, over_tcp, data in said)
    place = FINDINGS / f"{name}.txt"
    place.write_text(f"{script}\n%%\n{lines}", "utf-8")
    return place


def main() -> int:
    options = argparse.ArgumentParser(description="Fuzz a server with scripts that edit.")
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--calls", type=int, default=CALLS, help="calls through each script")
    given = options.parse_args()
    handled, seed = 0, given.seed
    while handled < given.messages:
        try:
            handled += len(fuzz(seed, given.calls).said)
        except Broken as e:
            run = e.args[1]
            print(f"seed {seed}: {e.args[0]}\n{run.script}")
            print("kept in", write(f"seed-{seed}", run.script, shortened(run.script, run.said)))
            return 1
        seed += 1
    print(f"{handled} messages, seeds {given.seed} to {seed - 1}: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
