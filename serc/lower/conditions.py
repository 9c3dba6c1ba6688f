"""Comparisons of ser.cfg as operands of the program. Reference core, 5.3."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from runtime.spec.kinds import regex_constant
from runtime.spec.kinds_sip import network_constant
from serc import ir
from serc.lower.words import host_text, number, wire
from serc.reading import tree

_MAX_LEN: Final = 65535
_ATTRIBUTES: Final = {
    "src_port": "source_port",
    "dst_port": "destination_port",
    "proto": "proto",
    "af": "af",
    "msg:len": "size",
}
_PROTOCOLS: Final = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}
_ADDRESSES: Final = {"src_ip": "source", "dst_ip": "destination"}


def lower_comparison(c: tree.Compare) -> ir.Condition:
    """`operand operator value` with the value parsed."""
    lowered = _comparison(c)
    if isinstance(lowered, ir.Not):
        return ir.Not(_at(lowered.operand, c.span))
    return _at(lowered, c.span)


def _at(condition: ir.Condition, span: tree.Span) -> ir.Condition:
    assert isinstance(condition, (ir.Compare, ir.Operand))
    return replace(condition, span=span)


def _comparison(c: tree.Compare) -> ir.Condition:
    operand, value = c.operand.name, c.value
    if operand == "myself":  # `myself == uri` is `uri == myself`
        assert isinstance(value, tree.Word)
        return _unless(c.operator == "!=", _myself(value.name))
    if isinstance(value, tree.Word) and value.name == "myself":
        return _unless(c.operator == "!=", _myself(operand))
    if operand in _ATTRIBUTES:
        assert c.operator != "=~"
        return ir.Compare(_ATTRIBUTES[operand], c.operator, _integer(value))
    if operand in _ADDRESSES:
        return _unless(c.operator == "!=", _address(_ADDRESSES[operand], c.operator, value))
    return _unless(c.operator == "!=", _text(operand, c.operator, value))


def _unless(negated: bool, condition: ir.Condition) -> ir.Condition:
    return ir.Not(condition) if negated else condition


def _myself(operand: str) -> ir.Condition:
    if operand in _ADDRESSES:
        return ir.Operand(f"{_ADDRESSES[operand]}_is_myself")
    return ir.Operand(f"{_plain(operand)}_is_myself", (), f"{_plain(operand)}_is_not_myself")


def _plain(operand: str) -> str:
    """`status` is another spelling of `uri`: in a reply the same place holds the status digits."""
    return "uri" if operand == "status" else operand


def _integer(value: object) -> int | ir.Symbol:
    if not isinstance(value, tree.Word):
        return number(value)
    if value.name == "max_len":
        return _MAX_LEN
    return 0 if value.name == "*" else ir.Symbol("core", _PROTOCOLS[value.name.lower()])


def _address(side: str, operator: str, value: object) -> ir.Condition:
    if operator == "=~":
        return ir.Operand(f"{side}_matches", (regex_constant(host_text(value)),))
    network = _network(value)
    if network:
        return ir.Operand(f"{side}_in", (network_constant(network),))
    return ir.Operand(f"{side}_is_host", (wire(value),))


def _network(value: object) -> str:
    """The network that `value` names, "" for a name. A quoted IP address is a network of one."""
    if isinstance(value, tree.IpNet):
        mask = value.mask
        if mask is None:
            return value.address.text
        return f"{value.address.text}/{mask.value if isinstance(mask, tree.Number) else mask.text}"
    try:
        return str(ipaddress.ip_address(host_text(value).strip("[]")))
    except ValueError:
        return ""


def _text(operand: str, operator: str, value: object) -> ir.Condition:
    name = _plain(operand)
    if operator == "=~":
        opposite = f"{name}_mismatches" if name.endswith("_uri") else ""
        return ir.Operand(f"{name}_matches", (regex_constant(host_text(value)),), opposite)
    opposite = f"{name}_differs" if name.endswith("_uri") else ""
    return ir.Operand(f"{name}_equals", (wire(value),), opposite)
