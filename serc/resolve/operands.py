"""Binds comparisons to their operands, and says which operator and which value do not fit. Reference core, 3 and 5.3."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Final

from runtime.spec.declare import ModuleSpec
from runtime.spec.environment import names_in
from runtime.spec.kinds import regex_constant, regex_doubt
from runtime.spec.kinds_sip import is_host_name, is_ip, network_constant
from runtime.spec.kinds_words import status_doubt
from runtime.spec.operands import AddressOperand, Messages, NumberOperand, Operand, ServerOperand, TextOperand
from runtime.spec.posix_regex import BadRegex, read_regex
from runtime.spec.values import OutOfRange, Value
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, in_quotes, misspelt, write
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import did_you_mean, nearest
from serc.reading import tree
from serc.reading.source import readable
from serc.resolve.bound import BoundComparison, BoundFile
from serc.resolve.described import described
from serc.resolve.networks import check_network, network_text
from serc.resolve.patterns import matches_more, mended, never_matches

_EQUAL: Final = frozenset(("==", "!="))
_TEXT: Final = _EQUAL | {"=~"}
_ORDER: Final = _EQUAL | {"<", ">", "<=", ">="}
_NETWORK: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}/(?:[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})")
_OPERATORS: Final = ("==", "!=", "=~", "<", ">", "<=", ">=")
# Signs of a pattern that no URI has; `*`, `$`, parentheses and brackets can be in one.
_LOOKS_LIKE_REGEX: Final = re.compile(r"\A\^|\$\Z|\.[*+]|\[[^]:]*-|\[:|\\|\||\{[0-9,]+\}|[:0-9a-z]\*@|@\*")

# Comparisons of which there is nothing to say, by their identity: an editor has the same ones looked at after each keystroke, since what is
# read again at the same place is the same node.
_KNOWN: Final[dict[int, tuple[tree.Compare, ModuleSpec, BoundComparison]]] = {}
_MOST_KNOWN: Final = 20_000


class ComparisonCheck:
    """Binds every comparison of a file to its operand, with its value parsed, and reports those that cannot be."""

    def __init__(self, bound: BoundFile, report: Report) -> None:
        self._bound = bound
        self._report = report
        self._declared = bound.modules.catalogue.core()
        self._myself = next(each.name for each in self._declared.operands if isinstance(each, ServerOperand))

    def compare(self, compare: tree.Compare) -> None:
        known = _KNOWN.get(id(compare))
        if known is not None and known[0] is compare and known[1] is self._declared:
            self._bound.comparisons[compare.span] = known[2]
            return
        before = len(self._report.diagnostics)
        self._compare(compare)
        found = self._bound.comparisons.get(compare.span)
        if found is not None and len(self._report.diagnostics) == before:
            if len(_KNOWN) >= _MOST_KNOWN:
                _KNOWN.clear()
            _KNOWN[id(compare)] = compare, self._declared, found

    def _compare(self, compare: tree.Compare) -> None:
        operand = self._declared.operand(compare.operand.name)
        if isinstance(operand, ServerOperand):
            found = self._server(compare)
        elif (
            isinstance(compare.value, tree.String)
            and names_in(compare.value.value)
            and isinstance(operand, (TextOperand, AddressOperand))
        ):
            found = self._of_environment(compare, operand)
        elif isinstance(operand, TextOperand):
            found = self._text(compare, operand)
        elif isinstance(operand, AddressOperand):
            found = self._address(compare, operand)
        else:
            assert isinstance(operand, NumberOperand), "the grammar knows no others"
            found = self._number(compare, operand)
        if found is not None:
            self._bound.comparisons[compare.span] = found

    def _of_environment(self, compare: tree.Compare, operand: TextOperand | AddressOperand) -> BoundComparison | None:
        """With a text that the environment completes: nobody knows yet what it will be."""
        if not self._fits(compare, _TEXT, "a text"):
            return None
        if compare.operator == "=~":
            return BoundComparison(operand, operand.matches, (regex_constant("x"),))
        return BoundComparison(
            operand, operand.equals if isinstance(operand, TextOperand) else operand.is_host, (b"x",)
        )

    # --- what all have in common -------------------------------------------------------------------------------------

    def _fits(self, compare: tree.Compare, allowed: frozenset[str], what: str) -> bool:
        """Whether the operator applies; reported if not."""
        if compare.operator in allowed:
            return True
        signs = " ".join(sorted(allowed, key=_OPERATORS.index))
        message = f"{compare.operator} does not apply to {compare.operand.name}, which is {what}"
        self._report.add(codes.BAD_COMPARISON, compare.span, message, hint=f"operators that do: {signs}")
        return False

    def _bad_value(self, compare: tree.Compare, wants: str, hint: str = "", fix: Fix | None = None) -> None:
        message = f"{compare.operand.name} is compared with {wants}, found {described(compare.value)}"
        fix = fix or _requoted(compare.value, hint)
        self._report.add(codes.BAD_OPERAND_VALUE, compare.value.span, message, hint=hint, fix=fix)

    def _regex(self, compare: tree.Compare, text: str) -> Value | None:
        """The right side of `=~`; None, reported, if it is no regular expression."""
        span = compare.value.span
        try:
            read_regex(text)
        except BadRegex as e:
            self._report.add(codes.BAD_REGEX, span, f"bad regular expression: {e}", hint=e.hint)
            return None
        operand = self._declared.operand(compare.operand.name)
        is_status = operand is not None and operand.of is Messages.REPLIES
        doubt = status_doubt(text) if is_status else regex_doubt(text)
        if doubt is not None:
            fix = mended(compare.value) if isinstance(compare.value, tree.String) else None
            self._report.add(codes.FOREIGN_REGEX, span, doubt.sentence, hint=doubt.hint, fix=fix)
            return regex_constant(text)
        forms = operand.forms if isinstance(operand, TextOperand) else ()
        why, hint = never_matches(forms, text)
        if why:
            message = f'{compare.operand.name} never matches "{readable(text)}": {why}'
            fix = None
            if hint.startswith('write "^') and readable(text) == text and isinstance(compare.value, tree.String):
                fix = write(span, in_quotes(compare.value, f"^{forms[0].left_out}{text[1:]}"), safe=False)
            self._report.add(codes.NEVER_MATCHES, span, message, hint=hint, fix=fix)
        elif forms and forms[0].left_out or isinstance(operand, AddressOperand):
            more, hint = matches_more(text)
            if more:
                self._report.add(codes.MATCHES_MORE, span, more, hint=hint)
        return regex_constant(text)

    # --- this server -------------------------------------------------------------------------------------------------

    def _is_server(self, value: object) -> bool:
        return isinstance(value, tree.Word) and value.name == self._myself

    def _server(self, compare: tree.Compare) -> BoundComparison | None:
        """`myself` stands on the left: the operand is on the right."""
        if not self._fits(compare, _EQUAL, "this server"):
            return None
        value = compare.value
        operand = self._declared.operand(value.name) if isinstance(value, tree.Word) else None
        if isinstance(operand, (TextOperand, AddressOperand)) and operand.is_myself is not None:
            return BoundComparison(operand, operand.is_myself, (), True)
        names = [each.name for each in self._declared.operands if _can_be_myself(each) and not each.spelling_of]
        self._bad_value(compare, f"{', '.join(names[:-1])} or {names[-1]}")
        return None

    # --- texts -------------------------------------------------------------------------------------------------------

    def _text(self, compare: tree.Compare, operand: TextOperand) -> BoundComparison | None:
        value = compare.value
        if operand.is_myself is not None and self._is_server(value):
            fits = self._fits(compare, _EQUAL, f"compared with {self._myself}")
            return BoundComparison(operand, operand.is_myself, (), True) if fits else None
        if not self._fits(compare, _TEXT, "a text"):
            return None
        if not isinstance(value, (tree.String, tree.Host, tree.Identifier)) or operand.is_word and _is_host(value):
            self._bad_value(compare, "a string or a word" if operand.is_word else "a string or myself", _quoting(value))
            return None
        text = value.value if isinstance(value, tree.String) else value.name
        if compare.operator == "=~":
            regex = self._regex(compare, text)
            return None if regex is None else BoundComparison(operand, operand.matches, (regex,))
        self._impossible_text(compare, operand, text)
        self._unknown_word(compare, operand, text)
        return BoundComparison(operand, operand.equals, (text.encode("latin-1"),))

    def _impossible_text(self, compare: tree.Compare, operand: TextOperand, text: str) -> None:
        """A text that the operand never equals: no URI, no status code, no method."""
        usual = operand.forms[0]
        pattern = _LOOKS_LIKE_REGEX.search(text) is not None
        if usual.pattern.match(text) and not pattern or any(form.pattern.match(text) for form in operand.forms[1:]):
            return
        why, hint, fix = usual.why, "", None
        if operand.is_myself is not None and nearest(text, (self._myself,)):
            quoted = text == self._myself
            hint = f"write {self._myself} without quotes" if quoted else f'did you mean "{self._myself}"?'
            fix = write(compare.value.span, self._myself, safe=False)
        elif pattern:
            why, hint = "this looks like a regular expression", "write =~ to match one"
            fix = write(compare.operator_span, "=~", safe=False) if compare.operator == "==" else None
        elif usual.left_out:
            literal = text.removeprefix("*").removeprefix("@")
            hint = f'write {operand.name} =~ "@{literal}", or {usual.left_out} before it'
        message = f'{operand.name} is never equal to "{readable(text)}": {why}'
        self._report.add(codes.IMPOSSIBLE_TEXT, compare.span, message, hint=hint, fix=fix)

    def _unknown_word(self, compare: tree.Compare, operand: TextOperand, text: str) -> None:
        """A word that is nearly one of those that there are. Others may be meant as they stand."""
        known = () if operand.numbered is None else operand.numbered.words
        if text and operand.forms[0].pattern.match(text) and known and text.upper() not in known:
            meant = nearest(text, known)
            if meant:
                message = f"there is no {operand.name} {text} among those of the SIP standards"
                span = compare.value.span
                fix = write(span, f'"{meant}"', safe=False)
                self._report.add(codes.UNKNOWN_METHOD, span, message, hint=f'did you mean "{meant}"?', fix=fix)

    # --- addresses ---------------------------------------------------------------------------------------------------

    def _address(self, compare: tree.Compare, operand: AddressOperand) -> BoundComparison | None:
        value = compare.value
        if isinstance(value, tree.IpNet):
            if not self._fits(compare, _EQUAL, "compared with an address") or not check_network(value, self._report):
                return None
            return BoundComparison(operand, operand.lies_in, (network_constant(network_text(value)),))
        if self._is_server(value):
            fits = self._fits(compare, _EQUAL, f"compared with {self._myself}")
            return BoundComparison(operand, operand.is_myself, (), True) if fits else None
        if not self._fits(compare, _TEXT, "an address"):
            return None
        if not isinstance(value, (tree.String, tree.Host, tree.Identifier)):
            self._bad_value(compare, "an address, a network, a host name or myself")
            return None
        text = value.value if isinstance(value, tree.String) else value.name
        if compare.operator == "=~":
            return self._address_pattern(compare, operand, text)
        if isinstance(value, tree.String) and not self._address_text(compare, operand, text):
            return None
        network = _one_address(text)
        if network is not None:
            return BoundComparison(operand, operand.lies_in, (network,))
        return BoundComparison(operand, operand.is_host, (text.encode("latin-1"),))

    def _address_pattern(self, compare: tree.Compare, operand: AddressOperand, text: str) -> BoundComparison | None:
        if isinstance(compare.value, tree.String) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", text):
            message = f'=~ does not work with the plain address "{text}"'
            edits = (Edit(compare.operator_span, "=="), Edit(compare.value.span, text))
            fix = Fix(f"write {operand.name} == {text}", edits)
            self._report.add(codes.BAD_COMPARISON, compare.span, message, hint=fix.title, fix=fix)
            return None
        regex = self._regex(compare, text)
        return None if regex is None else BoundComparison(operand, operand.matches, (regex,))

    def _address_text(self, compare: tree.Compare, operand: AddressOperand, text: str) -> bool:
        """Whether a quoted text makes sense so far that it can be compared."""
        if is_ip(text) or is_host_name(text):
            if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text) and any(int(part) > 255 for part in text.split(".")):
                message = f"{text} is not an IP address: its parts end at 255"
                self._report.add(codes.BAD_ADDRESS, compare.value.span, message)
                return False
            return True
        message = f'{operand.name} is never equal to "{text}": this is neither an address nor a host name'
        hint = "a network is written without quotes" if "/" in text else ""
        fix = write(compare.value.span, text, safe=False) if _NETWORK.fullmatch(text) else None
        if re.fullmatch(r".*:[0-9]+", text):
            hint = f"compare the port with {operand.port}"
        self._report.add(codes.IMPOSSIBLE_HOST, compare.span, message, hint=hint, fix=fix)
        return True

    # --- numbers -----------------------------------------------------------------------------------------------------

    def _number(self, compare: tree.Compare, operand: NumberOperand) -> BoundComparison | None:
        value = compare.value
        if not self._fits(compare, _ORDER, operand.is_what):
            return None
        if isinstance(value, tree.Word) and value.name.lower() in operand.words:
            return BoundComparison(operand, None, (operand.words[value.name.lower()],))
        if not isinstance(value, tree.Number) or not operand.takes_numbers:
            word = value.name if isinstance(value, (tree.Identifier, tree.Host)) else ""
            hint = "write it without quotes" if isinstance(value, tree.String) else _meant_word(operand, word)
            near = misspelt(value.span, word, _words(operand)) if word else None
            self._bad_value(compare, operand.wants, hint, near)
            return None
        try:
            doubt = operand.check(value.value, value.text)
        except OutOfRange as e:
            self._report.add(codes.OUT_OF_RANGE, value.span, str(e), hint=e.hint)
            return None
        if doubt is not None:
            self._report.add(codes.CONSTANT_CONDITION, compare.span, doubt.sentence, hint=doubt.hint)
        return BoundComparison(operand, None, (value.value,))


def _can_be_myself(operand: Operand) -> bool:
    return isinstance(operand, (TextOperand, AddressOperand)) and operand.is_myself is not None


def _is_host(value: tree.String | tree.Host | tree.Identifier) -> bool:
    """A name of several labels, which is no word."""
    return isinstance(value, tree.Host) and ("." in value.name or "-" in value.name)


def _requoted(value: object, hint: str) -> Fix | None:
    """With quotes or without, as the hint says."""
    if hint == "put it in quotes" and isinstance(value, tree.Number):
        return write(value.span, f'"{value.text}"')
    if hint == "write it without quotes" and isinstance(value, tree.String) and re.fullmatch(r"\w+", value.value):
        return write(value.span, value.value)
    return None


def _quoting(value: object) -> str:
    return "put it in quotes" if isinstance(value, (tree.Number, tree.IpNet)) else ""


def _one_address(text: str) -> Value | None:
    """The address that `text` is, as a network of one; None for a name."""
    try:
        return network_constant(str(ipaddress.ip_address(text.strip("[]"))))
    except ValueError:
        return None


def _meant_word(operand: NumberOperand, word: str) -> str:
    """What to write in the place of a word that says nothing to this operand."""
    doubt = None
    with suppress(OutOfRange):
        doubt = operand.check(-1, word) if word and not operand.words else None
    return did_you_mean(word, _words(operand)) or (doubt.hint if doubt is not None else "")


def _words(operand: NumberOperand) -> tuple[str, ...]:
    return tuple(word for word in operand.words if word.isidentifier())
