"""The page on which a person sees where they are signed in, and ends that."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import update

from oidc_server.core import clock
from oidc_server.sessions.models import LoginSession
from tests.accounts.devices import FIREFOX, app_on, sessions_of
from tests.accounts.own_pages import Owner, owner_of
from tests.app_login import make_app
from tests.browsing import Visit
from tests.relying_party import Server, TestUser, body_of
from tests.stolen_cookies import is_signed_in

PATH = "/account/sessions"


def end(owner: Owner, what: object) -> Visit:
    """Send the page's form with something that none of its buttons says."""
    visit = owner.open(PATH)
    token = visit.forms[0].fields["csrf_token"]
    return owner.browser.post(PATH, {"csrf_token": token, "end": str(what)})


def test_it_tells_device_place_and_times_and_marks_this_one(server: Server, user: TestUser, owner: Owner) -> None:
    web = make_app(server, client_name="Orders")
    web.tokens(web.log_in(owner.browser, user))
    clock.travel(timedelta(hours=1))
    app_on(server, FIREFOX, "2001:db8::7").login(user, device="Laptop")
    words = owner.open(PATH).words
    for told in ("Safari on macOS this one", "192.0.2.44", "Firefox on Linux", "2001:db8::7", "Laptop", "Orders"):
        assert told in words
    assert f"{clock.now():%Y-%m-%d, %H}" in words
    assert f"{clock.now() - timedelta(hours=1):%Y-%m-%d, %H}" in words


def test_a_session_that_is_ended_really_ends_f13(server: Server, user: TestUser, owner: Owner) -> None:
    web, other = make_app(server, first_party=True), owner_of(server, user, FIREFOX)
    tokens = web.tokens(web.log_in(other.browser, user, scope="openid offline_access"))
    visit = owner.open(PATH)
    done = owner.browser.press(visit, "end-1")
    assert (done.path, "That device is signed out." in done.words) == (PATH, True)
    assert not other.is_signed_in()
    assert not is_signed_in(web, other.browser)
    assert server.refresh(web.client, tokens["refresh_token"]).status_code == 400
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert owner.is_signed_in()
    assert len(server.audit("user.session_ended", str(user.id))) == 1
    assert "no such device any more" in owner.browser.press(visit, "end-1").words


def test_all_others_end_and_this_one_goes_on_f13(server: Server, user: TestUser, owner: Owner) -> None:
    others = [owner_of(server, user, FIREFOX) for _ in range(2)]
    app = app_on(server).login(user)
    stranger = owner_of(server, server.user())
    done = owner.browser.press(owner.open(PATH), "end-others")
    assert "All other devices are signed out." in done.words
    assert [one.is_signed_in() for one in (*others, owner, stranger)] == [False, False, True, True]
    assert app.get("/auth/me").status_code == 401
    assert "end-others" not in owner.open(PATH).response.text


def test_nobody_ends_the_session_of_somebody_else_f13(server: Server, owner: Owner) -> None:
    """What is somebody else's and what is not there are told alike."""
    stranger = app_on(server).login(server.user())
    theirs = sessions_of(stranger)[0]["id"]
    seen = {end(owner, session_id).words for session_id in (theirs, uuid.uuid4())}
    assert len(seen) == 1
    assert "There is no such device any more." in seen.pop()
    assert stranger.get("/auth/me").status_code == 200


@pytest.mark.parametrize("what", ["", "all", "x", "' OR 1=1", "0" * 500])
def test_what_no_button_says_ends_nothing_f04(server: Server, user: TestUser, owner: Owner, what: str) -> None:
    other = owner_of(server, user)
    assert end(owner, what).status == 403
    assert other.is_signed_in()


def test_one_can_end_the_session_one_is_in(server: Server, owner: Owner) -> None:
    with server.database.reading() as session:
        (sid,) = session.scalars(session.query(LoginSession.id).statement)
    assert end(owner, sid).path.startswith("/sign-in")


def test_many_sessions_come_by_pages(server: Server, user: TestUser, owner: Owner) -> None:
    app = app_on(server)
    for number in range(31):
        app.login(user, device=f"device {number:02}")
    first = owner.open(PATH)
    assert ("device 30" in first.words, "device 00" in first.words) == (True, False)
    further = first.response.text.split('href="/account/sessions?')[1].split('"')[0]
    second = owner.browser.open(f"{PATH}?{further}")
    assert ("device 00" in second.words, "this one" in second.words, "device 30" in second.words) == (True, True, False)
    assert "Show older ones" not in second.words
    assert "device 30" in owner.browser.open(f"{PATH}?cursor=nonsense").words


def test_a_device_that_says_nothing_is_shown_too(server: Server, user: TestUser, owner: Owner) -> None:
    app_on(server).login(user)
    with server.database.transaction() as session:
        session.execute(update(LoginSession).values(user_agent=None, address=None))
    assert "Unknown device" in owner.open(PATH).words


def test_use_of_the_pages_keeps_a_session_alive_f19(server: Server, owner: Owner) -> None:
    idle = timedelta(seconds=server.app.extensions["oidc_server.server"].settings.session_idle_lifetime)
    for _ in range(2):
        clock.travel(idle * 0.6)
        assert owner.is_signed_in()
    clock.travel(idle)
    assert not owner.is_signed_in()


def test_the_json_api_sees_the_sessions_of_the_pages(server: Server, user: TestUser, owner: Owner) -> None:
    app = app_on(server).login(user)
    theirs = next(one for one in sessions_of(app) if not one["current"])
    assert body_of(app.get("/auth/sessions"))["items"][1]["browser"] == "Safari"
    assert app.delete(f"/auth/sessions/{theirs['id']}").status_code == 204
    assert not owner.is_signed_in()
