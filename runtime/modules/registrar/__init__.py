"""registrar: REGISTER requests and lookups. Reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.registrar.finding import lookup, registered
from runtime.modules.registrar.saving import Counts, Saver
from runtime.modules.registrar.settings import Settings
from runtime.modules.sl import SL
from runtime.modules.usrloc import USRLOC, TableName, table_name
from runtime.routing.context import Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.world import World
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.params import flag_param, seconds_param
from runtime.spec.refusal import same_as
from runtime.spec.values import Doubt


@final
class Registrar(Module):
    """Takes REGISTER requests into usrloc, and finds users there."""

    _saver: Saver
    _counts: Counts

    def __init__(
        self,
        *,
        default_expires: int = 3600,
        min_expires: int = 60,
        max_expires: int = 0,
        default_q: int = -1,
        append_branches: int = 1,
        case_sensitive: int = 0,
        desc_time_order: int = 0,
        nat_flag: int = 4,
        realm_prefix: str = "",
        received_param: str = "received",
        received_avp: int = 42,
        use_domain: int = 0,
        max_contacts: int = 0,
        retry_after: int = 0,
        check_contacts: int = 1,
    ) -> None:
        super().__init__("registrar")
        self._settings: Final = Settings(
            default_expires,
            min_expires,
            max_expires,
            -1 if default_q == -1 else min(max(default_q, 0), 1000),
            append_branches != 0,
            case_sensitive != 0,
            desc_time_order != 0,
            1 << nat_flag,
            realm_prefix.encode("latin-1").lower(),
            received_param.encode("latin-1"),
            received_avp,
            use_domain != 0,
            max_contacts,
            retry_after,
            check_contacts != 0,
        )

    def bind(self, world: World) -> None:
        usrloc = USRLOC.of(world)
        if usrloc.use_domain != self._settings.use_domain:
            raise ModuleError(
                "registrar: use_domain must be the same as usrloc's: "
                f'write modparam("usrloc|registrar", "use_domain", {int(self._settings.use_domain)})'
            )

    def prepare(self, world: World) -> None:
        self._counts = world.keep("registrar", Counts, Counts)
        # Here, since usrloc may be loaded after this module.
        self._saver = Saver(self._settings, USRLOC.of(world).locations, SL.of(world), self._counts)

    def statistics(self) -> dict[str, int]:
        return {"saved": int(self._counts.saved), "refused": int(self._counts.refused)}

    def save(self, ctx: Context, table: TableName) -> int:
        """Take the contacts of a REGISTER into the table, and answer; 0 ends the script where the request was refused."""
        return self._saver.save(ctx, table.table, False, True)

    def save_noreply(self, ctx: Context, table: TableName) -> int:
        """The same without an answer, also where the request is refused."""
        return self._saver.save(ctx, table.table, False, False)

    def save_memory(self, ctx: Context, table: TableName) -> int:
        """The same as save, and no database gets to see these contacts."""
        return self._saver.save(ctx, table.table, True, True)

    def lookup(self, ctx: Context, table: TableName) -> bool:
        """Rewrite the Request-URI to where the user is; False if the user is nowhere."""
        return lookup(ctx, table.table, self._settings)

    def registered(self, ctx: Context, table: TableName) -> bool:
        """True if the user has a contact."""
        return registered(ctx, table.table, self._settings)


def _q_doubt(value: int) -> Doubt | None:
    if -1 <= value <= 1000:
        return None
    return Doubt(f"{value} is no q value and becomes {0 if value < 0 else 1000}", "write q times 1000, or -1 for none")


EXPORTS: Final = ModuleSpec(
    name="registrar",
    implementation="runtime.modules.registrar:Registrar",
    summary="Takes REGISTER requests into usrloc and finds users there.",
    needs=("sl", "usrloc"),
    ordered=(("min_expires", "default_expires"), ("default_expires", "max_expires")),
    refuses=(same_as("registrar", "use_domain", "usrloc"),),
    functions=(
        function(
            "save",
            Registrar.save,
            table_name(),
            routes=REQUEST,
            does=Does.SAVE,
            waits=True,
            may_stop=True,
            summary="Register, and answer.",
        ),
        function(
            "save_noreply",
            Registrar.save_noreply,
            table_name(),
            routes=REQUEST,
            does=Does.NOTHING,
            waits=True,
            may_stop=True,
            summary="Register, answer nothing.",
        ),
        function(
            "save_memory",
            Registrar.save_memory,
            table_name(),
            routes=REQUEST,
            does=Does.SAVE,
            waits=True,
            may_stop=True,
            summary="Register, without database.",
        ),
        function(
            "lookup",
            Registrar.lookup,
            table_name(),
            routes=REQUEST | FAILURE,
            does=Does.LOOKUP,
            summary="Rewrite the URI to where the user is.",
        ),
        function(
            "registered",
            Registrar.registered,
            table_name(),
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the user has a contact.",
        ),
    ),
    params=(
        seconds_param("default_expires", 3600, "Life of a contact that names none."),
        seconds_param("min_expires", 60, "Shorter lives are raised to this; 0 is off."),
        seconds_param("max_expires", 0, "Longer lives are cut to this; 0 is off."),
        integer_param("default_q", -1, "q of a contact that names none, times 1000; -1 unspecified.", doubt=_q_doubt),
        switch_param("append_branches", 1, "lookup appends all further contacts as branches."),
        switch_param("case_sensitive", 0, "Users are told apart by capitals."),
        switch_param("desc_time_order", 0, "A refreshed contact comes first."),
        flag_param("nat_flag", 4, "Message flag that marks a contact behind a NAT."),
        string_param("realm_prefix", "", "Beginning of a domain that does not count."),
        string_param("received_param", "received", "Contact parameter of replies with the address of a NAT."),
        integer_param("received_avp", 42, "Integer AVP with the address of a NAT, as nathelper sets it.", low=1),
        switch_param("use_domain", 0, "Users are told apart by their domains; must equal usrloc's."),
        integer_param(
            "max_contacts",
            0,
            "Most contacts of a user; 0 is no limit, and then a short REGISTER that only asks can be answered with 64 kB.",
            low=0,
        ),
        seconds_param("retry_after", 0, "Retry-After of replies 5xx; 0 is none."),
        switch_param(
            "check_contacts", 1, "Refuse contacts that no request can be sent to; 0 takes all, as SER does. Not in SER."
        ),
    ),
)
