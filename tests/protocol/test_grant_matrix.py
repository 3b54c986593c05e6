"""Which client may use which grant: every grant of the specifications against every type of client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.refresh import EXTENSION as REFRESH_POLICY
from oidc_server.authorizations.refresh import first_refresh_token
from oidc_server.authorizations.service import Terms, grant
from oidc_server.authorizations.standing import standing_of, standing_query
from oidc_server.clients.metadata import CLIENT_TYPES, GRANT_TYPES_OF_TYPE, MetadataInvalid
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.sessions.service import Device, begin_session
from tests.relying_party import Server, TestClient, TestUser, body_of, error

CALLBACK = ("https://app.example.com/cb",)
MFA = "urn:oidc-server:params:oauth:grant-type:mfa"
IMPLEMENTED = ("authorization_code", "client_credentials", "password", "refresh_token", MFA)
ELSEWHERE = (
    "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:device_code",
)  # fmt: skip
NOBODY = (
    "Client_Credentials", "client_credentials ", "client-credentials", "password,refresh_token", "none", "null", "*",
    "__class__",
)  # fmt: skip


def client_of(server: Server, client_type: str, **registration: Any) -> TestClient:
    """A client of a type with the grants that it has by default."""
    uris = () if client_type == "service" else CALLBACK
    return server.client(client_type, scope="openid orders:read", redirect_uris=uris, **registration)


def ask(server: Server, client: TestClient, grant_type: str, user: TestUser) -> TestResponse:
    """A request that has whatever any of the grants may want."""
    return server.token(
        client, grant_type, username=user.email, password=user.password, refresh_token="r", code="c",
        redirect_uri=CALLBACK[0], assertion="a.b.c", device_code="d", subject_token="s", mfa_token="m",
    )  # fmt: skip


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_a_client_may_use_its_own_grants_and_no_other_d23(server: Server, client_type: str) -> None:
    user, client = server.user(), client_of(server, client_type)
    expected = {
        "authorization_code": (400, "unauthorized_client") if client_type == "service" else (400, "invalid_grant"),
        "client_credentials": 200 if client_type == "service" else (400, "unauthorized_client"),
        "password": (400, "unauthorized_client"),
        "refresh_token": (400, "unauthorized_client") if client_type == "service" else (400, "invalid_grant"),
        MFA: (400, "unauthorized_client"),
    }
    for grant_type in IMPLEMENTED:
        response = ask(server, client, grant_type, user)
        outcome = 200 if response.status_code == 200 else error(response)
        assert outcome == expected[grant_type], grant_type


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_a_grant_that_the_server_lacks_is_unsupported_for_everybody_d23(server: Server, client_type: str) -> None:
    user, client = server.user(), client_of(server, client_type)
    for grant_type in (*ELSEWHERE, *NOBODY):
        assert error(ask(server, client, grant_type, user)) == (400, "unsupported_grant_type"), grant_type


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_no_client_can_be_registered_for_the_grant_of_another_type_d23(server: Server, client_type: str) -> None:
    for grant_type in {*IMPLEMENTED, *ELSEWHERE, *NOBODY} - set(GRANT_TYPES_OF_TYPE[client_type]):
        with pytest.raises(MetadataInvalid):
            client_of(server, client_type, grant_types=(grant_type,))


def test_the_password_grant_is_for_first_party_clients_that_are_registered_for_it_d23(server: Server) -> None:
    user = server.user()
    with pytest.raises(MetadataInvalid):
        client_of(server, "confidential", grant_types=("password",))
    with pytest.raises(MetadataInvalid):
        client_of(server, "public", grant_types=("password",), first_party=True)
    first_party = client_of(server, "confidential", first_party=True)
    assert error(ask(server, first_party, "password", user)) == (400, "unauthorized_client")
    allowed = client_of(server, "confidential", grant_types=("password",), first_party=True)
    assert ask(server, allowed, "password", user).status_code == 200
    with pytest.raises(MetadataInvalid):
        server.update(allowed, first_party=False)


def test_a_grant_that_was_taken_away_ends_within_the_cache_bound_d23(server: Server, settings: Settings) -> None:
    user, client = server.user(), server.first_party()
    tokens = server.sign_in(client, user)
    server.update(client, grant_types=("authorization_code",))
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert error(ask(server, client, "password", user)) == (400, "unauthorized_client")
    assert error(server.refresh(client, tokens["refresh_token"])) == (400, "unauthorized_client")


def refresh_token_of(server: Server, client: TestClient, user: TestUser) -> str:
    """A refresh token as the authorization endpoint will give it, also to a public client."""
    policy = server.app.extensions[REFRESH_POLICY]
    with server.app.app_context(), server.database.transaction() as session:
        login = begin_session(
            session, user_id=user.id, amr=["pwd"], lifetime=policy.idle_lifetime,
            device=Device("", ""),
        )  # fmt: skip
        terms = Terms("openid", [])
        authorization = grant(session, login, client_id=client.client_id, terms=terms, lifetime=policy.idle_lifetime)
        standing = standing_of(session.execute(standing_query().where(Authorization.id == authorization.id)).one())
        return first_refresh_token(session, policy, standing, scope="openid", resource=[])


def test_a_refresh_token_serves_only_the_client_it_was_given_to_c06(server: Server) -> None:
    user = server.user()
    clients = [client_of(server, "public"), client_of(server, "public"), client_of(server, "confidential")]
    tokens = [refresh_token_of(server, client, user) for client in clients]
    for owner, token in zip(clients, tokens, strict=True):
        for client in clients:
            if client is not owner:
                assert error(server.refresh(client, token)) == (400, "invalid_grant")
    for owner, token in zip(clients, tokens, strict=True):
        renewed = body_of(server.refresh(owner, token))
        assert server.verify(renewed["access_token"])["client_id"] == owner.client_id


def test_a_public_client_cannot_name_itself_with_the_proof_of_another_c06_d01(
    server: Server, settings: Settings
) -> None:
    public, confidential = client_of(server, "public"), client_of(server, "confidential")
    token = refresh_token_of(server, confidential, server.user())
    form = {"grant_type": "refresh_token", "refresh_token": token}
    as_itself = server.http.post("/oauth/token", data=form | {"client_id": public.client_id})
    assert error(as_itself) == (400, "invalid_grant")
    unproven = server.http.post("/oauth/token", data=form | {"client_id": confidential.client_id})
    assert error(unproven) == (401, "invalid_client")
    mixed = server.http.post("/oauth/token", data=form | {"client_id": public.client_id}, headers=confidential.basic)
    assert error(mixed) == (400, "invalid_request")
