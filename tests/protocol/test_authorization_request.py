"""Authorization requests that are not as they should be: told to the app by its redirect URI, or else by a page."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.protocol.authorizing import AUTHORIZE, FORM, asking, assert_is_page, count_codes, refused, signed_in
from tests.relying_party import Server, body_of, error

ORDERS, ELSEWHERE = "https://orders.example.com/", "https://elsewhere.example.com/"
# What a request may hold besides what it must.
OPTIONAL = {
    "response_mode": "query", "prompt": "none", "max_age": "9999", "ui_locales": "en", "claims_locales": "en",
    "display": "page", "login_hint": "x", "acr_values": "1", "claims": '{"userinfo":{}}', "id_token_hint": "a.b.c",
    "unknown": "x", "request": "a.b.c", "request_uri": "https://app.example.com/r",
}  # fmt: skip
DECIDING = ("client_id", "redirect_uri")


@pytest.fixture
def rp(server: Server) -> App:
    return make_app(server, resources=(ORDERS,))


@pytest.fixture
def browser(rp: App) -> Browser:
    """Everything is allowed here: a good request is answered with a code at once."""
    return signed_in(rp, rp.server.user())


def assert_no_code(rp: App, browser: Browser, expected: str, **parameters: str | None) -> None:
    """By GET and by POST the app is told this error, and no code is made."""
    before = count_codes(rp.server)
    assert refused(rp, rp.open(browser, **parameters)) == expected, parameters
    assert refused(rp, browser.post(AUTHORIZE, rp.request(**parameters))) == expected, parameters
    assert count_codes(rp.server) == before


def test_an_unknown_response_mode_is_refused_in_the_query_a10(rp: App, browser: Browser) -> None:
    for mode in ("fragment", "jwt", "query.jwt", "form_post.jwt", "web_message", "none", "QUERY", "query ", "query,x"):
        assert_no_code(rp, browser, "invalid_request", response_mode=mode)


def test_no_response_type_but_code_a11(rp: App, browser: Browser) -> None:
    for response_type in (
        "token", "id_token", "id_token token", "token id_token", "code token", "token code", "none", "code id_token",
        "code id_token token", "code code", " code", "code ", "CODE", "x",
    ):  # fmt: skip
        assert_no_code(rp, browser, "unsupported_response_type", response_type=response_type)
    for missing in (None, ""):
        assert_no_code(rp, browser, "invalid_request", response_type=missing)


def test_a_repeated_parameter_is_refused_a13(rp: App, browser: Browser) -> None:
    for name in (*rp.request(), *OPTIONAL):
        for same in (True, False):
            asked = rp.request() | ({name: OPTIONAL[name]} if name in OPTIONAL else {})
            pairs = [*asked.items(), (name, asked[name] if same else "x")]
            for place in (len(pairs) - 1, 0):
                pairs.insert(place, pairs.pop())
                before = count_codes(rp.server)
                visits = [browser.open(asking(pairs)), browser.post(AUTHORIZE, urlencode(pairs), content_type=FORM)]  # type: ignore[arg-type]
                assert count_codes(rp.server) == before, name
                for visit in visits:
                    if name in DECIDING:
                        assert_is_page(visit)
                    else:
                        rp.state = "" if name == "state" else asked["state"]
                        assert refused(rp, visit) == "invalid_request", name


def test_a_request_in_two_places_is_refused_a13(rp: App, browser: Browser) -> None:
    """A POST with a query: it cannot be told which of the two somebody in between has added."""
    before = count_codes(rp.server)
    for name in (*rp.request(), "unknown"):
        asked = rp.request(unknown="x")
        value = asked[name]
        assert_is_page(browser.post(asking([(name, value)]), asked))
        assert_is_page(browser.post(asking([(name, value)]), {n: v for n, v in asked.items() if n != name}))
        assert_is_page(browser.post(asking([(name, "x")]), asked))
    assert_is_page(browser.post(asking(rp.request().items()), {}))
    assert count_codes(rp.server) == before


def test_the_body_of_a_get_says_nothing_a13(rp: App, browser: Browser) -> None:
    body = urlencode({"redirect_uri": "https://evil.example/", "client_id": "nobody", "scope": "email"})
    rp.code(browser.open(rp.address(), data=body, content_type=FORM))


def test_a_form_of_another_kind_is_no_request_a13(rp: App, browser: Browser) -> None:
    asked = rp.request()
    for content_type in ("application/json", "multipart/form-data; boundary=x", "text/plain", "application/xml", ""):
        for data in (urlencode(asked), json.dumps(asked)):
            response = browser.http.post(AUTHORIZE, data=data, content_type=content_type)
            assert_is_page(response)


@pytest.mark.parametrize("response_mode", ["query", "form_post"])
@pytest.mark.parametrize(
    "state",
    [
        "a" * 4096, "%0d%0aSet-Cookie:%20x=y", "\"'<>`", "a&b=c;d#e?f/g%h+i j", "&amp;&#39;\\u0022", "=",
        "?code=x&iss=y", "javascript:alert(1)", "${7*7}{{7*7}}<%=7*7%>", "../..//", " ", "a  b ",
    ],
)  # fmt: skip
def test_a_state_comes_back_as_it_was_sent_a14(rp: App, browser: Browser, state: str, response_mode: str) -> None:
    for prompt in (None, "none login"):
        visit = rp.open(browser, state=state, response_mode=response_mode, prompt=prompt)
        rp.state = state
        assert rp.error(visit) == "invalid_request" if prompt else rp.code(visit)
        assert "Set-Cookie" not in visit.response.headers
        if visit.elsewhere is not None:
            assert visit.elsewhere.isascii()
            assert visit.elsewhere.isprintable()
            assert " " not in visit.elsewhere


def test_a_state_that_no_parameter_can_hold_is_refused_on_a_page_a14(rp: App, browser: Browser) -> None:
    for state in ("a\r\nSet-Cookie: x=y", "a\nb", "\0", "a\x7f", "ü", "😀", "\u202e", "a" * 4097, "a\tb"):
        before = count_codes(rp.server)
        assert_is_page(rp.open(browser, state=state))
        assert_is_page(browser.post(AUTHORIZE, rp.request(state=state)))
        assert count_codes(rp.server) == before
    for raw in ("%ff", "%c0%af", "%ed%a0%80"):
        assert_is_page(browser.open(f"{rp.address(state=None)}&state={raw}"))


@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_every_answer_names_the_issuer_a15(rp: App, browser: Browser, response_mode: str) -> None:
    """RFC 9207: successes and errors, in both modes; ``code`` and ``error`` compare it."""
    assert rp.server.metadata["authorization_response_iss_parameter_supported"] is True
    rp.code(rp.open(browser, response_mode=response_mode))
    wrong: list[dict[str, Any]] = [{"prompt": "x"}, {"scope": "x"}, {"response_type": "token"}, {"claims": "x"}]
    for parameters in wrong:
        rp.error(rp.open(browser, response_mode=response_mode, **parameters))
    rp.error(rp.open(Browser(rp.server.app), response_mode=response_mode, prompt="none"))
    visit = rp.open(Browser(rp.server.app), response_mode=response_mode)
    denied = browser.press(rp.open(browser, response_mode=response_mode, prompt="consent"), "deny")
    assert rp.error(denied) == "access_denied"
    assert visit.path.startswith("/sign-in")


def test_a_claims_parameter_that_cannot_be_kept_is_refused_w02_w16(rp: App, browser: Browser) -> None:
    """W02, W16: JSON that is none, that no database keeps, that is too deep or too much."""
    deep, many = '{"a":' * 60 + "1" + "}" * 60, ",".join(f'"c{number}":null' for number in range(101))
    for told in (
        "Infinity",
        "-Infinity",
        "NaN",
        "1e400",
        "1" + "0" * 400,
        r'"\ud800"',
        r'"\u0000"',
        r'"x\\\u0000"',
        deep,
    ):
        assert_no_code(rp, browser, "invalid_request", claims=f'{{"userinfo":{{"name":{{"value":{told}}}}}}}')
        assert_no_code(
            rp, browser, "invalid_request", claims=f'{{"id_token":{{"sub":{{"x":{told}}}}}}}', prompt="login"
        )
    for claims in (
        "x", "[]", "null", "1", '"x"', "{", "{}x", r'{"userinfo":{"\u0000":null}}', r'{"userinfo":{"\ud800":null}}',
        '{"userinfo":[]}', '{"userinfo":{"name":1}}', '{"userinfo":{"name":{"essential":1}}}',
        f'{{"userinfo":{{{many}}}}}', '{"userinfo":{"name":{"values":1}}}', deep, "[" * 3000,
        '{"userinfo":{"name":{"value":' + "[" * 900,
    ):  # fmt: skip
        assert_no_code(rp, browser, "invalid_request", claims=claims)


def test_a_subject_that_is_no_text_is_nobody_a21(rp: App, browser: Browser) -> None:
    for value in ("1", "[1]", "{}", '{"a":1}', "true", '""', "[[]]"):
        for claims in (
            f'{{"id_token":{{"sub":{{"value":{value}}}}}}}',
            f'{{"id_token":{{"sub":{{"values":[{value}]}}}}}}',
        ):
            assert refused(rp, rp.open(browser, claims=claims, prompt="none")) == "login_required", claims
            assert rp.open(browser, claims=claims).path.startswith("/sign-in")


def test_no_other_origin_may_read_the_answer_a22(server: Server) -> None:
    """RFC 9700 §2.6: also not that of a registered browser app, which has CORS at the token endpoint."""
    rp = make_app(server, "public")
    browser = signed_in(rp, server.user())
    for origin in ("https://app.example.com", "https://evil.example", "null"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        for visit in (
            browser.open(rp.address(), headers=headers), browser.post(AUTHORIZE, rp.request(), headers=headers),
            rp.open(browser, redirect_uri="https://evil.example/"),
        ):  # fmt: skip
            assert not [name for name, _ in visit.response.headers if name.lower().startswith("access-control-")]
        preflight = browser.http.options(AUTHORIZE, headers=headers)
        assert not [name for name, _ in preflight.headers if name.lower().startswith("access-control-")]


def test_a_resource_of_another_api_is_refused_a25(rp: App, browser: Browser) -> None:
    for resource in (
        ELSEWHERE, ORDERS[:-1], f"{ORDERS}x", "https://orders.example.com:443/", "orders", "/", f"{ORDERS}#x", "*",
        "https://login.example.com", "https://",
    ):  # fmt: skip
        assert_no_code(rp, browser, "invalid_target", resource=resource)
    pairs = [*rp.request().items(), ("resource", ORDERS), ("resource", ELSEWHERE)]
    assert refused(rp, browser.open(asking(pairs))) == "invalid_target"


def test_a_token_is_for_the_resource_that_was_granted_a25(rp: App, browser: Browser) -> None:
    """RFC 8707 §2.2: the exchange may ask for less; for more it is refused, and the code stays."""
    code = rp.code(rp.open(browser, resource=ORDERS))
    for resource in (ELSEWHERE, "orders", ""):
        assert error(rp.redeem(code, resource=resource)) == (400, "invalid_target"), resource
    tokens = body_of(rp.redeem(code, resource=ORDERS))
    assert rp.server.verify(tokens["access_token"], audience=ORDERS)["aud"] == ORDERS
    plain = rp.code(rp.open(browser))
    assert error(rp.redeem(plain, resource=ORDERS)) == (400, "invalid_target")
    assert rp.server.verify(rp.tokens(rp.open(browser))["access_token"])["aud"] == rp.server.metadata["issuer"]
