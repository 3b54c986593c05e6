"""private_key_jwt: only the client's own registered key, only for this issuer, only for minutes, and only once."""

from __future__ import annotations

import secrets
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.test import TestResponse

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from tests.log_lines import reason_logged
from tests.protocol.handmade import (
    ASSERTION_TYPE,
    PrivateKey,
    Signature,
    base64url,
    compact,
    hmac_with,
    public_jwk,
    segment,
    signed_by,
    unsigned,
)
from tests.relying_party import Server, TestClient, error
from tests.running import ISSUER

REFUSED = (401, "invalid_client")
RSA = generate_rsa_key(65537, 2048)
OTHER_RSA = generate_rsa_key(65537, 2048)
KEYS: dict[str, PrivateKey] = {
    "RS256": RSA, "PS256": RSA, "ES256": generate_private_key(SECP256R1()), "Ed25519": Ed25519PrivateKey.generate()
}  # fmt: skip


@pytest.fixture
def client(server: Server) -> TestClient:
    jwks = {"keys": [public_jwk(RSA), public_jwk(KEYS["ES256"]), public_jwk(KEYS["Ed25519"])]}
    return server.client(token_endpoint_auth_method="private_key_jwt", jwks=jwks)


def claims_of(client: TestClient, **changes: Any) -> dict[str, Any]:
    """The claims of a good assertion; a change to ``...`` leaves the claim away."""
    now = clock.timestamp()
    claims = {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "iat": now, "exp": now + 60,
        "jti": secrets.token_urlsafe(),
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not ...}


def assertion(client: TestClient, *, alg: str = "RS256", sign: Signature | None = None, **changes: Any) -> str:
    """A good assertion but for the ``changes``."""
    return compact({"alg": alg}, claims_of(client, **changes), sign or signed_by(KEYS[alg], alg))


def altered(client: TestClient, name: str, value: object) -> str:
    """A good assertion but for one claim."""
    return compact({"alg": "RS256"}, claims_of(client, **{name: value}), signed_by(RSA, "RS256"))


ODD: tuple[Any, ...] = (..., None, True, [], {})  # what is no value of a claim that must be a text or a number


def present(server: Server, value: str, **form: str) -> TestResponse:
    """Present an assertion, from a new address each time: the limit on failures has its own tests."""
    headers = {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
    data = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": value}
    return server.http.post("/oauth/token", data=data | form, headers=headers)


def assert_refused(server: Server, value: str, case: object = None) -> None:
    assert error(present(server, value)) == REFUSED, case


@pytest.mark.parametrize("alg", list(KEYS))
def test_each_algorithm_of_the_metadata_proves_a_client(server: Server, client: TestClient, alg: str) -> None:
    assert alg in server.metadata["token_endpoint_auth_signing_alg_values_supported"]
    assert present(server, assertion(client, alg=alg)).status_code == 200
    assert present(server, assertion(client, alg=alg), client_id=client.client_id).status_code == 200


def test_only_the_issuer_is_the_audience_d09(server: Server, client: TestClient) -> None:
    token_url = server.metadata["token_endpoint"]
    cases: list[Any] = [
        ..., None, "", token_url, ISSUER + "/", ISSUER.upper(), ISSUER[:-1], "https://other.example.com", 5, {}, [],
        [ISSUER], [ISSUER, "https://other.example.com"], [token_url],
    ]  # fmt: skip
    for audience in cases:
        assert_refused(server, assertion(client, aud=audience), audience)


def test_the_lifetime_is_bounded_d11(server: Server, client: TestClient) -> None:
    for offset in (0, -1, -3600, 3600, 10 * 365 * 86400, 10**18):
        assert_refused(server, assertion(client, exp=clock.timestamp() + offset), offset)
    for expires in (*ODD, "soon", str(clock.timestamp() + 60), float("nan"), float("inf"), -1):
        assert_refused(server, assertion(client, exp=expires), expires)
    assert present(server, assertion(client, exp=clock.seconds() + 60.5)).status_code == 200


def test_a_clock_may_be_eight_seconds_ahead_and_not_sixty_one_d11(server: Server, client: TestClient) -> None:
    for name in ("iat", "nbf"):
        assert present(server, altered(client, name, clock.timestamp() + 8)).status_code == 200
        for value in (*ODD[1:], clock.timestamp() + 61, "now", float("inf")):
            assert_refused(server, altered(client, name, value), (name, value))


def test_an_assertion_of_no_algorithm_or_of_another_key_is_refused_d12(server: Server, client: TestClient) -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = public_jwk(OTHER_RSA)
    cases: list[tuple[Any, Signature]] = [
        ({"alg": "none"}, unsigned),
        ({"alg": "None"}, unsigned),
        ({"alg": "HS256"}, hmac_with(pem)),
        ({"alg": "HS256"}, hmac_with(der)),
        ({"alg": "HS512"}, hmac_with(pem, 512)),
        ({"alg": "RS384"}, signed_by(RSA, "RS384")),
        ({"alg": "RS512"}, signed_by(RSA, "RS512")),
        ({"alg": "PS256"}, signed_by(RSA, "RS256")),
        ({"alg": "ES256"}, signed_by(RSA, "RS256")),
        ({"alg": "RS256"}, signed_by(OTHER_RSA, "RS256")),
        ({"alg": "RS256", "jwk": own}, signed_by(OTHER_RSA, "RS256")),
        ({"alg": "RS256", "x5c": [b64encode(der).decode()]}, signed_by(OTHER_RSA, "RS256")),
        ({"alg": "RS256", "kid": public_jwk(RSA, kid="a").get("kid")}, signed_by(OTHER_RSA, "RS256")),
        ({"alg": "RS256", "crit": ["exp"]}, signed_by(RSA, "RS256")),
        ({"alg": "RS256", "b64": False}, signed_by(RSA, "RS256")),
        ({"alg": ["RS256"]}, signed_by(RSA, "RS256")),
        ({"alg": None}, signed_by(RSA, "RS256")),
        ({}, signed_by(RSA, "RS256")),
        (["RS256"], signed_by(RSA, "RS256")),
        ({"alg": "RS256"}, unsigned),
    ]
    for header, sign in cases:
        assert_refused(server, compact(header, claims_of(client), sign), header)


def test_the_key_of_another_client_does_not_prove_this_one_d12(server: Server, client: TestClient) -> None:
    other = server.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(OTHER_RSA)]})
    assert present(server, assertion(other, sign=signed_by(OTHER_RSA, "RS256"))).status_code == 200
    assert_refused(server, assertion(client, sign=signed_by(OTHER_RSA, "RS256")))
    assert_refused(server, assertion(other))


def test_a_key_with_a_kid_is_only_used_under_its_kid_d12(server: Server) -> None:
    jwks = {"keys": [public_jwk(RSA, kid="one"), public_jwk(OTHER_RSA, kid="two")]}
    client = server.client(token_endpoint_auth_method="private_key_jwt", jwks=jwks)

    def under(kid: object, key: PrivateKey) -> str:
        return compact({"alg": "RS256", "kid": kid}, claims_of(client), signed_by(key, "RS256"))

    assert present(server, under("two", OTHER_RSA)).status_code == 200
    for kid in ("one", "three", "", 5, ["two"], {"kid": "two"}):
        assert_refused(server, under(kid, OTHER_RSA), kid)


def test_issuer_and_subject_are_the_client_and_nothing_else_d13(server: Server, client: TestClient) -> None:
    other = server.client()
    for name in ("iss", "sub"):
        for value in (*ODD, 5, [client.client_id], "", other.client_id, client.client_id + "\0", "é"):
            assert_refused(server, altered(client, name, value), (name, value))


def test_what_is_no_jwt_of_claims_is_refused_and_never_crashes_d13(server: Server, client: TestClient) -> None:
    good = assertion(client)
    header, payload, signature = good.split(".")
    sign = signed_by(RSA, "RS256")
    payloads: list[object] = [
        "text",
        5,
        None,
        [claims_of(client)],
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 9000,
        b'{"sub":1e999}',
    ]
    for value in payloads:
        assert_refused(server, compact({"alg": "RS256"}, value, sign), value)
    for text in (
        "", ".", "..", "...", header, f"{header}.{payload}", f"{good}.", f"{good}.x", f".{payload}.", f"{header}..",
        f"{header}.{payload}.{signature}=", f"{header}.{payload}.{signature} ", f" {good}", f"{header}.{payload}.*",
        f"{header}=.{payload}.{signature}", "a" * 16_000, f"{segment(b'[' * 9000)}.{payload}.{signature}",
    ):  # fmt: skip
        assert_refused(server, text, text[:40])
    assert present(server, good.replace(".", "\0")).status_code == 400
    assert present(server, "a" * 16_385).status_code == 400


def test_an_altered_assertion_is_refused_d12(server: Server, client: TestClient) -> None:
    header, payload, signature = assertion(client).split(".")
    widened = segment(claims_of(client, exp=clock.timestamp() + 250))
    assert_refused(server, f"{header}.{widened}.{signature}")
    flipped = base64url(bytes([signature.encode()[0] ^ 1])) + signature[2:]
    assert_refused(server, f"{header}.{payload}.{flipped}")


def test_an_assertion_is_good_once(server: Server, client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    once = assertion(client)
    assert present(server, once).status_code == 200
    capfd.readouterr()
    again = present(server, once)
    assert error(again) == REFUSED
    assert reason_logged(capfd, again) == Reason.CLIENT_ASSERTION_REPLAYED
    assert len(server.audit("client.assertion_replayed", client.client_id)) == 1


def test_the_same_jti_serves_two_clients(server: Server, client: TestClient) -> None:
    other = server.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(RSA)]})
    assert present(server, assertion(client, jti="one")).status_code == 200
    assert present(server, assertion(other, jti="one")).status_code == 200
    assert_refused(server, assertion(other, jti="one"))


def test_a_jti_is_needed_and_short(server: Server, client: TestClient) -> None:
    for jti in (*ODD, "", 5, ["x"], "x" * 256):
        assert_refused(server, altered(client, "jti", jti), jti)
    assert present(server, assertion(client, jti="x" * 255)).status_code == 200
    assert present(server, assertion(client, jti="\ud800 'é\0")).status_code == 200


def test_of_parallel_uses_of_one_assertion_one_succeeds(server: Server, client: TestClient) -> None:
    once, together = assertion(client), Barrier(6)

    def use(_: int) -> int:
        browser = server.app.test_client()
        together.wait()
        data = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": once}
        return browser.post("/oauth/token", data=data).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(use, range(6))) == [200, 401, 401, 401, 401, 401]


def test_the_assertion_type_is_exactly_this_one(server: Server, client: TestClient) -> None:
    for named in (
        "",
        ASSERTION_TYPE.upper(),
        ASSERTION_TYPE + " ",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
    ):
        assert error(present(server, assertion(client), client_assertion_type=named)) == REFUSED
    assert error(present(server, "")) == REFUSED


def test_the_form_may_not_name_another_client_d06(server: Server, client: TestClient) -> None:
    other = server.client()
    assert error(present(server, assertion(client), client_id=other.client_id)) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_an_assertion_works_where_the_metadata_says_so(server: Server, client: TestClient, path: str) -> None:
    data = {"token": "x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(client)}
    assert server.http.post(path, data=data).status_code == 200
    assert error(server.http.post(path, data=data)) == REFUSED
