"""Claims that no token of ours has, signed by our own key: what would happen if only the signature were checked."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.keys import service
from oidc_server.keys.lifecycle import NOTICE_BOUND, SWITCH_DELAY
from oidc_server.keys.ring import EXTENSION as KEY_RING
from oidc_server.keys.ring import KeyRing
from tests.protocol.handmade import access_token_claims, compact, own_key
from tests.relying_party import Server, TestClient, body_of
from tests.running import ISSUER

Make = Callable[..., str]
OTHER_API = "https://api.example.com"


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.client(scope="orders:read metrics:read tokens:read", resources=(OTHER_API, ISSUER))


@pytest.fixture
def make(server: Server, client: TestClient) -> Make:
    """Makes an access token of the client with other claims, signed by our own key."""
    material = own_key(server).material
    header = {"alg": material.alg, "typ": "at+jwt", "kid": material.kid}

    def made(changes: dict[str, Any] | None = None, /, **claims: Any) -> str:
        whole = access_token_claims(server, client.client_id, scope="orders:read metrics:read")
        whole |= claims | (changes or {})
        kept = {name: value for name, value in whole.items() if value is not ...}
        return compact(header, kept, material.signing_function())

    return made


def metrics_status(server: Server, token: str) -> int:
    """The status of the metrics endpoint for a stranger with this bearer token."""
    stranger = {"REMOTE_ADDR": "203.0.113.77"}
    headers = {"Authorization": f"Bearer {token}"}
    return server.http.get("/metrics", headers=headers, environ_overrides=stranger).status_code


def assert_refused(server: Server, client: TestClient, token: str, case: object) -> None:
    assert server.introspect(client, token) == {"active": False}, case
    assert metrics_status(server, token) == 404, case


def test_a_token_with_good_claims_is_accepted(server: Server, client: TestClient, make: Make) -> None:
    assert server.introspect(client, make())["active"] is True
    assert metrics_status(server, make()) == 200


def test_the_issuer_is_the_same_string_e12(server: Server, client: TestClient, make: Make) -> None:
    issuers: list[Any] = [
        ISSUER + "/", ISSUER[:-1], ISSUER + ".evil.example", ISSUER.upper(), ISSUER + ":443", "http" + ISSUER[5:], "",
        "https://", ISSUER + "/tenant", ISSUER + "#", ISSUER + "\0", f" {ISSUER}", [ISSUER], {"iss": ISSUER}, 1,
        None, ...,
    ]  # fmt: skip
    for issuer in issuers:
        assert_refused(server, client, make(iss=issuer), issuer)


def test_without_a_usable_audience_no_token_is_accepted_e11(server: Server, client: TestClient, make: Make) -> None:
    audiences: list[Any] = [..., None, [], [5], [ISSUER, 5], [None], {}, {ISSUER: 1}, 5, True, [[ISSUER]]]
    for audience in audiences:
        assert_refused(server, client, make(aud=audience), audience)


def test_our_own_endpoint_takes_only_tokens_that_are_meant_for_it_alone_e11(
    server: Server, client: TestClient, make: Make
) -> None:
    for audience in (OTHER_API, client.client_id, [OTHER_API], [ISSUER, OTHER_API], ISSUER + "/", "", [""]):
        assert metrics_status(server, make(aud=audience)) == 404, audience
    both = body_of(server.token(client, scope="metrics:read", resource=[ISSUER, OTHER_API]))["access_token"]
    assert metrics_status(server, both) == 404
    ours = body_of(server.token(client, scope="metrics:read", resource=ISSUER))["access_token"]
    assert metrics_status(server, ours) == 200


def test_the_metrics_need_their_scope(server: Server, client: TestClient, make: Make) -> None:
    for scope in ("", "orders:read", "metrics:reader", "metrics", "Metrics:read", "metrics:read,orders:read"):
        assert metrics_status(server, make(scope=scope)) == 404, scope
    for header in ("", "Bearer", f"Basic {make()}", make(), f"Bearer {make()} x", f"Bearer {make()},{make()}"):
        stranger = {"REMOTE_ADDR": "203.0.113.77"}
        response = server.http.get("/metrics", headers={"Authorization": header}, environ_overrides=stranger)
        assert response.status_code == 404, header[:10]
    in_url = server.http.get(f"/metrics?access_token={make()}", environ_overrides={"REMOTE_ADDR": "203.0.113.77"})
    assert in_url.status_code == 404


def test_an_expiry_is_a_whole_number_in_the_future_e13(server: Server, client: TestClient, make: Make) -> None:
    now = clock.timestamp()
    values: list[Any] = [
        ..., None, str(now + 600), "", "never", True, False, now + 600.0, 1e18, float("inf"), float("nan"), -1,
        -(10**30), 0, now, now - 1, [now + 600], {},
    ]  # fmt: skip
    for expires in values:
        assert_refused(server, client, make({"exp": expires}), expires)
    for huge in ("1e400", "1E+9", "-1e400", "0x7fffffff", "9" * 5000, "+5", "01"):
        token = raw_expiry(server, client, huge)
        assert_refused(server, client, token, huge)


def raw_expiry(server: Server, client: TestClient, digits: str) -> str:
    """A token whose ``exp`` is spelled exactly so in the JSON."""
    material = own_key(server).material
    payload = compact({}, access_token_claims(server, client.client_id, exp=1234567), lambda _: b"").split(".")[1]
    spelled = urlsafe_b64decode(payload + "==").replace(b"1234567", digits.encode())
    return compact({"alg": material.alg, "typ": "at+jwt", "kid": material.kid}, spelled, material.signing_function())


def test_a_token_from_the_future_is_refused_e13(server: Server, client: TestClient, make: Make) -> None:
    now = clock.timestamp()
    odd: list[Any] = [now + 61, now + 2**40, now + 5.0, str(now), True, None, [now]]
    for issued in (*odd, ...):
        assert_refused(server, client, make({"iat": issued}), issued)
    for not_before in odd:
        assert_refused(server, client, make({"nbf": not_before}), not_before)
    assert server.introspect(client, make(iat=now + 8, nbf=now - 1))["active"] is True


def test_every_claim_of_ours_must_be_there_and_a_text_e13(server: Server, client: TestClient, make: Make) -> None:
    odd: list[Any] = [..., None, 5, True, [], {}, [client.client_id]]
    for name in ("sub", "client_id", "jti", "scope"):
        for value in odd:
            assert_refused(server, client, make({name: value}), (name, value))


def test_a_token_of_a_client_or_grant_that_never_was_is_refused_e12(
    server: Server, client: TestClient, make: Make
) -> None:
    for client_id in ("no-such-client", "", "'", client.client_id.upper()):
        assert_refused(server, client, make(client_id=client_id, sub=client_id), client_id)
    odd: list[Any] = ["", "x", "00000000-0000-7000-8000-000000000000", "'", client.client_id, 5, [], {}, True]
    for authorization_id in odd:
        assert_refused(server, client, make(authorization_id=authorization_id), authorization_id)


def test_what_is_no_object_of_claims_is_refused_e13(server: Server, client: TestClient) -> None:
    material = own_key(server).material
    header = {"alg": material.alg, "typ": "at+jwt", "kid": material.kid}
    payloads: list[Any] = [
        [],
        "text",
        5,
        None,
        True,
        b"",
        b"{",
        b"\xff",
        b"[" * 5000,
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"nan",
    ]
    for payload in payloads:
        assert_refused(server, client, compact(header, payload, material.signing_function()), payload)


def own_keys(make_server: Callable[..., Server], folder: Path, count: int) -> list[Server]:
    """Servers, as if in several processes, on a key store of their own."""
    folder.mkdir(mode=0o700)
    return [make_server(key_directory=folder) for _ in range(count)]


def ring_of(server: Server) -> KeyRing:
    ring: KeyRing = server.app.extensions[KEY_RING]
    return ring


def test_a_revoked_key_ends_its_tokens_everywhere_within_the_bound_and_no_others_e18_e04(
    server: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    first, second = own_keys(make_server, tmp_path / "keys", 2)
    client, ring = server.client(), ring_of(first)
    old = body_of(first.token(client))["access_token"]
    old_kid = ring.jwks().body
    service.rotate(ring.store, ring.policy, ring.signing_alg, immediately=True)
    clock.travel(SWITCH_DELAY + timedelta(seconds=1))
    new = body_of(second.token(client))["access_token"]
    for one in (first, second):
        assert one.introspect(client, old)["active"] is True
        assert one.introspect(client, new)["active"] is True

    revoked = first.jwks()["keys"][0]["kid"]
    service.revoke(ring.store, ring.policy, revoked)
    clock.travel(NOTICE_BOUND)
    for one in (first, second):
        assert one.introspect(client, old) == {"active": False}
        assert one.introspect(client, new)["active"] is True
        assert revoked not in str(one.jwks())
        assert one.verify(body_of(one.token(client))["access_token"])["client_id"] == client.client_id
    assert old_kid != ring.jwks().body


def test_a_removed_key_verifies_nothing_any_more_e04(
    server: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    (one,) = own_keys(make_server, tmp_path / "keys", 1)
    client, ring = server.client(), ring_of(one)
    material = own_key(one).material
    service.rotate(ring.store, ring.policy, ring.signing_alg)
    clock.travel(ring.policy.announce + ring.policy.linger + timedelta(seconds=1))
    assert material.kid not in str(one.jwks())
    claims = access_token_claims(one, client.client_id)
    header = {"alg": material.alg, "typ": "at+jwt", "kid": material.kid}
    assert one.introspect(client, compact(header, claims, material.signing_function())) == {"active": False}
