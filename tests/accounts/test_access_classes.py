"""Who may call what: every address of the JSON API declares a class, and each class refuses everybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from oidc_server.api.blueprint import VERSIONED
from oidc_server.clients.models import Client
from oidc_server.core import clock
from oidc_server.core.settings import Settings
from oidc_server.protocol.access_classes import RECENT
from oidc_server.protocol.access_descriptions import AccessClass
from oidc_server.users.models import User
from tests.accounts.json_client import JsonClient, problem
from tests.app_login import make_app
from tests.browsing import Browser
from tests.clients.api_key_makers import KeyedServer
from tests.log_lines import reason_logged
from tests.relying_party import Server, TestUser, body_of
from tests.running import ISSUER

# What has no class: OAuth and OpenID Connect, which have rules of their own, pages, and what is static.
WITHOUT_CLASSES = {"protocol", "accounts", "assets", "health", "metrics", "documentation"}
API = "https://api.example.com"
UNAUTHORIZED = (401, "unauthorized")
# An address of each class for people.
USER, VERIFIED, RECENTLY, PERMITTED = "/auth/me", "/users/profile", "/users/me/export", "/users"


@pytest.fixture
def mine(server: Server, user: TestUser) -> JsonClient:
    return JsonClient(server).login(user)


def with_token(server: Server, token: str, path: str = USER) -> TestResponse:
    return server.http.get(path, headers={"Authorization": f"Bearer {token}"})


def change_row(server: Server, user: TestUser, **values: Any) -> None:
    with server.database.transaction() as session:
        row = session.get_one(User, user.id)
        for name, value in values.items():
            setattr(row, name, value)


def views_of(app: Flask) -> dict[str, Callable[..., Any]]:
    """The views of the JSON API, by their addresses and methods."""
    return {
        f"{method} {rule.rule}": app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in WITHOUT_CLASSES
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_address_declares_a_class(server: Server) -> None:
    views = views_of(server.app)
    assert len(views) > 20
    assert [
        path for path, view in views.items() if not isinstance(getattr(view, "access_class", None), AccessClass)
    ] == []


def test_every_address_is_there_with_its_version_too_under_the_same_class(server: Server) -> None:
    views = views_of(server.app)
    plain = {path: view for path, view in views.items() if VERSIONED not in path}
    assert len(views) == 2 * len(plain)
    for path, view in plain.items():
        method, _, rule = path.partition(" ")
        assert views[f"{method} {VERSIONED}{rule}"] is view


def test_both_answer_the_same(server: Server, user: TestUser, mine: JsonClient) -> None:
    for path in (USER, "/auth/sessions", "/auth/authorizations"):
        assert mine.get(VERSIONED + path).json == mine.get(path).json
    stranger = JsonClient(server)
    assert problem(stranger.get(VERSIONED + USER)) == problem(stranger.get(USER)) == UNAUTHORIZED
    assert problem(stranger.get(f"{VERSIONED}/no-such-thing")) == (404, "not_found")


def test_who_brings_no_token_is_told_no_error_code(server: Server) -> None:
    """RFC 6750 §3.1."""
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}):
        refused = server.http.get(USER, headers=headers)
        assert problem(refused) == UNAUTHORIZED
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="oidc-server"'


def test_a_token_anywhere_but_in_the_header_is_not_seen_w20(server: Server, mine: JsonClient) -> None:
    token = mine.tokens["access_token"]
    assert problem(server.http.get(USER, query_string={"access_token": token})) == UNAUTHORIZED
    server.http.set_cookie("access_token", token)
    assert problem(server.http.get(USER)) == UNAUTHORIZED
    sent = server.http.patch(USER, json={"access_token": token})
    assert problem(sent) == UNAUTHORIZED


@pytest.mark.parametrize("twice", ["{0}, Bearer {0}", "{0} {0}", "{0},{0}"])
def test_two_tokens_are_none_w06(server: Server, mine: JsonClient, twice: str) -> None:
    assert problem(with_token(server, twice.format(mine.tokens["access_token"]))) == UNAUTHORIZED


def test_what_is_no_access_token_is_refused(server: Server, mine: JsonClient) -> None:
    refused = with_token(server, mine.tokens["id_token"])
    assert problem(refused) == UNAUTHORIZED
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="oidc-server", error="invalid_token"'
    assert problem(with_token(server, mine.tokens["refresh_token"])) == UNAUTHORIZED


def test_an_expired_token_is_refused(server: Server, mine: JsonClient, settings: Settings) -> None:
    assert mine.get(USER).status_code == 200
    clock.travel(timedelta(seconds=settings.access_token_lifetime))
    assert problem(mine.get(USER)) == UNAUTHORIZED


def test_a_token_of_a_session_that_ended_is_refused(mine: JsonClient) -> None:
    assert mine.post("/auth/logout").status_code == 204
    assert problem(mine.get(USER)) == UNAUTHORIZED


def test_a_token_that_was_revoked_is_refused(server: Server, user: TestUser) -> None:
    client = server.first_party()
    token = server.sign_in(client, user)["access_token"]
    assert with_token(server, token).status_code == 200
    assert server.post("/oauth/revoke", client, token=token).status_code == 200
    assert problem(with_token(server, token)) == UNAUTHORIZED


@pytest.mark.parametrize("state", ["suspended_at", "locked_until"])
def test_who_may_not_sign_in_may_not_call_either_f12(
    server: Server, user: TestUser, mine: JsonClient, state: str
) -> None:
    change_row(server, user, **{state: clock.now() + timedelta(hours=1)})
    assert problem(mine.get(USER)) == UNAUTHORIZED


def test_an_app_of_somebody_else_may_not_manage_accounts(server: Server, user: TestUser) -> None:
    """An app that a person signs in to must not be able to close their account."""
    web = make_app(server)
    token = web.tokens(web.log_in(Browser(server.app), user, scope="openid profile email"))["access_token"]
    assert web.userinfo(token).status_code == 200
    for path in (USER, "/auth/sessions", RECENTLY, f"/users/{user.id}"):
        assert problem(with_token(server, token, path)) == (403, "not_first_party")


def test_an_app_that_is_ours_no_longer_may_not_either(server: Server, user: TestUser, settings: Settings) -> None:
    client = server.first_party()
    token = server.sign_in(client, user)["access_token"]
    with server.database.transaction() as session:
        session.get_one(Client, client.client_id).first_party = False
    clock.travel(timedelta(seconds=settings.client_cache_seconds))
    assert problem(with_token(server, token)) == (403, "not_first_party")


@pytest.mark.parametrize("resource", [API, [API, ISSUER]])
def test_a_token_that_another_service_is_sent_is_of_no_use_to_it_here(
    server: Server, user: TestUser, resource: str | list[str]
) -> None:
    client = server.first_party(resources=(API, ISSUER))
    assert with_token(server, server.sign_in(client, user, resource=ISSUER)["access_token"]).status_code == 200
    token = server.sign_in(client, user, resource=resource)["access_token"]
    assert problem(with_token(server, token)) == (403, "not_first_party")


def test_a_client_that_acts_for_itself_is_no_person(server: Server) -> None:
    client = server.first_party(grant_types=("client_credentials",))
    token = body_of(server.token(client))["access_token"]
    assert problem(with_token(server, token)) == (403, "not_first_party")


def test_some_things_need_a_confirmed_address(server: Server, user: TestUser, mine: JsonClient) -> None:
    assert mine.post(VERIFIED).status_code == 200
    change_row(server, user, email_verified_at=None)
    assert problem(mine.post(VERIFIED)) == (403, "email_not_verified")
    assert mine.get(USER).status_code == 200


def test_some_things_need_a_recent_sign_in_and_say_so_by_rfc_9470(
    server: Server, user: TestUser, mine: JsonClient, settings: Settings
) -> None:
    """A refresh is no sign-in."""
    assert mine.get(RECENTLY).status_code == 200
    clock.travel(RECENT + timedelta(seconds=2))
    mine.tokens = body_of(mine.post("/auth/refresh", refresh_token=mine.tokens["refresh_token"]))
    refused = mine.get(RECENTLY)
    assert problem(refused) == (401, "insufficient_user_authentication")
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="oidc-server", error="insufficient_user_authentication"')
    assert 'max_age="600"' in challenge
    assert mine.get(USER).status_code == 200
    assert mine.login(user).get(RECENTLY).status_code == 200


def test_a_permission_counts_from_when_it_is_given_until_it_is_taken(
    server: Server, user: TestUser, mine: JsonClient
) -> None:
    assert problem(mine.get(PERMITTED)) == (403, "forbidden")
    change_row(server, user, superuser_since=clock.now())
    assert mine.get(PERMITTED).status_code == 200
    change_row(server, user, superuser_since=None)
    assert problem(mine.get(PERMITTED)) == (403, "forbidden")


def test_an_id_that_is_not_ones_own_tells_nothing(server: Server, user: TestUser, mine: JsonClient) -> None:
    somebody = server.user()
    assert mine.get(f"/users/{user.id}").status_code == 200
    for identifier in (somebody.id, "01986f0e-7d5c-7c3e-9f0a-5b1c2d3e4f50"):
        assert problem(mine.get(f"/users/{identifier}")) == (403, "forbidden")
        assert problem(mine.get(f"/users/{identifier}/preferences")) == (403, "forbidden")


def test_services_bring_a_token_of_their_own_or_a_key_with_the_scope(
    make_server: Callable[..., Server], capsys: pytest.CaptureFixture[str]
) -> None:
    keyed = KeyedServer(make_server())
    server = keyed.server
    client = server.client(scope="users:read orders:read", resources=(API, ISSUER))

    def called(path: str = "/reading", **parameters: Any) -> TestResponse:
        return with_token(server, body_of(server.token(client, **parameters))["access_token"], path)

    assert called(scope="users:read").status_code == 200
    assert keyed.status(keyed.make().secret) == keyed.status(keyed.make().secret, "/internal") == 200
    missing = called(scope="orders:read")
    assert problem(missing) == (403, "insufficient_scope")
    assert 'error="insufficient_scope", scope="users:read"' in missing.headers["WWW-Authenticate"]
    assert problem(keyed.call(keyed.make(scope="orders:read").secret)) == (403, "insufficient_scope")
    elsewhere = called(scope="users:read", resource=API)
    assert problem(elsewhere) == UNAUTHORIZED
    assert reason_logged(capsys, elsewhere) == "token_claims_invalid"
    assert problem(called("/internal", scope="users:read")) == UNAUTHORIZED
    person = server.sign_in(server.first_party(scope="openid users:read"), server.user(), scope="openid users:read")
    assert problem(with_token(server, person["access_token"], "/reading")) == (403, "insufficient_scope")
