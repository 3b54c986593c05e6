"""A code is in the one answer that brings it and nowhere else: no log, audit, table or Referer (RFC 9700 §4.2)."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest

from oidc_server.core import crypto
from oidc_server.core.settings import Settings
from tests.app_login import App, make_app
from tests.browsing import Browser, Visit
from tests.protocol.authorizing import signed_in
from tests.protocol.test_secrets_at_rest import dump, files_of
from tests.relying_party import TestUser, error

PATHS = ("/sign-in", "/signed-out", "/oauth/authorize", "/oauth/userinfo", "/oauth/logout", "/oauth/token")


def assert_brought_once(visit: Visit, code: str) -> None:
    """The answer holds it in one place, nothing may keep the answer, and no browser tells others of it."""
    location = visit.response.headers.get("Location", "")
    assert (location + visit.response.text).count(code) == 1
    others = [value for name, value in visit.response.headers if name != "Location"]
    assert not [value for value in others if code in value]
    assert visit.response.headers["Cache-Control"] == "no-store"
    assert visit.response.headers["Referrer-Policy"] == "no-referrer"


def use_badly(rp: App, code: str, user: TestUser) -> None:
    """Send the code to where it does not belong, in every way that writes something down."""
    http, token = rp.server.http, "/oauth/token"
    for headers in (
        {"Referer": f"{rp.redirect_uri}?code={code}"}, {"User-Agent": f"x {code}"}, {"X-Request-Id": code + "!"},
        {"Cookie": f"session={code}"}, {"Authorization": f"Bearer {code}"}, {"Origin": f"https://{code}.example"},
        {"Authorization": "Basic " + b64encode(f"x:{code}".encode()).decode()},
    ):  # fmt: skip
        for path in (*PATHS, f"/{code}"):
            http.get(path, headers=headers)
            http.post(path, headers=headers, data={"code": code})
    http.get(token, query_string={"code": code})
    http.post(token, query_string={"code": code}, data={"grant_type": "authorization_code"}, headers=rp.client.basic)
    for name in ("scope", "prompt", "code", "id_token_hint", "claims", "max_age", "resource"):
        rp.open(Browser(rp.server.app), **{name: code})
    rp.open(Browser(rp.server.app), redirect_uri=f"{rp.redirect_uri}?code={code}&state=x")  # the page that it came to
    rp.redeem(code, code_verifier=code)
    rp.redeem(code, redirect_uri=code)
    rp.redeem(f"{code}x")
    make_app(rp.server).redeem(code)
    rp.server.introspect(rp.client, code)
    rp.server.revoke(rp.client, code)
    rp.server.refresh(rp.client, code)
    page = rp.open(Browser(rp.server.app))
    assert page.path.startswith("/sign-in")
    Browser(rp.server.app).post(page.path, {"login": user.email, "password": code, "csrf_token": code})


@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_a_code_is_written_down_nowhere_b22(
    rp: App, user: TestUser, settings: Settings, capfd: pytest.CaptureFixture[str], response_mode: str
) -> None:
    """B22: made, misused, used and replayed, it is in no log line, no row and no file of the database."""
    browser = signed_in(rp, user)
    capfd.readouterr()
    visit = rp.open(browser, response_mode=response_mode)
    code = rp.code(visit)
    assert_brought_once(visit, code)
    verifier = rp.verifier
    use_badly(rp, code, user)
    assert rp.redeem(code, code_verifier=verifier).status_code == 200
    assert error(rp.redeem(code, code_verifier=verifier)) == (400, "invalid_grant")
    logged = capfd.readouterr()
    assert logged.err.count('"event":"request"') > 90
    stored = dump(rp.server) + files_of(settings)
    assert crypto.digest(code) in stored  # the dump is one
    assert b"code.replayed" in stored
    for spelling in (code, b64encode(code.encode()).decode().rstrip("="), code.encode().hex()):
        assert spelling not in logged.err + logged.out
        assert spelling.encode() not in stored


def test_an_error_has_no_code_in_it_b22(rp: App, user: TestUser) -> None:
    """B22: nor does a code that was not used come back in any later answer."""
    browser = signed_in(rp, user)
    code = rp.code(rp.open(browser))
    for visit in (rp.open(browser, prompt="none login"), rp.open(browser, redirect_uri="https://evil.example/"),
                  rp.open(browser, prompt="login"), rp.open(browser, prompt="consent")):  # fmt: skip
        assert code not in visit.response.headers.get("Location", "") + visit.response.text
    for answer in (rp.redeem(code, redirect_uri="x"), rp.redeem(code), rp.redeem(code)):
        assert code not in answer.get_data(as_text=True) + str(answer.headers)


def test_two_codes_have_nothing_in_common_b22(rp: App, user: TestUser) -> None:
    """256 random bits each: nobody guesses the next one from those that were."""
    browser = signed_in(rp, user)
    codes = [rp.code(rp.open(browser)) for _ in range(40)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", code) for code in codes)
    assert all(len({code[place] for code in codes}) > 10 for place in range(42))
