"""The operator's comments in routes.py."""

from __future__ import annotations

import ast
import re

import black

from serc.compiler import compile_source
from serc.diagnostics.render import render_text
from serc.reading.source import Source

CFG = """
# of a parameter
debug=3

# ---- routing ----

# Everything that comes in,
#   from anywhere.
route {
    /* big messages first:
     * they are rare */
    if (msg:len > 2000) {
        # too big
        drop;
    }
    # the rest
    else if (method == "INVITE") {
        log(1, "# no comment"); # behind a statement
    } else {
        log(3, "other");
    }
    # nothing follows
}

# \u00fcbrig
onreply_route[1] {
    # type: ignore
    # mypy: ignore-errors
    # fmt: off
    log("x");
}
"""


def text_of(cfg: str) -> str:
    source = Source("ser.cfg", cfg.encode("utf-8").decode("latin-1"))
    generated, report = compile_source(source)
    assert generated is not None, render_text(source, report)
    compiled = ast.parse(generated.text)
    assert compiled.body
    mode = black.Mode(line_length=120)
    assert black.format_str(generated.text, mode=mode) == generated.text
    for ours, theirs in generated.lines.items():
        shown = re.search(r"# ser\.cfg:(\d+)$", generated.text.splitlines()[ours - 1])
        assert shown is None or int(shown[1]) == theirs
    return generated.text


def test_comments_stand_above_what_they_are_about() -> None:
    lines = [line.strip() for line in text_of(CFG).splitlines()]
    assert lines[lines.index("def route(ctx: Context) -> int:") - 2 :][:2] == [
        "# Everything that comes in,",
        "# from anywhere.",
    ]
    first = lines.index("# big messages first:")
    assert lines[first + 1] == "# they are rare"
    assert lines[first + 2].startswith("if ctx.size > 2000:")
    assert lines[lines.index("# too big") + 1].startswith("return STOP")
    assert "ctx.method" in lines[lines.index("# the rest") + 1]
    assert lines[lines.index("# \u00fcbrig") + 1].startswith("def onreply_route_1")
    assert not [line for line in lines if line in ("# of a parameter", "# nothing follows", "# behind a statement")]


def test_comments_are_orders_to_nobody() -> None:
    lines = [line.strip() for line in text_of(CFG).split("\nLINES")[0].splitlines()]
    assert [line for line in lines if line.startswith("# |")] == [
        "# | type: ignore",
        "# | mypy: ignore-errors",
        "# | fmt: off",
    ]


def test_nothing_in_a_comment_leaves_it() -> None:
    hostile = "# a\\\n# \x0cimport os\r\x85os.system('x')\u2028b \u202e\n"
    text = text_of(f'route {{\n{hostile}/* \x0b x\ny */ log("x");\n{hostile}drop;\n}}\n')
    body = text.split("def route")[1]
    assert "os.system" in body
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert "os" not in names
    assert all(line.isprintable() for line in body.splitlines())


def test_long_comments_are_wrapped() -> None:
    text = text_of("route {\n# " + "word " * 60 + "\ndrop;\n}\n")
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("word") == 60
