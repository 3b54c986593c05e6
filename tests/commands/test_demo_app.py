"""The demo app of ``oidc-server dev``: where it runs, when it is left out, and that it ends with the server."""

from __future__ import annotations

import importlib.util
import re
import signal
import socket
from pathlib import Path

import pytest

from oidc_server.commands import demo_app
from oidc_server.commands.demo_app import Place, find_place
from tests.examples.browser import Browser
from tests.examples.development import answers, developing, until
from tests.running import free_port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of these tests have their data, one after the other: only the first has to make them."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_demo_app_ends_with_the_server_however_that_ends(home: Path, how: signal.Signals) -> None:
    with developing(home, "--json", "--demo-app-port", str(free_port())) as dev:
        until(lambda: answers(dev.demo_app))
        dev.process.send_signal(how)
        dev.process.wait(timeout=30)
        until(lambda: not answers(dev.demo_app))


def test_it_says_where_to_click_and_its_client_fits_another_port(home: Path) -> None:
    for port in (free_port(), free_port()):
        with developing(home, "--demo-app-port", str(port)) as dev, Browser() as browser:
            told = re.search(r"Click through a login: (\S+)\n +as (\S+), password (\S+)\n", dev.printed)
            assert told is not None, dev.printed
            assert told[1] == f"http://127.0.0.1:{port}"
            browser.open(told[1])
            browser.press("sign-in")
            browser.press("continue", login=told[2], password=told[3])
            if "allow" in browser.page.text:
                browser.press("allow")
            assert str(browser.page.url) == f"{told[1]}/"
            browser.press("logout")
            assert "You are signed out" in browser.page.text


def test_a_taken_port_is_told_and_the_server_runs_without_the_demo_app(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with developing(home, "--demo-app-port", str(port)) as dev:
            assert f"The demo app is left out: port {port} cannot be had (Address already in use)" in dev.printed
            assert answers(f"{dev.issuer}/.well-known/openid-configuration")


def test_the_demo_app_is_left_out_when_it_is_not_wanted(home: Path) -> None:
    with developing(home, "--no-demo-app", "--json") as dev:
        assert dev.facts["demo_app"] is None
    assert find_place(0, server_port=8000) == Place()


def test_an_installed_package_has_no_demo_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_app, "FOLDER", tmp_path / "examples" / "relying_party")
    assert find_place(free_port(), server_port=8000) == Place()


def test_the_server_keeps_its_own_port() -> None:
    place = find_place(8000, server_port=8000)
    assert (place.url, place.why_not) == (None, "port 8000 is the server's; --demo-app-port names another one")


def test_without_its_library_the_demo_app_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    place = find_place(free_port(), server_port=8000)
    assert (place.url, place.why_not) == (None, "it needs a library: pip install requests")
