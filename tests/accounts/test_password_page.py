"""The page on which a signed-in person changes their password."""

from __future__ import annotations

from datetime import timedelta

from oidc_server.core import clock
from oidc_server.core.limit_rules import LOGIN_ATTEMPTS
from tests.accounts.json_client import JsonClient, problem
from tests.accounts.own_pages import Owner, owner_of
from tests.accounts.people import ADA, Town
from tests.app_login import make_app
from tests.browsing import Browser, Visit
from tests.relying_party import PASSWORD, TestUser
from tests.stolen_cookies import DEVICE, SESSION, copy_of, is_signed_in, put

NEW = "four quiet green lamps"


def change(owner: Owner, current: str = PASSWORD, new: str = NEW) -> Visit:
    visit = owner.open("/account/password")
    return owner.browser.press(visit, "save", current_password=current, new_password=new)


def test_the_new_password_is_good_and_the_person_is_told(town: Town, owner: Owner) -> None:
    town.mail()
    visit = change(owner)
    assert (visit.path, "Your password is changed." in visit.words) == ("/account", True)
    assert "Your password is changed." not in owner.open("/account").words
    (letter,) = town.mail()
    assert (letter.recipient, letter.subject) == (ADA, "Your password was changed")
    app = JsonClient(town.server)
    assert problem(app.post("/auth/login", email=ADA, password=PASSWORD)) == (401, "credentials_wrong")
    app.login(TestUser(owner.user.id, ADA, NEW))
    assert town.server.audit("user.password_changed", str(owner.user.id))


def test_this_browser_goes_on_under_a_new_secret_and_all_others_end_f01_f11(town: Town, owner: Owner) -> None:
    other = owner_of(town.server, owner.user)
    before, known = owner.browser.cookie(SESSION), owner.browser.cookie(DEVICE)
    web = make_app(town.server, first_party=True)
    stolen = copy_of(owner.browser, web)
    change(owner)
    assert owner.is_signed_in()
    owner.open("/account/password")  # by the password that was given just now
    assert (owner.browser.cookie(SESSION), owner.browser.cookie(DEVICE)) != (before, known)
    assert not other.is_signed_in()
    assert is_signed_in(web, owner.browser)
    assert not is_signed_in(web, stolen)
    put(owner.browser, SESSION, before)
    assert not owner.is_signed_in()


def test_what_is_wrong_is_said_beside_the_field_and_no_password_comes_back(town: Town, owner: Owner) -> None:
    for current, new, words in (
        ("wrong", NEW, "The password is wrong."),
        (PASSWORD, "short", "A password has at least 8 characters."),
        (PASSWORD, ADA, "This password is your name or the name of this service."),
        ("", "", "Enter your present password."),
        (PASSWORD, "x" * 1025, "Enter at most 1024 characters."),
    ):
        visit = change(owner, current, new)
        assert (visit.status, words in visit.words) == (422, True), visit.words
        fields = visit.form_with("save").fields
        assert (fields["current_password"], fields["new_password"], fields["login"]) == ("", "", ADA)
    JsonClient(town.server).login(owner.user)


def test_it_is_no_place_to_guess_the_password_r02_r04(town: Town, owner: Owner) -> None:
    """The page, the JSON API and the sign-in page share one count."""
    app = JsonClient(town.server, "192.0.2.44").login(owner.user)
    for number in range(LOGIN_ATTEMPTS[0].amount):
        if number % 2:
            assert change(owner, "wrong").status == 422
        else:
            assert app.put("/users/me/password", current_password="wrong", new_password=NEW).status_code == 422
    refused = change(owner)
    assert (refused.status, "Too many attempts" in refused.words) == (429, True)
    assert int(refused.response.headers["Retry-After"]) > 0
    assert problem(app.put("/users/me/password", current_password=PASSWORD, new_password=NEW))[0] == 429
    stranger = Browser(town.server.app)
    stranger.http.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.44"
    assert stranger.sign_in(stranger.open("/account"), ADA, PASSWORD).status == 429
    clock.travel(timedelta(seconds=61))
    assert change(owner).path == "/account"
