"""The app that `docs/login.md` shows, as it stands there, beside a real server: a person logs in and out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.documentation.prose import page
from tests.examples.browser import Browser
from tests.examples.development import DevelopmentServer, answers, developing, until
from tests.running import free_port


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    with developing(tmp_path_factory.mktemp("dev"), "--json", "--no-demo-app") as running:
        yield running


def register(dev: DevelopmentServer, here: str) -> dict[str, str]:
    """Register the app as the page says, at its own address."""
    options = ["--type", "confidential", "--scope", "openid profile email", "--redirect-uri", f"{here}/callback",
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
    env = os.environ | register(dev, here) | {"ISSUER": dev.issuer, "HERE": here, "no_proxy": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(port)],
        cwd=folder,
        env=env,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(here) or process.poll() is not None)
        yield here
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
