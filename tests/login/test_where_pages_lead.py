"""F15, F20, F21, F23: pages lead to the app that asked and nowhere else, are kept by no cache, and call nobody."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server, TestUser
from tests.watched_browser import WatchedBrowser, no_store, see_every_page

ELSEWHERE = [
    "//evil.example", "/\\evil.example", "https:evil.example", "/%09/evil.example", "\t//evil.example",
    "javascript:alert(1)", "https://login.example.com@evil.example", "https://evil.example#login.example.com",
    "/ok\r\nLocation: https://evil.example", "https:/evil.example", "///evil.example", "http://evil.example",
]  # fmt: skip
# What other servers call the address to go to.
NAMES = [
    "next", "continue", "return_to", "returnUrl", "redirect", "redirect_uri", "redirect_url", "url", "goto", "target",
    "RelayState", "rd", "post_logout_redirect_uri", "from", "back", "state",
]  # fmt: skip


def with_everything(path: str, address: str) -> str:
    """The path with that address under each of the names."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode(dict.fromkeys(NAMES, address))}"


def leads_nowhere_else(visit: Visit, app: App) -> bool:
    """Whether the browser is on a page of the server, or at the app's own address."""
    return visit.elsewhere is None or visit.elsewhere.startswith(f"{app.redirect_uri}?")


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_parameter_of_a_page_leads_elsewhere_f15(web: App, user: TestUser, address: str) -> None:
    """There is none to name an address: a page knows its request by the id of the interaction, and no more."""
    browser = WatchedBrowser(web.server.app)
    page = web.open(browser, prompt="login consent select_account")
    everything = dict.fromkeys(NAMES, address)
    visit = browser.post(with_everything(page.path, address), credentials(page, user) | everything)
    assert visit.path.startswith("/consent")
    visit = browser.post(with_everything(visit.path, address), visit.form.fields | {"answer": "allow"} | everything)
    assert leads_nowhere_else(visit, web)
    assert web.tokens(visit)
    chooser = web.open(browser, prompt="select_account")
    visit = browser.post(with_everything(chooser.path, address), chooser.form.fields | {"account": "this"} | everything)
    assert web.code(visit)
    for path in ("/signed-out", "/oauth/authorize/continue", "/sign-in", "/consent", "/choose-account"):
        assert browser.open(with_everything(path, address)).elsewhere is None
    assert all(is_ours(answer.headers["Location"], web) for answer in browser.redirects)


def credentials(page: Visit, user: TestUser) -> dict[str, str]:
    return page.form.fields | {"login": user.email, "password": user.password}


def is_ours(location: str, app: App) -> bool:
    if location.startswith(f"{app.redirect_uri}?"):
        return True
    parts = urlsplit(location)
    return (parts.scheme, parts.netloc) in {("", ""), ("https", "login.example.com")} and re.match(
        r"(https://login\.example\.com)?/[a-z]", location
    ) is not None


@pytest.mark.parametrize(
    "interaction", [*ELSEWHERE, "", "x", "00000000-0000-0000-0000-000000000000", "../../evil", "1" * 5000, "é", "\0"]
)
def test_no_interaction_that_is_none_leads_anywhere_f15(web: App, interaction: str) -> None:
    browser = Browser(web.server.app)
    web.open(browser)
    for path in ("/sign-in", "/consent", "/choose-account", "/oauth/authorize/continue"):
        visit = browser.open(f"{path}?interaction={quote(interaction)}")
        assert (visit.status, visit.elsewhere) == (400, None)
        assert "This sign-in is over" in visit.words
        assert browser.post(f"{path}?interaction={quote(interaction)}", {}).elsewhere is None


def test_an_interaction_of_another_browser_leads_nowhere_f15(web: App, user: TestUser) -> None:
    """Its id is in addresses, which people copy and logs keep."""
    browser, other = Browser(web.server.app), Browser(web.server.app)
    page = web.open(browser)
    make_app(web.server).open(other)
    for path in (page.path, page.path.replace("/sign-in", "/oauth/authorize/continue")):
        assert (other.open(path).status, other.open(path).elsewhere) == (400, None)
    assert other.post(page.path, credentials(page, user)).status in {400, 403}
    web.tokens(browser.press(browser.sign_in(page, user.email, user.password), "allow"))


def test_no_cache_keeps_what_the_server_answers_to_a_browser_f20(server: Server, web: App, user: TestUser) -> None:
    browser = WatchedBrowser(server.app)
    tokens = see_every_page(browser, web, user)
    browser.open("/sign-in/missing")
    browser.http.put("/sign-in")
    assert len(browser.pages) > 12
    for answer in browser.answers:
        assert no_store(answer), f"{answer.request.path}: {answer.headers}"
    for page in browser.pages:
        assert "Cookie" in page.headers["Vary"], page.request.path
    for answer in (
        web.userinfo(tokens["access_token"]),
        web.userinfo("nonsense"),
        web.redeem("nonsense"),
        server.refresh(web.client, tokens["refresh_token"]),
    ):
        assert no_store(answer)


def test_after_a_form_the_browser_goes_on_with_303_f21(server: Server, web: App, user: TestUser) -> None:
    """With 307 it would send the password on to where it is led."""
    browser = WatchedBrowser(server.app)
    see_every_page(browser, web, user)
    assert {answer.status_code for answer in browser.redirects} == {303}
    after_forms = [answer for answer in browser.redirects if answer.request.method == "POST"]
    assert {answer.request.path for answer in after_forms} == {"/sign-in", "/consent", "/choose-account", "/sign-out"}


def test_pages_call_nobody_and_tell_nobody_where_they_are_f23(server: Server, user: TestUser) -> None:
    """All that a page loads comes from this server; links to the app's own pages are followed by people only, without
    a referrer."""
    links = {"client_uri": "https://app.example.com/about", "policy_uri": "https://app.example.com/privacy"}
    web, browser = make_app(server, **links), WatchedBrowser(server.app)
    see_every_page(browser, web, user)
    for page in browser.pages:
        assert page.headers["Referrer-Policy"] == "no-referrer"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        for tag, address in re.findall(r'<(\w+)[^>]*?(?:src|href|action|srcset|data)="([^"]*)"', page.text):
            assert is_loaded_here(tag, address, web), (page.request.path, tag, address)
        for anchor in re.findall(r"<a [^>]*>", page.text):
            assert 'rel="noreferrer noopener"' in anchor or re.search(r' href="/[a-z]', anchor)
        assert not re.search(r"<(iframe|object|embed|video|audio|base)\b|http-equiv|url\(|ping=", page.text)


def is_loaded_here(tag: str, address: str, app: App) -> bool:
    if tag == "a":
        return address.startswith("https://app.example.com/") or re.match(r"/[a-z]", address) is not None
    if tag == "form":
        return address in {"", "/sign-out", app.redirect_uri} or address.endswith("/sign-out")
    return address.startswith(("/static/", "/logos/", "https://login.example.com/static/"))


def test_no_page_is_shown_inside_of_another_site_f06(server: Server, web: App, user: TestUser) -> None:
    browser = WatchedBrowser(server.app)
    see_every_page(browser, web, user)
    for page in browser.pages:
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"], page.request.path
