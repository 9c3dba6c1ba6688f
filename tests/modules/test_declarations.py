"""Every module's declaration is whole, agrees with the reference, and is what docs/modules.md says."""

from __future__ import annotations

import ast
import csv
import importlib
import inspect
import runpy
from pathlib import Path
from typing import Final

import pytest
from tables import URL, Tables, TableSite

from runtime.modules import catalogue, core
from runtime.routing.context import Context
from runtime.sip import methods
from runtime.spec.declare import Function, ModuleSpec, Param, ParamType, RouteKind
from runtime.spec.operands import Body, NumberOperand, TextOperand
from runtime.spec.values import Named

PROJECT: Final = Path(__file__).parent.parent.parent

# Numbers of functions (names with their numbers of arguments), parameters and FIFO commands, counted in the reference:
# modules-main chapters 1 to 27, modules-more parts A and D.
COUNTS: Final = {
    "acc": (2, 36, 0),
    "auth": (7, 9, 0),
    "auth_db": (2, 11, 0),
    "auth_diameter": (3, 3, 0),
    "auth_radius": (2, 2, 0),
    "avp": (8, 0, 0),
    "avp_db": (1, 10, 0),
    "avp_radius": (1, 3, 0),
    "avpops": (8, 11, 0),
    "cpl": (5, 2, 0),
    "cpl-c": (3, 11, 3),
    "dbtext": (0, 0, 0),
    "dispatcher": (1, 2, 0),
    "diversion": (1, 1, 0),
    "domain": (2, 4, 2),
    "enum": (4, 2, 0),
    "exec": (2, 2, 0),
    "ext": (2, 2, 0),
    "extcmd": (1, 2, 0),
    "flatstore": (0, 1, 1),
    "gflags": (3, 1, 3),
    "group": (1, 6, 0),
    "group_radius": (1, 2, 0),
    "jabber": (5, 13, 0),
    "lcr": (6, 18, 2),
    "mangler": (5, 1, 0),
    "maxfwd": (1, 1, 0),
    "mediaproxy": (4, 4, 0),
    "msilo": (2, 17, 0),
    "mysql": (0, 2, 0),
    "nathelper": (9, 9, 0),
    "options": (1, 4, 0),
    "pa": (5, 18, 5),
    "pdt": (1, 6, 1),
    "permissions": (6, 11, 2),
    "pike": (1, 3, 2),
    "postgres": (0, 0, 0),
    "print": (1, 2, 0),
    "registrar": (5, 15, 0),
    "rr": (6, 7, 0),
    "sl": (2, 0, 1),
    "sms": (2, 8, 0),
    "speeddial": (1, 8, 0),
    "sqlite": (0, 0, 0),
    "textops": (13, 0, 0),
    "tm": (23, 22, 5),
    "uri": (6, 0, 0),
    "uri_db": (3, 10, 0),
    "uri_radius": (1, 2, 0),
    "usrloc": (0, 21, 7),
    "xlog": (2, 1, 0),
}

# modules-main appendix A, and what modules-more says of the modules of its part A.
MAY_STOP: Final = {
    "t_newtran",
    "t_relay",
    "t_relay_to_udp",
    "t_relay_to_tcp",
    "t_relay_to_tls",
    "t_replicate",
    "t_replicate_udp",
    "t_replicate_tcp",
    "t_replicate_tls",
    "www_challenge",
    "proxy_challenge",
    "www_authorize",
    "proxy_authorize",
    "save",
    "save_noreply",
    "save_memory",
    "sd_lookup",
    "options_reply",
    "cpl_run_script",
    "cpl_process_register",
    "cpl_process_register_norpl",
    "handle_publish",
    "existing_subscription",
    "pua_exists",
    "radius_www_authorize",
    "radius_proxy_authorize",
    "diameter_www_authorize",
    "diameter_proxy_authorize",
}

R, F, O = RouteKind.REQUEST, RouteKind.FAILURE, RouteKind.ONREPLY

# Functions that may stand elsewhere than in request routes alone.
ELSEWHERE: Final = {
    R | F: "t_reply t_relay t_relay_to_udp t_relay_to_tcp t_relay_to_tls t_write_req t_write_unix lookup registered"
    " append_urihf set_sattr set_iattr flags2attr uri2attr attr2uri print_sattr is_sattr_set avp_exists avp_load"
    " avp_db_load avp_db_store avp_db_delete avp_write avp_delete avp_pushto avp_check avp_print allow_routing"
    " allow_register allow_trusted m_store exec_dset exec_msg next_gw from_gw to_gw next_contacts add_diversion"
    " handle_subscription handle_publish avp_load_radius",
    R | O: "fix_nated_contact force_rtp_proxy fix_contact use_media_proxy sdp_mangle_ip sdp_mangle_port encode_contact"
    " decode_contact_header",
    R
    | F
    | O: "t_on_failure t_on_reply t_check_status search search_append replace replace_all subst subst_uri subst_user"
    " append_hf remove_hf is_present_hf nat_uac_test fix_nated_sdp unforce_rtp_proxy xlog xdbg client_nat_test"
    " end_media_session set_gflag reset_gflag is_gflag",
    RouteKind(0): "record_route_strict",
}


def spec_of(name: str) -> ModuleSpec:
    spec = catalogue.find(name)
    assert spec is not None
    return spec


SPECS: Final = [spec_of(name) for name in catalogue.names()]
FUNCTIONS: Final = [(spec, function) for spec in SPECS for function in spec.functions]
PARAMS: Final = [(spec, param) for spec in SPECS for param in spec.params]


def test_the_catalogue_is_the_reference_s_list_of_modules() -> None:
    assert catalogue.names() == tuple(sorted(COUNTS))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_counts_agree_with_the_reference(spec: ModuleSpec) -> None:
    assert (len(spec.functions), len(spec.params), len(spec.fifo_commands)) == COUNTS[spec.name]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_names_are_unique_and_needs_exist(spec: ModuleSpec) -> None:
    assert len(spec.by_key) == len(spec.functions)
    assert len({param.name for param in spec.params}) == len(spec.params)
    assert all(catalogue.find(needed) for needed in spec.needs)
    assert spec.summary.endswith(".")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_what_needs_a_parameter_is_a_function_of_the_module(spec: ModuleSpec) -> None:
    needing = {name for param in spec.params for name in param.needed_by}
    assert needing <= {function.name for function in spec.functions}


def test_modules_and_fifo_commands_have_names_of_their_own() -> None:
    commands = [command.lower() for spec in SPECS for command in spec.fifo_commands]
    assert len({spec.exported for spec in SPECS}) == len(SPECS)
    assert len(set(commands)) == len(commands)


def test_modules_that_run_have_the_commands_that_they_declare() -> None:
    having = [spec for spec in SPECS if spec.runs and spec.fifo_commands]
    cfg = f'modparam("domain|lcr|pdt|permissions", "db_url", "{URL}") modparam("domain|permissions", "db_mode", 1)'
    site = TableSite(Tables(), cfg + "route { break; }", " ".join(spec.name for spec in having if spec.name != "sl"))
    declared = {command for spec in having for command in spec.fifo_commands}
    assert {command.name for command in site.engine.commands()} == declared


@pytest.mark.parametrize(("spec", "function"), FUNCTIONS, ids=lambda value: getattr(value, "name", ""))
def test_function_is_documented_and_allowed_where_the_reference_says(spec: ModuleSpec, function: Function) -> None:
    elsewhere = {name: routes for routes, names in ELSEWHERE.items() for name in names.split()}
    # The older cpl has a cpl_run_script as well, without arguments and without an end of the script.
    assert function.may_stop == (function.name in MAY_STOP and spec.name != "cpl")
    assert function.routes == elsewhere.get(function.name, R)
    assert function.summary.endswith(".")
    assert all(argument.kind.expects for argument in function.arguments)


def test_no_name_in_the_tables_here_is_misspelt() -> None:
    known = {function.name for _, function in FUNCTIONS}
    assert MAY_STOP <= known
    assert {name for names in ELSEWHERE.values() for name in names.split()} <= known


@pytest.mark.parametrize(("spec", "param"), PARAMS, ids=lambda value: getattr(value, "name", ""))
def test_default_is_of_the_type_and_within_bounds(spec: ModuleSpec, param: Param) -> None:
    assert param.summary.endswith((".", "…"))
    assert not (param.mandatory and param.default is not None)
    if param.default is None:
        assert param.type is ParamType.STRING or not spec.runs
        return
    assert isinstance(param.default, int if param.type is ParamType.INTEGER else str)
    assert param.check is None or param.check(param.default) == ""
    assert param.doubt(param.default) is None


def constructor_of(spec: ModuleSpec) -> dict[str, object]:
    """The keywords of the constructor behind a declaration, with their defaults: read, since compiled code does not tell them."""
    path, _, name = spec.implementation.partition(":")
    module = importlib.import_module(path)
    source = PROJECT.joinpath(*path.split("."), "__init__.py").read_text()
    (init,) = (
        node
        for cls in ast.parse(source).body
        if isinstance(cls, ast.ClassDef) and cls.name == name
        for node in cls.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    pairs = zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
    return {arg.arg: eval(ast.unparse(value), vars(module)) for arg, value in pairs if value is not None}


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.runs], ids=lambda spec: spec.name)
def test_a_constructor_has_the_defaults_that_are_declared(spec: ModuleSpec) -> None:
    unset = {param.attribute: () if param.repeatable else "" for param in spec.params if param.default is None}
    declared = {param.attribute: param.default for param in spec.params if param.default is not None}
    assert constructor_of(spec) == declared | unset


def test_what_operands_are_in_routes_py_is_there() -> None:
    for operand in catalogue.core().operands:
        assert operand.summary.endswith(".")
        if isinstance(operand, NumberOperand):
            assert inspect.isdatadescriptor(getattr(Context, operand.attribute))
            assert all(
                getattr(core, word.name) == word.value for word in operand.words.values() if isinstance(word, Named)
            )
        for test in vars(operand).values():
            for body in (test.body, test.opposite) if isinstance(test, Body) else ():
                assert body is None or getattr(core, body.__name__) is body
        numbered = operand.numbered if isinstance(operand, TextOperand) else None
        if numbered is not None:
            assert {word: getattr(methods, word) for word in numbered.words} == methods.NUMBERS
            assert getattr(methods, numbered.others) not in methods.NUMBERS.values()


def test_find_knows_no_other_modules() -> None:
    assert catalogue.find("textop") is None
    assert catalogue.find("tls") is None
    assert not set(catalogue.names()) & set(catalogue.UNDECLARED)


def test_owners_of_functions() -> None:
    assert catalogue.owner_of("append_hf") == ("textops",)
    assert catalogue.owner_of("cpl_run_script") == ("cpl", "cpl-c")
    assert catalogue.owner_of("t_rellay") == ()


def test_docs_modules_md_is_up_to_date() -> None:
    page = runpy.run_path(str(PROJECT / "docs" / "generate_modules.py"))["page"]()
    assert (PROJECT / "docs" / "modules.md").read_text() == page


def test_all_that_valid_configs_use_is_declared(shared: Path) -> None:
    with (shared / "corpus" / "usage.tsv").open() as table:
        rows = list(csv.reader(table, delimiter="\t"))[1:]
    used = [(kind, name) for kind, name, in_valid, _, _, in_docs in rows if int(in_valid) + int(in_docs) > 0]
    assert len(used) > 100
    missing = [name for kind, name in used if kind == "module" and catalogue.find(name) is None]
    missing += [name for kind, name in used if kind == "function" and not catalogue.owner_of(name)]
    for name in (name for kind, name in used if kind == "modparam"):
        module, _, param = name.partition(".")
        spec = next(spec for spec in SPECS if spec.exported == module)
        missing += [name] if spec.param(param) is None else []
    assert missing == []
