"""Refresh rotation as a state machine: several tabs, retries, lost answers, crashes, and a thief, in any order.

A model of five lines predicts every answer; the server must agree on both databases."""

from __future__ import annotations

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

from oidc_server.core import clock
from oidc_server.core.errors import Reason, Unavailable
from oidc_server.keys.ring import KeyRing
from tests.relying_party import Server, TestClient, TestUser, body_of, error

pytestmark = pytest.mark.slow

GRACE = timedelta(seconds=30)


@dataclass
class Link:
    """One token of the chain as the model knows it."""

    token: str
    used_at: datetime | None = None


class RefreshMachine(RuleBasedStateMachine):
    def __init__(self, server: Server, client: TestClient, user: TestUser) -> None:
        super().__init__()
        self.server, self.client, self.user = server, client, user
        self.chain: list[Link] = []
        self.alive = True
        self.access_token = ""
        self.access_token_ends = clock.now()

    @initialize()
    def sign_in(self) -> None:
        tokens = self.server.sign_in(self.client, self.user)
        self.chain = [Link(tokens["refresh_token"])]
        self._keep(tokens)

    def _keep(self, tokens: dict[str, Any]) -> None:
        self.access_token = tokens["access_token"]
        self.access_token_ends = clock.now() + timedelta(seconds=tokens["expires_in"])

    def _present(self, index: int) -> None:
        """Present a token of the chain: whoever does it, the server cannot tell them apart."""
        link = self.chain[index]
        newest = index == len(self.chain) - 1
        now = clock.now()
        replayed = link.used_at is not None and now - link.used_at > GRACE
        expected = self.alive and not replayed and (newest or self.chain[index + 1].used_at is None)
        response = self.server.refresh(self.client, link.token)
        self.alive = self.alive and not replayed
        if not expected:
            assert error(response) == (400, "invalid_grant")
            return
        body = body_of(response)
        self._keep(body)
        if newest:
            assert body["refresh_token"] not in {known.token for known in self.chain}
            link.used_at = now
            self.chain.append(Link(body["refresh_token"]))
        else:
            assert body["refresh_token"] == self.chain[index + 1].token  # never two different successors

    @rule()
    def refresh(self) -> None:
        """The honest client refreshes with the newest token that it has."""
        self._present(len(self.chain) - 1)

    @precondition(lambda self: len(self.chain) > 1)
    @rule()
    def retry_after_a_lost_answer(self) -> None:
        """The answer never arrived: the client sends the token before the newest again."""
        self._present(len(self.chain) - 2)

    @rule(data=st.data())
    def another_tab_or_a_thief(self, data: st.DataObject) -> None:
        """Somebody presents any token that was ever given out."""
        self._present(data.draw(st.integers(0, len(self.chain) - 1)))

    @rule(seconds=st.sampled_from([1, 10, 29, 31, 60, 600]))
    def time_passes(self, seconds: int) -> None:
        clock.travel(timedelta(seconds=seconds))

    @precondition(lambda self: self.alive)
    @rule()
    def a_crash_between_the_rotation_and_the_commit(self) -> None:
        """Signing fails when the successor is written already: nothing of it may stay."""
        fault = Unavailable(Reason.NO_SIGNING_KEY)
        with patch.object(KeyRing, "sign", side_effect=fault):
            response = self.server.refresh(self.client, self.chain[-1].token)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0

    @invariant()
    def the_access_token_lives_as_long_as_its_authorization(self) -> None:
        if self.access_token and len(self.chain) % 3 == 0:
            active = self.server.introspect(self.client, self.access_token)["active"]
            assert active == (self.alive and clock.now() < self.access_token_ends)


def test_no_order_of_tabs_retries_crashes_and_thieves_breaks_rotation_c01_c02(server: Server) -> None:
    client, user = server.first_party(), server.user()
    run_state_machine_as_test(
        lambda: RefreshMachine(server, client, user),  # type: ignore[arg-type]  # a factory does as well
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
