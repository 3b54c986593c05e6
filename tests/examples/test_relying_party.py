"""The demo relying party beside a real server: a person clicks through login, consent, tokens, refresh and logout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.examples.browser import Browser
from tests.examples.development import DevelopmentServer, developing
from tests.running import NO_TLS, free_port

CLIENT_ID = "demo-app"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    """One development server with its demo app for all these tests; each comes with a browser of its own."""
    with developing(tmp_path_factory.mktemp("dev"), "--json", "--demo-app-port", str(free_port())) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as fresh:
        yield fresh


def sign_in(browser: Browser, dev: DevelopmentServer, query: str = "") -> None:
    """Come from the demo app, sign in at the server, and allow what the app asks for."""
    browser.open(f"{dev.demo_app}/login{query}") if query else press_sign_in(browser, dev)
    assert str(browser.page.url).startswith(f"{dev.issuer}/sign-in")
    user = dev.facts["user"]
    browser.press("continue", login=user["email"], password=user["password"])
    if "allow" in browser.page.text:
        browser.press("allow")
    assert str(browser.page.url) == f"{dev.demo_app}/", browser.page.text


def press_sign_in(browser: Browser, dev: DevelopmentServer) -> None:
    browser.open(dev.demo_app)
    browser.press("sign-in")


def verified(browser: Browser, dev: DevelopmentServer, which: str, audience: str) -> dict[str, Any]:
    """The claims of the token that the page shows, as verified by the published keys; the page decoded the same."""
    token = browser.text(f"{which}-raw")
    metadata = httpx.get(f"{dev.issuer}/.well-known/openid-configuration", verify=NO_TLS).json()
    keys = jwt.PyJWKSet.from_dict(httpx.get(metadata["jwks_uri"], verify=NO_TLS).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=dev.issuer, audience=audience)
    assert json.loads(browser.text(f"{which}-payload")) == claims
    assert json.loads(browser.text(f"{which}-header")) == jwt.get_unverified_header(token)
    return claims


def test_a_login_shows_who_signed_in_and_the_decoded_tokens(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    id_token = verified(browser, dev, "id-token", CLIENT_ID)
    access_token = verified(browser, dev, "access-token", dev.issuer)
    assert id_token["sub"] == access_token["sub"]
    assert access_token["client_id"] == CLIENT_ID
    assert "offline_access" in access_token["scope"].split()
    assert browser.text("who") == "Demo Example Person"
    assert "phone_number" in browser.page.text
    assert "Exampleton" in browser.page.text
    assert browser.text("obtained") == "These tokens are from the authorization code."


def test_the_request_is_a_code_flow_with_pkce_state_and_nonce(dev: DevelopmentServer) -> None:
    response = httpx.get(f"{dev.demo_app}/login", verify=NO_TLS)
    asked = httpx.URL(response.headers["Location"]).params
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{dev.demo_app}/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 20
    again = httpx.URL(httpx.get(f"{dev.demo_app}/login", verify=NO_TLS).headers["Location"]).params
    assert all(again[name] != asked[name] for name in ("state", "nonce", "code_challenge"))


def test_a_refresh_shows_new_tokens_of_the_same_login(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    before = verified(browser, dev, "id-token", CLIENT_ID), verified(browser, dev, "access-token", dev.issuer)
    browser.press("refresh")
    after = verified(browser, dev, "id-token", CLIENT_ID), verified(browser, dev, "access-token", dev.issuer)
    assert browser.text("obtained").endswith("refreshed 1 time.")
    assert after[1]["jti"] != before[1]["jti"]
    assert after[1]["scope"] == before[1]["scope"]
    assert after[0]["auth_time"] == before[0]["auth_time"]
    browser.press("refresh")  # the first refresh gave the token for the second
    assert browser.text("obtained").endswith("refreshed 2 times.")


def test_a_logout_ends_the_session_here_and_at_the_server(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    browser.press("logout")
    assert str(browser.page.url).startswith(f"{dev.demo_app}/signed-out?state=")
    assert "You are signed out" in browser.page.text
    browser.open(dev.demo_app)
    assert "who" not in browser.document.texts
    browser.open(f"{dev.demo_app}/login?prompt=none")
    assert browser.text("error") == "login_required"


def test_who_is_signed_in_at_the_server_comes_back_without_a_page(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    browser.open(f"{dev.demo_app}/login?prompt=none")
    assert str(browser.page.url) == f"{dev.demo_app}/"
    assert browser.text("obtained") == "These tokens are from the authorization code."


def test_a_refused_consent_is_told_in_words(browser: Browser, dev: DevelopmentServer) -> None:
    user = dev.facts["user"]
    browser.open(f"{dev.demo_app}/login?prompt=consent")
    browser.press("continue", login=user["email"], password=user["password"])
    browser.press("deny")
    assert browser.page.status_code == 400
    assert browser.text("error") == "access_denied"
    assert "error_id" in browser.text("description")
    assert "Access was denied" in browser.page.text
    browser.open(dev.demo_app)
    assert "who" not in browser.document.texts


def test_a_refresh_after_the_session_has_ended_is_told_in_words(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev, "?scope=openid")  # without offline_access it ends with the session
    browser.open(f"{dev.issuer}/oauth/logout")
    browser.press("logout")
    browser.open(dev.demo_app)
    browser.press("refresh")
    assert browser.page.status_code == 400
    assert browser.text("error") == "invalid_grant"
    assert "Sign in again" in browser.page.text
    browser.open(dev.demo_app)
    assert "who" not in browser.document.texts


def test_no_cookie_holds_a_token(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    cookie = browser.cookies["relying_party"]
    assert len(cookie) < 200
    assert browser.text("access-token-raw")[:20] not in cookie
    # The server's own cookies were not overwritten, although both are at 127.0.0.1.
    assert {"browser", "session"} <= browser.cookies.keys()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("code=x&state=x", "missing_iss"),
        ("code=x&state=x&iss=https://other.example.com", "wrong_iss"),
        ("code=x&state=x&iss={issuer}", "mismatching_state"),
        ("code=x&iss={issuer}", "mismatching_state"),
        ("error=access_denied&error_description=believe+me&iss={issuer}", "mismatching_state"),
        ("error=access_denied&error_description=believe+me", "missing_iss"),
    ],
)
def test_a_response_that_this_browser_did_not_ask_for_is_refused(
    browser: Browser, dev: DevelopmentServer, query: str, error: str
) -> None:
    browser.open(f"{dev.demo_app}/callback?{query.format(issuer=dev.issuer)}")
    assert browser.page.status_code == 400
    assert browser.text("error") == error
    assert "believe me" not in browser.page.text


def test_a_response_is_taken_once(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    response = next(str(page.url) for page in browser.page.history if "/callback?" in str(page.url))
    browser.open(response)
    assert browser.text("error") == "mismatching_state"


def test_a_logout_response_with_another_state_is_refused(browser: Browser, dev: DevelopmentServer) -> None:
    sign_in(browser, dev)
    browser.open(f"{dev.demo_app}/signed-out?state=another")
    assert browser.page.status_code == 400
    assert "You are signed out" not in browser.page.text


@pytest.mark.parametrize("path", ["/refresh", "/logout"])
def test_another_site_cannot_press_the_buttons(browser: Browser, dev: DevelopmentServer, path: str) -> None:
    sign_in(browser, dev)
    browser.post(dev.demo_app + path, **{"Sec-Fetch-Site": "same-site"})
    assert browser.page.status_code == 403
    browser.open(dev.demo_app)
    assert browser.text("obtained") == "These tokens are from the authorization code."


@pytest.mark.parametrize("host", ["localhost", "rebound.example.com"])
def test_under_another_name_of_this_machine_it_leads_to_its_own_address(dev: DevelopmentServer, host: str) -> None:
    response = httpx.get(f"{dev.demo_app}/login", headers={"Host": host}, verify=NO_TLS)
    assert (response.status_code, response.headers["Location"]) == (303, dev.demo_app)


@pytest.mark.parametrize("path", ["/", "/callback", "/static/style.css"])
def test_nothing_inline_and_nothing_from_elsewhere_is_let_in(dev: DevelopmentServer, path: str) -> None:
    response = httpx.get(dev.demo_app + path, verify=NO_TLS)
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert response.headers["Cache-Control"] == "no-store"
    assert "<style" not in response.text
    assert "<script" not in response.text
