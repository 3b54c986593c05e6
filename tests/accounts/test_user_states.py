"""Suspending, activating, unlocking and signing out by admins: what ends, what stays, and who is protected."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from oidc_server.core import clock
from tests.accounts.json_client import JsonClient, errors, problem
from tests.app_login import App, make_app
from tests.browsing import Browser
from tests.relying_party import Server, TestUser, body_of

NOTE = "Sends advertisements"


@dataclass
class Everything:
    """All by which a person can be signed in: a browser, an app with its tokens and a code, and an app of ours."""

    server: Server
    user: TestUser
    app: App = field(init=False)
    own: JsonClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = make_app(self.server)
        self.browser = Browser(self.server.app)
        self.tokens = self.app.tokens(self.app.log_in(self.browser, self.user, scope="openid offline_access"))
        self.code = self.app.code(self.app.open(self.browser))
        self.own = JsonClient(self.server).login(self.user)

    def alive(self) -> dict[str, bool]:
        """What of it works now; each is tried."""
        refreshed = self.server.refresh(self.app.client, self.tokens["refresh_token"]).status_code == 200
        return {
            "browser": not self.app.open(self.browser).path.startswith("/sign-in"),
            "refresh token": refreshed,
            "code": self.app.redeem(self.code).status_code == 200,
            "access token": self.app.userinfo(self.tokens["access_token"]).status_code == 200,
            "access token of ours": self.own.get("/auth/me").status_code == 200,
            "refresh token of ours": JsonClient(self.server).post(
                "/auth/refresh", refresh_token=self.own.tokens["refresh_token"]
            ).status_code == 200,
            "password": JsonClient(self.server).post(
                "/auth/login", email=self.user.email, password=self.user.password
            ).status_code == 200,
        }  # fmt: skip


def test_everything_of_a_suspended_account_is_dead_at_once_f12(server: Server, admin: JsonClient) -> None:
    person = server.user()
    everything = Everything(server, person)
    suspended = body_of(admin.post(f"/users/{person.id}/suspend", reason=NOTE))
    assert (suspended["is_active"], suspended["suspension_reason"]) == (False, NOTE)
    assert suspended["suspended_at"] is not None
    assert set(everything.alive().values()) == {False}
    (event,) = server.audit("user.suspended", str(person.id))
    assert (event.actor_kind, event.detail) == ("user", {"until": None, "note": NOTE})
    active = body_of(admin.post(f"/users/{person.id}/activate", reason="Promised to stop"))
    assert (active["is_active"], active["suspension_reason"]) == (True, None)
    assert [name for name, works in everything.alive().items() if works] == ["password"]
    assert server.audit("user.activated", str(person.id))[0].detail == {"note": "Promised to stop"}


def test_signing_a_person_out_ends_everything_but_the_account_f13(server: Server, admin: JsonClient) -> None:
    person, other = server.user(), JsonClient(server).login(server.user())
    everything = Everything(server, person)
    ended = admin.post(f"/users/{person.id}/logout", reason="A lost phone")
    assert (ended.status_code, body_of(ended)) == (200, {"sessions": 2, "authorizations": 3})
    assert [name for name, works in everything.alive().items() if works] == ["password"]
    assert other.get("/auth/me").status_code == 200
    (event,) = server.audit("user.signed_out_everywhere", str(person.id))
    assert event.detail == {"sessions": 2, "note": "A lost phone"}


def test_a_lock_ends_by_itself_or_when_it_is_ended(server: Server, admin: JsonClient) -> None:
    person, own = server.user(), JsonClient(server)
    path, until = f"/users/{person.id}", clock.now() + timedelta(hours=1)

    def may_sign_in() -> bool:
        return own.post("/auth/login", email=person.email, password=person.password).status_code == 200

    locked = body_of(admin.post(f"{path}/suspend", reason=NOTE, until=until.isoformat()))
    assert (locked["is_active"], locked["locked_until"]) == (False, until.isoformat())
    assert not may_sign_in()
    assert body_of(admin.post(f"{path}/unlock", reason="x"))["locked_until"] is None
    assert may_sign_in()
    assert admin.post(f"{path}/unlock").status_code == 200
    assert len(server.audit("user.unlocked", str(person.id))) == 1
    assert admin.post(f"{path}/suspend", reason=NOTE, until=until.isoformat()).status_code == 200
    clock.travel(timedelta(minutes=61))
    assert may_sign_in()


def test_unlocking_leaves_a_suspension(server: Server, admin: JsonClient) -> None:
    path = f"/users/{server.user().id}"
    admin.post(f"{path}/suspend", reason=NOTE)
    admin.post(f"{path}/suspend", reason="And more", until="2200-01-01T00:00:00Z")
    unlocked = body_of(admin.post(f"{path}/unlock"))
    assert (unlocked["is_active"], unlocked["locked_until"]) == (False, None)
    assert unlocked["suspended_at"] is not None


def test_what_is_wrong_with_a_suspension_is_named_and_nothing_ends(server: Server, admin: JsonClient) -> None:
    person = server.user()
    own, path = JsonClient(server).login(person), f"/users/{person.id}/suspend"
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "reason"), ({"reason": ""}, "reason"), ({"reason": "x" * 501}, "reason"), ({"reason": "a\x00"}, "reason"),
        ({"reason": 1}, "reason"), ({"reason": "x", "until": "2001-01-01T00:00:00Z"}, "until"),
        ({"reason": "x", "until": 2**63}, "until"), ({"reason": "x", "until": True}, "until"),
        ({"reason": "x", "until": "2200-01-01"}, "until"), ({"reason": "x", "by": "me"}, "by"),
        ({"reason": "x", "until": "9999-12-31T23:59:59-23:59"}, "until"),
    ]  # fmt: skip
    for body, wrong in cases:
        refused = admin.post(path, **body)
        assert (*problem(refused), errors(refused)) == (422, "validation_failed", {wrong}), body
    assert own.get("/auth/me").status_code == 200
    assert server.audit("user.suspended", str(person.id)) == []


def test_an_admin_neither_suspends_nor_deletes_themselves(server: Server, admin: JsonClient) -> None:
    path = f"/users/{body_of(admin.get('/auth/me'))['id']}"
    assert problem(admin.post(f"{path}/suspend", reason="x")) == (409, "own_account")
    assert problem(admin.delete(path)) == (409, "own_account")
    assert admin.get("/auth/me").status_code == 200
    another = server.user(superuser=True)
    assert admin.post(f"/users/{another.id}/suspend", reason="x").status_code == 200


def test_of_admins_who_suspend_each_other_at_once_one_remains(server: Server) -> None:
    people = [server.user(superuser=True) for _ in range(2)]
    clients = [JsonClient(server).login(person) for person in people]

    def suspend(pair: tuple[JsonClient, uuid.UUID]) -> int:
        return pair[0].post(f"/users/{pair[1]}/suspend", reason="You first").status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(suspend, [(clients[0], people[1].id), (clients[1], people[0].id)]))
    assert statuses[0] == 200
    assert statuses[1] in {401, 409}
    assert sorted(client.get("/auth/me").status_code for client in clients) == [200, 401]


@pytest.mark.parametrize("state", ["suspend", "activate", "unlock", "logout"])
def test_these_are_for_admins(server: Server, state: str) -> None:
    person = server.user()
    own = JsonClient(server).login(person)
    assert problem(own.post(f"/users/{person.id}/{state}", reason="x")) == (403, "forbidden")
    assert problem(JsonClient(server).post(f"/users/{person.id}/{state}", reason="x")) == (401, "unauthorized")
