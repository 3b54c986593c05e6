"""Who owes a second factor, and of which kind: what the deployment, the client and the account say, taken together.

The one place that decides it. Every way in asks :func:`owed`, and so does the function that issues tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from oidc_server.core.settings import Settings
from oidc_server.mfa.kinds import AMR_RECOVERY, KINDS, FactorKind, kind_given, kinds_of
from oidc_server.sessions.assurance import ACR_MFA, ACR_TRUSTED_DEVICE, reaches


class Level(StrEnum):
    """Whether a second factor is asked for: from nobody, from who has one, or from everybody."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


_STRICTNESS = {level: place for place, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked for. ``grace`` is how long whoever has to enrol may still sign in without; ``trust`` for how long a
    browser may be trusted, nothing for none."""

    level: Level = Level.OPTIONAL
    kinds: frozenset[FactorKind] = frozenset(FactorKind)
    grace: timedelta = timedelta(0)
    trust: timedelta = timedelta(0)

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What the deployment asks for."""
        kinds = kinds_of(settings.mfa_methods)
        if not settings.sms_countries:  # then none is sent anywhere
            kinds -= {FactorKind.SMS}
        if _is_address(relying_party_id(settings)):
            kinds -= {FactorKind.WEBAUTHN}
        return cls(
            Level(settings.mfa), kinds, timedelta(days=settings.mfa_grace_days),
            timedelta(days=settings.mfa_trusted_device_days),
        )  # fmt: skip

    def with_stored(self, *stored: Mapping[str, Any] | None) -> Policy:
        """This policy together with those of a client and an account: of two levels the stricter one, of kinds those
        that all allow, and trust only where all do. A policy that leaves no kind leaves those of the deployment."""
        given = [one for one in stored if one]
        if not given:
            return self
        levels = (self.level, *(Level(one["level"]) for one in given if one.get("level")))
        kinds = self.kinds
        for one in given:
            if one.get("methods"):
                kinds = kinds & kinds_of(one["methods"]) or kinds
        trusted = all(one.get("trusted_devices", True) for one in given)
        level = max(levels, key=_STRICTNESS.__getitem__)
        return Policy(level, kinds, self.grace, self.trust if trusted else timedelta(0))


def relying_party_id(settings: Settings) -> str:
    """The domain that passkeys are made for (Web Authentication Level 3 §5.1.2)."""
    return settings.webauthn_rp_id or urlsplit(settings.issuer).hostname or ""


def _is_address(host: str) -> bool:
    """Browsers make no passkeys for an IP address."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def stored_policy(
    level: str | None, methods: Iterable[str] = (), trusted_devices: bool = True
) -> dict[str, Any] | None:
    """A policy as a client or an account keeps it; None when it says nothing.

    Raises ``ValueError`` for a level or a method that there is none of."""
    policy: dict[str, Any] = {}
    if level is not None:
        policy["level"] = Level(level).value
    if kinds := kinds_of(methods):
        policy["methods"] = [kind.value for kind in KINDS if kind in kinds]
    if not trusted_devices:
        policy["trusted_devices"] = False
    return policy or None


class Enrolled(Protocol):
    """What decides about an account: the columns of ``users``, or a row or record that has them too."""

    @property
    def second_factors(self) -> list[str] | None: ...
    @property
    def second_factor_due_at(self) -> datetime | None: ...
    @property
    def second_factor_forced_at(self) -> datetime | None: ...
    @property
    def password_set_by_mail_at(self) -> datetime | None: ...
    @property
    def mfa_policy(self) -> dict[str, Any] | None: ...


class Owed(StrEnum):
    """What is still to be done before anything is given out."""

    NOTHING = "nothing"
    FACTOR = "factor"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class Demand:
    """What somebody owes. ``kinds`` are those that help: to give one of them, or to enrol one. ``due_at`` is the end of
    the grace in which nothing is owed yet; ``begins_grace`` says that it begins now and has to be noted."""

    owed: Owed
    kinds: frozenset[FactorKind] = frozenset()
    due_at: datetime | None = None
    begins_grace: bool = False

    def __bool__(self) -> bool:
        return self.owed is not Owed.NOTHING


NOTHING = Demand(Owed.NOTHING)


def demand(policy: Policy, account: Enrolled, *, amr: Collection[str], acr: str | None, now: datetime) -> Demand:
    """What a person owes who has signed in by ``amr``, at ``acr``; ``policy`` is that of the deployment and the client.

    Whoever has a factor and may use none of its kinds here proves that one first, and then enrols another: the password
    alone never adds a factor to an account that has one (attack M13)."""
    policy = policy.with_stored(account.mfa_policy)
    if policy.level is Level.OFF:
        return NOTHING
    enrolled = kinds_of(account.second_factors or ())
    if not enrolled:
        return _enrolment(policy, account, now, at_once=account.second_factor_forced_at is not None)
    useful = enrolled & policy.kinds
    if reaches(acr, ACR_MFA):
        if AMR_RECOVERY in amr or kind_given(amr) in policy.kinds:
            return NOTHING
        return Demand(Owed.FACTOR, useful) if useful else _enrolment(policy, account, now)
    if reaches(acr, ACR_TRUSTED_DEVICE) and policy.trust and useful:
        return NOTHING
    return Demand(Owed.FACTOR, _but_mail_alone(policy, account, useful or enrolled))


def _but_mail_alone(policy: Policy, account: Enrolled, kinds: frozenset[FactorKind]) -> frozenset[FactorKind]:
    """Whoever reads somebody's mail has set the password by it, perhaps: where a factor is demanded, another mail is
    none. A recovery code still helps, and an admin."""
    by_mail = account.password_set_by_mail_at is not None and policy.level is Level.REQUIRED
    return kinds - {FactorKind.EMAIL} if by_mail else kinds


def _enrolment(policy: Policy, account: Enrolled, now: datetime, *, at_once: bool = False) -> Demand:
    if at_once:
        return Demand(Owed.ENROLMENT, policy.kinds)
    if policy.level is not Level.REQUIRED:
        return NOTHING
    due_at = account.second_factor_due_at
    if due_at is None and policy.grace:
        return Demand(Owed.NOTHING, policy.kinds, now + policy.grace, begins_grace=True)
    if due_at is not None and due_at > now:
        return Demand(Owed.NOTHING, policy.kinds, due_at)
    return Demand(Owed.ENROLMENT, policy.kinds)
