"""The same application under Granian, an optional server written in Rust: less work per request."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from oidc_server.commands.options import Refused
from oidc_server.commands.preparation import leave_out_of_collections, prepare

if TYPE_CHECKING:
    from flask import Flask

    from oidc_server.core.settings import Settings


def load(settings: Settings, *_target: Any) -> Flask:
    """The application of one worker process."""
    from oidc_server import create_app

    app = create_app(settings)
    leave_out_of_collections()
    return app


def run_granian(settings: Settings) -> None:
    """Serve until told to stop. Granian has no drain: a balancer learns of a stop by its failing connections."""
    try:
        from granian.constants import HTTPModes, Interfaces
        from granian.log import LogLevels
        from granian.server import Server
    except ImportError as error:
        raise Refused("Granian is not installed: pip install 'oidc-server[granian]'.") from error

    prepare(load(settings))
    host, _, port = settings.bind.rpartition(":")
    Server(
        "oidc_server",
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels(settings.log_level),
        respawn_failed_workers=True,
        # One that is told to stop before it listens to signals would never end, and the server with it.
        workers_kill_timeout=settings.grace_seconds,
    ).serve(target_loader=functools.partial(load, settings), wrap_loader=False)
