"""Instants and spans of time on the command line: read from options (ISO 8601, or ``1d``), told in words, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_SPAN = re.compile(r"(\d{1,6})([smhdw]?)", re.ASCII)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1),
          "w": timedelta(weeks=1), "": timedelta(seconds=1)}  # fmt: skip
_NAMES = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_LONGEST = timedelta(days=3650)


class Span(click.ParamType[timedelta]):
    """A length of time: a whole number and s, m, h, d or w; a number alone is seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        match = _SPAN.fullmatch(value)
        span = int(match[1]) * _UNITS[match[2]] if match else None
        if span is None or span > _LONGEST:
            self.fail("it is a whole number and s, m, h, d or w, such as 12h; ten years at most", param, ctx)
        return span


class Instant(click.ParamType[datetime]):
    """An instant in ISO 8601; without an offset it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            instant = datetime.fromisoformat(value)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("it is an instant in ISO 8601, such as 2030-01-31T18:00Z", param, ctx)


def iso(instant: datetime) -> str:
    """For JSON: RFC 3339 in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc(instant: datetime) -> str:
    """For people: to the second, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span_in_words(span: timedelta) -> str:
    """The largest unit that fits, rounded down: ``3 minutes``."""
    seconds = max(0, int(span.total_seconds()))
    name, size = next(((name, size) for name, size in _NAMES if seconds >= size), _NAMES[-1])
    count = seconds // size
    return f"{count} {name}{'s' * (count != 1)}"


def relative(instant: datetime, now: datetime) -> str:
    """``3 minutes ago, at ...`` or ``in 3 minutes, at ...``."""
    if instant > now:
        return f"in {span_in_words(instant - now)}, at {utc(instant)}"
    return f"{span_in_words(now - instant)} ago, at {utc(instant)}"
