"""Digest credentials: reading and computing. RFC 2617, RFC 7616; vectors of the reference, modules-main appendix D."""

from __future__ import annotations

import pytest

from runtime.sip.digest import MD5, SHA256, Credentials, ha1_of, is_right, parse_credentials, response_of
from runtime.sip.scan import BadMessage


def parsed(text: str) -> Credentials | None:
    """The credentials in the midst of other text, so that a loop that leaves its range is seen."""
    data = b'="\r\n' + text.encode("latin-1") + b'", realm="x"\r\n'
    return parse_credentials(data, 4, 4 + len(text))


def read(text: str) -> Credentials:
    found = parsed(text)
    assert found is not None
    return found


def test_the_vectors_of_the_reference() -> None:
    credentials = Credentials()
    credentials.uri = b"sip:iptel.org"
    credentials.nonce = b"41b2c3d4d25cf3f42779723b0565db772106fa8b"
    ha1 = ha1_of(MD5, b"joe", b"iptel.org", b"heslo")
    assert ha1 == b"b00e0e78392b98e3f8c5e90cf30035a6"
    assert response_of(MD5, credentials, ha1, b"REGISTER", b"") == b"ecfc233eafde9e32e91aaf3b0bdd8856"
    credentials.qop, credentials.nonce_count, credentials.cnonce = b"auth", b"00000001", b"0a4f113b"
    assert response_of(MD5, credentials, ha1, b"REGISTER", b"") == b"b9f8117cf5b7f2c0e5605bf7e4e93f88"


def test_the_example_of_rfc_7616_with_both_algorithms() -> None:
    credentials = Credentials()
    credentials.uri, credentials.nonce = b"/dir/index.html", b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    credentials.qop, credentials.nonce_count = b"auth", b"00000001"
    credentials.cnonce = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    user = (b"Mufasa", b"http-auth@example.org", b"Circle of Life")
    md5 = response_of(MD5, credentials, ha1_of(MD5, *user), b"GET", b"")
    sha256 = response_of(SHA256, credentials, ha1_of(SHA256, *user), b"GET", b"")
    assert md5 == b"8ca523f5e9506fed4657c9700eebdbec"
    assert sha256 == b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_auth_int_hashes_the_body() -> None:
    credentials = Credentials()
    credentials.uri, credentials.nonce, credentials.qop = b"sip:h", b"n", b"auth-int"
    one = response_of(MD5, credentials, b"ha1", b"INVITE", b"v=0\r\n")
    assert one != response_of(MD5, credentials, b"ha1", b"INVITE", b"v=1\r\n")
    credentials.qop = b"auth"
    assert response_of(MD5, credentials, b"ha1", b"INVITE", b"v=0\r\n") == response_of(
        MD5, credentials, b"ha1", b"INVITE", b"v=1\r\n"
    )


def test_every_parameter_is_read() -> None:
    text = (
        'Digest username="a@b", realm="r", nonce="n", uri="sip:u", response="0", algorithm=MD5, '
        'cnonce="c", opaque="o", qop=auth, nc=00000001, unknown="x", other=y'
    )
    c = read(text)
    assert (c.username, c.realm, c.nonce, c.uri, c.response) == (b"a@b", b"r", b"n", b"sip:u", b"0")
    assert (c.algorithm, c.cnonce, c.opaque, c.qop, c.nonce_count) == (b"MD5", b"c", b"o", b"auth", b"00000001")
    assert (c.user(), c.domain(), c.missing()) == (b"a", b"b", "")


@pytest.mark.parametrize(
    ("text", "username"),
    [
        ('dIGEST username="alice"', b"alice"),
        ('Digest\t\r\n username="alice"', b"alice"),
        ('Digest UserName = "alice"', b"alice"),
        ("Digest username=alice", b"alice"),
        ("Digest username=alice , realm=x", b"alice"),
        ('Digest,username="alice"', b"alice"),
        ('Digest x, username="bob", username="alice"', b"alice"),
        ('Digest username="alice",,username="bob"', b"alice"),
        ('Digest realm="a,username=\\"bob\\"", username="alice"', b"alice"),
        ('Digest username="al\\"ice"', b'al\\"ice'),
        ('Digest username=""', b""),
        ('Digest username="bob", username="alice"', b"alice"),
        ('Digest username="alice" garbage, realm=x', b"alice"),
        ('Digest username="\xe9"', b"\xe9"),
        ('Digest realm="x"', None),
    ],
)
def test_forms_of_a_parameter(text: str, username: bytes | None) -> None:
    assert read(text).username == username


@pytest.mark.parametrize("text", ["", " ", "Digest", "Digest ", "Basic abc", 'Digestive username="a"', "Dig"])
def test_what_is_no_digest_is_none(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Digest username",
        "Digest username=",
        "Digest username= ",
        "Digest username=,x=y",
        'Digest username="a',
        'Digest a="b", c',
        'Digest username="a",',
        "Digest ,",
    ],
)
def test_a_broken_parameter_is_a_bad_message(text: str) -> None:
    with pytest.raises(BadMessage):
        parsed(text)


@pytest.mark.parametrize("left_out", ["username", "realm", "nonce", "uri", "response", "cnonce", "nc"])
def test_what_is_missing_is_named(left_out: str) -> None:
    names = ["username", "realm", "nonce", "uri", "response", "cnonce", "nc"]
    text = "Digest qop=auth, " + ", ".join(f"{name}=x" for name in names if name != left_out)
    assert read(text).missing() == left_out


def test_without_a_known_qop_no_count_is_missing() -> None:
    text = "Digest username=u, realm=r, nonce=n, uri=u, response=r"
    assert read(text).missing() == ""
    assert read(text + ", qop=foo").missing() == ""
    assert read(text + ", qop=AUTH-INT").missing() == "cnonce"


def test_an_algorithm_is_sha_256_or_md5() -> None:
    assert read("Digest algorithm=sha-256").names(SHA256)
    assert read('Digest algorithm="SHA-256"').names(SHA256)
    for text in ("Digest algorithm=MD5", "Digest algorithm=SHA-256-sess", "Digest algorithm=SHA", "Digest realm=x"):
        assert read(text).names(MD5)


def test_responses_are_compared_to_the_letter() -> None:
    assert is_right(b"ab", b"ab")
    assert not is_right(b"AB", b"ab")
    assert not is_right(b"\xff\xff", b"ab")
    assert not is_right(b"", b"ab")
