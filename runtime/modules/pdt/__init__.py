"""pdt: prefixes for domains. Reference modules-more, A.2.6."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.core.rewriting import parsed_uri, replace_uri
from runtime.modules.pdt.codes import Codes
from runtime.routing.command import LINE, Command, Inquiry
from runtime.routing.context import L_INFO, Context
from runtime.routing.database import Database, DatabaseError, open_database
from runtime.routing.module import Module, ModuleError
from runtime.routing.published import Published, room_for
from runtime.routing.world import World
from runtime.sip.scan import decimal
from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.params import idle, table_param, url_param

_URL: Final = "mysql://root@127.0.0.1/pdt"
_COLUMNS: Final = ("code", "domain")
_CODE_LIMIT: Final = 0x7FFFFFFF
_CODE_BYTES: Final = 280


def _digits_mistake(text: str) -> str:
    return "" if text.isdigit() or not text else f'prefix is digits, not "{text}"'


@final
class Pdt(Module):
    """Numbers that begin with the code of a domain: `prefix`, code, `terminator`, user."""

    _database: Database
    _codes: Codes

    def __init__(
        self,
        *,
        db_url: str = _URL,
        db_table: str = "domains",
        prefix: str = "",
        terminator: int = 0,
        start_range: int = 10,
        hsize_2pow: int = 1,
    ) -> None:
        super().__init__("pdt")
        self._url: Final = db_url
        self._table: Final = db_table
        self._prefix: Final = prefix.encode("ascii")
        self._terminator: Final = terminator
        self._first: Final = start_range

    def bind(self, world: World) -> None:
        self._database = open_database(world, "pdt", self._url)
        self._codes = world.keep("pdt", Codes, lambda: self._read(world))

    def fixed(self) -> dict[str, object]:
        """What was read at the start is not read again."""
        return {
            "db_url": self._url,
            "db_table": self._table,
            "terminator": self._terminator,
            "start_range": self._first,
        }

    def _read(self, world: World) -> Codes:
        domains: dict[int, bytes] = {}
        try:
            rows = self._database.query(None, self._table, _COLUMNS, [], "code")
        except DatabaseError as e:
            raise ModuleError(f"pdt: {e}") from e
        for code, domain in rows:
            if not isinstance(code, int) or not isinstance(domain, bytes):
                raise ModuleError(f"pdt: a row of table {self._table} has no code or no domain")
            if code != 0 and str(self._terminator) in str(code):
                raise ModuleError(f"pdt: table {self._table}: code {code} has the terminator {self._terminator} in it")
            domains[code] = domain
        memory = world.shared.take(room_for(len(domains) * _CODE_BYTES), "pdt")
        return Codes(domains, self._terminator, self._first, Published(memory))

    def prefix2domain(self, ctx: Context) -> bool:
        """Replace host and port by the domain of the code, and the user by what stands behind it; True for a URI without prefix, too."""
        uri = parsed_uri(ctx, "prefix2domain")
        if uri is None:
            return False
        user = uri.user()
        if len(user) == 0 or not user.startswith(self._prefix):
            return True
        start = len(self._prefix)
        end = user.find(b"%d" % self._terminator, start)
        code = decimal(user, start, end) if end > start else -1
        domain = self._codes.domain_of(code) if 0 <= code <= _CODE_LIMIT else None
        if domain is None:
            ctx.log(L_INFO, "prefix2domain: no domain has this code")
            return False
        password = b":" + uri.buf[uri.password_start : uri.password_end] if uri.password_start >= 0 else b""
        rest = uri.end
        if uri.headers_start >= 0:
            rest = uri.headers_start
        if uri.params_start >= 0:
            rest = uri.params_start
        new = b"".join([b"sip:", user[end + 1 :], password, b"@", domain, uri.buf[rest : uri.end]])
        return replace_uri(ctx, new, "prefix2domain")

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        return [Command("get_domainprefix", self.get_domainprefix, LINE * 2)]

    def get_domainprefix(self, inquiry: Inquiry) -> None:
        """The code of a domain, which gets one if it has none, unless the authorization begins with 0."""
        domain = inquiry.word(0)
        authorization = inquiry.word(1)
        if not domain or not authorization:
            inquiry.answer(b"400 |get_domaincode: could not read from fifo\n")
            return
        codes = self._codes
        code = codes.code_of(domain)
        if code >= 0:
            inquiry.answer(b"201 |Domain name= %sDomain code= %d%d\n" % (domain, code, self._terminator))
            return
        if authorization.startswith(b"0"):
            inquiry.answer(b"203 |Domain name not registered yet\n")
            return
        code = codes.new_code()
        if self._register(code, domain):
            inquiry.answer(b"202 |Domain name= %s\tNew domain code=  %d%d\n" % (domain, code, self._terminator))
        else:
            inquiry.answer(b"204 |Cannot register the new domain in a consistent way\n")

    def _register(self, code: int, domain: bytes) -> bool:
        try:
            self._database.insert(None, self._table, _COLUMNS, [code, domain])
        except DatabaseError:
            return False
        return self._codes.add(code, domain)


EXPORTS: Final = ModuleSpec(
    name="pdt",
    implementation="runtime.modules.pdt:Pdt",
    summary="Translates prefixes of numbers to domains, from a table.",
    database=True,
    functions=(
        function(
            "prefix2domain",
            Pdt.prefix2domain,
            routes=REQUEST,
            does=Does.REWRITE,
            summary="Rewrite a number to its domain.",
        ),
    ),
    params=(
        url_param("db_url", _URL),
        table_param("db_table", "domains", "Table of codes."),
        string_param("prefix", None, "Digits before a code.", check=_digits_mistake),
        integer_param("terminator", 0, "Digit after a code.", low=0, high=9),
        integer_param("start_range", 10, "First code that is given out.", low=0),
        idle(integer_param("hsize_2pow", 1, "Taken and not used: the size of a hash table of SER's.", low=0, high=20)),
    ),
    fifo_commands=("get_domainprefix",),
)
