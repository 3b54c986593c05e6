"""gunicorn's threads, each of which stays with a connection for a moment after it has answered.

A busy client sends its next request at once. Handed back to the main thread, its connection would go through two
switches of threads and several system calls before it is served again."""

from __future__ import annotations

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

_ATTENTION_MS = 3


class AttentiveWorker(ThreadWorker):
    """A thread stays only while another one is free for whoever else comes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._occupied = 0

    def handle(self, conn: Any) -> Any:
        self._occupied += 1
        try:
            result = super().handle(conn)
            while result is True and self.alive and self._more_comes(conn):
                result = super().handle(conn)
            return result
        finally:
            self._occupied -= 1

    def _more_comes(self, conn: Any) -> bool:
        """Whether the next request begins to arrive within the moment, or has been read already."""
        if conn.is_http2 or conn.parser.unreader.buf.getvalue():
            return False
        poller = select.poll()
        poller.register(conn.sock, select.POLLIN)
        return bool(poller.poll(_ATTENTION_MS if self._occupied < self.cfg.threads else 0))
