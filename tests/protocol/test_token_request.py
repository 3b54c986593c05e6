"""The shape of a token request: one clean form in the body, and nothing that a parameter cannot hold."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from oidc_server.core.errors import Reason
from tests.log_lines import log_lines, reason_logged
from tests.relying_party import Server, TestClient, body_of, error

FORM = "application/x-www-form-urlencoded"
MALFORMED = (400, "invalid_request")
# RFC 6749 §5.2: what the value of `error` and `error_description` may hold.
ERROR_CHARACTERS = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
ENDPOINTS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")
SECRET = "a-secret-in-the-wrong-place"


@pytest.fixture
def client(server: Server) -> TestClient:
    return server.client()


def raw(
    server: Server, client: TestClient, body: bytes | str, path: str = "/oauth/token", **arguments: Any
) -> TestResponse:
    """POST these bytes as a form."""
    headers = client.basic | arguments.pop("headers", {})
    return server.http.post(
        path, data=body, content_type=arguments.pop("content_type", FORM), headers=headers, **arguments
    )


@pytest.mark.parametrize("path", ENDPOINTS)
def test_parameters_in_the_query_are_refused_and_not_logged_b15_c21_w20(
    server: Server, client: TestClient, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    capfd.readouterr()
    body = "grant_type=client_credentials&token=x"
    for query in (f"client_secret={SECRET}", f"token={SECRET}", SECRET, f"grant_type=client_credentials&a={SECRET}"):
        response = raw(server, client, body, f"{path}?{query}")
        assert error(response) == MALFORMED
        assert SECRET not in response.get_data(as_text=True)
    lines = log_lines(capfd)
    assert [line["reason"] for line in lines if line["event"] == "refused"] == [Reason.PARAMETER_IN_QUERY] * 4
    assert SECRET not in str(lines)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_repeated_parameter_is_refused_b16(
    server: Server, client: TestClient, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    for name in ("grant_type", "scope", "token", "client_id", "code", "refresh_token", "username", "unknown"):
        response = raw(server, client, f"grant_type=client_credentials&token=x&{name}=a&{name}=a", path)
        assert error(response) == MALFORMED, name
        assert reason_logged(capfd, response) == Reason.REPEATED_PARAMETER


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=iso-8859-1",
        f"{FORM}; charset=utf-7",
        f"{FORM}; charset=nonsense",
        "application/x-www-form-urlencoded-x",
        "x-www-form-urlencoded",
        ";",
        "",
    ],
)
def test_another_content_type_or_charset_is_refused_b17_w23(
    server: Server, client: TestClient, path: str, content_type: str
) -> None:
    for body in ("grant_type=client_credentials&token=x", '{"grant_type":"client_credentials","grant_type":"x"}', ""):
        assert error(raw(server, client, body, path, content_type=content_type)) == MALFORMED


def test_the_form_of_the_standard_is_read_in_utf_8_b17(server: Server, client: TestClient) -> None:
    for content_type in (FORM, f"{FORM}; charset=UTF-8", f'{FORM}; charset="utf-8"', FORM.upper(), f"{FORM}; x=y"):
        assert raw(server, client, "grant_type=client_credentials", content_type=content_type).status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
def test_only_post_asks_for_anything_b18_w14(server: Server, client: TestClient, path: str) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"):
        response = server.http.open(
            path, method=method, headers=client.basic, data={"grant_type": "client_credentials"}
        )
        assert response.status_code == 405
        assert "POST" in response.headers["Allow"]
        assert "access_token" not in response.get_data(as_text=True)
    options = server.http.options(path, headers=client.basic)
    assert options.status_code in {200, 204}
    assert options.get_data() == b""
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        overridden = server.http.get(path, headers=client.basic | {header: "POST"})
        assert overridden.status_code == 405


@pytest.mark.parametrize("path", ENDPOINTS)
def test_another_spelling_of_the_path_is_another_path(server: Server, client: TestClient, path: str) -> None:
    for spelling in (path + "/", path.replace("/oauth/", "/oauth//"), path.replace("/oauth", "/OAuth"), path + "%20",
                     path + ".json", path + ";x", "/api/.." + path):  # fmt: skip
        response = raw(server, client, "grant_type=client_credentials&token=x", spelling)
        assert response.status_code == 404, spelling
        assert "Location" not in response.headers


def test_text_that_a_parameter_cannot_hold_is_refused_w02_w10(server: Server, client: TestClient) -> None:
    """W02, W10: NUL, controls, surrogates, overlong and broken UTF-8, a byte order mark, direction marks, quotes."""
    cases = ("%00", "%0A", "%0D%0ASet-Cookie:%20a=b", "%1B[31m", "%7F", "%ED%A0%80", "%C0%AF", "%C0%80", "%FF",
             "%F5%80", "%EF%BB%BF", "%E2%80%AE", "%C3%A9", "%F0%9F%98%80", "\xff")  # fmt: skip
    for name in ("grant_type", "scope", "client_id", "resource", "refresh_token", "client_assertion", "unknown"):
        for case in cases:
            body = f"{name}=a{case}" if name == "grant_type" else f"grant_type=client_credentials&{name}=a{case}"
            response = raw(server, client, body.encode("latin-1"))
            assert response.status_code in {400, 401}, (name, case)
            assert_well_formed(response)
            body = f"grant_type=client_credentials&a{case}=a"
            assert error(raw(server, client, body.encode("latin-1"))) == MALFORMED, case


@pytest.mark.parametrize("name", ["username", "password"])
def test_a_person_s_text_is_refused_when_it_is_no_text_w02(server: Server, name: str) -> None:
    first_party = server.first_party()
    good = {"username": "a@example.com", "password": "x"}
    for case in ("%00", "a%00b", "%ED%A0%80", "%C0%AF", "%FF", "%1B[31m", "%7F", "%EF%BF%BD"):
        pairs = [f"{key}={case if key == name else quote(value)}" for key, value in good.items()]
        response = raw(server, first_party, "grant_type=password&" + "&".join(pairs))
        assert error(response) == MALFORMED, case


def assert_well_formed(response: TestResponse) -> None:
    body = body_of(response)
    for value in (body["error"], body["error_description"]):
        assert ERROR_CHARACTERS.fullmatch(value)


def test_what_was_sent_is_not_sent_back_w09_w10(server: Server, client: TestClient) -> None:
    marker = 'zqxjkv"\\<script>zqxjkv'
    for form in (
        {"grant_type": marker}, {"grant_type": "client_credentials", "scope": marker},
        {"grant_type": "client_credentials", "resource": marker}, {"grant_type": "client_credentials", marker: "a\0"},
        {"grant_type": "refresh_token", "refresh_token": marker}, {"grant_type": "password", "username": marker},
    ):  # fmt: skip
        response = server.http.post("/oauth/token", data=form, headers=client.basic)
        assert response.status_code == 400
        assert_well_formed(response)
        assert "zqxjkv" not in response.get_data(as_text=True) + str(response.headers)
    by_id = server.http.post("/oauth/token", data={"grant_type": "client_credentials", "client_id": marker})
    assert error(by_id) == (401, "invalid_client")
    assert "zqxjkv" not in by_id.get_data(as_text=True) + str(by_id.headers)


def test_sql_in_any_parameter_is_only_text_w01(server: Server, client: TestClient) -> None:
    for payload in ("' OR '1'='1", "'; DROP TABLE clients; --", '" OR ""="', "1) OR SLEEP(5)--", "'||pg_sleep(5)||'",
                    "%", "\\'; SELECT 1", "${1}", "{{7*7}}"):  # fmt: skip
        started = time.perf_counter()
        for form in (
            {"grant_type": payload}, {"grant_type": "client_credentials", "scope": payload},
            {"grant_type": "client_credentials", "client_id": payload, "client_secret": payload},
            {"grant_type": "refresh_token", "refresh_token": payload},
        ):  # fmt: skip
            headers = {} if "client_id" in form else client.basic
            assert server.http.post("/oauth/token", data=form, headers=headers).status_code in {400, 401}
        assert server.introspect(client, payload) == {"active": False}
        assert server.revoke(client, payload).status_code == 200
        assert time.perf_counter() - started < 2
    assert server.token(client).status_code == 200


def test_numbers_and_unknown_parameters_change_nothing_w03(server: Server, client: TestClient) -> None:
    usual = body_of(server.token(client))
    for value in ("2147483648", "9223372036854775808", "-1", "1e309", "NaN", "true", "", "null"):
        body = body_of(server.token(client, expires_in=value, limit=value, lifetime=value, exp=value))
        assert body["expires_in"] == usual["expires_in"]
        assert body["scope"] == usual["scope"]


def test_a_very_long_or_very_full_form_is_refused_quickly_w04_w16(server: Server, client: TestClient) -> None:
    prefix = "grant_type=client_credentials&"
    for body in (
        prefix + "scope=" + "a+" * 2500,
        prefix + "scope=" + "+".join(f"s{number}" for number in range(101)),
        prefix + "scope=orders:read++orders:write",
        prefix + "ui_locales=" + "de-DE+" * 5000,
        prefix + "claims=" + "[" * 20_000,
        prefix + "&".join(f"p{number}=1" for number in range(41)),
        prefix + "&".join(f"p{number}=1" for number in range(6000)),
        prefix + "a&" * 30000,
        "&" * 60000,
        prefix + "resource=" + "&resource=".join(f"https://{number}.example.com" for number in range(11)),
    ):
        started = time.perf_counter()
        response = raw(server, client, body)
        assert response.status_code == 400, body[:60]
        assert time.perf_counter() - started < 0.5
    started = time.perf_counter()
    assert error(raw(server, client, prefix + "scope=" + "a+" * 100_000)) == (413, "invalid_request")
    assert time.perf_counter() - started < 0.5


def test_a_scope_is_granted_as_it_was_registered_and_repeated_words_count_once_a18(server: Server) -> None:
    client = server.client(scope="orders:read orders:write")
    assert body_of(server.token(client, scope="orders:read orders:read"))["scope"] == "orders:read"
    assert body_of(server.token(client, scope=""))["scope"] == "orders:read orders:write"
    for scope in (
        "Orders:read",
        "orders",
        "orders:*",
        "*",
        "orders:read,orders:write",
        "openid",
        " orders:read",
        "orders:read ",
    ):
        assert error(server.token(client, scope=scope)) == (400, "invalid_scope"), scope


def test_the_reason_of_a_refused_request_is_in_the_log(
    server: Server, client: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    cases = [
        (server.token(client, scope="admin"), Reason.SCOPE_NOT_ALLOWED),
        (server.token(client, resource="https://other.example.com"), Reason.RESOURCE_UNKNOWN),
        (server.token(client, "urn:ietf:params:oauth:grant-type:device_code"), Reason.GRANT_UNKNOWN),
        (server.token(client, "password", username="a", password="b"), Reason.GRANT_NOT_ALLOWED),
        (server.post("token", client, scope="orders:read"), Reason.MALFORMED_REQUEST),
        (server.post("token", client, grant_type=""), Reason.MALFORMED_REQUEST),
    ]
    logged = {line["error_id"]: line["reason"] for line in log_lines(capfd) if line["event"] == "refused"}
    for response, reason in cases:
        assert logged[body_of(response)["error_id"]] == reason
        assert reason not in response.get_data(as_text=True)


def test_only_a_grant_for_a_person_gives_a_refresh_token_c20(server: Server) -> None:
    user = server.user()
    without = server.first_party(grant_types=("password", "client_credentials"))
    assert "refresh_token" not in server.sign_in(without, user)
    both = server.first_party(grant_types=("password", "refresh_token", "client_credentials"))
    assert "refresh_token" in server.sign_in(both, user)
    assert "refresh_token" not in body_of(server.token(both, scope="orders:read"))
