"""Time of `serc` on configs of a given length, made of what real ones are made of, and on one route of nothing but `if`s."""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from bench.process import CannotMeasure

HEAD: Final = """\
debug=3
fork=yes
log_stderror=no
listen=127.0.0.1
port=5060
children=4
dns=no
rev_dns=no
alias="example.com"
loadmodule "/usr/lib/ser/modules/sl.so"
loadmodule "/usr/lib/ser/modules/maxfwd.so"
loadmodule "/usr/lib/ser/modules/rr.so"
loadmodule "/usr/lib/ser/modules/textops.so"
modparam("rr", "enable_full_lr", 1)
"""
MAIN: Final = """\
route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        break;
    };
    if (msg:len >= 2048) {
        sl_send_reply("513", "Message too big");
        break;
    };
    if (!method=="REGISTER") record_route();
    if (loose_route()) {
        forward(uri:host, uri:port);
        break;
    };
"""
# Statements of one sub-route; NNN is replaced by a number that differs each time, so that constants do not collapse.
BLOCKS: Final = (
    'if (uri=~"^sip:00NNN[0-9]*@") {\n    strip(2);\n    prefix("+");\n    setflag(3);\n}\n',
    'if (method=="INVITE" && !src_ip==10.0.NNN.0/255.255.255.0) {\n    log(1, "call NNN\\n");\n    setflag(1);\n};\n',
    'if (uri=~"sip:NNN@.*") {\n    rewritehostport("192.168.0.1:5NNN");\n    forward(uri:host, uri:port);\n    break;\n};\n',
    'if (search("^User-Agent: .*phone NNN")) {\n    append_hf("P-Hint: phone NNN\\r\\n");\n} else {\n'
    '    append_hf("P-Hint: other\\r\\n");\n};\n',
    'if (!uri==myself) {\n    # not one of ours\n    sl_send_reply("403", "No relaying NNN");\n    break;\n};\n',
    'if ((method=="OPTIONS" || method=="SUBSCRIBE") && uri=~"^sip:NNN") {\n    rewriteuri("sip:NNN@example.com");\n};\n',
)
TAIL: Final = "    forward(uri:host, uri:port);\n}\n"
# SER has route[0] to route[19].
SUB_ROUTES: Final = 19
ROUTE_LINES: Final = 40


def config(lines: int) -> str:
    """A valid ser.cfg of `lines` lines, at least 100, the same every time."""
    source = random.Random(lines)
    routes: list[list[str]] = [[]]
    # A sub-route takes four lines more than its statements: a blank one, its head, its end, and the call of it.
    left = lines - (HEAD + MAIN + TAIL).count("\n") - 4
    while left > 0:
        block = _block(source)
        if len(routes[-1]) > max(ROUTE_LINES, lines // SUB_ROUTES):
            routes.append([])
            left -= 4
        routes[-1] += block
        left -= len(block)
    # The last block may have been too long: comments fill the place that it leaves.
    overhang = routes[-1][len(routes[-1]) - len(block) :] if left < 0 else []
    del routes[-1][len(routes[-1]) - len(overhang) :]
    routes[-1] += ["    # the end"] * (len(overhang) + left)
    calls = "".join(f"    route({number});\n" for number in range(1, len(routes) + 1))
    bodies = ("\n".join(statements) for statements in routes)
    return HEAD + MAIN + calls + TAIL + "".join(f"\nroute[{n}] {{\n{body}\n}}\n" for n, body in enumerate(bodies, 1))


def ladder(ifs: int) -> str:
    """A valid ser.cfg whose main route is this many tests of the Request-URI, each with its answer."""
    steps = "".join(
        f'    if (uri=~"^sip:{number}@") {{\n        sl_send_reply("404", "No {number}");\n        break;\n    }}\n'
        for number in range(ifs)
    )
    return f'{HEAD}route {{\n{steps}    sl_send_reply("404", "Not Found");\n}}\n'


def _block(source: random.Random) -> list[str]:
    text = source.choice(BLOCKS).replace("NNN", str(source.randrange(100, 255)))
    return [f"    {line}" for line in text.splitlines()]


def compile_times(serc: list[str], sizes: list[int], ifs: list[int], rounds: int) -> dict[str, object]:
    """Seconds of `serc check ser.cfg` and `serc ser.cfg -o routes.py` by number of lines, and of `if`s in one route. Prints them.

    Seconds are those of the processor, start of Python included.
    """
    configs = {f"{lines} lines": config(lines) for lines in sizes} | {f"{n} ifs": ladder(n) for n in ifs}
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source, target = Path(folder) / "ser.cfg", Path(folder) / "routes.py"
        for name, text in configs.items():
            source.write_text(text)
            checks = [_time([*serc, "check", str(source)]) for _ in range(rounds)]
            times = [_time([*serc, str(source), "-o", str(target)]) for _ in range(rounds)]
            written = len(target.read_text().splitlines())
            print(
                f"{name}: checked in {_shown(checks)}, compiled in {_shown(times)}, {written} lines of Python",
                flush=True,
            )
            result[name] = {"check_seconds": checks, "seconds": times, "written_lines": written}
    return result


def _shown(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})"


def _time(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotMeasure(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
