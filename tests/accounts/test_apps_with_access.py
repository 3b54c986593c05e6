"""The apps that have access, as the person sees them, and what is left when it is taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from oidc_server.clients.account_client import CLIENT_ID
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from tests.accounts.devices import app_on, browser_of
from tests.accounts.json_client import JsonClient, errors, problem
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, body_of, error

DAY = timedelta(days=1)


@pytest.fixture
def mine(server: Server, user: TestUser) -> JsonClient:
    return app_on(server).login(user)


def apps_of(app: JsonClient, **query: Any) -> list[dict[str, Any]]:
    response = app.get("/auth/authorizations", **query)
    assert response.status_code == 200, response.json
    items: list[dict[str, Any]] = body_of(response)["items"]
    return items


def path_of(web: App) -> str:
    return f"/auth/authorizations/{web.client.client_id}"


def test_an_app_is_one_item_however_often_it_was_granted_something(
    server: Server, user: TestUser, mine: JsonClient
) -> None:
    web, browser = make_app(server, client_name="Orders", client_uri="https://orders.example.com"), browser_of(server)
    granted_at = clock.now()
    web.tokens(web.log_in(browser, user, scope="openid email"))
    claims = '{"userinfo": {"phone_number": null}}'
    web.tokens(web.log_in(browser, user, scope="openid offline_access orders:read", claims=claims))
    (app,) = apps_of(mine)
    assert {name: app[name] for name in ("id", "name", "logo_uri", "client_uri", "first_party", "remembered")} == {
        "id": web.client.client_id, "name": "Orders", "logo_uri": None, "client_uri": "https://orders.example.com",
        "first_party": False, "remembered": True,
    }  # fmt: skip
    assert [one["name"] for one in app["scopes"]] == ["email", "offline_access", "openid", "orders:read"]
    assert app["scopes"][0]["words"] == "see your email address"
    assert app["claims"] == [{"name": "phone_number", "words": "see your phone number"}]
    assert granted_at.isoformat() <= app["granted_at"] <= app["last_used_at"]


def test_scopes_are_in_words_of_a_language_that_is_asked_for(server: Server, user: TestUser, mine: JsonClient) -> None:
    web = make_app(server)
    web.tokens(web.log_in(Browser(server.app), user, scope="openid"))
    mine.http.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert apps_of(mine)[0]["scopes"] == [{"name": "openid", "words": "wissen, dass Sie es sind"}]


def test_a_logo_is_shown_from_this_server(server: Server, user: TestUser, mine: JsonClient) -> None:
    web = make_app(server, logo=b"\x89PNG\r\n\x1a\n and so on")
    web.tokens(web.log_in(Browser(server.app), user, scope="openid"))
    logo = apps_of(mine)[0]["logo_uri"]
    assert logo.startswith(f"{server.metadata['issuer']}/logos/{web.client.client_id}/")
    assert Browser(server.app).open(logo).status == 200


def test_a_refresh_counts_as_use(server: Server, user: TestUser, mine: JsonClient) -> None:
    web = make_app(server)
    tokens = web.tokens(web.log_in(Browser(server.app), user, scope="openid offline_access"))
    before = apps_of(mine)[0]
    clock.travel(timedelta(minutes=5))
    assert server.refresh(web.client, tokens["refresh_token"]).status_code == 200
    after = apps_of(mine)[0]
    assert after["granted_at"] == before["granted_at"]
    assert after["last_used_at"] > before["last_used_at"]


def test_an_app_of_ours_has_access_without_consent_until_the_session_ends(
    server: Server, user: TestUser, mine: JsonClient
) -> None:
    web, browser = make_app(server, first_party=True), Browser(server.app)
    tokens = web.tokens(web.log_in(browser, user, scope="openid"))
    (app,) = apps_of(mine)
    assert (app["first_party"], app["remembered"]) == (True, False)
    mine.delete(f"/auth/sessions/{server.verify(tokens['access_token'])['sid']}")
    assert apps_of(mine) == []


def test_offline_access_and_consent_outlive_a_sign_out_and_are_shown(
    server: Server, user: TestUser, mine: JsonClient, settings: Settings
) -> None:
    """Online access ends with the session; what the person allowed is remembered, and so may be had again."""
    offline, online = make_app(server, first_party=True), make_app(server)
    browser = Browser(server.app)
    offline.tokens(offline.log_in(browser, user, scope="openid offline_access"))
    online.tokens(online.log_in(browser, user, scope="openid"))
    clock.travel(timedelta(seconds=settings.session_lifetime))
    mine.login(user)
    assert {app["id"] for app in apps_of(mine)} == {offline.client.client_id, online.client.client_id}
    clock.travel(timedelta(seconds=settings.refresh_token_absolute_lifetime))
    mine.login(user)
    assert [app["id"] for app in apps_of(mine)] == [online.client.client_id]


def test_access_that_is_withdrawn_ends_and_is_asked_for_again_f13(
    server: Server, user: TestUser, mine: JsonClient
) -> None:
    web, other, browser = make_app(server), make_app(server), Browser(server.app)
    tokens = web.tokens(web.log_in(browser, user, scope="openid offline_access"))
    kept = other.tokens(other.log_in(browser, user, scope="openid"))
    assert mine.delete(path_of(web)).status_code == 204
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert error(server.refresh(web.client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert [app["id"] for app in apps_of(mine)] == [other.client.client_id]
    assert other.userinfo(kept["access_token"]).status_code == 200
    assert web.open(browser, scope="openid").path.startswith("/consent")  # still signed in, and asked again
    (event,) = server.audit("user.consent_withdrawn", str(user.id))
    assert (event.client_id, event.detail) == (web.client.client_id, {"authorizations": 1})


def test_what_has_no_access_and_what_is_no_app_are_told_alike(server: Server, user: TestUser, mine: JsonClient) -> None:
    web, somebody = make_app(server), server.user()
    web.tokens(web.log_in(Browser(server.app), somebody, scope="openid"))
    for client_id in (web.client.client_id, "no-such-app", CLIENT_ID, "%00", "a" * 300, "' OR 1=1 --"):
        assert problem(mine.delete(f"/auth/authorizations/{client_id}")) == (404, "not_found")
    assert [app["id"] for app in apps_of(app_on(server).login(somebody))] == [web.client.client_id]


def test_apps_come_by_pages(server: Server, user: TestUser, mine: JsonClient) -> None:
    browser, names = Browser(server.app), ["a-shop", "B-bank", "c-club"]
    for name in names:
        web = make_app(server, client_id=name)
        web.tokens(web.log_in(browser, user, scope="openid"))
    first = body_of(mine.get("/auth/authorizations", limit=2))
    rest = body_of(mine.get("/auth/authorizations", limit=2, cursor=first["next"]))
    assert [app["id"] for app in first["items"] + rest["items"]] == sorted(names)
    assert rest["next"] is None
    refused = mine.get("/auth/authorizations", cursor="no client")
    assert problem(refused) == (400, "invalid_query")
    assert errors(refused) == {"cursor"}
