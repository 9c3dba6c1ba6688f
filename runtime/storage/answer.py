"""What became of statements, on the way from the process that has done them to the one that has asked."""

from __future__ import annotations

import marshal
from typing import Final

from runtime.routing.database import DatabaseError
from runtime.storage.errors import BadValue, Duplicate, Late, NoTable, Overloaded, Refused, Unavailable
from runtime.storage.statement import MARSHAL_VERSION, Result

_ERRORS: Final[dict[str, type[DatabaseError]]] = {
    kind.__name__: kind for kind in (BadValue, Duplicate, Late, NoTable, Overloaded, Refused, Unavailable)
}


def pack_answer(answer: list[Result] | DatabaseError) -> bytes:
    if isinstance(answer, DatabaseError):
        return marshal.dumps((type(answer).__name__, str(answer)), MARSHAL_VERSION)
    return marshal.dumps([(result.rows, result.count) for result in answer], MARSHAL_VERSION)


def unpack_answer(data: bytes) -> list[Result]:
    """Raises the DatabaseError that was packed."""
    plain = marshal.loads(data)
    if isinstance(plain, tuple):
        raise _ERRORS.get(plain[0], DatabaseError)(plain[1])
    return [Result(rows, count) for rows, count in plain]
