"""Where a person is signed in, as they are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX, SAFARI, app_on, browser_of, sessions_of
from tests.accounts.json_client import JsonClient, errors, problem
from tests.app_login import make_app
from tests.relying_party import Server, TestUser, body_of

HOUR = timedelta(hours=1)


def test_a_session_tells_device_place_times_and_apps(server: Server, user: TestUser) -> None:
    web = make_app(server, client_name="Orders")
    browser = browser_of(server, SAFARI, "192.0.2.9")
    web.tokens(web.log_in(browser, user, scope="openid"))
    app = app_on(server, FIREFOX, "2001:db8::7").login(user, device="Laptop")
    mine, theirs = sessions_of(app)
    assert {name: mine[name] for name in ("browser", "system", "device", "address", "apps", "current")} == {
        "browser": "Firefox", "system": "Linux", "device": "Laptop", "address": "2001:db8::7",
        "apps": ["Account API"], "current": True,
    }  # fmt: skip
    assert {name: theirs[name] for name in ("browser", "system", "device", "address", "apps", "current")} == {
        "browser": "Safari", "system": "macOS", "device": None, "address": "192.0.2.9", "apps": ["Orders"],
        "current": False,
    }  # fmt: skip
    assert mine["amr"] == theirs["amr"] == ["pwd"]
    assert mine["id"] == server.verify(app.tokens["access_token"])["sid"]
    assert (mine["remembered"], mine["first_seen_at"] <= mine["last_seen_at"]) == (False, True)


def test_a_remembered_session_is_marked(server: Server, user: TestUser) -> None:
    web, browser = make_app(server), browser_of(server)
    browser.sign_in(web.open(browser), user.email, user.password, remember="1")
    assert [one["remembered"] for one in sessions_of(app_on(server).login(user))] == [False, True]


def test_a_refresh_counts_as_use_and_writes_nothing_for_it(server: Server, user: TestUser) -> None:
    app = app_on(server).login(user)
    (before,) = sessions_of(app)
    clock.travel(timedelta(hours=3))
    app.tokens = body_of(app.post("/auth/refresh", refresh_token=app.tokens["refresh_token"]))
    (after,) = sessions_of(app)
    assert before["first_seen_at"] == after["first_seen_at"]
    assert after["last_seen_at"] > before["last_seen_at"]
    assert after["last_seen_at"][:16] == clock.now().isoformat()[:16]


def test_an_app_that_refreshes_keeps_no_browser_signed_in(server: Server, user: TestUser, settings: Settings) -> None:
    """The session is shown as long as an app can go on with it; the browser has to sign in again (F19)."""
    web, browser = make_app(server), browser_of(server)
    tokens = web.tokens(web.log_in(browser, user, scope="openid"))
    for _ in range(2):
        clock.travel(timedelta(seconds=settings.session_idle_lifetime) * 0.6)
        tokens = body_of(server.refresh(web.client, tokens["refresh_token"]))
    assert web.open(browser).path.startswith("/sign-in")
    assert [one["browser"] for one in sessions_of(app_on(server).login(user))] == ["Firefox", "Safari"]


def test_what_nobody_can_go_on_with_is_not_shown(server: Server, user: TestUser, settings: Settings) -> None:
    """A browser that was left alone for too long, tokens that ran out, and a session that was signed out of."""
    web = make_app(server, grant_types=("authorization_code",))
    web.tokens(web.log_in(browser_of(server), user))
    gone = app_on(server).login(user)
    assert gone.post("/auth/logout").status_code == 204
    server.sign_in(server.first_party(grant_types=("password",)), user)
    assert len(sessions_of(app_on(server).login(user))) == 3
    clock.travel(timedelta(seconds=settings.access_token_lifetime + 1))
    assert len(sessions_of(app_on(server).login(user))) == 3  # this one and two more; the password's tokens ran out
    clock.travel(timedelta(seconds=settings.session_idle_lifetime))
    assert all(one["browser"] == "Firefox" for one in sessions_of(app_on(server).login(user)))
    clock.travel(timedelta(seconds=settings.refresh_token_idle_lifetime))
    assert len(sessions_of(app_on(server).login(user))) == 1


def test_a_browser_whose_password_has_changed_is_not_shown(server: Server, user: TestUser) -> None:
    web = make_app(server, grant_types=("authorization_code",))
    web.tokens(web.log_in(browser_of(server), user))
    clock.travel(HOUR)
    with server.database.transaction() as session:
        session.get_one(User, user.id).password_changed_at = clock.now()
    assert [one["browser"] for one in sessions_of(app_on(server).login(user))] == ["Firefox"]


def test_each_sees_their_own_and_by_pages(server: Server, user: TestUser) -> None:
    app_on(server).login(server.user())
    for name in ("one", "two", "three"):
        app_on(server).login(user, device=name)
    app = app_on(server).login(user, device="four")
    first = app.get("/auth/sessions", limit=3)
    assert [one["device"] for one in body_of(first)["items"]] == ["four", "three", "two"]
    cursor = body_of(first)["next"]
    assert f"cursor={cursor}" in first.headers["Link"]
    last = body_of(app.get("/auth/sessions", limit=3, cursor=cursor))
    assert ([one["device"] for one in last["items"]], last["next"]) == (["one"], None)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1e2"}, {"cursor": "' OR 1=1"}, {"user_id": "1"}])
def test_a_wrong_query_is_named_w01_w03(server: Server, user: TestUser, query: dict[str, str]) -> None:
    response = app_on(server).login(user).get("/auth/sessions", **query)
    assert problem(response) == (400, "invalid_query")
    assert errors(response) == set(query)


def test_what_a_device_calls_itself_is_shown_as_it_is_w15(server: Server, user: TestUser) -> None:
    name = "<b>{{7*7}}</b>"
    app = app_on(server, f"{name} Mozilla/5.0 (Linux)").login(user, device=name)
    (mine,) = sessions_of(app)
    assert (mine["device"], mine["system"]) == (name, "Linux")


def test_without_a_token_nothing_is_shown(server: Server) -> None:
    app = JsonClient(server)
    calls: list[Any] = [app.get("/auth/sessions"), app.delete("/auth/sessions"), app.get("/auth/authorizations")]
    assert [problem(call) for call in calls] == [(401, "unauthorized")] * 3
