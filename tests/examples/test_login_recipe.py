"""The app that `docs/login.md` shows, as it stands there, beside a real server: a person logs in and out. And that of
`examples/step_up`, with its resource server: they are asked for a second factor when they pay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pyotp
import pytest

from tests.documentation.prose import page
from tests.examples.browser import Browser
from tests.examples.development import DevelopmentServer, answers, developing, until
from tests.examples.recipes import RECIPES
from tests.relying_party import PASSWORD
from tests.running import free_port

STEP_UP = RECIPES.parent / "step_up"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    with developing(tmp_path_factory.mktemp("dev"), "--json", "--no-demo-app") as running:
        yield running


def register(dev: DevelopmentServer, here: str, scope: str = "openid profile email") -> dict[str, str]:
    """Register the app as the page says, at its own address."""
    options = ["--type", "confidential", "--scope", scope, "--redirect-uri", f"{here}/callback",
               "--post-logout-redirect-uri", f"{here}/", "--data", str(dev.data), "--json"]  # fmt: skip
    command = [sys.executable, "-m", "oidc_server.commands", "clients", "create", "--name", "My app", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    return {"CLIENT_ID": facts["client_id"], "CLIENT_SECRET": facts["client_secret"]}


@contextmanager
def app_of_the_page(folder: Path, dev: DevelopmentServer) -> Iterator[str]:
    """Run it until the block ends; its address."""
    (source,) = page("login.md").blocks("python")
    (folder / "app.py").write_text(source)
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    with running(folder, "app", port, "/", ISSUER=dev.issuer, HERE=here, **register(dev, here)):
        yield here


@contextmanager
def running(folder: Path, app: str, port: int, good: str, **variables: str) -> Iterator[None]:
    """Run a Flask app until the block ends; ``good`` is what it answers well."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", app, "run", "--port", str(port)],
        cwd=folder,
        env=os.environ | {"no_proxy": "127.0.0.1"} | variables,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}{good}") or process.poll() is not None)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_person_logs_in_to_the_app_of_the_page_and_out_again(dev: DevelopmentServer, tmp_path: Path) -> None:
    with app_of_the_page(tmp_path, dev) as here, Browser() as browser:
        browser.open(f"{here}/login")
        browser.press("continue", login=dev.facts["user"]["email"], password=dev.facts["user"]["password"])
        browser.press("allow")
        assert str(browser.page.url) == f"{here}/", browser.page.text
        assert browser.text("who") == "Demo Example Person"
        browser.press("log-out")
        assert str(browser.page.url) == f"{here}/"
        assert "who" not in browser.document.texts
        browser.open(f"{here}/login")
        assert str(browser.page.url).startswith(f"{dev.issuer}/sign-in"), "the session at the server went on"


@contextmanager
def shop(dev: DevelopmentServer) -> Iterator[str]:
    """Run the app of `examples/step_up` and its resource server; the address of the app."""
    port, api_port = free_port(), free_port()
    here, api = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{api_port}"
    trusted = {"ISSUER": dev.issuer, "AUDIENCE": dev.issuer, "PYTHONPATH": str(RECIPES / "python")}
    client = register(dev, here, "openid orders:read")
    with (
        running(STEP_UP, "resource_server", api_port, "/health", **trusted),
        running(STEP_UP, "app", port, "/", ISSUER=dev.issuer, HERE=here, API=api, **client),
    ):
        yield here


def add_person(dev: DevelopmentServer, email: str) -> None:
    """Make an account of its own: what this person sets up, others would be asked for."""
    command = [sys.executable, "-m", "oidc_server.commands", "users", "create", "--email", email, "--verified",
               "--password-stdin", "--data", str(dev.data)]  # fmt: skip
    subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=True)


def test_a_person_is_asked_for_a_second_factor_when_they_pay(dev: DevelopmentServer) -> None:
    add_person(dev, "grace@example.com")
    with shop(dev) as here, Browser() as browser:
        browser.open(f"{here}/login")
        browser.press("continue", login="grace@example.com", password=PASSWORD)
        browser.press("allow")
        browser.press("pay")  # the API wants more, and the person has no second factor yet
        browser.press("enrol-totp")
        browser.press("confirm", code=pyotp.TOTP(browser.text("secret").replace(" ", "")).now())
        browser.open(urljoin(str(browser.page.url), browser.document.links["go-on"]))
        assert "Press once more" in browser.text("said")
        browser.press("pay")
        assert browser.text("said") == "Paid"
