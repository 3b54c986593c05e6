"""An authorization code gives its tokens once, to the client and the request that it was made for (RFC 6749 §4.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings
from oidc_server.operation.readiness import EXTENSION as READINESS
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.log_lines import reason_logged
from tests.protocol.authorizing import fresh_code, signed_in
from tests.relying_party import Server, TestUser, body_of, error

REFUSED = (400, "invalid_grant")
SECOND = timedelta(seconds=1)


def other_app(rp: App, client_type: str = "confidential") -> App:
    """Another client of the same owner, with the same redirect URI, which knows the verifier of the first."""
    other = make_app(rp.server, client_type)
    other.verifier = rp.verifier
    return other


def assert_alive(rp: App, tokens: dict[str, Any]) -> None:
    assert rp.server.introspect(rp.client, tokens["access_token"])["active"]
    assert rp.server.introspect(rp.client, tokens["refresh_token"])["active"]
    assert rp.userinfo(tokens["access_token"]).status_code == 200


def assert_dead(rp: App, tokens: dict[str, Any]) -> None:
    """At introspection, at userinfo, and at the token endpoint."""
    for name in ("access_token", "refresh_token"):
        assert rp.server.introspect(rp.client, tokens[name]) == {"active": False}
    answer = rp.userinfo(tokens["access_token"])
    assert (answer.status_code, body_of(answer)["error"]) == (401, "invalid_token")
    assert error(rp.server.refresh(rp.client, tokens["refresh_token"])) == REFUSED


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
@pytest.mark.parametrize("later", [0, 30, 120, 3600], ids="{} s later".format)
def test_a_replayed_code_ends_everything_that_it_gave_b01(
    rp: App, user: TestUser, scope: str, later: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """B01: also when the code has expired since, and whatever was refreshed meanwhile."""
    browser = signed_in(rp, user, scope=scope)
    other = rp.tokens(rp.open(browser, scope=scope))
    code = rp.code(rp.open(browser, scope=scope))
    tokens = body_of(rp.redeem(code))
    renewed = body_of(rp.server.refresh(rp.client, tokens["refresh_token"]))
    assert_alive(rp, renewed)
    clock.travel(later * SECOND)
    capfd.readouterr()
    replay = rp.redeem(code)
    assert error(replay) == REFUSED
    assert reason_logged(capfd, replay) == Reason.CODE_REPLAYED
    assert_dead(rp, tokens)
    assert_dead(rp, renewed)
    assert rp.server.introspect(rp.client, other["refresh_token"])["active"]  # another grant is another matter
    assert error(rp.redeem(code)) == REFUSED


def test_a_replay_is_recorded_and_the_person_can_sign_in_again_b01(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user)
    grant = rp.server.verify(body_of(rp.redeem(code))["access_token"])["authorization_id"]
    for _ in range(3):
        assert error(rp.redeem(code)) == REFUSED
    assert len(rp.server.audit("code.replayed", grant)) == 3
    (revoked,) = rp.server.audit("authorization.revoked", grant)
    assert revoked.detail == {"reason": Reason.CODE_REPLAYED}
    rp.tokens(rp.log_in(Browser(rp.server.app), user))


def test_only_what_would_have_been_good_is_a_replay_b01(rp: App, user: TestUser) -> None:
    """OWASP ASVS 10.4.2: a used code that somebody finds in a history ends nobody's grant."""
    code = fresh_code(rp, user)
    tokens = body_of(rp.redeem(code))
    for wrong in ({"code_verifier": "x" * 43}, {"code_verifier": None}, {"redirect_uri": "https://app.example.com/x"}):
        assert error(rp.redeem(code, **wrong)) == REFUSED
    for client_type in ("confidential", "public"):
        assert error(other_app(rp, client_type).redeem(code)) == REFUSED
    assert_alive(rp, tokens)


@pytest.mark.parametrize("client_type", ["confidential", "public"])
def test_another_client_can_neither_use_nor_burn_a_code_b03(rp: App, user: TestUser, client_type: str) -> None:
    code = fresh_code(rp, user)
    for _ in range(3):
        assert error(other_app(rp, client_type).redeem(code)) == REFUSED
    assert_alive(rp, body_of(rp.redeem(code)))


def test_the_code_of_a_public_client_is_no_confidential_one_s_b03(server: Server, user: TestUser) -> None:
    public = make_app(server, "public")
    code = fresh_code(public, user)
    assert error(other_app(public).redeem(code)) == REFUSED
    assert public.redeem(code).status_code == 200


def test_a_code_needs_its_client_s_proof_b03(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri,
        "code_verifier": rp.verifier,
    }  # fmt: skip
    post = rp.server.http.post
    assert error(post("/oauth/token", data=form)) == (401, "invalid_client")
    assert error(post("/oauth/token", data=form | {"client_id": rp.client.client_id})) == (401, "invalid_client")
    wrong = form | {"client_id": rp.client.client_id, "client_secret": "wrong"}
    assert error(post("/oauth/token", data=wrong)) == (401, "invalid_client")
    assert rp.redeem(code).status_code == 200


def test_an_expired_code_is_refused_to_its_own_client_b03_b05(
    rp: App, user: TestUser, capfd: pytest.CaptureFixture[str]
) -> None:
    code = fresh_code(rp, user)
    clock.travel(61 * SECOND)
    capfd.readouterr()
    answer = rp.redeem(code)
    assert error(answer) == REFUSED
    assert reason_logged(capfd, answer) == Reason.CODE_EXPIRED


def test_a_code_is_good_for_sixty_seconds_b05(rp: App, user: TestUser) -> None:
    code = fresh_code(rp, user)
    clock.travel(55 * SECOND)
    assert rp.redeem(code).status_code == 200


def test_a_host_whose_clock_is_off_is_not_ready_b05(
    make_server: Callable[..., Server], settings: Settings, database_kind: str, tmp_path: Path
) -> None:
    """B05: within the bound codes live so much longer or shorter; beyond it a host says so and gets no requests."""
    clock.travel(timedelta(hours=-1))  # its key is old enough to sign whatever the clock says
    server = make_server(key_directory=tmp_path / "keys")
    readiness, bound = server.app.extensions[READINESS], settings.clock_skew_bound
    for skew in (bound - 1, 1 - bound, bound + 1, -bound - 1):
        clock.reset()
        clock.travel(skew * SECOND)
        off = abs(skew) > bound and database_kind == "postgresql"  # SQLite has no clock but that of its one host
        assert server.http.get("/health/ready").status_code == (503 if off else 200), skew
        assert [problem.name for problem in readiness.problems()] == (["clock"] if off else [])


def test_the_redirect_uri_must_be_the_one_of_the_request_b04(server: Server, user: TestUser) -> None:
    """Also another one that is registered, and none at all."""
    other = "https://app.example.com/other"
    rp = make_app(server, redirect_uris=("https://app.example.com/callback", other))
    code = fresh_code(rp, user)
    for redirect_uri in (
        other, None, "", " ", f"{rp.redirect_uri}/", f"{rp.redirect_uri}?", rp.redirect_uri.upper(), "https://evil.example/",
    ):  # fmt: skip
        assert error(rp.redeem(code, redirect_uri=redirect_uri)) == REFUSED, redirect_uri
    assert rp.redeem(code).status_code == 200


Mangled = Callable[[str], str]


@pytest.mark.parametrize(
    "mangle",
    [
        lambda code: code[:-1], lambda code: f"{code}x", lambda code: code.swapcase(), lambda code: f" {code}",
        lambda code: f"{code}=", lambda code: code[::-1], lambda code: f"{code}.", lambda _: "x" * 43, lambda _: "*",
        lambda _: "%", lambda _: "' OR 1=1 --", lambda _: "x" * 4096,
    ],
)  # fmt: skip
def test_what_is_not_the_code_is_no_code_b03(rp: App, user: TestUser, mangle: Mangled) -> None:
    code = fresh_code(rp, user)
    assert error(rp.redeem(mangle(code))) == REFUSED
    assert rp.redeem(code).status_code == 200


def test_more_scope_at_the_exchange_is_ignored_b21(rp: App, user: TestUser) -> None:
    for scope in ("openid email", "openid email orders:read offline_access", "admin", "", "openid"):
        code = fresh_code(rp, user, scope="openid email")
        tokens = body_of(rp.redeem(code, scope=scope))
        assert tokens["scope"] == "openid email"
        assert rp.server.verify(tokens["access_token"])["scope"] == "openid email"
        renewed = body_of(rp.server.refresh(rp.client, tokens["refresh_token"]))
        assert renewed["scope"] == "openid email"


def test_an_exchange_says_everything_once_in_a_form_in_the_body_b15_b16_b17_b18(
    rp: App, user: TestUser, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever is not like that is refused, and leaves the code as it was and no trace of it in the log."""
    code = fresh_code(rp, user)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": rp.redirect_uri,
        "code_verifier": rp.verifier,
    }
    http, headers, malformed = rp.server.http, rp.client.basic, (400, "invalid_request")
    capfd.readouterr()
    for name, value in form.items():
        rest = {key: form[key] for key in form if key != name}
        for body in (form, rest):
            assert error(http.post("/oauth/token", query_string={name: value}, data=body, headers=headers)) == malformed
        for second in (value, "x"):
            assert error(http.post("/oauth/token", data=form | {name: [value, second]}, headers=headers)) == malformed
        if name in {"grant_type", "code"}:
            assert error(http.post("/oauth/token", data=rest, headers=headers)) == malformed
    assert error(http.post("/oauth/token", json=form, headers=headers)) == malformed
    multipart = {"data": form, "content_type": "multipart/form-data"}
    assert error(http.post("/oauth/token", headers=headers, **multipart)) == malformed
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        asked = http.open("/oauth/token", method=method, query_string=form, headers=headers)
        assert asked.status_code == 405
    assert http.options("/oauth/token", query_string=form, headers=headers).get_data() == b""
    assert code not in capfd.readouterr().err
    assert rp.redeem(code).status_code == 200
