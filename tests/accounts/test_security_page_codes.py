"""The pages on which a person makes new recovery codes, and forgets the browsers that they trust."""

from __future__ import annotations

import re

import pytest

from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.trusted_devices import recognise, trust
from oidc_server.users.models import User
from tests.accounts.devices import FIREFOX, SAFARI
from tests.accounts.guarded import Guarded, guarded_owner
from tests.accounts.own_pages import Owner
from tests.relying_party import Server, TestUser
from tests.second_factors import factors_of, recovery_codes

CODES, BROWSERS = "/account/security/recovery-codes", "/account/security/browsers"
_CODE = re.compile(r"<code>([2-9a-z-]{19})</code>")


@pytest.fixture
def guarded(server: Server, user: TestUser) -> Guarded:
    """Ada, with an authenticator app."""
    return guarded_owner(server, user)


def trusted(server: Server, user: TestUser, user_agent: str) -> str:
    """Have a person trust a browser; its secret."""
    with server.database.transaction() as session:
        return trust(session, factors_of(server), session.get_one(User, user.id), user_agent)


def is_trusted(server: Server, user: TestUser, secret: str, user_agent: str) -> bool:
    with server.database.reading() as session:
        found = recognise(session, factors_of(server), session.get_one(User, user.id), secret, user_agent)
    return found is not None


def is_good(server: Server, user: TestUser, code: str) -> bool:
    given = Given(None, code)
    try:
        prove_factor(
            factors_of(server), user.id, given, bound_to="a test", kinds=frozenset(FactorKind), address="192.0.2.9"
        )
    except FactorWrong:
        return False
    return True


def test_who_has_no_factor_needs_no_recovery_codes(server: Server, user: TestUser, owner: Owner) -> None:
    page = owner.open(CODES)
    assert "They come with your first second factor." in page.words
    assert "make-codes" not in page.response.text


def test_new_recovery_codes_are_shown_once_and_void_those_before_m12(
    server: Server, user: TestUser, guarded: Guarded
) -> None:
    before = recovery_codes(server, user)
    page = guarded.open(CODES)
    assert "Unused recovery codes: 10" in page.words
    made = guarded.browser.press(page, "make-codes")
    codes = _CODE.findall(made.response.text)
    assert len(set(codes)) == 10
    assert made.response.headers["Cache-Control"] == "no-store"
    assert (is_good(server, user, codes[0]), is_good(server, user, before[0])) == (True, False)
    assert not _CODE.search(guarded.open(CODES).response.text)
    (event,) = server.audit("mfa.recovery_codes_made", str(user.id))[-1:]
    assert (event.actor_kind, event.actor_id) == ("user", str(user.id))


def test_the_page_tells_how_many_are_left(server: Server, user: TestUser, guarded: Guarded) -> None:
    assert "Unused recovery codes: 0" in guarded.open("/account/security").words
    recovery_codes(server, user)
    assert "Unused recovery codes: 10" in guarded.open("/account/security").words


def test_the_form_that_was_left_open_makes_no_codes_for_who_has_no_factor_any_more(
    server: Server, user: TestUser, guarded: Guarded
) -> None:
    left_open = guarded.open(CODES)
    guarded.browser.press(guarded.open(guarded.method_page), "remove")
    refused = guarded.browser.press(left_open, "make-codes")
    assert (refused.status, _CODE.findall(refused.response.text)) == (409, [])
    assert server.audit("mfa.recovery_codes_made", str(user.id)) == []


def test_browsers_that_are_trusted_are_shown_and_forgotten_one_by_one(
    server: Server, user: TestUser, guarded: Guarded
) -> None:
    assert "you are asked for a second factor in every browser" in guarded.open("/account/security").words
    safari, firefox = trusted(server, user, SAFARI), trusted(server, user, FIREFOX)
    words = guarded.open("/account/security").words
    assert "Firefox on Linux" in words
    assert "Safari on macOS" in words
    page = guarded.open(BROWSERS)
    assert page.words.index("Firefox") < page.words.index("Safari")
    done = guarded.browser.press(page, "forget-1")
    assert (done.path, "That browser is trusted no more." in done.words) == (BROWSERS, True)
    assert [is_trusted(server, user, safari, SAFARI), is_trusted(server, user, firefox, FIREFOX)] == [True, False]
    assert "forget-all" not in done.response.text
    assert "That browser is trusted no more." in guarded.browser.press(page, "forget-1").words


def test_all_browsers_are_forgotten_at_once(server: Server, user: TestUser, guarded: Guarded) -> None:
    secrets = [trusted(server, user, SAFARI) for _ in range(2)]
    done = guarded.browser.press(guarded.open(BROWSERS), "forget-all")
    assert "No browser is trusted any more." in done.words
    assert not any(is_trusted(server, user, secret, SAFARI) for secret in secrets)


def test_what_no_button_says_forgets_nothing_f04(server: Server, user: TestUser, guarded: Guarded) -> None:
    secret = trusted(server, user, SAFARI)
    token = guarded.open(BROWSERS).forms[0].fields["csrf_token"]
    for what in ("", "x", "ALL", "' OR 1=1"):
        assert guarded.browser.post(BROWSERS, {"csrf_token": token, "forget": what}).status == 403
    assert is_trusted(server, user, secret, SAFARI)
