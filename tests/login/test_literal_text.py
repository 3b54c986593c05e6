"""W15: whatever people, apps or browsers write is shown as they wrote it: no markup, no template, no format."""

from __future__ import annotations

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server
from tests.watched_browser import WatchedBrowser, see_every_page

HOSTILE = [
    "<script>alert(1)</script>", "{{7*7}}", "{% print 7*7 %}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "%(client)s %s %d {0}",
    "<img src=x onerror=alert(1)>", "\"'><svg/onload=alert(1)>", "&lt;b&gt; &amp;", "<!-- -->", "</form></main>",
    "javascript:alert(1)",
]  # fmt: skip
# What a scope may be made of (RFC 6749 §3.3), and an email address as people type it.
HOSTILE_SCOPES = ["<script>alert(1)</script>", "{{7*7}}", "${7*7}", "<img/src=x/onerror=alert(1)>", "%(scope)s", "%s"]


def is_literal(visit: Visit, text: str) -> bool:
    """Whether a page shows the text, and nothing came of it."""
    raw = visit.response.text
    if "<" in text:
        assert text not in raw, "it is markup"
    assert "49" not in visit.words, "it was computed"
    return " ".join(text.split()) in visit.words


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_an_app_is_text_w15_d21(server: Server, name: str) -> None:
    app, browser = make_app(server, client_name=name), Browser(server.app)
    user = server.user("ada@example.com")
    page = app.open(browser)
    assert is_literal(page, name)
    assert is_literal(browser.sign_in(page, user.email, "a wrong password"), name)
    consent = browser.sign_in(page, user.email, user.password)
    assert is_literal(consent, name)
    app.tokens(browser.press(consent, "allow"))
    assert is_literal(app.open(browser, prompt="select_account"), name)
    question = browser.open(f"/oauth/logout?client_id={app.client.client_id}")
    assert is_literal(question, name)


@pytest.mark.parametrize("scope", HOSTILE_SCOPES)
def test_a_scope_is_text_w15(server: Server, scope: str) -> None:
    app, browser = make_app(server, scope=f"openid {scope}"), Browser(server.app)
    user = server.user("ada@example.com")
    consent = browser.sign_in(app.open(browser, scope=f"openid {scope}"), user.email, user.password)
    assert consent.path.startswith("/consent")
    assert is_literal(consent, scope)
    assert app.tokens(browser.press(consent, "allow"))["scope"].split() == ["openid", scope]


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_is_typed_as_a_name_stays_as_it_is_w15(server: Server, typed: str) -> None:
    """In the form after a mistake, and when an app gives it as a hint."""
    app, browser = make_app(server), Browser(server.app)
    for visit in (
        browser.sign_in(app.open(browser), typed, "a wrong password"),
        app.open(browser, login_hint=typed),
    ):
        assert visit.form.fields["login"] == typed
        assert set(visit.form.fields) == {"csrf_token", "login", "password", "credential"}
        assert "<script>alert" not in visit.response.text
        assert "49" not in visit.words


@pytest.mark.parametrize("state", [text for text in HOSTILE if text.isascii()])
def test_a_state_comes_back_as_it_was_w15_a14(server: Server, state: str) -> None:
    app, user, browser = make_app(server, first_party=True), server.user(), Browser(server.app)
    app.tokens(app.log_in(browser, user))
    for response_mode in ("query", "form_post"):
        visit = app.open(browser, state=state, response_mode=response_mode)
        assert visit.answer["state"] == state
        if response_mode == "form_post":
            assert set(visit.answer) == {"code", "state", "iss"}
            assert "<script>alert" not in visit.response.text
    question = browser.open("/oauth/logout", query_string={"state": state})
    assert question.form.fields["state"] == state
    assert set(question.form.fields) == {"csrf_token", "state"}


@pytest.mark.parametrize("text", HOSTILE)
def test_error_pages_repeat_nothing_of_the_request_w15_a09(server: Server, text: str) -> None:
    app, browser = make_app(server), Browser(server.app)
    addresses: list[tuple[str, dict[str, str]]] = [
        ("/oauth/authorize", app.request(client_id=text)),
        ("/oauth/authorize", app.request(redirect_uri=text)),
        ("/oauth/authorize", {text: text}),
        ("/oauth/logout", {"post_logout_redirect_uri": text, "client_id": app.client.client_id}),
        ("/oauth/logout", {"id_token_hint": text}),
        ("/sign-in", {"interaction": text}),
        ("/consent", {text: text}),
    ]
    for path, query in addresses:
        visit = browser.open(path, query_string=query)
        assert (visit.status, visit.elsewhere) == (400, None)
        assert text not in visit.words
        assert text not in visit.response.text


def test_no_header_of_a_browser_is_repeated_on_a_page_w15(server: Server) -> None:
    app, browser = make_app(server), WatchedBrowser(server.app)
    hostile = "\"><script>alert('zqxjkv')</script>{{7*7}}"
    for header in ("ACCEPT_LANGUAGE", "USER_AGENT", "REFERER", "ORIGIN", "X_REQUEST_ID", "COOKIE2"):
        browser.http.environ_base[f"HTTP_{header}"] = hostile
    see_every_page(browser, app, server.user())
    for page in browser.pages:
        assert "zqxjkv" not in page.text
        assert "zqxjkv" not in str(page.headers)


@pytest.mark.parametrize("email", ["{{7*7}}@example.com", "{%x%}@example.com", "a&lt&amp@example.com"])
def test_the_name_of_an_account_is_text_w15(server: Server, email: str) -> None:
    app, user, browser = make_app(server), server.user(email), Browser(server.app)
    consent = browser.sign_in(app.open(browser), user.email, user.password)
    assert is_literal(consent, email)
    app.tokens(browser.press(consent, "allow"))
    assert is_literal(app.open(browser, prompt="select_account"), email)
    assert is_literal(browser.open("/sign-out"), email)
    assert is_literal(browser.open("/signed-out"), email)


def test_an_app_named_like_a_format_does_not_break_its_page_w15(server: Server) -> None:
    """Translated texts are formatted with %: a name must not be."""
    app: App = make_app(server, client_name="100 % (yours)s %(account)s")
    browser = Browser(server.app)
    browser.http.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    visit = browser.sign_in(app.open(browser), "%(time)s %s", "a wrong password")
    assert "100 % (yours)s %(account)s" in visit.words
