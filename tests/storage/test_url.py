"""URLs of databases, and that their passwords are seen by nobody."""

from __future__ import annotations

import pytest

from runtime.storage.url import BadUrl, parse_url, redacted


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("mysql://ser:heslo@localhost/ser", ("mysql", "ser", "heslo", "localhost", 3306, "ser")),
        ("MySQL://LocalHost:3307/db", ("mysql", "", "", "localhost", 3307, "db")),
        ("mysql://u:p:@[::1]:1/db", ("mysql", "u", "p:", "::1", 1, "db")),
        ("mysql://u:p@w/x@h/db", ("mysql", "u", "p@w/x", "h", 3306, "db")),
        ("postgres:// u : p @ h : 5433 / db ".replace(" : 5433", ":5433"), ("postgres", "u", "p", "h", 5433, "db")),
        ("postgresql://h/db", ("postgres", "", "", "h", 5432, "db")),
        ("sqlite:///var/x", ("sqlite", "", "", "", 0, "/var/x")),
        ("sqlite:/var/x", ("sqlite", "", "", "", 0, "/var/x")),
        ("sqlite:x", ("sqlite", "", "", "", 0, "/cfg/x")),
        ("sqlite://x", ("sqlite", "", "", "", 0, "/cfg/x")),
        ("dbtext:///var/db", ("dbtext", "", "", "", 0, "/var/db")),
        ("dbtext://db", ("dbtext", "", "", "", 0, "/cfg/db")),
        ("flatstore:/var/log/acc", ("flatstore", "", "", "", 0, "/var/log/acc")),
        ("flatstore:///var/log/acc", ("flatstore", "", "", "", 0, "/var/log/acc")),
    ],
)
def test_parts(url: str, parts: tuple[object, ...]) -> None:
    found = parse_url(url, "/cfg")
    assert (found.driver, found.user, found.password, found.host, found.port, found.path) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ser",
        "oracle://u:secret@h/db",
        "mysql:u:secret@h/db",
        "mysql://u:secret@h",
        "mysql://u:secret@/db",
        "mysql://u:secret@h:port/db",
        "mysql://u:secret@h:99999/db",
        "sqlite:",
        "dbtext://",
        "sqlite::memory:",
    ],
)
def test_what_is_none_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(BadUrl) as e:
        parse_url(url)
    assert "secret" not in str(e.value)


def test_no_secret_is_printed() -> None:
    url = parse_url("mysql://u:secret@h/db")
    assert (str(url), repr(url)) == ("mysql://u:***@h/db", "mysql://u:***@h/db")
    assert redacted("at mysql://u:a@b:c@h/db, postgres://v:secret@g/x") == "at mysql://u:***@h/db, postgres://v:***@g/x"
