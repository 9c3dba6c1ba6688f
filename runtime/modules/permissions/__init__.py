"""permissions: rules of who may call and register. Reference modules-main, chapter 20 and its corrections."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.permissions.files import EMPTY, RuleBase, RuleFile, RuleKeeper
from runtime.modules.permissions.rules import Rules
from runtime.modules.permissions.trusted import Peer, Peers, PeerTable
from runtime.modules.registrar.refusals import Refused
from runtime.modules.registrar.request import Said, hops_of, is_path
from runtime.routing.command import Command, Inquiry
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.database import Database, DatabaseError, open_database, require_version
from runtime.routing.destination import plain_host
from runtime.routing.module import ModuleError
from runtime.routing.published import Published, room_for
from runtime.routing.sender import sender_text
from runtime.routing.world import World
from runtime.sip import headers
from runtime.sip.contacts import all_contacts
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, SipUri, parse_uri
from runtime.spec.declare import (
    FAILURE,
    REQUEST,
    Arg,
    ArgumentKind,
    ModuleSpec,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.effects import Does
from runtime.spec.kinds import FILE, wire
from runtime.spec.params import column_param, table_param, url_param
from runtime.spec.values import Constant

_TRUSTED_VERSION: Final = 1
# A row of the table in memory, at most: IP, pattern, and what tells them apart.
_PEER_BYTES: Final = 160
_ROUTES: Final = REQUEST | FAILURE


def _file(text: str) -> Constant[RuleFile]:
    FILE.parse(text)
    return Constant(RuleFile, (wire(text),), "RULES", True)


def _base(text: str) -> Constant[RuleBase]:
    FILE.parse(text)
    return Constant(RuleBase, (wire(text),), "RULES", True)


_RULE_FILE: Final = ArgumentKind[RuleFile]("rule file", "the name of a rule file", _file)
_ALLOW: Final = Arg("allow_file", _RULE_FILE)
_DENY: Final = Arg("deny_file", _RULE_FILE)
_BASE: Final = Arg(
    "basename", ArgumentKind[RuleBase]("basename", "the name of two rule files without their ends", _base)
)


@final
class Permissions(RuleKeeper):
    """Allows what no rule denies, and trusts peers out of a table. Rule files are read when the server starts."""

    _table: PeerTable  # with db_url only
    _peers: Peers  # with a cache only

    def __init__(
        self,
        *,
        default_allow_file: str = "permissions.allow",
        default_deny_file: str = "permissions.deny",
        check_all_branches: int = 1,
        allow_suffix: str = ".allow",
        deny_suffix: str = ".deny",
        db_url: str = "",
        db_mode: int = 0,
        trusted_table: str = "trusted",
        source_col: str = "src_ip",
        proto_col: str = "proto",
        from_col: str = "from_pattern",
    ) -> None:
        super().__init__((allow_suffix, deny_suffix))
        self._default_names: Final = (default_allow_file, default_deny_file)
        self._default_allow = EMPTY
        self._default_deny = EMPTY
        self.check_all_branches: Final = check_all_branches
        self.db_url: Final = db_url
        self._is_cached: Final = db_mode != 0 and db_url != ""
        self._trusted_table: Final = trusted_table
        self._trusted_columns: Final = (source_col, proto_col, from_col)

    def bind(self, world: World) -> None:
        """Read the default files, and open the table. Without db_url no other parameter of the table has a meaning, in SER either."""
        if self.db_url:
            self._open_table(world)
        else:
            world.log.write(L_INFO, "permissions: db_url is not set: allow_trusted trusts nobody")
        self._default_allow = self.rules_of(world, self._default_names[0])
        self._default_deny = self.rules_of(world, self._default_names[1])

    def _open_table(self, world: World) -> None:
        """A table that cannot be read does not stop the start, as in SER: nobody is trusted until trusted_reload can read it."""
        database = open_database(world, "permissions", self.db_url)
        table = PeerTable(database, self._trusted_table, self._trusted_columns)
        self._table = table
        if self._is_cached:
            self._peers = world.keep("permissions", Peers, lambda: self._read_table(world, database, table))
        else:
            self._loaded(world, database, table)

    def _read_table(self, world: World, database: Database, table: PeerTable) -> Peers:
        peers = self._loaded(world, database, table)
        size = len(peers) * _PEER_BYTES
        return Peers(peers, Published(world.shared.take(room_for(size), "permissions")))

    def _loaded(self, world: World, database: Database, table: PeerTable) -> list[Peer]:
        try:
            require_version(database, "permissions", self._trusted_table, _TRUSTED_VERSION)
            if self._is_cached:
                return table.load()
        except (ModuleError, DatabaseError) as e:
            world.log.write(L_ERR, f"ERROR: permissions: allow_trusted trusts nobody: {e}")
        return []

    def fixed(self) -> dict[str, object]:
        """What was read at the start is read again by the command trusted_reload; the files of rules are read by each program."""
        if not self._is_cached:
            return {"db_mode": False}
        table = (self._trusted_table, self._trusted_columns)
        return {"db_mode": True, "db_url": self.db_url, "trusted_table": table}

    def allow_routing(self, ctx: Context) -> bool:
        """True if the default files allow the sender to call the Request-URI and the branches."""
        return self._allow_routing(ctx, self._default_allow, self._default_deny)

    def allow_routing_base(self, ctx: Context, base: RuleBase) -> bool:
        """The same by basename.allow and basename.deny."""
        return self._allow_routing(ctx, base.allow, base.deny)

    def allow_routing_files(self, ctx: Context, allow: RuleFile, deny: RuleFile) -> bool:
        """The same by two files."""
        return self._allow_routing(ctx, allow.rules, deny.rules)

    def allow_register_base(self, ctx: Context, base: RuleBase) -> bool:
        """True if basename.allow and basename.deny allow To to have each of the Contacts, and to be reached by their `received` and Path."""
        return self._allow_register(ctx, base.allow, base.deny)

    def allow_register_files(self, ctx: Context, allow: RuleFile, deny: RuleFile) -> bool:
        """The same by two files."""
        return self._allow_register(ctx, allow.rules, deny.rules)

    def allow_trusted(self, ctx: Context) -> bool:
        """True if the table of peers has the source, with the protocol and the From URI of the request."""
        if not self.db_url:
            return False
        try:
            source = ctx.source.text
            peers = self._peers.find(source) if self._is_cached else self._table.find(ctx, source)
            if len(peers) == 0:
                return False
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: allow_trusted: {e}")
            return False
        uri = sender_text(ctx, "allow_trusted")
        if uri is None:
            return False
        for peer in peers:
            if peer.is_like(ctx.socket.proto, uri):
                return True
        return False

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """SER has them with a cache only."""
        if not self._is_cached:
            return []
        return [Command("trusted_reload", self.trusted_reload), Command("trusted_dump", self.trusted_dump)]

    def trusted_reload(self, inquiry: Inquiry) -> None:
        """Read the table anew, for every worker."""
        try:
            is_done = self._peers.replace(self._table.load())
        except DatabaseError:
            is_done = False
        inquiry.answer(b"200 OK\n" if is_done else b"400 Trusted table reload failed\n")

    def trusted_dump(self, inquiry: Inquiry) -> None:
        """The peers that count."""
        inquiry.answer(b"200 OK\n" + self._peers.shown())

    # --- rules -------------------------------------------------------------------------------------------------------

    def _allow_routing(self, ctx: Context, allow: Rules, deny: Rules) -> bool:
        if allow.is_empty() and deny.is_empty():
            return True
        caller = sender_text(ctx, "allow_routing")
        if caller is None:
            return False
        try:
            if not _passes(caller, ctx.uri(), allow, deny):
                return False
            if self.check_all_branches != 0:
                for branch in ctx.branches:
                    if not _passes(caller, branch.uri, allow, deny):
                        return False
            return True
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: allow_routing: {bad}")
        return False

    def _allow_register(self, ctx: Context, allow: Rules, deny: Rules) -> bool:
        if allow.is_empty() and deny.is_empty():
            return True
        try:
            user = ctx.to_uri()
            for forms in _contacts(ctx):
                # As in SER, the allow file counts with check_all_branches only.
                if self.check_all_branches != 0 and _match_any(allow, user, forms):
                    continue
                if _match_any(deny, user, forms):
                    return False
            return True
        except (BadMessage, BadUri, Refused) as bad:
            ctx.log(L_ERR, f"ERROR: allow_register: {bad}")
        return False


def _passes(sender: bytes, uri: bytes, allow: Rules, deny: Rules) -> bool:
    """True for a Request-URI that is allowed, or not denied. Raises BadUri.

    Rules see it as `sip:user@host`, with the @ even if there is no user.
    """
    parsed = parse_uri(uri, 0, len(uri))
    destination = b"".join([b"sip:", parsed.user(), b"@", _host(parsed)])
    return allow.match(sender, destination) or not deny.match(sender, destination)


def _contacts(ctx: Context) -> list[list[bytes]]:
    """The Contacts as rules see them, `sip:[user@]host`, and where their requests would go instead: by `received` or by Path. None for
    `*`. Raises BadMessage, BadUri and Refused.
    """
    found: list[list[bytes]] = []
    msg = ctx.message
    for value in all_contacts(msg):
        found.append(_forms(parse_uri(msg.buf, value.uri_start, value.uri_end))[:1])
        said = Said(msg.buf, value.params_start, value.end, value.next < 0)
        if said.received_end > said.received:
            found.append(_forms(parse_uri(msg.buf, said.received, said.received_end)))
    if len(found) > 0:
        for record in msg.headers:
            if headers.kind(record) == headers.OTHER and is_path(msg, record):
                found += [_forms(hop) for hop in hops_of(msg.value(record))]
    return found


def _forms(uri: SipUri) -> list[bytes]:
    """How rules may name it. What is no user's has no user, and rules for hosts begin with an @."""
    host = _host(uri)
    if uri.user_start >= 0:
        return [b"".join([b"sip:", uri.user(), b"@", host])]
    return [b"sip:" + host, b"sip:@" + host]


def _host(uri: SipUri) -> bytes:
    """The host as rules write it, however the URI spells it: 192.168.007.021 is a gateway as well. Rules match in any case."""
    host = plain_host(uri.host())
    return b"[%s]" % host if b":" in host else host


def _match_any(rules: Rules, user: bytes, forms: list[bytes]) -> bool:
    return any([rules.match(user, form) for form in forms])


EXPORTS: Final = ModuleSpec(
    name="permissions",
    implementation="runtime.modules.permissions:Permissions",
    summary="Allows and denies calls and registrations by rule files, and trusts peers out of a table.",
    functions=(
        function(
            "allow_routing",
            Permissions.allow_routing,
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the default rule files allow the call.",
        ),
        function(
            "allow_routing",
            Permissions.allow_routing_base,
            _BASE,
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="Same, basename.allow and .deny.",
        ),
        function(
            "allow_routing",
            Permissions.allow_routing_files,
            _ALLOW,
            _DENY,
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="Same, files.",
        ),
        function(
            "allow_register",
            Permissions.allow_register_base,
            _BASE,
            routes=_ROUTES,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if basename.allow and .deny allow the registration.",
        ),
        function(
            "allow_register",
            Permissions.allow_register_files,
            _ALLOW,
            _DENY,
            routes=_ROUTES,
            does=Does.NOTHING,
            alone="nothing else",
            summary="Same, files.",
        ),
        function(
            "allow_trusted",
            Permissions.allow_trusted,
            routes=_ROUTES,
            does=Does.VOUCH,
            waits=True,
            alone="nothing else",
            summary="True if the source is in the table of peers.",
        ),
    ),
    params=(
        string_param("default_allow_file", "permissions.allow", "Rule file of allow_routing()."),
        string_param("default_deny_file", "permissions.deny", "Rule file of allow_routing()."),
        switch_param("check_all_branches", 1, "All branches must be allowed, too."),
        string_param("allow_suffix", ".allow", "Appended to a basename."),
        string_param("deny_suffix", ".deny", "Appended to a basename."),
        url_param("db_url", None, "Database; without it nobody is trusted."),
        integer_param("db_mode", 0, "0 a query for each call, 1 the table is kept in memory.", low=0, high=1),
        table_param("trusted_table", "trusted", "Table of peers."),
        column_param("source_col", "src_ip"),
        column_param("proto_col", "proto"),
        column_param("from_col", "from_pattern"),
    ),
    fifo_commands=("trusted_reload", "trusted_dump"),
)
