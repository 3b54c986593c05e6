"""Callers of every kind at once, who judge each answer themselves, and what was acknowledged to them."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import jwt

from tests.faults.history import Attempt, Caller, History, load
from tests.faults.installation import DOCUMENTS, Chain, basic, client_credentials, documents
from tests.relying_party import TestClient, TestUser
from tests.running import ISSUER, RunningServer

LONGEST_SECONDS = 2.0
HASHING_SECONDS = 3.0  # what a password hash may add on a busy machine
_CHAINS = 2
_PAUSE = 0.2
_HASHING_PAUSE = 1.2  # a password takes a processor for a third of a second
_ENOUGH = 20  # of the tokens that ended, so many are tried again: introspection limits how many it does not know
_TRIED_AGAIN = "signed_out"


class Traffic:
    """``web`` signs people in by password; ``service`` introspects, and gets and revokes tokens of its own."""

    def __init__(self, web: TestClient, service: TestClient, people: list[TestUser]) -> None:
        self.web, self.service, self.people = web, service, people
        self.history = History()
        self.chains: list[Chain] = []
        self._good: deque[str] = deque(maxlen=_ENOUGH)
        self._ended: list[str] = []
        self._signed_out: list[str] = []
        self._visits = itertools.count()

    @contextmanager
    def under_way(self, url: str) -> Iterator[None]:
        """Within the block everybody asks, some on new connections and some on kept ones."""
        with closing(Caller(url, self.history)) as caller:
            self.chains += [self._begin_chain(caller) for _ in range(_CHAINS - len(self.chains))]
            self._good.append(self._get_token(caller).body["access_token"])
        half = _CHAINS // 2
        anew = [client_credentials(self.service), self.ask_about_one, *(one.keep_on for one in self.chains[:half])]
        kept = [*documents(), self.revoke_one, *(one.keep_on for one in self.chains[half:])]
        with (
            load(url, self.history, *anew, pause=_PAUSE, keep_alive=False),
            load(url, self.history, *kept, pause=_PAUSE),
            load(url, self.history, self.visit, pause=_HASHING_PAUSE, keep_alive=False),
        ):
            yield

    # What callers do. A request that fails is in the history; what is judged at once is a wrong answer.

    def sign_in(self, caller: Caller, person: TestUser) -> Attempt:
        """Sign in by password."""
        data = {"grant_type": "password", "username": person.email, "password": person.password}
        return caller.ask("sign_in", "POST", "/oauth/token", data=data, auth=basic(self.web))

    def _begin_chain(self, caller: Caller) -> Chain:
        """Somebody who stays signed in."""
        return Chain(self.web, self.sign_in(caller, random.choice(self.people)).body["refresh_token"])

    def _get_token(self, caller: Caller) -> Attempt:
        """The service gets a token for itself."""
        data = {"grant_type": "client_credentials"}
        return caller.ask("client_credentials", "POST", "/oauth/token", data=data, auth=basic(self.service))

    def _introspect(self, caller: Caller, token: str) -> Attempt:
        data = {"token": token}
        return caller.ask("introspection", "POST", "/oauth/introspect", data=data, auth=basic(self.service))

    def _revoke(self, caller: Caller, client: TestClient, token: str) -> Attempt:
        return caller.ask("revoke", "POST", "/oauth/revoke", data={"token": token}, auth=basic(client))

    def _try_again(self, caller: Caller, signed_out: str) -> Attempt:
        """Present a refresh token that was revoked."""
        data = {"grant_type": "refresh_token", "refresh_token": signed_out}
        return caller.ask(_TRIED_AGAIN, "POST", "/oauth/token", data=data, auth=basic(self.web))

    def ask_about_one(self, caller: Caller) -> None:
        """A job: introspect a good token, of whichever version."""
        answer = self._introspect(caller, random.choice(list(self._good)))
        assert not answer.acknowledged or answer.body["active"], answer

    def revoke_one(self, caller: Caller) -> None:
        """A job: get a token, revoke it, and see that it is no good any more, wherever the balancer asks."""
        given = self._get_token(caller)
        if not given.acknowledged or not self._revoke(caller, self.service, given.body["access_token"]).acknowledged:
            return
        self._ended.append(given.body["access_token"])
        answer = self._introspect(caller, self._ended[-1])
        assert not answer.acknowledged or not answer.body["active"], answer

    def visit(self, caller: Caller) -> None:
        """A job: the next person signs in, and every second one signs out again."""
        number = next(self._visits)
        answer = self.sign_in(caller, self.people[number % len(self.people)])
        if not answer.acknowledged:
            return
        access_token, refresh_token = answer.body["access_token"], answer.body["refresh_token"]
        if number % 2 == 0:
            self._good.append(access_token)
        elif self._revoke(caller, self.web, refresh_token).acknowledged:
            self._ended.append(access_token)
            self._signed_out.append(refresh_token)
            assert not self._try_again(caller, refresh_token).acknowledged

    # What has to hold

    def assert_undisturbed(self) -> None:
        """No request failed, nobody lost their grant, and none had to wait.

        How long an answer takes that needs nothing but the processor says how busy the machine is."""
        words = self.history.describe()
        bound = LONGEST_SECONDS + self.history.seconds(1, "live")
        for one in self.history.of():
            seen = f"{one.operation}: {one.status} after {one.seconds:.2f} s, {one.body}\n{words}"
            assert one.status == (400 if one.operation == _TRIED_AGAIN else 200), seen
            assert one.seconds < bound + (HASHING_SECONDS if one.operation == "sign_in" else 0), seen
        assert [chain.lost for chain in self.chains if chain.lost] == []

    def assert_kept(self, *servers: RunningServer) -> None:
        """What was acknowledged is so at each of the servers: I1, I3 and I4."""
        for number, server in enumerate(servers):
            with closing(Caller(server.url, History())) as caller:
                assert caller.ask("ready", "GET", "/health/ready").status == 200, server.log.read_text()
                assert [chain.refresh(caller).status for chain in self.chains] == [200] * len(self.chains)
                for person in self.people[number :: len(servers)]:
                    assert self.sign_in(caller, person).acknowledged
                for token in self._good:
                    self._assert_good(caller, token)
                for token in self._ended[-_ENOUGH:]:
                    self._assert_ended(caller, token)
                for token in self._signed_out[-_ENOUGH:]:
                    self._assert_signed_out(caller, token)

    def assert_good_at_the_other(self, issuing: RunningServer, other: RunningServer) -> None:
        """Tokens and the session of one server go on at the other and come back; what ends at one has ended at both."""
        with closing(Caller(issuing.url, History())) as here, closing(Caller(other.url, History())) as there:
            own, body = self._get_token(here).body["access_token"], self.sign_in(here, self.people[0]).body
            chain = Chain(self.web, body["refresh_token"])
            for token in (own, body["access_token"]):
                self._assert_good(there, token)
            assert [chain.refresh(caller).status for caller in (there, here, there)] == [200] * 3
            before = chain.refresh_token
            assert chain.refresh(here).acknowledged
            chain.refresh_token = before  # the answer may be lost, and the other server is asked: the same successor
            assert chain.refresh(there).acknowledged
            assert self._revoke(there, self.service, own).acknowledged
            assert self._revoke(here, self.web, chain.refresh_token).acknowledged
            self._assert_ended(here, own)
            self._assert_ended(there, body["access_token"])
            self._assert_signed_out(there, chain.refresh_token)

    def _assert_good(self, caller: Caller, token: str) -> None:
        """It verifies by the keys that the server publishes, and introspection says the same."""
        keys: dict[str, Any] = caller.ask("jwks", "GET", DOCUMENTS["jwks"]).body
        header = jwt.get_unverified_header(token)
        key = next(key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == header["kid"])
        jwt.decode(token, key, algorithms=[header["alg"]], issuer=ISSUER, audience=ISSUER)
        answer = self._introspect(caller, token)
        assert answer.acknowledged, answer
        assert answer.body["active"], answer

    def _assert_ended(self, caller: Caller, token: str) -> None:
        answer = self._introspect(caller, token)
        assert (answer.status, answer.body) == (200, {"active": False}), answer

    def _assert_signed_out(self, caller: Caller, refresh_token: str) -> None:
        answer = self._try_again(caller, refresh_token)
        assert (answer.status, answer.body["error"]) == (400, "invalid_grant"), answer
