"""Markup in whatever the authorization endpoint shows or posts back: it stays text, and nothing could run it anyway."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.authorizing import AUTHORIZE, assert_is_page, signed_in
from tests.relying_party import Server, TestUser

PLAIN = "zqxjkv"
MARKUP = (
    '"><script>zqxjkv(1)</script>', "'><img src=x onerror=zqxjkv(1)>", "</form><form action=https://zqxjkv.example>",
    '" autofocus onfocus="zqxjkv(1)', "<!--zqxjkv", "]]><zqxjkv>", "{{7*7}}zqxjkv", "javascript:zqxjkv(1)",
    "&quot;><zqxjkv>", "</title><zqxjkv>",
)  # fmt: skip


class Structure(HTMLParser):
    """The elements of a page with the names of their attributes, and its scripts."""

    def __init__(self, visit: Visit) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[str | None] = []
        self.feed(visit.response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", (data,)))


def assert_inert(visit: Visit, plain: Visit) -> None:
    """The page is built like the one that a plain word gave, and no script but ours may run on it."""
    structure = Structure(visit)
    assert structure.elements == Structure(plain).elements
    assert set(structure.scripts) <= {"/static/form_post.js", "/static/passkeys.js"}
    policy = visit.response.headers["Content-Security-Policy"]
    assert policy == plain.response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe|\*|data:|zqxjkv", policy)
    assert re.findall(r"script-src ([^;]*)", policy) == ["'self'"] * len(structure.scripts)


@pytest.fixture
def browser(rp: App) -> Browser:
    return signed_in(rp, rp.server.user())


@pytest.mark.parametrize("markup", MARKUP)
def test_a_form_that_is_posted_back_holds_markup_as_text_a09(rp: App, browser: Browser, markup: str) -> None:
    for prompt in (None, "none login"):
        answers = [
            rp.open(browser, state=text, nonce=text, response_mode="form_post", prompt=prompt)
            for text in (markup, PLAIN)
        ]
        assert answers[0].answer["state"] == markup
        assert_inert(*answers)
        policy = answers[0].response.headers["Content-Security-Policy"]
        assert "form-action 'self' https://app.example.com;" in policy


@pytest.mark.parametrize("markup", MARKUP)
def test_an_error_page_repeats_nothing_of_the_request_a09(rp: App, browser: Browser, markup: str) -> None:
    wrong: list[dict[str, str | None]] = [
        {"client_id": markup}, {"redirect_uri": markup}, {"redirect_uri": f"https://app.example.com/{markup}"},
        {"state": f"{markup}\0"}, {"redirect_uri": None, "error_description": markup, "error": markup},
        {"redirect_uri": None, "ui_locales": markup}, {"redirect_uri": None, markup: markup},
    ]  # fmt: skip
    plain = rp.open(browser, redirect_uri=PLAIN)
    for parameters in wrong:
        for visit in (rp.open(browser, **parameters), browser.post(AUTHORIZE, rp.request(**parameters))):
            assert_is_page(visit)
            assert "zqxjkv" not in visit.response.text
            assert_inert(visit, plain)
    assert_is_page(browser.open(f"/oauth/authorize/continue?interaction={markup}"))


@pytest.mark.parametrize("markup", MARKUP)
def test_the_error_that_an_app_is_told_repeats_nothing_of_the_request_a09(
    rp: App, browser: Browser, markup: str
) -> None:
    for name in ("response_type", "scope", "prompt", "max_age", "claims", "code_challenge_method", "resource"):
        visit = rp.open(browser, **{name: markup})
        rp.error(visit)
        assert "zqxjkv" not in visit.answer["error_description"]


def pages(server: Server, user: TestUser, name: str) -> list[Visit]:
    """Every page that shows the app's name, or what somebody typed."""
    rp, browser = make_app(server, client_name=name), Browser(server.app)
    first = rp.open(browser, prompt="login consent", login_hint=name, scope=None)
    wrong = browser.press(first, "continue", login=name, password="x")
    assert wrong.form.fields["login"] == name
    consent = browser.sign_in(wrong, user.email, user.password)
    assert consent.path.startswith("/consent")
    chooser = rp.open(browser, prompt="select_account")
    assert chooser.path.startswith("/choose-account")
    sign_out = browser.open(f"/oauth/logout?client_id={rp.client.client_id}")
    assert sign_out.path.startswith("/sign-out")
    return [first, wrong, consent, chooser, sign_out]


@pytest.mark.parametrize("markup", MARKUP)
def test_pages_show_the_names_of_apps_as_text_a09(server: Server, markup: str) -> None:
    user = server.user()
    shown = pages(server, user, markup)
    for visit, plain in zip(shown, pages(server, user, PLAIN), strict=True):
        assert_inert(visit, plain)
    assert all(markup in visit.words for visit in shown[:3])
