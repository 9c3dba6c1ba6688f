"""auth at work: challenges, credentials, nonces, replays, identities. Reference modules-main, chapter 8."""

from __future__ import annotations

import pytest
from engine import header
from phone import Phone, challenges, hex_of, nonce_of, without
from script import Site, request

from runtime.modules.auth import Auth
from runtime.modules.auth.checking import ANSWERED, AUTHORIZED, NOT_AUTHORIZED, UNCHECKED, Claim
from runtime.modules.auth.identity import is_e164
from runtime.modules.auth.nonces import FOREIGN, OURS, OURS_WITH_QOP, Nonces
from runtime.modules.auth.replays import BUCKET_BYTES
from runtime.routing.context import Context
from runtime.sip.digest import MD5, ha1_of
from runtime.sip.edits import apply

HA1 = ha1_of(MD5, b"alice", b"example.com", b"secret")
FAR = nonce_of("s3cret", 0x7FFFFFFF)


def site_of(params: str = "", route: str = 'www_challenge("", "1");') -> Site:
    return Site(f'modparam("auth", "secret", "s3cret")\n{params}\nroute {{ {route} }}', "sl textops auth")


def auth_of(site: Site) -> Auth:
    auth = site.engine.world.modules["auth"]
    assert isinstance(auth, Auth)
    return auth


def register(credentials: str = "", **headers: str) -> bytes:
    headers = {"To": "<sip:alice@example.com>", **headers}
    return request("REGISTER", "sip:example.com", Authorization=credentials, **headers)


def judged(site: Site, ctx: Context, is_proxy: bool = False, ha1: bytes = HA1) -> int:
    """What a backend makes of a request: it knows `ha1`."""
    checker = auth_of(site).checker
    claim = checker.find(ctx, b"example.com", is_proxy)
    if claim.verdict != UNCHECKED:
        return claim.verdict
    algorithm = claim.algorithm(checker.algorithms)
    if algorithm < 0 or not claim.matches(ctx, algorithm, ha1):
        return NOT_AUTHORIZED
    return checker.accept(ctx, claim)


def verdict(data: bytes, site: Site | None = None, port: int = 5080) -> int:
    site = site or site_of()
    return judged(site, site.context(data, port=port))


# --- challenges ------------------------------------------------------------------------------------------------------


def test_a_challenge_is_ser_s_byte_for_byte() -> None:
    site = Site('modparam("auth", "secret", "abc")\nroute { www_challenge("iptel.org", "0"); }', "sl auth")
    site.wall.now_s = 0x41B2C3D4 - 300
    reply = site.answer(register())
    assert reply.startswith(b"SIP/2.0 401 Unauthorized\r\n")
    wanted = b'WWW-Authenticate: Digest realm="iptel.org", nonce="41b2c3d4d25cf3f42779723b0565db772106fa8b"\r\n'
    assert wanted in reply


def test_a_challenge_of_a_proxy_has_the_reason_phrase_of_the_rfc() -> None:
    reply = site_of(route='proxy_challenge("r", "1");').answer(request())
    assert reply.startswith(b"SIP/2.0 407 Proxy Authentication Required\r\n")
    assert str(header(reply, "Proxy-Authenticate")).endswith(', qop="auth"')


def test_a_challenge_ends_the_script() -> None:
    site = site_of(route='www_challenge("", "0"); sl_send_reply("500", "not reached");')
    assert site.answer(request()).startswith(b"SIP/2.0 401 ")


def test_an_ack_is_not_challenged() -> None:
    assert site_of().say(request("ACK")) == []


@pytest.mark.parametrize(
    ("call", "data", "realm"),
    [
        ('www_challenge("", "0")', request("REGISTER", To="<sip:a@to.example>"), "to.example"),
        ('www_challenge("", "0")', request("INVITE", From="<sip:a@from.example>;tag=1"), "from.example"),
        ('proxy_challenge("", "0")', request("REGISTER", From="<sip:a@from.example>;tag=1"), "from.example"),
        ('www_challenge("own", "0")', request("REGISTER", To="<sip:a@to.example>"), "own"),
        ('www_challenge("", "0")', request("REGISTER", To="<sip:a@sip.to.example>"), "to.example"),
        ('www_challenge("", "0")', request("REGISTER", To="<sip:a@SIP.to.example>"), "SIP.to.example"),
        ('www_challenge("sip.own", "0")', request("REGISTER"), "sip.own"),
    ],
)
def test_an_empty_realm_is_the_user_s_domain(call: str, data: bytes, realm: str) -> None:
    site = site_of('modparam("auth", "realm_prefix", "sip.")', f"{call};")
    assert challenges(site.answer(data))[0]["realm"] == realm


@pytest.mark.parametrize("value", ["garbage", "<tel:+44>", ""])
def test_no_domain_is_a_bad_request(value: str) -> None:
    site = site_of(route='www_challenge("", "0"); sl_send_reply("500", "not reached");')
    assert site.answer(request(From=value)).startswith(b"SIP/2.0 400 Bad Request\r\n")


def test_sha_256_is_offered_beside_md5_in_the_order_of_the_config() -> None:
    site = site_of('modparam("auth", "algorithms", "SHA-256, MD5")')
    first, second = challenges(site.answer(register()))
    assert (first["algorithm"], second["algorithm"]) == ("SHA-256", "MD5")
    assert (first["qop"], first["nonce"]) == ("auth", second["nonce"])


def test_sha_256_is_never_offered_without_a_qop() -> None:
    site = site_of('modparam("auth", "algorithms", "SHA-256,MD5")', 'www_challenge("", "0");')
    first, second = challenges(site.answer(register()))
    assert first["qop"] == "auth"
    assert "qop" not in second


def test_auth_int_can_be_offered() -> None:
    site = site_of('modparam("auth", "qop", "auth,auth-int")')
    assert b', qop="auth,auth-int"\r\n' in site.answer(register())


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credentials",
    [
        Phone().credentials(FAR),
        Phone().credentials(FAR, qop="auth"),
        Phone().credentials(FAR, qop="auth-int"),
        Phone().credentials(FAR, qop="foo"),
        Phone().credentials(FAR, qop="auth").replace("qop=auth", 'qop="auth"'),
        Phone().credentials(FAR, uri="sip:elsewhere"),
        Phone().credentials(FAR) + ", algorithm=MD5-sess",
        Phone().credentials(FAR) + ", algorithm=SHA-256",
    ],
)
def test_right_credentials_are_accepted(credentials: str) -> None:
    assert verdict(register(credentials)) == AUTHORIZED


def test_the_realm_may_be_written_in_another_case_and_hashed_as_it_was_asked_for() -> None:
    assert verdict(register(Phone().credentials(FAR).replace("example.com", "Example.COM", 1))) == AUTHORIZED


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Basic YWxpY2U6c2VjcmV0",
        "Digest",
        'Digest username="alice"',
        Phone(password="wrong").credentials(FAR),
        Phone(realm="other").credentials(FAR),
        Phone().credentials(FAR, method="INVITE"),
        Phone().credentials(FAR, response="abc"),
        Phone().credentials(FAR, response="x" * 32),
        Phone().credentials(FAR).upper().replace("DIGEST", "Digest"),
        Phone().credentials(FAR, qop="auth-int", body="not the body"),
        Phone().credentials(FAR, qop="auth").replace("nc=00000001", "nc=00000002"),
    ],
)
def test_wrong_credentials_are_not(credentials: str) -> None:
    assert verdict(register(credentials)) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "nonce",
    [
        "7fffffff" + "0" * 32,
        nonce_of("another secret", 0x7FFFFFFF),
        FAR[:-1],
        FAR + "0",
        FAR.upper(),
        "7FFFFFFF" + hex_of("MD5", "7FFFFFFFs3cret"),
        "",
        "x" * 40,
    ],
)
def test_a_forged_nonce_is_not_accepted(nonce: str) -> None:
    assert verdict(register(Phone().credentials(nonce))) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "credentials",
    [
        "Digest username=",
        'Digest username="alice',
        without(Phone().credentials(FAR), "username"),
        without(Phone().credentials(FAR), "nonce"),
        without(Phone().credentials(FAR), "uri"),
        without(Phone().credentials(FAR), "response"),
        without(Phone().credentials(FAR, qop="auth"), "nc"),
        without(Phone().credentials(FAR, qop="auth"), "cnonce"),
        Phone(username="alice@other.example").credentials(FAR),
    ],
)
def test_broken_credentials_are_a_bad_request(credentials: str) -> None:
    site = site_of()
    ctx = site.context(register(credentials))
    assert judged(site, ctx) == ANSWERED
    assert [send.data.split(b"\r\n")[0] for send in ctx.sends] == [b"SIP/2.0 400 Bad Request"]


def test_the_right_realm_is_found_among_several_headers() -> None:
    other = Phone(realm="other").credentials(FAR)
    data = register(other).replace(
        b"Content-Length", b"Authorization: " + Phone().credentials(FAR).encode() + b"\r\nContent-Length"
    )
    assert verdict(data) == AUTHORIZED


def test_of_one_realm_the_first_header_counts() -> None:
    wrong = Phone(password="wrong").credentials(FAR)
    data = register(wrong).replace(
        b"Content-Length", b"Authorization: " + Phone().credentials(FAR).encode() + b"\r\nContent-Length"
    )
    assert verdict(data) == NOT_AUTHORIZED


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_what_cannot_be_challenged_passes(method: str) -> None:
    site = site_of()
    assert judged(site, site.context(request(method))) == AUTHORIZED


def test_authorization_and_proxy_authorization_are_apart() -> None:
    credentials = Phone().credentials(FAR, method="INVITE")
    site = site_of()
    ctx = site.context(request("INVITE", Proxy_Authorization=credentials))
    assert judged(site, ctx) == NOT_AUTHORIZED
    assert judged(site, ctx, is_proxy=True) == AUTHORIZED
    assert ctx.authorized is not None
    assert ctx.authorized.user == b"alice"


def test_a_secret_that_is_not_set_is_drawn_by_lot() -> None:
    nonces = [challenges(Site('route { www_challenge("", "1"); }', "sl auth").answer(register()))[0] for _ in range(2)]
    assert nonces[0]["nonce"][:8] == nonces[1]["nonce"][:8]
    assert nonces[0]["nonce"] != nonces[1]["nonce"]


def test_a_nonce_of_ours_is_known_to_another_process() -> None:
    nonce = Nonces(b"s", 300).new(1000)
    assert Nonces(b"s", 300).owner_of(nonce) == OURS
    assert Nonces(b"t", 300).owner_of(nonce) == FOREIGN


def test_whose_a_nonce_is_does_not_depend_on_those_that_came_before() -> None:
    nonces, other = Nonces(b"s", 300), Nonces(b"t", 300)
    for second in range(2500):
        assert nonces.owner_of(other.new(second)) == FOREIGN
        # Another process of the same server has made it.
        nonce = Nonces(b"s", 300).new(second)
        assert [nonces.owner_of(nonce), nonces.owner_of(nonce)] == [OURS, OURS]
        assert nonce.isdigit() or nonces.owner_of(nonce.upper()) == FOREIGN
        assert nonces.owner_of(nonce[:-1]) == FOREIGN


def test_the_nonce_of_a_challenge_tells_that_a_qop_was_offered() -> None:
    nonce = Nonces(b"s", 300, b"auth-int").new(1000, True)
    assert Nonces(b"s", 300, b"auth-int").owner_of(nonce) == OURS_WITH_QOP
    assert Nonces(b"s", 300, b"auth").owner_of(nonce) == FOREIGN


# --- what is old or used before --------------------------------------------------------------------------------------


def test_a_nonce_lives_until_its_last_second_and_is_stale_then() -> None:
    site = site_of(route='if (method == "REGISTER") www_challenge("example.com", "1");')
    # With a secret of its own a server gives out no nonce of the second of its start.
    site.wall.now_s += 1
    nonce = challenges(site.answer(register()))[0]["nonce"]
    site.wall.now_s += 300
    assert verdict(register(Phone().credentials(nonce)), site) == AUTHORIZED
    site.wall.now_s += 1
    ctx = site.context(register(Phone().credentials(nonce)))
    assert judged(site, ctx) == NOT_AUTHORIZED
    assert ctx.authorized is None
    assert auth_of(site).www_challenge(ctx, b"example.com", 0) == 0
    assert ctx.sends[0].data.split(b"\r\nServer")[0].endswith(b'", stale=true')


def test_only_right_credentials_make_a_challenge_stale() -> None:
    site = site_of()
    ctx = site.context(register(Phone(password="wrong").credentials(nonce_of("s3cret", 1))))
    assert judged(site, ctx) == NOT_AUTHORIZED
    auth_of(site).www_challenge(ctx, b"example.com", 1)
    assert b"stale" not in ctx.sends[0].data


def test_a_replay_is_refused_and_challenged_as_stale() -> None:
    site = site_of()
    credentials = Phone().credentials(FAR, qop="auth")
    assert verdict(register(credentials), site) == AUTHORIZED
    ctx = site.context(register(credentials, Call_ID="another@h"))
    assert judged(site, ctx) == NOT_AUTHORIZED
    auth_of(site).www_challenge(ctx, b"example.com", 1)
    assert b"stale=true" in ctx.sends[0].data


@pytest.mark.parametrize(
    "changed",
    [
        {"Call_ID": "another@h"},
        {"CSeq": "2 REGISTER"},
        {"Contact": "<sip:mallory@192.0.2.1>"},
        {"To": "<sip:bob@example.com>"},
    ],
)
def test_credentials_are_good_for_one_request(changed: dict[str, str]) -> None:
    site = site_of()
    credentials = Phone().credentials(FAR, qop="auth")
    assert verdict(register(credentials), site) == AUTHORIZED
    assert verdict(register(credentials, **changed), site) == NOT_AUTHORIZED


def test_a_replay_from_elsewhere_is_refused() -> None:
    site = site_of()
    data = register(Phone().credentials(FAR, qop="auth"))
    assert verdict(data, site) == AUTHORIZED
    assert judged(site, site.context(data, source="127.0.0.9")) == NOT_AUTHORIZED


def test_repetitions_of_a_request_pass_for_as_long_as_there_are_any() -> None:
    site = site_of()
    data = register(Phone().credentials(FAR, qop="auth"))
    assert [verdict(data, site) for _ in range(3)] == [AUTHORIZED] * 3
    site.wall.now_s += 33
    assert verdict(data, site) == NOT_AUTHORIZED


def test_a_request_that_comes_back_to_us_by_a_spiral_passes() -> None:
    site = site_of()
    credentials = Phone().credentials(FAR, qop="auth")
    via = "SIP/2.0/UDP 127.0.0.1:5070;branch=0, SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    assert verdict(register(credentials), site) == AUTHORIZED
    assert verdict(register(credentials, Via=via, P_Hint="second time"), site, port=5070) == AUTHORIZED
    assert verdict(register(credentials, Via=via, P_Hint="second time"), site) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "changed",
    [
        {"Contact": "<sip:mallory@192.0.2.1>"},
        {"To": "<sip:bob@example.com>"},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5070;branch=0, SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bK1"},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5070;branch=0, SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK2"},
    ],
)
def test_what_is_replayed_by_way_of_us_is_another_request(changed: dict[str, str]) -> None:
    site = site_of()
    credentials = Phone().credentials(FAR, qop="auth")
    via = "SIP/2.0/UDP 127.0.0.1:5070;branch=0, SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    assert verdict(register(credentials), site) == AUTHORIZED
    again = register(credentials, **{"Via": via, "P_Hint": "second time", **changed})
    assert verdict(again, site, port=5070) == NOT_AUTHORIZED


def test_the_next_nonce_count_is_good_for_the_next_request() -> None:
    site = site_of()
    for count in (1, 2, 9, 3):
        data = register(Phone().credentials(FAR, qop="auth", count=count), CSeq=f"{count} REGISTER")
        assert verdict(data, site) == AUTHORIZED


def test_two_phones_of_one_nonce_do_not_disturb_each_other() -> None:
    site = site_of()
    for cnonce in ("one", "two"):
        data = register(Phone().credentials(FAR, qop="auth", cnonce=cnonce), Call_ID=cnonce)
        assert verdict(data, site) == AUTHORIZED


def test_nobody_is_refused_over_credentials_that_were_wrong() -> None:
    site = site_of()
    assert verdict(register(Phone(password="wrong").credentials(FAR, qop="auth")), site) == NOT_AUTHORIZED
    assert verdict(register(Phone().credentials(FAR, qop="auth"), Call_ID="later@h"), site) == AUTHORIZED


def test_without_a_qop_or_with_nonce_count_0_nothing_is_remembered() -> None:
    site = site_of()
    for call_id in ("one@h", "two@h"):
        assert verdict(register(Phone().credentials(FAR), Call_ID=call_id), site) == AUTHORIZED
    site = site_of('modparam("auth", "nonce_count", 0)')
    for call_id in ("one@h", "two@h"):
        assert verdict(register(Phone().credentials(FAR, qop="auth"), Call_ID=call_id), site) == AUTHORIZED


def test_a_full_memory_forgets_nothing_that_could_be_used_again() -> None:
    site = site_of('modparam("auth", "nonce_count", 8)')
    assert site.engine.world.shared.used == BUCKET_BYTES
    older, newer = nonce_of("s3cret", 0x7FFFFFFE), FAR
    data = [register(Phone().credentials(older, qop="auth", count=n), Call_ID=f"{n}@h") for n in range(9)]
    assert [verdict(one, site) for one in data] == [AUTHORIZED] * 8 + [NOT_AUTHORIZED]
    # Whoever is refused gets a newer nonce, for which something older makes room.
    assert verdict(register(Phone().credentials(newer, qop="auth"), Call_ID="newer@h"), site) == AUTHORIZED
    assert [verdict(one.replace(b"@h", b"@other"), site) for one in data] == [NOT_AUTHORIZED] * 9


@pytest.mark.parametrize(("answered", "is_right"), [("auth-int", True), ("auth", False), ("", False), ("foo", False)])
def test_what_is_offered_alone_has_to_be_answered_with(answered: str, is_right: bool) -> None:
    site = site_of('modparam("auth", "qop", "auth-int")', 'www_challenge("example.com", "1");')
    nonce = challenges(site.answer(register()))[0]["nonce"]
    wanted = AUTHORIZED if is_right else NOT_AUTHORIZED
    assert verdict(register(Phone().credentials(nonce, qop=answered)), site) == wanted


def test_credentials_from_before_the_start_may_have_been_used() -> None:
    site = site_of()
    expires_s = site.wall.now_s + 300
    assert verdict(register(Phone().credentials(nonce_of("s3cret", expires_s), qop="auth")), site) == NOT_AUTHORIZED
    assert verdict(register(Phone().credentials(nonce_of("s3cret", expires_s + 1), qop="auth")), site) == AUTHORIZED


# --- what is done with the user --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "uri", "is_one"),
    [
        ("sip:bob@example.com", "sip:bob@example.com", True),
        ("sip:bob@Example.com:5060", "sip:bob@example.com;transport=tcp", True),
        ("sip:bob@127.0.0.1", "sip:bob@127.0.0.01", True),
        ("sip:example.com", "sip:example.com:5061", True),
        ("tel:+43", "tel:+43", True),
        ("sip:mallory@example.com", "sip:+43123@example.com", False),
        ("sip:+43123@evil.example", "sip:+43123@example.com", False),
        ("sip:Bob@example.com", "sip:bob@example.com", False),
        ("sip:example.com", "sip:bob@example.com", False),
        ("tel:+43", "sip:+43@example.com", False),
        ("", "sip:bob@example.com", False),
    ],
)
def test_credentials_may_have_to_be_for_the_request_uri(told: str, uri: str, is_one: bool) -> None:
    for params, verdict in (
        ("", AUTHORIZED),
        ('modparam("auth", "check_uri", 1)', AUTHORIZED if is_one else NOT_AUTHORIZED),
    ):
        site = site_of(params)
        lines = request("MESSAGE", uri, Authorization=Phone().credentials(FAR, "MESSAGE", told))
        assert judged(site, site.context(lines)) == verdict


def authorized(site: Site, data: bytes) -> Context:
    ctx = site.context(data)
    assert judged(site, ctx) == AUTHORIZED
    return ctx


def test_the_credentials_that_were_accepted_are_consumed() -> None:
    site = site_of()
    ctx = authorized(site, register(Phone().credentials(FAR), Proxy_Authorization=Phone(realm="x").credentials(FAR)))
    assert auth_of(site).consume_credentials(ctx)
    (edit,) = ctx.edits
    gone = ctx.message.buf[edit.start : edit.end]
    assert gone.startswith(b"Authorization: Digest ") and gone.endswith(b"\r\n") and gone.count(b"\n") == 1


@pytest.mark.parametrize(("method", "lines"), [("INVITE", 1), ("ACK", 0), ("CANCEL", 0)])
def test_nothing_is_consumed_without_authentication(method: str, lines: int) -> None:
    site = site_of()
    ctx = site.context(request(method))
    assert not auth_of(site).consume_credentials(ctx)
    assert len([line for line in site.lines() if "consume_credentials" in line]) == lines


def test_all_credentials_for_this_server_are_hidden_and_those_for_others_stay() -> None:
    site = site_of()
    ours = [
        Phone().credentials(FAR),
        Phone(realm="x").credentials(FAR),
        Phone().credentials(FAR.upper()),
        Phone().credentials(nonce_of("s3cret", 1)),
    ]
    other = Phone().credentials(nonce_of("another secret", 0x7FFFFFFF))
    for theirs in (other, "Basic YTpi", "Digest broken", 'Digest nonce="x'):
        lines = "\r\nProxy-Authorization: ".join([ours[0], theirs, *ours[1:]])
        ctx = site.context(request("ACK", Authorization=ours[0], Proxy_Authorization=lines))
        assert auth_of(site).hide_credentials(ctx)
        sent = apply(ctx.message.buf, ctx.edits, None).decode()
        assert [line.partition(": ")[2] for line in sent.split("\r\n") if "uthorization" in line] == [theirs]


def test_without_credentials_nothing_is_hidden() -> None:
    site = site_of()
    ctx = site.context(request("INVITE"))
    assert auth_of(site).hide_credentials(ctx) and ctx.edits == [] and site.lines() == []


def with_rpid(site: Site, rpid: bytes) -> Context:
    ctx = authorized(site, register(Phone().credentials(FAR)))
    assert ctx.authentication is not None
    ctx.authentication.rpid = rpid
    return ctx


def test_remote_party_id() -> None:
    site = site_of('modparam("auth", "rpid_prefix", "<sip:")')
    ctx = with_rpid(site, b"+491234")
    auth = auth_of(site)
    assert auth.append_rpid_hf(ctx)
    assert auth.append_rpid_hf_with(ctx, b'"x" <sip:', b"@gw;user=phone>;screen=no")
    assert [edit.text for edit in ctx.edits] == [
        b"Remote-Party-ID: <sip:+491234;party=calling;id-type=subscriber;screen=yes\r\n",
        b'Remote-Party-ID: "x" <sip:+491234@gw;user=phone>;screen=no\r\n',
    ]
    assert auth.is_rpid_user_e164(ctx)


def test_without_an_identity_nothing_is_added() -> None:
    site = site_of()
    ctx = with_rpid(site, b"")
    assert auth_of(site).append_rpid_hf(ctx)
    assert not auth_of(site).is_rpid_user_e164(ctx)
    assert auth_of(site).append_rpid_hf(site.context(request()))
    assert ctx.edits == []


@pytest.mark.parametrize(
    ("identity", "answer"),
    [
        (b"+49", True),
        (b"+4", False),
        (b"+123456789012345", True),
        (b"+1234567890123456", False),
        (b"491234", False),
        (b"+4912a4", False),
        (b"sip:+49123@gw", True),
        (b"SIP:+49123@gw", True),
        (b'"Carol" <sip:+49123@gw>', True),
        (b"<sip:carol@gw>;party=calling", False),
        (b"<sip:gw>", False),
        (b"<sip:", False),
        (b"<sip:+49 123@gw>", False),
        (b"", False),
    ],
)
def test_an_identity_is_a_telephone_number(identity: bytes, answer: bool) -> None:
    assert is_e164(identity) is answer


# --- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "param", ['"algorithms", "SHA1"', '"algorithms", ""', '"qop", "auth,auth"', '"nonce_count", -1', '"qop", "maybe"']
)
def test_a_parameter_that_means_nothing_does_not_compile(param: str) -> None:
    with pytest.raises(AssertionError, match="error"):
        site_of(f'modparam("auth", {param})')


def test_claims_say_who_they_are_for() -> None:
    site = site_of()
    claim = auth_of(site).checker.find(site.context(register(Phone().credentials(FAR))), b"example.com", False)
    assert isinstance(claim, Claim) and not claim.is_proxy
