"""Authorization codes as a state machine: honest clients, thieves, replays, and whatever ends a grant, in any order.

A model of a few lines predicts every answer; the server must agree on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oidc_server.audit.service import SYSTEM
from oidc_server.authorizations.sweep import sweep
from oidc_server.core import clock
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.keys.ring import KeyRing
from oidc_server.users.service import activate, find_user
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, body_of, error

pytestmark = pytest.mark.slow

LIFETIME = timedelta(seconds=60)
SLACK = timedelta(seconds=2)  # real time passes too; nothing is asked of a code so near to its end
REFUSED = (400, "invalid_grant")


@dataclass
class Code:
    """A code as the model knows it, and what it gave."""

    owner: App
    code: str
    verifier: str
    offline: bool
    made_at: datetime
    used: bool = False
    revoked: bool = False
    signed_out: bool = False
    tokens: dict[str, Any] | None = None
    tokens_end: datetime | None = None


class CodeMachine(RuleBasedStateMachine):
    def __init__(self, server: Server, apps: list[App], user: TestUser) -> None:
        super().__init__()
        self.server, self.apps, self.user = server, apps, user
        self.browser = Browser(server.app)
        self.codes: list[Code] = []
        self.suspended = False

    def _stands(self, code: Code) -> bool:
        return not (code.revoked or self.suspended or (code.signed_out and not code.offline))

    def _drawn(self, data: st.DataObject) -> Code:
        """Any of the codes, and never one whose end is this very moment."""
        code = self.codes[data.draw(st.integers(0, len(self.codes) - 1))]
        if abs(clock.now() - code.made_at - LIFETIME) < SLACK:
            clock.travel(2 * SLACK)
        return code

    # What honest people do

    @initialize(app=st.integers(0, 1), offline=st.booleans())
    def begin(self, app: int, offline: bool) -> None:
        self.make(app, offline)

    @precondition(lambda self: not self.suspended)
    @rule(app=st.integers(0, 1), offline=st.booleans())
    def make(self, app: int, offline: bool) -> None:
        """The person logs in to an app."""
        owner, scope = self.apps[app], "openid offline_access" if offline else "openid"
        code = owner.code(owner.log_in(self.browser, self.user, scope=scope))
        self.codes.append(Code(owner, code, owner.verifier, offline, clock.now()))

    @rule(data=st.data())
    def redeem(self, data: st.DataObject) -> None:
        """The code comes with all that it needs: for the first time, or again, from its client or from a thief."""
        code = self._drawn(data)
        response = code.owner.redeem(code.code, code_verifier=code.verifier)
        if code.used:
            code.revoked = True
        elif self._stands(code) and clock.now() < code.made_at + LIFETIME:
            assert response.status_code == 200, response.json
            code.used, code.tokens = True, body_of(response)
            code.tokens_end = clock.now() + timedelta(seconds=code.tokens["expires_in"])
            return
        assert error(response) == REFUSED

    # What others do

    @rule(
        data=st.data(), wrong=st.sampled_from(["verifier", "no verifier", "redirect_uri", "no redirect_uri", "client"])
    )
    def attempt_in_vain(self, data: st.DataObject, wrong: str) -> None:
        """Something is wrong with the request: it is refused, and changes nothing."""
        code = self._drawn(data)
        other = self.apps[1 - self.apps.index(code.owner)]
        attempts: dict[str, Callable[[], Any]] = {
            "verifier": lambda: code.owner.redeem(code.code, code_verifier=code.verifier[::-1]),
            "no verifier": lambda: code.owner.redeem(code.code, code_verifier=None),
            "redirect_uri": lambda: code.owner.redeem(code.code, code_verifier=code.verifier, redirect_uri="x"),
            "no redirect_uri": lambda: code.owner.redeem(code.code, code_verifier=code.verifier, redirect_uri=None),
            "client": lambda: other.redeem(code.code, code_verifier=code.verifier),
        }
        assert error(attempts[wrong]()) == REFUSED

    @rule(data=st.data())
    def crash_before_the_commit(self, data: st.DataObject) -> None:
        """Signing fails when the code is marked as used already: nothing of it may stay."""
        code = self._drawn(data)
        if code.used or not self._stands(code) or clock.now() >= code.made_at + LIFETIME:
            return
        with patch.object(KeyRing, "sign", side_effect=Unavailable(Reason.NO_SIGNING_KEY)):
            assert code.owner.redeem(code.code, code_verifier=code.verifier).status_code == 503

    # What ends grants

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """The client gives back its refresh token (RFC 7009)."""
        code = self._drawn(data)
        if code.tokens is not None:
            token = code.tokens["refresh_token"]
            assert self.server.revoke(code.owner.client, token).status_code == 200
            code.revoked = True

    @precondition(lambda self: not self.suspended)
    @rule()
    def suspend(self) -> None:
        self.server.suspend(self.user)
        self.suspended = True

    @precondition(lambda self: self.suspended)
    @rule()
    def activate(self) -> None:
        with self.server.app.app_context(), self.server.database.transaction() as session:
            user = find_user(session, str(self.user.id))
            assert user is not None
            activate(session, user, actor=SYSTEM)
        self.suspended = False

    @precondition(lambda self: not self.suspended)
    @rule()
    def sign_out(self) -> None:
        visit = self.browser.open("/oauth/logout")
        if visit.path.startswith("/sign-out"):
            self.browser.press(visit, "logout")
        for code in self.codes:
            code.signed_out = True

    @rule(seconds=st.sampled_from([1, 10, 30, 61, 300, 1000]))
    def time_passes(self, seconds: int) -> None:
        clock.travel(timedelta(seconds=seconds))

    @rule()
    def what_has_expired_is_swept(self) -> None:
        sweep(self.server.database)

    @invariant()
    def tokens_live_as_long_as_their_grant(self) -> None:
        for code in self.codes[-3:]:
            if code.tokens is None or code.tokens_end is None or abs(clock.now() - code.tokens_end) < SLACK:
                continue
            stands = self._stands(code)
            ask = self.server.introspect
            assert ask(code.owner.client, code.tokens["refresh_token"])["active"] == stands
            lives = stands and clock.now() < code.tokens_end
            assert ask(code.owner.client, code.tokens["access_token"])["active"] == lives
            assert (code.owner.userinfo(code.tokens["access_token"]).status_code == 200) == lives


def test_no_order_of_exchanges_replays_thefts_and_ends_breaks_a_code_b01_b03_b05_b13(server: Server) -> None:
    def machine() -> CodeMachine:
        apps = [make_app(server, "confidential"), make_app(server, "confidential")]
        return CodeMachine(server, apps, server.user())

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # a factory does as well
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
