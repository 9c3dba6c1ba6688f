"""pdt: prefixes for domains. Reference modules-more, A.2.6."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.params import table_param, url_param


def _digits_mistake(text: str) -> str:
    return "" if text.isdigit() else f'prefix is digits, not "{text}"'


EXPORTS: Final = ModuleSpec(
    name="pdt",
    summary="Translates prefixes of numbers to domains, from a table.",
    database=True,
    functions=(
        function("prefix2domain", None, routes=REQUEST, does=Does.REWRITE, summary="Rewrite a number to its domain."),
    ),
    params=(
        url_param("db_url", "mysql://root@127.0.0.1/pdt"),
        table_param("db_table", "domains", "Table of codes."),
        string_param("prefix", None, "Digits before a code.", check=_digits_mistake),
        integer_param("terminator", 0, "Digit after a code.", low=0, high=9),
        integer_param("start_range", 10, "First code that is given out.", low=0),
        integer_param("hsize_2pow", 1, "Taken for compatibility: size of a hash table.", low=0, high=20),
    ),
    fifo_commands=("get_domainprefix",),
)
