"""tm's commands, asked as a worker is asked. Reference modules-main 1.12, modules-more D.3."""

from __future__ import annotations

import pytest
from engine import Names, header, vias

from runtime.modules.tm import Tm
from runtime.routing.command import Command, Inquiry
from runtime.routing.context import Context
from runtime.routing.dns_records import A, Answer
from runtime.routing.ports import Ownership
from runtime.sip.transport import Send
from tm.site import Site, reply, request, said, to


class HalfOfThem(Ownership):
    """As if there were two workers and this were one of them."""

    def has(self, call_id: bytes) -> bool:
        return sum(call_id) % 2 == 0


class Asked(Inquiry):
    """A question with what came of it."""

    def __init__(self, words: list[bytes], by_fifo: bool, now_ms: int) -> None:
        super().__init__(words, by_fifo, now_ms)
        self.answers: list[bytes] = []
        self.sends: list[Send] = []

    def answer(self, text: bytes) -> None:
        self.answers.append(text)

    def tell(self, text: bytes) -> None:
        self.answers.append(text)

    @property
    def text(self) -> str:
        assert len(self.answers) == 1, self.answers
        return self.answers[0].decode()


def command(site: Site, name: str) -> Command:
    return next(c for c in site.tm.commands() if c.name == name)


def ask(site: Site, name: str, *words: bytes, by_fifo: bool = True) -> Asked:
    """Ask and leave the question open; what it sent is in its `sends`."""
    question = Asked(list(words), by_fifo, site.now_ms)
    command(site, name).body(question)
    question.sends = site.engine.take_sends()
    return question


def combined(site: Site, name: str, *words: bytes) -> str:
    """The answer of a command that every worker is asked, of this one alone."""
    combine = command(site, name).combine
    assert combine is not None
    return combine(True, ask(site, name, *words).answers).decode()


HEADERS = b"From: <sip:u@a>;tag=ft\r\nTo: <sip:x@b>\r\nCall-ID: u1@h\r\n"


def uac(site: Site, method: bytes = b"OPTIONS", more: bytes = b"", body: bytes = b"", by_fifo: bool = True) -> Asked:
    return ask(site, "t_uac_dlg", method, b"sip:x@127.0.0.1:5090", b".", HEADERS + more, body, by_fifo=by_fifo)


def sent(question: Asked) -> Send:
    (one,) = question.sends
    return one


# --- t_uac_dlg -----------------------------------------------------------------------------------------------------------


def test_a_request_goes_out_and_its_final_reply_is_the_answer() -> None:
    site = Site()
    question = uac(site)
    options = sent(question)
    assert options.data.startswith(
        b"OPTIONS sip:x@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK"
    )
    assert options.destination.port == 5090 and header(options.data, "CSeq") == "10 OPTIONS"
    assert site.say(reply(options, 100), 5090) == [] and question.answers == []
    assert site.say(reply(options, 200), 5090) == []
    assert question.text.startswith("200 Reason\n.\n.\n.\nVia: ") and question.text.endswith("\r\n\r\n\n")
    site.wait(10)
    assert site.open == 0


def test_what_is_missing_is_made_up_here() -> None:
    site = Site()
    site.engine.world.ownership = HalfOfThem()
    made = [
        ask(site, "t_uac_dlg", b"OPTIONS", b"sip:x@127.0.0.1:5090", b".", b"From: <sip:u@a>\r\nTo: <sip:x@b>\r\n", b"")
        for _ in range(5)
    ]
    calls = [header(sent(question).data, "Call-ID") or "" for question in made]
    assert len(set(calls)) == 5
    assert all(HalfOfThem().has(call.encode()) for call in calls)
    assert len((header(sent(made[0]).data, "From") or "").partition(";tag=")[2]) == 37


def test_body_own_address_and_headers_pass() -> None:
    question = uac(Site(), b"MESSAGE", b"Content-Type: text/plain\r\nX-My: !!\r\nX-Long: a\r\n b\r\n", b"hello\r\n")
    data = sent(question).data
    assert header(data, "X-My") == "127.0.0.1:5070" and header(data, "Content-Length") == "7"
    assert data.endswith(b"X-Long: a\r\n b\r\n\r\nhello\r\n")


def test_the_next_hop_leads_the_way() -> None:
    question = ask(Site(), "t_uac_dlg", b"OPTIONS", b"sip:x@b.example", b"sip:127.0.0.1:5091", HEADERS, b"")
    assert sent(question).destination.port == 5091
    assert sent(question).data.startswith(b"OPTIONS sip:x@b.example SIP/2.0\r\n")


def test_an_invite_is_acknowledged_along_the_recorded_route_each_time_and_answered_once() -> None:
    site = Site()
    question = uac(site, b"INVITE")
    more = "Record-Route: <sip:p2@127.0.0.1:5092;lr>\r\nRecord-Route: <sip:p1@127.0.0.1:5091;lr>\r\nContact: <sip:x@127.0.0.1:5093>\r\n"
    ok = reply(sent(question), 200, more=more)
    (ack,) = site.say(ok, 5090)
    assert ack.destination.port == 5091 and ack.data.startswith(b"ACK sip:x@127.0.0.1:5093 SIP/2.0\r\n")
    assert header(ack.data, "Route") == "<sip:p1@127.0.0.1:5091;lr>, <sip:p2@127.0.0.1:5092;lr>"
    assert vias(ack.data) != vias(sent(question).data), "it is a transaction of its own"
    assert said(site.say(ok, 5090)) == ["5091 ACK"]
    assert question.text.split("\n")[1:4] == [
        "sip:x@127.0.0.1:5093",
        "sip:p1@127.0.0.1:5091;lr",
        "Route: <sip:p1@127.0.0.1:5091;lr>, <sip:p2@127.0.0.1:5092;lr>\r",
    ]


@pytest.mark.parametrize(
    ("recorded", "target", "routes"),
    [
        (["<sip:p@127.0.0.1:5091>"], "sip:p@127.0.0.1:5091", "<sip:x@127.0.0.1:5093>"),
        (
            ["<sip:p2@127.0.0.1:5092;lr>", "<sip:p1@127.0.0.1:5091>"],
            "sip:p1@127.0.0.1:5091",
            "<sip:p2@127.0.0.1:5092;lr>, <sip:x@127.0.0.1:5093>",
        ),
        (
            ["<sip:p2@127.0.0.1:5092>", "<sip:p1@127.0.0.1:5091;lr>"],
            "sip:x@127.0.0.1:5093",
            "<sip:p1@127.0.0.1:5091;lr>, <sip:p2@127.0.0.1:5092>",
        ),
    ],
)
def test_a_strict_router_is_the_target_of_what_follows(recorded: list[str], target: str, routes: str) -> None:
    site = Site()
    question = uac(site, b"INVITE")
    more = "".join(f"Record-Route: {value}\r\n" for value in recorded) + "Contact: <sip:x@127.0.0.1:5093>\r\n"
    (ack,) = site.say(reply(sent(question), 200, more=more), 5090)
    assert ack.destination.port == 5091 and ack.data.startswith(b"ACK %s SIP/2.0\r\n" % target.encode())
    assert header(ack.data, "Route") == routes
    next_hop = recorded[-1].strip("<>")
    assert question.text.split("\n")[1:4] == [target, next_hop, f"Route: {routes}\r"]


def test_of_several_contacts_the_last_one_is_the_target() -> None:
    site = Site()
    more = "Contact: <sip:x@127.0.0.1:5093>, <sip:y@127.0.0.1:5094>\r\n"
    (ack,) = site.say(reply(sent(uac(site, b"INVITE")), 200, more=more), 5090)
    assert ack.destination.port == 5094 and ack.data.startswith(b"ACK sip:y@127.0.0.1:5094 SIP/2.0\r\n")


def test_a_refused_invite_gets_its_ack() -> None:
    site = Site()
    question = uac(site, b"INVITE")
    assert said(site.say(reply(sent(question), 486), 5090)) == ["5090 ACK"]
    assert question.text.startswith("486 Reason\n.\n.\n.\n")


@pytest.mark.parametrize(
    ("by_fifo", "answer"), [(True, "408 Request Timeout\n"), (False, "408 Request Timeout\n.\n.\n.\nFrom: ")]
)
def test_nobody_answers(by_fifo: bool, answer: str) -> None:
    site = Site(Tm(fr_timer=3))
    question = uac(site, by_fifo=by_fifo)
    assert said(site.wait(3.1)) == ["5090 OPTIONS"]
    assert question.text == answer if by_fifo else question.text.startswith(answer)


@pytest.mark.parametrize(
    ("words", "fifo", "socket"),
    [
        ([], "method expected", "Method expected"),
        ([b""], "method expected", "Method expected"),
        ([b"OPTIONS"], "ruri expected", "Request-URI expected"),
        ([b"OPTIONS", b"foo"], "ruri invalid\n", "Request-URI is invalid\n"),
        ([b"OPTIONS", b"sip:x@b"], "next hop address expected\n", "Next-hop URI expected\n"),
        ([b"OPTIONS", b"sip:x@b", b"bar"], "next hop uri invalid\n", "Next-hop URI is invalid\n"),
        ([b"OPTIONS", b"sip:x@b", b"."], "HFs expected", "Header fields expected\n"),
        ([b"OPTIONS", b"sip:x@b", b".", b"rubbish\r\n"], "HFs unparseable", "HFs unparsable\n"),
        *(
            ([b"OPTIONS", b"sip:x@b", b".", HEADERS + lines, b""], "HFs unparseable", "HFs unparsable\n")
            for lines in (
                b"X: a\rX-Evil: 1\r\n",
                b"X: a\0b\r\n",
                b"X\0: a\r\n",
                b"\r\nX: lost\r\n",
                b"Content_Length: 1\r\n",
                b"CSeq: 7\r\n",
                b"CSeq: \r\n",
                b"CSeq: 7 OPTIONS x\r\n",
            )
        ),
        *(
            (
                [b"OPTIONS", b"sip:x@b", b".", b"From: <sip:u@a>\r\n" + to + b"\r\n", b""],
                "HFs unparseable",
                "HFs unparsable\n",
            )
            for to in (b"To:", b'To: "x', b"To: <sip:x@b")
        ),
        *(
            ([method, b"sip:x@b", b".", HEADERS, b""], "method expected", "Method expected")
            for method in (b"OPT\0IONS", b"OPT\rIONS", b"OPT\tIONS", b"OPTIONS\xa0", b"a/b", b'"OPTIONS"')
        ),
        ([b"OPTIONS", b"sip:x@b", b".", HEADERS], "body expected", "Body expected\n"),
        ([b"OPTIONS", b"sip:x@b", b".", HEADERS, b"x"], "Content-Type missing", "Content-Type missing"),
        (
            [b"OPTIONS", b"sip:x@b", b".", HEADERS + b"Content-Type: a/b\r\nContent-Length: 1\r\n", b"x"],
            "Content-Length disallowed",
            "Content-Length disallowed",
        ),
        ([b"OPTIONS", b"sip:x@b", b".", b"", b""], "To missing", "To missing"),
        ([b"OPTIONS", b"sip:x@b", b".", b"To: <sip:x@b>\r\n", b""], "From missing", "From missing"),
        ([b"OPTIONS", b"sip:x@b", b".", b"To: <sip:x@b>\r\nFrom: <sip:x\r\n", b""], "Error in From", "Error in From"),
        *(
            ([b"OPTIONS", b"sip:x@b", b".", HEADERS + lines, b""], "non-numerical CSeq", "Non-numerical CSeq")
            for lines in (b"CSeq: x OPTIONS\r\n", b"CSeq: -1 OPTIONS\r\n", b"CSeq: 2147483648 OPTIONS\r\n")
        ),
        *(
            ([method, b"sip:x@b", b".", HEADERS + b"CSeq: 1 INVITE\r\n", b""],) + ("CSeq method mismatch",) * 2
            for method in (b"OPTIONS", b"INV ITE", b"INVIT", b"invite")
        ),
    ],
)
def test_mistakes_are_told(words: list[bytes], fifo: str, socket: str) -> None:
    site = Site()
    assert ask(site, "t_uac_dlg", *words).text == f"400 fifo_uac_error: {fifo}"
    assert ask(site, "t_uac_dlg", *words, by_fifo=False).text == f"400 {socket}"
    assert site.open == 0


def test_no_headers_are_headers_for_the_socket_alone() -> None:
    words = (b"OPTIONS", b"sip:x@b", b".", b"")
    assert ask(Site(), "t_uac_dlg", *words).text == "400 fifo_uac_error: HFs expected"
    assert ask(Site(), "t_uac_dlg", *words, by_fifo=False).text == "400 Body expected\n"


@pytest.mark.parametrize("transport", ["tcp", "tls", "sctp"])
def test_a_protocol_without_a_socket_is_told(transport: str) -> None:
    words = (b"OPTIONS", b"sip:x@127.0.0.1;transport=%s" % transport.encode(), b".", HEADERS, b"")
    why = "I'm terribly sorry, server error occurred (7/FIFO/UAC)"
    assert ask(Site(), "t_uac_dlg", *words).text == f"500 fifo_uac_error: {why}"
    assert ask(Site(), "t_uac_dlg", *words, by_fifo=False).text == f"500 {why}"


def test_a_via_of_the_administrator_stands_below_ours() -> None:
    assert vias(sent(uac(Site(), more=b"Via: SIP/2.0/UDP a.example\r\n")).data)[1:] == ["SIP/2.0/UDP a.example"]


def test_an_unresolvable_host_is_told() -> None:
    question = ask(Site(), "t_uac_dlg", b"OPTIONS", b"sip:x@nowhere.invalid", b".", HEADERS, b"")
    assert question.text == "478 fifo_uac_error: Unresolvable destination (478/FIFO/UAC)" and question.sends == []


LATE = "late.example.com"


def late() -> Site:
    return Site(names=Names({LATE: "192.0.2.7"}, is_late=True))


def test_a_request_waits_for_the_name_of_its_next_hop() -> None:
    site = late()
    question = ask(site, "t_uac_dlg", b"OPTIONS", b"sip:x@late.example.com:5090", b".", HEADERS, b"")
    assert question.sends == [] and site.open == 0
    (options,) = site.answer(A, LATE)
    assert options.destination.pair() == ("192.0.2.7", 5090) and site.open == 1
    site.say(reply(options, 200), 5090)
    assert question.text.startswith("200 Reason\n")


@pytest.mark.parametrize("by_fifo", [True, False])
def test_that_it_was_not_found_is_told_late(by_fifo: bool) -> None:
    site = late()
    question = ask(site, "t_uac_dlg", b"OPTIONS", b"sip:x@late.example.com:5090", b".", HEADERS, b"", by_fifo=by_fifo)
    assert site.answer(A, LATE, Answer(15_000, True)) == []
    mark = "fifo_uac_error: " if by_fifo else ""
    assert question.text == f"478 {mark}Unresolvable destination (478/FIFO/UAC)" and site.open == 0


@pytest.mark.parametrize("is_found", [True, False])
def test_the_ack_of_a_2xx_waits_for_the_name_in_its_contact(is_found: bool) -> None:
    site = late()
    invite = sent(uac(site, b"INVITE", b"CSeq: 7 INVITE\r\n"))
    assert site.say(reply(invite, 200, more="Contact: <sip:x@late.example.com:5099>\r\n"), 5090) == []
    sends = site.answer(A, LATE, None if is_found else Answer(15_000, True))
    assert said(sends) == (["5099 ACK"] if is_found else [])
    assert is_found or "ERROR: uac: cannot resolve where the ACK for a 2xx goes" in site.server.lines(-1)


def test_the_owner_is_found_by_the_call_id() -> None:
    call_id_of = command(Site(), "t_uac_dlg").call_id_of
    assert call_id_of is not None
    assert call_id_of([b"OPTIONS", b"u", b".", b"From: x\r\nI : abc@h \r\n"]) == b"abc@h"
    assert call_id_of([b"OPTIONS", b"u", b".", b"From: x\r\n"]) == b"" == call_id_of([])


# --- t_uac_cancel ----------------------------------------------------------------------------------------------------------


def test_an_own_invite_is_cancelled() -> None:
    site = Site()
    invite = uac(site, b"INVITE", b"CSeq: 7 INVITE\r\n")
    site.say(reply(sent(invite), 180), 5090)
    question = ask(site, "t_uac_cancel", b"u1@h", b"7")
    assert question.text == "200 fifo_uac_cancel succeeded\n" and said(question.sends) == ["5090 CANCEL"]
    site.say(reply(sent(invite), 487), 5090)
    assert invite.text.startswith("487 ")
    assert ask(site, "t_uac_cancel", b"u1@h", b"7").text.startswith("481 ")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ([], "400 fifo_uac_cancel: callid expected"),
        ([b"c"], "400 fifo_uac_cancel: cseq expected"),
        ([b"c", b"7"], "481 fifo_uac_cancel: no such transaction"),
        ([b"c", b"x"], "481 fifo_uac_cancel: no such transaction"),
    ],
)
def test_what_cannot_be_cancelled(words: list[bytes], answer: str) -> None:
    assert ask(Site(), "t_uac_cancel", *words).text == answer


# --- t_reply, t_stats, t_hash ------------------------------------------------------------------------------------------------


def waiting_site() -> tuple[Site, bytes]:
    """A site that has left a request for an administrator to answer, and the transaction's name."""
    tm = Tm()

    def route(ctx: Context) -> int:
        return tm.t_relay(ctx)

    site = Site(tm, route)
    invite = to(site.say(request()), 5090)
    slot, label, _ = vias(invite.data)[0].partition(";branch=z9hG4bK")[2].split(".")
    return site, b"%d:%d" % (int(slot[::-1], 16), int(label[::-1], 16))


def test_an_administrator_answers_a_transaction() -> None:
    site, name = waiting_site()
    question = ask(site, "t_reply", b"480", b"Come later", name, b"mytag", b"X-A: b\r\n", b"")
    assert question.text == "200 fifo_t_reply succeeded\n"
    up = to(question.sends, 5080)
    assert up.data.startswith(b"SIP/2.0 480 Come later\r\n") and header(up.data, "X-A") == "b"
    assert (header(up.data, "To") or "").endswith(";tag=mytag")
    for code in (b"99", b"700"):
        refusal = "400 fifo_t_reply: code(int) has wrong format"
        assert ask(site, "t_reply", code, b"x", name, b"mytag", b"", b"").text == refusal
    assert ask(site, "t_reply", b"480", b"x", name, b"mytag", b"", b"").text == "500 fifo_t_reply: reply failed"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ([], "400 fifo_t_reply: code expected"),
        ([b"abc"], "400 fifo_t_reply: code(int) has wrong format"),
        ([b"200"], "400 fifo_t_reply: reason expected"),
        ([b"200", b"OK"], "400 fifo_t_reply: trans_id expected"),
        *(([code], "400 fifo_t_reply: code(int) has wrong format") for code in (b"-200", b"200x", b"123456")),
        *(([code], "400 fifo_t_reply: reason expected") for code in (b"99", b"700", b"0", b"65536")),
        *(
            ([b"200", b"OK", name], "400 fifo_t_reply: invalid trans_id")
            for name in (b"1", b"a:b", b"1:", b":1", b"1 :2", b"1:x2")
        ),
        *(
            ([b"200", b"OK", name], "400 fifo_t_reply: to-ta expected")
            for name in (b"1:2", b"1:2:3", b" 1:2", b"1: 2", b"1:2x", b"+1:+2", b"1:-2", b"99999999999:1")
        ),
        ([b"200", b"OK", b"1:2", b"t"], "400 fifo_t_reply: while reading new headers"),
        ([b"200", b"OK", b"1:2", b"t", b""], "481 fifo_t_reply: no such transaction"),
        ([b"99", b"OK", b"1:2", b"t", b"", b""], "481 fifo_t_reply: no such transaction"),
        ([b"200", b"OK", b"1:2", b"t", b"", b""], "481 fifo_t_reply: no such transaction"),
        ([b"200", b"OK", b"-1:2", b"t", b"", b""], "481 fifo_t_reply: no such transaction"),
    ],
)
def test_what_cannot_be_answered(words: list[bytes], answer: str) -> None:
    assert combined(Site(), "t_reply", *words) == answer


def test_the_socket_is_answered_in_its_own_words() -> None:
    combine = command(Site(), "t_reply").combine
    assert combine is not None
    said_by_fifo = [b"400 fifo_t_reply: invalid trans_id"]
    assert combine(True, said_by_fifo) == said_by_fifo[0]
    assert combine(False, said_by_fifo) == b"400 Error while parsing transaction ID\n"
    assert combine(False, [b"481 fifo_t_reply: no such transaction"] * 2) == b"481 No such transaction\n"
    assert combine(False, [b"200 fifo_t_reply succeeded\n"]) == b"200 Succeeded\n"
    words = (b"200", b"OK", b"1:2", b"t", b"")
    assert (
        combine(False, ask(Site(), "t_reply", *words[:4], by_fifo=False).answers)
        == b"400 Error while reading new headers\n"
    )
    assert combine(False, ask(Site(), "t_reply", *words, by_fifo=False).answers) == b"400 Error while reading body\n"


def test_of_several_workers_the_one_with_the_transaction_is_heard() -> None:
    combine = command(Site(), "t_reply").combine
    assert combine is not None
    nothing, good = b"481 fifo_t_reply: no such transaction", b"200 fifo_t_reply succeeded\n"
    assert combine(True, [nothing, good, nothing]) == good and combine(True, [nothing, nothing]) == nothing


def test_statistics() -> None:
    site = Site()
    for number, code in enumerate((200, 302, 486, 503)):
        call = f"c{number}"
        options = to(site.say(request("OPTIONS", branch=f"z9hG4bK{number}", call=call)), 5090)
        site.say(reply(options, code), 5090)
    site.say(request("OPTIONS", branch="z9hG4bKopen", call="open"))
    uac(site)
    assert combined(site, "t_stats").splitlines() == [
        "200 ok",
        "Current: 6 (4 waiting) Total: 6 (1 local)       ",
        "Replied localy: 4      ",
        "Completion status 6xx: 0, 5xx: 1, 4xx: 1, 3xx: 1,2xx: 1      ",
    ]


def test_the_hash_table_has_all_slots() -> None:
    site, name = waiting_site()
    lines = combined(site, "t_hash").splitlines()
    assert lines[:2] == ["200 ok", "\tcurrent\ttotal"] and len(lines) == 2 + 65536
    slot = int(name.partition(b":")[0])
    assert lines[2 + slot] == f"{slot}.\t1\t1"
    assert sum(int(line.split("\t")[2]) for line in lines[2:]) == 1


@pytest.mark.parametrize("switch", [0, 1])
def test_provisional_replies_are_told_on_request(switch: int) -> None:
    site = Site(Tm(pass_provisional_replies=switch))
    question = uac(site, b"INVITE")
    invite = sent(question)
    for status in (100, 183, 180):
        assert site.say(reply(invite, status), 5090) == []
    site.say(reply(invite, 486), 5090)
    told = [text.split(b"\n")[0] for text in question.answers]
    assert told == [b"183 Reason", b"180 Reason"] * switch + [b"486 Reason"]
    assert all(text.split(b"\n")[1] == b"." and b"Call-ID: " in text for text in question.answers)
