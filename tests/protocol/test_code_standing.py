"""Between a code and its exchange: whoever may not have tokens any more gets none, and nobody gets another's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from oidc_server.audit.service import SYSTEM
from oidc_server.authorizations.service import revoke
from oidc_server.clients.service import enable_client, find_client
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.sessions.assurance import ACR_PASSWORD
from oidc_server.sessions.epochs import begin_epoch
from oidc_server.sessions.service import end_sessions
from oidc_server.users.service import activate, find_user, suspend
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.protocol.authorizing import fresh_code, signed_in
from tests.relying_party import Server, TestUser, body_of, error

REFUSED = (400, "invalid_grant")
SECOND = timedelta(seconds=1)


def suspended(rp: App, user: TestUser) -> None:
    rp.server.suspend(user)


def locked(rp: App, user: TestUser) -> None:
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        found = find_user(session, str(user.id))
        assert found is not None
        suspend(session, found, actor=SYSTEM, until=clock.now() + timedelta(minutes=5))


def deleted(rp: App, user: TestUser) -> None:
    with rp.server.database.transaction() as session:
        session.delete(find_user(session, str(user.id)))


def everything_withdrawn(rp: App, user: TestUser) -> None:
    """As a change of the password, or an administrator, ends what a person has allowed."""
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        assert revoke(session, actor=SYSTEM, reason=Reason.PASSWORD_CHANGED, user_id=user.id) == 1


def this_app_withdrawn(rp: App, user: TestUser) -> None:
    """As a person who takes back what they allowed one app."""
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        reason, client_id = Reason.AUTHORIZATION_REVOKED, rp.client.client_id
        assert revoke(session, actor=SYSTEM, reason=reason, user_id=user.id, client_id=client_id) == 1


def sessions_ended(rp: App, user: TestUser) -> None:
    with rp.server.database.transaction() as session:
        assert end_sessions(session, user_id=user.id) == 1


def epoch_begun(rp: App, user: TestUser) -> None:
    del user
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        begin_epoch(session, actor=SYSTEM, clock_skew=timedelta())


CHANGES = (suspended, locked, deleted, everything_withdrawn, this_app_withdrawn, epoch_begun)
Change = Callable[[App, TestUser], None]


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_code_dies_with_what_it_stands_on_b13(rp: App, user: TestUser, change: Change, scope: str) -> None:
    code = fresh_code(rp, user, scope=scope)
    change(rp, user)
    assert error(rp.redeem(code)) == REFUSED


def test_a_code_dies_with_the_session_b13(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user)
    sessions_ended(rp, user)
    assert error(rp.redeem(code)) == REFUSED


def test_a_code_of_an_offline_grant_outlives_the_session_b13(rp: App, user: TestUser) -> None:
    """OpenID Connect Core §11: that is what the person has allowed."""
    code = fresh_code(rp, user, scope="openid offline_access")
    sessions_ended(rp, user)
    assert rp.redeem(code).status_code == 200


@pytest.mark.parametrize("client_type", ["confidential", "public"])
def test_a_disabled_client_gets_nothing_for_its_code_b13(
    server: Server, user: TestUser, settings: Settings, client_type: str
) -> None:
    """B13: at once, though the client itself may be remembered for some seconds."""
    rp = make_app(server, client_type)
    code = fresh_code(rp, user)
    server.disable(rp.client)
    assert error(rp.redeem(code)) in {REFUSED, (401, "invalid_client")}
    clock.travel(settings.client_cache_seconds * SECOND)
    assert error(rp.redeem(code)) == (401, "invalid_client")


def test_a_change_that_was_taken_back_leaves_the_code_b13(rp: App, user: TestUser) -> None:
    """What is refused for a time has not burnt the code: it is as good as it would have been, within its 60 seconds."""
    code = fresh_code(rp, user)
    suspended(rp, user)
    rp.server.disable(rp.client)
    assert error(rp.redeem(code)) in {REFUSED, (401, "invalid_client")}
    with rp.server.app.app_context(), rp.server.database.transaction() as session:
        person, client = find_user(session, str(user.id)), find_client(session, rp.client.client_id)
        assert person is not None
        assert client is not None
        activate(session, person, actor=SYSTEM)
        enable_client(session, client, actor=SYSTEM)
    rp.server.app.extensions["oidc_server.clients"].forget()
    assert rp.redeem(code).status_code == 200


def test_a_client_that_lost_the_grant_gets_nothing_for_its_code_b13(
    rp: App, user: TestUser, settings: Settings
) -> None:
    code = fresh_code(rp, user)
    rp.server.update(rp.client, grant_types=("client_credentials",))
    clock.travel(settings.client_cache_seconds * SECOND)
    assert error(rp.redeem(code)) == (400, "unauthorized_client")


def test_what_a_person_allowed_ends_where_the_code_would_have_been_used_b13(rp: App, user: TestUser) -> None:
    """The other order: what is withdrawn after the exchange ends what the exchange gave."""
    tokens = body_of(rp.redeem(fresh_code(rp, user)))
    everything_withdrawn(rp, user)
    assert rp.server.introspect(rp.client, tokens["access_token"]) == {"active": False}
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert error(rp.server.refresh(rp.client, tokens["refresh_token"])) == REFUSED


@pytest.mark.parametrize("same_browser", [True, False], ids=["same browser", "another browser"])
def test_each_code_says_who_it_was_made_for_b20(rp: App, user: TestUser, same_browser: bool) -> None:
    """B20: ``sub``, ``auth_time``, ``acr``, ``amr``, ``sid`` and ``nonce`` are the request's, not of who came later."""
    scope, other, browser = "openid email offline_access", rp.server.user(), Browser(rp.server.app)
    signed_in_at = clock.timestamp()
    first = rp.code(rp.log_in(browser, user, scope=scope))
    verifier, nonce = rp.verifier, rp.nonce
    clock.travel(20 * SECOND)
    second_browser = browser if same_browser else Browser(rp.server.app)
    second = rp.code(rp.log_in(second_browser, other, scope=scope, prompt="login"))
    later = rp.id_token(body_of(rp.redeem(second)))
    rp.verifier, rp.nonce = verifier, nonce
    tokens = body_of(rp.redeem(first))
    claims = rp.id_token(tokens)
    assert (claims["sub"], later["sub"]) == (str(user.id), str(other.id))
    assert claims["auth_time"] - signed_in_at in {0, 1}
    assert later["auth_time"] - signed_in_at in {20, 21}
    assert (claims["acr"], claims["amr"]) == (ACR_PASSWORD, ["pwd"])
    assert claims["sid"] != later["sid"]
    assert body_of(rp.userinfo(tokens["access_token"]))["email"] == user.email
    renewed = body_of(rp.server.refresh(rp.client, tokens["refresh_token"]))
    again = rp.id_token(renewed, nonce=False)
    assert {name: again[name] for name in ("sub", "auth_time", "sid")} == {
        name: claims[name] for name in ("sub", "auth_time", "sid")
    }


def test_who_signs_in_later_ends_the_session_of_the_one_before_b20(rp: App, user: TestUser) -> None:
    """Without ``offline_access``: the code gives the first person's tokens or nothing, and never the second one's."""
    browser = signed_in(rp, user)
    first = rp.code(rp.open(browser))
    verifier = rp.verifier
    rp.code(rp.log_in(browser, rp.server.user(), prompt="login"))
    assert error(rp.redeem(first, code_verifier=verifier)) == REFUSED


def test_a_later_sign_in_of_the_same_person_makes_the_code_no_younger_b20(rp: App, user: TestUser) -> None:
    browser = Browser(rp.server.app)
    signed_in_at = clock.timestamp()
    code = rp.code(rp.log_in(browser, user))
    verifier, nonce = rp.verifier, rp.nonce
    clock.travel(20 * SECOND)
    later = rp.id_token(rp.tokens(rp.log_in(browser, user, prompt="login")))
    rp.verifier, rp.nonce = verifier, nonce
    claims = rp.id_token(body_of(rp.redeem(code)))
    assert claims["auth_time"] - signed_in_at in {0, 1}
    assert later["auth_time"] - signed_in_at in {20, 21}
