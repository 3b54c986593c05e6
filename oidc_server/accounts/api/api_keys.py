"""``/api-keys``: the keys of internal services, for whoever may administer them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from oidc_server.access.permissions import Permission
from oidc_server.accounts.api.blueprints import api_keys
from oidc_server.api.blueprint import ApiSchema, refuses
from oidc_server.api.codes import Code
from oidc_server.api.fields import Instant, Text, Whole
from oidc_server.api.pagination import PageQuery, page_of
from oidc_server.api.problems import Problem
from oidc_server.audit.service import Actor
from oidc_server.clients.api_key_service import (
    NAME_CHARACTERS,
    NETWORKS_AT_MOST,
    OVERLAP_AT_MOST,
    USUAL_OVERLAP,
    ApiKeyEnded,
    ApiKeyInvalid,
    create_api_key,
    facts_of,
    find_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from oidc_server.clients.models import ApiKey
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.access_classes import current_caller, permission

_SECOND = timedelta(seconds=1)
_NETWORK_CHARACTERS = 64
_SCOPE_CHARACTERS = 2000
_NEW = {"name": "Orders", "scope": "users:read tokens:read", "networks": ["10.0.0.0/8"]}


class NewApiKeySchema(ApiSchema):
    """A key to make."""

    name = Text(required=True, most=NAME_CHARACTERS, metadata={"description": "Which service it is for."})
    scope = Text(
        required=True, most=_SCOPE_CHARACTERS,
        metadata={"description": "What it may do: words separated by single spaces (RFC 6749 §3.3)."},
    )  # fmt: skip
    networks = fields.List(
        Text(most=_NETWORK_CHARACTERS), load_default=list, validate=validate.Length(max=NETWORKS_AT_MOST),
        metadata={"description": "Addresses and networks (CIDR) that it may be used from; none: from everywhere."},
    )  # fmt: skip
    expires_at = Instant(
        load_default=None, allow_none=True, metadata={"description": "When it ends; null: it has no end."}
    )


class RotationSchema(ApiSchema):
    """How a key gets its new secret."""

    overlap = Whole(
        load_default=USUAL_OVERLAP // _SECOND, validate=validate.Range(0, OVERLAP_AT_MOST // _SECOND),
        metadata={"description": "Seconds for which the present secret goes on working; 0 ends it now."},
    )  # fmt: skip
    expires_at = Instant(
        load_default=None, allow_none=True, metadata={"description": "When the new secret ends; else as the key did."}
    )


class ApiKeySchema(ApiSchema):
    """A key, without its secret."""

    id = fields.UUID(required=True, metadata={"description": "Its id."})
    name = fields.String(required=True, metadata={"description": "Which service it is for."})
    prefix = fields.String(required=True, metadata={"description": "Its first characters, by which logs name it too."})
    status = fields.String(
        required=True,
        metadata={"enum": ["active", "expired", "revoked"], "description": "Whether it is good, or why not."},
    )
    scope = fields.String(required=True, metadata={"description": "What it may do."})
    networks = fields.List(
        fields.String(), required=True,
        metadata={"description": "Where it may be used from; empty: everywhere."},
    )  # fmt: skip
    created_at = Instant(required=True, metadata={"description": "When it was made."})
    expires_at = Instant(required=True, allow_none=True, metadata={"description": "When it ends."})
    previous_expires_at = Instant(
        required=True, allow_none=True,
        metadata={"description": "Until when the secret before the last rotation is good too."},
    )  # fmt: skip
    revoked_at = Instant(required=True, allow_none=True, metadata={"description": "When it was revoked."})
    last_used_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it was used last, to about a minute."}
    )


class ApiKeyMadeSchema(ApiKeySchema):
    """A key and its secret, this once."""

    key = fields.String(
        required=True, metadata={"description": "What the service sends in `X-API-Key`. It is not shown again."}
    )


class ApiKeysSchema(ApiSchema):
    """A page of keys."""

    items = fields.List(fields.Nested(ApiKeySchema), required=True, metadata={"description": "The oldest first."})
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


@api_keys.route("/api-keys", methods=["GET"])
@permission(Permission.API_KEYS_WRITE)
@api_keys.arguments(PageQuery, location="query")
@api_keys.response(200, ApiKeysSchema)
def list_keys(query: dict[str, Any]) -> Any:
    """List the API keys

    Those that have expired or were revoked are among them."""
    with reading() as session:
        found = list_api_keys(session, limit=query["limit"] + 1, after=query["cursor"])
    page = page_of(found, query["limit"], lambda key: key.id, facts_of)
    return page, 200, page.headers()


@api_keys.route("/api-keys", methods=["POST"])
@permission(Permission.API_KEYS_WRITE, lately=True)
@api_keys.arguments(NewApiKeySchema, example=_NEW)
@api_keys.response(201, ApiKeyMadeSchema)
def create(body: dict[str, Any]) -> Any:
    """Make an API key

    The key itself is in this answer only; the server keeps its digest."""
    with _told(), transaction() as session:
        key, secret = create_api_key(session, actor=_actor(), **body)
    return facts_of(key) | {"key": secret}


@api_keys.route("/api-keys/<uuid:key_id>", methods=["GET"])
@permission(Permission.API_KEYS_WRITE)
@api_keys.response(200, ApiKeySchema)
def show(key_id: uuid.UUID) -> Any:
    """See one API key"""
    with reading() as session:
        return facts_of(_find(session, key_id))


@api_keys.route("/api-keys/<uuid:key_id>/rotate", methods=["POST"])
@permission(Permission.API_KEYS_WRITE, lately=True)
@refuses(Code.API_KEY_ENDED)
@api_keys.arguments(RotationSchema, required=False, example={"overlap": 3600})
@api_keys.response(200, ApiKeyMadeSchema)
def rotate(body: dict[str, Any], key_id: uuid.UUID) -> Any:
    """Give an API key a new secret

    The present secret ends after the overlap, and one that was still good from the rotation before ends now. The new
    one is in this answer only."""
    overlap = timedelta(seconds=body["overlap"])
    with _told(), transaction() as session:
        key = _find(session, key_id, for_change=True)
        secret = rotate_api_key(session, key, actor=_actor(), overlap=overlap, expires_at=body["expires_at"])
    return facts_of(key) | {"key": secret}


@api_keys.route("/api-keys/<uuid:key_id>", methods=["DELETE"])
@permission(Permission.API_KEYS_WRITE)
@api_keys.response(204)
def revoke(key_id: uuid.UUID) -> None:
    """Revoke an API key

    Every secret that it has ends, within seconds on all servers. It stays in the list."""
    with transaction() as session:
        revoke_api_key(session, _find(session, key_id, for_change=True), actor=_actor())


def _find(session: Session, key_id: uuid.UUID, *, for_change: bool = False) -> ApiKey:
    key = find_api_key(session, key_id, for_change=for_change)
    if key is None:
        raise Problem(Code.NOT_FOUND, Reason.NOT_FOUND, "no such API key")
    return key


def _actor() -> Actor:
    return Actor("user", str(current_caller().user_id))


@contextmanager
def _told() -> Iterator[None]:
    """A context in which the service's refusals are told as those of the JSON API."""
    try:
        yield
    except ApiKeyInvalid as error:
        raise Problem(
            Code.VALIDATION_FAILED, Reason.MALFORMED_REQUEST, error.field, errors={error.field: [str(error)]}
        ) from error
    except ApiKeyEnded as error:
        raise Problem(Code.API_KEY_ENDED, error.reason) from error
