"""The worker: sends, sweeps, rotates keys on schedule, goes on when one of its tasks fails, and ends when told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from oidc_server.authorizations.models import RevokedAccessToken
from oidc_server.commands.worker import run_once
from oidc_server.core import clock
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.messages.kinds import Kind
from oidc_server.messages.service import enqueue
from tests.commands.command_line import CommandLine
from tests.examples.development import answers, until
from tests.mailbox import Mailbox
from tests.relying_party import Server
from tests.running import NO_TLS, free_port


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
        patch("oidc_server.messages.delivery.Delivery.drop_what_nobody_takes", side_effect=RuntimeError("drop")),
        patch("oidc_server.accounts.erasure.erase_due", side_effect=RuntimeError("erase")),
    ):
        assert run_once() == {"removed": {}, "erased": 0}
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["task"] for line in logged if line["event"] == "worker_task_failed"] == [
        "sweep", "key_rotation", "stale_messages", "erasure"
    ]  # fmt: skip


def test_once_it_sends_what_is_due_and_says_how_many(server: Server, cli: CommandLine) -> None:
    with server.database.transaction() as session:
        for number in range(60):  # more than it takes at once
            enqueue(session, kind=Kind.ACCOUNT_ERASED, recipient=f"person-{number}@example.com")
    with Mailbox() as mailbox:
        sending = cli.with_variables(OIDC_SMTP_URL=mailbox.url)
        assert sending.json("worker", "--once")["messages"] == {"sent": 60, "dropped": 0, "failed": 0}
        assert "Messages: 0 sent, 0 dropped, 0 failed." in sending.run("worker", "--once").stdout
        assert len({letter.recipient for letter in mailbox.letters}) == 60


def test_it_serves_its_metrics_and_ends_promptly_when_told_to(tmp_path: Path) -> None:
    place = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "oidc_server.commands", "worker", "--data", str(tmp_path), "--metrics", place]
    with subprocess.Popen(command) as process:
        until(lambda: answers(f"http://{place}/metrics"))
        assert "oidc_messages_sent" in httpx.get(f"http://{place}/metrics", verify=NO_TLS).text
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - start < 3


def test_a_place_for_metrics_that_cannot_be_had_is_told(here: CommandLine) -> None:
    for place in ("127.0.0.1", "127.0.0.1:99999", "192.0.2.1:9100"):
        assert "Metrics cannot be served" in here.refusal("worker", "--metrics", place)
