"""The worker: sweeps, rotates keys on schedule, and goes on when one of its tasks fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from oidc_server.authorizations.models import RevokedAccessToken
from oidc_server.commands.worker import run_once
from oidc_server.core import clock
from oidc_server.keys.ring import EXTENSION as KEY_RING
from tests.relying_party import Server


def test_it_removes_what_has_expired(server: Server) -> None:
    with server.database.transaction() as session:
        session.add(RevokedAccessToken(jti="old", expires_at=clock.now() - timedelta(seconds=1)))
    with server.app.app_context():
        assert run_once()["removed"]["revoked_access_tokens"] == 1


def test_it_announces_a_successor_when_the_key_is_old_and_only_one(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server(key_directory=tmp_path / "keys")
    ring = server.app.extensions[KEY_RING]
    before = {key["kid"] for key in server.jwks()["keys"]}
    clock.travel(timedelta(days=91))
    with server.app.app_context():
        run_once()
        run_once()
    clock.travel(timedelta(seconds=2))
    added = {key["kid"] for key in server.jwks()["keys"]} - before
    assert len(added) == 1
    assert ring.verification_key(added.pop()) is not None


def test_a_task_that_fails_is_logged_and_does_not_keep_the_other_from_running(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        server.app.app_context(),
        patch("oidc_server.authorizations.sweep.sweep", side_effect=RuntimeError("sweep")),
        patch("oidc_server.commands.keys.rotate_when_due", side_effect=RuntimeError("rotate")),
    ):
        assert run_once() == {"removed": {}}
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["task"] for line in logged if line["event"] == "worker_task_failed"] == ["sweep", "key_rotation"]
