"""``/api-keys``: an admin makes, lists, rotates and revokes keys; nobody else learns that there are any."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from oidc_server.core import clock
from tests.clients.api_key_makers import KeyedServer
from tests.relying_party import body_of

NEW = {"name": "Orders", "scope": "users:read"}


class Admin:
    """Somebody who calls the JSON API with an access token."""

    def __init__(self, keyed: KeyedServer, **facts: Any) -> None:
        self.http = keyed.server.http
        self.user = keyed.server.user(**facts)
        tokens = keyed.server.sign_in(keyed.server.first_party(), self.user)
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    def ask(self, method: str, path: str = "/api-keys", body: Any = None) -> TestResponse:
        """Call an address."""
        sent = {} if body is None else {"json": body}
        return self.http.open(path, method=method, headers=self.headers, **sent)

    def made(self, **facts: Any) -> dict[str, Any]:
        """Make a key; the answer."""
        answer = self.ask("POST", body=NEW | facts)
        assert answer.status_code == 201, answer.json
        return body_of(answer)


@pytest.fixture
def admin(keyed: KeyedServer) -> Admin:
    """An administrator who has just signed in."""
    return Admin(keyed, superuser=True)


def test_a_key_is_shown_when_it_is_made_and_never_again(keyed: KeyedServer, admin: Admin) -> None:
    made = admin.made(networks=["198.51.100.0/24"])
    assert keyed.status(made["key"]) == 200
    shown = body_of(admin.ask("GET", f"/api-keys/{made['id']}"))
    assert made.keys() - shown.keys() == {"key"}
    assert (shown["prefix"], shown["status"], shown["networks"]) == (made["key"][:13], "active", ["198.51.100.0/24"])
    assert shown["last_used_at"] is not None
    secret = made["key"][14:]
    assert secret not in admin.ask("GET").get_data(as_text=True)
    [event] = keyed.server.audit("api_key.created", made["id"])
    assert (event.actor_kind, event.actor_id) == ("user", str(admin.user.id))


def test_a_rotated_key_has_two_secrets_and_a_revoked_one_none(keyed: KeyedServer, admin: Admin) -> None:
    made = admin.made()
    path = f"/api-keys/{made['id']}"
    rotated = admin.ask("POST", f"{path}/rotate", {"overlap": 3600})
    assert rotated.status_code == 200
    second = body_of(rotated)["key"]
    assert body_of(rotated)["previous_expires_at"] is not None
    assert [keyed.status(secret) for secret in (made["key"], second)] == [200, 200]
    assert [admin.ask("DELETE", path).status_code for _ in range(2)] == [204, 204]
    clock.travel(timedelta(seconds=3.01))
    assert [keyed.status(secret) for secret in (made["key"], second)] == [401, 401]
    assert body_of(admin.ask("GET", path))["status"] == "revoked"
    ended = admin.ask("POST", f"{path}/rotate")
    assert (ended.status_code, body_of(ended)["code"]) == (409, "api_key_ended")


def test_the_list_comes_by_pages_and_each_key_once(admin: Admin) -> None:
    made = [admin.made(name=f"Service {number}")["id"] for number in range(3)]
    first = admin.ask("GET", "/api-keys?limit=2")
    assert [one["id"] for one in body_of(first)["items"]] == made[:2]
    cursor = body_of(first)["next"]
    assert first.headers["Link"].endswith(f'/api-keys?limit=2&cursor={cursor}>; rel="next"')
    last = admin.ask("GET", f"/api-keys?limit=2&cursor={cursor}")
    assert ([one["id"] for one in body_of(last)["items"]], body_of(last)["next"]) == (made[2:], None)
    assert "Link" not in last.headers


def test_what_is_wrong_with_a_key_is_named_and_nothing_is_made(admin: Admin) -> None:
    cases: list[tuple[Any, set[str]]] = [
        ({}, {"name", "scope"}),
        ({"name": 1, "scope": ["users:read"]}, {"name", "scope"}),
        (NEW | {"scope": 'a"b'}, {"scope"}),
        (NEW | {"networks": ["10.0.0.1/8"]}, {"networks"}),
        (NEW | {"networks": "10.0.0.0/8"}, {"networks"}),
        (NEW | {"expires_at": "2001-01-01T00:00:00Z"}, {"expires_at"}),
        (NEW | {"expires_at": "9999-12-31T23:59:59-23:59"}, {"expires_at"}),
        (NEW | {"expires_at": "2030-01-01T00:00:00"}, {"expires_at"}),
        (NEW | {"digest": "x", "prefix": "oidc_AAAAAAAA", "id": "x"}, {"digest", "prefix", "id"}),
    ]
    for body, wrong in cases:
        answer = admin.ask("POST", body=body)
        assert (answer.status_code, body_of(answer)["code"]) == (422, "validation_failed"), body
        assert set(body_of(answer)["errors"]) == wrong
    assert body_of(admin.ask("GET"))["items"] == []


def test_what_is_wrong_with_a_rotation_is_named_and_the_secret_stays(keyed: KeyedServer, admin: Admin) -> None:
    made = admin.made()
    for overlap in (-1, 1.5, "60", True, None, 90 * 86400 + 1, 1e300):
        answer = admin.ask("POST", f"/api-keys/{made['id']}/rotate", {"overlap": overlap})
        assert (answer.status_code, list(body_of(answer)["errors"])) == (422, ["overlap"]), overlap
    assert keyed.stored_by_id(made["id"]).previous_digest is None


def test_keys_that_do_not_exist_are_not_found(admin: Admin) -> None:
    for path in (f"/api-keys/{uuid.uuid4()}", "/api-keys/x"):
        assert [admin.ask("GET", path).status_code, admin.ask("DELETE", path).status_code] == [404, 404]
        assert admin.ask("POST", f"{path}/rotate", {}).status_code == 404


def test_only_who_may_administer_keys_gets_at_them(keyed: KeyedServer, admin: Admin) -> None:
    made, somebody = admin.made(), Admin(keyed)
    calls = [("GET", "/api-keys"), ("POST", "/api-keys"), ("GET", f"/api-keys/{made['id']}")]
    calls += [("DELETE", f"/api-keys/{made['id']}"), ("POST", f"/api-keys/{made['id']}/rotate")]
    for method, path in calls:
        body = NEW if method == "POST" else None
        refused = somebody.ask(method, path, body)
        assert (refused.status_code, body_of(refused)["code"]) == (403, "forbidden")
        with_a_key = keyed.server.http.open(path, method=method, headers={"X-API-Key": made["key"]}, json=body)
        assert with_a_key.status_code == 401
    assert keyed.status(made["key"]) == 200


def test_new_secrets_are_for_somebody_who_signed_in_lately_and_an_end_is_not(admin: Admin) -> None:
    made = admin.made()
    clock.travel(timedelta(minutes=11))
    for path, body in (("/api-keys", NEW), (f"/api-keys/{made['id']}/rotate", {})):
        refused = admin.ask("POST", path, body)
        assert (refused.status_code, body_of(refused)["code"]) == (401, "insufficient_user_authentication")
        assert 'max_age="600"' in refused.headers["WWW-Authenticate"]
    assert admin.ask("GET").status_code == 200
    assert admin.ask("DELETE", f"/api-keys/{made['id']}").status_code == 204


def test_the_same_is_below_the_versioned_path(keyed: KeyedServer, admin: Admin) -> None:
    made = body_of(admin.ask("POST", "/api/v1/api-keys", NEW))
    assert keyed.status(made["key"]) == 200
    assert body_of(admin.ask("GET", f"/api/v1/api-keys/{made['id']}")) == body_of(
        admin.ask("GET", f"/api-keys/{made['id']}")
    )
