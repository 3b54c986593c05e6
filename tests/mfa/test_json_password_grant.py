"""The password grant for who has a second factor, and the grant that finishes it."""

from __future__ import annotations

import pytest

from oidc_server.core.errors import Reason
from oidc_server.sessions.assurance import ACR_MFA
from tests.log_lines import reason_logged
from tests.mfa.json_app import ENROLMENT_OWED, GRANT, OWED, by_password_grant, level, refusal_of
from tests.relying_party import Server, TestClient, TestUser, body_of, error
from tests.running import ISSUER
from tests.second_factors import Totp, enrol_totp, recovery_codes, set_policy

WRONG = (400, "invalid_grant")
API = "https://api.example.com"


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.first_party(resources=(API,))


@pytest.fixture
def totp(server: Server, user: TestUser) -> Totp:
    return enrol_totp(server, user)


def test_the_password_grant_gives_an_mfa_token_and_nothing_else_m01(
    server: Server, client: TestClient, user: TestUser, totp: Totp, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = by_password_grant(server, client, user)
    assert refusal_of(refused) == OWED
    assert reason_logged(capsys, refused) == Reason.SECOND_FACTOR_REQUIRED
    body = body_of(refused)
    assert set(body) == {"error", "error_description", "error_id", "mfa_token", "methods"}
    assert [method["id"] for method in body["methods"]] == [str(totp.method_id)]
    assert server.audit("user.signed_in", str(user.id)) == []


def test_the_same_client_finishes_it_with_what_it_asked_for(
    server: Server, client: TestClient, user: TestUser, totp: Totp
) -> None:
    asked = by_password_grant(server, client, user, scope="openid email", resource=API)
    token = body_of(asked)["mfa_token"]
    given = {"mfa_token": token, "method_id": str(totp.method_id), "code": totp.code()}
    # What the tokens allow was settled before: another scope in this request changes nothing.
    tokens = body_of(server.token(client, GRANT, scope="orders:read", **given))
    assert tokens["scope"] == "openid email"
    claims = server.verify(tokens["access_token"], audience=API)
    assert (claims["acr"], claims["amr"], claims["sub"]) == (ACR_MFA, ["pwd", "otp", "mfa"], str(user.id))
    assert server.refresh(client, tokens["refresh_token"]).status_code == 200
    assert error(server.token(client, GRANT, **given)) == WRONG


def test_a_recovery_code_finishes_it_too(server: Server, client: TestClient, user: TestUser, totp: Totp) -> None:
    code = recovery_codes(server, user)[0]
    token = body_of(by_password_grant(server, client, user))["mfa_token"]
    tokens = body_of(server.token(client, GRANT, mfa_token=token, code=code))
    assert level(server, tokens) == (ACR_MFA, ["pwd", "otp", "recovery_code", "mfa"])


def test_a_wrong_an_old_and_a_throttled_factor_are_answered_alike_m10(
    server: Server, client: TestClient, user: TestUser, totp: Totp, capsys: pytest.CaptureFixture[str]
) -> None:
    token = body_of(by_password_grant(server, client, user))["mfa_token"]
    given = {"mfa_token": token, "method_id": str(totp.method_id)}
    wrong = server.token(client, GRANT, code=totp.wrong_code(), **given)
    others = [server.token(client, GRANT, code=code, **given) for code in (totp.code(-2), "1234567")]
    others += [server.token(client, GRANT, code="+123456", **given) for _ in range(2)]
    throttled = server.token(client, GRANT, code=totp.code(), **given)
    assert reason_logged(capsys, throttled) == Reason.SECOND_FACTOR_THROTTLED
    for answer in (wrong, *others, throttled):
        assert error(answer) == WRONG
        assert body_of(answer)["error_description"] == body_of(wrong)["error_description"]
        assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"mfa_token": None}, {"code": None}, {"credential": "{}"}, {"method_id": "1"},
        {"code": None, "credential": "{}", "method_id": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_request_that_is_not_whole_is_refused(
    server: Server, client: TestClient, totp: Totp, changes: dict[str, str | None]
) -> None:
    whole: dict[str, str | None] = {"mfa_token": "x", "method_id": str(totp.method_id), "code": totp.code()}
    assert error(server.token(client, GRANT, **whole | changes)) == (400, "invalid_request")


def test_the_grant_is_for_clients_of_the_password_grant_m03(server: Server, totp: Totp) -> None:
    given = {"mfa_token": "x", "method_id": str(totp.method_id), "code": totp.code()}
    assert error(server.token(server.client(), GRANT, **given)) == (400, "unauthorized_client")
    assert error(server.post("token", grant_type=GRANT, **given)) == (401, "invalid_client")
    public = server.client("public", redirect_uris=("https://app.example.com/cb",), first_party=True)
    assert error(server.token(public, GRANT, **given)) == (400, "unauthorized_client")


def test_discovery_names_it_only_while_some_client_may_use_passwords(server: Server) -> None:
    server.client()
    assert not {"password", GRANT} & set(server.metadata["grant_types_supported"])
    server.first_party()
    server.app.extensions["oidc_server.clients"].forget()
    assert {"password", GRANT} <= set(server.metadata["grant_types_supported"])


def test_whoever_has_to_enrol_a_factor_is_sent_to_a_page(server: Server, client: TestClient, user: TestUser) -> None:
    set_policy(server, client=client, level="required")
    refused = by_password_grant(server, client, user)
    assert refusal_of(refused) == ENROLMENT_OWED
    assert body_of(refused)["enrol_at"] == f"{ISSUER}/sign-in"


def test_the_policy_of_the_client_counts(server: Server, client: TestClient, user: TestUser, totp: Totp) -> None:
    set_policy(server, client=client, level="required", methods=["webauthn", "totp"])
    assert [one["type"] for one in body_of(by_password_grant(server, client, user))["methods"]] == ["totp"]
    assert refusal_of(by_password_grant(server, client, server.user())) == ENROLMENT_OWED
