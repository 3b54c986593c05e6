"""One code sent fifty times at once, over real worker processes and connections."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from oidc_server.core.settings import Settings
from tests.app_login import App, make_app
from tests.protocol.authorizing import fresh_code
from tests.relying_party import Server, error
from tests.running import RunningServer, environment, serving

pytestmark = pytest.mark.slow

AT_ONCE = 50


def present(server: RunningServer, rp: App, code: str, barrier: Barrier) -> httpx.Response:
    """Open a connection, wait for all the others, then send the code."""
    with httpx.Client(base_url=server.url, headers={"Host": "login.example.com"}, timeout=60) as http:
        http.get("/health/live")
        barrier.wait(timeout=60)
        data = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri,
            "code_verifier": rp.verifier,
        }  # fmt: skip
        return http.post("/oauth/token", data=data, auth=(rp.client.client_id, rp.client.client_secret or ""))


def all_at_once(server: RunningServer, senders: list[App], code: str) -> list[httpx.Response]:
    """The answers to everybody who sends the code in one instant."""
    barrier = Barrier(len(senders))
    with ThreadPoolExecutor(len(senders)) as pool:
        return list(pool.map(lambda sender: present(server, sender, code, barrier), senders))


def test_of_fifty_at_once_one_succeeds_and_the_grant_is_dead_b01(
    server: Server, settings: Settings, database_kind: str, tmp_path: Path
) -> None:
    """B01 in parallel: the others are replays, and they end what the one has got; B22: none is in the server's log."""
    rp = make_app(server)
    env = environment(settings.database_url, settings.key_directory, secret_key=settings.secret_key)
    with serving(env, tmp_path / "log", workers=4 if database_kind == "postgresql" else 2) as running:
        code = fresh_code(rp, server.user(), scope="openid offline_access")
        answers = all_at_once(running, [rp] * AT_ONCE, code)
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[200] == 1, [answer.text for answer in answers]
        assert statuses[400] >= 1, statuses
        assert set(statuses) <= {200, 400, 503}
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
        (tokens,) = [answer.json() for answer in answers if answer.status_code == 200]
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert running.request("GET", "/oauth/userinfo", headers=bearer).status_code == 401
    log = running.log.read_text()
    assert "code_replayed" in log
    assert code not in log  # B22
    for name in ("access_token", "refresh_token"):
        assert server.introspect(rp.client, tokens[name]) == {"active": False}
    assert error(server.refresh(rp.client, tokens["refresh_token"])) == (400, "invalid_grant")
    grant = server.verify(tokens["access_token"])["authorization_id"]
    assert len(server.audit("authorization.revoked", grant)) == 1
    assert len(server.audit("code.replayed", grant)) == statuses[400]


def test_among_forty_nine_strangers_the_owner_gets_the_tokens_b03(
    server: Server, settings: Settings, database_kind: str, tmp_path: Path
) -> None:
    """B03 in parallel: whoever else has the code, and comes first, neither uses it nor burns it."""
    rp, stranger = make_app(server), make_app(server)
    env = environment(settings.database_url, settings.key_directory, secret_key=settings.secret_key)
    with serving(env, tmp_path / "log", workers=4 if database_kind == "postgresql" else 2) as running:
        code = fresh_code(rp, server.user())
        stranger.verifier = rp.verifier
        senders = [stranger] * (AT_ONCE - 1)
        senders.insert(AT_ONCE // 2, rp)
        answers = all_at_once(running, senders, code)
    mine = answers.pop(AT_ONCE // 2)
    assert mine.status_code == 200, mine.text
    assert {answer.status_code for answer in answers} <= {400, 503}
    assert server.introspect(rp.client, mine.json()["access_token"])["active"]
