"""What it costs to verify a code of an authenticator app: the statements of all connections, and processor time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import quantiles

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from oidc_server.core.limit_rules import MFA_ATTEMPTS
from oidc_server.core.limits import Limits
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.proof import Given
from tests.mfa.giving import give, prove, refusal
from tests.relying_party import Server, TestUser
from tests.second_factors import enrol_totp
from tests.statement_log import statements_of_all

STATEMENTS_AT_MOST = 6
# Of RSA-2048. Two milliseconds are asked for where a signature takes 0.21, which would be nine and a half.
SIGNATURES_AT_MOST = 5.5
TIMES = 40


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement of every connection but those that begin and end a transaction."""
    with statements_of_all() as seen:
        yield seen


@pytest.mark.parametrize("device", [None, "a-known-one"])
def test_a_right_code_costs_four_statements(
    server: Server, factors: SecondFactors, user: TestUser, statements: list[str], device: str | None
) -> None:
    """The attempt is counted; the method and its owner are read; the code is used up; the count is taken back."""
    totp = enrol_totp(server, user)
    give(factors, user, totp.method_id, totp.code(-1), device)
    statements.clear()
    assert give(factors, user, totp.method_id, totp.code(), device)
    assert len(statements) <= 4 < STATEMENTS_AT_MOST, statements


def test_a_wrong_code_costs_no_more(
    server: Server, factors: SecondFactors, user: TestUser, statements: list[str]
) -> None:
    totp = enrol_totp(server, user)
    statements.clear()
    assert refusal(factors, user, Given(totp.method_id, totp.wrong_code())) is not None
    assert len(statements) <= 4, statements


@pytest.mark.alone
def test_a_right_code_takes_the_processor_less_than_six_signatures(
    server: Server, factors: SecondFactors, user: TestUser
) -> None:
    """Of this process: what PostgreSQL does for it is not in here, what SQLite does is. What else the machine does
    makes some of them slower, and none quicker: so the first quartile counts. In an hour in which the machine is slow,
    both take longer alike."""
    unlimited = Limits(server.database.engine, amounts={rule.name: 10_000 for rule in MFA_ATTEMPTS})
    factors, apps = replace(factors, limits=unlimited), [enrol_totp(server, user, f"{n}") for n in range(TIMES)]
    prove(factors, user, apps[0].given(-1))
    taken, signing = [], []
    key = rsa.generate_private_key(65537, 2048)
    for totp in apps:
        given = totp.given()
        taken.append(cpu_ms(lambda: prove(factors, user, given)))  # noqa: B023 - called at once
        signing.append(cpu_ms(lambda: key.sign(b"", padding.PKCS1v15(), hashes.SHA256())))
    assert quantiles(taken, n=4)[0] <= SIGNATURES_AT_MOST * quantiles(signing, n=4)[0], (taken, signing)


def cpu_ms(act: Callable[[], object]) -> float:
    """How long this thread is on a processor for it, in milliseconds."""
    begun = time.thread_time()
    act()
    return (time.thread_time() - begun) * 1000
