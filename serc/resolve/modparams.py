"""Checks of one modparam."""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.declare import ModuleSpec, Param, ParamType
from runtime.spec.environment import names_in
from runtime.spec.posix_regex import BadRegex, posix_regex
from serc.diagnostics import codes
from serc.diagnostics.fix import in_quotes, inside, misspelt, write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import did_you_mean
from serc.reading import tree
from serc.resolve.modules import Loaded, Modules, moved_up

# What ser.cfg takes for 1 and 0.
_BOOLEANS: Final = frozenset("yes true on enable no false off disable".split())
_FOREIGN_VARIABLE: Final = re.compile(r"\$(?:x?avp|var|sht|pv)\((?:[is]:)?([^()]*)\)")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


class ParamCheck:
    """One modparam."""

    def __init__(self, item: tree.ModParam, modules: Modules, report: Report) -> None:
        self._item = item
        self._modules = modules
        self._report = report

    def run(self) -> None:
        matching = self._matching()
        if matching is None:
            return
        early = [m for m in matching if m.node.span.end <= self._item.span.start]
        if not matching:
            self._nobody()
        elif not early:
            self._too_early(matching[0])
        else:
            for module in early:
                param = self._parameter(module.spec)
                if param is None:
                    return
                module.set(param, self._item.value.value)
            self._foreign_variable()

    def _foreign_variable(self) -> None:
        """`$avp(name)`, where 0.9 wants the name."""
        value = self._item.value
        found = _FOREIGN_VARIABLE.search(value.value) if isinstance(value, tree.String) else None
        if found is not None and not any(d.span == value.span for d in self._report.diagnostics):
            message = f"{found[0]} is a variable of OpenSER and Kamailio: 0.9 takes the whole text for a name"
            self._report.add(codes.FOREIGN_VARIABLE, value.span, message, hint=f'write "{found[1]}"')

    def _matching(self) -> list[Loaded] | None:
        """The modules that the regex names; None if it is none."""
        name = self._item.module
        try:
            regex = posix_regex(f"^({name.value})$", newline=False)
        except BadRegex as e:
            message = f"the module of modparam is a regular expression: {e}"
            self._report.add(codes.BAD_REGEX, name.span, message, hint=e.hint)
            return None
        matching = [m for m in self._modules.loaded if regex.search(m.spec.exported.encode("ascii"))]
        if matching:
            self._idle_alternatives(name)
        return matching

    def _idle_alternatives(self, name: tree.String) -> None:
        """Names in a regex such as "usrloc|auht_db" that are no module's, beside some that are."""
        catalogue = self._modules.catalogue
        exported = {m.spec.exported.lower() for m in self._modules.loaded}
        parts = name.value.split("|")
        if any(
            re.fullmatch(r"\s+[A-Za-z0-9_]+\s*|[A-Za-z0-9_]+\s+|[A-Za-z0-9_]+([,;]\s*[A-Za-z0-9_]+)+", part)
            for part in parts
        ):
            written = "|".join(re.split(r"[|,;\s]+", name.value.strip()))
            fix = write(name.span, in_quotes(name, written), safe=False)
            message = 'blanks and commas belong to the names here: modules are separated by "|" alone, and some do not get this parameter'
            self._report.add(codes.DOUBTFUL_MODPARAM, name.span, message, hint=f'write "{written}"', fix=fix)
            return
        for part in re.split(r"[()|]+", name.value):
            known = catalogue.find(part.lower()) is not None or part in catalogue.UNDECLARED or part.lower() in exported
            if known or not _PLAIN.match(part):
                continue
            meant = did_you_mean(part, catalogue.names())
            if meant:
                message = f'there is no module "{part}": only the others get this parameter'
                self._report.add(codes.DOUBTFUL_MODPARAM, name.span, message, hint=meant)
                return

    def _too_early(self, module: Loaded) -> None:
        if module.spec.name in self._modules.late:
            return
        self._modules.late.add(module.spec.name)
        related = (Related(module.node.span, "loaded here"),)
        message = f"module {module.spec.name} is loaded after its parameter is set"
        hint = "move the loadmodule before it"
        fix = moved_up(module.node, self._item.span.start)
        self._report.add(codes.LOADED_LATE, self._item.module.span, message, hint=hint, related=related, fix=fix)

    def _nobody(self) -> None:
        name = self._item.module.value
        catalogue = self._modules.catalogue
        if name in self._modules.meant or name in self._modules.puzzles:
            return
        if not _PLAIN.match(name):
            known = "modules that are loaded: " + ", ".join(sorted(m.spec.exported for m in self._modules.loaded))
            message = f'no loaded module matches "{name}"'
            if name.endswith(".so"):
                known = f'write "{name.removesuffix(".so")}": modparam wants the name of the module, and not its file'
            if re.fullmatch(r"[A-Za-z0-9_]+([, ;]+[A-Za-z0-9_]+)+", name):
                known = f'separate them by |: write "{"|".join(re.split("[, ;]+", name))}"'
            self._report.add(codes.MODPARAM_NOT_LOADED, self._item.module.span, message, hint=known)
            return
        for module in self._modules.loaded:
            if module.spec.name.lower() == name.lower():
                message = f'modparam knows module {module.spec.name} by the name "{module.spec.exported}"'
                hint = f'write "{module.spec.exported}"'
                fix = write(self._item.module.span, hint.removeprefix("write "))
                self._report.add(codes.MODPARAM_NOT_LOADED, self._item.module.span, message, hint=hint, fix=fix)
                return
        exists = catalogue.find(name) is not None or name in catalogue.UNDECLARED
        if self._modules.puzzles and not exists:
            return
        hint = f"add a loadmodule for {name}.so before it" if exists else ""
        exported = [m.spec.exported for m in self._modules.loaded]
        hint = hint or did_you_mean(name, exported) or self._having(self._item.parameter.value)
        place = inside(self._item.module)
        cure = None if place is None or exists else misspelt(place, name, exported)
        cure = self._modules.loading(name, self._item.span.start) if exists else cure
        message = f"module {name} is not loaded" if exists else f'there is no module "{name}"'
        if "" in self._modules.puzzles:
            return
        self._report.add(codes.MODPARAM_NOT_LOADED, self._item.module.span, message, hint=hint, fix=cure)
        if exists:
            self._modules.meant.add(name)

    def _having(self, parameter: str) -> str:
        having = [m.spec.exported for m in self._modules.loaded if m.spec.param(parameter) is not None]
        return f"{parameter} is a parameter of {' and '.join(having)}" if having else ""

    def _parameter(self, spec: ModuleSpec) -> Param | None:
        """None when it was reported, so that a second module's lack of it is not."""
        item = self._item
        name = item.parameter.value
        param = spec.param(name)
        if param is None:
            message = f"module {spec.name} has no parameter {name}"
            having = [m.spec.exported for m in self._matching() or () if m.spec.param(name) is not None]
            hint = (
                f'{" and ".join(having)} {"has" if len(having) == 1 else "have"} it: leave {spec.exported} out of "{item.module.value}"'
                if having
                else ""
            )
            place = inside(item.parameter)
            fix = None if place is None or hint else misspelt(place, name, [p.name for p in spec.params])
            hint = hint or self._other_param(spec, name)
            self._report.add(codes.UNKNOWN_MODPARAM, item.parameter.span, message, hint=hint, fix=fix)
            return None
        if param.type is ParamType.INTEGER and not isinstance(item.value, tree.Number):
            written = item.value.value
            hint = f"write {written} without quotes" if written.isdigit() or written in _BOOLEANS else "write a number"
            message = f"{name} of {spec.name} is an integer parameter, found a string"
            fix = write(item.value.span, item.value.value) if item.value.value.isdecimal() else None
            self._report.add(codes.MODPARAM_TYPE, item.value.span, message, hint=hint, fix=fix)
            return None
        if param.type is ParamType.STRING and not isinstance(item.value, tree.String):
            message = f"{name} of {spec.name} is a string parameter, found the number {item.value.text}"
            fix = write(item.value.span, f'"{item.value.text}"')
            self._report.add(codes.MODPARAM_TYPE, item.value.span, message, hint=fix.title, fix=fix)
            return None
        return param if self._value(spec, param, item.value) else None

    def _value(self, spec: ModuleSpec, param: Param, value: tree.String | tree.Number) -> bool:
        if isinstance(value, tree.String) and names_in(value.value):
            # What comes of it is known, and checked, when the server starts.
            return True
        wrong = param.check(value.value) if param.check else ""
        if wrong:
            named = wrong.removeprefix(f"{param.name} ")
            message = f"{param.name} of {spec.name}{':' if named == wrong else ''} {named}"
            self._report.add(codes.MODPARAM_VALUE, value.span, message)
            return False
        doubt = param.doubt(value.value)
        if doubt is not None:
            self._report.add(codes.DOUBTFUL_MODPARAM, value.span, doubt.sentence, hint=doubt.hint)
        return True

    def _other_param(self, spec: ModuleSpec, name: str) -> str:
        """The parameter that was meant, or the module that has it."""
        hint = did_you_mean(name, [p.name for p in spec.params])
        if hint:
            return hint
        related = [m for m in self._modules.catalogue.names() if m.startswith(f"{spec.name}_") or spec.name == "auth"]
        for other in [m.spec.name for m in self._modules.loaded] + [m for m in related if m.startswith(spec.name)]:
            found = self._modules.catalogue.find(other)
            if found is not None and found.param(name) is not None:
                return f"{name} is a parameter of {other}"
        known = ", ".join(sorted(p.name for p in spec.params))
        return f"its parameters: {known}" if known else "it has none"
