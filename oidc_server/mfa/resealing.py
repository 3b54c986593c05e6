"""Sealing the secrets of authenticator apps anew, after the key changed that they are sealed under: those of apps that
nobody uses meanwhile would else need the earlier key for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, update

from oidc_server.core.crypto import UnsealError
from oidc_server.mfa.models import Method
from oidc_server.mfa.totp import open_secret, seal_secret

if TYPE_CHECKING:
    from oidc_server.mfa.factors import SecondFactors

BATCH = 500


class Resealed(NamedTuple):
    """How many secrets were sealed anew, and how many no key opens that is configured."""

    done: int
    unopened: int


def reseal_secrets(factors: SecondFactors) -> Resealed:
    """Seal every secret anew that is not sealed under the current key, in small transactions; what somebody uses at
    this moment is left to them, who seal it anew too."""
    stale = ~Method.totp_secret.startswith(f"v1.{factors.sealer.key_id}.", autoescape=True)
    query = select(Method.id, Method.totp_secret).where(Method.totp_secret.is_not(None), stale)
    done, unopened, last = 0, 0, None
    while True:
        with factors.database.transaction() as session:
            further = query if last is None else query.where(Method.id > last)
            rows = session.execute(further.order_by(Method.id).limit(BATCH)).all()
            for method_id, sealed in rows:
                try:
                    anew = seal_secret(factors, method_id, open_secret(factors, method_id, sealed or ""))
                except UnsealError:
                    unopened += 1
                    continue
                same = (Method.id == method_id, Method.totp_secret == sealed)
                session.execute(update(Method).where(*same).values(totp_secret=anew))
                done += 1
        if len(rows) < BATCH:
            return Resealed(done, unopened)
        last = rows[-1].id
