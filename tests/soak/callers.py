"""Honest callers of all kinds, who write down what they were promised, and verify every token that they are given."""

from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import jwt
from sqlalchemy.exc import SQLAlchemyError

from tests.faults.history import Attempt, Caller, Job
from tests.faults.installation import DOCUMENTS, Chain, Installation, basic, get
from tests.faults.people import People
from tests.relying_party import TestClient
from tests.running import ISSUER
from tests.soak.evidence import Evidence, Held, Probe, Refreshed, Signed, Verdict

CHAINS = 6
PEOPLE_AT_FIRST = 30
LOST_ANSWERS = 0.15  # the share of good answers that a client takes for lost, and asks for again
SCOPE = "openid profile email orders:read"


class Verifier:
    """A resource server: it knows the JWKS, and asks for it again when a token names a key that it does not know."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._keys: dict[str, jwt.PyJWK] = {}

    def look(self, caller: Caller) -> bool:
        """Get the JWKS as it is now; whether it came."""
        answer = caller.ask("jwks", "GET", DOCUMENTS["jwks"])
        if answer.acknowledged:
            self._keys = {str(key.key_id): key for key in jwt.PyJWKSet.from_dict(answer.body).keys}
        return answer.acknowledged

    def verify(self, caller: Caller, token: str, audience: str) -> None:
        """Verify a token that has not expired, and write down the verdict."""
        kid = str(jwt.get_unverified_header(token)["kid"])
        if kid in self._keys or self.look(caller):
            self._evidence.verdicts.append(Verdict(kid, self._problem(kid, token, audience)))

    def _problem(self, kid: str, token: str, audience: str) -> str | None:
        if kid not in self._keys:
            return "the JWKS does not have it"
        try:
            jwt.decode(token, self._keys[kid], algorithms=["RS256"], issuer=ISSUER, audience=audience)
        except jwt.PyJWTError as error:
            return f"{type(error).__name__}: {error}"
        return None


class Town(People):
    """Everybody who calls the server. ``service`` may introspect all tokens, ``app`` signs people in."""

    def __init__(self, site: Installation, seed: int) -> None:
        super().__init__(site)
        self.site, self.seed = site, seed
        self.evidence = Evidence()
        self.service = self.owner.client(scope="orders:read tokens:read")
        for client in (self.app, self.service):
            self.evidence.secrets.add(client.client_secret or "")
        for _ in range(PEOPLE_AT_FIRST):
            self.register_one()
        self.evidence.secrets.add(self.registered[0].password)
        self._visits = itertools.count()
        self._taking = threading.Lock()

    def register_one(self) -> None:
        """Register a person past the server."""
        self.registered.append(self.owner.user())
        self.evidence.people.append(self.registered[-1])
        self.evidence.acknowledge("user.created", str(self.registered[-1].id))

    def register(self, _caller: Caller) -> None:
        """A job: register somebody. An error of the database leaves unknown whether it was done."""
        with suppress(SQLAlchemyError):
            self.register_one()

    def suspend(self, _caller: Caller) -> None:
        """A job: register somebody and suspend them."""
        with suppress(SQLAlchemyError):
            person = self.owner.user()
            self.owner.suspend(person)
            self.evidence.suspended.append((person, time.monotonic()))
            self.evidence.acknowledge("user.suspended", str(person.id))

    def _refresh_token(self) -> str:
        token: str = self.owner.sign_in(self.app, self.owner.user(), scope=SCOPE)["refresh_token"]
        return token

    def refreshing(self, url: str) -> list[Job]:
        """Clients that refresh in order, and one whose processes do so at once."""
        chains = [WatchedChain(self, self._refresh_token()) for _ in range(CHAINS)]
        return [chain.keep_on for chain in (*chains, Twins(self, self._refresh_token(), url))]

    def take(self, verifier: Verifier, caller: Caller, attempt: Attempt) -> Any:
        """Write down the tokens of an answer and verify them; its body."""
        body = attempt.body
        for name, audience in (("access_token", ISSUER), ("id_token", self.app.client_id)):
            if name in body:
                self._take_one(body[name], attempt, audience)
                verifier.verify(caller, body[name], audience)
        if "refresh_token" in body:
            self.evidence.secrets.add(body["refresh_token"])
        return body

    def _take_one(self, token: str, attempt: Attempt, audience: str) -> None:
        kid = str(jwt.get_unverified_header(token)["kid"])
        expires = jwt.decode(token, options={"verify_signature": False})["exp"]
        self.evidence.secrets.add(token)
        self.evidence.signed.append(Signed(kid, attempt.started, attempt.ended))
        with self._taking:
            if expires >= self.evidence.newest_of_key.get(kid, {"exp": 0})["exp"]:
                self.evidence.newest_of_key[kid] = {"token": token, "exp": expires, "aud": audience}

    # Jobs

    def services(self) -> Job:
        """Gets tokens for itself, and asks what they are worth."""
        verifier, held = Verifier(self.evidence), list[str]()

        def work(caller: Caller) -> None:
            answer = self.ask_for_token(caller, self.service)
            if answer.acknowledged:
                held[:] = [self.take(verifier, caller, answer)["access_token"]]
            for token in held:
                self.introspect(caller, token)

        return work

    def ask_for_token(self, caller: Caller, client: TestClient, operation: str = "client_credentials") -> Attempt:
        """One token request of a client for itself."""
        data = {"grant_type": "client_credentials"}
        return caller.ask(operation, "POST", "/oauth/token", data=data, auth=basic(client))

    def introspect(self, caller: Caller, token: str) -> Attempt:
        """Ask about a token that is good; an answer that it is not is a lost grant."""
        asked = time.time()
        attempt = caller.ask(
            "introspection", "POST", "/oauth/introspect", data={"token": token}, auth=basic(self.service)
        )
        if attempt.acknowledged and not attempt.body["active"] and self._expires(token) > asked + attempt.seconds + 1:
            self.evidence.lost.append("introspection says that a good access token is not active")
        return attempt

    @staticmethod
    def _expires(token: str) -> float:
        return float(jwt.decode(token, options={"verify_signature": False})["exp"])

    def revokes_one(self) -> Job:
        """Gets a token for itself and revokes it."""
        verifier = Verifier(self.evidence)

        def work(caller: Caller) -> None:
            answer = self.ask_for_token(caller, self.service)
            if not answer.acknowledged:
                return
            token = self.take(verifier, caller, answer)["access_token"]
            if self.revoke(caller, self.service, token):
                self.end(caller, self.evidence.revoked_access_tokens, Held(self.service, token, time.monotonic()))
                jti = jwt.decode(token, options={"verify_signature": False})["jti"]
                self.evidence.acknowledge("access_token.revoked", jti)

        return work

    def end(self, caller: Caller, ended: list[Held], held: Held, *others: str) -> None:
        """Write down what was revoked, and ask at once about it and what hung off it, whatever fault is on (I6)."""
        ended.append(held)
        for token in (held.value, *others):
            data, started = {"token": token}, time.monotonic()
            attempt = caller.ask("introspection", "POST", "/oauth/introspect", data=data, auth=basic(held.client))
            active = attempt.acknowledged and attempt.body["active"]
            self.evidence.probes.append(Probe("a token that was just revoked", bool(active), held.ended, started))

    def revoke(self, caller: Caller, client: TestClient, token: str) -> bool:
        """Revoke a token; whether that was acknowledged."""
        attempt = caller.ask("revoke", "POST", "/oauth/revoke", data={"token": token}, auth=basic(client))
        return attempt.acknowledged

    def visitors(self) -> Job:
        """One person after the other signs in by password, and every second one signs out again."""
        verifier = Verifier(self.evidence)

        def work(caller: Caller) -> None:
            visit = next(self._visits)
            person = self.registered[visit % len(self.registered)]
            answer = self.sign_in(caller, person, scope=SCOPE)
            if not answer.acknowledged:
                return
            self.evidence.acknowledge("user.signed_in", str(person.id))
            body = self.take(verifier, caller, answer)
            token = body["refresh_token"]
            if visit % 2 == 0:
                self.introspect(caller, body["access_token"])
            elif self.revoke(caller, self.app, token):
                held = Held(self.app, token, time.monotonic())
                self.end(caller, self.evidence.revoked_refresh_tokens, held, body["access_token"])

        return work

    def documents(self) -> list[Job]:
        """Polls of what needs no database."""
        return [get(name, path) for name, path in DOCUMENTS.items()]


class WatchedChain(Chain):
    """Refreshes in order; now and then it takes an answer for lost and sends the same token again."""

    def __init__(self, town: Town, refresh_token: str) -> None:
        super().__init__(town.app, refresh_token)
        self._town = town
        self._verifier = Verifier(town.evidence)
        self._dice = random.Random(town.seed)
        town.evidence.secrets.add(refresh_token)

    def keep_on(self, caller: Caller) -> None:
        """A job: refresh, unless the grant was lost."""
        if self.lost is None:
            presented = self.refresh_token
            attempt = self.refresh(caller)
            self._take_all(caller, attempt)
            if attempt.acknowledged and self._dice.random() < LOST_ANSWERS:
                self.refresh_token = presented
                self._take_all(caller, self.refresh(caller))

    def _take_all(self, caller: Caller, *attempts: Attempt) -> None:
        for attempt in attempts:
            if attempt.acknowledged:
                self._town.take(self._verifier, caller, attempt)
            elif attempt.status is not None and attempt.status < 500:
                self._town.evidence.lost.append(f"a refresh was refused: {attempt.status} {attempt.body}")

    def take(self, presented: str, successor: str) -> None:
        """Keep what was given for a token that is spent now, and write it down."""
        self._town.evidence.refreshed.append(Refreshed(presented, successor))
        with suppress(AssertionError):  # that there is only one is judged at the end
            super().take(presented, successor)


class Twins(WatchedChain):
    """Two processes of one client that refresh at the same moment, each on a connection of its own."""

    def __init__(self, town: Town, refresh_token: str, url: str) -> None:
        super().__init__(town, refresh_token)
        self._url = url

    def keep_on(self, caller: Caller) -> None:
        """A job: refresh twice at once."""
        if self.lost is None:
            with closing(Caller(self._url, caller.history)) as other, ThreadPoolExecutor(1) as pool:
                second = pool.submit(self.refresh, other)
                first = self.refresh(caller)
                self._take_all(caller, first, second.result())
