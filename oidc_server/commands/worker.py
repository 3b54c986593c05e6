"""``oidc-server worker``: what has to happen without anybody asking: sending, sweeping, rotating keys on schedule."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from oidc_server.commands.options import Output, Refused, in_application

_PERIOD_SECONDS = 60
_END_SECONDS = 2.0  # a mail server that hangs does not keep the worker: what it was sending is sent again later
_AT_ONCE = 50


@click.command()
@click.option("--once", is_flag=True, help="Do what is due and stop.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve the worker's own metrics there, for Prometheus.")
@in_application
def worker(output: Output, once: bool, metrics: str | None) -> None:
    """Send mail and text messages, sweep what has expired, erase closed accounts and rotate signing keys on schedule.

    One is enough; several do no harm, since whatever they do is decided under a lock."""
    if once:
        _tell(output, run_once() | {"messages": send_due()})
        return
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with _metrics_served(metrics), _sending():
        while not stop.is_set():
            run_once()
            stop.wait(_PERIOD_SECONDS)


def _tell(output: Output, did: dict[str, Any]) -> None:
    removed, sent = did["removed"], did["messages"]
    words = [f"Removed {count} expired rows from {table}." for table, count in removed.items()]
    words.append(f"Erased {did['erased']} closed accounts.")
    words.append("Messages: {sent} sent, {dropped} dropped, {failed} failed.".format_map(sent))
    output.say(did, words)


@contextmanager
def _sending() -> Iterator[None]:
    """Messages are sent meanwhile, by a thread of their own."""
    from flask import current_app

    from oidc_server.messages.sender import Sender

    sender = Sender(current_app._get_current_object())  # type: ignore[attr-defined]
    sender.start()
    try:
        yield
    finally:
        sender.stop(_END_SECONDS)


@contextmanager
def _metrics_served(place: str | None) -> Iterator[None]:
    """Metrics are served meanwhile, where a place was given."""
    if place is None:
        yield
        return
    from prometheus_client import start_http_server

    host, _, port = place.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]") or "127.0.0.1")
    except (OSError, ValueError, OverflowError) as error:
        raise Refused(f"Metrics cannot be served on {place}: {error}.") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send_due() -> dict[str, int]:
    """Send what is due now; how many messages were sent, dropped and failed."""
    from oidc_server.messages.delivery import current_delivery

    total = {"sent": 0, "dropped": 0, "failed": 0}
    while any(did := current_delivery().deliver_due(_AT_ONCE)):
        for name, count in did._asdict().items():
            total[name] += count
    return total


def run_once() -> dict[str, Any]:
    """Do every task of the minute; a fault in one task is logged and does not keep the others from running."""
    from oidc_server.accounts.erasure import erase_due
    from oidc_server.authorizations.sweep import sweep
    from oidc_server.commands.keys import rotate_when_due
    from oidc_server.core import logs
    from oidc_server.core.database import current_database
    from oidc_server.messages.delivery import current_delivery

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
    try:
        current_delivery().drop_what_nobody_takes()
    except Exception:
        log.exception("worker_task_failed", task="stale_messages")
    erased = 0
    try:
        erased = erase_due(current_database())
    except Exception:
        log.exception("worker_task_failed", task="erasure")
    return {"removed": removed, "erased": erased}
