"""The RP-Initiated Logout OP plan (OpenID Connect RP-Initiated Logout 1.0 §2, §3, oidcc-rp-initiated-logout…).

The ``state`` is as long as in the plan. Where a page has to be shown, nobody is sent to the client."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.app_login import GOODBYE
from tests.browsing import Visit
from tests.certification.answers import check_error_page, check_page
from tests.certification.checks import Flow
from tests.certification.conformance import PAGE_NEEDED, Conformance
from tests.relying_party import Server

STATE = secrets.token_urlsafe(96)
assert len(STATE) == 128


@pytest.fixture
def response_mode() -> str:
    return "query"


@pytest.fixture
def flow(conformance: Conformance) -> Flow:
    """The login before each logout."""
    return conformance.flow(state=STATE)


def log_out(conformance: Conformance, **parameters: str) -> Visit:
    """Take the browser to the end session endpoint."""
    address = conformance.server.metadata["end_session_endpoint"]
    return conformance.browser.open(f"{address}?{urlencode(parameters)}" if parameters else address)


def is_signed_in(conformance: Conformance) -> bool:
    """Whether the person can log in without being asked, as the plan finds out."""
    asked = conformance.request(prompt="none", state=STATE)
    visit = conformance.send(asked)
    if "error" not in visit.answer:
        conformance.finish(asked, visit)
        return True
    assert conformance.refusal(prompt="none", state=STATE) in PAGE_NEEDED
    return False


def check_signed_out(conformance: Conformance, visit: Visit) -> None:
    """The page that says so, and it is so."""
    check_page(visit)
    assert "You are signed out" in visit.words
    assert not is_signed_in(conformance)


def confirm(conformance: Conformance, visit: Visit) -> Visit:
    """Nothing has happened yet: the person is asked, and says yes."""
    check_page(visit)
    assert is_signed_in(conformance)
    return conformance.browser.press(visit, "logout")


def test_rp_initiated_logout_discovery_endpoint_verification(server: Server) -> None:
    endpoints = {name: value for name, value in server.metadata.items() if name.endswith("_endpoint")}
    assert "end_session_endpoint" in endpoints
    assert all(urlsplit(value).scheme == "https" for value in endpoints.values())


def test_rp_initiated_logout(conformance: Conformance, flow: Flow) -> None:
    assert is_signed_in(conformance)
    visit = log_out(
        conformance, id_token_hint=flow.tokens["id_token"], post_logout_redirect_uri=GOODBYE, state=STATE
    )  # fmt: skip
    assert visit.elsewhere == f"{GOODBYE}?{urlencode({'state': STATE})}"
    assert not is_signed_in(conformance)


def test_rp_initiated_logout_no_state(conformance: Conformance, flow: Flow) -> None:
    visit = log_out(conformance, id_token_hint=flow.tokens["id_token"], post_logout_redirect_uri=GOODBYE)
    assert visit.elsewhere == GOODBYE
    assert not is_signed_in(conformance)


def test_rp_initiated_logout_bad_post_logout_redirect_uri(conformance: Conformance, flow: Flow) -> None:
    for unregistered in ("https://app.example.com/elsewhere", f"{GOODBYE}/", "https://elsewhere.example.com/goodbye"):
        visit = log_out(
            conformance, id_token_hint=flow.tokens["id_token"], post_logout_redirect_uri=unregistered, state=STATE
        )  # fmt: skip
        check_error_page(visit)
    assert is_signed_in(conformance)


def test_rp_initiated_logout_query_added_to_post_logout_redirect_uri(conformance: Conformance, flow: Flow) -> None:
    visit = log_out(
        conformance, id_token_hint=flow.tokens["id_token"], post_logout_redirect_uri=f"{GOODBYE}?foo=bar", state=STATE
    )  # fmt: skip
    check_error_page(visit)
    assert is_signed_in(conformance)


def test_rp_initiated_logout_modified_id_token_hint(conformance: Conformance, flow: Flow) -> None:
    """Our own ID Token with ``alg`` none, also where the rest of its header stays."""
    header, payload, signature = flow.tokens["id_token"].split(".")
    kept = jwt.get_unverified_header(flow.tokens["id_token"]) | {"alg": "none"}
    for forged in (
        f"{encoded({'alg': 'none'})}.{payload}.",
        f"{encoded(kept)}.{payload}.",
        f"{encoded(kept)}.{payload}.{signature}",
        f"{header}.{payload}.",
    ):
        check_refused_hint(conformance, forged)


def test_rp_initiated_logout_bad_id_token_hint(conformance: Conformance, flow: Flow) -> None:
    """Signed by somebody else, under the name of our key too, or with what the client and we have in common."""
    secret = conformance.app.client.client_secret
    assert secret is not None
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = jwt.get_unverified_header(flow.tokens["id_token"])["kid"]
    issued_by_the_client = flow.id_token | {"iss": flow.id_token["aud"], "aud": flow.id_token["iss"]}
    for forged in (
        jwt.encode(issued_by_the_client, secret, algorithm="HS256"),
        jwt.encode(flow.id_token, secret, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(flow.id_token, foreign, algorithm="RS256"),
        jwt.encode(flow.id_token, foreign, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(flow.id_token, foreign, algorithm="RS256", headers={"jwk": json.loads(public_jwk(foreign))}),
    ):
        check_refused_hint(conformance, forged)


def check_refused_hint(conformance: Conformance, hint: str) -> None:
    """A page, no redirect, and nobody is signed out."""
    check_error_page(log_out(conformance, id_token_hint=hint, post_logout_redirect_uri=GOODBYE, state=STATE))
    assert is_signed_in(conformance)


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def public_jwk(key: rsa.RSAPrivateKey) -> str:
    return str(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))


def test_rp_initiated_logout_no_id_token_hint(conformance: Conformance, flow: Flow) -> None:
    """Without a hint and a ``client_id`` nobody knows whose address it is."""
    check_error_page(log_out(conformance, post_logout_redirect_uri=GOODBYE, state=STATE))
    assert is_signed_in(conformance)


def test_rp_initiated_logout_no_id_token_hint_but_the_client_id(conformance: Conformance, flow: Flow) -> None:
    """Not in the plan: then the address can be known, but the person is asked first (§2, §3)."""
    visit = log_out(
        conformance, client_id=flow.id_token["aud"], post_logout_redirect_uri=GOODBYE, state=STATE
    )  # fmt: skip
    assert confirm(conformance, visit).elsewhere == f"{GOODBYE}?{urlencode({'state': STATE})}"
    assert not is_signed_in(conformance)


def test_rp_initiated_logout_no_params(conformance: Conformance, flow: Flow) -> None:
    check_signed_out(conformance, confirm(conformance, log_out(conformance)))


def test_rp_initiated_logout_only_state(conformance: Conformance, flow: Flow) -> None:
    check_signed_out(conformance, confirm(conformance, log_out(conformance, state=STATE)))


def test_rp_initiated_logout_no_post_logout_redirect_uri(conformance: Conformance, flow: Flow) -> None:
    check_signed_out(conformance, log_out(conformance, id_token_hint=flow.tokens["id_token"], state=STATE))
