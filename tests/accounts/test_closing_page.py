"""The page on which a person closes their account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from oidc_server.core import clock
from oidc_server.users.models import Closure
from tests.accounts.json_client import JsonClient
from tests.accounts.own_pages import Owner, owner_of
from tests.accounts.people import ADA, Town, token_of
from tests.app_login import make_app
from tests.relying_party import PASSWORD, Server, TestUser
from tests.stolen_cookies import SESSION

PATH = "/account/close"


def erase_at(town: Town, owner: Owner) -> str | None:
    with town.server.database.reading() as session:
        closure = session.get(Closure, owner.user.id)
        return None if closure is None else f"{closure.erase_at:%Y-%m-%d, %H:%M UTC}"


def test_it_says_until_when_and_then_everything_ends(town: Town, owner: Owner) -> None:
    web, app = make_app(town.server), JsonClient(town.server).login(owner.user)
    tokens = web.tokens(web.log_in(owner.browser, owner.user, scope="openid offline_access"))
    town.mail()
    visit = owner.open(PATH)
    assert erase_at(town, owner) is None
    done = owner.browser.press(visit, "close-account")
    until = erase_at(town, owner)
    assert until is not None
    assert until[:-9] in visit.words
    assert (done.path, "Your account is closed" in done.words, until in done.words) == ("/account/closed", True, True)
    assert owner.browser.cookie(SESSION) is None
    assert app.get("/auth/me").status_code == 401
    assert town.server.refresh(web.client, tokens["refresh_token"]).status_code == 400
    (letter,) = town.mail()
    assert letter.recipient == ADA
    assert letter.link == "https://login.example.com/account"
    assert town.server.audit("user.closed", str(owner.user.id))


def test_signing_in_takes_it_back(town: Town, owner: Owner) -> None:
    closed = owner.browser.press(owner.open(PATH), "close-account")
    assert 'href="/account"' in closed.response.text
    visit = owner.browser.sign_in(owner.browser.open("/account"), ADA, PASSWORD)
    assert visit.path == "/account"
    assert erase_at(town, owner) is None
    assert owner.browser.open("/account/closed").path == "/account"


def test_nobody_else_is_told_that_anything_is_closed(town: Town, owner: Owner) -> None:
    other = owner_of(town.server, town.server.user())
    owner.browser.press(owner.open(PATH), "close-account")
    assert other.browser.open("/account/closed").path == "/account"


def test_a_change_of_the_address_that_can_be_taken_back_is_waited_for(
    town: Town, make_server: Callable[..., Server]
) -> None:
    """The page names the later day, as the account is kept until then."""
    server = make_server(closing_grace_days=1)
    owner = owner_of(server, server.user(ADA))
    owner.browser.press(owner.open("/account/email"), "save", email="new@example.com")
    (letter,) = [letter for letter in town.mail() if letter.recipient == "new@example.com"]
    JsonClient(server).login(owner.user).post("/auth/change-email/confirm", token=token_of(letter))
    visit = owner.open(PATH)
    owner.browser.press(visit, "close-account")
    until = erase_at(town, owner)
    assert until is not None
    assert until[:10] == f"{clock.now() + timedelta(days=7):%Y-%m-%d}"
    assert until[:10] in visit.words


def test_what_was_closed_and_is_open_again_can_be_used_as_before(town: Town, owner: Owner) -> None:
    owner.browser.press(owner.open(PATH), "close-account")
    again = owner_of(town.server, TestUser(owner.user.id, ADA, PASSWORD))
    assert "Close the account" in again.open(PATH).words
