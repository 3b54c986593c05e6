"""Ending sessions from the list of them: what has ended is of no use to anybody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.accounts.devices import app_on, browser_of, sessions_of
from tests.accounts.json_client import JsonClient, problem
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, body_of
from tests.stolen_cookies import is_signed_in


@dataclass
class Place:
    """Where a person is signed in: a browser with an app in it, with and without offline access."""

    web: App
    browser: Browser
    online: dict[str, Any]
    offline: dict[str, Any]

    @property
    def sid(self) -> str:
        """The id of the session."""
        sid: str = self.web.server.verify(self.online["access_token"])["sid"]
        return sid

    def is_signed_in(self) -> set[bool]:
        """What the cookie, the access tokens and the refresh tokens say."""
        refresh = self.web.server.refresh
        used = [self.web.userinfo(tokens["access_token"]).status_code == 200 for tokens in (self.online, self.offline)]
        for tokens in (self.online, self.offline):
            response = refresh(self.web.client, tokens["refresh_token"])
            used.append(response.status_code == 200)
            if response.status_code == 200:
                tokens.update(body_of(response))
        return {is_signed_in(self.web, self.browser), *used}


def place(server: Server, user: TestUser) -> Place:
    web, browser = make_app(server), browser_of(server)
    online = web.tokens(web.log_in(browser, user, scope="openid"))
    return Place(web, browser, online, web.tokens(web.log_in(browser, user, scope="openid offline_access")))


def is_in(app: JsonClient) -> set[bool]:
    """What the access token and the refresh token of our own app say."""
    me = app.get("/auth/me").status_code == 200
    response = app.post("/auth/refresh", refresh_token=app.tokens["refresh_token"])
    if response.status_code == 200:
        app.tokens = body_of(response)
    return {me, response.status_code == 200}


def test_a_session_that_is_ended_really_ends_f13(server: Server, user: TestUser) -> None:
    home, app, phone = place(server, user), app_on(server).login(user), app_on(server).login(user)
    assert home.is_signed_in() == is_in(phone) == {True}
    for sid in (home.sid, server.verify(phone.tokens["access_token"])["sid"]):
        assert app.delete(f"/auth/sessions/{sid}").status_code == 204
    assert home.is_signed_in() == is_in(phone) == {False}
    assert is_in(app) == {True}
    assert [one["current"] for one in sessions_of(app)] == [True]
    assert len(server.audit("user.session_ended", str(user.id))) == 2


def test_all_others_end_and_this_one_goes_on_f13(server: Server, user: TestUser) -> None:
    home, phone, app = place(server, user), app_on(server).login(user), app_on(server).login(user)
    stranger = app_on(server).login(server.user())
    response = app.delete("/auth/sessions")
    assert (response.status_code, response.json) == (200, {"ended": 2})
    assert home.is_signed_in() == is_in(phone) == {False}
    assert is_in(app) == is_in(stranger) == {True}
    assert app.delete("/auth/sessions").json == {"ended": 0}
    assert len(server.audit("user.session_ended", str(user.id))) == 2


def test_one_can_end_the_session_one_is_in(server: Server, user: TestUser) -> None:
    app = app_on(server).login(user)
    (mine,) = sessions_of(app)
    assert app.delete(f"/auth/sessions/{mine['id']}").status_code == 204
    assert is_in(app) == {False}


def test_what_is_not_there_and_what_is_somebody_elses_are_told_alike(server: Server, user: TestUser) -> None:
    app, stranger = app_on(server).login(user), app_on(server).login(server.user())
    theirs = sessions_of(stranger)[0]["id"]
    for sid in (theirs, uuid.uuid4(), "not-an-id", "%00"):
        assert problem(app.delete(f"/auth/sessions/{sid}")) == (404, "not_found")
    assert is_in(stranger) == {True}


def test_a_session_ends_once(server: Server, user: TestUser) -> None:
    app, phone = app_on(server).login(user), app_on(server).login(user)
    path = f"/auth/sessions/{server.verify(phone.tokens['access_token'])['sid']}"
    assert app.delete(path).status_code == 204
    assert problem(app.delete(path)) == (404, "not_found")
