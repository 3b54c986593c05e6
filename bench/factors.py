"""Verifying the code of an authenticator app, as every way in does it: in a process of our own, because a person has
one code in half a minute, and a load of codes would be a load of people who sign in."""

import secrets
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyotp

from bench.machine import on_processor
from bench.server import ISSUER
from oidc_server import assemble
from oidc_server.audit.service import SYSTEM
from oidc_server.core import clock
from oidc_server.core.identity import new_id
from oidc_server.core.settings import Settings
from oidc_server.mfa.factors import EXTENSION, SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import note_change
from oidc_server.mfa.models import Method
from oidc_server.mfa.proof import Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.totp import STEP_SECONDS, seal_secret
from oidc_server.users.service import create_user

NAME, KIND = "TOTP verified", "in process"
_PEOPLE = 60  # of each round; nobody's code is used twice


@dataclass(frozen=True)
class Apps:
    """An application on the database, in which people are made who have an authenticator app."""

    factors: SecondFactors

    def verify_some(self, processor: int | None) -> tuple[int, float, float]:
        """Verify one code each of new people, on one processor; how many, and the seconds and the processor seconds of
        this process that it took."""
        people = [self._person() for _ in range(_PEOPLE)]
        codes = [self._code_of(*person) for person in people]
        with on_processor(processor):
            started, cpu = time.perf_counter(), time.process_time()
            for user_id, given in codes:
                prove_factor(
                    self.factors, user_id, given, bound_to="login bench", kinds=frozenset(FactorKind),
                    address="127.0.0.1",
                )  # fmt: skip
            return len(codes), time.perf_counter() - started, time.process_time() - cpu

    def _person(self) -> tuple[uuid.UUID, uuid.UUID, str]:
        method_id, secret, now = new_id(), pyotp.random_base32(), clock.now()
        with self.factors.database.transaction() as session:
            user = create_user(session, actor=SYSTEM, email=f"{method_id}@example.com", verified=True)
            session.add(
                Method(
                    id=method_id, user_id=user.id, kind=FactorKind.TOTP.value, name="App", position=0,
                    totp_secret=seal_secret(self.factors, method_id, secret), created_at=now, confirmed_at=now,
                )
            )  # fmt: skip
            session.flush()
            note_change(session, user)
            return user.id, method_id, secret

    @staticmethod
    def _code_of(user_id: uuid.UUID, method_id: uuid.UUID, secret: str) -> tuple[uuid.UUID, Given]:
        return user_id, Given(method_id, pyotp.HOTP(secret).at(clock.timestamp() // STEP_SECONDS))


@contextmanager
def authenticator_apps(database_url: str) -> Iterator[Apps]:
    """The application, without a server."""
    with tempfile.TemporaryDirectory(prefix="oidc-bench-keys-") as folder:
        settings = Settings(
            issuer=ISSUER, database_url=database_url, secret_key=secrets.token_urlsafe(48),
            master_key=secrets.token_urlsafe(48), key_directory=Path(folder),
        )  # fmt: skip
        app = assemble(settings)
        with app.app_context():
            factors: SecondFactors = app.extensions[EXTENSION]
            yield Apps(factors)
            factors.database.dispose()
