"""Request objects and their addresses: not supported, said so, and nothing is ever fetched (OpenID Connect Core §6)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from oidc_server.core import clock
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.protocol.authorizing import AUTHORIZE, assert_is_page, count_codes, refused, signed_in
from tests.protocol.handmade import compact, public_jwk, signed_by


@pytest.fixture
def browser(rp: App) -> Browser:
    return signed_in(rp, rp.server.user())


def objects(rp: App) -> Iterator[str]:
    """Unsigned, signed by the client itself, expired, another client's, nested, ours, and what is none."""
    key = generate_private_key(65537, 2048)
    rp.server.update(rp.client, jwks={"keys": [public_jwk(key)]})
    sign, other = signed_by(key, "RS256"), make_app(rp.server)
    inside: dict[str, Any] = rp.request() | {"iss": rp.client.client_id, "aud": rp.server.metadata["issuer"]}
    foreign = inside | {"client_id": other.client.client_id, "iss": other.client.client_id}
    yield compact({"alg": "none"}, inside, lambda _: b"")
    yield compact({"alg": "none"}, inside, lambda _: b"").rstrip(".")
    yield compact({"alg": "RS256"}, inside, sign)
    yield compact({"alg": "RS256"}, inside | {"exp": clock.timestamp() - 60}, sign)
    yield compact({"alg": "RS256"}, inside | {"state": "inside", "redirect_uri": "https://evil.example/"}, sign)
    yield compact({"alg": "RS256"}, foreign, sign)
    signed = compact({"alg": "RS256"}, inside, sign)
    yield compact({"alg": "RS256", "cty": "JWT"}, signed.encode(), sign)[:4000]
    yield compact({"alg": "RS256"}, {"request": "a.b.c", "request_uri": "https://evil.example/"}, sign)
    yield compact({"alg": "RSA-OAEP-256", "enc": "A256GCM"}, inside, sign) + ".a.b"
    yield compact({"alg": "none", "jku": "https://evil.example/"}, inside | {"scope": "orders:read"}, lambda _: b"")
    yield "x"
    yield ".."
    yield "a.b.c"
    yield '{"alg":"none"}'


def test_a_request_object_is_refused_whatever_it_says_a23(rp: App, browser: Browser) -> None:
    """A23: with the state that was sent beside it, to the address that was sent beside it."""
    before = count_codes(rp.server)
    for request in objects(rp):
        assert refused(rp, rp.open(browser, request=request)) == "request_not_supported", request
        assert refused(rp, browser.post(AUTHORIZE, rp.request(request=request))) == "request_not_supported"
        less = rp.open(browser, request=request, code_challenge=None, code_challenge_method=None, scope=None)
        assert refused(rp, less) == "request_not_supported"
    assert count_codes(rp.server) == before
    assert rp.server.metadata["request_parameter_supported"] is False


def test_what_only_stands_in_a_request_object_decides_nothing_a23(rp: App, browser: Browser) -> None:
    """Without a registered address beside it there is no redirect, whatever address stands inside."""
    request = compact({"alg": "none"}, rp.request(), lambda _: b"")
    for missing in ("redirect_uri", "client_id"):
        visit = rp.open(browser, request=request, **{missing: None})
        assert_is_page(visit)


@contextmanager
def nothing_connects() -> Iterator[int]:
    """A listener on loopback that nothing may connect to; within the block no name is looked up either. Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener, patch.object(socket, "getaddrinfo") as asked:
        listener.setblocking(False)
        yield int(listener.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listener.accept()
        asked.assert_not_called()


def test_a_request_uri_is_never_fetched_a24(rp: App, browser: Browser) -> None:
    before = count_codes(rp.server)
    with nothing_connects() as port:
        for request_uri in (
            f"http://127.0.0.1:{port}/", f"http://localhost:{port}/r#x", f"http://[::ffff:127.0.0.1]:{port}/",
            f"http://2130706433:{port}/", f"http://app.example.com@127.0.0.1:{port}/", "http://169.254.169.254/latest/",
            "https://app.example.com/request.jwt", "file:///etc/passwd", "data:,x", "ftp://app.example.com/", "//x/",
            "urn:ietf:params:oauth:request_uri:x", "gopher://127.0.0.1/", "x", "https://" + "a" * 3000,
        ):  # fmt: skip
            assert refused(rp, rp.open(browser, request_uri=request_uri)) == "request_uri_not_supported"
            posted = browser.post(AUTHORIZE, rp.request(request_uri=request_uri))
            assert refused(rp, posted) == "request_uri_not_supported"
    assert count_codes(rp.server) == before
    assert rp.server.metadata["request_uri_parameter_supported"] is False


def test_an_address_inside_of_other_parameters_is_not_fetched_either_a24(rp: App, browser: Browser) -> None:
    with nothing_connects() as port:
        address = f"http://127.0.0.1:{port}/"
        registration = f'{{"jwks_uri":"{address}","logo_uri":"{address}","sector_identifier_uri":"{address}"}}'
        assert refused(rp, rp.open(browser, registration=registration)) == "registration_not_supported"
        for name in ("jwks_uri", "jku", "logo_uri", "sector_identifier_uri", "resource_metadata", "initiate_login_uri"):
            rp.code(rp.open(browser, **{name: address}))  # unknown, and so ignored (RFC 6749 §3.1)
