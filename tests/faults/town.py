"""People and clients of an installation who come and go while its database is lost."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.history import Attempt, Caller
from tests.faults.installation import Chain, Installation, basic, client_credentials
from tests.faults.people import People
from tests.relying_party import TestClient, TestUser


class Town(People):
    """People and clients who are registered, sign in, refresh or sign out, and what of it was acknowledged."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.clients: list[TestClient] = []
        self.suspended: list[TestUser] = []
        self.disabled: list[TestClient] = []
        self.signed_in: list[Chain] = []
        self.signed_out: list[str] = []
        self._visits = 0

    def register(self, caller: Caller) -> None:
        """Register a person and a client, and another two whose access ends at once; an error leaves it unknown."""
        super().register(caller)
        with suppress(SQLAlchemyError):
            self.clients.append(self.owner.client())
            person, client = self.owner.user(), self.owner.client()
            self.owner.suspend(person)
            self.suspended.append(person)
            self.owner.disable(client)
            self.disabled.append(client)

    def visit(self, caller: Caller) -> None:
        """The next person signs in, and every second one signs out again."""
        if self._visits == len(self.registered):
            return
        person = self.registered[self._visits]
        self._visits += 1
        answer = self.sign_in(caller, person)
        if not answer.acknowledged:
            return
        token = answer.body["refresh_token"]
        if self._visits % 2:
            self.signed_in.append(Chain(self.app, token))
        elif caller.ask("revoke", "POST", "/oauth/revoke", data={"token": token}, auth=basic(self.app)).acknowledged:
            self.signed_out.append(token)

    def assert_nothing_was_lost(self, caller: Caller) -> None:
        """Whatever was acknowledged is so."""
        assert [chain.refresh(caller).status for chain in self.signed_in] == [200] * len(self.signed_in)
        assert [self.sign_in(caller, person).status for person in self.registered] == [200] * len(self.registered)
        for client in self.clients:
            client_credentials(client)(caller)
        assert set(caller.history.statuses("client_credentials")) == {200}

    def assert_what_ended_stays_ended(self, caller: Caller) -> None:
        """Nothing that was acknowledged as ended works again."""
        for token in self.signed_out:
            assert_refused(Chain(self.app, token).refresh(caller))
        for person in self.suspended:
            assert_refused(self.sign_in(caller, person))
        for client in self.disabled:
            data = {"grant_type": "client_credentials"}
            answer = caller.ask("disabled", "POST", "/oauth/token", data=data, auth=basic(client))
            assert (answer.status, answer.body["error"]) == (401, "invalid_client")


def assert_refused(answer: Attempt) -> None:
    """It is told that the grant is no good."""
    assert (answer.status, answer.body["error"]) == (400, "invalid_grant"), answer
