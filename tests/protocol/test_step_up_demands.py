"""What is owed for a level, case by case: policy, what the person has, how they signed in, and what the app wants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.policy import NOTHING, Demand, Level, Owed, Policy
from oidc_server.protocol.step_up import second_factor_owed
from oidc_server.sessions.assurance import ACR_MFA, ACR_PASSWORD, ACR_PHISHING_RESISTANT, ACR_TRUSTED_DEVICE, acr_of
from tests.protocol.assurance import BY_PASSKEY, BY_TOTP, PASSWORD_ALONE, TRUSTED

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOTP, WEBAUTHN, EMAIL = FactorKind.TOTP, FactorKind.WEBAUTHN, FactorKind.EMAIL
ALL = frozenset(FactorKind)
OPTIONAL = Policy(trust=timedelta(days=30))
OFF, REQUIRED = replace(OPTIONAL, level=Level.OFF), replace(OPTIONAL, level=Level.REQUIRED)


@dataclass(frozen=True)
class Account:
    """A person, as far as it counts."""

    second_factors: list[str] | None = None
    second_factor_due_at: datetime | None = None
    second_factor_forced_at: datetime | None = None
    password_set_by_mail_at: datetime | None = None
    mfa_policy: dict[str, Any] | None = None


def factor(*kinds: FactorKind) -> Demand:
    return Demand(Owed.FACTOR, frozenset(kinds))


def enrolment(*kinds: FactorKind) -> Demand:
    return Demand(Owed.ENROLMENT, frozenset(kinds))


NOBODY, WITH_TOTP, WITH_BOTH = Account(), Account(["totp"]), Account(["totp", "webauthn"])
Case = tuple[Policy, Account, list[str], str | None, Demand]
CASES: tuple[Case, ...] = (
    # Nothing is wanted: the policy alone.
    (OPTIONAL, NOBODY, PASSWORD_ALONE, None, NOTHING),
    (OPTIONAL, WITH_TOTP, PASSWORD_ALONE, None, factor(TOTP)),
    (OFF, WITH_TOTP, PASSWORD_ALONE, None, NOTHING),
    (REQUIRED, NOBODY, PASSWORD_ALONE, None, enrolment(*ALL)),
    # What is wanted is there already.
    (OPTIONAL, NOBODY, PASSWORD_ALONE, ACR_PASSWORD, NOTHING),
    (OPTIONAL, WITH_TOTP, TRUSTED, ACR_TRUSTED_DEVICE, NOTHING),
    (OPTIONAL, WITH_TOTP, BY_TOTP, ACR_MFA, NOTHING),
    (OPTIONAL, WITH_BOTH, BY_PASSKEY, ACR_MFA, NOTHING),
    # It can be given.
    (OPTIONAL, WITH_TOTP, TRUSTED, ACR_MFA, factor(TOTP)),
    (OPTIONAL, WITH_BOTH, BY_TOTP, ACR_PHISHING_RESISTANT, factor(WEBAUTHN)),
    (OPTIONAL, WITH_BOTH, PASSWORD_ALONE, ACR_PHISHING_RESISTANT, factor(WEBAUTHN)),
    (OFF, WITH_BOTH, PASSWORD_ALONE, ACR_MFA, factor(TOTP, WEBAUTHN)),
    (OFF, WITH_TOTP, PASSWORD_ALONE, ACR_TRUSTED_DEVICE, factor(TOTP)),
    # It can be set up, by who has nothing yet.
    (OPTIONAL, NOBODY, PASSWORD_ALONE, ACR_MFA, enrolment(*ALL)),
    (OPTIONAL, NOBODY, PASSWORD_ALONE, ACR_PHISHING_RESISTANT, enrolment(WEBAUTHN)),
    (REQUIRED, NOBODY, PASSWORD_ALONE, ACR_PHISHING_RESISTANT, enrolment(WEBAUTHN)),
    (OPTIONAL, Account(mfa_policy={"methods": ["totp"]}), PASSWORD_ALONE, ACR_MFA, enrolment(TOTP)),
    (OFF, Account(mfa_policy={"level": "optional"}), PASSWORD_ALONE, ACR_PHISHING_RESISTANT, enrolment(WEBAUTHN)),
    # It cannot be reached: nothing more than the policy asks for.
    (OFF, NOBODY, PASSWORD_ALONE, ACR_MFA, NOTHING),
    (OPTIONAL, WITH_TOTP, BY_TOTP, ACR_PHISHING_RESISTANT, NOTHING),
    (OPTIONAL, WITH_TOTP, PASSWORD_ALONE, ACR_PHISHING_RESISTANT, factor(TOTP)),
    (replace(OPTIONAL, kinds=frozenset({TOTP})), NOBODY, PASSWORD_ALONE, ACR_PHISHING_RESISTANT, NOTHING),
    (replace(OPTIONAL, kinds=frozenset({TOTP})), WITH_BOTH, BY_TOTP, ACR_PHISHING_RESISTANT, NOTHING),
    # A mail is none where the password was set by one and a factor is demanded.
    (REQUIRED, Account(["totp", "email"], password_set_by_mail_at=NOW), TRUSTED, ACR_MFA, factor(TOTP)),
)  # fmt: skip


@pytest.mark.parametrize(("policy", "account", "amr", "wanted", "expected"), CASES)
def test_what_is_owed_for_a_level(
    policy: Policy, account: Account, amr: list[str], wanted: str | None, expected: Demand
) -> None:
    assert second_factor_owed(policy, account, wanted, amr=amr, acr=acr_of(amr), now=NOW) == expected


def test_a_grace_that_begins_is_noted_although_a_level_is_wanted_that_cannot_be_reached() -> None:
    policy = replace(REQUIRED, kinds=frozenset({EMAIL}), grace=timedelta(days=7))
    owed = second_factor_owed(
        policy, NOBODY, ACR_PHISHING_RESISTANT, amr=PASSWORD_ALONE, acr=ACR_PASSWORD, now=NOW
    )  # fmt: skip
    assert (owed.owed, owed.begins_grace, owed.due_at) == (Owed.NOTHING, True, NOW + timedelta(days=7))
    now_at_once = second_factor_owed(policy, NOBODY, ACR_MFA, amr=PASSWORD_ALONE, acr=ACR_PASSWORD, now=NOW)
    assert now_at_once == enrolment(EMAIL)  # a grace is no way to reach a level
