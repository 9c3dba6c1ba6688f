"""Random scripts with side effects do the same whether the names that they ask for are known already or still have to be asked for."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from engine import Names
from script import Site, request

from runtime.modules.tm import Tm

HOSTS = {"one.test": "192.0.2.1", "two.test": "192.0.2.2", "source.test": "127.0.0.1"}
MODULES = "sl tm maxfwd xlog exec avpops textops pike"
SCRIPTS = 50


class Script:
    """A ser.cfg out of random statements, and the requests that it gets. `log` is the file that its commands write to."""

    def __init__(self, seed: int, log: Path) -> None:
        self.chance = random.Random(seed)
        self._log = log
        self._number = 0
        routes = [f"route[{i}] {{\n{self._block(1)}}}\n" for i in (1, 2)]
        main = f"route {{\n{self._block(2, routes=True)}{self._end()}}}\n"
        self.text = 'modparam("pike", "reqs_density_per_unit", 3)\n' + main + "".join(routes)
        methods = [self.chance.choice(("INVITE", "OPTIONS", "MESSAGE")) for _ in range(5)]
        self.requests = [
            request(
                method,
                f"sip:bob@{self.chance.choice((*HOSTS, '127.0.0.1'))}:5090",
                Call_ID=f"c{i}",
                Via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{i}",
            )
            for i, method in enumerate(methods)
        ]

    def _block(self, depth: int, routes: bool = False) -> str:
        return "".join(self._statement(depth, routes) + "\n" for _ in range(self.chance.randrange(1, 4)))

    def _statement(self, depth: int, routes: bool) -> str:
        self._number += 1
        n = self._number
        effects = (
            f'xlog("L_ERR", "{n}: %ru %mf\\n");',
            f'exec("echo {n} >> {self._log}");',
            f'exec_msg("head -1 >> {self._log}; exit {n % 2}");',
            f'avp_write("v{n}", "s:x"); avp_pushto("$X-Avp-{n}", "s:x");',
            f'append_hf("X-Hf: {n}\\r\\n");',
            f'prefix("{n % 10}");',
            f"setflag({n % 20 + 1});",
            'mf_process_maxfwd_header("10");',
            f'if (!pike_check_req()) {{ log(1, "pike {n}\\n"); }}',
        )
        if routes and self.chance.random() < 0.2:
            return f"route({self.chance.choice((1, 2))});"
        if depth > 0 and self.chance.random() < 0.5:
            return f"if ({self._condition(n)}) {{\n{self._block(depth - 1)}}} else {{\n{self._block(depth - 1)}}}"
        return self.chance.choice(effects)

    def _condition(self, n: int) -> str:
        asks = (
            "src_ip == source.test",
            "src_ip == one.test",
            "src_ip == none.test",
            "dst_ip == two.test",
            'src_ip =~ "source"',
        )
        knows = (f"isflagset({n % 20 + 1})", 'method == "INVITE"', f'exec_msg("exit {n % 3}")')
        return self.chance.choice(asks if self.chance.random() < 0.7 else knows)

    def _end(self) -> str:
        host = self.chance.choice(("one.test", "two.test"))
        return self.chance.choice(
            (
                f'rewritehost("{host}"); forward(uri:host, uri:port);\n',
                'rewritehost("none.test"); if (!forward(uri:host, uri:port)) { sl_reply_error(); }\n',
                f'rewritehost("{host}"); t_relay();\n',
                't_newtran(); if (src_ip == two.test) { t_reply("200", "OK"); } else { t_reply("404", "No"); }\n',
                'sl_send_reply("200", "OK");\n',
            )
        )


# Branches and tags of a server are those of no other.
_OF_OURS = re.compile(rb"(;branch=z9hG4bK|;tag=)[0-9a-f.-]{16,}")


def outcome(script: Script, log: Path, cold: bool) -> tuple[list[object], int]:
    """Everything that can be seen of what the script did, and how often a route waited for a name."""
    log.write_bytes(b"")
    names = Names(HOSTS, is_late=cold)
    site = Site(script.text, MODULES, names=names)
    site.now_ms = 1_000_000
    tm = site.engine.world.modules["tm"]
    assert isinstance(tm, Tm)
    tm.begin(site.engine.world, site.now_ms)
    order = random.Random(1)
    seen: list[object] = []
    for data in script.requests:
        sends = site.say(data)
        while cold and names.asked:
            kind, name = names.asked.pop(order.randrange(len(names.asked)))
            sends += site.take_answer(kind, name.decode()) + site.settle()
        seen.append([(str(send.destination), _OF_OURS.sub(rb"\1", send.data)) for send in sends])
    assert site.engine.world.bugs.count == 0, site.lines(-1)
    assert site.engine.world.asking.count == site.engine.world.parked.count == 0
    seen += [site.lines(-1), log.read_bytes(), site.counters.as_dict()]
    return seen, int(site.engine.world.names.kind.waited)


@pytest.mark.parametrize("block", range(5))
def test_cold_and_warm_are_the_same(block: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    waits = 0
    for seed in range(block * SCRIPTS // 5, (block + 1) * SCRIPTS // 5):
        script = Script(seed, log)
        warm, none = outcome(script, log, False)
        cold, waited = outcome(script, log, True)
        assert cold == warm, f"seed {seed}:\n{script.text}"
        assert none == 0
        waits += waited
    assert waits > 0


def test_repetitions_do_not_multiply(tmp_path: Path) -> None:
    """One INVITE and two of it again while a name is asked for: one run of the route and one reply."""
    names = Names(HOSTS, is_late=True)
    route = 'route { xlog("L_ERR", "run\\n"); if (src_ip == source.test) { sl_send_reply("403", "No"); } }'
    site = Site(route, "sl xlog", names=names)
    first = site.say(request("INVITE"))
    again = site.say(request("INVITE")) + site.say(request("INVITE"))
    assert first == [] and [send.data[8:11] for send in again] == [b"100", b"100"]
    replies = []
    while names.asked:
        kind, name = names.asked.pop(0)
        replies += site.take_answer(kind, name.decode())
    assert [send.data[8:11] for send in replies] == [b"403"]
    assert [line for line in site.lines(-1) if "run" in line] == ["run"]
