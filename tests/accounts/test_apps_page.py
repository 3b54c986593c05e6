"""The page on which a person sees which apps have access, and takes it back."""

from __future__ import annotations

import pytest

from tests.accounts.own_pages import Owner
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser

PATH = "/account/apps"


def test_it_tells_what_each_app_may_do(server: Server, user: TestUser, owner: Owner) -> None:
    assert "No app has access to your account." in owner.open(PATH).words
    for name, scope in (("Orders", "openid email orders:read"), ("Notes", "openid offline_access")):
        web = make_app(server, client_name=name)
        web.tokens(web.log_in(owner.browser, user, scope=scope))
    words = owner.open(PATH).words
    for told in ("Orders", "see your email address", "use: orders:read", "Notes", "keep this access while you are not"):
        assert told in words


def test_what_is_taken_back_has_really_ended(server: Server, user: TestUser, owner: Owner) -> None:
    web, other = make_app(server, client_name="Orders"), make_app(server, client_name="Notes")
    browser = Browser(server.app)
    tokens, others = (app.tokens(app.log_in(browser, user, scope="openid offline_access")) for app in (web, other))
    visit = owner.open(PATH)
    buttons = visit.form_with("withdraw-1").buttons
    button = next(name for name, named in buttons.items() if named == ("withdraw", web.client.client_id))
    done = owner.browser.press(visit, button)
    assert (done.path, "The app has no access any more." in done.words) == (PATH, True)
    assert ("Orders" in done.words, "Notes" in done.words) == (False, True)
    assert server.refresh(web.client, tokens["refresh_token"]).status_code == 400
    assert web.userinfo(tokens["access_token"]).status_code == 401
    assert server.refresh(other.client, others["refresh_token"]).status_code == 200
    assert web.open(browser, scope="openid offline_access").path.startswith("/consent")
    assert len(server.audit("user.consent_withdrawn", str(user.id))) == 1
    assert "There is no such app any more." in owner.browser.press(visit, button).words


@pytest.mark.parametrize("client_id", ["", "nobody", "' OR 1=1", "\0", "x" * 500])
def test_what_is_no_app_is_told_alike_and_nothing_ends(
    server: Server, user: TestUser, owner: Owner, client_id: str
) -> None:
    web = make_app(server)
    tokens = web.tokens(web.log_in(owner.browser, user))
    token = owner.open(PATH).form_with("withdraw-1").fields
    visit = owner.browser.post(PATH, token | {"withdraw": client_id})
    assert (visit.path, "There is no such app any more." in visit.words) == (PATH, True)
    assert web.userinfo(tokens["access_token"]).status_code == 200


def test_nobody_takes_back_what_somebody_else_has_granted(server: Server, user: TestUser, owner: Owner) -> None:
    web, mine = make_app(server), make_app(server)
    mine.tokens(mine.log_in(owner.browser, user))
    theirs = web.tokens(web.log_in(Browser(server.app), server.user()))
    token = owner.open(PATH).form_with("withdraw-1").fields
    visit = owner.browser.post(PATH, token | {"withdraw": web.client.client_id})
    assert "There is no such app any more." in visit.words
    assert web.userinfo(theirs["access_token"]).status_code == 200
