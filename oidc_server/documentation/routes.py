"""`/openapi.json` for programs and `/docs` for people: both made on their first request, then served from memory."""

from __future__ import annotations

import hashlib
import re
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup, escape

from oidc_server.core.memory import Document
from oidc_server.documentation.openapi import build_document
from oidc_server.documentation.operation_paths import DOCS, OPENAPI
from oidc_server.documentation.outline import outline
from oidc_server.protocol.documents import public_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask

    from oidc_server.api.blueprint import ApiBlueprint
    from oidc_server.core.settings import Settings

EXTENSION = "oidc_server.documentation"
STYLE = "/static/documentation.css"
MAX_AGE = 300
# No script, nothing from elsewhere: the page is text and one style sheet of this server.
_PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_CODE = re.compile(r"`([^`]*)`")

documentation = Blueprint("documentation", __name__)


class Documentation:
    """The description of one application; nothing of it is made before somebody asks."""

    def __init__(self, app: Flask, issuer: str, blueprints: Sequence[ApiBlueprint]) -> None:
        self._app = app
        self._issuer = issuer
        self._blueprints = blueprints
        self._building = threading.Lock()
        self._document: Document | None = None

    def document(self) -> Document:
        """The OpenAPI document; the lock keeps two first requests from describing everything twice."""
        with self._building:
            if self._document is None:
                body = orjson.dumps(build_document(self._app, self._issuer, self._blueprints))
                self._document = Document(body, hashlib.sha256(body).hexdigest()[:32], MAX_AGE)
            return self._document

    @cached_property
    def page(self) -> bytes:
        """The page. Two first requests may both render it, to the same bytes."""
        content = outline(orjson.loads(self.document().body))
        return render_template("documentation/page.html", outline=content, prose=prose).encode()

    @cached_property
    def style(self) -> bytes:
        """The page's style sheet."""
        return (Path(self._app.root_path) / STYLE.lstrip("/")).read_bytes()


def document_of(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    found: Documentation = app.extensions[EXTENSION]
    document: dict[str, Any] = orjson.loads(found.document().body)
    return document


def prose(text: str) -> Markup:
    """Text of the document as HTML: what stands between backticks becomes code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before it is marked up


def _documentation() -> Documentation:
    found: Documentation = current_app.extensions[EXTENSION]
    return found


@documentation.get(OPENAPI)
def openapi() -> Response:
    """The OpenAPI document."""
    return public_document(request, _documentation().document())


@documentation.get(DOCS)
def page() -> Response:
    """The same document as a page."""
    response = _unless_unchanged(_documentation().page, "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@documentation.get(STYLE)
def style() -> Response:
    """The page's style sheet."""
    return _unless_unchanged(_documentation().style, "text/css; charset=utf-8")


def _unless_unchanged(body: bytes, content_type: str) -> Response:
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.add_etag()
    response.make_conditional(request)
    return response


def init_app(app: Flask, settings: Settings, blueprints: Sequence[ApiBlueprint]) -> None:
    """Serve the description; ``blueprints`` are those of the JSON API."""
    app.extensions[EXTENSION] = Documentation(app, settings.issuer, blueprints)
    app.register_blueprint(documentation)
