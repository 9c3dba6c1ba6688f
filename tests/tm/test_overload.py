"""What a proxy still takes while it has too much to do."""

from __future__ import annotations

import pytest
from engine import header

from runtime.sip.transport import Send
from tm.site import Site, acknowledgement, reply, request, said


def overloaded() -> Site:
    site = Site()
    site.engine.guard_against_overload(5)
    site.engine.set_overloaded(True)
    return site


def only(sends: list[Send]) -> Send:
    (send,) = sends
    return send


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "FOO"])
def test_what_is_new_gets_503_before_any_work(method: str) -> None:
    site = overloaded()
    sends = site.say(request(method))
    assert said(sends) == ["5080 503"] and site.open == 0
    assert site.server.counters.refused == 1


def test_the_503s_say_when_to_come_back_and_not_all_the_same_time() -> None:
    site = overloaded()
    found = set()
    for _ in range(12):
        site.now_ms += 1
        found.add(header(only(site.say(request())).data, "Retry-After"))
    assert found == {str(seconds) for seconds in range(5, 11)}


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "ACK"])
def test_requests_of_a_dialog_go_on(method: str) -> None:
    site = overloaded()
    data = request(method).replace(b"To: <sip:bob@b.example>", b"To: <sip:bob@b.example>;tag=there")
    assert f"5090 {method}" in said(site.say(data))


def test_what_is_under_way_goes_on_to_its_end() -> None:
    site = Site()
    site.engine.guard_against_overload(5)
    invite = site.say(request())[-1]
    site.engine.set_overloaded(True)
    assert said(site.say(request())) == ["5080 100"], "a repetition is absorbed"
    assert said(site.say(reply(invite, 180), 5090)) == ["5080 180"]
    assert said(site.say(request("CANCEL"))) == ["5090 CANCEL", "5080 200"]
    assert said(site.say(reply(invite, 487), 5090)) == ["5090 ACK", "5080 487"]
    assert said(site.say(acknowledgement())) == []


def test_the_ack_for_a_503_is_nobodys_business_also_afterwards() -> None:
    site = overloaded()
    refused = only(site.say(request()))
    tag = (header(refused.data, "To") or "").partition(";tag=")[2]
    site.engine.set_overloaded(False)
    assert site.say(acknowledgement(tag=tag)) == []
    assert said(site.say(acknowledgement(tag="another"))) == ["5090 ACK"]


def test_afterwards_all_is_as_it_was() -> None:
    site = overloaded()
    assert said(site.say(request())) == ["5080 503"]
    site.engine.set_overloaded(False)
    assert said(site.say(request(branch="z9hG4bKb", call="c2"))) == ["5080 100", "5090 INVITE"]


def test_without_a_guard_nothing_is_refused() -> None:
    site = Site()
    site.engine.set_overloaded(True)
    assert said(site.say(request())) == ["5080 100", "5090 INVITE"]


def test_while_it_is_silent_what_is_new_gets_no_answer_and_what_is_under_way_goes_on() -> None:
    site = Site()
    site.engine.guard_against_overload(5)
    invite = site.say(request())[-1]
    site.engine.set_overloaded(True, True)
    assert site.say(request(branch="z9hG4bKb", call="c2")) == [] and site.open == 1
    assert said(site.say(request())) == ["5080 100"], "a repetition is absorbed"
    assert said(site.say(reply(invite, 180), 5090)) == ["5080 180"]
    assert said(site.say(request("CANCEL"))) == ["5090 CANCEL", "5080 200"]
    assert site.server.counters.refused == 0
