"""Checks calls: of the core's actions and of the modules' functions."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Final

from runtime.spec.declare import ArgumentKind, Function, ModuleSpec, RouteKind
from runtime.spec.effects import Does
from runtime.spec.environment import names_in, stand_ins
from runtime.spec.kinds_words import FAILURE_ROUTE, ONREPLY_ROUTE
from runtime.spec.values import BadArgument, Constant, Value
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, insert, write
from serc.diagnostics.report import Related, Report, Severity
from serc.diagnostics.suggest import did_you_mean, is_slip, meant_by, nearest
from serc.reading import tree
from serc.reading.dialects import FUNCTIONS, OVERLOADS, PSEUDO_VARIABLE, RENAMED, in_our_words, specifier_of
from serc.reading.keywords import KEYWORDS
from serc.resolve.bound import BoundCall, BoundFile
from serc.resolve.described import described
from serc.resolve.modules import Loaded, moved_up
from serc.resolve.patterns import mended, part_instead
from serc.resolve.words import (
    STATEMENTS,
    Wrong,
    rewritten,
    text_of,
    unquoted_number,
    wrong_route_number,
    wrong_word,
)

# Actions upon the destination of a request; replies go where their Via says.
_OF_REQUESTS = frozenset((Does.APPEND_BRANCH, Does.EDIT_URI, Does.REWRITE, Does.NEXT_TARGET, Does.REVERT_URI))
# What answers or forwards where a transaction has the request.
_IN_TRANSACTIONS = {Does.REPLY: Does.REPLY_STATEFUL, Does.RELAY: Does.RELAY_STATEFUL}
# What double quotes would make of it.
_ESCAPE = re.compile(r'\\[nrt"]')
# Their arguments are scripts, in which a shell puts in variables of its own.
_SHELLS = frozenset(("exec", "ext", "extcmd"))
# So many unknown names of a file can be slips; to look for what was meant takes some milliseconds each.
_SLIPS_MAX = 200
ROUTE_KINDS = {"route": RouteKind.REQUEST, "failure_route": RouteKind.FAILURE, "onreply_route": RouteKind.ONREPLY}

# Actions of the core of which there is nothing to say, by the identity of the call: what is read again at the same place is the same node.
_ACTIONS: Final[dict[int, tuple[tree.Call, BoundCall]]] = {}
# Kinds of names that have to be the same in several calls: a wrong one is one mistake, told where it stands first.
_SAME_EVERYWHERE: Final = frozenset(("realm",))
_MOST_ACTIONS: Final = 20_000


class CallCheck:
    """Binds every call of a file to its function, with its arguments parsed, and reports those that cannot be."""

    def __init__(self, bound: BoundFile, report: Report) -> None:
        self._bound = bound
        self._modules = bound.modules
        self._report = report
        self._all = bound.modules.before(sys.maxsize)
        self._loaded_at = max((module.node.span.end for module in self._all), default=0)
        # Names that were doubted, by their kind.
        self._doubted: set[tuple[str, str]] = set()
        # Functions by name, number of arguments, and how many modules were loaded by then.
        self._found: dict[tuple[str, int, int], list[tuple[ModuleSpec, Function]]] = {}
        # Where the route begins that the call is in.
        self._start = 0
        # What names there are; asked for when the first one is not found.
        self._names: tuple[frozenset[str], frozenset[str]] | None = None
        self._unknown_names = 0

    def call(self, call: tree.Call, route: tree.Route) -> None:
        self._start = route.span.start
        if call.name.name in STATEMENTS:
            self._statement(call)
            return
        forms = self._modules.catalogue.core().named(call.name.name)
        if forms:
            self._action(call, forms)
            if route.kind == "onreply_route" and forms[0].does in _OF_REQUESTS:
                message = f"{call.name.name} changes where a request goes: it does nothing for a reply"
                self._report.add(codes.NOT_FOR_REPLIES, call.name.span, message)
            if route.kind == "onreply_route" and forms[0].does is Does.RELAY:
                message = f"{call.name.name} forwards requests: a reply goes where its Via says"
                self._report.add(codes.NOT_FOR_REPLIES, call.name.span, message, hint="remove it")
            return
        found = self._resolve(call, ROUTE_KINDS[route.kind])
        if found is None:
            return
        spec, function = found
        self._bind(call, spec, function, ())
        if not call.parenthesised:
            message = f"{call.name.name} needs parentheses"
            fix = insert(call.span.end, "()")
            self._report.add(codes.MISSING_PARENTHESES, call.span, message, hint=f"write {call.name.name}()", fix=fix)
            return
        if not ROUTE_KINDS[route.kind] & function.routes:
            self._wrong_route(call, function, route)
        if spec.runs and function.body is None:
            message = f"{function.name} of module {spec.name} is checked but cannot run yet"
            self._report.add(codes.CANNOT_RUN_YET, call.name.span, message)
        if self._all_unquoted(call, function):
            return
        values = [self._argument(call, spec, a, d.name, d.kind) for a, d in zip(call.arguments, function.arguments)]
        self._bind(call, spec, function, tuple(value for value in values if value is not None))

    def _bind(self, call: tree.Call, spec: ModuleSpec, function: Function, values: tuple[Value, ...]) -> None:
        self._bound.calls[call.span] = BoundCall(spec, function, values)

    # --- actions of the core -----------------------------------------------------------------------------------------

    def _statement(self, call: tree.Call) -> None:
        """break, drop and route(n), which no function can do."""
        is_route = call.name.name == "route"
        usage = "the number of a route" if is_route else ""
        if not call.parenthesised:
            if is_route:
                self._without_parentheses(call, usage)
        elif len(call.arguments) != is_route:
            self._action_count(call, [int(is_route)], usage)
        elif is_route:
            wrong = wrong_route_number(call.arguments[0])
            if wrong is not None:
                code, message, hint = wrong
                span = call.span if code is codes.NAMED_ROUTE else call.arguments[0].span
                fix = unquoted_number(call.arguments[0]) if code is codes.ARGUMENT_TYPE else None
                self._report.add(code, span, message, hint=hint, fix=fix)

    def _action(self, call: tree.Call, forms: tuple[Function, ...]) -> None:
        """What it means depends on the call alone."""
        known = _ACTIONS.get(id(call))
        core = self._modules.catalogue.core()
        if known is not None and known[0] is call and known[1].spec is core:
            self._bound.calls[call.span] = known[1]
            return
        before = len(self._report.diagnostics)
        self._look_at_action(call, forms)
        found = self._bound.calls.get(call.span)
        if found is not None and len(self._report.diagnostics) == before:
            if len(_ACTIONS) >= _MOST_ACTIONS:
                _ACTIONS.clear()
            _ACTIONS[id(call)] = call, found

    def _look_at_action(self, call: tree.Call, forms: tuple[Function, ...]) -> None:
        if not call.parenthesised:
            if not forms[0].bare:
                self._without_parentheses(call, _usage(forms[0]))
            values = forms[0].values(()) if forms[0].bare else ()
            self._bind(call, self._modules.catalogue.core(), forms[0], values)
            return
        possible = [form for form in forms if len(form.arguments) == len(call.arguments)]
        if not possible:
            self._action_count(call, sorted({len(form.arguments) for form in forms}), _usage(forms[0]))
            return
        core = self._modules.catalogue.core()
        if any(isinstance(a, tree.String) and names_in(a.value) for a in call.arguments) and takes_environment(
            call, core
        ):
            found = _in_some_environment(possible, call)
            if found is not None:
                function, values = found
                self._bind(call, core, function, values)
                return
        found_wrong = [_problems(form, call) for form in possible]
        problems = min(found_wrong, key=len)
        function = possible[found_wrong.index(problems)]  # the one that is meant
        if len(problems) > 1 and not _problems(function, replace(call, arguments=call.arguments[::-1])):
            message = f"the arguments of {call.name.name} are in the wrong order"
            hint = f"write {call.name.name}({_usage(function)})"
            self._report.add(codes.ARGUMENT_TYPE, call.span, message, hint=hint)
            return
        kinds = {id(argument): declared.kind for argument, declared in zip(call.arguments, function.arguments)}
        for argument, (code, message, hint) in problems:
            fix = rewritten(argument, kinds[id(argument)]) if code is codes.ARGUMENT_TYPE else None
            self._report.add(code, argument.span, message, hint=hint, fix=fix)
        wrong = any(code.severity is Severity.ERROR for _, (code, _, _) in problems)
        values = () if wrong else function.values([text_of(a) for a in call.arguments])
        self._bind(call, self._modules.catalogue.core(), function, values)

    def _without_parentheses(self, call: tree.Call, usage: str) -> None:
        name = call.name.name
        message = f"{name} needs its arguments in parentheses"
        self._report.add(codes.MISSING_PARENTHESES, call.span, message, hint=f"write {name}({usage})")

    def _action_count(self, call: tree.Call, counts: list[int], usage: str) -> None:
        if self._foreign_count(call):
            return
        message = f"{call.name.name} takes {_count(counts)}, found {len(call.arguments)}"
        self._report.add(codes.ARGUMENT_COUNT, call.span, message, hint=f"write {call.name.name}({usage})")

    def _before(self, offset: int) -> list[Loaded]:
        """Those loaded before `offset`: all of them for most routes."""
        if offset < self._loaded_at:
            return self._modules.before(offset)
        return self._all

    # --- functions of modules ----------------------------------------------------------------------------------------

    def _resolve(self, call: tree.Call, kind: RouteKind) -> tuple[ModuleSpec, Function] | None:
        """The function that SER would call: the newest module's that has one for this kind of route. Where all are for
        other kinds, the newest, for the message; None when there is none at all, which is reported.
        """
        name, count = call.name.name, len(call.arguments)
        before = self._before(call.span.start)
        key = name, count, len(before)
        found = self._found.get(key)
        if found is None:
            found = [(m.spec, function) for m in before if (function := m.spec.by_key.get((name, count))) is not None]
            self._found[key] = found
        if found:
            return next((each for each in found if each[1].routes & kind), found[0])
        if any(f.name == name for module in before for f in module.spec.functions):
            self._function_count(call, before)
        else:
            self._unresolved(call)
        return None

    def _function_count(self, call: tree.Call, before: list[Loaded]) -> None:
        if self._foreign_count(call):
            return
        name = call.name.name
        candidates = [f for module in before for f in module.spec.functions if f.name == name]
        counts = sorted({len(f.arguments) for f in candidates})
        fitting = [f for module in before for f in module.spec.functions if len(f.arguments) == len(call.arguments)]
        others = [f for f in fitting if f.name.startswith(f"{name}_") and f.does is candidates[0].does]
        shown = [*candidates[:3], *others[:2]]
        usage = " or ".join(f"{f.name}({', '.join(a.name for a in f.arguments)})" for f in shown)
        message = f"{name} takes {_count(counts)}, found {len(call.arguments)}"
        self._report.add(codes.ARGUMENT_COUNT, call.span, message, hint=f"write {usage}")

    def _foreign_count(self, call: tree.Call) -> bool:
        """Reports a number of arguments that is right in another dialect."""
        foreign = OVERLOADS.get((call.name.name, len(call.arguments)))
        if foreign is not None:
            message = f"{call.name.name} with {_count([len(call.arguments)])} is of {foreign.origin}"
            self._report.add(codes.ARGUMENT_COUNT, call.span, message, hint=foreign.instead)
        return foreign is not None

    def _unresolved(self, call: tree.Call) -> None:
        name = call.name.name
        for later in self._modules.loaded:
            if any(f.name == name for f in later.spec.functions):
                related = (Related(later.node.span, "loaded here"),)
                message = f"{name} is used before its module {later.spec.name} is loaded"
                hint = "move the loadmodule before the route"
                fix = moved_up(later.node, self._start)
                self._report.add(codes.LOADED_LATE, call.name.span, message, hint=hint, related=related, fix=fix)
                return
        owners = self._modules.catalogue.owner_of(name)
        if owners:
            self._not_loaded(call, owners)
        elif name in FUNCTIONS:
            foreign = FUNCTIONS[name]
            message = f"{name} is of {foreign.origin}"
            texts = tuple(a.value if isinstance(a, tree.String) else "" for a in call.arguments)
            hint = in_our_words(name, texts) or foreign.instead
            self._report.add(
                codes.FOREIGN_FUNCTION, call.name.span, message, hint=hint, fix=self._our_words(call, texts)
            )
        else:
            self._unknown(call)

    def _our_words(self, call: tree.Call, texts: tuple[str, ...]) -> Fix | None:
        renamed = RENAMED.get(call.name.name)
        if renamed is not None:
            return write(call.name.span, renamed.name, safe=renamed.is_same)
        words = in_our_words(call.name.name, texts).removeprefix("write ")
        return write(call.span, f"({words})" if "||" in words else words) if words else None

    def _not_loaded(self, call: tree.Call, owners: tuple[str, ...]) -> None:
        if self._modules.meant & set(owners) or "" in self._modules.puzzles:
            return
        what = f"module {owners[0]}" if len(owners) == 1 else f"modules {' and '.join(owners)}"
        message = f"{call.name.name} is a function of {what}, which is not loaded"
        hint = f'add loadmodule "…/{owners[0]}.so"'
        fix = self._modules.loading(owners[0], self._start) if len(owners) == 1 else None
        self._report.add(codes.MODULE_NOT_LOADED, call.name.span, message, hint=hint, fix=fix)
        self._modules.meant.update(owners)

    def _unknown(self, call: tree.Call) -> None:
        name = call.name.name
        if self._names is None:
            self._names = frozenset(self._loaded_names() | STATEMENTS), frozenset(self._all_names())
        self._unknown_names += 1
        near, all_names = self._names if self._unknown_names <= _SLIPS_MAX else (frozenset(), frozenset())
        meant = self._of_this_arity(call, near) or meant_by(name, near)
        hint = f'did you mean "{meant}"?' if meant else ""
        if not meant:
            meant = nearest(name, all_names)
            if meant:
                owner = self._modules.catalogue.owner_of(meant)[0]
                hint = f'did you mean "{meant}"? it is in module {owner}'
        if not meant and self._modules.puzzles:
            return
        if not hint and name in KEYWORDS:
            hint = "this word is reserved"
        fix = write(call.name.span, meant, safe=meant in near and is_slip(name, meant, near)) if meant else None
        self._report.add(codes.UNKNOWN_FUNCTION, call.name.span, f"there is no function {name}", hint=hint, fix=fix)

    def _of_this_arity(self, call: tree.Call, names: frozenset[str]) -> str | None:
        """The only function that differs by one letter and takes as many arguments, where several differ by one."""
        slips = [each for each in names if is_slip(call.name.name, each, ())]
        fitting = [each for each in slips if self._takes(each, len(call.arguments))]
        return fitting[0] if len(slips) > 1 and len(fitting) == 1 else None

    def _takes(self, name: str, arity: int) -> bool:
        specs = (self._modules.catalogue.core(), *(module.spec for module in self._modules.loaded))
        return any(f.name == name and len(f.arguments) == arity for spec in specs for f in spec.functions)

    def _loaded_names(self) -> set[str]:
        specs = (self._modules.catalogue.core(), *(module.spec for module in self._modules.loaded))
        return {f.name for spec in specs for f in spec.functions}

    def _all_names(self) -> set[str]:
        specs = (self._modules.catalogue.find(name) for name in self._modules.catalogue.names())
        return {f.name for spec in specs if spec is not None for f in spec.functions}

    def _wrong_route(self, call: tree.Call, function: Function, route: tree.Route) -> None:
        allowed = " and ".join(name for name, kind in ROUTE_KINDS.items() if kind & function.routes)
        message = f"{call.name.name} cannot be used in {_article(route.kind)}: it works in {allowed}"
        instead = self._instead(function, ROUTE_KINDS[route.kind])
        self._report.add(codes.WRONG_ROUTE, call.name.span, message, hint=f"write {instead}" if instead else "")

    def _instead(self, function: Function, kind: RouteKind) -> str:
        """What does there what `function` does elsewhere, "" if nothing does."""
        wanted = _IN_TRANSACTIONS.get(function.does)
        found = (f for module in self._modules.loaded for f in module.spec.functions if f.does is wanted)
        return next((f.name for f in found if f.routes & kind), "") if wanted is not None else ""

    def _all_unquoted(self, call: tree.Call, function: Function) -> bool:
        """Reports several arguments without quotes, as one mistake."""
        bare = [argument for argument in call.arguments if not isinstance(argument, tree.String)]
        texts = [getattr(argument, "text", getattr(argument, "name", "")) for argument in bare]
        if len(bare) < 2 or not all(texts):
            return False
        names = [d.name for a, d in zip(call.arguments, function.arguments) if not isinstance(a, tree.String)]
        message = f"{call.name.name} wants strings as its {' and '.join(names)}, found {described(bare[0])}"
        quoted = [f'"{text}"' for text in texts]
        hint = f"module functions take strings: write {' and '.join(quoted)}"
        edits = tuple(Edit(argument.span, text) for argument, text in zip(bare, quoted))
        self._report.add(codes.ARGUMENT_TYPE, bare[0].span, message, hint=hint, fix=Fix("put them in quotes", edits))
        return True

    def _argument(
        self, call: tree.Call, spec: ModuleSpec, argument: tree.Argument, name: str, kind: ArgumentKind[object]
    ) -> Value | None:
        """What the body gets; None for what is wrong, which is reported."""
        if not isinstance(argument, tree.String):
            text = getattr(argument, "text", getattr(argument, "name", "…"))
            message = f"{call.name.name} wants a string as its {name}, found {described(argument)}"
            hint = f'module functions take strings: write "{text}"'
            fix = None if text == "…" else write(argument.span, f'"{text}"')
            self._report.add(codes.ARGUMENT_TYPE, argument.span, message, hint=hint, fix=fix)
            return None
        try:
            value = _some_value(kind, argument.value) if takes_environment(call, spec) else kind.value(argument.value)
        except BadArgument as e:
            code = codes.BAD_REGEX if kind.name == "regex" else codes.BAD_ARGUMENT
            message = f"{call.name.name} wants {kind.expects} as its {name}: {e}"
            self._report.add(code, argument.span, message, hint=e.hint)
            return None
        if names_in(argument.value) and takes_environment(call, spec):
            # What it will be is looked at when it is known.
            return value
        if isinstance(value, Constant) and value.alias:
            self._alias(value.alias, argument)
        limit = self._modules.value(spec.name, kind.at_most) if kind.at_most else None
        if isinstance(limit, int) and isinstance(value, int) and 0 < limit < value:
            message = f"{call.name.name}: the {name} is {value}, and {kind.at_most} of {spec.name} is {limit}"
            hint = f"write {limit} or less, or set {kind.at_most}"
            self._report.add(codes.BAD_ARGUMENT, argument.span, message, hint=hint)
            return None
        variable = PSEUDO_VARIABLE.search(argument.value) if kind.is_text else None
        if variable is not None:
            message = (
                f"{variable[0].rstrip('(')} is a pseudo-variable of OpenSER and Kamailio: 0.9 writes it as it stands"
            )
            ours = specifier_of(variable)
            hint = "0.9 has no variables in texts; only those of xlog have specifiers, such as %ru"
            if kind.name == "format":
                hint = (
                    f"write {ours}" if ours else "0.9 has nothing like it; its specifiers are %ru, %fu, %tu and so on"
                )
            fix = part_instead(argument, variable.span(), ours) if kind.name == "format" and ours else None
            self._report.add(codes.FOREIGN_VARIABLE, argument.span, message, hint=hint, fix=fix)
        if kind.is_text and argument.quote == "'" and (escape := _ESCAPE.search(argument.value)):
            message = f"single quotes know no escapes: {escape[0]} is two characters here"
            hint = "write the text in double quotes"
            text = argument.value.replace('"', '\\"')
            fix = write(argument.span, f'"{text}"', safe=False)
            self._report.add(codes.DOUBTFUL_ARGUMENT, argument.span, message, hint=hint, fix=fix)
            return value
        doubt = kind.doubt(argument.value)
        if doubt is not None and kind.name in _SAME_EVERYWHERE:
            if (kind.name, argument.value) in self._doubted:
                return value
            self._doubted.add((kind.name, argument.value))
        if doubt is not None:
            code = {"regex": codes.FOREIGN_REGEX, "format": codes.BAD_FORMAT}.get(kind.name, codes.DOUBTFUL_ARGUMENT)
            fix = mended(argument) if kind.name == "regex" else None
            self._report.add(code, argument.span, doubt.sentence, hint=doubt.hint, fix=fix)
        return value

    def _alias(self, alias: str, argument: tree.String) -> None:
        known = self._modules.avp_aliases
        if known is None or alias in known:
            return
        hint = did_you_mean(alias, sorted(known))
        hint = hint or f'write modparam("avpops", "avp_aliases", "{alias}=i:NUMBER"), or an AVP without $'
        message = f"no avp_aliases defines ${alias}: the server does not start"
        self._modules.refused.append(message)
        self._report.add(codes.DOUBTFUL_ARGUMENT, argument.span, message, hint=hint)


def named_route(function: Function, call: tree.Call) -> tuple[str, int] | None:
    """Kind and number of the route that an argument of the call arms, such as t_on_failure("1"); None if none does."""
    for argument, declared in zip(call.arguments, function.arguments):
        if isinstance(argument, tree.String) and argument.value.strip().isdigit():
            if declared.kind is FAILURE_ROUTE:
                return "failure_route", int(argument.value)
            if declared.kind is ONREPLY_ROUTE:
                return "onreply_route", int(argument.value)
    return None


def _problems(form: Function, call: tree.Call) -> list[tuple[tree.Argument, Wrong]]:
    found = [(a, wrong_word(call.name.name, a, d.kind)) for d, a in zip(form.arguments, call.arguments)]
    return [(argument, wrong) for argument, wrong in found if wrong is not None]


def takes_environment(call: tree.Call, spec: ModuleSpec) -> bool:
    """False for what runs a script: a shell puts in variables of its own."""
    return call.name.name != "exec" and spec.name not in _SHELLS


def _some_value(kind: ArgumentKind[object], text: str) -> Value:
    """What the body may get for this text. Raises BadArgument where it can never be right."""
    for other in stand_ins(text):
        try:
            return kind.value(other)
        except BadArgument:
            continue
    return kind.value(text)


def _in_some_environment(forms: list[Function], call: tree.Call) -> tuple[Function, tuple[Value, ...]] | None:
    """The form that is meant and what its body may get; None where no environment makes the call right."""
    for place in range(len(stand_ins("${X}"))):
        words = [_stand_in(a, place) for a in call.arguments]
        for form in forms:
            if not _problems(form, replace(call, arguments=tuple(words))):
                return form, form.values([text_of(word) for word in words])
    return None


def _stand_in(argument: tree.Argument, place: int) -> tree.Argument:
    if isinstance(argument, tree.String) and names_in(argument.value):
        return replace(argument, value=stand_ins(argument.value)[place])
    return argument


def _usage(form: Function) -> str:
    return ", ".join(argument.kind.expects for argument in form.arguments)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _count(counts: list[int]) -> str:
    words = ["no", *map(str, range(1, 10))]
    listed = " or ".join(words[c] for c in counts)
    return f"{listed} argument{'' if counts == [1] else 's'}"
