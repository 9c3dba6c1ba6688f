"""Functions that need what comes later, and functions that spoil what comes after them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Related, Report
from serc.lint.earlier import INVITE, REGISTER, Earlier, Past, all_calls
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.routes import key_of
from serc.resolve.words import STATEMENTS

_VERIFY: Final = frozenset((Does.AUTH_WWW, Does.AUTH_PROXY))
# They ask who has sent the credentials that were verified.
_ASK_FOR_USER: Final = frozenset((Does.IDENTIFY, Does.IDENTIFY_CALLEE, Does.CONSUME_CREDENTIALS))
_ASKED: Final = ((Does.AUTH_WWW, Does.CHALLENGE_WWW, "401"), (Does.AUTH_PROXY, Does.CHALLENGE_PROXY, "407"))
# What nobody sees any more where the request has been answered.
_EDITS: Final = frozenset((Does.EDIT, Does.EDIT_BOTH_WAYS, Does.ARM))
_SENDS: Final = frozenset((Does.COPY, Does.RELAY, Does.RELAY_STATEFUL))


def check_order(subject: Subject, report: Report) -> None:
    """Told for calls that requests alone come to, on every way of which it is so."""
    _Order(subject, report).check()


class _Order:
    def __init__(self, subject: Subject, report: Report) -> None:
        self._subject = subject
        self._effects = subject.effects
        self._report = report
        self._calls = all_calls(subject)
        self._missed: set[str] = set()
        self._setting: dict[int, tree.Call] = {}
        for call in self._calls:
            number = _number(call)
            if self._effects.of(call) is Does.SET_FLAG and number is not None:
                self._setting.setdefault(number, call)

    @cached_property
    def _earlier(self) -> Earlier:
        return Earlier(self._subject)

    def check(self) -> None:
        self._unasked()
        for call in self._calls:
            function = self._subject.bound.function_of(call)
            if function is not None and function.after and function.after not in self._missed:
                self._needed(call, function.after)
        for route in routes(self._subject.file):
            if route.kind == "route" and key_of(route)[1] not in self._shared:
                for call in calls(route.body):
                    self._in_request(call)

    @cached_property
    def _shared(self) -> set[int]:
        """Numbers of routes that come from others than the main one, with another past."""
        graph = self._subject.graph
        return {n for key in graph.defined if key[0] != "route" for n in graph.reached_from(key)}

    def _in_request(self, call: tree.Call) -> None:
        does = self._effects.of(call)
        check = _CHECKS.get(does) if does is not None else None
        function = self._subject.bound.function_of(call)
        only = "" if function is None else function.only
        if check is None and not only:
            return
        past = self._earlier.before.get(call.span)
        if past is None or past.is_unknown:
            return
        if only and INVITE in past.methods:
            self._of_any_method(call, only)
        if check is not None:
            check(self, call, past)

    # --- what is needed ----------------------------------------------------------------------------------------------

    def _needed(self, call: tree.Call, needed: str) -> None:
        """The function that finds what this one takes is called nowhere, or later."""
        places = [each for each in self._calls if each.name.name == needed]
        past = self._earlier.before.get(call.span)
        if places and (past is None or past.is_unknown or needed in past.some or not self._is_of_requests(call)):
            return
        if not places and any(
            each.span not in self._subject.bound.calls and each.name.name not in STATEMENTS for each in self._calls
        ):
            return
        self._missed.add(needed)
        related = (Related(places[0].span, "called here"),) if places else ()
        when = "before" if places else "without"
        message = f"{call.name.name} is called {when} {needed}, and finds nothing"
        self._report.add(codes.WRONG_ORDER, call.span, message, hint=f"call {needed}() before it", related=related)

    def _unasked(self) -> None:
        """Credentials are verified, and nobody is ever asked for them: phones send none before."""
        effects = [self._effects.of(call) for call in self._calls]
        if self._subject.bound.modules.puzzles or any(
            does is None and call.name.name not in STATEMENTS for does, call in zip(effects, self._calls)
        ):
            return
        codes_sent = {
            _text(call) for call, does in zip(self._calls, effects) if does in (Does.REPLY, Does.REPLY_STATEFUL)
        }
        for does, ask, code in _ASKED:
            verified = next((call for call, each in zip(self._calls, effects) if each is does), None)
            if verified is None or ask in effects or code in codes_sent or self._is_answered(verified):
                continue
            right = self._effects.named(ask)
            message = (
                f"{verified.name.name} finds no credentials: phones send none before they are asked, and nothing asks"
            )
            hint = f"write if (!{verified.name.name}(…)) {{ {right}(…); break; }}"
            self._report.add(codes.CHALLENGE_MISMATCH, verified.span, message, hint=hint)
            return

    def _is_answered(self, verified: tree.Call) -> bool:
        """Is there another challenge in the `if` that verifies, or the call of a route?"""
        around = [
            node
            for route in routes(self._subject.file)
            for node in route.body.below
            if isinstance(node, tree.If) and _is_in(verified.span, node.span)
        ]
        inside = calls(around[-1]) if around else ()
        return any(
            each.name.name == "route" or self._effects.of(each) in (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY)
            for each in inside
        )

    def _is_of_requests(self, call: tree.Call) -> bool:
        return any(
            route.kind == "route" and key_of(route)[1] not in self._shared and _is_in(call.span, route.span)
            for route in routes(self._subject.file)
        )

    def _flag(self, call: tree.Call, past: Past) -> None:
        number = _number(call)
        if number is None or number not in self._setting or (Does.SET_FLAG, number) in past.some:
            return
        if number in self._kept_flags and Does.LOOKUP in past.some:
            return  # lookup sets that of the contact
        related = (Related(self._setting[number].span, "set here"),)
        message = f"flag {number} is tested before anything sets it: this is always false"
        hint = f"move it behind {self._effects.named(Does.SET_FLAG)}({number})"
        self._report.add(codes.WRONG_ORDER, call.span, message, hint=hint, related=related)

    @cached_property
    def _kept_flags(self) -> set[int]:
        """Numbers that modules know."""
        return {
            value
            for module in self._subject.bound.modules.loaded
            for param in module.spec.params
            if "flag" in param.name and isinstance(value := module.parameters.get(param.name, param.default), int)
        }

    def _user(self, call: tree.Call, past: Past) -> None:
        if any(d.code is codes.INVERTED_TEST and _is_in(call.span, d.span) for d in self._report.diagnostics):
            return
        if past.some & _VERIFY:
            if self._effects.of(call) is Does.IDENTIFY_CALLEE:
                self._callee(call, past)
            return
        verifying = next((each for each in self._calls if self._effects.of(each) in _VERIFY), None)
        name = self._effects.named(Does.AUTH_PROXY) if verifying is None else verifying.name.name
        related = () if verifying is None else (Related(verifying.span, "verified here"),)
        message = f"{call.name.name} comes before the credentials are verified: there is no user yet, and it fails"
        self._report.add(codes.WRONG_ORDER, call.span, message, hint=f"call it after {name}", related=related)

    def _callee(self, call: tree.Call, past: Past) -> None:
        if Does.AUTH_WWW in past.some or Does.AUTH_PROXY not in past.all or INVITE not in past.methods:
            return
        right = self._effects.named(Does.IDENTIFY)
        message = f"{call.name.name} compares the caller with To: whoever calls somebody else is refused"
        fix = write(call.name.span, right, safe=False)
        self._report.add(codes.IN_VAIN, call.span, message, hint=f"write {right}()", fix=fix)

    # --- what comes too late -----------------------------------------------------------------------------------------

    def _found(self, past: Past) -> tree.Call | None:
        """The lookup, in a table of contacts, that was true on every way here."""
        found = [each for each in past.true if self._effects.of(each) is Does.LOOKUP and _text(each) in self._saved]
        return min(found, key=lambda each: each.span) if found else None

    @cached_property
    def _saved(self) -> set[str]:
        return {_text(each) for each in self._calls if self._effects.of(each) is Does.SAVE}

    def _uri(self, call: tree.Call, past: Past) -> None:
        lookup = self._found(past)
        if lookup is None:
            return
        related = (Related(lookup.span, "found here"),)
        message = f"{call.name.name} changes the contact that {lookup.name.name} has found, and not what was dialled"
        self._report.add(
            codes.WRONG_ORDER, call.span, message, hint=f"call it before {lookup.name.name}", related=related
        )

    def _save(self, call: tree.Call, past: Past) -> None:
        lookup = self._found(past)
        if lookup is None or REGISTER not in past.methods:
            return
        related = (Related(call.span, "saved here"),)
        message = f"a REGISTER has to pass {lookup.name.name} before it is saved: who is not registered yet never is"
        hint = f"call {call.name.name} before {lookup.name.name}"
        self._report.add(codes.WRONG_ORDER, lookup.span, message, hint=hint, related=related)

    def _edit(self, call: tree.Call, past: Past) -> None:
        if Does.SAVE not in past.all or self._is_sent_after_saving:
            return
        saving = self._effects.named(Does.SAVE)
        message = f"{call.name.name} comes too late: {saving} has sent the answer"
        self._report.add(codes.TOO_LATE, call.span, message, hint=f"move it before {saving}")

    @cached_property
    def _is_sent_after_saving(self) -> bool:
        pasts = (self._earlier.before.get(each.span) for each in self._calls if self._effects.of(each) in _SENDS)
        return any(past is not None and Does.SAVE in past.some for past in pasts)

    def _of_any_method(self, call: tree.Call, only: str) -> None:
        message = f"{call.name.name} keeps what is in any request, calls among them: nothing lets only {only} come here"
        fix = self._subject.cures.only_if(call.span, f'method == "{only}"')
        self._report.add(
            codes.SAVE_ANY_METHOD, call.span, message, hint=f'write if (method == "{only}") before it', fix=fix
        )


_CHECKS: Final[dict[Does, Callable[[_Order, tree.Call, Past], None]]] = {
    Does.TEST_FLAG: _Order._flag,
    Does.EDIT_URI: _Order._uri,
    Does.SAVE: _Order._save,
    **dict.fromkeys(_ASK_FOR_USER, _Order._user),
    **dict.fromkeys(_EDITS, _Order._edit),
}


def _number(call: tree.Call) -> int | None:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, tree.Number) else None


def _text(call: tree.Call) -> str:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, tree.String) else ""


def _is_in(inner: tree.Span, outer: tree.Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
