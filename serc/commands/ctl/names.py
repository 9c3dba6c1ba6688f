"""Users and URIs as they are given on the command line. Reference modules-more, C.0."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from runtime.routing.database import Condition, Row
from serc.commands.ctl.client import FAILED, CannotAsk

_URI: Final = re.compile(r"sips?:([^@\s<>]+@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]*\.[\w.-]*)(:\d+)?([;?]\S*)?")
# No URI and no digest can have these in a user name or in a domain.
_NEVER: Final = re.compile(r'[\x00-\x20\x7f:"<>@]')


@dataclass(frozen=True)
class Name:
    """A user of a domain; `str()` is user@domain."""

    user: str
    domain: str

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"

    def where(self, user_column: str = "username", domain_column: str = "domain") -> list[Condition]:
        """The rows that are this user's."""
        return [Condition(user_column, os.fsencode(self.user)), Condition(domain_column, os.fsencode(self.domain))]

    def values(self) -> Row:
        return [os.fsencode(self.user), os.fsencode(self.domain)]


def name_of(text: str) -> Name:
    """user@domain, or a user of SIP_DOMAIN. Raises CannotAsk."""
    user, at, domain = text.partition("@")
    if not at:
        domain = _default_domain()
    for what, word in (("user", user), ("domain", domain)):
        if what == "domain" and word.startswith("[") and word.endswith("]"):
            word = word[1:-1].replace(":", ".")
        if not word:
            raise CannotAsk(FAILED, f"error: invalid user: {text}: it has no {what}: write user@domain")
        wrong = _NEVER.search(word)
        if wrong is not None:
            raise CannotAsk(FAILED, f"error: invalid user: {text!r}: {wrong[0]!r} cannot stand in a {what}")
    return Name(user, domain)


def aor_of(text: str) -> str:
    """user@domain as the server has it, whatever characters a phone has put into it. Raises CannotAsk."""
    if "@" in text:
        return text
    return f"{text}@{_default_domain()}"


def _default_domain() -> str:
    domain = os.environ.get("SIP_DOMAIN", "")
    if not domain:
        raise CannotAsk(FAILED, "domain unknown: use usernames with domain or set default domain in SIP_DOMAIN")
    return domain


def checked_uri(uri: str) -> str:
    """Raises CannotAsk."""
    if not _URI.fullmatch(uri):
        raise CannotAsk(FAILED, f"error: invalid URI: {uri}: write sip:user@host")
    return uri


def checked_domain(text: str) -> str:
    """Raises CannotAsk."""
    word = text[1:-1].replace(":", ".") if text.startswith("[") and text.endswith("]") else text
    if not word or _NEVER.search(word):
        raise CannotAsk(FAILED, f"error: invalid domain: {text!r}: write a name as example.com, or an address")
    return text
