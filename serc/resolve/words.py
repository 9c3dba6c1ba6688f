"""How the tree writes the arguments of an action, in the words of the declarations."""

from __future__ import annotations

from typing import Final

from runtime.spec.declare import ArgumentKind, Written
from runtime.spec.kinds_words import LAST_ROUTE
from runtime.spec.values import BadArgument, OutOfRange
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, write
from serc.diagnostics.report import Code
from serc.reading import tree
from serc.resolve.described import described

# What no function can do; the grammar knows them.
STATEMENTS: Final = frozenset(("break", "drop", "route"))
_FORMS: Final = {
    tree.String: Written.STRING,
    tree.Number: Written.NUMBER,
    tree.Host: Written.HOST,
    tree.IpAddress: Written.ADDRESS,
    tree.SocketId: Written.SOCKET,
    tree.Word: Written.WORD,
}


def form_of(argument: tree.Argument) -> Written:
    return _FORMS[type(argument)]


def text_of(argument: tree.Argument) -> str:
    """The text of an argument as kinds take it: a number in decimal digits, an IPv6 address of a socket in brackets."""
    if isinstance(argument, tree.String):
        return argument.value
    if isinstance(argument, tree.Number):
        return str(argument.value)
    if isinstance(argument, tree.IpAddress):
        return argument.text
    if isinstance(argument, tree.SocketId):
        proto = f"{argument.proto.name}:" if argument.proto is not None else ""
        host = text_of(argument.host)
        bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{proto}{bracketed}" + (f":{text_of(argument.port)}" if argument.port is not None else "")
    return argument.name


def fits(argument: tree.Argument, kind: ArgumentKind[object]) -> bool:
    """True if the argument is written as the kind wants it."""
    form = form_of(argument)
    return form in kind.written and (form is not Written.WORD or text_of(argument) == kind.name)


Wrong = tuple[Code, str, str]


def wrong_word(name: str, argument: tree.Argument, kind: ArgumentKind[object]) -> Wrong | None:
    """Code, sentence and way out where `argument` of the action `name` is not what its kind wants."""
    text = text_of(argument)
    if not fits(argument, kind):
        misread = kind.misread(form_of(argument), text)
        message = f"{name} wants {kind.expects} here, found {described(argument)}"
        return (
            codes.ARGUMENT_TYPE,
            misread.sentence if misread and misread.sentence else message,
            (misread.hint if misread else ""),
        )
    try:
        kind.value(text)
    except OutOfRange as e:
        return codes.OUT_OF_RANGE, str(e), e.hint
    except BadArgument as e:
        return codes.BAD_ARGUMENT, str(e), e.hint
    doubt = kind.doubt(text)
    return (codes.DOUBTFUL_ARGUMENT, doubt.sentence, doubt.hint) if doubt is not None else None


def rewritten(argument: tree.Argument, kind: ArgumentKind[object]) -> Fix | None:
    """The same argument with quotes, or without, where that is how the kind wants it."""
    if Written.NUMBER in kind.written and (fix := unquoted_number(argument)) is not None:
        return fix
    if Written.STRING in kind.written and not isinstance(argument, (tree.String, tree.SocketId)):
        text = argument.text if isinstance(argument, tree.Number) else text_of(argument)
        return write(argument.span, f'"{text}"')
    return None


def unquoted_number(argument: tree.Argument) -> Fix | None:
    is_number = isinstance(argument, tree.String) and argument.value.isdecimal() and argument.value.isascii()
    return write(argument.span, str(int(text_of(argument)))) if is_number else None


def wrong_route_number(argument: tree.Argument) -> Wrong | None:
    """The same for the argument of route(n)."""
    if isinstance(argument, tree.Number):
        if 0 <= argument.value <= LAST_ROUTE:
            return None
        return codes.OUT_OF_RANGE, f"there is no route {argument.text}", f"routes are numbered 0 to {LAST_ROUTE}"
    if isinstance(argument, tree.String) and argument.value.isdigit():
        message = "route wants the number of a route here, found a string"
        return codes.ARGUMENT_TYPE, message, "write it without quotes"
    name = argument.value if isinstance(argument, tree.String) else getattr(argument, "name", "…")
    message = f"route names such as {name} are of SER 2.0, OpenSER and Kamailio"
    return codes.NAMED_ROUTE, message, f"in 0.9 routes have numbers, 0 to {LAST_ROUTE}"
