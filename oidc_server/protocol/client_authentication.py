"""Client authentication (RFC 6749 §2.3, RFC 7523 §2.2): one method a request, and one answer whatever was wrong."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import unquote_plus

from flask import Request

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.clients.metadata import CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, NONE, PRIVATE_KEY_JWT
from oidc_server.clients.registry import ClientRegistry, ClientSnapshot
from oidc_server.core import clock, crypto
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.http import client_address, name_client
from oidc_server.core.limit_rules import CLIENT_FAILURES, THROTTLE_RECORDS
from oidc_server.core.limits import Limits, address_key
from oidc_server.protocol.client_assertion import ASSERTION_TYPE, accept_assertion, client_named_by
from oidc_server.protocol.errors import InvalidClient, InvalidRequest

_CREDENTIAL_CHARACTERS = 1024
_NO_SECRET = b"\0" * 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request presents: who it says it is, by which method, and the secret or assertion."""

    client_id: str
    method: str
    secret: str


def authenticate_client(request: Request, clients: ClientRegistry, limits: Limits, issuer: str) -> ClientSnapshot:
    """The client that the request proves to come from; for a public client, the one it names.

    Raises :class:`InvalidClient`, :class:`InvalidRequest` and :class:`Throttled`. A right secret always passes: it has
    256 bits and cannot be guessed, so the limit on failures never stands in the way of the real client."""
    credentials = _presented(request)
    client = clients.remembered(credentials.client_id)
    reason = _fault(client, credentials, issuer)
    if reason is not None:
        # Not remembered, or changed since: one look-up, whether the client exists or not.
        client = clients.find_afresh(credentials.client_id)
        reason = _fault(client, credentials, issuer)
    if reason is not None or client is None:
        raise _failure(limits, credentials, client, reason or Reason.CLIENT_UNKNOWN)
    name_client(client.client_id)
    return client


def _presented(request: Request) -> Credentials:
    """The one way in which the request authenticates. Raises when there is none, or more than one."""
    form = request.form
    found: list[Credentials] = []
    if "Authorization" in request.headers:
        found.append(_basic(request.headers["Authorization"]))
    if "client_secret" in form:
        found.append(Credentials(form.get("client_id", ""), CLIENT_SECRET_POST, form["client_secret"]))
    if "client_assertion" in form or "client_assertion_type" in form:
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient(Reason.CLIENT_ASSERTION_INVALID, "client_assertion_type")
        found.append(Credentials(client_named_by(assertion), PRIVATE_KEY_JWT, assertion))
    if not found:
        found.append(Credentials(form.get("client_id", ""), NONE, ""))
    if len(found) > 1:
        raise InvalidRequest(Reason.CLIENT_AUTHENTICATION_AMBIGUOUS, "two methods")
    credentials = found[0]
    if not credentials.client_id:
        raise InvalidClient(Reason.CLIENT_AUTHENTICATION_MISSING)
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequest(Reason.CLIENT_AUTHENTICATION_AMBIGUOUS, "two clients")
    return credentials


def _basic(header: str) -> Credentials:
    """RFC 7617, with each half form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidClient(Reason.CLIENT_AUTHENTICATION_MISSING, "not Basic credentials") from error
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon or len(decoded) > _CREDENTIAL_CHARACTERS or not decoded.isprintable():
        raise InvalidClient(Reason.CLIENT_AUTHENTICATION_MISSING, "not Basic credentials")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not (client_id + secret).isascii() or not (client_id + secret).isprintable():
        raise InvalidClient(Reason.CLIENT_AUTHENTICATION_MISSING, "not Basic credentials")
    return Credentials(client_id, CLIENT_SECRET_BASIC, secret)


def _fault(client: ClientSnapshot | None, credentials: Credentials, issuer: str) -> Reason | None:
    """Why the credentials do not prove the client, or None when they do."""
    secrets = client.secrets if client is not None else ()
    if credentials.method in {CLIENT_SECRET_BASIC, CLIENT_SECRET_POST}:
        proven = _is_one_of(credentials.secret, secrets)
    else:
        proven = credentials.method == NONE
    if client is None:
        return Reason.CLIENT_UNKNOWN
    if credentials.method != client.token_endpoint_auth_method:
        return Reason.CLIENT_METHOD_NOT_REGISTERED
    if client.disabled:
        return Reason.CLIENT_DISABLED
    if credentials.method == PRIVATE_KEY_JWT:
        return accept_assertion(client, credentials.secret, issuer)
    return None if proven else Reason.CLIENT_SECRET_WRONG


def _is_one_of(secret: str, known: tuple[tuple[bytes, object], ...]) -> bool:
    presented = crypto.digest(secret)
    now = clock.now()
    matches = False
    for digest, expires_at in known or ((_NO_SECRET, None),):
        alive = expires_at is None or expires_at > now  # type: ignore[operator]
        matches |= crypto.same(presented, digest) and alive
    return matches


def _failure(limits: Limits, credentials: Credentials, client: ClientSnapshot | None, reason: Reason) -> Exception:
    """Count the failure; beyond the limit the answer is 429, for an unknown client as for a known one."""
    where = address_key(client_address())
    if reason is Reason.CLIENT_ASSERTION_REPLAYED:
        _record(Event.CLIENT_ASSERTION_REPLAYED, credentials.client_id)
    if limits.hit(CLIENT_FAILURES, credentials.client_id, where):
        return InvalidClient(reason, credentials.client_id[:64])
    if client is not None and limits.hit(THROTTLE_RECORDS, credentials.client_id, where):
        _record(Event.CLIENT_AUTHENTICATION_THROTTLED, credentials.client_id)
    retry_after = limits.retry_after(CLIENT_FAILURES, credentials.client_id, where)
    return Throttled(Reason.CLIENT_THROTTLED, credentials.client_id[:64], retry_after=retry_after)


def _record(event: Event, client_id: str) -> None:
    with transaction() as session:
        record(session, event, actor=Actor("client", client_id), subject=client_id, client_id=client_id)
