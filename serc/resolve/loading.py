"""Checks of loadmodule, and of what the loaded modules are given as a whole."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from runtime.spec.declare import ModuleSpec
from runtime.spec.environment import names_in
from runtime.spec.kinds_avp import aliases_mistake, avp_definitions
from runtime.spec.params import DRIVERS, EMBEDDED, READ_ONLY_URL, READ_WRITE_URL
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, in_quotes, inside, misspelt, remove, write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import nearest
from serc.reading import tree
from serc.resolve.modparams import ParamCheck
from serc.resolve.modules import Catalogue, Loaded, Modules, stem_of

# Parameters that are all 0 where a module does without its database.
_ASK_FOR_ROWS: Final = {"usrloc": ("db_mode",), "acc": ("db_flag", "db_missed_flag")}
_SERVERS: Final = frozenset(DRIVERS)


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
            ParamCheck(item, modules, report).run()
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
