"""No way in goes round the second factor: every way to obtain a token or a session, against every state of an account
(RFC 9700 §2.4; M01, M13, B14, G10). Whoever adds a way adds its row, or the last test here fails."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import oidc_server
from oidc_server.core.settings import Settings
from oidc_server.mfa.proof import FactorWrong, Given
from tests.app_login import make_app
from tests.mfa.giving import prove
from tests.mfa.ways_in import WAYS, Attempt, Outcome
from tests.relying_party import Server
from tests.second_factors import enrol_totp, factors_of, set_policy

IN, FACTOR, ENROLMENT, REFUSED, NOTHING = Outcome
STATES = ("none", "optional", "enrolled", "required", "locked", "waiting")

# By way, what comes of it: when nobody is asked for a factor; when who has one is, and this person has none; when they
# have one; when everybody needs one, and they have none; when too many wrong ones were given; and while logins wait for
# the factor. Where a way takes the factor, somebody gives it: in the last column to the login that waits.
TABLE: dict[str, tuple[Outcome, ...]] = {
    "password_grant": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "continuation_grant": (REFUSED, REFUSED, IN, REFUSED, REFUSED, IN),
    "refresh_grant": (IN, IN, REFUSED, REFUSED, REFUSED, REFUSED),
    "code_grant": (IN, IN, REFUSED, REFUSED, REFUSED, REFUSED),
    "client_credentials_grant": (IN, IN, IN, IN, IN, IN),
    "api_login": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "api_verify": (REFUSED, REFUSED, IN, REFUSED, REFUSED, IN),
    "api_step_up": (REFUSED, REFUSED, IN, REFUSED, REFUSED, IN),
    "api_refresh": (IN, IN, REFUSED, REFUSED, REFUSED, REFUSED),
    "api_set_up": (REFUSED, IN, FACTOR, IN, FACTOR, FACTOR),
    "sign_in_page": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "second_factor_page": (IN, IN, IN, ENROLMENT, REFUSED, IN),
    "enrolment_page": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "passkey_page": (REFUSED, REFUSED, IN, REFUSED, IN, IN),
    "app_with_a_session": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "app_with_a_session_and_no_page": (IN, IN, REFUSED, REFUSED, REFUSED, REFUSED),
    "changed_password": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "account_pages": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "set_up_page": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "reset_link": (IN, IN, FACTOR, ENROLMENT, FACTOR, FACTOR),
    "verification_link": (NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING),
}

# Where sessions begin and rise and where tokens are issued, and by which ways somebody comes there.
_PAGES = ("sign_in_page", "second_factor_page", "enrolment_page", "passkey_page")
_RENEWING = ("second_factor_page", "enrolment_page", "changed_password", "set_up_page")
_GRANTS = (
    "password_grant", "continuation_grant", "refresh_grant", "code_grant", "client_credentials_grant", "api_login",
    "api_verify", "api_step_up", "api_refresh", "api_set_up",
)  # fmt: skip
PLACES: dict[str, tuple[str, ...]] = {
    "accounts.pages.account.security_add._done": ("set_up_page",),
    "accounts.pages.browser_login._renew": _RENEWING,
    "accounts.pages.browser_login.begin_or_renew": _PAGES,
    "accounts.pages.letting_in.let_in": _PAGES,
    "accounts.pages.passkey_sign_in._try": ("passkey_page",),
    "accounts.pages.second_factor.after_password.go_on_after": ("sign_in_page",),
    "accounts.pages.second_factor.finishing._let_in": ("second_factor_page", "enrolment_page"),
    "accounts.pages.second_factor.finishing._raise": ("app_with_a_session", "account_pages"),
    "protocol.giving_factors.raise_tokens": ("api_step_up", "api_set_up"),
    "protocol.grants.authorization_code._issue": ("code_grant",),
    "protocol.grants.client_credentials.create_token_response": ("client_credentials_grant",),
    "protocol.grants.refresh_token._issue": ("refresh_grant", "api_refresh"),
    "protocol.password_login._begin": ("password_grant", "continuation_grant", "api_login", "api_verify"),
    "protocol.password_login._tokens": ("password_grant", "continuation_grant", "api_login", "api_verify"),
    "protocol.server.issue": _GRANTS,
    "sessions.browser.begin_browser_session": _PAGES,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The server asks nobody for a second factor, unless the account says so."""
    return replace(settings, mfa="off")


def come_into(attempt: Attempt, state: str) -> None:
    """Bring the account into the state."""
    server, user = attempt.server, attempt.user
    if state != "none":
        set_policy(server, user=user, level="required" if state == "required" else "optional")
    if state in {"enrolled", "locked", "waiting"}:
        attempt.totp = enrol_totp(server, user)
    if state == "locked":
        wrong = Given(attempt.totp.method_id, attempt.totp.wrong_code()) if attempt.totp else Given(None)
        for _ in range(6):
            with pytest.raises(FactorWrong):
                prove(factors_of(server), user, wrong)
    if state == "waiting":
        attempt.begin_waiting()


def outcome(attempt: Attempt, way: str, state: str) -> Outcome:
    """Where somebody gets on this way."""
    steps = WAYS[way](attempt)
    next(steps)
    come_into(attempt, state)
    with pytest.raises(StopIteration) as end:
        next(steps)
    found: Outcome = end.value.value
    return found


@pytest.mark.parametrize("way", sorted(TABLE))
def test_no_way_in_goes_round_the_second_factor_m01_b14(server: Server, way: str) -> None:
    app = make_app(server, first_party=True)
    program = server.first_party()
    found = {}
    for state in STATES:
        server.forget_limits()
        found[state] = outcome(Attempt(server, app, program, server.user()), way, state)
    assert found == dict(zip(STATES, TABLE[way], strict=True))


def test_every_way_has_a_row() -> None:
    assert set(TABLE) == set(WAYS)


# Whoever calls one of these lets somebody in, or makes what they are let in with worth more.
_LETTING_IN = frozenset(
    {"begin_session", "begin_browser_session", "renew", "issue", "step_up", "begin_or_renew", "let_in", "raise_login"}
)  # fmt: skip


def places_that_let_in() -> set[str]:
    """Where the source calls one of them: ``module.function``."""
    package = Path(oidc_server.__file__).parent
    found = set()
    for file in package.rglob("*.py"):
        module = ".".join(file.relative_to(package).with_suffix("").parts)
        source = file.read_text()
        if not any(name in source for name in _LETTING_IN):
            continue
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef):
                calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                names = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
                if names & _LETTING_IN:
                    found.add(f"{module}.{function.name}")
    return found


def test_every_place_that_lets_somebody_in_is_on_a_way_of_the_table() -> None:
    assert places_that_let_in() == set(PLACES)
    assert {way for ways in PLACES.values() for way in ways} <= set(TABLE)
    assert all(PLACES.values())
