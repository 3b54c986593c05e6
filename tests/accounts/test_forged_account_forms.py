"""F03, F04, W15: a form of an account counts only from its own page in this browser, and whatever people and devices
are called is text."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from oidc_server.audit.models import AuditEvent
from tests.accounts.devices import app_on
from tests.accounts.own_pages import Owner, owner_of
from tests.app_login import make_app
from tests.login.test_literal_text import HOSTILE, is_literal
from tests.relying_party import PASSWORD, Server, TestUser
from tests.stolen_cookies import BROWSER, SESSION, put

FORBIDDEN = 403
# By page: the button of its form, and what would be done by it.
FORMS = {
    "/account/profile": ("save", {"full_name": "Eve"}),
    "/account/email": ("save", {"email": "eve@example.org"}),
    "/account/password": ("save", {"current_password": PASSWORD, "new_password": "four quiet green lamps"}),
    "/account/sessions": ("end-others", {"end": "others"}),
    "/account/apps": ("withdraw-1", {}),
    "/account/data": ("download", {}),
    "/account/close": ("close-account", {}),
}


@pytest.fixture
def owner(server: Server, user: TestUser) -> Owner:
    """Somebody with another session, and an app with access."""
    web, owner = make_app(server), owner_of(server, user)
    web.tokens(web.log_in(owner.browser, user))
    app_on(server).login(user)
    return owner


def tokens(owner: Owner) -> dict[str, str]:
    """The token of the form of each page."""
    return {path: owner.open(path).form_with(button).fields["csrf_token"] for path, (button, _) in FORMS.items()}


def what_happened(server: Server) -> int:
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_each_form_asks_for_its_own_token_f04(server: Server, owner: Owner) -> None:
    """Not that of another page, of another browser of the same person, or of a session before this one."""
    own, elsewhere = tokens(owner), tokens(owner_of(server, owner.user))
    before = what_happened(server)
    for path, (_, typed) in FORMS.items():
        others = {token for name, token in own.items() if name != path}
        for token in ("", "x", own[path] + "A", elsewhere[path], *others):
            assert owner.browser.post(path, typed | {"csrf_token": token}).status == FORBIDDEN, path
        assert owner.browser.post(path, typed).status == FORBIDDEN
    assert what_happened(server) == before


def test_a_form_of_the_account_before_does_nothing_to_this_one_f04(server: Server, owner: Owner) -> None:
    """Somebody else has signed in at the same browser meanwhile, in another tab."""
    own, other = tokens(owner), owner_of(server, server.user("eve@example.com"))
    put(owner.browser, SESSION, other.browser.cookie(SESSION))
    before = what_happened(server)
    for path, (_, typed) in FORMS.items():
        assert owner.browser.post(path, typed | {"csrf_token": own[path]}).status == FORBIDDEN, path
    assert what_happened(server) == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
def test_what_another_site_can_send_is_no_form_f03_f04(server: Server, owner: Owner, content_type: str) -> None:
    own, before = tokens(owner), what_happened(server)
    for path, (_, typed) in FORMS.items():
        body = "&".join(f"{name}={value}" for name, value in (typed | {"csrf_token": own[path]}).items())
        assert owner.browser.http.post(path, data=body, content_type=content_type).status_code == FORBIDDEN
        assert owner.browser.http.post(f"{path}?{body}").status_code == FORBIDDEN
        assert owner.browser.http.get(f"{path}?{body}").status_code == 200
    assert what_happened(server) == before


def test_a_session_without_the_browser_that_began_it_can_send_nothing_f04(server: Server, owner: Owner) -> None:
    own, before = tokens(owner), what_happened(server)
    for secret in ("A" * 43, None):
        put(owner.browser, BROWSER, secret)
        for path, (_, typed) in FORMS.items():
            assert owner.browser.post(path, typed | {"csrf_token": own[path]}).status == FORBIDDEN
    assert what_happened(server) == before


def test_the_next_page_after_a_form_comes_by_303_f21(server: Server, owner: Owner) -> None:
    for path in ("/account/profile", "/account/email", "/account/sessions", "/account/apps", "/account/password"):
        button, typed = FORMS[path]
        form = owner.open(path).form_with(button)
        named = form.buttons[button]
        data = form.fields | typed | ({named[0]: named[1]} if named else {})
        response = owner.browser.http.post(path, data=data)
        assert (response.status_code, response.headers["Location"].split("/")[1]) == (303, "account"), path


def test_no_link_makes_a_page_say_that_something_was_done(owner: Owner) -> None:
    for query in ("notice=password-changed", "done=1", "saved=1"):
        assert "notice" not in owner.browser.open(f"/account?{query}").response.text.replace('class="notice"', "")
    for value in ("password-changed<b>", "closed.99999999999", "x", ""):
        put(owner.browser, "notice", value)
        assert 'id="notice"' not in owner.open("/account").response.text


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_devices_and_apps_are_text_w15(server: Server, user: TestUser, text: str) -> None:
    owner = owner_of(server, user, user_agent=f"{text} Mozilla/5.0 (Linux)")
    web = make_app(server, client_name=text)
    web.tokens(web.log_in(owner.browser, user))
    app_on(server, text).login(user, device=text)
    owner.browser.press(owner.open("/account/profile"), "save", full_name=text, bio=text, address_locality=text)
    fields = owner.open("/account/profile").form_with("save").fields
    assert fields["full_name"] == fields["bio"] == fields["address_locality"] == text
    for path in ("/account", "/account/sessions", "/account/apps", "/account/activity"):
        assert is_literal(owner.open(path), text), path


@pytest.mark.parametrize("email", ["{{7*7}}@example.com", "a&lt&amp@example.com"])
def test_an_address_is_text_w15(server: Server, email: str) -> None:
    owner = owner_of(server, server.user(email))
    owner.browser.press(owner.open("/account/email"), "save", email="{%25x%25}@example.com")
    for path in ("/account", "/account/email", "/account/password", "/account/close"):
        assert is_literal(owner.open(path), email) or path == "/account/password"
