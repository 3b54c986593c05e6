"""The JSON Web Key Set (RFC 7517 §5), from memory."""

from flask import Response, request

from oidc_server.keys.ring import current_key_ring
from oidc_server.protocol.blueprint import JWKS, protocol
from oidc_server.protocol.documents import public_document


@protocol.get(JWKS)
def jwks() -> Response:
    """The public keys that tokens of this server verify with."""
    return public_document(request, current_key_ring().jwks())
