"""The core's operands, as ser.cfg compares them. Reference core, 3 and 5.3."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import Final

from runtime.modules.core import conditions
from runtime.routing.context import Context
from runtime.sip import methods
from runtime.sip.address import PROTO_NAMES, TCP, TLS, UDP
from runtime.spec.kinds_sip import LARGEST_PORT
from runtime.spec.operands import (
    AddressOperand,
    Body,
    Form,
    Messages,
    Numbered,
    NumberOperand,
    Operand,
    ServerOperand,
    Tells,
    TextOperand,
)
from runtime.spec.values import Doubt, Named, OutOfRange

# What `max_len` stands for: no datagram is longer.
_LARGEST_DATAGRAM: Final = 65535
# Of the headers that each has to have, with short names in them.
_SMALLEST_REQUEST: Final = 120
_FAMILIES: Final = (int(socket.AF_INET), int(socket.AF_INET6))

_METHOD: Final = Form(re.compile(r"[-.!%*_+`'~A-Za-z0-9]*\Z"), "no method has such characters")
_STATUS: Final = Form(
    re.compile(r"[1-6][0-9][0-9]\Z"), "a status code has three digits", re.compile(r"[1-6][0-9]{0,2}\Z")
)
_URI: Final = Form(
    re.compile(r"[A-Za-z][-+.A-Za-z0-9]*:"),
    "a URI begins with its scheme",
    re.compile(r"[A-Za-z][-+.A-Za-z0-9]*(:|\Z)"),
    "sip:",
)


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _method(ctx: Context) -> str:
    return _text(ctx.message.method_name()) if ctx.message.is_request else ""


def _port(value: int, text: str) -> Doubt | None:
    if value > LARGEST_PORT:
        raise OutOfRange(f"there is no port {text}", f"ports end at {LARGEST_PORT}")
    return None


def _family(value: int, text: str) -> Doubt | None:
    if value in _FAMILIES:
        return None
    return Doubt(f"af is never {text}: it is INET for IPv4 and INET6 for IPv6", "write INET or INET6")


def _size(value: int, text: str) -> Doubt | None:
    if 0 < value < _SMALLEST_REQUEST:
        return Doubt(f"no request is as short as {text} bytes", "write max_len, or 2048")
    if value <= _LARGEST_DATAGRAM:
        return None
    return Doubt(f"no message is longer than {_LARGEST_DATAGRAM} bytes, and {text} is more", "write max_len, or 2048")


_REQUEST_URI: Final = TextOperand(
    name="uri",
    equals=Body(conditions.uri_equals),
    matches=Body(conditions.uri_matches),
    is_myself=Body(conditions.uri_is_myself, conditions.uri_is_not_myself),
    forms=(_URI, _STATUS),  # in replies its place holds the status
    tells=Tells.DESTINATION,
    shown=lambda ctx: _text(ctx.uri()),
    summary="The request URI, as the script has made it by now.",
    also=("ruri", "request_uri"),
)

OPERANDS: Final[tuple[Operand, ...]] = (
    TextOperand(
        name="method",
        equals=Body(conditions.method_equals),
        matches=Body(conditions.method_matches),
        forms=(_METHOD,),
        numbered=Numbered("method", "methods", tuple(methods.NUMBERS), "OTHER"),
        tells=Tells.METHOD,
        of=Messages.REQUESTS,
        shown=_method,
        summary="The method of a request.",
    ),
    _REQUEST_URI,
    replace(
        _REQUEST_URI,
        name="status",
        equals=Body(conditions.status_equals),
        matches=Body(conditions.status_matches),
        forms=(_STATUS,),
        of=Messages.REPLIES,
        summary="The status code of a reply.",
        also=(),
        spelling_of=_REQUEST_URI.name,
    ),
    TextOperand(
        name="from_uri",
        equals=Body(conditions.from_uri_equals, conditions.from_uri_differs),
        matches=Body(conditions.from_uri_matches, conditions.from_uri_mismatches),
        is_myself=Body(conditions.from_uri_is_myself, conditions.from_uri_is_not_myself),
        forms=(_URI,),
        tells=Tells.PARTY,
        shown=lambda ctx: _text(ctx.from_uri()),
        summary="The URI of the From header.",
        also=("furi",),
    ),
    TextOperand(
        name="to_uri",
        equals=Body(conditions.to_uri_equals, conditions.to_uri_differs),
        matches=Body(conditions.to_uri_matches, conditions.to_uri_mismatches),
        is_myself=Body(conditions.to_uri_is_myself, conditions.to_uri_is_not_myself),
        forms=(_URI,),
        tells=Tells.PARTY,
        shown=lambda ctx: _text(ctx.to_uri()),
        summary="The URI of the To header.",
        also=("turi",),
    ),
    AddressOperand(
        name="src_ip",
        lies_in=Body(conditions.source_in),
        is_host=Body(conditions.source_is_host),
        matches=Body(conditions.source_matches),
        is_myself=Body(conditions.source_is_myself),
        port="src_port",
        tells=Tells.SENDER,
        shown=lambda ctx: _text(ctx.source.text),
        summary="The address that the message came from.",
        also=("src_addr", "source_ip"),
    ),
    AddressOperand(
        name="dst_ip",
        lies_in=Body(conditions.destination_in),
        is_host=Body(conditions.destination_is_host),
        matches=Body(conditions.destination_matches),
        is_myself=Body(conditions.destination_is_myself),
        port="dst_port",
        tells=Tells.PARTY,
        shown=lambda ctx: _text(ctx.socket.address.text),
        summary="The address of ours that the message came to.",
        also=("dst_addr",),
    ),
    NumberOperand(
        name="src_port",
        attribute="source_port",
        words={},
        check=_port,
        tells=Tells.PARTY,
        shown=lambda ctx: str(ctx.source_port),
        summary="The port that the message came from.",
    ),
    NumberOperand(
        name="dst_port",
        attribute="destination_port",
        words={},
        check=_port,
        tells=Tells.NOTHING,
        shown=lambda ctx: str(ctx.destination_port),
        summary="The port of ours that the message came to.",
    ),
    NumberOperand(
        name="proto",
        attribute="proto",
        is_what="a protocol",
        wants="udp, tcp or tls",
        words={"udp": Named("UDP", UDP), "tcp": Named("TCP", TCP), "tls": Named("TLS", TLS), "*": 0},
        takes_numbers=False,
        tells=Tells.NOTHING,
        shown=lambda ctx: PROTO_NAMES[ctx.proto],
        summary="The transport that the message came by.",
        also=("protocol",),
    ),
    NumberOperand(
        name="af",
        attribute="af",
        words={},
        check=_family,
        tells=Tells.NOTHING,
        shown=lambda ctx: str(ctx.af),
        summary="INET or INET6: the family of the address that the message came from.",
    ),
    NumberOperand(
        name="msg:len",
        attribute="size",
        words={"max_len": _LARGEST_DATAGRAM},
        check=_size,
        tells=Tells.NOTHING,
        shown=lambda ctx: str(ctx.size),
        summary="The size of the message in bytes.",
        also=("len", "msg_len"),
    ),
    ServerOperand(
        name="myself",
        tells=Tells.NOTHING,
        shown=lambda ctx: "",
        summary="This server: one of its names and addresses.",
    ),
)
