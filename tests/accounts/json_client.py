"""An app of ours, as tests play it: it speaks JSON, and shows the token of the person who signed in."""

from __future__ import annotations

from typing import Any, Self

from werkzeug.test import TestResponse

from tests.relying_party import Server, TestUser, body_of


class JsonClient:
    """Calls the JSON API of ``server`` at an address that the trusted proxy reports; ``tokens`` are those of the last
    sign-in."""

    def __init__(self, server: Server, address: str = "192.0.2.1") -> None:
        self.server = server
        self.http = server.app.test_client()
        self.http.environ_base["HTTP_X_FORWARDED_FOR"] = address
        self.tokens: dict[str, Any] = {}

    def login(self, user: TestUser, **more: Any) -> Self:
        """Sign the person in."""
        response = self.post("/auth/login", email=user.email, password=user.password, **more)
        assert response.status_code == 200, response.json
        self.tokens = body_of(response)
        return self

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET, with a query."""
        return self.http.get(path, query_string=query, headers=self.headers)

    def post(self, path: str, **body: Any) -> TestResponse:
        """POST a JSON object."""
        return self.http.post(path, json=body, headers=self.headers)

    def put(self, path: str, **body: Any) -> TestResponse:
        """PUT a JSON object."""
        return self.http.put(path, json=body, headers=self.headers)

    def patch(self, path: str, **body: Any) -> TestResponse:
        """PATCH by a JSON object."""
        return self.http.patch(path, json=body, headers=self.headers)

    def delete(self, path: str, **body: Any) -> TestResponse:
        """DELETE, with a JSON object when there is something in it."""
        return self.http.delete(path, json=body or None, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """Whose request it is."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}


def problem(response: TestResponse) -> tuple[int, str]:
    """The status and the code of a refusal, which must be well-formed problem details (RFC 9457)."""
    body = body_of(response)
    assert response.content_type == "application/problem+json", response.content_type
    assert body["status"] == response.status_code
    assert body["error_id"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, body["code"]


def errors(response: TestResponse) -> set[str]:
    """The members of the request that a refusal names."""
    found: dict[str, Any] = body_of(response).get("errors", {})
    return set(found)
