"""serc rename and serc stats: routes, flags and AVPs get other names at all their places; what there is, is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serc.commands import serc

CFG = """\
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "acc.so"
loadmodule "avpops.so"
loadmodule "textops.so"
modparam("acc", "log_flag", 3)
modparam("avpops", "avp_aliases", "caller=i:51;site=s:location")
modparam("tm", "fr_timer_avp", "s:timer")
route {
  # who calls
  avp_write("$from", "$caller");
  avp_pushto("$ruri/username", "i:51/g");
  avp_write("i:5", "s:timer");
  setflag(3);
  if (isflagset(3) && method == INVITE || uri =~ "x") { route(1); }
  t_on_failure("2"); t_on_reply("1");
  t_relay();
}
route[1] { if (avp_check("$caller", "eq/$site/i")) { route(1); } }
failure_route[2] { avp_delete("$caller/g"); t_reply("408", "x"); }
onreply_route[1] { xlog_is_not_here; }
""".replace("xlog_is_not_here", 'append_hf("X: y\\r\\n")')


@pytest.fixture
def cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ser.cfg").write_text(CFG)
    return tmp_path / "ser.cfg"


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("route[1]", "7", {"\nroute[1] {": "\nroute[7] {", "route(1)": "route(7)"}),
        ("failure_route[2]", "failure_route[3]", {"failure_route[2]": "failure_route[3]", 't_on_failure("2")': 't_on_failure("3")'}),
        ("onreply_route[1]", "4", {"onreply_route[1]": "onreply_route[4]", 't_on_reply("1")': 't_on_reply("4")'}),
        ("flag[3]", "9", {'log_flag", 3': 'log_flag", 9', "setflag(3)": "setflag(9)", "isflagset(3)": "isflagset(9)"}),
        ("flag 3", "9", {'log_flag", 3': 'log_flag", 9', "setflag(3)": "setflag(9)", "isflagset(3)": "isflagset(9)"}),
        ("i:51", "i:60", {"=i:51": "=i:60", '"i:51/g"': '"i:60/g"'}),
        ("s:timer", "wait", {"s:timer": "s:wait"}),
        ("$caller", "$who", {"caller=i": "who=i", "$caller": "$who"}),
        ("$site", "place", {"site=s": "place=s", "$site": "$place"}),
    ],
)  # fmt: skip
def test_all_places_get_the_other_name(cfg: Path, old: str, new: str, changes: dict[str, str]) -> None:
    expected = CFG
    for before, after in changes.items():
        expected = expected.replace(before, after)
    assert serc.main(["rename", "ser.cfg", old, new]) == 0
    assert cfg.read_text() == expected
    assert serc.main(["check", "ser.cfg"]) == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("route[1]", "20", "route 20 cannot be: it goes from 1 to 19"),
        ("route[1]", "x", '"x" is no number, and route[1] has one'),
        ("route[0]", "5", "the main route has no other number"),
        ("route[5]", "6", "there is no route[5] in this file"),
        ("flag[3]", "32", "it goes from 1 to 31"),
        ("i:51", "0", "AVPs begin at i:1"),
        ("$caller", "$site", "AVP $site is in use already"),
        ("$caller", "a b", "is no name of an AVP"),
        ("s:timer", "callee_fr_inv_timer", "is what fr_inv_timer_avp of tm has by default"),
        ("flag[3]", "1", "is what diameter_flag of acc has by default"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    cfg: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, why: str
) -> None:
    assert serc.main(["rename", "ser.cfg", old, new]) == 1
    assert why in capsys.readouterr().err
    assert cfg.read_text() == CFG


def test_what_has_no_name_is_a_bad_command_line(cfg: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        serc.main(["rename", "ser.cfg", "INVITE", "ACK"])


def test_diff_shows_and_changes_nothing(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["rename", "--diff", "ser.cfg", "flag[3]", "9"]) == 1
    assert "+  setflag(9);\n" in capsys.readouterr().out
    assert cfg.read_text() == CFG


# --- serc stats ------------------------------------------------------------------------------------------------------


def test_stats_counts_lines_routes_and_what_is_used(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["stats", "--json", "ser.cfg"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["lines"], found["code"], found["comments"]) == (21, 20, 1)
    main, one, failure, onreply = found["routes"]
    assert (main["name"], main["line"], main["lines"], main["complexity"], main["depth"]) == ("route", 9, 10, 4, 1)
    assert main["statements"] == 9 and (one["callers"], failure["callers"], onreply["callers"]) == (2, 1, 1)
    modules = {module["name"]: module for module in found["modules"]}
    assert modules["avpops"]["functions"]["avp_write"] == 2 and modules["acc"]["parameters"] == ["log_flag"]
    assert (found["flags"], found["unused_modules"]) == (["3"], ["sl"])
    assert sorted(found["avps"]) == ["$caller", "$site", "i:51", "s:location", "s:timer"]


def test_stats_says_the_same_for_people(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["stats", "ser.cfg", "--max-complexity", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ser.cfg: 21 lines, 20 of code, 1 of comments; ")
    assert lines[3].split() == ["route", "9", "10", "9", "4", "1", "0"]
    assert lines[-1] == "nothing is called of, or set for: sl"
    assert serc.main(["stats", "ser.cfg", "--max-complexity", "3"]) == 1
    capsys.readouterr()
    # The core is there without anybody's asking: a file that calls nothing of it has none too many.
    cfg.write_text('loadmodule "sl.so"\nroute { sl_send_reply("404", "No"); }')
    assert serc.main(["stats", "ser.cfg"]) == 0 and "nothing is called" not in capsys.readouterr().out
    cfg.write_text("route { drop }")
    assert serc.main(["stats", "ser.cfg"]) == 1
