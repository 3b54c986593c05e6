"""The application under gunicorn: threads, a drain before the stop, and logs in our form."""

from __future__ import annotations

import errno
import multiprocessing
import resource
import select
import signal
import socket
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger
from prometheus_client import multiprocess

from oidc_server.commands.attentive_worker import AttentiveWorker
from oidc_server.commands.connection import Connection
from oidc_server.commands.malformed_requests import refuse_connection
from oidc_server.commands.preparation import leave_out_of_collections, prepare
from oidc_server.core.proxies import TrustedProxies

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask import Flask

    from oidc_server.core.settings import Settings

# Beyond gunicorn's default 4094: an authorization request with a long state is legitimate.
_REQUEST_LINE_BYTES = 8190
_KEEPALIVE_SECONDS = 15
_STUCK_WORKER_SECONDS = 60
_CONNECTIONS = 1000
_ADDRESSES = 1024
_OWN_DESCRIPTORS = 32
_SAY_AGAIN_SECONDS = 1.0
_CATCHING_SECONDS = 0.3
_SERVING, _DRAINING, _STOPPING = range(3)


class Server(BaseApplication):
    """gunicorn with the settings of this server; the application is loaded once and the workers are forked from it."""

    def __init__(self, settings: Settings, outbox: Path | None = None) -> None:
        self._settings = settings
        self.outbox = outbox
        # Without a lock: a process that is killed while it holds one would leave all the others waiting for it.
        self.phase = multiprocessing.Value("b", _SERVING, lock=False)
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": settings.bind,
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": DrainingWorker,
            "worker_connections": _connections(settings),
            "worker_tmp_dir": None,
            "preload_app": True,
            "limit_request_line": _REQUEST_LINE_BYTES,
            "forwarded_allow_ips": ",".join(settings.trusted_proxies) or "127.0.0.1",
            "graceful_timeout": settings.grace_seconds,
            "timeout": _STUCK_WORKER_SECONDS,
            "keepalive": _KEEPALIVE_SECONDS,
            "control_socket_disable": True,
            "loglevel": settings.log_level,
            "logger_class": StructuredLogger,
            "proc_name": "oidc-server",
            "post_fork": _begin_worker,
            "child_exit": _forget_metrics,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        from oidc_server import create_app

        app = create_app(self._settings, catch_messages_in=self.outbox)
        prepare(app)
        from oidc_server.operation.readiness import EXTENSION

        app.extensions[EXTENSION].is_draining = lambda: self.phase.value != _SERVING
        leave_out_of_collections()
        return app

    def run(self) -> None:
        DrainingArbiter(self).run()


class StructuredLogger(GunicornLogger):
    """gunicorn's messages as lines of our log; its access log stays off, because ours has the route and no query."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class DrainingArbiter(Arbiter):
    """On SIGTERM the server first reports that it is not ready, goes on serving while balancers notice, then stops.

    A second SIGTERM ends the wait."""

    stop_at: float | None = None
    _say_again: tuple[float, signal.Signals] | None = None

    def handle_term(self) -> None:
        if self.stop_at is not None:
            raise StopIteration
        self.app.phase.value = _DRAINING
        self.stop_at = time.monotonic() + self.app._settings.drain_seconds

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        if self.stop_at is None:
            return list(super().wait_for_signals(timeout))
        left = self.stop_at - time.monotonic()
        if left <= 0:
            raise StopIteration
        return list(super().wait_for_signals(min(timeout, left)))

    def stop(self, graceful: bool = True) -> None:
        self.app.phase.value = _STOPPING
        self._say_again = (time.monotonic() + _SAY_AGAIN_SECONDS, signal.SIGTERM if graceful else signal.SIGQUIT)
        super().stop(graceful)

    def reap_workers(self) -> None:
        """A worker that was only just forked does not hear the signal to stop; it is told once more."""
        super().reap_workers()
        if self._say_again is not None and time.monotonic() >= self._say_again[0]:
            self.kill_workers(self._say_again[1])
            self._say_again = None


class DrainingWorker(AttentiveWorker):
    """When the server stops, connections that still come are refused, so that a proxy turns to another server at once.

    gunicorn by itself leaves them in the queue of a socket that nobody accepts from, until the last worker ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.body_limit = self.app._settings.body_limit
        behind_proxies = TrustedProxies(_remote_address, self.app._settings.trusted_proxies)

        def address(peer: str, forwarded_for: str) -> str:
            facts = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}
            return b"".join(behind_proxies(facts, _answer_nobody)).decode()

        self._address = lru_cache(_ADDRESSES)(address)

    def address_of(self, conn: Connection) -> str:
        """Where the complete request comes from, as the application will see it: from behind trusted proxies."""
        peer, forwarded_for = super().address_of(conn), conn.request.forwarded_for
        return self._address(peer, forwarded_for) if forwarded_for else peer

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if self.alive or self.app.phase.value != _STOPPING:
            return
        for listener in self.sockets:
            while select.select([listener], [], [], 0)[0] and self.accept(listener):
                pass
            with suppress(OSError):
                listener.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, _request: Any, client: Any, address: Any, error: Exception) -> None:
        refuse_connection(self.app._settings, client, address[0] if address else "", error)

    def accept(self, listener: Any) -> bool:
        """Take a waiting connection; False also when another worker has shut the listener."""
        try:
            return super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return False


def _remote_address(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
    return [environ["REMOTE_ADDR"].encode()]


def _answer_nobody(*_: Any) -> Any:
    raise NotImplementedError


def _connections(settings: Settings) -> int:
    """Connections that one worker may have, by what its limit of file descriptors leaves for them."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _CONNECTIONS
    others = _OWN_DESCRIPTORS + settings.pool_size + settings.threads  # a thread may be connected to Redis
    return max(settings.threads + 1, min(_CONNECTIONS, limit - others))


def _forget_metrics(_arbiter: Any, worker: Any) -> None:
    """A dead process waits for nothing: its gauges must not be counted any more."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _begin_worker(_arbiter: Any, worker: Any) -> None:
    """A database connection must not be shared between processes. Where mail is caught, this process does it."""
    from oidc_server.core.database import EXTENSION

    app = worker.app.wsgi()
    app.extensions[EXTENSION].dispose(close=False)
    if worker.app.outbox is not None:
        from oidc_server.messages.sender import Sender

        Sender(app, period=_CATCHING_SECONDS).start()


def run_gunicorn(settings: Settings, outbox: Path | None = None) -> None:
    """Serve until told to stop. With an ``outbox``, mail is caught in that folder and shown, and none is sent."""
    Server(settings, outbox).run()
