"""What of a person's sessions and grants can still do something, as conditions of a query: who looks at their devices
and apps has to see everything that can act for them, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select

from oidc_server.authorizations.models import Authorization, RefreshToken
from oidc_server.authorizations.service import is_alive
from oidc_server.core import clock
from oidc_server.sessions.browser import SessionPolicy
from oidc_server.sessions.epochs import ended_by_epoch
from oidc_server.sessions.models import LoginSession
from oidc_server.users.models import User


def last_use() -> ColumnElement[datetime]:
    """When an authorization was used last: when it was granted, or when its latest refresh token was made.

    So a refresh counts as use and has nothing to write for that, and an app that refreshes while nobody is there does
    not keep a browser signed in."""
    latest = (
        select(RefreshToken.created_at)
        .where(RefreshToken.authorization_id == Authorization.id)
        .order_by(RefreshToken.generation.desc())
        .limit(1)
        .correlate(Authorization)
        .scalar_subquery()
    )
    return func.coalesce(latest, Authorization.created_at)


def is_running(policy: SessionPolicy, access_token_lifetime: timedelta) -> ColumnElement[bool]:
    """Of a session, in a query that joins its user: it has not ended, and its browser or an app can go on with it."""
    return and_(
        LoginSession.ended_at.is_(None),
        LoginSession.expires_at > clock.now(),
        ~ended_by_epoch(LoginSession.created_at),
        or_(_its_browser_can(policy), _an_app_can(access_token_lifetime)),
    )


def _its_browser_can(policy: SessionPolicy) -> ColumnElement[bool]:
    """The same that ``sessions.browser.resume`` asks."""
    return and_(
        LoginSession.secret_digest.is_not(None),
        or_(LoginSession.remembered, LoginSession.last_seen_at > clock.now() - policy.idle_lifetime),
        or_(User.password_changed_at.is_(None), LoginSession.auth_time >= User.password_changed_at),
    )


def _an_app_can(access_token_lifetime: timedelta) -> ColumnElement[bool]:
    """An app was granted something in the session, and holds a token for it."""
    now = clock.now()
    refreshable = (
        select(RefreshToken.id)
        .where(RefreshToken.authorization_id == Authorization.id, RefreshToken.expires_at > now)
        .correlate(Authorization)
        .exists()
    )
    has_token = or_(Authorization.created_at > now - access_token_lifetime, refreshable)
    return (
        select(Authorization.id)
        .where(Authorization.session_id == LoginSession.id, is_alive(), has_token)
        .correlate(LoginSession)
        .exists()
    )
