"""Between the consent page and the code: the app goes, the form says more than it may, the scope grows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.service import delete_client, find_client
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.authorizing import assert_is_page, count_codes, refused
from tests.relying_party import TestUser


def disable(rp: App) -> None:
    rp.server.disable(rp.client)


def remove_redirect_uri(rp: App) -> None:
    rp.server.update(rp.client, redirect_uris=("https://app.example.com/other",))


def delete(rp: App) -> None:
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        client = find_client(session, rp.client.client_id)
        assert client is not None
        delete_client(session, client, actor=SYSTEM)


CHANGES = (disable, remove_redirect_uri, delete)


def at_consent(rp: App, browser: Browser, user: TestUser, **parameters: str) -> Visit:
    """A browser at the consent page."""
    visit = browser.sign_in(rp.open(browser, **parameters), user.email, user.password)
    assert visit.path.startswith("/consent")
    return visit


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("button", ["allow", "deny"])
def test_an_app_that_is_gone_when_the_person_answers_gets_nothing_a17(
    rp: App, user: TestUser, change: Callable[[App], None], button: str
) -> None:
    browser = Browser(rp.server.app)
    visit = at_consent(rp, browser, user)
    change(rp)
    assert_is_page(browser.press(visit, button))
    assert_is_page(browser.open(visit.path.replace("/consent", "/oauth/authorize/continue")))
    assert count_codes(rp.server) == 0


@pytest.mark.parametrize("change", CHANGES)
def test_an_app_that_is_gone_when_the_person_signs_in_gets_nothing_a17(
    rp: App, user: TestUser, change: Callable[[App], None]
) -> None:
    browser = Browser(rp.server.app)
    visit = rp.open(browser)
    change(rp)
    visit = browser.sign_in(visit, user.email, user.password)
    assert_is_page(visit)
    assert count_codes(rp.server) == 0


@pytest.mark.parametrize("change", CHANGES)
def test_an_app_that_is_gone_gets_nothing_of_what_was_allowed_before_a17(
    rp: App, user: TestUser, change: Callable[[App], None]
) -> None:
    browser = Browser(rp.server.app)
    rp.code(rp.log_in(browser, user))
    change(rp)
    before = count_codes(rp.server)
    assert_is_page(rp.open(browser))
    assert count_codes(rp.server) == before


def test_what_a_page_sends_back_cannot_change_the_request_a18(rp: App, user: TestUser) -> None:
    more = {
        "scope": "openid email orders:read offline_access", "client_id": "nobody", "state": "x", "nonce": "x",
        "redirect_uri": "https://evil.example/", "response_type": "token", "code_challenge": "x", "claims": "{}",
        "resource": "https://orders.example.com/", "interaction": "x", "request": "{}", "sub": "x", "max_age": "0",
    }  # fmt: skip
    browser = Browser(rp.server.app)
    visit = rp.open(browser, scope="openid")
    visit = browser.sign_in(visit, user.email, user.password, **more)
    assert visit.path.startswith("/consent")
    visit = browser.press(visit, "allow", **more)
    tokens = rp.tokens(visit)
    assert tokens["scope"] == "openid"
    assert rp.server.verify(tokens["access_token"])["scope"] == "openid"
    assert rp.userinfo(tokens["access_token"]).json == {"sub": str(user.id)}
    again = rp.open(browser, scope="openid email")
    assert again.path.startswith("/consent")  # nor was more remembered than was shown


def test_what_stands_in_the_address_of_a_page_cannot_change_the_request_a18(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    visit = at_consent(rp, browser, user, scope="openid")
    visit = browser.open(f"{visit.path}&scope=openid%20email&redirect_uri=https://evil.example/&client_id=nobody")
    assert rp.tokens(browser.press(visit, "allow"))["scope"] == "openid"


def test_a_scope_that_is_not_the_app_s_is_refused_a18(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    rp.code(rp.log_in(browser, user))
    for scope in (
        "openid admin",
        "orders:write",
        "openid Email",
        "openid,email",
        "*",
        "openid  email x",
        'openid "',
        "\\",
    ):
        assert refused(rp, rp.open(browser, scope=scope)) == "invalid_scope", scope
    assert count_codes(rp.server) == 1


def test_the_answer_always_says_which_scope_was_granted_a18(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    for asked, granted in (
        ("openid email", {"openid", "email"}), ("openid openid", {"openid"}), ("orders:read", {"orders:read"}),
        (None, {"openid", "profile", "email", "address", "phone", "offline_access", "orders:read"}),
    ):  # fmt: skip
        tokens = rp.tokens(rp.log_in(browser, user, scope=asked))
        assert set(tokens["scope"].split()) == granted
        assert set(rp.server.verify(tokens["access_token"])["scope"].split()) == granted


def test_a_scope_that_the_app_lost_meanwhile_is_not_issued_a18(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    code = rp.code(rp.log_in(browser, user, scope="openid email orders:read"))
    rp.server.update(rp.client, scope="openid email")
    tokens = rp.redeem(code).json
    assert tokens is not None
    assert tokens["scope"] == "openid email"


def test_more_than_was_allowed_is_asked_again_a18(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    rp.code(rp.log_in(browser, user, scope="openid email"))
    rp.code(rp.open(browser, scope="email openid"))
    for more in ({"scope": "openid email phone"}, {"claims": '{"userinfo":{"phone_number":null}}'}):
        visit = rp.open(browser, **({"scope": "openid email"} | more))
        assert visit.path.startswith("/consent"), more
        assert refused(rp, rp.open(browser, **({"scope": "openid"} | more), prompt="none")) == "consent_required"


def test_another_person_s_consent_counts_for_nothing_a18(rp: App, user: TestUser) -> None:
    rp.code(rp.log_in(Browser(rp.server.app), user))
    other, browser = rp.server.user(), Browser(rp.server.app)
    at_consent(rp, browser, other)
    rp.code(rp.log_in(browser, other))
    another = make_app(rp.server)
    assert another.open(browser).path.startswith("/consent")
