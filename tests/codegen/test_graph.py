"""serc graph."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serc.commands import serc

CFG = """\
loadmodule "tm.so"
route {
    if (method == "ACK") route(1);
    t_on_failure("2");
    route(1);
    route(9);
}
route[1] { t_relay(); }
route[3] { log("never"); }
failure_route[2] { t_reply("486", "Busy"); }
"""


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "ser.cfg"
    path.write_text(CFG)
    return path


def test_routes_calls_and_what_is_wrong_with_them(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["graph", str(cfg)]) == 0
    out = capsys.readouterr().out
    for line in (
        '"route" [label="route\\nser.cfg:2" shape=box penwidth=2];',
        '"route[3]" [label="route[3]\\nser.cfg:9" shape=box color=grey fontcolor=grey];',
        '"route[9]" [label="route[9]" tooltip="not defined" color=red fontcolor=red style=dashed];',
        '"route" -> "route[1]" [label="lines 3, 5"];',
        '"route" -> "failure_route[2]" [label="t_on_failure, line 4" style=dashed];',
    ):
        assert f"    {line}\n" in out


def test_svg(cfg: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    assert serc.main(["graph", str(cfg), "-o", str(cfg.with_suffix(".svg"))]) == 0
    assert "</svg>" in cfg.with_suffix(".svg").read_text()


def test_svg_without_graphviz_says_so(
    cfg: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert serc.main(["graph", str(cfg), "--format", "svg"]) == 1
    assert "Graphviz" in capsys.readouterr().err
