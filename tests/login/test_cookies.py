"""F07: cookies are for this host alone, out of reach of scripts, and what is in them stands nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.app_login import App, make_app
from tests.relying_party import Server
from tests.stolen_cookies import BROWSER, DEVICE, SESSION
from tests.watched_browser import WatchedBrowser, see_every_page

KINDS = {SESSION, DEVICE, BROWSER}
ISSUER_WITHOUT_TLS = "http://127.0.0.1:8000"


def test_over_https_every_cookie_is_bound_to_the_host_f07(server: Server, web: App) -> None:
    browser = WatchedBrowser(server.app)
    see_every_page(browser, web, server.user())
    cookies = browser.cookie_attributes()
    assert {name for name, _ in cookies} == {f"__Host-{kind}" for kind in KINDS}
    for name, attributes in cookies:
        assert set(attributes) <= {"secure", "httponly", "samesite", "path", "max-age", "expires"}, name
        assert attributes["samesite"] == "Lax"
        assert attributes["path"] == "/"  # and no Domain: RFC 6265bis §4.1.3.2
        assert {"secure", "httponly"} <= set(attributes)


def test_over_http_on_loopback_they_have_names_without_a_prefix_f07(make_server: Callable[..., Server]) -> None:
    """A browser would drop a cookie with the prefix. Only `oidc-server dev` runs like this."""
    server = make_server(issuer=ISSUER_WITHOUT_TLS)
    web, user, browser = make_app(server, first_party=True), server.user(), WatchedBrowser(server.app)
    page = browser.open(web.address().removeprefix(ISSUER_WITHOUT_TLS))
    assert browser.sign_in(page, user.email, user.password).elsewhere is not None
    cookies = browser.cookie_attributes()
    assert {name for name, _ in cookies} == KINDS
    for _, attributes in cookies:
        assert "secure" not in attributes
        assert "httponly" in attributes
        assert (attributes["samesite"], attributes["path"]) == ("Lax", "/")
        assert "domain" not in attributes


def test_over_https_a_name_without_the_prefix_is_not_read_f07(server: Server, web: App) -> None:
    """A sister host, or plain http, can set those."""
    user, browser = server.user(), WatchedBrowser(server.app)
    web.tokens(web.log_in(browser, user))
    tossed = WatchedBrowser(server.app)
    for kind in KINDS:
        tossed.http.set_cookie(kind, browser.cookie(kind) or "", domain="localhost", path="/")
    assert web.error(web.open(tossed, prompt="none")) == "login_required"


def test_no_secret_of_a_cookie_stands_in_an_address_a_page_or_the_log_f07(
    server: Server, web: App, capfd: pytest.CaptureFixture[str]
) -> None:
    browser, secrets = WatchedBrowser(server.app), set[str]()
    see_every_page(browser, web, server.user())
    for answer in browser.answers:
        for line in answer.headers.getlist("Set-Cookie"):
            secrets.add(line.split(";")[0].partition("=")[2])
    secrets.discard("")
    assert len(secrets) == 3
    logged = capfd.readouterr()
    for secret in secrets:
        for answer in browser.answers:
            assert secret not in answer.headers.get("Location", "")
            assert secret not in answer.request.url
            assert secret not in answer.text
        assert secret not in logged.err + logged.out


def test_a_cookie_that_ends_is_taken_from_the_browser_f07(server: Server, web: App) -> None:
    browser = WatchedBrowser(server.app)
    see_every_page(browser, web, server.user())
    assert browser.cookie(SESSION) is None
    assert browser.cookie(DEVICE) is not None  # it says who has been here, and signs nobody in
    ended = [attributes for name, attributes in browser.cookie_attributes() if name == "__Host-session"][-1]
    assert ended["max-age"] == "0"


def test_each_cookie_is_asked_for_no_more_often_than_needed_f07(server: Server, web: App) -> None:
    """The browser's own secret is set once: changing it would end every form that is open in another tab."""
    browser = WatchedBrowser(server.app)
    see_every_page(browser, web, server.user())
    assert [name for name, _ in browser.cookie_attributes()].count("__Host-browser") == 1
