"""textops at work. Reference modules-main, chapter 7."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.routing.context import L_ERR

DATA = request(
    "MESSAGE", "sip:bob@127.0.0.1:5090", body="hello world\r\nHELLO again\r\n", X_A="one\r\nx-a: two", Subject="a,b"
)


def is_true(call: str, data: bytes = DATA) -> bool:
    site = Site(f'route {{ if ({call}) log(1, "yes"); else log(1, "no"); }}', "textops")
    site.say(data)
    return site.lines(1) == ["yes"]


def forwarded(calls: str, data: bytes = DATA) -> bytes:
    """The request after the calls, without our Via."""
    sent = Site(f"route {{ {calls} forward(127.0.0.1, 5090); }}", "textops").answer(data)
    before, _, rest = sent.partition(b"Via: SIP/2.0/UDP 127.0.0.1:5070;")
    return before + rest.partition(b"\r\n")[2]


def answered(calls: str) -> str:
    return Site(f'route {{ {calls} sl_send_reply("200", "OK"); }}').answer(DATA).decode()


# --- search ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("^MESSAGE sip", True),
        ("message SIP", True),
        ("hello world", True),
        ("^again", False),
        ("again$", False),
        ("^Subject: a,b.$", True),
        ("Subject.*Content", False),
        ("(x|y)-a: (one|two)", True),
        ("[^a-z]again", True),
        ("nothing of the kind", False),
        ("hel{2}o", True),
        ("hel{3}o", False),
        ("[[:digit:]]{4}", True),
        ("bob@127\\\\.0", True),
    ],
)
def test_search_looks_at_the_whole_message_line_by_line(regex: str, found: bool) -> None:
    assert is_true(f'search("{regex}")') is found


def test_search_sees_bytes_behind_a_zero() -> None:
    assert is_true('search("behind")', DATA + b"\0behind")


# --- changes of the text ---------------------------------------------------------------------------------------------


def test_search_append_inserts_behind_the_first_match() -> None:
    assert forwarded('search_append("hello", "!");') == DATA.replace(b"hello w", b"hello! w").replace(b": 26", b": 27")


def test_replace_changes_the_first_match_alone() -> None:
    assert forwarded('replace("hello", "bye");') == DATA.replace(b"hello", b"bye").replace(b": 26", b": 24")


def test_replace_all_changes_every_match_in_any_case() -> None:
    after = DATA.replace(b"hello", b"bye").replace(b"HELLO", b"bye").replace(b": 26", b": 22")
    assert forwarded('replace_all("hello", "bye");') == after


@pytest.mark.parametrize(
    "call",
    [
        'search_append("^MESSAGE", "x")',
        'replace("^MESSAGE", "x")',
        'replace_all("^MESSAGE", "x")',
        'subst("/^MESSAGE/x/")',
    ],
)
def test_the_first_line_is_never_changed(call: str) -> None:
    assert not is_true(call)
    assert forwarded(call + ";") == DATA


@pytest.mark.parametrize(
    "call", ['search_append("nope", "x")', 'replace("nope", "x")', 'replace_all("nope", "x")', 'subst("/nope/x/")']
)
def test_without_a_match_a_change_is_false(call: str) -> None:
    assert not is_true(call)


def test_an_empty_match_is_replaced_once_at_every_place() -> None:
    after = forwarded('replace_all("x*$", "!");', request(body="ab\r\n"))
    assert after.endswith(b"!\nContent-Length: 6\r!\n\r!\nab\r!\n!")


@pytest.mark.parametrize(
    ("expression", "before", "after"),
    [
        ("/hello/bye/", b"hello world", b"bye world"),
        ("/HELLO/bye/", b"HELLO again", b"bye again"),
        ("/hello (.*)$/\\\\1 \\\\0/", b"hello world\r", b"world\r hello world\r"),
        ("#a,b#c/d#", b"a,b", b"c/d"),
        ("/a,b/[\\\\u]/", b"a,b", b"[sip:bob@127.0.0.1:5090]"),
        ("/a,b/x\\\\/y/", b"a,b", b"x/y"),
        ("/one\\r\\nX/1/i", b"one\r\nx", b"1"),
    ],
)
def test_subst_replaces_with_parts_of_the_match(expression: str, before: bytes, after: bytes) -> None:
    growth = len(after) - len(before) if before in b"hello world\r\nHELLO again\r\n" else 0
    expected = DATA.replace(before, after, 1).replace(b"Content-Length: 26", b"Content-Length: %d" % (26 + growth))
    assert forwarded(f'subst("{expression}");') == expected


def test_subst_takes_case_all_and_line_ends_by_its_flags() -> None:
    assert forwarded('subst("/hello/x/gi");').endswith(b"\r\n\r\nx world\r\nx again\r\n")
    assert forwarded('subst("/hello/x/g");').endswith(b"\r\n\r\nx world\r\nHELLO again\r\n")
    assert forwarded('subst("/world.*again/x/s");').endswith(b"\r\n\r\nhello x\r\n")
    assert not is_true('subst("/world.*again/x/")')


def test_changes_are_seen_by_nobody_before_the_message_leaves() -> None:
    assert is_true('replace("hello", "bye") && search("hello w")')
    assert not is_true('replace("hello", "bye") && search("bye")')


def test_of_two_replacements_of_the_same_text_the_later_one_counts() -> None:
    after = forwarded('replace("hello", "one"); replace("hello", "three");')
    assert after.endswith(b"\r\n\r\nthree world\r\nHELLO again\r\n")
    assert b"\r\nContent-Length: 26\r\n" in after


@pytest.mark.parametrize(
    "calls", ['replace("world", "x"); replace("o w", "y");', 'replace("o w", "y"); replace("world", "x");']
)
def test_overlapping_replacements_have_a_right_length(calls: str) -> None:
    head, _, body = forwarded(calls).partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nContent-Length: %d" % len(body))


def test_a_replaced_body_of_a_message_without_content_length_gets_none() -> None:
    data = DATA.replace(b"Content-Length: 26\r\n", b"")
    assert forwarded('replace("hello", "bye");', data) == data.replace(b"hello", b"bye")


# --- the Request-URI -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "uri"),
    [
        ('subst_uri("/^sip:([a-z]+)@.*$/sip:\\\\1@h/")', "sip:bob@h"),
        ('subst_uri("/b/B/g")', "sip:BoB@127.0.0.1:5090"),
        ('subst_uri("/b/B/")', "sip:Bob@127.0.0.1:5090"),
        ('subst_uri("/nope/x/")', None),
        ('subst_user("/(.*)/00\\\\1/")', "sip:00bob@127.0.0.1:5090"),
        ('subst_user("/o/0/")', "sip:b0b@127.0.0.1:5090"),
        ('subst_user("/.*//")', "sip:127.0.0.1:5090"),
        ('subst_user("/x/y/")', None),
        ('subst_user("/@/x/")', None),
        (f'subst_uri("/bob/{"x" * 1020}/")', None),
    ],
)
def test_the_uri_is_substituted(call: str, uri: str | None) -> None:
    assert is_true(call) is (uri is not None)
    assert forwarded(call + ";").split(b" ")[1].decode() == (uri or "sip:bob@127.0.0.1:5090")


def test_a_uri_without_a_user_can_get_one() -> None:
    assert forwarded('subst_user("/^$/new/");', request(uri="sip:h:5066;x")).split(b" ")[1] == b"sip:new@h:5066;x"


def test_the_current_uri_is_substituted() -> None:
    assert forwarded('rewriteuser("n"); subst_user("/n/m/");').split(b" ")[1] == b"sip:m@127.0.0.1:5090"


def test_the_user_of_a_uri_that_is_none_cannot_be_substituted() -> None:
    site = Site('route { if (!subst_user("/a/b/")) log(1, "false"); }', "textops")
    site.say(request(uri="tel:+1"))
    assert site.lines(1) == ["false"] and "bad uri" in site.lines(L_ERR)[0]


# --- headers ---------------------------------------------------------------------------------------------------------


def test_headers_are_appended_in_the_order_of_the_calls() -> None:
    after = forwarded(r'append_hf("A: 1\r\n"); append_urihf("P: <", ">\r\n"); append_hf("B: 2\r\nC: 3\r\n");')
    assert after == DATA.replace(b"\r\n\r\n", b"\r\nA: 1\r\nP: <sip:bob@127.0.0.1:5090>\r\nB: 2\r\nC: 3\r\n\r\n")


def test_append_urihf_names_the_uri_as_received() -> None:
    assert b"\r\nP: sip:bob@127.0.0.1:5090\r\n" in forwarded(r'rewriteuser("n"); append_urihf("P: ", "\r\n");')


def test_nothing_is_appended_to_a_message_that_breaks_off() -> None:
    assert not is_true(r'append_hf("A: 1\r\n")', DATA.partition(b"\r\n\r\n")[0])
    assert not is_true(r'append_urihf("A: ", "\r\n")', DATA.partition(b"\r\n\r\n")[0] + b"\r\n")


@pytest.mark.parametrize("name", ["X-A", "x-a", "X-a"])
def test_all_headers_of_a_name_are_removed_in_any_case(name: str) -> None:
    assert forwarded(f'remove_hf("{name}");') == DATA.replace(b"X-A: one\r\nx-a: two\r\n", b"")
    assert is_true(f'remove_hf("{name}")') and is_true(f'is_present_hf("{name}")')


def test_a_folded_header_goes_as_a_whole() -> None:
    data = request(Subject="a\r\n b\r\n\tc", X="y")
    assert forwarded('remove_hf("Subject");', data) == data.replace(b"Subject: a\r\n b\r\n\tc\r\n", b"")


@pytest.mark.parametrize("name", ["X", "X-A-", "Nope", "s"])
def test_a_header_that_is_not_there_is_not_removed(name: str) -> None:
    assert not is_true(f'remove_hf("{name}")') and not is_true(f'is_present_hf("{name}")')


def test_compact_forms_are_other_names() -> None:
    data = DATA.replace(b"Subject:", b"s:")
    assert is_true('is_present_hf("S")', data) and not is_true('is_present_hf("Subject")', data)


def test_a_header_can_be_removed_and_put_back() -> None:
    after = forwarded(r'remove_hf("Subject"); append_hf("Subject: new\r\n");')
    assert b"a,b" not in after and after.count(b"Subject: new\r\n\r\n") == 1


def test_a_removed_content_length_is_not_corrected() -> None:
    after = forwarded('remove_hf("Content-Length"); replace("hello", "bye");')
    assert after == DATA.replace(b"Content-Length: 26\r\n", b"").replace(b"hello", b"bye")


def test_a_change_within_a_removed_header_goes_with_it() -> None:
    assert forwarded('remove_hf("Subject"); search_append("a,b", "c");') == DATA.replace(b"Subject: a,b\r\n", b"")


# --- replies ---------------------------------------------------------------------------------------------------------


def test_append_to_reply_changes_replies_that_are_made_here_alone() -> None:
    call = r'append_to_reply("A: 1\r\n");'
    assert "\r\nA: 1\r\n" in answered(call)
    assert forwarded(call) == DATA


def test_append_time_dates_the_reply() -> None:
    date = answered("append_time();").partition("\r\nDate: ")[2].partition("\r\n")[0]
    # RFC 3261 20.17, in English whatever the locale.
    assert date == "Tue, 09 Nov 2004 11:33:20 GMT"
