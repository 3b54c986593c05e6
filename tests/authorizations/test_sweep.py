"""Sweeping: what has expired goes, in batches, and what may still be needed stays."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from sqlalchemy import func, select

from oidc_server.authorizations import sweep as sweep_module
from oidc_server.authorizations.models import Authorization, RefreshToken, RevokedAccessToken
from oidc_server.authorizations.sweep import KEPT_AFTER_END, sweep
from oidc_server.core import clock
from oidc_server.core.database import Base
from oidc_server.core.settings import Settings
from oidc_server.sessions.models import LoginSession
from tests.relying_party import Server, body_of, error


def count(server: Server, model: type[Base]) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_living_authorization_and_its_used_tokens_stay(server: Server) -> None:
    client = server.first_party()
    tokens = server.sign_in(client, server.user())
    body_of(server.refresh(client, tokens["refresh_token"]))
    clock.travel(timedelta(days=1))
    sweep(server.database)
    assert count(server, RefreshToken) == 2
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")  # and still tells a thief
    assert len(server.audit("authorization.revoked", authorization_id(server))) == 1


def authorization_id(server: Server) -> str:
    with server.database.reading() as session:
        return str(session.scalar(select(Authorization.id)))


def test_what_has_ended_goes(server: Server, settings: Settings) -> None:
    client = server.first_party()
    tokens = server.sign_in(client, server.user())
    server.revoke(client, tokens["access_token"])
    clock.travel(timedelta(seconds=settings.refresh_token_absolute_lifetime) + KEPT_AFTER_END)
    removed = sweep(server.database)
    assert removed["authorizations"] == removed["sessions"] == removed["revoked_access_tokens"] == 1
    assert [count(server, model) for model in (Authorization, RefreshToken, RevokedAccessToken, LoginSession)] == [
        0
    ] * 4


def test_a_sweep_works_in_batches_and_stops_at_its_bound(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.database.transaction() as session:
        session.add_all(RevokedAccessToken(jti=f"jti-{index}", expires_at=clock.now()) for index in range(25))
    clock.travel(timedelta(seconds=1))
    monkeypatch.setattr(sweep_module, "BATCH", 10)
    assert sweep(server.database, batches=2)["revoked_access_tokens"] == 20
    assert sweep(server.database, batches=2)["revoked_access_tokens"] == 5


def test_expiry_holds_although_nothing_sweeps_x47(server: Server, settings: Settings) -> None:
    client = server.first_party()
    tokens = server.sign_in(client, server.user())
    with patch.object(sweep_module, "sweep") as never:
        clock.travel(timedelta(seconds=settings.refresh_token_idle_lifetime))
        assert error(server.refresh(client, tokens["refresh_token"])) == (400, "invalid_grant")
        assert server.introspect(client, tokens["access_token"]) == {"active": False}
    never.assert_not_called()
