"""A thread that sends what is due, about every second, for as long as its process lives."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from oidc_server.core import logs
from oidc_server.messages.delivery import EXTENSION, Delivery

if TYPE_CHECKING:
    from flask import Flask

_LONGEST_WAIT_SECONDS = 60.0
_AT_ONCE = 50

log = logs.get_logger()


class Sender:
    """Sends beside whatever else the process does. A mail server that hangs holds up this thread and nothing else."""

    def __init__(self, app: Flask, *, period: float = 1.0) -> None:
        self._app = app
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begin. A process that is forked afterwards has no sender."""
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Tell it to end, and wait for that; whether it did. A message that it is handing over then is sent again
        later, if it did not get through."""
        self._stop.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        delivery: Delivery = self._app.extensions[EXTENSION]
        wait = 0.0
        with self._app.app_context():
            while not self._stop.wait(wait):
                try:
                    done = delivery.deliver_due(_AT_ONCE, is_over=self._stop.is_set)
                    wait = 0.0 if sum(done) == _AT_ONCE else self._period
                except Exception:
                    log.exception("message_delivery_failed")
                    wait = min(max(wait, self._period) * 2, _LONGEST_WAIT_SECONDS)
