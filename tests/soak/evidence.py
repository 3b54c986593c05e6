"""What the server promised its callers in a soak, and what came of it later: all that the invariants judge by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.relying_party import TestClient, TestUser

_WORD = re.compile(rb"[A-Za-z0-9_-]{20,}")


@dataclass(frozen=True)
class Round:
    """One fault, from ``began`` to ``ended``, and the quiet after it until ``over`` (seconds of the monotonic clock).

    ``allowed`` are the statuses beside 200 that callers may meet until the server has recovered; None is a broken
    connection. Operations that it ``spares`` do not fail with any; those that it ``refuses`` must not succeed between
    ``began`` and ``ended``."""

    number: int
    fault: str
    began: float
    ended: float
    over: float
    allowed: frozenset[int | None]
    refuses: frozenset[str] = frozenset()
    spares: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refreshed:
    """A refresh token was answered with its successor."""

    presented: str
    successor: str


@dataclass(frozen=True)
class Signed:
    """A token was acknowledged; its header names the key ``kid``."""

    kid: str
    started: float
    ended: float


@dataclass(frozen=True)
class Verdict:
    """A token that was acknowledged and has not expired was verified by the JWKS; what was wrong, or None."""

    kid: str
    problem: str | None


@dataclass(frozen=True)
class Probe:
    """Something that is not good was tried: ``what``, and whether the server accepted it.

    For what was good once, ``ended`` is when the server acknowledged the end, ``started`` when the request began, and
    ``bound`` how many seconds an end may take to reach every process."""

    what: str
    accepted: bool
    ended: float = 0.0
    started: float = float("inf")
    bound: float = 0.0


@dataclass(frozen=True)
class Held:
    """Something that a caller holds, the client it is for, and when it ended if it did."""

    client: TestClient
    value: str
    ended: float = 0.0


class Secrets:
    """Everything that must not be found in a log. Long words are kept as hashes only: there are very many."""

    def __init__(self) -> None:
        self._words: set[int] = set()
        self._phrases: set[bytes] = set()

    def add(self, secret: str) -> None:
        """Remember a secret; of a JWT its signature, since the rest is no secret by itself."""
        word = secret.rpartition(".")[2].encode()
        if _WORD.fullmatch(word):
            self._words.add(hash(word))
        else:
            self._phrases.add(secret.encode())

    def found_in(self, data: bytes) -> list[str]:
        """The beginnings of the secrets that occur in the data."""
        words = [word for word in _WORD.findall(data) if hash(word) in self._words]
        phrases = [phrase for phrase in self._phrases if phrase in data]
        return [f"{secret[:8].decode()}..." for secret in (*words, *phrases)]

    def __len__(self) -> int:
        return len(self._words) + len(self._phrases)


@dataclass
class Evidence:
    """Lists that many threads append to."""

    refreshed: list[Refreshed] = field(default_factory=list)
    signed: list[Signed] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Honest callers whose grant was refused."""
    people: list[TestUser] = field(default_factory=list)
    suspended: list[tuple[TestUser, float]] = field(default_factory=list)
    revoked_refresh_tokens: list[Held] = field(default_factory=list)
    revoked_access_tokens: list[Held] = field(default_factory=list)
    acknowledged: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often a change was acknowledged, by audit event and subject."""
    newest_of_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    """For each key the token signed by it that expires last, as ``{"token", "exp", "aud"}``."""
    secrets: Secrets = field(default_factory=Secrets)

    def acknowledge(self, event: str, subject: str) -> None:
        """The server said that a change was made, which must be in the audit."""
        self.acknowledged[event, subject] = self.acknowledged.get((event, subject), 0) + 1
