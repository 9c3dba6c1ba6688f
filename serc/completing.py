"""What may stand where the cursor is, in a ser.cfg that is being written: read off the text before it, which need not parse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from runtime.modules import catalogue
from runtime.spec.declare import FAILURE, ONREPLY, REQUEST, Arg, Function, ModuleSpec, RouteKind
from runtime.spec.globals import FACILITIES, GLOBALS, GlobalType
from runtime.spec.kinds_words import FAILURE_ROUTE, ONREPLY_ROUTE
from runtime.spec.operands import AddressOperand, NumberOperand, Operand, TextOperand
from serc.reading.source import Source

ROUTE: Final = "route"
MODPARAM: Final = "modparam"
_KINDS: Final[dict[str, RouteKind]] = {"route": REQUEST, "failure_route": FAILURE, "onreply_route": ONREPLY}
_STATEMENTS: Final = ("if", "else", "break", "route")
_ITEMS: Final = ("loadmodule", "modparam", "route", "failure_route", "onreply_route")
_IN_LOAD: Final = re.compile(r'loadmodule\s*"[^"\n]*\Z')
# Texts and comments, so that what is in them counts for nothing, and what holds arguments together.
_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|\'[^\']*\'?|#[^\n]*|[(),;{}]', re.DOTALL)
# No call is longer.
_CALL_MAX: Final = 2000
_NAME_BEFORE: Final = re.compile(r"([A-Za-z]\w*)\s*\Z")
_COMPARED: Final = re.compile(r"""([A-Za-z][\w:]*)\s*(==|!=|=~|=)\s*["']?[\w.]*\Z""")
_ASSIGNED: Final = re.compile(r"""^\s*(\w+)\s*=\s*["']?[\w.]*\Z""")
_HEAD: Final = re.compile(r"^[ \t]*(route|failure_route|onreply_route)\s*\[\s*(\d+)\s*\]", re.MULTILINE)
_TEXT_OR_COMMENT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')
_BLOCKS: Final = re.compile(r"\b(route|failure_route|onreply_route)\b|[{}]")
_FLAGS: Final = re.compile(r'\b(?:set|reset|is)flag(?:set)?\s*\(\s*(\d+)\s*\)|_flag"\s*,\s*(\d+)')
_AVPS: Final = re.compile(r'"((?:s:|i:|\$)[A-Za-z0-9_]+)')
# Routes whose numbers arguments are, by the kind of the argument.
_NUMBERED: Final = {FAILURE_ROUTE.name: "failure_route", ONREPLY_ROUTE.name: "onreply_route"}
_LEVELS: Final = ("L_ALERT", "L_CRIT", "L_ERR", "L_WARN", "L_NOTICE", "L_INFO", "L_DBG")
_YES: Final = ("yes", "no")


@dataclass(frozen=True)
class Proposal:
    """A word that may stand where the cursor is: what it is, and what it does."""

    word: str
    kind: str
    detail: str = ""


@dataclass
class Opened:
    """A call that is not closed before the cursor: its name, "" for plain parentheses, its texts so far, and the argument it is in."""

    at: int
    name: str
    commas: int = 0
    texts: list[str] = field(default_factory=list)

    @property
    def argument(self) -> int:
        return self.commas


def opened_before(source: Source, offset: int) -> tuple[list[Opened], bool]:
    """The parentheses around a place, the innermost last, and whether the place is in a text."""
    text = source.text
    start = source.line_start(source.line_of(max(0, offset - _CALL_MAX)))
    opened: list[Opened] = []
    in_text = False
    for piece in _PIECES.finditer(text, start, offset):
        sign = piece[0]
        in_text = sign[0] in "\"'" and piece.end() == offset and (len(sign) == 1 or sign[-1] != sign[0])
        if sign == "(":
            name = _NAME_BEFORE.search(text, max(start, piece.start() - 100), piece.start())
            opened.append(Opened(piece.start(), name[1] if name is not None else ""))
        elif sign in ("{", "}", ";"):
            opened.clear()
        elif sign == ")" and opened:
            opened.pop()
        elif sign == "," and opened:
            opened[-1].commas += 1
        elif sign[0] in "\"'" and opened:
            opened[-1].texts.append(sign.strip("\"'"))
    return opened, in_text


class Completion:
    """Of one place. `specs` are the modules that are loaded, `functions` all that can be called."""

    def __init__(
        self,
        source: Source,
        offset: int,
        specs: list[ModuleSpec],
        functions: Callable[[], Iterator[tuple[ModuleSpec, Function]]],
    ) -> None:
        self._source: Final = source
        self._offset: Final = offset
        self._specs: Final = specs
        self._functions: Final = functions
        self._opened, self._in_text = opened_before(source, offset)

    @cached_property
    def _line(self) -> str:
        """The line up to the cursor."""
        return self._source.text[self._source.line_start(self._source.line_of(self._offset)) : self._offset]

    def proposals(self) -> list[Proposal]:
        """What is legal there: a module's name, a parameter, a function of this kind of route, a value, an item."""
        if _IN_LOAD.search(self._line):
            specs = filter(None, map(catalogue.find, catalogue.names()))
            return [Proposal(f"{spec.name}.so", "module", spec.summary) for spec in specs]
        call = next((each for each in reversed(self._opened) if each.name), None)
        if call is not None and call.name == MODPARAM:
            return self._in_modparam(call)
        kind = self._route_kind()
        if kind is None:
            return [] if self._in_text else self._outside()
        compared = _COMPARED.search(self._line)
        if compared is not None and self._is_in_condition():
            return self._compared(compared[1], compared[2] == "=~")
        if call is not None and call.name != "if":
            return self._in_call(call)
        return [] if self._in_text else self._words(kind)

    # --- outside of routes -------------------------------------------------------------------------------------------

    def _in_modparam(self, call: Opened) -> list[Proposal]:
        if call.argument == 0:
            found = [Proposal(spec.exported, "module", spec.summary) for spec in self._specs]
            return found if self._in_text else [Proposal(f'"{p.word}"', p.kind, p.detail) for p in found]
        named = call.texts[0].split("|") if call.texts else []
        specs = [spec for spec in self._specs if spec.exported in named]
        if call.argument == 1 and self._in_text and specs:
            return [
                Proposal(p.name, "parameter", p.summary)
                for p in specs[0].params
                if all(spec.param(p.name) is not None for spec in specs[1:])
            ]
        return []

    def _outside(self) -> list[Proposal]:
        assigned = _ASSIGNED.search(self._line)
        if assigned is None:
            items = [Proposal(word, "keyword") for word in _ITEMS]
            return items + [Proposal(parameter.name, "parameter", parameter.summary) for parameter in GLOBALS]
        known = next((p for p in GLOBALS if assigned[1] in (p.name, *p.aliases)), None)
        words: tuple[str, ...] = ()
        if known is not None and known.type is GlobalType.BOOLEAN:
            words = _YES
        elif known is not None and known.type is GlobalType.FACILITY:
            words = tuple(FACILITIES)
        return [Proposal(word, "value") for word in words]

    # --- in routes ---------------------------------------------------------------------------------------------------

    def _is_in_condition(self) -> bool:
        return any(each.name == "if" for each in self._opened)

    def _words(self, kind: RouteKind) -> list[Proposal]:
        """Statements, or in a condition operands; and the functions that this kind of route may call."""
        if self._is_in_condition():
            names = {each.name: Proposal(each.name, "operand", each.summary) for each in catalogue.core().operands}
            names[ROUTE] = Proposal(ROUTE, "keyword")
        else:
            names = {word: Proposal(word, "keyword") for word in _STATEMENTS}
        for spec, function in self._functions():
            if function.routes & kind:
                names.setdefault(function.name, Proposal(function.name, "function", f"{spec.name}: {function.summary}"))
        return list(names.values())

    def _compared(self, name: str, by_pattern: bool) -> list[Proposal]:
        """What an operand can be compared with."""
        operand = next((each for each in catalogue.core().operands if each.name == name), None)
        if operand is None or by_pattern:
            return []
        return [Proposal(word, "value") for word in _values_of(operand, self._in_text)]

    def _in_call(self, call: Opened) -> list[Proposal]:
        if call.name == ROUTE:
            return [] if self._in_text else self._numbers("route")
        functions = [f for _, f in self._functions() if f.name == call.name and len(f.arguments) > call.argument]
        if not functions:
            return []
        argument = functions[0].arguments[call.argument]
        if argument.name == "flag" and not self._in_text:
            return self._flags()
        found = self._values(argument, call)
        return found if self._in_text else [Proposal(f'"{p.word}"', p.kind, p.detail) for p in found]

    def _values(self, argument: Arg[object], call: Opened) -> list[Proposal]:
        kind = argument.kind
        if kind.name in _NUMBERED:
            return self._numbers(_NUMBERED[kind.name])
        if kind.name == "log level":
            return [Proposal(word, "value") for word in _LEVELS]
        if kind.name == "keyword":
            return [Proposal(word, "value") for word in re.split(r", | or ", kind.expects)]
        if kind.name.startswith("AVP"):
            return [Proposal(word, "value") for word in dict.fromkeys(_AVPS.findall(self._source.text))]
        if "table" in kind.expects:
            return self._said_elsewhere(call)
        return []

    def _said_elsewhere(self, call: Opened) -> list[Proposal]:
        """What other calls have at the same place."""
        pattern = rf'\b{call.name}\s*\((?:\s*"[^"\n]*"\s*,){{{call.argument}}}\s*"([^"\n]+)"'
        found = dict.fromkeys(m[1] for m in re.finditer(pattern, self._source.text) if m.start() != call.at)
        return [Proposal(word, "value") for word in found or ({} if call.argument else {"location": None})]

    def _flags(self) -> list[Proposal]:
        """Those that the file has, with the first line that names each."""
        found: dict[str, Proposal] = {}
        for match in _FLAGS.finditer(self._source.text):
            number = match[1] or match[2]
            line = self._source.line_text(self._source.line_of(match.start())).strip()
            found.setdefault(number, Proposal(number, "value", line))
        return sorted(found.values(), key=lambda p: int(p.word))

    def _numbers(self, kind: str) -> list[Proposal]:
        """The routes of this kind that the file has, with the comment above each, or behind its head."""
        found: dict[str, str] = {}
        for head in _HEAD.finditer(self._source.text):
            if head[1] == kind:
                line = self._source.line_of(head.start())
                above = self._source.line_text(line - 1).strip() if line > 1 else ""
                _, _, behind = self._source.line_text(line).partition("#")
                found.setdefault(head[2], above.lstrip("# ") if above.startswith("#") else behind.strip())
        return [Proposal(number, "route", found[number]) for number in sorted(found, key=int)]

    def _route_kind(self) -> RouteKind | None:
        """The kind of route that the cursor is in; None outside of all."""
        found: RouteKind | None = None
        depth = 0
        text = _TEXT_OR_COMMENT.sub(lambda m: " " * len(m[0]), self._source.text[: self._offset])
        for piece in _BLOCKS.finditer(text):
            if piece[1] is not None and depth == 0:
                found = _KINDS[piece[1]]
            elif piece[0] == "{":
                depth += 1
            elif piece[0] == "}":
                depth = max(0, depth - 1)
        return found if depth else None


def _values_of(operand: Operand, in_text: bool) -> list[str]:
    words: list[str] = []
    if isinstance(operand, TextOperand):
        if operand.numbered is not None:
            names = list(operand.numbered.words)
            words += names if in_text else [f'"{name}"' for name in names]
        if operand.is_myself is not None and not in_text:
            words.append("myself")
    elif isinstance(operand, AddressOperand) and not in_text:
        words.append("myself")
    elif isinstance(operand, NumberOperand) and not in_text:
        words += list(operand.words)
    return words
