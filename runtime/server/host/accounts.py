"""Users and groups: whom the server runs as, and to whom it gives the files of its control interface. Reference core, 1.4 and 7.1."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from typing import Final

from runtime.server.host.errors import StartError

# One more means "leave it as it is" to the kernel (chown(2), setresuid(2)).
_ID_MAX: Final = 2**32 - 2
# The same, for os.chown.
_AS_IT_IS: Final = -1


@dataclass(frozen=True)
class Identity:
    """Whom to run as; None leaves it as it is."""

    uid: int | None = None
    gid: int | None = None

    def owner(self) -> tuple[int, int]:
        """Whom files are to be given to, as os.chown takes it."""
        return (self.uid or _AS_IT_IS, self.gid or _AS_IT_IS)


def identity_of(user: str, group: str) -> Identity:
    """A user's name also brings the user's primary group; a number does not. `group` goes before it. Raises StartError."""
    uid = gid = None
    if user:
        uid, gid = _user(user, f"bad user name/uid number: -u {user}", "-u, user=")
    if group:
        gid = _group(group, f"bad group name/gid number: -g {group}", "-g, group=")
    return Identity(uid, gid)


def become(identity: Identity) -> None:
    """Give up root: supplementary groups, group, user, in this order. Raises StartError. As in SER, 0 means "don't".

    A process of that user and group already has nothing to give up, and would not be allowed to leave its groups.
    """
    own = (os.getuid(), os.getgid())
    if own[0] and (identity.uid or own[0], identity.gid or own[1]) == own:
        return
    try:
        if identity.uid or identity.gid:
            os.setgroups([])
        if identity.gid:
            os.setgid(identity.gid)
        if identity.uid:
            os.setuid(identity.uid)
    except OSError as e:
        names = [f"{what} {id}" for what, id in (("uid", identity.uid), ("gid", identity.gid)) if id is not None]
        cure = "only root can; start as root, or without -u, -g, user= and group="
        raise StartError(f"cannot change to {', '.join(names)}: {e.strerror}: {cure}") from e


class Owner:
    """Whom the control interface's files are given to, by the names or numbers of sock_user and sock_group; -1: nobody."""

    def __init__(self, user: str, group: str) -> None:
        """Raises StartError."""
        self.uid: Final[int] = (
            _user(user, f"bad socket user name/uid number: {user}", "sock_user=")[0] if user else _AS_IT_IS
        )
        self.gid: Final[int] = (
            _group(group, f"bad socket group name/gid number: {group}", "sock_group=") if group else _AS_IT_IS
        )

    def members(self) -> frozenset[int]:
        """The users of the files' group, as far as this machine lists them."""
        gid = self.gid if self.gid >= 0 else os.getegid()
        users = pwd.getpwall()
        try:
            names = set(grp.getgrgid(gid).gr_mem)
        except KeyError:
            names = set()
        return frozenset(u.pw_uid for u in users if u.pw_gid == gid or u.pw_name in names)


def _user(name: str, complaint: str, given_by: str) -> tuple[int, int | None]:
    """Uid of a name or number, and of a name the primary gid. StartError begins with `complaint` and ends with `given_by`."""
    if name.isdecimal():
        return _number(name, complaint, given_by), None
    try:
        entry = pwd.getpwnam(name)
    except KeyError as e:
        cure = f"there is no such user; make one (useradd -r {name}) or name another"
        raise StartError(f"{complaint}: {cure} ({given_by})") from e
    return entry.pw_uid, entry.pw_gid


def _group(name: str, complaint: str, given_by: str) -> int:
    """The same of a group."""
    if name.isdecimal():
        return _number(name, complaint, given_by)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as e:
        cure = f"there is no such group; make one (groupadd -r {name}) or name another"
        raise StartError(f"{complaint}: {cure} ({given_by})") from e


def _number(text: str, complaint: str, given_by: str) -> int:
    number = int(text)
    if number > _ID_MAX:
        raise StartError(f"{complaint}: numbers go up to {_ID_MAX}; give a smaller one ({given_by})")
    return number
