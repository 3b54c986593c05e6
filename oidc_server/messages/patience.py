"""How long messages wait for their next attempt, and for how long nothing is tried at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
LONGEST_PAUSE = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(days=3)


def wait_after(attempts: int) -> timedelta:
    """How long a message waits that was not taken ``attempts`` times: twice as long each time, an hour at most."""
    doublings = min(attempts - 1, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


@dataclass
class _Pause:
    failures: int = 0
    until: datetime = field(default=datetime.min.replace(tzinfo=UTC))


class Pauses:
    """While a mail server is away it is asked now and then, and not once for each message that waits: up to a minute
    lies in between, so that soon after its return everything is sent. Known to this process only."""

    def __init__(self) -> None:
        self._pauses: dict[str, _Pause] = {}

    def begin(self, channel: str, now: datetime) -> tuple[datetime, bool]:
        """Its end, after one more failure, and whether that was the first one."""
        pause = self._pauses.setdefault(channel, _Pause())
        pause.failures += 1
        pause.until = now + min(wait_after(pause.failures), LONGEST_PAUSE)
        return pause.until, pause.failures == 1

    def end(self, channel: str) -> bool:
        """Something was sent; whether there was a pause."""
        return self._pauses.pop(channel, None) is not None

    def is_over(self, channel: str, now: datetime) -> bool:
        """Whether this channel may be tried."""
        return channel not in self._pauses or self._pauses[channel].until <= now
