"""avpops and avp at work. Reference modules-main, chapters 15 and 17 and their corrections."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.routing.engine import ProgramError

BOB = request(uri="sip:bob:pw@example.com:5066;a=b", From='"A" <sip:alice@from.org:99;x=y>;tag=1', To="<sip:to@to.org>")


def headers_after(route: str, data: bytes = BOB, params: str = "") -> list[str]:
    """The lines X… that the route leaves in the forwarded request."""
    site = Site(f"{params}route {{ {route} forward(127.0.0.1, 5090); }}", "avp avpops textops")
    return [line for line in site.answer(data).decode().split("\r\n") if line.startswith("X")]


def uri_after(route: str, data: bytes = BOB) -> str:
    site = Site(f"route {{ {route} forward(127.0.0.1, 5090); }}", "avp avpops")
    return site.answer(data).split(b" ")[1].decode()


def is_true(call: str, before: str = "", data: bytes = BOB, params: str = "") -> bool:
    return headers_after(f'{before} if ({call}) append_hf("X: y\\r\\n");', data, params) == ["X: y"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("$from", "sip:alice@from.org:99;x=y"),
        ("$to", "sip:to@to.org"),
        ("$ruri", "sip:bob:pw@example.com:5066;a=b"),
        ("$from/username", "alice"),
        ("$to/username", "to"),
        ("$ruri/username", "bob"),
        ("$from/domain", "from.org"),
        ("$to/domain", "to.org"),
        ("$ruri/domain", "example.com"),
        ("$src_ip", "127.0.0.1"),
        ("text", "text"),
        ("a/b", "a/b"),
        ("s:i:1", "i:1"),
        ("i:12", "12"),
    ],
)
def test_what_can_be_written(value: str, written: str) -> None:
    assert headers_after(f'avp_write("{value}", "s:x"); avp_pushto("$X", "s:x");') == [f"X: {written}"]


@pytest.mark.parametrize("value", ["$from", "$to/username", "$ruri/domain"])
def test_what_the_message_does_not_have_is_not_written(value: str) -> None:
    data = request(uri="tel:+1", From="<sip:a", To="<sip:example.com>")
    assert not is_true(f'avp_write("{value}", "i:1")', data=data)
    assert not is_true('avp_check("i:1", "re/.")', f'avp_write("{value}", "i:1");', data)


def test_a_domain_is_that_of_a_user() -> None:
    data = request(uri="sip:example.com", From="<sip:from.org>;tag=1")
    assert not is_true('avp_write("$from/domain", "i:1")', data=data)
    assert not is_true('avp_write("$ruri/domain", "i:1")', data=data)
    assert is_true('avp_write("$ruri", "i:1")', data=data)


def test_the_newest_comes_first() -> None:
    before = 'avp_write("one", "s:l"); avp_write("two", "l"); avp_write("i:3", "s:l"); avp_write("other", "i:1");'
    assert headers_after(f'{before} avp_pushto("$X", "s:l");') == ["X: 3"]
    assert headers_after(f'{before} avp_pushto("$X", "s:l/g");') == ["X: 3", "X: two", "X: one"]
    assert headers_after(f'{before} avp_delete("s:l"); avp_pushto("$X", "s:l");') == ["X: two"]
    assert not is_true('avp_pushto("$X-No", "s:l")', f'{before} avp_delete("l/g");')


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        ("", []),
        ("i:", ["X: s2", "X: s1"]),
        ("s:", ["X: i2", "X: i1"]),
        ("i:1/g", ["X: s2", "X: s1"]),
        ("i:1", ["X: i1", "X: s2", "X: s1"]),
        ("s:1", ["X: i2", "X: i1", "X: s1"]),
    ],
)
def test_what_is_deleted(selection: str, left: list[str]) -> None:
    before = 'avp_write("s1", "s:1"); avp_write("i1", "i:1"); avp_write("s2", "s:1"); avp_write("i2", "i:1");'
    pushes = 'avp_pushto("$X", "i:1/g"); avp_pushto("$X", "s:1/g");'
    assert is_true(f'avp_delete("{selection}")', before)
    assert headers_after(f'{before} avp_delete("{selection}"); {pushes}') == left
    assert not is_true(f'avp_delete("{selection}")')


@pytest.mark.parametrize(
    ("destination", "value", "uri"),
    [
        ("$ruri", "sip:new@127.0.0.1:5092", "sip:new@127.0.0.1:5092"),
        ("$ruri/username", "newuser", "sip:newuser:pw@example.com:5066;a=b"),
        ("$ruri/domain", "new.dom", "sip:bob:pw@new.dom:5066;a=b"),
        ("$RURI/domain", "new.dom", "sip:bob:pw@new.dom:5066;a=b"),
    ],
)
def test_an_avp_becomes_a_part_of_the_uri(destination: str, value: str, uri: str) -> None:
    assert uri_after(f'avp_write("{value}", "i:1"); avp_pushto("{destination}", "i:1");') == uri


def test_several_uris_become_branches() -> None:
    route = 'avp_write("sip:a@h", "i:1"); avp_write("sip:b@h", "i:1"); avp_pushto("$ruri", "i:1/g");'
    site = Site(f'route {{ {route} sl_send_reply("302", "Moved"); }}', "sl avpops")
    assert b"\r\nContact: sip:a@h, sip:b@h\r\n" in site.answer(request())


def test_an_avp_becomes_a_header_of_replies() -> None:
    route = 'avp_write("val", "r"); avp_write("i:8", "r"); avp_pushto("$X-R/reply", "r/g"); avp_pushto("$X-Q", "r");'
    site = Site(f'route {{ {route} sl_send_reply("200", "OK"); }}', "sl avpops")
    answer = site.answer(request())
    assert b"\r\nX-R: 8\r\nX-R: val\r\n" in answer and b"X-Q" not in answer


TEXTS: str = 'avp_write("apple", "s:t"); avp_write("Pear", "s:t");'
NUMBERS: str = 'avp_write("i:5", "s:t"); avp_write("i:7", "s:t");'


@pytest.mark.parametrize(
    ("before", "comparison", "answer"),
    [
        (TEXTS, "eq/Pear", True),
        (TEXTS, "eq/pear", False),
        (TEXTS, "eq/pear/i", True),
        (TEXTS, "eq/pear/I", True),
        (TEXTS, "eq/apple", False),
        (TEXTS, "eq/apple/g", True),
        (TEXTS, "eq/APPLE/gi", True),
        (TEXTS, "lt/quince", True),
        (TEXTS, "lt/PEACH", False),
        (TEXTS, "gt/peach", True),
        (TEXTS, "lt/banana/g", True),
        (TEXTS, "re/^p.*R$", True),
        (TEXTS, "re/pp", False),
        (TEXTS, "re/pp/g", True),
        (TEXTS, "eq/i:5", False),
        (NUMBERS, "eq/i:7", True),
        (NUMBERS, "eq/7", False),
        (NUMBERS, "eq/i:5", False),
        (NUMBERS, "eq/i:5/g", True),
        (NUMBERS, "lt/i:8", True),
        (NUMBERS, "lt/i:7", False),
        (NUMBERS, "gt/i:6", True),
        (NUMBERS, "gt/i:7/g", False),
        (NUMBERS, "re/7", False),
        ("", "eq/x", False),
        ("", "re/.*", False),
        ('avp_write("bob", "t");', "eq/$ruri/username", True),
        ('avp_write("from.org", "t");', "eq/$from/domain", True),
        ('avp_write("sip:to@to.org", "t");', "eq/$to", True),
        ('avp_write("127.0.0.1", "t");', "eq/$src_ip", True),
        ('avp_write("10.0.0.1", "t");', "eq/$src_ip", False),
    ],
)
def test_comparisons(before: str, comparison: str, answer: bool) -> None:
    assert is_true(f'avp_check("s:t", "{comparison}")', before) is answer


ALIASES: str = (
    'modparam("avpops", "avp_aliases", "col=s:color;num=i:77")\nmodparam("avpops", "avp_aliases", "n=name")\n'
)


def test_aliases_stand_for_names_everywhere() -> None:
    before = 'avp_write("v1", "$col"); avp_write("v1", "s:other"); avp_write("v2", "$num"); avp_write("v3", "name");'
    pushes = 'avp_pushto("$X-C", "s:color"); avp_pushto("$X-N", "i:77"); avp_pushto("$X-M", "$n");'
    assert headers_after(before + pushes, params=ALIASES) == ["X-C: v1", "X-N: v2", "X-M: v3"]
    assert is_true('avp_check("$num", "eq/v2")', before, params=ALIASES)
    assert is_true('avp_check("s:other", "eq/$col")', before, params=ALIASES)
    assert not is_true('avp_check("s:other", "eq/$num")', before, params=ALIASES)
    assert not is_true('avp_check("s:color", "re/.")', f'{before} avp_delete("$col/g");', params=ALIASES)


def test_every_value_of_the_avp_on_the_right_is_tried() -> None:
    before = 'avp_write("x", "$col"); avp_write("y", "$col"); avp_write("x", "i:1");'
    assert is_true('avp_check("i:1", "eq/$col")', before, params=ALIASES)


def test_a_missing_avp_on_the_right_is_false() -> None:
    assert not is_true('avp_check("i:1", "eq/$col")', 'avp_write("x", "i:1");', params=ALIASES)


def test_each_message_has_avps_of_its_own() -> None:
    site = Site('route { if (avp_delete("i:1")) log(1, "old"); avp_write("x", "i:1"); }', "avpops")
    site.say(BOB)
    site.say(BOB)
    assert "old" not in site.lines()


def test_all_avps_are_logged_for_debugging() -> None:
    site = Site('route { avp_write("x", "i:1"); avp_write("i:2", "name"); avp_print(); }', "avpops")
    site.say(BOB)
    assert site.lines(4) == ["DEBUG: avp_print: s:name=i:2", "DEBUG: avp_print: i:1=s:x"]


def test_an_alias_that_nobody_defines_is_refused_at_the_start() -> None:
    with pytest.raises(ProgramError, match=r"no avp_aliases defines \$nosuch"):
        Site('route { avp_write("a", "i:1"); avp_check("i:1", "eq/$nosuch"); }', "avpops")


def test_a_driver_may_be_loaded_later() -> None:
    params = 'modparam("avpops", "avp_url", "dbtext:///x")\nmodparam("avpops", "avp_table", "t")\n'
    site = Site(f'{params}route {{ avp_db_load("$from", ""); }}', "avpops dbtext")
    site.say(request())
    assert any(line.startswith("ERROR: avp_db_load: ") for line in site.lines())


# --- avp -------------------------------------------------------------------------------------------------------------


def test_attributes_are_string_named_avps() -> None:
    route = 'set_sattr("a", "text"); set_iattr("b", "42"); avp_pushto("$X-A", "s:a"); avp_pushto("$X-B", "s:b");'
    assert headers_after(route) == ["X-A: text", "X-B: 42"]


def test_flags_and_uri_are_kept() -> None:
    route = 'setflag(3); setflag(1); flags2attr(); uri2attr("u"); rewriteuri("sip:o@h"); uri2attr("v");'
    pushes = 'avp_pushto("$X-F", "s:flags"); avp_pushto("$X-U", "u"); avp_pushto("$X-V", "v");'
    assert headers_after(route + pushes) == ["X-F: 10", "X-U: sip:bob:pw@example.com:5066;a=b", "X-V: sip:o@h"]


def test_an_attribute_becomes_the_uri() -> None:
    assert uri_after('set_sattr("u", "sip:x@y"); attr2uri("u");') == "sip:x@y"
    assert not is_true('attr2uri("u")')
    assert not is_true('attr2uri("u")', 'set_iattr("u", "5");')


def test_attributes_are_found_by_name_and_value() -> None:
    before = 'set_sattr("a", "x"); set_sattr("a", "y"); set_iattr("b", "42");'
    assert is_true('is_sattr_set("a")', before)
    assert not is_true('is_sattr_set("A")', before)
    assert is_true('avp_exists("a", "x")', before)
    assert not is_true('avp_exists("a", "z")', before)
    assert is_true('avp_exists("b", "42")', before)
    assert is_true('avp_exists("b", "042")', before)
    assert not is_true('avp_exists("b", "4 2")', before)


def test_an_attribute_is_logged() -> None:
    site = Site('route { set_sattr("n", "v"); print_sattr("n"); print_sattr("m"); }', "avp")
    site.say(BOB)
    assert site.log.records[:2] == [(3, "AVP: 'n'='v'"), (-1, "ERROR: print_sattr: AVP 'm' not found")]
