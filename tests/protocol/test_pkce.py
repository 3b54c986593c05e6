"""Proof Key for Code Exchange (RFC 7636): S256 only, demanded unless a confidential client's setting lifts it."""

from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode

import pytest

from oidc_server.clients.metadata import MetadataInvalid
from tests.app_login import App, challenge_of, make_app
from tests.browsing import Browser
from tests.protocol.authorizing import count_codes, fresh_code, refused, signed_in
from tests.relying_party import Server, TestUser, error

REFUSED = (400, "invalid_grant")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def user(server: Server) -> TestUser:
    return server.user()


@pytest.fixture(params=["confidential", "public"])
def rp(server: Server, request: pytest.FixtureRequest) -> App:
    return make_app(server, request.param)


@pytest.fixture
def lenient(server: Server) -> App:
    """A confidential client that may do without."""
    return make_app(server, "confidential", require_pkce=False)


def assert_no_code(rp: App, browser: Browser, **parameters: str | None) -> None:
    before = count_codes(rp.server)
    assert refused(rp, rp.open(browser, **parameters)) == "invalid_request", parameters
    assert count_codes(rp.server) == before


def test_the_example_of_the_standard_is_understood_b06(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user, code_challenge=CHALLENGE)
    assert rp.redeem(code, code_verifier=VERIFIER).status_code == 200


def test_a_code_with_a_challenge_needs_its_verifier_b06(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user)
    right = rp.verifier
    for wrong in (
        None, "", right[:-1], f"{right}x", right.swapcase(), f"{right} ", f" {right}", right[::-1], challenge_of(right),
        "x" * 43, hashlib.sha256(right.encode()).hexdigest(), f"{right}=",
    ):  # fmt: skip
        assert error(rp.redeem(code, code_verifier=wrong)) == REFUSED, wrong
    assert rp.redeem(code).status_code == 200  # nothing of that has burnt it


def test_the_verifier_of_another_request_does_not_fit_b06(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    first = rp.code(rp.open(browser))
    verifier = rp.verifier
    second = rp.code(rp.open(browser))
    assert error(rp.redeem(second, code_verifier=verifier)) == REFUSED
    assert error(rp.redeem(first)) == REFUSED
    assert rp.redeem(first, code_verifier=verifier).status_code == 200
    assert rp.redeem(second).status_code == 200


def test_a_verifier_without_a_challenge_is_refused_b07(lenient: App, user: TestUser) -> None:
    """RFC 9700 §4.8.2: a request from which somebody took the challenge is no request of the client's."""
    code = fresh_code(lenient, user, code_challenge=None, code_challenge_method=None)
    for verifier in (lenient.verifier, "", "x" * 43):
        assert error(lenient.redeem(code, code_verifier=verifier)) == REFUSED
    assert lenient.redeem(code, code_verifier=None).status_code == 200


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_challenge_is_not_none_b07(rp: App, lenient: App, user: TestUser, empty: str) -> None:
    for client in (rp, lenient):
        browser = signed_in(client, user)
        assert_no_code(client, browser, code_challenge=empty)
        assert_no_code(client, browser, code_challenge=empty, code_challenge_method=None)
        assert_no_code(client, browser, code_challenge=empty, code_challenge_method="")
        assert_no_code(client, browser, code_challenge=None)
        assert_no_code(client, browser, code_challenge=empty, code_challenge_method="plain")


def test_an_empty_verifier_fits_no_challenge_b07(rp: App, user: TestUser) -> None:
    of_nothing = urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
    code = fresh_code(rp, user, code_challenge=of_nothing)
    for verifier in ("", None):
        assert error(rp.redeem(code, code_verifier=verifier)) == REFUSED


def test_only_s256_b08_b10(rp: App, lenient: App, user: TestUser) -> None:
    """B08, B10: ``plain``, which is also what no method means; other spellings, other hashes, lists."""
    for client in (rp, lenient):
        browser = signed_in(client, user)
        for method in (
            None, "", "plain", "PLAIN", "s256", "S256 ", " S256", "S512", "S384", "sha256", "none", "S256 plain",
            "plain S256", "S256,plain", "[S256]", "*",
        ):  # fmt: skip
            assert_no_code(client, browser, code_challenge_method=method)
            assert_no_code(client, browser, code_challenge_method=method, code_challenge=VERIFIER)


def test_a_request_without_a_challenge_is_refused_b09(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    assert_no_code(rp, browser, code_challenge=None, code_challenge_method=None)
    assert_no_code(rp, browser, code_challenge=None, code_challenge_method=None, nonce="n" * 43)


def test_the_setting_of_a_confidential_client_lifts_it_and_of_no_other_b09(server: Server, user: TestUser) -> None:
    with pytest.raises(MetadataInvalid):
        make_app(server, "public", require_pkce=False)
    rp = make_app(server, "confidential")
    browser = signed_in(rp, user)
    server.update(rp.client, require_pkce=False)
    rp.pkce = False
    assert rp.redeem(rp.code(rp.open(browser))).status_code == 200
    server.update(rp.client, require_pkce=True)
    assert_no_code(rp, browser)


def test_a_client_that_may_do_without_is_held_to_what_it_sent_b06(lenient: App, user: TestUser) -> None:
    code = fresh_code(lenient, user)
    assert error(lenient.redeem(code, code_verifier=None)) == REFUSED
    assert lenient.redeem(code).status_code == 200


def test_a_challenge_is_43_characters_of_base64url_b10(rp: App, user: TestUser) -> None:
    browser = signed_in(rp, user)
    good = challenge_of("v" * 43)
    padded = b64encode(hashlib.sha256(b"v" * 43).digest()).decode()
    for challenge in (
        good[:-1], f"{good}x", f"{good}=", padded, good[:-1] + "+", good[:-1] + "/", good[:-1] + " ", good[:-1] + "~",
        "x" * 129, "x" * 128, "x" * 44, "x" * 4096, "x", hashlib.sha256(b"v" * 43).hexdigest(),
    ):  # fmt: skip
        assert_no_code(rp, browser, code_challenge=challenge)
    rp.code(rp.open(browser, code_challenge=good))


@pytest.mark.parametrize("length", [1, 10, 42, 129, 300])
def test_a_verifier_of_the_wrong_length_is_refused_though_it_fits_b11(rp: App, user: TestUser, length: int) -> None:
    """A short one could be guessed by whoever has the code (RFC 7636 §7.1)."""
    verifier = "v" * length
    code = fresh_code(rp, user, code_challenge=challenge_of(verifier))
    assert error(rp.redeem(code, code_verifier=verifier)) == REFUSED


@pytest.mark.parametrize("length", [43, 128])
def test_the_shortest_and_the_longest_verifier_are_good_b11(rp: App, user: TestUser, length: int) -> None:
    verifier = ("v-._~Az09" * 15)[:length]
    code = fresh_code(rp, user, code_challenge=challenge_of(verifier))
    assert rp.redeem(code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize(
    "verifier",
    ["v" * 42 + c for c in ("\0", "\n", "ü", "😀", "\x7f", "%", "+", "/", "=", " ", '"', "\\")]
    + ["v" * 5000, "v" * 70_000, "v" * 1_000_000],
    ids=lambda verifier: f"{len(verifier)}-{verifier[42:43]!a}",
)  # fmt: skip
def test_a_verifier_that_is_none_is_refused_without_a_fault_b11(rp: App, user: TestUser, verifier: str) -> None:
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    code = fresh_code(rp, user, code_challenge=challenge)
    answer = rp.redeem(code, code_verifier=verifier)
    assert answer.status_code == (400 if len(verifier) < 60_000 else 413)
    assert error(answer)[1] in {"invalid_grant", "invalid_request"}
    assert error(rp.redeem(code, code_verifier="x" * 43)) == REFUSED
