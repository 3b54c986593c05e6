"""Request objects (OpenID Connect Core §6.1) are not supported: one is read only for where to say so.

A client need not send ``response_mode`` and ``state`` beside it. Whoever sends a request chooses both, so that no
signature matters here."""

from __future__ import annotations

import orjson

from oidc_server.core import crypto

_READ = ("response_mode", "state")


def response_parameters(request_object: str | None) -> dict[str, str]:
    """``response_mode`` and ``state`` inside of a request object, if they are what could have been sent beside it."""
    if request_object is None:
        return {}
    try:
        claims = orjson.loads(crypto.from_urlsafe(request_object.split(".")[1]))
    except (ValueError, IndexError):
        return {}
    if not isinstance(claims, dict):
        return {}
    return {name: claims[name] for name in _READ if _could_be_sent(claims.get(name))}


def _could_be_sent(value: object) -> bool:
    """RFC 6749 Appendix A: VSCHAR."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)
