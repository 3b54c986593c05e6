"""One refresh token sent fifty times at once, over real worker processes and connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest
from sqlalchemy import create_engine, text

from oidc_server.core.database import engine_url
from oidc_server.core.settings import Settings
from tests.relying_party import Server
from tests.running import RunningServer, environment, serving

pytestmark = pytest.mark.slow

AT_ONCE = 50


def present(server: RunningServer, auth: tuple[str, str], refresh_token: str, barrier: Barrier) -> httpx.Response:
    """Open a connection, wait for all the others, then send the token."""
    with httpx.Client(base_url=server.url, headers={"Host": "login.example.com"}, timeout=60) as http:
        http.get("/health/live")
        barrier.wait(timeout=60)
        data = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return http.post("/oauth/token", data=data, auth=auth)


def test_fifty_at_once_get_one_successor_c02(
    server: Server, settings: Settings, database_kind: str, tmp_path: Path
) -> None:
    client = server.first_party()
    token = server.sign_in(client, server.user())["refresh_token"]
    env = environment(settings.database_url, settings.key_directory, secret_key=settings.secret_key)
    workers = 4 if database_kind == "postgresql" else 2
    with serving(env, tmp_path / "log", workers=workers) as running, ThreadPoolExecutor(AT_ONCE) as pool:
        auth, barrier = (client.client_id, client.client_secret or ""), Barrier(AT_ONCE)
        answers = list(pool.map(lambda _: present(running, auth, token, barrier), range(AT_ONCE)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 503}, [answer.text for answer in answers]
    successors = {answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}
    assert len(successors) == 1
    with create_engine(engine_url(settings.database_url)).connect() as connection:
        chain = connection.execute(text("SELECT generation, used_at IS NULL FROM refresh_tokens ORDER BY generation"))
        assert [tuple(map(int, row)) for row in chain] == [(0, 0), (1, 1)]
