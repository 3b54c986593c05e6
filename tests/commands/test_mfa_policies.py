"""``--mfa`` and its neighbours at ``clients``, and ``users mfa``: what is written is what is asked of people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.messages.kinds import Kind
from oidc_server.messages.models import Message
from tests.commands.command_line import CommandLine
from tests.relying_party import Server, TestClient, TestUser, body_of, error
from tests.second_factors import account_of, enrol_totp, recovery_codes

BANK = (
    "clients", "create", "--name", "Bank", "--type", "confidential", "--client-id", "bank", "--first-party",
    "--grant", "password", "--scope", "openid",
)  # fmt: skip


def shown(cli: CommandLine) -> Any:
    """The policy of the client, which every command tells alike."""
    policy = cli.json("clients", "show", "bank")["mfa_policy"]
    (listed,) = cli.json("clients", "list")
    assert listed["mfa_policy"] == policy
    return policy


def test_a_client_is_registered_with_a_policy_which_is_changed_member_by_member(cli: CommandLine, app: object) -> None:
    made = cli.json(*BANK, "--mfa", "required", "--mfa-method", "totp", "--mfa-method", "webauthn")
    assert made["mfa_policy"] == {"level": "required", "methods": ["webauthn", "totp"]} == shown(cli)
    assert "required" in cli.run("clients", "list").stdout
    update = ("clients", "update", "bank")
    for options, policy in (
        (("--no-trusted-devices",), {"level": "required", "methods": ["webauthn", "totp"], "trusted_devices": False}),
        (("--mfa-method", "webauthn"), {"level": "required", "methods": ["webauthn"], "trusted_devices": False}),
        (("--trusted-devices", "--name", "B"), {"level": "required", "methods": ["webauthn"]}),
        (("--mfa", ""), {"methods": ["webauthn"]}),
        (("--mfa-method", ""), None),
        (("--mfa", "optional"), {"level": "optional"}),
    ):
        assert cli.json(*update, *options)["mfa_policy"] == policy, options
    assert cli.json(*update, "--scope", "openid email")["mfa_policy"] == {"level": "optional"} == shown(cli)


def test_the_policy_of_a_client_is_asked_of_people_by_running_servers(
    cli: CommandLine, server: Server, settings: Settings
) -> None:
    user = server.user()
    made = cli.json(*BANK)
    bank = TestClient("bank", made["client_secret"])
    assert "access_token" in server.sign_in(bank, user)
    assert "within" in cli.run("clients", "update", "bank", "--mfa", "required").stdout
    clock.travel(timedelta(seconds=settings.client_cache_seconds + 1))
    response = server.token(bank, "password", username=user.email, password=user.password)
    assert (response.status_code, body_of(response)["error"]) == (403, "mfa_enrolment_required")
    assert server.audit("client.updated", "bank")[-1].detail == {"changed": ["mfa_policy"]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mfa", "always"), "off, optional, required"),
        (("--mfa-method", "fax"), "webauthn, totp, sms, email"),
    ],
)
def test_what_there_is_none_of_is_refused_and_nothing_changes(
    cli: CommandLine, server: Server, options: tuple[str, ...], words: str
) -> None:
    cli.json(*BANK)
    user = server.user()
    assert words in cli.refusal("clients", "update", "bank", *options)
    assert words in cli.refusal("users", "mfa", user.email, *options)
    assert words in cli.refusal("clients", "create", "--name", "Other", "--type", "public", *options)
    assert shown(cli) is None


def test_nobody_signs_in_through_a_service_so_it_has_no_policy(cli: CommandLine, app: object) -> None:
    service = ("clients", "create", "--name", "Orders", "--type", "service")
    assert "nobody signs in through it" in cli.refusal(*service, "--mfa", "required")


def test_an_operator_is_told_what_counts_instead_of_what_they_wrote(cli: CommandLine, app: object) -> None:
    strict = cli.with_variables(OIDC_MFA="required", OIDC_MFA_METHODS="totp")
    said = strict.run(*BANK, "--mfa", "optional", "--mfa-method", "webauthn").stdout
    assert "None of these kinds is used here" in said
    assert "OIDC_MFA is required, which is stricter than optional" in said


def test_an_account_is_shown_with_its_factors_and_without_anything_secret(cli: CommandLine, server: Server) -> None:
    user = server.user()
    bare = cli.json("users", "mfa", user.email)
    assert (bare["asked"], bare["mfa_policy"], bare["methods"]) == ("optional", None, [])
    totp, codes = enrol_totp(server, user, name="Pixel"), recovery_codes(server, user)
    result = cli.run("users", "mfa", user.email, "--json")
    (method,) = cli.json("users", "mfa", user.email)["methods"]
    assert (method["kind"], method["name"]) == ("totp", "Pixel")
    assert '"recovery_codes_left": 10' in result.stdout
    assert "Pixel" in cli.run("users", "mfa", user.email).stdout
    for secret in (totp.secret, *codes):
        assert secret not in result.stdout


def test_what_is_asked_of_an_account_is_changed_and_recorded_once(cli: CommandLine, server: Server) -> None:
    user = server.user()
    changed = cli.json("users", "mfa", user.email, "--mfa", "required", "--mfa-method", "totp", "--no-trusted-devices")
    policy = {"level": "required", "methods": ["totp"], "trusted_devices": False}
    assert (changed["mfa_policy"], changed["asked"], changed["methods_allowed"]) == (policy, "required", ["totp"])
    assert account_of(server, user).mfa_policy == policy
    assert "nothing was changed" in cli.run("users", "mfa", user.email, "--mfa", "required").stdout
    nothing = ("--mfa", "", "--mfa-method", "", "--trusted-devices")
    assert cli.json("users", "mfa", str(user.id), *nothing)["mfa_policy"] is None
    recorded = [event.detail for event in server.audit("mfa.policy_changed", str(user.id))]
    assert recorded == [{"policy": policy}, {"policy": {}}]


def signed_in(server: Server, user: TestUser) -> tuple[TestClient, str]:
    """A client, and a refresh token that the person gave it."""
    client = server.first_party()
    token: str = server.sign_in(client, user)["refresh_token"]
    return client, token


def test_a_reset_removes_the_factors_ends_what_runs_and_is_told_m25(cli: CommandLine, server: Server) -> None:
    user = server.user()
    client, refresh_token = signed_in(server, user)
    enrol_totp(server, user)
    recovery_codes(server, user)
    reset = cli.json("users", "mfa-reset", user.email, "--reason", "Lost the phone; showed a passport")
    assert (reset["methods"], reset["recovery_codes_left"], reset["sessions_ended"]) == ([], 0, 1)
    assert reset["enrolment_forced_at"] is not None
    assert error(server.refresh(client, refresh_token)) == (400, "invalid_grant")
    answer = server.token(client, "password", username=user.email, password=user.password)
    assert (answer.status_code, body_of(answer)["error"]) == (403, "mfa_enrolment_required")
    (event,) = server.audit("mfa.reset", str(user.id))
    assert event.actor_kind == "operator"
    assert event.detail["note"] == "Lost the phone; showed a passport"
    with server.database.reading() as session:
        assert session.scalars(select(Message.recipient).where(Message.kind == Kind.MFA_RESET)).all() == [user.email]


def test_a_reset_wants_a_reason(cli: CommandLine, server: Server) -> None:
    user = server.user()
    enrol_totp(server, user)
    assert "--reason" in cli.run("users", "mfa-reset", user.email).stderr
    for reason in ("", "x" * 501, "two\nlines"):
        assert "A reason is one line" in cli.refusal("users", "mfa-reset", user.email, "--reason", reason)
    assert cli.json("users", "mfa", user.email)["methods"] != []
