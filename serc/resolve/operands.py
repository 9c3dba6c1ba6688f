"""Checks comparisons: which operator and which value fit an operand. Reference core, 3 and 5.3."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from runtime.spec.kinds import regex_doubt
from runtime.spec.kinds_sip import LARGEST_PORT, is_host_name, is_ip
from runtime.spec.posix_regex import BadRegex, posix_regex
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, in_quotes, misspelt, write
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import did_you_mean, nearest
from serc.reading import tree
from serc.reading.source import readable
from serc.resolve.described import described
from serc.resolve.patterns import mended, never_matches

_EQUAL: Final = frozenset(("==", "!="))
_TEXT: Final = _EQUAL | {"=~"}
_ORDER: Final = _EQUAL | {"<", ">", "<=", ">="}
URIS: Final = frozenset(("uri", "status", "from_uri", "to_uri"))
ADDRESSES: Final = frozenset(("src_ip", "dst_ip"))
PORTS: Final = frozenset(("src_port", "dst_port"))
_FAMILIES: Final = (int(socket.AF_INET), int(socket.AF_INET6))
# RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 2976.
METHODS: Final = frozenset(
    "INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK SUBSCRIBE NOTIFY UPDATE MESSAGE REFER PUBLISH INFO".split()
)
_NETWORK: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}/(?:[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})")
# In replies `method` is no method; some scripts test other words, which stay unsuspected if nothing is near.

# What the operands can be equal to, and why to nothing else.
_POSSIBLE: Final = {
    "status": (re.compile(r"[1-6][0-9][0-9]\Z"), "a status code has three digits"),
    "method": (re.compile(r"[-.!%*_+`'~A-Za-z0-9]*\Z"), "no method has such characters"),
    "uri": (re.compile(r"[A-Za-z][-+.A-Za-z0-9]*:"), "a URI begins with its scheme"),
}
# Signs of a pattern that no URI has; `*`, `$`, parentheses and brackets can be in one.
_LOOKS_LIKE_REGEX: Final = re.compile(r"\A\^|\$\Z|\.[*+]|\[[^]:]*-|\[:|\\|\||\{[0-9,]+\}")


def check_compare(compare: tree.Compare, report: Report) -> None:
    name = compare.operand.name
    if name == "myself":
        _myself(compare, report)
    elif name in URIS:
        _uri(compare, report)
    elif name in ADDRESSES:
        _address(compare, report)
    elif name == "method":
        _method(compare, report)
    else:
        _number(compare, report)


def _operator(compare: tree.Compare, allowed: frozenset[str], report: Report, what: str) -> bool:
    if compare.operator in allowed:
        return True
    signs = " ".join(sorted(allowed, key=("==", "!=", "=~", "<", ">", "<=", ">=").index))
    message = f"{compare.operator} does not apply to {compare.operand.name}, which is {what}"
    report.add(codes.BAD_COMPARISON, compare.span, message, hint=f"operators that do: {signs}")
    return False


def _value(compare: tree.Compare, report: Report, wants: str, hint: str = "", fix: Fix | None = None) -> None:
    message = f"{compare.operand.name} is compared with {wants}, found {described(compare.value)}"
    fix = fix or _requoted(compare.value, hint)
    report.add(codes.BAD_OPERAND_VALUE, compare.value.span, message, hint=hint, fix=fix)


def _requoted(value: object, hint: str) -> Fix | None:
    """With quotes or without, as the hint says."""
    if hint == "put it in quotes" and isinstance(value, tree.Number):
        return write(value.span, f'"{value.text}"')
    if hint == "write it without quotes" and isinstance(value, tree.String) and re.fullmatch(r"\w+", value.value):
        return write(value.span, value.value)
    return None


def _myself(compare: tree.Compare, report: Report) -> None:
    """`myself` stands on the left: the operand is on the right."""
    if not _operator(compare, _EQUAL, report, "this server"):
        return
    value = compare.value
    if not isinstance(value, tree.Word) or value.name not in URIS | ADDRESSES:
        _value(compare, report, "uri, from_uri, to_uri, src_ip or dst_ip")


def _is_myself(value: object) -> bool:
    return isinstance(value, tree.Word) and value.name == "myself"


def _uri(compare: tree.Compare, report: Report) -> None:
    if _is_myself(compare.value):
        _operator(compare, _EQUAL, report, "compared with myself")
    elif _operator(compare, _TEXT, report, "a text"):
        if not isinstance(compare.value, (tree.String, tree.Host, tree.Identifier)):
            _value(compare, report, "a string or myself", _quoting(compare.value))
        else:
            check_regex(compare, report)
            _impossible_text(compare, report)


def _quoting(value: object) -> str:
    return "put it in quotes" if isinstance(value, (tree.Number, tree.IpNet)) else ""


def check_regex(compare: tree.Compare, report: Report) -> None:
    """The right side of `=~`."""
    if compare.operator != "=~" or not isinstance(compare.value, tree.String):
        return
    text = compare.value.value
    try:
        posix_regex(text)
    except BadRegex as e:
        report.add(codes.BAD_REGEX, compare.value.span, f"bad regular expression: {e}", hint=e.hint)
        return
    doubt = regex_doubt(text)
    if doubt is not None:
        fix = mended(compare.value)
        report.add(codes.FOREIGN_REGEX, compare.value.span, doubt.sentence, hint=doubt.hint, fix=fix)
        return
    why, hint = never_matches(compare.operand.name, text)
    if why:
        message = f'{compare.operand.name} never matches "{readable(text)}": {why}'
        fix = None
        if hint.startswith('write "^') and readable(text) == text:
            fix = write(compare.value.span, in_quotes(compare.value, f"^sip:{text[1:]}"), safe=False)
        report.add(codes.NEVER_MATCHES, compare.value.span, message, hint=hint, fix=fix)


def _impossible_text(compare: tree.Compare, report: Report) -> None:
    """A text that the operand never equals: no URI, no status code, no method."""
    value = compare.value
    if compare.operator == "=~" or not isinstance(value, (tree.String, tree.Host, tree.Identifier)):
        return
    text = value.value if isinstance(value, tree.String) else value.name
    name = compare.operand.name
    possible, why = _POSSIBLE.get(name, _POSSIBLE["uri"])
    pattern = _LOOKS_LIKE_REGEX.search(text) is not None
    if possible.match(text) and not pattern or name == "uri" and _POSSIBLE["status"][0].match(text):
        return  # in replies `uri` is the status
    fix = None
    if name != "method" and nearest(text, ("myself",)):
        hint = "write myself without quotes" if text == "myself" else 'did you mean "myself"?'
        fix = write(value.span, "myself", safe=False)
    elif pattern:
        why, hint = "this looks like a regular expression", "write =~ to match one"
        fix = write(compare.operator_span, "=~", safe=False) if compare.operator == "==" else None
    else:
        literal = text.removeprefix("*").removeprefix("@")
        hint = "" if name in ("status", "method") else f'write {name} =~ "@{literal}", or sip: before it'
    message = f'{name} is never equal to "{readable(text)}": {why}'
    report.add(codes.IMPOSSIBLE_TEXT, compare.span, message, hint=hint, fix=fix)


def _method(compare: tree.Compare, report: Report) -> None:
    if not _operator(compare, _TEXT, report, "a text"):
        return
    value = compare.value
    if not isinstance(value, (tree.String, tree.Identifier)):
        _value(compare, report, "a string or a word", _quoting(value))
        return
    check_regex(compare, report)
    _impossible_text(compare, report)
    text = value.value if isinstance(value, tree.String) else value.name
    if compare.operator in _EQUAL and text.upper() not in METHODS:
        meant = nearest(text, METHODS)
        if meant and text:
            message = f"there is no method {text} among those of the SIP standards"
            fix = write(value.span, f'"{meant}"', safe=False)
            report.add(codes.UNKNOWN_METHOD, value.span, message, hint=f'did you mean "{meant}"?', fix=fix)


def _address(compare: tree.Compare, report: Report) -> None:
    value = compare.value
    if isinstance(value, tree.IpNet):
        if _operator(compare, _EQUAL, report, "compared with an address"):
            check_network(value, report)
    elif _is_myself(value):
        _operator(compare, _EQUAL, report, "compared with myself")
    elif _operator(compare, _TEXT, report, "an address"):
        if isinstance(value, tree.String):
            _address_text(compare, value, report)
        elif not isinstance(value, (tree.Host, tree.Identifier)):
            _value(compare, report, "an address, a network, a host name or myself")


def _address_text(compare: tree.Compare, value: tree.String, report: Report) -> None:
    text = value.value
    if compare.operator == "=~":
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", text):
            message = f'=~ does not work with the plain address "{text}"'
            edits = (Edit(compare.operator_span, "=="), Edit(value.span, text))
            fix = Fix(f"write {compare.operand.name} == {text}", edits)
            report.add(codes.BAD_COMPARISON, compare.span, message, hint=fix.title, fix=fix)
            return
        check_regex(compare, report)
        return
    if is_ip(text) or is_host_name(text):
        if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text) and any(int(part) > 255 for part in text.split(".")):
            report.add(codes.BAD_ADDRESS, value.span, f"{text} is not an IP address: its parts end at 255")
        return
    message = f'{compare.operand.name} is never equal to "{text}": this is neither an address nor a host name'
    hint = "a network is written without quotes" if "/" in text else ""
    cure = write(value.span, text, safe=False) if _NETWORK.fullmatch(text) else None
    if re.fullmatch(r".*:[0-9]+", text):
        port = compare.operand.name.replace("ip", "port")
        hint = f"compare the port with {port}"
    report.add(codes.IMPOSSIBLE_HOST, compare.span, message, hint=hint, fix=cure)


def check_network(net: tree.IpNet, report: Report) -> None:
    bits = 32 if net.address.version == 4 else 128
    if isinstance(net.mask, tree.Number) and net.mask.value > bits:
        message = f"/{net.mask.text} is too long for an IPv{net.address.version} address"
        report.add(codes.OUT_OF_RANGE, net.mask.span, message, hint=f"it has {bits} bits")
    elif isinstance(net.mask, tree.IpAddress) and net.mask.version != net.address.version:
        report.add(codes.BAD_ADDRESS, net.mask.span, "address and mask are of different families")
    elif net.mask is not None:
        _host_bits(net, bits, report)


def _host_bits(net: tree.IpNet, bits: int, report: Report) -> None:
    address = int(ipaddress.ip_address(net.address.text))
    if isinstance(net.mask, tree.Number):
        mask = ((1 << net.mask.value) - 1) << (bits - net.mask.value)
        shown = net.mask.text
    else:
        assert net.mask is not None
        mask = int(ipaddress.ip_address(net.mask.text))
        shown = net.mask.text
    if address & ~mask:
        kind = ipaddress.IPv4Address if net.address.version == 4 else ipaddress.IPv6Address
        fixed = f"{kind(address & mask)}/{shown}"
        message = f"the network has bits set outside of its mask: {fixed} is taken"
        hint = f"write {fixed}, or leave the mask away for one address"
        report.add(codes.HOST_BITS, net.span, message, hint=hint, fix=write(net.span, fixed))


def _number(compare: tree.Compare, report: Report) -> None:
    name, value = compare.operand.name, compare.value
    if not _operator(compare, _ORDER, report, "a number" if name != "proto" else "a protocol"):
        return
    if name == "proto":
        if not isinstance(value, tree.Word) or value.name.lower() not in ("udp", "tcp", "tls", "*"):
            named = value.name if isinstance(value, (tree.Identifier, tree.Host)) else ""
            hint = "write it without quotes" if isinstance(value, tree.String) else ""
            near = misspelt(value.span, named, ("udp", "tcp", "tls")) if named else None
            _value(compare, report, "udp, tcp or tls", hint or did_you_mean(named, ("udp", "tcp", "tls")), near)
    elif isinstance(value, tree.Word) and value.name == "max_len" and name == "msg:len":
        return
    elif not isinstance(value, tree.Number):
        hint = "write it without quotes" if isinstance(value, tree.String) else ""
        _value(compare, report, "a number", hint)
    elif name == "af" and value.value not in _FAMILIES:
        message = f"af is never {value.text}: it is INET for IPv4 and INET6 for IPv6"
        report.add(codes.CONSTANT_CONDITION, compare.span, message, hint="write INET or INET6")
    elif name in PORTS and value.value > LARGEST_PORT:
        message = f"there is no port {value.text}"
        report.add(codes.OUT_OF_RANGE, value.span, message, hint=f"ports end at {LARGEST_PORT}")
