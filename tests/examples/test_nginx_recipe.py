"""The nginx recipe lets a request through only when the introspection endpoint (RFC 7662) vouches for its token."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.gateway import Backend, client_credentials
from tests.examples.recipes import RECIPES
from tests.examples.tokens import AUDIENCE, SCOPE

ISSUER = "https://issuer.example"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def introspection(**changes: Any) -> dict[str, Any]:
    good = {
        "active": True,
        "iss": ISSUER,
        "sub": "0192f7c4-5b1e-7c1d-9a52-4b7d2c6a1f00",
        "aud": [AUDIENCE],
        "client_id": "web",
        "scope": f"openid {SCOPE}",
        "token_type": "Bearer",
        "exp": int(time.time()) + 900,
    }
    return {**good, **changes}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running


@pytest.fixture
def gateway(backend: Backend, tmp_path: Path) -> Iterator[Callable[..., httpx.Response]]:
    """A running nginx; called with a token (or None) it asks for /orders."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "STATE_DIR": str(tmp_path),
        "RECIPE_DIR": str(RECIPES / "nginx"),
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "SCOPE": SCOPE,
        "API": backend.url,
        "INTROSPECTION_ENDPOINT": backend.url + "/oauth/introspect",
        "CLIENT_CREDENTIALS": client_credentials(),
        "CACHE_SECONDS": "2",
    }
    config = (RECIPES / "nginx" / "nginx.conf.template").read_text(encoding="utf-8")
    for name, value in settings.items():
        config = config.replace(f"${{{name}}}", value)
    assert "${" not in config.replace("${CAPITALS}", "")
    path = tmp_path / "nginx.conf"
    path.write_text(config, encoding="utf-8")
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        # Started as root, nginx would hand its work to a user who may not enter the temporary folder.
        directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        process = subprocess.Popen([NGINX, "-c", str(path), "-g", directives], stderr=log)
        try:
            wait_for(port, process, tmp_path / "log")
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

                def ask(token: str | None, **headers: str) -> httpx.Response:
                    authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
                    return client.get("/orders", headers={**authorization, **headers})

                yield ask
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            complaint = log.read_text(encoding="utf-8")
            if "ngx_http_js_module" in complaint:
                pytest.skip(f"nginx lacks its JavaScript module: {complaint.strip()[:200]}")
            pytest.fail(f"nginx did not start: {complaint}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("nginx did not listen in time")


def test_a_good_token_is_let_through_with_its_subject_and_without_itself(
    backend: Backend, gateway: Callable[..., httpx.Response]
) -> None:
    backend.known["good"] = introspection()
    response = gateway("good", **{"X-Token-Subject": "admin", "X-Token-Client": "forged"})
    assert response.status_code == 200
    assert (response.json()["x-token-subject"], response.json()["x-token-client"]) == (introspection()["sub"], "web")
    assert "authorization" not in response.json()


def test_the_api_is_not_reached_without_a_good_token(backend: Backend, gateway: Callable[..., httpx.Response]) -> None:
    backend.known = {
        "wrong-audience": introspection(aud="https://other.example"),
        "wrong-audiences": introspection(aud=["https://other.example", AUDIENCE + "/"]),
        "no-audience": introspection(aud=None),
        "wrong-issuer": introspection(iss=ISSUER + "/"),
        "refresh-token": introspection(token_type=None),
        "expired": introspection(exp=int(time.time()) - 1),
        "active-as-text": introspection(active="true"),
        "missing-scope": introspection(scope="openid"),
        "longer-scope": introspection(scope=f"{SCOPE}er"),
        "no-scope": introspection(scope=None),
        "unknown": {"active": False},
    }
    forbidden = {"missing-scope", "longer-scope", "no-scope"}
    given = {token: gateway(token) for token in backend.known}
    assert {token: response.status_code for token, response in given.items()} == {
        token: 403 if token in forbidden else 401 for token in backend.known
    }
    assert {token: response.headers.get_list("WWW-Authenticate") for token, response in given.items()} == {
        token: [
            f'Bearer error="insufficient_scope", scope="{SCOPE}"'
            if token in forbidden
            else 'Bearer error="invalid_token"'
        ]
        for token in backend.known
    }


@pytest.mark.parametrize("authorization", [None, "Basic Z29vZA==", "Bearer", "Bearer a&token=good", "Bearer good good"])
def test_what_is_no_bearer_token_is_refused_without_asking(
    backend: Backend, gateway: Callable[..., httpx.Response], authorization: str | None
) -> None:
    backend.known["good"] = introspection()
    response = gateway(None, **({"Authorization": authorization} if authorization else {}))
    assert (response.status_code, response.headers.get_list("WWW-Authenticate")) == (401, ["Bearer"])
    assert backend.introspected == []


def test_an_answer_is_believed_for_a_few_seconds_and_a_revocation_is_seen_after_them(
    backend: Backend, gateway: Callable[..., httpx.Response], tmp_path: Path
) -> None:
    backend.known["good-token"] = introspection()
    with ThreadPoolExecutor(4) as pool:
        assert {response.status_code for response in pool.map(gateway, ["good-token"] * 20)} == {200}
    assert backend.introspected == ["good-token"]
    backend.known.clear()
    # nginx has a clock of its own: ask until it has forgotten the answer.
    deadline = time.monotonic() + 10
    while gateway("good-token").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert gateway("good-token").status_code == 401
    assert backend.introspected == ["good-token", "good-token"]
    cached = [path for path in (tmp_path / "answers").rglob("*") if path.is_file()]
    assert cached
    assert not any(b"good-token" in path.read_bytes() for path in cached)


@pytest.mark.parametrize("status", [400, 401, 500, 503])
def test_nothing_is_let_through_when_the_endpoint_fails(
    backend: Backend, gateway: Callable[..., httpx.Response], status: int
) -> None:
    backend.known["good"] = introspection()
    backend.status = status
    assert (gateway("good").status_code, gateway("good").headers["Retry-After"]) == (503, "5")
    backend.status = 200
    assert gateway("good").status_code == 200, "a failure is not cached"


@pytest.mark.parametrize("answer", [None, [], "true", [{"active": True}]])
def test_an_answer_of_another_shape_lets_nothing_through(
    backend: Backend, gateway: Callable[..., httpx.Response], answer: Any
) -> None:
    backend.known["odd"] = answer
    assert gateway("odd").status_code in {401, 503}
