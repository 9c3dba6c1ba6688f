"""Why the grammar refused a condition."""

from __future__ import annotations

from typing import Final

from runtime.modules import catalogue
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, misspelt, write
from serc.diagnostics.suggest import did_you_mean
from serc.reading.keywords import OPERANDS
from serc.reading.mistakes.reporter import Reporter
from serc.reading.tree import Span

_OPERATORS: Final = frozenset(("==", "!=", "=~", "<", ">", "<=", ">="))
_MEANT_OPERATOR: Final = {
    "===": "==",
    "=<": "<=",
    "=>": ">=",
    "<>": "!=",
    "=!": "!=",
    "!==": "!=",
    "==~": "=~",
    "=~=": "=~",
}
# Operators of other languages that are words.
_SPELT: Final = {
    "eq": "==",
    "is": "==",
    "in": "==",
    "equals": "==",
    "ne": "!=",
    "neq": "!=",
    "isnot": "!=",
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "gte": ">=",
    "le": "<=",
    "lte": "<=",
    "like": "=~",
    "matches": "=~",
    "match": "=~",
}
# Operands by other names, in other dialects or nowhere.
_MEANT_OPERAND: Final = {name: operand.name for operand in catalogue.core().operands for name in operand.also}
# What joins two conditions, and what compares.
_JOINING = frozenset(("||", "|", "&&", "&", "or", "and"))
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARING = frozenset(("==", "!=", "=~", "<", ">", "<=", ">="))
_VALUES: Final = ("string", "number", "address", "word")
_TRUE: Final = ("true", "yes", "1")
_FALSE: Final = ("false", "no", "0")


class ConditionMistakes:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._tokens = reporter.tokens

    def _unexpected(self, span: Span, message: str, hint: str = "", fix: Fix | None = None) -> None:
        self._reporter.add(codes.UNEXPECTED, span, message, hint=hint, fix=fix)

    def refused(self, start: int, end: int, at: int) -> bool:
        """Reports what is wrong in tokens[start:end], which make sense up to `at`; False if it is nothing that is known here."""
        return (
            self._misspelt_operator(start, end)
            or self._operator_in_words(start, end, at)
            or self._equals_sign(start, end)
            or self._unknown_operand(start, end)
            or self._missing_operand(start, end, at)
            or self._port_of_address(start, end, at)
        )

    def _port_of_address(self, start: int, end: int, at: int) -> bool:
        """An address with a port, where there is an operand for ports, too."""
        operand = next((t.text for t in reversed(self._tokens[start:at]) if t.text in OPERANDS), "")
        port = operand.replace("_ip", "_port")
        if port == operand or port not in OPERANDS or at + 1 >= end or self._tokens[at].text != ":":
            return False
        following = self._tokens[at + 1]
        if following.kind != "number":
            return False
        span = Span(self._tokens[at].start, following.end)
        hint = f"compare the port with {port} == {following.text}"
        self._unexpected(span, f"{operand} is an address without a port", hint)
        return True

    def _misspelt_operator(self, start: int, end: int) -> bool:
        """Signs in a row, without blanks, that are no operator."""
        last = start - 1
        for first in range(start, end):
            if first <= last or self._tokens[first].text not in _OPERATORS | {"="}:
                continue
            last = first
            while (
                last + 1 < end
                and self._reporter.adjacent(last + 1)
                and self._tokens[last + 1].text in (*_OPERATORS, "=", "!")
            ):
                last += 1
            span = Span(self._tokens[first].start, self._tokens[last].end)
            text = self._reporter.source.text_of(span)
            if last > first and text in _MEANT_OPERATOR:
                message = f'there is no operator "{text}"'
                meant = _MEANT_OPERATOR[text]
                self._reporter.add(codes.BAD_OPERATOR, span, message, hint=f"write {meant}", fix=write(span, meant))
                return True
        return False

    def _equals_sign(self, start: int, end: int) -> bool:
        """`=` in a condition. The span is the comparison that was meant."""
        for at in range(start + 1, end):
            if self._tokens[at].text == "=" and self._tokens[at - 1].text in ("<", ">", "!", "="):
                self._parted_operator(at)
                return True
            if self._tokens[at].text == "=":
                span = Span(self._tokens[at - 1].start, self._tokens[min(at + 1, end - 1)].end)
                message = '"=" does not compare'
                fix = write(self._tokens[at].span, "==")
                hint = "write == to compare"
                self._reporter.add(codes.ASSIGNMENT_IN_CONDITION, span, message, hint=hint, fix=fix)
                return True
        return False

    def _unknown_operand(self, start: int, end: int) -> bool:
        """A word before an operator that is none of the operands."""
        for at in range(start, end - 1):
            token = self._tokens[at]
            if token.kind != "word" or self._tokens[at + 1].text not in _OPERATORS or token.text in OPERANDS:
                continue
            if at > start and self._tokens[at - 1].text in _OPERATORS:
                continue
            meant = _MEANT_OPERAND.get(token.text.lower(), "")
            hint = f'did you mean "{meant}"?' if meant else did_you_mean(token.text, OPERANDS)
            hint = hint or f"operands: {', '.join(sorted(OPERANDS))}"
            fix = write(token.span, meant) if meant else misspelt(token.span, token.text, OPERANDS)
            message = f'there is no operand "{token.text}"'
            self._reporter.add(codes.UNKNOWN_OPERAND, token.span, message, hint=hint, fix=fix)
            return True
        return False

    def _missing_operand(self, start: int, end: int, at: int) -> bool:
        """Nothing on one side of an operator, or in parentheses."""
        before = self._tokens[at - 1].text if at > start else ""
        here = self._tokens[at].text if at < end else ""
        if here not in ("", ")", "{", ";", "and", "or", "&&", "||", "&", "|", "then"):
            return False
        if before == "(" and here == ")":
            self._unexpected(Span(self._tokens[at - 1].start, self._tokens[at].end), "the condition is empty")
        elif before in _OPERATORS:
            message = f'something to compare with is expected after "{before}"'
            self._unexpected(self._reporter.after(at), message)
        elif before in ("and", "or", "&&", "||", "&", "|", "!", "not"):
            self._unexpected(self._reporter.after(at), f'a condition is expected after "{before}"')
        elif here in ("and", "or", "&&", "||", "&", "|") and (before in _JOINING or before in ("", "(")):
            self._unexpected(self._tokens[at].span, f'a condition is expected before "{here}"')
        elif before in OPERANDS and here != "then":
            self._unexpected(
                self._reporter.after(at), f"{before} is no condition by itself", f"compare it: {before} == …"
            )
        else:
            return False
        return True

    def _operator_in_words(self, start: int, end: int, at: int) -> bool:
        """`ne`, `is not` and the like in the place of an operator."""
        if not start < at < end - 1:
            return False
        words = self._tokens[at].text.lower(), self._tokens[at + 1].text.lower()
        negated = words == ("is", "not")
        meant = "!=" if negated else _SPELT.get(words[0])
        if meant is None or self._tokens[at].kind != "word":
            return False
        span = Span(self._tokens[at].start, self._tokens[at + negated].end)
        message = f'there is no operator "{self._reporter.source.text_of(span)}"'
        self._reporter.add(codes.BAD_OPERATOR, span, message, hint=f"write {meant}", fix=write(span, meant))
        return True

    def _parted_operator(self, at: int) -> None:
        """`> =` and the like: the `=` is at `at`."""
        span = Span(self._tokens[at - 1].start, self._tokens[at].end)
        whole = f"{self._tokens[at - 1].text}="
        message = f'the parts of "{whole}" stand together, without a blank'
        self._reporter.add(codes.BAD_OPERATOR, span, message, hint=f"write {whole}", fix=write(span, whole))

    # --- ways out ----------------------------------------------------------------------------------------------------

    def way_out(self, start: int, end: int, at: int) -> tuple[str, Fix | None]:
        """What to write where tokens[at] cannot stand in the condition tokens[start:end]."""
        here, before = self._tokens[at], self._tokens[at - 1]
        word = here.text.lower()
        if word in ("and", "or", "not"):
            return f"write {word} in small letters", write(here.span, word)
        if here.text == "," and at > start:
            return self._listed(start, at), None
        if here.text in _OPERATORS and before.text == ")":
            return self._compared_call(at), None
        if before.kind == "word" and here.kind in ("number", "string") and before.text not in OPERANDS:
            meant = f"{before.text}({here.text})"
            return f"write {meant}", write(Span(before.start, here.end), meant)
        if before.kind == here.kind == "word" and before.text + here.text in OPERANDS:
            joined = before.text + here.text
            return f"write {joined}", write(Span(before.start, here.end), joined)
        if here.text == "/" and before.text == "=~":
            return "put the regular expression in quotes, without slashes", None
        if before.text == "/":
            return "behind the / stands a mask: 192.168.0.0/16, or 192.168.0.0/255.255.0.0", None
        return self._other_way_round(start, at) or (self._own_comparison(start, at), None)

    def _listed(self, start: int, at: int) -> str:
        """`src_ip == 10.0.0.1, 10.0.0.2`."""
        signs = [k for k in range(start + 1, at) if self._tokens[k].text in _COMPARING]
        if not signs or self._tokens[at + 1].kind not in _VALUES:
            return "conditions are joined by && or ||"
        operand, sign = self._tokens[signs[-1] - 1].text, self._tokens[signs[-1]].text
        one, other = self._tokens[at - 1].text, self._tokens[at + 1].text
        if self._tokens[at - 1].kind == "number" or self._tokens[at + 1].kind == "number":
            return f"compare with each: {operand} {sign} … || {operand} {sign} …"
        return f"write {operand} {sign} {one} || {operand} {sign} {other}"

    def _compared_call(self, at: int) -> str:
        """`t_relay() == false`: the operator is at `at`."""
        value = self._tokens[at + 1].text.strip("\"'").lower()
        negative = (value in _FALSE) == (self._tokens[at].text == "==")
        known = value in _TRUE or value in _FALSE
        return "a function is true or false by itself" + (f": write {'!' if negative else ''}NAME(…)" if known else "")

    def _other_way_round(self, start: int, at: int) -> tuple[str, Fix | None] | None:
        """`"INVITE" == method`, and `uri == !myself`."""
        here, following = self._tokens[at], self._tokens[at + 1]
        sign = self._tokens[at - 1]
        if here.text == "!" and at - 1 > start and sign.text in ("==", "!=") and following.kind != "end":
            opposite = "!=" if sign.text == "==" else "=="
            span = Span(sign.start, here.end)
            return f"write {self._tokens[at - 2].text} {opposite} {following.text}", write(span, f"{opposite} ")
        behind = self._tokens[at + 2] if following.text in _COMPARING else None
        if behind is not None and here.kind in ("string", "number", "address") and behind.text in OPERANDS:
            turned = f"{behind.text} {_TURNED.get(following.text, following.text)} {here.text}"
            return f"write {turned}", write(Span(here.start, behind.end), turned)
        return None

    def _own_comparison(self, start: int, at: int) -> str:
        """For `method == "INVITE" || "ACK"`: what stands behind the sign is compared with nothing."""
        joined = next((k for k in (at - 1, at - 2) if k > start and self._tokens[k].text in _JOINING), None)
        if joined is None or self._tokens[joined + 1].kind not in ("string", "number", "address", "word"):
            return ""
        signs = [k for k in range(start + 1, joined) if self._tokens[k].text in _COMPARING]
        if not signs:
            return ""
        operand, sign = self._tokens[signs[-1] - 1].text, self._tokens[signs[-1]].text
        return f"each side of {self._tokens[joined].text} wants a comparison of its own: {operand} {sign} …"
