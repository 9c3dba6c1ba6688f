"""Questions to an embedded database that are answered here and now, by who asks: that takes less time than to tell another process of
them. They do not hold up what else there is to do: what is locked or takes long is asked again by somebody who may wait.
"""

from __future__ import annotations

import time
from typing import Final, final

from runtime.routing.database import DatabaseError
from runtime.routing.ports import L_ERR, Log
from runtime.storage.connection import Connection, connect_for_glances
from runtime.storage.errors import Late
from runtime.storage.statement import SHAPES_MAX, Result, Shape, Statement
from runtime.storage.url import Url

# What took too long at a glance is not tried again for so long.
REST_S: Final = 1.0
# A glance that took longer than this has waited for a disk.
LONG_S: Final = 0.02


@final
class Glances:
    """At the database of one URL, in one process. It is opened with the first glance: who forks before that shares nothing.

    After a glance that took longer than `long_s` there is none for a while.
    """

    def __init__(self, url: Url, log: Log, long_s: float = LONG_S) -> None:
        self._url: Final = url
        self._log: Final = log
        self._long_s: Final = long_s
        self._is_begun = False
        # None also where this is no database to be asked so.
        self._connection: Connection | None = None
        # Until when nothing is asked, or nothing of a shape.
        self._rests_until_s = 0.0
        self._slow_until_s: Final[dict[Shape, float]] = {}

    def answer(self, statements: list[Statement]) -> Result | None:
        """To one question; None if somebody else has to be asked, who also tells what is wrong."""
        if not self._is_begun:
            self._is_begun = True
            self._connection = connect_for_glances(self._url)
        connection = self._connection
        if connection is None or len(statements) != 1:
            return None
        shape = statements[0].shape
        if not shape.reads:
            return None
        now_s = time.monotonic()
        if now_s < self._rests_until_s or len(self._slow_until_s) > 0 and now_s < self._slow_until_s.get(shape, 0.0):
            return None
        try:
            found = connection.look(statements[0])
        except Late:
            if len(self._slow_until_s) >= SHAPES_MAX:
                self._slow_until_s.clear()
            self._slow_until_s[shape] = now_s + REST_S
            return None
        except DatabaseError:
            self._rests_until_s = now_s + REST_S
            return None
        except Exception as e:  # a bug here or in a driver: the question is not lost
            connection.close()
            self._rests_until_s = now_s + REST_S
            self._log.write(L_ERR, f"BUG: {self._url}: {type(e).__name__}: {e}")
            return None
        if time.monotonic() - now_s > self._long_s:
            self._rests_until_s = now_s + REST_S
        return found
