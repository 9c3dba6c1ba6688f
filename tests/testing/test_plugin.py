"""Tests of a ser.cfg in Python, and test files, run by pytest."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CFG = """\
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "mysql.so"
loadmodule "group.so"
loadmodule "exec.so"
route {
  if (method == "INVITE" && is_user_in("From", "ld")) { rewritehost("gw.example.com"); }
  if (!t_relay()) sl_reply_error();
}
"""
TEST = """\
def test_who_may_call_far(proxy, caller, callee, clock, database, dns):
    database.add("grp", username="alice", domain="127.0.0.1", grp="ld")
    dns.add("gw.example.com", "A", "10.1.1.1")
    gateway = proxy.phone("gateway", at="10.1.1.1")
    caller.send("INVITE", to=callee, Subject="far away")
    request = gateway.got("INVITE")
    assert request.uri == "sip:bob@gw.example.com" and request.get("Subject") == "far away"
    gateway.answer(180)
    assert caller.got(180)
    gateway.answer(200, body="v=0\\r\\n")
    assert caller.got(200).body == "v=0\\r\\n"
    caller.send("ACK")
    caller.send("BYE")
    assert gateway.got("BYE").get("CSeq") == "2 BYE"
    assert callee.requests == []


def test_silence_is_a_time_out(proxy, caller, clock):
    caller.send("MESSAGE", to="sip:x@10.0.0.1", body="hello")
    assert len(proxy.sent) == 1
    clock.forward(29)
    assert caller.got(408) is None and len(proxy.sent) > 3
    clock.forward(3)
    assert caller.got(408)
    assert proxy.log == []
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest('pytest_plugins = ["serc.testing.plugin"]')
    (pytester.path / "ser.cfg").write_text(CFG)
    return pytester


def test_fixtures(run: pytest.Pytester) -> None:
    run.makepyfile(TEST)
    run.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(passed=2)


def test_files_are_collected_and_failures_shown_as_by_serc_test(run: pytest.Pytester) -> None:
    (run.path / "ser.sertest").write_text(
        'test "fails"\n  when INVITE from alice to bob\n  then 404\ntest "holds"\n  when INVITE from alice to bob\n'
    )
    (run.path / "bad.sertest").write_text('config ser.cfg\ntest "x"\n  whne\n')
    result = run.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*404 is expected, and not sent [[]SER0850[]]"])
    result.stdout.fnmatch_lines(["*did you mean*when*"])


def test_a_config_that_is_not_there_is_said(run: pytest.Pytester) -> None:
    run.makepyfile('import pytest\n\n@pytest.mark.ser_config("other.cfg")\ndef test_x(proxy): pass\n')
    result = run.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*cannot read other.cfg: No such file or directory*"])
