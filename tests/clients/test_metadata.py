"""What a client's metadata may say: scopes, methods, grants, keys and resources, each by one rule."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from oidc_server.clients.metadata import (
    AUTH_METHODS_OF_TYPE,
    CLIENT_TYPES,
    GRANT_TYPES_OF_TYPE,
    MetadataInvalid,
    check_auth_method,
    check_grant_types,
    check_jwks,
    check_signing_alg,
    parse_scope,
)
from oidc_server.clients.resources import check_resource, is_resource
from tests.protocol.handmade import base64url, public_jwk

STEADY = settings(deadline=None, derandomize=True)
METHODS = (
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
    "client_secret_jwt",
    "tls_client_auth",
    "",
)


RSA_2048 = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
GOOD = [public_jwk(key) for key in (RSA_2048, P256, ED25519)]


def test_strong_public_keys_are_taken_without_anything_private_e23() -> None:
    taken = check_jwks({"keys": GOOD})
    assert [key["kty"] for key in taken["keys"]] == ["RSA", "EC", "OKP"]
    assert not any(set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in taken["keys"])


def rsa_jwk(bits: int, exponent: int) -> dict[str, Any]:
    """An RSA key as JSON, made by hand: the library warns of weak ones."""
    numbers = rsa.generate_private_key(exponent, bits).public_key().public_numbers()
    e = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
    return {"kty": "RSA", "n": base64url(numbers.n.to_bytes(bits // 8, "big")), "e": base64url(e)}


def weak_keys() -> list[dict[str, Any]]:
    curves = [ec.generate_private_key(curve) for curve in (ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1())]
    pairs = [OKPKey.import_key(kind.generate().public_key()) for kind in (Ed448PrivateKey, X25519PrivateKey)]
    secret = dict(OctKey.generate_key(256).as_dict(private=True))
    return [
        rsa_jwk(1024, 65537), rsa_jwk(2048, 3), secret, *map(public_jwk, curves),
        *(dict(pair.as_dict(private=False)) for pair in pairs),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_weak_or_foreign_key_is_refused_e23() -> None:
    for weak in weak_keys():
        for keys in ([weak], [*GOOD, weak]):
            with pytest.raises(MetadataInvalid):
                check_jwks({"keys": keys})


def test_a_private_key_is_refused_because_it_is_known_to_others_now_e23() -> None:
    for key in (RSAKey.import_key(RSA_2048), ECKey.import_key(P256), OKPKey.import_key(ED25519)):
        with pytest.raises(MetadataInvalid, match="private"):
            check_jwks({"keys": [key.as_dict(private=True)]})


@pytest.mark.parametrize(
    "jwks",
    [
        None, "", "text", 5, True, [], {}, {"keys": []}, {"keys": None}, {"keys": {}}, {"keys": "x"}, {"keys": [None]},
        {"keys": [5]}, {"keys": ["x"]}, {"keys": [[]]}, {"keys": [{}]}, {"keys": [{"kty": "RSA"}]}, GOOD,
        {"keys": [{"kty": "RSA", "n": 5, "e": "AQAB"}]}, {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]},
        {"keys": [{"kty": "none"}]}, {"keys": [{"kty": ["RSA"]}]}, {"keys": [{"kty": "DSA", "y": "AQAB"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "", "y": ""}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}]}, {"keys": [{"kty": "EC", "crv": ["P-256"]}]},
        {"keys": [{"kty": "RSA", "n": "é", "e": "AQAB"}]}, {"keys": [{"kty": "RSA", "n": "*", "e": "="}]},
        {"keys": [{"kty": "RSA", "n": "", "e": ""}]}, {"keys": [{**GOOD[0], "kid": 5}]}, {"keys": GOOD * 4},
        {"keys": [{**GOOD[0], "use": 5}]}, {"keys": [{**GOOD[0], "alg": []}]}, {"keys": [{**GOOD[0], "key_ops": 5}]},
    ],
)  # fmt: skip
def test_what_is_no_set_of_one_to_ten_keys_is_refused_in_words_e23(jwks: Any) -> None:
    with pytest.raises(MetadataInvalid):
        check_jwks(jwks)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
almost_keys = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct"]) | json_values},
    optional=dict.fromkeys(("n", "e", "d", "crv", "x", "y", "k", "kid", "use", "alg", "key_ops", "x5c"), json_values),
)


@STEADY
@given(json_values | st.fixed_dictionaries({"keys": st.lists(almost_keys | json_values, max_size=3) | json_values}))
def test_whatever_is_sent_as_keys_is_taken_or_refused_in_words_e23_w02(jwks: Any) -> None:
    try:
        taken = check_jwks(jwks)
    except MetadataInvalid:
        return
    assert 1 <= len(taken["keys"]) <= 10


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_a_method_fits_its_type_d02(client_type: str) -> None:
    for method in METHODS:
        if method in AUTH_METHODS_OF_TYPE[client_type]:
            assert check_auth_method(client_type, method) == method
        else:
            with pytest.raises(MetadataInvalid):
                check_auth_method(client_type, method)


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_grants_fit_their_type_and_each_other_d23(client_type: str) -> None:
    assert check_grant_types(client_type, [], first_party=False) == []
    for grant_type in ("implicit", "", "Password", "urn:ietf:params:oauth:grant-type:token-exchange"):
        with pytest.raises(MetadataInvalid):
            check_grant_types(client_type, [grant_type], first_party=True)
    with pytest.raises(MetadataInvalid):
        check_grant_types(client_type, ["password"], first_party=False)
    with pytest.raises(MetadataInvalid):
        check_grant_types(client_type, ["refresh_token"], first_party=True)
    every = GRANT_TYPES_OF_TYPE[client_type]
    assert check_grant_types(client_type, [*every, *every], first_party=True) == list(every)


def test_no_id_token_is_unsigned_e01() -> None:
    for alg in ("none", "None", "HS256", "RS384", "RS1", "", "rs256"):
        with pytest.raises(MetadataInvalid):
            check_signing_alg(alg)
    assert check_signing_alg(None) is None
    assert check_signing_alg("RS256") == "RS256"


def test_a_scope_is_words_of_printable_ascii_between_single_spaces_a18_w10_w16() -> None:
    assert parse_scope("") == []
    assert parse_scope("a b a") == ["a", "b"]
    assert len(parse_scope(" ".join(f"s{number}" for number in range(100)))) == 100
    for scope in (" ", " a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "é", "a\0", "\u200b", "a\u00a0b", "a" * 129,
                  " ".join(f"s{number}" for number in range(101)), "a " * 100_000):  # fmt: skip
        with pytest.raises(MetadataInvalid):
            parse_scope(scope)


@pytest.mark.parametrize(
    "uri", ["https://api.example.com", "https://api.example.com/v1?x=1", "urn:example:api", "api:x"]
)
def test_a_resource_is_an_absolute_uri_a25(uri: str) -> None:
    assert is_resource(uri)
    assert check_resource(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "", "api", "/api", "//api.example.com", "https://api.example.com#x", "https://api.example.com/#", "https://",
        "https:", ":x", "HTTPS://api.example.com", "https://api.example.com/ x", "https://api.example.com/\n", "1:x",
        "https://api.example.com/\0", "https://é.example.com", 'https://api.example.com/"',
        "https://api.example.com/<x>", "https://api.example.com\\x", "https://[::1", "https://[x]/", "x:" + "a" * 501,
        "javascript", "*", "https:?",
    ],
)  # fmt: skip
def test_what_is_no_absolute_uri_is_no_resource_a25_w02(uri: str) -> None:
    assert not is_resource(uri)
    with pytest.raises(MetadataInvalid):
        check_resource(uri)


@STEADY
@given(st.text(max_size=60))
def test_any_text_is_a_resource_or_not_a25_w02(text: str) -> None:
    if is_resource(text):
        assert text.isascii()
        assert text.isprintable()
        assert "#" not in text
