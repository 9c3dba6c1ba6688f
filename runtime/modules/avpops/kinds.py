"""The small languages in avpops' arguments. Reference modules-main, chapter 17 and its corrections.

    avp         = "i:" number / ["s:"] name / "$" alias
    selection   = avp / "i:" / "s:" / ""           ; all AVPs of the type, or all
    source      = ("$from" / "$to" / "$ruri") ["/" part] / "$" alias / uuid
    value       = ("$from" / "$to" / "$ruri") ["/" ("username" / "domain")] / "$src_ip" / ["s:" / "i:"] literal
    destination = "$ruri" ["/" ("username" / "domain")] / "$" header ["/" ("request" / "reply")]
    comparison  = ("eq" / "lt" / "gt" / "re") "/" operand ["/" 1*("g" / "i")]

What names an alias is resolved when the server starts: the modules start in any order.
"""

from __future__ import annotations

import re
from typing import Final

from runtime.modules.avpops.operands import (
    Compare,
    CompareWith,
    Comparison,
    Destination,
    Literal,
    Match,
    Selection,
    SourceAddress,
    ToHeader,
    ToUri,
    UriValue,
    Value,
)
from runtime.modules.avpops.stored import Layout, Owner, Place
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import checked_regex, parse_integer, wire
from runtime.spec.kinds_avp import parse_avp_name
from runtime.spec.values import BadArgument, Constant, Doubt

_URIS: Final = ("from", "to", "ruri")
_OPERATORS: Final = ("eq", "lt", "gt", "re")
_HEADER: Final = re.compile(r"[-A-Za-z0-9.!%*_+`'~]+\Z")
_SCHEME_KEYS: Final = ("uuid_col", "username_col", "domain_col", "value_col", "value_type", "table")

# The names of what `_selection` gives, and of the rest of a Place.
_NAMES: Final = ("kind", "number", "text")
_PLACE_NAMES: Final = (*_NAMES, "table", "scheme")


def _alias_in(selection: tuple[str, int, bytes]) -> str:
    return selection[2].decode("latin-1") if selection[0] == "alias" else ""


def _selection(text: str) -> tuple[str, int, bytes]:
    """What kind of name it is ("integer", "string", "alias", or "all …"), and the name."""
    if text.lower() in ("", "i:", "s:"):
        return {"": "all", "i:": "all integer", "s:": "all string"}[text.lower()], 0, b""
    name = parse_avp_name(text)
    if isinstance(name, int):
        return "integer", name, b""
    if isinstance(name, bytes):
        return "string", 0, name
    return "alias", 0, wire(text[1:])


def _uri(text: str) -> str:
    """Which URI `text` means ("from" for "$from"), "" if none."""
    return text[1:].lower() if text.startswith("$") and text[1:].lower() in _URIS else ""


def _source(text: str) -> Constant[Owner]:
    head, slash, part = text.partition("/")
    if _uri(head):
        if slash and part.lower() not in ("username", "domain"):
            hint = "write username" if part.lower() == "user" else "write username or domain, or nothing"
            raise BadArgument(f'"{part}" is no part of a URI that can be used here', hint)
        return _owner(_uri(head), b"", part.lower() == "domain")
    if text.startswith("$"):
        if len(text) == 1:
            raise BadArgument("$ stands before from, to, ruri or an alias")
        return _owner("alias", wire(text[1:]), False, text[1:])
    if not text:
        raise BadArgument("the user is missing", "write $from, $to, $ruri, an alias or a uuid")
    return _owner("uuid", wire(text), False)


def _owner(kind: str, text: bytes, by_domain: bool, alias: str = "") -> Constant[Owner]:
    return Constant(Owner, (kind, text, by_domain), "OWNER", True, alias, names=("kind", "text", "by_domain"))


def _database_name(text: str, *, scheme: bool) -> Constant[Place]:
    name, slash, table = text.partition("/")
    if slash and not table:
        raise BadArgument("the name of the table after the slash is missing")
    selected = _selection(name)
    alias = _alias_in(selected)
    if not table.startswith("$"):
        return Constant(Place, (*selected, wire(table), b""), "PLACE", True, alias, names=_PLACE_NAMES)
    if not scheme:
        raise BadArgument("a scheme is for avp_db_load alone", "write the name of a table")
    if selected[0].startswith("all"):
        raise BadArgument("with a scheme the AVP must have a name", "write name/$scheme")
    return Constant(Place, (*selected, b"", wire(table[1:])), "PLACE", True, alias, names=_PLACE_NAMES)


def _load_name(text: str) -> Constant[Place]:
    return _database_name(text, scheme=True)


def _store_name(text: str) -> Constant[Place]:
    return _database_name(text, scheme=False)


def _value(text: str) -> Constant[Value]:
    head, slash, part = text.partition("/")
    if text.lower() == "$src_ip":
        return Constant(SourceAddress, (), "VALUE")
    if _uri(head):
        return Constant(UriValue, (_uri(head), _uri_part(part, slash)), "VALUE")
    if text.startswith("$"):
        raise BadArgument(f'"{text}" is no value', "write $from, $to, $ruri, $src_ip or a literal")
    return Constant(Literal, (_literal(text),), "VALUE")


def _uri_part(part: str, slash: str) -> str:
    if slash and part.lower() not in ("username", "domain"):
        raise BadArgument(f'"{part}" is no part of a URI', "write username or domain")
    return part.lower()


def _literal(text: str) -> int | bytes:
    letter = text[:2].lower()
    if letter == "i:":
        try:
            return parse_integer(text[2:], 0)
        except BadArgument:
            raise BadArgument(f'i: announces a number of 0 or above, "{text[2:]}" is none') from None
    if letter[1:] == ":" and letter != "s:":
        raise BadArgument(f'"{letter}" announces no type of value', f"write s:{text} for a text that begins so")
    literal = text[2:] if letter == "s:" else text
    if not literal:
        raise BadArgument("the value is missing")
    return wire(literal)


def _global_flag(text: str) -> tuple[str, bool]:
    """`text` without its "/g", and whether it was there."""
    name, slash, flags = text.partition("/")
    if slash and flags.lower() != "g":
        raise BadArgument(f'"{flags}" is no flag here', "write /g for all AVPs of the name")
    return name, bool(slash)


def _selection_constant(selected: tuple[str, int, bytes], every: bool) -> Constant[Selection]:
    alias = _alias_in(selected)
    return Constant(Selection, (*selected, every), "SELECTION", bool(alias), alias, names=(*_NAMES, "every"))


def _deleted(text: str) -> Constant[Selection]:
    name, every = _global_flag(text)
    return _selection_constant(_selection(name), every)


def _pushed(text: str) -> Constant[Selection]:
    name, every = _global_flag(text)
    selected = _selection(name)
    if selected[0].startswith("all"):
        raise BadArgument("the name of the AVP is missing", "write i:NUMBER, s:NAME, NAME or $ALIAS")
    return _selection_constant(selected, every)


def _destination(text: str) -> Constant[Destination]:
    head, slash, part = text.partition("/")
    if not head.startswith("$") or len(head) == 1:
        raise BadArgument(f'"{text}" is no place to push to', "write $ruri or $Header-Name")
    if head.lower() == "$ruri":
        return Constant(ToUri, (_uri_part(part, slash),), "DESTINATION")
    if slash and part.lower() not in ("request", "reply"):
        raise BadArgument(f'"{part}" is no kind of message', "write request or reply")
    return Constant(ToHeader, (wire(head[1:]), part.lower() == "reply"), "DESTINATION", names=("in_reply",))


def _destination_doubt(text: str) -> Doubt | None:
    """SER writes whatever stands there in front of a colon."""
    name = text.partition("/")[0][1:]
    if name.lower() in ("rui", "uri", "rur", "ruir", "r-uri", "request-uri"):
        return Doubt(f'"{name}" is taken for the name of a header', "write $ruri for the request URI")
    if _HEADER.match(name):
        return None
    inside = re.match(r"hdr\((.*)\)\Z", name)
    hint = f"write ${inside[1]}" if inside else "write $Header-Name"
    return Doubt(f'"{name}" cannot be the name of a header', hint)


def _comparison(text: str) -> Constant[Comparison]:
    operator, slash, rest = text.partition("/")
    if operator.lower() not in _OPERATORS or not slash:
        raise BadArgument(f'"{text}" does not begin with a comparison', "write eq/, lt/, gt/ or re/ before the value")
    operand, slash, flags = rest.rpartition("/") if "/" in rest and not _is_uri_part(rest) else (rest, "", "")
    if slash and (not flags or flags.lower().strip("gi")):
        raise BadArgument(f'"{flags}" is no flag of avp_check', "flags: g all AVPs of the name, i ignore case")
    if not operand:
        raise BadArgument("the value to compare with is missing")
    every, ignore_case = "g" in flags.lower(), "i" in flags.lower()
    if operator.lower() == "re":
        if operand.lower().startswith(("$", "i:")):
            raise BadArgument("re/ wants a regular expression, not an AVP or a number")
        pattern = checked_regex(operand[2:] if operand.lower().startswith("s:") else operand)
        return Constant(Match, (pattern, every), "CHECK", names=("every",))
    if operand.startswith("$"):
        alias = "" if _is_part_of_message(operand) else operand[1:]
        # What is said of the message is so in any case of letters, the name of an alias is not.
        arguments = (operator.lower(), wire(operand[1:] if alias else operand[1:].lower()), every, ignore_case)
        return Constant(CompareWith, arguments, "CHECK", bool(alias), alias, names=("every", "ignore_case"))
    arguments_of = (operator.lower(), _literal(operand), every, ignore_case)
    return Constant(Compare, arguments_of, "CHECK", names=("every", "ignore_case"))


def _is_part_of_message(operand: str) -> bool:
    return operand.lower() == "$src_ip" or bool(_uri(operand.partition("/")[0]))


def _is_uri_part(rest: str) -> bool:
    head, _, part = rest.partition("/")
    return bool(_uri(head)) and part.lower() in ("username", "domain")


def scheme_mistake(text: str) -> str:
    """What is wrong with a value of db_scheme; "" if nothing is."""
    name, colon, definitions = text.partition(":")
    if not colon or not name.strip():
        return "db_scheme wants name:key=value;…"
    for definition in definitions.strip().strip(";").split(";"):
        key, equals, value = (part.strip() for part in definition.partition("="))
        if key not in _SCHEME_KEYS or not equals or not value:
            return f'"{definition.strip()}" is not key=value with a key out of {", ".join(_SCHEME_KEYS)}'
        if key == "value_type" and value not in ("integer", "string"):
            return f'value_type is integer or string, not "{value}"'
    return ""


def scheme_of(text: str, usual: Layout) -> tuple[bytes, Layout]:
    """The name that a value of db_scheme defines, and what it says; what it does not say is as in the usual table."""
    name, _, definitions = text.partition(":")
    given: dict[str, str] = {}
    for definition in definitions.strip().strip(";").split(";"):
        key, _, value = definition.partition("=")
        given[key.strip()] = value.strip()
    layout = Layout(
        given.get("table", usual.table),
        given.get("uuid_col", usual.uuid),
        given.get("username_col", usual.username),
        given.get("domain_col", usual.domain),
        given.get("value_col", usual.value),
        is_number=given.get("value_type") == "integer",
    )
    return wire(name.strip()), layout


SOURCE: Final = ArgumentKind[Owner]("AVP source", "$from, $to, $ruri, an alias or a uuid", _source)
LOAD_NAME: Final = ArgumentKind[Place]("AVP in a database", "[name][/table] or name/$scheme", _load_name)
STORE_NAME: Final = ArgumentKind[Place]("AVP in a database", "[name][/table]", _store_name)
VALUE: Final = ArgumentKind[Value]("AVP value", "$from, $to, $ruri, $src_ip or a literal", _value)
DELETED: Final = ArgumentKind[Selection]("AVP selection", "[name][/g]", _deleted)
PUSHED: Final = ArgumentKind[Selection]("AVP selection", "name[/g]", _pushed)
DESTINATION: Final = ArgumentKind[Destination](
    "AVP destination", "$ruri or $Header-Name", _destination, _destination_doubt
)
COMPARISON: Final = ArgumentKind[Comparison]("AVP comparison", "operator/value[/flags]", _comparison)


def database_source(name: str = "source") -> Arg[Owner]:
    return Arg(name, SOURCE)


def database_or_scheme_name(name: str = "name") -> Arg[Place]:
    return Arg(name, LOAD_NAME)


def database_name(name: str = "name") -> Arg[Place]:
    return Arg(name, STORE_NAME)


def value(name: str = "value") -> Arg[Value]:
    return Arg(name, VALUE)


def deleted(name: str = "name") -> Arg[Selection]:
    return Arg(name, DELETED)


def pushed(name: str = "name") -> Arg[Selection]:
    return Arg(name, PUSHED)


def destination(name: str = "destination") -> Arg[Destination]:
    return Arg(name, DESTINATION)


def comparison(name: str = "comparison") -> Arg[Comparison]:
    return Arg(name, COMPARISON)
