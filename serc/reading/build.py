"""What the grammar recognised, as the nodes of tree.py."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal, Protocol, cast

from runtime.modules import catalogue
from runtime.spec.declare import Written
from serc.reading import tree
from serc.reading.parse import Ast

_WORDS: Final = {
    **dict.fromkeys(("yes", "true", "on", "enable"), 1),
    **dict.fromkeys(("no", "false", "off", "disable"), 0),
    **dict.fromkeys(("inet", "INET"), int(socket.AF_INET)),
    **dict.fromkeys(("inet6", "INET6"), int(socket.AF_INET6)),
}
_BLANKS: Final = re.compile(r"[\s\b\\]+")
_ESCAPE: Final = re.compile(r'\\(?:([nrat"\\])|x([0-9A-Fa-f]{1,2})|([0-7]{2,3})|(\n))')
_ESCAPED: Final = {"n": "\n", "r": "\r", "a": "\a", "t": "\t", '"': '"', "\\": "\\"}


class Places(Protocol):
    """Offsets by offsets."""

    def __getitem__(self, at: int, /) -> int: ...


class BadOctet(ValueError):
    """An IPv4 address with a part above 255; `span` is that part."""

    def __init__(self, span: tree.Span, text: str) -> None:
        super().__init__(text)
        self.span = span


def number_value(text: str) -> int:
    """The value of a NUMBER token: decimal, 0octal, 0xhex, or one of the words."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8 if text.startswith("0") else 10)


def unquoted(text: str) -> str:
    """The value of a string with its quotes; unknown escapes keep their backslash (reference core, 2.2)."""
    inner = text[1:-1]
    return _ESCAPE.sub(_escape, inner) if text[0] == '"' else inner


def _escape(match: re.Match[str]) -> str:
    letter, hexadecimal, octal, _ = match.groups()
    if letter:
        return _ESCAPED[letter]
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return chr(int(octal, 8) & 255) if octal else ""


def chain(kind: type[tree.Or] | type[tree.And], operands: list[tree.Expression]) -> tree.Expression:
    """`a || b || c`; a single operand stands for itself."""
    if len(operands) == 1:
        return operands[0]
    return kind(tree.Span(operands[0].span.start, operands[-1].span.end), tuple(operands))


class Builder:
    """Builds nodes from what the grammar gives for a piece of `text`.

    `starts` and `ends` tell for a place in what the grammar saw, where a node begins or ends in `text`. Raises BadOctet.
    """

    def __init__(self, text: str, starts: Places, ends: Places) -> None:
        self._text_of_file = text
        self._starts = starts
        self._ends = ends

    def node(self, ast: Ast) -> Any:
        return _BY_RULE[ast["parseinfo"].rule](self, ast)

    def _span(self, ast: Ast) -> tree.Span:
        info = ast["parseinfo"]
        return tree.Span(self._starts[info.pos], self._ends[info.endpos])

    def _text(self, ast: Ast) -> str:
        span = self._span(ast)
        return self._text_of_file[span.start : span.end]

    # --- items -------------------------------------------------------------------------------------------------------

    def _file(self, ast: Ast) -> tree.File:
        return tree.File(self._span(ast), tuple(self.node(item) for item in ast["items"]))

    def _loadmodule(self, ast: Ast) -> tree.LoadModule:
        return tree.LoadModule(self._span(ast), self.node(ast["path"]))

    def _modparam(self, ast: Ast) -> tree.ModParam:
        names = self.node(ast["module"]), self.node(ast["parameter"])
        return tree.ModParam(self._span(ast), *names, self.node(ast["value"]))

    def _route(self, ast: Ast) -> tree.Route:
        head: tree.Route = self.node(ast["head"])
        return tree.Route(self._span(ast), head.kind, head.number, self.node(ast["body"]))

    def _route_head(self, ast: Ast) -> tree.Route:
        """A route whose body is still empty."""
        span = self._span(ast)
        number = self.node(ast["number"]) if ast["number"] else None
        return tree.Route(span, ast["kind"], number, tree.Block(tree.Span(span.end, span.end), ()))

    def _assignment(self, ast: Ast) -> tree.Assignment:
        name: tree.Identifier = self.node(ast["name"])
        values = [self.node(value) for value in ast["values"]]
        if name.name == "tls_method":
            values = [tree.Identifier(v.span, v.name) if isinstance(v, tree.Host) else v for v in values]
        if name.name != "advertised_address":
            # A single word is a name here, not a host.
            values = [tree.Identifier(v.span, v.name) if _one_label(v) else v for v in values]
        return tree.Assignment(self._span(ast), name, tuple(values))

    # --- statements --------------------------------------------------------------------------------------------------

    def _block(self, ast: Ast) -> tree.Block:
        return tree.Block(self._span(ast), tuple(self.node(s) for s in ast["statements"]))

    def _if(self, ast: Ast) -> tree.If:
        then = self._branch(ast["then"])
        otherwise = self._branch(ast["otherwise"]) if ast["otherwise"] else None
        span = tree.Span(self._span(ast).start, (otherwise or then).span.end)
        return tree.If(span, self.node(ast["condition"]), then, otherwise)

    def _branch(self, ast: Ast) -> tree.Block:
        node = self.node(ast)
        return node if isinstance(node, tree.Block) else tree.Block(node.span, (node,), braced=False)

    def _call(self, ast: Ast) -> tree.Call:
        name: tree.Identifier = self.node(ast["name"])
        if ast["arguments"] is None:
            return tree.Call(self._span(ast), name, (), parenthesised=False)
        arguments = [self.node(a) for a in ast["arguments"]]
        if not _takes_sockets(name.name):
            arguments = [a.host if _only_host(a) else a for a in arguments]
        return tree.Call(self._span(ast), name, tuple(arguments))

    # --- conditions --------------------------------------------------------------------------------------------------

    def _chain(self, ast: Ast, kind: type[tree.Or] | type[tree.And]) -> tree.Expression:
        return chain(kind, [self.node(operand) for operand in ast["operands"]])

    def _compare(self, ast: Ast) -> tree.Compare:
        operand: tree.Word = self.node(ast["operand"])
        value = self.node(ast["value"])
        if _one_label(value):
            value = tree.Identifier(value.span, value.name)
        sign = ast["operator"]
        return tree.Compare(self._span(ast), operand, sign["name"], self._span(sign), value)

    def _network(self, ast: Ast) -> tree.IpNet:
        mask = self.node(ast["mask"]) if ast["mask"] else None
        return tree.IpNet(self._span(ast), self.node(ast["address"]), mask)

    # --- addresses and literals --------------------------------------------------------------------------------------

    def _socket(self, ast: Ast) -> tree.SocketId:
        proto = self.node(ast["transport"]) if ast["transport"] else None
        port = self.node(ast["port"]) if ast["port"] else None
        return tree.SocketId(self._span(ast), proto, self.node(ast["host"]), port)

    def _ipv4(self, ast: Ast) -> tree.IpAddress:
        octets: list[tree.Number] = [self.node(octet) for octet in ast["octets"]]
        for octet in octets:
            if octet.value > 255:
                raise BadOctet(octet.span, octet.text)
        return tree.IpAddress(self._span(ast), ".".join(str(octet.value) for octet in octets), 4)

    def _ipv6(self, ast: Ast) -> tree.IpAddress:
        return tree.IpAddress(self._span(ast), str(ipaddress.IPv6Address(self._text(ast))), 6)

    def _number(self, ast: Ast) -> tree.Number:
        text = self._text(ast)
        return tree.Number(self._span(ast), text, number_value(text))

    def _string(self, ast: Ast) -> tree.String:
        text = self._text(ast)
        return tree.String(self._span(ast), unquoted(text), cast(Literal['"', "'"], text[0]))

    def _word(self, ast: Ast) -> tree.Word:
        return tree.Word(self._span(ast), self._text(ast))


def _one_label(value: object) -> bool:
    return isinstance(value, tree.Host) and "." not in value.name and "-" not in value.name


@cache
def _takes_sockets(action: str) -> bool:
    kinds = [argument.kind for form in catalogue.core().named(action) for argument in form.arguments]
    return any(Written.SOCKET in kind.written for kind in kinds)


def _only_host(argument: object) -> bool:
    return isinstance(argument, tree.SocketId) and argument.proto is None and argument.port is None


# What builds the node of each rule.
_BY_RULE: Final[dict[str, Callable[[Builder, Ast], Any]]] = {
    "file": Builder._file,
    "loadmodule": Builder._loadmodule,
    "modparam": Builder._modparam,
    "route": Builder._route,
    "route_head": Builder._route_head,
    "assignment": Builder._assignment,
    "block": Builder._block,
    "empty": lambda b, ast: tree.Empty(b._span(ast)),
    "if": Builder._if,
    "action": Builder._call,
    "function_call": Builder._call,
    "condition": lambda b, ast: b._chain(ast, tree.Or),
    "and_condition": lambda b, ast: b._chain(ast, tree.And),
    "negated": lambda b, ast: tree.Not(b._span(ast), b.node(ast["operand"])),
    "compare": Builder._compare,
    "network": Builder._network,
    "socket": Builder._socket,
    "host": lambda b, ast: tree.Host(b._span(ast), _BLANKS.sub("", b._text(ast))),
    "ipv4": Builder._ipv4,
    "ipv6": Builder._ipv6,
    "string": Builder._string,
    "number": Builder._number,
    "identifier": lambda b, ast: tree.Identifier(b._span(ast), b._text(ast)),
    "action_name": lambda b, ast: tree.Identifier(b._span(ast), b._text(ast)),
    "parameter_name": lambda b, ast: tree.Identifier(b._span(ast), b._text(ast)),
    "list_name": lambda b, ast: tree.Identifier(b._span(ast), b._text(ast)),
    "tls_version": lambda b, ast: tree.Identifier(b._span(ast), b._text(ast)),
    **dict.fromkeys(("operand", "operand_word", "protocol", "max_len", "uri_part", "any"), Builder._word),
}
