"""The origins at which the passkeys of this server are good, for browsers (Web Authentication Level 3 §5.11)."""

from __future__ import annotations

import hashlib

import orjson
from flask import Response, request

from oidc_server.accounts.addresses import PASSKEY_ORIGINS
from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.core.memory import Document
from oidc_server.mfa.factors import current_second_factors
from oidc_server.protocol.documents import public_document

_MAX_AGE_SECONDS = 3600


@accounts.get(PASSKEY_ORIGINS)
def passkey_origins() -> Response:
    """The issuer's origin, and those that are set beside it."""
    body = orjson.dumps({"origins": current_second_factors().relying_party.origins})
    return public_document(request, Document(body, hashlib.sha256(body).hexdigest()[:32], _MAX_AGE_SECONDS))
