"""Clients as the hot path sees them: immutable snapshots, kept in process for a few seconds.

A disabled client, or a removed secret, stops within that bound. A secret that does not match is looked up afresh before
it is refused, so a new secret works at once."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from cachetools import TTLCache
from flask import current_app
from sqlalchemy import Table, bindparam, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from oidc_server.clients import redirect_uris
from oidc_server.clients.models import Client, ClientLogo, ClientSecret, PairwiseSector
from oidc_server.clients.service import grant_types_in_use
from oidc_server.core import clock
from oidc_server.core.database import Database
from oidc_server.core.statements import HotStatement

EXTENSION = "oidc_server.clients"
_CLIENTS_AT_MOST = 5000
_PATIENCE_SECONDS = 0.25
_OUTAGE_SECONDS = 10

_CLIENT, _SECRET = cast("Table", Client.__table__), cast("Table", ClientSecret.__table__)
_SECTOR, _LOGO = cast("Table", PairwiseSector.__table__), cast("Table", ClientLogo.__table__)
_COLUMNS = (
    "client_id", "client_name", "client_type", "token_endpoint_auth_method", "grant_types", "redirect_uris",
    "resources", "scope", "first_party", "disabled_at", "jwks", "id_token_signed_response_alg",
    "userinfo_signed_response_alg", "post_logout_redirect_uris", "default_max_age", "require_pkce", "client_uri",
    "policy_uri", "tos_uri", "mfa_policy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClientSnapshot:
    """A client at one moment, with what Authlib's grants ask of it."""

    client_id: str
    client_name: str
    client_type: str
    token_endpoint_auth_method: str
    grant_types: frozenset[str]
    redirect_uris: tuple[str, ...]
    resources: tuple[str, ...]
    scope: str
    scopes: frozenset[str]
    first_party: bool
    disabled: bool
    secrets: tuple[tuple[bytes, datetime | None], ...]
    jwks: dict[str, Any] | None
    id_token_signed_response_alg: str | None
    userinfo_signed_response_alg: str | None
    post_logout_redirect_uris: tuple[str, ...]
    sector_salt: bytes | None
    default_max_age: int | None
    require_pkce: bool
    logo: str | None
    client_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    mfa_policy: dict[str, Any] | None = None

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client is registered for the grant."""
        return grant_type in self.grant_types

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether the redirect URI is registered, by the one rule."""
        return redirect_uris.matches(redirect_uri, self.redirect_uris, client_type=self.client_type)


# With a row for each of its secrets.
_BY_ID = HotStatement(
    "client_by_id",
    select(
        *(_CLIENT.c[name] for name in _COLUMNS), _SECTOR.c.salt, _LOGO.c.digest.label("logo"),
        _SECRET.c.digest.label("secret"), _SECRET.c.expires_at.label("secret_expires_at"),
    )
    .select_from(_CLIENT.outerjoin(_SECTOR).outerjoin(_LOGO).outerjoin(_SECRET))
    .where(_CLIENT.c.client_id == bindparam("client_id"))
    .order_by(_SECRET.c.created_at),
)  # fmt: skip


def _snapshot(rows: Sequence[Any]) -> ClientSnapshot | None:
    if not rows:
        return None
    row = rows[0]
    return ClientSnapshot(
        client_id=row.client_id,
        client_name=row.client_name,
        client_type=row.client_type,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        grant_types=frozenset(row.grant_types),
        redirect_uris=tuple(row.redirect_uris),
        resources=tuple(row.resources),
        scope=row.scope,
        scopes=frozenset(row.scope.split()),
        first_party=row.first_party,
        disabled=row.disabled_at is not None,
        secrets=tuple((row.secret, row.secret_expires_at) for row in rows if row.secret is not None),
        jwks=row.jwks,
        id_token_signed_response_alg=row.id_token_signed_response_alg,
        userinfo_signed_response_alg=row.userinfo_signed_response_alg,
        post_logout_redirect_uris=tuple(row.post_logout_redirect_uris),
        sector_salt=row.salt,
        default_max_age=row.default_max_age,
        require_pkce=row.require_pkce,
        logo=row.logo,
        client_uri=row.client_uri,
        policy_uri=row.policy_uri,
        tos_uri=row.tos_uri,
        mfa_policy=row.mfa_policy,
    )


class ClientRegistry:
    """Snapshots by ``client_id``, each at most ``seconds`` old; likewise what is true of all clients together."""

    def __init__(self, database: Database, seconds: int) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: TTLCache[str, ClientSnapshot] = TTLCache(_CLIENTS_AT_MOST, seconds, timer=clock.seconds)
        self._together: TTLCache[str, frozenset[str]] = TTLCache(8, max(1, seconds), timer=clock.seconds)
        self._last: dict[str, frozenset[str]] = {}
        self._asking = threading.Lock()
        self._ask_again_at = 0.0

    def remembered(self, client_id: str) -> ClientSnapshot | None:
        """The client when it was looked up within the bound; None says nothing."""
        with self._lock:
            return self._known.get(client_id)

    def find(self, client_id: str) -> ClientSnapshot | None:
        """The client, from memory when it was looked up within the bound."""
        return self.remembered(client_id) or self.find_afresh(client_id)

    def find_afresh(self, client_id: str) -> ClientSnapshot | None:
        """The client as the database has it now. An unknown one is not remembered: strangers could fill the memory."""
        found = _snapshot(self._database.ask_all(_BY_ID, client_id=client_id))
        with self._lock:
            if found is None:
                self._known.pop(client_id, None)
            else:
                self._known[client_id] = found
        return found

    def forget(self) -> None:
        """Look everything up afresh from now on."""
        with self._lock:
            self._known.clear()
            self._together.clear()
            self._last.clear()
            self._ask_again_at = 0.0

    def grant_types(self) -> frozenset[str]:
        """The grant types that some enabled client may use."""
        return self._of_all("grant_types", grant_types_in_use)

    def origins(self, *, ask: bool = True) -> frozenset[str]:
        """The web origins of enabled public clients; without asking the database, those that are known."""
        return self._of_all("origins", _registered_origins) if ask else self._last.get("origins", frozenset())

    def _of_all(self, name: str, read: Callable[[Session], frozenset[str]]) -> frozenset[str]:
        """What ``read`` gives, asked for by one thread at a time.

        It is told to callers and nothing is granted by it, so the last answer serves on while the database is away, and
        nobody waits for another one for long."""
        with self._lock:
            known, last = self._together.get(name), self._last.get(name)
        if known is not None:
            return known
        if last is None:
            return self._read_together(name, read)
        if clock.seconds() >= self._ask_again_at and self._asking.acquire(blocking=False):
            asking = threading.Thread(target=self._ask_and_release, args=(name, read), daemon=True)
            asking.start()
            asking.join(_PATIENCE_SECONDS)
        return self._last.get(name, last)

    def _ask_and_release(self, name: str, read: Callable[[Session], frozenset[str]]) -> None:
        try:
            self._read_together(name, read)
        except SQLAlchemyError:
            self._ask_again_at = clock.seconds() + _OUTAGE_SECONDS
        finally:
            self._asking.release()

    def _read_together(self, name: str, read: Callable[[Session], frozenset[str]]) -> frozenset[str]:
        with self._database.reading() as session:
            found = read(session)
        with self._lock:
            self._together[name] = self._last[name] = found
        return found


def _registered_origins(session: Session) -> frozenset[str]:
    query = select(Client.redirect_uris).where(Client.client_type == "public", Client.disabled_at.is_(None))
    return frozenset(origin for uris in session.scalars(query) for origin in redirect_uris.origins(uris))


def current_clients() -> ClientRegistry:
    """The registry of the current application."""
    registry: ClientRegistry = current_app.extensions[EXTENSION]
    return registry
