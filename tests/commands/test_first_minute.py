"""The first minute: the development server prints a curl, the curl prints a token, and an independent library verifies
it through the published keys. The same for the production server, under gunicorn and under Granian."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from oidc_server.core.settings import Settings
from tests.examples.development import developing, until
from tests.relying_party import Server
from tests.running import NO_TLS, environment, serving


def verify(token: str, issuer: str, url: str) -> dict[str, Any]:
    """What a resource server does, with PyJWT alone: it knows the issuer, and finds the keys by discovery."""
    headers = {"Host": issuer.partition("://")[2]}
    metadata = httpx.get(f"{url}/.well-known/openid-configuration", headers=headers, verify=NO_TLS).json()
    assert metadata["issuer"] == issuer
    keys = jwt.PyJWKClient(metadata["jwks_uri"].replace(issuer, url), headers=headers)
    key = keys.get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, audience=issuer)
    return claims


@pytest.fixture(scope="module")
def dev_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A development server on a fresh folder: its issuer and what it printed."""
    with developing(tmp_path_factory.mktemp("dev")) as server:
        yield server.issuer, server.printed


def test_the_printed_curl_gives_a_token_that_verifies(dev_server: tuple[str, str]) -> None:
    issuer, printed = dev_server
    curl = re.search(r"curl -s .*?/oauth/token", printed, re.DOTALL)
    assert curl is not None, printed
    answer = subprocess.run(["sh", "-c", curl[0]], capture_output=True, text=True, check=True)
    token = json.loads(answer.stdout)["access_token"]
    assert verify(token, issuer, issuer)["sub"] == "demo-service"


def test_the_printed_user_signs_in(dev_server: tuple[str, str]) -> None:
    issuer, printed = dev_server
    web = re.search(r"(demo-web)\s+secret (\S+)", printed)
    user = re.search(r"user +(\S+) +password (\S+)", printed)
    assert web is not None
    assert user is not None
    form = {"grant_type": "password", "username": user[1], "password": user[2], "scope": "openid"}
    answer = httpx.post(f"{issuer}/oauth/token", data=form, auth=(web[1], web[2]), verify=NO_TLS)
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}


def test_the_mail_that_was_not_sent_is_shown_where_was_printed_and_its_link_works(dev_server: tuple[str, str]) -> None:
    issuer, printed = dev_server
    outbox = re.search(r"http\S+/dev/outbox", printed)
    user = re.search(r"user +(\S+) +password (\S+)", printed)
    assert outbox is not None
    assert user is not None
    asked = httpx.post(f"{issuer}/auth/forgot-password", json={"email": user[1]}, verify=NO_TLS)
    assert asked.status_code == 202
    until(lambda: "token=" in httpx.get(outbox[0], verify=NO_TLS).text)
    link = re.search(rf'href="({issuer}/\S+?token=(\S+?))"', httpx.get(outbox[0], verify=NO_TLS).text)
    assert link is not None
    new = {"token": link[2], "password": user[2]}
    assert httpx.post(f"{issuer}/auth/reset-password", json=new, verify=NO_TLS).is_success


def test_the_development_server_listens_on_loopback_only() -> None:
    command = [sys.executable, "-m", "oidc_server.commands", "dev", "--host", "0.0.0.0"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "loopback only" in refused.stderr


@pytest.mark.parametrize("kind", ["gunicorn", "granian"])
def test_the_production_server_gives_a_token_that_verifies(
    kind: str, server: Server, settings: Settings, tmp_path: Path
) -> None:
    client = server.client()
    env = environment(settings.database_url, settings.key_directory)
    with serving(env, tmp_path / "log", "--server", kind, workers=1) as running:
        form = {"grant_type": "client_credentials"}
        auth = (client.client_id, client.client_secret or "")
        answer = running.request("POST", "/oauth/token", data=form, auth=auth)
        assert verify(answer.json()["access_token"], settings.issuer, running.url)["sub"] == client.client_id
