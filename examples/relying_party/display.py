"""Tokens made readable for the page. Nothing here verifies anything: Authlib has done so with the ID token."""

import json
import time
from base64 import urlsafe_b64decode
from typing import Any


def readable(token: str, expires_at: float | None = None) -> dict[str, Any]:
    """A token with its header and payload, when it is a JWT (RFC 7519 §3), and when it expires, if that is known."""
    parts: list[Any] = [None, None]
    try:
        header, payload, _signature = token.split(".")
        parts = [json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, payload)]
        expires_at = parts[1].get("exp", expires_at)
    except ValueError:
        pass  # it is opaque, as an access token may be
    return {"raw": token, "header": parts[0], "payload": parts[1], "expires": when(expires_at)}


def pretty(document: Any) -> str:
    """JSON for people to read."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def when(instant: float | None) -> str:
    """An instant (seconds since 1970) in words, and how far away it is."""
    if instant is None:
        return "at a time that the server does not tell"
    seconds = round(instant - time.time())
    away = f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} ago"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(instant))} UTC, {away}"


def _span(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 120 else (seconds // 60, "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
