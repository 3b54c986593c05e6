"""Tokens that somebody else made, or made of ours: inactive at introspection, and nothing at an endpoint."""

from __future__ import annotations

import json
import socket
import time
import zlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oidc_server.keys.material import KeyMaterial
from tests.protocol.handmade import (
    PrivateKey,
    Signature,
    access_token_claims,
    base64url,
    compact,
    hmac_with,
    own_key,
    segment,
    signed_by,
    unsigned,
)
from tests.relying_party import Server, TestClient

OTHER = generate_private_key(65537, 2048)
Make = Callable[..., str]


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.client(scope="orders:read metrics:read tokens:read")


@pytest.fixture
def ours(server: Server) -> KeyMaterial:
    return own_key(server).material


@pytest.fixture
def make(server: Server, client: TestClient, ours: KeyMaterial) -> Make:
    """Makes an access token of the client: header over ours, claims over good ones, signed by our key or otherwise."""
    assert isinstance(ours.alg, str)
    usual = {"alg": ours.alg, "typ": "at+jwt", "kid": ours.kid}
    sign_usually = ours.signing_function()

    def made(header: dict[str, Any] | None = None, sign: Signature = sign_usually, **claims: Any) -> str:
        whole = {name: value for name, value in (usual | (header or {})).items() if value is not ...}
        payload = access_token_claims(server, client.client_id, scope="orders:read metrics:read", **claims)
        return compact(whole, payload, sign)

    return made


@pytest.fixture
def refused(server: Server, client: TestClient) -> Callable[..., None]:
    """Fails unless a token is refused wherever one is taken."""

    def check(token: str, case: object = None) -> None:
        if token.isascii() and token.isprintable() and len(token) <= 16_384:
            assert server.introspect(client, token) == {"active": False}, case
        else:
            response = server.post("/oauth/introspect", client, token=token)
            assert response.status_code in {400, 413}, case
        if token.strip() == token:  # white space around a header's value is no part of it (RFC 9110 §5.5)
            assert metrics_status(server, token) == 404, case

    return check


def metrics_status(server: Server, token: str) -> int:
    """The status of the metrics endpoint for a stranger with this bearer token."""
    headers = {"Authorization": f"Bearer {token}"}
    stranger = {"REMOTE_ADDR": "203.0.113.77"}
    return server.http.get("/metrics", headers=headers, environ_overrides=stranger).status_code


def test_a_token_made_by_hand_with_our_key_is_good_so_the_forgeries_below_fail_for_their_own_reason(
    server: Server, client: TestClient, make: Make
) -> None:
    assert server.introspect(client, make())["active"] is True
    assert metrics_status(server, make()) == 200


def test_an_unsigned_token_is_refused_e01(make: Make, refused: Callable[..., None]) -> None:
    algs: list[Any] = ["none", "None", "nOnE", "NONE", "", None, ..., "none ", ["none"], {}, 0, False]
    for alg in algs:
        refused(make({"alg": alg}, unsigned), alg)
        refused(make({"alg": alg, "kid": ...}, unsigned), alg)
    good = make()
    header, payload, signature = good.split(".")
    broken_ones = [
        f"{header}.{payload}.", f"{header}.{payload}", f"{header}{payload}{signature}", f"{header}.{signature}",
        f"{header}..{signature}", f".{payload}.{signature}", "..", ".", f"{good}.", f".{good}", f"{good}.x",
        f"{good[:-1]}", f"{good}A", f"{good}=", f"{good} ", f" {good}", f"{good[:-1]}!",
        f"{header} .{payload}.{signature}",
    ]  # fmt: skip
    for broken in broken_ones:
        refused(broken, broken[-20:])
    refused(f"{header}.{payload}.{base64url(bytes(256))}")


def public_key_as_secret(ours: KeyMaterial) -> list[bytes]:
    """Every form in which an attacker can hold our public key as bytes."""
    public = ours.private_key.public_key()
    assert isinstance(public, RSAPublicKey)
    numbers = public.public_numbers()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = ours.public_jwk
    return [
        pem, pem.strip(), b" " + pem, b"\n" + pem, b"# our key\n" + pem, pem.replace(b"\n", b"\r\n"), pem + b"\0",
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1), public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":")).encode(), json.dumps({"keys": [jwk]}).encode(),
        str(jwk["n"]).encode(), numbers.n.to_bytes(256, "big"), ours.kid.encode(), b"", b"\0",
    ]  # fmt: skip


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_our_public_key_is_no_secret_key_e02(
    make: Make, ours: KeyMaterial, refused: Callable[..., None], bits: int
) -> None:
    for secret in public_key_as_secret(ours):
        refused(make({"alg": f"HS{bits}"}, hmac_with(secret, bits)), secret[:30])
        refused(make({"alg": f"HS{bits}", "kid": ...}, hmac_with(secret, bits)), secret[:30])


def test_a_key_is_for_one_algorithm_and_a_kid_for_one_key_e03(
    make: Make, ours: KeyMaterial, refused: Callable[..., None]
) -> None:
    for alg in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        refused(make({"alg": alg}, signed_by(ours.private_key, alg)), alg)
    others: dict[str, PrivateKey] = {"RS256": OTHER, "PS256": OTHER, "ES256": generate_ec_key(SECP256R1())}
    others["Ed25519"] = others["EdDSA"] = Ed25519PrivateKey.generate()
    for alg, key in others.items():
        refused(make({"alg": alg}, signed_by(key, alg)), alg)
        refused(make({}, signed_by(key, alg)), alg)
    odd: list[Any] = ["rs256", "RS256 ", "RS-256", ["RS256"], {"RS256": 1}, 256, None, ...]
    for value in odd:
        refused(make({"alg": value}), value)


def test_a_kid_is_looked_up_and_never_used_e04(make: Make, ours: KeyMaterial, refused: Callable[..., None]) -> None:
    kids = ("../../../../etc/passwd", "/dev/null", "file:///dev/null", f"../{ours.kid}", f"{ours.kid}.pem",
            "' OR '1'='1", "'; DROP TABLE signing_keys; --", ours.kid + "\0", "\0", "k" * 10_000, "", " ",
            ours.kid.swapcase(), ours.kid + " ", "unknown", 0, 1.5, -1, True, None, ..., [ours.kid],
            {"kid": ours.kid}, "\ud800")  # fmt: skip
    for kid in kids:
        refused(make({"kid": kid}), kid)
        refused(make({"kid": kid}, hmac_with(b"")), kid)
    started = time.perf_counter()
    refused(make({"kid": "k" * 1_000_000}))
    assert time.perf_counter() - started < 1


def test_keys_and_addresses_in_the_header_are_ignored_e05(
    server: Server, client: TestClient, make: Make, ours: KeyMaterial, refused: Callable[..., None]
) -> None:
    """E05: no connection comes to the address that the headers name, and a key in the header verifies nothing."""
    public = OTHER.public_key()
    numbers = public.public_numbers()
    jwk = {"kty": "RSA", "n": base64url(numbers.n.to_bytes(256, "big")), "e": "AQAB", "alg": "RS256", "use": "sig"}
    der = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json"
        listener.settimeout(0.05)
        headers: list[dict[str, Any]] = [
            {"jwk": jwk},
            {"jku": address},
            {"x5u": address},
            {"x5c": [der]},
            {"jwk": jwk, "jku": address},
        ]
        for header in headers:
            refused(make(header, signed_by(OTHER, "RS256")), header)
            refused(make({**header, "kid": ...}, signed_by(OTHER, "RS256")), header)
            refused(make({**header, "kid": address}, signed_by(OTHER, "RS256")), header)
            server.introspect(client, make(header))
        with pytest.raises(TimeoutError):
            listener.accept()


def test_critical_extensions_are_never_understood_e06(make: Make, refused: Callable[..., None]) -> None:
    crits: list[Any] = [["exp"], ["b64"], ["x"], [], "exp", None, ["alg"], ["cnf"], [1], {}]
    for crit in crits:
        refused(make({"crit": crit, "exp": 1}), crit)
        refused(make({"crit": crit, "b64": False}), crit)
    for value in (False, True, None):
        refused(make({"b64": value}), value)
    refused(f"{segment({'alg': 'none', 'crit': ['exp']})}." + make().partition(".")[2])


def test_encrypted_and_compressed_tokens_are_refused_at_once_e07(
    make: Make, ours: KeyMaterial, refused: Callable[..., None]
) -> None:
    """E07: five parts, a zip bomb, a costly password-based key, and a thousand recipients."""
    bomb = zlib.compress(bytes(5_000_000), wbits=-15)
    header, _, rest = make().partition(".")
    five = [
        segment({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": ours.kid, "typ": "at+jwt", "zip": "DEF"}),
        base64url(bytes(256)), base64url(bytes(12)), base64url(bomb[:8000]), base64url(bytes(16)),
    ]  # fmt: skip
    costly = segment({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "p2s": "AAAA", "kid": ours.kid})
    recipients = {"ciphertext": "a", "recipients": [{"encrypted_key": "a"}] * 300}
    for case in (".".join(five), ".".join([costly, *five[1:]]), json.dumps(recipients), f"{header}.{rest}.a.b",
                 make({"zip": "DEF"}, signed_by(OTHER, "RS256")), compact({"alg": "RS256"}, bomb[:8000], unsigned),
                 f"{segment(b'[' * 8000)}.{rest}", f"{segment(b'{' * 8000)}.{rest}", "." * 16_000):  # fmt: skip
        started = time.perf_counter()
        refused(case, case[:40])
        assert time.perf_counter() - started < 0.25  # two requests


def test_other_serializations_are_refused_e08(make: Make, refused: Callable[..., None]) -> None:
    protected, payload, signature = make().split(".")
    flattened = {"protected": protected, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
    for case in (flattened, general, {**flattened, "signatures": []}, {"payload": payload, "signatures": []},
                 [flattened], {"payload": payload}, {**flattened, "header": {"alg": "none"}}):  # fmt: skip
        refused(json.dumps(case), case)
    refused(f"{protected}..{signature}", "detached")


def test_an_altered_token_is_refused_e01_c10(make: Make, refused: Callable[..., None]) -> None:
    good = make()
    for index in range(0, len(good), 37):
        other = "A" if good[index] != "A" else "B"
        refused(good[:index] + other + good[index + 1 :], index)
    refused(good.swapcase())
    refused(good[::-1])
    refused(".".join([*make().split(".")[:2], make().rpartition(".")[2]]), "the signature of another token")


def test_an_id_token_is_no_access_token_c17(server: Server, make: Make, refused: Callable[..., None]) -> None:
    typs: list[Any] = ["JWT", "jwt", "at+JWT", "AT+JWT", "logout+jwt", "", None, ..., ["at+jwt"], 1]
    for typ in typs:
        refused(make({"typ": typ}), typ)
    refused(server.sign_in(server.first_party(), server.user())["id_token"])
