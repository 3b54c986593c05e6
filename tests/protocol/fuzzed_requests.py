"""Requests for the fuzz tests: anything at all, and what is almost right, as a WSGI server would hand it on."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from tests.protocol.handmade import ASSERTION_TYPE
from tests.relying_party import Server

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
KEPT_HEADERS = ("User-Agent", "X-Forwarded-For", "X-Request-Id")  # what they say is written down
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


def make_known(server: Server) -> Known:
    """Clients, a person and their tokens on this server."""
    clients = [server.first_party(), server.client(), server.client(scope="tokens:read metrics:read")]
    posts = server.first_party(token_endpoint_auth_method="client_secret_post")
    public = server.client("public", redirect_uris=("https://app.example.com/cb",))
    user = server.user(username="ada")
    tokens = server.sign_in(clients[0], user)
    texts = (
        tokens["access_token"], tokens["refresh_token"], tokens["id_token"], user.email, "ada", user.password,
        ASSERTION_TYPE,
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
    others = [
        text[:cut], text[cut:], text[:cut] + draw(st.text(max_size=3)) + text[cut:], text.swapcase(), f" {text} ", "",
        text * draw(st.integers(2, 60)), draw(st.text(max_size=30)), draw(st.text(max_size=4)) * 5000,
    ]  # fmt: skip
    return draw(st.sampled_from([text, text, *others]))


def values(texts: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """The bytes of a parameter's value."""
    return mutations(texts).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=12)


@st.composite
def forms(draw: st.DrawFn, texts: tuple[str, ...]) -> bytes:
    """A form body: known names and others, each value in any bytes, some names more than once."""
    names = st.sampled_from(PARAMETERS) | st.text(max_size=6).map(lambda text: quote(text.encode("utf-8", "replace")))
    drawn = draw(st.lists(st.tuples(names, values(texts)), max_size=6))
    pairs = [f"{name}={quote_from_bytes(value)}" for name, value in drawn]
    if draw(st.booleans()):
        pairs.insert(0, f"grant_type={draw(st.sampled_from(['client_credentials', 'password', 'refresh_token']))}")
    return draw(st.sampled_from(["&", "&", "&", ";", "&&"])).join(pairs).encode()


@st.composite
def bodies(draw: st.DrawFn, texts: tuple[str, ...]) -> bytes:
    """A body: mostly a form, else JSON, parts, or bytes."""
    kind = draw(st.sampled_from(["form", "form", "form", "JSON", "parts", "bytes"]))
    if kind == "form":
        return draw(forms(texts))
    if kind == "JSON":
        return json.dumps(draw(json_values)).encode()
    if kind == "parts":
        return b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nx\r\n--x--'
    return draw(st.binary(max_size=60)) * draw(st.sampled_from([1, 1, 2000]))


def as_header(text: str) -> str:
    """Text as a server would hand it on."""
    return text.encode("utf-8", "replace").decode("latin-1").translate(dict.fromkeys((0, 10, 13), " "))


@st.composite
def headers(draw: st.DrawFn, at_most: int) -> dict[str, str]:
    """Some further headers."""
    names = draw(st.lists(st.sampled_from(HEADERS) | st.sampled_from(KEPT_HEADERS), max_size=at_most))
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
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(pairs)))
        if place < len(pairs):
            pairs[place] = (pairs[place][0], draw(values(known.texts)))
        else:
            pairs.append((draw(st.sampled_from(PARAMETERS)), draw(values(known.texts))))
    body = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()
    return form_request(path, body, authorization) | draw(headers(2))


def form_request(path: str, body: bytes, authorization: str = "") -> dict[str, Any]:
    """A POST of a form."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    return environ | ({"HTTP_AUTHORIZATION": authorization} if authorization else {})
