"""Registering, changing and removing clients, and their secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.clients.logos import check_logo, keep_logo, remove_logo
from oidc_server.clients.metadata import (
    AUTH_METHODS_OF_TYPE,
    CLIENT_ID,
    CLIENT_TYPES,
    DEFAULT_GRANT_TYPES,
    PUBLIC,
    SECRET_METHODS,
    MetadataInvalid,
)
from oidc_server.clients.models import Client, ClientSecret
from oidc_server.clients.registration_checks import LINKS, checked
from oidc_server.clients.sectors import ensure_sector
from oidc_server.core import clock, crypto
from oidc_server.core.identity import new_id

# What a client may have or not. Whatever else it has, it always has.
REMOVABLE = frozenset(
    {"id_token_signed_response_alg", "userinfo_signed_response_alg", "default_max_age", "logo", "mfa_policy", *LINKS}
)


class ClientIdTaken(Exception):
    """Another client has this id."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"Another client has the id {client_id}.")


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a client is registered with, under RFC 7591's names; None leaves a value as it is.

    ``logo`` is the image itself, ``mfa_policy`` one that the second factors' slice has made; ``removed`` names what is
    taken away, each one of :data:`REMOVABLE`."""

    client_name: str | None = None
    token_endpoint_auth_method: str | None = None
    grant_types: Sequence[str] | None = None
    redirect_uris: Sequence[str] | None = None
    resources: Sequence[str] | None = None
    scope: str | None = None
    jwks: Any = None
    first_party: bool | None = None
    id_token_signed_response_alg: str | None = None
    userinfo_signed_response_alg: str | None = None
    post_logout_redirect_uris: Sequence[str] | None = None
    subject_type: str | None = None
    default_max_age: int | None = None
    require_pkce: bool | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    mfa_policy: dict[str, Any] | None = None
    logo: bytes | None = field(default=None, repr=False)
    removed: frozenset[str] = frozenset()

    def given(self) -> dict[str, Any]:
        """What changes; None for what is taken away."""
        values = {name: value for name, value in vars(self).items() if value is not None and name != "removed"}
        return values | dict.fromkeys(self.removed & REMOVABLE)


def create_client(
    session: Session, *, actor: Actor, client_type: str, registration: Registration, client_id: str | None = None
) -> tuple[Client, str | None]:
    """Register a client; its secret is returned once, and only when its method uses one.

    Raises :class:`MetadataInvalid`, :class:`ClientIdTaken`."""
    if client_type not in CLIENT_TYPES:
        raise MetadataInvalid(f"A client is one of {', '.join(CLIENT_TYPES)}, not {client_type!r}.")
    if client_id is not None and not CLIENT_ID.fullmatch(client_id):
        raise MetadataInvalid("A client_id begins with a letter or digit; then come up to 63 of these or of . _ ~ -")
    if client_id is not None and find_client(session, client_id) is not None:
        raise ClientIdTaken(client_id)
    now = clock.now()
    client = Client(
        client_id=client_id or str(new_id()),
        client_type=client_type,
        token_endpoint_auth_method=AUTH_METHODS_OF_TYPE[client_type][0],
        client_name="",
        grant_types=list(DEFAULT_GRANT_TYPES[client_type]),
        response_types=[],
        redirect_uris=[],
        resources=[],
        scope="",
        post_logout_redirect_uris=[],
        subject_type=PUBLIC,
        require_pkce=True,
        first_party=False,
        created_at=now,
        updated_at=now,
    )
    _apply(session, client, registration.given())
    secret = None
    if client.token_endpoint_auth_method in SECRET_METHODS:
        secret = add_secret(session, client)
    record(session, Event.CLIENT_CREATED, actor=actor, subject=client.client_id, detail={"type": client_type})
    return client, secret


def update_client(session: Session, client: Client, *, actor: Actor, registration: Registration) -> None:
    """Change a client's metadata. Raises :class:`MetadataInvalid`."""
    given = registration.given()
    _apply(session, client, given)
    client.updated_at = clock.now()
    session.flush()
    record(session, Event.CLIENT_UPDATED, actor=actor, subject=client.client_id, detail={"changed": sorted(given)})


def _apply(session: Session, client: Client, given: Mapping[str, Any]) -> None:
    """Validate everything that is given, together with what stands; then write."""
    values = checked(client, given)
    logo = check_logo(given["logo"]) if given.get("logo") is not None else None
    if values["sector_identifier"] is not None:
        ensure_sector(session, values["sector_identifier"])
    for name, value in values.items():
        setattr(client, name, value)
    session.add(client)
    session.flush()
    if logo is not None:
        keep_logo(session, client, logo)
    elif "logo" in given:
        remove_logo(session, client)
    session.refresh(client, ["logo"])


def add_secret(session: Session, client: Client) -> str:
    """Give the client one more secret, made here from 256 random bits; returned once, stored as a digest."""
    secret = crypto.new_secret()
    client.secrets.append(ClientSecret(digest=crypto.digest(secret), created_at=clock.now()))
    session.flush()
    return secret


def rotate_secret(session: Session, client: Client, *, actor: Actor, overlap: timedelta) -> str:
    """Give a new secret; the earlier ones end after ``overlap``. Raises :class:`MetadataInvalid`."""
    if client.token_endpoint_auth_method not in SECRET_METHODS:
        raise MetadataInvalid(f"This client authenticates by {client.token_endpoint_auth_method}: it has no secret.")
    now = clock.now()
    end = now + overlap
    for earlier in list(client.secrets):
        if earlier.expires_at is not None and earlier.expires_at <= now:
            client.secrets.remove(earlier)
        elif earlier.expires_at is None or earlier.expires_at > end:
            earlier.expires_at = end
    secret = add_secret(session, client)
    record(
        session, Event.CLIENT_SECRET_ROTATED, actor=actor, subject=client.client_id,
        detail={"earlier_end_at": end.isoformat()},
    )  # fmt: skip
    return secret


def find_client(session: Session, client_id: str, *, for_change: bool = False) -> Client | None:
    """The client with this id; ``for_change`` under a lock, so that two changes at once come one after the other."""
    if not CLIENT_ID.fullmatch(client_id):  # also what a database refuses to be asked for
        return None
    # Less than FOR UPDATE: a grant that refers to the client meanwhile does not have to wait.
    return session.get(Client, client_id, with_for_update={"key_share": True} if for_change else None)


def list_clients(session: Session, *, limit: int, after: str | None = None) -> Sequence[Client]:
    """Clients in the order of their ids, ``limit`` at most, those behind ``after``."""
    query = select(Client).order_by(Client.client_id).limit(limit)
    if after is not None:
        query = query.where(Client.client_id > after)
    return session.scalars(query).all()


def disable_client(session: Session, client: Client, *, actor: Actor) -> None:
    """Disable the client; its authorizations are the caller's to revoke."""
    client.disabled_at = client.disabled_at or clock.now()
    record(session, Event.CLIENT_DISABLED, actor=actor, subject=client.client_id)


def enable_client(session: Session, client: Client, *, actor: Actor) -> None:
    """Enable a disabled client again."""
    client.disabled_at = None
    record(session, Event.CLIENT_ENABLED, actor=actor, subject=client.client_id)


def delete_client(session: Session, client: Client, *, actor: Actor) -> None:
    """Delete the client with its secrets and authorizations."""
    record(session, Event.CLIENT_DELETED, actor=actor, subject=client.client_id)
    session.delete(client)
    session.flush()


def grant_types_in_use(session: Session) -> frozenset[str]:
    """The grant types that some enabled client is registered for."""
    lists: Iterable[list[str]] = session.scalars(select(Client.grant_types).where(Client.disabled_at.is_(None)))
    return frozenset(grant_type for grant_types in lists for grant_type in grant_types)
