"""Whatever comes in, on every route and by every method: no answer is a fault, and each has our headers.

The examples are the same in every run, but for the tokens in them. ``FUZZ_EXAMPLES=20000`` looks further, at random,
and prints how to repeat what it finds."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.protocol.fuzzed_requests import (
    Known,
    almost_right_requests,
    form_request,
    json_values,
    make_known,
    wild_requests,
)
from tests.protocol.fuzzing import FUZZ, assert_no_fault, perform
from tests.protocol.handmade import ASSERTION_TYPE, base64url, compact, public_jwk, segment, signed_by
from tests.relying_party import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def known(server: Server) -> Known:
    return make_known(server)


def test_no_request_to_any_route_is_answered_with_a_fault_w02_w09_w12(
    server: Server, known: Known, capfd: pytest.CaptureFixture[str]
) -> None:
    @FUZZ
    @given(wild_requests(known))
    def run(environ: dict[str, Any]) -> None:
        perform(server.http, environ)

    run()
    assert_no_fault(capfd)


def test_no_almost_right_request_is_answered_with_a_fault_w02_w09_w12(
    server: Server, known: Known, capfd: pytest.CaptureFixture[str]
) -> None:
    answers: Counter[int] = Counter()

    @FUZZ
    @given(almost_right_requests(known))
    def run(environ: dict[str, Any]) -> None:
        answers[perform(server.http, environ).status_code] += 1

    run()
    assert_no_fault(capfd)
    assert answers[200] > 20  # it got further than the first check


def post(server: Server, path: str, form: dict[str, str], authorization: str = "") -> TestResponse:
    body = "&".join(f"{name}={quote(value)}" for name, value in form.items()).encode()
    return perform(server.http, form_request(path, body, authorization))


jose_headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["RS256", "none", "HS256", "ES256", "PBES2-HS256+A128KW"]) | json_values},
    optional={
        "typ": st.sampled_from(["at+jwt", "JWT"]) | json_values,
        **dict.fromkeys(("kid", "crit", "b64", "zip", "enc", "jwk", "jku", "x5c", "p2c"), json_values),
    },
)


def test_no_token_however_made_is_answered_with_a_fault_e01_e06_e07_e13(
    server: Server, known: Known, capfd: pytest.CaptureFixture[str]
) -> None:
    kid = server.jwks()["keys"][0]["kid"]

    @FUZZ
    @given(jose_headers, json_values, st.binary(max_size=40), st.booleans(), st.sampled_from(["introspect", "revoke"]))
    def run(header: dict[str, Any], payload: Any, signature: bytes, named: bool, endpoint: str) -> None:
        header = header | ({"kid": kid} if named else {})
        token = f"{segment(header)}.{segment(payload)}.{base64url(signature)}"
        response = post(server, f"/oauth/{endpoint}", {"token": token}, known.basics[2])
        assert response.status_code in {200, 400, 413, 429}
        assert b"true" not in response.get_data()

    run()
    assert_no_fault(capfd)


def test_no_signed_claims_of_a_client_are_answered_with_a_fault_d13(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    key = generate_private_key(65537, 2048)
    client = server.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(key)]})
    sign = signed_by(key, "RS256")
    names = ("iss", "aud", "exp", "iat", "nbf", "jti")
    claims = st.fixed_dictionaries(
        {"sub": st.just(client.client_id) | json_values}, optional=dict.fromkeys(names, json_values)
    )

    @FUZZ
    @given(claims | json_values)
    def run(payload: Any) -> None:
        assertion = compact({"alg": "RS256"}, payload, sign)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        assert post(server, "/oauth/token", form).status_code in {400, 401, 413, 429}

    run()
    assert_no_fault(capfd)
