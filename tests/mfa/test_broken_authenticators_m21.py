"""What no authenticator sends is refused, soon, and never with a fault of the server (M21)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from oidc_server.mfa.factors import RelyingParty
from oidc_server.mfa.models import WebauthnCredential
from oidc_server.mfa.proof import FactorWrong
from oidc_server.mfa.webauthn_answers import read_assertion, read_registration
from oidc_server.mfa.webauthn_verification import check_assertion, check_registration
from tests.authenticator import PRESENT, USUAL, Authenticator, bytes_of, cose_of, text_of
from tests.running import ISSUER

HOST = "login.example.com"
SITE = RelyingParty(HOST, "Site", (ISSUER,))
CREATE: dict[str, Any] = {"rp": {"id": HOST}, "user": {"id": "AAAA"}, "challenge": "AAAA"}
GET: dict[str, Any] = {"rpId": HOST, "challenge": "AAAA", "allowCredentials": []}
QUICK_SECONDS = 0.25
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=40).map(text_of),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
PLACES = st.sampled_from(
    [
        (), ("id",), ("rawId",), ("type",), ("response",), ("response", "clientDataJSON"), ("clientExtensionResults",),
        ("response", "attestationObject"), ("response", "authenticatorData"), ("response", "signature"),
        ("response", "userHandle"), ("response", "transports"), ("clientExtensionResults", "credProps"),
    ]
)  # fmt: skip
fuzzing = settings(max_examples=150, deadline=None, derandomize=True)


def register(answer: str) -> bool:
    """Whether a registration is good; nothing but a refusal may come of it otherwise."""
    try:
        check_registration(read_registration(answer), SITE)
    except FactorWrong:
        return False
    return True


class Known:
    """One authenticator that is registered, and how its answers fare."""

    def __init__(self) -> None:
        self.authenticator = Authenticator("EdDSA")
        self.registration = self.authenticator.create(CREATE)
        new = check_registration(read_registration(self.registration), SITE)
        self.key = WebauthnCredential(public_key=new.public_key, backup_eligible=new.backup_eligible, sign_count=0)
        self.assertion = self.authenticator.get(GET)

    def asserted(self, answer: str) -> bool:
        """Whether an assertion is good."""
        try:
            check_assertion(read_assertion(answer), SITE, self.key, person_verified=True)
        except FactorWrong:
            return False
        return True


@pytest.fixture(scope="module")
def known() -> Known:
    return Known()


def test_the_answers_that_these_tests_break_are_good(known: Known) -> None:
    assert register(known.registration)
    assert known.asserted(known.assertion)


@fuzzing
@given(text=st.text(max_size=60) | JSON.map(json.dumps), place=PLACES, value=JSON)
def test_whatever_is_sent_is_refused_or_good(known: Known, text: str, place: tuple[str, ...], value: Any) -> None:
    assert not register(text)
    assert not known.asserted(text)
    register(_with(known.registration, place, value))
    known.asserted(_with(known.assertion, place, value))


def _with(answer: str, place: tuple[str, ...], value: Any) -> str:
    said = json.loads(answer)
    if not place:
        return json.dumps(value)
    inner = said
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = value
    return json.dumps(said)


@fuzzing
@given(data=st.data())
def test_bytes_that_were_changed_on_the_way_are_refused_or_good(known: Known, data: st.DataObject) -> None:
    for answer, parts, verdict in (
        (known.registration, ("attestationObject", "clientDataJSON"), register),
        (known.assertion, ("authenticatorData", "clientDataJSON", "signature"), known.asserted),
    ):
        said = json.loads(answer)
        part = data.draw(st.sampled_from(parts))
        changed = bytearray(bytes_of(said["response"][part]))
        for at in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=3)):
            changed[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(changed)))
        said["response"][part] = text_of(bytes(changed[:cut]) + data.draw(st.binary(max_size=8)))
        is_good = verdict(json.dumps(said))
        assert not is_good or verdict is register or said == json.loads(answer), "a signature covers every byte"


@fuzzing
@given(
    key=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from([1, 3, -1, -2, -3, True, "1"]),
        st.sampled_from([1, 2, 3, 7, -7, -8, -257, 6, 2.0, b"", b"\x01" * 32, b"\xff" * 256, None, "x", [1]]),
        max_size=6,
    ).map(cbor2.dumps)
)  # fmt: skip
def test_no_odd_key_is_registered(key: bytes) -> None:
    assert not register(Authenticator().create(CREATE, cose=key))


def test_keys_of_other_kinds_than_were_asked_for_are_refused_m21() -> None:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is refused
    odd = {
        "ES384": {1: 2, 3: -35, -1: 2, -2: b"\x01" * 48, -3: b"\x01" * 48},
        "ES256 on P-521": {1: 2, 3: -7, -1: 3, -2: x, -3: y},
        "off the curve": {1: 2, 3: -7, -1: 1, -2: x, -3: bytes(32)},
        "Ed448": {1: 1, 3: -8, -1: 7, -2: b"\x01" * 57},
        "no algorithm": {1: 2, -1: 1, -2: x, -3: y},
        "RS1": {1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\x01\x00\x01"},
        "RSA with exponent 3": {1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\x03"},
        "RSA of 16384 bits": {1: 3, 3: -257, -1: b"\xff" * 2048, -2: b"\x01\x00\x01"},
        "ML-DSA": {1: 7, 3: -48, -1: b"\x01" * 1312},
    }
    assert register(Authenticator().create(CREATE, cose=cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})))
    for name, key in odd.items():
        assert not register(Authenticator().create(CREATE, cose=cbor2.dumps(key))), name
    assert not register(Authenticator().create(CREATE, cose=cose_of(short))), "RSA of 1024 bits"
    assert not register(Authenticator().create(CREATE, cose=b"\x04" + x + y)), "a bare point, as of U2F"


def _deep(levels: int) -> bytes:
    return b"\x81" * levels + b"\x00"


def _laughing(levels: int) -> bytes:
    """A billion laughs: shared values (tags 28 and 29), each an array of two of the one before."""
    inner = b"\xd8\x1c\x80"
    for level in range(levels):
        inner = b"\xd8\x1c\x82" + inner + b"\xd8\x1d" + cbor2.dumps(levels - level)
    return inner


BOMBS: dict[str, bytes] = {
    "deep": _deep(20_000),
    "laughs": _laughing(60),
    "repeated strings": b"\xd9\x01\x00\x9f\x59\x10\x00" + b"x" * 4096 + b"\xd8\x19\x00" * 5000 + b"\xff",
    "a long array that is not there": b"\x9b" + b"\x7f" + b"\xff" * 7,
    "a long text that is not there": b"\x7b" + b"\x7f" + b"\xff" * 7,
    "no end": b"\x9f" * 9000,
    "a huge decimal": b"\xc4\x82\x1b" + b"\x7f" + b"\xff" * 7 + b"\x01",
    "a bigfloat": b"\xc5\x82\x1a\x7f\xff\xff\xff\x01",
    "a regular expression": b"\xd8\x23\x6d" + b"(a+)+(b+)+(c+",
}


def test_no_bomb_takes_long_wherever_it_is_put_m21(known: Known) -> None:
    plain = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b""})
    signed: Callable[..., str] = known.authenticator.get
    for name, bomb in BOMBS.items():
        sent = [
            _with(known.registration, ("response", "attestationObject"), text_of(bomb)),
            _with(known.registration, ("response", "attestationObject"), text_of(plain[:-1] + bomb)),
            Authenticator().create(CREATE, cose=bomb),
            Authenticator().create(CREATE, cose=cose_of(ec.generate_private_key(ec.SECP256R1())) + bomb),
            # A key that is not canonical: who finds its end by encoding it anew reads on inside of it.
            Authenticator().create(CREATE, cose=b"\xbf\x01\x02\x58\x20" + bomb + b"\xff"),
        ]
        began = time.process_time()
        assert not any(map(register, sent)), name
        assert not known.asserted(signed(GET, extensions=bomb)), name
        assert time.process_time() - began < QUICK_SECONDS, name
    deep_json = "[" * 30_000
    assert not register(deep_json)
    assert not known.asserted(_with(known.assertion, ("response", "clientDataJSON"), text_of(b'{"a":' * 4_000)))


def test_an_attestation_is_not_looked_at_however_large_it_is_m21() -> None:
    """Keys may say of what make they are, though nobody has asked; no certificate is read."""
    made: dict[str, Any] = {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": [b"no certificate" * 100]}}
    assert register(Authenticator().create(CREATE, **made))
    assert not register(Authenticator().create(CREATE, attStmt={"x": b"y" * 1_000_000}))


def test_extensions_of_an_assertion_are_good_when_they_are_whole(known: Known) -> None:
    get = known.authenticator.get
    assert known.asserted(get(GET, extensions=cbor2.dumps({"uvm": [[1, 2, 3]]})))
    assert not known.asserted(get(GET, extensions=cbor2.dumps({"uvm": 1}) + b"\x00"))
    assert not known.asserted(get(GET, flags=USUAL | 0x40))
    assert not known.asserted(get(GET, flags=PRESENT))
