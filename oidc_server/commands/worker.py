"""``oidc-server worker``: what has to happen without anybody asking: sweeping, and rotating keys on schedule."""

import signal
import threading
from types import FrameType

import click

from oidc_server.commands.options import Output, in_application

_PERIOD_SECONDS = 60


@click.command()
@click.option("--once", is_flag=True, help="Do what is due and stop.")
@in_application
def worker(output: Output, once: bool) -> None:
    """Sweep what has expired and rotate signing keys on schedule.

    One is enough; several do no harm, since whatever they do is decided under a lock."""
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    while not stop.is_set():
        did = run_once()
        if once:
            output.say(did, [f"Removed {count} expired rows from {table}." for table, count in did["removed"].items()])
            return
        stop.wait(_PERIOD_SECONDS)


def run_once() -> dict[str, dict[str, int]]:
    """Do everything that is due now; a fault in one task is logged and does not keep the others from running."""
    from oidc_server.authorizations.sweep import sweep
    from oidc_server.commands.keys import rotate_when_due
    from oidc_server.core import logs
    from oidc_server.core.database import current_database

    log = logs.get_logger()
    removed: dict[str, int] = {}
    try:
        removed = sweep(current_database())
    except Exception:
        log.exception("worker_task_failed", task="sweep")
    try:
        rotate_when_due()
    except Exception:
        log.exception("worker_task_failed", task="key_rotation")
    return {"removed": removed}
