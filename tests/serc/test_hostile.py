"""Input that is made to take long: the time grows with the length alone."""

from __future__ import annotations

import time

import pytest

from runtime.modules import catalogue
from serc.frontend import analyse
from serc.reading.source import Source

LOADS = "".join(f'loadmodule "{m}.so"\n' for m in "sl tm rr maxfwd usrloc registrar textops".split())


def routes(body: str) -> str:
    return f"{LOADS}route {{\n{body}\n}}\n"


HOSTILE = {
    "if in if, without end": lambda n: routes("if " * n),
    "if in if, ended": lambda n: routes("if " * n + "method==INVITE" + " drop;" * n),
    "if in parentheses": lambda n: routes("if (" * n + "1" + ")" * n + " drop;"),
    "negations": lambda n: routes("if (" + "!" * n + "1) drop;"),
    "open parentheses": lambda n: routes("if " + "(" * n),
    "open braces": lambda n: routes("{" * n),
    "closing braces": lambda n: routes("}\n" * n),
    "else": lambda n: routes("else drop;\n" * n),
    "unknown functions": lambda n: routes("".join(f"t_relai{i}();\n" for i in range(n))),
    "unknown parameters": lambda n: "".join(f"childern{i}=1\n" for i in range(n)) + routes("drop;"),
    "listen": lambda n: "".join(f"listen=10.{i >> 8}.{i & 255}.1\n" for i in range(n)) + routes("drop;"),
    "route heads": lambda n: "".join(f"failure_route[{i}] {{ route(1); }}\n" for i in range(n)),
    "calls of a long route": lambda n: (
        LOADS
        + "route {"
        + "".join(f'lookup("t{i}"); route(1);' for i in range(n))
        + "}\nroute[1] {"
        + "setflag(1);" * n
        + "}"
    ),
    "quotes": lambda n: routes('"' * n),
    "quotes by lines": lambda n: routes('log("x);\n' * n),
    "comments in comments": lambda n: routes("/*" * n),
    "dots": lambda n: routes("if (src_ip==" + "1." * n + ") drop;"),
    "signs": lambda n: routes("if (method" + "=" * n + "INVITE) drop;"),
    "backslashes": lambda n: routes('if (uri=~"' + "\\\\" * n + '") drop;'),
    "strings": lambda n: routes('"x" ' * n),
    "modparams": lambda n: LOADS + 'modparam("tm", "fr_timer", 5)\n' * n + routes("drop;"),
    "missing semicolons": lambda n: routes("setflag(1)\n" * n),
    "blanks": lambda n: routes(" \t" * n + "x"),
    "nul": lambda n: routes("\0" * n),
}


def seconds(text: str) -> float:
    source = Source("ser.cfg", text)
    began = time.process_time()
    analyse(source, catalogue)
    return time.process_time() - began


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_length_only(make: object) -> None:
    assert callable(make)
    short = min(seconds(make(250)) for _ in range(2))
    # Eight times as much: with a square it would be 64 times as long.
    assert seconds(make(2000)) < max(1.0, 25 * short)


@pytest.mark.parametrize("depth", range(90, 130, 10))
def test_if_as_a_condition_of_if(depth: int) -> None:
    assert seconds(routes("if " * depth + "method==INVITE" + " drop;" * depth)) < 3
