"""Requests of a browser for the fuzz tests: right ones, made one by one, since each page is good once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes

from hypothesis import strategies as st

from tests.app_login import CALLBACK, GOODBYE, App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.fuzzed_requests import FORM, headers, json_values, values
from tests.relying_party import Server

Pairs = list[tuple[str, bytes]]
PARAMETERS = (
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "prompt", "max_age", "ui_locales", "claims_locales", "display", "login_hint", "acr_values",
    "claims", "id_token_hint", "request", "request_uri", "registration", "resource", "interaction", "csrf_token",
    "login", "password", "remember", "answer", "account", "post_logout_redirect_uri", "access_token", "x",
)  # fmt: skip
WORDS = (
    "openid", "openid email", "none", "login", "consent", "select_account", "none login", "create", "query",
    "form_post", "fragment", "code", "token", "S256", "plain", "0", "1", "-1", "999999999", "9999999999", "en", "de",
    "\u00e9", "page", "allow", "deny", "yes", "no", "this", "other", "on", "{}", "[]", '{"userinfo":{"name":null}}',
    CALLBACK, GOODBYE, "https://evil.example/", "https://api.example.com/", "e30.e30.", "a.b.c", "\0", "%00", "../",
)  # fmt: skip

_members = {
    "essential": st.booleans() | json_values,
    "value": json_values,
    "values": st.lists(json_values, max_size=3),
}
_told = st.none() | json_values | st.fixed_dictionaries({}, optional=_members)
_names = st.sampled_from(["sub", "sub", "acr", "email"]) | st.text(max_size=5)
_asked = st.dictionaries(_names, _told, min_size=1, max_size=3)
# The claims parameter (OpenID Connect Core §5.5), well-formed and not.
claims_texts = st.builds(
    json.dumps, st.fixed_dictionaries({}, optional={"userinfo": _asked, "id_token": _asked}) | json_values
)


@dataclass(frozen=True)
class Right:
    """A request that is right as it stands."""

    method: str
    path: str
    query: Pairs = field(default_factory=list)
    form: Pairs = field(default_factory=list)
    authorization: str = ""


@dataclass(frozen=True)
class Change:
    """What is done otherwise: a parameter of the query or the form is replaced, repeated, added or left out."""

    in_form: bool
    how: str
    place: int
    name: str
    value: bytes


class Stage:
    """A person with a browser and an app, at whatever page the next request needs."""

    def __init__(self, server: Server) -> None:
        self.server, self.user = server, server.user()
        self.rp: App = make_app(server, resources=("https://api.example.com/",))
        self.browser = Browser(server.app)
        self.tokens = self.rp.tokens(self.rp.log_in(self.browser, self.user))

    @property
    def texts(self) -> tuple[str, ...]:
        """What somebody may have in hand."""
        told = self.rp.request()
        return (*WORDS, *self.tokens_in_hand, *told.values(), self.user.email, self.user.password, str(self.user.id))

    @property
    def tokens_in_hand(self) -> tuple[str, ...]:
        return tuple(self.tokens[name] for name in ("access_token", "refresh_token", "id_token"))

    def sign_in(self) -> None:
        """Have the person signed in, with what the app usually asks for allowed."""
        if "code" not in self.rp.open(self.browser, prompt="none").answer:
            self.server.forget_limits()
            self.tokens = self.rp.tokens(self.rp.log_in(self.browser, self.user))

    def page(self, **parameters: str) -> Right:
        """The page that a request leads to."""
        visit = self.rp.open(self.browser, **parameters)
        path, _, query = visit.path.partition("?")
        return Right("GET", path, pairs_of(parse_qsl(query)))

    def form(self, button: str, typed: dict[str, str] | None = None, **parameters: str) -> Right:
        """A button of the page that a request leads to."""
        return pressed(self.rp.open(self.browser, **parameters), button, typed or {})

    def logout(self, method: str, **parameters: str) -> Right:
        asked = pairs_of((parameters | {"post_logout_redirect_uri": GOODBYE, "state": "s"}).items())
        return Right(method, "/oauth/logout", *((asked, []) if method == "GET" else ([], asked)))

    def sign_out(self) -> Visit:
        return self.browser.open(
            f"/oauth/logout?client_id={self.rp.client.client_id}&post_logout_redirect_uri={GOODBYE}"
        )

    def right(self, kind: str) -> Right:
        """A right request of a kind."""
        self.sign_in()
        return KINDS[kind](self)


def pairs_of(pairs: Any) -> Pairs:
    """Parameters as bytes."""
    return [(name, value.encode()) for name, value in pairs]


def pressed(visit: Visit, button: str, typed: dict[str, str]) -> Right:
    """What a browser sends when one of the page's buttons is pressed."""
    path, _, query = (visit.form.action or visit.path).partition("?")
    named = visit.form.buttons[button]
    data = visit.form.fields | typed | ({named[0]: named[1]} if named is not None else {})
    return Right("POST", path, pairs_of(parse_qsl(query)), pairs_of(data.items()))


def _credentials(stage: Stage) -> dict[str, str]:
    return {"login": stage.user.email, "password": stage.user.password}


KINDS: dict[str, Callable[[Stage], Right]] = {
    "request": lambda s: Right("GET", "/oauth/authorize", pairs_of(s.rp.request().items())),
    "posted request": lambda s: Right("POST", "/oauth/authorize", [], pairs_of(s.rp.request().items())),
    "request for a form": lambda s: Right(
        "GET", "/oauth/authorize", pairs_of(s.rp.request(response_mode="form_post").items())
    ),
    "request with claims": lambda s: Right("GET", "/oauth/authorize", pairs_of(s.rp.request(claims="{}").items())),
    "continuation": lambda s: Right("GET", "/oauth/authorize/continue", s.page(prompt="consent").query),
    "sign-in page": lambda s: s.page(prompt="login"),
    "sign-in": lambda s: s.form("continue", _credentials(s), prompt="login"),
    "consent page": lambda s: s.page(prompt="consent"),
    "consent": lambda s: s.form("allow", prompt="consent"),
    "denial": lambda s: s.form("deny", prompt="consent"),
    "account page": lambda s: s.page(prompt="select_account"),
    "account": lambda s: s.form("continue", prompt="select_account"),
    "logout by hint": lambda s: s.logout("GET", id_token_hint=s.tokens["id_token"]),
    "posted logout": lambda s: s.logout("POST", client_id=s.rp.client.client_id),
    "sign-out page": lambda s: Right("GET", "/sign-out", pairs_of([("client_id", s.rp.client.client_id)])),
    "sign-out": lambda s: pressed(s.sign_out(), "logout", {}),
    "userinfo": lambda s: Right("GET", "/oauth/userinfo", authorization=f"Bearer {s.tokens['access_token']}"),
    "posted userinfo": lambda s: Right(
        "POST", "/oauth/userinfo", form=pairs_of([("access_token", s.tokens["access_token"])])
    ),
    "exchange": lambda s: Right(
        "POST", "/oauth/token", form=pairs_of({
            "grant_type": "authorization_code", "code": s.rp.code(s.rp.open(s.browser)), "code_verifier": s.rp.verifier,
            "redirect_uri": CALLBACK,
        }.items()), authorization=s.rp.client.basic["Authorization"],
    ),
}  # fmt: skip


@st.composite
def changes(draw: st.DrawFn, texts: tuple[str, ...]) -> Change:
    """Any change."""
    name = draw(st.sampled_from(PARAMETERS))
    told = claims_texts.map(str.encode) if name == "claims" else values(texts)
    how = draw(st.sampled_from(["replace", "replace", "add", "add", "repeat", "leave out"]))
    return Change(draw(st.booleans()), how, draw(st.integers(0, 12)), name, draw(told))


def changed(pairs: Pairs, change: Change) -> Pairs:
    """The parameters after a change."""
    if change.how == "add" or not pairs:
        return [*pairs, (change.name, change.value)]
    place = change.place % len(pairs)
    name, old = pairs[place]
    if change.how == "leave out":
        return pairs[:place] + pairs[place + 1 :]
    if change.how == "repeat":
        return [*pairs, (name, old)]
    return [*pairs[:place], (name, change.value), *pairs[place + 1 :]]


def environ_of(right: Right, made: list[Change], more_headers: dict[str, str]) -> dict[str, Any]:
    """The request with its changes, as a WSGI server hands it on."""
    query, form = right.query, right.form
    for change in made:
        if change.in_form and right.method == "POST":
            form = changed(form, change)
        else:
            query = changed(query, change)
    body = encoded(form).encode() if right.method == "POST" else b""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": right.method, "PATH_INFO": right.path, "QUERY_STRING": encoded(query),
        "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    if right.method == "POST":
        environ["CONTENT_TYPE"] = FORM
    if right.authorization:
        environ["HTTP_AUTHORIZATION"] = right.authorization
    return environ | more_headers


def encoded(pairs: Pairs) -> str:
    """Parameters as they are sent."""
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs)


def more_headers() -> st.SearchStrategy[dict[str, str]]:
    """Up to two further headers."""
    return headers(2)
