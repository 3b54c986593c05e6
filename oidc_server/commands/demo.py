"""The demo users and clients of a development server; their secrets are made on its first start, kept with its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_server.core import crypto

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.clients.models import Client
    from oidc_server.commands.environment import DevData
    from oidc_server.core.settings import Settings
    from oidc_server.users.passwords import Passwords

_API = "https://api.example.com"
# The demo relying party (examples/relying_party).
_APPS = ("http://127.0.0.1:8001", "http://localhost:8001")
_CALLBACKS = tuple(f"{app}/callback" for app in _APPS)
_SIGNED_OUT = tuple(f"{app}/signed-out" for app in _APPS)
_SCOPE = "openid profile email address phone offline_access"
USERS: dict[str, dict[str, Any]] = {
    "user": {"email": "demo@example.com", "username": "demo", "superuser": False},
    "admin": {"email": "admin@example.com", "username": "admin", "superuser": True},
}
# Every member that there is, so that an app sees every standard claim. Nobody is called so, lives there, or has this
# telephone number, which is one of those kept for fiction.
PROFILE: dict[str, Any] = {
    "name": "Demo Example Person",
    "given_name": "Demo",
    "family_name": "Person",
    "middle_name": "Example",
    "nickname": "Demmy",
    "profile": "https://example.com/people/demo",
    "picture": "https://example.com/people/demo/picture.png",
    "website": "https://demo.example.com/",
    "gender": "unspecified",
    "birthdate": "2000-02-29",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+442079460123",
    "phone_number_verified": True,
    "address": {
        "formatted": "1 Example Street\nExampleton\nExampleshire\n00000\nExampleland",
        "street_address": "1 Example Street",
        "locality": "Exampleton",
        "region": "Exampleshire",
        "postal_code": "00000",
        "country": "Exampleland",
    },
}
CLIENTS: dict[str, dict[str, Any]] = {
    "public_client": {
        "client_id": "demo-public",
        "client_type": "public",
        "client_name": "Demo single-page app",
        "redirect_uris": _CALLBACKS,
        "post_logout_redirect_uris": _SIGNED_OUT,
        "scope": _SCOPE,
    },
    "confidential_client": {
        "client_id": "demo-web",
        "client_type": "confidential",
        "client_name": "Demo web app",
        "redirect_uris": _CALLBACKS,
        "post_logout_redirect_uris": _SIGNED_OUT,
        "scope": f"{_SCOPE} orders:read",
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
    """Make what is missing, and renew what an earlier version made; what the developer changed stays.

    Returns the credentials by role."""
    from oidc_server import assemble
    from oidc_server.core.database import transaction
    from oidc_server.users.passwords import current_passwords

    app = assemble(settings)
    with app.app_context():
        remembered = data.state().get("demo", {})
        with transaction() as session:
            users = {
                role: _user(session, current_passwords(), remembered.get(role, {}), **facts)
                for role, facts in USERS.items()
            }
            _give_profile(session, users["user"]["email"])
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


def _give_profile(session: Session, email: str) -> None:
    """Fill in the profile, unless there is one."""
    from oidc_server.audit.service import operator
    from oidc_server.users.models import Profile
    from oidc_server.users.profile import set_profile
    from oidc_server.users.service import find_by_login

    user = find_by_login(session, email)
    if user is not None and session.get(Profile, user.id) is None:
        set_profile(session, user, PROFILE, operator())


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
        return {"client_id": client_id, "client_secret": secret}
    _renew(session, client, registration)
    if client_type != "public" and secret is None:
        secret = add_secret(session, client)
    return {"client_id": client_id, "client_secret": secret}


def _renew(session: Session, client: Client, registration: dict[str, Any]) -> None:
    """Make of a client that an earlier version made, and that nobody changed since, what this version would make."""
    from oidc_server.audit.service import operator
    from oidc_server.clients.service import Registration, update_client

    wanted = {name: list(value) if isinstance(value, tuple) else value for name, value in registration.items()}
    is_so_already = all(getattr(client, name) == value for name, value in wanted.items())
    if is_so_already or client.updated_at != client.created_at:
        return
    update_client(session, client, actor=operator(), registration=Registration(**registration))
    client.updated_at = client.created_at  # so that a later version can tell, too, that the developer did not change it
