"""The kinds of second factors, and what each says in ``amr`` (RFC 8176 §2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from oidc_server.sessions.assurance import AMR_POSSESSION, AMR_SEVERAL_FACTORS


class FactorKind(StrEnum):
    """A kind of second factor. ``amr`` are the values that say that it was given, besides ``mfa``."""

    amr: tuple[str, ...]

    def __new__(cls, name: str, amr: tuple[str, ...] = ()) -> FactorKind:
        member = str.__new__(cls, name)
        member._value_ = name
        member.amr = amr
        return member

    TOTP = ("totp", ("otp",))
    # RFC 8176 has no name for mail: a one-time password, by another channel.
    EMAIL = ("email", ("otp", "mca"))
    SMS = ("sms", ("sms",))
    WEBAUTHN = ("webauthn", (AMR_POSSESSION, "user"))


# In the order in which they are offered: the surest first.
KINDS = (FactorKind.WEBAUTHN, FactorKind.TOTP, FactorKind.SMS, FactorKind.EMAIL)
# A recovery code is a one-time password that stands in for whatever factor was lost; the second value is ours.
RECOVERY = "recovery"
AMR_RECOVERY = "recovery_code"
RECOVERY_AMR = ("otp", AMR_RECOVERY)


def kinds_of(names: Iterable[str]) -> frozenset[FactorKind]:
    """The kinds with these names. Raises ``ValueError`` for a name that there is none of."""
    return frozenset(FactorKind(name) for name in names)


def amr_with(first: Sequence[str], kind_amr: Sequence[str]) -> list[str]:
    """The ``amr`` of a sign-in by ``first``, such as ``pwd``, and then by a second factor; no value stands twice."""
    return [value for value in dict.fromkeys((*first, *kind_amr)) if value != AMR_SEVERAL_FACTORS] + [
        AMR_SEVERAL_FACTORS
    ]


def kind_given(amr: Iterable[str]) -> FactorKind | None:
    """The kind of second factor that a sign-in was done with; None when it was done with none."""
    given = set(amr)
    if AMR_SEVERAL_FACTORS not in given:
        return None
    of_most_words = sorted(FactorKind, key=lambda kind: -len(kind.amr))
    return next((kind for kind in of_most_words if given >= set(kind.amr)), None)
