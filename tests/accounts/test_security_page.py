"""The page on which a person sees their second factors, and those on which they name, order and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from oidc_server.accounts.pages.account.notices import Notice
from oidc_server.core import clock
from tests.accounts.guarded import Guarded, be_proven_by, guarded_owner
from tests.accounts.own_pages import Owner, owner_of
from tests.browsing import Visit
from tests.relying_party import Server, TestUser
from tests.second_factors import account_of, enrol_email, enrol_totp, recovery_codes, set_policy

PATH = "/account/security"


@pytest.fixture
def guarded(server: Server, user: TestUser) -> Guarded:
    """Ada, with an authenticator app."""
    return guarded_owner(server, user)


def page_of(owner: Owner, method_id: uuid.UUID) -> Visit:
    return owner.open(f"{PATH}/method?id={method_id}")


def in_order(visit: Visit, *texts: str) -> bool:
    """Whether all of them are on the page, one after the other."""
    words = visit.words
    for text in texts:
        _, found, words = words.partition(text)
        if not found:
            return False
    return True


def test_who_has_none_is_told_what_that_means_and_where_to_begin(owner: Owner) -> None:
    assert "Off: your password alone lets people in" in owner.open("/account").words
    page = owner.open(PATH)
    assert "whoever learns your password gets in" in page.words
    assert 'href="/account/security/add"' in page.response.text
    assert "Recovery codes" not in page.words


def test_it_tells_the_methods_in_their_order_and_when_each_was_used(
    server: Server, user: TestUser, guarded: Guarded
) -> None:
    enrol_email(server, user, "Post")
    page = guarded.open(PATH)
    used = f"Last used: {clock.now():%Y-%m-%d}"
    assert in_order(page, "Authenticator app", "asked for first", used, "Post", "Email · a•••@example.com", "never")
    assert user.email not in page.words.split("You are signed in as")[0]
    assert "On: besides your password" in guarded.open("/account").words


def test_a_method_is_renamed(guarded: Guarded) -> None:
    page = guarded.open(guarded.method_page)
    done = guarded.browser.press(page, "rename", name="  My  phone ")
    assert (done.path, "The name is changed." in done.words) == (PATH, True)
    assert "My phone" in done.words
    assert guarded.open(guarded.method_page).forms[0].fields["name"] == "My phone"


def test_a_name_that_is_none_is_refused(guarded: Guarded) -> None:
    page = guarded.open(guarded.method_page)
    for name in ("", "   ", "x" * 101, "a\nb", "a\x00b"):
        refused = guarded.browser.press(page, "rename", name=name)
        assert (refused.status, 'aria-invalid="true"' in refused.response.text) == (422, True), name
    assert "Authenticator app" in guarded.open(PATH).words


def test_another_method_is_asked_for_first(server: Server, user: TestUser, guarded: Guarded) -> None:
    email = enrol_email(server, user, "Post")
    assert "first" not in guarded.open(guarded.method_page).form_with("rename").buttons
    done = guarded.browser.press(page_of(guarded, email), "first")
    assert "asked for first from now on" in done.words
    assert in_order(done, "you choose another", "Post", "asked for first", "Authenticator app")
    assert account_of(server, user).second_factors == ["totp", "email"]  # which there are does not depend on it


def test_a_method_is_removed_and_with_the_last_one_the_recovery_codes(
    server: Server, user: TestUser, guarded: Guarded
) -> None:
    recovery_codes(server, user)
    email = enrol_email(server, user, "Post")
    done = guarded.browser.press(page_of(guarded, email), "remove")
    assert (done.path, "The second factor is removed." in done.words, "Post" in done.words) == (PATH, True, False)
    assert "Unused recovery codes: 10" in done.words
    last = guarded.open(guarded.method_page)
    assert "It is your only one." in last.words
    done = guarded.browser.press(last, "remove")
    assert "whoever learns your password gets in" in done.words
    assert account_of(server, user).second_factors is None
    assert [event.detail["kind"] for event in server.audit("mfa.method_removed", str(user.id))] == ["email", "totp"]


def test_the_last_method_stays_where_a_policy_demands_one_m15(server: Server, user: TestUser, guarded: Guarded) -> None:
    set_policy(server, user=user, level="required", methods=["totp"])
    other = enrol_email(server, user)  # none that would do
    refused = guarded.browser.press(guarded.open(guarded.method_page), "remove")
    assert refused.status == 409
    assert "You need a second factor here, and this is your last one." in refused.words
    assert 'role="alert"' in refused.response.text
    assert account_of(server, user).second_factors == ["totp", "email"]
    assert guarded.browser.press(page_of(guarded, other), "remove").path == PATH
    second = enrol_totp(server, user, "Tablet")
    assert "The second factor is removed." in guarded.browser.press(guarded.open(guarded.method_page), "remove").words
    assert guarded.browser.press(page_of(guarded, second.method_id), "remove").status == 409


def test_what_is_somebody_elses_and_what_is_not_there_are_told_alike(server: Server, guarded: Guarded) -> None:
    theirs = enrol_totp(server, server.user("eve@example.com")).method_id
    for method_id in (str(theirs), str(uuid.uuid4()), "x", ""):
        visit = guarded.browser.open(f"{PATH}/method?id={method_id}")
        assert (visit.path, "There is no such second factor any more." in visit.words) == (PATH, True)


def test_a_page_that_was_left_open_does_nothing_to_a_method_that_is_gone(guarded: Guarded) -> None:
    left_open = guarded.open(guarded.method_page)
    guarded.browser.press(left_open, "remove")
    for button in ("rename", "remove"):
        visit = guarded.browser.press(left_open, button)
        assert (visit.path, "There is no such second factor any more." in visit.words) == (PATH, True)


def test_what_no_button_says_does_nothing_f04(server: Server, user: TestUser, guarded: Guarded) -> None:
    token = guarded.open(guarded.method_page).forms[0].fields["csrf_token"]
    for said in ({}, {"do": "erase"}, {"do": ""}):
        assert guarded.browser.post(guarded.method_page, {"csrf_token": token, "name": "x"} | said).status == 403
    assert "Authenticator app" in guarded.open(PATH).words


def test_the_notices_have_words(owner: Owner) -> None:
    """Every one that these pages leave behind."""
    for notice in Notice:
        owner.browser.http.set_cookie("__Host-notice", notice.value, domain="localhost", secure=True)
        assert 'id="notice"' in owner.open("/account").response.text, notice


def test_where_nobody_is_asked_none_is_offered_and_what_there_is_can_be_removed(
    make_server: Callable[..., Server], user: TestUser
) -> None:
    server = make_server(mfa="off")
    totp = enrol_totp(server, user)
    owner = owner_of(server, user)
    assert "Off: your password alone lets people in" in owner.open("/account").words
    page = owner.open(PATH)
    assert "No second factors are used here." in page.words
    assert "/account/security/add" not in page.response.text
    assert owner.browser.open(f"{PATH}/add").path.startswith(
        "/sign-in/second-factor"
    )  # whoever has one proves it (M13)
    be_proven_by(server, user, ["pwd", "otp", "mfa"])
    assert "No second factors are used here." in owner.open(f"{PATH}/add").words
    owner.browser.press(page_of(owner, totp.method_id), "remove")
    assert account_of(server, user).second_factors is None
