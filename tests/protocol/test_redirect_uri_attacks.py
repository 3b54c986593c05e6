"""Redirect URIs at the authorization endpoint: the registered string; all else ends in a page (RFC 9700 §2.1).

The browser has a session and the person has allowed the app everything: a URI that passes would get a code at once."""

from __future__ import annotations

import re

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.clients.test_redirect_uris import NO_LOOPBACK, NOT_THE_SAME, REFUSED
from tests.protocol.authorizing import AUTHORIZE, asking, assert_is_page, count_codes, refused, signed_in
from tests.relying_party import Server, error

RP = "https://rp.example.com/cb"
NATIVE = "com.example.app:/cb"
LOOPBACK = "http://127.0.0.1/cb"


def app_at(server: Server, redirect_uri: str, client_type: str = "confidential", *others: str) -> App:
    """An app that is registered for this redirect URI, and uses it."""
    app = make_app(server, client_type, redirect_uris=(redirect_uri, *others))
    app.redirect_uri = redirect_uri
    return app


def assert_leads_nowhere(app: App, browser: Browser, redirect_uri: str | None) -> None:
    """By GET and by POST there is a page, and no code is made."""
    before = count_codes(app.server)
    assert_is_page(app.open(browser, redirect_uri=redirect_uri))
    assert_is_page(browser.post(AUTHORIZE, app.request(redirect_uri=redirect_uri)))
    assert count_codes(app.server) == before


@pytest.mark.parametrize("client_type", ["confidential", "public"])
def test_only_the_registered_string_gets_a_code_a01_a02_a04(server: Server, client_type: str) -> None:
    app = app_at(server, RP, client_type)
    browser = signed_in(app, server.user())
    for redirect_uri in NOT_THE_SAME:
        assert_leads_nowhere(app, browser, redirect_uri)
    app.code(app.open(browser))


def test_a_registered_query_is_part_of_the_string_a02(server: Server) -> None:
    app = app_at(server, f"{RP}?a=1&b=2")
    browser = signed_in(app, server.user())
    for query in ("", "?", "?b=2&a=1", "?a=1", "?a=1&b=2&c=3", "?a=1&b=2&", "?a=1&b=2#", "?a=1&b=2;p=1"):
        assert_leads_nowhere(app, browser, RP + query)
    visit = app.open(browser)
    assert visit.elsewhere is not None
    assert visit.elsewhere.startswith(f"{RP}?a=1&b=2&code=")


def test_a_native_app_s_loopback_gets_its_code_at_any_port_a05(server: Server) -> None:
    app = app_at(server, LOOPBACK, "public")
    browser = signed_in(app, server.user())
    for port in (1024, 49152, 65535):
        redirect_uri = f"http://127.0.0.1:{port}/cb"
        visit = app.open(browser, redirect_uri=redirect_uri)
        assert visit.elsewhere is not None
        assert visit.elsewhere.startswith(f"{redirect_uri}?code=")
        code = visit.answer["code"]
        assert error(app.redeem(code)) == (400, "invalid_grant")  # the port is part of what the code is bound to
        assert app.redeem(code, redirect_uri=redirect_uri).status_code == 200


def test_what_only_looks_like_the_loopback_leads_nowhere_a05(server: Server) -> None:
    app = app_at(server, LOOPBACK, "public")
    browser = signed_in(app, server.user())
    for redirect_uri in (*NO_LOOPBACK, "http://[::1]:9/cb"):
        assert_leads_nowhere(app, browser, redirect_uri)


def test_a_web_server_s_loopback_keeps_its_port_a05(server: Server) -> None:
    app = app_at(server, LOOPBACK, "confidential")
    browser = signed_in(app, server.user())
    for redirect_uri in ("http://127.0.0.1:8080/cb", "http://127.0.0.1:80/cb", "http://localhost/cb"):
        assert_leads_nowhere(app, browser, redirect_uri)
    app.code(app.open(browser))


@pytest.mark.parametrize("others", [(), ("https://rp.example.com/other",)], ids=["one registered", "several"])
def test_without_a_redirect_uri_there_is_no_answer_a06(server: Server, others: tuple[str, ...]) -> None:
    """The policy: a client always says where to, also when it has but one address."""
    app = app_at(server, RP, "confidential", *others)
    browser = signed_in(app, server.user())
    for redirect_uri in (None, "", " "):
        assert_leads_nowhere(app, browser, redirect_uri)


def test_a_uri_that_nobody_may_register_leads_nowhere_a08(server: Server) -> None:
    app = app_at(server, NATIVE, "public", RP)
    browser = signed_in(app, server.user())
    for redirect_uri in (*REFUSED, "com.example.app:/cb/x", "com.example.app:/cb?x=1", "com.example.other:/cb"):
        assert_leads_nowhere(app, browser, redirect_uri)


def test_an_app_is_not_answered_by_a_form_a08(server: Server) -> None:
    """A page that posts to a private-use scheme would leave it to the browser what becomes of the code."""
    app = app_at(server, NATIVE, "public")
    browser = signed_in(app, server.user())
    assert refused(app, app.open(browser, response_mode="form_post")) == "invalid_request"
    visit = app.open(browser)
    assert visit.elsewhere is not None
    assert visit.elsewhere.startswith(f"{NATIVE}?code=")


def test_an_unknown_and_a_disabled_client_get_the_same_page_a16(server: Server) -> None:
    app = app_at(server, RP)
    browser = signed_in(app, server.user())
    server.disable(app.client)
    pages = []
    for client_id in (app.client.client_id, "nobody", "", "a" * 200, "%2e%2e", f"{app.client.client_id} "):
        for redirect_uri in (RP, "https://evil.example/cb"):
            visit = app.open(browser, client_id=client_id, redirect_uri=redirect_uri)
            assert_is_page(visit)
            pages.append(visit.response.text.replace(visit.response.headers["X-Request-Id"], "ID"))
    assert len(set(pages)) == 1
    assert not re.search(r"evil|nobody|rp\.example", pages[0])


def test_the_addresses_of_one_client_are_not_those_of_another_a01(server: Server) -> None:
    user, mine, theirs = server.user(), app_at(server, RP), app_at(server, "https://evil.example/cb")
    browser = signed_in(mine, user)
    assert_leads_nowhere(mine, browser, theirs.redirect_uri)
    pairs = [*mine.request().items(), ("redirect_uri", theirs.redirect_uri)]
    assert_is_page(browser.open(asking(pairs)))
