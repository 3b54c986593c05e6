"""Whatever comes in, on every route and by every method: no answer is a fault, and each has our headers.

The examples are the same in every run, but for the tokens in them. ``FUZZ_EXAMPLES=20000`` looks further, at random,
and prints how to repeat what it finds."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.log_lines import log_lines
from tests.protocol.fuzzed_requests import (
    Known,
    almost_right_requests,
    form_request,
    json_values,
    make_known,
    wild_requests,
)
from tests.protocol.handmade import ASSERTION_TYPE, base64url, compact, public_jwk, segment, signed_by
from tests.relying_party import Server

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "300")),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def known(server: Server) -> Known:
    return make_known(server)


def perform(server: Server, environ: dict[str, Any]) -> TestResponse:
    """The answer, checked for what every answer must have."""
    response = server.http.open("/", method=environ["REQUEST_METHOD"], environ_overrides=environ)
    text = response.get_data(as_text=True)
    assert response.status_code < 500 or (response.status_code == 503 and "Retry-After" in response.headers), text
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Cache-Control" in response.headers
    assert "Traceback" not in text
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert response.json is not None
        assert response.json["error_id"] == response.headers["X-Request-Id"]
    return response


def assert_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    assert [line for line in log_lines(capfd) if line["level"] == "error"] == []


def test_no_request_to_any_route_is_answered_with_a_fault_w02_w09_w12(
    server: Server, known: Known, capfd: pytest.CaptureFixture[str]
) -> None:
    @FUZZ
    @given(wild_requests(known))
    def run(environ: dict[str, Any]) -> None:
        perform(server, environ)

    run()
    assert_no_fault(capfd)


def test_no_almost_right_request_is_answered_with_a_fault_w02_w09_w12(
    server: Server, known: Known, capfd: pytest.CaptureFixture[str]
) -> None:
    answers: Counter[int] = Counter()

    @FUZZ
    @given(almost_right_requests(known))
    def run(environ: dict[str, Any]) -> None:
        answers[perform(server, environ).status_code] += 1

    run()
    assert_no_fault(capfd)
    assert answers[200] > 20  # it got further than the first check


def post(server: Server, path: str, form: dict[str, str], authorization: str = "") -> TestResponse:
    body = "&".join(f"{name}={quote(value)}" for name, value in form.items()).encode()
    return perform(server, form_request(path, body, authorization))


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
