"""The cookies of a browser, each named, made and ended here.

Over https their names begin with ``__Host-``, so no other host of the domain and no plain http can set them
(RFC 6265bis §4.1.3.2). All are for this host alone, unreadable for scripts, and not sent along with
what other sites post."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Request, Response, current_app

from oidc_server.core import crypto

EXTENSION = "oidc_server.cookies"
# Names a browser, and nobody: forms and running authorization requests are bound to it.
BROWSER = "browser"
# Addresses the login session.
SESSION = "session"
# Says that somebody has signed in here before.
DEVICE = "device"
# Goes on with a login that still owes a second factor.
PENDING = "pending"
# Says that the second factor was given in this browser, and need not be for a while.
TRUST = "trust"
# What the page before has to say on the next one.
NOTICE = "notice"
_SECRET_CHARACTERS = 43
_BROWSER_LIFETIME = timedelta(days=400)  # browsers keep none for longer (RFC 6265bis §5.5)


@dataclass(frozen=True)
class Cookies:
    """How cookies are named and sent, by the issuer's scheme."""

    secure: bool

    def name(self, kind: str) -> str:
        """The name under which a kind of cookie is sent."""
        return f"__Host-{kind}" if self.secure else kind

    def get(self, request: Request, kind: str) -> str | None:
        """A cookie of the request."""
        return request.cookies.get(self.name(kind))

    def set(self, response: Response, kind: str, value: str, lifetime: timedelta | None = None) -> None:
        """Have the browser keep a cookie, for ``lifetime`` or until it is closed."""
        response.set_cookie(
            self.name(kind), value, max_age=lifetime, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )

    def end(self, response: Response, kind: str) -> None:
        """Have the browser forget a cookie."""
        response.delete_cookie(self.name(kind), path="/", secure=self.secure, httponly=True, samesite="Lax")


def current_cookies() -> Cookies:
    """The cookies of the current application."""
    cookies: Cookies = current_app.extensions[EXTENSION]
    return cookies


def browser_secret(request: Request) -> str | None:
    """The secret that names this browser; None when it brought none that we could have made."""
    secret = current_cookies().get(request, BROWSER)
    return secret if secret is not None and len(secret) == _SECRET_CHARACTERS and secret.isascii() else None


def browser_secret_or_new(request: Request) -> tuple[str, bool]:
    """The secret that names this browser, and whether it is a new one that has to be set."""
    secret = browser_secret(request)
    return (secret, False) if secret is not None else (crypto.new_secret(), True)


def set_browser_secret(response: Response, secret: str) -> None:
    """Name the browser."""
    current_cookies().set(response, BROWSER, secret, _BROWSER_LIFETIME)


def session_secret(request: Request) -> str | None:
    """The secret that addresses the login session."""
    return current_cookies().get(request, SESSION)
