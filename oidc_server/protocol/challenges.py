"""What ``WWW-Authenticate`` tells a caller of the JSON API whose token is not enough (RFC 6750 §3, RFC 9470 §3)."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.api.codes import Code
from oidc_server.api.problems import Problem
from oidc_server.core.errors import Reason

_CHALLENGE = 'Bearer realm="oidc-server"'
_INSUFFICIENT = f'{_CHALLENGE}, error="insufficient_user_authentication"'


def unauthorized(reason: Reason, detail: str | None = None, *, error: bool = True) -> Problem:
    """No token, or none that is good. RFC 6750 §3.1: who brought no token is told no ``error`` code."""
    challenge = f'{_CHALLENGE}, error="invalid_token"' if error else _CHALLENGE
    return Problem(Code.UNAUTHORIZED, reason, detail, headers={"WWW-Authenticate": challenge})


def insufficient_scope(scope: str) -> Problem:
    """The token does not have the scope."""
    challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    return Problem(Code.INSUFFICIENT_SCOPE, Reason.SCOPE_MISSING, scope, headers={"WWW-Authenticate": challenge})


def not_lately(max_age: timedelta, acr: str | None) -> Problem:
    """The person signed in too long ago; ``acr`` is the level that they have to reach when they do so again."""
    return _insufficient(Reason.AUTHENTICATION_NOT_RECENT, "A more recent authentication is required", max_age, acr)


def too_weak(max_age: timedelta, acr: str) -> Problem:
    """The person signed in lately, and not at this level."""
    return _insufficient(Reason.AUTHENTICATION_TOO_WEAK, "A second factor is required", max_age, acr)


def _insufficient(reason: Reason, words: str, max_age: timedelta, acr: str | None) -> Problem:
    level = f', acr_values="{acr}"' if acr is not None else ""
    challenge = f'{_INSUFFICIENT}, error_description="{words}", max_age="{max_age.seconds}"{level}'
    return Problem(Code.INSUFFICIENT_USER_AUTHENTICATION, reason, headers={"WWW-Authenticate": challenge})
