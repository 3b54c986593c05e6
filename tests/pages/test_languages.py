"""In which language a page speaks: what the app asked for, then what the browser prefers, then English."""

from __future__ import annotations

import pytest
from flask import Flask

from oidc_server.pages.languages import length_of_time
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.relying_party import Server

ENGLISH, GERMAN = "Sign in", "Anmelden"


def german_browser(server: Server, accepts: str = "de") -> Browser:
    """A browser whose owner reads German, or what they read."""
    browser = Browser(server.app)
    browser.http.environ_base["HTTP_ACCEPT_LANGUAGE"] = accepts
    return browser


def language(visit: Visit) -> str:
    """The language of a page, which says so in two places."""
    declared = visit.response.headers["Content-Language"]
    assert f'<html lang="{declared}">' in visit.response.text
    return declared


@pytest.mark.parametrize(
    ("accepts", "spoken"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de-CH-1996;q=0.9, en;q=0.1", "de"),
        ("fr, de;q=0.5, en;q=0.4", "de"),
        ("fr-CA, en;q=0.5, de;q=0.4", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=0", "en"),
        ("xx-klingon, ;;;, de_AT,, \x7f", "en"),
        ("en-GB, de", "en"),
    ],
)
def test_a_page_speaks_what_the_browser_prefers(server: Server, accepts: str, spoken: str) -> None:
    visit = make_app(server).open(german_browser(server, accepts))
    assert language(visit) == spoken
    assert (GERMAN if spoken == "de" else ENGLISH) in visit.words
    assert "Accept-Language" in visit.response.headers["Vary"]


@pytest.mark.parametrize(
    ("ui_locales", "spoken"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("de-Latn-DE", "de"),
        ("fr-CA de en", "de"),
        ("fr en de", "en"),
        ("en", "en"),
    ],
)
def test_what_the_app_asks_for_comes_before_what_the_browser_prefers(
    server: Server, ui_locales: str, spoken: str
) -> None:
    browser = german_browser(server, "en" if spoken == "de" else "de")
    assert language(make_app(server).open(browser, ui_locales=ui_locales)) == spoken


@pytest.mark.parametrize(
    "unknown",
    ["fr", "tlh", "xx-YY", "i-klingon", "de_AT", "x", "-", "--", "../../de", "de/../en", "d" * 4000, "de\\", "1", "%s"],
)
def test_an_unknown_tag_says_nothing_and_the_browser_is_asked(server: Server, unknown: str) -> None:
    app = make_app(server)
    assert language(app.open(german_browser(server), ui_locales=unknown)) == "de"
    assert language(app.open(Browser(server.app), ui_locales=unknown)) == "en"


def in_german(server: Server, app: App, **parameters: str) -> tuple[Browser, Visit]:
    """A browser that would have English, sent by an app that wants German."""
    browser = Browser(server.app)
    return browser, app.open(browser, ui_locales="de", **parameters)


def test_the_language_that_the_app_asked_for_stays_until_the_end(server: Server) -> None:
    app, user = make_app(server), server.user()
    browser, visit = in_german(server, app, response_mode="form_post", prompt="consent", scope="openid offline_access")
    visit = browser.sign_in(visit, user.email, "wrong")
    assert (language(visit), visit.status) == ("de", 422)
    assert "Fehler: Anmelden · oidc-server" in visit.words
    assert "Der Name oder das Passwort ist falsch." in visit.words
    visit = browser.sign_in(visit, user.email, user.password)
    assert language(visit) == "de"
    for words in ("Zugriff erlauben?", "wissen, dass Sie es sind", "bis zu 180 Tage lang", "Ablehnen"):
        assert words in visit.words
    visit = browser.press(visit, "allow")
    assert language(visit) == "de"
    assert "Zurück zur App" in visit.words


def test_the_account_chooser_speaks_german(server: Server) -> None:
    app, user = make_app(server), server.user()
    browser = Browser(server.app)
    app.log_in(browser, user)
    visit = app.open(browser, ui_locales="de", prompt="select_account")
    assert language(visit) == "de"
    assert "Anderes Konto benutzen" in visit.words


def test_what_is_wrong_with_a_field_is_said_in_german(server: Server) -> None:
    browser, visit = in_german(server, make_app(server))
    empty = browser.sign_in(visit, "", "")
    assert "Geben Sie Ihre E-Mail-Adresse oder Ihren Benutzernamen ein." in empty.words
    assert "Geben Sie Ihr Passwort ein." in empty.words
    assert "Geben Sie höchstens 320 Zeichen ein." in browser.sign_in(visit, "a" * 321, "x").words


def test_whoever_tries_too_often_is_told_to_wait_in_german(server: Server) -> None:
    user = server.user()
    browser, visit = in_german(server, make_app(server))
    for _ in range(5):
        assert browser.sign_in(visit, user.email, "wrong").status == 422
    refused = browser.sign_in(visit, user.email, "wrong")
    assert refused.status == 429
    assert "Versuchen Sie es in 1 Minute noch einmal." in refused.words


def test_signing_out_speaks_german(server: Server) -> None:
    app, user = make_app(server), server.user()
    browser = german_browser(server)
    app.log_in(browser, user)
    visit = browser.open("/oauth/logout")
    assert "Abmelden?" in visit.words
    assert f"Sie sind als {user.email} angemeldet." in visit.words
    assert "Sie sind noch angemeldet" in browser.press(visit, "stay").words
    assert "Sie sind abgemeldet" in browser.press(visit, "logout").words


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/oauth/authorize", 400, "Die App kann nicht benutzt werden"),
        ("/sign-in?interaction=none", 400, "Diese Seite braucht Cookies"),
        ("/oauth/logout?post_logout_redirect_uri=https://x.example", 400, "Die App hat eine falsche Adresse angegeben"),
        ("/oauth/logout?state=1&state=2", 400, "Die Anfrage kann nicht beantwortet werden"),
    ],
)
def test_an_error_page_speaks_german(server: Server, path: str, status: int, words: str) -> None:
    visit = german_browser(server, "de-AT").open(path)
    assert (visit.status, language(visit)) == (status, "de")
    assert words in visit.words
    assert "nennen Sie den Betreibern dieses Dienstes diese Nummer" in visit.words
    assert visit.response.headers["X-Request-Id"] in visit.words


def test_an_error_page_speaks_what_the_app_asked_for(server: Server) -> None:
    visit = Browser(server.app).open("/oauth/authorize?client_id=none&ui_locales=fr+de-AT")
    assert language(visit) == "de"


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "1 minute", "1 Minute"),
        (61, "2 minutes", "2 Minuten"),
        (7199, "120 minutes", "120 Minuten"),
        (7200, "2 hours", "2 Stunden"),
        (86_400, "24 hours", "24 Stunden"),
        (172_801, "3 days", "3 Tage"),
        (180 * 86_400, "180 days", "180 Tage"),
    ],
)
def test_a_length_of_time_is_rounded_up_in_words(app: Flask, seconds: int, english: str, german: str) -> None:
    for accepts, words in (("en", english), ("de", german)):
        with app.test_request_context(headers={"Accept-Language": accepts}):
            assert length_of_time(seconds) == words
