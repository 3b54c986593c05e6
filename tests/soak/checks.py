"""What is asked at a quiet moment, when no fault is on: whatever was promised holds, and the rows say the same."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from oidc_server.keys import service as keys
from oidc_server.keys.lifecycle import State
from oidc_server.keys.ring import EXTENSION as KEY_RING
from tests.faults.history import Attempt, Caller, History
from tests.faults.installation import basic
from tests.faults.recovery import query
from tests.soak.callers import Town, Verifier
from tests.soak.evidence import Held, Probe
from tests.soak.ground import REFRESH_GRACE_SECONDS, WORKERS, Ground
from tests.soak.invariants import Violation

_NEWEST, _OLDER = 2, 3


@dataclass
class Checks:
    """``replays`` are spent tokens that wait for the end of their grace window."""

    ground: Ground
    town: Town
    dice: random.Random
    replays: list[tuple[float, str, str]] = field(default_factory=list)
    replayed: int = 0
    found: list[Violation] = field(default_factory=list)

    def at_a_quiet_moment(self) -> None:
        """Everything. What is broken is kept in ``found`` or in the evidence."""
        with closing(Caller(self.ground.server.url, History(), keep_alive=False)) as caller:
            self._tokens(caller)
            self._what_ended(caller)
            self._spent(caller)
            self._people(caller)
        self._signers()
        self.found += audit_violations(self.ground.postgresql.url())

    def _well(self, attempt: Attempt) -> Attempt:
        """Nothing is wrong with the server now: it answers."""
        if attempt.status is None or attempt.status >= 500:
            self.found.append(
                Violation("I14", f"{attempt.operation} at a quiet moment: {attempt.status} {attempt.body}")
            )
        return attempt

    def _tokens(self, caller: Caller) -> None:
        """I3: for each key the last token to expire verifies by the JWKS of every process."""
        for _ in range(2 * WORKERS):
            verifier = Verifier(self.town.evidence)
            if verifier.look(caller):
                for held in list(self.town.evidence.newest_of_key.values()):
                    if held["exp"] > time.time() + 1:
                        verifier.verify(caller, held["token"], held["aud"])

    def _some(self, held: list[Any]) -> Iterable[Any]:
        """The newest, and some of the others."""
        older = held[:-_NEWEST]
        return [*held[-_NEWEST:], *self.dice.sample(older, min(_OLDER, len(older)))]

    def _what_ended(self, caller: Caller) -> None:
        """I4, I6."""
        evidence = self.town.evidence
        for held in self._some(evidence.revoked_refresh_tokens):
            self._refused("a revoked refresh token", held, self._refresh(caller, held.client, held.value).acknowledged)
        for held in self._some(evidence.revoked_access_tokens):
            data = {"token": held.value}
            answer = self._well(
                caller.ask("introspection", "POST", "/oauth/introspect", data=data, auth=basic(self.town.service))
            )
            self._refused("a revoked access token", held, bool(answer.acknowledged and answer.body["active"]))
        for person, ended in evidence.suspended[-1:]:
            started = time.monotonic()
            accepted = self._well(self.town.sign_in(caller, person)).acknowledged
            evidence.probes.append(Probe("a suspended person", accepted, ended, started))

    def _refused(self, what: str, held: Held, accepted: bool) -> None:
        self.town.evidence.probes.append(Probe(what, accepted, held.ended, time.monotonic()))

    def _refresh(self, caller: Caller, client: Any, token: str) -> Attempt:
        data = {"grant_type": "refresh_token", "refresh_token": token}
        return self._well(caller.ask("refresh", "POST", "/oauth/token", data=data, auth=basic(client)))

    def _spent(self, caller: Caller) -> None:
        """I2: a token whose successor was used is refused; after the grace window it ends its grant."""
        now = time.monotonic()
        for due, spent, newest in [one for one in self.replays if one[0] <= now]:
            self.replays.remove((due, spent, newest))
            self.replayed += 1
            for what, token in (("a replayed refresh token", spent), ("a grant that was replayed", newest)):
                accepted = self._refresh(caller, self.town.app, token).acknowledged
                self.town.evidence.probes.append(Probe(what, accepted))
        answer = self._well(self.town.sign_in(caller, self.dice.choice(self.town.registered)))
        if not answer.acknowledged:
            return
        self.town.evidence.acknowledge("user.signed_in", "")
        tokens = [answer.body["refresh_token"]]
        for _ in range(2):
            answer = self._refresh(caller, self.town.app, tokens[-1])
            if answer.status != 200:
                self.found.append(Violation("I2", f"an honest refresh was refused: {answer.status} {answer.body}"))
                return
            tokens.append(answer.body["refresh_token"])
        accepted = self._refresh(caller, self.town.app, tokens[0]).acknowledged
        self.town.evidence.probes.append(Probe("a refresh token whose successor was used", accepted))
        self.replays.append((time.monotonic() + REFRESH_GRACE_SECONDS + 1, tokens[0], tokens[2]))

    def _people(self, caller: Caller) -> None:
        """I1: who was registered last can sign in."""
        person = self.town.evidence.people[-1]
        answer = self._well(self.town.sign_in(caller, person))
        if answer.status != 200:
            self.found.append(Violation("I1", f"{person.email} cannot sign in: {answer.status} {answer.body}"))

    def _signers(self) -> None:
        """I5."""
        stored, now = keys.listing(self.town.owner.app.extensions[KEY_RING].store)
        active = [one.record.kid for one in stored if one.record.state(now) is State.ACTIVE]
        if len(active) != 1:
            self.found.append(Violation("I5", f"there are {len(active)} active keys"))


_ONE_AUDIT_ROW = (
    "SELECT count(*) FROM ({facts}) AS facts FULL JOIN (SELECT {key} AS key, count(*) AS rows FROM audit_events"
    " WHERE event = '{event}' GROUP BY 1) AS audit USING (key)"
    " WHERE (facts.key IS NOT NULL AND rows IS DISTINCT FROM 1) OR (facts.key IS NULL AND {is_kept})"
)
_FACTS = (
    ("user.signed_in", "detail ->> 'sid'", "SELECT id::text AS key FROM sessions", True),
    (
        "authorization.revoked", "subject_id",
        "SELECT id::text AS key FROM authorizations WHERE revoked_at IS NOT NULL", True,
    ),
    ("access_token.revoked", "subject_id", "SELECT jti AS key FROM revoked_access_tokens", False),  # these are swept
    ("user.created", "subject_id", "SELECT id::text AS key FROM users", True),
    ("client.created", "subject_id", "SELECT client_id AS key FROM clients", True),
)  # fmt: skip
_FORKED = (
    "SELECT count(*) FROM (SELECT 1 FROM refresh_tokens GROUP BY authorization_id"
    " HAVING count(*) <> max(generation) + 1 OR count(*) - count(used_at) <> 1) AS families"
)


def audit_violations(url: str) -> list[Violation]:
    """I8: every fact has one audit row, and every audit row its fact. I2: every grant has one unused refresh token."""
    found = []
    for event, key, facts, is_kept in _FACTS:
        ((count,),) = query(url, _ONE_AUDIT_ROW.format(event=event, key=key, facts=facts, is_kept=is_kept))
        if count:
            found.append(Violation("I8", f"{count} times {event} and its fact do not match"))
    ((count,),) = query(url, _FORKED)
    if count:
        found.append(Violation("I2", f"{count} grants have not exactly one unused refresh token"))
    return found
