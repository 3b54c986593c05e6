"""The demo users and clients of a development server; their secrets are made on its first start, kept with its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_server.core import crypto

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.commands.environment import DevData
    from oidc_server.core.settings import Settings
    from oidc_server.users.passwords import Passwords

_API = "https://api.example.com"
_CALLBACKS = ("http://127.0.0.1:8001/callback", "http://localhost:8001/callback")
USERS: dict[str, dict[str, Any]] = {
    "user": {"email": "demo@example.com", "username": "demo", "superuser": False},
    "admin": {"email": "admin@example.com", "username": "admin", "superuser": True},
}
CLIENTS: dict[str, dict[str, Any]] = {
    "public_client": {
        "client_id": "demo-public",
        "client_type": "public",
        "client_name": "Demo single-page app",
        "redirect_uris": _CALLBACKS,
        "scope": "openid profile email offline_access",
    },
    "confidential_client": {
        "client_id": "demo-web",
        "client_type": "confidential",
        "client_name": "Demo web app",
        "redirect_uris": _CALLBACKS,
        "scope": "openid profile email offline_access orders:read",
        "resources": (_API,),
        "first_party": True,
        "grant_types": ("authorization_code", "refresh_token", "password"),
    },
    "service_client": {
        "client_id": "demo-service",
        "client_type": "service",
        "client_name": "Demo service",
        "scope": "orders:read orders:write tokens:read",
        "resources": (_API,),
    },
}


def seed(settings: Settings, data: DevData) -> dict[str, Any]:
    """Make what is missing; what the developer changed stays. Returns the credentials by role."""
    from oidc_server import create_app
    from oidc_server.core.database import transaction
    from oidc_server.users.passwords import current_passwords

    app = create_app(settings)
    with app.app_context():
        remembered = data.state().get("demo", {})
        with transaction() as session:
            users = {
                role: _user(session, current_passwords(), remembered.get(role, {}), **facts)
                for role, facts in USERS.items()
            }
            clients = {role: _client(session, remembered.get(role, {}), **facts) for role, facts in CLIENTS.items()}
        demo: dict[str, Any] = data.remember(demo=users | clients)["demo"]
        app.extensions["oidc_server.database"].dispose()
    return demo


def _user(
    session: Session, passwords: Passwords, known: dict[str, str], *, email: str, username: str, superuser: bool
) -> dict[str, str]:
    from oidc_server.audit.service import operator
    from oidc_server.users.service import create_user, find_by_login

    password = known.get("password") or crypto.new_secret()[:16]
    if find_by_login(session, email) is None:
        create_user(
            session, actor=operator(), email=email, username=username, password_hash=passwords.hash(password),
            verified=True, superuser=superuser,
        )  # fmt: skip
    return {"email": email, "username": username, "password": password}


def _client(
    session: Session, known: dict[str, Any], *, client_id: str, client_type: str, **registration: Any
) -> dict[str, Any]:
    from oidc_server.audit.service import operator
    from oidc_server.clients.service import Registration, add_secret, create_client, find_client

    secret = known.get("client_secret")
    client = find_client(session, client_id)
    if client is None:
        client, secret = create_client(
            session, actor=operator(), client_type=client_type, registration=Registration(**registration),
            client_id=client_id,
        )  # fmt: skip
    elif client_type != "public" and secret is None:
        secret = add_secret(session, client)
    return {"client_id": client_id, "client_secret": secret}
