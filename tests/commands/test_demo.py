"""The demo data of a development server: a person with every standard claim, and clients for the demo relying party."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from oidc_server.audit.models import AuditEvent
from oidc_server.audit.service import SYSTEM
from oidc_server.clients.models import Client
from oidc_server.clients.service import Registration, update_client
from oidc_server.commands.demo import seed
from oidc_server.commands.environment import DevData
from oidc_server.core.settings import Settings
from oidc_server.users.claims import ADDRESS_MEMBERS, CLAIMS
from oidc_server.users.models import User
from oidc_server.users.profile import set_profile
from tests.app_login import App
from tests.browsing import Browser
from tests.relying_party import Server, TestClient, TestUser, body_of

SCOPE = "openid profile email address phone offline_access"
Seed = Callable[[], dict[str, Any]]


@pytest.fixture
def seeded(settings: Settings, server: Server, tmp_path: Path) -> Seed:
    """What a start of the development server does to the database of ``server``; gives the credentials."""

    def start() -> dict[str, Any]:
        demo = seed(settings, DevData.at(tmp_path))
        server.app.extensions["oidc_server.clients"].forget()
        return demo

    return start


def client_of(demo: dict[str, Any], role: str) -> TestClient:
    """One of the printed clients."""
    method = "client_secret_basic" if demo[role]["client_secret"] else "none"
    return TestClient(demo[role]["client_id"], demo[role]["client_secret"], method)


def user_of(server: Server, demo: dict[str, Any]) -> TestUser:
    """The printed user."""
    with server.database.reading() as session:
        user = session.scalars(select(User).where(User.email == demo["user"]["email"])).one()
    return TestUser(user.id, demo["user"]["email"], demo["user"]["password"])


def userinfo(server: Server, demo: dict[str, Any]) -> dict[str, Any]:
    """What the demo web app reads about the demo user."""
    tokens = server.sign_in(client_of(demo, "confidential_client"), user_of(server, demo), scope=SCOPE)
    return body_of(server.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}))


def registered(server: Server, client_id: str) -> dict[str, Any]:
    """The columns of a client."""
    with server.database.reading() as session:
        client = session.get_one(Client, client_id)
        return {column.name: getattr(client, column.name) for column in Client.__table__.columns}


def recorded(server: Server) -> int:
    """How many security events there are."""
    with server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_the_demo_user_has_every_standard_claim(server: Server, seeded: Seed) -> None:
    claims = userinfo(server, seeded())
    assert set(claims) == set(CLAIMS)
    assert set(claims["address"]) == set(ADDRESS_MEMBERS)
    assert claims["email_verified"] is True
    assert claims["phone_number_verified"] is True
    assert claims["preferred_username"] == "demo"


@pytest.mark.parametrize("role", ["public_client", "confidential_client"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_demo_app_logs_in_refreshes_and_logs_out(server: Server, seeded: Seed, role: str, host: str) -> None:
    demo = seeded()
    app = App(server, client_of(demo, role), redirect_uri=f"http://{host}:8001/callback")
    browser = Browser(server.app)
    tokens = app.tokens(app.log_in(browser, user_of(server, demo), scope=SCOPE, prompt="consent"))
    assert tokens["scope"].split() == SCOPE.split()
    assert server.refresh(app.client, tokens["refresh_token"]).status_code == 200
    goodbye = f"http://{host}:8001/signed-out"
    query = f"id_token_hint={tokens['id_token']}&post_logout_redirect_uri={goodbye}&state=xyz"
    assert browser.open(f"/oauth/logout?{query}").elsewhere == f"{goodbye}?state=xyz"


def test_a_second_start_changes_nothing(server: Server, seeded: Seed) -> None:
    first = seeded()
    events, clients = recorded(server), [registered(server, name) for name in ("demo-web", "demo-public")]
    assert seeded() == first
    assert recorded(server) == events
    assert [registered(server, name) for name in ("demo-web", "demo-public")] == clients


def test_what_the_developer_changed_stays(server: Server, seeded: Seed) -> None:
    user = user_of(server, seeded())
    with server.app.app_context(), server.database.transaction() as session:
        set_profile(session, session.get_one(User, user.id), {"name": "Ada", "phone_number": None}, SYSTEM)
        client = session.get_one(Client, "demo-web")
        update_client(session, client, actor=SYSTEM, registration=Registration(scope="openid phone profile"))
    demo = seeded()
    assert registered(server, "demo-web")["scope"] == "openid phone profile"
    tokens = server.sign_in(client_of(demo, "confidential_client"), user, scope="openid phone profile")
    told = server.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json
    assert told is not None
    assert told["name"] == "Ada"
    assert "phone_number" not in told


def test_the_clients_and_the_user_of_an_earlier_version_are_renewed(server: Server, seeded: Seed) -> None:
    """An earlier version knew neither profiles nor addresses to go to after a logout, and gave fewer scopes."""
    for client_id, client_type in (("demo-web", "confidential"), ("demo-public", "public")):
        server.client(client_type, client_id, redirect_uris=("http://127.0.0.1:8001/callback",), scope="openid email")
    user = server.user("demo@example.com", username="demo")
    demo = seeded()
    for role in ("confidential_client", "public_client"):
        client = registered(server, demo[role]["client_id"])
        assert set(SCOPE.split()) <= set(client["scope"].split())
        assert "http://127.0.0.1:8001/signed-out" in client["post_logout_redirect_uris"]
        assert client["updated_at"] == client["created_at"]
    assert len(server.audit("user.profile_updated", str(user.id))) == 1
    events = recorded(server)
    assert seeded() == demo
    assert recorded(server) == events
