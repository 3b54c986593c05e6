"""Codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, which is what every app can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, update
from sqlalchemy.orm import Session

from oidc_server.core import clock, crypto, logs
from oidc_server.core.crypto import UnsealError
from oidc_server.mfa.digits import six_digits
from oidc_server.mfa.models import Method
from oidc_server.mfa.proof import FactorWrong

if TYPE_CHECKING:
    import uuid

    from oidc_server.mfa.factors import SecondFactors

STEP_SECONDS = 30
# One step of skew each way (RFC 6238 §5.2), and the present one first.
_SKEW = (0, -1, 1)

# Made once, and run below the ORM: to make a statement costs more than to run it.
_METHODS = Method.metadata.tables[Method.__tablename__]
_USE = (
    _METHODS.update()
    .where(_METHODS.c.id == bindparam("method_id"))
    .where(or_(_METHODS.c.totp_last_step.is_(None), _METHODS.c.totp_last_step < bindparam("step")))
    .values(totp_last_step=bindparam("step"), last_used_at=bindparam("now"))
)

log = logs.get_logger()


@dataclass(frozen=True)
class TotpSetup:
    """What an authenticator app has to be told, once: the secret in Base32, and the same as a URI and as a picture."""

    secret: str
    uri: str
    qr_svg: str

    def __repr__(self) -> str:
        return "TotpSetup()"


def new_secret() -> str:
    """A fresh secret of 160 bits in Base32 (RFC 4226 §4, R6)."""
    import pyotp  # noqa: PLC0415 - only whoever has an authenticator app needs it

    return pyotp.random_base32(32)


def seal_secret(factors: SecondFactors, method_id: uuid.UUID, secret: str) -> str:
    """The secret as it is stored, good for this method only."""
    return factors.sealer.seal(secret.encode(), _context(method_id))


def open_secret(factors: SecondFactors, method_id: uuid.UUID, sealed: str) -> str:
    """The secret of a method as it was. Raises ``UnsealError``."""
    return factors.sealer.unseal(sealed, _context(method_id)).decode()


def setup_of(factors: SecondFactors, secret: str, account: str) -> TotpSetup:
    """What to show of a secret; the app shows it as that of ``account`` at this site."""
    import pyotp  # noqa: PLC0415 - only whoever has an authenticator app needs it
    import segno  # noqa: PLC0415 - as above

    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=factors.settings.theme_name)
    picture = segno.make_qr(uri, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)
    return TotpSetup(secret, uri, picture)


def verify_totp(session: Session, factors: SecondFactors, method_id: uuid.UUID, sealed: str, typed: str) -> None:
    """Use a code up of the app whose secret is ``sealed``. Raises :class:`FactorWrong`.

    The newest step that was used only grows, by one conditional write: of many that give one code at once one
    succeeds, in whatever process they run (attack M04; RFC 6238 §5.2)."""
    code = six_digits(typed)
    if code is None:
        raise FactorWrong("not six digits")
    secret = _unsealed(factors, method_id, sealed)
    step = _step_of(secret, code)
    if step is None:
        raise FactorWrong("no code of this time")
    used = session.connection().execute(_USE, {"method_id": method_id, "step": step, "now": clock.now()})
    if used.rowcount != 1:
        raise FactorWrong("a code of this time was used already")
    if not factors.sealer.is_current(sealed):
        anew = seal_secret(factors, method_id, secret)
        session.execute(update(Method).where(Method.id == method_id).values(totp_secret=anew))


def _unsealed(factors: SecondFactors, method_id: uuid.UUID, sealed: str) -> str:
    try:
        return open_secret(factors, method_id, sealed)
    except UnsealError as error:
        log.exception("totp_secret_sealed", method_id=str(method_id))
        raise FactorWrong("the secret cannot be opened") from error


def _step_of(secret: str, code: str) -> int | None:
    """The time step whose code it is. All are compared, whichever matches."""
    import pyotp  # noqa: PLC0415 - only whoever has an authenticator app needs it

    now, hotp = clock.timestamp() // STEP_SECONDS, pyotp.HOTP(secret)
    matching = [now + skew for skew in _SKEW if crypto.same(hotp.at(now + skew).encode(), code.encode())]
    return matching[0] if matching else None


def _context(method_id: uuid.UUID) -> str:
    return f"totp {method_id}"
