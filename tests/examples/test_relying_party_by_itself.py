"""The demo relying party run as its README says: by itself, for a client that was registered on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.browser import Browser
from tests.examples.development import DevelopmentServer, answers, developing, until
from tests.running import NO_TLS, free_port

FOLDER = Path(__file__).parents[2] / "examples" / "relying_party"


def environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RP_")} | variables


@contextmanager
def relying_party(**variables: str) -> Iterator[str]:
    """Run it with these variables; its address."""
    process = subprocess.Popen([sys.executable, "relying_party.py"], cwd=FOLDER, env=environment(**variables))
    url = f"http://127.0.0.1:{variables['RP_PORT']}"
    try:
        until(lambda: answers(url) or process.poll() is not None)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    with developing(tmp_path_factory.mktemp("dev"), "--json", "--no-demo-app") as running:
        yield running


def registered(dev: DevelopmentServer, client_type: str, url: str) -> dict[str, Any]:
    """A client, registered by the command of the README."""
    command = [
        sys.executable, "-m", "oidc_server.commands", "clients", "create", "--name", "Demo app", "--type", client_type,
        "--redirect-uri", f"{url}/callback", "--post-logout-redirect-uri", f"{url}/signed-out",
        "--scope", "openid profile email offline_access", "--data", str(dev.data), "--json",
    ]  # fmt: skip
    client: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return client


@pytest.mark.parametrize("client_type", ["confidential", "public"])
def test_it_signs_in_refreshes_and_signs_out_as_a_registered_client(dev: DevelopmentServer, client_type: str) -> None:
    port = str(free_port())
    client = registered(dev, client_type, f"http://127.0.0.1:{port}")
    variables = {"RP_ISSUER": dev.issuer, "RP_CLIENT_ID": client["client_id"], "RP_PORT": port}
    if client_type == "confidential":
        variables["RP_CLIENT_SECRET"] = client["client_secret"]
    with relying_party(**variables) as url, Browser() as browser:
        user = dev.facts["user"]
        browser.open(url)
        browser.press("sign-in")
        browser.press("continue", login=user["email"], password=user["password"])
        browser.press("allow")
        assert json.loads(browser.text("access-token-payload"))["client_id"] == client["client_id"]
        browser.press("refresh")
        assert browser.text("obtained").endswith("refreshed 1 time.")
        browser.press("logout")
        assert "You are signed out" in browser.page.text


def test_a_wrong_secret_is_told_in_words(dev: DevelopmentServer) -> None:
    port = str(free_port())
    client = registered(dev, "confidential", f"http://127.0.0.1:{port}")
    variables = {"RP_ISSUER": dev.issuer, "RP_CLIENT_ID": client["client_id"], "RP_CLIENT_SECRET": "wrong"}
    with relying_party(RP_PORT=port, **variables) as url, Browser() as browser:
        user = dev.facts["user"]
        browser.open(f"{url}/login")
        browser.press("continue", login=user["email"], password=user["password"])
        browser.press("allow")
        assert browser.page.status_code == 400
        assert browser.text("error") == "invalid_client"
        assert "not with this secret" in browser.page.text


def test_an_issuer_that_is_not_the_server_s_name_is_refused(dev: DevelopmentServer) -> None:
    with relying_party(RP_ISSUER=f"{dev.issuer}/", RP_CLIENT_ID="any", RP_PORT=str(free_port())) as url:
        response = httpx.get(f"{url}/login", verify=NO_TLS)
    assert response.status_code == 400
    assert "wrong_issuer" in response.text


def test_a_server_that_does_not_answer_is_told_in_words() -> None:
    issuer = f"http://127.0.0.1:{free_port()}"
    with relying_party(RP_ISSUER=issuer, RP_CLIENT_ID="any", RP_PORT=str(free_port())) as url:
        response = httpx.get(f"{url}/login", verify=NO_TLS)
    assert response.status_code == 502
    assert f"{issuer} did not answer." in response.text


def test_it_says_what_is_not_set() -> None:
    command = [sys.executable, "relying_party.py"]
    ended = subprocess.run(command, cwd=FOLDER, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "Not set: RP_CLIENT_ID RP_ISSUER. README.md tells what to set.\n"
