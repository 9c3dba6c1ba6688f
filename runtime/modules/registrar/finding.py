"""lookup() and registered(): where a user is. Reference modules-main, chapter 6."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.modules.registrar.aor import key_of
from runtime.modules.registrar.refusals import Refused
from runtime.modules.registrar.settings import Settings
from runtime.modules.usrloc.contact import NAT, Contact
from runtime.modules.usrloc.locations import Table
from runtime.modules.usrloc.store import StoreError
from runtime.routing import errors
from runtime.routing.context import MAX_BRANCHES, Context
from runtime.routing.database import DatabaseError
from runtime.routing.decisions import Q_UNSPECIFIED, Target
from runtime.sip.nameaddr import parse_name_addr
from runtime.sip.uri import BadUri, separator_in


def lookup(ctx: Context, table: Table, settings: Settings) -> bool:
    """Rewrite the Request-URI to the first valid contact, and append the others as branches; False if there is none."""
    now_s = table.locations.now_s(ctx.now_ms)
    found: i64 = 0
    for contact in _contacts(ctx, table, settings, "lookup"):
        if not contact.is_valid(now_s) or separator_in(contact.uri, 0, len(contact.uri)) >= 0:
            continue
        if found == 0:
            ctx.set_uri(contact.uri)
            ctx.path = contact.path
            ctx.rank = contact.q
            hop = _next_hop(contact)
            if len(hop) > 0:
                ctx.dst_uri = hop
        elif not settings.append_branches:
            break
        elif len(ctx.branches) < MAX_BRANCHES:
            # Without a q: a redirection that names these contacts has none, as SER's.
            ctx.branches.append(Target(contact.uri, _next_hop(contact), Q_UNSPECIFIED, contact.path, contact.q))
        else:
            break
        if contact.flags & NAT != 0:
            ctx.flags |= settings.nat_flag
        found += 1
    return found > 0


def _next_hop(contact: Contact) -> bytes:
    """Where a request to the contact goes first: the first proxy of its Path (RFC 3327 5.1), else where the NAT is; b"": its URI says it."""
    path = contact.path
    if len(path) == 0:
        return contact.received
    first = parse_name_addr(path, 0, len(path), True)
    return path[first.uri_start : first.uri_end]


def registered(ctx: Context, table: Table, settings: Settings) -> bool:
    """True if the user that the Request-URI names has a valid contact."""
    now_s = table.locations.now_s(ctx.now_ms)
    for contact in _contacts(ctx, table, settings, "registered"):
        if contact.is_valid(now_s):
            return True
    return False


def _contacts(ctx: Context, table: Table, settings: Settings, function: str) -> list[Contact]:
    try:
        return table.contacts(key_of(ctx.parsed_uri(), settings), ctx)
    except BadUri as e:
        ctx.fail(errors.BAD_URI, f"ERROR: {function}: bad uri <{ctx.uri().decode('latin-1')}>: {e}")
    except Refused as refused:
        ctx.fail(errors.BAD_URI, f"ERROR: {function}: <{ctx.uri().decode('latin-1')}>: {refused}")
    except (StoreError, DatabaseError) as broken:
        ctx.fail(errors.UNSPECIFIED, f"ERROR: {function}: cannot read the contacts: {broken}")
    return []
