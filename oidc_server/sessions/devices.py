"""A browser in which somebody has signed in before says so by a signed cookie.

Its attempts are counted apart from those of strangers: whoever tries passwords from elsewhere, or from the same
address, cannot keep the person out of their own browser (OWASP Authentication Cheat Sheet, device cookies)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from oidc_server.core import clock, crypto
from oidc_server.users.models import User

LIFETIME = timedelta(days=180)
_PARTS = 4
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def make(key: bytes, user: User) -> str:
    """The cookie of a browser in which the user has just signed in. It is good until the password changes."""
    device, issued = crypto.new_secret()[:16], str(clock.timestamp())
    return f"{user.id}.{device}.{issued}.{_mac(key, user, device, issued)}"


def known_device(keys: Sequence[bytes], cookie: str | None, user: User) -> str | None:
    """The name of the device, when this user has signed in with it under the present password; otherwise None."""
    parts = cookie.split(".") if cookie is not None and cookie.isascii() else []
    if len(parts) != _PARTS or parts[0] != str(user.id) or not _TIMESTAMP.fullmatch(parts[2]):
        return None
    _, device, issued, mac = parts
    if int(issued) + LIFETIME.total_seconds() <= clock.timestamp():
        return None
    is_ours = any(crypto.same(mac.encode(), _mac(key, user, device, issued).encode()) for key in keys)
    return device if is_ours else None


def _mac(key: bytes, user: User, device: str, issued: str) -> str:
    changed_at = user.password_changed_at
    password = "none" if changed_at is None else f"{changed_at.timestamp():.6f}"
    return crypto.urlsafe(crypto.keyed_digest(key, f"{user.id}\n{device}\n{issued}\n{password}"))
