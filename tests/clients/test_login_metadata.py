"""What a client registers for login (OpenID Connect Registration §2, RP-Initiated Logout §3.1): each value by its rule,
and nothing of it for a client through which nobody signs in."""

from __future__ import annotations

from typing import Any

import pytest

from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.registry import EXTENSION as CLIENTS
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.clients.service import REMOVABLE
from tests.clients.test_logos import PNG
from tests.relying_party import Server, TestClient

CALLBACK = ("https://rp.example.com/cb",)
EVERYTHING: dict[str, Any] = {
    "userinfo_signed_response_alg": "RS256", "default_max_age": 0, "client_uri": "https://rp.example.com/",
    "policy_uri": "https://rp.example.com/privacy", "tos_uri": "https://rp.example.com/terms",
    "id_token_signed_response_alg": "ES256", "mfa_policy": {"level": "required"},
}  # fmt: skip


def seen(server: Server, client: TestClient) -> ClientSnapshot:
    """The client as the running server sees it."""
    found: ClientSnapshot = server.app.extensions[CLIENTS].find_afresh(client.client_id)
    return found


def test_what_is_registered_is_what_the_server_sees(server: Server) -> None:
    gone = ("https://rp.example.com/bye?x=1",)
    snapshot = seen(server, server.client(redirect_uris=CALLBACK, post_logout_redirect_uris=gone, **EVERYTHING))
    assert {name: getattr(snapshot, name) for name in EVERYTHING} == EVERYTHING
    assert snapshot.post_logout_redirect_uris == gone
    assert snapshot.require_pkce


def test_what_may_be_there_or_not_can_be_taken_away_and_the_rest_stays(server: Server) -> None:
    client = server.client(redirect_uris=CALLBACK, logo=PNG, **EVERYTHING)
    for name in sorted(REMOVABLE):
        before = seen(server, client)
        server.update(client, removed=frozenset({name}))
        after = seen(server, client)
        changed = {field for field in ClientSnapshot.__slots__ if getattr(before, field) != getattr(after, field)}
        assert changed == {name}
        assert getattr(after, name) is None


# Where people go after they have signed out is under the rule of redirect URIs.
@pytest.mark.parametrize("client_type", ["confidential", "public"])
@pytest.mark.parametrize(
    "uri",
    [
        "", "/bye", "//rp.example.com/bye", "http://rp.example.com/bye", "javascript:alert(1)", "data:text/html,x",
        "vbscript:x", "https://rp.example.com/bye#x", "https://rp.example.com/bye#", "https://u@rp.example.com/bye",
        "https://rp.example.com/../bye", "https://*.example.com/bye?é", "https://", "https://rp.example.com/bye\n",
        "http://localhost.evil.example/bye", "http://127.0.0.1.evil.example/bye", "http://10.0.0.1/bye",
    ],
)  # fmt: skip
def test_a_post_logout_redirect_uri_is_under_the_same_rule_as_a_redirect_uri_a08(
    server: Server, client_type: str, uri: str
) -> None:
    with pytest.raises(MetadataInvalid, match="A post-logout redirect URI"):
        server.client(client_type, redirect_uris=CALLBACK, post_logout_redirect_uris=[CALLBACK[0], uri])


def test_an_app_comes_back_after_a_logout_to_its_loopback_address_or_its_own_scheme(server: Server) -> None:
    uris = ("http://127.0.0.1:5000/bye", "http://[::1]/bye", "com.example.app:/bye")
    client = server.client("public", redirect_uris=CALLBACK, post_logout_redirect_uris=uris)
    assert seen(server, client).post_logout_redirect_uris == uris
    with pytest.raises(MetadataInvalid):
        server.client("confidential", redirect_uris=CALLBACK, post_logout_redirect_uris=uris)


def test_no_userinfo_response_is_a_jwt_without_a_signature_e01(server: Server) -> None:
    for alg in ("none", "None", "", "HS256", "RS384", "rs256"):
        with pytest.raises(MetadataInvalid, match="A UserInfo response is signed by RS256"):
            server.client(redirect_uris=CALLBACK, userinfo_signed_response_alg=alg)


def test_a_default_max_age_is_a_number_of_seconds_that_can_be_stored(server: Server) -> None:
    client = server.client(redirect_uris=CALLBACK, default_max_age=999_999_999)
    assert seen(server, client).default_max_age == 999_999_999
    for seconds in (-1, 1_000_000_000, 2**31, 2**63, -(2**63)):
        with pytest.raises(MetadataInvalid, match="default_max_age"):
            server.client(redirect_uris=CALLBACK, default_max_age=seconds)


def test_only_a_confidential_client_may_do_without_pkce_b09(server: Server) -> None:
    client = server.client("confidential", redirect_uris=CALLBACK, require_pkce=False)
    assert not seen(server, client).require_pkce
    server.update(client, require_pkce=True)
    assert seen(server, client).require_pkce
    for client_type, redirect_uris in (("public", CALLBACK), ("service", ())):
        with pytest.raises(MetadataInvalid, match="PKCE"):
            server.client(client_type, redirect_uris=redirect_uris, require_pkce=False)
        other = server.client(client_type, redirect_uris=redirect_uris)
        with pytest.raises(MetadataInvalid, match="PKCE"):
            server.update(other, require_pkce=False)


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": CALLBACK}, {"post_logout_redirect_uris": CALLBACK}, {"subject_type": "pairwise"},
        {"userinfo_signed_response_alg": "RS256"}, {"default_max_age": 0}, {"client_uri": "https://rp.example.com"},
        {"policy_uri": "https://rp.example.com"}, {"tos_uri": "https://rp.example.com"}, {"logo": PNG},
    ],
    ids=lambda metadata: next(iter(metadata)),
)  # fmt: skip
def test_a_service_client_has_nothing_that_is_for_people_d23(server: Server, metadata: dict[str, Any]) -> None:
    with pytest.raises(MetadataInvalid, match="nobody signs in through it"):
        server.client("service", **metadata)
    client = server.client("service", subject_type="public", post_logout_redirect_uris=())
    with pytest.raises(MetadataInvalid, match="nobody signs in through it"):
        server.update(client, **metadata)
    server.update(client, removed=REMOVABLE)
