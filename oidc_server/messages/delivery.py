"""Sends what waits in the table ``messages``, at least once each, in spite of anything that stops in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from flask import current_app

from oidc_server.core import clock, logs, metrics
from oidc_server.core.database import Database
from oidc_server.messages.kinds import Kind
from oidc_server.messages.patience import GIVEN_UP_AFTER, Pauses, wait_after
from oidc_server.messages.queue import Claimed, Composer, claim_one, drop_stale, mark_sent, settle
from oidc_server.messages.state import AWAY
from oidc_server.messages.transports import Away, NotTaken, Outgoing, Refused, Send, Transport

__all__ = ["Composer", "Delivered", "Delivery", "current_delivery"]

EXTENSION = "oidc_server.messages"
_NO_CHANNEL = "its channel is not configured"

log = logs.get_logger()


class Delivered(NamedTuple):
    """What became of the messages that were due; those that ``failed`` wait for their next attempt."""

    sent: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass
class Delivery:
    """Composes and sends. ``transports`` take messages, by channel; ``composers`` make them, by kind."""

    database: Database
    transports: Mapping[str, Transport]
    composers: Mapping[Kind, Composer]

    def __post_init__(self) -> None:
        self._pauses = Pauses()

    def deliver_due(self, limit: int = 50, *, is_over: Callable[[], bool] = lambda: False) -> Delivered:
        """Send up to ``limit`` messages that are due, the longest due first, in the application's context; none more
        once ``is_over``. Several processes may do this at once."""
        counts: Counter[str] = Counter()
        with ExitStack() as connections:
            sends: dict[str, Send] = {}
            for _ in range(limit):
                channels = [one for one in self.transports if self._pauses.is_over(one, clock.now())]
                idle = is_over() or not channels
                claimed = None if idle else claim_one(self.database, channels, self.composers)
                if claimed is None:
                    break
                if claimed.channel not in sends:
                    transport = self.transports[claimed.channel]
                    sends[claimed.channel] = connections.enter_context(transport.connection())
                counts[self._deliver(claimed, sends[claimed.channel])] += 1
        return Delivered(**counts)

    def drop_what_nobody_takes(self) -> int:
        """Give up what has waited for three days for a channel that is not configured; how many."""
        kinds = drop_stale(self.database, self.transports.keys(), clock.now() - GIVEN_UP_AFTER, _NO_CHANNEL)
        for kind in kinds:
            metrics.MESSAGES_DROPPED.labels(kind, "given_up").inc()
        if kinds:
            log.error("message_given_up", kinds=sorted(set(kinds)), count=len(kinds))
        return len(kinds)

    def _deliver(self, claimed: Claimed, send: Send) -> str:
        """Hand over what was claimed; the member of :class:`Delivered` under which it counts."""
        if claimed.fault is not None:
            return self._put_off(claimed, claimed.fault)
        if claimed.content is None:
            return self._drop(claimed, "there was nothing to tell any more", "overtaken")
        try:
            send(Outgoing(claimed.id, claimed.content))
        except Away as error:
            return self._wait_for_channel(claimed, str(error))
        except Refused as error:
            return self._drop(claimed, str(error), "refused")
        except NotTaken as error:
            return self._put_off(claimed, str(error))
        except Exception as error:  # a message that cannot be written must not hold up the others
            log.exception("message_not_sent", kind=claimed.kind, message_id=str(claimed.id))
            return self._put_off(claimed, type(error).__name__)
        mark_sent(self.database, claimed)
        metrics.MESSAGES_SENT.labels(claimed.kind).inc()
        if self._pauses.end(claimed.channel):
            log.info("message_channel_back", channel=claimed.channel)
        return "sent"

    def _put_off(self, claimed: Claimed, error: str) -> str:
        """This message was not taken: it waits longer after each attempt."""
        metrics.MESSAGE_FAILURES.labels(claimed.kind).inc()
        if _is_too_old(claimed):
            return self._drop(claimed, error, "given_up")
        attempts = claimed.attempts + 1
        next_attempt_at = clock.now() + wait_after(attempts)
        settle(self.database, claimed, next_attempt_at=next_attempt_at, attempts=attempts, last_error=error)
        return "failed"

    def _wait_for_channel(self, claimed: Claimed, error: str) -> str:
        """None can be sent this way now. It is not this message's fault, which waits for as long as all the others."""
        metrics.MESSAGE_FAILURES.labels(claimed.kind).inc()
        until, is_news = self._pauses.begin(claimed.channel, clock.now())
        if is_news:
            log.error("message_channel_away", channel=claimed.channel, problem=error)
        if _is_too_old(claimed):
            return self._drop(claimed, error, "given_up")
        settle(self.database, claimed, next_attempt_at=until, last_error=AWAY + error)
        return "failed"

    def _drop(self, claimed: Claimed, error: str, cause: str) -> str:
        now, attempts = clock.now(), claimed.attempts + 1
        settle(self.database, claimed, next_attempt_at=None, dropped_at=now, attempts=attempts, last_error=error)
        metrics.MESSAGES_DROPPED.labels(claimed.kind, cause).inc()
        if cause == "given_up":
            # Its row has the error; a mail server's answer can name the person, and stays out of the log.
            log.error("message_given_up", kinds=[claimed.kind], count=1, message_id=str(claimed.id))
        return "dropped"


def _is_too_old(claimed: Claimed) -> bool:
    return clock.now() - claimed.created_at >= GIVEN_UP_AFTER


def current_delivery() -> Delivery:
    """The delivery of the current application."""
    delivery: Delivery = current_app.extensions[EXTENSION]
    return delivery
