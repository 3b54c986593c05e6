"""The page on which people make an account: what it says beside the fields, and that it tells nobody who has one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oidc_server.core import clock
from tests.accounts.conftest import MakeTown
from tests.accounts.people import ADA, Town
from tests.accounts.walks import SENT, browser_at, can_sign_in, only_letter, register
from tests.browsing import Browser
from tests.relying_party import PASSWORD

VARYING = {"X-Request-Id", "Date"}
MISTAKES = [
    ({"email": ""}, "Enter your email address."),
    ({"email": "nobody"}, "Enter an email address, such as ada@example.com."),
    ({"email": "a\0@example.com"}, "Enter an email address, such as ada@example.com."),
    ({"password": ""}, "Choose a password."),
    ({"password": "short"}, "A password has at least 8 characters."),
    ({"password": "password123"}, "This password is one of those that are guessed first. Choose another."),
    ({"password": ADA}, "This password is your name or the name of this service. Choose another."),
    ({"password": "x" * 1025}, "Enter at most 1024 characters."),
    ({"username": "a b"}, "A username has 1 to 64 letters, digits, dots, hyphens, underscores or plus signs."),
    ({"username": "Mike"}, "Somebody has this username already. Choose another."),
    ({"full_name": "Ada\u202eevil"}, "There are signs in it that no name has."),
]


@pytest.fixture
def browser(town: Town) -> Browser:
    return browser_at(town)


def test_a_person_registers_confirms_the_address_and_signs_in(town: Town, browser: Browser) -> None:
    sent = register(browser, " Ada@example.com ", full_name="Ada Lovelace", username="ada")
    assert (sent.path, sent.status) == ("/register/sent", 200)
    assert SENT in sent.words
    letter = only_letter(town, "Ada@example.com")
    page = browser.open(letter.link)
    assert "Ada@example.com" in page.words
    assert set(page.form.fields) == {"csrf_token", "token"}
    done = browser.press(page, "continue")
    assert done.path == "/sign-in"
    assert "Your email address is confirmed." in done.words
    home = browser.sign_in(done, "ada", PASSWORD)
    assert home.path == "/account"
    assert "Ada Lovelace" in home.words
    me = town.app.http.get("/auth/me", headers=_token_of(town))
    assert me.json is not None
    assert (me.json["email"], me.json["username"], me.json["is_verified"]) == ("Ada@example.com", "ada", True)


def _token_of(town: Town) -> dict[str, str]:
    response = town.app.post("/auth/login", email=ADA, password=PASSWORD)
    assert response.json is not None
    return {"Authorization": f"Bearer {response.json['access_token']}"}


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(town: Town, browser: Browser) -> None:
    town.server.user(username="mike")
    good = {"email": ADA, "password": PASSWORD, "username": "ada", "full_name": "Ada Lovelace"}
    for typed, words in MISTAKES:
        page = browser.press(browser.open("/register"), "continue", **good | typed)
        assert (page.path, page.status) == ("/register", 409 if typed == {"username": "Mike"} else 422)
        assert words in page.words
        (wrong,) = typed
        html = page.response.text
        assert f'aria-invalid="true" aria-describedby="{wrong}-error"' in html
        assert f'id="{wrong}-error"' in html
        assert html.count(" autofocus") == html.count("aria-invalid") == 1
        assert page.form.fields["password"] == ""
        assert PASSWORD not in html
        kept = {name: page.form.fields[name] for name in ("username", "full_name") if name != wrong}
        assert kept == {name: good[name] for name in kept}
    assert town.mail() == []


def test_an_address_that_has_an_account_is_answered_alike_g01(town: Town) -> None:
    """By the page that follows, too; the owner is told."""
    town.server.user(ADA)
    answers = []
    for email in (ADA, "nobody@example.com"):
        browser = browser_at(town)
        page = browser.open("/register")
        data = page.form.fields | {"email": email, "password": PASSWORD}
        answer = browser.http.post("/register", data=data)
        after = browser.open("/register/sent")
        headers = [(name, value) for name, value in answer.headers if name not in VARYING]
        answers.append((answer.status_code, answer.data, headers, after.words))
    assert answers[0] == answers[1]
    assert {letter.recipient: letter.subject for letter in town.mail()} == {
        ADA: "You have an account already",
        "nobody@example.com": "Confirm your email address",
    }


def test_nobody_is_signed_in_by_registering(town: Town, browser: Browser) -> None:
    register(browser)
    assert browser.cookie("session") is None
    assert can_sign_in(town, PASSWORD)


def test_a_taken_address_is_told_only_where_the_operator_wants_it(make_town: MakeTown) -> None:
    town = make_town(registration_reveals_taken_email=True)
    town.server.user(ADA)
    page = register(browser_at(town))
    assert page.status == 409
    assert "This email address has an account already." in page.words


def test_nobody_registers_where_that_is_closed_g27(make_town: MakeTown) -> None:
    open_browser = browser_at(make_town())
    page = open_browser.open("/register")
    closed = make_town(registration="closed")
    browser = browser_at(closed)
    browser.http.set_cookie("__Host-browser", open_browser.cookie("browser") or "", domain="localhost", path="/")
    data = page.form.fields | {"email": ADA, "password": PASSWORD}
    for visit in (browser.open("/register"), browser.post("/register", data)):
        assert visit.status == 403
        assert "Nobody can register here" in visit.words
    assert "Create an account" not in browser.open("/sign-in").words
    assert "Forgotten your password?" in browser.open("/sign-in").words
    assert closed.mail() == []


def test_the_page_speaks_german_and_so_does_the_mail(town: Town) -> None:
    browser = browser_at(town, language="de-AT,de;q=0.9")
    page = browser.open("/register")
    assert "Konto anlegen" in page.words
    page = browser.press(page, "continue", email="niemand", password="kurz")
    assert "Ein Passwort hat mindestens 8 Zeichen." in browser.press(page, "continue", email=ADA, password="kurz").words
    assert register(browser).status == 200
    assert only_letter(town).subject == "Bestätigen Sie Ihre E-Mail-Adresse"


def test_a_form_that_was_open_for_hours_makes_no_account(town: Town, browser: Browser) -> None:
    page = browser.open("/register")
    clock.travel(timedelta(hours=2))
    refused = browser.press(page, "continue", email=ADA, password=PASSWORD)
    assert refused.status == 403
    assert "This page was open for too long" in refused.words
    assert not can_sign_in(town, PASSWORD)


def test_nothing_that_a_form_adds_gives_a_privilege_g23(town: Town, browser: Browser) -> None:
    register(browser, is_superuser="1", superuser_since="2020-01-01", email_verified_at="2020-01-01", roles="admin")
    me = town.app.http.get("/auth/me", headers=_token_of(town))
    assert me.json is not None
    assert me.json["is_verified"] is False
    assert town.app.http.get("/users", headers=_token_of(town)).status_code == 403
