"""``/auth/authorizations``: the apps that a person has given access, and taking it back."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from oidc_server.accounts.api.blueprints import apps
from oidc_server.accounts.apps import App, apps_of, withdraw_access
from oidc_server.accounts.words import claim_words, scope_words
from oidc_server.api.blueprint import ApiSchema
from oidc_server.api.codes import Code
from oidc_server.api.fields import Instant
from oidc_server.api.pagination import Cursor, PageQuery, page_of
from oidc_server.api.problems import Problem
from oidc_server.clients.metadata import CLIENT_ID
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason
from oidc_server.protocol.access_classes import current_caller, user
from oidc_server.protocol.server import current_server

_EXAMPLE = {
    "id": "orders",
    "name": "Orders",
    "logo_uri": None,
    "client_uri": "https://orders.example.com",
    "first_party": False,
    "scopes": [{"name": "email", "words": "see your email address"}],
    "claims": [],
    "granted_at": "2026-03-02T08:15:00+00:00",
    "last_used_at": "2026-03-09T17:42:10+00:00",
    "remembered": True,
}


class AppCursor(Cursor):
    """Where the page before ended, among apps."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        client_id = fields.String._deserialize(self, value, attr, data, **kwargs)
        if not CLIENT_ID.fullmatch(client_id):
            raise ValidationError("Has to be the `next` of an answer.")
        return client_id


class AppsQuery(PageQuery):
    """Which page of the apps."""

    cursor = AppCursor(load_default=None, metadata={"description": "The `next` of the page before."})


class PermittedSchema(ApiSchema):
    """A scope, or a claim that was asked for by itself."""

    name = fields.String(required=True, metadata={"description": "Its name in the protocol."})
    words = fields.String(
        required=True,
        metadata={"description": "What it lets the app do, in a language of `Accept-Language` that there is."},
    )


class AppSchema(ApiSchema):
    """An app with access."""

    id = fields.String(required=True, metadata={"description": "Its `client_id`, by which its access is taken back."})
    name = fields.String(required=True, metadata={"description": "What it is called."})
    logo_uri = fields.String(
        required=True, allow_none=True, metadata={"description": "Our copy of its logo, where there is one."}
    )
    client_uri = fields.String(required=True, allow_none=True, metadata={"description": "Its home page."})
    first_party = fields.Boolean(required=True, metadata={"description": "Whether it is one of ours."})
    scopes = fields.List(
        fields.Nested(PermittedSchema), required=True, metadata={"description": "What it may do altogether."}
    )
    claims = fields.List(
        fields.Nested(PermittedSchema), required=True,
        metadata={"description": "What it may see besides, asked for one by one (OpenID Connect Core §5.5)."},
    )  # fmt: skip
    granted_at = Instant(required=True, metadata={"description": "Since when it has access."})
    last_used_at = Instant(
        required=True, allow_none=True,
        metadata={"description": "When it got a grant or refreshed its tokens last; null: longer ago than is kept."},
    )  # fmt: skip
    remembered = fields.Boolean(
        required=True, metadata={"description": "Whether consent is remembered: it may have this again unasked."}
    )


class AppsSchema(ApiSchema):
    """A page of apps."""

    items = fields.List(fields.Nested(AppSchema), required=True, metadata={"description": "In the order of their ids."})
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


@apps.route("/auth/authorizations", methods=["GET"])
@user
@apps.arguments(AppsQuery, location="query")
@apps.response(200, AppsSchema, example={"items": [_EXAMPLE], "next": None})
def show_apps(query: dict[str, Any]) -> Any:
    """List the apps with access

    One item for each app, whatever it was granted and how often: apps that can act for the person now, and those that
    may again without asking."""
    with reading() as session:
        found = apps_of(session, current_caller().user_id)
    rest = [app for app in found if query["cursor"] is None or app.client_id > query["cursor"]]
    page = page_of(rest, query["limit"], lambda app: app.client_id, _shown)
    return page, 200, page.headers()


@apps.route("/auth/authorizations/<client_id>", methods=["DELETE"])
@user
@apps.response(204)
def withdraw(client_id: str) -> None:
    """Take an app's access back

    Every grant to the app ends with its tokens, and the consent is forgotten: the app has to ask again."""
    with transaction() as session:
        withdrawn = withdraw_access(session, user_id=current_caller().user_id, client_id=client_id)
    if not withdrawn:
        raise Problem(Code.NOT_FOUND, Reason.NOT_FOUND, "no such app")


def _shown(app: App) -> dict[str, Any]:
    return {
        "id": app.client_id,
        "name": app.name,
        "logo_uri": None if app.logo is None else current_server().settings.issuer + app.logo,
        "client_uri": app.client_uri,
        "first_party": app.first_party,
        "scopes": [{"name": name, "words": scope_words(name)} for name in app.scopes],
        "claims": [{"name": name, "words": claim_words(name)} for name in app.claims],
        "granted_at": app.granted_at,
        "last_used_at": app.last_used_at,
        "remembered": app.remembered,
    }
