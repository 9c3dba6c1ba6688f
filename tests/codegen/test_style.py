"""serc fmt: one style, the same program, nothing on another line."""

from __future__ import annotations

from pathlib import Path

import pytest

from serc.commands import serc
from serc.compiler import compile_source
from serc.reading.source import Source
from serc.style import styled

UGLY = """\
debug = 3   # as loud as needed
listen = 10.0.0.1   udp:10.0.0.2 : 5060
  [::1]
alias="a" b . c-d:*
loadmodule   "sl.so"
modparam( "rr","enable_full_lr" , 1 )
route{
if(method=="INVITE"&&!( src_ip==10.0.0.0 / 8||uri=~"x" )){ log( 1,"a" ) ;break; }
    else
log("b");
/* what
     a comment */   if (not isflagset( 1 ))
{
# why
setflag(1);setflag(2);   # two
} ;
forward( uri:host,uri:port );   \t
if (uri==myself) {;} else route(1);
}
route [1]{ if (msg:len>=max_len or af!=inet6) drop ( ) ; }
"""
STYLED = """\
debug=3  # as loud as needed
listen=10.0.0.1 udp:10.0.0.2:5060
    [::1]
alias="a" b.c-d:*
loadmodule "sl.so"
modparam("rr", "enable_full_lr", 1)
route {
    if (method == "INVITE" && !(src_ip == 10.0.0.0/8 || uri =~ "x")) { log(1, "a"); break; }
    else
        log("b");
    /* what
     a comment */ if (not isflagset(1))
    {
        # why
        setflag(1); setflag(2);  # two
    };
    forward(uri:host, uri:port);
    if (uri == myself) { ; } else route(1);
}
route[1] { if (msg:len >= max_len or af != inet6) drop(); }
"""


def in_style(text: str) -> str:
    result, report = styled(Source("ser.cfg", text))
    assert result is not None, report
    return result


def test_one_style() -> None:
    assert in_style(UGLY) == STYLED


def test_what_is_in_style_stays() -> None:
    assert in_style(STYLED) == STYLED


def test_strings_and_comments_keep_every_character() -> None:
    text = '# a\t# b  \n\n\nroute {\n\t\tlog("two\n   lines\t");\n}\n# no end of line here'
    assert in_style(text) == '# a\t# b\n\n\nroute {\n    log("two\n   lines\t");\n}\n# no end of line here\n'


def test_a_file_that_makes_no_sense_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ser.cfg"
    path.write_text('route { log("a" }')
    assert serc.main(["fmt", str(path)]) == 1
    assert path.read_text() == 'route { log("a" }'
    assert "error" in capsys.readouterr().err


def test_check_and_diff_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ser.cfg"
    path.write_text(UGLY)
    assert serc.main(["fmt", "--check", str(path)]) == 1
    assert serc.main(["fmt", "--diff", str(path)]) == 1
    assert path.read_text() == UGLY
    assert '-loadmodule   "sl.so"\n+loadmodule "sl.so"\n' not in (out := capsys.readouterr().out)
    assert '-loadmodule   "sl.so"\n' in out and '+loadmodule "sl.so"\n' in out
    assert serc.main(["fmt", str(path)]) == 0
    assert path.read_text() == STYLED
    assert serc.main(["fmt", "--check", "--diff", str(path)]) == 0


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    path = tmp_path / "ser.cfg"
    path.write_bytes(b'route  { log("\xe4\xff"); } # \xfc\n')
    assert serc.main(["fmt", str(path)]) == 0
    assert path.read_bytes() == b'route { log("\xe4\xff"); }  # \xfc\n'


@pytest.mark.parametrize("folder", ["cfg", "edited", "snippets"])
def test_the_population_keeps_its_meaning(shared: Path, folder: str) -> None:
    for path in sorted((shared / "corpus" / folder).glob("*.cfg")):
        source = Source.read(path)
        text = in_style(source.text)
        assert in_style(text) == text, path
        before, _ = compile_source(source)
        after, _ = compile_source(Source(source.name, text))
        assert before == after, path
