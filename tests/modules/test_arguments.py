"""What the modules' arguments and parameters may be. The reference's corrections say which of the bad ones stop SER."""

from __future__ import annotations

import pytest

from runtime.modules import catalogue
from runtime.modules.xlog.kinds import pieces_of
from runtime.spec.declare import ArgumentKind, ModuleSpec, Param
from runtime.spec.values import BadArgument, Constant, Named


def module(name: str) -> ModuleSpec:
    spec = catalogue.find(name)
    assert spec is not None
    return spec


def kind(call: str, count: int, position: int = 0) -> ArgumentKind[object]:
    """Of `module.function`, with `count` arguments."""
    name, _, function = call.partition(".")
    return module(name).by_key[function, count].arguments[position].kind


def param(path: str) -> Param:
    name, _, parameter = path.partition(".")
    found = module(name).param(parameter)
    assert found is not None
    return found


# module.function, number of arguments, which one, text
GOOD = [
    ("tm.t_on_failure", 1, 0, "0"),
    ("tm.t_on_failure", 1, 0, "19"),
    ("tm.t_relay_to_udp", 2, 0, "sip_gw.example.org"),
    ("tm.t_relay_to_udp", 2, 0, "[2001:db8::1]"),
    ("tm.t_relay_to_udp", 2, 1, "0"),
    ("tm.t_write_unix", 2, 1, "early_announce/early_headers"),
    ("tm.t_check_status", 1, 0, "4[0-9][0-9]"),
    ("auth.www_challenge", 2, 0, ""),
    ("auth.www_challenge", 2, 1, "1"),
    ("xlog.xlog", 2, 0, "L_ERR"),
    ("xlog.xlog", 2, 1, "time [%Tf] method <%rm> 2nd via <%{via[1]}> last <%{X-A[-1]}> 100%%"),
    ("nathelper.nat_uac_test", 1, 0, "19"),
    ("nathelper.force_rtp_proxy", 2, 0, ""),
    ("nathelper.force_rtp_proxy", 2, 1, "192.0.2.1"),
    ("group.is_user_in", 2, 0, "request-uri"),
    ("avp_db.avp_load", 1, 0, "CALLEE"),
    ("avp.set_iattr", 2, 1, "7"),
    ("avpops.avp_db_load", 2, 0, "$ruri/domain"),
    ("avpops.avp_db_load", 2, 0, "$uuid"),
    ("avpops.avp_db_load", 2, 1, "i:123/$some_scheme"),
    ("avpops.avp_db_load", 2, 1, "i:/domain_preferences"),
    ("avpops.avp_db_store", 2, 1, "s:404fwd/fwd_table"),
    ("avpops.avp_db_load", 2, 0, "$TO/Domain"),
    ("avpops.avp_write", 2, 0, "$ruri/username"),
    ("avpops.avp_write", 2, 0, "$From/Username"),
    ("avpops.avp_write", 2, 0, "a/b"),
    ("avpops.avp_write", 2, 0, "i:0"),
    ("avpops.avp_write", 2, 1, "$alias"),
    ("avpops.avp_delete", 1, 0, ""),
    ("avpops.avp_delete", 1, 0, "i:"),
    ("avpops.avp_delete", 1, 0, "i:678/g"),
    ("avpops.avp_pushto", 2, 0, "$X-R/reply"),
    ("avpops.avp_pushto", 2, 1, "u"),
    ("avpops.avp_check", 2, 1, "lt/i:345/g"),
    ("avpops.avp_check", 2, 1, "eq/$from/I"),
    ("avpops.avp_check", 2, 1, "re/sip:.*@bar.net/g"),
    ("mangler.sdp_mangle_ip", 2, 0, "10.0.0.0/255.0.0.0"),
    ("mangler.sdp_mangle_port", 1, 0, "-1000"),
    ("exec.exec_dset", 1, 0, "echo sip:2234@foo.bar; echo > /dev/null"),
    ("msilo.m_store", 1, 0, "2"),
    ("gflags.is_gflag", 1, 0, "31"),
    ("enum.enum_query", 2, 0, "e164.example."),
    ("cpl-c.cpl_run_script", 2, 1, "Force_Stateful"),
]

BAD = [
    ("tm.t_on_failure", 1, 0, "20"),
    ("tm.t_on_reply", 1, 0, "RELAY"),
    ("tm.t_relay_to_udp", 2, 0, "10.0.0.300"),
    ("tm.t_relay_to_udp", 2, 0, "sip:example.org"),
    ("tm.t_relay_to_udp", 2, 0, "example.org:5060"),
    ("tm.t_relay_to_udp", 2, 1, "65536"),
    ("tm.t_relay_to_udp", 2, 1, "sip"),
    ("tm.t_write_req", 2, 1, "action/"),
    ("tm.t_check_status", 1, 0, "(4"),
    ("tm.t_reply", 2, 0, "4004"),
    ("auth.proxy_challenge", 2, 1, "auth"),
    ("auth_db.www_authorize", 2, 1, ""),
    ("xlog.xlog", 2, 0, "ERR"),
    ("xlog.xlog", 2, 1, "%{1}"),
    ("xlog.xlog", 2, 1, "%{From"),
    ("xlog.xlog", 2, 1, "%{From[x]}"),
    ("nathelper.nat_uac_test", 1, 0, "private"),
    ("nathelper.force_rtp_proxy", 2, 1, "192.0.2.256"),
    ("group.is_user_in", 2, 0, "R-URI"),
    ("avp_db.avp_load", 1, 0, "both"),
    ("avp.set_iattr", 2, 1, "-7"),
    ("avp.set_sattr", 2, 0, ""),
    ("avpops.avp_db_load", 2, 0, "$from/host"),
    ("avpops.avp_db_load", 2, 1, "s:/$scheme"),
    ("avpops.avp_db_store", 2, 1, "i:123/$scheme"),
    ("avpops.avp_write", 2, 0, "s:"),
    ("avpops.avp_write", 2, 0, "i:-3"),
    ("avpops.avp_write", 2, 0, "x:y"),
    ("avpops.avp_check", 2, 1, "eq/x:y"),
    ("avpops.avp_write", 2, 0, "$method"),
    ("avpops.avp_write", 2, 1, "i:x"),
    ("avpops.avp_write", 2, 1, "i:0"),
    ("avpops.avp_write", 2, 1, "$"),
    ("avpops.avp_delete", 1, 0, "s:a/x"),
    ("avpops.avp_pushto", 2, 0, "X-R"),
    ("avpops.avp_pushto", 2, 0, "$X-R/both"),
    ("avpops.avp_pushto", 2, 1, "s:"),
    ("avpops.avp_check", 2, 1, "eq/x/q"),
    ("avpops.avp_check", 2, 1, "ne/x"),
    ("avpops.avp_check", 2, 1, "re/(/g"),
    ("avpops.avp_check", 2, 1, "re/$from"),
    ("mangler.sdp_mangle_ip", 2, 0, "10.0.0.0/33"),
    ("mangler.sdp_mangle_port", 1, 0, "70000"),
    ("exec.exec_msg", 1, 0, "  "),
    ("msilo.m_store", 1, 0, "3"),
    ("gflags.set_gflag", 1, 0, "32"),
    ("gflags.set_gflag", 1, 0, " 1"),
    ("gflags.set_gflag", 1, 0, "+1"),
    ("maxfwd.mf_process_maxfwd_header", 1, 0, "1 "),
    ("dispatcher.ds_select_dst", 2, 1, "-1"),
    ("cpl-c.cpl_run_script", 2, 0, "both"),
]

DOUBTFUL = [
    ("tm.t_check_status", 1, 0, r"4\d\d"),
    ("xlog.xlog", 2, 0, "xxExx"),
    ("xlog.xlog", 2, 1, "caller %fU"),
    ("xlog.xlog", 2, 1, "100%"),
    ("xlog.xdbg", 1, 0, "%br"),
    ("nathelper.nat_uac_test", 1, 0, "32"),
    ("nathelper.nat_uac_test", 1, 0, "0"),
    ("nathelper.force_rtp_proxy", 1, 0, "x"),
    ("auth.www_challenge", 2, 1, "2"),
    ("avpops.avp_pushto", 2, 0, "$hdr(X-A)"),
    ("dispatcher.ds_select_dst", 2, 1, "4"),
    ("mangler.encode_contact", 2, 1, "PUBLIC_IP"),
    ("enum.enum_query", 1, 0, "e164.example"),
    ("pa.handle_subscription", 1, 0, "location"),
]


@pytest.mark.parametrize(("function", "count", "position", "text"), GOOD)
def test_good_arguments_are_taken_without_a_doubt(function: str, count: int, position: int, text: str) -> None:
    argument = kind(function, count, position)
    assert argument.parse(text) is not None
    assert argument.doubt(text) is None


@pytest.mark.parametrize(("function", "count", "position", "text"), BAD)
def test_bad_arguments_are_refused_with_a_sentence(function: str, count: int, position: int, text: str) -> None:
    with pytest.raises(BadArgument) as caught:
        kind(function, count, position).parse(text)
    assert str(caught.value) and not str(caught.value).endswith(".")


@pytest.mark.parametrize(("function", "count", "position", "text"), DOUBTFUL)
def test_legal_arguments_that_do_something_else_raise_a_doubt(
    function: str, count: int, position: int, text: str
) -> None:
    argument = kind(function, count, position)
    argument.parse(text)
    assert argument.doubt(text) is not None


GOOD_VALUES: list[tuple[str, int | str]] = [
    ("tm.fr_inv_timer_avp", ""),
    ("tm.fr_timer_avp", "$callee_timer"),
    ("tm.tw_append", "params:avp[callee_fr_timer];hdr[Subject];body=msg[body]"),
    ("tm.tw_append", "early_headers:P-App-Name=avp[$sess_params]"),
    ("usrloc.db_mode", 3),
    ("usrloc.db_url", "mysql://user:***@127.0.0.1/ser"),
    ("usrloc.db_url", "dbtext:///tmp/serdb"),
    ("registrar.default_q", -1),
    ("acc.log_fmt", "miocfsFTUX0n"),
    ("acc.db_url", "flatstore:/var/log/acc"),
    ("nathelper.rtpproxy_sock", "/var/run/rtpproxy.sock"),
    ("nathelper.rtpproxy_sock", "udp:rtp.example.org:22222"),
    ("nathelper.rtpproxy_sock", "udp6:2001:db8::1"),
    ("nathelper.rtpproxy_sock", "udp6:[2001:db8::1]:22222"),
    ("avpops.avp_aliases", "voicemail=I:67;fwd = S:forward;name=x"),
    ("avpops.db_scheme", "some_scheme:table=t;uuid_col=uuid;value_col=v;value_type=string"),
    ("jabber.jdomain", "jabber.example.org=*"),
    ("jabber.aliases", "2;icq.example.org=#;msn.example.org;"),
    ("jabber.proxy", "example.org:5060"),
    ("sms.modems", "Falcom [d=/dev/ttyS1;b=9600;p=9254;m=new;l=2;r=1] "),
    ("sms.networks", "D1 [m=10] ;d2[ m=20]"),
    ("sms.links", "Falcom[D1;d2]"),
    ("pdt.prefix", "00"),
]

BAD_VALUES: list[tuple[str, int | str]] = [
    ("tm.fr_inv_timer_avp", "i:forty"),
    ("tm.fr_timer", -1),
    ("tm.tw_append", "avp[x]"),
    ("tm.tw_append", "name:xyz[x]"),
    ("tm.tw_append", "name:msg[header]"),
    ("tm.tw_append", "name:avp[i:x]"),
    ("usrloc.db_mode", 4),
    ("usrloc.db_url", ""),
    ("registrar.nat_flag", 32),
    ("acc.log_fmt", ""),
    ("acc.log_fmt", "z"),
    ("acc.log_fmt", "m" * 21),
    ("nathelper.rtpproxy_sock", "udp:rtp.example.org:70000"),
    ("nathelper.rtpproxy_sock", "udp6:localhost:abc"),
    ("nathelper.rtpproxy_sock", "unix:"),
    ("nathelper.rtpproxy_sock", ""),
    ("avpops.avp_aliases", "voicemail"),
    ("avpops.avp_aliases", "a=$b"),
    ("avpops.avp_aliases", "a=s:x;"),
    ("avpops.avp_aliases", "a=s:x;b=i:1;a=i:2"),
    ("avpops.avp_aliases", "a=x:y"),
    ("tm.fr_timer_avp", "t:timer"),
    ("avpops.db_scheme", "table=t"),
    ("avpops.db_scheme", "x:colour=red"),
    ("avpops.db_scheme", "x:value_type=float"),
    ("jabber.aliases", "2;icq.example.org"),
    ("jabber.proxy", "example.org:sip"),
    ("sms.modems", "Falcom[b=9600]"),
    ("sms.modems", "Falcom[d=/dev/ttyS1;b=1]"),
    ("sms.modems", "Falcom"),
    ("sms.links", "Falcom[]"),
    ("sms.networks", ";".join(f"n{i}[m=1]" for i in range(6))),
    ("pdt.prefix", "+49"),
    ("pdt.terminator", 10),
    ("cpl-c.proxy_recurse", 11),
]

DOUBTFUL_VALUES: list[tuple[str, int | str]] = [
    ("usrloc.db_url", "mysql:ser"),
    ("usrloc.db_url", "/tmp/serdb"),
    ("usrloc.use_domain", 2),
    ("usrloc.user_column", "user name"),
    ("registrar.default_q", 2000),
    ("enum.domain_suffix", "e164.arpa"),
    ("msilo.registrar", "registrar@example.org"),
]


@pytest.mark.parametrize(("path", "value"), GOOD_VALUES)
def test_good_values_of_parameters(path: str, value: int | str) -> None:
    found = param(path)
    assert found.check is None or found.check(value) == ""
    assert found.doubt(value) is None


@pytest.mark.parametrize(("path", "value"), BAD_VALUES)
def test_bad_values_of_parameters(path: str, value: int | str) -> None:
    check = param(path).check
    assert check is not None and check(value)


@pytest.mark.parametrize(("path", "value"), DOUBTFUL_VALUES)
def test_doubtful_values_of_parameters(path: str, value: int | str) -> None:
    found = param(path)
    assert found.check is None or found.check(value) == ""
    assert found.doubt(value) is not None


def test_avp_names_are_values_where_they_can_be() -> None:
    name = kind("avpops.avp_write", 2, 1)
    assert name.parse("i:10") == 10 == name.parse("I:10")
    assert name.parse("S:name") == b"name"
    assert name.parse("s:i:10") == b"i:10"
    assert name.parse("name") == b"name"
    alias = name.parse("$alias")
    assert isinstance(alias, Constant) and alias.alias == "alias" and alias.prepared


@pytest.mark.parametrize(
    ("call", "position", "text", "alias"),
    [
        ("avp_check", 0, "$a", "a"),
        ("avp_check", 1, "eq/$b/g", "b"),
        ("avp_check", 1, "eq/$ruri/domain", ""),
        ("avp_check", 1, "eq/$src_ip", ""),
        ("avp_check", 1, "eq/b", ""),
        ("avp_pushto", 0, "$b", ""),
        ("avp_pushto", 1, "$b/g", "b"),
        ("avp_db_load", 0, "$from/domain", ""),
        ("avp_db_load", 0, "$uuid", "uuid"),
        ("avp_db_load", 1, "$a/$scheme", "a"),
        ("avp_db_store", 1, "i:3/table", ""),
    ],
)
def test_arguments_tell_which_alias_they_need(call: str, position: int, text: str, alias: str) -> None:
    value = kind(f"avpops.{call}", 2, position).parse(text)
    assert isinstance(value, (int, bytes)) and not alias or isinstance(value, Constant) and value.alias == alias


def test_xlog_formats_fall_into_literals_and_specifiers() -> None:
    assert pieces_of("a%rm%%b%{X-A[1]}%br%q9%") == ("a", "%rm", "%%", "b", "%{X-A[1]}", "%b", "r", "%q", "9", "%")
    assert pieces_of("") == ()


def test_the_hint_for_a_near_miss_names_the_specifiers_of_the_family() -> None:
    doubt = kind("xlog.xlog", 2, 1).doubt("caller %fU found nobody")
    assert doubt is not None
    assert "%fU" in doubt.sentence
    assert "%fu" in doubt.hint


def test_levels_are_the_core_s_numbers() -> None:
    level = kind("xlog.xlog", 2, 0)
    assert [level.parse(name) for name in ("L_ALERT", "L_ERR", "L_WARN", "L_DBG")] == [
        Named("L_ALERT", -3),
        Named("L_ERR", -1),
        Named("L_WARN", 1),
        Named("L_DBG", 4),
    ]


def test_offsets_and_ports_of_the_mangler_differ() -> None:
    port = kind("mangler.sdp_mangle_port", 1)
    offset, plain = port.parse("-1000"), port.parse("1000")
    assert isinstance(offset, Constant) and offset.arguments == (True, -1000)
    assert isinstance(plain, Constant) and plain.arguments == (False, 1000)
