"""The views of public documents: the same answer as from memory, for the requests that come this way."""

from flask import Request, Response

from oidc_server.core.memory import Document, answer


def public_document(request: Request, document: Document) -> Response:
    """The document, or 304 when the caller has it already."""
    status, headers, body = answer(document, request.headers.get("If-None-Match"))
    return Response(body, status, headers)
