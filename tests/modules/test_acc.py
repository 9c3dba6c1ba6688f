"""acc at work, over tm. Reference modules-main, chapter 12 and its corrections."""

from __future__ import annotations

import pytest
from script import request
from tables import URL, Tables, TableSite

from runtime.modules.tm import Tm
from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

CALLEE = 5090
LOG = 'modparam("acc", "log_level", 1) modparam("acc", "log_flag", 1) modparam("acc", "log_missed_flag", 2)'
DB = f'modparam("acc", "db_url", "{URL}") modparam("acc", "db_flag", 1) modparam("acc", "db_missed_flag", 2)'
RELAY = "setflag(1); setflag(2); t_relay();"


class Calls(TableSite):
    """A proxy that accounts; the callee is 127.0.0.1:5090."""

    def __init__(self, params: str = "", route: str = RELAY, more: str = "") -> None:
        super().__init__(Tables(acc=[], missed_calls=[]), f"{params}\nroute {{ {route} }}\n{more}", "tm textops acc")
        self.request = b""
        tm = self.engine.world.modules["tm"]
        assert isinstance(tm, Tm)
        tm.begin(self.engine.world, self.now_ms)

    def ask(self, method: str = "INVITE", uri: str = f"sip:bob@127.0.0.1:{CALLEE}", **headers: str) -> None:
        """Send a request, and keep what the callee gets."""
        sends = self.say(request(method, uri, **headers))
        for send in sends:
            if send.destination.port == CALLEE:
                self.request = send.data

    def reply(self, status: str, tag: str = "bt") -> None:
        """The callee answers the request."""
        head, _, rest = self.request.partition(b"\r\n")
        rest = rest.replace(b"To: <sip:bob@example.com>\r\n", b"To: <sip:bob@example.com>;tag=%s\r\n" % tag.encode())
        self.say(b"SIP/2.0 " + status.encode() + b"\r\n" + rest, port=CALLEE)

    def acknowledge(self, tag: str = "bt") -> None:
        self.ask("ACK", To=f"<sip:bob@example.com>;tag={tag}", Via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK2")

    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * 1000
        self.engine.tick(self.now_ms)

    def reports(self) -> list[str]:
        return [line for line in self.lines() if line.startswith("ACC: ")]

    def short(self) -> list[str]:
        """The reports without what is the same in all."""
        return [f'{line[5:].partition(":")[0]} {line.rpartition("=")[2]}' for line in self.reports()]

    def rows(self, table: str = "acc") -> list[str]:
        """Method and status of each row."""
        found = []
        for row in self.tables.tables[table]:
            method, status = row["sip_method"], row["sip_status"]
            assert isinstance(method, bytes) and isinstance(status, bytes)
            found.append(f"{method.decode()} {status.decode()}")
        return found


def test_a_call_is_two_lines_of_ser_s() -> None:
    calls = Calls(LOG)
    calls.ask()
    calls.reply("180 Ringing")
    calls.reply("200 OK")
    calls.acknowledge()
    same = "i-uri=sip:bob@127.0.0.1:5090, o-uri=sip:bob@127.0.0.1:5090, call_id=cid1@h, from=<sip:alice@example.com>;tag=ft1"
    assert calls.reports() == [
        f"ACC: transaction answered: method=INVITE, {same}, code=200",
        f"ACC: request acknowledged: method=ACK, {same}, code=200",
    ]


def test_repetitions_are_reported_once_and_a_second_phone_again() -> None:
    calls = Calls(LOG)
    calls.ask()
    for tag in ("one", "one", "two"):
        calls.reply("200 OK", tag)
    for tag in ("one", "one", "two"):
        calls.acknowledge(tag)
    assert calls.short() == ["transaction answered 200"] * 2 + ["request acknowledged 200"] * 2


@pytest.mark.parametrize(
    ("params", "status", "wanted"),
    [
        ("", "404 Not Here", ["call missed 404 Not Here"]),
        (
            'modparam("acc", "failed_transactions", 1)',
            "404 Not Here",
            ["call missed 404 Not Here", "transaction answered 404"],
        ),
        ("", "183 Progress", []),
        ('modparam("acc", "early_media", 1)', "183 Progress", ["transaction answered 183"]),
        ('modparam("acc", "early_media", 1)', "180 Ringing", []),
        ("", "200 OK", ["transaction answered 200"]),
    ],
)
def test_what_a_reply_is_worth(params: str, status: str, wanted: list[str]) -> None:
    calls = Calls(LOG + params)
    calls.ask()
    calls.reply(status)
    assert calls.short() == wanted


def test_nothing_is_left_of_a_call_that_is_over() -> None:
    calls = Calls(LOG)
    calls.ask()
    calls.reply("200 OK")
    calls.wait(60)
    calls.acknowledge()
    assert calls.short() == ["transaction answered 200"]


def test_only_calls_are_missed() -> None:
    calls = Calls(LOG + 'modparam("acc", "failed_transactions", 1)')
    calls.ask("MESSAGE")
    calls.reply("480 Gone")
    assert calls.short() == ["transaction answered 480"]


def test_acks_are_not_reported_without_report_ack() -> None:
    calls = Calls(LOG + 'modparam("acc", "report_ack", 0)')
    calls.ask()
    calls.reply("200 OK")
    calls.acknowledge()
    assert calls.short() == ["transaction answered 200"]


@pytest.mark.parametrize(("reported", "first"), [(1, ["transaction answered 200"]), (0, [])])
def test_a_cancelled_call_is_missed(reported: int, first: list[str]) -> None:
    calls = Calls(LOG + f'modparam("acc", "report_cancels", {reported}) modparam("acc", "failed_transactions", 1)')
    calls.ask()
    calls.reply("180 Ringing")
    invite = calls.request
    calls.ask("CANCEL")
    calls.request = invite
    calls.reply("487 Terminated")
    assert calls.short() == [*first, "call missed 487 Terminated", "transaction answered 487"]


def test_a_time_out_is_a_missed_call() -> None:
    calls = Calls(LOG + 'modparam("tm", "fr_timer", 2)')
    calls.ask()
    calls.wait(3)
    assert calls.short() == ["call missed 408 Request Timeout"]


def test_an_answer_of_the_script_is_reported_with_the_usual_words() -> None:
    calls = Calls(LOG, 'setflag(1); setflag(2); t_newtran(); t_reply("486", "Own Busy");')
    calls.ask()
    assert calls.short() == ["call missed 486 Busy Here"]


@pytest.mark.parametrize(("answer", "wanted"), [('"183", "Wait"', []), ('"200", "OK"', ["transaction answered 200"])])
def test_an_own_provisional_answer_is_no_early_media(answer: str, wanted: list[str]) -> None:
    calls = Calls(LOG + 'modparam("acc", "early_media", 1)', f"setflag(1); t_newtran(); t_reply({answer});")
    calls.ask()
    assert calls.short() == wanted


def test_after_a_failure_route_a_call_is_missed_once() -> None:
    more = 'failure_route[1] { append_branch("sip:carol@127.0.0.1:5090"); t_relay(); }'
    calls = Calls(LOG, 'setflag(1); setflag(2); t_on_failure("1"); t_relay();', more)
    calls.ask()
    first = calls.request
    sends = [send for send in calls.say(reply_of(first, "486 Busy")) if b"INVITE sip:carol" in send.data[:20]]
    assert calls.short() == []
    calls.request = sends[0].data
    calls.reply("480 Gone")
    assert calls.short() == ["call missed 480 Gone"]


def reply_of(data: bytes, status: str) -> bytes:
    return b"SIP/2.0 " + status.encode() + b"\r\n" + data.partition(b"\r\n")[2]


@pytest.mark.parametrize("route", ["t_relay();", "t_relay(); setflag(1);", "setflag(3); t_relay();"])
def test_a_flag_must_be_set_before_the_transaction_opens(route: str) -> None:
    calls = Calls(LOG, route)
    calls.ask()
    calls.reply("200 OK")
    calls.acknowledge()
    assert calls.reports() == []


def test_every_letter() -> None:
    calls = Calls(LOG + 'modparam("acc", "log_fmt", "miocftsSFTrduUpD01Xn")', 'rewriteuser("carol"); ' + RELAY)
    calls.ask(CSeq="0042 INVITE")
    calls.reply("200 OK")
    assert calls.reports() == [
        "ACC: transaction answered: method=INVITE, i-uri=sip:bob@127.0.0.1:5090, o-uri=sip:carol@127.0.0.1:5090, "
        "call_id=cid1@h, from=<sip:alice@example.com>;tag=ft1, to=<sip:bob@example.com>;tag=bt, code=200, code=200, "
        "fromuri=sip:alice@example.com, touri=sip:bob@example.com, fromtag=ft1, totag=bt, uid=n/a, "
        "fromuri=sip:alice@example.com, userpart=bob, domain=127.0.0.1, fromuser=alice, touser=bob, "
        "fromdomain=example.com, cseq=0042"
    ]


def test_a_report_below_the_level_of_the_log_is_not_written() -> None:
    calls = Calls('modparam("acc", "log_flag", 1) modparam("acc", "log_level", 5)')
    calls.ask()
    calls.reply("200 OK")
    assert calls.reports() == []


@pytest.mark.parametrize("letters", ["", "z", "m" * 21])
def test_a_wrong_log_fmt_does_not_compile(letters: str) -> None:
    with pytest.raises(AssertionError, match="error"):
        Calls(f'modparam("acc", "log_fmt", "{letters}")')


# --- database --------------------------------------------------------------------------------------------------------


def test_a_call_is_two_rows() -> None:
    calls = Calls(DB)
    calls.wall.now_s = 1_100_000_000
    calls.ask()
    calls.reply("200 OK")
    calls.acknowledge()
    assert calls.rows() == ["INVITE 200", "ACK 200"]
    row = calls.tables.tables["acc"][0]
    # A column of times gives it back as seconds.
    assert row.pop("time") in (b"2004-11-09 11:33:20", 1_100_000_000)
    assert row == {
        "from_uri": b"sip:alice@example.com",
        "to_uri": b"sip:bob@example.com",
        "sip_method": b"INVITE",
        "i_uri": b"sip:bob@127.0.0.1:5090",
        "o_uri": b"sip:bob@127.0.0.1:5090",
        "sip_from": b"<sip:alice@example.com>;tag=ft1",
        "sip_callid": b"cid1@h",
        "sip_to": b"<sip:bob@example.com>;tag=bt",
        "sip_status": b"200",
        "username": b"alice",
        "totag": b"bt",
        "fromtag": b"ft1",
        "domain": b"example.com",
    }


def test_a_missed_call_is_the_callee_s() -> None:
    calls = Calls(DB)
    calls.ask()
    calls.reply("486 Busy")
    assert (calls.rows(), calls.rows("missed_calls")) == ([], ["INVITE 486 Busy"])
    row = calls.tables.tables["missed_calls"][0]
    assert (row["username"], row["domain"]) == (b"bob", b"127.0.0.1")


def test_columns_and_tables_have_the_names_of_the_config() -> None:
    params = 'modparam("acc", "db_table_acc", "cdr") modparam("acc", "acc_sip_to_column", "called")'
    calls = Calls(DB + params)
    calls.ask()
    calls.reply("200 OK")
    (row,) = calls.tables.tables["cdr"]
    assert (row["called"], row["sip_status"]) == (b"<sip:bob@example.com>;tag=bt", b"200")


def test_a_database_that_is_down_stops_no_call() -> None:
    calls = Calls(DB + LOG)
    calls.tables.down = True
    calls.ask()
    calls.reply("200 OK")
    assert calls.short() == ["transaction answered 200"]


@pytest.mark.parametrize(("down", "code"), [(False, 200), (True, 500)])
def test_a_route_accounts_what_it_likes(down: bool, code: int) -> None:
    route = """acc_log_request("a comment");
        if (acc_db_request("a comment", "missed_calls")) sl_send_reply("200", "OK"); else sl_send_reply("500", "No");"""
    calls = Calls(f'modparam("acc", "db_url", "{URL}") modparam("acc", "log_level", 1)', route)
    calls.tables.down = down
    assert calls.answer(request()).startswith(b"SIP/2.0 %d " % code)
    assert calls.short() == ["request accounted a comment"]
    assert calls.rows("missed_calls") == ([] if down else ["OPTIONS a comment"])


def test_an_empty_text_is_accounted_as_it_is() -> None:
    calls = Calls('modparam("acc", "log_level", 1)', 'acc_log_request("");')
    calls.ask()
    assert [report.partition("code=")[2] for report in calls.reports()] == [""]


def test_a_cancel_is_not_accounted_without_report_cancels() -> None:
    route = 'acc_log_request("x"); acc_db_request("x", "acc");'
    calls = Calls(f'modparam("acc", "db_url", "{URL}")', route)
    calls.ask("CANCEL")
    assert (calls.reports(), calls.rows()) == ([], [])


@pytest.mark.parametrize(
    ("params", "route", "starts"),
    [
        (LOG, RELAY, True),
        ('modparam("acc", "db_flag", 1)', RELAY, False),
        ('modparam("acc", "db_missed_flag", 1)', RELAY, False),
        ("", 'acc_db_request("x", "acc");', False),
    ],
)
def test_the_database_is_needed_where_something_is_written(params: str, route: str, starts: bool) -> None:
    if starts:
        Calls(params, route)
        return
    with pytest.raises(ProgramError, match="load mysql.so before acc.so"):
        Calls(params, route)


@pytest.mark.parametrize("param", ['"radius_flag", 1', '"diameter_flag", 3'])
def test_radius_and_diameter_say_that_they_are_missing(param: str) -> None:
    with pytest.raises(ProgramError, match="not supported yet"):
        Calls(f'modparam("acc", {param})')


def test_what_is_too_long_for_a_column_or_no_text_at_all_still_makes_a_row() -> None:
    calls = Calls(DB)
    long = "a" * 200
    calls.ask(
        From=f'"\xe9\x00{long}" <sip:{long}@example.com>;tag={long}', Call_ID=long, uri=f"sip:{long}@127.0.0.1:{CALLEE}"
    )
    calls.reply("200 OK")
    (row,) = calls.tables.tables["acc"]
    assert row["sip_callid"] == b"a" * 128
    assert row["username"] == b"a" * 64
    assert row["sip_from"] == b'"??' + b"a" * 125
    assert row["i_uri"] == b"sip:" + b"a" * 124
    assert row["sip_method"] == b"INVITE"


def test_a_character_of_several_bytes_is_not_cut() -> None:
    calls = Calls(DB)
    calls.ask(From='"' + "\xc3\xa9" * 200 + '" <sip:alice@example.com>;tag=1')
    calls.reply("200 OK")
    (row,) = calls.tables.tables["acc"]
    sender = row["sip_from"]
    assert isinstance(sender, bytes) and sender.decode("utf-8") == '"' + "\xe9" * 127
