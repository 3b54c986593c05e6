"""Whatever comes in, on every route and by every method: no answer is a fault, and each has our headers.

The examples are the same in every run. ``FUZZ_EXAMPLES=20000`` looks further, at random, and prints how to repeat what
it finds."""

from __future__ import annotations

import io
import json
import os
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.log_lines import log_lines
from tests.protocol.handmade import base64url, compact, segment, signed_by
from tests.protocol.test_client_assertion import RSA, TYPE, jwk
from tests.relying_party import Server

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "300")),
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
METHODS = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
FORM = "application/x-www-form-urlencoded"
PARAMETERS = (
    "grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "token",
    "token_type_hint", "refresh_token", "username", "password", "resource", "code", "redirect_uri", "code_verifier",
    "assertion", "audience", "state", "nonce", "claims", "request", "response_type", "id_token_hint",
)  # fmt: skip
HEADERS = (
    "X-Request-Id", "X-Forwarded-For", "X-Real-IP", "Forwarded", "Origin", "Referer", "User-Agent", "Cookie", "Accept",
    "Accept-Language", "If-None-Match", "If-Modified-Since", "Range", "Content-Encoding", "Transfer-Encoding", "Expect",
    "X-HTTP-Method-Override", "X-Forwarded-Host", "X-Forwarded-Proto", "Access-Control-Request-Method", "DPoP",
)  # fmt: skip
CONTENT_TYPES = (
    FORM, FORM, FORM, f"{FORM}; charset=UTF-8", f"{FORM}; charset=latin-1", "application/json", "text/plain", "",
    "multipart/form-data; boundary=x", "multipart/form-data", "application/octet-stream", ";;;", "a/b; charset=\xff",
)  # fmt: skip

PATH_ENDS = ("", "", "", "", "/", "//", "/..", "%00", "\xff", ";x")

# What a server hands on in a header: no line break and no NUL, which it refuses by itself.
header_text = st.text(st.characters(max_codepoint=255, blacklist_characters="\0\r\n"), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Known:
    """What a caller may have in hand: credentials and tokens of this server, and requests that it answers with 200."""

    rules: tuple[str, ...]
    basics: tuple[str, ...]
    texts: tuple[str, ...]
    requests: tuple[tuple[str, dict[str, str], str], ...]


@pytest.fixture
def known(server: Server) -> Known:
    clients = [server.first_party(), server.client(), server.client(scope="tokens:read metrics:read")]
    posts = server.first_party(token_endpoint_auth_method="client_secret_post")
    public = server.client("public", redirect_uris=("https://app.example.com/cb",))
    user = server.user(username="ada")
    tokens = server.sign_in(clients[0], user)
    texts = (
        tokens["access_token"], tokens["refresh_token"], tokens["id_token"], user.email, "ada", user.password, TYPE,
        *("client_credentials", "password", "refresh_token", "authorization_code", "openid", "orders:read", "S256"),
        public.client_id, posts.client_id, str(posts.client_secret), "https://api.example.com",
        "https://app.example.com",
    )  # fmt: skip
    rules = sorted({rule.rule for rule in server.app.url_map.iter_rules()})
    person, service, reader = (client.basic["Authorization"] for client in clients)
    sign_in = {"grant_type": "password", "username": user.email, "password": user.password, "scope": "openid"}
    post = {"client_id": posts.client_id, "client_secret": str(posts.client_secret)}
    requests = (
        ("/oauth/token", {"grant_type": "client_credentials", "scope": "orders:read"}, service),
        ("/oauth/token", sign_in, person),
        ("/oauth/token", sign_in | post, ""),
        ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, person),
        ("/oauth/introspect", {"token": tokens["access_token"], "token_type_hint": "access_token"}, person),
        ("/oauth/introspect", {"token": tokens["access_token"]}, reader),
        ("/oauth/introspect", {"token": tokens["refresh_token"]} | post, ""),
        ("/oauth/revoke", {"token": tokens["id_token"]}, person),
        ("/oauth/revoke", {"token": tokens["id_token"], "client_id": public.client_id}, ""),
    )
    return Known(tuple(rules), (person, service, reader), texts, requests)


@st.composite
def mutations(draw: st.DrawFn, texts: tuple[str, ...]) -> str:
    """Something real, or the like of it, or anything at all."""
    text = draw(st.sampled_from(texts))
    cut = draw(st.integers(0, len(text)))
    return draw(
        st.sampled_from(
            [
                text,
                text,
                text,
                text[:cut],
                text[cut:],
                text[:cut] + draw(st.text(max_size=3)) + text[cut:],
                text.swapcase(),
                text * draw(st.integers(2, 60)),
                draw(st.text(max_size=30)),
                draw(st.text(max_size=4)) * 5000,
                f" {text} ",
                "",
            ]
        )
    )


@st.composite
def forms(draw: st.DrawFn, texts: tuple[str, ...]) -> bytes:
    """A form body: known names and others, each value in any bytes, some names more than once."""
    pairs = []
    for _ in range(draw(st.integers(0, 6))):
        name = draw(st.sampled_from(PARAMETERS) | st.text(max_size=6))
        value = draw(mutations(texts))
        raw = draw(st.none() | st.none() | st.none() | st.binary(max_size=12))
        encoded = quote(value.encode("utf-8", "surrogatepass")) if raw is None else quote_from_bytes(raw)
        pairs.append(f"{quote(name.encode('utf-8', 'surrogatepass'))}={encoded}")
    if draw(st.booleans()):
        pairs.insert(0, f"grant_type={draw(st.sampled_from(['client_credentials', 'password', 'refresh_token']))}")
    return draw(st.sampled_from(["&", "&", "&", ";", "&&"])).join(pairs).encode()


@st.composite
def bodies(draw: st.DrawFn, texts: tuple[str, ...]) -> bytes:
    """A body: mostly a form, else JSON, parts, or bytes."""
    kind = draw(st.integers(0, 9))
    if kind < 6:
        return draw(forms(texts))
    if kind == 6:
        return json.dumps(draw(json_values)).encode()
    if kind == 7:
        part = draw(st.binary(max_size=30))
        return b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + part + b"\r\n--x--"
    return draw(st.binary(max_size=60)) * draw(st.sampled_from([1, 1, 2000]))


def as_header(text: str) -> str:
    """Text as a server would hand it on."""
    return text.encode("utf-8", "replace").decode("latin-1").translate(dict.fromkeys((0, 10, 13), " "))


@st.composite
def headers(draw: st.DrawFn, at_most: int) -> dict[str, str]:
    """Some further headers."""
    names = draw(st.lists(st.sampled_from(HEADERS), max_size=at_most))
    odd = st.sampled_from(["*", "127.0.0.1", "bytes=0-1", "::1", "fe80::1%" + "z" * 90, "a" * 5000])
    return {"HTTP_" + name.upper().replace("-", "_"): draw(header_text | odd) for name in names}


@st.composite
def wild_requests(draw: st.DrawFn, known: Known) -> dict[str, Any]:
    """Any request to any route, as a WSGI server hands it on."""
    body = draw(bodies(known.texts))
    authorization = draw(
        st.sampled_from(known.basics)
        | st.builds("Bearer {}".format, mutations(known.texts))
        | st.builds("{} {}".format, st.sampled_from(["Basic", "basic", "Digest", ""]), header_text)
        | st.builds(lambda raw: "Basic " + b64encode(raw).decode(), st.binary(max_size=40))
    )
    length = str(len(body))
    return {
        "REQUEST_METHOD": draw(st.sampled_from(METHODS)),
        "PATH_INFO": draw(st.sampled_from(known.rules)) + draw(st.sampled_from(PATH_ENDS)),
        "QUERY_STRING": draw(st.just("") | header_text),
        "HTTP_HOST": draw(st.sampled_from(["login.example.com", "localhost"]) | header_text),
        "HTTP_AUTHORIZATION": as_header(authorization),
        "CONTENT_TYPE": draw(st.sampled_from(CONTENT_TYPES) | header_text),
        "CONTENT_LENGTH": draw(st.sampled_from([length, length, length, "", "-1", "x", "9" * 30])),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": draw(st.booleans()),
        "REMOTE_ADDR": draw(st.sampled_from(["127.0.0.1", "203.0.113.5", "2001:db8::1", "fe80::1%eth0", ""])),
        **draw(headers(3)),
    }


@st.composite
def almost_right_requests(draw: st.DrawFn, known: Known) -> dict[str, Any]:
    """A request that would succeed, with up to three parameters and two headers made otherwise."""
    path, form, authorization = draw(st.sampled_from(known.requests))
    pairs = [(name, value.encode()) for name, value in form.items()]
    anything = mutations(known.texts).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=12)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(pairs)))
        if place < len(pairs):
            pairs[place] = (pairs[place][0], draw(anything))
        else:
            pairs.append((draw(st.sampled_from(PARAMETERS)), draw(anything)))
    body = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body), **draw(headers(2)),
    }  # fmt: skip
    return environ | ({"HTTP_AUTHORIZATION": authorization} if authorization else {})


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


def post(server: Server, path: str, form: dict[str, str], authorization: str | None = None) -> TestResponse:
    body = "&".join(f"{name}={quote(value)}" for name, value in form.items()).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    return perform(server, environ | ({"HTTP_AUTHORIZATION": authorization} if authorization else {}))


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
    client = server.client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [jwk(RSA)]})
    sign = signed_by(RSA, "RS256")
    names = ("iss", "aud", "exp", "iat", "nbf", "jti")
    claims = st.fixed_dictionaries(
        {"sub": st.just(client.client_id) | json_values}, optional=dict.fromkeys(names, json_values)
    )

    @FUZZ
    @given(claims | json_values)
    def run(payload: Any) -> None:
        assertion = compact({"alg": "RS256"}, payload, sign)
        form = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": assertion}
        assert post(server, "/oauth/token", form).status_code in {400, 401, 413, 429}

    run()
    assert_no_fault(capfd)
