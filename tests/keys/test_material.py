"""Keys: their ids, their public and private forms, and that an independent library verifies what they sign."""

import base64
import hashlib
import json

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import OKPKey

from oidc_server.core.crypto import from_urlsafe
from oidc_server.core.settings_checks import SIGNING_ALGORITHMS
from oidc_server.keys.material import KeyMaterial, MaterialError, new_key, read_key
from oidc_server.keys.view import Signer

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
REQUIRED_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


@pytest.fixture(scope="module", params=SIGNING_ALGORITHMS)
def key(request: pytest.FixtureRequest) -> KeyMaterial:
    return new_key(request.param)


def pyjwt_key(key: KeyMaterial) -> jwt.PyJWK:
    jwk = key.public_jwk
    return jwt.PyJWK(jwk, algorithm="EdDSA" if key.alg == "Ed25519" else None)


def test_the_kid_is_the_thumbprint_of_rfc_7638(key: KeyMaterial) -> None:
    jwk = key.public_jwk
    members = {name: jwk[name] for name in REQUIRED_MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    assert key.kid == jwk["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_the_public_jwk_has_its_use_and_algorithm_and_no_private_member(key: KeyMaterial) -> None:
    """E15"""
    jwk = key.public_jwk
    assert (jwk["use"], jwk["alg"]) == ("sig", key.alg)
    assert not PRIVATE_MEMBERS & jwk.keys()


def test_what_is_signed_verifies_with_a_library_that_this_server_does_not_use(key: KeyMaterial) -> None:
    token = Signer(key).compact({"sub": "ä", "n": 1}, "at+jwt")
    header = jwt.get_unverified_header(token)
    assert header == {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}
    if key.alg == "Ed25519":  # PyJWT knows the algorithm under its older name only: check the signature itself
        signing_input, _, signature = token.rpartition(".")
        assert jwt.algorithms.OKPAlgorithm().verify(
            signing_input.encode(), pyjwt_key(key).key, base64.urlsafe_b64decode(signature + "==")
        )
    else:
        assert jwt.decode(token, pyjwt_key(key), algorithms=[key.alg]) == {"sub": "ä", "n": 1}


def test_what_another_library_signed_verifies_and_nothing_that_differs_from_it(key: KeyMaterial) -> None:
    """Each bit of the signature and of what was signed counts, and no other length is taken."""
    private = type(key.public_key).import_key(key.pem())
    token = jws.serialize_compact({"alg": key.alg, "kid": key.kid}, b'{"n": 1}', private, algorithms=[key.alg])
    signed, _, encoded = token.rpartition(".")
    message, signature, check = signed.encode(), from_urlsafe(encoded), key.verifying_function()
    check(signature, message)
    altered = [
        signature[:at] + bytes([signature[at] ^ bit]) + signature[at + 1 :] for at in (0, -2) for bit in (1, 128)
    ]
    for forged in (*altered, b"", signature[:-1], signature + b"\0", b"\0" + signature, bytes(len(signature))):
        with pytest.raises(InvalidSignature):
            check(forged, message)
    with pytest.raises(InvalidSignature):
        check(signature, message + b".")


@pytest.mark.parametrize("passphrase", ["", "open sesame ä"])
def test_a_private_key_survives_being_written_and_read(key: KeyMaterial, passphrase: str) -> None:
    pem = key.pem(passphrase)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY" if passphrase else b"-----BEGIN PRIVATE KEY")
    again = read_key(pem, key.alg, passphrase)
    assert (again.kid, again.alg, again.public_jwk) == (key.kid, key.alg, key.public_jwk)


def test_a_key_file_from_before_a_passphrase_was_introduced_is_still_read(key: KeyMaterial) -> None:
    assert read_key(key.pem(), key.alg, "a passphrase").kid == key.kid


@pytest.mark.parametrize(("given", "words"), [("wrong", "does not open"), ("", "no passphrase is set")])
def test_a_wrong_or_missing_passphrase_is_said(key: KeyMaterial, given: str, words: str) -> None:
    with pytest.raises(MaterialError, match=words):
        read_key(key.pem("right"), key.alg, given)


def test_a_damaged_key_is_refused(key: KeyMaterial) -> None:
    pem = key.pem()
    with pytest.raises(MaterialError, match="damaged"):
        read_key(pem[:30] + b"AAAA" + pem[34:], key.alg)


def test_a_private_key_is_in_no_repr(key: KeyMaterial) -> None:
    """E20"""
    assert repr(key) == f"KeyMaterial(alg='{key.alg}', kid='{key.kid}')"


@pytest.mark.parametrize("size", [2048, 3072])
def test_rsa_keys_have_the_size_that_was_asked_for(size: int) -> None:
    assert new_key("RS256", size).bits == size


def test_a_key_of_the_wrong_kind_or_strength_is_refused() -> None:
    """E03: one key is for one algorithm."""
    rsa_1024 = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    for private_key, alg in (
        (ec.generate_private_key(ec.SECP256R1()), "RS256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES256"),
        (rsa_1024, "RS256"),
        (ed448.Ed448PrivateKey.generate(), "Ed25519"),
    ):
        pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(MaterialError):
            read_key(pem, alg)


@pytest.mark.parametrize("alg", ["none", "HS256", "RS512", ""])
def test_no_key_is_made_for_another_algorithm(alg: str) -> None:
    with pytest.raises(MaterialError):
        new_key(alg)


def test_no_kid_looks_like_an_option_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    thumbprints = iter(["-dash", "--help", "good"])
    monkeypatch.setattr(OKPKey, "thumbprint", lambda _self: next(thumbprints))
    assert new_key("Ed25519").kid == "good"


def test_an_instant_among_the_claims_is_an_error_and_not_a_text() -> None:
    from datetime import UTC, datetime

    with pytest.raises(TypeError):
        Signer(new_key("Ed25519")).compact({"exp": datetime.now(UTC)}, "at+jwt")
