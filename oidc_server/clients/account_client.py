"""The built-in client behind ``POST /auth/login``: first-party, without a secret, and without any redirect URI.

It is a row like others, so an admin can see it, and can turn the JSON API's login off by disabling it."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import SYSTEM, record
from oidc_server.clients.metadata import NONE, OPENID_SCOPES, PUBLIC, REFRESH_TOKEN
from oidc_server.clients.models import Client
from oidc_server.clients.registry import ClientRegistry, ClientSnapshot
from oidc_server.core import clock
from oidc_server.core.database import Database

CLIENT_ID = "account-api"
SCOPE = " ".join(OPENID_SCOPES)


def account_client(clients: ClientRegistry, database: Database) -> ClientSnapshot:
    """The client, made by whoever needs it first."""
    found = clients.find(CLIENT_ID)
    if found is None:
        _make(database)
        found = clients.find_afresh(CLIENT_ID)
    assert found is not None  # noqa: S101 - nobody deletes it between these two lines and stays unnoticed
    return found


def _make(database: Database) -> None:
    now = clock.now()
    client = Client(
        client_id=CLIENT_ID, client_type=PUBLIC, client_name="Account API", token_endpoint_auth_method=NONE,
        grant_types=[REFRESH_TOKEN], response_types=[], redirect_uris=[], resources=[], scope=SCOPE,
        post_logout_redirect_uris=[], subject_type=PUBLIC, require_pkce=True, first_party=True,
        created_at=now, updated_at=now,
    )  # fmt: skip
    try:
        with database.transaction() as session:
            session.add(client)
            session.flush()
            record(session, Event.CLIENT_CREATED, actor=SYSTEM, subject=CLIENT_ID, detail={"type": PUBLIC})
    except IntegrityError:
        return  # another process was quicker
