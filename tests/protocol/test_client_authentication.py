"""Client authentication by a secret: one method a request, one meaning a header, one answer whatever was wrong."""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from werkzeug.test import TestResponse

from oidc_server.audit.service import SYSTEM
from oidc_server.clients.service import find_client, rotate_secret
from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason
from oidc_server.core.limit_rules import CLIENT_FAILURES
from oidc_server.core.settings import Settings
from tests.log_lines import reason_logged
from tests.relying_party import Server, TestClient, body_of, error

REFUSED = (401, "invalid_client")
AMBIGUOUS = (400, "invalid_request")


def basic(client_id: str, secret: str | None) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask(server: Server, headers: dict[str, str] | None = None, /, **form: str | None) -> TestResponse:
    """Ask for a token with exactly these credentials."""
    data = {"grant_type": "client_credentials"} | {name: value for name, value in form.items() if value is not None}
    return server.http.post("/oauth/token", data=data, headers=headers or {})


def attempt(server: Server, client: TestClient, method: str, secret: str | None = None) -> TestResponse:
    """Present a client by one method, with its own secret unless another is given."""
    secret = client.client_secret if secret is None else secret
    if method == "client_secret_basic":
        return ask(server, basic(client.client_id, secret))
    if method == "client_secret_post":
        return ask(server, client_id=client.client_id, client_secret=secret)
    return ask(server, client_id=client.client_id)


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("presented", ["client_secret_basic", "client_secret_post", "none"])
def test_only_the_registered_method_proves_a_client_d02(server: Server, registered: str, presented: str) -> None:
    response = attempt(server, server.client(token_endpoint_auth_method=registered), presented)
    if presented == registered:
        assert response.status_code == 200
    else:
        assert error(response) == REFUSED


def test_a_public_client_has_no_secret_to_present_d02(server: Server) -> None:
    public = server.client("public", redirect_uris=("https://app.example.com/cb",))
    assert error(ask(server, basic(public.client_id, ""))) == REFUSED
    assert error(ask(server, client_id=public.client_id, client_secret="")) == REFUSED
    assert error(ask(server, basic(public.client_id, "None"))) == REFUSED


def test_two_methods_at_once_are_refused_even_when_one_is_right_d01(server: Server) -> None:
    client = server.client()
    wrong = basic(client.client_id, "wrong")
    assert error(ask(server, client.basic, client_secret=client.client_secret)) == AMBIGUOUS
    assert error(ask(server, wrong, client_id=client.client_id, client_secret=client.client_secret)) == AMBIGUOUS
    assert error(ask(server, client.basic, client_id=client.client_id, client_secret="")) == AMBIGUOUS
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "e30.eyJzdWIiOiJhIn0.e30",
    }
    assert error(ask(server, client.basic, **assertion)) == AMBIGUOUS
    assert error(ask(server, client_id=client.client_id, client_secret=client.client_secret, **assertion)) == AMBIGUOUS
    assert error(ask(server, client.basic, client_assertion=assertion["client_assertion"])) == REFUSED
    assert error(ask(server, client.basic | {"Authorization": "Bearer x"}, client_secret="x")) == REFUSED


def test_the_header_and_the_form_must_name_one_client_d06(server: Server) -> None:
    client, other = server.client(), server.client()
    for named in (other.client_id, "", client.client_id.upper(), client.client_id + " "):
        assert error(ask(server, client.basic, client_id=named)) == AMBIGUOUS
    assert ask(server, client.basic, client_id=client.client_id).status_code == 200


ODD_SECRETS: list[Callable[[str], str]] = [
    str.swapcase,
    lambda secret: secret + " ",
    lambda secret: " " + secret,
    lambda secret: secret + "\0",
    lambda secret: secret + "\n",
    lambda secret: secret[:-1] + "é",
    lambda secret: "ｓ" + secret[1:],
    lambda secret: secret[:-1],
    lambda secret: secret + "=",
    lambda secret: secret * 250,
    lambda _: "",
    lambda _: "null",
    lambda _: "None",
    lambda _: "\ufeff",
    lambda secret: crypto.digest(secret).hex(),
]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_altered_secret_never_matches_and_never_crashes_d04(server: Server, method: str) -> None:
    client = server.client(token_endpoint_auth_method=method)
    assert client.client_secret is not None
    # In the form, characters that no secret can hold are refused before anybody looks at them.
    expected = {REFUSED} if method == "client_secret_basic" else {REFUSED, AMBIGUOUS}
    for alter in ODD_SECRETS:
        altered = alter(client.client_secret)
        assert error(attempt(server, client, method, altered)) in expected, ascii(altered[:80])


def basic_headers(client: TestClient) -> dict[str, str]:
    pair = f"{client.client_id}:{client.client_secret}"
    good = b64encode(pair.encode()).decode()
    return {
        "padding away": f"Basic {good.rstrip('=')}" if good.endswith("=") else f"Basic {good[:-1]}",
        "spaces inside": f"Basic {good[:8]} {good[8:]}",
        "two spaces": f"Basic  {good}",
        "a tab": f"Basic\t{good}",
        "trailing text": f"Basic {good} x",
        "a foreign character": f"Basic {good[:8]}*{good[8:]}",
        "url-safe alphabet": "Basic "
        + b64encode(b"\xff\xfe\xfd:" + pair.encode()).decode().translate({43: 45, 47: 95}),
        "no colon": "Basic " + b64encode(pair.replace(":", "").encode()).decode(),
        "no scheme": good,
        "another scheme": f"Bearer {good}",
        "two headers in one": f"Basic {good}, Basic {good}",
        "not UTF-8": "Basic /w==",
        "not base64": "Basic %",
        "nothing": "Basic ",
        "nothing at all": "",
        "a NUL": "Basic " + b64encode(f"{pair}\0".encode()).decode(),
        "an encoded NUL": "Basic " + b64encode(f"{pair}%00".encode()).decode(),
        "an encoded letter outside ASCII": "Basic " + b64encode(f"{pair}%C3%A9".encode()).decode(),
        "bad percent-encoding": "Basic " + b64encode(f"{pair}%zz".encode()).decode(),
        "ten kilobytes": "Basic " + b64encode(f"{pair}{'a' * 10_000}".encode()).decode(),
        "an empty client": "Basic " + b64encode(f":{client.client_secret}".encode()).decode(),
        "a colon first": "Basic " + b64encode(f":{pair}".encode()).decode(),
        "twice encoded": "Basic " + b64encode(good.encode()).decode(),
    }


def test_a_loose_basic_header_is_refused_d05(server: Server) -> None:
    client = server.client()
    for case, header in basic_headers(client).items():
        clock.travel(timedelta(seconds=CLIENT_FAILURES.seconds))
        response = ask(server, {"Authorization": header})
        assert error(response) == REFUSED, case
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")  # RFC 7617 §2


def test_two_authorization_headers_are_refused_d05_w06(server: Server) -> None:
    client = server.client()
    twice = [*client.basic.items(), *client.basic.items()]
    response = server.http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=twice)
    assert error(response) == REFUSED


def test_the_scheme_is_case_insensitive_and_each_half_is_form_encoded_d05(server: Server) -> None:
    client = server.client(client_id="orders-service~1")
    encoded = b64encode(f"%6Frders-service%7E1:{client.client_secret}".encode()).decode()  # RFC 6749 §2.3.1
    assert ask(server, {"Authorization": f"basic {encoded}"}).status_code == 200
    assert ask(server, {"Authorization": f"BASIC {encoded}"}).status_code == 200


def like_a_stranger_sees_it(response: TestResponse) -> tuple[int, dict[str, Any], dict[str, str]]:
    body = body_of(response)
    headers = {name: value for name, value in response.headers if name not in {"X-Request-Id", "Date"}}
    assert body.pop("error_id") == response.headers["X-Request-Id"]
    return response.status_code, body, headers


def test_unknown_disabled_and_wrong_look_the_same_d07_a16(server: Server) -> None:
    client, disabled = server.client(), server.client()
    expired = server.client(token_endpoint_auth_method="client_secret_post")
    server.disable(disabled)
    wrong = like_a_stranger_sees_it(attempt(server, client, "client_secret_basic", "wrong"))
    assert like_a_stranger_sees_it(ask(server, basic("00000000-no-such-client", "wrong"))) == wrong
    assert like_a_stranger_sees_it(attempt(server, disabled, "client_secret_basic")) == wrong
    assert like_a_stranger_sees_it(attempt(server, expired, "client_secret_basic")) == wrong
    assert like_a_stranger_sees_it(ask(server)) == wrong


def test_an_unknown_client_takes_as_long_as_a_wrong_secret_d07(server: Server) -> None:
    """D07: medians of interleaved samples. The bound is loose, because the machine does other things too."""
    client = server.client()
    durations: dict[str, list[float]] = {client.client_id: [], "11111111-1111-7111-8111-111111111111": []}
    for turn in range(60):
        for client_id, taken in durations.items():
            if turn % 15 == 0:
                clock.travel(timedelta(seconds=CLIENT_FAILURES.seconds))
            headers = basic(client_id, f"wrong {turn}")
            started = time.perf_counter()
            response = ask(server, headers)
            taken.append(time.perf_counter() - started)
            assert response.status_code == 401
    known, unknown = (median(taken) for taken in durations.values())
    assert abs(known - unknown) < max(0.005, 0.6 * max(known, unknown))


def test_guessing_is_limited_and_the_real_client_still_works_d08(server: Server) -> None:
    client = server.client()
    answers = [error(attempt(server, client, "client_secret_basic", f"guess {turn}")) for turn in range(25)]
    assert answers[: CLIENT_FAILURES.amount] == [REFUSED] * CLIENT_FAILURES.amount
    assert set(answers[CLIENT_FAILURES.amount :]) == {(429, "temporarily_unavailable")}
    refused = attempt(server, client, "client_secret_basic", "one more")
    assert 1 <= int(refused.headers["Retry-After"]) <= CLIENT_FAILURES.seconds
    assert attempt(server, client, "client_secret_basic").status_code == 200
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    assert error(ask(server, basic(client.client_id, "wrong") | elsewhere)) == REFUSED
    assert len(server.audit("client.authentication_throttled", client.client_id)) > 0
    clock.travel(timedelta(seconds=CLIENT_FAILURES.seconds + 1))
    assert error(attempt(server, client, "client_secret_basic", "wrong")) == REFUSED


def test_guessing_at_an_unknown_client_is_limited_alike_d07_d08(server: Server) -> None:
    for _ in range(CLIENT_FAILURES.amount):
        assert error(ask(server, basic("no-such-client", "wrong"))) == REFUSED
    assert error(ask(server, basic("no-such-client", "wrong"))) == (429, "temporarily_unavailable")
    assert server.audit("client.authentication_throttled", "no-such-client") == []


def rotate(server: Server, client: TestClient, overlap: timedelta) -> str:
    with server.app.app_context(), server.database.transaction() as session:
        row = find_client(session, client.client_id)
        assert row is not None
        return rotate_secret(session, row, actor=SYSTEM, overlap=overlap)


def test_a_rotated_secret_ends_after_the_overlap_d25(server: Server, settings: Settings) -> None:
    client = server.client()
    assert attempt(server, client, "client_secret_basic").status_code == 200
    new = rotate(server, client, timedelta(hours=1))
    clock.travel(timedelta(hours=1, seconds=-settings.client_cache_seconds))
    assert attempt(server, client, "client_secret_basic").status_code == 200
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert error(attempt(server, client, "client_secret_basic")) == REFUSED
    assert attempt(server, client, "client_secret_basic", new).status_code == 200


def test_without_an_overlap_the_old_secret_ends_within_the_cache_bound_d25(server: Server, settings: Settings) -> None:
    client = server.client()
    assert attempt(server, client, "client_secret_basic").status_code == 200
    new = rotate(server, client, timedelta(0))
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert error(attempt(server, client, "client_secret_basic")) == REFUSED
    assert attempt(server, client, "client_secret_basic", new).status_code == 200


def test_secrets_are_compared_as_digests_in_constant_time_w22(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = server.client()
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def spy(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return real(left, right)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    for secret in ("", "x", "x" * 500, client.client_secret):
        compared.clear()
        attempt(server, client, "client_secret_basic", secret)
        assert compared
        assert all(len(left) == len(right) == 32 for left, right in compared)


@pytest.mark.parametrize(
    ("presented", "reason"),
    [
        ("wrong", Reason.CLIENT_SECRET_WRONG),
        ("unknown", Reason.CLIENT_UNKNOWN),
        ("disabled", Reason.CLIENT_DISABLED),
        ("other method", Reason.CLIENT_METHOD_NOT_REGISTERED),
        ("nothing", Reason.CLIENT_AUTHENTICATION_MISSING),
        ("both", Reason.CLIENT_AUTHENTICATION_AMBIGUOUS),
    ],
)
def test_the_reason_is_logged_with_the_error_id_and_never_sent(
    server: Server, capfd: pytest.CaptureFixture[str], presented: str, reason: Reason
) -> None:
    client = server.client()
    if presented == "disabled":
        server.disable(client)
    capfd.readouterr()
    response = {
        "wrong": lambda: ask(server, basic(client.client_id, "wrong")),
        "unknown": lambda: ask(server, basic("no-such-client", "wrong")),
        "disabled": lambda: ask(server, client.basic),
        "other method": lambda: attempt(server, client, "client_secret_post"),
        "nothing": lambda: ask(server),
        "both": lambda: ask(server, client.basic, client_secret="x"),
    }[presented]()
    assert reason_logged(capfd, response) == reason
