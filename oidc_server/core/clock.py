"""The only source of time: aware UTC instants. Tests move this clock instead of sleeping."""

import time
from datetime import UTC, datetime, timedelta

_offset = 0.0


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.fromtimestamp(time.time() + _offset, UTC)


def timestamp() -> int:
    """The current instant in whole seconds since the epoch, as a JWT NumericDate (RFC 7519 §2)."""
    return int(time.time() + _offset)


def seconds() -> float:
    """The current instant in seconds since the epoch, with its fraction."""
    return time.time() + _offset


def monotonic() -> float:
    """Seconds on a clock that only runs forward, for measuring how long something lasted; it travels too."""
    return time.monotonic() + _offset


def travel(delta: timedelta) -> None:
    """Move this process's clock by ``delta``. For tests and rehearsals; nothing in the server calls it."""
    global _offset  # noqa: PLW0603 - the clock is the one piece of process-wide state that tests must move
    _offset += delta.total_seconds()


def reset() -> None:
    """Return to the machine's own time."""
    global _offset  # noqa: PLW0603 - see travel()
    _offset = 0.0
