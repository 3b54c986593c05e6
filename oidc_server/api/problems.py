"""Refusals of the JSON API: problem details (RFC 9457) with a stable ``code``, and the members that were wrong."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response

from oidc_server.api.codes import CODE_OF_REASON, OF_STATUS, Code
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import request_id

# By member: what is wrong with it, in sentences; nested objects are nested here too.
Errors = Mapping[str, Any]


class Problem(Refusal):
    """A refusal that says its ``code`` itself. ``errors`` names members of the request; ``headers`` go along, and
    ``members`` beside those of every refusal (RFC 9457 §3.2)."""

    def __init__(
        self,
        code: Code,
        reason: Reason,
        detail: str | None = None,
        *,
        errors: Errors | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason, detail)
        self.code = code
        self.status = code.status
        self.errors = errors
        self.headers = headers or {}
        self.members = members or {}


def code_of(refusal: Refusal) -> tuple[Code | None, int]:
    """The code and the status that stand for a refusal; no code is listed for some statuses of HTTP itself."""
    if isinstance(refusal, Problem):
        return refusal.code, refusal.status
    # Too often and not now are that, whatever it was about.
    if refusal.status not in {429, 503} and (code := CODE_OF_REASON.get(refusal.reason)) is not None:
        return code, code.status
    return OF_STATUS.get(refusal.status), refusal.status


def render(refusal: Refusal) -> Response:
    """What a caller of the JSON API is told; the reason stays in the log."""
    code, status = code_of(refusal)
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if code is not None:
        body["detail"] = code.detail
    body |= {"code": code.value if code else title.lower().replace(" ", "_"), "error_id": request_id()}
    errors = getattr(refusal, "errors", None)
    if errors:
        body["errors"] = errors
    body |= getattr(refusal, "members", {})
    # Errors within a list are named by their place, which is a number.
    response = Response(
        orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS), status, content_type="application/problem+json"
    )
    response.headers["Cache-Control"] = "no-store"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="oidc-server"'  # RFC 9110 §15.5.2
    response.headers.update(getattr(refusal, "headers", {}))
    return response
