"""The pool of database connections of one engine: who finds it stuck is refused at once instead of waiting.

Every request that waits for a connection holds a thread. When the database hangs, waiting would soon hold all threads
of the process, also those that could answer from memory."""

import time
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_STUCK_SECONDS = 0.5


class ConnectionPool(QueuePool):
    """Stuck means: all connections are out, and for half a second none was lent or came back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._moved_at = time.monotonic()

    def _do_get(self) -> ConnectionPoolEntry:
        if self.checkedout() < self.size():
            self._moved_at = time.monotonic()
        elif time.monotonic() - self._moved_at > _STUCK_SECONDS:
            raise PoolTimeoutError("every connection is in use, and none has come back lately")
        record = super()._do_get()
        self._moved_at = time.monotonic()
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        self._moved_at = time.monotonic()
        super()._do_return_conn(record)
