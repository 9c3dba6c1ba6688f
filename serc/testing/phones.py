"""Phones: they make requests and answers, and remember what a dialog needs. They send nothing by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from runtime.sip.reply import reason_of
from serc.testing.digest import credentials
from serc.testing.language.cases import Place
from serc.testing.messages import Text, routes_in, tag_in, uri_in

_WITH_CONTACT: Final = ("INVITE", "REGISTER", "SUBSCRIBE", "NOTIFY", "UPDATE", "REFER")


class NoSuchThing(Exception):
    """A phone cannot do what it is told: `str()` is why, in a few words."""


@dataclass
class Dialog:
    """What both ends keep of a call. `local` and `remote` are the values of From and To, with tags; `number` is the last CSeq."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str]
    number: int


@dataclass
class Phone:
    """One device at one place. `uri` is the address of record of its user."""

    name: str
    place: Place
    uri: str
    username: str = ""
    password: str = ""
    requests: list[Text] = field(default_factory=list)
    replies: list[Text] = field(default_factory=list)
    # What it has sent last, and its last request outside of ACK and CANCEL.
    last: bytes = b""
    asked: Text | None = None
    dialog: Dialog | None = None

    @property
    def contact(self) -> str:
        host = f"[{self.place.host}]" if ":" in self.place.host else self.place.host
        transport = f";transport={self.place.proto}" if self.place.proto == "tcp" else ""
        return f"<sip:{self.name}@{host}:{self.place.port}{transport}>"

    def _via(self, branch: str) -> str:
        host = f"[{self.place.host}]" if ":" in self.place.host else self.place.host
        return f"SIP/2.0/{(self.place.proto or 'udp').upper()} {host}:{self.place.port};branch={branch}"

    # --- requests ----------------------------------------------------------------------------------------------------

    def request(self, method: str, uri: str, to: str, number: int) -> Text:
        """A new one, outside of a dialog; `number` makes it unlike all others."""
        message = Text(f"{method} {uri} SIP/2.0")
        message.headers = [
            ("Via", self._via(f"z9hG4bK-{number}")),
            ("Max-Forwards", "70"),
            ("From", f"<{self.uri}>;tag={self.name}-{number}"),
            ("To", f"<{to}>"),
            ("Call-ID", f"{number}-{self.name}@{self.place.host}"),
            ("CSeq", f"1 {method}"),
        ]
        if method in _WITH_CONTACT:
            message.headers.append(("Contact", self.contact))
        return message

    def in_dialog(self, method: str, number: int) -> Text:
        """A request of the dialog; ACK and CANCEL belong to the INVITE. Raises NoSuchThing."""
        if method == "CANCEL" or (method == "ACK" and self._refusal() is not None):
            return self._of_invite(method)
        dialog = self.dialog
        if dialog is None:
            raise NoSuchThing(f"{self.name} is in no dialog")
        if method != "ACK":
            dialog.number += 1
        message = Text(f"{method} {dialog.target} SIP/2.0")
        message.headers = [
            ("Via", self._via(f"z9hG4bK-{number}")),
            ("Max-Forwards", "70"),
            *[("Route", route) for route in dialog.routes],
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{dialog.number} {method}"),
        ]
        if method in _WITH_CONTACT:
            message.headers.append(("Contact", self.contact))
        return message

    def _refusal(self) -> Text | None:
        """The answer that ended the last INVITE, if that was no 2xx."""
        last = self.replies[-1] if self.replies else None
        return last if last is not None and last.status >= 300 and last.method == "INVITE" else None

    def _of_invite(self, method: str) -> Text:
        invite = self.asked
        if invite is None or invite.method != "INVITE":
            raise NoSuchThing(f"{self.name} has sent no INVITE")
        message = Text(f"{method} {invite.uri} SIP/2.0")
        refusal = self._refusal() if method == "ACK" else None
        to = invite.get("To") if refusal is None else refusal.get("To")
        number = (invite.get("CSeq") or "1").split(" ")[0]
        message.headers = [
            ("Via", invite.all("Via")[0]),
            ("Max-Forwards", "70"),
            *[("Route", route) for route in invite.all("Route")],
            ("From", invite.get("From") or ""),
            ("To", to or ""),
            ("Call-ID", invite.get("Call-ID") or ""),
            ("CSeq", f"{number} {method}"),
        ]
        return message

    def again_with_credentials(self, password: str, number: int) -> Text:
        """The last request, with an answer to the challenge that it got. Raises NoSuchThing."""
        last = self.replies[-1] if self.replies else None
        if last is None or self.asked is None or last.status not in (401, 407):
            raise NoSuchThing(f"{self.name} has not been asked for credentials")
        names = ("WWW-Authenticate", "Authorization")
        if last.status == 407:
            names = ("Proxy-Authenticate", "Proxy-Authorization")
        asked = self.asked
        message = Text(asked.first, list(asked.headers), asked.body)
        cseq, _, method = (asked.get("CSeq") or "1 ").partition(" ")
        message.put("CSeq", f"{int(cseq) + 1} {method}")
        message.put("Via", self._via(f"z9hG4bK-{number}"))
        username = self.username or self.name
        challenge = last.get(names[0]) or ""
        message.put(names[1], credentials(challenge, username, password or self.password, method, asked.uri))
        return message

    def note_sent(self, message: Text) -> None:
        """The phone has sent this request."""
        self.last = message.data()
        if message.method not in ("ACK", "CANCEL"):
            self.asked = message

    # --- what comes in -----------------------------------------------------------------------------------------------

    def take(self, message: Text) -> None:
        """The phone gets a message."""
        if message.is_request:
            self.requests.append(message)
            return
        self.replies.append(message)
        asked = self.asked
        tag = tag_in(message.get("To") or "")
        if asked is None or asked.method != "INVITE" or not tag or not 100 < message.status < 300:
            return
        if message.method == "INVITE" and message.get("Call-ID") == asked.get("Call-ID"):
            number = int((message.get("CSeq") or "1").split(" ")[0])
            if self.dialog is not None and self._is_within(asked):
                self.dialog.number = max(self.dialog.number, number)
                self._move(message)
                return
            self.dialog = Dialog(
                message.get("Call-ID") or "",
                message.get("From") or "",
                message.get("To") or "",
                uri_in(message.get("Contact") or message.get("To") or ""),
                routes_in(message.all("Record-Route"))[::-1],
                number,
            )

    def _is_within(self, request: Text) -> bool:
        """True if the request belongs to the dialog that the phone is in."""
        dialog = self.dialog
        return dialog is not None and dialog.call_id == request.get("Call-ID") and bool(tag_in(request.get("To") or ""))

    def _move(self, message: Text) -> None:
        """A refresh of the dialog changes where the other side is, and not the way. RFC 3261 12.2.1.2, 12.2.2."""
        contact = message.get("Contact")
        if self.dialog is not None and contact is not None:
            self.dialog.target = uri_in(contact)

    def pending(self, method: str) -> Text:
        """The request that an answer is for: the last one, of this method if one is named. Raises NoSuchThing."""
        for request in reversed(self.requests):
            if request.method == method or (not method and request.method not in ("ACK", "CANCEL")):
                return request
        raise NoSuchThing(f"{self.name} has got no {method or 'request'}")

    def answer(self, request: Text, status: int, reason: str) -> Text:
        """A reply to a request that it has got."""
        message = Text(f"SIP/2.0 {status} {reason or reason_of(status).decode()}")
        to = request.get("To") or ""
        if not tag_in(to) and status > 100:
            to += f";tag={self.name}-a"
        message.headers = [("Via", via) for via in request.all("Via")]
        message.headers += [("Record-Route", route) for route in request.all("Record-Route")]
        message.headers += [("From", request.get("From") or ""), ("To", to)]
        message.headers += [("Call-ID", request.get("Call-ID") or ""), ("CSeq", request.get("CSeq") or "")]
        if request.method in _WITH_CONTACT and 100 < status < 300:
            message.headers.append(("Contact", self.contact))
        if request.method == "INVITE" and 100 < status < 300:
            if self._is_within(request):
                self._move(request)
                return message
            target = uri_in(request.get("Contact") or request.get("From") or "")
            routes = routes_in(request.all("Record-Route"))
            kept = self.dialog.number if self.dialog is not None else 0
            self.dialog = Dialog(request.get("Call-ID") or "", to, request.get("From") or "", target, routes, kept)
        return message
