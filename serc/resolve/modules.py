"""Which modules a file loads; checks of loadmodule and modparam."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from runtime.spec.declare import ModuleSpec, Param, ParamType
from runtime.spec.environment import names_in
from runtime.spec.kinds_avp import aliases_mistake, avp_definitions
from runtime.spec.params import DRIVERS, EMBEDDED, READ_ONLY_URL, READ_WRITE_URL
from runtime.spec.posix_regex import BadRegex, posix_regex
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, in_quotes, insert, inside, misspelt, remove, write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import did_you_mean, nearest
from serc.reading import tree


class Catalogue(Protocol):
    """What `runtime.modules.catalogue` offers."""

    @property
    def UNDECLARED(self) -> Mapping[str, str]: ...

    def names(self) -> tuple[str, ...]: ...

    def core(self) -> ModuleSpec: ...

    def find(self, stem: str, /) -> ModuleSpec | None: ...

    def owner_of(self, function_name: str, /) -> tuple[str, ...]: ...


ParamValue = int | str | tuple[int | str, ...]


@dataclass(frozen=True)
class Loaded:
    """`parameters` are the values that modparam gives, by the names in the declaration; repeatable ones are tuples."""

    spec: ModuleSpec
    node: tree.LoadModule
    parameters: dict[str, ParamValue] = field(default_factory=dict)

    def set(self, param: Param, value: int | str) -> None:
        earlier = self.parameters.get(param.name, ())
        self.parameters[param.name] = (*earlier, value) if param.repeatable and isinstance(earlier, tuple) else value


@dataclass
class Modules:
    """`loaded` in the order of the file. `puzzles` are names that loadmodule gave and nobody knows, "" among them where nobody
    can guess either; `meant` those that they were probably meant to be, and those whose loadmodule was missed already: nothing
    that such a module may export is worth a message of its own. `avp_aliases` are the aliases of AVPs that the file defines;
    None where that cannot be told. `refused` are sentences about values of parameters with which the server does not start.
    """

    catalogue: Catalogue
    loaded: list[Loaded] = field(default_factory=list)
    puzzles: list[str] = field(default_factory=list)
    meant: set[str] = field(default_factory=set)
    avp_aliases: set[str] | None = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    late: set[str] = field(default_factory=set)

    def before(self, offset: int) -> list[Loaded]:
        """Those loaded before `offset`, newest first, as SER searches them."""
        return [m for m in reversed(self.loaded) if m.node.span.end <= offset]

    def loading(self, name: str, before: int) -> Fix | None:
        """A loadmodule for a module, and for those that it needs, that is read before the item at `before`; it stands behind the
        last one there, in the same folder. None where there is no such module.
        """
        wanted: list[str] = []
        waiting = [name]
        is_whole = True
        while waiting:
            spec = self.catalogue.find(waiting.pop())
            if spec is None:
                return None
            if spec.name not in wanted and not self.is_loaded(spec.name):
                wanted.insert(0, spec.name)
                waiting += spec.needs
                is_whole = is_whole and not any(param.mandatory for param in spec.params)
        earlier = [m.node for m in self.loaded if m.node.span.end <= before]
        last = earlier[-1] if earlier else None
        folder = (last or self.loaded[0].node).path.value.rpartition("/") if self.loaded else ("", "", "")
        lines = [f'loadmodule "{folder[0]}{folder[1]}{each}.so"' for each in wanted]
        text = "\n".join(["", *lines] if last is not None else [*lines, ""])
        return insert(before if last is None else last.span.end, text, safe=is_whole)

    def value(self, module: str, param: str) -> ParamValue | None:
        """Of a parameter of a loaded module, set or by default."""
        found = next((m for m in self.loaded if m.spec.name == module), None)
        declared = None if found is None else found.spec.param(param)
        return None if found is None or declared is None else found.parameters.get(param, declared.default)

    def is_loaded(self, name: str) -> bool:
        return any(m.spec.name == name for m in self.loaded)


def stem_of(path: str) -> str:
    """The module's name in what loadmodule is given: ".../sl.so" is "sl"."""
    name = path.rpartition("/")[2]
    return name.removesuffix(".so")


def moved_up(node: tree.LoadModule, before: int) -> Fix:
    """The loadmodule stands at `before` then."""
    line = f"loadmodule {in_quotes(node.path, node.path.value)}\n"
    return Fix("move the loadmodule before it", (Edit(tree.Span(before, before), line), Edit(node.span, "")))


def check_modules(
    file: tree.File, catalogue: Catalogue, report: Report, complete: bool = True, has_all_params: bool = True
) -> Modules:
    """`complete`: no loadmodule of the file was lost to syntax errors; `has_all_params`: no modparam."""
    modules = Modules(catalogue)
    if not complete:
        modules.puzzles.append("")
    for item in file.items:
        if isinstance(item, tree.LoadModule):
            _load(item, modules, report)
    _needs(modules, report)
    for item in file.items:
        if isinstance(item, tree.ModParam):
            _ParamCheck(item, modules, report).run()
    if has_all_params:
        _mandatory(file, modules, report)
        _refused(file, modules, report)
        _default_drivers(modules, report)
    _twice(file, modules, report)
    _drivers(file, modules, report)
    modules.avp_aliases = _avp_aliases(file) if complete else None
    return modules


def _avp_aliases(file: tree.File) -> set[str] | None:
    found: set[str] = set()
    for item in file.items:
        if isinstance(item, tree.ModParam) and item.parameter.value == "avp_aliases":
            value = item.value.value
            if not isinstance(value, str) or names_in(value) or aliases_mistake(value):
                return None
            found.update(alias.decode("latin-1") for alias, _ in avp_definitions(value))
    return found


def _load(item: tree.LoadModule, modules: Modules, report: Report) -> None:
    stem = stem_of(item.path.value)
    if not item.path.value.endswith(".so") and (modules.catalogue.find(stem) or stem in modules.catalogue.UNDECLARED):
        message = f'there is no file "{item.path.value}": the files of modules end in .so'
        fix = write(item.path.span, in_quotes(item.path, f"{item.path.value}.so"))
        report.add(codes.UNKNOWN_MODULE, item.span, message, hint=f'write loadmodule "{item.path.value}.so"', fix=fix)
        modules.puzzles.append(stem)
        modules.meant.add(stem)
        return
    spec = modules.catalogue.find(stem) if stem != "core" else None
    if spec is None:
        _unknown_module(stem, item, modules, report)
        return
    for earlier in modules.loaded:
        if earlier.spec.name == spec.name:
            related = (Related(earlier.node.span, "first loaded here"),)
            message, fix = f"module {spec.name} is loaded twice", remove(item.span, "the second loadmodule")
            report.add(codes.LOADED_TWICE, item.span, message, related=related, fix=fix)
            return
    if not spec.runs:
        report.add(codes.CANNOT_RUN_YET, item.span, f"module {spec.name} is checked but cannot run yet")
    modules.loaded.append(Loaded(spec, item))


def _unknown_module(stem: str, item: tree.LoadModule, modules: Modules, report: Report) -> None:
    modules.puzzles.append(stem)
    what = modules.catalogue.UNDECLARED.get(stem)
    if what is not None:
        kind, _, instead = what.partition("; ")
        named = re.fullmatch(r"0\.9 calls it (\w+)", instead)
        fix = None if named is None else _stem_instead(item, stem, named[1])
        report.add(codes.FOREIGN_MODULE, item.span, f"module {stem} {kind}", hint=instead, fix=fix)
        modules.meant.update(set(re.findall(r"\w+", instead)) & set(modules.catalogue.names()))
        return
    meant = nearest(stem, modules.catalogue.names())
    if meant:
        modules.meant.add(meant)
    else:
        modules.puzzles.append("")  # any function that is not found may be its
    hint = f'did you mean "{meant}"?' if meant else ""
    place = inside(item.path)
    fix = None
    if place is not None:
        start = place.end - len(item.path.value) + item.path.value.rfind("/") + 1
        fix = misspelt(tree.Span(start, start + len(stem)), stem, modules.catalogue.names())
    report.add(codes.UNKNOWN_MODULE, item.span, f'there is no module "{stem}"', hint=hint, fix=fix)


def _stem_instead(item: tree.LoadModule, stem: str, meant: str) -> Fix:
    head, slash, name = item.path.value.rpartition("/")
    path = f"{head}{slash}{name.replace(stem, meant, 1)}"
    return Fix(f"load {meant}", (Edit(item.path.span, in_quotes(item.path, path)),))


def _needs(modules: Modules, report: Report) -> None:
    for module in modules.loaded:
        loaded = {m.spec.name for m in modules.loaded} | modules.meant
        for needed in module.spec.needs:
            if needed not in loaded and not modules.puzzles:
                message = f"module {module.spec.name} needs module {needed}, which is not loaded"
                fix = modules.loading(needed, module.node.span.start)
                hint = f"add a loadmodule for {needed}.so"
                report.add(codes.MODULE_NEEDED, module.node.span, message, hint=hint, fix=fix)
                modules.meant.add(needed)


def _mandatory(file: tree.File, modules: Modules, report: Report) -> None:
    given = {item.parameter.value for item in file.items if isinstance(item, tree.ModParam)}
    for module in modules.loaded:
        for param in module.spec.params:
            if param.mandatory and param.name not in given and not modules.puzzles:
                message = f"module {module.spec.name} does not start without its parameter {param.name}"
                hint = f'write modparam("{module.spec.exported}", "{param.name}", …)'
                modules.refused.append(message)
                report.add(codes.MODPARAM_NEEDED, module.node.span, message, hint=hint)


def _twice(file: tree.File, modules: Modules, report: Report) -> None:
    """A second value for the same parameter of the same modules. Another regex may narrow a general setting down."""
    params = [p for m in modules.loaded for p in m.spec.params]
    single = {p.name for p in params} - {p.name for p in params if p.repeatable}
    seen: dict[tuple[str, str], tree.ModParam] = {}
    for item in file.items:
        if isinstance(item, tree.ModParam) and item.parameter.value in single:
            first = seen.setdefault((item.module.value, item.parameter.value), item)
            if first is not item:
                related = (Related(first.span, "first set here"),)
                message = f"{item.parameter.value} of {item.module.value} is set already: the last value counts"
                fix = remove(first.span, "the first one")
                report.add(
                    codes.MODPARAM_TWICE, item.span, message, hint="remove one of them", related=related, fix=fix
                )


def _refused(file: tree.File, modules: Modules, report: Report) -> None:
    """Values with which the server does not start."""
    for module in modules.loaded:
        for refusal in module.spec.refuses:
            sentence = refusal.why(modules.value)
            if sentence:
                modules.refused.append(sentence)
                given = [
                    item.span
                    for item in file.items
                    if isinstance(item, tree.ModParam) and item.parameter.value in refusal.params
                ]
                report.add(codes.REFUSED, given[-1] if given else module.node.span, sentence, hint=refusal.hint)


def _drivers(file: tree.File, modules: Modules, report: Report) -> None:
    """URLs of databases whose module is not loaded."""
    loaded = {module.spec.name for module in modules.loaded}
    for item in file.items:
        if not isinstance(item, tree.ModParam) or not isinstance(item.value, tree.String) or modules.puzzles:
            continue
        if item.value.value == READ_WRITE_URL and not loaded & (_SERVERS | modules.meant):
            _embedded_instead(item, modules, report)
        if item.value.value in (READ_WRITE_URL, READ_ONLY_URL) or modules.value(item.module.value, "db_mode") == 0:
            continue  # not opened, or no more than what is taken where no URL is set
        scheme, found, _ = item.value.value.partition("://")
        driver = modules.catalogue.find(scheme.lower()) if found and item.parameter.value.endswith("_url") else None
        if found and item.parameter.value.endswith("_url") and (driver is None or driver.name not in DRIVERS):
            modules.refused.append(
                f'the database of {item.module.value} is a "{scheme}:" one, and no module drives such'
            )
        if driver is None or driver.name not in DRIVERS or driver.name in loaded | modules.meant:
            continue
        if driver.name != EMBEDDED:
            sentence = (
                f"the database of {item.module.value} is a {scheme.lower()} one, and {driver.name}.so is not loaded"
            )
            hint = f'write loadmodule "…/{driver.name}.so" before it'
            modules.refused.append(sentence)
            fix = modules.loading(driver.name, item.span.start)
            fix = (
                None if fix is None else replace(fix, is_safe=False)
            )  # what runs now does not start, and may be meant so
            report.add(codes.REFUSED, item.value.span, sentence, hint=hint, fix=fix)


def _embedded_instead(item: tree.ModParam, modules: Modules, report: Report) -> None:
    """The URL that is the default, written out: who writes it means that database, and does not get it without its driver."""
    if modules.value(item.module.value, "db_mode") == 0 or any(
        d.code is codes.DOUBTFUL_MODPARAM for d in report.diagnostics
    ):
        return
    driver = READ_WRITE_URL.partition(":")[0]
    message = (
        f"{driver}.so is not loaded: this is kept in a database of the server's own ({EMBEDDED}), and not in {driver}"
    )
    hint = f'write loadmodule "…/{driver}.so" before it'
    fix = modules.loading(driver, item.span.start)
    fix = None if fix is None else replace(fix, is_safe=False)
    report.add(codes.DOUBTFUL_MODPARAM, item.value.span, message, hint=hint, fix=fix)


def _default_drivers(modules: Modules, report: Report) -> None:
    """Where no URL is set it is one of MySQL, also beside another driver, and the embedded database only beside none. The first module that
    needs it is told of: the others are cured by the same line.
    """
    drivers = [m for m in modules.loaded if m.spec.name in DRIVERS and m.spec.name != EMBEDDED]
    usual = READ_WRITE_URL.partition(":")[0]
    if not drivers or modules.puzzles or usual in {m.spec.name for m in drivers} | modules.meant:
        return
    urls = (READ_WRITE_URL, READ_ONLY_URL)
    needing = [m for m in modules.loaded if m.spec.name not in DRIVERS and _opens_database(m)]
    left = [m for m in needing if any(modules.value(m.spec.exported, name) in urls for name in _url_params(m.spec))]
    if left:
        first, name = left[0], drivers[0].spec.name
        others = "|".join(m.spec.exported for m in left)
        sentence = (
            f"{first.spec.name} takes the database of its default, {READ_WRITE_URL}, and {usual}.so is not loaded"
        )
        hint = f'write modparam("{others}", "{_url_params(first.spec)[0]}", "{name}://…")'
        modules.refused.append(sentence)
        related = (Related(drivers[0].node.span, "this is the database that is loaded"),)
        report.add(codes.REFUSED, first.node.span, sentence, hint=hint, related=related)


def _url_params(spec: ModuleSpec) -> list[str]:
    return [param.name for param in spec.params if param.default in (READ_WRITE_URL, READ_ONLY_URL)]


def _opens_database(module: Loaded) -> bool:
    """False for one whose parameters say that it has no use for its database: db_mode 0 of usrloc, no flag of acc that asks for rows."""
    modes = [p for p in module.spec.params if p.name in _ASK_FOR_ROWS.get(module.spec.name, ())]
    return not modes or any(module.parameters.get(p.name, p.default) for p in modes)


# What ser.cfg takes for 1 and 0.
_BOOLEANS: Final = frozenset("yes true on enable no false off disable".split())
# Parameters that are all 0 where a module does without its database.
_ASK_FOR_ROWS: Final = {"usrloc": ("db_mode",), "acc": ("db_flag", "db_missed_flag")}
_SERVERS: Final = frozenset(DRIVERS)
_FOREIGN_VARIABLE: Final = re.compile(r"\$(?:x?avp|var|sht|pv)\((?:[is]:)?([^()]*)\)")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


class _ParamCheck:
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
